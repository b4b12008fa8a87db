#include "http/websocket.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <wslay/wslay.h>

#include "base/encode.h"
#include "base/random.h"

struct websocket {
    wslay_event_context_ptr wslay;
    struct websocket_events events;
    bool (*send)(void *arg, struct str bytes);
    void *arg;
    struct str input; /* not taken yet */
    bool room;        /* what `send` said last */
    bool ended;       /* this side has said close, of its own will */
};

static ssize_t take(wslay_event_context_ptr ctx, uint8_t *to, size_t n, int flags, void *arg)
{
    (void)flags;
    struct websocket *w = arg;
    if (!w->input.n) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    n = n < w->input.n ? n : w->input.n;
    memcpy(to, w->input.p, n);
    w->input = str_from_at(w->input, n);
    return (ssize_t)n;
}

static ssize_t give(wslay_event_context_ptr ctx, const uint8_t *bytes, size_t n, int flags, void *arg)
{
    (void)ctx, (void)flags;
    struct websocket *w = arg;
    w->room = w->send(w->arg, str_slice((const char *)bytes, n));
    return (ssize_t)n;
}

static int mask(wslay_event_context_ptr ctx, uint8_t *to, size_t n, void *arg)
{
    (void)ctx, (void)arg;
    random_bytes(to, n);
    return 0;
}

static void received(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
    (void)ctx;
    struct websocket *w = arg;
    if (m->opcode == WSLAY_TEXT_FRAME || m->opcode == WSLAY_BINARY_FRAME)
        w->events.message(w->arg, m->opcode == WSLAY_TEXT_FRAME,
                          str_slice((const char *)m->msg, m->msg_length));
}

struct websocket *websocket_new(bool server, const struct websocket_events *events,
                                bool (*send)(void *arg, struct str bytes), void *arg)
{
    static const struct wslay_event_callbacks callbacks = {.recv_callback = take,
                                                           .send_callback = give,
                                                           .genmask_callback = mask,
                                                           .on_msg_recv_callback = received};
    struct websocket *w = mem_zalloc(sizeof *w);
    *w = (struct websocket){.events = *events, .send = send, .arg = arg, .room = true};
    ensure((server ? wslay_event_context_server_init : wslay_event_context_client_init)(&w->wslay, &callbacks,
                                                                                        w) == 0);
    wslay_event_config_set_max_recv_msg_length(w->wslay, WEBSOCKET_MESSAGE_MAX);
    return w;
}

void websocket_free(struct websocket *w)
{
    if (w)
        wslay_event_context_free(w->wslay);
    free(w);
}

int websocket_input(struct websocket *w, struct str bytes, struct err *err)
{
    w->input = bytes;
    int rc = wslay_event_recv(w->wslay);
    if (wslay_event_want_write(w->wslay)) /* pongs, and the answer to a close */
        wslay_event_send(w->wslay);
    bool told = wslay_event_get_close_sent(w->wslay) && !wslay_event_get_close_received(w->wslay);
    if (rc != 0 || (told && !w->ended))
        return err_set(err, ERR_BAD_REQUEST, "the client broke the WebSocket protocol");
    if (wslay_event_get_close_received(w->wslay))
        w->events.closed(w->arg);
    return 0;
}

bool websocket_write(struct websocket *w, bool text, struct str head, struct str bytes)
{
    _cleanup_buf_ struct buf b = {0};
    buf_add_str(&b, head);
    buf_add_str(&b, bytes);
    struct wslay_event_msg m = {.opcode = text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME,
                                .msg = (const uint8_t *)b.p,
                                .msg_length = b.n};
    if (wslay_event_queue_msg(w->wslay, &m) == 0)
        wslay_event_send(w->wslay);
    return w->room;
}

void websocket_end(struct websocket *w, enum websocket_code code)
{
    w->ended = true;
    if (wslay_event_queue_close(w->wslay, (uint16_t)code, NULL, 0) == 0)
        wslay_event_send(w->wslay);
}

/* --- the handshake --- */

bool websocket_wanted(const struct http_request *r)
{
    return http_can_upgrade(r) && str_eq_fold(http_header_get(r, STR("upgrade")), STR("websocket")) &&
           str_is(http_header_get(r, STR("sec-websocket-version")), "13") &&
           !str_empty(http_header_get(r, STR("sec-websocket-key")));
}

bool websocket_choose(const struct http_request *r, const struct str *known, size_t n, struct str *out)
{
    size_t n_headers;
    bool any = false;
    const struct http_header *headers = http_headers(r, &n_headers);
    *out = (struct str){0};
    for (size_t i = 0; i < n_headers; i++) {
        if (!str_is(headers[i].name, "sec-websocket-protocol"))
            continue;
        struct str rest = headers[i].value, one;
        while (str_cut(&rest, ',', &one)) {
            one = str_trim(one);
            any = any || one.n;
            for (size_t k = 0; k < n; k++)
                if (one.n && str_eq(one, known[k])) {
                    *out = known[k];
                    return true;
                }
        }
    }
    return !any;
}

struct str websocket_answer(struct arena *a, struct str key)
{
    struct str text = arena_concat(a, key, STR("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    unsigned char sum[SHA_DIGEST_LENGTH];
    _cleanup_buf_ struct buf b = {0};
    SHA1((const unsigned char *)text.p, text.n, sum);
    encode_base64(&b, str_slice((const char *)sum, sizeof sum));
    return arena_str(a, buf_str(&b));
}

struct http_pipe *websocket_accept(struct http_request *r, struct str protocol,
                                   const struct http_pipe_events *events, void *arg)
{
    struct http_header headers[3] = {
        {STR("upgrade"), STR("websocket")},
        {STR("sec-websocket-accept"),
         websocket_answer(http_arena(r), http_header_get(r, STR("sec-websocket-key")))},
        {STR("sec-websocket-protocol"), protocol},
    };
    return http_upgrade(r, headers, protocol.n ? 3 : 2, events, arg);
}
