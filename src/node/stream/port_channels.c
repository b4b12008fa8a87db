#include "node/stream/port_channels.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/duplex.h"
#include "base/encode.h"
#include "http/websocket.h"
#include "node/stream/dial.h"
#include "node/stream/upgrade.h"

#define CHANNELS_IDLE_NS (4 * 3600 * CLOCK_S) /* as upstream's streamingConnectionIdleTimeout */
#define CHANNELS_END_NS  (10 * CLOCK_S)       /* for the client to answer the close */

enum { PORTS_MAX = 64, EARLY_MOST = 256 << 10 };

/* One port. */
struct port {
    struct channels *all;
    int number;
    struct duplex *socket; /* NULL: not there yet, or gone */
    struct dial dial;
    bool dialing;
    struct buf early; /* came before the socket was there */
};

struct channels {
    struct http_pipe *pipe; /* NULL once it is closed */
    struct websocket *websocket;
    struct loop *loop;
    struct arena arena;
    const char *network;
    struct str pod, uid;
    bool base64;
    size_t n_ports, open;
    int uses; /* pipe, dials, sockets */
    struct port ports[PORTS_MAX];
};

static void channels_put(struct channels *c)
{
    if (--c->uses)
        return;
    websocket_free(c->websocket);
    for (size_t i = 0; i < c->n_ports; i++) {
        buf_free(&c->ports[i].early);
        err_clear(&c->ports[i].dial.err);
    }
    arena_free(&c->arena);
    free(c);
}

static bool send_on(struct port *p, bool error, struct str bytes)
{
    struct channels *c = p->all;
    if (!c->pipe)
        return true;
    unsigned channel = 2 * (unsigned)(p - c->ports) + error;
    char head = (char)(c->base64 ? '0' + channel : channel);
    if (!c->base64)
        return websocket_write(c->websocket, false, str_slice(&head, 1), bytes);
    _cleanup_buf_ struct buf b = {0};
    encode_base64(&b, bytes);
    return websocket_write(c->websocket, true, str_slice(&head, 1), buf_str(&b));
}

/* One connection is over; with the last one, all of it. */
static void port_over(struct port *p)
{
    struct channels *c = p->all;
    if (--c->open == 0 && c->pipe) {
        websocket_end(c->websocket, WEBSOCKET_NORMAL);
        http_pipe_set_idle(c->pipe, CHANNELS_END_NS);
    }
    channels_put(c);
}

/* --- the pod's side --- */

static void socket_data(void *arg, struct str bytes)
{
    struct port *p = arg;
    if (!send_on(p, false, bytes))
        duplex_pause(p->socket);
}

static void socket_ended(void *arg)
{
    struct port *p = arg;
    duplex_close(p->socket);
}

static void socket_drained(void *arg)
{
    struct port *p = arg;
    if (p->all->pipe)
        http_pipe_resume(p->all->pipe);
}

static void socket_closed(void *arg)
{
    struct port *p = arg;
    p->socket = NULL;
    socket_drained(p);
    port_over(p);
}

static void dialed(struct dial *d)
{
    static const struct duplex_events events = {
        .data = socket_data, .ended = socket_ended, .drained = socket_drained, .closed = socket_closed};
    struct port *p = container_of(d, struct port, dial);
    struct channels *c = p->all;
    p->dialing = false;
    if (c->pipe)
        http_pipe_resume(c->pipe);
    if (d->fd >= 0 && c->pipe) {
        p->socket = duplex_new(c->loop, d->fd, 0, &events, p);
        if (!duplex_write(p->socket, buf_str(&p->early)))
            http_pipe_pause(c->pipe);
        buf_free(&p->early);
        duplex_resume(p->socket);
        return;
    }
    if (d->fd >= 0)
        close(d->fd);
    else
        send_on(p, true,
                arena_printf(&c->arena,
                             "error forwarding port %d to pod " STR_FMT ", uid " STR_FMT ": " STR_FMT,
                             p->number, STR_ARG(c->pod), STR_ARG(c->uid), STR_ARG(d->err.message)));
    port_over(p);
}

/* --- the client's side --- */

static void message(void *arg, bool text, struct str bytes)
{
    (void)text;
    struct channels *c = arg;
    if (!bytes.n)
        return;
    unsigned channel = (unsigned char)bytes.p[0];
    struct str rest = str_from_at(bytes, 1);
    _cleanup_buf_ struct buf plain = {0};
    if (c->base64) {
        channel -= '0';
        if (decode_base64(&plain, rest) < 0)
            return;
        rest = buf_str(&plain);
    }
    if (channel % 2 || channel / 2 >= c->n_ports) /* errors are not the client's to tell */
        return;
    struct port *p = &c->ports[channel / 2];
    if (p->dialing) {
        buf_add_str(&p->early, rest);
        if (p->early.n > EARLY_MOST)
            http_pipe_pause(c->pipe);
    } else if (p->socket && !duplex_write(p->socket, rest)) {
        http_pipe_pause(c->pipe);
    }
}

