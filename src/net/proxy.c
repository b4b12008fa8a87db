#define LOG_PART "proxy"
#include "net/proxy.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "client/informer.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"
#include "net/nft.h"
#include "net/service_rules.h"

enum { PROXY_RETRY_MOST_S = 30 };
#define PROXY_SYNC_TURN (200 * CLOCK_MS)

/* A service as far as it is known, and what of it is in the kernel. */
struct proxy_service {
    struct str key;         /* "ns/name", owned */
    struct object *service; /* NULL: not there (yet, or any more) */
    struct objects slices;
    bool dirty;
    struct proxy_service *next_dirty;
    /* In the kernel, or on its way there. */
    struct items applied;
    struct arena applied_arena;
};

struct proxy {
    pthread_mutex_t mutex; /* guards everything up to `thread` */
    pthread_cond_t changed;
    struct map services;         /* key -> struct proxy_service */
    struct proxy_service *dirty; /* those to look at */
    size_t n_dirty;
    bool stopping;
    pthread_t thread;
    /* The thread's own. */
    struct informer *service_informer, *slice_informer;
    struct str node_name;
    struct ruleset ruleset;
    bool built; /* the table in the kernel is ours */
};

static void proxy_mark(struct proxy *p, struct proxy_service *s)
{
    if (s->dirty)
        return;
    s->dirty = true;
    s->next_dirty = p->dirty;
    p->dirty = s;
    p->n_dirty++;
}

/* The service of this name, made when new; marked as changed. Under the lock. */
static struct proxy_service *proxy_touch(struct proxy *p, struct str ns, struct str name)
{
    char stack[512];
    size_t n = ns.n + 1 + name.n;
    ensure(n < sizeof stack); /* names are validated: at most 63 and 253 bytes */
    memcpy(stack, ns.p, ns.n);
    stack[ns.n] = '/';
    memcpy(stack + ns.n + 1, name.p, name.n);
    struct proxy_service *s = map_get(&p->services, str_slice(stack, n));
    if (!s) {
        s = mem_zalloc(sizeof *s);
        s->key = str_slice(mem_dup(stack, n), n);
        map_put(&p->services, s->key, s);
    }
    proxy_mark(p, s);
    pthread_cond_signal(&p->changed);
    return s;
}

static void proxy_on_service(void *arg, struct object *before, struct object *after)
{
    struct proxy *p = arg;
    struct object *o = after ? after : before;
    _lock_(&p->mutex);
    struct proxy_service *s = proxy_touch(p, object_namespace(o), object_name(o));
    object_unref(s->service);
    s->service = after ? object_ref(after) : NULL;
}

static struct str proxy_slice_service(struct object *slice)
{
    const struct str_map *labels = &object_meta(slice)->labels;
    for (size_t i = 0; i < labels->n; i++)
        if (str_is(labels->at[i].key, "kubernetes.io/service-name"))
            return labels->at[i].value;
    return (struct str){0};
}

static void proxy_drop_slice(struct proxy_service *s, struct str name)
{
    for (size_t i = 0; i < s->slices.n; i++)
        if (str_eq(object_name(s->slices.at[i]), name)) {
            object_unref(s->slices.at[i]);
            s->slices.at[i] = s->slices.at[--s->slices.n];
            return;
        }
}

static void proxy_on_slice(void *arg, struct object *before, struct object *after)
{
    struct proxy *p = arg;
    _lock_(&p->mutex);
    struct str of = before ? proxy_slice_service(before) : (struct str){0};
    if (of.n)
        proxy_drop_slice(proxy_touch(p, object_namespace(before), of), object_name(before));
    of = after ? proxy_slice_service(after) : (struct str){0};
    if (of.n) {
        struct proxy_service *s = proxy_touch(p, object_namespace(after), of);
        proxy_drop_slice(s, object_name(after));
        s->slices.at = mem_realloc(s->slices.at, (s->slices.n + 1) * sizeof *s->slices.at);
        s->slices.at[s->slices.n++] = object_ref(after);
    }
}

static void proxy_service_free(struct proxy_service *s)
{
    object_unref(s->service);
    objects_clear(&s->slices);
    items_free(&s->applied);
    arena_free(&s->applied_arena);
    free((char *)s->key.p);
    free(s);
}

/* What one turn works on: the changed services, with their new items beside the old ones. */
struct proxy_turn {
    struct proxy_service **services;
    struct items *fresh;
    struct arena *arenas;
    struct items_change *changes;
    size_t n;
};

static void proxy_turn_free(struct proxy_turn *t)
{
    free(t->services);
    free(t->fresh);
    free(t->arenas);
    free(t->changes);
}

static void proxy_service_rules(struct proxy *p, struct proxy_service *s, struct arena *a, struct items *out)
{
    if (!s->service)
        return;
    const struct endpoint_slice **slices = arena_new_n(a, const struct endpoint_slice *, s->slices.n);
    for (size_t i = 0; i < s->slices.n; i++)
        slices[i] = object_typed(s->slices.at[i]);
    service_rules(object_typed(s->service), slices, s->slices.n, p->node_name, a, out);
}

/* Takes what has changed, or everything, and asks each for its rules. Under the lock: quick, as objects are
 * decoded once and rules are text. */
