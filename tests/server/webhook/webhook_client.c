/* Calling webhooks: by URL and by service, and every way that this can fail. */
#include "server/webhook/webhook_client.h"

#include "base/clock.h"
#include "base/thread.h"
#include "cluster.h"
#include "hook.h"
#include "test.h"

static struct cluster c;
static struct hook h;
static struct webhook_client *w;

/* Echoes path and body; other paths misbehave. */
static struct str echo(struct hook *hook, struct arena *a, struct str path, struct str body, int *status)
{
    (void)hook;
    if (str_starts(path, STR("/slow")))
        clock_sleep(1500 * CLOCK_MS);
    if (str_starts(path, STR("/broken"))) {
        *status = 500;
        return STR("out of order\n");
    }
    if (str_starts(path, STR("/absent")))
        *status = 404;
    if (str_starts(path, STR("/large")))
        return str_slice(arena_alloc(a, 4096), 4096);
    return arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(path), STR_ARG(body));
}

static int start(void **state)
{
    (void)state;
    struct err err = {0};
    cluster_start(&c, &(struct cluster_options){.service_cidr = "127.90.0.0/16"});
    hook_start(&h, "127.90.0.9", echo, NULL);
    assert_ok(webhook_client_new(c.store, &w, &err), err);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    webhook_client_free(w);
    hook_stop(&h);
    cluster_stop(&c);
    return 0;
}

static void told(struct webhook_call *call)
{
    latch_set(call->arg);
}

/* Waits for it. */
static void run(struct webhook_call *call)
{
    struct latch latch;
    latch_init(&latch);
    call->done = told;
    call->arg = &latch;
    webhook_call_start(w, call);
    assert_true(latch_wait(&latch, clock_mono() + 20 * CLOCK_S));
    latch_destroy(&latch);
}

#define _cleanup_call_ _cleanup_(webhook_call_clear)

static struct webhook_call to_url(struct arena *a, const char *host, int port, const char *path)
{
    return (struct webhook_call){.target = {.url = arena_printf(a, "https://%s:%d%s", host, port, path),
                                            .ca_bundle = buf_str(&h.ca.cert_pem)},
                                 .body = STR("{}"),
                                 .timeout_ns = CLOCK_S};
}

static struct webhook_call to_service(const char *name, const char *path)
{
    return (struct webhook_call){.target = {.service_namespace = STR("default"),
                                            .service_name = str_from(name),
                                            .service_path = str_from(path),
                                            .service_port = h.port,
                                            .ca_bundle = buf_str(&h.ca.cert_pem)},
                                 .body = STR("{}"),
                                 .timeout_ns = 5 * CLOCK_S};
}

/* The error's message starts so. */
#define assert_says(call, expected)                                                                          \
    do {                                                                                                     \
        assert_int_equal((call).rc, -1);                                                                     \
        if (!str_starts((call).err.message, expected))                                                       \
            fail_msg("it says " STR_FMT ", not " STR_FMT, STR_ARG((call).err.message), STR_ARG(expected));   \
    } while (0)

static void a_service_is_reached_at_its_address_under_its_name(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str service = arena_printf(&a,
                                      "{\"metadata\":{\"name\":\"hook\"},\"spec\":{\"clusterIP\":"
                                      "\"127.90.0.9\",\"ports\":[{\"port\":%d}]}}",
                                      h.port);
    _cleanup_answer_ struct answer made = create(&c, "/api/v1/namespaces/default/services", service.p);
    _cleanup_call_ struct webhook_call call = to_service("hook", "/some/path?x=1");
    run(&call);
    assert_ok(call.rc, call.err);
    assert_int_equal(call.status, 200);
    assert_str(call.answer, "/some/path?x=1&timeout=5s {}");

    /* a slice that says there is nobody is believed */
    _cleanup_answer_ struct answer slice = create(
        &c, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        "{\"metadata\":{\"name\":\"hook-1\",\"labels\":{\"kubernetes.io/service-name\":\"hook\"}},"
        "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"\",\"port\":1}],\"endpoints\":[{\"addresses\":"
        "[\"10.1.1.1\"],\"conditions\":{\"ready\":false}}]}");
    _cleanup_call_ struct webhook_call none = to_service("hook", "");
    run(&none);
    assert_says(none, arena_printf(&a,
                                   "Post \"https://hook.default.svc:%d/?timeout=5s\": no endpoints available "
                                   "for service \"hook\"",
                                   h.port));
    _cleanup_call_ struct webhook_call other = to_service("hook", "");
    other.target.service_port = 1;
    run(&other);
    assert_says(other, STR("Post \"https://hook.default.svc:1/?timeout=5s\": no service port 1 found for "
                           "service \"hook\""));
    _cleanup_call_ struct webhook_call absent = to_service("nothing", "");
    run(&absent);
    assert_says(absent, arena_printf(&a,
                                     "Post \"https://nothing.default.svc:%d/?timeout=5s\": service "
                                     "\"nothing\" not found",
                                     h.port));
}

