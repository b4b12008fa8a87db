#include "node/stream/port_forward.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/duplex.h"
#include "http/spdy.h"
#include "http/websocket.h"
#include "node/stream/dial.h"
#include "node/stream/port_channels.h"
#include "node/stream/upgrade.h"

#define FORWARD_IDLE_NS (4 * 3600 * CLOCK_S) /* as upstream's streamingConnectionIdleTimeout */

enum { EARLY_MOST = 256 << 10 };

/* A client's connection: the pipe, and the SPDY session in it. */
struct session {
    struct http_pipe *pipe; /* NULL once it is closed */
    struct spdy *spdy;
    struct websocket *websocket; /* NULL: none between them */
    struct loop *loop;
    struct arena arena;
    const char *network;
    struct str pod, uid;
    TAILQ_HEAD(, forward) forwards;
    int uses; /* pipe, forwards */
};

/* One connection to the pod: bytes on a data stream, what went wrong on an error stream. */
struct forward {
    struct session *session;
    struct str id; /* from malloc */
    int port;
    struct spdy_stream *data, *error; /* NULL: not there yet, or gone */
    struct duplex *socket;
    struct buf early; /* came before the socket was there */
    struct dial dial;
    bool dialing, client_ended;
    TAILQ_ENTRY(forward) link;
};

static void session_put(struct session *s)
{
    if (--s->uses)
        return;
    spdy_free(s->spdy);
    websocket_free(s->websocket);
    arena_free(&s->arena);
    free(s);
}

/* --- one connection --- */

static void forward_free(struct forward *f)
{
    struct session *s = f->session;
    TAILQ_REMOVE(&s->forwards, f, link);
    buf_free(&f->early);
    err_clear(&f->dial.err);
    free((char *)f->id.p);
    free(f);
    session_put(s);
}

static void release(struct spdy_stream **stream, bool well)
{
    if (!*stream)
        return;
    if (well)
        spdy_end(*stream);
    spdy_release(*stream);
    *stream = NULL;
}

/* The pod's side is over: so are the streams. */
static void forward_over(struct forward *f)
{
    release(&f->data, true);
    release(&f->error, true);
    if (!f->dialing && !f->socket)
        forward_free(f);
}

static void socket_data(void *arg, struct str bytes)
{
    struct forward *f = arg;
    if (f->data && !spdy_write(f->data, bytes))
        duplex_pause(f->socket);
}

static void socket_ended(void *arg)
{
    struct forward *f = arg;
    if (f->data)
        spdy_end(f->data);
    if (f->client_ended || !f->data)
        duplex_close(f->socket);
}

static void socket_drained(void *arg)
{
    struct forward *f = arg;
    if (f->session->pipe)
        http_pipe_resume(f->session->pipe);
}

static void socket_closed(void *arg)
{
    struct forward *f = arg;
    f->socket = NULL;
    socket_drained(f);
    forward_over(f);
}

static void dialed(struct dial *d)
{
    static const struct duplex_events events = {
        .data = socket_data, .ended = socket_ended, .drained = socket_drained, .closed = socket_closed};
    struct forward *f = container_of(d, struct forward, dial);
    struct session *s = f->session;
    f->dialing = false;
    if (s->pipe)
        http_pipe_resume(s->pipe);
    if (d->fd >= 0 && f->data) {
        f->socket = duplex_new(s->loop, d->fd, 0, &events, f);
        if (!duplex_write(f->socket, buf_str(&f->early)))
            http_pipe_pause(s->pipe);
        buf_free(&f->early);
        if (f->client_ended)
            duplex_end(f->socket);
        duplex_resume(f->socket);
        return;
    }
    if (d->fd >= 0)
        close(d->fd);
    if (f->error) {
        _cleanup_buf_ struct buf b = {0};
        buf_addf(&b, "error forwarding port %d to pod " STR_FMT ", uid " STR_FMT ": " STR_FMT, f->port,
                 STR_ARG(s->pod), STR_ARG(s->uid), STR_ARG(d->err.message));
        spdy_write(f->error, buf_str(&b));
    }
    forward_over(f);
}

static void forward_begin(struct forward *f)
{
    f->dialing = true;
    f->dial = (struct dial){.network = f->session->network,
                            .host = "localhost",
                            .port = f->port,
                            .loop = f->session->loop,
                            .done = dialed};
    dial_start(&f->dial);
}

/* The client's side is over, or all of it. */
static void forward_drop(struct forward *f)
{
    release(&f->data, false);
    release(&f->error, false);
    if (f->socket)
        duplex_close(f->socket);
    else if (!f->dialing)
        forward_free(f);
}

/* --- the session's streams --- */

static struct str find_header(const struct http_header *headers, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_fold(headers[i].name, name))
            return headers[i].value;
    return (struct str){0};
}

static struct forward *find_forward(struct session *s, struct str id, int64_t port)
{
    struct forward *f;
    TAILQ_FOREACH(f, &s->forwards, link)
    if (str_eq(f->id, id))
        return f;
    f = mem_zalloc(sizeof *f);
    f->session = s;
    f->id = str_from(str_dup_c(id));
    f->port = (int)port;
    TAILQ_INSERT_TAIL(&s->forwards, f, link);
    s->uses++;
    return f;
}

