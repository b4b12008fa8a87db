/* GET pods/log, passed on from a node's agent: here one that this test plays. */
#include "cluster.h"

#include "base/clock.h"
#include "base/thread.h"
#include "http/client.h"
#include "http/websocket.h"
#include "test.h"

static struct cluster c;
static struct http_server *agent;
static char asked[512]; /* what the agent was last asked for */

enum { LONG_LINES = 20000 };

static void finished(void *arg)
{
    (void)arg;
}

/* The agent: pods say what it answers. */
static void agent_handle(void *arg, struct http_request *r)
{
    (void)arg;
    struct str path = http_path(r);
    snprintf(asked, sizeof asked, STR_FMT "?" STR_FMT, STR_ARG(path), STR_ARG(http_query(r)));
    if (str_empty(http_peer_certificate(r))) {
        http_respond(r, 401, NULL, 0, NULL, 0);
        return;
    }
    if (str_find(path, STR("/waiting/")) > 0) {
        struct http_part part = {
            .bytes = STR("container \"c\" in pod \"waiting\" is waiting to start: ContainerCreating\n")};
        http_respond(r, 400, NULL, 0, &part, 1);
        return;
    }
    http_begin(r, 200, NULL, 0, finished, NULL, NULL);
    for (int i = 0; i < LONG_LINES; i++)
        http_write(r, &(struct http_part){.bytes = STR("a line of the log\n")}, 1);
    http_end(r);
}

static void make_node(const char *name, int port)
{
    char body[512], path[64];
    snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"%s\"}}", name);
    _cleanup_answer_ struct answer node = create(&c, "/api/v1/nodes", body);
    snprintf(path, sizeof path, "/api/v1/nodes/%s/status", name);
    snprintf(body, sizeof body,
             "{\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"127.0.0.1\"}],"
             "\"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":%d}}}}",
             port);
    _cleanup_answer_ struct answer status =
        ask(&c, c.as_admin, "PATCH", path, "content-type: application/merge-patch+json", body);
    assert_status(status, 200);
}

static void make_pod(const char *name, const char *node)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"nodeName\":\"%s\",\"automountServiceAccountToken\":"
             "false,"
             "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
             name, node);
    _cleanup_answer_ struct answer a = create(&c, "/api/v1/namespaces/default/pods", body);
}

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){0});
    struct err err = {0};
    struct http_server_options o = {
        .listen = "127.0.0.1:0",
        .loops = c.loops,
        .n_loops = 2,
        .cert_pem = buf_str(&c.serving.cert_pem),
        .key_pem = buf_str(&c.serving.key_pem),
        .client_ca_pem = buf_str(&c.ca.cert_pem),
        .handle = agent_handle,
    };
    assert_ok(http_server_start(&o, &agent, &err), err);
    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}");
    make_node("here", http_server_port(agent));
    make_node("away", 1);
    make_pod("talks", "here");
    make_pod("waiting", "here");
    make_pod("lost", "away");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(agent, clock_mono() + CLOCK_S);
    http_server_free(agent);
    cluster_stop(&c);
    return 0;
}

static void a_log_is_passed_on_whole(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a =
        get(&c, "/api/v1/namespaces/default/pods/talks/log?tailLines=5&timestamps=true");
    assert_status(a, 200);
    assert_int_equal(a.response.body.n, LONG_LINES * 18);
    assert_str(fetch_header_get(&a.response, STR("content-type")), "text/plain");
    assert_str(str_from(asked), "/containerLogs/default/talks/c?timestamps=true&tailLines=5");
}

static void what_the_agent_refuses_is_told(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a = get(&c, "/api/v1/namespaces/default/pods/waiting/log");
    assert_status(a, 400);
    assert_str(at(&a, "reason"), "BadRequest");
    assert_str(at(&a, "message"),
               "container \"c\" in pod \"waiting\" is waiting to start: ContainerCreating");
}

static void an_agent_out_of_reach_is_an_error(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a = get(&c, "/api/v1/namespaces/default/pods/lost/log");
    assert_status(a, 500);
    assert_str(at(&a, "reason"), "InternalError");
}

static int stop_early(void *arg, struct str bytes)
{
    (void)bytes;
    return ++*(int *)arg > 2;
}

