#define LOG_PART "node"
#include "node/pod/pods.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "node/pod/probe.h"
#include "node/pod/resources.h"
#include "node/pod/sync.h"

enum { PODS_WORKERS = 16, JOBS_END_S = 10 };

struct pods {
    struct node_agent *node;
    struct reconciler *reconciler;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct map by_uid;       /* struct pod_state; guarded by mutex, as what follows */
    struct map by_container; /* the same, by the container's id */
    int jobs;                /* threads of all pods */
    bool stopping;
};

/* --- states --- */

static struct pod_state *state_new(struct pods *all, struct str uid, struct str ns, struct str name)
{
    struct node_agent *n = all->node;
    struct pod_state *p = mem_zalloc(sizeof *p);
    struct arena *a = &p->arena;
    pthread_mutex_init(&p->mutex, NULL);
    p->node = n;
    p->started_at_s = clock_wall() / CLOCK_S;
    p->uid = arena_str(a, uid);
    p->ns = arena_str(a, ns);
    p->name = arena_str(a, name);
    p->dir = arena_printf(a, "%s/pods/" STR_FMT, n->options.data_dir, STR_ARG(uid)).p;
    p->sandbox = arena_printf(a, "%s/pods/" STR_FMT "/ns", n->options.run_dir, STR_ARG(uid)).p;
    p->shm = arena_printf(a, "%s/pods/" STR_FMT "/shm", n->options.run_dir, STR_ARG(uid)).p;
    p->log_dir = arena_printf(a, "%s/" STR_FMT "_" STR_FMT "_" STR_FMT, n->options.log_dir, STR_ARG(ns),
                              STR_ARG(name), STR_ARG(uid))
                     .p;
    return p;
}

static void state_free(struct pod_state *p)
{
    for (struct container_control *k = p->containers; k; k = k->next) {
        container_free(k->current);
        container_free(k->previous);
        free(k->pull_message);
    }
    free(p->evict_message);
    object_unref(p->volumes_object);
    pthread_mutex_destroy(&p->mutex);
    arena_free(&p->arena);
    free(p);
}

/* The state of the uid, made when there is none. */
static struct pod_state *state_get(struct pods *all, struct str uid, struct str ns, struct str name)
{
    _lock_(&all->mutex);
    struct pod_state *p = map_get(&all->by_uid, uid);
    if (!p) {
        p = state_new(all, uid, ns, name);
        map_put(&all->by_uid, p->uid, p);
    }
    return p;
}

/* A state of this key that is not `uid`'s: a pod that was there before. */
static struct pod_state *state_other(struct pods *all, struct str ns, struct str name, struct str uid)
{
    _lock_(&all->mutex);
    map_each (&all->by_uid, slot) {
        struct pod_state *p = slot->value;
        if (str_eq(p->ns, ns) && str_eq(p->name, name) && !str_eq(p->uid, uid))
            return p;
    }
    return NULL;
}

struct container_control *pod_control(struct pod_state *p, struct str name)
{
    struct container_control **at = &p->containers;
    for (; *at; at = &(*at)->next)
        if (str_eq((*at)->name, name))
            return *at;
    struct container_control *k = arena_new(&p->arena, struct container_control);
    k->name = arena_str(&p->arena, name);
    return *at = k;
}

bool pod_is_init(const struct pod *pod, const struct container *c)
{
    return pod->spec.init_containers.n && c >= pod->spec.init_containers.at &&
           c < pod->spec.init_containers.at + pod->spec.init_containers.n;
}

bool pod_is_ephemeral(const struct pod *pod, const struct container *c)
{
    for (size_t i = 0; i < pod->spec.ephemeral_containers.n; i++)
        if (c == pod_ephemeral(pod, i))
            return true;
    return false;
}

/* --- what happens meanwhile --- */

void pod_wake(struct pod_state *p)
{
    reconciler_add(p->node->pods->reconciler, p->ns, p->name);
}

struct job {
    struct pod_state *p;
    void (*run)(void *arg);
    void *arg;
};

static void job_main(void *arg)
{
    struct job j = *(struct job *)arg;
    struct pods *all = j.p->node->pods;
    free(arg);
    pthread_detach(pthread_self());
    j.run(j.arg);
    _lock_(&all->mutex);
    pod_wake(j.p);
    j.p->jobs--;
    all->jobs--;
    pthread_cond_broadcast(&all->changed);
}

void pod_job(struct pod_state *p, const char *name, void (*run)(void *arg), void *arg)
{
    struct job *j = mem_zalloc(sizeof *j);
    *j = (struct job){p, run, arg};
    {
        _lock_(&p->node->pods->mutex);
        p->jobs++;
        p->node->pods->jobs++;
    }
    thread_start(name, job_main, j);
}

