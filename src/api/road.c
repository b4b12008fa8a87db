#include "api/road.h"

#include <stdlib.h>

#include "api/convert.h"
#include "api/definitions.h"
#include "api/expiry.h"
#include "api/options.h"
#include "api/policy/policy.h"
#include "api/resources.h"
#include "api/service/services.h"
#include "schema/copy.h"

bool api_waits(const struct resource *r)
{
    return convert_waits(r);
}

static const struct user api_user = {.name = STR_INIT("system:apiserver")};

/* --- the API as a whole --- */

static struct str_vec strs_copy(struct arena *a, const struct str_vec *from)
{
    struct str_vec v = {arena_new_n(a, struct str, from->n), from->n};
    each (v, i)
        v.at[i] = arena_str(a, from->at[i]);
    return v;
}

int api_new(const struct api_options *o, struct api **out, struct err *err)
{
    struct api *a = mem_zalloc(sizeof *a);
    a->options = *o;
    a->admission = o->admission ? o->admission : &admission_settings_default;
    a->store = o->store;
    pthread_mutex_init(&a->mutex, NULL);
    pthread_mutex_init(&a->quota_mutex, NULL);
    thread_cond_init(&a->settled);
    struct str *texts[] = {&a->options.node_port_range, &a->options.advertise_address};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = arena_str(&a->arena, *texts[i]);
    a->options.service_cidrs = strs_copy(&a->arena, &o->service_cidrs);
    if (!o->service_cidrs.n)
        str_vec_add(&a->options.service_cidrs, &a->arena, STR("10.96.0.0/12"));
    if (!a->options.node_port_range.n)
        a->options.node_port_range = STR("30000-32767");
    a->options.api_audiences = strs_copy(&a->arena, &o->api_audiences);
    a->policies = policy_cache_new();
    if (resources_new(a->store, &a->resources, err) < 0 || services_new(a, &a->services, err) < 0) {
        api_free(a);
        return -1;
    }
    *out = a;
    return 0;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    definitions_stop(a->definitions);
    expiry_stop(a->expiry);
    policy_cache_free(a->policies);
    services_free(a->services);
    resources_free(a->resources);
    pthread_mutex_destroy(&a->mutex);
    pthread_mutex_destroy(&a->quota_mutex);
    pthread_cond_destroy(&a->settled);
    arena_free(&a->arena);
    free(a);
}

void api_set_hooks(struct api *a, const struct api_hooks *hooks)
{
    a->hooks = *hooks;
}

struct store *api_store(struct api *a)
{
    return a->store;
}

void api_add_admission(struct api *a, const struct api_admission *admission)
{
    ensure(a->n_admissions < ADMISSIONS_MAX);
    a->admissions[a->n_admissions++] = *admission;
}

void api_drop_admission(struct api *a, const void *arg)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_admissions; i++)
        if (a->admissions[i].arg != arg)
            a->admissions[n++] = a->admissions[i];
    a->n_admissions = n;
}

/* --- a request --- */

static road_step road_verb(struct road *d)
{
    if (d->r->verb == API_CONNECT)
        return verb_connect;
    if (d->r->subresource.n)
        return sub_find(d);
    switch (d->r->verb) {
    case API_GET:
        return verb_get;
    case API_LIST:
        return verb_list;
    case API_CREATE:
        return verb_create;
    case API_UPDATE:
        return verb_update;
    case API_PATCH:
        return verb_patch;
    case API_DELETE:
        return verb_delete;
    case API_DELETE_COLLECTION:
        return verb_delete_collection;
    case API_CONNECT:
    case API_WATCH: /* by api_watch_open */
        break;
    }
    return NULL;
}

static int road_start(struct api *a, struct api_request *r)
{
    struct road *d = arena_new(r->arena, struct road);
    r->state = d;
    resource_ref(r->resource);
    d->api = a;
    d->r = r;
    d->resource = stored_form(r->resource);
    d->strategy = strategy_of(d->resource);
    d->ns = r->ns;
    d->name = r->name;
    if (!r->user)
        r->user = &api_user;
    d->context = (struct strategy_context){a, r, r->arena, d->resource, r->subresource};
    if (options_check(r) < 0)
        return -1;
    if (!(d->resource->flags & RESOURCE_VIRTUAL))
        d->table = store_table(a->store, d->resource);
    if (d->table && store_table_check(a->store, d->table, &r->err) < 0)
        return -1;
    d->inside = road_verb(d);
    d->next = r->authorize ? road_at_the_door : d->inside;
    if (!d->inside) {
        err_set(&r->err, ERR_NOT_FOUND, "the server could not find the requested resource");
        return err_about(&r->err, r->resource->group, r->resource->plural, r->name);
    }
    return 0;
}

enum api_state api_run(struct api *a, struct api_request *r)
{
    if (!r->state && road_start(a, r) < 0) {
        r->code = r->err.code;
        return API_DONE;
    }
    struct road *d = r->state;
    r->asking = false;
    int rc = d->next(d);
    if (rc == ROAD_WAIT)
        return API_PENDING; /* the request may be running elsewhere by now */
    if (rc < 0)
        r->code = r->err.code;
    return API_DONE;
}

struct call {
    struct latch latch;
};

static void call_wake(struct api_request *r)
{
    latch_set(&((struct call *)r->caller)->latch);
}

int api_call(struct api *a, struct api_request *r)
{
    struct call call;
    latch_init(&call.latch);
    r->wake = call_wake;
    r->caller = &call;
    while (api_run(a, r) == API_PENDING) {
        latch_wait(&call.latch, INT64_MAX);
        latch_reset(&call.latch);
    }
    latch_destroy(&call.latch);
    return r->code >= 400 ? -1 : 0;
}

