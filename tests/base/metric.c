#include "base/metric.h"

#include "test.h"

static void assert_shows(struct metric *m, const char *text)
{
    _cleanup_buf_ struct buf b = {0};
    metric_render(m, &b);
    assert_str(buf_str(&b), text);
}

static void counters_are_told_by_their_labels(void **state)
{
    (void)state;
    static struct metric m = {"things_total", "Things.", METRIC_COUNTER, {"code", "kind"}};
    assert_shows(&m, "");
    metric_count(&m, (struct str[]){STR("200"), STR("a\"b\\c\nd")});
    metric_count(&m, (struct str[]){STR("200"), STR("a\"b\\c\nd")});
    assert_shows(&m, "# HELP things_total Things.\n# TYPE things_total counter\n"
                     "things_total{code=\"200\",kind=\"a\\\"b\\\\c\\nd\"} 2\n");
}

static void gauges_go_both_ways(void **state)
{
    (void)state;
    static struct metric m = {"now", "Now.", METRIC_GAUGE};
    metric_add(metric_series(&m, NULL), 5);
    metric_add(metric_series(&m, NULL), -7);
    assert_shows(&m, "# HELP now Now.\n# TYPE now gauge\nnow -2\n");
}

static void histograms_add_up(void **state)
{
    (void)state;
    static metric_bounds bounds = {0.5, 1, 2.5};
    static struct metric m = {"took_seconds", "How long.", METRIC_HISTOGRAM, {"a"}, bounds};
    const double seen[] = {0.5, 0.75, 2, 7};
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        metric_seen(&m, (struct str[]){STR("x")}, seen[i]);
    assert_shows(&m, "# HELP took_seconds How long.\n# TYPE took_seconds histogram\n"
                     "took_seconds_bucket{a=\"x\",le=\"0.5\"} 1\ntook_seconds_bucket{a=\"x\",le=\"1\"} 2\n"
                     "took_seconds_bucket{a=\"x\",le=\"2.5\"} 3\ntook_seconds_bucket{a=\"x\",le=\"+Inf\"} 4\n"
                     "took_seconds_sum{a=\"x\"} 10.25\ntook_seconds_count{a=\"x\"} 4\n");
}

static void made_up_values_have_an_end(void **state)
{
    (void)state;
    static struct metric m = {"many", "Many.", METRIC_COUNTER, {"name"}};
    _cleanup_arena_ struct arena a = {0};
    for (int i = 0; i < METRIC_SERIES_MAX; i++)
        assert_non_null(metric_series(&m, (struct str[]){arena_printf(&a, "%d", i)}));
    struct str more[] = {STR("one more")}, known[] = {STR("7")};
    assert_null(metric_series(&m, more));
    metric_count(&m, more);
    assert_non_null(metric_series(&m, known));
    struct str longest[] = {arena_printf(&a, "%300s", "x")};
    assert_null(metric_series(&m, longest));
}

static struct metric shared = {"shared", "Shared.", METRIC_COUNTER, {"thread"}};

static void count_main(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        metric_count(&shared, (struct str[]){STR("all")});
        metric_count(&shared, (struct str[]){str_from(arg)});
    }
}

static void threads_count_together(void **state)
{
    (void)state;
    char names[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = thread_start("counter", count_main, names[i]);
    for (int i = 0; i < 4; i++)
        thread_join(threads[i]);
    assert_int_equal(metric_value(metric_series(&shared, (struct str[]){STR("all")})), 40000);
    assert_int_equal(metric_value(metric_series(&shared, (struct str[]){STR("c")})), 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_told_by_their_labels),
        cmocka_unit_test(gauges_go_both_ways),
        cmocka_unit_test(histograms_add_up),
        cmocka_unit_test(made_up_values_have_an_end),
        cmocka_unit_test(threads_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
