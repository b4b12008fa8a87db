/* HorizontalPodAutoscalers (pkg/apis/autoscaling/validation): bounds, measures, and how fast. */
#include "api/kind/kinds.h"
#include "kinds/autoscaling_v2.h"
#include "schema/quantity.h"

enum { PERIOD_SECONDS_MAX = 1800, WINDOW_SECONDS_MAX = 3600, WINDOW_SECONDS_UP = 0, POLICY_SECONDS = 15 };

/* --- defaults --- */

static void cpu_by_default(struct autoscaling_v2_horizontal_pod_autoscaler_spec *s, struct arena *a)
{
    struct autoscaling_v2_metric_spec *m = arena_new(a, struct autoscaling_v2_metric_spec);
    m->type = STR("Resource");
    m->resource = arena_new(a, struct autoscaling_v2_resource_metric_source);
    m->resource->name = STR("cpu");
    m->resource->target.type = STR("Utilization");
    m->resource->target.average_utilization = arena_dup(a, &(int32_t){80}, sizeof(int32_t));
    s->metrics.at = m;
    s->metrics.n = 1;
}

/* Up: the more of four pods and twice as many; down: all of them; each within 15 seconds. */
static void rules_defaults(struct hpa_scaling_rules **rules, bool up, struct arena *a)
{
    static const struct hpa_scaling_policy policies[] = {
        {.type = STR_INIT("Pods"), .value = 4, .period_seconds = POLICY_SECONDS},
        {.type = STR_INIT("Percent"), .value = 100, .period_seconds = POLICY_SECONDS}};
    struct hpa_scaling_rules *r = *rules ? *rules : arena_new(a, struct hpa_scaling_rules);
    *rules = r;
    if (up && !r->stabilization_window_seconds)
        r->stabilization_window_seconds = arena_dup(a, &(int32_t){WINDOW_SECONDS_UP}, sizeof(int32_t));
    if (!r->select_policy)
        r->select_policy = arena_dup(a, &STR("Max"), sizeof(struct str));
    if (r->policies.at)
        return;
    size_t from = up ? 0 : 1, n = ARRAY_LEN(policies) - from;
    r->policies.at = arena_dup(a, policies + from, n * sizeof *policies);
    r->policies.n = n;
}

static void autoscaler_defaults(void *o, struct arena *a)
{
    struct autoscaling_v2_horizontal_pod_autoscaler_spec *s =
        &((struct autoscaling_v2_horizontal_pod_autoscaler *)o)->spec;
    if (!s->metrics.n)
        cpu_by_default(s, a);
    if (s->behavior) {
        rules_defaults(&s->behavior->scale_up, true, a);
        rules_defaults(&s->behavior->scale_down, false, a);
    }
}

/* --- references --- */

/* What is wrong with an apiVersion where a group is asked for or not; NULL: nothing. */
static const char *api_version_wrong(struct str v, bool group)
{
    ptrdiff_t slash = str_index(v, '/');
    if (slash >= 0 && v.n > 1 && str_index(str_from_at(v, (size_t)slash + 1), '/') >= 0)
        return "unexpected GroupVersion string: ";
    return group && slash <= 0 ? "apiVersion must specify API group" : NULL;
}

static void valid_reference(struct field_errors *e, const struct path *at,
                            const struct autoscaling_v2_cross_version_object_reference *ref)
{
    valid_format(e, PATH(at, "kind"), FORMAT_PATH_SEGMENT, ref->kind);
    valid_format(e, PATH(at, "name"), FORMAT_PATH_SEGMENT, ref->name);
}

static void valid_reference_version(struct field_errors *e, const struct path *at,
                                    const struct autoscaling_v2_cross_version_object_reference *ref,
                                    bool group)
{
    const char *wrong = api_version_wrong(ref->api_version, group);
    if (wrong)
        field_invalid(e, PATH(at, "apiVersion"), ref->api_version, "%s" STR_FMT, wrong,
                      STR_ARG(str_ends(str_from(wrong), STR(": ")) ? ref->api_version : STR("")));
}

