#include "server/stream/connect.h"

#include "server/internal.h"
#include "server/stream/proxy.h"
#include "server/subresource.h"

/* The request while it waits. */
struct connecting {
    struct request *q;
    void (*then)(struct request *q);
    struct loop_task task;
};

static struct any_vec strings_of(struct arena *a, const struct query *q, struct str name)
{
    struct str *at = arena_new_n(a, struct str, q->n);
    size_t n = 0;
    for (size_t i = 0; i < q->n; i++)
        if (str_eq(q->at[i].key, name))
            at[n++] = q->at[i].value;
    return (struct any_vec){n ? at : NULL, n};
}

static struct any_vec numbers_of(struct arena *a, const struct query *q, struct str name)
{
    int32_t *at = arena_new_n(a, int32_t, q->n);
    size_t n = 0;
    for (size_t i = 0; i < q->n; i++) {
        int64_t v;
        if (str_eq(q->at[i].key, name) && str_to_i64(q->at[i].value, &v) && v == (int32_t)v)
            at[n++] = (int32_t)v;
    }
    return (struct any_vec){n ? at : NULL, n};
}

/* The options as the query says them, field by field; where a proxy leads, the path itself says. */
static void *options_of(struct request *q, const struct resource *kind)
{
    bool proxy = proxy_is(&q->route);
    char *typed = arena_alloc(q->arena, kind->type->size);
    uint32_t base;
    const struct field *f;
    for (unsigned i = 0; (f = type_field_at(kind->type, i, &base)); i++) {
        void *at = field_at(f, typed + base);
        const char *name = arena_c(q->arena, f->name);
        if (f->shape == SHAPE_ONE && f->kind == VALUE_BOOL)
            *(bool *)at = query_bool(&q->query, name);
        else if (f->shape == SHAPE_ONE && f->kind == VALUE_STRING)
            *(struct str *)at = proxy && str_is(f->name, "path") ? proxy_path(q) : query_get(&q->query, name);
        else if (f->shape == SHAPE_LIST && f->kind == VALUE_STRING)
            *(struct any_vec *)at = strings_of(q->arena, &q->query, f->name);
        else if (f->shape == SHAPE_LIST && f->kind == VALUE_INT32)
            *(struct any_vec *)at = numbers_of(q->arena, &q->query, f->name);
    }
    return typed;
}

static void run(struct connecting *c)
{
    struct request *q = c->q;
    struct api *api = q->server->api;
    if (api_run(api, &q->api) == API_PENDING)
        return;
    for (size_t i = 0; i < q->api.warnings.n; i++)
        request_warn(q, q->api.warnings.at[i]);
    bool refused = q->api.code >= 400;
    _cleanup_err_ struct err err = {0};
    err_move(&err, &q->api.err);
    api_finish(api, &q->api);
    if (refused)
        request_error(q, &err);
    else
        c->then(q);
}

static void run_task(struct loop_task *task)
{
    run(container_of(task, struct connecting, task));
}

static void woken(struct api_request *r)
{
    struct connecting *c = r->caller;
    loop_post(c->q->loop, &c->task);
}

void connect_ask(struct request *q, void (*then)(struct request *q))
{
    const struct subresource *s = subresource_find(q->resource, q->route.subresource);
    const struct resource *kind =
        s && s->kind ? resource_find_kind(str_from(s->version), str_from(s->kind)) : NULL;
    if (!kind) {
        then(q);
        return;
    }
    struct connecting *c = arena_new(q->arena, struct connecting);
    *c = (struct connecting){.q = q, .then = then, .task.run = run_task};
    q->api = (struct api_request){
        .arena = q->arena,
        .user = &q->user,
        .verb = API_CONNECT,
        .resource = q->resource,
        .ns = q->resource->flags & RESOURCE_NAMESPACED ? q->route.ns : (struct str){0},
        .name = q->route.name,
        .subresource = q->route.subresource,
        .typed = options_of(q, kind),
        .typed_resource = kind,
        .wake = woken,
        .caller = c,
    };
    run(c);
}
