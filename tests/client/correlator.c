/* Events: what is counted, combined and dropped. */
#include "client/correlator.h"

#include "base/clock.h"
#include "test.h"

#define SOURCE STR("kubelet\nPod\ndefault\nweb")
#define KIND   STR("Warning\nBackOff\n")

static int setup(void **state)
{
    *state = correlator_new();
    return 0;
}

static int teardown(void **state)
{
    correlator_free(*state);
    return 0;
}

static void same_event_again_is_counted(void **state)
{
    struct correlated seen;
    assert_true(correlator_see(*state, SOURCE, KIND, STR("back-off"), 1000, &seen));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.first, 1000);
    assert_str(seen.name, "");
    correlator_written(*state, &seen, STR("default"), STR("web.3e8"));

    assert_true(correlator_see(*state, SOURCE, KIND, STR("back-off"), 2000, &seen));
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.first, 1000);
    assert_str(seen.ns, "default");
    assert_str(seen.name, "web.3e8");
    assert_false(seen.combined);
}

static void another_reason_or_message_is_another_event(void **state)
{
    struct correlated seen;
    correlator_see(*state, SOURCE, KIND, STR("back-off"), 1000, &seen);
    assert_true(correlator_see(*state, SOURCE, KIND, STR("other"), 1000, &seen));
    assert_int_equal(seen.count, 1);
    assert_true(correlator_see(*state, SOURCE, STR("Normal\nPulled\n"), STR("back-off"), 1000, &seen));
    assert_int_equal(seen.count, 1);
}

static void see_many(struct correlator *c, int n, int64_t now, struct correlated *last)
{
    _cleanup_arena_ struct arena a = {0};
    for (int i = 0; i < n; i++)
        assert_true(correlator_see(c, SOURCE, KIND, arena_printf(&a, "attempt %d", i), now, last));
}

static void tenth_similar_one_is_combined_with_those_that_follow(void **state)
{
    struct correlated seen;
    see_many(*state, 9, CLOCK_S, &seen);
    assert_false(seen.combined);
    assert_true(correlator_see(*state, SOURCE, KIND, STR("attempt 10"), CLOCK_S, &seen));
    assert_true(seen.combined);
    assert_int_equal(seen.count, 1);
    assert_true(correlator_see(*state, SOURCE, KIND, STR("attempt 11"), CLOCK_S, &seen));
    assert_true(seen.combined);
    assert_int_equal(seen.count, 2);
}

static void after_ten_minutes_of_silence_similar_ones_stand_alone_again(void **state)
{
    struct correlated seen;
    see_many(*state, 9, CLOCK_S, &seen);
    assert_true(correlator_see(*state, SOURCE, KIND, STR("attempt 10"), 602 * CLOCK_S, &seen));
    assert_false(seen.combined);
}

static void a_talkative_source_is_cut_off_but_not_for_ever(void **state)
{
    struct correlated seen;
    for (int i = 0; i < 25; i++)
        assert_true(correlator_see(*state, SOURCE, KIND, STR("same"), CLOCK_S, &seen));
    assert_false(correlator_see(*state, SOURCE, KIND, STR("same"), CLOCK_S, &seen));
    assert_true(
        correlator_see(*state, STR("kubelet\nPod\ndefault\nother"), KIND, STR("same"), CLOCK_S, &seen));
    assert_true(correlator_see(*state, SOURCE, KIND, STR("same"), 301 * CLOCK_S, &seen));
    assert_false(correlator_see(*state, SOURCE, KIND, STR("same"), 301 * CLOCK_S, &seen));
}

static void memory_is_bounded(void **state)
{
    _cleanup_arena_ struct arena a = {0};
    struct correlated seen;
    for (int i = 0; i < 10000; i++)
        correlator_see(*state, arena_printf(&a, "source %d", i), KIND, STR("x"), CLOCK_S, &seen);
    assert_true(correlator_see(*state, STR("source 1"), KIND, STR("x"), CLOCK_S, &seen));
    assert_int_equal(seen.count, 1); /* forgotten meanwhile */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_event_again_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(another_reason_or_message_is_another_event, setup, teardown),
        cmocka_unit_test_setup_teardown(tenth_similar_one_is_combined_with_those_that_follow, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(after_ten_minutes_of_silence_similar_ones_stand_alone_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_talkative_source_is_cut_off_but_not_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_is_bounded, setup, teardown),
    };
    return cmocka_run_group_tests_name("client/correlator", tests, NULL, NULL);
}
