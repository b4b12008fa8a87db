#define LOG_PART "resources"
#include "api/resources.h"

#include <stdlib.h>

#include "api/road.h"
#include "base/log.h"
#include "schema/custom/custom.h"

struct resources {
    pthread_mutex_t mutex; /* guards all below */
    struct store *store;
    struct table *table; /* of the definitions */
    struct watch *watch;
    struct map customs; /* definition's name -> struct custom, for those that are served */
    struct resource_set *set;
    uint64_t generation;
    void (*changed)(void *arg);
    void *changed_arg;
};

/* --- sets --- */

void resource_set_unref(struct resource_set *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = n_builtin_resources; i < s->n; i++)
        resource_unref(s->all[i]);
    free(s->all);
    free(s);
}

void resource_set_unrefp(struct resource_set **s)
{
    resource_set_unref(*s);
}

static int by_group(const void *x, const void *y)
{
    const struct resource *const *a = x, *const *b = y;
    int order = str_cmp((*a)->group, (*b)->group);
    return order ? order : str_cmp((*a)->plural, (*b)->plural);
}

static void set_make(struct resources *r)
{
    struct resource_set *s = mem_zalloc(sizeof *s);
    size_t cap = n_builtin_resources;
    map_each (&r->customs, slot)
        cap += ((const struct custom *)slot->value)->n;
    atomic_init(&s->refs, 1);
    s->generation = ++r->generation;
    s->at = s->all = mem_alloc(cap * sizeof(struct resource *));
    for (; s->n < n_builtin_resources; s->n++)
        s->all[s->n] = builtin_resources[s->n];
    map_each (&r->customs, slot) {
        const struct custom *c = slot->value;
        for (size_t i = 0; i < c->n; i++)
            if (c->versions[i].declared->served) {
                s->all[s->n++] = &c->versions[i].resource;
                resource_ref(&c->versions[i].resource);
            }
    }
    qsort(s->all + n_builtin_resources, s->n - n_builtin_resources, sizeof *s->all, by_group);
    resource_set_unref(r->set);
    r->set = s;
}

/* --- following the definitions --- */

static bool is_served(const struct custom_resource_definition *d)
{
    return custom_condition_is(d, "Established", "True");
}

/* Whether the two make the same resources. */
static bool is_same(const struct custom_resource_definition *a, const struct custom_resource_definition *b)
{
    return str_eq(a->metadata.uid, b->metadata.uid) &&
           struct_eq(&custom_resource_definition_spec_type, &a->spec, &b->spec) &&
           struct_eq(&custom_resource_definition_names_type, &a->status.accepted_names,
                     &b->status.accepted_names) &&
           custom_condition_is(a, "Terminating", "True") == custom_condition_is(b, "Terminating", "True");
}

static bool forget(struct resources *r, struct str name)
{
    struct custom *c = map_del(&r->customs, name);
    if (!c)
        return false;
    custom_end(c);
    custom_unref(c);
    return true;
}

static bool learn(struct resources *r, struct object *o)
{
    const struct custom_resource_definition *d = object_typed(o);
    struct custom *before = map_get(&r->customs, d->metadata.name);
    if (!is_served(d))
        return forget(r, d->metadata.name);
    if (before && is_same(before->definition, d))
        return false;
    struct custom *now = custom_new(d);
    bool replaced = before && str_eq(before->definition->metadata.uid, d->metadata.uid);
    if (before && replaced)
        custom_succeed(now, before);
    else if (before)
        custom_end(before);
    map_put(&r->customs, now->definition->metadata.name, now);
    custom_unref(before);
    return true;
}

static void woken(void *arg)
{
    (void)arg; /* who asks, looks */
}

