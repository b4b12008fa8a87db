/* A request as its handler sees it, and the way back. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "http/conn.h"

enum { SPARE_MOST = 256 };

struct http_request *request_new(struct http_conn *c)
{
    struct shard *s = c->shard;
    struct http_request *r = s->spare;
    if (r) {
        s->spare = r->next;
        s->n_spare--;
        struct arena arena = r->arena;
        struct parts queue = r->queue;
        *r = (struct http_request){.arena = arena, .queue = queue};
    } else {
        r = mem_zalloc(sizeof *r);
    }
    r->conn = c;
    c->n_requests++;
    return r;
}

static void request_count_body(struct http_request *r, size_t n)
{
    r->body_bytes += n;
    r->conn->body_bytes += n;
    r->conn->shard->server->body_bytes += n;
}

void request_free(struct http_request *r)
{
    struct http_conn *c = r->conn;
    struct shard *s = c->shard;
    parts_clear(&r->queue);
    if (r->stream)
        r->closed(r->arg);
    r->stream = false; /* told once */
    r->over = r->held;
    if (r->held)
        return;
    if (r->body_bytes)
        request_count_body(r, -r->body_bytes);
    buf_free(&r->body);
    if (s->n_spare < SPARE_MOST && r->arena.total <= 64 * 1024 && r->queue.cap <= 64) {
        arena_reset(&r->arena);
        r->next = s->spare;
        s->spare = r;
        s->n_spare++;
    } else {
        arena_free(&r->arena);
        parts_free(&r->queue);
        free(r);
    }
    c->n_requests--;
    conn_release(c);
}

void request_abandon(struct http_request *r)
{
    r->detached = true;
    if (r->begun || !r->complete)
        request_free(r);
    else if (r->aborted)
        r->aborted(r->aborted_arg);
}

bool request_set_target(struct http_request *r, struct str target)
{
    for (size_t i = 0; i < target.n; i++)
        if ((unsigned char)target.p[i] <= 0x20 || (unsigned char)target.p[i] >= 0x7f)
            return false;
    if (!target.n || (target.p[0] != '/' && !(str_eq(target, STR("*")) && str_eq(r->method, STR("OPTIONS")))))
        return false;
    const char *mark = memchr(target.p, '?', target.n);
    size_t n = mark ? (size_t)(mark - target.p) : target.n;
    r->path = str_slice(target.p, n);
    r->query = str_from_at(target, n + 1);
    return true;
}

void request_add_header(struct http_request *r, struct str name, struct str value)
{
    if (r->n_headers == r->cap_headers) {
        size_t cap = r->cap_headers ? 2 * r->cap_headers : 16;
        struct http_header *more = arena_new_n(&r->arena, struct http_header, cap);
        if (r->n_headers)
            memcpy(more, r->headers, r->n_headers * sizeof *more);
        r->headers = more;
        r->cap_headers = cap;
    }
    r->headers[r->n_headers++] = (struct http_header){name, value};
}

void request_add_body(struct http_request *r, struct str bytes)
{
    struct http_server *server = r->conn->shard->server;
    if (r->refuse)
        return;
    if (r->body.n + bytes.n > server->o.max_body) {
        r->refuse = 413;
    } else if (r->conn->body_bytes + bytes.n > 8 * server->o.max_body ||
               server->body_bytes + bytes.n > 64 * server->o.max_body) {
        r->refuse = 429;
        r->refuse_why = "too many request bodies are under way, please try again later";
    } else {
        request_count_body(r, bytes.n);
        buf_add_str(&r->body, bytes);
        return;
    }
    request_count_body(r, -r->body_bytes);
    buf_free(&r->body);
}

/* The reason that goes with a status of our own. */
static enum err_reason reason_of(int status)
{
    switch (status) {
    case 413:
        return ERR_TOO_LARGE;
    case 429:
        return ERR_TOO_MANY_REQUESTS;
    case 503:
        return ERR_UNAVAILABLE;
    default:
        return ERR_BAD_REQUEST;
    }
}

void request_fail(struct http_request *r, int status, const char *why)
{
    const struct http_server_options *o = &r->conn->shard->server->o;
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf body = {0};
    if (status == 413)
        err_set(&err, ERR_TOO_LARGE, "Request entity too large: limit is %zu", o->max_body);
    else
        err_set(&err, reason_of(status), "%s", why);
    err.code = status;
    if (status == 429)
        err.details.retry_after_s = 1;
    struct http_header headers[2] = {{STR("content-type"), STR("text/plain; charset=utf-8")},
                                     {STR("retry-after"), STR("1")}};
    if (o->render_error) {
        o->render_error(&err, &body);
        headers[0].value = STR("application/json");
    } else {
        buf_add_str(&body, err.message);
        buf_add_c(&body, '\n');
    }
    http_respond(r, status, headers, status == 429 ? 2 : 1, &(struct http_part){.bytes = buf_str(&body)}, 1);
}

void request_dispatch(struct http_request *r)
{
    struct http_server *server = r->conn->shard->server;
    r->complete = true;
    if (r->refuse)
        request_fail(r, r->refuse, r->refuse_why);
    else
        server->o.handle(server->o.arg, r);
}

