#include "server/stream/relay.h"

#include <stdlib.h>

#include "http/join.h"
#include "server/access/bearer.h"
#include "server/internal.h"
#include "server/stream/tunnel.h"

enum { HEADERS_MAX = 256, BODY_MAX = 4 << 20 };

struct relay {
    struct request *q; /* NULL once it has become a pipe */
    struct relay_options o;
    struct tunnel *tunnel;  /* NULL: none is being made */
    struct http_call *call; /* NULL once it is over */
    int status;
    struct http_header *headers; /* of the answer; in q's arena */
    size_t n_headers;
    bool upgrade, streaming, gathering, cut;
    struct buf body; /* gathered */
};

static void relay_free(struct relay *x)
{
    buf_free(&x->body);
    free(x);
}

/* --- the request --- */

/* Whom the request is from, and what concerns only its connection to us, is nobody else's business. */
static bool is_private(struct str name, bool upgrade)
{
    static const struct str names[] = {STR_INIT("authorization"),
                                       STR_INIT("connection"),
                                       STR_INIT("content-length"),
                                       STR_INIT("expect"),
                                       STR_INIT("host"),
                                       STR_INIT("http2-settings"),
                                       STR_INIT("keep-alive"),
                                       STR_INIT("proxy-authorization"),
                                       STR_INIT("proxy-connection"),
                                       STR_INIT("te"),
                                       STR_INIT("trailer"),
                                       STR_INIT("transfer-encoding")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, names[i]))
            return true;
    return (str_is(name, "upgrade") && !upgrade) || str_starts(name, STR("impersonate-"));
}

static bool says_who(struct str name)
{
    return str_starts(name, STR("x-remote-")) || str_starts(name, STR("x-forwarded-"));
}

/* Said by those added, or not wanted. */
static bool is_replaced(const struct relay_options *o, struct str name)
{
    if (o->identifies && says_who(name))
        return true;
    for (size_t i = 0; i < o->n_headers; i++)
        if (str_eq(o->headers[i].name, name))
            return true;
    return o->plain && str_is(name, "accept-encoding");
}

static struct http_header passed_on(struct request *q, struct http_header h)
{
    if (str_is(h.name, "sec-websocket-protocol"))
        h.value = bearer_without_tokens(q->arena, h.value);
    return h;
}

static size_t make_headers(struct request *q, const struct relay_options *o, bool upgrade,
                           struct http_header out[static HEADERS_MAX])
{
    size_t n_given, n = 0;
    const struct http_header *given = http_headers(q->http, &n_given);
    for (size_t i = 0; i < o->n_headers; i++)
        out[n++] = o->headers[i];
    for (size_t i = 0; i < n_given && n < HEADERS_MAX; i++)
        if (!is_private(given[i].name, upgrade) && !is_replaced(o, given[i].name))
            out[n++] = passed_on(q, given[i]);
    return n;
}

/* --- the answer --- */

static void stream_closed(void *arg)
{
    struct relay *x = arg;
    if (x->call)
        http_call_abort(x->call);
    request_done(x->q, x->status);
    relay_free(x);
}

static void stream_drained(void *arg)
{
    struct relay *x = arg;
    if (x->call)
        http_call_resume(x->call);
}

static bool has_header(const struct relay *x, struct str name)
{
    for (size_t i = 0; i < x->n_headers; i++)
        if (str_eq_fold(x->headers[i].name, name))
            return true;
    return false;
}

static void keep_headers(struct relay *x, const struct http_header *headers, size_t n)
{
    struct arena *a = x->q->arena;
    x->headers = arena_new_n(a, struct http_header, n + 2);
    for (size_t i = 0; i < n; i++)
        x->headers[x->n_headers++] =
            (struct http_header){arena_str(a, headers[i].name), arena_str(a, headers[i].value)};
    x->headers[x->n_headers++] = (struct http_header){STR("audit-id"), x->q->audit_id};
    if (!has_header(x, STR("cache-control")))
        x->headers[x->n_headers++] = (struct http_header){STR("cache-control"), STR("no-cache, private")};
}

static void got_response(void *arg, int status, const struct http_header *headers, size_t n)
{
    struct relay *x = arg;
    x->status = status;
    keep_headers(x, headers, n);
    if (status == 101)
        return;
    if (x->o.answer)
        x->gathering = x->o.answer(x->q, status, x->headers, &x->n_headers);
    if (x->gathering)
        return;
    x->streaming = true;
    http_on_abort(x->q->http, NULL, NULL);
    http_begin(x->q->http, status, x->headers, x->n_headers, stream_closed, stream_drained, x);
}

