#define LOG_PART "proxy"
#include "net/proxy.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"
#include "net/nft.h"
#include "net/service_rules.h"
#include "net/service_view.h"

enum { PROXY_RETRY_MOST_S = 30 };
#define PROXY_SYNC_TURN (200 * CLOCK_MS)

/* A service, and what of it is in the kernel. */
struct proxy_service {
    struct service_entry entry;
    bool dirty;
    struct proxy_service *next_dirty;
    /* In the kernel, or on its way there. */
    struct items applied;
    struct arena applied_arena;
};

struct proxy {
    struct service_view view;    /* of struct proxy_service; its lock guards what follows up to `thread` */
    struct proxy_service *dirty; /* those to look at */
    size_t n_dirty;
    bool stopping;
    struct str zone; /* of this node */
    pthread_cond_t changed;
    struct informer *node;
    pthread_t thread;
    /* The thread's own. */
    struct str node_name; /* owned, as the zone */
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

static void proxy_on_change(struct service_view *v, struct service_entry *e)
{
    struct proxy *p = container_of(v, struct proxy, view);
    proxy_mark(p, container_of(e, struct proxy_service, entry));
    pthread_cond_signal(&p->changed);
}

static void proxy_mark_all(struct proxy *p)
{
    map_each (&p->view.entries, slot)
        proxy_mark(p, slot->value);
}

/* Another zone makes other endpoints close. */
static void proxy_on_node(void *arg, struct object *before, struct object *after)
{
    (void)before;
    struct proxy *p = arg;
    struct str zone = {0};
    for (size_t i = 0; after && i < object_meta(after)->labels.n; i++)
        if (str_is(object_meta(after)->labels.at[i].key, "topology.kubernetes.io/zone"))
            zone = object_meta(after)->labels.at[i].value;
    _lock_(&p->view.mutex);
    if (!after || str_eq(zone, p->zone))
        return;
    free((char *)p->zone.p);
    p->zone = str_slice(str_dup_c(zone), zone.n);
    proxy_mark_all(p);
    pthread_cond_signal(&p->changed);
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
    if (!s->entry.service)
        return;
    const struct rules_place here = {p->node_name, p->zone};
    const struct endpoint_slice **slices = arena_new_n(a, const struct endpoint_slice *, s->entry.slices.n);
    for (size_t i = 0; i < s->entry.slices.n; i++)
        slices[i] = object_typed(s->entry.slices.at[i]);
    service_rules(object_typed(s->entry.service), slices, s->entry.slices.n, &here, a, out);
}

/* Takes what has changed, or everything, and asks each for its rules. Under the lock: quick, as objects are
 * decoded once and rules are text. */
static void proxy_turn_take(struct proxy *p, bool all, struct proxy_turn *t)
{
    static const struct items none;
    if (all)
        proxy_mark_all(p);
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

static void proxy_service_clear(struct proxy_service *s)
{
    items_free(&s->applied);
    arena_free(&s->applied_arena);
}

/* Keeps what is now in the kernel. Services that are gone are forgotten. */
static void proxy_turn_done(struct proxy *p, struct proxy_turn *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct proxy_service *s = t->services[i];
        proxy_service_clear(s);
        s->applied = t->fresh[i];
        s->applied_arena = t->arenas[i];
        if (service_entry_is_empty(&s->entry) && !s->dirty) {
            proxy_service_clear(s);
            service_view_drop(&p->view, &s->entry);
        }
    }
}

static int proxy_turn_run(struct proxy *p, struct err *err)
{
    _cleanup_buf_ struct buf script = {0};
    _cleanup_(proxy_turn_free) struct proxy_turn t = {0};
    bool all = !p->built || p->ruleset.stale;
    {
        _lock_(&p->view.mutex);
        proxy_turn_take(p, all, &t);
    }
    if (all)
        ruleset_begin(&p->ruleset, &script);
    ruleset_change(&p->ruleset, t.changes, t.n, &script);
    int rc = nft_apply(buf_str(&script), err);
    p->built = rc == 0; /* after a failure nobody knows: build it all anew */
    _lock_(&p->view.mutex);
    proxy_turn_done(p, &t);
    return rc;
}

/* Waits for the first lists, which may take long where the server is away; false when told to stop meanwhile.
 */
static bool proxy_sync(struct proxy *p)
{
    while (!service_view_synced(&p->view, clock_mono() + PROXY_SYNC_TURN)) {
        _lock_(&p->view.mutex);
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
        _lock_(&p->view.mutex);
        while (!p->stopping && !p->ruleset.stale && (!p->built || !p->dirty))
            if (!thread_cond_wait(&p->changed, &p->view.mutex, until))
                break;
        if (p->stopping)
            return;
    }
}

int proxy_start(struct client *c, const struct proxy_options *o, struct proxy **out, struct err *err)
{
    (void)err;
    struct proxy *p = mem_zalloc(sizeof *p);
    thread_cond_init(&p->changed);
    p->node_name = str_slice(str_dup_c(o->node_name), o->node_name.n);
    p->view.entry_size = sizeof(struct proxy_service);
    p->view.changed = proxy_on_change;
    service_view_start(&p->view, c);
    _cleanup_buf_ struct buf self = {0};
    buf_addf(&self, "metadata.name=" STR_FMT, STR_ARG(o->node_name));
    p->node =
        client_informer(c, &node_resource, &(struct informer_options){.field_selector = buf_str(&self)});
    informer_handle(p->node, proxy_on_node, p);
    p->thread = thread_start("proxy", proxy_main, p);
    *out = p;
    return 0;
}

void proxy_stop(struct proxy *p)
{
    if (!p)
        return;
    {
        _lock_(&p->view.mutex);
        p->stopping = true;
        pthread_cond_signal(&p->changed);
    }
    thread_join(p->thread);
    informer_unhandle(p->node, proxy_on_node, p);
    service_view_stop(&p->view);
    map_each (&p->view.entries, slot)
        proxy_service_clear(slot->value);
    service_view_free(&p->view);
    ruleset_free(&p->ruleset);
    pthread_cond_destroy(&p->changed);
    free((char *)p->node_name.p);
    free((char *)p->zone.p);
    free(p);
}

int proxy_remove(struct err *err)
{
    _cleanup_buf_ struct buf script = {0};
    ruleset_remove(&script);
    return nft_apply(buf_str(&script), err);
}
