/* Requests for resources: what the road (api/) is asked, and how its result goes back. */
#include "api/resources.h"
#include "kinds/meta_v1.h"
#include "schema/custom/custom.h"
#include "server/deadline.h"
#include "server/internal.h"
#include "server/measure.h"
#include "server/render.h"
#include "server/stream/connect.h"
#include "server/stream/proxy.h"
#include "server/stream/stream.h"
#include "server/subresource.h"

enum { MANAGER_MAX = 128 }; /* bytes of a field manager's name, as upstream */

/* --- what is asked --- */

static const struct {
    struct str verb;
    enum api_verb api;
} verbs[] = {
    {STR_INIT("get"), API_GET},       {STR_INIT("list"), API_LIST},
    {STR_INIT("watch"), API_WATCH},   {STR_INIT("create"), API_CREATE},
    {STR_INIT("update"), API_UPDATE}, {STR_INIT("patch"), API_PATCH},
    {STR_INIT("delete"), API_DELETE}, {STR_INIT("deletecollection"), API_DELETE_COLLECTION},
};

static int not_allowed(struct err *err)
{
    return err_set(err, ERR_METHOD_NOT_ALLOWED,
                   "the server does not allow this method on the requested resource");
}

/* Whether the resource or subresource has the verb. */
static int find_verb(struct request *q, struct err *err)
{
    const struct route *route = &q->route;
    size_t i = 0;
    while (i < ARRAY_LEN(verbs) && !str_eq(verbs[i].verb, route->verb))
        i++;
    if (i == ARRAY_LEN(verbs))
        return not_allowed(err);
    q->api.verb = verbs[i].api;
    if (!str_empty(route->subresource))
        return subresource_has_verb(q->resource, route->subresource, route->verb) ? 0 : not_allowed(err);
    bool named = q->api.verb == API_GET || q->api.verb == API_UPDATE || q->api.verb == API_PATCH ||
                 q->api.verb == API_DELETE;
    bool collection = q->api.verb == API_CREATE;
    if ((named && str_empty(route->name)) || (collection && !str_empty(route->name)))
        return not_allowed(err);
    for (size_t v = 0; v < q->resource->n_verbs; v++)
        if (str_eq(q->resource->verbs[v], route->verb))
            return 0;
    return not_allowed(err);
}

static int read_options(struct request *q, struct err *err)
{
    struct api_request *r = &q->api;
    const struct query *p = &q->query;
    r->label_selector = query_get(p, "labelSelector");
    r->field_selector = query_get(p, "fieldSelector");
    r->resource_version = query_get(p, "resourceVersion");
    r->resource_version_match = query_get(p, "resourceVersionMatch");
    r->continue_token = query_get(p, "continue");
    r->field_manager = query_get(p, "fieldManager");
    r->field_validation = query_get(p, "fieldValidation");
    r->dry_run_text = query_get(p, "dryRun");
    r->force = query_bool(p, "force");
    r->allow_bookmarks = query_bool(p, "allowWatchBookmarks");
    r->send_initial_events = query_bool(p, "sendInitialEvents");
    r->send_initial_events_said = query_has(p, "sendInitialEvents");
    r->propagation_policy = query_get(p, "propagationPolicy");
    r->grace_said = !str_empty(query_get(p, "gracePeriodSeconds"));
    if (str_empty(r->propagation_policy) && query_has(p, "orphanDependents"))
        r->propagation_policy = query_bool(p, "orphanDependents") ? STR("Orphan") : STR("Background");
    return query_i64(p, "limit", &r->limit, err) < 0 ||
                   query_i64(p, "timeoutSeconds", &r->timeout_s, err) < 0 ||
                   query_i64(p, "gracePeriodSeconds", &r->grace_s, err) < 0
               ? -1
               : 0;
}

/* Upstream names the field manager after the client where it does not say: the first part of its User-Agent,
 * as far as that can be printed. */
static struct str manager_of_agent(const struct http_request *r, struct arena *a)
{
    struct str agent = http_header_get(r, STR("user-agent")), first = {0};
    str_cut(&agent, '/', &first);
    char *to = arena_alloc(a, first.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < first.n && n < MANAGER_MAX; i++)
        if ((unsigned char)first.p[i] >= 0x20 && first.p[i] != 0x7f)
            to[n++] = first.p[i];
    return n ? str_slice(to, n) : STR("unknown");
}

