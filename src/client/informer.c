#define LOG_PART "informer"
#include "client/informer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/index.h"
#include "client/transport.h"
#include "kinds/meta_v1.h"

enum {
    SETTLE_S = 5
}; /* how long a read waits for a write's echo at most, lest a broken watch block everyone */

/* This thread is inside a handler: it must not wait for an informer. */
static _Thread_local int telling_depth;

struct informer *client_informer(struct client *any, const struct resource *r,
                                 const struct informer_options *o)
{
    static const struct informer_options everything;
    struct client *c = any->shared;
    o = o ? o : &everything;
    _lock_(&c->mutex);
    struct informer **at = &c->informers;
    for (; *at; at = &(*at)->next)
        if ((*at)->resource == r && str_eq((*at)->ns, o->ns) &&
            str_eq((*at)->label_selector, o->label_selector) &&
            str_eq((*at)->field_selector, o->field_selector))
            return *at;
    struct informer *i = mem_zalloc(sizeof *i);
    i->client = c;
    i->resource = r;
    i->ns = arena_str(&i->arena, o->ns);
    i->label_selector = arena_str(&i->arena, o->label_selector);
    i->field_selector = arena_str(&i->arena, o->field_selector);
    i->index = index_new();
    pthread_mutex_init(&i->telling, NULL);
    pthread_mutex_init(&i->mutex, NULL);
    thread_cond_init(&i->cond);
    *at = i;
    c->transport->follow(c, i);
    return i;
}

void informer_free(struct informer *i)
{
    index_free(i->index);
    pthread_mutex_destroy(&i->telling);
    pthread_mutex_destroy(&i->mutex);
    pthread_cond_destroy(&i->cond);
    arena_free(&i->arena);
    free(i->handlers);
    free(i);
}

/* --- what the transport tells; on one thread at a time --- */

/* With `telling` held and `mutex` not. */
static void informer_tell(struct informer *i, struct object *before, struct object *after)
{
    telling_depth++;
    for (size_t h = 0; h < i->n_handlers; h++)
        i->handlers[h].fn(i->handlers[h].arg, before, after);
    telling_depth--;
}

static void informer_advance(struct informer *i, int64_t revision)
{
    if (revision > i->seen)
        i->seen = revision;
    if (i->awaited)
        pthread_cond_broadcast(&i->cond);
}

static void informer_put_telling(struct informer *i, struct object *o)
{
    _cleanup_object_ struct object *before = NULL;
    {
        _lock_(&i->mutex);
        before = index_put(i->index, o);
        informer_advance(i, object_revision(o));
    }
    if (!before || object_revision(before) != object_revision(o))
        informer_tell(i, before, o);
}

static void informer_remove_telling(struct informer *i, struct object *o)
{
    _cleanup_object_ struct object *before = NULL;
    {
        _lock_(&i->mutex);
        before = index_take(i->index, object_namespace(o), object_name(o));
        informer_advance(i, object_revision(o));
    }
    if (before)
        informer_tell(i, o, NULL);
}

void informer_put(struct informer *i, struct object *o)
{
    _lock_(&i->telling);
    informer_put_telling(i, o);
}

void informer_remove(struct informer *i, struct object *o)
{
    _lock_(&i->telling);
    informer_remove_telling(i, o);
}

static int objects_qsort(const void *a, const void *b)
{
    return object_key_cmp(*(struct object *const *)a, *(struct object *const *)b);
}

/* False when one was deleted and another made under its name. */
static bool is_same(struct object *before, struct object *now)
{
    return object_revision(before) == object_revision(now) ||
           str_eq(object_meta(before)->uid, object_meta(now)->uid);
}

