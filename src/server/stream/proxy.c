#include "server/stream/proxy.h"

#include "base/clock.h"
#include "server/internal.h"
#include "server/stream/pod_location.h"
#include "server/stream/relay.h"
#include "server/stream/rewrite.h"

#define PROXY_IDLE_NS (4 * 3600 * CLOCK_S)

bool proxy_is(const struct route *r)
{
    return str_empty(r->group) && str_is(r->subresource, "proxy") &&
           (str_is(r->resource, "pods") || str_is(r->resource, "services") || str_is(r->resource, "nodes"));
}

struct str proxy_path(const struct request *q)
{
    const struct route *r = &q->route;
    return !str_empty(r->rest) ? r->rest : str_ends(r->path, STR("/")) ? STR("/") : STR("");
}

/* The path of the proxied server's root. */
static struct str path_above(const struct request *q)
{
    struct str path = q->route.path, below = proxy_path(q);
    return str_slice(path.p, path.n - below.n);
}

static struct str with_query(struct request *q, struct str text)
{
    struct str query = http_query(q->http);
    return str_empty(query) ? text
                            : arena_printf(q->arena, STR_FMT "?" STR_FMT, STR_ARG(text), STR_ARG(query));
}

/* A path without a slash at its end would make relative links lead elsewhere. */
static bool redirect_root(struct request *q)
{
    struct str method = http_method(q->http);
    if (proxy_path(q).n || (!str_is(method, "GET") && !str_is(method, "HEAD")) || http_can_upgrade(q->http))
        return false;
    struct http_header to = {STR("location"), with_query(q, arena_concat(q->arena, q->route.path, STR("/")))};
    request_done(q, 301);
    http_respond(q->http, 301, &to, 1, NULL, 0);
    return true;
}

/* Where answers lead must lead back through this server: redirects, and the links of pages. */
static bool answer(struct request *q, int status, struct http_header *headers, size_t *n)
{
    struct str host = http_header_get(q->http, STR("host"));
    struct rewrite w = {.prefix = path_above(q), .own_host = host, .host = q->proxy_host};
    bool html = false;
    for (size_t i = 0; i < *n; i++) {
        if (str_eq_fold(headers[i].name, STR("location"))) {
            headers[i].value = rewrite_url(&w, q->arena, headers[i].value);
            return false;
        }
        html = html || (str_eq_fold(headers[i].name, STR("content-type")) &&
                        str_starts(headers[i].value, STR("text/html")));
    }
    (void)status;
    return html && !str_is(http_method(q->http), "HEAD");
}

static void body(struct request *q, struct str text, struct buf *out)
{
    struct str host = http_header_get(q->http, STR("host"));
    struct rewrite w = {.prefix = path_above(q), .own_host = host, .host = q->proxy_host};
    rewrite_html(&w, text, out);
}

void proxy_handle(struct request *q)
{
    const struct route *r = &q->route;
    struct proxy_location to;
    _cleanup_err_ struct err err = {0};
    if (proxy_location(q->server->store, q->arena, r->resource, r->ns, r->name, &to, &err) < 0) {
        request_error(q, &err);
        return;
    }
    if (redirect_root(q))
        return;
    struct str below = proxy_path(q), peer = http_peer_address(q->http);
    struct str before = http_header_get(q->http, STR("x-forwarded-for"));
    struct http_header forwarded[] = {
        {STR("x-forwarded-for"),
         str_empty(before) ? peer
                           : arena_printf(q->arena, STR_FMT ", " STR_FMT, STR_ARG(before), STR_ARG(peer))},
        {STR("x-forwarded-host"), http_header_get(q->http, STR("host"))},
        {STR("x-forwarded-proto"), STR("https")},
        {STR("x-forwarded-uri"), r->path},
    };
    q->proxy_host = to.address;
    struct str url = arena_printf(q->arena, STR_FMT "://" STR_FMT "%s" STR_FMT, STR_ARG(to.scheme),
                                  STR_ARG(to.address), below.n ? "" : "/", STR_ARG(below));
    relay_start(q, &(struct relay_options){.client = to.agent ? q->server->kubelets : q->server->proxied,
                                           .url = with_query(q, url),
                                           .node_url = to.node_url,
                                           .address = to.address,
                                           .plain = true,
                                           .idle_ns = PROXY_IDLE_NS,
                                           .headers = forwarded,
                                           .n_headers = ARRAY_LEN(forwarded),
                                           .answer = answer,
                                           .body = body,
                                           .unreachable = ERR_UNAVAILABLE,
                                           .unreachable_text = "error trying to reach service"});
}
