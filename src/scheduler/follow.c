#include "scheduler/cycle.h"
#include "scheduler/match.h"
#include "scheduler/state.h"
#include "schema/copy.h"

/* --- waking --- */

/* What other nodes' pods have a say in. */
static const uint32_t ELSEWHERE = 1u << PLUGIN_POD_TOPOLOGY_SPREAD | 1u << PLUGIN_INTER_POD_AFFINITY;

static void follow_dirty(struct scheduler *s, struct sched_node *n)
{
    for (size_t i = 0; i < s->n_dirty; i++)
        if (s->dirty[i] == n)
            return;
    mem_grow((void **)&s->dirty, &s->cap_dirty, s->n_dirty + 1, sizeof *s->dirty);
    s->dirty[s->n_dirty++] = n;
}

/* Whether one of the nodes that changed would take the pod now. */
static bool follow_helps(struct scheduler *s, const struct queue_entry *e)
{
    if (e->failed & ELSEWHERE && s->map_changed)
        return true;
    if (!s->n_dirty)
        return false;
    struct cycle c;
    arena_reset(&s->cycle);
    cycle_begin(&c, &s->model, e->pod, &s->cycle);
    for (size_t i = 0; i < s->n_dirty; i++)
        if (s->dirty[i]->node && cycle_filter_node(&c, s->dirty[i]) == FITS)
            return true;
    return false;
}

void follow_wake(struct scheduler *s, int64_t now)
{
    if (s->n_dirty || s->map_changed)
        for (size_t i = s->queue.waiting.n; i-- > 0;)
            if (follow_helps(s, s->queue.waiting.at[i]))
                queue_wake(&s->queue, s->queue.waiting.at[i]->pod, now);
    s->n_dirty = 0;
    s->map_changed = false;
    queue_wake_old(&s->queue, now);
}

static bool follow_terms_match(const struct model *m, const struct sched_term *terms, size_t n,
                               const struct sched_pod *p)
{
    for (size_t i = 0; i < n; i++)
        if (model_term_matches(m, &terms[i], p))
            return true;
    return false;
}

/* Whether it matters to a waiting pod that another one came, went or changed. */
static bool follow_concerns(const struct model *m, const struct sched_pod *waits, const struct sched_pod *p)
{
    const struct sched_affinity *a = waits->affinity, *b = p->affinity;
    return (waits->pod->spec.topology_spread_constraints.n && str_eq(waits->ns, p->ns)) ||
           (a && (follow_terms_match(m, a->require, a->n_require, p) ||
                  follow_terms_match(m, a->avoid, a->n_avoid, p))) ||
           (b && follow_terms_match(m, b->avoid, b->n_avoid, waits));
}

static void follow_moved(struct scheduler *s, const struct sched_pod *p, int64_t now)
{
    for (size_t i = s->queue.waiting.n; i-- > 0;) {
        struct queue_entry *e = s->queue.waiting.at[i];
        if (e->failed & ELSEWHERE && follow_concerns(&s->model, e->pod, p))
            queue_wake(&s->queue, e->pod, now);
    }
}

/* --- nodes --- */

void follow_node(struct scheduler *s, struct object *before, struct object *after, int64_t now)
{
    (void)now;
    struct sched_node *n = model_node(&s->model, object_name(after ? after : before));
    if (after) {
        const struct node *node = object_typed(after), *was = n ? n->node : NULL;
        bool labels = !was || !labels_same(&was->metadata.labels, &node->metadata.labels);
        bool better = labels || !struct_eq(&node_spec_type, &was->spec, &node->spec) ||
                      !labels_same(&was->status.allocatable, &node->status.allocatable);
        n = model_set_node(&s->model, node, after);
        s->map_changed |= labels;
        if (better)
            follow_dirty(s, n);
        return;
    }
    for (size_t i = 0; i < s->n_dirty; i++)
        if (s->dirty[i] == n)
            s->dirty[i--] = s->dirty[--s->n_dirty];
    model_remove_node(&s->model, object_name(before));
    s->map_changed = true;
}

/* --- pods --- */

static bool follow_is_over(const struct pod *p)
{
    return str_eq(p->status.phase, POD_PHASE_SUCCEEDED) || str_eq(p->status.phase, POD_PHASE_FAILED);
}

static bool follow_is_ours(const struct scheduler *s, const struct pod *p)
{
    return p->spec.scheduler_name.n ? str_eq(p->spec.scheduler_name, s->actions.scheduler)
                                    : str_is(s->actions.scheduler, "default-scheduler");
}

static void follow_forget(struct scheduler *s, struct sched_pod *p, int64_t now)
{
    if (p->node && p->node->node)
        follow_dirty(s, p->node);
    queue_remove(&s->queue, p);
    if (p->node)
        follow_moved(s, p, now);
    model_remove_pod(&s->model, p);
}

