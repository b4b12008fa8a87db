#include "server/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/metrics.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "base/thread.h"
#include "commit.h"
#include "server/measure.h"
#include "version.h"

/* Label values come from clients' paths: past so many series, new ones are counted as one. */
enum { SERIES_MAX = 2000, BUCKETS = 23 };
/* Upstream's (apiserver/pkg/endpoints/metrics), in seconds. */
static const double bounds[BUCKETS] = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
                                       3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};

struct series {
    struct str key, labels; /* code="200",...; owned */
    uint64_t count, buckets[BUCKETS];
    double sum_s;
};

/* Each thread of the server counts in a shard of its own, so that counting does not make them wait. */
enum { SHARDS = 4 };

struct shard {
    pthread_mutex_t mutex;
    struct map series; /* guarded by mutex */
};

struct metrics {
    struct shard shards[SHARDS];
    int64_t started; /* clock_wall */
};

struct metrics *metrics_new(void)
{
    struct metrics *m = mem_zalloc(sizeof *m);
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&m->shards[i].mutex, NULL);
    m->started = clock_wall();
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (int i = 0; i < SHARDS; i++) {
        map_each (&m->shards[i].series, slot) {
            struct series *s = slot->value;
            free((char *)s->key.p);
            free((char *)s->labels.p);
            free(s);
        }
        map_free(&m->shards[i].series);
        pthread_mutex_destroy(&m->shards[i].mutex);
    }
    free(m);
}

/* What tells a series from others, in a form that is quick to make: counting comes with every request. */
enum { KEY_MAX = 512 };

static struct str key_of(const struct route *r, const char *verb, int code, bool dry_run, char key[KEY_MAX])
{
    const struct str parts[] = {r->group, r->resource, r->subresource, str_from(verb), r->version};
    size_t n = 0;
    key[n++] = route_scope(r)[0];
    key[n++] = dry_run ? 'd' : ' ';
    memcpy(key + n, &code, sizeof code);
    n += sizeof code;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t take = parts[i].n < 64 ? parts[i].n : 64;
        if (take)
            memcpy(key + n, parts[i].p, take);
        n += take;
        key[n++] = 0;
    }
    return str_slice(key, n);
}

/* Sorted by name, `code` aside, which only counters have. */
static struct str labels_of(const struct route *r, const char *verb, int code, bool dry_run)
{
    _cleanup_buf_ struct buf b = {0};
    buf_addf(&b,
             "code=\"%d\",component=\"apiserver\",dry_run=\"%s\",group=\"" STR_FMT "\",resource=\"" STR_FMT
             "\",scope=\"%s\",subresource=\"" STR_FMT "\",verb=\"%s\",version=\"" STR_FMT "\"",
             code, dry_run ? "All" : "", STR_ARG(r->group), STR_ARG(r->resource), route_scope(r),
             STR_ARG(r->subresource), verb, STR_ARG(r->version));
    return str_slice(mem_dup(b.p, b.n), b.n);
}

/* Of what is no resource only the checks are told apart, as a subresource. */
static struct route shown_path(const struct route *r)
{
    static const struct str shown[] = {STR_INIT("/healthz"), STR_INIT("/livez"), STR_INIT("/readyz")};
    struct route out = {.verb = r->verb};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (str_eq(r->path, shown[i]))
            out.subresource = shown[i];
    return out;
}

/* Paths of resources that are not served are not told apart: they are whatever a client makes up. */
static bool plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.' ||
              s.p[i] == '-'))
            return false;
    return s.n < 64;
}

void metrics_count(struct metrics *m, const struct route *r, const char *verb, int code, bool dry_run,
                   int64_t ns)
{
    static _Thread_local unsigned shard_of_thread;
    static _Atomic unsigned next;
    if (!shard_of_thread)
        shard_of_thread = 1 + next++ % SHARDS;
    struct shard *sh = &m->shards[shard_of_thread - 1];
    struct route other = shown_path(r);
    if (!r->is_resource || code == 404 || !plain(r->group) || !plain(r->resource) || !plain(r->subresource) ||
        !plain(r->version))
        r = &other;
    char text[KEY_MAX];
    struct str key = key_of(r, verb, code, dry_run, text);
    double s = (double)ns / (double)CLOCK_S;

    _lock_(&sh->mutex);
    struct series *found = map_get(&sh->series, key);
    if (!found) {
        if (sh->series.n >= SERIES_MAX)
            return;
        found = mem_zalloc(sizeof *found);
        found->key = str_slice(mem_dup(key.p, key.n), key.n);
        found->labels = labels_of(r, verb, code, dry_run);
        map_put(&sh->series, found->key, found);
    }
    found->count++;
    found->sum_s += s;
    for (int i = BUCKETS - 1; i >= 0 && s <= bounds[i]; i--)
        found->buckets[i]++;
}

/* Adds a series to the sum of those with its labels. */
static void sum_up(struct map *all, struct str labels, const struct series *s)
{
    struct series *sum = map_get(all, labels);
    if (!sum) {
        sum = mem_zalloc(sizeof *sum);
        sum->labels = labels; /* series are never freed while the server runs */
        map_put(all, labels, sum);
    }
    sum->count += s->count;
    sum->sum_s += s->sum_s;
    for (int b = 0; b < BUCKETS; b++)
        sum->buckets[b] += s->buckets[b];
}

