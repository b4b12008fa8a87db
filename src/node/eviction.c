#include "node/eviction.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "kinds/core_v1.h"
#include "node/housekeeping.h"
#include "node/pod/pods.h"
#include "node/pod/resources.h"
#include "node/status/pressure.h"
#include "schema/quantity.h"

enum { USAGE_DEPTH_MAX = 128 };

/* --- measuring --- */

static int64_t usage_below(int fd, dev_t device, int depth)
{
    DIR *d = fdopendir(fd);
    int64_t sum = 0;
    if (!d) {
        close(fd);
        return 0;
    }
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != device)
            continue;
        sum += (int64_t)st.st_blocks * 512 / (S_ISREG(st.st_mode) && st.st_nlink ? (int64_t)st.st_nlink : 1);
        if (!S_ISDIR(st.st_mode) || depth == USAGE_DEPTH_MAX)
            continue;
        int below = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            sum += usage_below(below, device, depth + 1);
    }
    closedir(d);
    return sum;
}

int64_t disk_usage(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (fstat(fd, &st) < 0) {
        close(fd);
        return 0;
    }
    return (int64_t)st.st_blocks * 512 + usage_below(fd, st.st_dev, 0);
}

/* A look at one pod. */
struct guest {
    struct node_agent *n;
    const struct pod *pod;
    const char *dir; /* DATA/pods/UID */
    struct arena *a;
};

static bool on_disk(const struct volume *v)
{
    return v->empty_dir && !str_is(v->empty_dir->medium, "Memory");
}

static int64_t volume_usage(const struct guest *g, const struct volume *v)
{
    return disk_usage(arena_printf(g->a, "%s/volumes/" STR_FMT, g->dir, STR_ARG(v->name)).p);
}

/* What a container has written: into its root and into its logs. */
static int64_t container_usage(const struct guest *g, const struct container *c)
{
    struct str id, log;
    if (!pods_find_container(g->n->pods, g->pod->metadata.uid, c->name, false, g->a, &id, &log))
        return 0;
    char *logs = arena_c(g->a, log), *slash = strrchr(logs, '/');
    if (slash)
        *slash = 0;
    return disk_usage(
               arena_printf(g->a, "%s/containers/" STR_FMT "/upper", g->n->options.data_dir, STR_ARG(id)).p) +
           disk_usage(logs);
}

static int64_t pod_disk_usage(const struct guest *g)
{
    int64_t sum = 0;
    for (size_t i = 0; i < g->pod->spec.volumes.n; i++)
        if (on_disk(&g->pod->spec.volumes.at[i]))
            sum += volume_usage(g, &g->pod->spec.volumes.at[i]);
    for (size_t i = 0; i < g->pod->spec.containers.n; i++)
        sum += container_usage(g, &g->pod->spec.containers.at[i]);
    return sum;
}

/* --- limits on local storage --- */

static int64_t storage_limit(const struct container *c)
{
    return quantity_value_of(resource_amount(&c->resources.limits, STR("ephemeral-storage")));
}

static struct str limit_text(struct arena *a, const struct str *given, int64_t bytes)
{
    return given ? arena_str(a, *given) : arena_printf(a, "%lld", (long long)bytes);
}

/* Why the pod has to go; empty: it need not. */
static struct str limit_exceeded(const struct guest *g)
{
    const struct pod_spec *s = &g->pod->spec;
    for (size_t i = 0; i < s->volumes.n; i++) {
        const struct volume *v = &s->volumes.at[i];
        const struct str *limit = on_disk(v) ? v->empty_dir->size_limit : NULL;
        int64_t bytes = limit ? quantity_value_of(*limit) : 0;
        if (bytes && volume_usage(g, v) > bytes)
            return arena_printf(
                g->a, "Usage of EmptyDir volume \"" STR_FMT "\" exceeds the limit \"" STR_FMT "\". ",
                STR_ARG(v->name), STR_ARG(*limit));
    }
    int64_t sum = 0;
    bool all = s->containers.n > 0;
    for (size_t i = 0; i < s->containers.n; i++) {
        const struct container *c = &s->containers.at[i];
        int64_t limit = storage_limit(c);
        struct str text = resource_amount(&c->resources.limits, STR("ephemeral-storage"));
        if (limit && container_usage(g, c) > limit)
            return arena_printf(
                g->a, "Container " STR_FMT " exceeded its local ephemeral storage limit \"" STR_FMT "\". ",
                STR_ARG(c->name), STR_ARG(limit_text(g->a, &text, limit)));
        all &= limit > 0;
        sum += limit;
    }
    if (all && pod_disk_usage(g) > sum)
        return arena_printf(g->a,
                            "Pod ephemeral local storage usage exceeds the total limit of containers %lld. ",
                            (long long)sum);
    return (struct str){0};
}

