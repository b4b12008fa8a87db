/* Events (pkg/registry/core/event, pkg/apis/core/validation/events.go). Those that are written in their newer
 * form (events.k8s.io/v1) must follow stricter rules than those that have always been; fields bear the names
 * that the older form gives them. */
#include "api/kind/kinds.h"
#include "kinds/events_v1.h"
#include "schema/timestamp.h"

enum { WORDS_MAX = 128, MESSAGE_MAX = 1024 };

/* Upstream shows none of these values. */
static void refuse(struct field_errors *e, const char *field, const char *why)
{
    struct path at = path_child(NULL, str_from(field));
    field_invalid(e, &at, STR(""), "%s", why);
}

static void valid_words(struct field_errors *e, const char *field, struct str v)
{
    struct path at = path_child(NULL, str_from(field));
    if (!v.n)
        field_required(e, &at, "%s", "");
    if (v.n > WORDS_MAX)
        field_invalid(e, &at, STR(""), "can have at most %d characters", WORDS_MAX);
}

/* What happened to objects without a namespace is told in "default", or by now in "kube-system". */
static void valid_place(struct field_errors *e, const struct event *ev)
{
    struct str ns = ev->metadata.namespace, of = ev->involved_object.namespace;
    bool is_new = !time_is_zero(ev->event_time);
    bool fits =
        of.n ? is_new || str_eq(of, ns) : str_is(ns, "default") || (is_new && str_is(ns, "kube-system"));
    if (!fits)
        field_invalid(e, PATH(PATH(NULL, "involvedObject"), "namespace"), of,
                      "does not match event.namespace");
}

static void event_validate(const void *o, struct field_errors *e)
{
    const struct event *ev = o;
    struct path reporter = path_child(NULL, e->served == &events_event_resource ? STR("reportingController")
                                                                                : STR("reportingComponent"));
    valid_place(e, ev);
    if (time_is_zero(ev->event_time))
        return;
    if (!ev->reporting_component.n)
        field_required(e, &reporter, "%s", "");
    valid_qualified(e, &reporter, ev->reporting_component);
    valid_words(e, "reportingInstance", ev->reporting_instance);
    valid_words(e, "action", ev->action);
    valid_words(e, "reason", ev->reason);
    if (ev->message.n > MESSAGE_MAX)
        field_invalid(e, PATH(NULL, "message"), STR(""), "can have at most %d characters", MESSAGE_MAX);
}

const struct strategy event_strategy = {
    .resource = &event_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE,
    .validate = event_validate,
};

/* --- events.k8s.io: more rules, over the same form --- */

static void valid_series(struct field_errors *e, const struct event_series *s)
{
    if (!s)
        return;
    if (s->count < 2)
        refuse(e, "series.count", "should be at least 2");
    if (time_is_zero(s->last_observed_time))
        field_required(e, PATH(NULL, "series.lastObservedTime"), "%s", "");
}

static void new_event_validate_create(const void *o, struct field_errors *e)
{
    const struct event *ev = o;
    valid_series(e, ev->series);
    if (time_is_zero(ev->event_time))
        field_required(e, PATH(NULL, "eventTime"), "%s", "");
    if (!str_is(ev->type, "Normal") && !str_is(ev->type, "Warning"))
        field_invalid(e, PATH(NULL, "type"), STR(""), "has invalid value: " STR_FMT, STR_ARG(ev->type));
    const struct {
        bool set;
        const char *field;
    } older[] = {
        {!time_is_zero(ev->first_timestamp), "firstTimestamp"},
        {!time_is_zero(ev->last_timestamp), "lastTimestamp"},
        {ev->count, "count"},
        {ev->source.component.n || ev->source.host.n, "source"},
    };
    for (size_t i = 0; i < ARRAY_LEN(older); i++)
        if (older[i].set)
            refuse(e, older[i].field, "needs to be unset");
}

/* Updates may change everything: upstream compares an event with itself, and its conformance tests patch the
 * note. */
const struct strategy new_event_strategy = {
    .resource = &events_event_resource,
    .validate_create = new_event_validate_create,
};
