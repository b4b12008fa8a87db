/* ReplicaSet and ReplicationController: as many pods as asked for. Both kinds are seen as a `struct
 * replicas`, since they differ only in how their selector is written.
 *
 * Upstream counts the creations and deletions that it expects to see before it trusts its cache; here the
 * informers show what this client has written (client/informer.h), which comes to the same. */
#include "controllers/table.h"

#include "controllers/claim.h"
#include "controllers/pods.h"
#include "kinds/apps_v1.h"
#include "schema/copy.h"

enum { BURST_MAX = 500 }; /* pods made or deleted in one go */

struct replicas {
    struct object *object;
    const struct object_meta *meta;
    int32_t wanted, min_ready_s;
    struct selector selector;
    const struct pod_template_spec *template;
};

static int replicas_from(struct work *w, struct object *o, struct replicas *out)
{
    *out = (struct replicas){.object = o, .meta = object_meta(o)};
    if (object_resource(o) == &replica_set_resource) {
        const struct replica_set *rs = object_typed(o);
        out->wanted = rs->spec.replicas ? *rs->spec.replicas : 1;
        out->min_ready_s = rs->spec.min_ready_seconds;
        out->template = &rs->spec.template;
        return selector_from(w->a, rs->spec.selector, &out->selector, w->err);
    }
    const struct replication_controller *rc = object_typed(o);
    out->wanted = rc->spec.replicas ? *rc->spec.replicas : 1;
    out->min_ready_s = rc->spec.min_ready_seconds;
    out->template = rc->spec.template;
    selector_from_map(w->a, &rc->spec.selector, &out->selector);
    return 0;
}

/* --- making and deleting pods --- */

/* In batches that double from one, so that a quota that refuses every pod is asked a few times, not hundreds.
 */
static int replicas_grow(struct work *w, struct replicas *r, size_t missing)
{
    struct pod **pods = arena_new_n(w->a, struct pod *, missing);
    for (size_t i = 0; i < missing; i++)
        pods[i] = pod_from_template(w->a, r->template, r->object);
    for (size_t batch = 1, made = 0; made < missing; batch *= 2) {
        size_t n = batch < missing - made ? batch : missing - made;
        if (pods_create(w, r->object, pods + made, n, w->err))
            return -1;
        made += n;
    }
    return 0;
}

/* The pods of everything that this one's own controller controls (all replica sets of a deployment); else its
 * own. */
static void replicas_related(struct work *w, struct replicas *r, const struct objects *own,
                             struct objects *out)
{
    const struct owner_reference *above = meta_controller(r->meta);
    size_t before = out->n;
    if (above) {
        _cleanup_objects_ struct objects siblings = {0};
        informer_list_owned(client_informer(w->client, object_resource(r->object), NULL), above->uid,
                            &siblings);
        for (size_t i = 0; i < siblings.n; i++)
            informer_list_owned(informer_of(w, pod), object_meta(siblings.at[i])->uid, out);
    }
    if (out->n > before)
        return;
    out->at = mem_alloc((own->n + 1) * sizeof *out->at);
    for (; out->n < own->n; out->n++)
        out->at[out->n] = object_ref(own->at[out->n]);
}

static int replicas_shrink(struct work *w, struct replicas *r, struct objects *active, int32_t surplus)
{
    if ((size_t)surplus < active->n) {
        _cleanup_objects_ struct objects related = {0};
        replicas_related(w, r, active, &related);
        pods_sort_for_deletion(active, &related);
    }
    size_t n = (size_t)surplus < active->n ? (size_t)surplus : active->n;
    return pods_delete(w, r->object, active->at, n, w->err) ? -1 : 0;
}

/* The next change; *difference is how many pods are too many (negative: missing). */
static int replicas_manage(struct work *w, struct replicas *r, struct objects *active, int32_t *difference)
{
    *difference = (int32_t)active->n - r->wanted;
    if (r->meta->deletion_timestamp || *difference == 0)
        return 0;
    if (*difference < 0)
        return replicas_grow(w, r, (size_t)(*difference < -BURST_MAX ? BURST_MAX : -*difference));
    return replicas_shrink(w, r, active, *difference > BURST_MAX ? BURST_MAX : *difference);
}

/* --- status --- */

struct counts {
    int32_t replicas, fully_labeled, ready, available, terminating;
};

static bool labels_include(const struct str_map *labels, const struct str_map *wanted)
{
    for (size_t i = 0; i < wanted->n; i++)
        if (!labels_has(labels, wanted->at[i].key) ||
            !str_eq(labels_get(labels, wanted->at[i].key), wanted->at[i].value))
            return false;
    return true;
}