void pods_add_container(struct pods *all, struct pod_state *p, struct runtime_container *c)
{
    _lock_(&all->mutex);
    map_put(&all->by_container, c->id, p);
}

void pods_forget_container(struct pods *all, struct runtime_container *c)
{
    _lock_(&all->mutex);
    map_del(&all->by_container, c->id);
}

void pods_container_ended(void *arg, struct str id)
{
    struct pods *all = arg;
    _lock_(&all->mutex);
    struct pod_state *p = map_get(&all->by_container, id);
    if (p)
        pod_wake(p);
}

void pods_each_running(struct pods *all, void (*fn)(void *arg, struct runtime_container *c), void *arg)
{
    _lock_(&all->mutex);
    map_each (&all->by_uid, slot) {
        struct pod_state *p = slot->value;
        _lock_(&p->mutex);
        for (struct container_control *k = p->containers; k; k = k->next)
            if (k->current && k->current->state == CONTAINER_RUNNING)
                fn(arg, k->current);
    }
}

bool pods_find_container(struct pods *all, struct str uid, struct str name, bool previous, struct arena *a,
                         struct str *id, struct str *log_path)
{
    _lock_(&all->mutex);
    struct pod_state *p = map_get(&all->by_uid, uid);
    if (!p)
        return false;
    _lock_(&p->mutex);
    for (struct container_control *k = p->containers; k; k = k->next) {
        struct runtime_container *c = previous ? k->previous : k->current;
        if (!str_eq(k->name, name) || !c)
            continue;
        *id = arena_str(a, c->id);
        *log_path = arena_str(a, c->log_path);
        return true;
    }
    return false;
}

bool pods_find_running(struct pods *all, struct str uid, struct str name, struct arena *a, struct str *id,
                       struct str *dir)
{
    _lock_(&all->mutex);
    struct pod_state *p = map_get(&all->by_uid, uid);
    if (!p)
        return false;
    _lock_(&p->mutex);
    for (struct container_control *k = p->containers; k; k = k->next) {
        if (!str_eq(k->name, name) || !k->current || k->current->state != CONTAINER_RUNNING)
            continue;
        *id = arena_str(a, k->current->id);
        *dir = arena_str(a, k->current->dir);
        return true;
    }
    return false;
}

bool pods_find_network(struct pods *all, struct str uid, bool host_network, struct arena *a, struct str *path)
{
    _lock_(&all->mutex);
    struct pod_state *p = map_get(&all->by_uid, uid);
    if (!p || !p->prepared || p->released)
        return false;
    *path = host_network ? (struct str){0} : arena_printf(a, "%s/net", p->sandbox);
    return true;
}

bool pods_is_admitted(struct pods *all, struct str uid)
{
    _lock_(&all->mutex);
    const struct pod_state *p = map_get(&all->by_uid, uid);
    return p && __atomic_load_n(&p->admitted, __ATOMIC_ACQUIRE);
}

void pods_evict(struct pods *all, struct str uid, struct str message, bool pressure)
{
    _lock_(&all->mutex);
    struct pod_state *p = map_get(&all->by_uid, uid);
    if (!p)
        return;
    {
        _lock_(&p->mutex);
        if (p->evict_message)
            return;
        p->evict_message = str_dup_c(message);
        p->evict_pressure = pressure;
    }
    pod_wake(p);
}

/* --- events --- */

void pod_event(struct pod_state *p, struct object *pod, const char *type, const char *reason, const char *fmt,
               ...)
{
    _cleanup_arena_ struct arena a = {0};
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vprintf(&a, fmt, args);
    va_end(args);
    recorder_event(p->node->recorder, pod, type, reason, (struct str){0}, STR_FMT, STR_ARG(text));
}

void container_event(struct pod_state *p, struct object *pod, const struct container *c, const char *type,
                     const char *reason, const char *fmt, ...)
{
    _cleanup_arena_ struct arena a = {0};
    const char *list = pod_is_init(object_typed(pod), c)        ? "initContainers"
                       : pod_is_ephemeral(object_typed(pod), c) ? "ephemeralContainers"
                                                                : "containers";
    struct str path = arena_printf(&a, "spec.%s{" STR_FMT "}", list, STR_ARG(c->name));
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vprintf(&a, fmt, args);
    va_end(args);
    recorder_event(p->node->recorder, pod, type, reason, path, STR_FMT, STR_ARG(text));
}

/* --- the worker --- */

/* The pod has gone; its state goes as soon as no thread uses it (each wakes the key again). */
static void forget(struct pods *all, struct pod_state *p)
{
    {
        _lock_(&all->mutex);
        if (p->jobs)
            return;
        map_del(&all->by_uid, p->uid);
    }
    state_free(p);
}

static void sooner(int64_t *again_ns, int64_t other)
{
    if (other && (!*again_ns || other < *again_ns))
        *again_ns = other;
}

