/* DaemonSet: one pod on every node that suits. */
#include <stdlib.h>

#include "controllers/claim.h"
#include "controllers/history.h"
#include "controllers/node/affinity.h"
#include "controllers/node/taints.h"
#include "controllers/pods.h"
#include "controllers/table.h"
#include "schema/copy.h"

#define HASH_LABEL       STR("controller-revision-hash")
#define GENERATION_LABEL STR("pod-template-generation")
#define FAILED_PAUSE     CLOCK_S /* a pod that failed is replaced no sooner after its start */

/* A pass over a daemon set. */
struct daemons {
    struct work *w;
    struct object *object;
    const struct daemon_set *ds;
    struct pod_spec spec; /* of the template, with the tolerations that daemons get */
    struct str hash;
    struct objects pods, nodes;
    struct pod **create;
    struct object **delete;
    size_t n_create, n_delete;
    struct daemon_set_status counts;
    bool surges; /* new pods come before old ones go */
    struct held {
        struct str node;
        struct object *old, *fresh; /* running pods of the node; NULL: none */
    } * held;                       /* of the nodes that are to have one */
    size_t n_held;
};

/* What a node is to have: a new pod, the one there may stay, or none. */
enum place { PLACE_RUNS, PLACE_MAY_STAY, PLACE_NOT };

/* --- where --- */

/* Daemons stay on nodes that others leave. */
static void tolerate(struct arena *a, struct pod_spec *spec)
{
    static const struct {
        struct str key, effect;
        bool host_network_only;
    } all[] = {
        {STR_INIT("node.kubernetes.io/not-ready"), STR_INIT("NoExecute"), false},
        {STR_INIT("node.kubernetes.io/unreachable"), STR_INIT("NoExecute"), false},
        {STR_INIT("node.kubernetes.io/disk-pressure"), STR_INIT("NoSchedule"), false},
        {STR_INIT("node.kubernetes.io/memory-pressure"), STR_INIT("NoSchedule"), false},
        {STR_INIT("node.kubernetes.io/pid-pressure"), STR_INIT("NoSchedule"), false},
        {STR_INIT("node.kubernetes.io/unschedulable"), STR_INIT("NoSchedule"), false},
        {STR_INIT("node.kubernetes.io/network-unavailable"), STR_INIT("NoSchedule"), true},
    };
    struct toleration *at = arena_new_n(a, struct toleration, spec->tolerations.n + ARRAY_LEN(all));
    size_t n = spec->tolerations.n;
    if (n)
        memcpy(at, spec->tolerations.at, n * sizeof *at);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (!all[i].host_network_only || spec->host_network)
            at[n++] =
                (struct toleration){.key = all[i].key, .operator= STR("Exists"), .effect = all[i].effect};
    spec->tolerations.at = at;
    spec->tolerations.n = n;
}

static bool tolerates(const struct pod_spec *spec, const struct node *n, struct str effect)
{
    for (size_t i = 0; i < n->spec.taints.n; i++) {
        const struct taint *taint = &n->spec.taints.at[i];
        bool covered = !str_eq(taint->effect, effect);
        for (size_t t = 0; t < spec->tolerations.n && !covered; t++)
            covered = toleration_covers(&spec->tolerations.at[t], taint);
        if (!covered)
            return false;
    }
    return true;
}

static enum place place_of(struct daemons *d, const struct node *n)
{
    if (!str_empty(d->spec.node_name) && !str_eq(d->spec.node_name, n->metadata.name))
        return PLACE_NOT;
    if (!affinity_suits(d->w->a, &d->spec, n) || !tolerates(&d->spec, n, TAINT_EFFECT_NO_EXECUTE))
        return PLACE_NOT;
    return tolerates(&d->spec, n, TAINT_EFFECT_NO_SCHEDULE) ? PLACE_RUNS : PLACE_MAY_STAY;
}

static bool is_of_node(const struct pod *p, struct str node)
{
    return str_eq(str_empty(p->spec.node_name) ? affinity_pinned(&p->spec) : p->spec.node_name, node);
}

