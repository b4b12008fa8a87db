#include "node/status/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "base/thread.h"
#include "node/eviction.h"
#include "node/pod/pods.h"

enum { CONTAINERS_MAX = 4096, LINKS_MAX = 64, TEXT_MAX = 256 << 10 };
#define RATE_MIN_NS CLOCK_S         /* readings closer together tell nothing */
#define HISTORY_NS  (600 * CLOCK_S) /* what was not asked for so long is forgotten */

/* --- rates --- */

struct reading {
    char *path;
    int64_t at, cpu_ns, rate;
};

struct usage_history {
    pthread_mutex_t mutex;
    struct map by_path; /* struct reading; guarded by mutex */
};

struct usage_history *usage_history_new(void)
{
    struct usage_history *h = mem_zalloc(sizeof *h);
    pthread_mutex_init(&h->mutex, NULL);
    return h;
}

static void reading_free(struct usage_history *h, struct reading *r)
{
    map_del(&h->by_path, str_from(r->path));
    free(r->path);
    free(r);
}

void usage_history_free(struct usage_history *h)
{
    if (!h)
        return;
    map_each (&h->by_path, slot) {
        struct reading *r = slot->value;
        free(r->path);
        free(r);
    }
    map_free(&h->by_path);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

static int64_t rate_of(struct usage_history *h, const char *path, int64_t cpu_ns)
{
    int64_t now = clock_mono();
    _lock_(&h->mutex);
    struct reading *r = map_get(&h->by_path, str_from(path));
    if (!r) {
        r = mem_zalloc(sizeof *r);
        *r = (struct reading){.path = str_dup_c(str_from(path)), .at = now, .cpu_ns = cpu_ns, .rate = -1};
        map_put(&h->by_path, str_from(r->path), r);
    } else if (now - r->at >= RATE_MIN_NS) {
        r->rate =
            cpu_ns < r->cpu_ns ? 0 : (int64_t)((double)(cpu_ns - r->cpu_ns) * 1e9 / (double)(now - r->at));
        r->at = now;
        r->cpu_ns = cpu_ns;
    }
    return r->rate;
}

static void history_forget(struct usage_history *h)
{
    int64_t before = clock_mono() - HISTORY_NS;
    _lock_(&h->mutex);
    struct reading *old[64];
    size_t n = 0;
    map_each (&h->by_path, slot) {
        struct reading *r = slot->value;
        if (r->at < before && n < ARRAY_LEN(old))
            old[n++] = r;
    }
    while (n)
        reading_free(h, old[--n]);
}

/* --- one control group --- */

/* Lines of "name number". */
static int64_t field(struct str text, const char *name)
{
    struct str line, key;
    int64_t value;
    while (str_cut(&text, '\n', &line)) {
        struct str rest = line;
        if (str_cut(&rest, ' ', &key) && str_is(key, name) && str_to_i64(rest, &value))
            return value;
    }
    return -1;
}

static void read_group(struct usage_history *h, const char *path, struct usage *out)
{
    bool unified = cgroup_is_unified();
    _cleanup_buf_ struct buf memory = {0}, cpu = {0};
    cgroup_read_text("memory", path, "memory.stat", &memory);
    struct str stat = buf_str(&memory);
    if (unified) {
        cgroup_read_text("cpu", path, "cpu.stat", &cpu);
        int64_t us = field(buf_str(&cpu), "usage_usec");
        out->cpu_ns = us < 0 ? -1 : us * 1000;
        out->memory = cgroup_read("memory", path, "memory.current");
    } else {
        out->cpu_ns = cgroup_read("cpuacct", path, "cpuacct.usage");
        out->memory = cgroup_read("memory", path, "memory.usage_in_bytes");
    }
    int64_t idle = field(stat, unified ? "inactive_file" : "total_inactive_file");
    out->working_set = out->memory < 0 ? -1 : idle > out->memory ? 0 : out->memory - (idle > 0 ? idle : 0);
    out->rss = field(stat, unified ? "anon" : "total_rss");
    out->page_faults = field(stat, unified ? "pgfault" : "total_pgfault");
    out->major_page_faults = field(stat, unified ? "pgmajfault" : "total_pgmajfault");
    out->processes = cgroup_read("pids", path, "pids.current");
    out->cpu_now = out->cpu_ns < 0 ? -1 : rate_of(h, path, out->cpu_ns);
}

/* The machine's own counts, where the root group has none. */
static void read_machine(struct usage_history *h, struct usage_of_node *out)
{
    _cleanup_buf_ struct buf info = {0};
    struct usage *u = &out->usage;
    read_group(h, "/", u);
    struct sysinfo s;
    sysinfo(&s);
    out->memory_total = (int64_t)s.totalram * s.mem_unit;
    out->started_ns = clock_wall() - s.uptime * CLOCK_S;
    u->processes = s.procs;
    if (u->memory >= 0)
        return;
    int64_t available = 0;
    struct str line, key;
    file_read("/proc/meminfo", TEXT_MAX, &info, NULL);
    for (struct str text = buf_str(&info); str_cut(&text, '\n', &line);) {
        struct str rest = line, number;
        if (!str_cut(&rest, ':', &key) || !str_is(key, "MemAvailable"))
            continue;
        rest = str_trim(rest);
        if (str_cut(&rest, ' ', &number) && str_to_i64(number, &available))
            available <<= 10;
    }
    u->memory = out->memory_total - (int64_t)s.freeram * s.mem_unit;
    u->working_set = out->memory_total - available;
}

/* --- links --- */

/* A process's net/dev: two lines of headings, then "name: 8 numbers received, 8 sent". */
static size_t read_links(const char *path, struct arena *a, struct usage_of_link **out)
{
    _cleanup_buf_ struct buf text = {0};
    size_t n = 0;
    *out = arena_new_n(a, struct usage_of_link, LINKS_MAX);
    file_read(path, TEXT_MAX, &text, NULL);
    struct str line, name, word;
    for (struct str rest = buf_str(&text); str_cut(&rest, '\n', &line) && n < LINKS_MAX;) {
        struct str numbers = line;
        int64_t at[16] = {0};
        size_t k = 0;
        if (str_index(line, ':') < 0 || !str_cut(&numbers, ':', &name))
            continue;
        while (k < ARRAY_LEN(at) && str_cut(&numbers, ' ', &word))
            k += word.n && str_to_i64(word, &at[k]);
        name = str_trim(name);
        if (k < ARRAY_LEN(at) || str_is(name, "lo"))
            continue;
        (*out)[n++] = (struct usage_of_link){arena_str(a, name), at[0], at[2], at[8], at[10]};
    }
    return n;
}

/* --- everything --- */

static void read_file_system(const char *path, struct usage_of_disk *out)
{
    struct statvfs s;
    if (statvfs(path, &s) < 0)
        return;
    int64_t unit = (int64_t)s.f_frsize;
    out->capacity = (int64_t)s.f_blocks * unit;
    out->available = (int64_t)s.f_bavail * unit;
    out->used = (int64_t)(s.f_blocks - s.f_bfree) * unit;
    out->inodes = (int64_t)s.f_files;
    out->inodes_free = (int64_t)s.f_ffree;
}

struct gathering {
    struct arena *a;
    struct usage_of_node *out;
    size_t cap;
};

static struct usage_of_pod *pod_of(struct gathering *g, const struct runtime_container *c)
{
    struct usage_of_node *u = g->out;
    for (size_t i = 0; i < u->n_pods; i++)
        if (str_eq(u->pods[i].uid, c->pod_uid))
            return &u->pods[i];
    if (u->n_pods == g->cap)
        return NULL;
    struct usage_of_pod *p = &u->pods[u->n_pods++];
    *p = (struct usage_of_pod){.ns = arena_str(g->a, c->pod_namespace),
                               .name = arena_str(g->a, c->pod_name),
                               .uid = arena_str(g->a, c->pod_uid),
                               .started_ns = c->started_ns,
                               .containers = arena_new_n(g->a, struct usage_of_container, LINKS_MAX)};
    return p;
}

/* Under the pods' locks: only copies. */
static void add_container(void *arg, struct runtime_container *c)
{
    struct gathering *g = arg;
    struct usage_of_pod *p = pod_of(g, c);
    if (!p || p->n_containers == LINKS_MAX)
        return;
    if (c->started_ns < p->started_ns)
        p->started_ns = c->started_ns;
    p->containers[p->n_containers++] = (struct usage_of_container){.name = arena_str(g->a, c->name),
                                                                   .id = arena_str(g->a, c->id),
                                                                   .dir = arena_str(g->a, c->dir),
                                                                   .log_path = arena_str(g->a, c->log_path),
                                                                   .cgroup = arena_str(g->a, c->cgroup_path),
                                                                   .pid = c->pid,
                                                                   .started_ns = c->started_ns};
}

void usage_read(struct node_agent *n, struct usage_history *h, struct arena *a, struct usage_of_node *out)
{
    *out = (struct usage_of_node){.at_ns = clock_wall()};
    struct gathering g = {a, out, (size_t)(n->options.max_pods > 0 ? n->options.max_pods : 110) + 64};
    out->pods = arena_new_n(a, struct usage_of_pod, g.cap);
    read_machine(h, out);
    read_file_system(n->options.data_dir, &out->disk);
    out->n_links = read_links("/proc/self/net/dev", a, &out->links);
    pods_each_running(n->pods, add_container, &g);
    for (size_t i = 0; i < out->n_pods; i++) {
        struct usage_of_pod *p = &out->pods[i];
        for (size_t k = 0; k < p->n_containers; k++)
            read_group(h, p->containers[k].cgroup.p, &p->containers[k].usage);
        const char *dev = arena_printf(a, "/proc/%lld/net/dev", (long long)p->containers[0].pid).p;
        p->n_links = read_links(dev, a, &p->links);
        struct str group = p->containers[0].cgroup; /* the pod's lies above */
        ptrdiff_t slash = str_last_index(group, '/');
        read_group(h, arena_c(a, str_slice(group.p, slash > 0 ? (size_t)slash : 0)), &p->usage);
    }
    history_forget(h);
}

void usage_read_disks(struct usage_of_node *u)
{
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < u->n_pods; i++)
        for (size_t k = 0; k < u->pods[i].n_containers; k++) {
            struct usage_of_container *c = &u->pods[i].containers[k];
            struct str logs = c->log_path;
            ptrdiff_t slash = str_last_index(logs, '/');
            logs.n = slash > 0 ? (size_t)slash : 0;
            c->root = c->logs = u->disk;
            c->root.used = disk_usage(arena_printf(&a, STR_FMT "/upper", STR_ARG(c->dir)).p);
            c->logs.used = disk_usage(arena_c(&a, logs));
        }
}
