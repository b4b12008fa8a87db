#include "scheduler/match.h"

const struct str *label_get(const struct str_map *labels, struct str key)
{
    size_t low = 0, high = labels->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = str_cmp(key, labels->at[mid].key);
        if (c == 0)
            return &labels->at[mid].value;
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

bool labels_same(const struct str_map *a, const struct str_map *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!str_eq(a->at[i].key, b->at[i].key) || !str_eq(a->at[i].value, b->at[i].value))
            return false;
    return true;
}

bool toleration_matches(const struct toleration *t, const struct taint *taint)
{
    if (t->effect.n && !str_eq(t->effect, taint->effect))
        return false;
    if (t->key.n && !str_eq(t->key, taint->key))
        return false;
    if (str_eq(t->operator, TOLERATION_OPERATOR_EXISTS))
        return true;
    if (!t->operator.n || str_eq(t->operator, TOLERATION_OPERATOR_EQUAL))
        return str_eq(t->value, taint->value);
    int64_t mine, theirs; /* KEP-5471 */
    if (!str_to_i64(t->value, &mine) || !str_to_i64(taint->value, &theirs))
        return false;
    return str_eq(t->operator, TOLERATION_OPERATOR_LT)
               ? theirs < mine
               : str_eq(t->operator, TOLERATION_OPERATOR_GT) && theirs > mine;
}

bool tolerations_match(const struct toleration_vec *t, const struct taint *taint)
{
    for (size_t i = 0; i < t->n; i++)
        if (toleration_matches(&t->at[i], taint))
            return true;
    return false;
}

static bool value_in(const struct str_vec *values, struct str value)
{
    for (size_t i = 0; i < values->n; i++)
        if (str_eq(values->at[i], value))
            return true;
    return false;
}

/* `value` is NULL when there is no such label. */
static bool requirement_matches(const struct node_selector_requirement *r, const struct str *value)
{
    if (str_eq(r->operator, NODE_SELECTOR_OPERATOR_IN))
        return value && value_in(&r->values, *value);
    if (str_eq(r->operator, NODE_SELECTOR_OPERATOR_NOT_IN))
        return !value || !value_in(&r->values, *value);
    if (str_eq(r->operator, NODE_SELECTOR_OPERATOR_EXISTS))
        return value;
    if (str_eq(r->operator, NODE_SELECTOR_OPERATOR_DOES_NOT_EXIST))
        return !value;
    int64_t label, bound;
    if (!value || r->values.n != 1 || !str_to_i64(*value, &label) || !str_to_i64(r->values.at[0], &bound))
        return false;
    return str_eq(r->operator, NODE_SELECTOR_OPERATOR_GT)
               ? label > bound
               : str_eq(r->operator, NODE_SELECTOR_OPERATOR_LT) && label < bound;
}

bool node_term_matches(const struct node_selector_term *t, const struct node *n)
{
    if (!t->match_expressions.n && !t->match_fields.n)
        return false;
    for (size_t i = 0; i < t->match_expressions.n; i++) {
        const struct node_selector_requirement *r = &t->match_expressions.at[i];
        if (!requirement_matches(r, label_get(&n->metadata.labels, r->key)))
            return false;
    }
    for (size_t i = 0; i < t->match_fields.n; i++) {
        const struct node_selector_requirement *r = &t->match_fields.at[i];
        if (!str_is(r->key, "metadata.name") || !requirement_matches(r, &n->metadata.name))
            return false;
    }
    return true;
}

bool node_suits(const struct pod_spec *spec, const struct node *n)
{
    for (size_t i = 0; i < spec->node_selector.n; i++) {
        const struct str *value = label_get(&n->metadata.labels, spec->node_selector.at[i].key);
        if (!value || !str_eq(*value, spec->node_selector.at[i].value))
            return false;
    }
    const struct node_affinity *a = spec->affinity ? spec->affinity->node_affinity : NULL;
    const struct node_selector *required = a ? a->required_during_scheduling_ignored_during_execution : NULL;
    if (!required)
        return true;
    for (size_t i = 0; i < required->node_selector_terms.n; i++)
        if (node_term_matches(&required->node_selector_terms.at[i], n))
            return true;
    return false;
}
