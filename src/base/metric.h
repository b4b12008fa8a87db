/* Metrics: what happened how often, and how long it took, as Prometheus collects it. A metric is declared
 * once, as data, next to what it measures, and named in the table of its folder; names, labels and buckets
 * are upstream's. It counts for the whole process.
 *
 *     struct metric writes = {"sagong_writes_total", "Writes.", METRIC_COUNTER, {"kind", "code"}};
 *     metric_count(&writes, (struct str[]){kind, code});
 *
 * Any thread. Counting takes a lock to find the series of the labels' values, and none behind that: what is
 * counted all the time keeps its series. */
#pragma once
#include <stdatomic.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/thread.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum { METRIC_LABELS = 10, METRIC_BUCKETS = 24, METRIC_SERIES_MAX = 2000 };

/* Upper bounds, ascending, to the first 0. */
typedef const double metric_bounds[METRIC_BUCKETS + 1];

struct metric {
    const char *name, *help;
    enum metric_type type;
    const char *labels[METRIC_LABELS + 1]; /* sorted, to the first NULL */
    const double *bounds;                  /* of histograms: metric_bounds */
    /* Its own. */
    _Atomic(struct metric_series *) first;
    struct map series;
    pthread_mutex_t mutex; /* guards series; all zeroes is unlocked */
};

struct metric_series;

/* The series of these values, one for each label; lives as long as the process. NULL, which counts nothing,
 * where there are too many: labels' values may come from outside. */
struct metric_series *metric_series(struct metric *m, const struct str *values);
void metric_add(struct metric_series *s, int64_t n);
/* For histograms: seconds, bytes or whatever the bounds are of. */
void metric_observe(const struct metric *m, struct metric_series *s, double value);

static inline void metric_count(struct metric *m, const struct str *values)
{
    metric_add(metric_series(m, values), 1);
}
static inline void metric_seen(struct metric *m, const struct str *values, double value)
{
    metric_observe(m, metric_series(m, values), value);
}
int64_t metric_value(const struct metric_series *s); /* of counters and gauges; of NULL 0 */

/* In Prometheus' text format, with its help and type. */
void metric_render(struct metric *m, struct buf *out);
/* A label's value with its quotes. */
void metric_quote(struct buf *out, struct str value);
