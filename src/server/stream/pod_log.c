/* GET pods/log: fetched from the agent of the pod's node and passed on as it comes, held back where the
 * client is slow; over a WebSocket where the client asks for one. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "http/websocket.h"
#include "server/internal.h"
#include "server/stream/pod_log.h"

enum { ERROR_BODY_MAX = 50000 };
#define SOCKET_END_NS (10 * CLOCK_S) /* for the client to answer the close */

struct pod_log {
    struct request *q; /* NULL once it has become a WebSocket */
    struct websocket *socket;
    struct http_pipe *pipe; /* of the socket */
    bool base64;            /* the socket's messages are text */
    struct http_call *call; /* NULL once it is over */
    bool streaming;
    int status;
    struct buf body; /* of an answer that is an error */
};

static void log_free(struct pod_log *l)
{
    if (l->socket)
        websocket_free(l->socket);
    buf_free(&l->body);
    free(l);
}

static void stream_closed(void *arg)
{
    struct pod_log *l = arg;
    if (l->call)
        http_call_abort(l->call);
    request_done(l->q, 200);
    log_free(l);
}

static void stream_drained(void *arg)
{
    struct pod_log *l = arg;
    if (l->call)
        http_call_resume(l->call);
}

/* --- over a WebSocket (upstream: apiserver's wsstream.Reader) --- */

static bool socket_send(void *arg, struct str bytes)
{
    struct pod_log *l = arg;
    return http_pipe_write(l->pipe, &(struct http_part){.bytes = bytes}, 1);
}

/* What the client says is of no interest. */
static void socket_message(void *arg, bool text, struct str bytes)
{
    (void)arg, (void)text, (void)bytes;
}

static void socket_closed(void *arg)
{
    struct pod_log *l = arg;
    http_pipe_close(l->pipe);
}

static void pipe_data(void *arg, struct str bytes)
{
    struct pod_log *l = arg;
    if (websocket_input(l->socket, bytes, NULL) < 0)
        http_pipe_close(l->pipe);
}

static void pipe_drained(void *arg)
{
    struct pod_log *l = arg;
    if (l->call)
        http_call_resume(l->call);
}

static void pipe_closed(void *arg)
{
    struct pod_log *l = arg;
    if (l->call)
        http_call_abort(l->call);
    log_free(l);
}

/* Takes the request over; false when it has been refused. */
static bool socket_start(struct pod_log *l)
{
    static const struct str protocols[] = {STR_INIT("binary.k8s.io"), STR_INIT("base64.binary.k8s.io")};
    static const struct websocket_events events = {.message = socket_message, .closed = socket_closed};
    static const struct http_pipe_events pipe_events = {
        .data = pipe_data, .ended = socket_closed, .drained = pipe_drained, .closed = pipe_closed};
    struct request *q = l->q;
    struct str protocol;
    if (!websocket_choose(q->http, protocols, ARRAY_LEN(protocols), &protocol)) {
        _cleanup_err_ struct err err = {0};
        err_set(&err, ERR_BAD_REQUEST, "none of the requested WebSocket protocols is supported");
        request_error(q, &err);
        return false;
    }
    l->base64 = str_eq(protocol, protocols[1]);
    l->q = NULL;
    l->socket = websocket_new(true, &events, socket_send, l);
    request_done(q, 101);
    l->pipe = websocket_accept(q->http, protocol, &pipe_events, l); /* q is gone */
    http_pipe_resume(l->pipe);
    return true;
}

static bool socket_write(struct pod_log *l, struct str bytes)
{
    if (!l->base64)
        return websocket_write(l->socket, false, (struct str){0}, bytes);
    _cleanup_buf_ struct buf text = {0};
    encode_base64(&text, bytes);
    return websocket_write(l->socket, true, (struct str){0}, buf_str(&text));
}

static void socket_end(struct pod_log *l)
{
    websocket_end(l->socket, WEBSOCKET_NORMAL);
    http_pipe_set_idle(l->pipe, SOCKET_END_NS);
}

/* --- the agent's answer --- */