static int pods_reconcile(void *arg, struct str ns, struct str name, struct arena *a, int64_t *again_ns,
                          struct err *err)
{
    struct pods *all = arg;
    if (!informer_synced(all->node->pod_informer, 0)) { /* what is not known yet is not gone */
        *again_ns = CLOCK_S;
        return 0;
    }
    _cleanup_object_ struct object *o = informer_get(all->node->pod_informer, ns, name);
    struct str uid = o ? object_meta(o)->uid : STR("");
    struct pod_state *other = state_other(all, ns, name, uid);
    bool gone = false;
    if (other) { /* it goes before one of the same name comes */
        if (pod_end(other, again_ns, &gone, err) < 0)
            return -1;
        if (!gone)
            return 0;
        forget(all, other);
        sooner(again_ns, o ? 1 : 0);
    }
    if (!o)
        return 0;
    const struct pod *pod = object_typed(o);
    struct pod_state *p = state_get(all, uid, ns, name);
    if (!p->cgroup)
        p->cgroup = arena_c(&p->arena, pod_cgroup(all->node->options.cgroup_root, pod, a));
    int64_t again = 0;
    if (pod_sync(p, o, a, &again, &gone, err) < 0)
        return -1;
    sooner(again_ns, again);
    if (gone)
        forget(all, p);
    return 0;
}

static void pods_on_change(void *arg, struct object *before, struct object *after)
{
    struct pods *all = arg;
    struct object *o = after ? after : before;
    reconciler_add(all->reconciler, object_namespace(o), object_name(o));
}

/* --- adoption --- */

/* The newest run of a container is the current one, the one before the previous; older ones go. */
static void adopt(struct pods *all, struct runtime_container *c)
{
    struct pod_state *p = state_get(all, c->pod_uid, c->pod_namespace, c->pod_name);
    struct container_control *k = pod_control(p, c->name);
    if (!p->cgroup) { /* its container's group lies in it */
        p->cgroup = arena_c(&p->arena, c->cgroup_path);
        char *slash = strrchr(p->cgroup, '/');
        if (slash)
            *slash = 0;
    }
    p->admitted = true;
    struct runtime_container **to =
        !k->current || c->attempt > k->current->attempt ? &k->current : &k->previous;
    struct runtime_container *less = *to;
    *to = c;
    if (to == &k->current && less) {
        struct runtime_container *was = k->previous;
        k->previous = less;
        less = was;
    }
    if (k->current == c)
        probes_reset(k, c->state == CONTAINER_RUNNING);
    map_put(&all->by_container, c->id, p);
    if (!less)
        return;
    map_del(&all->by_container, less->id);
    container_remove(all->node->runtime, less, NULL);
    container_free(less);
}

int pods_new(struct node_agent *n, struct pods **out, struct err *err)
{
    struct pods *all = mem_zalloc(sizeof *all);
    struct runtime_container **found;
    size_t count;
    *out = n->pods = all; /* its callbacks come from now on */
    all->node = n;
    pthread_mutex_init(&all->mutex, NULL);
    thread_cond_init(&all->changed);
    all->reconciler =
        reconciler_new("pods", n->options.workers ? n->options.workers : PODS_WORKERS, pods_reconcile, all);
    if (runtime_load(n->runtime, &found, &count, err) < 0)
        return -1;
    size_t running = 0;
    for (size_t i = 0; i < count; i++) {
        running += found[i]->state != CONTAINER_EXITED;
        adopt(all, found[i]);
    }
    if (count)
        log_info("adopted %zu containers, %zu of them running", count, running);
    free(found);
    return 0;
}

void pods_start(struct pods *all)
{
    informer_handle(all->node->pod_informer, pods_on_change, all);
    {
        _lock_(&all->mutex); /* those that the API has forgotten are to end */
        map_each (&all->by_uid, slot)
            pod_wake(slot->value);
    }
    reconciler_start(all->reconciler);
}

bool pods_stop(struct pods *all)
{
    informer_unhandle(all->node->pod_informer, pods_on_change, all);
    reconciler_stop(all->reconciler);
    int64_t deadline = clock_mono() + JOBS_END_S * CLOCK_S;
    _lock_(&all->mutex);
    while (all->jobs && thread_cond_wait(&all->changed, &all->mutex, deadline))
        ;
    if (all->jobs)
        log_warn("%d hooks, probes or pulls are still under way", all->jobs);
    return all->jobs == 0;
}

void pods_free(struct pods *all)
{
    reconciler_free(all->reconciler);
    map_each (&all->by_uid, slot)
        state_free(slot->value);
    map_free(&all->by_uid);
    map_free(&all->by_container);
    pthread_mutex_destroy(&all->mutex);
    pthread_cond_destroy(&all->changed);
    free(all);
}