/* --- measures --- */

static void valid_positive(struct field_errors *e, const struct path *at, const struct str *quantity)
{
    if (quantity && quantity_sign(quantity_of(*quantity)) <= 0)
        field_invalid(e, at, *quantity, "must be positive");
}

static void valid_target(struct field_errors *e, const struct path *at, const struct metric_target *t)
{
    if (!t->type.n)
        field_required(e, PATH(at, "type"), "must specify a metric target type");
    if (!str_is(t->type, "Utilization") && !str_is(t->type, "Value") && !str_is(t->type, "AverageValue"))
        field_invalid(e, PATH(at, "type"), t->type, "must be either Utilization, Value, or AverageValue");
    valid_positive(e, PATH(at, "value"), t->value);
    valid_positive(e, PATH(at, "averageValue"), t->average_value);
    if (t->average_utilization && *t->average_utilization < 1)
        field_invalid_int(e, PATH(at, "averageUtilization"), *t->average_utilization,
                          "must be greater than 0");
}

static void valid_metric_name(struct field_errors *e, const struct path *at,
                              const struct metric_identifier *m)
{
    if (!m->name.n)
        field_required(e, PATH(at, "name"), "must specify a metric name");
    else
        format_validate(e, PATH(at, "name"), FORMAT_PATH_SEGMENT, m->name);
}

static void valid_object_metric(struct field_errors *e, const struct path *at,
                                const struct autoscaling_v2_metric_spec *m)
{
    const struct autoscaling_v2_object_metric_source *s = m->object;
    valid_reference(e, PATH(at, "describedObject"), &s->described_object);
    valid_reference_version(e, PATH(at, "describedObject"), &s->described_object, false);
    valid_metric_name(e, PATH(at, "metric"), &s->metric);
    valid_target(e, PATH(at, "target"), &s->target);
    if (!s->target.value && !s->target.average_value)
        field_required(e, PATH(PATH(at, "target"), "averageValue"),
                       "must set either a target value or averageValue");
}

static void valid_external_metric(struct field_errors *e, const struct path *at,
                                  const struct autoscaling_v2_metric_spec *m)
{
    const struct autoscaling_v2_external_metric_source *s = m->external;
    const struct path *target = PATH(at, "target");
    valid_metric_name(e, PATH(at, "metric"), &s->metric);
    valid_target(e, target, &s->target);
    if (!s->target.value && !s->target.average_value)
        field_required(e, PATH(target, "averageValue"),
                       "must set either a target value for metric or a per-pod target");
    if (s->target.value && s->target.average_value)
        field_forbidden(e, PATH(target, "value"),
                        "may not set both a target value for metric and a per-pod target");
}

static void valid_pods_metric(struct field_errors *e, const struct path *at,
                              const struct autoscaling_v2_metric_spec *m)
{
    const struct autoscaling_v2_pods_metric_source *s = m->pods;
    valid_metric_name(e, PATH(at, "metric"), &s->metric);
    valid_target(e, PATH(at, "target"), &s->target);
    if (!s->target.average_value)
        field_required(e, PATH(PATH(at, "target"), "averageValue"),
                       "must specify a positive target averageValue");
}

static void valid_resource_target(struct field_errors *e, const struct path *at, struct str name,
                                  const struct metric_target *t)
{
    const struct path *target = PATH(at, "target");
    if (!name.n)
        field_required(e, PATH(at, "name"), "must specify a resource name");
    valid_target(e, target, t);
    if (!t->average_utilization && !t->average_value)
        field_required(e, PATH(target, "averageUtilization"),
                       "must set either a target raw value or a target utilization");
    if (t->average_utilization && t->average_value)
        field_forbidden(e, PATH(target, "averageValue"),
                        "may not set both a target raw value and a target utilization");
}

