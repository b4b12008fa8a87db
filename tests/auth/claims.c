/* The little JSON of tokens, strictly read. */
#include "test.h"

#include "auth/claims.h"

static void members_are_walked_in_order(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct claims c;
    struct str key, value, text;
    int64_t n;
    assert_true(
        claims_open(&c, &a, STR(" { \"a\" : \"x\\n\\u00e9\\ud83d\\ude00\" , \"b\":[1,{}],\"c\":-12.9e0 } ")));
    assert_true(claims_next(&c, &key, &value));
    assert_str(key, "a");
    assert_true(claims_string(&a, value, &text));
    assert_str(text, "x\né😀");
    assert_true(claims_next(&c, &key, &value));
    assert_str(value, "[1,{}]");
    assert_true(claims_next(&c, &key, &value));
    assert_true(claims_integer(value, &n));
    assert_int_equal(n, -12);
    assert_false(claims_next(&c, &key, &value));
    assert_false(c.bad);
}

static void members_are_found(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str value;
    assert_true(claims_find(&a, STR("{\"x\":{\"iss\":1},\"iss\":2}"), STR("iss"), &value));
    assert_str(value, "2");
    assert_false(claims_find(&a, STR("{\"iss\":1,\"\\u0069ss\":2}"), STR("iss"), &value)); /* twice */
    assert_false(claims_find(&a, STR("[\"iss\",1]"), STR("iss"), &value));
    assert_false(claims_find(&a, STR("{}"), STR("iss"), &value));
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{}x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":\"\\x\"}",
        "{\"a\":nul}",
        "{\"a\":\"\\ud800\"}",
        "1",
        "{\"a\":\"\n\"}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":\"\\udc00\"}",
        "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        _cleanup_arena_ struct arena a = {0};
        struct claims c;
        if (claims_open(&c, &a, str_from(bad[i])))
            fail_msg("accepted: %s", bad[i]);
    }
}

static void written_strings_are_read_back(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    struct str nasty = STR("\"quoted\" \\ <tag> &\x01\n"), back;
    claims_put_string(&b, nasty);
    assert_true(claims_string(&a, buf_str(&b), &back));
    assert_true(str_eq(back, nasty));
    assert_true(str_find(buf_str(&b), STR("\\u003ctag\\u003e")) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_walked_in_order),
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(written_strings_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
