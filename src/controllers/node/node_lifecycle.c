/* Nodes that fall silent: their conditions become Unknown, taints keep pods away and drive them off, and
 * their pods count as not ready. A node is heard when its lease or the heartbeat of its Ready condition
 * changes; how long ago is measured by our own clock only. */
#include <stdlib.h>

#include "base/map.h"
#include "base/thread.h"
#include "controllers/node/taints.h"
#include "controllers/pods.h"
#include "controllers/table.h"
#include "kinds/coordination_v1.h"

#define LEASES          STR("kube-node-lease")
#define GRACE           (50 * CLOCK_S)
#define STARTUP_GRACE   (60 * CLOCK_S) /* of a node that has never said anything */
#define EVICTION_PERIOD (10 * CLOCK_S) /* nodes are given up one by one */

/* What is remembered of a node. */
struct heard {
    char *name;
    struct time heartbeat, renewed; /* as last read */
    int64_t at;                     /* clock_mono() when one of them last changed */
    bool ready;
};

struct hearing {
    pthread_mutex_t mutex; /* guards all below */
    struct map nodes;      /* name to struct heard */
    int64_t next_eviction; /* clock_mono() */
};

static struct heard *heard_of(struct hearing *l, struct str name, bool *fresh)
{
    struct heard *h = map_get(&l->nodes, name);
    *fresh = !h;
    if (h)
        return h;
    h = mem_zalloc(sizeof *h);
    h->name = str_dup_c(name);
    h->at = clock_mono();
    map_put(&l->nodes, str_from(h->name), h);
    return h;
}

static void heard_free(struct heard *h)
{
    if (!h)
        return;
    free(h->name);
    free(h);
}

static void node_event(struct work *w, struct object *node, const char *reason, const char *fmt)
{
    recorder_event(w->recorder, node, "Normal", reason, (struct str){0}, fmt, STR_ARG(w->name),
                   STR_ARG(w->name));
}

/* --- hearing --- */

/* Notes what is new; returns how long the node has been silent. */
static int64_t listen(struct work *w, struct object *o, bool *fresh, bool *was_ready)
{
    struct hearing *l = w->controller->state;
    const struct node *node = object_typed(o);
    _cleanup_object_ struct object *lo = informer_get(informer_of(w, lease), LEASES, w->name);
    const struct lease *lease = lo ? object_typed(lo) : NULL;
    const struct node_condition *c =
        condition_find(&node_condition_type, &node->status.conditions, NODE_CONDITION_TYPE_READY);
    struct time heartbeat = c ? c->last_heartbeat_time : (struct time){0};
    struct time renewed = lease && lease->spec.renew_time ? *lease->spec.renew_time : (struct time){0};

    _lock_(&l->mutex);
    struct heard *h = heard_of(l, w->name, fresh);
    *was_ready = h->ready;
    /* Our own writing of Unknown leaves the heartbeat as it is, so it is not taken for the node's voice. */
    if (time_cmp(h->heartbeat, heartbeat) != 0 || time_cmp(h->renewed, renewed) != 0)
        h->at = clock_mono();
    h->heartbeat = heartbeat;
    h->renewed = renewed;
    h->ready = node_is_ready(node);
    return clock_mono() - h->at;
}

static int64_t grace_of(struct work *w, const struct node *node)
{
    int64_t grace = w->options->node_grace_ns ? w->options->node_grace_ns : GRACE;
    if (condition_find(&node_condition_type, &node->status.conditions, NODE_CONDITION_TYPE_READY) ||
        grace > STARTUP_GRACE)
        return grace;
    return w->options->node_grace_ns ? grace : STARTUP_GRACE;
}

/* --- conditions --- */

static bool condition_unknown(struct work *w, struct node *node, struct str type)
{
    const struct node_condition *c = condition_find(&node_condition_type, &node->status.conditions, type);
    if (c && str_eq(c->status, CONDITION_STATUS_UNKNOWN))
        return false;
    struct time heartbeat = c ? c->last_heartbeat_time : node->metadata.creation_timestamp;
    condition_set(w->a, &node_condition_type, &node->status.conditions, CONDITION_ANY_CHANGE, type,
                  CONDITION_STATUS_UNKNOWN, c ? STR("NodeStatusUnknown") : STR("NodeStatusNeverUpdated"),
                  c ? STR("Kubelet stopped posting node status.") : STR("Kubelet never posted node status."));
    struct node_condition *now = condition_find(&node_condition_type, &node->status.conditions, type);
    now->last_heartbeat_time = heartbeat;
    return true;
}

