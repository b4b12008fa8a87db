#include "api/convert_autoscaler.h"

#include "kinds/autoscaling_v1.h"
#include "kinds/autoscaling_v2.h"
#include "schema/json.h"
#include "schema/value.h"

typedef struct autoscaling_v1_horizontal_pod_autoscaler v1_autoscaler;
typedef struct autoscaling_v2_horizontal_pod_autoscaler v2_autoscaler;

/* What v2 says more, and under which annotation v1 shows it. */
enum part { METRICS, CURRENT_METRICS, BEHAVIOR, CONDITIONS, PARTS };
static const struct {
    struct str annotation, above, field;
} parts[PARTS] = {
    [METRICS] = {STR_INIT("autoscaling.alpha.kubernetes.io/metrics"), STR_INIT("spec"), STR_INIT("metrics")},
    [CURRENT_METRICS] = {STR_INIT("autoscaling.alpha.kubernetes.io/current-metrics"), STR_INIT("status"),
                         STR_INIT("currentMetrics")},
    [BEHAVIOR] = {STR_INIT("autoscaling.alpha.kubernetes.io/behavior"), STR_INIT("spec"),
                  STR_INIT("behavior")},
    [CONDITIONS] = {STR_INIT("autoscaling.alpha.kubernetes.io/conditions"), STR_INIT("status"),
                    STR_INIT("conditions")},
};

/* --- metrics: what v1 calls the fields of a source, and where v2 has them --- */

static const struct source_field {
    const char *source, *v1, *above, *v2; /* within `above`, unless that is NULL */
} source_fields[] = {
    {"object", "target", NULL, "describedObject"},
    {"object", "metricName", "metric", "name"},
    {"object", "selector", "metric", "selector"},
    {"object", "targetValue", "target", "value"},
    {"object", "averageValue", "target", "averageValue"},
    {"pods", "metricName", "metric", "name"},
    {"pods", "selector", "metric", "selector"},
    {"pods", "targetAverageValue", "target", "averageValue"},
    {"resource", "name", NULL, "name"},
    {"resource", "targetAverageUtilization", "target", "averageUtilization"},
    {"resource", "targetAverageValue", "target", "averageValue"},
    {"containerResource", "name", NULL, "name"},
    {"containerResource", "container", NULL, "container"},
    {"containerResource", "targetAverageUtilization", "target", "averageUtilization"},
    {"containerResource", "targetAverageValue", "target", "averageValue"},
    {"external", "metricName", "metric", "name"},
    {"external", "metricSelector", "metric", "selector"},
    {"external", "targetValue", "target", "value"},
    {"external", "targetAverageValue", "target", "averageValue"},
};

/* In a status the same stands as what is, not as what should be: "currentValue" in "current". */
static struct str as_found(struct arena *a, const char *name, bool found)
{
    struct str s = str_from(name), target = STR("target");
    bool renamed = found && str_starts(s, target) && (s.n == target.n || s.p[target.n] != 'e');
    return renamed ? arena_concat(a, STR("current"), str_from_at(s, target.n)) : s;
}

/* The name in v1: there "target" is the object that is measured, in specs and statuses. */
static struct str v1_name(struct arena *a, const struct source_field *f, bool found)
{
    return str_is(str_from(f->v1), "target") ? STR("target") : as_found(a, f->v1, found);
}

static struct value source_to_v1(struct arena *a, struct str source, const struct value *v2, bool found)
{
    struct value v1 = VALUE_OBJECT;
    for (size_t i = 0; i < ARRAY_LEN(source_fields); i++) {
        const struct source_field *f = &source_fields[i];
        if (!str_eq(source, str_from(f->source)))
            continue;
        const struct value *in = f->above ? value_get(v2, as_found(a, f->above, found)) : v2,
                           *said = value_get(in, str_from(f->v2));
        struct str name = v1_name(a, f, found);
        if (said)
            value_set(a, &v1, name, *said);
        else if (str_is(source, "object") && str_is(str_from(f->v2), "value"))
            value_set(a, &v1, name, VALUE_STR(STR("0"))); /* no pointer there */
    }
    return v1;
}

/* Which kind of target it is, v1 does not say. */
static void tell_target(struct arena *a, struct str source, struct value *v2)
{
    struct value *target = value_get(v2, STR("target"));
    if (!target)
        return;
    bool average = value_get(target, STR("averageValue"));
    value_set(a, target, STR("type"),
              VALUE_STR(value_get(target, STR("averageUtilization")) ? STR("Utilization")
                        : average                                    ? STR("AverageValue")
                                                                     : STR("Value")));
    if (average && str_is(source, "object"))
        value_del(target, STR("value"));
}