/* --- which pods --- */

static void want_pod(struct daemons *d, struct str node)
{
    struct arena *a = d->w->a;
    struct pod *pod = pod_from_template(a, &d->ds->spec.template, d->object);
    pod->spec = d->spec;
    affinity_pin(a, &pod->spec, node);
    labels_set(a, &pod->metadata.labels, HASH_LABEL, d->hash);
    labels_set(a, &pod->metadata.labels, GENERATION_LABEL,
               arena_printf(a, "%lld", (long long)d->ds->metadata.generation));
    d->create[d->n_create++] = pod;
}

static void drop_finished(struct daemons *d, struct object *o, struct str node)
{
    const struct pod *p = pod_of(o);
    bool failed = str_eq(p->status.phase, POD_PHASE_FAILED);
    int64_t rest = FAILED_PAUSE - time_since(p->metadata.creation_timestamp);
    if (failed && rest > 0) {
        work_again(d->w, rest);
        return;
    }
    recorder_event(d->w->recorder, d->object, failed ? "Warning" : "Normal",
                   failed ? "FailedDaemonPod" : "SucceededDaemonPod", (struct str){0},
                   failed ? "Found failed daemon pod " STR_FMT "/" STR_FMT " on node " STR_FMT
                            ", will try to kill it"
                          : "Found succeeded daemon pod " STR_FMT "/" STR_FMT " on node " STR_FMT
                            ", will try to delete it",
                   STR_ARG(object_namespace(o)), STR_ARG(object_name(o)), STR_ARG(node));
    d->delete[d->n_delete++] = o;
}

static bool is_current(const struct daemons *d, const struct pod *p)
{
    return str_eq(labels_get(&p->metadata.labels, HASH_LABEL), d->hash);
}

/* Of several pods of a node one stays; while pods surge, an old one and a new one. True: `o` does. */
static bool hold(struct daemons *d, struct held *h, struct object *o)
{
    struct object **place = is_current(d, pod_of(o)) ? &h->fresh : &h->old;
    if (*place || (!d->surges && (h->fresh || h->old)))
        return false;
    *place = o;
    return true;
}

/* Decides about one node; *daemon is the pod that counts there, or NULL. */
static void look_at_node(struct daemons *d, const struct node *n, enum place place, const struct pod **daemon)
{
    struct str name = n->metadata.name;
    bool any = false;
    struct held h = {.node = name};
    for (size_t i = 0; i < d->pods.n; i++) {
        struct object *o = d->pods.at[i];
        const struct pod *p = pod_of(o);
        if (!is_of_node(p, name))
            continue;
        any = true;
        if (p->metadata.deletion_timestamp)
            continue;
        if (place == PLACE_NOT)
            d->delete[d->n_delete++] = o;
        else if (pod_is_terminal(p))
            drop_finished(d, o, name);
        else if (!hold(d, &h, o)) /* the list is in order of names: of two, the first stays */
            d->delete[d->n_delete++] = o;
    }
    struct object *counts = h.old ? h.old : h.fresh;
    *daemon = counts ? pod_of(counts) : NULL;
    if (place == PLACE_RUNS)
        d->held[d->n_held++] = h;
    if (place == PLACE_RUNS && !any)
        want_pod(d, name);
}

static void count(struct daemons *d, enum place place, const struct pod *daemon)
{
    struct daemon_set_status *s = &d->counts;
    if (place != PLACE_RUNS) {
        s->number_misscheduled += daemon != NULL;
        return;
    }
    s->desired_number_scheduled++;
    if (!daemon)
        return;
    s->current_number_scheduled++;
    s->number_ready += pod_is_ready(daemon);
    s->number_available += pod_is_available(daemon, d->ds->spec.min_ready_seconds);
    s->updated_number_scheduled += is_current(d, daemon);
    int64_t soon = pod_available_in(daemon, d->ds->spec.min_ready_seconds);
    if (soon > 0)
        work_again(d->w, soon);
}

