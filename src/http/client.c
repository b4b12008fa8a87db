#include "http/client.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/parse.h"
#include "http/pipe_new.h"
#include "http/tls.h"
#include "http/transport.h"

enum { HEAD_MOST = 64 * 1024, WRITE_STEP = 64 * 1024 };

struct http_client {
    SSL_CTX *tls;
    _Atomic size_t users;
};

enum call_state {
    CALL_LOOKUP,
    CALL_CONNECT,
    CALL_HEAD,
    CALL_LENGTH,
    CALL_CHUNKED,
    CALL_UNTIL_END,
    CALL_PIPE
};

struct http_call {
    struct transport transport;
    struct http_client *client;
    struct io *io;
    struct http_call_options o; /* slices live in arena */
    struct arena arena;
    struct str host, port, shown; /* of the URL; shown: host:port */
    bool tls, head_only, upgrading;
    enum call_state state;
    int64_t since;
    struct addrinfo *addresses, *next_address;
    uv_getaddrinfo_t lookup;
    uv_timer_t lookup_timer;
    int open_handles; /* of the lookup */
    struct loop_task task;
    struct err early; /* told from the loop */
    struct buf out;   /* the request; `sent` bytes of it are */
    size_t sent;
    struct buf in; /* what came and was not taken yet */
    size_t scanned;
    struct http_head head;
    uint64_t left;
    struct chunked chunked;
    bool paused;
    bool over;   /* done was called, or the call was given up */
    bool opened; /* there is a transport that will be closed */
};

/* --- the client --- */

int http_client_new(const struct http_client_options *o, struct http_client **out, struct err *err)
{
    SSL_CTX *tls = tls_client_context(o->ca_pem, o->cert_pem, o->key_pem, o->insecure, err);
    if (!tls)
        return -1;
    struct http_client *c = mem_zalloc(sizeof *c);
    c->tls = tls;
    c->users = 1;
    *out = c;
    return 0;
}

void http_client_free(struct http_client *c)
{
    if (c && --c->users == 0) {
        SSL_CTX_free(c->tls);
        free(c);
    }
}

/* --- the end of a call --- */

static void call_free(struct http_call *c)
{
    struct io *io = c->io;
    if (c->addresses)
        freeaddrinfo(c->addresses);
    buf_free(&c->out);
    buf_free(&c->in);
    err_clear(&c->early);
    arena_free(&c->arena);
    http_client_free(c->client);
    free(c);
    io_put(io);
}

/* Nothing is told any more; it is freed once its handles are closed. */
static void call_let_go(struct http_call *c)
{
    c->over = true;
    if (c->opened)
        transport_close(&c->transport, NULL);
}

static void call_done(struct http_call *c)
{
    if (c->over)
        return;
    call_let_go(c);
    c->o.done(c->o.arg, NULL);
}

