/* Disruption budgets (pkg/apis/policy/validation). */
#include "api/kind/kinds.h"
#include "kinds/policy_v1.h"

/* --- PodDisruptionBudget --- */

static void budget_validate(const void *o, struct field_errors *e)
{
    const struct pod_disruption_budget_spec *s = &((const struct pod_disruption_budget *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    if (s->min_available && s->max_unavailable)
        field_error(e, FIELD_ERROR_INVALID, spec, valid_bad(e, &pod_disruption_budget_spec_type, s),
                    "minAvailable and maxUnavailable cannot be both set");
    if (s->min_available) {
        valid_count_or_percent(e, PATH(spec, "minAvailable"), s->min_available);
        valid_at_most_100_percent(e, PATH(spec, "minAvailable"), s->min_available);
    }
    if (s->max_unavailable) {
        valid_count_or_percent(e, PATH(spec, "maxUnavailable"), s->max_unavailable);
        valid_at_most_100_percent(e, PATH(spec, "maxUnavailable"), s->max_unavailable);
    }
    if (s->unhealthy_pod_eviction_policy)
        VALID_ONE_OF(e, PATH(spec, "unhealthyPodEvictionPolicy"), *s->unhealthy_pod_eviction_policy, true,
                     STR("AlwaysAllow"), STR("IfHealthyBudget"));
    valid_selector(e, PATH(spec, "selector"), s->selector);
}

static void budget_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct pod_disruption_budget_status *s = &((const struct pod_disruption_budget *)o)->status;
    struct path status = path_child(NULL, STR("status"));
    (void)old;
    valid_not_negative(e, PATH(&status, "disruptionsAllowed"), s->disruptions_allowed);
    valid_not_negative(e, PATH(&status, "currentHealthy"), s->current_healthy);
    valid_not_negative(e, PATH(&status, "desiredHealthy"), s->desired_healthy);
    valid_not_negative(e, PATH(&status, "expectedPods"), s->expected_pods);
}

const struct strategy pod_disruption_budget_strategy = {
    .resource = &pod_disruption_budget_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = budget_validate,
    .validate_status = budget_validate_status,
};
