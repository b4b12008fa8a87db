/* What /metrics shows (Prometheus text format): requests by verb, resource and code, their duration, and the
 * process's own use of resources. Any thread. */
#pragma once
#include "base/buf.h"
#include "server/route.h"

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* One request is over after `ns`. */
void metrics_count(struct metrics *m, const struct route *r, int code, int64_t ns);
void metrics_render(struct metrics *m, int mutating, int reading, struct buf *out);