void informer_replace(struct informer *i, struct objects *list)
{
    if (list->n)
        qsort(list->at, list->n, sizeof *list->at, objects_qsort);
    _lock_(&i->telling);
    _cleanup_objects_ struct objects old = {0};
    {
        _lock_(&i->mutex);
        index_list(i->index, (struct str){0}, &old);
    }
    for (size_t o = 0, n = 0; o < old.n; o++) {
        while (n < list->n && object_key_cmp(list->at[n], old.at[o]) < 0)
            n++;
        if (n == list->n || object_key_cmp(list->at[n], old.at[o]) != 0 || !is_same(old.at[o], list->at[n]))
            informer_remove_telling(i, old.at[o]);
    }
    for (size_t n = 0; n < list->n; n++)
        informer_put_telling(i, list->at[n]);
    {
        _lock_(&i->mutex);
        i->synced = true;
        informer_advance(i, list->revision);
        pthread_cond_broadcast(&i->cond);
    }
    objects_clear(list);
}

void informer_bookmark(struct informer *i, int64_t revision)
{
    _lock_(&i->mutex);
    informer_advance(i, revision);
}

void client_wrote(struct client *any, const struct resource *r, int64_t revision)
{
    struct client *c = any->shared;
    struct informer *i;
    {
        _lock_(&c->mutex);
        for (i = c->informers; i; i = i->next)
            if (i->resource == r && str_empty(i->ns) && str_empty(i->label_selector) &&
                str_empty(i->field_selector))
                break;
    }
    if (!i)
        return;
    _lock_(&i->mutex);
    if (revision > i->awaited)
        i->awaited = revision;
}

void informer_look(struct informer *i)
{
    if (i->client->transport->look)
        i->client->transport->look(i->client, i);
}

/* --- handlers --- */

void informer_handle(struct informer *i, informer_fn fn, void *arg)
{
    _lock_(&i->telling);
    _cleanup_objects_ struct objects now = {0};
    {
        _lock_(&i->mutex);
        index_list(i->index, (struct str){0}, &now);
    }
    mem_grow((void **)&i->handlers, &i->cap_handlers, i->n_handlers + 1, sizeof *i->handlers);
    i->handlers[i->n_handlers++] = (struct informer_handler){fn, arg};
    telling_depth++;
    for (size_t n = 0; n < now.n; n++)
        fn(arg, NULL, now.at[n]);
    telling_depth--;
}

void informer_unhandle(struct informer *i, informer_fn fn, void *arg)
{
    _lock_(&i->telling);
    size_t kept = 0;
    for (size_t h = 0; h < i->n_handlers; h++)
        if (i->handlers[h].fn != fn || i->handlers[h].arg != arg)
            i->handlers[kept++] = i->handlers[h];
    i->n_handlers = kept;
}

/* --- reads --- */

bool informer_synced(struct informer *i, int64_t deadline)
{
    _lock_(&i->mutex);
    while (!i->synced)
        if (!thread_cond_wait(&i->cond, &i->mutex, deadline))
            break;
    return i->synced;
}

/* With `mutex` held: until the watch has brought what this client has written. */
static void informer_settle(struct informer *i)
{
    if (i->awaited <= i->seen) {
        i->awaited = 0;
        return;
    }
    if (telling_depth || !i->synced)
        return;
    int64_t deadline = clock_mono() + SETTLE_S * CLOCK_S;
    while (i->awaited > i->seen)
        if (!thread_cond_wait(&i->cond, &i->mutex, deadline)) {
            log_warn("the watch of " STR_FMT " is behind its own writes", STR_ARG(i->resource->plural));
            i->awaited = 0;
        }
}

struct object *informer_get(struct informer *i, struct str ns, struct str name)
{
    _lock_(&i->mutex);
    informer_settle(i);
    struct object *o = index_get(i->index, ns, name);
    return o ? object_ref(o) : NULL;
}

void informer_list(struct informer *i, struct str ns, struct objects *out)
{
    _lock_(&i->mutex);
    informer_settle(i);
    index_list(i->index, ns, out);
    out->revision = i->seen;
}

void informer_list_owned(struct informer *i, struct str owner_uid, struct objects *out)
{
    _lock_(&i->mutex);
    informer_settle(i);
    if (!str_empty(owner_uid))
        index_list_owned(i->index, owner_uid, (struct str){0}, out);
    out->revision = i->seen;
}

void informer_list_orphans(struct informer *i, struct str ns, struct objects *out)
{
    _lock_(&i->mutex);
    informer_settle(i);
    index_list_owned(i->index, (struct str){0}, ns, out);
    out->revision = i->seen;
}
