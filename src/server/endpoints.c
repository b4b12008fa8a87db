/* Everything that is no resource: discovery, OpenAPI, health, metrics, the version, who signs tokens. */
#include "api/resources.h"
#include "commit.h"
#include "kinds/meta_v1.h"
#include "server/audit/audit.h"
#include "server/discovery/discovery.h"
#include "server/discovery/openapi.h"
#include "server/health.h"
#include "server/internal.h"
#include "server/measure.h"
#include "server/pretty.h"
#include "store/encryption.h"
#include "version.h"

static void serve_root(struct request *q);

static void serve_discovery(struct request *q)
{
    if (!discovery_handle(q->server->discovery, q))
        request_text(q, 404, STR("404 page not found\n"));
}

static void serve_openapi(struct request *q)
{
    openapi_handle(q->server->openapi, q);
}

static void serve_health(struct request *q)
{
    health_handle(q);
}

static void serve_version(struct request *q)
{
    _cleanup_buf_ struct buf out = {0};
    json_indent(STR("{\"major\":\"" KUBERNETES_MAJOR "\",\"minor\":\"" KUBERNETES_MINOR
                    "\",\"gitVersion\":\"" KUBERNETES_VERSION "+sagong-" SAGONG_VERSION
                    "\",\"gitCommit\":\"" GIT_COMMIT
                    "\",\"gitTreeState\":\"clean\",\"buildDate\":\"1970-01-01T00:00:00Z\","
                    "\"goVersion\":\"\",\"compiler\":\"" COMPILER_NAME "\",\"platform\":\"linux/" MACHINE_NAME
                    "\"}"),
                &out);
    request_bytes(q, 200, STR("application/json"), &(struct http_part){.bytes = buf_str(&out)});
}

static void serve_metrics(struct request *q)
{
    struct server *s = q->server;
    _cleanup_buf_ struct buf out = {0};
    metrics_render(s->metrics, atomic_load(&s->mutating), atomic_load(&s->reading), &out);
    audit_metrics(s->audit, &out);
    encryption_metrics(store_encryption(s->store), &out);
    if (s->flow)
        flow_metrics(s->flow, &out);
    _cleanup_resource_set_ struct resource_set *set = api_resources(s->api);
    metrics_render_objects(s->store, set->at, set->n, &out);
    request_bytes(q, 200, STR("text/plain; version=0.0.4; charset=utf-8"),
                  &(struct http_part){.bytes = buf_str(&out)});
}

/* For agreements on how well it serves: the checks alone. */
static void serve_service_levels(struct request *q)
{
    _cleanup_buf_ struct buf out = {0};
    for (size_t i = 0; i < n_health_metrics; i++)
        metric_render(health_metrics[i], &out);
    request_bytes(q, 200, STR("text/plain; version=0.0.4; charset=utf-8"),
                  &(struct http_part){.bytes = buf_str(&out)});
}

static void serve_jwks(struct request *q)
{
    _cleanup_buf_ struct buf out = {0};
    jwt_keys_json((struct jwt_key *const *)&q->server->key, 1, &out);
    request_bytes(q, 200, STR("application/jwk-set+json"), &(struct http_part){.bytes = buf_str(&out)});
}

static void serve_openid_configuration(struct request *q)
{
    struct server *s = q->server;
    _cleanup_buf_ struct buf out = {0};
    struct str host = http_header_get(q->http, STR("host"));
    jwt_discovery_json(s->issuer,
                       s->jwks_uri.n
                           ? s->jwks_uri
                           : arena_printf(q->arena, "https://" STR_FMT "/openid/v1/jwks", STR_ARG(host)),
                       (struct jwt_key *const *)&s->key, 1, &out);
    request_bytes(q, 200, STR("application/json"), &(struct http_part){.bytes = buf_str(&out)});
}

/* Served at the path itself, and below it where `below` is set. */
static const struct {
    struct str path;
    bool below;
    void (*serve)(struct request *q);
} endpoints[] = {
    {STR_INIT("/"), false, serve_root},
    {STR_INIT("/.well-known/openid-configuration"), false, serve_openid_configuration},
    {STR_INIT("/api"), true, serve_discovery},
    {STR_INIT("/apis"), true, serve_discovery},
    {STR_INIT("/healthz"), true, serve_health},
    {STR_INIT("/livez"), true, serve_health},
    {STR_INIT("/metrics"), false, serve_metrics},
    {STR_INIT("/metrics/slis"), false, serve_service_levels},
    {STR_INIT("/openapi/v2"), false, serve_openapi},
    {STR_INIT("/openapi/v3"), true, serve_openapi},
    {STR_INIT("/openid/v1/jwks"), false, serve_jwks},
    {STR_INIT("/readyz"), true, serve_health},
    {STR_INIT("/version"), false, serve_version},
};

/* What there is. */
static void serve_root(struct request *q)
{
    struct root_paths paths = {.paths.at = arena_new_n(q->arena, struct str, ARRAY_LEN(endpoints))};
    for (size_t i = 1; i < ARRAY_LEN(endpoints); i++)
        paths.paths.at[paths.paths.n++] = endpoints[i].path;
    request_json(q, 200, &root_paths_type, &paths);
}

static bool matches(struct str endpoint, bool below, struct str path)
{
    if (!str_starts(path, endpoint))
        return false;
    struct str rest = str_from_at(path, endpoint.n);
    return str_empty(rest) || (str_is(rest, "/") && endpoint.n > 1) || (below && rest.p[0] == '/');
}

void endpoint_handle(struct request *q)
{
    size_t i = 0;
    while (i < ARRAY_LEN(endpoints) && !matches(endpoints[i].path, endpoints[i].below, q->route.path))
        i++;
    if (i == ARRAY_LEN(endpoints)) {
        request_text(q, 404, STR("404 page not found\n"));
        return;
    }
    if (!str_is(q->route.verb, "get") && !str_is(q->route.verb, "head")) {
        _cleanup_err_ struct err err = {0};
        err_set(&err, ERR_METHOD_NOT_ALLOWED,
                "the server does not allow this method on the requested resource");
        request_error(q, &err);
        return;
    }
    _cleanup_err_ struct err err = {0};
    bool negotiates = endpoints[i].serve == serve_discovery || endpoints[i].serve == serve_root;
    if (negotiates &&
        accept_parse(http_header_get(q->http, STR("accept")), ACCEPT_DISCOVERY, &q->accept, &err) < 0) {
        request_error(q, &err);
        return;
    }
    endpoints[i].serve(q);
}