/* As Go says it: Get "https://...": why */
static void call_fail(struct http_call *c, enum err_reason reason, const char *fmt, ...) _printf_(3, 4);
static void call_fail(struct http_call *c, enum err_reason reason, const char *fmt, ...)
{
    if (c->over)
        return;
    call_let_go(c);
    va_list args;
    va_start(args, fmt);
    struct str why = arena_vprintf(&c->arena, fmt, args);
    va_end(args);
    char *verb = arena_c(&c->arena, c->o.method);
    for (char *p = verb + 1; *verb && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    _cleanup_err_ struct err err = {0};
    err_set(&err, reason, "%s \"" STR_FMT "\": " STR_FMT, verb, STR_ARG(c->o.url), STR_ARG(why));
    c->o.done(c->o.arg, &err);
}

/* --- the response --- */

static void call_body_begins(struct http_call *c)
{
    int status = c->head.status;
    c->since = c->transport.progress;
    c->state = CALL_LENGTH;
    c->left = 0;
    if (c->o.idle_ns)
        transport_due(&c->transport, c->since + c->o.idle_ns);
    if (c->head_only || status == 204 || status == 304)
        return;
    c->chunked = (struct chunked){0};
    if (c->head.chunked)
        c->state = CALL_CHUNKED;
    else if (c->head.content_length >= 0)
        c->left = (uint64_t)c->head.content_length;
    else
        c->state = CALL_UNTIL_END;
}

/* The head is complete. False: nothing more is to be read now. */
static bool call_take_head(struct http_call *c, struct str head, struct str rest)
{
    const char *problem;
    char *copy = arena_dup(&c->arena, head.p, head.n);
    if (parse_response(&c->arena, copy, head.n, &c->head, &problem) < 0) {
        call_fail(c, ERR_INTERNAL, "malformed HTTP response: %s", problem);
        return false;
    }
    int status = c->head.status;
    if (status == 101 && c->upgrading) {
        c->state = CALL_PIPE;
        c->over = true; /* from now on it is the pipe that ends */
        struct http_pipe *pipe = pipe_new(&c->transport, rest);
        if (c->o.response)
            c->o.response(c->o.arg, status, c->head.headers, c->head.n_headers);
        c->o.upgraded(c->o.arg, pipe);
        return false;
    }
    if (status == 101) {
        call_fail(c, ERR_INTERNAL, "malformed HTTP response: an upgrade that nobody asked for");
        return false;
    }
    if (status < 200) /* the real one follows */
        return true;
    call_body_begins(c);
    if (c->o.response)
        c->o.response(c->o.arg, status, c->head.headers, c->head.n_headers);
    return !c->over;
}

static void call_give(struct http_call *c, struct str data)
{
    if (data.n && c->o.data)
        c->o.data(c->o.arg, data);
}

/* Takes what it can of the bytes, as far as the owner wants them. */
static void call_take(struct http_call *c, struct str *bytes)
{
    while (!c->over && !c->paused) {
        if (c->state == CALL_HEAD) {
            ptrdiff_t n = parse_head_end(*bytes, &c->scanned);
            if (n < 0 || (n == 0 && bytes->n > HEAD_MOST))
                call_fail(c, ERR_INTERNAL, "malformed HTTP response");
            if (n <= 0)
                return;
            c->scanned = 0;
            struct str head = str_slice(bytes->p, (size_t)n);
            *bytes = str_from_at(*bytes, (size_t)n);
            if (!call_take_head(c, head, *bytes))
                return;
        } else if (c->state == CALL_CHUNKED) {
            struct str data;
            int rc = chunked_decode(&c->chunked, bytes, &data);
            call_give(c, data);
            if (rc < 0)
                call_fail(c, ERR_INTERNAL, "malformed chunked encoding");
            else if (rc)
                call_done(c);
            else if (!bytes->n)
                return;
        } else {
            struct str data = *bytes;
            if (c->state == CALL_LENGTH && data.n > c->left)
                data.n = (size_t)c->left;
            *bytes = str_from_at(*bytes, data.n);
            c->left -= c->state == CALL_LENGTH ? data.n : 0;
            call_give(c, data);
            if (c->state == CALL_LENGTH && !c->left)
                call_done(c);
            return;
        }
    }
}

static void call_data(struct transport *t, struct str bytes)
{
    struct http_call *c = container_of(t, struct http_call, transport);
    if (c->in.n) {
        buf_add_str(&c->in, bytes);
        bytes = buf_str(&c->in);
    }
    call_take(c, &bytes);
    if (c->in.n) {
        memmove(c->in.p, bytes.n ? bytes.p : c->in.p, bytes.n);
        c->in.n = bytes.n;
    } else if (bytes.n && !c->over) {
        buf_add_str(&c->in, bytes);
    }
    if (!c->in.n)
        buf_free(&c->in);
}

static void call_ended(struct transport *t)
{
    struct http_call *c = container_of(t, struct http_call, transport);
    if (c->state == CALL_UNTIL_END && t->clean && !c->in.n)
        call_done(c);
    else if (!c->paused)
        call_fail(c, ERR_UNAVAILABLE, c->state == CALL_HEAD ? "EOF" : "unexpected EOF");
}

static void call_flush(struct transport *t)
{
    struct http_call *c = container_of(t, struct http_call, transport);
    while (c->sent < c->out.n && transport_room(t)) {
        struct str bytes = str_from_at(buf_str(&c->out), c->sent);
        if (bytes.n > WRITE_STEP)
            bytes.n = WRITE_STEP;
        transport_write(t, bytes);
        c->sent += bytes.n;
    }
    if (c->in.n && !c->paused) { /* kept during a pause that is over */
        struct buf waiting = c->in;
        c->in = (struct buf){0};
        call_data(t, buf_str(&waiting));
        buf_free(&waiting);
    }
    if (t->peer_ended && !c->paused && !c->over)
        call_ended(t);
}

static int64_t call_deadline(struct transport *t, int64_t now)
{
    (void)now;
    struct http_call *c = container_of(t, struct http_call, transport);
    if (c->over)
        return INT64_MAX;
    if (c->state == CALL_CONNECT)
        return c->since + c->o.connect_ns;
    if (c->state == CALL_HEAD)
        return c->o.header_ns < 0 ? INT64_MAX : c->since + c->o.header_ns;
    return c->o.idle_ns && !c->paused ? t->progress + c->o.idle_ns : INT64_MAX;
}

/* --- the way there --- */

static void call_connect(struct http_call *c);

static void call_ready(struct transport *t)
{
    struct http_call *c = container_of(t, struct http_call, transport);
    c->state = CALL_HEAD;
    c->since = clock_mono();
    if (c->o.header_ns >= 0)
        transport_due(t, c->since + c->o.header_ns);
}

static void call_closed(struct transport *t)
{
    struct http_call *c = container_of(t, struct http_call, transport);
    c->opened = false;
    char why[sizeof t->problem];
    snprintf(why, sizeof why, "%s", t->problem[0] ? t->problem : "EOF");
    if (!c->over && strcmp(why, "timed out") == 0) {
        call_fail(c, ERR_TIMEOUT, "%s",
                  c->state == CALL_CONNECT ? "net/http: TLS handshake or connect timeout"
                                           : "context deadline exceeded");
    } else if (!c->over && c->state == CALL_CONNECT) {
        if (c->next_address) {
            call_connect(c);
            return;
        }
        why[0] = (char)tolower((unsigned char)why[0]);
        if (strncmp(t->problem, "TLS: ", 5) == 0)
            call_fail(c, ERR_UNAVAILABLE, "tls: %s", t->problem + 5);
        else
            call_fail(c, ERR_UNAVAILABLE, "dial tcp " STR_FMT ": connect: %s", STR_ARG(c->shown), why);
    } else if (!c->over) {
        call_fail(c, ERR_UNAVAILABLE, "%s", why);
    }
    call_free(c);
}

static const struct transport_ops call_ops = {.ready = call_ready,
                                              .data = call_data,
                                              .ended = call_ended,
                                              .flush = call_flush,
                                              .deadline = call_deadline,
                                              .closed = call_closed};

static void call_fail_later(struct loop_task *task)
{
    struct http_call *c = container_of(task, struct http_call, task);
    if (!c->over) {
        c->over = true;
        c->o.done(c->o.arg, &c->early);
    }
    call_free(c);
}

/* Before there is a transport. */
static void call_fail_early(struct http_call *c, enum err_reason reason, const char *why)
{
    err_set(&c->early, reason, STR_FMT " \"" STR_FMT "\": %s", STR_ARG(c->o.method), STR_ARG(c->o.url), why);
    c->task.run = call_fail_later;
    loop_post(c->io->loop, &c->task);
}

/* On a socket that is connected, or about to be. */
static void call_open(struct http_call *c, int fd)
{
    SSL *ssl = NULL;
    if (c->tls)
        ssl = tls_client_new(c->client->tls,
                             arena_c(&c->arena, c->o.server_name.n ? c->o.server_name : c->host));
    c->state = CALL_CONNECT;
    c->opened = true;
    c->transport = (struct transport){.connecting = true};
    transport_start(&c->transport, &call_ops, c->io, fd, ssl);
    if (c->paused)
        transport_pause(&c->transport);
}

/* To the next of the addresses. */
static void call_connect(struct http_call *c)
{
    struct addrinfo *to = c->next_address;
    c->next_address = to->ai_next;
    int on = 1, fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS)) {
        char why[200];
        snprintf(why, sizeof why, "dial tcp " STR_FMT ": connect: %s", STR_ARG(c->shown), strerror(errno));
        if (fd >= 0)
            close(fd);
        if (c->next_address)
            call_connect(c);
        else
            call_fail_early(c, ERR_UNAVAILABLE, why);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    call_open(c, fd);
}