bool header_is_ours(struct str name)
{
    switch (name.n) { /* of each length few, so that most names are not compared at all */
    case 4:
        return str_eq_fold(name, STR("date"));
    case 7:
        return str_eq_fold(name, STR("upgrade"));
    case 10:
        return str_eq_fold(name, STR("connection")) || str_eq_fold(name, STR("keep-alive"));
    case 14:
        return str_eq_fold(name, STR("content-length"));
    case 16:
        return str_eq_fold(name, STR("proxy-connection"));
    case 17:
        return str_eq_fold(name, STR("transfer-encoding"));
    default:
        return false;
    }
}

struct str shard_date(struct shard *s)
{
    int64_t now = clock_wall() / CLOCK_S;
    if (now != s->date_s) {
        time_t t = (time_t)now;
        struct tm tm;
        gmtime_r(&t, &tm);
        s->date_s = now;
        strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    }
    return str_from(s->date);
}

/* --- the request --- */

struct str http_method(const struct http_request *r)
{
    return r->method;
}

struct str http_path(const struct http_request *r)
{
    return r->path;
}

struct str http_query(const struct http_request *r)
{
    return r->query;
}

struct str http_header_get(const struct http_request *r, struct str lower_name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (str_eq(r->headers[i].name, lower_name))
            return r->headers[i].value;
    return (struct str){0};
}

const struct http_header *http_headers(const struct http_request *r, size_t *n)
{
    *n = r->n_headers;
    return r->headers;
}

struct str http_body(const struct http_request *r)
{
    return buf_str(&r->body);
}

struct str http_peer_address(const struct http_request *r)
{
    return str_from(r->conn->peer);
}

static const char *time_problem(const struct http_conn *c)
{
    int64_t now = clock_wall() / CLOCK_S;
    return now < c->certificate_from    ? "certificate is not yet valid"
           : now > c->certificate_until ? "certificate has expired"
                                        : NULL;
}

const char *http_peer_problem(const struct http_request *r)
{
    const struct http_conn *c = r->conn;
    return c->certificate_problem || !c->certificate.n ? c->certificate_problem : time_problem(c);
}

struct str http_peer_proxy(const struct http_request *r)
{
    const struct http_conn *c = r->conn;
    return c->is_proxy && !time_problem(c) ? buf_str(&c->certificate) : (struct str){0};
}

struct str http_peer_certificate(const struct http_request *r)
{
    return http_peer_problem(r) ? (struct str){0} : buf_str(&r->conn->certificate);
}

struct arena *http_arena(struct http_request *r)
{
    return &r->arena;
}

struct loop *http_loop(struct http_request *r)
{
    return r->conn->shard->loop;
}

void http_on_abort(struct http_request *r, void (*aborted)(void *arg), void *arg)
{
    r->aborted = aborted;
    r->aborted_arg = arg;
}

/* --- the response --- */

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

void http_respond(struct http_request *r, int status, const struct http_header *headers, size_t n_headers,
                  const struct http_part *parts, size_t n_parts)
{
    ensure(!r->begun);
    r->begun = r->ended = true;
    r->status = status;
    if (r->detached) {
        parts_drop(parts, n_parts);
        request_free(r);
        return;
    }
    size_t length = 0;
    for (size_t i = 0; i < n_parts; i++)
        length += parts[i].bytes.n;
    r->bodiless = !status_has_body(status) || str_eq(r->method, STR("HEAD")) || !length;
    if (r->bodiless)
        parts_drop(parts, n_parts);
    else
        parts_push(&r->queue, parts, n_parts);
    r->conn->ops->begin(r, headers, n_headers, (int64_t)length);
    transport_dirty(&r->conn->transport);
}

void http_hold(struct http_request *r)
{
    r->held++;
}

void http_release(struct http_request *r)
{
    if (!--r->held && r->over)
        request_free(r);
}

static void request_close_detached(struct loop_task *task)
{
    request_free(container_of(task, struct http_request, task));
}

void http_begin(struct http_request *r, int status, const struct http_header *headers, size_t n_headers,
                void (*closed)(void *arg), void (*drained)(void *arg), void *arg)
{
    ensure(!r->begun);
    r->begun = r->stream = true;
    r->status = status;
    r->closed = closed;
    r->drained = drained;
    r->arg = arg;
    if (r->detached) { /* `closed` comes from the loop, not from within this call */
        r->task.run = request_close_detached;
        loop_post(r->conn->shard->loop, &r->task);
        return;
    }
    r->bodiless = !status_has_body(status) || str_eq(r->method, STR("HEAD"));
    r->conn->ops->begin(r, headers, n_headers, -1);
    transport_dirty(&r->conn->transport);
}

bool http_write(struct http_request *r, const struct http_part *parts, size_t n_parts)
{
    ensure(r->stream && !r->ended);
    if (r->detached || r->bodiless) {
        parts_drop(parts, n_parts);
        return true;
    }
    parts_push(&r->queue, parts, n_parts);
    r->conn->ops->more(r);
    transport_dirty(&r->conn->transport);
    r->full = r->queue.bytes > PARTS_HIGH;
    return !r->full;
}

void http_end(struct http_request *r)
{
    ensure(r->stream && !r->ended);
    r->ended = true;
    if (r->detached)
        return;
    r->conn->ops->more(r);
    transport_dirty(&r->conn->transport);
}

void request_drain(struct http_request *r)
{
    if (r->full && r->queue.bytes < PARTS_LOW && !r->ended) {
        r->full = false;
        if (r->drained)
            r->drained(r->arg);
    }
}