static void got_response(void *arg, int status, const struct http_header *headers, size_t n_headers)
{
    (void)headers, (void)n_headers;
    struct pod_log *l = arg;
    l->status = status;
    if (status < 200 || status > 206)
        return;
    http_on_abort(l->q->http, NULL, NULL);
    if (websocket_wanted(l->q->http)) {
        if (socket_start(l))
            return;
        http_call_abort(l->call);
        log_free(l);
        return;
    }
    l->streaming = true;
    request_begin(l->q, 200, STR("text/plain"), false, stream_closed, stream_drained, l);
}

static void got_data(void *arg, struct str bytes)
{
    struct pod_log *l = arg;
    if (l->socket) {
        if (!socket_write(l, bytes))
            http_call_pause(l->call);
        return;
    }
    if (!l->streaming) {
        if (l->body.n + bytes.n <= ERROR_BODY_MAX)
            buf_add_str(&l->body, bytes);
        return;
    }
    if (!http_write(l->q->http, &(struct http_part){.bytes = bytes}, 1))
        http_call_pause(l->call);
}

/* What the agent says, as the API's own error (upstream: GenericHttpResponseChecker). */
static void pass_error_on(struct pod_log *l)
{
    struct request *q = l->q;
    struct str text = str_trim(buf_str(&l->body));
    _cleanup_err_ struct err err = {0};
    switch (l->status) {
    case 400:
        err_set(&err, ERR_BAD_REQUEST, STR_FMT, STR_ARG(text));
        break;
    case 404:
        err_set(&err, ERR_NOT_FOUND, "the server could not find the requested resource (" STR_FMT ")",
                STR_ARG(text));
        err_about(&err, STR(""), STR("pods"), q->route.name);
        err_add_cause(&err, "UnexpectedServerResponse", (struct str){0}, STR_FMT, STR_ARG(text));
        break;
    default:
        err_set(&err, ERR_INTERNAL, "Internal error occurred: " STR_FMT, STR_ARG(text));
    }
    log_free(l);
    request_error(q, &err);
}

static void got_end(void *arg, const struct err *why)
{
    struct pod_log *l = arg;
    struct request *q = l->q;
    l->call = NULL;
    if (l->socket) {
        socket_end(l); /* pipe_closed frees */
        return;
    }
    if (l->streaming) {
        http_end(q->http); /* the client sees what there was; stream_closed frees */
        return;
    }
    if (!why) {
        pass_error_on(l);
        return;
    }
    _cleanup_err_ struct err err = {0};
    err_set(&err, ERR_INTERNAL, "Internal error occurred: " STR_FMT, STR_ARG(why->message));
    log_free(l);
    request_error(q, &err);
}

/* The client went away before anything came. */
static void client_gone(void *arg)
{
    struct pod_log *l = arg;
    struct request *q = l->q;
    if (l->call)
        http_call_abort(l->call);
    log_free(l);
    request_text(q, 499, (struct str){0});
}

void pod_log_handle(struct request *q)
{
    _cleanup_err_ struct err err = {0};
    struct str url;
    if (pod_log_url(q->server->store, q->arena, &q->query, q->route.ns, q->route.name, &url, &err) < 0) {
        request_error(q, &err);
        return;
    }
    struct pod_log *l = mem_zalloc(sizeof *l);
    l->q = q;
    if (str_empty(url)) { /* there is nothing yet */
        if (!websocket_wanted(q->http)) {
            request_bytes(q, 200, STR("text/plain"), &(struct http_part){0});
            log_free(l);
        } else if (socket_start(l)) {
            socket_end(l);
        } else {
            log_free(l);
        }
        return;
    }
    http_on_abort(q->http, client_gone, l);
    l->call = http_call_start(q->server->kubelets, q->loop,
                              &(struct http_call_options){
                                  .method = STR("GET"),
                                  .url = url,
                                  .header_ns = 60 * CLOCK_S,
                                  .response = got_response,
                                  .data = got_data,
                                  .done = got_end,
                                  .arg = l,
                              });
}