static void valid_resource_metric(struct field_errors *e, const struct path *at,
                                  const struct autoscaling_v2_metric_spec *m)
{
    valid_resource_target(e, at, m->resource->name, &m->resource->target);
}

static void valid_container_metric(struct field_errors *e, const struct path *at,
                                   const struct autoscaling_v2_metric_spec *m)
{
    const struct autoscaling_v2_container_resource_metric_source *s = m->container_resource;
    if (!s->container.n)
        field_required(e, PATH(at, "container"), "must specify a container");
    valid_resource_target(e, at, s->name, &s->target);
}

static const struct source {
    const char *type, *field;
    size_t offset;
    void (*valid)(struct field_errors *e, const struct path *at, const struct autoscaling_v2_metric_spec *m);
} sources[] = {
    {"Object", "object", offsetof(struct autoscaling_v2_metric_spec, object), valid_object_metric},
    {"External", "external", offsetof(struct autoscaling_v2_metric_spec, external), valid_external_metric},
    {"Pods", "pods", offsetof(struct autoscaling_v2_metric_spec, pods), valid_pods_metric},
    {"Resource", "resource", offsetof(struct autoscaling_v2_metric_spec, resource), valid_resource_metric},
    {"ContainerResource", "containerResource",
     offsetof(struct autoscaling_v2_metric_spec, container_resource), valid_container_metric},
};

/* One source, the one that the type names; the first that is there is looked into. */
static void valid_metric(struct field_errors *e, const struct path *at,
                         const struct autoscaling_v2_metric_spec *m)
{
    size_t present = 0;
    bool known = false;
    if (!m->type.n)
        field_required(e, PATH(at, "type"), "must specify a metric source type");
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        struct path source = path_child(at, str_from(sources[i].field));
        bool there = *(void *const *)(const void *)((const char *)m + sources[i].offset);
        bool wanted = str_is(m->type, sources[i].type);
        known |= wanted;
        if (there && present++ == 0)
            sources[i].valid(e, &source, m);
        if (!there && wanted)
            field_required(e, &source, "must populate information for the given metric source");
    }
    if (!known)
        VALID_ONE_OF(e, PATH(at, "type"), m->type, false, STR("ContainerResource"), STR("External"),
                     STR("Object"), STR("Pods"), STR("Resource"));
    for (size_t i = 0; i < ARRAY_LEN(sources) && present > 1; i++) {
        struct path source = path_child(at, str_from(sources[i].field));
        if (*(void *const *)(const void *)((const char *)m + sources[i].offset) &&
            !str_is(m->type, sources[i].type))
            field_forbidden(e, &source, "must populate the given metric source only");
    }
}

/* --- how fast --- */

static void valid_rules(struct field_errors *e, const struct path *at, const struct hpa_scaling_rules *r)
{
    const struct path *window = PATH(at, "stabilizationWindowSeconds"), *policies = PATH(at, "policies");
    if (!r)
        return;
    const int32_t *seconds = r->stabilization_window_seconds;
    if (seconds && *seconds < 0)
        field_invalid_int(e, window, *seconds, "must be greater than or equal to zero");
    if (seconds && *seconds > WINDOW_SECONDS_MAX)
        field_invalid_int(e, window, *seconds, "must be less than or equal to %d", WINDOW_SECONDS_MAX);
    if (r->select_policy)
        VALID_ONE_OF(e, PATH(at, "selectPolicy"), *r->select_policy, true, STR("Disabled"), STR("Max"),
                     STR("Min"));
    if (!r->policies.n)
        field_required(e, policies, "must specify at least one Policy");
    each (r->policies, i) {
        const struct hpa_scaling_policy *p = &r->policies.at[i];
        const struct path *policy = PATH_AT(policies, i), *period = PATH(policy, "periodSeconds");
        if (!str_is(p->type, "Pods") && !str_is(p->type, "Percent"))
            field_not_supported(e, PATH(policy, "type"), p->type,
                                (const struct str[]){STR("Percent"), STR("Pods")}, 2);
        if (p->value <= 0)
            field_invalid_int(e, PATH(policy, "value"), p->value, "must be greater than zero");
        if (p->period_seconds <= 0)
            field_invalid_int(e, period, p->period_seconds, "must be greater than zero");
        if (p->period_seconds > PERIOD_SECONDS_MAX)
            field_invalid_int(e, period, p->period_seconds, "must be less than or equal to %d",
                              PERIOD_SECONDS_MAX);
    }
    if (r->tolerance)
        valid_quantity(e, PATH(at, "tolerance"), *r->tolerance);
}

