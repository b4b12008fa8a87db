/* Work queues: one key to one worker at a time, repeats merged, failures retried later and later. */
#include "client/reconciler.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "test.h"

enum { KEYS = 20 };

/* What a test's reconcile function did. */
struct seen {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int calls, fail, running, most_running;
    int in_key[KEYS], of_key[KEYS], most_in_key;
    int64_t at[64], again, pause;
    struct latch hold; /* calls wait here when `holds` */
    bool holds;
};

static int setup(void **state)
{
    struct seen *s = mem_zalloc(sizeof *s);
    pthread_mutex_init(&s->mutex, NULL);
    thread_cond_init(&s->cond);
    latch_init(&s->hold);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct seen *s = *state;
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->cond);
    latch_destroy(&s->hold);
    mem_freep(&s);
    return 0;
}

static int reconcile(void *arg, struct str ns, struct str name, struct arena *a, int64_t *again_ns,
                     struct err *err)
{
    (void)ns;
    struct seen *s = arg;
    int64_t key = 0;
    str_to_i64(name, &key);
    arena_alloc(a, 100);
    pthread_mutex_lock(&s->mutex);
    if (s->calls < 64)
        s->at[s->calls] = clock_mono();
    s->calls++;
    s->of_key[key]++;
    if (++s->running > s->most_running)
        s->most_running = s->running;
    if (++s->in_key[key] > s->most_in_key)
        s->most_in_key = s->in_key[key];
    bool fails = s->fail > 0 && s->fail--;
    *again_ns = s->again;
    s->again = 0;
    bool holds = s->holds;
    pthread_cond_broadcast(&s->cond);
    pthread_mutex_unlock(&s->mutex);
    if (holds)
        latch_wait(&s->hold, clock_mono() + 5 * CLOCK_S);
    if (s->pause)
        clock_sleep(s->pause);
    pthread_mutex_lock(&s->mutex);
    s->running--;
    s->in_key[key]--;
    pthread_mutex_unlock(&s->mutex);
    return fails ? err_set(err, ERR_CONFLICT, "not this time") : 0;
}

static void wait_calls(struct seen *s, int n)
{
    int64_t deadline = clock_mono() + 10 * CLOCK_S;
    _lock_(&s->mutex);
    while (s->calls < n)
        if (!thread_cond_wait(&s->cond, &s->mutex, deadline))
            fail_msg("%d calls, expected %d", s->calls, n);
}

static void each_key_is_reconciled(void **state)
{
    struct seen *s = *state;
    struct reconciler *r = reconciler_new("test", 2, reconcile, s);
    reconciler_start(r);
    reconciler_add(r, STR("default"), STR("1"));
    reconciler_add(r, STR(""), STR("2"));
    wait_calls(s, 2);
    reconciler_free(r);
    assert_int_equal(s->of_key[1], 1);
    assert_int_equal(s->of_key[2], 1);
}

static void keys_gather_until_the_start_and_repeats_merge(void **state)
{
    struct seen *s = *state;
    struct reconciler *r = reconciler_new("test", 2, reconcile, s);
    for (int i = 0; i < 100; i++)
        reconciler_add(r, STR("default"), STR("1"));
    assert_int_equal(s->calls, 0);
    reconciler_start(r);
    wait_calls(s, 1);
    reconciler_free(r);
    assert_int_equal(s->calls, 1);
}

static void a_key_added_while_it_runs_runs_once_more(void **state)
{
    struct seen *s = *state;
    s->holds = true;
    struct reconciler *r = reconciler_new("test", 2, reconcile, s);
    reconciler_start(r);
    reconciler_add(r, STR("default"), STR("1"));
    wait_calls(s, 1);
    for (int i = 0; i < 10; i++)
        reconciler_add(r, STR("default"), STR("1"));
    latch_set(&s->hold);
    wait_calls(s, 2);
    clock_sleep(20 * CLOCK_MS);
    reconciler_free(r);
    assert_int_equal(s->calls, 2);
    assert_int_equal(s->most_in_key, 1);
}

static void failures_are_retried_with_growing_pauses(void **state)
{
    struct seen *s = *state;
    s->fail = 4;
    struct reconciler *r = reconciler_new("test", 1, reconcile, s);
    reconciler_start(r);
    reconciler_add(r, STR("default"), STR("1"));
    wait_calls(s, 5);
    reconciler_free(r);
    int64_t pause = 5 * CLOCK_MS;
    for (int i = 1; i < 5; i++, pause *= 2)
        assert_true(s->at[i] - s->at[i - 1] >= pause);
}

static void a_function_can_ask_to_be_called_again(void **state)
{
    struct seen *s = *state;
    s->again = 30 * CLOCK_MS;
    struct reconciler *r = reconciler_new("test", 1, reconcile, s);
    reconciler_start(r);
    reconciler_add(r, STR("default"), STR("1"));
    wait_calls(s, 2);
    reconciler_free(r);
    assert_true(s->at[1] - s->at[0] >= 30 * CLOCK_MS);
}

