/* Where pods go: affinity and tolerations (validateAffinity, ValidateTolerations). */
#include "api/kind/container.h"
#include "api/kind/label_keys.h"

static void valid_requirements(struct field_errors *e, const struct path *at,
                               const struct node_selector_requirement_vec *reqs, bool fields, bool strict)
{
    each (*reqs, i) {
        const struct node_selector_requirement *r = &reqs->at[i];
        const struct path *item = PATH_AT(at, i);
        if (fields) {
            if (!str_is(r->operator, "In") && !str_is(r->operator, "NotIn"))
                field_invalid(e, PATH(item, "operator"), r->operator, "not a valid selector operator");
            else if (r->values.n != 1)
                field_required(
                    e, PATH(item, "values"),
                    "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
            if (!str_is(r->key, "metadata.name"))
                field_invalid(e, PATH(item, "key"), r->key, "not a valid field selector key");
            else
                each (r->values, k)
                    valid_subdomain(e, PATH_AT(PATH(item, "values"), k), r->values.at[k]);
            continue;
        }
        if (str_is(r->operator, "In") || str_is(r->operator, "NotIn")) {
            if (r->values.n == 0)
                field_required(e, PATH(item, "values"),
                               "must be specified when `operator` is 'In' or 'NotIn'");
        } else if (str_is(r->operator, "Exists") || str_is(r->operator, "DoesNotExist")) {
            if (r->values.n > 0)
                field_forbidden(e, PATH(item, "values"),
                                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        } else if (str_is(r->operator, "Gt") || str_is(r->operator, "Lt")) {
            if (r->values.n != 1)
                field_required(e, PATH(item, "values"),
                               "must be specified single value when `operator` is 'Lt' or 'Gt'");
        } else
            field_invalid(e, PATH(item, "operator"), r->operator, "not a valid selector operator");
        valid_qualified(e, PATH(item, "key"), r->key);
        for (size_t k = 0; strict && k < r->values.n; k++)
            valid_label_value(e, PATH_AT(PATH(item, "values"), k), r->values.at[k]);
    }
}

/* `strict`: values must be able to be labels' values; of what is only preferred they need not. */
static void valid_node_term(struct field_errors *e, const struct path *at, const struct node_selector_term *t,
                            bool strict)
{
    valid_requirements(e, PATH(at, "matchExpressions"), &t->match_expressions, false, strict);
    valid_requirements(e, PATH(at, "matchFields"), &t->match_fields, true, strict);
}

void valid_node_selector(struct field_errors *e, const struct path *at, const struct node_selector *s)
{
    const struct path *terms = PATH(at, "nodeSelectorTerms");
    if (s->node_selector_terms.n == 0)
        field_required(e, terms, "must have at least one node selector term");
    each (s->node_selector_terms, i)
        valid_node_term(e, PATH_AT(terms, i), &s->node_selector_terms.at[i], true);
}

static void valid_weight(struct field_errors *e, const struct path *at, int32_t weight)
{
    if (weight <= 0 || weight > 100)
        field_invalid_int(e, PATH(at, "weight"), weight, "must be in the range 1-100");
}

static void valid_pod_term(struct field_errors *e, const struct path *at, const struct pod_affinity_term *t)
{
    if (t->label_selector)
        valid_selector(e, PATH(at, "labelSelector"), t->label_selector);
    if (t->namespace_selector)
        valid_selector(e, PATH(at, "namespaceSelector"), t->namespace_selector);
    each (t->namespaces, i)
        format_validate(e, PATH(at, "namespace"), FORMAT_DNS1123_LABEL, t->namespaces.at[i]);
    valid_label_keys(e, at, &t->match_label_keys, &t->mismatch_label_keys, t->label_selector);
    if (!t->topology_key.n)
        field_required(e, PATH(at, "topologyKey"), "can not be empty");
    valid_qualified(e, PATH(at, "topologyKey"), t->topology_key);
}

static void valid_pod_terms(struct field_errors *e, const struct path *at,
                            const struct pod_affinity_term_vec *required,
                            const struct weighted_pod_affinity_term_vec *preferred)
{
    each (*required, i)
        valid_pod_term(e, PATH_AT(PATH(at, "requiredDuringSchedulingIgnoredDuringExecution"), i),
                       &required->at[i]);
    each (*preferred, i) {
        const struct path *item = PATH_AT(PATH(at, "preferredDuringSchedulingIgnoredDuringExecution"), i);
        valid_weight(e, item, preferred->at[i].weight);
        valid_pod_term(e, PATH(item, "podAffinityTerm"), &preferred->at[i].pod_affinity_term);
    }
}

void valid_affinity(struct field_errors *e, const struct path *at, const struct affinity *a)
{
    if (a->node_affinity) {
        const struct path *node = PATH(at, "nodeAffinity");
        const struct node_affinity *n = a->node_affinity;
        if (n->required_during_scheduling_ignored_during_execution)
            valid_node_selector(e, PATH(node, "requiredDuringSchedulingIgnoredDuringExecution"),
                                n->required_during_scheduling_ignored_during_execution);
        each (n->preferred_during_scheduling_ignored_during_execution, i) {
            const struct preferred_scheduling_term *t =
                &n->preferred_during_scheduling_ignored_during_execution.at[i];
            const struct path *item =
                PATH_AT(PATH(node, "preferredDuringSchedulingIgnoredDuringExecution"), i);
            valid_weight(e, item, t->weight);
            valid_node_term(e, PATH(item, "preference"), &t->preference, false);
        }
    }
    if (a->pod_affinity)
        valid_pod_terms(e, PATH(at, "podAffinity"),
                        &a->pod_affinity->required_during_scheduling_ignored_during_execution,
                        &a->pod_affinity->preferred_during_scheduling_ignored_during_execution);
    if (a->pod_anti_affinity)
        valid_pod_terms(e, PATH(at, "podAntiAffinity"),
                        &a->pod_anti_affinity->required_during_scheduling_ignored_during_execution,
                        &a->pod_anti_affinity->preferred_during_scheduling_ignored_during_execution);
}

void valid_taint_effect(struct field_errors *e, const struct path *at, struct str effect, bool required)
{
    VALID_ONE_OF(e, at, effect, required, STR("NoSchedule"), STR("PreferNoSchedule"), STR("NoExecute"));
}

/* All that is wrong with it in one complaint. */
static void valid_toleration_value(struct field_errors *e, const struct path *at, struct str v)
{
    struct str messages[FORMAT_MESSAGES];
    _cleanup_buf_ struct buf b = {0};
    size_t n = format_check(FORMAT_LABEL_VALUE, v, messages);
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s" STR_FMT, i ? ";" : "", STR_ARG(messages[i]));
    if (n)
        field_invalid(e, at, v, STR_FMT, STR_ARG(buf_str(&b)));
}

void valid_tolerations(struct field_errors *e, const struct path *at,
                       const struct toleration_vec *tolerations)
{
    each (*tolerations, i) {
        const struct toleration *t = &tolerations->at[i];
        const struct path *item = PATH_AT(at, i);
        if (t->key.n)
            valid_qualified(e, PATH(item, "key"), t->key);
        if (!t->key.n && !str_is(t->operator, "Exists"))
            field_invalid(
                e, PATH(item, "operator"), t->operator,
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
        if (t->toleration_seconds && !str_is(t->effect, "NoExecute"))
            field_invalid(e, PATH(item, "effect"), t->effect,
                          "effect must be 'NoExecute' when `tolerationSeconds` is set");
        if (!t->operator.n || str_is(t->operator, "Equal"))
            valid_toleration_value(e, PATH(item, "operator"), t->value);
        else if (str_is(t->operator, "Exists")) {
            if (t->value.n)
                field_invalid(e, PATH(item, "operator"), t->value,
                              "value must be empty when `operator` is 'Exists'");
        } else /* Lt and Gt need a feature that is off: they are named, and not taken */
            field_not_supported(
                e, PATH(item, "operator"),
                t->operator,(const struct str[]){STR("Equal"), STR("Exists"), STR("Lt"), STR("Gt")},
                str_is(t->operator, "Lt") || str_is(t->operator, "Gt") ? 4 : 2);
        valid_taint_effect(e, PATH(item, "effect"), t->effect, false);
    }
}
