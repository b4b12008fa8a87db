/* WebSocket: two ends talk to each other without a connection between them. */
#include "http/websocket.h"

#include "test.h"

struct side {
    struct websocket *websocket;
    struct buf out, log; /* "binary abc;", "text abc;", "closed;" */
};

static bool keep(void *arg, struct str bytes)
{
    struct side *s = arg;
    buf_add_str(&s->out, bytes);
    return s->out.n < 1000;
}

static void message(void *arg, bool text, struct str bytes)
{
    struct side *s = arg;
    buf_addf(&s->log, "%s " STR_FMT ";", text ? "text" : "binary", STR_ARG(bytes));
}

static void closed(void *arg)
{
    struct side *s = arg;
    buf_add_lit(&s->log, "closed;");
}

static void side_start(struct side *s, bool server)
{
    static const struct websocket_events events = {.message = message, .closed = closed};
    *s = (struct side){.websocket = websocket_new(server, &events, keep, s)};
}

static void side_end(struct side *s)
{
    websocket_free(s->websocket);
    buf_free(&s->out);
    buf_free(&s->log);
}

static int hand_over(struct side *from, struct side *to, size_t step, struct err *err)
{
    struct buf bytes = from->out;
    from->out = (struct buf){0};
    int rc = 0;
    for (size_t at = 0; at < bytes.n && rc == 0; at += step)
        rc = websocket_input(to->websocket,
                             str_slice(bytes.p + at, bytes.n - at < step ? bytes.n - at : step), err);
    buf_free(&bytes);
    return rc;
}

static void messages_keep_their_bounds(void **state)
{
    (void)state;
    for (size_t step = 1; step < 20; step += 6) {
        struct side client, server;
        _cleanup_err_ struct err err = {0};
        side_start(&client, false);
        side_start(&server, true);
        assert_true(websocket_write(client.websocket, false, STR("1"), STR("abc")));
        websocket_write(client.websocket, true, STR(""), STR("d"));
        assert_ok(hand_over(&client, &server, step, &err), err);
        assert_str(buf_str(&server.log), "binary 1abc;text d;");
        websocket_write(server.websocket, false, STR("2"), STR(""));
        websocket_end(server.websocket, WEBSOCKET_NORMAL);
        assert_ok(hand_over(&server, &client, step, &err), err);
        assert_str(buf_str(&client.log), "binary 2;closed;");
        side_end(&client);
        side_end(&server);
    }
}

static void a_full_peer_is_told_of(void **state)
{
    (void)state;
    struct side server;
    char much[2000] = {0};
    side_start(&server, true);
    assert_false(websocket_write(server.websocket, false, STR(""), str_slice(much, sizeof much)));
    side_end(&server);
}

static void pings_are_answered(void **state)
{
    (void)state;
    struct side server;
    _cleanup_err_ struct err err = {0};
    side_start(&server, true);
    assert_ok(websocket_input(server.websocket, STR("\x89\x82\x00\x00\x00\x00hi"), &err), err);
    assert_int_equal(server.out.n, 4);
    assert_memory_equal(server.out.p, "\x8a\x02hi", 4);
    side_end(&server);
}

static void what_breaks_the_protocol_is_refused(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR_INIT("\x83\x80\x00\x00\x00\x00"),                                  /* an opcode that is none */
        STR_INIT("\xf2\x80\x00\x00\x00\x00"),                                  /* reserved bits */
        STR_INIT("\x82\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00x"), /* four gigabytes */
        STR_INIT("\x81\x82\x00\x00\x00\x00\xff\xff"),                          /* text that is no UTF-8 */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct side server;
        _cleanup_err_ struct err err = {0};
        side_start(&server, true);
        int rc = websocket_input(server.websocket, bad[i], &err);
        if (rc != -1)
            fail_msg("%zu was taken", i);
        assert_true(server.out.n >= 2 && (unsigned char)server.out.p[0] == 0x88); /* close */
        side_end(&server);
    }
}

/* The example of RFC 6455, 1.3. */
static void the_answer_to_a_key(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_str(websocket_answer(&a, STR("dGhlIHNhbXBsZSBub25jZQ==")), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_keep_their_bounds), cmocka_unit_test(a_full_peer_is_told_of),
        cmocka_unit_test(pings_are_answered),         cmocka_unit_test(what_breaks_the_protocol_is_refused),
        cmocka_unit_test(the_answer_to_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