static int read_body(struct request *q, struct err *err)
{
    struct api_request *r = &q->api;
    struct str type = http_header_get(q->http, STR("content-type"));
    r->body = http_body(q->http);
    if (r->verb == API_PATCH)
        return content_type_parse_patch(type, &r->patch_type, &r->media, err);
    if (r->verb == API_CREATE || r->verb == API_UPDATE || (r->body.n && r->verb >= API_DELETE))
        return content_type_parse(type, &r->media, err);
    return 0;
}

/* Custom objects have no Protobuf form. */
static int check_custom(struct request *q, struct err *err)
{
    bool sends = q->api.verb == API_CREATE || q->api.verb == API_UPDATE;
    if (sends && q->api.media == MEDIA_PROTOBUF && !str_is(q->route.subresource, "scale"))
        return err_set(err, ERR_UNSUPPORTED_MEDIA_TYPE,
                       "the body of the request was in an unknown format - accepted media types include: "
                       "application/json, application/yaml");
    return 0;
}

static int prepare(struct request *q, struct err *err)
{
    struct api_request *r = &q->api;
    const struct route *route = &q->route;
    const struct resource *resource = q->resource;
    /* What is never stored has no columns. */
    enum accept_offer offer = str_is(route->verb, "watch")                       ? ACCEPT_STREAM
                              : resource && (resource->flags & RESOURCE_VIRTUAL) ? ACCEPT_PLAIN
                                                                                 : ACCEPT_OBJECTS;
    if (resource->custom && !str_is(route->subresource, "scale"))
        offer = offer == ACCEPT_STREAM ? ACCEPT_CUSTOM_STREAM : ACCEPT_CUSTOM;
    if (accept_parse(http_header_get(q->http, STR("accept")), offer, &q->accept, err) < 0 ||
        find_verb(q, err) < 0)
        return -1;
    struct str include = query_get(&q->query, "includeObject");
    if (q->accept.rendering == RENDER_TABLE && !str_empty(include) && !str_is(include, "None") &&
        !str_is(include, "Metadata") && !str_is(include, "Object"))
        return err_set(err, ERR_BAD_REQUEST, "unrecognized includeObject value: \"" STR_FMT "\"",
                       STR_ARG(include));
    r->arena = q->arena;
    r->user = &q->user;
    r->resource = q->resource;
    r->ns = q->resource->flags & RESOURCE_NAMESPACED ? route->ns : (struct str){0};
    r->name = route->name;
    r->subresource = route->subresource;
    if (read_options(q, err) < 0 || read_body(q, err) < 0 ||
        (q->resource->custom && check_custom(q, err) < 0))
        return -1;
    if (resource->deprecated.n) {
        measure_deprecated(route);
        request_warn(q, resource->deprecated);
    }
    r->agent = manager_of_agent(q->http, q->arena);
    return 0;
}

/* --- what is answered --- */

static void respond_success(struct request *q)
{
    const struct api_request *r = &q->api;
    struct status_details *details = arena_new(q->arena, struct status_details);
    *details = (struct status_details){.name = r->success_name,
                                       .group = r->resource->group,
                                       .kind = r->resource->plural,
                                       .uid = r->success_uid};
    struct status status = {.kind = STR("Status"),
                            .api_version = STR("v1"),
                            .status = STR("Success"),
                            .code = r->code == 200 ? 0 : r->code};
    if (!str_empty(r->success_name))
        status.details = details;
    request_typed(q, r->code, &status_resource, &status);
}

/* The answer of a virtual kind says what it is, whatever the road left there. */
static void respond_virtual(struct request *q)
{
    const struct resource *r = q->api.virtual_resource;
    const struct {
        const char *name;
        struct str value;
    } says[] = {{"kind", r->kind}, {"apiVersion", r->api_version}};
    char *typed = arena_dup(q->arena, q->api.virtual_typed, r->type->size);
    for (size_t i = 0; i < ARRAY_LEN(says); i++) {
        uint32_t base;
        const struct field *f = type_field(r->type, str_from(says[i].name), &base);
        if (f)
            *(struct str *)field_at(f, typed + base) = says[i].value;
    }
    request_typed(q, q->api.code, r, typed);
}

