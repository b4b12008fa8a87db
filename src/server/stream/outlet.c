#include "server/stream/outlet.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "http/websocket.h"
#include "server/access/bearer.h"
#include "server/audit/audit.h"
#include "server/internal.h"

#define SOCKET_END_NS (10 * CLOCK_S) /* for the client to answer the close */

struct outlet {
    struct request *q;
    void (*closed)(void *arg);
    void (*drained)(void *arg);
    void *arg;
    struct websocket *socket; /* NULL: a body */
    struct http_pipe *pipe;   /* of the socket */
    bool text, base64;
};

static void outlet_over(struct outlet *t, int code)
{
    struct request *q = t->q;
    t->closed(t->arg);
    request_done(q, code);
    if (t->socket) {
        websocket_free(t->socket);
        http_release(q->http);
    }
    free(t);
}

static void body_closed(void *arg)
{
    outlet_over(arg, 200);
}

static void outlet_drained(void *arg)
{
    struct outlet *t = arg;
    if (t->drained)
        t->drained(t->arg);
}

/* --- over a WebSocket --- */

static bool socket_send(void *arg, struct str bytes)
{
    struct outlet *t = arg;
    return http_pipe_write(t->pipe, &(struct http_part){.bytes = bytes}, 1);
}

/* What the client says is of no interest. */
static void socket_message(void *arg, bool text, struct str bytes)
{
    (void)arg, (void)text, (void)bytes;
}

static void socket_closed(void *arg)
{
    struct outlet *t = arg;
    http_pipe_close(t->pipe);
}

static void pipe_data(void *arg, struct str bytes)
{
    struct outlet *t = arg;
    if (websocket_input(t->socket, bytes, NULL) < 0)
        http_pipe_close(t->pipe);
}

static void pipe_closed(void *arg)
{
    outlet_over(arg, 101);
}

/* False: the client names only others. */
static bool choose(struct request *q, const struct outlet_options *o, struct str *protocol)
{
    if (o->n_protocols)
        return websocket_choose(q->http, o->protocols, o->n_protocols, protocol);
    struct str any = bearer_without_tokens(q->arena, http_header_get(q->http, STR("sec-websocket-protocol")));
    str_cut(&any, ',', protocol);
    *protocol = str_trim(*protocol);
    return true;
}

static bool socket_open(struct outlet *t, const struct outlet_options *o)
{
    static const struct websocket_events events = {.message = socket_message, .closed = socket_closed};
    static const struct http_pipe_events pipe_events = {
        .data = pipe_data, .ended = socket_closed, .drained = outlet_drained, .closed = pipe_closed};
    struct request *q = t->q;
    struct str protocol = {0};
    if (!choose(q, o, &protocol)) {
        _cleanup_err_ struct err err = {0};
        err_set(&err, ERR_BAD_REQUEST, "none of the requested WebSocket protocols is supported");
        request_error(q, &err);
        return false;
    }
    t->base64 = str_starts(protocol, STR("base64."));
    t->text = o->text || t->base64;
    t->socket = websocket_new(true, &events, socket_send, t);
    audit_started(q, 101);
    http_hold(q->http);
    t->pipe = websocket_accept(q->http, protocol, &pipe_events, t);
    http_pipe_resume(t->pipe);
    return true;
}

/* --- either way --- */

bool outlet_open(struct request *q, const struct outlet_options *o, struct outlet **out)
{
    struct outlet *t = *out = mem_zalloc(sizeof *t);
    *t = (struct outlet){.q = q, .closed = o->closed, .drained = o->drained, .arg = o->arg};
    if (!websocket_wanted(q->http)) {
        request_begin(q, 200, o->content_type, false, body_closed, outlet_drained, t);
    } else if (!socket_open(t, o)) {
        free(t);
        return false;
    }
    return true;
}

bool outlet_write(struct outlet *t, const struct http_part *parts, size_t n_parts)
{
    if (!t->socket)
        return http_write(t->q->http, parts, n_parts);
    _cleanup_buf_ struct buf message = {0}, encoded = {0};
    for (size_t i = 0; i < n_parts; i++) {
        buf_add_str(&message, parts[i].bytes);
        if (parts[i].release)
            parts[i].release(parts[i].owner);
    }
    if (t->base64)
        encode_base64(&encoded, buf_str(&message));
    return websocket_write(t->socket, t->text, (struct str){0}, buf_str(t->base64 ? &encoded : &message));
}

void outlet_end(struct outlet *t)
{
    if (!t->socket) {
        http_end(t->q->http);
        return;
    }
    websocket_end(t->socket, WEBSOCKET_NORMAL);
    http_pipe_set_idle(t->pipe, SOCKET_END_NS);
}

bool outlet_is_socket(const struct outlet *t)
{
    return t->socket;
}