static bool to_pipe(void *arg, struct str bytes)
{
    struct channels *c = arg;
    return !c->pipe || http_pipe_write(c->pipe, &(struct http_part){.bytes = bytes}, 1);
}

static void websocket_closed(void *arg)
{
    struct channels *c = arg;
    http_pipe_close(c->pipe);
}

static void pipe_data(void *arg, struct str bytes)
{
    struct channels *c = arg;
    if (websocket_input(c->websocket, bytes, NULL) < 0)
        http_pipe_close(c->pipe);
}

static void pipe_drained(void *arg)
{
    struct channels *c = arg;
    for (size_t i = 0; i < c->n_ports; i++)
        if (c->ports[i].socket)
            duplex_resume(c->ports[i].socket);
}

static void pipe_closed(void *arg)
{
    struct channels *c = arg;
    c->pipe = NULL;
    for (size_t i = 0; i < c->n_ports; i++)
        if (c->ports[i].socket)
            duplex_close(c->ports[i].socket);
    channels_put(c);
}

/* --- the request --- */

static int read_port(struct channels *c, struct str text, struct err *err)
{
    int64_t number;
    if (!text.n)
        return err_set(err, ERR_BAD_REQUEST, "query parameter \"port\" cannot be empty");
    if (!str_to_i64(text, &number) || number < 0 || number > 65535)
        return err_set(err, ERR_BAD_REQUEST, "unable to parse \"" STR_FMT "\" as a port", STR_ARG(text));
    if (number < 1)
        return err_set(err, ERR_BAD_REQUEST, "port \"" STR_FMT "\" must be > 0", STR_ARG(text));
    if (c->n_ports == PORTS_MAX)
        return err_set(err, ERR_BAD_REQUEST, "at most %d ports can be forwarded at a time", PORTS_MAX);
    c->ports[c->n_ports++] = (struct port){.all = c, .number = (int)number};
    return 0;
}

static int read_ports(struct channels *c, struct http_request *r, struct err *err)
{
    struct str rest = http_query(r), pair, key, one;
    while (str_cut(&rest, '&', &pair)) {
        struct str value = pair;
        str_cut(&value, '=', &key);
        if (!str_is(key, "port"))
            continue;
        if (decode_percent(http_arena(r), value, true, &value) < 0 || !value.n)
            return read_port(c, (struct str){0}, err);
        while (str_cut(&value, ',', &one))
            if (read_port(c, one, err) < 0)
                return -1;
    }
    return c->n_ports ? 0 : err_set(err, ERR_BAD_REQUEST, "query parameter \"port\" is required");
}

/* Each channel begins with its port, as two bytes, the lower first. */
static void begin(struct port *p)
{
    struct channels *c = p->all;
    const char number[] = {(char)(p->number & 0xff), (char)(p->number >> 8)};
    send_on(p, false, str_slice(number, sizeof number));
    send_on(p, true, str_slice(number, sizeof number));
    c->open++;
    c->uses++;
    p->dialing = true;
    p->dial = (struct dial){
        .network = c->network, .host = "localhost", .port = p->number, .loop = c->loop, .done = dialed};
    dial_start(&p->dial);
}

void port_channels_serve(struct http_request *r, struct str network, struct str pod, struct str uid)
{
    static const struct str protocols[] = {STR_INIT("v4.channel.k8s.io"),
                                           STR_INIT("v4.base64.channel.k8s.io")};
    static const struct websocket_events events = {.message = message, .closed = websocket_closed};
    static const struct http_pipe_events pipe_events = {
        .data = pipe_data, .ended = websocket_closed, .drained = pipe_drained, .closed = pipe_closed};
    _cleanup_err_ struct err err = {0};
    struct str protocol;
    struct channels *c = mem_zalloc(sizeof *c);
    c->uses = 1;
    if (read_ports(c, r, &err) < 0) {
        respond_text(r, 400, err.message);
        channels_put(c);
        return;
    }
    if (!upgrade_choose_websocket(r, protocols, ARRAY_LEN(protocols), &protocol)) {
        channels_put(c);
        return;
    }
    c->base64 = str_eq(protocol, protocols[1]);
    c->loop = http_loop(r);
    c->network = network.n ? arena_c(&c->arena, network) : NULL;
    c->pod = arena_str(&c->arena, pod);
    c->uid = arena_str(&c->arena, uid);
    c->websocket = websocket_new(true, &events, to_pipe, c);
    c->pipe = websocket_accept(r, protocol, &pipe_events, c);
    for (size_t i = 0; i < c->n_ports; i++)
        begin(&c->ports[i]);
    http_pipe_set_idle(c->pipe, CHANNELS_IDLE_NS);
    http_pipe_resume(c->pipe);
}
