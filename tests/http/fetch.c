/* The blocking client, against our own server. */
#include "harness.h"

#include <stdio.h>

#include "base/thread.h"
#include "http/fetch.h"

static struct harness h;
static struct fetch *f;

static int start(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    harness_start(&h, (struct http_server_options){0}, true);
    struct fetch_options o = {.ca_pem = buf_str(&h.ca.cert_pem), .token = STR("t0ken")};
    assert_ok(fetch_new(&o, &f, &err), err);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fetch_free(f);
    harness_stop(&h);
    return 0;
}

static struct fetch_request get(struct arena *a, const char *path)
{
    return (struct fetch_request){.url = arena_printf(a, "%s%s", h.url, path)};
}

static void a_response_is_gathered(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_fetch_response_ struct fetch_response r = {0};
    struct fetch_request q = get(&a, "/echo?x=1");
    q.method = "PUT";
    q.body = STR("{\"kind\":\"Pod\"}");
    assert_ok(fetch_do(f, &q, &r, &err), err);
    assert_int_equal(r.status, 200);
    assert_str(r.body, "PUT /echo?x=1 {\"kind\":\"Pod\"}");
    assert_str(fetch_header_get(&r, STR("content-type")), "text/plain");
    assert_str(fetch_header_get(&r, STR("x-none")), "");
}

static void methods_are_what_was_asked_for(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < ARRAY_LEN(methods) * 2; i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        _cleanup_fetch_response_ struct fetch_response r = {0};
        struct fetch_request q = get(&a, "/echo");
        q.method = methods[i / 2];
        q.body = i % 2 ? STR("b") : STR("");
        assert_ok(fetch_do(f, &q, &r, &err), err);
        assert_str(r.body, arena_printf(&a, "%s /echo? %s", q.method, i % 2 ? "b" : "").p);
    }
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_fetch_response_ struct fetch_response r = {0};
    struct fetch_request q = get(&a, "/big?10");
    q.method = "HEAD";
    assert_ok(fetch_do(f, &q, &r, &err), err);
    assert_str(fetch_header_get(&r, STR("content-length")), "10");
    assert_int_equal(r.body.n, 0);
}

struct gather {
    struct buf body;
    size_t enough; /* 0: never */
    struct fetch_cancel *cancel;
};

static int gather(void *arg, struct str bytes)
{
    struct gather *g = arg;
    buf_add_str(&g->body, bytes);
    if (g->cancel && g->body.n >= g->enough)
        fetch_cancel(f, g->cancel);
    return !g->cancel && g->enough && g->body.n >= g->enough;
}

static void a_stream_is_handed_over_as_it_comes(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_fetch_response_ struct fetch_response r = {0};
    struct gather g = {0};
    struct fetch_request q = get(&a, "/stream?5000");
    q.data = gather;
    q.arg = &g;
    assert_ok(fetch_do(f, &q, &r, &err), err);
    assert_true(str_ends(buf_str(&g.body), STR("line 4999\n")));
    assert_int_equal(r.body.n, 0);
    buf_free(&g.body);

    /* an error's body is gathered instead */
    q = get(&a, "/nowhere");
    q.data = gather;
    q.arg = &g;
    _cleanup_fetch_response_ struct fetch_response missing = {0};
    assert_ok(fetch_do(f, &q, &missing, &err), err);
    assert_int_equal(missing.status, 404);
    assert_str(missing.body, "no such route");
    assert_int_equal(g.body.n, 0);
}

static void an_endless_stream_ends_when_enough_or_cancelled(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_fetch_response_ struct fetch_response r = {0}, none = {0};
    struct gather g = {.enough = 3000000};
    struct fetch_request q = get(&a, "/forever");
    q.data = gather;
    q.arg = &g;
    q.timeout_ns = -1;
    assert_ok(fetch_do(f, &q, &r, &err), err);
    assert_true(g.body.n >= 3000000);
    harness_wait(&h.seen.closed, 1);

    struct fetch_cancel cancel = {0};
    g.cancel = q.cancel = &cancel;
    assert_int_equal(fetch_do(f, &q, &none, &err), -1);
    assert_int_equal(err.reason, ERR_UNAVAILABLE);
    assert_str(err.message, "cancelled");
    harness_wait(&h.seen.closed, 2);
    buf_free(&g.body);
}

static int dawdle(void *arg, struct str bytes)
{
    (void)bytes;
    _Atomic int *waiting = arg;
    *waiting = 1;
    clock_sleep(300 * CLOCK_MS);
    return 1;
}

