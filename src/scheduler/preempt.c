#include "scheduler/preempt.h"

#include <stdlib.h>

#include "base/random.h"
#include "scheduler/words.h"

/* How many nodes are looked at closely: a tenth of all, but at least a hundred. */
enum { PREEMPT_SHARE = 10, PREEMPT_LEAST = 100 };

static bool preempt_is_nominated_elsewhere(const struct cycle *c)
{
    /* Victims are still on their way out of the node that was chosen last time: wait for them. */
    const struct sched_node *n = c->pod->nominated;
    if (!n || !n->node || c->verdicts[n->index] == UNRESOLVABLE)
        return false;
    for (size_t i = 0; i < n->n_pods; i++)
        if (n->pods[i]->priority < c->pod->priority && n->pods[i]->pod->metadata.deletion_timestamp)
            return true;
    return false;
}

/* Whether the pod fits as the model is now; with reasons counted when it does not and `reasons` is given. */
static bool preempt_fits(struct cycle *c, const struct sched_node *n, uint32_t *reasons)
{
    struct cycle now = *c;
    if (c->active[PLUGIN_POD_TOPOLOGY_SPREAD] || c->active[PLUGIN_INTER_POD_AFFINITY])
        cycle_begin(&now, c->model, c->pod,
                    c->arena); /* what these prepared depends on the pods that are there */
    if (reasons)
        now.reasons = reasons;
    now.counting = reasons;
    return cycle_filter_node(&now, n) == FITS;
}

static int64_t preempt_started(const struct sched_pod *p)
{
    const struct time *t = p->pod->status.start_time;
    return t ? t->s : p->pod->metadata.creation_timestamp.s;
}

/* More important first: by priority, then the longer running. */
static int preempt_by_importance(const void *a, const void *b)
{
    const struct sched_pod *p = *(struct sched_pod *const *)a, *q = *(struct sched_pod *const *)b;
    if (p->priority != q->priority)
        return p->priority > q->priority ? -1 : 1;
    int64_t x = preempt_started(p), y = preempt_started(q);
    return (x > y) - (x < y);
}

static size_t preempt_violations(const struct model *m, struct sched_pod *const *pods, size_t n,
                                 bool *violating)
{
    size_t sum = 0;
    int64_t *left = m->n_budgets ? mem_alloc(m->n_budgets * sizeof *left) : NULL;
    for (size_t b = 0; b < m->n_budgets; b++)
        left[b] = m->budgets[b]->allowed;
    for (size_t i = 0; i < n; i++) {
        violating[i] = false;
        for (size_t b = 0; b < m->n_budgets; b++)
            if (model_budget_covers(m->budgets[b], pods[i]) && left[b]-- <= 0)
                violating[i] = true;
        sum += violating[i];
    }
    free(left);
    return sum;
}

/* Takes all less important pods off the node, and puts back as many as can stay, the most important first;
 * those that a budget protects before the others. The model is restored. */
static bool preempt_try(struct cycle *c, struct sched_node *n, struct preemption *out, uint32_t *reasons)
{
    struct sched_pod **lesser = arena_new_n(c->arena, struct sched_pod *, n->n_pods);
    size_t n_lesser = 0;
    for (size_t i = 0; i < n->n_pods; i++)
        if (n->pods[i]->priority < c->pod->priority)
            lesser[n_lesser++] = n->pods[i];
    if (!n_lesser) {
        reasons[REASON_NO_VICTIMS]++;
        return false;
    }
    qsort(lesser, n_lesser, sizeof *lesser, preempt_by_importance);
    bool *violating = arena_new_n(c->arena, bool, n_lesser);
    preempt_violations(c->model, lesser, n_lesser, violating);
    for (size_t i = 0; i < n_lesser; i++)
        model_unplace(c->model, lesser[i]);
    bool fits = preempt_fits(c, n, reasons);
    *out = (struct preemption){.node = n, .victims = arena_new_n(c->arena, struct sched_pod *, n_lesser)};
    for (int turn = 0; turn < 2 && fits; turn++)
        for (size_t i = 0; i < n_lesser; i++) {
            if (violating[i] != (turn == 0))
                continue;
            model_place(c->model, lesser[i], n);
            if (preempt_fits(c, n, NULL))
                continue;
            model_unplace(c->model, lesser[i]);
            out->victims[out->n_victims++] = lesser[i];
            out->n_violations += violating[i];
        }
    for (size_t i = 0; i < n_lesser; i++)
        if (!lesser[i]->node)
            model_place(c->model, lesser[i], n);
    if (out->n_victims)
        qsort(out->victims, out->n_victims, sizeof *out->victims, preempt_by_importance);
    return fits && out->n_victims;
}

/* Less is better: what upstream compares, in its order. */
static int preempt_cmp(const struct preemption *a, const struct preemption *b)
{
    if (a->n_violations != b->n_violations)
        return a->n_violations < b->n_violations ? -1 : 1;
    if (a->victims[0]->priority != b->victims[0]->priority)
        return a->victims[0]->priority < b->victims[0]->priority ? -1 : 1;
    int64_t sum_a = 0, sum_b = 0; /* shifted, so that many pods of negative priority weigh more than few */
    for (size_t i = 0; i < a->n_victims; i++)
        sum_a += (int64_t)a->victims[i]->priority + INT32_MAX + 1;
    for (size_t i = 0; i < b->n_victims; i++)
        sum_b += (int64_t)b->victims[i]->priority + INT32_MAX + 1;
    if (sum_a != sum_b)
        return sum_a < sum_b ? -1 : 1;
    if (a->n_victims != b->n_victims)
        return a->n_victims < b->n_victims ? -1 : 1;
    int64_t started_a = preempt_started(a->victims[0]), started_b = preempt_started(b->victims[0]);
    return (started_a < started_b) - (started_a > started_b); /* the most important one started latest */
}

bool preempt_find(struct cycle *c, struct preemption *out, struct buf *message)
{
    const struct model *m = c->model;
    if (c->spec->preemption_policy && str_eq(*c->spec->preemption_policy, PREEMPTION_POLICY_NEVER)) {
        buf_add_lit(message, "not eligible due to preemptionPolicy=Never.");
        return false;
    }
    if (preempt_is_nominated_elsewhere(c)) {
        buf_add_lit(message, "not eligible due to a terminating pod on the nominated node.");
        return false;
    }
    uint32_t *reasons = arena_new_n(c->arena, uint32_t, c->n_reasons);
    size_t most = m->n_nodes / PREEMPT_SHARE > PREEMPT_LEAST ? m->n_nodes / PREEMPT_SHARE : PREEMPT_LEAST;
    size_t from = m->n_nodes ? random_below(m->n_nodes) : 0, found = 0;
    for (size_t i = 0; i < m->n_nodes; i++) {
        size_t at = (from + i) % m->n_nodes;
        struct preemption p;
        if (c->verdicts[at] != UNSCHEDULABLE) {
            reasons[REASON_PREEMPTION_USELESS]++;
            continue;
        }
        if (found >= most || !preempt_try(c, m->nodes[at], &p, reasons))
            continue;
        if (found++ == 0 || preempt_cmp(&p, out) < 0)
            *out = p;
    }
    if (!found)
        words_unavailable(c, reasons, message);
    return found > 0;
}
