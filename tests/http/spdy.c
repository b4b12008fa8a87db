/* SPDY/3.1 sessions: two of them talk to each other without a connection between them. */
#include "http/spdy.h"

#include <stdlib.h>

#include "base/encode.h"
#include "test.h"

/* One side, and what it was told. */
struct side {
    struct spdy *spdy;
    struct buf out; /* on its way to the peer */
    struct buf log; /* "opened streamtype=error;", "data abc;", "ended;", "reset;" */
    struct spdy_stream *last;
    bool refuse; /* lets go of every stream that is opened */
};

static bool keep(void *arg, struct str bytes)
{
    struct side *s = arg;
    buf_add_str(&s->out, bytes);
    return s->out.n < 100000;
}

static void opened(void *arg, struct spdy_stream *t, const struct http_header *headers, size_t n)
{
    struct side *s = arg;
    buf_add_lit(&s->log, "opened");
    for (size_t i = 0; i < n; i++)
        buf_addf(&s->log, " " STR_FMT "=" STR_FMT, STR_ARG(headers[i].name), STR_ARG(headers[i].value));
    buf_add_c(&s->log, ';');
    s->last = t;
    if (s->refuse)
        spdy_release(t);
    else
        spdy_reply(t);
}

static void data(void *arg, struct spdy_stream *t, struct str bytes)
{
    (void)t;
    struct side *s = arg;
    buf_addf(&s->log, "data " STR_FMT ";", STR_ARG(bytes));
}

static void ended(void *arg, struct spdy_stream *t)
{
    (void)t;
    struct side *s = arg;
    buf_add_lit(&s->log, "ended;");
}

static void reset(void *arg, struct spdy_stream *t)
{
    struct side *s = arg;
    buf_add_lit(&s->log, "reset;");
    spdy_release(t);
}

static void side_start(struct side *s, bool server)
{
    static const struct spdy_events events = {.opened = opened, .data = data, .ended = ended, .reset = reset};
    *s = (struct side){.spdy = spdy_new(server, &events, keep, s)};
}

static void side_end(struct side *s)
{
    spdy_free(s->spdy);
    buf_free(&s->out);
    buf_free(&s->log);
}

/* Hands over what `from` has said, `step` bytes at a time. */
static int hand_over(struct side *from, struct side *to, size_t step, struct err *err)
{
    struct buf bytes = from->out;
    from->out = (struct buf){0};
    int rc = 0;
    for (size_t at = 0; at < bytes.n && rc == 0; at += step)
        rc = spdy_input(to->spdy, str_slice(bytes.p + at, bytes.n - at < step ? bytes.n - at : step), err);
    buf_free(&bytes);
    return rc;
}

static const struct http_header error_stream[] = {{STR_INIT("streamtype"), STR_INIT("error")}};

static void streams_carry_bytes_both_ways(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 3, 7, 1000};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct side client, server;
        _cleanup_err_ struct err err = {0};
        side_start(&client, false);
        side_start(&server, true);
        struct spdy_stream *t = spdy_open(client.spdy, error_stream, 1);
        assert_true(spdy_write(t, STR("question")));
        spdy_end(t);
        assert_ok(hand_over(&client, &server, 100000, &err), err);
        assert_str(buf_str(&server.log), "opened streamtype=error;data question;ended;");
        spdy_write(server.last, STR("answer"));
        spdy_end(server.last);
        assert_ok(hand_over(&server, &client, steps[i], &err), err);
        /* pieces come as they come */
        assert_int_equal(client.log.n > 0, 1);
        if (steps[i] == 1000)
            assert_str(buf_str(&client.log), "data answer;ended;");
        side_end(&client);
        side_end(&server);
    }
}

/* Made by another program's zlib, with the dictionary of SPDY's specification. */
static void a_header_block_of_others_is_understood(void **state)
{
    (void)state;
    static const char block[] = "38eae3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff";
    _cleanup_buf_ struct buf z = {0}, frame = {0};
    _cleanup_err_ struct err err = {0};
    struct side server;
    side_start(&server, true);
    assert_int_equal(decode_hex(&z, STR(block)), 0);
    buf_add(&frame, "\x80\x03\x00\x01\x00\x00\x00", 7);
    buf_add_c(&frame, (char)(10 + z.n));
    buf_add(&frame, "\0\0\0\1\0\0\0\0\0\0", 10);
    buf_add_str(&frame, buf_str(&z));
    assert_ok(spdy_input(server.spdy, buf_str(&frame), &err), err);
    assert_str(buf_str(&server.log), "opened streamtype=error;");
    side_end(&server);
}

static void many_streams_share_their_words(void **state)
{
    (void)state;
    struct side client, server;
    _cleanup_err_ struct err err = {0};
    side_start(&client, false);
    side_start(&server, true);
    for (int i = 0; i < SPDY_MAX_STREAMS; i++)
        assert_non_null(spdy_open(client.spdy, error_stream, 1));
    assert_null(spdy_open(client.spdy, error_stream, 1));
    assert_ok(hand_over(&client, &server, 4096, &err), err);
    assert_ok(hand_over(&server, &client, 4096, &err), err);
    side_end(&client);
    side_end(&server);
}

static void a_stream_that_nobody_wants_is_reset(void **state)
{
    (void)state;
    struct side client, server;
    _cleanup_err_ struct err err = {0};
    side_start(&client, false);
    side_start(&server, true);
    server.refuse = true;
    struct spdy_stream *t = spdy_open(client.spdy, error_stream, 1);
    spdy_write(t, STR("nobody hears this"));
    assert_ok(hand_over(&client, &server, 5, &err), err);
    assert_str(buf_str(&server.log), "opened streamtype=error;");
    assert_ok(hand_over(&server, &client, 5, &err), err);
    assert_str(buf_str(&client.log), "reset;");
    side_end(&client);
    side_end(&server);
}

static void pings_are_answered(void **state)
{
    (void)state;
    struct side server;
    _cleanup_err_ struct err err = {0};
    side_start(&server, true);
    static const char ping[] = "\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x05";
    assert_ok(spdy_input(server.spdy, STR(ping), &err), err);
    assert_int_equal(server.out.n, sizeof ping - 1);
    assert_memory_equal(server.out.p, ping, sizeof ping - 1);
    side_end(&server);
}

static void what_is_no_spdy_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        {"\x80\x02\x00\x01\x00\x00\x00\x00", 8},                          /* version 2 */
        {"\x80\x03\x00\x01\x00\xff\xff\xff", 8},                          /* a control frame of 16 MiB */
        {"\x80\x03\x00\x01\x00\x00\x00\x04\0\0\0\1", 12},                 /* a short SYN_STREAM */
        {"\x80\x03\x00\x01\x00\x00\x00\x0e\0\0\0\1\0\0\0\0\0\0zlib", 22}, /* no zlib */
        {"\x80\x03\x00\x06\x00\x00\x00\x01\x00", 9},                      /* a short PING */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct side server;
        _cleanup_err_ struct err err = {0};
        side_start(&server, true);
        assert_int_equal(spdy_input(server.spdy, str_slice(bad[i].bytes, bad[i].n), &err), -1);
        assert_true(err.message.n);
        assert_true(server.out.n); /* GOAWAY or RST_STREAM says so */
        side_end(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_carry_bytes_both_ways),
        cmocka_unit_test(a_header_block_of_others_is_understood),
        cmocka_unit_test(many_streams_share_their_words),
        cmocka_unit_test(a_stream_that_nobody_wants_is_reset),
        cmocka_unit_test(pings_are_answered),
        cmocka_unit_test(what_is_no_spdy_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
