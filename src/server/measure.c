#include "server/measure.h"

#include "base/clock.h"

/* --- declared --- */

static metric_bounds access_bounds = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128,
                                      0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384},
                     size_bounds = {1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9},
                     event_bounds = {1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072},
                     wait_bounds = {0.0001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30};

static struct metric authentication_attempts = {
    "authentication_attempts", "Attempts to say who one is.", METRIC_COUNTER, {"result"}};
static struct metric authentication_duration = {"authentication_duration_seconds",
                                                "How long telling who someone is took.",
                                                METRIC_HISTOGRAM,
                                                {"result"},
                                                access_bounds};
static struct metric authenticated_users = {
    "authenticated_user_requests", "Requests of those who are known, by name.", METRIC_COUNTER, {"username"}};
static struct metric authorization_attempts = {
    "authorization_attempts_total", "Requests by whether they were allowed.", METRIC_COUNTER, {"result"}};
static struct metric authorization_duration = {"authorization_duration_seconds",
                                               "How long deciding that took.",
                                               METRIC_HISTOGRAM,
                                               {"result"},
                                               access_bounds};
static struct metric long_running = {
    "apiserver_longrunning_requests",
    "Requests that stay open.",
    METRIC_GAUGE,
    {"component", "group", "resource", "scope", "subresource", "verb", "version"}};
static struct metric response_sizes = {
    "apiserver_response_sizes",
    "Bytes of answers to reads.",
    METRIC_HISTOGRAM,
    {"component", "group", "resource", "scope", "subresource", "verb", "version"},
    size_bounds};
static struct metric deprecated_apis = {"apiserver_requested_deprecated_apis",
                                        "Deprecated resources that somebody uses.",
                                        METRIC_GAUGE,
                                        {"group", "removed_release", "resource", "subresource", "version"}};
static struct metric watch_events = {"apiserver_watch_events_total",
                                     "Events that watchers were sent.",
                                     METRIC_COUNTER,
                                     {"group", "resource", "version"}};
static struct metric watch_sizes = {"apiserver_watch_events_sizes",
                                    "Bytes of these.",
                                    METRIC_HISTOGRAM,
                                    {"group", "resource", "version"},
                                    event_bounds};
static struct metric flow_dispatched = {"apiserver_flowcontrol_dispatched_requests_total",
                                        "Requests that found a seat.",
                                        METRIC_COUNTER,
                                        {"flow_schema", "priority_level"}};
static struct metric flow_rejected = {"apiserver_flowcontrol_rejected_requests_total",
                                      "Requests that found none.",
                                      METRIC_COUNTER,
                                      {"flow_schema", "priority_level", "reason"}};
static struct metric flow_wait = {"apiserver_flowcontrol_request_wait_duration_seconds",
                                  "How long requests waited for a seat.",
                                  METRIC_HISTOGRAM,
                                  {"execute", "flow_schema", "priority_level"},
                                  wait_bounds};
static struct metric flow_executing = {"apiserver_flowcontrol_current_executing_requests",
                                       "Requests that run now.",
                                       METRIC_GAUGE,
                                       {"flow_schema", "priority_level"}};

struct metric *const server_metrics[] = {
    &authenticated_users,
    &authentication_attempts,
    &authentication_duration,
    &authorization_attempts,
    &authorization_duration,
    &deprecated_apis,
    &flow_dispatched,
    &flow_executing,
    &flow_rejected,
    &flow_wait,
    &long_running,
    &response_sizes,
    &watch_sizes,
    &watch_events,
};
const size_t n_server_metrics = ARRAY_LEN(server_metrics);

static struct metric healthcheck = {"kubernetes_healthcheck",
                                    "Whether a check was passed when it was last asked.",
                                    METRIC_GAUGE,
                                    {"name", "type"}};
static struct metric healthchecks = {"kubernetes_healthchecks_total",
                                     "Checks that were asked, by what they said.",
                                     METRIC_COUNTER,
                                     {"name", "status", "type"}};
