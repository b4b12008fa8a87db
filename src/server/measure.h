/* What the server measures of requests beside how many there were and how long they took (server/metrics.h):
 * who came and whether they might, what stays open, events that watchers were sent, priority and fairness,
 * health. */
#pragma once
#include "base/metric.h"
#include "server/route.h"

/* All of it, for /metrics; and what is told at /metrics/slis. */
extern struct metric *const server_metrics[];
extern const size_t n_server_metrics;
extern struct metric *const health_metrics[];
extern const size_t n_health_metrics;

/* `result`: "success", "failure", "error" of authentication; "allowed", "denied", "no-opinion", "error" of
 * authorization. */
void measure_authentication(const char *result, struct str user, int64_t ns);
void measure_authorization(const char *result, int64_t ns);

/* One that stays open began (1) or ended (-1); `verb` as in apiserver_request_total. */
void measure_long_running(const struct route *r, const char *verb, int n);
void measure_response(const struct route *r, const char *verb, size_t bytes);
/* Somebody uses what is deprecated. */
void measure_deprecated(const struct route *r);
/* Watch events of a resource: kept by the stream, as they come by the thousand. */
struct measured_watch {
    struct metric_series *events, *sizes;
};
struct measured_watch measure_watch(const struct route *r);
void measure_event(const struct measured_watch *w, size_t bytes);

struct measured_flow {
    struct str schema, level;
};
void measure_dispatched(const struct measured_flow *f, int64_t waited_ns);
/* `reason`: "queue-full", "concurrency-limit", "time-out". */
void measure_rejected(const struct measured_flow *f, const char *reason, int64_t waited_ns);
void measure_executing(const struct measured_flow *f, int n);

/* `type`: "livez" and so on. */
void measure_health(const char *name, const char *type, bool ok);

/* "resource", "namespace", "cluster", or nothing of what is no resource. */
const char *route_scope(const struct route *r);