/* Everything anew: at the start, and when the watch fell behind. */
static int follow(struct resources *r, struct err *err)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(r->store);
    _cleanup_map_ struct map before = r->customs;
    struct cursor c;
    struct object *o;
    r->customs = (struct map){0};
    cursor_open(&c, snap, r->table, STR(""), STR(""), STR(""));
    while ((o = cursor_next(&c))) {
        struct custom *known = map_del(&before, object_name(o));
        if (known)
            map_put(&r->customs, known->definition->metadata.name, known);
        learn(r, o);
    }
    map_each (&before, slot) {
        custom_end(slot->value);
        custom_unref(slot->value);
    }
    if (r->watch)
        watch_close(r->watch);
    r->watch = NULL;
    const struct watch_selector sel = {.table = r->table};
    return store_watch(r->store, &sel, snapshot_revision(snap), woken, NULL, &r->watch, err);
}

/* Takes what has happened since. The mutex is held. */
static void catch_up(struct resources *r)
{
    struct watch_event ev;
    bool changed = false;
    while (r->watch && watch_next(r->watch, &ev)) {
        if (ev.type == WATCH_GONE) {
            _cleanup_err_ struct err err = {0};
            if (follow(r, &err) < 0)
                log_error("following the definitions: " STR_FMT, STR_ARG(err.message));
            changed = true;
            continue;
        }
        changed |= ev.type == WATCH_DELETED ? forget(r, object_name(ev.object)) : learn(r, ev.object);
        watch_event_clear(&ev);
    }
    if (!changed)
        return;
    set_make(r);
    if (r->changed)
        r->changed(r->changed_arg);
}

int resources_new(struct store *store, struct resources **out, struct err *err)
{
    struct resources *r = mem_zalloc(sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    r->store = store;
    r->table = store_table(store, &custom_resource_definition_resource);
    if (follow(r, err) < 0) {
        resources_free(r);
        return -1;
    }
    set_make(r);
    *out = r;
    return 0;
}

void resources_free(struct resources *r)
{
    if (!r)
        return;
    if (r->watch)
        watch_close(r->watch);
    map_each (&r->customs, slot)
        custom_unref(slot->value);
    map_free(&r->customs);
    resource_set_unref(r->set);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

void api_resources_changed(struct api *a, void (*changed)(void *arg), void *arg)
{
    _lock_(&a->resources->mutex);
    a->resources->changed = changed;
    a->resources->changed_arg = arg;
}

/* --- asking --- */

struct resource_set *api_resources(struct api *a)
{
    struct resources *r = a->resources;
    _lock_(&r->mutex);
    catch_up(r);
    atomic_fetch_add_explicit(&r->set->refs, 1, memory_order_relaxed);
    return r->set;
}

const struct resource *api_resource(struct api *a, struct str group, struct str version, struct str plural)
{
    const struct resource *builtin = resource_find(group, version, plural);
    if (builtin || !group.n)
        return builtin;
    struct resources *r = a->resources;
    _cleanup_arena_ struct arena arena = {0};
    struct str name = arena_printf(&arena, STR_FMT "." STR_FMT, STR_ARG(plural), STR_ARG(group));
    _lock_(&r->mutex);
    catch_up(r);
    const struct custom *c = map_get(&r->customs, name);
    const struct custom_version *v = c ? custom_version(c, version) : NULL;
    if (!v || !v->declared->served)
        return NULL;
    resource_ref(&v->resource);
    return &v->resource;
}

const struct resource *api_resource_now(struct api *a, const struct resource *r)
{
    return api_resource(a, r->group, r->version, r->plural);
}

const struct resource *api_resource_of_kind(struct api *a, struct str api_version, struct str kind)
{
    const struct resource *builtin = resource_find_kind(api_version, kind);
    if (builtin)
        return builtin;
    _cleanup_resource_set_ struct resource_set *s = api_resources(a);
    for (size_t i = n_builtin_resources; i < s->n; i++)
        if (str_eq(s->at[i]->kind, kind) && str_eq(s->at[i]->api_version, api_version)) {
            resource_ref(s->at[i]);
            return s->at[i];
        }
    return NULL;
}
