/* Of the nodes that can, the one that suits best. */
#include "fixture.h"

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

#define ASKS(cpu, memory)                                                                                    \
    "'containers':[{'name':'c','image':'example.com/web:1','resources':{'requests':{'cpu':'" cpu             \
    "','memory':'" memory "'}}}]"

static void test_the_emptier_node(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "4", "8Gi", "");
    add_plain_node(&f, "b", "4", "8Gi", "");
    add_pod(&f, "a", "{'metadata':{'name':'q'},'spec':{" ASKS("1", "2Gi") "}}");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{" ASKS("1", "2Gi") "}}");
    assert_string_equal(choices(&f, p), "b");
}

static void test_equals_are_chosen_by_chance(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "4", "8Gi", "");
    add_plain_node(&f, "b", "4", "8Gi", "");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{" ASKS("1", "2Gi") "}}");
    assert_string_equal(choices(&f, p), "a b");
}

static void test_pods_that_ask_for_nothing_are_spread_too(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "4", "8Gi", "");
    add_plain_node(&f, "b", "4", "8Gi", "");
    add_pod(&f, "a", "{'metadata':{'name':'q'},'spec':{'containers':[{'name':'c'}]}}");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c'}]}}");
    assert_string_equal(choices(&f, p), "b");
}

/* Both would be equally full; on the second, CPU and memory would be used as evenly as they can be. */
static void test_the_better_balance(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "10", "10Gi", "");
    add_plain_node(&f, "b", "10", "10Gi", "");
    add_pod(&f, "a", "{'metadata':{'name':'x'},'spec':{" ASKS("4", "2Gi") "}}");
    add_pod(&f, "b", "{'metadata':{'name':'y'},'spec':{" ASKS("2", "4Gi") "}}");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{" ASKS("3", "1Gi") "}}");
    assert_string_equal(choices(&f, p), "b");
}

static void test_preferred_node_affinity_outweighs_load(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "4", "8Gi", "'disk':'ssd'");
    add_plain_node(&f, "b", "4", "8Gi", "");
    add_pod(&f, "a", "{'metadata':{'name':'q'},'spec':{" ASKS("1", "2Gi") "}}");
    struct sched_pod *p = add_pod(&f, NULL,
                                  "{'metadata':{'name':'p'},'spec':{'affinity':{'nodeAffinity':{"
                                  "'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':1,"
                                  "'preference':{'matchExpressions':[{'key':'disk','operator':'In',"
                                  "'values':['ssd']}]}}]}}," ASKS("1", "2Gi") "}}");
    assert_string_equal(choices(&f, p), "a");
}

static void test_nodes_that_would_rather_not(void **state)
{
    (void)state;
    add_node(&f, "{'metadata':{'name':'a'},'spec':{'taints':[{'key':'k','effect':'PreferNoSchedule'}]},"
                 "'status':{'allocatable':{'cpu':'4','memory':'8Gi','pods':'10'}}}");
    add_plain_node(&f, "b", "4", "8Gi", "");
    add_pod(&f, "b", "{'metadata':{'name':'q'},'spec':{" ASKS("2", "4Gi") "}}");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{" ASKS("1", "2Gi") "}}");
    assert_string_equal(choices(&f, p), "b");
    p = add_pod(
        &f, NULL,
        "{'metadata':{'name':'p'},'spec':{'tolerations':[{'operator':'Exists'}]," ASKS("1", "2Gi") "}}");
    assert_string_equal(choices(&f, p), "a");
}

static void test_where_the_image_is(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "4", "8Gi", "");
    add_node(&f, "{'metadata':{'name':'b'},'status':{'allocatable':{'cpu':'4','memory':'8Gi','pods':'10'},"
                 "'images':[{'names':['example.com/web:1'],'sizeBytes':900000000}]}}");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{" ASKS("1", "2Gi") "}}");
    assert_string_equal(choices(&f, p), "b");
}

static void test_preferred_neighbours(void **state)
{
    (void)state;
#define PREFERS(kind)                                                                                        \
    "'affinity':{'" kind                                                                                     \
    "':{'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':10,'podAffinityTerm':{"                 \
    "'labelSelector':{'matchLabels':{'app':'db'}},'topologyKey':'zone'}}]}}"
    add_plain_node(&f, "a", "4", "8Gi", "'zone':'z1'");
    add_plain_node(&f, "b", "4", "8Gi", "'zone':'z2'");
    add_pod(&f, "a", "{'metadata':{'name':'db','labels':{'app':'db'}}}");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{" PREFERS("podAffinity") "}}");
    assert_string_equal(choices(&f, p), "a");
    p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{" PREFERS("podAntiAffinity") "}}");
    assert_string_equal(choices(&f, p), "b");
}

static void test_replicas_go_where_fewer_of_them_are(void **state)
{
    (void)state;
#define REPLICA(name)                                                                                        \
    "{'metadata':{'name':'" name                                                                             \
    "','ownerReferences':[{'apiVersion':'apps/v1','kind':'ReplicaSet','name':'web',"                         \
    "'uid':'u1','controller':true}]},'spec':{'containers':[{'name':'c'}]}}"
    add_plain_node(&f, "a", "64", "256Gi", "'kubernetes.io/hostname':'a'");
    add_plain_node(&f, "b", "64", "256Gi", "'kubernetes.io/hostname':'b'");
    add_pod(&f, "a", REPLICA("r1"));
    add_pod(&f, "b",
            "{'metadata':{'name':'other'},'spec':{'containers':[{'name':'c','resources':{'requests':"
            "{'cpu':'8','memory':'32Gi'}}}]}}");
    struct sched_pod *p = add_pod(&f, NULL, REPLICA("r2"));
    assert_string_equal(choices(&f, p), "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_emptier_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equals_are_chosen_by_chance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pods_that_ask_for_nothing_are_spread_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_better_balance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preferred_node_affinity_outweighs_load, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nodes_that_would_rather_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_the_image_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preferred_neighbours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replicas_go_where_fewer_of_them_are, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
