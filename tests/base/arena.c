#include "test.h"

#include "base/arena.h"
#include "base/buf.h"

static void test_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    for (size_t size = 0; size < 3000; size += 7) {
        char *p = arena_alloc(&a, size);
        /* A type's size is a multiple of its alignment. */
        assert_int_equal(
            (uintptr_t)p % (size % _Alignof(max_align_t) ? sizeof(void *) : _Alignof(max_align_t)), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
}

static void test_reset_keeps_room_for_the_next_turn(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    arena_alloc(&a, 100);
    void *first = a.chunks;
    for (int i = 0; i < 1000; i++) {
        arena_reset(&a);
        memset(arena_alloc(&a, 1000), 1, 1000);
    }
    assert_ptr_equal(a.chunks, first);
}

static void test_large_pieces_have_room(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    memset(arena_alloc(&a, 10 << 20), 1, 10 << 20);
    memset(arena_new_n(&a, uint64_t, 1000), 1, 8000);
}

static void test_strings_are_terminated_copies(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    assert_string_equal(arena_c(&a, str_slice("podxyz", 3)), "pod");
    assert_str(arena_str(&a, STR("")), "");
    assert_str(arena_printf(&a, "%s-%d", "web", 7), "web-7");
    assert_str(arena_concat(&a, STR("name"), STR("space")), "namespace");
    assert_string_equal(arena_concat(&a, STR(""), STR("x")).p, "x");
}

static void test_buffers_grow_at_the_end(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf b = {0};
    buf_add_lit(&b, "a");
    buf_add_c(&b, 'b');
    buf_add_str(&b, STR("cd"));
    buf_add_i64(&b, INT64_MIN);
    buf_addf(&b, "<%d>", 5);
    buf_add_str(&b, (struct str){0});
    assert_str(buf_str(&b), "abcd-9223372036854775808<5>");
    for (int i = 0; i < 100000; i++)
        buf_add_c(&b, 'x');
    assert_int_equal(b.n, 100027);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_reset_keeps_room_for_the_next_turn),
        cmocka_unit_test(test_large_pieces_have_room),
        cmocka_unit_test(test_strings_are_terminated_copies),
        cmocka_unit_test(test_buffers_grow_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
