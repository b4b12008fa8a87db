/* WATCH: the store's events, turned by selectors; behind the present objects, where the client wants these
 * first. */
#define LOG_PART "watch"
#include <stdlib.h>

#include "api/convert.h"
#include "api/list.h"
#include "api/options.h"
#include "api/road.h"
#include "base/log.h"
#include "base/random.h"
#include "kinds/meta_v1.h"
#include "schema/custom/custom.h"

enum { WATCH_MIN_S = 1800 };

struct api_watch {
    struct api *api;
    struct watch *watch;
    const struct resource *resource; /* as asked for; referenced */
    struct list_selection selection;
    struct snapshot *snapshot; /* of the initial events; NULL when they are through */
    struct cursor cursor;
    int64_t revision; /* told about so far, while the snapshot lasts */
    int64_t timeout_s;
    struct str name;   /* the only one wanted; empty: all */
    bool bookmark_due; /* the one behind the initial events of a streaming list */
    struct arena arena;
};

static int watch_start(struct api *a, const struct api_request *r, struct api_watch *w, int64_t *from,
                       struct err *err)
{
    int64_t wanted, newest = store_revision(a->store);
    if (options_revision(r->resource_version, &wanted, err) < 0)
        return -1;
    if (wanted > newest)
        return list_too_new(err, wanted, newest);
    /* Initial events: asked for, or by an unset or 0 revision where nothing is said of them. */
    bool initial = r->send_initial_events_said ? r->send_initial_events : wanted == 0;
    w->bookmark_due = r->send_initial_events_said && r->send_initial_events;
    if (!initial) {
        *from = wanted ? wanted : newest;
        return 0;
    }
    w->snapshot = store_snapshot(a->store);
    *from = snapshot_revision(w->snapshot);
    return 0;
}

int api_watch_open(struct api *a, struct api_request *r, void (*wake)(void *arg), void *arg,
                   struct api_watch **out, struct err *err)
{
    const struct resource *resource = stored_form(r->resource);
    if (options_check(r) < 0) {
        err_move(err, &r->err);
        return -1;
    }
    struct api_watch *w = mem_zalloc(sizeof *w);
    int64_t from = 0;
    struct table *table = store_table(a->store, resource);
    struct watch_selector sel = {.table = table, .ns = r->ns, .name = r->name};
    struct api_request own = *r; /* the compiled selectors live with the watch */
    own.arena = &w->arena;
    if (list_selection(&w->selection, &own, resource, err) < 0 || watch_start(a, r, w, &from, err) < 0)
        goto fail;
    const struct str *name = field_selector_exact(&w->selection.fields, STR("metadata.name"));
    if (name && !sel.name.n)
        sel.name = *name;
    for (size_t i = 0; i < resource->n_selectables && !sel.field.n && !resource->custom; i++) {
        const struct str *value = field_selector_exact(&w->selection.fields, resource->selectables[i].path);
        if (value) {
            sel.field = resource->selectables[i].path;
            sel.value = *value;
        }
    }
    if (store_watch(a->store, &sel, from, wake, arg, &w->watch, err) < 0)
        goto fail;
    if (w->snapshot)
        cursor_open(&w->cursor, w->snapshot, table, r->ns, STR(""), STR(""));
    w->revision = from;
    w->api = a;
    w->resource = r->resource;
    resource_ref(w->resource);
    w->name = arena_str(&w->arena, sel.name);
    w->timeout_s = r->timeout_s > 0 ? r->timeout_s : WATCH_MIN_S + (int64_t)random_below(WATCH_MIN_S);
    *out = w;
    return 0;
fail:
    api_watch_close(w);
    return -1;
}

/* Custom objects are looked at as the watcher sees them, since they may be stored in another form. False:
 * they could not be shown. */