static void proxy_turn_take(struct proxy *p, bool all, struct proxy_turn *t)
{
    static const struct items none;
    if (all)
        map_each (&p->services, slot)
            proxy_mark(p, slot->value);
    t->services = mem_zalloc(p->n_dirty * sizeof *t->services);
    t->fresh = mem_zalloc(p->n_dirty * sizeof *t->fresh);
    t->arenas = mem_zalloc(p->n_dirty * sizeof *t->arenas);
    t->changes = mem_zalloc(p->n_dirty * sizeof *t->changes);
    for (struct proxy_service *s = p->dirty; s; s = s->next_dirty, t->n++) {
        t->services[t->n] = s;
        proxy_service_rules(p, s, &t->arenas[t->n], &t->fresh[t->n]);
        t->changes[t->n] = (struct items_change){all ? &none : &s->applied, &t->fresh[t->n]};
        s->dirty = false;
    }
    p->dirty = NULL;
    p->n_dirty = 0;
}

/* Keeps what is now in the kernel. Services that are gone are forgotten. */
static void proxy_turn_done(struct proxy *p, struct proxy_turn *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct proxy_service *s = t->services[i];
        items_free(&s->applied);
        arena_free(&s->applied_arena);
        s->applied = t->fresh[i];
        s->applied_arena = t->arenas[i];
        if (!s->service && !s->slices.n && !s->dirty) {
            map_del(&p->services, s->key);
            proxy_service_free(s);
        }
    }
}

static int proxy_turn_run(struct proxy *p, struct err *err)
{
    _cleanup_buf_ struct buf script = {0};
    _cleanup_(proxy_turn_free) struct proxy_turn t = {0};
    bool all = !p->built || p->ruleset.stale;
    {
        _lock_(&p->mutex);
        proxy_turn_take(p, all, &t);
    }
    if (all)
        ruleset_begin(&p->ruleset, &script);
    ruleset_change(&p->ruleset, t.changes, t.n, &script);
    int rc = nft_apply(buf_str(&script), err);
    p->built = rc == 0; /* after a failure nobody knows: build it all anew */
    _lock_(&p->mutex);
    proxy_turn_done(p, &t);
    return rc;
}

/* Waits for the first lists, which may take long where the server is away; false when told to stop meanwhile.
 */
static bool proxy_sync(struct proxy *p)
{
    while (!informer_synced(p->service_informer, clock_mono() + PROXY_SYNC_TURN) ||
           !informer_synced(p->slice_informer, clock_mono() + PROXY_SYNC_TURN)) {
        _lock_(&p->mutex);
        if (p->stopping)
            return false;
    }
    return true;
}

static void proxy_main(void *arg)
{
    struct proxy *p = arg;
    if (!proxy_sync(p))
        return;
    for (int64_t wait_s = 1;;) {
        _cleanup_err_ struct err err = {0};
        int64_t until = INT64_MAX;
        if (proxy_turn_run(p, &err) < 0) {
            log_warn("services may not work: " STR_FMT "; trying again in %llds", STR_ARG(err.message),
                     (long long)wait_s);
            until = clock_mono() + wait_s * CLOCK_S;
            wait_s = wait_s * 2 > PROXY_RETRY_MOST_S ? PROXY_RETRY_MOST_S : wait_s * 2;
        } else {
            wait_s = 1;
        }
        _lock_(&p->mutex);
        while (!p->stopping && !p->ruleset.stale && (!p->built || !p->dirty))
            if (!thread_cond_wait(&p->changed, &p->mutex, until))
                break;
        if (p->stopping)
            return;
    }
}

int proxy_start(struct client *c, const struct proxy_options *o, struct proxy **out, struct err *err)
{
    (void)err;
    struct proxy *p = mem_zalloc(sizeof *p);
    pthread_mutex_init(&p->mutex, NULL);
    thread_cond_init(&p->changed);
    p->node_name = str_slice(str_dup_c(o->node_name), o->node_name.n);
    p->service_informer = client_informer(c, &service_resource, &(struct informer_options){0});
    p->slice_informer =
        client_informer(c, &endpoint_slice_resource,
                        &(struct informer_options){.label_selector = STR("kubernetes.io/service-name")});
    informer_handle(p->service_informer, proxy_on_service, p);
    informer_handle(p->slice_informer, proxy_on_slice, p);
    p->thread = thread_start("proxy", proxy_main, p);
    *out = p;
    return 0;
}

void proxy_stop(struct proxy *p)
{
    if (!p)
        return;
    {
        _lock_(&p->mutex);
        p->stopping = true;
        pthread_cond_signal(&p->changed);
    }
    thread_join(p->thread);
    informer_unhandle(p->service_informer, proxy_on_service, p);
    informer_unhandle(p->slice_informer, proxy_on_slice, p);
    map_each (&p->services, slot)
        proxy_service_free(slot->value);
    map_free(&p->services);
    ruleset_free(&p->ruleset);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->mutex);
    free((char *)p->node_name.p);
    free(p);
}

int proxy_remove(struct err *err)
{
    _cleanup_buf_ struct buf script = {0};
    ruleset_remove(&script);
    return nft_apply(buf_str(&script), err);
}
