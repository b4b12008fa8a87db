#include "test.h"

#include "base/encode.h"

static void test_base64_both_ways(void **state)
{
    (void)state;
    /* RFC 4648, section 10 */
    static const struct {
        struct str plain;
        const char *encoded, *url;
    } cases[] = {
        {STR_INIT(""), "", ""},
        {STR_INIT("f"), "Zg==", "Zg"},
        {STR_INIT("fo"), "Zm8=", "Zm8"},
        {STR_INIT("foo"), "Zm9v", "Zm9v"},
        {STR_INIT("foob"), "Zm9vYg==", "Zm9vYg"},
        {STR_INIT("\xfb\xff\xbf"), "+/+/", "-_-_"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_buf_ struct buf b = {0}, u = {0}, back = {0};
        encode_base64(&b, cases[i].plain);
        assert_str(buf_str(&b), cases[i].encoded);
        assert_int_equal(decode_base64(&back, buf_str(&b)), 0);
        assert_true(str_eq(buf_str(&back), cases[i].plain));
        encode_base64url(&u, cases[i].plain);
        assert_str(buf_str(&u), cases[i].url);
        back.n = 0;
        assert_int_equal(decode_base64url(&back, buf_str(&u)), 0);
        assert_true(str_eq(buf_str(&back), cases[i].plain));
    }
}

static void test_base64_is_strict(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR_INIT("Zg"),       STR_INIT("Zg="),  STR_INIT("Zg==="), STR_INIT("Zh=="),  STR_INIT("Z"),
        STR_INIT("Zg==Zg=="), STR_INIT("Zm9!"), STR_INIT("-_-_"),  STR_INIT("Zm9v="), STR_INIT(" Zm9v")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        _cleanup_buf_ struct buf b = {0};
        assert_int_equal(decode_base64(&b, bad[i]), -1);
    }
    _cleanup_buf_ struct buf b = {0};
    assert_int_equal(decode_base64(&b, STR("Zm\r\n9v")), 0); /* Go reads over line breaks */
    assert_str(buf_str(&b), "foo");
    assert_int_equal(decode_base64url(&b, STR("Zg==")), -1);
}

static void test_hex(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf b = {0}, back = {0};
    encode_hex(&b, STR("\x00\xab\xff"));
    assert_str(buf_str(&b), "00abff");
    assert_int_equal(decode_hex(&back, STR("00abff")), 0);
    assert_true(str_eq(buf_str(&back), STR("\x00\xab\xff")));
    assert_int_equal(decode_hex(&back, STR("0")), -1);
    assert_int_equal(decode_hex(&back, STR("0g")), -1);
}

static void test_percent(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    struct str out;
    encode_percent(&b, STR("a b/c~\xff"));
    assert_str(buf_str(&b), "a%20b%2Fc~%FF");
    assert_int_equal(decode_percent(&a, STR("app%3Dweb+x%2c"), false, &out), 0);
    assert_str(out, "app=web+x,");
    assert_int_equal(decode_percent(&a, STR("a+b"), true, &out), 0);
    assert_str(out, "a b");
    assert_int_equal(decode_percent(&a, STR("%"), false, &out), -1);
    assert_int_equal(decode_percent(&a, STR("%2"), false, &out), -1);
    assert_int_equal(decode_percent(&a, STR("%zz"), false, &out), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_both_ways),
        cmocka_unit_test(test_base64_is_strict),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
