/* Disruption budgets and autoscalers. */
#include "api/kind/kinds.h"
#include "kinds/autoscaling_v2.h"
#include "kinds/policy_v1.h"

/* --- PodDisruptionBudget --- */

static void budget_validate(const void *o, struct field_errors *e)
{
    const struct pod_disruption_budget_spec *s = &((const struct pod_disruption_budget *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    if (s->min_available && s->max_unavailable)
        field_error(e, FIELD_ERROR_INVALID, spec, BAD_NONE,
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

const struct strategy pod_disruption_budget_strategy = {
    .resource = &pod_disruption_budget_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = budget_validate,
};

/* --- HorizontalPodAutoscaler --- */

static void autoscaler_defaults(void *o, struct arena *a)
{
    struct autoscaling_v2_horizontal_pod_autoscaler_spec *s =
        &((struct autoscaling_v2_horizontal_pod_autoscaler *)o)->spec;
    if (s->metrics.n)
        return;
    struct autoscaling_v2_metric_spec *m = arena_new(a, struct autoscaling_v2_metric_spec);
    m->type = STR("Resource");
    m->resource = arena_new(a, struct autoscaling_v2_resource_metric_source);
    m->resource->name = STR("cpu");
    m->resource->target.type = STR("Utilization");
    m->resource->target.average_utilization = arena_dup(a, &(int32_t){80}, sizeof(int32_t));
    s->metrics.at = m;
    s->metrics.n = 1;
}

static void autoscaler_validate(const void *o, struct field_errors *e)
{
    const struct autoscaling_v2_horizontal_pod_autoscaler_spec *s =
        &((const struct autoscaling_v2_horizontal_pod_autoscaler *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *ref = PATH(spec, "scaleTargetRef");
    if (s->min_replicas && *s->min_replicas < 1)
        field_invalid_int(e, PATH(spec, "minReplicas"), *s->min_replicas,
                          "must be greater than or equal to 1");
    if (s->max_replicas < 1)
        field_invalid_int(e, PATH(spec, "maxReplicas"), s->max_replicas, "must be greater than 0");
    if (s->min_replicas && s->max_replicas < *s->min_replicas)
        field_invalid_int(e, PATH(spec, "maxReplicas"), s->max_replicas,
                          "must be greater than or equal to `minReplicas`");
    valid_format(e, PATH(ref, "kind"), FORMAT_PATH_SEGMENT, s->scale_target_ref.kind);
    valid_format(e, PATH(ref, "name"), FORMAT_PATH_SEGMENT, s->scale_target_ref.name);
}

const struct strategy autoscaler_strategy = {
    .resource = &autoscaling_v2_horizontal_pod_autoscaler_resource,
    .defaults = autoscaler_defaults,
    .validate = autoscaler_validate,
};