static void a_slow_caller_holds_the_server_back(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_fetch_response_ struct fetch_response r = {0};
    _Atomic int waiting = 0;
    struct fetch_request q = get(&a, "/forever");
    q.data = dawdle;
    q.arg = &waiting;
    assert_ok(fetch_do(f, &q, &r, &err), err);
    assert_int_equal(waiting, 1);
    /* 64 KiB a part: a stream that ran freely for that long would have sent gigabytes */
    harness_wait(&h.seen.closed, 1);
    assert_true(h.seen.released < 2000);
}

static void failures_say_why(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct {
        const char *url;
        enum err_reason reason;
    } cases[] = {
        {"https://127.0.0.1:1/", ERR_UNAVAILABLE},
        {"https://no.such.host.invalid/", ERR_UNAVAILABLE},
        {"gopher://127.0.0.1/", ERR_BAD_REQUEST},
        {"file:///etc/passwd", ERR_BAD_REQUEST},
        {"", ERR_BAD_REQUEST},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_err_ struct err err = {0};
        struct fetch_response r;
        struct fetch_request q = {.url = str_from(cases[i].url)};
        assert_int_equal(fetch_do(f, &q, &r, &err), -1);
        assert_int_equal(err.reason, cases[i].reason);
        assert_true(str_starts(err.message, STR("GET \"")));
    }
    _cleanup_err_ struct err err = {0};
    struct fetch_response r;
    struct fetch_request q = get(&a, "/big?5000");
    q.max_body = 1000;
    assert_int_equal(fetch_do(f, &q, &r, &err), -1);
    assert_int_equal(err.reason, ERR_TOO_LARGE);
    q = get(&a, "/park");
    q.timeout_ns = 100 * CLOCK_MS;
    assert_int_equal(fetch_do(f, &q, &r, &err), -1);
    assert_int_equal(err.reason, ERR_TIMEOUT);
    harness_unpark(&h);
    struct http_header split = {STR("x"), STR("a\r\nHost: evil")};
    q = get(&a, "/echo");
    q.headers = &split;
    q.n_headers = 1;
    assert_int_equal(fetch_do(f, &q, &r, &err), -1);
    assert_int_equal(err.reason, ERR_BAD_REQUEST);
}

static void an_unknown_authority_is_not_trusted(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair other = {0};
    struct fetch *wary;
    assert_ok(pki_make_ca(STR("other"), 3600, &other, &err), err);
    assert_ok(fetch_new(&(struct fetch_options){.ca_pem = buf_str(&other.cert_pem)}, &wary, &err), err);
    struct fetch_request q = get(&a, "/echo");
    struct fetch_response r;
    assert_int_equal(fetch_do(wary, &q, &r, &err), -1);
    assert_int_equal(err.reason, ERR_UNAVAILABLE);
    fetch_free(wary);
}

static void a_client_certificate_is_shown(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair pair = {0};
    struct pki_request q = {.common_name = STR("system:node:n1"), .client = true, .lifetime_s = 60};
    assert_ok(pki_issue(&h.ca, &q, &pair, &err), err);
    struct fetch *node;
    struct fetch_options o = {.ca_pem = buf_str(&h.ca.cert_pem),
                              .cert_pem = buf_str(&pair.cert_pem),
                              .key_pem = buf_str(&pair.key_pem)};
    assert_ok(fetch_new(&o, &node, &err), err);
    _cleanup_fetch_response_ struct fetch_response r = {0};
    struct fetch_request asked = get(&a, "/peer");
    assert_ok(fetch_do(node, &asked, &r, &err), err);
    assert_str(r.body, "system:node:n1");
    fetch_free(node);
}

/* --- many at once --- */

static _Atomic int succeeded;

static void fetch_some(void *arg)
{
    (void)arg;
    for (int i = 0; i < 50; i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_fetch_response_ struct fetch_response r = {0};
        struct fetch_request q = get(&a, "/stream?100");
        struct gather g = {0};
        q.data = gather;
        q.arg = &g;
        if (fetch_do(f, &q, &r, NULL) == 0 && str_ends(buf_str(&g.body), STR("line 99\n")))
            succeeded++;
        buf_free(&g.body);
    }
}

static void threads_share_connections(void **state)
{
    (void)state;
    pthread_t threads[8];
    succeeded = 0;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        threads[i] = thread_start("fetch-some", fetch_some, NULL);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        thread_join(threads[i]);
    assert_int_equal(succeeded, 400);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_response_is_gathered),
        T(methods_are_what_was_asked_for),
        T(a_stream_is_handed_over_as_it_comes),
        T(an_endless_stream_ends_when_enough_or_cancelled),
        T(a_slow_caller_holds_the_server_back),
        T(failures_say_why),
        T(an_unknown_authority_is_not_trusted),
        T(a_client_certificate_is_shown),
        T(threads_share_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