/* --- rolling update --- */

/* Deletes old pods: those that are not available anyway, and of the others as many as may be missed. */
static void roll(struct daemons *d)
{
    const struct rolling_update_daemon_set *u = d->ds->spec.update_strategy.rolling_update;
    int32_t desired = d->counts.desired_number_scheduled;
    int32_t most = u ? int_or_percent(u->max_unavailable, desired, true) : 1;
    if (most < 1)
        most = 1;
    int32_t spare = most - (desired - d->counts.number_available);
    for (size_t i = 0; i < d->pods.n; i++) {
        const struct pod *p = pod_of(d->pods.at[i]);
        if (!pod_is_active(p) || is_current(d, p))
            continue;
        bool listed = false;
        for (size_t k = 0; k < d->n_delete; k++)
            listed |= d->delete[k] == d->pods.at[i];
        if (listed)
            continue;
        if (!pod_is_available(p, d->ds->spec.min_ready_seconds))
            d->delete[d->n_delete++] = d->pods.at[i];
        else if (spare-- > 0)
            d->delete[d->n_delete++] = d->pods.at[i];
    }
}

/* New pods come beside old ones, on so many nodes at a time (maxSurge, KEP-1591); at once beside those that
 * are not available anyway. The old one goes when the new one is available. */
static void surge(struct daemons *d, int32_t most)
{
    int32_t min_ready = d->ds->spec.min_ready_seconds;
    for (size_t i = 0; i < d->n_held; i++) {
        struct held *h = &d->held[i];
        if (!h->old || !h->fresh)
            continue;
        if (!pod_is_ready(pod_of(h->old)) || pod_is_available(pod_of(h->fresh), min_ready)) {
            d->delete[d->n_delete++] = h->old;
            continue;
        }
        most--;
        int64_t soon = pod_available_in(pod_of(h->fresh), min_ready);
        if (soon > 0)
            work_again(d->w, soon);
    }
    for (size_t i = 0; i < d->n_held; i++) {
        struct held *h = &d->held[i];
        if (h->old && !h->fresh && (!pod_is_available(pod_of(h->old), min_ready) || most-- > 0))
            want_pod(d, h->node);
    }
}

/* --- reconciling --- */

static int daemons_write_status(struct daemons *d)
{
    struct daemon_set *ds = object_copy(d->object, d->w->a);
    const struct daemon_set_status before = ds->status;
    ds->status = d->counts;
    ds->status.observed_generation = ds->metadata.generation;
    ds->status.number_unavailable = d->counts.desired_number_scheduled - d->counts.number_available;
    ds->status.collision_count = before.collision_count;
    ds->status.conditions = before.conditions;
    if (struct_eq(&daemon_set_status_type, &ds->status, &before))
        return 0;
    return client_update(d->w->client, &daemon_set_resource, STR("status"), ds, NULL, d->w->err);
}

static int daemons_manage(struct daemons *d)
{
    struct arena *a = d->w->a;
    d->create = arena_new_n(a, struct pod *, d->nodes.n);
    d->delete = arena_new_n(a, struct object *, d->pods.n);
    d->held = arena_new_n(a, struct held, d->nodes.n);
    const struct daemon_set_update_strategy *u = &d->ds->spec.update_strategy;
    bool rolls = str_is(u->type, "RollingUpdate");
    /* Even of no nodes at all, a percentage is not nothing. */
    d->surges = rolls && u->rolling_update && u->rolling_update->max_surge &&
                int_or_percent(u->rolling_update->max_surge, 100, true) > 0;
    for (size_t i = 0; i < d->nodes.n; i++) {
        const struct node *n = object_typed(d->nodes.at[i]);
        enum place place = place_of(d, n);
        const struct pod *daemon;
        look_at_node(d, n, place, &daemon);
        count(d, place, daemon);
    }
    if (d->ds->metadata.deletion_timestamp)
        return 0;
    if (d->surges)
        surge(d, int_or_percent(u->rolling_update->max_surge, d->counts.desired_number_scheduled, true));
    else if (rolls)
        roll(d);
    struct err *err = d->w->err;
    size_t failed = d->n_delete ? pods_delete(d->w, d->object, d->delete, d->n_delete, err) : 0;
    for (size_t made = 0, batch = 1; !failed && made < d->n_create; batch *= 2) {
        size_t n = batch < d->n_create - made ? batch : d->n_create - made;
        failed = pods_create(d->w, d->object, d->create + made, n, err);
        made += n;
    }
    return failed ? -1 : 0;
}

