/* HTTP/1.1's syntax, strictly. */
#include "test.h"

#include "http/parse.h"

/* The status that a request's head gets; 0: fine. */
static int parse(struct arena *a, const char *text, struct http_head *out)
{
    const char *problem;
    struct str s = str_from(text);
    size_t scanned = 0;
    ptrdiff_t n = parse_head_end(s, &scanned);
    if (n <= 0)
        return 400;
    return parse_request(a, arena_dup(a, s.p, s.n), (size_t)n, out, &problem);
}

static void a_request_has_a_line_and_fields(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct http_head h;
    assert_int_equal(
        parse(&a,
              "POST /a?b=c HTTP/1.1\r\nHOST: x:6443\r\nX-Odd:\t v a \r\nEmpty:\r\nContent-Length: 12\r\n\r\n",
              &h),
        0);
    assert_str(h.method, "POST");
    assert_str(h.target, "/a?b=c");
    assert_int_equal(h.minor, 1);
    assert_int_equal(h.n_headers, 4);
    assert_str(h.headers[0].name, "host");
    assert_str(h.headers[1].name, "x-odd");
    assert_str(h.headers[1].value, "v a");
    assert_str(h.headers[2].value, "");
    assert_int_equal(h.content_length, 12);
    assert_true(h.keep_alive);
    assert_false(h.chunked);
}

static void connections_are_kept_as_the_versions_say(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keep;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct http_head h;
        assert_int_equal(parse(&a, cases[i].text, &h), 0);
        assert_int_equal(h.keep_alive, cases[i].keep);
    }
}

static void an_upgrade_must_be_named_by_connection(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct http_head h;
    assert_int_equal(parse(&a, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", &h), 0);
    assert_str(h.upgrade, "");
    assert_int_equal(
        parse(&a,
              "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
              &h),
        0);
    assert_str(h.upgrade, "websocket");
}

static void ambiguous_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {400, "GET / HTTP/1.1\nHost: x\n\n"}, /* bare line feeds */
        {400, "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n"}, /* a bare carriage return */
        {400, "GET / HTTP/1.1\r\nHost: x\r\n A: b\r\n\r\n"},   /* folding */
        {400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"}, /* space before the colon */
        {400, "GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\r\n: c\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n\r\n"}, /* no host, two hosts, odd hosts */
        {400, "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n"},
        {501,
         "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nTransfer\x01-Encoding: chunked\r\n\r\n"},
        {400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"}, /* two spaces, none, a tab */
        {400, "GET / HTTP/1.1 \r\nHost: x\r\n\r\n"},
        {400, "GET /\r\nHost: x\r\n\r\n"},
        {400, "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n"},
        {400, "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"},
        {400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n"},
        {400, "G(T / HTTP/1.1\r\nHost: x\r\n\r\n"},
        {400, "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"},
        {505, "GET / HTTP/1.2\r\nHost: x\r\n\r\n"},
        {400, "GET / http/1.1\r\nHost: x\r\n\r\n"},
        {417, "POST / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct http_head h;
        int status = parse(&a, cases[i].text, &h);
        if (status != cases[i].status)
            fail_msg("%d instead of %d for: %s", status, cases[i].status, cases[i].text);
    }
}

static void the_end_of_a_head_is_found_however_it_comes(void **state)
{
    (void)state;
    struct str text = STR("GET / HTTP/1.1\r\nHost: x\r\n\r\nbody");
    size_t scanned = 0;
    for (size_t n = 0; n < text.n - 4; n++)
        assert_int_equal(parse_head_end(str_slice(text.p, n), &scanned), 0);
    assert_int_equal(parse_head_end(text, &scanned), text.n - 4);
}

static void too_many_fields_are_refused(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    struct http_head h;
    const char *problem;
    buf_add_lit(&b, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < HTTP_MAX_HEADERS; i++)
        buf_add_lit(&b, "a: b\r\n");
    buf_add_lit(&b, "\r\n");
    assert_int_equal(parse_request(&a, b.p, b.n, &h, &problem), 431);
}

static void responses_are_parsed(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct http_head h;
    const char *problem;
    char good[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n", bare[] = "HTTP/1.0 200\r\n\r\n";
    assert_int_equal(parse_response(&a, good, sizeof good - 1, &h, &problem), 0);
    assert_int_equal(h.status, 404);
    assert_int_equal(h.content_length, 3);
    assert_int_equal(parse_response(&a, bare, sizeof bare - 1, &h, &problem), 0);
    char bad[][64] = {"HTTP/1.1 20 OK\r\n\r\n",
                      "HTTP/1.1 2000\r\n\r\n",
                      "HTTP/3 200 OK\r\n\r\n",
                      "200 OK\r\n\r\n",
                      "HTTP/1.1 099 OK\r\n\r\n",
                      "HTTP/1.1  200 OK\r\n\r\n",
                      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(parse_response(&a, bad[i], strlen(bad[i]), &h, &problem), -1);
}

/* The whole decoded body, the text given in pieces of `step` bytes; "!" when refused, "?" when unfinished. */
static struct str decode(struct arena *a, struct str text, size_t step)
{
    struct chunked c = {0};
    _cleanup_buf_ struct buf out = {0};
    while (text.n) {
        struct str piece = str_slice(text.p, text.n < step ? text.n : step), data;
        text = str_from_at(text, piece.n);
        while (piece.n) {
            int rc = chunked_decode(&c, &piece, &data);
            buf_add_str(&out, data);
            if (rc < 0)
                return STR("!");
            if (rc > 0)
                return arena_str(a, buf_str(&out));
        }
    }
    return STR("?");
}

static void chunks_are_joined_however_they_come(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str text = STR("4\r\nWiki\r\n00B;name=\"v\"\r\npedia in it\r\n0\r\nTrailer: x\r\n\r\n");
    for (size_t step = 1; step <= text.n; step++)
        assert_str(decode(&a, text, step), "Wikipedia in it");
}

static void ambiguous_chunks_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "4\nWiki\r\n0\r\n\r\n",
        "4\r\nWiki\n0\r\n\r\n",
        "4\r\nWikiX0\r\n\r\n",
        "\r\n",
        "-1\r\n",
        "0x4\r\nWiki\r\n",
        " 4\r\nWiki\r\n",
        "4 \r\nWiki\r\n",
        "g\r\n",
        "ffffffffffffffff0\r\n",
        "4\r\nWiki\r\n0\r\n\n",
        "4\rXWiki\r\n0\r\n\r\n",
        "0\r\nA: b\x01\r\n\r\n",
        "4;\x7f\r\nWiki",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct str got = decode(&a, str_from(bad[i]), 1000);
        if (!str_is(got, "!"))
            fail_msg("accepted: %s", bad[i]);
    }
    _cleanup_arena_ struct arena a = {0};
    char *endless = arena_alloc(&a, 40000);
    memset(endless, 'x', 39999);
    memcpy(endless, "1;", 2);
    assert_str(decode(&a, str_from(endless), 1000), "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_a_line_and_fields),
        cmocka_unit_test(connections_are_kept_as_the_versions_say),
        cmocka_unit_test(an_upgrade_must_be_named_by_connection),
        cmocka_unit_test(ambiguous_requests_are_refused),
        cmocka_unit_test(the_end_of_a_head_is_found_however_it_comes),
        cmocka_unit_test(too_many_fields_are_refused),
        cmocka_unit_test(responses_are_parsed),
        cmocka_unit_test(chunks_are_joined_however_they_come),
        cmocka_unit_test(ambiguous_chunks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