static void delayed_keys_come_in_the_order_of_their_time(void **state)
{
    struct seen *s = *state;
    struct reconciler *r = reconciler_new("test", 1, reconcile, s);
    reconciler_start(r);
    int64_t start = clock_mono();
    for (int i = 9; i >= 0; i--) {
        char name[2] = {(char)('0' + i), 0};
        reconciler_add_after(r, STR("default"), str_from(name), (10 + i) * CLOCK_MS);
    }
    reconciler_add_after(r, STR("default"), STR("9"), 5 * CLOCK_MS); /* sooner counts */
    reconciler_add_after(r, STR("default"), STR("9"), 900 * CLOCK_S);
    wait_calls(s, 10);
    reconciler_free(r);
    for (int i = 0; i < 9; i++)
        assert_int_equal(s->of_key[i], 1);
    assert_true(s->at[0] - start >= 5 * CLOCK_MS);
    assert_true(s->at[9] - start >= 18 * CLOCK_MS);
}

/* Many threads add many keys to two reconcilers of one pool: run under ThreadSanitizer too. */
struct adder {
    struct reconciler *r;
    pthread_t thread;
};

static void add_many(void *arg)
{
    struct adder *a = arg;
    for (int i = 0; i < 2000; i++) {
        char name[3] = {0};
        int key = i % KEYS;
        name[0] = (char)('0' + key / 10);
        name[1] = (char)('0' + key % 10);
        if (i % 7 == 0)
            reconciler_add_after(a->r, STR("default"), str_from(name), (i % 3) * CLOCK_MS);
        else
            reconciler_add(a->r, STR("default"), str_from(name));
    }
}

static void no_key_runs_twice_at_once_however_many_add_it(void **state)
{
    struct seen *s = *state;
    s->fail = 50;
    s->pause = 10 * CLOCK_US;
    struct worker_pool *pool = worker_pool_new("pool", 4);
    struct reconciler *r = reconciler_new_in(pool, "limited", 3, reconcile, s);
    reconciler_start(r);
    struct adder adders[4];
    for (size_t i = 0; i < ARRAY_LEN(adders); i++) {
        adders[i].r = r;
        adders[i].thread = thread_start("adder", add_many, &adders[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(adders); i++)
        thread_join(adders[i].thread);
    int64_t deadline = clock_mono() + 10 * CLOCK_S;
    for (bool all = false; !all && clock_mono() < deadline; clock_sleep(CLOCK_MS)) {
        _lock_(&s->mutex);
        all = s->fail == 0;
        for (int k = 0; k < KEYS; k++)
            all &= s->of_key[k] > 0;
    }
    reconciler_free(r);
    worker_pool_free(pool);
    for (int k = 0; k < KEYS; k++)
        assert_true(s->of_key[k] > 0);
    assert_int_equal(s->most_in_key, 1);
    assert_true(s->most_running <= 3);
    assert_int_equal(s->running, 0);
}

static void reconcilers_share_a_pool_fairly(void **state)
{
    struct seen *busy = *state;
    busy->pause = CLOCK_MS;
    void *other_state;
    setup(&other_state);
    struct seen *other = other_state;
    struct worker_pool *pool = worker_pool_new("pool", 1);
    struct reconciler *r = reconciler_new_in(pool, "busy", 1, reconcile, busy);
    struct reconciler *q = reconciler_new_in(pool, "other", 1, reconcile, other);
    for (int i = 0; i < KEYS; i++) {
        char name[3] = {(char)('0' + i / 10), (char)('0' + i % 10), 0};
        reconciler_add(r, STR("default"), str_from(name));
    }
    reconciler_start(r);
    reconciler_start(q);
    reconciler_add(q, STR("default"), STR("1"));
    wait_calls(other, 1);
    pthread_mutex_lock(&busy->mutex);
    int done = busy->calls;
    pthread_mutex_unlock(&busy->mutex);
    reconciler_free(r);
    reconciler_free(q);
    worker_pool_free(pool);
    teardown(&other_state);
    assert_true(done < KEYS);
}

static void stopping_drops_what_waits(void **state)
{
    struct seen *s = *state;
    struct reconciler *r = reconciler_new("test", 1, reconcile, s);
    reconciler_start(r);
    reconciler_add_after(r, STR("default"), STR("1"), 20 * CLOCK_MS);
    reconciler_stop(r);
    reconciler_add(r, STR("default"), STR("2")); /* too late */
    clock_sleep(40 * CLOCK_MS);
    reconciler_free(r);
    assert_int_equal(s->calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_key_is_reconciled, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_gather_until_the_start_and_repeats_merge, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_added_while_it_runs_runs_once_more, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_are_retried_with_growing_pauses, setup, teardown),
        cmocka_unit_test_setup_teardown(a_function_can_ask_to_be_called_again, setup, teardown),
        cmocka_unit_test_setup_teardown(delayed_keys_come_in_the_order_of_their_time, setup, teardown),
        cmocka_unit_test_setup_teardown(no_key_runs_twice_at_once_however_many_add_it, setup, teardown),
        cmocka_unit_test_setup_teardown(reconcilers_share_a_pool_fairly, setup, teardown),
        cmocka_unit_test_setup_teardown(stopping_drops_what_waits, setup, teardown),
    };
    return cmocka_run_group_tests_name("client/reconciler", tests, NULL, NULL);
}