static int mark_unknown(struct work *w, struct object **o)
{
    struct node *node = object_copy(*o, w->a);
    bool changed = condition_unknown(w, node, NODE_CONDITION_TYPE_READY);
    changed |= condition_unknown(w, node, NODE_CONDITION_TYPE_MEMORY_PRESSURE);
    changed |= condition_unknown(w, node, NODE_CONDITION_TYPE_DISK_PRESSURE);
    changed |= condition_unknown(w, node, NODE_CONDITION_TYPE_PID_PRESSURE);
    if (!changed)
        return 0;
    struct object *written = NULL;
    if (client_update(w->client, &node_resource, STR("status"), node, &written, w->err) < 0)
        return -1;
    object_unref(*o);
    *o = written;
    return 0;
}

/* --- taints --- */

/* Which condition, in which state, is which taint. */
static const struct {
    struct str condition, status, taint;
} condition_taints[] = {
    {STR_INIT("Ready"), STR_INIT("False"), STR_INIT("node.kubernetes.io/not-ready")},
    {STR_INIT("Ready"), STR_INIT("Unknown"), STR_INIT("node.kubernetes.io/unreachable")},
    {STR_INIT("MemoryPressure"), STR_INIT("True"), STR_INIT("node.kubernetes.io/memory-pressure")},
    {STR_INIT("DiskPressure"), STR_INIT("True"), STR_INIT("node.kubernetes.io/disk-pressure")},
    {STR_INIT("NetworkUnavailable"), STR_INIT("True"), STR_INIT("node.kubernetes.io/network-unavailable")},
    {STR_INIT("PIDPressure"), STR_INIT("True"), STR_INIT("node.kubernetes.io/pid-pressure")},
};

/* When not a single node is ready it is more likely we who cannot hear: nobody's pods are driven off then. */
static bool all_silent(struct work *w)
{
    _cleanup_objects_ struct objects nodes = {0};
    informer_list(informer_of(w, node), (struct str){0}, &nodes);
    for (size_t i = 0; i < nodes.n; i++)
        if (node_is_ready(object_typed(nodes.at[i])))
            return false;
    return true;
}

/* Whether another node may be given up now; else asks to be called when it may. */
static bool may_evict(struct work *w)
{
    struct hearing *l = w->controller->state;
    _lock_(&l->mutex);
    int64_t now = clock_mono();
    if (now < l->next_eviction) {
        work_again(w, l->next_eviction - now);
        return false;
    }
    l->next_eviction = now + EVICTION_PERIOD;
    return true;
}

static bool taints_no_schedule(struct work *w, const struct node *node, struct taint_vec *taints)
{
    bool changed = taint_set(w->a, taints, STR("node.kubernetes.io/unschedulable"), TAINT_EFFECT_NO_SCHEDULE,
                             node->spec.unschedulable);
    for (size_t i = 0; i < ARRAY_LEN(condition_taints); i++) {
        const struct node_condition *c =
            condition_find(&node_condition_type, &node->status.conditions, condition_taints[i].condition);
        changed |= taint_set(w->a, taints, condition_taints[i].taint, TAINT_EFFECT_NO_SCHEDULE,
                             c && str_eq(c->status, condition_taints[i].status));
    }
    return changed;
}

static bool taints_no_execute(struct work *w, const struct node *node, struct taint_vec *taints)
{
    const struct node_condition *c =
        condition_find(&node_condition_type, &node->status.conditions, NODE_CONDITION_TYPE_READY);
    bool not_ready = c && str_eq(c->status, CONDITION_STATUS_FALSE);
    bool unreachable = c && str_eq(c->status, CONDITION_STATUS_UNKNOWN);
    if ((not_ready || unreachable) && all_silent(w))
        not_ready = unreachable = false;
    bool given_up = taint_has(taints, TAINT_NOT_READY, TAINT_EFFECT_NO_EXECUTE) ||
                    taint_has(taints, TAINT_UNREACHABLE, TAINT_EFFECT_NO_EXECUTE);
    if ((not_ready || unreachable) && !given_up && !may_evict(w))
        return false;
    bool changed = taint_set(w->a, taints, TAINT_NOT_READY, TAINT_EFFECT_NO_EXECUTE, not_ready);
    return taint_set(w->a, taints, TAINT_UNREACHABLE, TAINT_EFFECT_NO_EXECUTE, unreachable) || changed;
}

