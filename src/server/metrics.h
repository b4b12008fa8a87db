/* What /metrics shows (Prometheus text format): requests by verb, resource and code, their duration, and the
 * process's own use of resources. Any thread. */
#pragma once
#include "base/buf.h"
#include "server/route.h"
#include "store/store.h"

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* One request is over after `ns`. `verb`: as upstream shows it, "GET", "LIST", "APPLY". */
void metrics_count(struct metrics *m, const struct route *r, const char *verb, int code, bool dry_run,
                   int64_t ns);
/* How many objects of each kind there are. */
void metrics_render_objects(struct store *store, const struct resource *const *resources, size_t n,
                            struct buf *out);
void metrics_render(struct metrics *m, int mutating, int reading, struct buf *out);
