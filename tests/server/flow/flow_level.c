/* One priority level: who gets a seat, who waits, and whose turn it is. */
#include "test.h"

#include "base/mem.h"
#include "server/flow/flow_level.h"

static struct flow_level room(uint32_t queues, uint32_t hand, uint32_t most)
{
    struct flow_level l = {.hand = hand, .most_in_queue = most};
    flow_level_set_queues(&l, queues);
    return l;
}

static void without_queues_nobody_waits(void **state)
{
    (void)state;
    struct flow_level l = room(0, 0, 0);
    struct flow_place p;
    assert_false(flow_level_wait(&l, &p, 1, 0));
    assert_null(flow_level_next(&l));
    flow_level_free(&l);
}

static void one_flow_is_served_in_order_and_fills_only_its_hand(void **state)
{
    (void)state;
    struct flow_level l = room(16, 1, 3);
    struct flow_place p[4];
    for (int i = 0; i < 3; i++)
        assert_true(flow_level_wait(&l, &p[i], 7, 0));
    assert_false(flow_level_wait(&l, &p[3], 7, 0)); /* its only queue is full */
    assert_int_equal(l.waiting, 3);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(flow_level_next(&l), &p[i]);
    assert_null(flow_level_next(&l));
    assert_int_equal(l.waiting, 0);
    flow_level_free(&l);
}

/* A flood of one flow and now and then one of others: these wait behind few of it. */
static void a_flood_does_not_hold_up_others(void **state)
{
    (void)state;
    enum { FLOOD = 300, OTHERS = 20 };
    struct flow_level l = room(64, 6, 50);
    struct flow_place flood[FLOOD], other[OTHERS];
    for (int i = 0; i < FLOOD; i++)
        assert_true(flow_level_wait(&l, &flood[i], 12345, 0));
    for (int i = 0; i < OTHERS; i++)
        assert_true(flow_level_wait(&l, &other[i], (uint64_t)(i + 1) * UINT64_C(0x9e3779b97f4a7c15), 0));
    int turn = 0, last = 0;
    for (struct flow_place *p; (p = flow_level_next(&l)); turn++)
        if (p >= other && p < other + OTHERS)
            last = turn;
    assert_int_equal(turn, FLOOD + OTHERS);
    assert_true(last < 150); /* in one line they would be served from turn 300 on */
    flow_level_free(&l);
}

/* Who was idle does not come before all others for it. */
static void idleness_is_not_saved_up(void **state)
{
    (void)state;
    struct flow_level l = room(2, 1, 100);
    struct flow_place a[40], b[10];
    for (int i = 0; i < 40; i++)
        assert_true(flow_level_wait(&l, &a[i], 0, 0));
    for (int i = 0; i < 20; i++)
        assert_non_null(flow_level_next(&l));
    for (int i = 0; i < 10; i++)
        assert_true(flow_level_wait(&l, &b[i], 1, 0));
    assert_ptr_not_equal(b[0].queue, a[39].queue);
    int of_b = 0;
    for (int i = 0; i < 10; i++) {
        struct flow_place *p = flow_level_next(&l);
        of_b += p >= b && p < b + 10;
    }
    assert_in_range(of_b, 4, 6);
    while (flow_level_next(&l))
        ;
    flow_level_free(&l);
}

static void who_waits_too_long_is_found(void **state)
{
    (void)state;
    struct flow_level l = room(4, 1, 10);
    struct flow_place early, late;
    assert_true(flow_level_wait(&l, &early, 1, 100));
    assert_true(flow_level_wait(&l, &late, 2, 200));
    assert_null(flow_level_late(&l, 100));
    assert_ptr_equal(flow_level_late(&l, 150), &early);
    assert_null(flow_level_late(&l, 150));
    assert_ptr_equal(flow_level_next(&l), &late);
    flow_level_free(&l);
}

/* Every hand has as many different queues as it should, and all queues are dealt. */
static void hands_are_of_different_queues(void **state)
{
    (void)state;
    struct flow_level l = room(8, 8, 1);
    struct flow_place p[9];
    for (int i = 0; i < 8; i++)
        assert_true(flow_level_wait(&l, &p[i], 42, 0)); /* one in each */
    assert_false(flow_level_wait(&l, &p[8], 42, 0));
    while (flow_level_next(&l))
        ;
    flow_level_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_queues_nobody_waits),
        cmocka_unit_test(one_flow_is_served_in_order_and_fills_only_its_hand),
        cmocka_unit_test(a_flood_does_not_hold_up_others),
        cmocka_unit_test(idleness_is_not_saved_up),
        cmocka_unit_test(who_waits_too_long_is_found),
        cmocka_unit_test(hands_are_of_different_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
