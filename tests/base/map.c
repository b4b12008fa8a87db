#include "test.h"

#include <stdio.h>

#include "base/map.h"
#include "base/random.h"

static void test_puts_replace_and_dels_take_out(void **state)
{
    (void)state;
    _cleanup_map_ struct map m = {0};
    int a, b;
    assert_null(map_get(&m, STR("k")));
    assert_null(map_del(&m, STR("k")));
    assert_null(map_put(&m, STR("k"), &a));
    assert_ptr_equal(map_put(&m, STR("k"), &b), &a);
    assert_int_equal(m.n, 1);
    assert_ptr_equal(map_get(&m, STR("k")), &b);
    assert_ptr_equal(map_del(&m, STR("k")), &b);
    assert_null(map_get(&m, STR("k")));
    assert_int_equal(m.n, 0);
}

static void test_many_keys_match_a_model(void **state)
{
    (void)state;
    enum { KEYS = 400 };
    _cleanup_map_ struct map m = {0};
    static char keys[KEYS][8];
    bool there[KEYS] = {false};
    for (int i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof keys[i], "k%d", i);
    for (int step = 0; step < 20000; step++) {
        size_t i = random_below(KEYS);
        void *value = there[i] ? keys[i] : NULL;
        if (random_below(2))
            assert_ptr_equal(map_put(&m, str_from(keys[i]), keys[i]), value);
        else
            assert_ptr_equal(map_del(&m, str_from(keys[i])), value);
        there[i] = map_get(&m, str_from(keys[i])) != NULL;
    }
    size_t n = 0, walked = 0;
    for (int i = 0; i < KEYS; i++)
        n += there[i];
    map_each (&m, slot) {
        assert_string_equal(slot->value, slot->key.p);
        walked++;
    }
    assert_int_equal(m.n, n);
    assert_int_equal(walked, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puts_replace_and_dels_take_out),
        cmocka_unit_test(test_many_keys_match_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
