/* Work queues over a pool of threads. A key that has anything pending has one entry: in its reconciler's line
 * (waiting), with a worker (running, perhaps to go again), on the heap of timers, or several of these at
 * once. */
#define LOG_PART "reconciler"
#include "client/reconciler.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"

#define BACKOFF_FIRST (5 * CLOCK_MS)
#define BACKOFF_LAST  (1000 * CLOCK_S)

struct entry {
    struct reconciler *reconciler;
    struct entry *next;           /* in line */
    struct str key;               /* "namespace\0name" */
    struct str ns, name;          /* parts of it */
    bool waiting, running, again; /* again: added while running */
    int failures;
    int64_t due;    /* clock_mono(), when on the heap */
    size_t heap_at; /* 1-based; 0: not on the heap */
    char text[];
};

struct reconciler {
    struct worker_pool *pool;
    bool own_pool;
    char *name;
    int limit, running; /* workers at once */
    bool started;
    reconcile_fn fn;
    void *arg;
    struct map entries;
    struct entry *first, **last; /* in line */
    struct reconciler *next;     /* among the ready */
    bool ready;                  /* is among them */
};

struct worker_pool {
    char *name;
    pthread_mutex_t mutex;            /* guards everything here, in the reconcilers and in the entries */
    pthread_cond_t work;              /* a reconciler is ready, the next timer changed, or the end has come */
    pthread_cond_t done;              /* a worker is done with a key */
    struct reconciler *first, **last; /* ready: with someone in line and a worker to spare */
    struct entry **heap;              /* 1-based, earliest first */
    size_t n_heap, cap_heap;
    pthread_t *threads;
    int limit, n_threads, n_idle;
    bool timekeeper; /* one idle worker waits for the earliest timer, the others for work only */
    bool ending;
};

/* --- the heap of timers --- */

static void heap_set(struct worker_pool *p, size_t at, struct entry *e)
{
    p->heap[at] = e;
    e->heap_at = at;
}

static void heap_rise(struct worker_pool *p, size_t at, struct entry *e)
{
    for (; at > 1 && p->heap[at / 2]->due > e->due; at /= 2)
        heap_set(p, at, p->heap[at / 2]);
    heap_set(p, at, e);
}

static void heap_sink(struct worker_pool *p, size_t at, struct entry *e)
{
    for (size_t child; (child = at * 2) <= p->n_heap; at = child) {
        if (child < p->n_heap && p->heap[child + 1]->due < p->heap[child]->due)
            child++;
        if (p->heap[child]->due >= e->due)
            break;
        heap_set(p, at, p->heap[child]);
    }
    heap_rise(p, at, e);
}

static void heap_remove(struct worker_pool *p, struct entry *e)
{
    size_t at = e->heap_at;
    e->heap_at = 0;
    struct entry *last = p->heap[p->n_heap--];
    if (last != e)
        heap_sink(p, at, last);
}

/* --- keys; all with the pool's mutex --- */

static struct entry *entry_get(struct reconciler *r, struct str ns, struct str name)
{
    struct entry *e = mem_zalloc(sizeof *e + ns.n + 1 + name.n);
    if (ns.n)
        memcpy(e->text, ns.p, ns.n);
    if (name.n)
        memcpy(e->text + ns.n + 1, name.p, name.n);
    e->reconciler = r;
    e->key = str_slice(e->text, ns.n + 1 + name.n);
    e->ns = str_slice(e->text, ns.n);
    e->name = str_slice(e->text + ns.n + 1, name.n);
    struct entry *have = map_get(&r->entries, e->key);
    if (have) {
        free(e);
        return have;
    }
    map_put(&r->entries, e->key, e);
    return e;
}

static void entry_release(struct entry *e)
{
    if (e->waiting || e->running || e->heap_at || e->failures)
        return;
    map_del(&e->reconciler->entries, e->key);
    free(e);
}

static void worker_main(void *arg);

