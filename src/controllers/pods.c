#include "controllers/pods.h"

#include <math.h>
#include <stdlib.h>

#include "base/map.h"

bool pod_is_terminal(const struct pod *p)
{
    return str_eq(p->status.phase, POD_PHASE_SUCCEEDED) || str_eq(p->status.phase, POD_PHASE_FAILED);
}

bool pod_is_active(const struct pod *p)
{
    return !pod_is_terminal(p) && !p->metadata.deletion_timestamp;
}

const struct pod_condition *pod_condition_get(const struct pod *p, struct str type)
{
    return condition_find(&pod_condition_type, &p->status.conditions, type);
}

static const struct pod_condition *pod_ready_condition(const struct pod *p)
{
    const struct pod_condition *c = pod_condition_get(p, STR("Ready"));
    return c && str_eq(c->status, CONDITION_STATUS_TRUE) ? c : NULL;
}

bool pod_is_ready(const struct pod *p)
{
    return pod_ready_condition(p);
}

int64_t pod_available_in(const struct pod *p, int32_t min_ready_s)
{
    const struct pod_condition *c = pod_ready_condition(p);
    if (!c || min_ready_s <= 0 || time_is_zero(c->last_transition_time))
        return -1;
    int64_t rest = min_ready_s * CLOCK_S - time_since(c->last_transition_time);
    return rest > 0 ? rest : -1;
}

bool pod_is_available(const struct pod *p, int32_t min_ready_s)
{
    const struct pod_condition *c = pod_ready_condition(p);
    if (!c)
        return false;
    return min_ready_s <= 0 || (!time_is_zero(c->last_transition_time) &&
                                time_since(c->last_transition_time) >= min_ready_s * CLOCK_S);
}

struct pod *pod_from_template(struct arena *a, const struct pod_template_spec *t, struct object *owner)
{
    struct pod *pod = arena_new(a, struct pod);
    pod->metadata.namespace = object_namespace(owner);
    pod->metadata.generate_name = arena_concat(a, object_name(owner), STR("-"));
    pod->metadata.labels = t->metadata.labels;
    pod->metadata.annotations = t->metadata.annotations;
    pod->metadata.finalizers = t->metadata.finalizers;
    meta_add_owner(a, &pod->metadata, owner_reference_to(a, owner));
    pod->spec = t->spec;
    return pod;
}

size_t pods_create(struct work *w, struct object *owner, struct pod *const *pods, size_t n, struct err *first)
{
    size_t failed = 0;
    struct client_result *results = arena_new_n(w->a, struct client_result, n);
    client_create_many(w->client, &pod_resource, object_namespace(owner), (const void *const *)pods, n,
                       results);
    for (size_t i = 0; i < n; i++) {
        struct err *err = &results[i].err;
        if (!err->reason) {
            recorder_event(w->recorder, owner, "Normal", "SuccessfulCreate", (struct str){0},
                           "Created pod: " STR_FMT, STR_ARG(object_name(results[i].object)));
            continue;
        }
        if (!namespace_is_ending(err)) /* else nobody would read it */
            recorder_event(w->recorder, owner, "Warning", "FailedCreate", (struct str){0},
                           "Error creating: " STR_FMT, STR_ARG(err->message));
        if (!failed++)
            err_move(first, err);
    }
    client_results_clear(results, n);
    return failed;
}

size_t pods_delete(struct work *w, struct object *owner, struct object *const *pods, size_t n,
                   struct err *first)
{
    size_t failed = 0;
    struct client_result *results = arena_new_n(w->a, struct client_result, n);
    client_delete_many(w->client, pods, n, NULL, results);
    for (size_t i = 0; i < n; i++) {
        struct err *err = &results[i].err;
        if (!err->reason)
            recorder_event(w->recorder, owner, "Normal", "SuccessfulDelete", (struct str){0},
                           "Deleted pod: " STR_FMT, STR_ARG(object_name(pods[i])));
        if (!err->reason || err->reason == ERR_NOT_FOUND || err->reason == ERR_CONFLICT)
            continue;
        recorder_event(w->recorder, owner, "Warning", "FailedDelete", (struct str){0},
                       "Error deleting: " STR_FMT, STR_ARG(err->message));
        if (!failed++)
            err_move(first, err);
    }
    client_results_clear(results, n);
    return failed;
}

/* --- which pods go first --- */