static bool watch_show(struct api_watch *w, struct watch_event *ev)
{
    _cleanup_err_ struct err err = {0};
    if (!w->resource->custom)
        return true;
    if ((!ev->object || convert_objects(w->api, &ev->object, 1, w->resource, &err) == 0) &&
        (!ev->before || convert_objects(w->api, &ev->before, 1, w->resource, &err) == 0))
        return true;
    log_warn("a watch of " STR_FMT " ends: " STR_FMT, STR_ARG(w->resource->qualified), STR_ARG(err.message));
    int64_t revision = ev->revision;
    watch_event_clear(ev);
    *ev = (struct watch_event){.type = WATCH_GONE, .revision = revision};
    return false;
}

/* The present objects, as added. */
static bool watch_initial(struct api_watch *w, struct watch_event *ev)
{
    struct object *o;
    while ((o = cursor_next(&w->cursor))) {
        if ((w->name.n && !str_eq(w->name, object_name(o))) || !list_selects_unseen(&w->selection, o))
            continue;
        *ev = (struct watch_event){
            .type = WATCH_ADDED, .object = object_ref(o), .revision = object_revision(o)};
        if (!watch_show(w, ev) || list_selects(&w->selection, ev->object))
            return true;
        watch_event_clear(ev);
    }
    snapshot_unref(w->snapshot);
    w->snapshot = NULL;
    return false;
}

/* What leaves the selection is shown as it last was in it, at the revision of the event. */
static void watch_leave(struct watch_event *ev)
{
    _cleanup_arena_ struct arena a = {0};
    const struct resource *r = object_resource(ev->before);
    void *last = arena_dup(&a, object_typed(ev->before), r->type->size);
    resource_meta(r, last)->resource_version = STR("");
    object_unref(ev->object);
    ev->object = object_new(r, last);
    object_commit(ev->object, ev->revision);
    ev->type = WATCH_DELETED;
}

/* What an event is to this watcher: whether the object was and is in its selection decides. False: nothing.
 */
static bool watch_turn(const struct api_watch *w, struct watch_event *ev)
{
    if (ev->type == WATCH_GONE || ev->type == WATCH_BOOKMARK || w->selection.all)
        return ev->type != WATCH_BOOKMARK;
    bool is = ev->type != WATCH_DELETED && list_selects(&w->selection, ev->object);
    bool was = ev->type == WATCH_DELETED ? list_selects(&w->selection, ev->before ? ev->before : ev->object)
                                         : ev->before && list_selects(&w->selection, ev->before);
    if (!is && !was)
        return false;
    if (is)
        ev->type = was ? WATCH_MODIFIED : WATCH_ADDED;
    else if (ev->type != WATCH_DELETED)
        watch_leave(ev);
    return true;
}

static bool watch_event_next(struct api_watch *w, struct watch_event *ev)
{
    if (w->snapshot && watch_initial(w, ev))
        return true;
    if (w->bookmark_due) {
        w->bookmark_due = false;
        *ev = (struct watch_event){.type = WATCH_BOOKMARK, .revision = w->revision, .initial_end = true};
        return true;
    }
    while (watch_next(w->watch, ev)) {
        if (!watch_show(w, ev) || watch_turn(w, ev))
            return true;
        watch_event_clear(ev);
    }
    return false;
}

bool api_watch_next(struct api_watch *w, struct watch_event *ev)
{
    if (!watch_event_next(w, ev))
        return false;
    if (ev->object)
        ev->object = convert_object(ev->object, w->resource);
    return true;
}

int64_t api_watch_revision(struct api_watch *w)
{
    return w->snapshot ? 0 : watch_revision(w->watch);
}

bool api_watch_over(const struct api_watch *w)
{
    return w->resource->custom && custom_is_gone(w->resource->custom);
}

int64_t api_watch_timeout_s(const struct api_watch *w)
{
    return w->timeout_s;
}

void api_watch_close(struct api_watch *w)
{
    if (!w)
        return;
    if (w->watch)
        watch_close(w->watch);
    resource_unref(w->resource);
    snapshot_unref(w->snapshot);
    arena_free(&w->arena);
    free(w);
}
