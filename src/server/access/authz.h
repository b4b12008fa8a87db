/* Authorization: may this user do this? Asks membership in system:masters, and then the authorizers in the
 * order that is configured (Node and RBAC unless said otherwise); the first that says yes or no decides. Any
 * thread. */
#pragma once
#include "kinds/apiserver_v1.h"
#include "server/access/rbac.h"
#include "server/waiter.h"

struct authz;

enum authz_decision {
    AUTHZ_NO_OPINION,
    AUTHZ_ALLOW,
    AUTHZ_DENY,
    AUTHZ_WAIT, /* someone is being asked: ask again once woken */
};

struct authz_options {
    struct store *store;
    const struct authorization_configuration *config; /* NULL: Node, RBAC. It outlives this */
    struct str abac_policies;                         /* of the authorizer ABAC; only while starting */
};

int authz_new(const struct authz_options *o, struct authz **out, struct err *err);
void authz_free(struct authz *z); /* waiters are woken; NULL is fine */

/* `reason` (may be NULL) says why, as SubjectAccessReview shows it. Without `w` the answer is never
 * AUTHZ_WAIT: who would have to be asked has no opinion. */
enum authz_decision authz_decide(struct authz *z, const struct attributes *a, struct buf *reason,
                                 struct waiter *w);
/* 0: allowed. -1: not, with upstream's Forbidden error. 1: `w` is woken when it can be told. */
int authz_check(struct authz *z, const struct attributes *a, struct waiter *w, struct err *err);
/* As yes or no, at once. */
bool authz_allows(struct authz *z, const struct attributes *a);
struct rbac *authz_rbac(struct authz *z);

/* An api_hooks guard: whether a write of a role or binding gives away only what its writer has (upstream:
 * rbac's policybased storage). */
int authz_guard_escalation(struct authz *z, const struct api_request *r, struct object *before,
                           const void *typed, struct err *err);

bool user_in_group(const struct user *u, struct str group);