/* What decides about one pod, worked out once. */
struct rank {
    struct object *object;
    const struct pod *pod;
    bool assigned, ready;
    int phase;
    int64_t cost;
    size_t neighbours; /* related pods on its node */
    struct time ready_since;
    int32_t restarts, sidecar_restarts;
    int64_t now;
};

static int pod_phase_order(struct str phase)
{
    return str_eq(phase, POD_PHASE_RUNNING) ? 2 : str_eq(phase, POD_PHASE_UNKNOWN) ? 1 : 0;
}

static int32_t most_restarts(const struct container_status_vec *all)
{
    int32_t most = 0;
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].restart_count > most)
            most = all->at[i].restart_count;
    return most;
}

static int64_t deletion_cost(const struct pod *p)
{
    int64_t cost;
    return str_to_i64(labels_get(&p->metadata.annotations, STR("controller.kubernetes.io/pod-deletion-cost")),
                      &cost) &&
                   cost >= INT32_MIN && cost <= INT32_MAX
               ? cost
               : 0;
}

static int cmp_i64(int64_t x, int64_t y)
{
    return x < y ? -1 : x > y;
}

/* Younger goes first, but ages of the same power of two (in ns) count as the same, and the uid decides: so
 * not always the pods of one failure domain that was filled last go. */
static int cmp_age(struct time x, struct time y, const struct rank *a, const struct rank *b)
{
    if (time_is_zero(x) || time_is_zero(y))
        return time_is_zero(x) ? -1 : 1;
    int64_t age_x = a->now - time_to_ns(x), age_y = a->now - time_to_ns(y);
    int64_t log_x = age_x > 0 ? (int64_t)log2((double)age_x) : -1,
            log_y = age_y > 0 ? (int64_t)log2((double)age_y) : -1;
    return log_x != log_y ? cmp_i64(log_x, log_y) : str_cmp(a->pod->metadata.uid, b->pod->metadata.uid);
}

static int rank_qsort(const void *x, const void *y)
{
    const struct rank *a = x, *b = y;
    int c;
    if ((c = cmp_i64(a->assigned, b->assigned)) || (c = cmp_i64(a->phase, b->phase)) ||
        (c = cmp_i64(a->ready, b->ready)) || (c = cmp_i64(a->cost, b->cost)) ||
        (c = -cmp_i64((int64_t)a->neighbours, (int64_t)b->neighbours)))
        return c;
    if (a->ready && time_cmp(a->ready_since, b->ready_since) != 0)
        return cmp_age(a->ready_since, b->ready_since, a, b);
    if ((c = -cmp_i64(a->restarts, b->restarts)) || (c = -cmp_i64(a->sidecar_restarts, b->sidecar_restarts)))
        return c;
    if (time_cmp(a->pod->metadata.creation_timestamp, b->pod->metadata.creation_timestamp) != 0)
        return cmp_age(a->pod->metadata.creation_timestamp, b->pod->metadata.creation_timestamp, a, b);
    return 0;
}

void pods_sort_for_deletion(struct objects *pods, const struct objects *related)
{
    _cleanup_map_ struct map on_node = {0}; /* node name to a count, kept as a pointer's number */
    for (size_t i = 0; i < related->n; i++) {
        const struct pod *p = pod_of(related->at[i]);
        if (pod_is_active(p))
            map_put(&on_node, p->spec.node_name,
                    (void *)((uintptr_t)map_get(&on_node, p->spec.node_name) + 1));
    }
    _cleanup_free_ struct rank *ranks = mem_zalloc((pods->n + 1) * sizeof *ranks);
    int64_t now = clock_wall();
    for (size_t i = 0; i < pods->n; i++) {
        const struct pod *p = pod_of(pods->at[i]);
        const struct pod_condition *ready = pod_ready_condition(p);
        ranks[i] = (struct rank){
            .object = pods->at[i],
            .pod = p,
            .assigned = !str_empty(p->spec.node_name),
            .ready = ready,
            .phase = pod_phase_order(p->status.phase),
            .cost = deletion_cost(p),
            .neighbours = (uintptr_t)map_get(&on_node, p->spec.node_name),
            .ready_since = ready ? ready->last_transition_time : (struct time){0},
            .restarts = most_restarts(&p->status.container_statuses),
            .sidecar_restarts = most_restarts(&p->status.init_container_statuses),
            .now = now,
        };
    }
    qsort(ranks, pods->n, sizeof *ranks, rank_qsort);
    for (size_t i = 0; i < pods->n; i++)
        pods->at[i] = ranks[i].object;
}