static void call_lookup_closed(struct http_call *c)
{
    if (--c->open_handles)
        return;
    if (c->over)
        call_free(c);
    else if (c->next_address)
        call_connect(c);
    else
        call_fail_early(
            c, ERR_UNAVAILABLE,
            arena_printf(&c->arena, "dial tcp: lookup " STR_FMT ": no such host", STR_ARG(c->host)).p);
}

static void call_lookup_timer_closed(uv_handle_t *timer)
{
    call_lookup_closed(container_of((uv_timer_t *)timer, struct http_call, lookup_timer));
}

static void call_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct http_call *c = container_of(lookup, struct http_call, lookup);
    c->addresses = c->next_address = status == 0 ? found : NULL;
    if (status != 0 && found)
        freeaddrinfo(found);
    if (!uv_is_closing((uv_handle_t *)&c->lookup_timer))
        uv_close((uv_handle_t *)&c->lookup_timer, call_lookup_timer_closed);
    call_lookup_closed(c);
}

static void call_lookup_timed_out(uv_timer_t *timer)
{
    struct http_call *c = container_of(timer, struct http_call, lookup_timer);
    uv_cancel((uv_req_t *)&c->lookup);
    call_fail(c, ERR_TIMEOUT, "dial tcp: lookup " STR_FMT ": i/o timeout", STR_ARG(c->host));
    uv_close((uv_handle_t *)timer, call_lookup_timer_closed);
}