static struct counts replicas_count(struct work *w, struct replicas *r, const struct objects *active,
                                    int32_t terminating)
{
    struct counts c = {.replicas = (int32_t)active->n, .terminating = terminating};
    for (size_t i = 0; i < active->n; i++) {
        const struct pod *p = pod_of(active->at[i]);
        c.fully_labeled += labels_include(&p->metadata.labels, &r->template->metadata.labels);
        c.ready += pod_is_ready(p);
        c.available += pod_is_available(p, r->min_ready_s);
        int64_t soon = pod_available_in(p, r->min_ready_s);
        if (soon > 0)
            work_again(w, soon);
    }
    return c;
}

/* What both kinds' status have, whatever it is called there. */
#define STATUS_FILL(status, cond_type, generation)                                                           \
    do {                                                                                                     \
        (status)->replicas = c->replicas;                                                                    \
        (status)->fully_labeled_replicas = c->fully_labeled;                                                 \
        (status)->ready_replicas = c->ready;                                                                 \
        (status)->available_replicas = c->available;                                                         \
        (status)->observed_generation = (generation);                                                        \
        struct str failure = STR("ReplicaFailure");                                                          \
        if (!failed)                                                                                         \
            condition_drop((cond_type), &(status)->conditions, failure);                                     \
        else if (!condition_find((cond_type), &(status)->conditions, failure))                               \
            condition_set(w->a, (cond_type), &(status)->conditions, CONDITION_ANY_CHANGE, failure,           \
                          CONDITION_STATUS_TRUE, difference < 0 ? STR("FailedCreate") : STR("FailedDelete"), \
                          failed->message);                                                                  \
    } while (0)

static int status_write(struct work *w, struct replicas *r, const struct counts *c, int32_t difference,
                        const struct err *failed)
{
    const struct resource *kind = object_resource(r->object);
    void *typed = object_copy(r->object, w->a);
    if (kind == &replica_set_resource) {
        struct replica_set *rs = typed;
        STATUS_FILL(&rs->status, &replica_set_condition_type, r->meta->generation);
        rs->status.terminating_replicas = arena_dup(w->a, &c->terminating, sizeof c->terminating);
    } else {
        struct replication_controller *rc = typed;
        STATUS_FILL(&rc->status, &replication_controller_condition_type, r->meta->generation);
    }
    if (struct_eq(kind->type, typed, object_typed(r->object)))
        return 0;
    return client_update(w->client, kind, STR("status"), typed, NULL, w->err);
}

/* --- the reconcile function of both --- */

static int32_t count_terminating(const struct objects *pods)
{
    int32_t n = 0;
    for (size_t i = 0; i < pods->n; i++) {
        const struct pod *p = pod_of(pods->at[i]);
        n += p->metadata.deletion_timestamp && !pod_is_terminal(p);
    }
    return n;
}

/* Keeps the pods that count. */
static void keep_active(struct objects *pods)
{
    size_t kept = 0;
    for (size_t i = 0; i < pods->n; i++)
        if (pod_is_active(pod_of(pods->at[i])))
            pods->at[kept++] = pods->at[i];
        else
            object_unref(pods->at[i]);
    pods->n = kept;
}

static int replicas_reconcile(struct work *w)
{
    const struct resource *kind = w->controller->def->kind;
    _cleanup_object_ struct object *o = informer_get(client_informer(w->client, kind, NULL), w->ns, w->name);
    if (!o)
        return 0;
    struct replicas r;
    if (replicas_from(w, o, &r) < 0)
        return -1;
    _cleanup_objects_ struct objects pods = {0};
    if (claim_dependents(w, o, &r.selector, informer_of(w, pod), &pods) < 0)
        return -1;
    int32_t terminating = count_terminating(&pods);
    keep_active(&pods);

    int32_t difference;
    struct counts c = replicas_count(w, &r, &pods, terminating);
    _cleanup_err_ struct err managed = {0};
    if (replicas_manage(w, &r, &pods, &difference) < 0)
        err_move(&managed, w->err);
    if (status_write(w, &r, &c, difference, managed.reason ? &managed : NULL) < 0)
        return -1;
    if (managed.reason) {
        err_move(w->err, &managed);
        return -1;
    }
    return 0;
}

/* A pod's change concerns its controller; one without any, all that could adopt it. */
static void replicas_on_pod(struct controller *k, struct object *before, struct object *after)
{
    controller_on_owned(k, before, after);
    if (!after || meta_controller(object_meta(after)) || object_meta(after)->deletion_timestamp)
        return;
    controller_on_orphan(k, after);
}

const struct controller_def replica_set_controller = {
    .name = "replicaset",
    .component = "replicaset-controller",
    .account = "replicaset-controller",
    .kind = &replica_set_resource,
    .workers = 4,
    .reconcile = replicas_reconcile,
    .watches = {{&replica_set_resource, controller_on_self}, {&pod_resource, replicas_on_pod}},
};

const struct controller_def replication_controller_controller = {
    .name = "replicationcontroller",
    .component = "replication-controller",
    .account = "replication-controller",
    .kind = &replication_controller_resource,
    .workers = 2,
    .reconcile = replicas_reconcile,
    .watches = {{&replication_controller_resource, controller_on_self}, {&pod_resource, replicas_on_pod}},
};
