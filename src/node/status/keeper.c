#define LOG_PART "node"
#include "node/status/keeper.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "kinds/coordination_v1.h"
#include "node/status/status.h"
#include "schema/timestamp.h"

enum { LEASE_DURATION_S = 40, LEASE_RENEW_S = 10, STATUS_WRITE_S = 300, REGISTER_TRIES = 10 };

struct node_status_keeper {
    struct node_agent *node;
    pthread_t thread;
    struct latch wake;
    bool stopping;      /* atomic */
    int64_t written_ns; /* clock_mono: when the status was last written */
    struct str uid;     /* of the Node */
    struct arena arena;
};

static int create_node(struct node_agent *n, struct arena *a, struct object **out, struct err *err)
{
    struct node node = {.metadata = {.name = n->name, .labels = node_labels(n, a)}};
    if (n->options.pod_cidrs.n) {
        node.spec.pod_cidr = n->options.pod_cidrs.at[0];
        node.spec.pod_cidrs = n->options.pod_cidrs;
    }
    node_status_make(n, NULL, a, &node.status);
    return client_create(n->client, &node_resource, STR(""), &node, out, err);
}

/* A node that comes back has its labels brought up to date, whatever others have added. */
static int update_labels(struct node_agent *n, struct object **o, struct arena *a, struct err *err)
{
    struct node *node = object_copy(*o, a);
    struct str_map want = node_labels(n, a), *have = &node->metadata.labels;
    bool changed = false;
    struct str_map all = {arena_new_n(a, struct str_entry, want.n + have->n), 0};
    for (size_t i = 0; i < have->n; i++)
        all.at[all.n++] = have->at[i];
    for (size_t i = 0; i < want.n; i++) {
        size_t k = 0;
        while (k < all.n && !str_eq(all.at[k].key, want.at[i].key))
            k++;
        changed |= k == all.n || !str_eq(all.at[k].value, want.at[i].value);
        all.at[k] = want.at[i];
        all.n += k == all.n;
    }
    if (!changed)
        return 0;
    qsort(all.at, all.n, sizeof *all.at, str_qsort);
    *have = all;
    struct object *next = NULL;
    if (client_update(n->client, &node_resource, STR(""), node, &next, err) < 0)
        return -1;
    object_unref(*o);
    *o = next;
    return 0;
}

static int write_status(struct node_status_keeper *k, struct object *o, bool always, struct arena *a,
                        struct err *err)
{
    struct node_agent *n = k->node;
    const struct node *now = object_typed(o);
    struct node next = *now;
    node_status_make(n, now, a, &next.status);
    if (!always && !node_status_differs(&next.status, &now->status, a))
        return 0;
    if (client_update(n->client, &node_resource, STR("status"), &next, NULL, err) < 0)
        return -1;
    k->written_ns = clock_mono();
    return 0;
}

/* One try; a conflict means that a controller was faster (it gives the node its addresses). */
static int register_once(struct node_status_keeper *k, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err own = {0};
    _cleanup_object_ struct object *o = NULL;
    struct node_agent *n = k->node;
    if (create_node(n, &a, &o, &own) < 0) {
        if (own.reason != ERR_ALREADY_EXISTS) {
            err_move(err, &own);
            return -1;
        }
        if (client_get(n->client, &node_resource, STR(""), n->name, &o, err) < 0 ||
            update_labels(n, &o, &a, err) < 0)
            return -1;
    }
    k->uid = arena_str(&k->arena, object_meta(o)->uid);
    return write_status(k, o, true, &a, err);
}

static int register_node(struct node_status_keeper *k, struct err *err)
{
    for (int left = REGISTER_TRIES;; left--) {
        _cleanup_err_ struct err own = {0};
        if (register_once(k, &own) == 0)
            return 0;
        if (own.reason == ERR_CONFLICT && left > 1)
            continue;
        err_move(err, &own);
        return -1;
    }
}

static int renew_lease(struct node_status_keeper *k, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_object_ struct object *o = NULL;
    struct node_agent *n = k->node;
    struct str ns = STR("kube-node-lease");
    _cleanup_err_ struct err own = {0};
    struct time now = time_now_micro();
    int32_t duration = LEASE_DURATION_S;
    if (client_get(n->client, &lease_resource, ns, n->name, &o, &own) == 0) {
        struct lease *l = object_copy(o, &a);
        l->spec.renew_time = &now;
        l->spec.holder_identity = &n->name;
        l->spec.lease_duration_seconds = &duration;
        return client_update(n->client, &lease_resource, STR(""), l, NULL, err);
    }
    if (own.reason != ERR_NOT_FOUND) {
        err_move(err, &own);
        return -1;
    }
    struct owner_reference owner = {
        .api_version = STR("v1"), .kind = STR("Node"), .name = n->name, .uid = k->uid};
    struct lease l = {
        .metadata = {.name = n->name, .namespace = ns, .owner_references = {&owner, 1}},
        .spec = {.holder_identity = &n->name, .lease_duration_seconds = &duration, .renew_time = &now}};
    return client_create(n->client, &lease_resource, ns, &l, NULL, err);
}

static void look(struct node_status_keeper *k)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_object_ struct object *o = informer_get(k->node->node_informer, STR(""), k->node->name);
    if (renew_lease(k, &err) < 0)
        log_warn("failed to renew the node's lease: " STR_FMT, STR_ARG(err.message));
    bool due = clock_mono() - k->written_ns > STATUS_WRITE_S * CLOCK_S;
    if (!o) { /* somebody has deleted it */
        if (informer_synced(k->node->node_informer, 0) && register_node(k, &err) < 0)
            log_warn("failed to register the node: " STR_FMT, STR_ARG(err.message));
    } else if (write_status(k, o, due, &a, &err) < 0 && err.reason != ERR_CONFLICT) {
        log_warn("failed to write the node's status: " STR_FMT, STR_ARG(err.message));
    }
}

static void keeper_main(void *arg)
{
    struct node_status_keeper *k = arg;
    while (!__atomic_load_n(&k->stopping, __ATOMIC_ACQUIRE)) {
        look(k);
        latch_wait(&k->wake, clock_mono() + LEASE_RENEW_S * CLOCK_S);
        latch_reset(&k->wake);
    }
}

/* The node has got its addresses, or was changed or deleted by somebody. */
static void keeper_on_node(void *arg, struct object *before, struct object *after)
{
    struct node_status_keeper *k = arg;
    struct str had = before ? ((const struct node *)object_typed(before))->spec.pod_cidr : STR("");
    struct str has = after ? ((const struct node *)object_typed(after))->spec.pod_cidr : STR("");
    if (!after || !str_eq(had, has))
        latch_set(&k->wake);
}

int keeper_start(struct node_agent *n, struct node_status_keeper **out, struct err *err)
{
    struct node_status_keeper *k = mem_zalloc(sizeof *k);
    k->node = n;
    latch_init(&k->wake);
    if (register_node(k, err) < 0) {
        latch_destroy(&k->wake);
        arena_free(&k->arena);
        free(k);
        return err_wrap(err, "register the node");
    }
    informer_handle(n->node_informer, keeper_on_node, k);
    k->thread = thread_start("node-status", keeper_main, k);
    *out = k;
    return 0;
}

void keeper_stop(struct node_status_keeper *k)
{
    if (!k)
        return;
    informer_unhandle(k->node->node_informer, keeper_on_node, k);
    __atomic_store_n(&k->stopping, true, __ATOMIC_RELEASE);
    latch_set(&k->wake);
    thread_join(k->thread);
    latch_destroy(&k->wake);
    arena_free(&k->arena);
    free(k);
}
