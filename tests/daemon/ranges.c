/* --service-cidr and --cluster-cidr: one range, or one of each family. */
#include "daemon/ranges.h"

#include "test.h"

static struct arena arena;

static int ranges(const char *first, const char *second, struct str_vec *out, struct err *err)
{
    const char *said[] = {first, second};
    const struct flag_list list = {said, !first ? 0 : second ? 2 : 1};
    return ranges_from("cluster-cidr", &list, "10.244.0.0/16", &arena, out, err);
}

static void one_of_each_family(void **state)
{
    (void)state;
    struct err err = {0};
    struct str_vec v;
    assert_ok(ranges(NULL, NULL, &v, &err), err);
    assert_int_equal(v.n, 1);
    assert_str(v.at[0], "10.244.0.0/16");
    assert_ok(ranges("fd00:10::7/56", "10.1.2.3/16", &v, &err), err);
    assert_int_equal(v.n, 2);
    assert_str(v.at[0], "fd00:10::/56");
    assert_str(v.at[1], "10.1.0.0/16");
    assert_true(ranges_have(&v, IP_V4));
    assert_ok(ranges("fd00:10::/56", NULL, &v, &err), err);
    assert_false(ranges_have(&v, IP_V4));
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct str_vec v;
    assert_int_equal(ranges("10.1.0.0/16", "10.2.0.0/16", &v, &err), -1);
    assert_str(err.message, "--cluster-cidr is a range of addresses, or one of each family: not "
                            "\"10.1.0.0/16,10.2.0.0/16\"");
    err_clear(&err);
    assert_int_equal(ranges("10.1.0.0", NULL, &v, &err), -1);
    err_clear(&err);
    assert_int_equal(ranges("10.1.0.0/16", "x", &v, &err), -1);
    err_clear(&err);
}

static void addresses_inside_are_counted(void **state)
{
    (void)state;
    assert_str(range_address(&arena, STR("10.96.0.0/12"), 10), "10.96.0.10");
    assert_str(range_address(&arena, STR("fd00:10:96::/112"), 10), "fd00:10:96::a");
    assert_str(range_address(&arena, STR("10.96.0.0/29"), 10), "");
}

static void ranges_are_parted_among_nodes(void **state)
{
    (void)state;
    assert_int_equal(range_parts(STR("10.244.0.0/16"), 24), 256);
    assert_int_equal(range_parts(STR("fd00:10:244::/48"), 64), 65536);
    assert_int_equal(range_parts(STR("fd00:10:244::/64"), 64), 1);
    assert_int_equal(range_parts(STR("fd00:10:244::/40"), 64), 0);
    assert_int_equal(range_parts(STR("10.244.0.0/16"), 12), 0);
    assert_int_equal(range_parts(STR("10.244.0.0/24"), 33), 0);
}

static int drop_arena(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_each_family),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(addresses_inside_are_counted),
        cmocka_unit_test(ranges_are_parted_among_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
