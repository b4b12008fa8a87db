#include "node/server/stats.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "kinds/kubelet_v1.h"
#include "node/status/usage.h"
#include "schema/json.h"
#include "schema/timestamp.h"

/* --- from what was measured --- */

/* NULL when it is not known. */
static int64_t *known(struct arena *a, int64_t v)
{
    return v < 0 ? NULL : arena_dup(a, &v, sizeof v);
}

static struct str text_of(struct arena *a, int64_t ns)
{
    return time_str(a, time_from_ns(ns));
}

static struct cpu_stats *cpu_of(struct arena *a, struct str time, const struct usage *u)
{
    struct cpu_stats *s = arena_new(a, struct cpu_stats);
    *s = (struct cpu_stats){time, known(a, u->cpu_now), known(a, u->cpu_ns)};
    return s;
}

static struct memory_stats *memory_of(struct arena *a, struct str time, const struct usage *u, int64_t total)
{
    struct memory_stats *s = arena_new(a, struct memory_stats);
    *s = (struct memory_stats){time,
                               known(a, total < 0 || u->working_set < 0 ? -1 : total - u->working_set),
                               known(a, u->memory),
                               known(a, u->working_set),
                               known(a, u->rss),
                               known(a, u->page_faults),
                               known(a, u->major_page_faults)};
    return s;
}

static struct fs_stats *fs_of(struct arena *a, struct str time, const struct usage_of_disk *d)
{
    struct fs_stats *s = arena_new(a, struct fs_stats);
    *s = (struct fs_stats){time,
                           known(a, d->available),
                           known(a, d->capacity),
                           known(a, d->used),
                           known(a, d->inodes_free),
                           known(a, d->inodes),
                           known(a, d->inodes - d->inodes_free)};
    return s;
}

static struct network_stats *network_of(struct arena *a, struct str time, const struct usage_of_link *links,
                                        size_t n)
{
    if (!n)
        return NULL;
    struct network_stats *s = arena_new(a, struct network_stats);
    struct interface_stats *all = arena_new_n(a, struct interface_stats, n);
    for (size_t i = 0; i < n; i++)
        all[i] =
            (struct interface_stats){links[i].name, known(a, links[i].rx_bytes), known(a, links[i].rx_errors),
                                     known(a, links[i].tx_bytes), known(a, links[i].tx_errors)};
    s->time = time;
    s->name = all[0].name;
    s->rx_bytes = all[0].rx_bytes;
    s->rx_errors = all[0].rx_errors;
    s->tx_bytes = all[0].tx_bytes;
    s->tx_errors = all[0].tx_errors;
    s->interfaces = (struct interface_stats_vec){all, n};
    return s;
}

static void pod_of(struct arena *a, struct str time, const struct usage_of_pod *p, struct pod_stats *out)
{
    struct usage_of_disk disk = p->n_containers ? p->containers[0].root : (struct usage_of_disk){0};
    disk.used = 0;
    *out = (struct pod_stats){
        .pod_ref = {p->name, p->ns, p->uid},
        .start_time = text_of(a, p->started_ns),
        .containers = {arena_new_n(a, struct container_stats, p->n_containers), p->n_containers},
        .cpu = cpu_of(a, time, &p->usage),
        .memory = memory_of(a, time, &p->usage, -1),
        .network = network_of(a, time, p->links, p->n_links),
        .process_stats = arena_new(a, struct process_stats)};
    out->process_stats->process_count = known(a, p->usage.processes);
    for (size_t i = 0; i < p->n_containers; i++) {
        const struct usage_of_container *c = &p->containers[i];
        out->containers.at[i] = (struct container_stats){.name = c->name,
                                                         .start_time = text_of(a, c->started_ns),
                                                         .cpu = cpu_of(a, time, &c->usage),
                                                         .memory = memory_of(a, time, &c->usage, -1),
                                                         .rootfs = fs_of(a, time, &c->root),
                                                         .logs = fs_of(a, time, &c->logs)};
        disk.used += c->root.used + c->logs.used;
    }
    out->ephemeral_storage = fs_of(a, time, &disk);
}

static void render_summary(struct node_agent *n, const struct usage_of_node *u, struct arena *a,
                           struct buf *out)
{
    struct str time = text_of(a, u->at_ns);
    struct runtime_stats runtime = {fs_of(a, time, &u->disk), fs_of(a, time, &u->disk)};
    struct stats_summary s = {.node = {.node_name = n->name,
                                       .start_time = text_of(a, u->started_ns),
                                       .cpu = cpu_of(a, time, &u->usage),
                                       .memory = memory_of(a, time, &u->usage, u->memory_total),
                                       .network = network_of(a, time, u->links, u->n_links),
                                       .fs = fs_of(a, time, &u->disk),
                                       .runtime = &runtime},
                              .pods = {arena_new_n(a, struct pod_stats, u->n_pods), u->n_pods}};
    for (size_t i = 0; i < u->n_pods; i++)
        pod_of(a, time, &u->pods[i], &s.pods.at[i]);
    json_encode(out, &stats_summary_type, &s);
}

/* --- /metrics/resource, in Prometheus' words --- */

enum of_what { OF_NODE, OF_POD, OF_CONTAINER };

static int64_t cpu_value(const struct usage *u, int64_t started_ns)
{
    (void)started_ns;
    return u->cpu_ns;
}

