/* What browsers do over a WebSocket: watch, with the token among the subprotocols. */
#include "base/encode.h"
#include "test.h"
#include "viewer.h"

#define MAPS   "/api/v1/namespaces/default/configmaps"
#define BEARER "base64url.bearer.authorization.k8s.io."

static struct cluster c;

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){.tokens = "s3cret,somebody,7,\"system:masters\"\n"});
    _cleanup_answer_ struct answer one = create(&c, MAPS, "{\"metadata\":{\"name\":\"one\"}}");
    _cleanup_answer_ struct answer two = create(&c, MAPS, "{\"metadata\":{\"name\":\"two\"}}");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    return 0;
}

static void each_event_is_a_message(void **state)
{
    (void)state;
    struct viewer v = {0};
    viewer_view(&v, &c, MAPS "?watch=1&timeoutSeconds=1");
    assert_int_equal(v.status, 101);
    assert_true(v.text);
    assert_int_equal(v.messages, 2);
    assert_true(str_starts(buf_str(&v.seen), STR("{\"type\":\"ADDED\",\"object\":{")));
    assert_int_equal(v.protocol.n, 0);
    viewer_free(&v);
}

static void protobuf_comes_in_binary_messages(void **state)
{
    (void)state;
    struct viewer v = {.accept = "application/vnd.kubernetes.protobuf;stream=watch", .protocols = "anything"};
    viewer_view(&v, &c, MAPS "?watch=1&timeoutSeconds=1");
    assert_int_equal(v.status, 101);
    assert_false(v.text);
    assert_int_equal(v.messages, 2);
    /* a WatchEvent at once, no length before it: its first field is the type */
    assert_true(str_starts(buf_str(&v.seen), STR("\x0a\x05"
                                                 "ADDED")));
    assert_str(buf_str(&v.protocol), "anything");
    viewer_free(&v);
}

static void tables_are_watched_too(void **state)
{
    (void)state;
    struct viewer v = {.accept = "application/json;as=Table;v=v1;g=meta.k8s.io"};
    viewer_view(&v, &c, MAPS "/one?watch=1&timeoutSeconds=1"); /* a name makes it a plain GET */
    assert_int_equal(v.status, 200);
    viewer_free(&v);
    v = (struct viewer){.accept = "application/json;as=Table;v=v1;g=meta.k8s.io"};
    viewer_view(&v, &c, MAPS "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Done");
    assert_int_equal(v.status, 101);
    assert_int_equal(v.messages, 1);
    assert_true(str_find(buf_str(&v.seen), STR("\"kind\":\"Table\"")) >= 0);
    viewer_free(&v);
}

static void failures_come_before_the_socket(void **state)
{
    (void)state;
    struct viewer v = {0};
    viewer_view(&v, &c, MAPS "?watch=1&resourceVersion=x");
    assert_int_equal(v.status, 400);
    viewer_free(&v);
    v = (struct viewer){.accept = "application/yaml"};
    viewer_view(&v, &c, MAPS "?watch=1");
    assert_int_equal(v.status, 406);
    viewer_free(&v);
}

static struct str protocol_of(struct arena *a, const char *token)
{
    _cleanup_buf_ struct buf b = {0};
    encode_base64url(&b, str_from(token));
    return arena_printf(a, BEARER STR_FMT, STR_ARG(buf_str(&b)));
}

static void a_token_may_be_a_subprotocol(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str good = protocol_of(&a, "s3cret"), bad = protocol_of(&a, "guess");
    const struct {
        struct str protocols;
        int status;
    } cases[] = {
        {arena_printf(&a, STR_FMT ", chat", STR_ARG(good)), 101},
        {arena_printf(&a, "chat," STR_FMT, STR_ARG(good)), 101},
        {good, 401}, /* no other one is there to be chosen */
        {arena_printf(&a, STR_FMT ", chat", STR_ARG(bad)), 401},
        {arena_printf(&a, STR_FMT ", " STR_FMT ", chat", STR_ARG(good), STR_ARG(good)), 401},
        {STR(BEARER "!, chat"), 401},
        {STR(BEARER "_w, chat"), 401}, /* no UTF-8 */
        {STR("chat"), 403},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct viewer v = {.nobody = true, .protocols = cases[i].protocols.p};
        viewer_view(&v, &c, MAPS "?watch=1&timeoutSeconds=1");
        assert_int_equal(v.status, cases[i].status);
        if (v.status == 101)
            assert_str(buf_str(&v.protocol), "chat");
        viewer_free(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_is_a_message),      cmocka_unit_test(protobuf_comes_in_binary_messages),
        cmocka_unit_test(tables_are_watched_too),       cmocka_unit_test(failures_come_before_the_socket),
        cmocka_unit_test(a_token_may_be_a_subprotocol),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
