#include "schema/str_map.h"

#include "test.h"

static void test_entries_are_found_by_key(void **state)
{
    (void)state;
    struct str_entry at[] = {{STR("a"), STR("1")}, {STR("c"), STR("")}, {STR("e"), STR("3")}};
    const struct str_map m = {at, 3}, none = {0};
    assert_str(*str_map_get(&m, STR("a")), "1");
    assert_str(*str_map_get(&m, STR("e")), "3");
    assert_str(*str_map_get(&m, STR("c")), "");
    assert_null(str_map_get(&m, STR("b")));
    assert_null(str_map_get(&m, STR("")));
    assert_null(str_map_get(&none, STR("a")));
    assert_str(str_map_text(&m, STR("a")), "1");
    assert_int_equal(str_map_text(&m, STR("b")).n, 0);
}

static void test_entries_are_put_in_order_and_never_where_others_look(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str_map m = {0};
    static const char *const keys[] = {"c", "a", "d", "b"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_true(str_map_put(&m, &a, str_from(keys[i]), STR("1")));
    for (size_t i = 0; i < m.n; i++)
        assert_int_equal(m.at[i].key.p[0], 'a' + (int)i);
    struct str_map shared = m;
    assert_false(str_map_put(&m, &a, STR("b"), STR("1"))); /* as it is */
    assert_ptr_equal(m.at, shared.at);
    assert_true(str_map_put(&m, &a, STR("b"), STR("2")));
    assert_str(str_map_text(&m, STR("b")), "2");
    assert_str(str_map_text(&shared, STR("b")), "1");
    assert_int_equal(m.n, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_are_found_by_key),
        cmocka_unit_test(test_entries_are_put_in_order_and_never_where_others_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