static void call_find(struct http_call *c)
{
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const struct addrinfo number = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    const char *host = arena_c(&c->arena, c->host), *port = arena_c(&c->arena, c->port);
    if (getaddrinfo(host, port, &number, &c->addresses) == 0) { /* an address: nothing to look up */
        c->next_address = c->addresses;
        call_connect(c);
        return;
    }
    c->addresses = NULL;
    c->open_handles = 2;
    uv_timer_init(loop_uv(c->io->loop), &c->lookup_timer);
    uv_timer_start(&c->lookup_timer, call_lookup_timed_out, (uint64_t)(c->o.connect_ns / CLOCK_MS), 0);
    if (uv_getaddrinfo(loop_uv(c->io->loop), &c->lookup, call_looked_up, host, port, &want) != 0)
        call_looked_up(&c->lookup, -1, NULL);
}

/* --- the request --- */

/* SCHEME://HOST[:PORT][/PATH][?QUERY]. False when it is no such URL. */
static bool call_parse_url(struct http_call *c, struct str *target)
{
    struct str rest = c->o.url;
    if (str_starts(rest, STR("https://")))
        c->tls = true;
    else if (!str_starts(rest, STR("http://")))
        return false;
    rest = str_from_at(rest, c->tls ? 8 : 7);
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
        n++;
    struct str authority = str_slice(rest.p, n);
    *target = str_from_at(rest, n);
    if (!authority.n || str_index(authority, '@') >= 0)
        return false;
    ptrdiff_t colon = str_last_index(authority, ':'), bracket = str_last_index(authority, ']');
    c->host = authority;
    c->port = c->tls ? STR("443") : STR("80");
    if (colon > bracket) {
        c->host.n = (size_t)colon;
        c->port = str_from_at(authority, (size_t)colon + 1);
    }
    if (bracket >= 0) {
        if (c->host.p[0] != '[' || (size_t)bracket + 1 != c->host.n)
            return false;
        c->host = str_slice(c->host.p + 1, c->host.n - 2);
    }
    uint64_t port;
    c->shown = arena_printf(&c->arena, bracket >= 0 ? "[" STR_FMT "]:" STR_FMT : STR_FMT ":" STR_FMT,
                            STR_ARG(c->host), STR_ARG(c->port));
    for (size_t i = 0; i < c->o.url.n; i++)
        if ((unsigned char)c->o.url.p[i] <= 0x20 || (unsigned char)c->o.url.p[i] >= 0x7f)
            return false;
    return c->host.n && str_to_u64(c->port, &port) && port > 0 && port < 65536;
}

