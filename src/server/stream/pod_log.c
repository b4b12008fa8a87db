/* GET pods/log: fetched from the agent of the pod's node and passed on as it comes, held back where the
 * client is slow; over a WebSocket where the client asks for one. */
#include <stdlib.h>

#include "base/clock.h"
#include "server/internal.h"
#include "server/stream/outlet.h"
#include "server/stream/pod_log.h"

enum { ERROR_BODY_MAX = 50000 };

struct pod_log {
    struct request *q;
    struct outlet *out;     /* NULL: it has not begun */
    struct http_call *call; /* NULL once it is over */
    int status;
    struct buf body; /* of an answer that is an error */
};

static void log_free(struct pod_log *l)
{
    buf_free(&l->body);
    free(l);
}

static void stream_closed(void *arg)
{
    struct pod_log *l = arg;
    if (l->call)
        http_call_abort(l->call);
    log_free(l);
}

static void stream_drained(void *arg)
{
    struct pod_log *l = arg;
    if (l->call)
        http_call_resume(l->call);
}

/* False: it was refused. */
static bool stream_open(struct pod_log *l)
{
    static const struct str protocols[] = {STR_INIT("binary.k8s.io"), STR_INIT("base64.binary.k8s.io")};
    return outlet_open(l->q,
                       &(struct outlet_options){.content_type = STR("text/plain"),
                                                .protocols = protocols,
                                                .n_protocols = ARRAY_LEN(protocols),
                                                .closed = stream_closed,
                                                .drained = stream_drained,
                                                .arg = l},
                       &l->out);
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
    if (stream_open(l))
        return;
    http_call_abort(l->call);
    log_free(l);
}

static void got_data(void *arg, struct str bytes)
{
    struct pod_log *l = arg;
    if (l->out) {
        if (!outlet_write(l->out, &(struct http_part){.bytes = bytes}, 1))
            http_call_pause(l->call);
    } else if (l->body.n + bytes.n <= ERROR_BODY_MAX) {
        buf_add_str(&l->body, bytes);
    }
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
    if (l->out) {
        outlet_end(l->out); /* the client sees what there was; stream_closed frees */
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
        if (stream_open(l))
            outlet_end(l->out);
        else
            log_free(l);
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
