/* HTTP/1.1, as server: one request at a time; what a client sends ahead waits its turn. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/conn.h"
#include "http/pipe_new.h"

enum {
    AHEAD_MOST = 64 * 1024, /* bytes taken from a client whose request is being answered */
    WRITE_STEP = 64 * 1024, /* after how many bytes to see whether there is still room */
};

enum h1_state { H1_HEAD, H1_BODY, H1_CHUNKED, H1_ANSWER, H1_PIPE, H1_OVER };

struct h1 {
    struct http_conn *conn;
    enum h1_state state;
    int64_t since; /* the state's beginning */
    struct buf in; /* bytes that wait to be parsed */
    size_t scanned;
    struct http_request *request;
    struct http_head head;
    uint64_t body_left;
    struct chunked chunked;
    bool keep_alive, peer_ended;
    bool send_continue;
    struct buf out; /* the response's head, not yet sent */
    bool chunking;  /* the response is chunked */
    size_t chunk_left;
    bool taking; /* h1_take is under way */
    struct http_pipe *pipe;
};

/* --- the response --- */

static const char *const reasons[600] = {
    [100] = "Continue",
    [101] = "Switching Protocols",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [204] = "No Content",
    [206] = "Partial Content",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [406] = "Not Acceptable",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [410] = "Gone",
    [412] = "Precondition Failed",
    [413] = "Request Entity Too Large",
    [415] = "Unsupported Media Type",
    [417] = "Expectation Failed",
    [422] = "Unprocessable Entity",
    [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
};

static void put_header(struct buf *out, struct str name, struct str value)
{
    /* A handler that passes on what it was given must not be able to split the response. */
    if (!parse_is_token(name) || !parse_is_field_value(value))
        return;
    buf_add_str(out, name);
    buf_add_lit(out, ": ");
    buf_add_str(out, value);
    buf_add_lit(out, "\r\n");
}

static void put_status(struct buf *out, int status)
{
    const char *reason = status > 0 && status < 600 ? reasons[status] : NULL;
    buf_add_lit(out, "HTTP/1.1 ");
    buf_add_i64(out, status);
    buf_add_c(out, ' ');
    buf_add_str(out, str_from(reason ? reason : "Status"));
    buf_add_lit(out, "\r\n");
}

static void h1_begin(struct http_request *r, const struct http_header *headers, size_t n, int64_t length)
{
    struct h1 *h = r->conn->protocol;
    struct buf *out = &h->out;
    if (r->conn->draining || h->peer_ended)
        h->keep_alive = false;
    h->chunking = length < 0 && !r->bodiless && h->head.minor;
    if (length < 0 && !h->chunking && !r->bodiless)
        h->keep_alive = false; /* HTTP/1.0: the end of the connection is the end of the stream */
    put_status(out, r->status);
    for (size_t i = 0; i < n; i++)
        if (!header_is_ours(headers[i].name))
            put_header(out, headers[i].name, headers[i].value);
    put_header(out, STR("date"), shard_date(r->conn->shard));
    if (h->chunking) {
        buf_add_lit(out, "transfer-encoding: chunked\r\n");
    } else if (length >= 0 && r->status >= 200 && r->status != 204 && r->status != 304) {
        buf_add_lit(out, "content-length: ");
        buf_add_i64(out, length);
        buf_add_lit(out, "\r\n");
    }
    if (!h->keep_alive)
        buf_add_lit(out, "connection: close\r\n");
    else if (!h->head.minor)
        buf_add_lit(out, "connection: keep-alive\r\n");
    buf_add_lit(out, "\r\n");
    h->chunk_left = 0;
}

static void h1_more(struct http_request *r)
{
    (void)r; /* the flush will see */
}

/* Writes what waits of the body. True when the response is complete. */
static bool h1_write_body(struct h1 *h, struct http_request *r)
{
    struct transport *t = &h->conn->transport;
    while (r->queue.bytes && transport_room(t)) {
        if (h->chunking && !h->chunk_left) {
            char size[20];
            h->chunk_left = r->queue.bytes;
            transport_write(t,
                            str_slice(size, (size_t)snprintf(size, sizeof size, "%zx\r\n", h->chunk_left)));
        }
        struct str bytes = parts_first(&r->queue);
        if (bytes.n > WRITE_STEP)
            bytes.n = WRITE_STEP;
        if (h->chunking && bytes.n > h->chunk_left)
            bytes.n = h->chunk_left;
        transport_write(t, bytes);
        parts_advance(&r->queue, bytes.n);
        if (h->chunking && !(h->chunk_left -= bytes.n))
            transport_write(t, STR("\r\n"));
        request_drain(r);
    }
    if (!r->ended || r->queue.bytes)
        return false;
    if (h->chunking)
        transport_write(t, STR("0\r\n\r\n"));
    return true;
}

static void h1_take_and_keep(struct h1 *h, struct str bytes);

static void h1_complete(struct h1 *h)
{
    struct http_request *r = h->request;
    struct transport *t = &h->conn->transport;
    h->request = NULL;
    h->since = clock_mono();
    h->state = h->keep_alive && !h->conn->draining ? H1_HEAD : H1_OVER;
    request_free(r);
    if (h->state == H1_OVER) {
        transport_end(t);
        return;
    }
    h1_take_and_keep(h, buf_str(&h->in));
    transport_due(t, h->since + h->conn->shard->server->o.idle_ns);
    if (h->state == H1_HEAD && h->peer_ended)
        transport_end(t);
    else
        transport_resume(t);
}

static void h1_flush(struct transport *t)
{
    struct h1 *h = container_of(t, struct http_conn, transport)->protocol;
    if (h->send_continue && !(h->request && h->request->begun))
        transport_write(t, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    h->send_continue = false;
    while (h->request && h->request->begun && h->state == H1_ANSWER && transport_room(t)) {
        transport_write(t, buf_str(&h->out));
        h->out.n = 0;
        if (!h1_write_body(h, h->request))
            break;
        h1_complete(h);
    }
    if (!h->out.n && h->out.cap > 4096)
        buf_free(&h->out);
}

/* --- the request --- */

/* Answers what cannot be understood, or must not go on; afterwards the connection ends. */
static void h1_fail(struct h1 *h, int status, const char *why)
{
    if (!h->request)
        h->request = request_new(h->conn);
    h->keep_alive = false;
    h->state = H1_ANSWER;
    request_fail(h->request, status, why);
}

static void h1_dispatch(struct h1 *h)
{
    h->state = H1_ANSWER;
    h->since = clock_mono();
    request_dispatch(h->request);
}

/* The path of an absolute URL, which clients of proxies send: "http://host/path". */
static struct str target_path(struct str target)
{
    ptrdiff_t colon = str_find(target, STR("://"));
    if (colon <= 0 || target.p[0] == '/')
        return target;
    struct str rest = str_from_at(target, (size_t)colon + 3);
    ptrdiff_t slash = str_index(rest, '/');
    return slash < 0 ? STR("/") : str_from_at(rest, (size_t)slash);
}

static void h1_head(struct h1 *h, struct str bytes)
{
    const struct http_server_options *o = &h->conn->shard->server->o;
    struct http_request *r = h->request = request_new(h->conn);
    r->since = h->since;
    char *copy = arena_dup(&r->arena, bytes.p, bytes.n);
    const char *problem = NULL;
    int status = parse_request(&r->arena, copy, bytes.n, &h->head, &problem);
    h->keep_alive = h->head.keep_alive;
    if (!status) {
        r->method = h->head.method;
        r->headers = h->head.headers;
        r->n_headers = r->cap_headers = h->head.n_headers;
        if (!request_set_target(r, target_path(h->head.target))) {
            status = 400;
            problem = "malformed request target";
        }
    }
    if (status) {
        h1_fail(h, status, problem);
        return;
    }
    if (h->head.content_length > (int64_t)o->max_body) {
        h1_fail(h, 413, NULL);
        return;
    }
    h->since = clock_mono();
    h->chunked = (struct chunked){0};
    h->body_left = h->head.content_length > 0 ? (uint64_t)h->head.content_length : 0;
    h->send_continue = h->head.expect_continue && h->head.minor && (h->body_left || h->head.chunked);
    if (!h->head.chunked && !h->body_left) {
        h1_dispatch(h);
        return;
    }
    h->state = h->head.chunked ? H1_CHUNKED : H1_BODY;
    transport_due(&h->conn->transport, h->since + o->body_ns);
    if (h->send_continue)
        transport_dirty(&h->conn->transport);
}

/* Parses as far as the bytes and the state allow; moves `*bytes` on. */
static void h1_take(struct h1 *h, struct str *bytes)
{
    const struct http_server_options *o = &h->conn->shard->server->o;
    while (bytes->n && !h->conn->gone) {
        struct http_request *r = h->request;
        if (h->state == H1_HEAD) {
            if (!h->scanned)
                h->since = clock_mono();
            ptrdiff_t n = parse_head_end(*bytes, &h->scanned);
            if (n == 0 && bytes->n <= o->max_header) {
                /* from now on, not from when the connection became idle */
                transport_due(&h->conn->transport, h->since + o->header_ns);
                return;
            }
            h->scanned = 0;
            h->head = (struct http_head){.minor = 1};
            if (n < 0)
                h1_fail(h, 400, "lines must end in CRLF");
            else if (n == 0 || (size_t)n > o->max_header)
                h1_fail(h, 431, "request header fields too large");
            else
                h1_head(h, str_slice(bytes->p, (size_t)n));
            if (n > 0)
                *bytes = str_from_at(*bytes, (size_t)n);
        } else if (h->state == H1_BODY) {
            size_t n = bytes->n < h->body_left ? bytes->n : (size_t)h->body_left;
            request_add_body(r, str_slice(bytes->p, n));
            *bytes = str_from_at(*bytes, n);
            h->body_left -= n;
            h->send_continue = false;
            if (!h->body_left)
                h1_dispatch(h);
            else if (r->refuse)
                h1_fail(h, r->refuse, r->refuse_why);
        } else if (h->state == H1_CHUNKED) {
            struct str data;
            int done = chunked_decode(&h->chunked, bytes, &data);
            request_add_body(r, data);
            h->send_continue = false;
            if (done < 0)
                h1_fail(h, 400, "malformed chunked body");
            else if (done)
                h1_dispatch(h);
            else if (r->refuse)
                h1_fail(h, r->refuse, r->refuse_why);
        } else {
            return;
        }
    }
}

/* What was not taken stays for later: `rest` is the end of h->in, or of what just came. */
static void h1_take_and_keep(struct h1 *h, struct str rest)
{
    h->taking = true;
    h1_take(h, &rest);
    h->taking = false;
    if (h->state == H1_PIPE) { /* what came behind the request is already the other protocol's */
        pipe_add_early(h->pipe, rest);
        buf_free(&h->in);
        return;
    }
    if (!rest.n) {
        if (h->in.cap > 4096)
            buf_free(&h->in);
        h->in.n = 0;
    } else if (h->in.n) {
        memmove(h->in.p, rest.p, rest.n);
        h->in.n = rest.n;
    } else {
        buf_add_str(&h->in, rest);
    }
    if (h->in.n > AHEAD_MOST && h->state == H1_ANSWER)
        transport_pause(&h->conn->transport);
}

static void h1_data(struct transport *t, struct str bytes)
{
    struct h1 *h = container_of(t, struct http_conn, transport)->protocol;
    if (h->state == H1_OVER)
        return;
    if (h->in.n) {
        buf_add_str(&h->in, bytes);
        bytes = buf_str(&h->in);
    }
    h1_take_and_keep(h, bytes);
}

/* --- the connection --- */

static void h1_ended(struct transport *t)
{
    struct h1 *h = container_of(t, struct http_conn, transport)->protocol;
    h->peer_ended = true;
    if (h->state == H1_HEAD && !h->in.n)
        transport_end(t);
    else if (h->state != H1_ANSWER || h->request->stream)
        transport_close(t, "the peer ended the connection");
    else
        h->keep_alive = false; /* it may still read the answer */
}

static int64_t h1_deadline(struct transport *t, int64_t now)
{
    (void)now;
    struct http_conn *c = container_of(t, struct http_conn, transport);
    struct h1 *h = c->protocol;
    const struct http_server_options *o = &c->shard->server->o;
    int64_t at = INT64_MAX;
    if (t->blocked || t->ending) /* the peer must read */
        at = t->progress + o->idle_ns;
    else if (h->state == H1_HEAD)
        at = h->since + (h->in.n ? o->header_ns : o->idle_ns);
    else if (h->state == H1_BODY || h->state == H1_CHUNKED)
        at = h->since + o->body_ns;
    return at;
}

static void h1_closed(struct transport *t)
{
    struct http_conn *c = container_of(t, struct http_conn, transport);
    struct h1 *h = c->protocol;
    c->gone = true;
    c->n_requests++; /* holds it until the end of this */
    if (h->request)
        request_abandon(h->request);
    buf_free(&h->in);
    buf_free(&h->out);
    free(h);
    c->protocol = NULL;
    c->n_requests--;
    conn_release(c);
}

static void h1_drain(struct http_conn *c)
{
    struct h1 *h = c->protocol;
    h->keep_alive = false;
    if (h->state == H1_HEAD)
        transport_end(&c->transport);
}

static const struct transport_ops h1_transport_ops = {
    .data = h1_data, .ended = h1_ended, .flush = h1_flush, .deadline = h1_deadline, .closed = h1_closed};
static const struct conn_ops h1_ops = {.begin = h1_begin, .more = h1_more, .drain = h1_drain};

void h1_start(struct http_conn *c)
{
    struct h1 *h = mem_zalloc(sizeof *h);
    h->conn = c;
    h->since = clock_mono();
    c->protocol = h;
    c->ops = &h1_ops;
    c->transport.ops = &h1_transport_ops;
}

/* --- upgrade --- */

bool http_can_upgrade(const struct http_request *r)
{
    if (r->detached || r->conn->ops != &h1_ops)
        return false;
    const struct h1 *h = r->conn->protocol;
    return h->head.upgrade.n > 0;
}

struct http_pipe *http_upgrade(struct http_request *r, const struct http_header *headers, size_t n_headers,
                               const struct http_pipe_events *events, void *arg)
{
    ensure(http_can_upgrade(r) && !r->begun);
    struct http_conn *c = r->conn;
    struct h1 *h = c->protocol;
    _cleanup_buf_ struct buf head = {0};
    put_status(&head, 101);
    for (size_t i = 0; i < n_headers; i++)
        if (!header_is_ours(headers[i].name) || str_eq_fold(headers[i].name, STR("upgrade")))
            put_header(&head, headers[i].name, headers[i].value);
    buf_add_lit(&head, "connection: Upgrade\r\n\r\n");
    h->state = H1_PIPE;
    h->pipe = pipe_new(&c->transport, h->taking ? (struct str){0} : buf_str(&h->in));
    http_pipe_write(h->pipe, &(struct http_part){.bytes = buf_str(&head)}, 1);
    http_pipe_listen(h->pipe, events, arg);
    h->request = NULL;
    r->begun = true;
    request_free(r);
    return h->pipe;
}
