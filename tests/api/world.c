#include "world.h"

#include <stdlib.h>

#include "schema/json.h"

enum { REQUESTS_MAX = 4096 };

struct world {
    struct store *store;
    struct api *api;
    struct arena arena;
    struct api_request *requests[REQUESTS_MAX];
    size_t n;
    struct str cidrs[2]; /* of services; none: the usual */
};

static void world_start(struct world *w)
{
    struct err err = {0};
    bool ipv6 = str_index(w->cidrs[0], ':') >= 0;
    struct api_options o = {.store = w->store,
                            .service_cidrs = {w->cidrs, (size_t)(w->cidrs[0].n > 0) + (w->cidrs[1].n > 0)},
                            .advertise_address = ipv6 ? STR("2001:db8::5") : STR("10.0.0.5"),
                            .advertise_port = 6443};
    assert_ok(api_new(&o, &w->api, &err), err);
    assert_ok(api_bootstrap(w->api, &err), err);
}

int world_open_cidrs(void **state, const char *first, const char *second)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err = {0};
    w->cidrs[0] = str_from(first);
    w->cidrs[1] = str_from(second);
    assert_ok(store_open(&(struct store_options){0}, &w->store, &err), err);
    world_start(w);
    assert_code(create(w, &service_account_resource, "default", "{'metadata':{'name':'default'}}"), 201);
    *state = w;
    return 0;
}

int world_open(void **state)
{
    return world_open_cidrs(state, NULL, NULL);
}

static void world_forget(struct world *w)
{
    for (size_t i = 0; i < w->n; i++)
        api_finish(w->api, w->requests[i]);
    w->n = 0;
}

int world_close(void **state)
{
    struct world *w = *state;
    world_forget(w);
    api_free(w->api);
    store_close(w->store);
    arena_free(&w->arena);
    free(w);
    return 0;
}

void world_restart(struct world *w)
{
    world_forget(w);
    api_free(w->api);
    world_start(w);
}

void world_restart_cidrs(struct world *w, const char *first, const char *second)
{
    w->cidrs[0] = str_from(first);
    w->cidrs[1] = str_from(second);
    world_restart(w);
}

struct store *world_store(struct world *w)
{
    return w->store;
}

struct api *world_api(struct world *w)
{
    return w->api;
}

struct api_request *ask(struct world *w, enum api_verb verb, const struct resource *r, const char *ns,
                        const char *name)
{
    struct api_request *q = arena_new(&w->arena, struct api_request);
    assert_true(w->n < REQUESTS_MAX);
    w->requests[w->n++] = q;
    *q = (struct api_request){
        .arena = &w->arena, .verb = verb, .resource = r, .ns = str_from(ns), .name = str_from(name)};
    return q;
}

struct api_request *run(struct world *w, struct api_request *r)
{
    api_call(w->api, r);
    return r;
}

struct str quoted(struct world *w, const char *json)
{
    char *copy = arena_c(&w->arena, str_from(json));
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return str_from(copy);
}

struct api_request *create(struct world *w, const struct resource *r, const char *ns, const char *json)
{
    struct api_request *q = ask(w, API_CREATE, r, ns, "");
    q->body = quoted(w, json);
    return run(w, q);
}

struct api_request *update(struct world *w, const struct resource *r, const char *ns, const char *name,
                           const char *json)
{
    struct api_request *q = ask(w, API_UPDATE, r, ns, name);
    q->body = quoted(w, json);
    return run(w, q);
}

struct api_request *get(struct world *w, const struct resource *r, const char *ns, const char *name)
{
    return run(w, ask(w, API_GET, r, ns, name));
}

struct api_request *del(struct world *w, const struct resource *r, const char *ns, const char *name,
                        const char *options)
{
    struct api_request *q = ask(w, API_DELETE, r, ns, name);
    q->body = quoted(w, options);
    return run(w, q);
}

struct api_request *patch(struct world *w, const struct resource *r, const char *ns, const char *name,
                          enum api_patch_type type, const char *json)
{
    struct api_request *q = ask(w, API_PATCH, r, ns, name);
    q->patch_type = type;
    q->body = quoted(w, json);
    return run(w, q);
}

struct api_request *list(struct world *w, const struct resource *r, const char *ns, const char *labels,
                         const char *fields)
{
    struct api_request *q = ask(w, API_LIST, r, ns, "");
    q->label_selector = str_from(labels);
    q->field_selector = str_from(fields);
    return run(w, q);
}

struct api_request *sub(struct world *w, enum api_verb verb, const struct resource *r, const char *ns,
                        const char *name, const char *subresource, const char *json)
{
    struct api_request *q = ask(w, verb, r, ns, name);
    q->subresource = str_from(subresource);
    q->body = quoted(w, json);
    return run(w, q);
}

struct str shown(struct world *w, const struct api_request *r)
{
    if (r->virtual_typed) {
        struct buf b = {0};
        json_encode(&b, r->virtual_resource->type, r->virtual_typed);
        struct str s = arena_str(&w->arena, buf_str(&b));
        buf_free(&b);
        return s;
    }
    return r->object ? object_json(r->object) : STR("{}");
}

struct str field(struct world *w, const struct api_request *r, const char *path)
{
    struct value tree, *v = &tree;
    struct str rest = str_from(path), part;
    assert_int_equal(value_parse(&w->arena, shown(w, r), &tree, NULL), 0);
    while (v && str_cut(&rest, '.', &part)) {
        int64_t i;
        if (v->kind == JSON_ARRAY)
            v = str_to_i64(part, &i) && (size_t)i < v->list.n ? &v->list.at[i] : NULL;
        else if (part.n && part.p[0] == '[') /* a key with dots: [a.b/c] to the end */
            v = value_get(v, str_slice(part.p + 1, (size_t)(path + strlen(path) - part.p) - 2)),
            rest.p = NULL;
        else
            v = value_get(v, part);
    }
    if (!v)
        return STR("");
    return v->kind == JSON_STRING ? v->s : value_json(&w->arena, v);
}
