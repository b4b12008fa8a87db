/* HTTP/1.1 as the server speaks it, over plain TCP. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct harness h;

static int start(void **state)
{
    (void)state;
    harness_start(&h, (struct http_server_options){.max_body = 1000, .max_header = 4096}, false);
    return 0;
}

/* Times are short here, so that what is too slow is soon known. */
static int start_hurried(void **state)
{
    (void)state;
    harness_start(&h,
                  (struct http_server_options){
                      .idle_ns = 300 * CLOCK_MS, .header_ns = 200 * CLOCK_MS, .body_ns = 200 * CLOCK_MS},
                  false);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    harness_stop(&h);
    return 0;
}

static size_t count(struct str s, const char *what)
{
    size_t n = 0;
    for (ptrdiff_t at; (at = str_find(s, str_from(what))) >= 0; n++)
        s = str_from_at(s, (size_t)at + 1);
    return n;
}

static bool contains(struct str s, const char *what)
{
    return str_find(s, str_from(what)) >= 0;
}

static void requests_are_answered_on_a_kept_connection(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    int fd = dial(&h);
    send_text(fd, "GET /echo?q=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    struct str got = receive(&a, fd, "?q=1 ");
    assert_true(str_starts(got, STR("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ndate: ")));
    assert_true(contains(got, "\r\ncontent-length: 14\r\n\r\nGET /echo?q=1 "));
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    assert_true(contains(receive(&a, fd, "hello"), "POST /echo? hello"));
    send_text(fd, "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    got = receive(&a, fd, NULL);
    assert_true(str_starts(got, STR("HTTP/1.1 404 Not Found\r\n")));
    assert_true(contains(got, "connection: close\r\n"));
    close(fd);
}

static void requests_sent_ahead_are_answered_in_order(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str got = exchange(&h, &a,
                              STR("GET /echo?1 HTTP/1.1\r\nHost: x\r\n\r\n"
                                  "GET /stream?2 HTTP/1.1\r\nHost: x\r\n\r\n"
                                  "POST /echo?3 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
                                  "GET /echo?4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                                  "GET /echo?5 HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(count(got, "HTTP/1.1 200 OK"), 4);
    ptrdiff_t one = str_find(got, STR("echo?1")), two = str_find(got, STR("line 1")),
              three = str_find(got, STR("echo?3 ab")), four = str_find(got, STR("echo?4"));
    assert_true(one > 0 && one < two && two < three && three < four);
    assert_int_equal(h.seen.requests, 4);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str request =
        STR("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    int fd = dial(&h);
    for (size_t i = 0; i < request.n; i++) {
        send_all(fd, str_slice(request.p + i, 1));
        if (i % 16 == 0)
            clock_sleep(CLOCK_MS);
    }
    assert_true(contains(receive(&a, fd, NULL), "POST /echo? hello world"));
    close(fd);
}

static void a_client_that_waits_is_told_to_continue(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    int fd = dial(&h);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_str(receive(&a, fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    send_text(fd, "ok");
    assert_true(contains(receive(&a, fd, "? ok"), "200 OK"));
    close(fd);
}

static void what_cannot_be_understood_ends_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"GET / HTTP/1.1\nHost: x\n\n", "400 Bad Request"},
        {"nonsense\r\n\r\n", "400 Bad Request"},
        {"GET /echo HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"GET echo HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "400 Bad Request"},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n",
         "400 Bad Request"},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented"},
        {"GET /echo HTTP/3.0\r\nHost: x\r\n\r\n", "505 HTTP Version Not Supported"},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "413 Request Entity Too Large"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        /* a second request behind it must never be seen */
        struct str request = arena_concat(&a, str_from(cases[i].request),
                                          STR("GET /echo?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"));
        struct str got = exchange(&h, &a, request);
        if (!str_starts(got, arena_printf(&a, "HTTP/1.1 %s\r\n", cases[i].status)) ||
            count(got, "HTTP/1.1 ") != 1)
            fail_msg("%s got " STR_FMT, cases[i].request, STR_ARG(got));
        assert_true(contains(got, "connection: close\r\n"));
    }
    assert_int_equal(h.seen.requests, 0);
}

static void too_much_is_too_much(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    char *field = arena_alloc(&a, 5001);
    memset(field, 'h', 5000);
    struct str got =
        exchange(&h, &a, arena_printf(&a, "GET /echo HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", field));
    assert_true(str_starts(got, STR("HTTP/1.1 431 ")));
    got = exchange(&h, &a, str_slice(field, 5000)); /* never a line */
    assert_true(str_starts(got, STR("HTTP/1.1 431 ")));
    got = exchange(
        &h, &a,
        arena_printf(
            &a, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n%s\r\n0\r\n\r\n",
            field));
    assert_true(str_starts(got, STR("HTTP/1.1 413 Request Entity Too Large\r\n")));
    assert_true(contains(got, "Request entity too large: limit is 1000"));
    assert_int_equal(h.seen.requests, 0);
}

static void streams_are_chunked_or_end_with_the_connection(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str got = exchange(&h, &a, STR("GET /stream?2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert_true(contains(got, "transfer-encoding: chunked\r\n"));
    assert_true(str_ends(got, STR("\r\n\r\ne\r\nline 0\nline 1\n\r\n0\r\n\r\n")));
    got = exchange(&h, &a, STR("GET /stream?2 HTTP/1.0\r\n\r\n"));
    assert_false(contains(got, "transfer-encoding"));
    assert_true(str_ends(got, STR("\r\n\r\nline 0\nline 1\n")));
    harness_wait(&h.seen.closed, 2);
}

static void head_gets_no_body(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str got = exchange(&h, &a,
                              STR("HEAD /big?100 HTTP/1.1\r\nHost: x\r\n\r\n"
                                  "HEAD /stream?3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert_int_equal(count(got, "200 OK"), 2);
    assert_true(contains(got, "content-length: 100\r\n"));
    assert_false(contains(got, "bbb"));
    assert_false(contains(got, "line"));
    assert_int_equal(h.seen.released, 1);
}

static void handlers_cannot_break_the_framing(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str got = exchange(&h, &a,
                              STR("GET /odd HTTP/1.1\r\nHost: x\r\n\r\n"
                                  "GET /odd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert_int_equal(count(got, "HTTP/1.1 200 OK\r\nx-kept: yes\r\ndate: "), 2);
    assert_int_equal(count(got, "content-length: 2\r\n"), 2);
    assert_int_equal(count(got, "connection: close\r\n"), 1);
}

static void a_big_body_arrives_whole(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str got =
        exchange(&h, &a, STR("GET /big?5000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    ptrdiff_t head = str_find(got, STR("\r\n\r\n"));
    assert_int_equal(got.n - (size_t)head - 4, 5000000);
    harness_wait(&h.seen.released, 1);
}

static void a_slow_reader_holds_the_writer_back(void **state)
{
    (void)state;
    int fd = dial(&h);
    send_text(fd, "GET /forever HTTP/1.1\r\nHost: x\r\n\r\n");
    /* It stops when the socket's buffers and ours are full, and stays so ... */
    harness_wait(&h.seen.refused_writes, 1);
    int before;
    do {
        before = h.seen.refused_writes;
        clock_sleep(50 * CLOCK_MS);
    } while (h.seen.refused_writes != before);
    /* ... until something is read. */
    char sink[256 * 1024];
    for (int64_t deadline = clock_mono() + 5 * CLOCK_S;
         h.seen.refused_writes == before && clock_mono() < deadline;)
        assert_true(recv(fd, sink, sizeof sink, 0) > 0);
    assert_true(h.seen.refused_writes > before);
    assert_true(h.seen.drained > 1);
    /* And when the reader goes away, so does the stream. */
    close(fd);
    harness_wait(&h.seen.closed, 1);
    assert_int_equal(h.seen.closed, 1);
}

static void a_fast_reader_does_not_starve_the_others(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static char sink[1024 * 1024];
    pid_t readers[4];
    for (int i = 0; i < 4; i++) {
        int fd = dial(&h);
        send_text(fd, "GET /forever HTTP/1.1\r\nHost: x\r\n\r\n");
        if ((readers[i] = fork()) == 0) {
            while (recv(fd, sink, sizeof sink, 0) > 0)
                ;
            _exit(0);
        }
        close(fd);
    }
    harness_wait(&h.seen.refused_writes, 100);
    for (int i = 0; i < 20; i++)
        assert_true(
            contains(exchange(&h, &a, STR("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
                     "GET /echo? "));
    for (int i = 0; i < 4; i++) {
        kill(readers[i], SIGKILL);
        waitpid(readers[i], NULL, 0);
    }
    harness_wait(&h.seen.closed, 4);
}

static void a_client_that_leaves_is_noticed(void **state)
{
    (void)state;
    int fd = dial(&h);
    send_text(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
    harness_wait(&h.seen.requests, 1);
    struct linger hard = {.l_onoff = 1}; /* a reset */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    harness_wait(&h.seen.aborted, 1);
    harness_unpark(&h); /* the answer nobody waits for */
}

static void a_half_closed_client_still_gets_its_answer(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    int fd = dial(&h);
    send_text(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR);
    harness_wait(&h.seen.requests, 1);
    clock_sleep(20 * CLOCK_MS);
    harness_unpark(&h);
    struct str got = receive(&a, fd, NULL);
    assert_true(contains(got, "unparked"));
    assert_true(contains(got, "connection: close"));
    close(fd);
}

static void the_slow_are_cut_off(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    int idle = dial(&h), slow = dial(&h), slow_body = dial(&h), busy = dial(&h), kept = dial(&h);
    send_text(slow, "GET /echo HTTP/1.1\r\nHo");
    send_text(slow_body, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    send_text(busy, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
    send_text(kept, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    receive(&a, kept, "GET /echo? ");
    assert_true(is_closed(slow));
    assert_true(is_closed(slow_body));
    assert_true(is_closed(idle));
    assert_true(is_closed(kept));
    harness_unpark(&h); /* one that waits for its answer is not idle */
    assert_true(contains(receive(&a, busy, "unparked"), "200 OK"));
    close(idle), close(slow), close(slow_body), close(busy), close(kept);
}

static void an_upgraded_connection_is_a_pipe(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    int fd = dial(&h);
    /* what comes right behind the request belongs to the pipe already */
    send_text(fd, "GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly ");
    struct str got = receive(&a, fd, "early ");
    assert_true(str_starts(got, STR("HTTP/1.1 101 Switching Protocols\r\n")));
    assert_true(contains(got, "connection: Upgrade\r\n\r\nearly "));
    send_text(fd, "GET / HTTP/1.1\r\n\r\n");
    assert_str(receive(&a, fd, "\r\n\r\n"), "GET / HTTP/1.1\r\n\r\n");
    char *much = arena_alloc(&a, 2000000);
    memset(much, 'm', 2000000);
    if (fork() == 0) { /* writes while we read */
        send_all(fd, str_slice(much, 2000000));
        shutdown(fd, SHUT_WR);
        _exit(0);
    }
    got = receive(&a, fd, NULL);
    assert_int_equal(got.n, 2000003);
    assert_true(str_ends(got, STR("mbye")));
    close(fd);
    harness_wait(&h.seen.pipes_closed, 1);
    assert_true(
        contains(exchange(&h, &a, STR("GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
                 "no upgrade"));
}

static void a_stopping_server_finishes_what_it_began(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    int idle = dial(&h), busy = dial(&h), stream = dial(&h);
    send_text(busy, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
    send_text(stream, "GET /forever HTTP/1.1\r\nHost: x\r\n\r\n");
    harness_wait(&h.seen.requests, 2);
    harness_unpark(&h);
    harness_stop(&h);
    struct str got = receive(&a, busy, NULL);
    assert_true(contains(got, "unparked"));
    assert_true(is_closed(idle));
    receive(&a, stream, NULL);
    assert_int_equal(h.seen.closed, 1);
    close(idle), close(busy), close(stream);
    start(NULL);
}

static void many_connections_beyond_the_limit_are_closed(void **state)
{
    (void)state;
    harness_stop(&h);
    harness_start(&h, (struct http_server_options){.max_connections = 2}, false);
    int one = dial(&h), two = dial(&h), three = dial(&h);
    assert_true(is_closed(three));
    send_text(two, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    _cleanup_arena_ struct arena a = {0};
    assert_true(contains(receive(&a, two, "/echo? "), "200 OK"));
    close(one), close(two), close(three);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(requests_are_answered_on_a_kept_connection),
        T(requests_sent_ahead_are_answered_in_order),
        T(a_request_may_come_byte_by_byte),
        T(a_client_that_waits_is_told_to_continue),
        T(what_cannot_be_understood_ends_the_connection),
        T(too_much_is_too_much),
        T(streams_are_chunked_or_end_with_the_connection),
        T(head_gets_no_body),
        T(handlers_cannot_break_the_framing),
        T(a_big_body_arrives_whole),
        T(a_slow_reader_holds_the_writer_back),
        T(a_fast_reader_does_not_starve_the_others),
        T(a_client_that_leaves_is_noticed),
        T(a_half_closed_client_still_gets_its_answer),
        cmocka_unit_test_setup_teardown(the_slow_are_cut_off, start_hurried, stop),
        T(an_upgraded_connection_is_a_pipe),
        T(a_stopping_server_finishes_what_it_began),
        T(many_connections_beyond_the_limit_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
