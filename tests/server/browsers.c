/* What browsers ask and are told: other origins (CORS), and TLS only. */
#include "cluster.h"
#include "server/cors.h"
#include "test.h"

static struct cluster c;

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){
                          .cors = "^https://[a-z]+\\.example\\.com$, ^http://localhost:",
                          .transport_security = "max-age=31536000,includeSubDomains",
                      });
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    return 0;
}

static struct str header(const struct answer *a, const char *name)
{
    return fetch_header_get(&a->response, str_from(name));
}

static void an_origin_that_matches_is_let_in(void **state)
{
    (void)state;
    static const struct {
        const char *origin;
        bool allowed;
    } cases[] = {
        {"https://app.example.com", true},   {"http://localhost:8080", true},
        {"http://app.example.com", false},   {"https://app.example.com.evil.com", false},
        {"https://evil-example.com", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct str headers = arena_printf(&a, "origin: %s", cases[i].origin);
        _cleanup_answer_ struct answer r = ask(&c, c.as_admin, "GET", "/api/v1/namespaces", headers.p, NULL);
        assert_status(r, 200);
        assert_str(header(&r, "access-control-allow-origin"), cases[i].allowed ? cases[i].origin : "");
        assert_str(header(&r, "access-control-allow-credentials"), cases[i].allowed ? "true" : "");
        /* asked before, by nobody in particular */
        _cleanup_answer_ struct answer before =
            ask(&c, c.as_nobody, "OPTIONS", "/api/v1/namespaces", headers.p, NULL);
        assert_int_equal(before.status, cases[i].allowed ? 204 : 403);
        assert_str(header(&before, "access-control-allow-methods"),
                   cases[i].allowed ? "POST, GET, OPTIONS, PUT, DELETE, PATCH" : "");
    }
    _cleanup_answer_ struct answer refused =
        ask(&c, c.as_nobody, "GET", "/api/v1/namespaces", "origin: https://app.example.com", NULL);
    assert_status(refused, 403); /* the page may see why */
    assert_str(header(&refused, "access-control-allow-origin"), "https://app.example.com");
    _cleanup_answer_ struct answer openapi =
        ask(&c, c.as_admin, "GET", "/openapi/v3", "origin: https://app.example.com", NULL);
    assert_str(header(&openapi, "access-control-allow-origin"), "https://app.example.com");
}

static void browsers_are_told_to_stay_with_tls(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer r = get(&c, "/version");
    assert_str(header(&r, "strict-transport-security"), "max-age=31536000; includeSubDomains");
    assert_str(header(&r, "access-control-allow-origin"), "");
}

static void open_ended_patterns_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *patterns, *says;
    } cases[] = {
        {"example\\.com$", "regular expression does not pin to start of host"},
        {"^https?", "regular expression does not pin to end of host"},
        {"//[$", "error parsing regexp"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cors *cors;
        _cleanup_err_ struct err err = {0};
        assert_int_equal(cors_new(str_from(cases[i].patterns), &cors, &err), -1);
        assert_true(str_starts(err.message, str_from(cases[i].says)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_origin_that_matches_is_let_in),
        cmocka_unit_test(browsers_are_told_to_stay_with_tls),
        cmocka_unit_test(open_ended_patterns_are_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
