/* Who must go so that a more important pod fits. */
#include "fixture.h"

#include <stdio.h>

#include "scheduler/preempt.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_free(&f);
    return 0;
}

/* "node: victim victim", or the message. Afterwards the model must be as before. */
static const char *outcome_of_preemption(struct sched_pod *p)
{
    static char text[512];
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf message = {0};
    struct cycle c;
    struct preemption what;
    int64_t before = 0, after = 0;
    for (size_t i = 0; i < f.model.n_nodes; i++)
        before += f.model.nodes[i]->room[RESOURCE_CPU].requested + (int64_t)f.model.nodes[i]->n_pods;
    cycle_begin(&c, &f.model, p, &a);
    cycle_filter(&c);
    assert_int_equal(c.n_fits, 0);
    bool found = preempt_find(&c, &what, &message);
    for (size_t i = 0; i < f.model.n_nodes; i++)
        after += f.model.nodes[i]->room[RESOURCE_CPU].requested + (int64_t)f.model.nodes[i]->n_pods;
    assert_int_equal(before, after);
    if (found) {
        buf_addf(&message, STR_FMT ":", STR_ARG(what.node->name));
        for (size_t i = 0; i < what.n_victims; i++)
            buf_addf(&message, " " STR_FMT, STR_ARG(what.victims[i]->name));
    }
    snprintf(text, sizeof text, STR_FMT, STR_ARG(buf_str(&message)));
    return text;
}

static struct sched_pod *pod(const char *node, const char *name, int priority, const char *cpu)
{
    return add_pod(
        &f, node,
        "{'metadata':{'name':'%s','labels':{'app':'%s'}},'spec':{'priority':%d,'containers':[{'name':'c',"
        "'resources':{'requests':{'cpu':'%s'}}}]}}",
        name, name, priority, cpu);
}

static void test_no_more_go_than_must(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "4", "8Gi", "");
    pod("a", "one", 1, "1");
    pod("a", "two", 2, "1");
    pod("a", "three", 3, "1");
    pod("a", "ten", 10, "1");
    assert_string_equal(outcome_of_preemption(pod(NULL, "p", 5, "2")), "a: two one");
    assert_string_equal(outcome_of_preemption(pod(NULL, "q", 5, "3")), "a: three two one");
    assert_string_equal(outcome_of_preemption(pod(NULL, "r", 5, "4")),
                        "0/1 nodes are available: 1 Insufficient cpu.");
    assert_string_equal(outcome_of_preemption(pod(NULL, "s", 1, "1")),
                        "0/1 nodes are available: 1 No preemption victims found for incoming pod.");
}

static void test_the_node_where_it_hurts_least(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "2", "8Gi", "");
    add_plain_node(&f, "b", "2", "8Gi", "");
    add_plain_node(&f, "c", "2", "8Gi", "");
    pod("a", "a3", 3, "2");
    pod("b", "b2", 2, "1");
    pod("b", "b2too", 2, "1");
    pod("c", "c2", 2, "2");
    assert_string_equal(outcome_of_preemption(pod(NULL, "p", 5, "2")), "c: c2");
}

static void test_budgets_are_respected_where_possible(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "2", "8Gi", "");
    add_plain_node(&f, "b", "2", "8Gi", "");
    pod("a", "guarded", 1, "2");
    pod("b", "plain", 2, "2");
    struct str_entry label = {STR("app"), STR("guarded")};
    struct label_selector selector = {.match_labels = {&label, 1}};
    struct pod_disruption_budget budget = {.metadata = {.name = STR("b"), .namespace = STR("default")},
                                           .spec = {.selector = &selector}};
    model_set_budget(&f.model, &budget);
    struct sched_pod *p = pod(NULL, "p", 5, "2");
    assert_string_equal(outcome_of_preemption(p), "b: plain");
    budget.status.disruptions_allowed = 1;
    model_set_budget(&f.model, &budget);
    assert_string_equal(outcome_of_preemption(p), "a: guarded");
    model_remove_budget(&f.model, STR("default"), STR("b"));
    assert_string_equal(outcome_of_preemption(p), "a: guarded");
}

static void test_where_it_cannot_help(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "2", "8Gi", "");
    add_node(&f, "{'metadata':{'name':'b'},'spec':{'taints':[{'key':'k','effect':'NoSchedule'}]},"
                 "'status':{'allocatable':{'cpu':'9','memory':'1Gi','pods':'10'}}}");
    pod("a", "x", 1, "2");
    assert_string_equal(outcome_of_preemption(pod(NULL, "p", 5, "3")),
                        "0/2 nodes are available: 2 Preemption is not helpful for scheduling.");
    struct sched_pod *p = add_pod(&f, NULL,
                                  "{'metadata':{'name':'q'},'spec':{'priority':9,'preemptionPolicy':'Never',"
                                  "'containers':[{'name':'c','resources':{'requests':{'cpu':'2'}}}]}}");
    assert_string_equal(outcome_of_preemption(p), "not eligible due to preemptionPolicy=Never.");
}

static void test_victims_on_their_way_out_are_waited_for(void **state)
{
    (void)state;
    struct sched_node *n = add_plain_node(&f, "a", "2", "8Gi", "");
    add_pod(&f, "a",
            "{'metadata':{'name':'x','deletionTimestamp':'2026-01-01T00:00:00Z'},'spec':{'containers':[{"
            "'name':'c','resources':{'requests':{'cpu':'2'}}}]}}");
    struct sched_pod *p = pod(NULL, "p", 5, "2");
    model_nominate(&f.model, p, n);
    assert_string_equal(outcome_of_preemption(p),
                        "not eligible due to a terminating pod on the nominated node.");
}

static void test_anti_affinity_can_be_preempted_too(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "2", "8Gi", "'kubernetes.io/hostname':'a'");
    pod("a", "x", 1, "1");
    struct sched_pod *p =
        add_pod(&f, NULL,
                "{'metadata':{'name':'p'},'spec':{'priority':5,'affinity':{'podAntiAffinity':{"
                "'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'kubernetes.io/hostname',"
                "'labelSelector':{'matchLabels':{'app':'x'}}}]}}}}");
    assert_string_equal(outcome_of_preemption(p), "a: x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_more_go_than_must, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_node_where_it_hurts_least, setup, teardown),
        cmocka_unit_test_setup_teardown(test_budgets_are_respected_where_possible, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_it_cannot_help, setup, teardown),
        cmocka_unit_test_setup_teardown(test_victims_on_their_way_out_are_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_anti_affinity_can_be_preempted_too, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