/* --- the whole --- */

static void autoscaler_validate(const void *o, struct field_errors *e)
{
    const struct autoscaling_v2_horizontal_pod_autoscaler_spec *s =
        &((const struct autoscaling_v2_horizontal_pod_autoscaler *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *most = PATH(spec, "maxReplicas"), *behavior = PATH(spec, "behavior");
    if (s->min_replicas && *s->min_replicas < 1)
        field_invalid_int(e, PATH(spec, "minReplicas"), *s->min_replicas,
                          "must be greater than or equal to 1");
    if (s->max_replicas == 0)
        field_required(e, most, "must be set and greater than 0");
    else if (s->max_replicas < 0)
        field_invalid_int(e, most, s->max_replicas, "must be greater than or equal to 1");
    if (s->min_replicas && s->max_replicas < *s->min_replicas)
        field_invalid_int(e, most, s->max_replicas, "must be greater than or equal to `minReplicas`");
    valid_reference(e, PATH(spec, "scaleTargetRef"), &s->scale_target_ref);
    each (s->metrics, i)
        valid_metric(e, PATH_AT(PATH(spec, "metrics"), i), &s->metrics.at[i]);
    if (s->behavior) {
        valid_rules(e, PATH(behavior, "scaleUp"), s->behavior->scale_up);
        valid_rules(e, PATH(behavior, "scaleDown"), s->behavior->scale_down);
    }
}

/* The only kind without a group that can be scaled. */
static bool needs_group(const struct autoscaling_v2_cross_version_object_reference *target)
{
    return !str_is(target->kind, "ReplicationController");
}

static void autoscaler_validate_create(const void *o, struct field_errors *e)
{
    const struct autoscaling_v2_horizontal_pod_autoscaler_spec *s =
        &((const struct autoscaling_v2_horizontal_pod_autoscaler *)o)->spec;
    struct path spec = path_child(NULL, STR("spec"));
    valid_reference_version(e, PATH(&spec, "scaleTargetRef"), &s->scale_target_ref,
                            needs_group(&s->scale_target_ref));
}

/* A version that was let in before it was looked at may stay. */
static void autoscaler_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct autoscaling_v2_horizontal_pod_autoscaler_spec *s =
        &((const struct autoscaling_v2_horizontal_pod_autoscaler *)before)->spec;
    if (!api_version_wrong(s->scale_target_ref.api_version, needs_group(&s->scale_target_ref)))
        autoscaler_validate_create(o, e);
}

static void autoscaler_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct autoscaling_v2_horizontal_pod_autoscaler_status *s =
        &((const struct autoscaling_v2_horizontal_pod_autoscaler *)o)->status;
    struct path status = path_child(NULL, STR("status"));
    (void)old;
    valid_not_negative(e, PATH(&status, "currentReplicas"), s->current_replicas);
    valid_not_negative(e, PATH(&status, "desiredReplicas"), s->desired_replicas);
}

const struct strategy autoscaler_strategy = {
    .resource = &autoscaling_v2_horizontal_pod_autoscaler_resource,
    .defaults = autoscaler_defaults,
    .validate = autoscaler_validate,
    .validate_create = autoscaler_validate_create,
    .validate_update = autoscaler_validate_update,
    .validate_status = autoscaler_validate_status,
};
