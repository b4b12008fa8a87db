/* Clocks, random numbers, threads and loops. */
#include "test.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/random.h"
#include "base/thread.h"

static void test_a_latch_waits_until_set_or_time_is_up(void **state)
{
    (void)state;
    struct latch l;
    latch_init(&l);
    int64_t start = clock_mono();
    assert_false(latch_wait(&l, start + 5 * CLOCK_MS));
    assert_true(clock_mono() >= start + 5 * CLOCK_MS);
    latch_set(&l);
    assert_true(latch_wait(&l, INT64_MAX));
    latch_reset(&l);
    assert_false(latch_wait(&l, 0));
    latch_destroy(&l);
}

struct posted {
    struct loop_task task;
    struct latch done;
    struct loop *loop;
    int number;
};
static int ran[100], n_ran;

static void on_loop(struct loop_task *t)
{
    struct posted *p = container_of(t, struct posted, task);
    ensure(loop_here(p->loop));
    ran[n_ran++] = p->number;
    latch_set(&p->done);
}

static void test_a_loop_runs_tasks_in_order(void **state)
{
    (void)state;
    struct loop *l = loop_new("test");
    loop_start(l);
    static struct posted posted[100];
    for (int i = 0; i < 100; i++) {
        posted[i] = (struct posted){.task.run = on_loop, .loop = l, .number = i};
        latch_init(&posted[i].done);
        loop_post(l, &posted[i].task);
    }
    for (int i = 0; i < 100; i++) {
        latch_wait(&posted[i].done, INT64_MAX);
        latch_destroy(&posted[i].done);
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(ran[i], i);
    assert_false(loop_here(l));
    loop_stop(l);
    loop_join(l);
    loop_free(l);
}

static void test_names_use_the_safe_alphabet(void **state)
{
    (void)state;
    char name[6], uuid[37];
    for (int i = 0; i < 200; i++) {
        random_name_suffix(name, 5);
        assert_int_equal(strspn(name, "bcdfghjklmnpqrstvwxz2456789"), 5);
        assert_int_equal(name[5], 0);
    }
    random_uuid(uuid);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
    for (int i = 0; i < 1000; i++)
        assert_true(random_below(7) < 7);
}

/* Last: a simulation holds for the rest of the process. */
static void test_simulations_repeat(void **state)
{
    (void)state;
    uint64_t first[8];
    random_simulate(42);
    for (int i = 0; i < 8; i++)
        first[i] = random_u64();
    random_simulate(42);
    for (int i = 0; i < 8; i++)
        assert_int_equal(random_u64(), first[i]);
    clock_simulate(1000 * CLOCK_S);
    clock_sleep(5 * CLOCK_S);
    clock_advance(CLOCK_S);
    assert_true(clock_simulated());
    assert_int_equal(clock_wall(), 1006 * CLOCK_S);
    assert_int_equal(clock_mono(), clock_wall());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_latch_waits_until_set_or_time_is_up),
        cmocka_unit_test(test_a_loop_runs_tasks_in_order),
        cmocka_unit_test(test_names_use_the_safe_alphabet),
        cmocka_unit_test(test_simulations_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
