#include "api/convert.h"

#include "api/convert_autoscaler.h"
#include "kinds/autoscaling_v1.h"
#include "kinds/autoscaling_v2.h"
#include "kinds/core_v1.h"
#include "kinds/events_v1.h"
#include "schema/custom/custom.h"
#include "schema/default.h"
#include "schema/json.h"

/* --- events: the same fields under other names (pkg/apis/core/v1, events/v1 conversion) --- */

static void event_to_core(const void *from, void *to, struct arena *a)
{
    const struct events_event *e = from;
    struct event *c = to;
    (void)a;
    *c = (struct event){
        .metadata = e->metadata,
        .involved_object = e->regarding,
        .reason = e->reason,
        .message = e->note,
        .source = e->deprecated_source,
        .first_timestamp = e->deprecated_first_timestamp,
        .last_timestamp = e->deprecated_last_timestamp,
        .count = e->deprecated_count,
        .type = e->type,
        .event_time = e->event_time,
        .series = (struct event_series *)(void *)e->series, /* one layout */
        .action = e->action,
        .related = e->related,
        .reporting_component = e->reporting_controller,
        .reporting_instance = e->reporting_instance,
    };
}

static void event_from_core(const void *from, void *to, struct arena *a)
{
    const struct event *c = from;
    struct events_event *e = to;
    (void)a;
    *e = (struct events_event){
        .metadata = c->metadata,
        .event_time = c->event_time,
        .series = (struct events_event_series *)(void *)c->series,
        .reporting_controller = c->reporting_component,
        .reporting_instance = c->reporting_instance,
        .action = c->action,
        .reason = c->reason,
        .regarding = c->involved_object,
        .related = c->related,
        .note = c->message,
        .type = c->type,
        .deprecated_source = c->source,
        .deprecated_first_timestamp = c->first_timestamp,
        .deprecated_last_timestamp = c->last_timestamp,
        .deprecated_count = c->count,
    };
}

_Static_assert(sizeof(struct event_series) == sizeof(struct events_event_series), "one layout");

static const struct conversion {
    const struct resource *from, *to;
    void (*run)(const void *from, void *to, struct arena *a);
} conversions[] = {
    {&events_event_resource, &event_resource, event_to_core},
    {&event_resource, &events_event_resource, event_from_core},
    {&autoscaling_v1_horizontal_pod_autoscaler_resource, &autoscaling_v2_horizontal_pod_autoscaler_resource,
     autoscaler_to_v2},
    {&autoscaling_v2_horizontal_pod_autoscaler_resource, &autoscaling_v1_horizontal_pod_autoscaler_resource,
     autoscaler_from_v2},
};

void *convert(struct arena *a, const struct resource *from, const struct resource *to, const void *typed)
{
    void *out = arena_alloc(a, to->type->size);
    for (size_t i = 0; i < ARRAY_LEN(conversions); i++)
        if (conversions[i].from == from && conversions[i].to == to) {
            conversions[i].run(typed, out, a);
            return out;
        }
    /* What the other one knows is taken over. */
    _cleanup_buf_ struct buf json = {0};
    json_encode(&json, from->type, typed);
    json_decode(a, to->type, arena_str(a, buf_str(&json)), JSON_BORROW, out, NULL, NULL);
    if (to->custom)
        default_apply(a, to->type, out);
    return out;
}

const struct resource *storage_form(const struct resource *r)
{
    return r->custom ? &r->custom->storage->resource : stored_form(r);
}

struct object *convert_object(struct object *o, const struct resource *to)
{
    if (object_resource(o) == to)
        return o;
    _cleanup_arena_ struct arena a = {0};
    void *typed = convert(&a, object_resource(o), to, object_typed(o));
    int64_t revision = object_revision(o);
    resource_meta(to, typed)->resource_version = STR("");
    struct object *shown = object_new(to, typed);
    if (revision)
        object_commit(shown, revision);
    object_unref(o);
    return shown;
}

/* --- selectors --- */

void convert_fields(struct field_selector *s, const struct resource *stored)
{
    static const struct {
        const struct resource *stored;
        const char *served, *name;
    } names[] = {
        {&event_resource, "regarding.kind", "involvedObject.kind"},
        {&event_resource, "regarding.namespace", "involvedObject.namespace"},
        {&event_resource, "regarding.name", "involvedObject.name"},
        {&event_resource, "regarding.uid", "involvedObject.uid"},
        {&event_resource, "regarding.apiVersion", "involvedObject.apiVersion"},
        {&event_resource, "regarding.resourceVersion", "involvedObject.resourceVersion"},
        {&event_resource, "regarding.fieldPath", "involvedObject.fieldPath"},
        {&event_resource, "reportingController", "reportingComponent"},
    };
    for (size_t i = 0; i < s->n; i++) {
        struct field_term *t = &s->at[i];
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            if (names[k].stored == stored && str_is(t->key, names[k].served)) {
                t->key = str_from(names[k].name);
                break;
            }
        field_ref_resolve(stored->type, t->key, &t->ref);
    }
}
