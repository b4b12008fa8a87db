/* Whose turn it is. */
#include "fixture.h"

#include <stdio.h>

#include "base/clock.h"
#include "scheduler/queue.h"

static struct fixture f;
static struct queue q;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    q = (struct queue){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    map_each (&f.model.pods, slot)
        queue_remove(&q, slot->value);
    queue_free(&q);
    fixture_free(&f);
    return 0;
}

static struct sched_pod *pod(const char *name, int priority)
{
    return add_pod(&f, NULL, "{'metadata':{'name':'%s'},'spec':{'priority':%d}}", name, priority);
}

static void test_by_priority_then_by_age(void **state)
{
    (void)state;
    struct sched_pod *a = pod("a", 0), *b = pod("b", 10), *c = pod("c", 0), *d = pod("d", -1);
    queue_add(&q, d, 1);
    queue_add(&q, a, 2);
    queue_add(&q, c, 2);
    queue_add(&q, b, 3);
    assert_ptr_equal(queue_pop(&q, 4), b);
    assert_ptr_equal(queue_pop(&q, 4), a);
    assert_ptr_equal(queue_pop(&q, 4), c);
    assert_ptr_equal(queue_pop(&q, 4), d);
    assert_null(queue_pop(&q, 4));
    assert_int_equal(queue_next(&q), INT64_MAX);
}

static void test_many_come_out_in_order(void **state)
{
    (void)state;
    enum { PODS = 500 };
    for (int i = 0; i < PODS; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        queue_add(&q, pod(name, i * 7919 % PODS), i);
    }
    for (int i = 0; i < PODS; i += 3) { /* from the middle too */
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        queue_remove(&q, model_pod(&f.model, STR("default"), str_from(name)));
    }
    int32_t last = INT32_MAX;
    size_t n = 0;
    for (struct sched_pod *p; (p = queue_pop(&q, 0)); n++) {
        assert_true(p->priority <= last);
        last = p->priority;
    }
    assert_int_equal(n, PODS - (PODS + 2) / 3);
}

static void test_what_found_no_node_waits_for_an_event(void **state)
{
    (void)state;
    struct sched_pod *a = pod("a", 0);
    queue_add(&q, a, 0);
    queue_wait(&q, queue_pop(&q, 0), 1, 0);
    assert_null(queue_pop(&q, 20 * CLOCK_S));
    queue_wake(&q, a, 20 * CLOCK_S);
    assert_ptr_equal(queue_pop(&q, 20 * CLOCK_S), a);
    queue_wait(&q, a, 1, 30 * CLOCK_S);
    queue_wake_old(&q, 329 * CLOCK_S);
    assert_null(queue_pop(&q, 329 * CLOCK_S));
    queue_wake_old(&q, 330 * CLOCK_S); /* five minutes */
    assert_ptr_equal(queue_pop(&q, 330 * CLOCK_S), a);
}

static void test_errors_wait_ever_longer(void **state)
{
    (void)state;
    static const int64_t seconds[] = {1, 2, 4, 8, 10, 10};
    struct sched_pod *a = pod("a", 0);
    int64_t now = 0;
    queue_add(&q, a, now);
    for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
        assert_ptr_equal(queue_pop(&q, now), a);
        queue_retry(&q, a, now);
        assert_int_equal(queue_next(&q), now + seconds[i] * CLOCK_S);
        assert_null(queue_pop(&q, now + seconds[i] * CLOCK_S - 1));
        now += seconds[i] * CLOCK_S;
    }
}

static void test_those_who_were_woken_need_not_wait_while_nobody_else_wants_a_turn(void **state)
{
    (void)state;
    struct sched_pod *a = pod("a", 10), *b = pod("b", 0);
    queue_add(&q, a, 0);
    queue_wait(&q, queue_pop(&q, 0), 1, 0);
    queue_wake(&q, a, 1); /* within its back-off */
    queue_add(&q, b, 1);
    assert_ptr_equal(queue_pop(&q, 1), b);
    assert_ptr_equal(queue_pop(&q, 1), a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_priority_then_by_age, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_come_out_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_found_no_node_waits_for_an_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_wait_ever_longer, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_those_who_were_woken_need_not_wait_while_nobody_else_wants_a_turn, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