void api_finish(struct api *a, struct api_request *r)
{
    struct road *d = r->state;
    if (d) {
        if (d->child)
            road_child_end(d);
        pthread_mutex_lock(&a->mutex);
        d->abandoned = true;
        while (d->in_flight)
            pthread_cond_wait(&a->settled, &a->mutex);
        pthread_mutex_unlock(&a->mutex);
        quota_end(d);
        services_end(a->services, d, d->change.done && d->change.result == CHANGE_DONE);
        object_unref(d->current);
        object_unref(d->fresh);
        object_unref(d->change.current);
        err_clear(&d->change.err);
        resource_unref(r->resource);
    }
    object_unref(r->object);
    if (r->list)
        each (*r->list, i)
            object_unref(r->list->at[i]);
    err_clear(&r->err);
    r->object = NULL;
    r->list = NULL;
    r->state = NULL;
}

/* --- requests of a request --- */

static void child_wake(struct api_request *child)
{
    struct api_request *parent = child->caller;
    parent->wake(parent);
}

struct api_request *road_child(struct road *d, enum api_verb verb, const struct resource *resource,
                               struct str ns, struct str name)
{
    d->child = arena_new(d->r->arena, struct api_request);
    *d->child = (struct api_request){.arena = d->r->arena,
                                     .user = d->r->user,
                                     .verb = verb,
                                     .resource = resource,
                                     .ns = ns,
                                     .name = name,
                                     .wake = child_wake,
                                     .caller = d->r};
    return d->child;
}

int road_child_run(struct road *d)
{
    struct api_request *child = d->child;
    if (api_run(d->api, child) == API_PENDING)
        return ROAD_WAIT;
    if (child->code < 400)
        return ROAD_DONE;
    err_move(&d->r->err, &child->err);
    return -1;
}

void road_child_end(struct road *d)
{
    api_finish(d->api, d->child);
    d->child = NULL;
}

/* --- the store --- */

/* The wake happens under the mutex, so that a request that is given up meanwhile is not gone under it:
 * api_finish takes the mutex too. Nothing of the request is touched behind it. */
static void road_committed(struct change *c)
{
    struct road *d = container_of(c, struct road, change);
    struct api *a = d->api;
    _lock_(&a->mutex);
    d->in_flight = false;
    if (d->abandoned)
        pthread_cond_broadcast(&a->settled);
    else
        d->r->wake(d->r);
}

int road_submit(struct road *d, enum change_op op, struct object *o, int64_t expect, road_step next)
{
    object_unref(d->change.current);
    err_clear(&d->change.err);
    d->change = (struct change){.op = op,
                                .table = d->table,
                                .object = o,
                                .ns = d->ns,
                                .name = d->name,
                                .expect = expect,
                                .done = road_committed};
    d->next = next;
    d->in_flight = true;
    store_submit(d->api->store, &d->change);
    return ROAD_WAIT;
}

int road_change_result(struct road *d)
{
    switch (d->change.result) {
    case CHANGE_DONE:
    case CHANGE_CONFLICT:
        return 0;
    case CHANGE_EXISTS:
        return answer_exists(&d->r->err, d->resource, d->name);
    case CHANGE_ABSENT:
        return answer_not_found(&d->r->err, d->resource, d->name);
    case CHANGE_FAILED:
        break;
    }
    err_move(&d->r->err, &d->change.err);
    return -1;
}

int road_load_maybe(struct road *d)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(d->api->store);
    struct object *o = snapshot_get(snap, d->table, d->ns, d->name);
    object_unref(d->current);
    d->current = o ? object_ref(o) : NULL;
    if (o && convert_objects(d->api, &d->current, 1, d->resource, &d->r->err) < 0)
        return -1;
    d->old = o ? object_typed(d->current) : NULL;
    if (o && object_is_loaded(
                 d->current)) /* defaults may be missing: what is made of it must not set them in all's */
        d->old = struct_dup(d->r->arena, d->resource->type, d->old);
    return 0;
}

int road_load(struct road *d)
{
    if (road_load_maybe(d) < 0)
        return -1;
    return d->current ? 0 : answer_not_found(&d->r->err, d->resource, d->name);
}

struct object *road_find(struct api *a, const struct resource *r, struct str ns, struct str name)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct object *o = snapshot_get(snap, store_table(a->store, r), ns, name);
    return o ? object_ref(o) : NULL;
}

/* --- answers --- */

struct object *road_encode(struct road *d)
{
    struct object_meta *m = resource_meta(d->resource, d->object);
    m->resource_version = STR("");
    object_unref(d->fresh);
    d->fresh = object_new(d->resource, d->object);
    const struct resource *to = storage_form(d->resource);
    return convert_objects(d->api, &d->fresh, 1, to, &d->r->err) < 0 ? NULL : d->fresh;
}

int road_reply(struct road *d, int code, struct object *o)
{
    d->r->object = o;
    if (stored_form(d->r->resource) == d->resource &&
        convert_objects(d->api, &d->r->object, 1, d->r->resource, &d->r->err) < 0)
        return -1;
    d->r->code = code;
    return ROAD_DONE;
}

int road_reply_success(struct road *d, int code, struct str name, struct str uid)
{
    d->r->code = code;
    d->r->status_success = true;
    d->r->success_name = arena_str(d->r->arena, name);
    d->r->success_uid = arena_str(d->r->arena, uid);
    return ROAD_DONE;
}