/* Lets the pool know of a reconciler that can use a worker. */
static void reconciler_offer(struct reconciler *r)
{
    struct worker_pool *p = r->pool;
    if (r->ready || !r->started || !r->first || r->running >= r->limit)
        return;
    r->ready = true;
    r->next = NULL;
    *p->last = r;
    p->last = &r->next;
    if (p->n_idle)
        pthread_cond_signal(&p->work);
    else if (p->n_threads < p->limit && !p->ending)
        p->threads[p->n_threads++] = thread_start(p->name, worker_main, p);
}

static void entry_queue(struct entry *e)
{
    struct reconciler *r = e->reconciler;
    if (e->running) {
        e->again = true;
        return;
    }
    if (e->waiting)
        return;
    e->waiting = true;
    e->next = NULL;
    *r->last = e;
    r->last = &e->next;
    reconciler_offer(r);
}

static void entry_queue_after(struct entry *e, int64_t delay)
{
    struct worker_pool *p = e->reconciler->pool;
    int64_t due = clock_mono() + delay;
    if (e->heap_at) {
        if (e->due <= due)
            return;
        e->due = due;
        heap_rise(p, e->heap_at, e);
    } else {
        mem_grow((void **)&p->heap, &p->cap_heap, p->n_heap + 2, sizeof *p->heap);
        e->due = due;
        heap_rise(p, ++p->n_heap, e);
    }
    if (e->heap_at != 1)
        return;
    /* Someone must wait for it: the timekeeper has to look again, or a first thread has to become it. */
    if (p->n_threads == 0 && e->reconciler->started)
        p->threads[p->n_threads++] = thread_start(p->name, worker_main, p);
    else
        pthread_cond_broadcast(&p->work);
}

/* --- workers --- */

static void heap_expire(struct worker_pool *p, int64_t now)
{
    while (p->n_heap && p->heap[1]->due <= now) {
        struct entry *e = p->heap[1];
        heap_remove(p, e);
        entry_queue(e);
    }
}

/* Runs the first key of a reconciler, with the mutex given up meanwhile. */
static void worker_run(struct worker_pool *p, struct reconciler *r)
{
    struct entry *e = r->first;
    r->first = e->next;
    if (!r->first)
        r->last = &r->first;
    e->waiting = e->again = false;
    e->running = true;
    r->running++;
    reconciler_offer(r);
    pthread_mutex_unlock(&p->mutex);

    _cleanup_err_ struct err err = {0};
    struct arena arena = {0};
    int64_t again = 0;
    int failed = r->fn(r->arg, e->ns, e->name, &arena, &again, &err);
    arena_free(&arena);
    if (failed && err.reason == ERR_CONFLICT)
        log_debug("%s " STR_FMT "/" STR_FMT ": " STR_FMT, r->name, STR_ARG(e->ns), STR_ARG(e->name),
                  STR_ARG(err.message));
    else if (failed)
        log_warn("%s " STR_FMT "/" STR_FMT ": " STR_FMT, r->name, STR_ARG(e->ns), STR_ARG(e->name),
                 STR_ARG(err.message));

    pthread_mutex_lock(&p->mutex);
    r->running--;
    e->running = false;
    if (failed) {
        int64_t delay =
            e->failures < 40 ? BACKOFF_FIRST << (e->failures < 20 ? e->failures : 20) : BACKOFF_LAST;
        e->failures++;
        if (r->started)
            entry_queue_after(e, delay < BACKOFF_LAST ? delay : BACKOFF_LAST);
    } else {
        e->failures = 0;
        if (again > 0 && r->started)
            entry_queue_after(e, again);
    }
    if (e->again && r->started)
        entry_queue(e);
    entry_release(e);
    reconciler_offer(r);
    pthread_cond_broadcast(&p->done);
}