/* --- pressure --- */

/* How much of what runs short a pod uses, and how much of that it asked for. */
static int64_t usage_of(const struct guest *g, bool memory)
{
    if (!memory)
        return pod_disk_usage(g);
    const char *group = pod_cgroup(g->n->options.cgroup_root, g->pod, g->a).p;
    int64_t used =
        cgroup_read("memory", group, cgroup_is_unified() ? "memory.current" : "memory.usage_in_bytes");
    return used > 0 ? used : 0;
}

struct candidate {
    struct guest guest;
    int64_t used, requested;
};

/* Who goes first: who uses more than he asked for, then the less important, then who exceeds it most. */
static bool goes_before(const struct candidate *x, const struct candidate *y)
{
    bool over_x = x->used > x->requested, over_y = y->used > y->requested;
    int32_t priority_x = x->guest.pod->spec.priority ? *x->guest.pod->spec.priority : 0,
            priority_y = y->guest.pod->spec.priority ? *y->guest.pod->spec.priority : 0;
    if (over_x != over_y)
        return over_x;
    if (priority_x != priority_y)
        return priority_x < priority_y;
    return x->used - x->requested > y->used - y->requested;
}

static void relieve(struct node_agent *n, const struct guest *guests, size_t count, const struct pressure *p,
                    struct arena *a)
{
    bool memory = p->memory;
    struct str resource = memory ? STR("memory") : STR("ephemeral-storage");
    struct candidate worst = {0};
    for (size_t i = 0; i < count; i++) {
        struct candidate c = {guests[i], usage_of(&guests[i], memory),
                              pod_request(guests[i].pod, resource, false)};
        bool critical = c.guest.pod->spec.priority && *c.guest.pod->spec.priority >= 2000000000;
        if (!critical && (!worst.guest.pod || goes_before(&c, &worst)))
            worst = c;
    }
    if (!worst.guest.pod)
        return;
    struct str message = arena_printf(
        a,
        "The node was low on resource: " STR_FMT
        ". Threshold quantity: %lld, available: %lldKi. The pod was using %lldKi, request is %lld. ",
        STR_ARG(resource), (long long)(memory ? (int64_t)EVICT_MEMORY_MI << 20 : p->disk_threshold),
        (long long)((memory ? p->memory_available : p->disk_available) >> 10), (long long)(worst.used >> 10),
        (long long)worst.requested);
    pods_evict(n->pods, worst.guest.pod->metadata.uid, message, true);
}

void eviction_look(struct node_agent *n)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_objects_ struct objects all = {0};
    struct pressure p;
    informer_list(n->pod_informer, STR(""), &all);
    struct guest *guests = arena_new_n(&a, struct guest, all.n);
    size_t count = 0;
    for (size_t i = 0; i < all.n; i++) {
        const struct pod *pod = object_typed(all.at[i]);
        if (!str_is(pod->status.phase, "Running") && !str_is(pod->status.phase, "Pending"))
            continue;
        struct guest g = {
            n, pod, arena_printf(&a, "%s/pods/" STR_FMT, n->options.data_dir, STR_ARG(pod->metadata.uid)).p,
            &a};
        struct str why = limit_exceeded(&g);
        if (why.n)
            pods_evict(n->pods, pod->metadata.uid, why, false);
        else if (!pod->metadata.deletion_timestamp)
            guests[count++] = g;
    }
    pressure_read(n->options.data_dir, &p);
    if (p.disk) { /* images go first */
        housekeeping_collect_images(n, 100 - EVICT_DISK_PERCENT, 0);
        pressure_read(n->options.data_dir, &p);
    }
    if (p.memory || p.disk)
        relieve(n, guests, count, &p, &a);
}