/* Writes the request's bytes. False when its headers cannot be. */
static bool call_write_request(struct http_call *c, const struct http_call_options *o, struct str target)
{
    struct buf *out = &c->out;
    bool host = false, length = false;
    buf_addf(out, STR_FMT " %s" STR_FMT " HTTP/1.1\r\n", STR_ARG(c->o.method),
             target.n && target.p[0] == '/' ? "" : "/", STR_ARG(target));
    for (size_t i = 0; i < o->n_headers; i++) {
        struct http_header h = o->headers[i];
        if (!parse_is_token(h.name) || !parse_is_field_value(h.value) ||
            str_eq_fold(h.name, STR("transfer-encoding")))
            return false;
        host = host || str_eq_fold(h.name, STR("host"));
        c->upgrading = c->upgrading || (o->upgraded && str_eq_fold(h.name, STR("upgrade")));
        if (str_eq_fold(h.name, STR("content-length"))) /* ours is the right one */
            continue;
        buf_addf(out, STR_FMT ": " STR_FMT "\r\n", STR_ARG(h.name), STR_ARG(h.value));
    }
    length = o->body.n || str_eq(c->o.method, STR("POST")) || str_eq(c->o.method, STR("PUT")) ||
             str_eq(c->o.method, STR("PATCH"));
    if (!host)
        buf_addf(out, "host: " STR_FMT "\r\n", STR_ARG(c->shown));
    if (length)
        buf_addf(out, "content-length: %zu\r\n", o->body.n);
    buf_addf(out, "connection: %s\r\n\r\n", c->upgrading ? "Upgrade" : "close");
    buf_add_str(out, o->body);
    return true;
}

struct http_call *http_call_start(struct http_client *client, struct loop *l,
                                  const struct http_call_options *o)
{
    struct http_call *c = mem_zalloc(sizeof *c);
    client->users++;
    c->client = client;
    c->io = io_get(l);
    c->o = *o;
    c->o.method = arena_str(&c->arena, o->method.n ? o->method : STR("GET"));
    c->o.url = arena_str(&c->arena, o->url);
    c->o.server_name = arena_str(&c->arena, o->server_name);
    c->o.headers = NULL;
    c->o.body = (struct str){0};
    c->o.connect_ns = o->connect_ns > 0 ? o->connect_ns : 10 * CLOCK_S;
    c->o.header_ns = o->header_ns ? o->header_ns : 60 * CLOCK_S;
    c->since = clock_mono();
    c->head_only = str_eq(c->o.method, STR("HEAD"));
    struct str target;
    const char *problem = !call_parse_url(c, &target) ? "malformed URL"
                          : !parse_is_token(c->o.method) || !call_write_request(c, o, target)
                              ? "malformed method or header field"
                              : NULL;
    if (problem && o->fd)
        close(o->fd);
    if (problem)
        call_fail_early(c, ERR_BAD_REQUEST, problem);
    else if (o->fd)
        call_open(c, o->fd);
    else
        call_find(c);
    return c;
}

void http_call_pause(struct http_call *c)
{
    c->paused = true;
    if (c->opened)
        transport_pause(&c->transport);
}

void http_call_resume(struct http_call *c)
{
    c->paused = false;
    if (c->opened) {
        transport_resume(&c->transport);
        transport_dirty(&c->transport);
    }
}

void http_call_abort(struct http_call *c)
{
    if (c->over)
        return;
    call_let_go(c);
    if (c->open_handles && !uv_is_closing((uv_handle_t *)&c->lookup_timer)) {
        uv_cancel((uv_req_t *)&c->lookup);
        uv_close((uv_handle_t *)&c->lookup_timer, call_lookup_timer_closed);
    }
}