/* A pod that is on a node. */
static void follow_placed(struct scheduler *s, struct sched_pod *known, const struct pod *pod,
                          struct object *o, int64_t now)
{
    /* A bind of our own has been made known when it was decided; and most updates are of the status. */
    bool settled = known && known->node && str_eq(known->node->name, pod->spec.node_name) &&
                   known->pod->spec.node_name.n;
    bool other = settled && known->pod->metadata.generation != pod->metadata.generation;
    bool labels = known && !labels_same(&known->pod->metadata.labels, &pod->metadata.labels);
    if (known)
        queue_remove(&s->queue, known);
    struct sched_pod *p = model_set_pod(&s->model, pod, o);
    model_nominate(&s->model, p, NULL);
    model_place_by_name(&s->model, p, pod->spec.node_name);
    if (!settled || labels)
        follow_moved(s, p, now);
    if (other && p->node->node)
        follow_dirty(s, p->node); /* it may ask for less now */
}

/* A pod that waits for a node. */
static void follow_waiting(struct scheduler *s, struct sched_pod *known, const struct pod *pod,
                           struct object *o, int64_t now)
{
    bool ready = !pod->spec.scheduling_gates.n && !pod->metadata.deletion_timestamp;
    bool changed = known && (known->pod->metadata.generation != pod->metadata.generation ||
                             !struct_eq(&pod_spec_type, &known->pod->spec, &pod->spec));
    struct sched_pod *p = model_set_pod(&s->model, pod, o);
    struct sched_node *nominated = model_node(&s->model, pod->status.nominated_node_name);
    if (nominated && !p->node)
        model_nominate(&s->model, p, nominated);
    struct queue_entry *e = queue_entry(p);
    if (p->node) /* a bind is under way */
        return;
    if (!ready)
        queue_remove(&s->queue, p);
    else if (!e || (e->state == QUEUE_WAITING && changed))
        queue_add(&s->queue, p, now);
}

void follow_pod(struct scheduler *s, struct object *before, struct object *after, int64_t now)
{
    struct object *o = after ? after : before;
    const struct pod *pod = object_typed(o);
    struct sched_pod *known = model_pod(&s->model, object_namespace(o), object_name(o));
    if (known && !str_eq(known->pod->metadata.uid, pod->metadata.uid)) { /* another one of this name */
        follow_forget(s, known, now);
        known = NULL;
    }
    if (!after || follow_is_over(pod)) {
        if (known)
            follow_forget(s, known, now);
    } else if (pod->spec.node_name.n) {
        follow_placed(s, known, pod, after, now);
    } else if (follow_is_ours(s, pod)) {
        follow_waiting(s, known, pod, after, now);
    }
}

void follow_bind_failure(struct scheduler *s, struct object *before, struct object *after, int64_t now)
{
    (void)before;
    const struct pod *pod = object_typed(after);
    struct sched_pod *p = model_pod(&s->model, object_namespace(after), object_name(after));
    if (!p || !str_eq(p->pod->metadata.uid, pod->metadata.uid) || p->pod->spec.node_name.n)
        return; /* gone, or someone else has bound it */
    if (p->node && p->node->node)
        follow_dirty(s, p->node);
    model_unplace(&s->model, p);
    queue_retry(&s->queue, p, now);
}

/* --- the rest --- */

void follow_namespace(struct scheduler *s, struct object *before, struct object *after, int64_t now)
{
    (void)now;
    if (after)
        model_set_namespace(&s->model, object_name(after), &object_meta(after)->labels);
    else
        model_remove_namespace(&s->model, object_name(before));
    s->map_changed = true;
}

void follow_budget(struct scheduler *s, struct object *before, struct object *after, int64_t now)
{
    (void)now;
    if (after)
        model_set_budget(&s->model, object_typed(after));
    else
        model_remove_budget(&s->model, object_namespace(before), object_name(before));
}

void follow_storage(struct scheduler *s, struct object *before, struct object *after, int64_t now)
{
    storage_follow(&s->model.storage, before, after);
    for (size_t i = s->queue.waiting.n; i-- > 0;)
        if (s->queue.waiting.at[i]->failed & 1u << PLUGIN_VOLUME_BINDING)
            queue_wake(&s->queue, s->queue.waiting.at[i]->pod, now);
}

void follow_volumes_decided(struct scheduler *s, struct object *before, struct object *after, int64_t now)
{
    (void)before;
    struct sched_pod *p = model_pod(&s->model, object_namespace(after), object_name(after));
    if (p && str_eq(p->pod->metadata.uid, object_meta(after)->uid) && !p->node)
        queue_add(&s->queue, p, now); /* it waits for the volumes themselves on its next turn */
}