static void free_sums(struct map *all)
{
    map_each (all, slot)
        free(slot->value);
    map_free(all);
}

/* The counters by code, the durations without. */
static void render_requests(struct metrics *m, struct buf *out)
{
    struct map counts = {0}, durations = {0};
    for (int i = 0; i < SHARDS; i++) {
        _lock_(&m->shards[i].mutex);
        map_each (&m->shards[i].series, slot) {
            const struct series *s = slot->value;
            sum_up(&counts, s->labels, s);
            sum_up(&durations, str_from_at(s->labels, (size_t)str_index(s->labels, ',') + 1), s);
        }
    }
    buf_add_lit(out, "# HELP apiserver_request_total Requests answered.\n"
                     "# TYPE apiserver_request_total counter\n");
    map_each (&counts, slot) {
        const struct series *s = slot->value;
        buf_addf(out, "apiserver_request_total{" STR_FMT "} %llu\n", STR_ARG(s->labels),
                 (unsigned long long)s->count);
    }
    buf_add_lit(out, "# HELP apiserver_request_duration_seconds How long requests took.\n"
                     "# TYPE apiserver_request_duration_seconds histogram\n");
    map_each (&durations, slot) {
        const struct series *s = slot->value;
        for (int b = 0; b < BUCKETS; b++)
            buf_addf(out, "apiserver_request_duration_seconds_bucket{" STR_FMT ",le=\"%g\"} %llu\n",
                     STR_ARG(s->labels), bounds[b], (unsigned long long)s->buckets[b]);
        buf_addf(out,
                 "apiserver_request_duration_seconds_bucket{" STR_FMT ",le=\"+Inf\"} %llu\n"
                 "apiserver_request_duration_seconds_sum{" STR_FMT "} %g\n"
                 "apiserver_request_duration_seconds_count{" STR_FMT "} %llu\n",
                 STR_ARG(s->labels), (unsigned long long)s->count, STR_ARG(s->labels), s->sum_s,
                 STR_ARG(s->labels), (unsigned long long)s->count);
    }
    free_sums(&counts);
    free_sums(&durations);
}

void metrics_render_objects(struct store *store, const struct resource *const *resources, size_t n,
                            struct buf *out)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(store);
    buf_add_lit(out, "# HELP apiserver_storage_objects Objects that are stored, by kind.\n"
                     "# TYPE apiserver_storage_objects gauge\n");
    for (size_t i = 0; i < n; i++) {
        const struct resource *r = resources[i];
        if (r->stored_as || r->flags & RESOURCE_VIRTUAL)
            continue;
        buf_addf(out, "apiserver_storage_objects{resource=\"" STR_FMT "\"} %zu\n", STR_ARG(r->qualified),
                 snapshot_count(snap, store_table(store, r), STR("")));
    }
}

static void gauge(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name, value);
}

static double open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

static void render_process(struct metrics *m, struct buf *out)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    double pages_virtual = 0, pages_resident = 0;
    _cleanup_buf_ struct buf statm = {0};
    if (file_read("/proc/self/statm", 4096, &statm, NULL) == 0) {
        buf_add_c(&statm, 0);
        sscanf(statm.p, "%lf %lf", &pages_virtual, &pages_resident);
    }
    double page = (double)sysconf(_SC_PAGESIZE);
    gauge(out, "process_cpu_seconds_total", "counter", "CPU time used, user and system.",
          (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
              (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    gauge(out, "process_max_fds", "gauge", "Limit of open file descriptors.", (double)files.rlim_cur);
    gauge(out, "process_open_fds", "gauge", "Open file descriptors.", open_fds());
    gauge(out, "process_resident_memory_bytes", "gauge", "Memory held in RAM.", pages_resident * page);
    gauge(out, "process_start_time_seconds", "gauge", "When the process started, since 1970.",
          (double)m->started / (double)CLOCK_S);
    gauge(out, "process_virtual_memory_bytes", "gauge", "Address space taken.", pages_virtual * page);
}

void metrics_render(struct metrics *m, int mutating, int reading, struct buf *out)
{
    buf_addf(out,
             "# HELP apiserver_current_inflight_requests Number of requests being handled, by kind.\n"
             "# TYPE apiserver_current_inflight_requests gauge\n"
             "apiserver_current_inflight_requests{request_kind=\"mutating\"} %d\n"
             "apiserver_current_inflight_requests{request_kind=\"readOnly\"} %d\n",
             mutating, reading);
    buf_add_lit(out,
                "# HELP kubernetes_build_info What was built.\n# TYPE kubernetes_build_info gauge\n"
                "kubernetes_build_info{build_date=\"1970-01-01T00:00:00Z\",compiler=\"" COMPILER_NAME
                "\",git_commit=\"" GIT_COMMIT "\",git_tree_state=\"clean\",git_version=\"" KUBERNETES_VERSION
                "+sagong-" SAGONG_VERSION "\",go_version=\"\",major=\"" KUBERNETES_MAJOR
                "\",minor=\"" KUBERNETES_MINOR "\",platform=\"linux/" MACHINE_NAME "\"} 1\n");
    render_requests(m, out);
    for (size_t i = 0; i < n_api_metrics; i++)
        metric_render(api_metrics[i], out);
    for (size_t i = 0; i < n_server_metrics; i++)
        metric_render(server_metrics[i], out);
    render_process(m, out);
}