static struct value source_to_v2(struct arena *a, struct str source, const struct value *v1, bool found)
{
    struct value v2 = VALUE_OBJECT;
    for (size_t i = 0; i < ARRAY_LEN(source_fields); i++) {
        const struct source_field *f = &source_fields[i];
        const struct value *said =
            str_eq(source, str_from(f->source)) ? value_get(v1, v1_name(a, f, found)) : NULL;
        if (!said)
            continue;
        struct value *in = &v2;
        if (f->above) {
            struct str above = as_found(a, f->above, found);
            in = value_get(&v2, above) ? value_get(&v2, above) : value_set(a, &v2, above, VALUE_OBJECT);
        }
        value_set(a, in, str_from(f->v2), *said);
    }
    if (!found)
        tell_target(a, source, &v2);
    return v2;
}

/* Renames within each metric of a list, in place: {"type": "Pods", "pods": {...}}. */
static void rename_metrics(struct arena *a, struct value *list, bool found,
                           struct value (*rename)(struct arena *a, struct str source, const struct value *v,
                                                  bool found))
{
    for (size_t i = 0; list->kind == JSON_ARRAY && i < list->list.n; i++) {
        struct value *metric = &list->list.at[i];
        for (size_t k = 0; metric->kind == JSON_OBJECT && k < metric->members.n; k++) {
            struct value_member *m = &metric->members.at[k];
            if (m->value.kind == JSON_OBJECT)
                m->value = rename(a, m->key, &m->value, found);
        }
    }
}

/* --- behavior: Go's names of the fields in v1, which has no others --- */

static void rename_fields(struct arena *a, struct value *v, bool capital)
{
    for (size_t i = 0; v->kind == JSON_ARRAY && i < v->list.n; i++)
        rename_fields(a, &v->list.at[i], capital);
    if (v->kind != JSON_OBJECT)
        return;
    struct value renamed = VALUE_OBJECT;
    for (size_t i = 0; i < v->members.n; i++) {
        struct value_member *m = &v->members.at[i];
        char *name = arena_dup(a, m->key.p, m->key.n);
        if (m->key.n && capital == (name[0] >= 'a' && name[0] <= 'z'))
            name[0] ^= 'a' ^ 'A';
        rename_fields(a, &m->value, capital);
        value_set(a, &renamed, str_slice(name, m->key.n), m->value);
    }
    *v = renamed;
}

/* --- from v2 --- */

/* v1 says it itself. */
static bool is_cpu(const struct value *metric)
{
    const struct value *r = value_get(metric, STR("resource"));
    return str_is(value_get_str(r, STR("name")), "cpu") &&
           value_get(value_get(r, STR("target")), STR("averageUtilization"));
}

/* What is to be annotated of a part; null: nothing. */
static struct value part_to_v1(struct arena *a, enum part p, const struct value *v2)
{
    const struct value *said = value_get(value_get(v2, parts[p].above), parts[p].field);
    if (!said)
        return VALUE_NULL;
    struct value v = *said;
    for (size_t i = v.kind == JSON_ARRAY ? v.list.n : 0; p == METRICS && i--;)
        if (is_cpu(&v.list.at[i]))
            value_remove(&v, i);
    if (v.kind == JSON_ARRAY && !v.list.n)
        return VALUE_NULL;
    if (p == BEHAVIOR)
        rename_fields(a, &v, true);
    else if (p != CONDITIONS)
        rename_metrics(a, &v, p == CURRENT_METRICS, source_to_v1);
    return v;
}

static void annotate(struct arena *a, struct str_map *m, struct str key, struct str text)
{
    struct str_entry *at = arena_new_n(a, struct str_entry, m->n + 1);
    size_t n = 0;
    while (n < m->n && str_cmp(m->at[n].key, key) < 0) {
        at[n] = m->at[n];
        n++;
    }
    at[n] = (struct str_entry){key, text};
    for (size_t i = n; i < m->n; i++)
        at[++n] = m->at[i];
    *m = (struct str_map){at, m->n + 1};
}

void autoscaler_from_v2(const void *from, void *to, struct arena *a)
{
    const v2_autoscaler *v2 = from;
    v1_autoscaler *v1 = to;
    v1->metadata = v2->metadata;
    v1->spec.scale_target_ref.kind = v2->spec.scale_target_ref.kind;
    v1->spec.scale_target_ref.name = v2->spec.scale_target_ref.name;
    v1->spec.scale_target_ref.api_version = v2->spec.scale_target_ref.api_version;
    v1->spec.min_replicas = v2->spec.min_replicas;
    v1->spec.max_replicas = v2->spec.max_replicas;
    for (size_t i = 0; i < v2->spec.metrics.n; i++) {
        const struct autoscaling_v2_resource_metric_source *m = v2->spec.metrics.at[i].resource;
        if (m && str_is(m->name, "cpu") && m->target.average_utilization)
            v1->spec.target_cpu_utilization_percentage = m->target.average_utilization;
    }
    v1->status.observed_generation = v2->status.observed_generation;
    v1->status.last_scale_time = v2->status.last_scale_time;
    v1->status.current_replicas = v2->status.current_replicas;
    v1->status.desired_replicas = v2->status.desired_replicas;
    for (size_t i = 0; i < v2->status.current_metrics.n; i++) {
        const struct autoscaling_v2_resource_metric_status *m = v2->status.current_metrics.at[i].resource;
        if (m && str_is(m->name, "cpu"))
            v1->status.current_cpu_utilization_percentage = m->current.average_utilization;
    }
    if (!v2->spec.metrics.n && !v2->spec.behavior && !v2->status.current_metrics.n &&
        !v2->status.conditions.n)
        return;
    _cleanup_buf_ struct buf json = {0};
    struct value tree;
    json_encode(&json, &autoscaling_v2_horizontal_pod_autoscaler_type, v2);
    if (value_parse(a, arena_str(a, buf_str(&json)), &tree, NULL) < 0)
        return;
    for (enum part p = 0; p < PARTS; p++) {
        struct value v = part_to_v1(a, p, &tree);
        if (v.kind != JSON_NULL)
            annotate(a, &v1->metadata.annotations, parts[p].annotation, value_json(a, &v));
    }
}

