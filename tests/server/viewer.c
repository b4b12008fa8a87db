#include "viewer.h"

#include "base/clock.h"
#include "test.h"

static bool viewer_send(void *arg, struct str bytes)
{
    struct viewer *v = arg;
    return http_pipe_write(v->pipe, &(struct http_part){.bytes = bytes}, 1);
}

static void viewer_message(void *arg, bool text, struct str bytes)
{
    struct viewer *v = arg;
    v->text = text;
    v->messages += bytes.n > 0;
    buf_add_str(&v->seen, bytes);
}

static void viewer_closed(void *arg)
{
    http_pipe_close(((struct viewer *)arg)->pipe);
}

static void viewer_data(void *arg, struct str bytes)
{
    struct viewer *v = arg;
    assert_int_equal(websocket_input(v->socket, bytes, NULL), 0);
}

static void viewer_over(void *arg)
{
    latch_set(&((struct viewer *)arg)->over);
}

static void viewer_response(void *arg, int status, const struct http_header *headers, size_t n)
{
    struct viewer *v = arg;
    v->status = status;
    for (size_t i = 0; i < n; i++)
        if (str_eq_fold(headers[i].name, STR("sec-websocket-protocol")))
            buf_add_str(&v->protocol, headers[i].value);
}

static void viewer_refused(void *arg, const struct err *err)
{
    (void)err;
    viewer_over(arg);
}

static void viewer_upgraded(void *arg, struct http_pipe *pipe)
{
    static const struct websocket_events events = {.message = viewer_message, .closed = viewer_closed};
    static const struct http_pipe_events pipe_events = {
        .data = viewer_data, .ended = viewer_closed, .closed = viewer_over};
    struct viewer *v = arg;
    v->pipe = pipe;
    v->socket = websocket_new(false, &events, viewer_send, v);
    http_pipe_listen(pipe, &pipe_events, v);
    http_pipe_resume(pipe);
}

static void viewer_begin(struct loop_task *t)
{
    struct viewer *v = container_of(t, struct viewer, task);
    struct http_header headers[6] = {{STR("connection"), STR("Upgrade")},
                                     {STR("upgrade"), STR("websocket")},
                                     {STR("sec-websocket-version"), STR("13")},
                                     {STR("sec-websocket-key"), STR("dGhlIHNhbXBsZSBub25jZQ==")}};
    size_t n = 4;
    if (v->protocols && *v->protocols)
        headers[n++] = (struct http_header){STR("sec-websocket-protocol"), str_from(v->protocols)};
    if (v->accept)
        headers[n++] = (struct http_header){STR("accept"), str_from(v->accept)};
    struct http_call_options o = {.method = STR("GET"),
                                  .url = v->url,
                                  .headers = headers,
                                  .n_headers = n,
                                  .response = viewer_response,
                                  .done = viewer_refused,
                                  .upgraded = viewer_upgraded,
                                  .arg = v};
    http_call_start(v->client, v->loop, &o);
}

void viewer_view(struct viewer *v, struct cluster *c, const char *path)
{
    struct http_client_options o = {.ca_pem = buf_str(&c->ca.cert_pem),
                                    .cert_pem = v->nobody ? STR("") : buf_str(&c->admin.cert_pem),
                                    .key_pem = v->nobody ? STR("") : buf_str(&c->admin.key_pem)};
    struct err err = {0};
    v->loop = c->loops[1];
    v->url = cluster_url(c, path);
    v->task.run = viewer_begin;
    assert_ok(http_client_new(&o, &v->client, &err), err);
    latch_init(&v->over);
    loop_post(v->loop, &v->task);
    assert_true(latch_wait(&v->over, clock_mono() + 20 * CLOCK_S));
}

void viewer_free(struct viewer *v)
{
    if (v->socket)
        websocket_free(v->socket);
    buf_free(&v->seen);
    buf_free(&v->protocol);
    latch_destroy(&v->over);
    http_client_free(v->client);
}
