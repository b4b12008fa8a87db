#include "controllers/kinds.h"

#include <stdlib.h>

#include "base/thread.h"
#include "kinds/core_v1.h"
#include "schema/copy.h"
#include "schema/custom/custom.h"

enum { KINDS_MAX = 256 };
static const struct resource *kinds[KINDS_MAX + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool has_verb(const struct resource *r, struct str verb)
{
    for (size_t i = 0; i < r->n_verbs; i++)
        if (str_eq(r->verbs[i], verb))
            return true;
    return false;
}

/* Another version of it is the one stored. */
static bool is_other_version(const struct resource *r)
{
    for (size_t i = 0; i < n_builtin_resources && !(r->flags & RESOURCE_PREFERRED); i++) {
        const struct resource *o = builtin_resources[i];
        if (o != r && (o->flags & RESOURCE_PREFERRED) && str_eq(o->group, r->group) &&
            str_eq(o->plural, r->plural))
            return true;
    }
    return false;
}

static void gather_kinds(void)
{
    size_t n = 0;
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        if (!(r->flags & RESOURCE_VIRTUAL) && has_verb(r, STR("watch")) && has_verb(r, STR("delete")) &&
            !str_eq(r->kind, event_resource.kind) && !is_other_version(r)) {
            ensure(n < KINDS_MAX);
            kinds[n++] = r;
        }
    }
}

const struct resource *kind_stored(size_t i)
{
    pthread_once(&once, gather_kinds);
    return i < KINDS_MAX ? kinds[i] : NULL;
}

/* --- custom kinds --- */

struct custom_kind {
    struct custom *custom;
    const struct resource *main; /* of the version that is stored, if it is served */
    bool served;
};

struct kinds {
    struct client *client;
    void (*found)(void *arg, const struct resource *r);
    void *arg;
    pthread_mutex_t mutex;
    struct custom_kind *at; /* guarded by mutex; it only grows */
    size_t n, cap;
};

struct kinds *kinds_new(struct client *c, void (*found)(void *arg, const struct resource *r), void *arg)
{
    struct kinds *k = mem_zalloc(sizeof *k);
    *k = (struct kinds){.client = c, .found = found, .arg = arg};
    pthread_mutex_init(&k->mutex, NULL);
    return k;
}

void kinds_free(struct kinds *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++)
        custom_unref(k->at[i].custom);
    free(k->at);
    pthread_mutex_destroy(&k->mutex);
    free(k);
}

/* What a definition says, but for what objects look like: their fields are kept whatever they are. */
static struct custom *custom_of(const struct custom_resource_definition *d)
{
    _cleanup_arena_ struct arena a = {0};
    struct custom_resource_definition open = *d;
    open.spec.versions.at =
        arena_dup(&a, d->spec.versions.at, d->spec.versions.n * sizeof *d->spec.versions.at);
    for (size_t i = 0; i < open.spec.versions.n; i++) {
        open.spec.versions.at[i].schema = NULL;
        open.spec.versions.at[i].additional_printer_columns.n = 0;
        open.spec.versions.at[i].selectable_fields.n = 0;
    }
    return custom_new(&open);
}

static const struct resource *main_of(const struct custom *c)
{
    if (c->storage->declared->served)
        return &c->storage->resource;
    for (size_t i = 0; i < c->n; i++)
        if (c->versions[i].declared->served)
            return &c->versions[i].resource;
    return NULL;
}

/* Whether the kind is told by the same names, versions and scope. */
static bool is_same_kind(const struct custom *c, const struct custom_resource_definition *d)
{
    const struct custom_resource_definition *before = c->definition;
    if (!str_eq(before->metadata.name, d->metadata.name) || !str_eq(before->spec.scope, d->spec.scope) ||
        !struct_eq(&custom_resource_definition_names_type, &before->status.accepted_names,
                   &d->status.accepted_names) ||
        before->spec.versions.n != d->spec.versions.n)
        return false;
    for (size_t i = 0; i < d->spec.versions.n; i++) {
        const struct custom_resource_definition_version *x = &before->spec.versions.at[i],
                                                        *y = &d->spec.versions.at[i];
        if (!str_eq(x->name, y->name) || x->served != y->served || x->storage != y->storage)
            return false;
    }
    return true;
}

/* Notes what there is now; *look is the resource whose informer may have something to do, *fresh one that is
 * new. */
static void note(struct kinds *k, const struct custom_resource_definition *d, bool served,
                 const struct resource **look, const struct resource **fresh)
{
    _lock_(&k->mutex);
    struct custom_kind *known = NULL;
    for (size_t i = 0; i < k->n; i++) {
        struct custom_kind *c = &k->at[i];
        if (!str_eq(c->custom->definition->metadata.name, d->metadata.name))
            continue;
        if (c->served)
            *look = c->main;
        c->served = false;
        if (served && is_same_kind(c->custom, d))
            known = c;
    }
    if (!served)
        return;
    if (known) {
        known->served = true;
        *look = known->main;
        return;
    }
    struct custom *c = custom_of(d);
    mem_grow((void **)&k->at, &k->cap, k->n + 1, sizeof *k->at);
    k->at[k->n++] = (struct custom_kind){c, main_of(c), true};
    *fresh = main_of(c);
}

static void on_definition(void *arg, struct object *before, struct object *after)
{
    struct kinds *k = arg;
    const struct custom_resource_definition *d = object_typed(after ? after : before);
    const struct resource *look = NULL, *fresh = NULL;
    bool served = after && custom_condition_is(d, "Established", "True");
    size_t any = 0;
    for (size_t i = 0; i < d->spec.versions.n; i++)
        any += d->spec.versions.at[i].served;
    note(k, d, served && any, &look, &fresh);
    if (look)
        informer_look(client_informer(k->client, look, NULL));
    if (fresh)
        k->found(k->arg, fresh);
}

void kinds_start(struct kinds *k)
{
    informer_handle(client_informer(k->client, &custom_resource_definition_resource, NULL), on_definition, k);
}

void kinds_stop(struct kinds *k)
{
    informer_unhandle(client_informer(k->client, &custom_resource_definition_resource, NULL), on_definition,
                      k);
}

const struct resource *kinds_known(struct kinds *k, size_t i)
{
    size_t built_in = 0;
    while (kind_stored(built_in) && built_in <= i)
        built_in++;
    if (i < built_in)
        return kind_stored(i);
    _lock_(&k->mutex);
    return i - built_in < k->n ? k->at[i - built_in].main : NULL;
}

const struct resource *kinds_at(struct kinds *k, size_t i)
{
    size_t built_in = 0;
    while (kind_stored(built_in) && built_in <= i)
        built_in++;
    if (i < built_in)
        return kind_stored(i);
    _lock_(&k->mutex);
    for (size_t c = 0, left = i - built_in; c < k->n; c++)
        if (k->at[c].served && left-- == 0)
            return k->at[c].main;
    return NULL;
}

const struct resource *kinds_find(struct kinds *k, struct str api_version, struct str kind)
{
    const struct resource *r = resource_find_kind(api_version, kind);
    if (r)
        return r;
    _lock_(&k->mutex);
    for (size_t c = 0; c < k->n; c++) {
        const struct custom *custom = k->at[c].custom;
        for (size_t i = 0; k->at[c].served && i < custom->n; i++)
            if (custom->versions[i].declared->served &&
                str_eq(custom->versions[i].resource.api_version, api_version) &&
                str_eq(custom->versions[i].resource.kind, kind))
                return &custom->versions[i].resource;
    }
    return NULL;
}