static int clean_up_history(struct daemons *d, const struct history *h)
{
    struct str_vec live = {arena_new_n(d->w->a, struct str, d->pods.n), 0};
    for (size_t i = 0; i < d->pods.n; i++)
        live.at[live.n++] =
            arena_printf(d->w->a, STR_FMT "-" STR_FMT, STR_ARG(d->w->name),
                         STR_ARG(labels_get(&object_meta(d->pods.at[i])->labels, HASH_LABEL)));
    return d->ds->spec.revision_history_limit
               ? history_clean_up(d->w, h, *d->ds->spec.revision_history_limit, &live)
               : 0;
}

static int daemons_run(struct daemons *d, const struct selector *selector)
{
    struct work *w = d->w;
    _cleanup_history_ struct history h = {0};
    if (claim_dependents(w, d->object, selector, informer_of(w, pod), &d->pods) < 0 ||
        history_sync(w, d->object, selector, &d->ds->spec.template, HASH_LABEL, &h) < 0)
        return -1;
    d->hash = h.hash;
    d->spec = d->ds->spec.template.spec;
    tolerate(w->a, &d->spec);
    informer_list(informer_of(w, node), (struct str){0}, &d->nodes);
    int failed = daemons_manage(d);
    _cleanup_err_ struct err why = {0};
    if (failed)
        err_move(&why, w->err);
    if (daemons_write_status(d) < 0)
        return -1;
    if (failed) {
        err_move(w->err, &why);
        return -1;
    }
    return clean_up_history(d, &h);
}

static int daemon_set_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, daemon_set), w->ns, w->name);
    if (!o)
        return 0;
    struct daemons d = {.w = w, .object = o, .ds = object_typed(o)};
    struct selector selector;
    if (selector_from(w->a, d.ds->spec.selector, &selector, w->err) < 0)
        return -1;
    if (selector_empty(&selector)) {
        recorder_event(w->recorder, o, "Warning", "SelectingAll", (struct str){0},
                       "This daemon set is selecting all pods. A non-empty selector is required.");
        return 0;
    }
    int failed = daemons_run(&d, &selector);
    objects_clear(&d.pods);
    objects_clear(&d.nodes);
    return failed;
}

static void on_pod(struct controller *k, struct object *before, struct object *after)
{
    controller_on_owned(k, before, after);
    if (after && !meta_controller(object_meta(after)) && !object_meta(after)->deletion_timestamp)
        controller_on_orphan(k, after);
}

/* A node that came, went, or changed in what decides about daemons. */
static void on_node(struct controller *k, struct object *before, struct object *after)
{
    const struct node *x = before ? object_typed(before) : NULL, *y = after ? object_typed(after) : NULL;
    if (x && y && labels_eq(&x->metadata.labels, &y->metadata.labels) &&
        struct_eq(&node_spec_type, &x->spec, &y->spec))
        return;
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(k, daemon_set), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++)
        controller_on_self(k, NULL, all.at[i]);
}

const struct controller_def daemon_set_controller = {
    .name = "daemonset",
    .component = "daemonset-controller",
    .account = "daemon-set-controller",
    .kind = &daemon_set_resource,
    .workers = 2,
    .reconcile = daemon_set_reconcile,
    .watches = {{&daemon_set_resource, controller_on_self},
                {&pod_resource, on_pod},
                {&node_resource, on_node},
                {&controller_revision_resource, controller_on_owned}},
};