static void got_data(void *arg, struct str bytes)
{
    struct relay *x = arg;
    if (x->gathering) {
        x->cut = x->cut || x->body.n + bytes.n > BODY_MAX;
        if (!x->cut)
            buf_add_str(&x->body, bytes);
    } else if (!http_write(x->q->http, &(struct http_part){.bytes = bytes}, 1)) {
        http_call_pause(x->call);
    }
}

static void fail(struct relay *x, const struct err *why)
{
    struct request *q = x->q;
    _cleanup_err_ struct err err = {0};
    struct str text = why->message;
    ptrdiff_t url = str_find(text, STR("\": ")); /* Get "https://...": dial tcp ... */
    if (url >= 0)
        text = str_from_at(text, (size_t)url + 3);
    err_set(&err, x->o.unreachable, "%s: " STR_FMT, x->o.unreachable_text, STR_ARG(text));
    relay_free(x);
    request_error(q, &err);
}

static void give_gathered(struct relay *x)
{
    struct request *q = x->q;
    struct buf *out = mem_zalloc(sizeof *out);
    http_on_abort(q->http, NULL, NULL);
    x->o.body(q, buf_str(&x->body), out);
    request_done(q, x->status);
    http_respond(q->http, x->status, x->headers, x->n_headers,
                 &(struct http_part){.bytes = buf_str(out), .release = buf_release, .owner = out}, 1);
    relay_free(x);
}

static void got_end(void *arg, const struct err *why)
{
    struct relay *x = arg;
    x->call = NULL;
    if (x->streaming) {
        http_end(x->q->http); /* the client sees what there was; stream_closed frees */
    } else if (!why && x->gathering && !x->cut) {
        give_gathered(x);
    } else {
        _cleanup_err_ struct err cut = {0};
        if (!why) {
            err_set(&cut, ERR_INTERNAL, "the answer is too large to be rewritten");
            why = &cut;
        }
        fail(x, why);
    }
}

static void got_upgrade(void *arg, struct http_pipe *pipe)
{
    struct relay *x = arg;
    struct request *q = x->q;
    http_on_abort(q->http, NULL, NULL);
    request_done(q, 101);
    int64_t idle_ns = x->o.idle_ns;
    static const struct http_pipe_events nobody = {0};
    struct http_pipe *client = http_upgrade(q->http, x->headers, x->n_headers, &nobody, NULL); /* q is gone */
    relay_free(x);
    join_pipes(client, pipe, idle_ns);
}

/* The client went away before anything came. */
static void client_gone(void *arg)
{
    struct relay *x = arg;
    struct request *q = x->q;
    if (x->tunnel)
        tunnel_abort(x->tunnel);
    if (x->call)
        http_call_abort(x->call);
    relay_free(x);
    request_text(q, 499, (struct str){0});
}

/* `fd`: through it; 0: a connection of the call's own. */
static void call(struct relay *x, int fd)
{
    struct request *q = x->q;
    struct http_header headers[HEADERS_MAX];
    size_t n = make_headers(q, &x->o, x->upgrade, headers);
    x->call = http_call_start(x->o.client, q->loop,
                              &(struct http_call_options){
                                  .method = http_method(q->http),
                                  .url = x->o.url,
                                  .server_name = x->o.server_name,
                                  .fd = fd,
                                  .headers = headers,
                                  .n_headers = n,
                                  .body = http_body(q->http),
                                  .header_ns = x->o.must_upgrade ? 0 : -1,
                                  .response = got_response,
                                  .data = got_data,
                                  .done = got_end,
                                  .upgraded = x->upgrade ? got_upgrade : NULL,
                                  .arg = x,
                              });
}

static void got_tunnel(void *arg, int fd, const struct err *err)
{
    struct relay *x = arg;
    x->tunnel = NULL;
    if (fd < 0)
        fail(x, err);
    else
        call(x, fd);
}

void relay_start(struct request *q, const struct relay_options *o)
{
    bool upgrade = http_can_upgrade(q->http);
    if (o->must_upgrade && !upgrade) {
        _cleanup_err_ struct err err = {0};
        err_set(&err, ERR_BAD_REQUEST, "Upgrade request required");
        request_error(q, &err);
        return;
    }
    struct relay *x = mem_zalloc(sizeof *x);
    x->q = q;
    x->o = *o;
    if (o->n_headers)
        x->o.headers = arena_dup(q->arena, o->headers, o->n_headers * sizeof *o->headers);
    x->upgrade = upgrade;
    http_on_abort(q->http, client_gone, x);
    if (o->node_url.n)
        x->tunnel = tunnel_open(q->server->kubelets, q->loop, o->node_url, o->address, got_tunnel, x);
    else
        call(x, 0);
}