static int sync_taints(struct work *w, struct object *o)
{
    struct node *node = object_copy(o, w->a);
    bool changed = taints_no_schedule(w, node, &node->spec.taints);
    changed |= taints_no_execute(w, node, &node->spec.taints);
    return changed ? client_update(w->client, &node_resource, (struct str){0}, node, NULL, w->err) : 0;
}

/* --- its pods --- */

static int mark_pod(struct work *w, struct object *o)
{
    struct pod *pod = object_copy(o, w->a);
    struct pod_condition *c = condition_find(&pod_condition_type, &pod->status.conditions, STR("Ready"));
    c->status = CONDITION_STATUS_FALSE;
    c->last_transition_time = time_now();
    if (client_update(w->client, &pod_resource, STR("status"), pod, NULL, w->err) < 0)
        return work_forgive(w, -1, ERR_NOT_FOUND);
    recorder_event(w->recorder, o, "Warning", "NodeNotReady", (struct str){0}, "Node is not ready");
    return 0;
}

static int mark_pods(struct work *w)
{
    _cleanup_objects_ struct objects pods = {0};
    informer_list(informer_of(w, pod), (struct str){0}, &pods);
    for (size_t i = 0; i < pods.n; i++)
        if (str_eq(pod_of(pods.at[i])->spec.node_name, w->name) && pod_is_ready(pod_of(pods.at[i])) &&
            mark_pod(w, pods.at[i]) < 0)
            return -1;
    return 0;
}

/* --- reconciling --- */

static void forget(struct work *w)
{
    struct hearing *l = w->controller->state;
    _lock_(&l->mutex);
    heard_free(map_del(&l->nodes, w->name));
}

static int node_lifecycle_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, node), (struct str){0}, w->name);
    if (!o) {
        forget(w);
        return 0;
    }
    bool fresh, was_ready;
    int64_t silent = listen(w, o, &fresh, &was_ready), grace = grace_of(w, object_typed(o));
    if (fresh)
        node_event(w, o, "RegisteredNode",
                   "Node " STR_FMT " event: Registered Node " STR_FMT " in Controller");
    if (silent < grace)
        work_again(w, grace - silent);
    else if (mark_unknown(w, &o) < 0)
        return -1;
    bool ready = node_is_ready(object_typed(o));
    if (was_ready && !ready)
        recorder_event(w->recorder, o, "Normal", "NodeNotReady", (struct str){0},
                       "Node " STR_FMT " status is now: NodeNotReady", STR_ARG(w->name));
    if (sync_taints(w, o) < 0)
        return -1;
    return ready ? 0 : mark_pods(w);
}

static int node_lifecycle_start(struct controller *k, struct err *err)
{
    (void)err;
    struct hearing *l = mem_zalloc(sizeof *l);
    pthread_mutex_init(&l->mutex, NULL);
    k->state = l;
    return 0;
}

static void node_lifecycle_stop(struct controller *k)
{
    struct hearing *l = k->state;
    map_each (&l->nodes, slot)
        heard_free(slot->value);
    map_free(&l->nodes);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

/* When a node comes or goes, or turns ready or not, that can change what all_silent says of the others. */
static void on_node(struct controller *k, struct object *before, struct object *after)
{
    controller_on_self(k, before, after);
    if (!after)
        recorder_event(k->recorder, before, "Normal", "RemovingNode", (struct str){0},
                       "Node " STR_FMT " event: Removing Node " STR_FMT " from Controller",
                       STR_ARG(object_name(before)), STR_ARG(object_name(before)));
    bool was = before && node_is_ready(object_typed(before)),
         is = after && node_is_ready(object_typed(after));
    if (was == is)
        return;
    _cleanup_objects_ struct objects nodes = {0};
    informer_list(informer_of(k, node), (struct str){0}, &nodes);
    for (size_t i = 0; i < nodes.n; i++)
        if (!node_is_ready(object_typed(nodes.at[i])))
            controller_on_self(k, NULL, nodes.at[i]);
}

static void on_lease(struct controller *k, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    if (str_eq(object_namespace(o), LEASES))
        controller_add(k, (struct str){0}, object_name(o));
}

const struct controller_def node_lifecycle_controller = {
    .name = "node-lifecycle",
    .component = "node-controller",
    .account = "node-controller",
    .kind = &node_resource,
    .workers = 2,
    .reconcile = node_lifecycle_reconcile,
    .start = node_lifecycle_start,
    .stop = node_lifecycle_stop,
    .watches = {{&node_resource, on_node}, {&lease_resource, on_lease}, {&pod_resource, NULL}},
};
