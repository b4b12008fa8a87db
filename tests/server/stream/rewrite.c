/* Links of proxied pages lead through the proxy. */
#include "server/stream/rewrite.h"

#include "test.h"

static const struct rewrite rules = {
    .prefix = STR_INIT("/proxy"), .host = STR_INIT("10.1.2.3:80"), .own_host = STR_INIT("api.example:6443")};

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"/a/b?c#d", "/proxy/a/b?c#d"},
        {"a/b", "a/b"},
        {"", ""},
        {"?q", "?q"},
        {"http://", "http://"},
        {"//", "//"},
        {"/proxy/a", "/proxy/a"},
        {"http://10.1.2.3:80/a", "/proxy/a"},
        {"//10.1.2.3:80/a", "/proxy/a"},
        {"https://api.example:6443/a", "https://api.example:6443/proxy/a"},
        {"https://elsewhere/a", "https://elsewhere/a"},
        {"http://10.1.2.3:80", "http://10.1.2.3:80"},
        {"/a?to=http://x/y", "/proxy/a?to=http://x/y"},
    };
    struct arena a = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_str(rewrite_url(&rules, &a, str_from(cases[i].from)), cases[i].to);
    arena_free(&a);
}

static void pages(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"<a href=\"/x\">/x</a>", "<a href=\"/proxy/x\">/x</a>"},
        {"<A HREF='/x' class=/x>", "<A HREF='/proxy/x' class=/x>"},
        {"<img src=/x.png/>", "<img src=/proxy/x.png/>"},
        {"<a\n href = /x\t>", "<a\n href = /proxy/x\t>"},
        {"<p href=/x>", "<p href=/x>"},
        {"<!-- <a href=/x> --><a href=/y>", "<!-- <a href=/x> --><a href=/proxy/y>"},
        {"<script>'<a href=/x>'</script><a href=/y>", "<script>'<a href=/x>'</script><a href=/proxy/y>"},
        {"<script src=/x></script>", "<script src=/proxy/x></script>"},
        {"1 < 2 <", "1 < 2 <"},
        {"<a href=", "<a href="},
        {"<a href=\"/x", "<a href=\"/proxy/x\""},
        {"<form action=//elsewhere/x>", "<form action=//elsewhere/x>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_buf_ struct buf out = {0};
        rewrite_html(&rules, str_from(cases[i].from), &out);
        assert_str(buf_str(&out), cases[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