static void worker_main(void *arg)
{
    struct worker_pool *p = arg;
    pthread_mutex_lock(&p->mutex);
    while (!p->ending) {
        if (p->n_heap)
            heap_expire(p, clock_mono());
        struct reconciler *r = p->first;
        if (r) {
            p->first = r->next;
            if (!p->first)
                p->last = &p->first;
            r->ready = false;
            worker_run(p, r);
            continue;
        }
        bool keeper = p->n_heap && !p->timekeeper;
        p->timekeeper |= keeper;
        p->n_idle++;
        thread_cond_wait(&p->work, &p->mutex, keeper ? p->heap[1]->due : INT64_MAX);
        p->n_idle--;
        if (keeper) {
            p->timekeeper = false;
            if (p->first && p->n_heap && p->n_idle) /* about to work: another one keeps the time */
                pthread_cond_signal(&p->work);
        }
    }
    pthread_mutex_unlock(&p->mutex);
}

struct worker_pool *worker_pool_new(const char *name, int workers)
{
    struct worker_pool *p = mem_zalloc(sizeof *p);
    p->name = str_dup_c(str_from(name));
    p->limit = workers;
    p->threads = mem_zalloc((size_t)workers * sizeof *p->threads);
    p->last = &p->first;
    pthread_mutex_init(&p->mutex, NULL);
    thread_cond_init(&p->work);
    thread_cond_init(&p->done);
    return p;
}

void worker_pool_free(struct worker_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->mutex);
    p->ending = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 0; i < p->n_threads; i++)
        thread_join(p->threads[i]);
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->done);
    free(p->heap);
    free(p->threads);
    free(p->name);
    free(p);
}

/* --- reconcilers --- */

struct reconciler *reconciler_new_in(struct worker_pool *p, const char *name, int workers, reconcile_fn fn,
                                     void *arg)
{
    struct reconciler *r = mem_zalloc(sizeof *r);
    *r = (struct reconciler){.pool = p,
                             .name = str_dup_c(str_from(name)),
                             .limit = workers,
                             .fn = fn,
                             .arg = arg,
                             .last = &r->first};
    return r;
}

struct reconciler *reconciler_new(const char *name, int workers, reconcile_fn fn, void *arg)
{
    struct reconciler *r = reconciler_new_in(worker_pool_new(name, workers), name, workers, fn, arg);
    r->own_pool = true;
    return r;
}

void reconciler_start(struct reconciler *r)
{
    struct worker_pool *p = r->pool;
    _lock_(&p->mutex);
    r->started = true;
    reconciler_offer(r);
    if (p->n_heap && !p->n_threads)
        p->threads[p->n_threads++] = thread_start(p->name, worker_main, p);
}

/* Takes the reconciler out of the pool's line, and every key out of everything. */
void reconciler_stop(struct reconciler *r)
{
    struct worker_pool *p = r->pool;
    _lock_(&p->mutex);
    r->started = false;
    while (r->running)
        thread_cond_wait(&p->done, &p->mutex, INT64_MAX);
    if (r->ready) {
        struct reconciler **at = &p->first;
        while (*at != r)
            at = &(*at)->next;
        *at = r->next;
        for (p->last = &p->first; *p->last; p->last = &(*p->last)->next)
            ;
        r->ready = false;
    }
    map_each (&r->entries, slot) {
        struct entry *e = slot->value;
        if (e->heap_at)
            heap_remove(p, e);
        free(e);
    }
    map_free(&r->entries);
    r->first = NULL;
    r->last = &r->first;
}

void reconciler_free(struct reconciler *r)
{
    if (!r)
        return;
    reconciler_stop(r);
    if (r->own_pool)
        worker_pool_free(r->pool);
    free(r->name);
    free(r);
}

void reconciler_add(struct reconciler *r, struct str ns, struct str name)
{
    _lock_(&r->pool->mutex);
    entry_queue(entry_get(r, ns, name));
}

void reconciler_add_after(struct reconciler *r, struct str ns, struct str name, int64_t ns_delay)
{
    _lock_(&r->pool->mutex);
    struct entry *e = entry_get(r, ns, name);
    if (ns_delay <= 0)
        entry_queue(e);
    else
        entry_queue_after(e, ns_delay);
}

void reconciler_on_object(void *reconciler, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    reconciler_add(reconciler, object_namespace(o), object_name(o));
}
