/* NodeUnschedulable, NodeName, TaintToleration, NodeAffinity: what nodes say of themselves. */
#include "scheduler/match.h"
#include "scheduler/plugins.h"

/* --- NodeUnschedulable --- */

bool node_unschedulable_prepare(struct cycle *c)
{
    static const struct taint cordoned = {.key = STR_INIT("node.kubernetes.io/unschedulable"),
                                          .effect = STR_INIT("NoSchedule")};
    return !tolerations_match(&c->spec->tolerations, &cordoned);
}

enum verdict node_unschedulable_filter(struct cycle *c, const struct sched_node *n)
{
    if (!n->unschedulable)
        return FITS;
    cycle_because(c, REASON_UNSCHEDULABLE);
    return UNRESOLVABLE;
}

/* --- NodeName --- */

bool node_name_prepare(struct cycle *c)
{
    return c->spec->node_name.n > 0;
}

enum verdict node_name_filter(struct cycle *c, const struct sched_node *n)
{
    if (str_eq(c->spec->node_name, n->name))
        return FITS;
    cycle_because(c, REASON_NODE_NAME);
    return UNRESOLVABLE;
}

/* --- TaintToleration --- */

bool taint_toleration_prepare(struct cycle *c)
{
    return c->model->n_tainted > 0;
}

enum verdict taint_toleration_filter(struct cycle *c, const struct sched_node *n)
{
    const struct taint_vec *taints = &n->node->spec.taints;
    for (size_t i = 0; i < taints->n; i++) {
        const struct taint *t = &taints->at[i];
        bool repels =
            str_eq(t->effect, TAINT_EFFECT_NO_SCHEDULE) || str_eq(t->effect, TAINT_EFFECT_NO_EXECUTE);
        if (repels && !tolerations_match(&c->spec->tolerations, t)) {
            cycle_because(c, REASON_TAINT);
            return UNRESOLVABLE;
        }
    }
    return FITS;
}

bool taint_toleration_score(struct cycle *c, int64_t *scores)
{
    if (!c->model->n_tainted)
        return false;
    /* Only tolerations that are for PreferNoSchedule, or for any effect, count here. */
    for (size_t k = 0; k < c->n_fits; k++) {
        const struct taint_vec *taints = &c->fits[k]->node->spec.taints;
        scores[k] = 0;
        for (size_t i = 0; i < taints->n; i++)
            scores[k] += str_eq(taints->at[i].effect, TAINT_EFFECT_PREFER_NO_SCHEDULE) &&
                         !tolerations_match(&c->spec->tolerations, &taints->at[i]);
    }
    cycle_normalize(scores, c->n_fits, true);
    return true;
}

/* --- NodeAffinity --- */

static const struct node_affinity *node_affinity_of(const struct cycle *c)
{
    return c->spec->affinity ? c->spec->affinity->node_affinity : NULL;
}

/* Where every required term names its nodes (as the pods of a DaemonSet do), no others need to be asked. */
static void node_affinity_names(struct cycle *c, const struct node_selector *required)
{
    size_t n = 0;
    for (size_t i = 0; i < required->node_selector_terms.n; i++) {
        const struct node_selector_term *t = &required->node_selector_terms.at[i];
        if (t->match_fields.n != 1 || !str_eq(t->match_fields.at[0].operator, NODE_SELECTOR_OPERATOR_IN))
            return;
        n += t->match_fields.at[0].values.n;
    }
    struct str *only = arena_new_n(c->arena, struct str, n);
    for (size_t i = 0; i < required->node_selector_terms.n; i++) {
        const struct str_vec *values = &required->node_selector_terms.at[i].match_fields.at[0].values;
        memcpy(only + c->n_only, values->at, values->n * sizeof *only);
        c->n_only += values->n;
    }
    c->only = only;
}

bool node_affinity_prepare(struct cycle *c)
{
    const struct node_affinity *a = node_affinity_of(c);
    const struct node_selector *required = a ? a->required_during_scheduling_ignored_during_execution : NULL;
    if (required && required->node_selector_terms.n)
        node_affinity_names(c, required);
    return required || c->spec->node_selector.n;
}

enum verdict node_affinity_filter(struct cycle *c, const struct sched_node *n)
{
    if (node_suits(c->spec, n->node))
        return FITS;
    cycle_because(c, REASON_NODE_AFFINITY);
    return UNRESOLVABLE;
}

bool node_affinity_score(struct cycle *c, int64_t *scores)
{
    const struct node_affinity *a = node_affinity_of(c);
    if (!a || !a->preferred_during_scheduling_ignored_during_execution.n)
        return false;
    const struct preferred_scheduling_term_vec *terms =
        &a->preferred_during_scheduling_ignored_during_execution;
    for (size_t k = 0; k < c->n_fits; k++) {
        scores[k] = 0;
        for (size_t i = 0; i < terms->n; i++)
            if (node_term_matches(&terms->at[i].preference, c->fits[k]->node))
                scores[k] += terms->at[i].weight;
    }
    cycle_normalize(scores, c->n_fits, false);
    return true;
}