static void stream_opened(void *arg, struct spdy_stream *t, const struct http_header *headers, size_t n)
{
    struct session *s = arg;
    struct str type = find_header(headers, n, STR("streamtype")),
               id = find_header(headers, n, STR("requestid"));
    int64_t port;
    bool data = str_is(type, "data");
    if ((!data && !str_is(type, "error")) || str_empty(id) ||
        !str_to_i64(find_header(headers, n, STR("port")), &port) || port < 1 || port > 65535) {
        spdy_release(t);
        return;
    }
    struct forward *f = find_forward(s, id, port);
    struct spdy_stream **at = data ? &f->data : &f->error;
    if (*at || f->dialing || f->socket) {
        spdy_release(t);
        return;
    }
    *at = t;
    spdy_set(t, f);
    spdy_reply(t);
    if (f->data && f->error)
        forward_begin(f);
}

static void stream_data(void *arg, struct spdy_stream *t, struct str bytes)
{
    struct session *s = arg;
    struct forward *f = spdy_get(t);
    if (t != f->data)
        return;
    if (!f->socket)
        buf_add_str(&f->early, bytes);
    else if (!duplex_write(f->socket, bytes))
        http_pipe_pause(s->pipe);
    if (f->early.n > EARLY_MOST && f->dialing)
        http_pipe_pause(s->pipe);
    else if (f->early.n > EARLY_MOST) /* its error stream never came */
        forward_drop(f);
}

static void stream_ended(void *arg, struct spdy_stream *t)
{
    (void)arg;
    struct forward *f = spdy_get(t);
    if (t != f->data)
        return;
    f->client_ended = true;
    if (f->socket)
        duplex_end(f->socket);
}

static void stream_reset(void *arg, struct spdy_stream *t)
{
    (void)arg;
    struct forward *f = spdy_get(t);
    if (t == f->data)
        forward_drop(f);
    else
        release(&f->error, false);
}

/* --- the pipe --- */

static bool to_pipe(void *arg, struct str bytes)
{
    struct session *s = arg;
    return !s->pipe || http_pipe_write(s->pipe, &(struct http_part){.bytes = bytes}, 1);
}

static bool to_websocket(void *arg, struct str bytes)
{
    struct session *s = arg;
    return websocket_write(s->websocket, false, (struct str){0}, bytes);
}

static void take(struct session *s, struct str bytes)
{
    if (s->pipe && spdy_input(s->spdy, bytes, NULL) < 0)
        http_pipe_close(s->pipe);
}

static void message(void *arg, bool text, struct str bytes)
{
    (void)text;
    take(arg, bytes);
}

static void websocket_closed(void *arg)
{
    struct session *s = arg;
    http_pipe_close(s->pipe);
}

static void pipe_data(void *arg, struct str bytes)
{
    struct session *s = arg;
    if (!s->websocket)
        take(s, bytes);
    else if (websocket_input(s->websocket, bytes, NULL) < 0)
        http_pipe_close(s->pipe);
}

static void pipe_ended(void *arg)
{
    struct session *s = arg;
    http_pipe_close(s->pipe);
}

static void pipe_drained(void *arg)
{
    struct session *s = arg;
    struct forward *f;
    TAILQ_FOREACH(f, &s->forwards, link)
    if (f->socket)
        duplex_resume(f->socket);
}

static void pipe_closed(void *arg)
{
    struct session *s = arg;
    s->pipe = NULL;
    for (struct forward *f = TAILQ_FIRST(&s->forwards), *next; f; f = next) {
        next = TAILQ_NEXT(f, link);
        forward_drop(f);
    }
    session_put(s);
}

void port_forward_serve(struct http_request *r, struct str network, struct str pod, struct str uid)
{
    static const struct str over_spdy[] = {STR_INIT("portforward.k8s.io")};
    static const struct str over_websocket[] = {STR_INIT("SPDY/3.1+portforward.k8s.io")};
    static const struct http_pipe_events pipe_events = {
        .data = pipe_data, .ended = pipe_ended, .drained = pipe_drained, .closed = pipe_closed};
    static const struct spdy_events spdy_events = {
        .opened = stream_opened, .data = stream_data, .ended = stream_ended, .reset = stream_reset};
    static const struct websocket_events websocket_events = {.message = message, .closed = websocket_closed};
    struct str protocol;
    struct loop *loop = http_loop(r);
    bool websocket = websocket_wanted(r);
    if (websocket && (!websocket_choose(r, over_websocket, 1, &protocol) || !protocol.n)) {
        port_channels_serve(r, network, pod, uid);
        return;
    }
    if (websocket ? !upgrade_choose_websocket(r, over_websocket, 1, &protocol)
                  : !upgrade_choose_spdy(r, over_spdy, 1, &protocol))
        return;
    struct session *s = mem_zalloc(sizeof *s);
    *s = (struct session){.loop = loop, .uses = 1};
    TAILQ_INIT(&s->forwards);
    s->network = network.n ? arena_c(&s->arena, network) : NULL;
    s->pod = arena_str(&s->arena, pod);
    s->uid = arena_str(&s->arena, uid);
    s->spdy = spdy_new(true, &spdy_events, websocket ? to_websocket : to_pipe, s);
    if (websocket)
        s->websocket = websocket_new(true, &websocket_events, to_pipe, s);
    s->pipe = websocket ? websocket_accept(r, protocol, &pipe_events, s)
                        : upgrade_accept_spdy(r, protocol, &pipe_events, s);
    http_pipe_set_idle(s->pipe, FORWARD_IDLE_NS);
    http_pipe_resume(s->pipe);
}
