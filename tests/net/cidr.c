#include "net/cidr.h"

#include "test.h"

static void test_addresses(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    uint32_t ip;
    assert_true(ip4_parse(STR("10.244.0.7"), &ip));
    assert_int_equal(ip, 0x0af40007);
    assert_str(ip4_text(&a, ip), "10.244.0.7");
    static const char *const wrong[] = {"",           "10",        "10.0.0",    "10.0.0.0.1",
                                        "10.0.0.256", "10.0.0.01", "10.0.0.-1", "10.0.0.1 ",
                                        "a.b.c.d",    "10..0.1",   "::1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(ip4_parse(str_from(wrong[i]), &ip));
}

static void test_ranges(void **state)
{
    (void)state;
    struct cidr c;
    assert_true(cidr_parse(STR("10.244.3.9/24"), &c));
    assert_int_equal(c.base, 0x0af40300);
    assert_true(cidr_has(c, 0x0af403ff));
    assert_false(cidr_has(c, 0x0af40400));
    assert_true(cidr_parse(STR("0.0.0.0/0"), &c));
    assert_true(cidr_has(c, UINT32_MAX));
    assert_false(cidr_parse(STR("10.0.0.0"), &c));
    assert_false(cidr_parse(STR("10.0.0.0/33"), &c));
    assert_false(cidr_parse(STR("10.0.0.0/"), &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses), cmocka_unit_test(test_ranges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
