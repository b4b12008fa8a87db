#include "test.h"

#include <stdlib.h>

#include "base/str.h"

static void test_order_is_of_bytes(void **state)
{
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("aa")) < 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR(""), (struct str){0}), 0);
    assert_true(str_eq(STR(""), (struct str){0}));
}

static void test_searching(void **state)
{
    (void)state;
    assert_true(str_starts(STR("default/web"), STR("default/")));
    assert_false(str_starts(STR("de"), STR("default")));
    assert_true(str_ends(STR("web.yaml"), STR(".yaml")));
    assert_false(str_ends(STR("l"), STR(".yaml")));
    assert_true(str_ends(STR("x"), STR("")));
    assert_true(str_eq_fold(STR("Content-Type"), STR("content-type")));
    assert_int_equal(str_index(STR("a/b/c"), '/'), 1);
    assert_int_equal(str_last_index(STR("a/b/c"), '/'), 3);
    assert_int_equal(str_index((struct str){0}, '/'), -1);
    assert_int_equal(str_find(STR("haystack"), STR("st")), 3);
    assert_int_equal(str_find(STR("haystack"), STR("")), 0);
    assert_int_equal(str_find(STR("hay"), STR("haystack")), -1);
    assert_str(str_from_at(STR("abc"), 2), "c");
    assert_str(str_from_at(STR("abc"), 4), "");
    assert_str(str_trim(STR(" \t x y\r\n")), "x y");
    assert_str(str_trim(STR("  ")), "");
}

static void test_cutting_takes_every_piece(void **state)
{
    (void)state;
    struct str rest = STR("a,,b"), head;
    static const char *const pieces[] = {"a", "", "b"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(str_cut(&rest, ',', &head));
        assert_str(head, pieces[i]);
    }
    assert_false(str_cut(&rest, ',', &head));
    rest = STR("a,");
    assert_true(str_cut(&rest, ',', &head));
    assert_true(str_cut(&rest, ',', &head)); /* the empty piece behind the last comma */
    assert_str(head, "");
    assert_false(str_cut(&rest, ',', &head));
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool good;
        int64_t value;
    } cases[] = {
        {STR_INIT("0"), true, 0},
        {STR_INIT("-7"), true, -7},
        {STR_INIT("+7"), true, 7},
        {STR_INIT("007"), true, 7},
        {STR_INIT("9223372036854775807"), true, INT64_MAX},
        {STR_INIT("-9223372036854775808"), true, INT64_MIN},
        {STR_INIT("9223372036854775808"), false, 0},
        {STR_INIT("-9223372036854775809"), false, 0},
        {STR_INIT("99999999999999999999"), false, 0},
        {STR_INIT(""), false, 0},
        {STR_INIT("-"), false, 0},
        {STR_INIT("1 "), false, 0},
        {STR_INIT("0x1"), false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t v = 0;
        assert_int_equal(str_to_i64(cases[i].text, &v), cases[i].good);
        assert_int_equal(v, cases[i].value);
    }
    uint64_t u;
    assert_true(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), &u));
    assert_false(str_to_u64(STR("-1"), &u));
}

static void test_utf8_is_strict(void **state)
{
    (void)state;
    static const struct str good[] = {STR_INIT(""), STR_INIT("abc"), STR_INIT("사공"),
                                      STR_INIT("\xf4\x8f\xbf\xbf")};
    static const struct str bad[] = {
        STR_INIT("\x80"),             /* a continuation without a start */
        STR_INIT("\xc0\x80"),         /* overlong */
        STR_INIT("\xe0\x80\x80"),     /* overlong */
        STR_INIT("\xed\xa0\x80"),     /* a surrogate */
        STR_INIT("\xf4\x90\x80\x80"), /* beyond U+10FFFF */
        STR_INIT("\xe2\x82"),         /* cut off */
        STR_INIT("\xff"),
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(str_is_utf8(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(str_is_utf8(bad[i]));
}

static void test_equal_strings_hash_alike(void **state)
{
    (void)state;
    char a[64], b[64];
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    for (size_t n = 0; n < sizeof a; n++) {
        assert_int_equal(str_hash(str_slice(a, n)), str_hash(str_slice(b, n)));
        if (n)
            assert_int_not_equal(str_hash(str_slice(a, n)), str_hash(str_slice(a, n - 1)));
    }
}

static void test_sorting(void **state)
{
    (void)state;
    struct str s[] = {STR("b"), STR(""), STR("a"), STR("ab")};
    qsort(s, 4, sizeof *s, str_qsort);
    assert_str(s[0], "");
    assert_str(s[1], "a");
    assert_str(s[2], "ab");
    assert_str(s[3], "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_of_bytes),
        cmocka_unit_test(test_searching),
        cmocka_unit_test(test_cutting_takes_every_piece),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_utf8_is_strict),
        cmocka_unit_test(test_equal_strings_hash_alike),
        cmocka_unit_test(test_sorting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