/* --- to v2 --- */

/* Reads a part's annotation into `out`; what cannot be read is as if it were not there. */
static void part_to_v2(struct arena *a, enum part p, struct str text, v2_autoscaler *out)
{
    struct value v, above = VALUE_OBJECT, whole = VALUE_OBJECT;
    v2_autoscaler *read = arena_new(a, v2_autoscaler);
    if (value_parse(a, text, &v, NULL) < 0)
        return;
    if (p == BEHAVIOR)
        rename_fields(a, &v, false);
    else if (p != CONDITIONS)
        rename_metrics(a, &v, p == CURRENT_METRICS, source_to_v2);
    value_set(a, &above, parts[p].field, v);
    value_set(a, &whole, parts[p].above, above);
    if (json_decode(a, &autoscaling_v2_horizontal_pod_autoscaler_type, value_json(a, &whole), JSON_BORROW,
                    read, NULL, NULL) < 0)
        return;
    switch (p) {
    case METRICS:
        out->spec.metrics = read->spec.metrics;
        break;
    case CURRENT_METRICS:
        out->status.current_metrics = read->status.current_metrics;
        break;
    case BEHAVIOR:
        out->spec.behavior = read->spec.behavior;
        break;
    case CONDITIONS:
    case PARTS:
        out->status.conditions = read->status.conditions;
    }
}

/* Takes the annotations of the parts for what they say, and out. */
static void take_annotations(struct arena *a, v2_autoscaler *v2)
{
    const struct str_map *all = &v2->metadata.annotations;
    struct str_map kept = {arena_new_n(a, struct str_entry, all->n), 0};
    for (size_t i = 0; i < all->n; i++) {
        enum part p = 0;
        while (p < PARTS && !str_eq(all->at[i].key, parts[p].annotation))
            p++;
        if (p < PARTS)
            part_to_v2(a, p, all->at[i].value, v2);
        else
            kept.at[kept.n++] = all->at[i];
    }
    if (kept.n < all->n)
        v2->metadata.annotations = kept.n ? kept : (struct str_map){0};
}

static void add_cpu(struct arena *a, struct autoscaling_v2_metric_spec_vec *to, int32_t *utilization)
{
    struct autoscaling_v2_metric_spec *at = arena_new_n(a, struct autoscaling_v2_metric_spec, to->n + 1);
    if (to->n)
        memcpy(at, to->at, to->n * sizeof *at);
    struct autoscaling_v2_metric_spec *m = &at[to->n++];
    m->type = STR("Resource");
    m->resource = arena_new(a, struct autoscaling_v2_resource_metric_source);
    m->resource->name = STR("cpu");
    m->resource->target.type = STR("Utilization");
    m->resource->target.average_utilization = utilization;
    to->at = at;
}

void autoscaler_to_v2(const void *from, void *to, struct arena *a)
{
    const v1_autoscaler *v1 = from;
    v2_autoscaler *v2 = to;
    v2->metadata = v1->metadata;
    v2->spec.scale_target_ref.kind = v1->spec.scale_target_ref.kind;
    v2->spec.scale_target_ref.name = v1->spec.scale_target_ref.name;
    v2->spec.scale_target_ref.api_version = v1->spec.scale_target_ref.api_version;
    v2->spec.min_replicas = v1->spec.min_replicas;
    v2->spec.max_replicas = v1->spec.max_replicas;
    v2->status.observed_generation = v1->status.observed_generation;
    v2->status.last_scale_time = v1->status.last_scale_time;
    v2->status.current_replicas = v1->status.current_replicas;
    v2->status.desired_replicas = v1->status.desired_replicas;
    take_annotations(a, v2);
    if (v1->spec.target_cpu_utilization_percentage)
        add_cpu(a, &v2->spec.metrics, v1->spec.target_cpu_utilization_percentage);
}
