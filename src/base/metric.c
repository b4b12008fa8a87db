#include "base/metric.h"

#include <stdlib.h>

struct metric_series {
    struct metric_series *next;
    struct str labels; /* {a="b",...} without the braces; owned */
    struct str key;    /* the values, each with its length; owned */
    _Atomic int64_t count;
    _Atomic uint64_t sum; /* a double's bits */
    _Atomic uint64_t buckets[];
};

static size_t n_labels(const struct metric *m)
{
    size_t n = 0;
    while (m->labels[n])
        n++;
    return n;
}

static size_t n_bounds(const struct metric *m)
{
    size_t n = 0;
    while (m->bounds && m->bounds[n] != 0)
        n++;
    return n;
}

void metric_quote(struct buf *out, struct str value)
{
    buf_add_c(out, '"');
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\n') {
            buf_add_lit(out, "\\n");
            continue;
        }
        if (value.p[i] == '"' || value.p[i] == '\\')
            buf_add_c(out, '\\');
        buf_add_c(out, value.p[i]);
    }
    buf_add_c(out, '"');
}

static struct str own(struct str s)
{
    return str_slice(mem_dup(s.p, s.n), s.n);
}

static struct metric_series *series_new(struct metric *m, const struct str *values, struct str key)
{
    _cleanup_buf_ struct buf labels = {0};
    for (size_t i = 0; m->labels[i]; i++) {
        buf_addf(&labels, "%s%s=", i ? "," : "", m->labels[i]);
        metric_quote(&labels, values[i]);
    }
    struct metric_series *s = mem_zalloc(sizeof *s + n_bounds(m) * sizeof *s->buckets);
    s->labels = own(buf_str(&labels));
    s->key = own(key);
    map_put(&m->series, s->key, s);
    s->next = atomic_load(&m->first);
    atomic_store(&m->first, s);
    return s;
}

struct metric_series *metric_series(struct metric *m, const struct str *values)
{
    char text[512];
    size_t n = 0;
    for (size_t i = 0; i < n_labels(m); i++) {
        if (values[i].n > 255 || n + 1 + values[i].n > sizeof text)
            return NULL;
        text[n++] = (char)values[i].n;
        if (values[i].n)
            memcpy(text + n, values[i].p, values[i].n);
        n += values[i].n;
    }
    struct str key = str_slice(text, n);
    _lock_(&m->mutex);
    struct metric_series *s = map_get(&m->series, key);
    return s || m->series.n >= METRIC_SERIES_MAX ? s : series_new(m, values, key);
}

void metric_add(struct metric_series *s, int64_t n)
{
    if (s)
        atomic_fetch_add_explicit(&s->count, n, memory_order_relaxed);
}

int64_t metric_value(const struct metric_series *s)
{
    return s ? atomic_load_explicit(&((struct metric_series *)s)->count, memory_order_relaxed) : 0;
}

static double double_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

void metric_observe(const struct metric *m, struct metric_series *s, double value)
{
    if (!s)
        return;
    size_t i = 0;
    while (m->bounds[i] != 0 && value > m->bounds[i])
        i++;
    if (m->bounds[i] != 0)
        atomic_fetch_add_explicit(&s->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed);
    uint64_t old = atomic_load_explicit(&s->sum, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&s->sum, &old, bits_of(double_of(old) + value),
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

/* --- showing --- */

static void render_histogram(const struct metric *m, struct metric_series *s, struct buf *out)
{
    const char *comma = s->labels.n ? "," : "";
    uint64_t below = 0;
    for (size_t i = 0; m->bounds[i] != 0; i++) {
        below += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
        buf_addf(out, "%s_bucket{" STR_FMT "%sle=\"%g\"} %llu\n", m->name, STR_ARG(s->labels), comma,
                 m->bounds[i], (unsigned long long)below);
    }
    /* a sample may come while they are read: none is told that is not in the last bucket */
    uint64_t count = (uint64_t)metric_value(s);
    buf_addf(out, "%s_bucket{" STR_FMT "%sle=\"+Inf\"} %llu\n", m->name, STR_ARG(s->labels), comma,
             (unsigned long long)(count < below ? below : count));
    const char *open = s->labels.n ? "{" : "", *close = s->labels.n ? "}" : "";
    buf_addf(out, "%s_sum%s" STR_FMT "%s %.17g\n", m->name, open, STR_ARG(s->labels), close,
             double_of(atomic_load_explicit(&s->sum, memory_order_relaxed)));
    buf_addf(out, "%s_count%s" STR_FMT "%s %llu\n", m->name, open, STR_ARG(s->labels), close,
             (unsigned long long)(count < below ? below : count));
}

void metric_render(struct metric *m, struct buf *out)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    struct metric_series *s = atomic_load(&m->first);
    if (!s)
        return;
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, types[m->type]);
    for (; s; s = s->next) {
        if (m->type == METRIC_HISTOGRAM)
            render_histogram(m, s, out);
        else
            buf_addf(out, "%s%s" STR_FMT "%s %lld\n", m->name, s->labels.n ? "{" : "", STR_ARG(s->labels),
                     s->labels.n ? "}" : "", (long long)metric_value(s));
    }
}