static int64_t memory_value(const struct usage *u, int64_t started_ns)
{
    (void)started_ns;
    return u->working_set;
}

static int64_t start_value(const struct usage *u, int64_t started_ns)
{
    (void)u;
    return started_ns;
}

static const struct metric {
    const char *name, *type, *help;
    enum of_what of;
    bool seconds; /* the value is in nanoseconds */
    int64_t (*value)(const struct usage *u, int64_t started_ns);
} metrics[] = {
    {"container_cpu_usage_seconds_total", "counter",
     "[STABLE] Cumulative cpu time consumed by the container in core-seconds", OF_CONTAINER, true, cpu_value},
    {"container_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the container in bytes",
     OF_CONTAINER, false, memory_value},
    {"container_start_time_seconds", "gauge",
     "[STABLE] Start time of the container since unix epoch in seconds", OF_CONTAINER, true, start_value},
    {"node_cpu_usage_seconds_total", "counter",
     "[STABLE] Cumulative cpu time consumed by the node in core-seconds", OF_NODE, true, cpu_value},
    {"node_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the node in bytes", OF_NODE,
     false, memory_value},
    {"pod_cpu_usage_seconds_total", "counter",
     "[STABLE] Cumulative cpu time consumed by the pod in core-seconds", OF_POD, true, cpu_value},
    {"pod_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the pod in bytes", OF_POD,
     false, memory_value},
};

static void add_sample(struct buf *out, const struct metric *m, struct str labels, const struct usage *u,
                       int64_t started_ns, int64_t at_ns)
{
    int64_t v = m->value(u, started_ns);
    if (v < 0)
        return;
    buf_addf(out, "%s" STR_FMT " ", m->name, STR_ARG(labels));
    if (m->seconds)
        buf_addf(out, "%lld.%09lld", (long long)(v / CLOCK_S), (long long)(v % CLOCK_S));
    else
        buf_add_i64(out, v);
    buf_addf(out, " %lld\n", (long long)(at_ns / CLOCK_MS));
}

static void add_pod_samples(struct buf *out, const struct metric *m, struct arena *a,
                            const struct usage_of_pod *p, int64_t at_ns)
{
    if (m->of == OF_POD) {
        struct str labels = arena_printf(a, "{namespace=\"" STR_FMT "\",pod=\"" STR_FMT "\"}", STR_ARG(p->ns),
                                         STR_ARG(p->name));
        add_sample(out, m, labels, &p->usage, p->started_ns, at_ns);
    }
    for (size_t i = 0; m->of == OF_CONTAINER && i < p->n_containers; i++) {
        const struct usage_of_container *c = &p->containers[i];
        struct str labels =
            arena_printf(a, "{container=\"" STR_FMT "\",namespace=\"" STR_FMT "\",pod=\"" STR_FMT "\"}",
                         STR_ARG(c->name), STR_ARG(p->ns), STR_ARG(p->name));
        add_sample(out, m, labels, &c->usage, c->started_ns, at_ns);
    }
}

static void render_metrics(const struct usage_of_node *u, struct arena *a, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
        const struct metric *m = &metrics[i];
        buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
        if (m->of == OF_NODE)
            add_sample(out, m, (struct str){0}, &u->usage, u->started_ns, u->at_ns);
        for (size_t k = 0; k < u->n_pods; k++)
            add_pod_samples(out, m, a, &u->pods[k], u->at_ns);
    }
    buf_add_lit(out, "# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container "
                     "metrics, 0 otherwise\n# TYPE resource_scrape_error gauge\nresource_scrape_error 0\n");
}

/* --- the request: measuring blocks, so it has a thread of its own --- */

struct measuring {
    struct node_agent *node;
    struct http_request *request;
    struct loop *loop;
    struct arena arena;
    struct buf out;
    bool metrics;
    struct loop_task task;
};

static void measured(struct loop_task *task)
{
    struct measuring *x = container_of(task, struct measuring, task);
    struct http_header type = {STR("content-type"), x->metrics
                                                        ? STR("text/plain; version=0.0.4; charset=utf-8")
                                                        : STR("application/json")};
    struct http_part part = {.bytes = buf_str(&x->out)};
    http_respond(x->request, 200, &type, 1, &part, 1);
    buf_free(&x->out);
    arena_free(&x->arena);
    free(x);
}

static void measure(void *arg)
{
    struct measuring *x = arg;
    struct usage_of_node u;
    pthread_detach(pthread_self());
    usage_read(x->node, x->node->usage, &x->arena, &u);
    if (x->metrics) {
        render_metrics(&u, &x->arena, &x->out);
    } else {
        usage_read_disks(&u);
        render_summary(x->node, &u, &x->arena, &x->out);
    }
    loop_post(x->loop, &x->task);
}

bool stats_serve(struct node_agent *n, struct http_request *r)
{
    struct str path = http_path(r);
    bool summary = str_is(path, "/stats/summary") || str_is(path, "/stats/summary/");
    if (!summary && !str_is(path, "/metrics/resource"))
        return false;
    struct measuring *x = mem_zalloc(sizeof *x);
    *x = (struct measuring){
        .node = n, .request = r, .loop = http_loop(r), .metrics = !summary, .task.run = measured};
    thread_start("stats", measure, x);
    return true;
}
