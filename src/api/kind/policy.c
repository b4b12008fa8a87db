/* Disruption budgets, autoscalers, quotas, limit ranges. */
#include "api/kind/kinds.h"
#include "kinds/autoscaling_v2.h"
#include "kinds/policy_v1.h"
#include "schema/quantity.h"

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

/* --- ResourceQuota --- */

static void quota_validate(const void *o, struct field_errors *e)
{
    const struct resource_quota *q = o;
    struct path spec = path_child(NULL, STR("spec"));
    each (q->spec.hard, i) {
        const struct path *at = PATH_OF(PATH(&spec, "hard"), q->spec.hard.at[i].key);
        format_validate(e, at, FORMAT_LABEL_KEY, q->spec.hard.at[i].key);
        valid_quantity(e, at, q->spec.hard.at[i].value);
    }
}

static void quota_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct resource_quota *now = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    bool same_scopes = now->spec.scopes.n == old->spec.scopes.n;
    each (now->spec.scopes, i)
        same_scopes &= str_vec_has(&old->spec.scopes, now->spec.scopes.at[i]);
    valid_immutable(e, PATH(&spec, "scopes"), same_scopes, BAD_NONE);
}

const struct strategy resource_quota_strategy = {
    .resource = &resource_quota_resource,
    .flags = STRATEGY_RETURNS_DELETED,
    .validate = quota_validate,
    .validate_update = quota_validate_update,
};

/* --- LimitRange --- */

/* What has a maximum and no default gets it as a default; then requests default to limits. */
static void limit_range_defaults(void *o, struct arena *a)
{
    struct limit_range *l = o;
    each (l->spec.limits, i) {
        struct limit_range_item *item = &l->spec.limits.at[i];
        if (!str_is(item->type, "Container"))
            continue;
        each (item->max, k)
            if (!str_map_get(&item->default_, item->max.at[k].key))
                str_map_put(&item->default_, a, item->max.at[k].key, item->max.at[k].value);
        each (item->default_, k)
            if (!str_map_get(&item->default_request, item->default_.at[k].key))
                str_map_put(&item->default_request, a, item->default_.at[k].key, item->default_.at[k].value);
        each (item->min, k)
            if (!str_map_get(&item->default_request, item->min.at[k].key))
                str_map_put(&item->default_request, a, item->min.at[k].key, item->min.at[k].value);
    }
}

static void valid_order(struct field_errors *e, const struct path *at, const struct str_map *low,
                        const char *low_name, const struct str_map *high, const char *high_name)
{
    each (*low, i) {
        const struct str *h = str_map_get(high, low->at[i].key);
        if (h && quantity_cmp_str(low->at[i].value, *h) > 0) {
            struct path field = path_child(at, str_from(low_name));
            field_invalid(e, PATH_OF(&field, low->at[i].key), low->at[i].value,
                          "%s value " STR_FMT " is greater than %s value " STR_FMT, low_name,
                          STR_ARG(low->at[i].value), high_name, STR_ARG(*h));
        }
    }
}

static void limit_range_validate(const void *o, struct field_errors *e)
{
    const struct limit_range *l = o;
    struct path spec = path_child(NULL, STR("spec"));
    each (l->spec.limits, i) {
        const struct limit_range_item *item = &l->spec.limits.at[i];
        const struct path *at = PATH_AT(PATH(&spec, "limits"), i);
        format_validate(e, PATH(at, "type"), FORMAT_LABEL_KEY, item->type);
        for (size_t k = 0; k < i; k++)
            if (str_eq(l->spec.limits.at[k].type, item->type))
                field_duplicate(e, PATH(at, "type"), item->type);
        if (str_is(item->type, "Pod")) {
            if (item->default_.n)
                field_forbidden(e, PATH(at, "default"), "may not be specified when `type` is 'Pod'");
            if (item->default_request.n)
                field_forbidden(e, PATH(at, "defaultRequest"), "may not be specified when `type` is 'Pod'");
        }
        valid_order(e, at, &item->min, "min", &item->max, "max");
        valid_order(e, at, &item->min, "min", &item->default_request, "default request");
        valid_order(e, at, &item->default_request, "defaultRequest", &item->max, "max");
        valid_order(e, at, &item->default_request, "defaultRequest", &item->default_, "default limit");
        valid_order(e, at, &item->default_, "default", &item->max, "max");
    }
}

const struct strategy limit_range_strategy = {
    .resource = &limit_range_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE,
    .defaults = limit_range_defaults,
    .validate = limit_range_validate,
};