struct metric *const health_metrics[] = {&healthcheck, &healthchecks};
const size_t n_health_metrics = ARRAY_LEN(health_metrics);

/* --- counted --- */

static double seconds(int64_t ns)
{
    return (double)ns / (double)CLOCK_S;
}

/* Names of users are not shown, but for a few that everyone has. */
static struct str shown_user(struct str name)
{
    static const struct str shown[] = {STR_INIT("admin"), STR_INIT("client"), STR_INIT("kube_proxy"),
                                       STR_INIT("kubelet"),
                                       STR_INIT("system:serviceaccount:kube-system:default")};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (str_eq(name, shown[i]))
            return name;
    return str_index(name, '@') > 0 ? STR("email_id") : STR("other");
}

void measure_authentication(const char *result, struct str user, int64_t ns)
{
    struct str value = str_from(result);
    metric_count(&authentication_attempts, &value);
    metric_seen(&authentication_duration, &value, seconds(ns));
    if (user.n)
        metric_count(&authenticated_users, (struct str[]){shown_user(user)});
}

void measure_authorization(const char *result, int64_t ns)
{
    struct str value = str_from(result);
    metric_count(&authorization_attempts, &value);
    metric_seen(&authorization_duration, &value, seconds(ns));
}

const char *route_scope(const struct route *r)
{
    if (!r->is_resource)
        return "";
    if (r->name.n || str_is(r->verb, "create"))
        return "resource";
    return r->ns.n ? "namespace" : "cluster";
}

#define ROUTE_LABELS(r, verb)                                                                                \
    ((struct str[]){STR("apiserver"), (r)->group, (r)->resource, str_from(route_scope(r)), (r)->subresource, \
                    str_from(verb), (r)->version})

void measure_long_running(const struct route *r, const char *verb, int n)
{
    metric_add(metric_series(&long_running, ROUTE_LABELS(r, verb)), n);
}

void measure_response(const struct route *r, const char *verb, size_t bytes)
{
    metric_seen(&response_sizes, ROUTE_LABELS(r, verb), (double)bytes);
}

void measure_deprecated(const struct route *r)
{
    struct metric_series *s = metric_series(
        &deprecated_apis, (struct str[]){r->group, STR(""), r->resource, r->subresource, r->version});
    metric_add(s, 1 - metric_value(s));
}

struct measured_watch measure_watch(const struct route *r)
{
    const struct str values[] = {r->group, r->resource, r->version};
    return (struct measured_watch){metric_series(&watch_events, values), metric_series(&watch_sizes, values)};
}

void measure_event(const struct measured_watch *w, size_t bytes)
{
    metric_add(w->events, 1);
    metric_observe(&watch_sizes, w->sizes, (double)bytes);
}

void measure_dispatched(const struct measured_flow *f, int64_t waited_ns)
{
    metric_count(&flow_dispatched, (struct str[]){f->schema, f->level});
    metric_seen(&flow_wait, (struct str[]){STR("true"), f->schema, f->level}, seconds(waited_ns));
}

void measure_rejected(const struct measured_flow *f, const char *reason, int64_t waited_ns)
{
    metric_count(&flow_rejected, (struct str[]){f->schema, f->level, str_from(reason)});
    metric_seen(&flow_wait, (struct str[]){STR("false"), f->schema, f->level}, seconds(waited_ns));
}

void measure_executing(const struct measured_flow *f, int n)
{
    metric_add(metric_series(&flow_executing, (struct str[]){f->schema, f->level}), n);
}

void measure_health(const char *name, const char *type, bool ok)
{
    struct metric_series *s = metric_series(&healthcheck, (struct str[]){str_from(name), str_from(type)});
    metric_add(s, ok - metric_value(s));
    metric_count(&healthchecks,
                 (struct str[]){str_from(name), ok ? STR("success") : STR("error"), str_from(type)});
}