static void a_client_may_leave_in_the_midst(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        int pieces = 0;
        struct fetch_response r = {0};
        struct fetch_request q = {.url = cluster_url(&c, "/api/v1/namespaces/default/pods/talks/log"),
                                  .data = stop_early,
                                  .arg = &pieces};
        fetch_do(c.as_admin, &q, &r, NULL);
        fetch_response_clear(&r);
    }
    a_log_is_passed_on_whole(state);
}

/* --- over a WebSocket --- */

struct viewer {
    struct http_client *client;
    struct loop *loop;
    struct loop_task task;
    const char *path, *protocol;
    struct http_pipe *pipe;
    struct websocket *socket;
    int status;
    bool text;
    struct buf seen; /* all messages */
    struct latch over;
};

static bool viewer_send(void *arg, struct str bytes)
{
    struct viewer *v = arg;
    return http_pipe_write(v->pipe, &(struct http_part){.bytes = bytes}, 1);
}

static void viewer_message(void *arg, bool text, struct str bytes)
{
    struct viewer *v = arg;
    v->text = text;
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
    (void)headers, (void)n;
    ((struct viewer *)arg)->status = status;
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
    struct http_header headers[] = {{STR("connection"), STR("Upgrade")},
                                    {STR("upgrade"), STR("websocket")},
                                    {STR("sec-websocket-version"), STR("13")},
                                    {STR("sec-websocket-key"), STR("dGhlIHNhbXBsZSBub25jZQ==")},
                                    {STR("sec-websocket-protocol"), str_from(v->protocol)}};
    struct http_call_options o = {.method = STR("GET"),
                                  .url = cluster_url(&c, v->path),
                                  .headers = headers,
                                  .n_headers = ARRAY_LEN(headers) - (*v->protocol == 0),
                                  .response = viewer_response,
                                  .done = viewer_refused,
                                  .upgraded = viewer_upgraded,
                                  .arg = v};
    http_call_start(v->client, v->loop, &o);
}

/* Reads until the server has said close. */
static void view(struct viewer *v, const char *path, const char *protocol)
{
    struct http_client_options o = {.ca_pem = buf_str(&c.ca.cert_pem),
                                    .cert_pem = buf_str(&c.admin.cert_pem),
                                    .key_pem = buf_str(&c.admin.key_pem)};
    struct err err = {0};
    *v = (struct viewer){.loop = c.loops[1], .path = path, .protocol = protocol, .task.run = viewer_begin};
    assert_ok(http_client_new(&o, &v->client, &err), err);
    latch_init(&v->over);
    loop_post(v->loop, &v->task);
    assert_true(latch_wait(&v->over, clock_mono() + 20 * CLOCK_S));
}

static void viewer_free(struct viewer *v)
{
    if (v->socket)
        websocket_free(v->socket);
    buf_free(&v->seen);
    latch_destroy(&v->over);
    http_client_free(v->client);
}

static void a_websocket_carries_it_too(void **state)
{
    (void)state;
    struct viewer v;
    view(&v, "/api/v1/namespaces/default/pods/talks/log", "");
    assert_int_equal(v.status, 101);
    assert_false(v.text);
    assert_int_equal(v.seen.n, LONG_LINES * 18);
    assert_true(str_starts(buf_str(&v.seen), STR("a line of the log\na line")));
    viewer_free(&v);
    view(&v, "/api/v1/namespaces/default/pods/talks/log", "base64.binary.k8s.io");
    assert_true(v.text);
    assert_true(str_starts(buf_str(&v.seen), STR("YSBsaW5lIG9mIHRoZSBsb2cK"))); /* "a line of the log\n" */
    viewer_free(&v);
}

static void a_websocket_is_refused_before_it_begins(void **state)
{
    (void)state;
    struct viewer v;
    view(&v, "/api/v1/namespaces/default/pods/waiting/log", "");
    assert_int_equal(v.status, 400);
    viewer_free(&v);
    view(&v, "/api/v1/namespaces/default/pods/talks/log", "chat");
    assert_int_equal(v.status, 400);
    viewer_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_is_passed_on_whole),
        cmocka_unit_test(what_the_agent_refuses_is_told),
        cmocka_unit_test(an_agent_out_of_reach_is_an_error),
        cmocka_unit_test(a_client_may_leave_in_the_midst),
        cmocka_unit_test(a_websocket_carries_it_too),
        cmocka_unit_test(a_websocket_is_refused_before_it_begins),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