static void failures_say_why(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_call_ struct webhook_call slow = to_url(&a, "127.90.0.9", h.port, "/slow");
    slow.target.url = arena_printf(&a, "https://localhost:%d/slow", h.port); /* where nobody listens */
    run(&slow);
    assert_int_equal(slow.rc, -1);
    assert_int_equal(slow.err.reason, ERR_UNAVAILABLE);
    assert_true(str_find(slow.err.message, STR("connect: connection refused")) >= 0);

    _cleanup_call_ struct webhook_call stranger = to_url(&a, "127.90.0.9", h.port, "/");
    stranger.target.ca_bundle = buf_str(&c.ca.cert_pem);
    run(&stranger);
    assert_says(stranger, arena_printf(&a,
                                       "Post \"https://127.90.0.9:%d/?timeout=1s\": tls: failed to verify "
                                       "certificate: x509: ",
                                       h.port));

    _cleanup_call_ struct webhook_call bad = to_service("hook2", "/");
    bad.target.url = STR("https://");
    run(&bad);
    assert_int_equal(bad.rc, -1);
}

/* The certificate's name is not that of the address, so these go to the service of that address. */
static void answers_are_judged(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str service = arena_printf(&a,
                                      "{\"metadata\":{\"name\":\"hook\"},\"spec\":{\"clusterIP\":"
                                      "\"127.90.0.9\",\"ports\":[{\"port\":%d}]}}",
                                      h.port);
    _cleanup_answer_ struct answer made = create(&c, "/api/v1/namespaces/default/services", service.p);
    _cleanup_call_ struct webhook_call slow = to_service("hook", "slow");
    slow.timeout_ns = CLOCK_S;
    run(&slow);
    assert_says(slow, arena_printf(&a,
                                   "Post \"https://hook.default.svc:%d/slow?timeout=1s\": context deadline "
                                   "exceeded",
                                   h.port));
    _cleanup_call_ struct webhook_call broken = to_service("hook", "broken");
    run(&broken);
    assert_says(broken, STR("an error on the server (\"out of order\") has prevented the request from "
                            "succeeding"));
    assert_int_equal(broken.status, 500);
    _cleanup_call_ struct webhook_call absent = to_service("hook", "absent");
    run(&absent);
    assert_says(absent, STR("the server could not find the requested resource"));
    _cleanup_call_ struct webhook_call large = to_service("hook", "large");
    large.max_body = 1000;
    run(&large);
    assert_int_equal(large.err.reason, ERR_TOO_LARGE);
}

static void those_under_way_end_with_the_client(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct err err = {0};
    struct webhook_client *mine;
    assert_ok(webhook_client_new(c.store, &mine, &err), err);
    struct latch latch;
    latch_init(&latch);
    _cleanup_call_ struct webhook_call call = to_url(&a, "127.90.0.9", h.port, "/slow");
    call.timeout_ns = 0;
    call.done = told;
    call.arg = &latch;
    webhook_call_start(mine, &call);
    webhook_client_free(mine);
    assert_true(latch_wait(&latch, clock_mono()));
    assert_int_equal(call.rc, -1);
    latch_destroy(&latch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_service_is_reached_at_its_address_under_its_name, start, stop),
        cmocka_unit_test_setup_teardown(failures_say_why, start, stop),
        cmocka_unit_test_setup_teardown(answers_are_judged, start, stop),
        cmocka_unit_test_setup_teardown(those_under_way_end_with_the_client, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