/* What is in the arena stays; `object` and `err` are the caller's. */
static void respond(struct request *q, struct object *object, const struct err *err)
{
    const struct api_request *r = &q->api;
    if (r->code >= 400)
        request_expired(q, err, r->expired_continue);
    else if (r->status_success)
        respond_success(q);
    else if (r->virtual_typed)
        respond_virtual(q);
    else if (object)
        request_object(q, r->code, object);
    else
        respond_success(q);
}

/* Its time was over before: nobody wants the answer any more. */
static void drop(struct request *q)
{
    err_clear(&q->api.err);
    api_finish(q->server->api, &q->api);
    http_release(q->http);
}

static void finish(struct request *q);

static void run(struct request *q)
{
    if (api_run(q->server->api, &q->api) == API_DONE)
        finish(q);
    else if (!q->waiting && !q->answered)
        deadline_start(q->server->deadlines, q);
}

static void finish(struct request *q)
{
    struct api *api = q->server->api;
    struct api_request *r = &q->api;
    deadline_end(q);
    if (q->answered) {
        drop(q);
        return;
    }
    for (size_t i = 0; i < r->warnings.n; i++)
        request_warn(q, r->warnings.at[i]);
    if (r->list) {
        list_respond(q); /* finishes with the API itself, once it is sent */
        return;
    }
    /* The request's memory goes with the answer: what it holds of others is given back before. */
    _cleanup_object_ struct object *object = r->object ? object_ref(r->object) : NULL;
    _cleanup_err_ struct err err = {0};
    err_move(&err, &r->err);
    api_finish(api, r);
    respond(q, object, &err);
}

static void run_task(struct loop_task *task)
{
    run(container_of(task, struct request, task));
}

/* On the commit thread. */
static void woken(struct api_request *r)
{
    struct request *q = r->caller;
    loop_post(q->loop, &q->task);
}

/* What goes on to somebody else (upstream's verb CONNECT): negotiating is for those two. */
static bool connect_handle(struct request *q)
{
    const struct route *route = &q->route;
    bool stream = stream_is(route), proxy = proxy_is(route);
    bool any_verb = proxy && str_is(http_method(q->http), "OPTIONS");
    if (!stream && !proxy)
        return false;
    _cleanup_err_ struct err err = {0};
    if (!any_verb && !subresource_has_verb(q->resource, route->subresource, route->verb)) {
        not_allowed(&err);
        request_error(q, &err);
    } else {
        connect_ask(q, stream ? stream_handle : proxy_handle);
    }
    return true;
}

/* A request that may wait for a webhook runs on a thread of libuv's pool. */
struct slow {
    uv_work_t work;
    struct request *q;
};

static void slow_run(uv_work_t *work)
{
    struct request *q = ((struct slow *)work->data)->q;
    api_call(q->server->api, &q->api);
}

static void slow_done(uv_work_t *work, int status)
{
    (void)status;
    finish(((struct slow *)work->data)->q);
}

static void run_slowly(struct request *q)
{
    struct slow *s = arena_new(q->arena, struct slow);
    s->q = q;
    s->work.data = s;
    deadline_start(q->server->deadlines, q);
    ensure(uv_queue_work(loop_uv(q->loop), &s->work, slow_run, slow_done) == 0);
}

void resource_handle(struct request *q)
{
    const struct route *route = &q->route;
    q->resource = api_resource(q->server->api, route->group, route->version, route->resource);
    if (!q->resource) {
        request_text(q, 404, STR("404 page not found\n"));
        return;
    }
    _cleanup_err_ struct err err = {0};
    if (connect_handle(q))
        return;
    if (prepare(q, &err) < 0) {
        request_error(q, &err);
        return;
    }
    if (q->api.verb == API_WATCH) {
        watch_handle(q);
        return;
    }
    if (str_is(route->subresource, "log")) {
        pod_log_handle(q);
        return;
    }
    if (api_waits(q->resource)) {
        run_slowly(q);
        return;
    }
    q->task.run = run_task;
    q->api.wake = woken;
    q->api.caller = q;
    run(q);
}
