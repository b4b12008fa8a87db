/* GET pods/log, passed on from a node's agent: here one that this test plays. */
#include "viewer.h"

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

static void view(struct viewer *v, const char *path, const char *protocols)
{
    *v = (struct viewer){.protocols = protocols};
    viewer_view(v, &c, path);
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
