/* Events (pkg/registry/core/event, pkg/apis/core/validation/events.go): core's are taken nearly as they come,
 * those of events.k8s.io must say all, and but for their series stay as they are. */
#include "api/kind/kinds.h"
#include "kinds/events_v1.h"
#include "schema/timestamp.h"

enum { NAME_MAX_LENGTH = 128, NOTE_MAX_LENGTH = 1024, SERIES_LEAST = 2 };

static void valid_word(struct field_errors *e, const struct path *at, struct str v)
{
    if (!v.n)
        field_required(e, at, "%s", "");
    if (v.n > NAME_MAX_LENGTH)
        field_invalid(e, at, STR(""), "can have at most %d characters", NAME_MAX_LENGTH);
}

static void event_validate(const void *o, struct field_errors *e)
{
    const struct event *ev = o;
    struct path at = path_child(NULL, STR("involvedObject"));
    struct str ns = ev->involved_object.namespace;
    /* Events of cluster-scoped objects live in "default". */
    if (!ns.n ? !str_is(ev->metadata.namespace, "default") && !str_is(ev->metadata.namespace, "kube-system")
              : !str_eq(ns, ev->metadata.namespace))
        field_invalid(e, PATH(&at, "namespace"), ns, "does not match event.namespace");
    if (time_is_zero(ev->event_time))
        return;
    const struct path *controller = PATH(NULL, "reportingController");
    if (!ev->reporting_component.n)
        field_required(e, controller, "%s", "");
    format_validate(e, controller, FORMAT_LABEL_KEY, ev->reporting_component);
    valid_word(e, PATH(NULL, "reportingInstance"), ev->reporting_instance);
    valid_word(e, PATH(NULL, "action"), ev->action);
    valid_word(e, PATH(NULL, "reason"), ev->reason);
    if (ev->message.n > NOTE_MAX_LENGTH)
        field_invalid(e, PATH(NULL, "message"), STR(""), "can have at most %d characters", NOTE_MAX_LENGTH);
}

const struct strategy event_strategy = {
    .resource = &event_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE,
    .validate = event_validate,
};

/* --- events.k8s.io: rules on top, over core's form --- */

static void valid_series(struct field_errors *e, const struct event_series *s)
{
    struct path series = path_child(NULL, STR("series"));
    if (s && s->count < SERIES_LEAST)
        field_invalid(e, PATH(&series, "count"), STR(""), "should be at least %d", SERIES_LEAST);
    if (s && time_is_zero(s->last_observed_time))
        field_required(e, PATH(&series, "lastObservedTime"), "%s", "");
}

static void new_event_validate_create(const void *o, struct field_errors *e)
{
    const struct event *ev = o;
    const struct {
        const char *field;
        bool set;
    } unset[] = {{"firstTimestamp", !time_is_zero(ev->first_timestamp)},
                 {"lastTimestamp", !time_is_zero(ev->last_timestamp)},
                 {"count", ev->count},
                 {"source", ev->source.component.n || ev->source.host.n}};
    valid_series(e, ev->series);
    if (time_is_zero(ev->event_time))
        field_required(e, PATH(NULL, "eventTime"), "%s", "");
    if (!str_is(ev->type, "Normal") && !str_is(ev->type, "Warning"))
        field_invalid(e, PATH(NULL, "type"), STR(""), "has invalid value: " STR_FMT, STR_ARG(ev->type));
    for (size_t i = 0; i < ARRAY_LEN(unset); i++) {
        struct path at = path_child(NULL, str_from(unset[i].field));
        if (unset[i].set)
            field_invalid(e, &at, STR(""), "needs to be unset");
    }
}

static void new_event_validate_update(const void *o, const void *old, struct field_errors *e)
{
    static const char *const fixed[] = {
        "involvedObject", "reason", "message",   "source", "firstTimestamp",     "lastTimestamp",
        "count",          "type",   "eventTime", "action", "reportingComponent", "reportingInstance",
        "related",
    };
    const struct event_series *now = ((const struct event *)o)->series,
                              *was = ((const struct event *)old)->series;
    if (now && (!was || !same(&event_series_type, now, was)))
        valid_series(e, now);
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        valid_fixed(e, NULL, &event_type, str_from(fixed[i]), o, old);
}

const struct strategy new_event_strategy = {
    .resource = &events_event_resource,
    .validate_create = new_event_validate_create,
    .validate_update = new_event_validate_update,
};
