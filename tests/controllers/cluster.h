/* A cluster for tests of controllers: the real API over a store in memory, all controllers, and no node;
 * where a test wants one, a kubelet of a few lines plays it. Tests write objects as JSON (with ' for "), and
 * wait until fields have become what they should: each wait ends with the change that brings it, or fails
 * after some seconds. */
#pragma once
#include "api/api.h"
#include "client/informer.h"
#include "controllers/controllers.h"
#include "test.h"

#include "kinds/apps_v1.h"
#include "kinds/batch_v1.h"
#include "kinds/coordination_v1.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"
#include "kinds/policy_v1.h"

struct cluster;

/* For cmocka_unit_test_setup_teardown; *state is the cluster. */
int cluster_setup(void **state);
int cluster_teardown(void **state);
#define cluster_test(f) cmocka_unit_test_setup_teardown(f, cluster_setup, cluster_teardown)
/* The same, where each service account gets a Secret with a token. */
int cluster_setup_legacy(void **state);
#define legacy_test(f) cmocka_unit_test_setup_teardown(f, cluster_setup_legacy, cluster_teardown)
/* The same, with nodes that are given up after 300 ms of silence. */
int cluster_setup_impatient(void **state);
#define impatient_test(f) cmocka_unit_test_setup_teardown(f, cluster_setup_impatient, cluster_teardown)

struct client *cluster_client(struct cluster *c);

/* Creates what the JSON says, in namespace default unless it says another. */
void create(struct cluster *c, const char *json, ...) _printf_(2, 3);
/* Merge-patches an object, or a subresource of it ("" or "status"). */
void patch(struct cluster *c, const struct resource *r, const char *name, const char *sub, const char *json,
           ...) _printf_(5, 6);
void erase(struct cluster *c, const struct resource *r, const char *name, enum propagation how);

/* A field of an object, as compact JSON, or "" when it or the object is not there. The path is dotted;
 * [key=value] finds an item of a list and [n] the n-th: "status.conditions[type=Available].status". A name
 * without slash is in namespace default; "ns/name" is elsewhere; "/name" in none. Lives as long as the
 * cluster. */
struct str field(struct cluster *c, const struct resource *r, const char *name, const char *path);
/* The name of the n-th object whose metadata.name begins so, by key; "" when there are not as many. */
const char *name_of(struct cluster *c, const struct resource *r, const char *prefix, int n);
int count(struct cluster *c, const struct resource *r, const char *prefix);

/* Evaluates the condition after every change, until it holds; fails the test when that takes too long. */
#define eventually(cond)                                                                                     \
    do {                                                                                                     \
        int64_t deadline_ = cluster_deadline();                                                              \
        while (!(cond))                                                                                      \
            if (!cluster_wait_change(c, deadline_))                                                          \
                fail_msg("never came true: %s", #cond);                                                      \
    } while (0)
/* The field becomes just this. */
#define becomes(r, name, path, expected)                                                                     \
    do {                                                                                                     \
        int64_t deadline_ = cluster_deadline();                                                              \
        const char *name_ = (name);                                                                          \
        while (!str_is(field(c, (r), name_, (path)), (expected)))                                            \
            if (!cluster_wait_change(c, deadline_)) {                                                        \
                struct str is_ = field(c, (r), name_, (path));                                               \
                fail_msg("%s of %s is " STR_FMT ", expected %s", (path), name_, STR_ARG(is_), (expected));   \
            }                                                                                                \
    } while (0)
/* Another object of that name comes in place of the one with this uid. */
#define comes_anew(r, name, uid)                                                                             \
    do {                                                                                                     \
        struct str now_;                                                                                     \
        eventually((now_ = field(c, (r), (name), "metadata.uid")).n && !str_eq(now_, (uid)));                \
    } while (0)
/* An event about an object of this name comes, whose message matches the pattern (fnmatch). */
#define event_comes(about, reason, pattern)                                                                  \
    do {                                                                                                     \
        int64_t deadline_ = cluster_deadline();                                                              \
        while (!cluster_has_event(c, (about), (reason), (pattern)))                                          \
            if (!cluster_wait_change(c, deadline_))                                                          \
                fail_msg("no event %s about %s: %s", (reason), (about), (pattern));                          \
    } while (0)
int64_t cluster_deadline(void);
bool cluster_wait_change(struct cluster *c, int64_t deadline);
bool cluster_has_event(struct cluster *c, const char *about, const char *reason, const char *pattern);
/* Lets everything that is under way come to rest: nothing has changed for a while. For what must not happen.
 */
void cluster_rest(struct cluster *c);

/* A node, Ready, and from now on a kubelet and a scheduler that bind all pods to it, run them at once (Ready,
 * with an address; those with a label "ill" never become ready), and end those that are deleted. */
void cluster_run_node(struct cluster *c, const char *name);
/* A pod's status as a kubelet writes it: phase, and whether it is ready. */
void pod_becomes(struct cluster *c, const char *name, const char *phase, bool ready);
