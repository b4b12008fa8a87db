/* Which nodes can take a pod, plugin by plugin, with upstream's words when none can. */
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

static void test_a_node_that_is_cordoned(void **state)
{
    (void)state;
    add_node(&f, "{'metadata':{'name':'a'},'spec':{'unschedulable':true,"
                 "'taints':[{'key':'node.kubernetes.io/unschedulable','effect':'NoSchedule'}]},"
                 "'status':{'allocatable':{'pods':'10'}}}");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'}}");
    assert_string_equal(outcome(&f, p), "0/1 nodes are available: 1 node(s) were unschedulable.");
    p = add_pod(&f, NULL,
                "{'metadata':{'name':'q'},'spec':{'tolerations':[{'key':'node.kubernetes.io/unschedulable',"
                "'operator':'Exists','effect':'NoSchedule'}]}}");
    assert_string_equal(outcome(&f, p), "a");
}

static void test_a_pod_that_names_its_node(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "1", "1Gi", "");
    add_plain_node(&f, "b", "1", "1Gi", "");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{'nodeName':'b'}}");
    assert_string_equal(outcome(&f, p), "b");
    p = add_pod(&f, NULL, "{'metadata':{'name':'q'},'spec':{'nodeName':'c'}}");
    assert_string_equal(outcome(&f, p),
                        "0/2 nodes are available: 2 node(s) didn't match the requested node name.");
}

static void test_taints_and_tolerations(void **state)
{
    (void)state;
    static const struct {
        const char *taint, *tolerations;
        bool fits;
    } cases[] = {
        {"'key':'k','value':'v','effect':'NoSchedule'", "", false},
        {"'key':'k','value':'v','effect':'NoExecute'", "", false},
        {"'key':'k','value':'v','effect':'PreferNoSchedule'", "", true},
        {"'key':'k','value':'v','effect':'NoSchedule'", "{'key':'k','value':'v'}",
         true}, /* Equal is the default */
        {"'key':'k','value':'v','effect':'NoSchedule'", "{'key':'k','operator':'Equal','value':'w'}", false},
        {"'key':'k','value':'v','effect':'NoSchedule'",
         "{'key':'k','operator':'Exists','effect':'NoExecute'}", false},
        {"'key':'k','value':'v','effect':'NoSchedule'", "{'key':'j','operator':'Exists'}", false},
        {"'key':'k','value':'v','effect':'NoSchedule'", "{'operator':'Exists'}", true},
        {"'key':'k','value':'5','effect':'NoSchedule'", "{'key':'k','operator':'Gt','value':'4'}", true},
        {"'key':'k','value':'5','effect':'NoSchedule'", "{'key':'k','operator':'Lt','value':'4'}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture g;
        fixture_init(&g);
        add_node(&g,
                 "{'metadata':{'name':'a'},'spec':{'taints':[{%s}]},'status':{'allocatable':{'pods':'10'}}}",
                 cases[i].taint);
        struct sched_pod *p =
            add_pod(&g, NULL, "{'metadata':{'name':'p'},'spec':{'tolerations':[%s]}}", cases[i].tolerations);
        assert_string_equal(outcome(&g, p),
                            cases[i].fits ? "a"
                                          : "0/1 nodes are available: 1 node(s) had untolerated taint(s).");
        fixture_free(&g);
    }
}

static void test_node_selectors_and_affinity(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *want;
    } cases[] = {
        {"'nodeSelector':{'disk':'ssd'}", "b"},
        {"'nodeSelector':{'disk':'ssd','gen':'3'}", NULL},
        {"'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':"
         "[{'matchExpressions':[{'key':'disk','operator':'In','values':['ssd','nvme']}]}]}}}",
         "b"},
        {"'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':"
         "[{'matchExpressions':[{'key':'disk','operator':'NotIn','values':['hdd']},"
         "{'key':'gen','operator':'Exists'}]}]}}}",
         "b"},
        {"'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':"
         "[{'matchExpressions':[{'key':'none','operator':'Exists'}]},"
         "{'matchExpressions':[{'key':'gen','operator':'Lt','values':['2']}]}]}}}",
         "a"},
        {"'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':"
         "[{'matchExpressions':[{'key':'disk','operator':'DoesNotExist'}]}]}}}",
         NULL},
        {"'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':["
         "{}]}}}",
         NULL}, /* a term that says nothing matches nothing */
    };
    add_plain_node(&f, "a", "1", "1Gi", "'disk':'hdd','gen':'1'");
    add_plain_node(&f, "b", "1", "1Gi", "'disk':'ssd','gen':'2'");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{%s}}", cases[i].spec);
        assert_string_equal(
            outcome(&f, p),
            cases[i].want ? cases[i].want
                          : "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.");
    }
}

static void test_a_daemons_pod_asks_one_node_only(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "1", "1Gi", "");
    add_plain_node(&f, "b", "1", "1Gi", "");
    add_plain_node(&f, "c", "1", "1Gi", "");
    struct sched_pod *p =
        add_pod(&f, NULL,
                "{'metadata':{'name':'p'},'spec':{'affinity':{'nodeAffinity':{"
                "'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':"
                "[{'matchFields':[{'key':'metadata.name','operator':'In','values':['b']}]}]}}},"
                "'containers':[{'name':'c','resources':{'requests':{'cpu':'500m'}}}]}}");
    assert_string_equal(outcome(&f, p), "b");
    add_pod(&f, "b",
            "{'metadata':{'name':'q'},'spec':{'containers':[{'name':'c','resources':{'requests':"
            "{'cpu':'600m'}}}]}}");
    assert_string_equal(
        outcome(&f, p),
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].");
}

static void test_host_ports(void **state)
{
    (void)state;
    static const struct {
        const char *port;
        bool free;
    } cases[] = {
        {"{'containerPort':80,'hostPort':8080}", false},
        {"{'containerPort':80,'hostPort':8081}", true},
        {"{'containerPort':80,'hostPort':8080,'protocol':'UDP'}", true},
        {"{'containerPort':80,'hostPort':8080,'hostIP':'10.0.0.2'}", true},
        {"{'containerPort':80,'hostPort':8080,'hostIP':'10.0.0.1'}", false},
        {"{'containerPort':80}", true},
    };
    add_plain_node(&f, "a", "1", "1Gi", "");
    add_pod(&f, "a",
            "{'metadata':{'name':'q'},'spec':{'containers':[{'name':'c','ports':"
            "[{'containerPort':80,'hostPort':8080,'hostIP':'10.0.0.1'}]}]}}");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sched_pod *p =
            add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','ports':[%s]}]}}",
                    cases[i].port);
        assert_string_equal(outcome(&f, p), cases[i].free
                                                ? "a"
                                                : "0/1 nodes are available: 1 node(s) didn't have free "
                                                  "ports for the requested pod ports.");
    }
}

static void test_resources(void **state)
{
    (void)state;
    add_node(&f, "{'metadata':{'name':'a'},'status':{'allocatable':"
                 "{'cpu':'2','memory':'4Gi','ephemeral-storage':'10Gi','pods':'3','example.com/gpu':'2'}}}");
    add_pod(&f, "a",
            "{'metadata':{'name':'q'},'spec':{'containers':[{'name':'c','resources':{'requests':"
            "{'cpu':'1500m','memory':'1Gi','example.com/gpu':'1'}}}]}}");
    static const struct {
        const char *requests, *want;
    } cases[] = {
        {"'cpu':'500m','memory':'3Gi','ephemeral-storage':'10Gi','example.com/gpu':'1'", "a"},
        {"'cpu':'501m'", "0/1 nodes are available: 1 Insufficient cpu."},
        {"'cpu':'1','memory':'3073Mi'",
         "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory."},
        {"'ephemeral-storage':'11Gi'", "0/1 nodes are available: 1 Insufficient ephemeral-storage."},
        {"'example.com/gpu':'2'", "0/1 nodes are available: 1 Insufficient example.com/gpu."},
        {"'example.com/tpu':'1'", "0/1 nodes are available: 1 Insufficient example.com/tpu."},
        {"'example.com/tpu':'0'", "a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sched_pod *p =
            add_pod(&f, NULL,
                    "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','resources':"
                    "{'requests':{%s}}}]}}",
                    cases[i].requests);
        assert_string_equal(outcome(&f, p), cases[i].want);
    }
    add_pod(&f, "a", "{'metadata':{'name':'r'}}");
    add_pod(&f, "a", "{'metadata':{'name':'s'}}");
    struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'}}");
    assert_string_equal(outcome(&f, p), "0/1 nodes are available: 1 Too many pods.");
}

static void test_what_a_pod_asks_for(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int64_t cpu, memory, scored_cpu, scored_memory;
    } cases[] = {
        {"'containers':[{'name':'a'},{'name':'b'}]", 0, 0, 200, INT64_C(400) << 20},
        {"'containers':[{'name':'a','resources':{'requests':{'cpu':'250m'}}},"
         "{'name':'b','resources':{'requests':{'cpu':'1','memory':'1Mi'}}}]",
         1250, 1 << 20, 1250, (INT64_C(200) << 20) + (1 << 20)},
        /* init containers run one by one: the greatest counts, where it is more than the containers together
         */
        {"'initContainers':[{'name':'i','resources':{'requests':{'cpu':'2'}}},"
         "{'name':'j','resources':{'requests':{'cpu':'1'}}}],"
         "'containers':[{'name':'a','resources':{'requests':{'cpu':'1'}}}]",
         2000, 0, 2000, INT64_C(200) << 20},
        /* sidecars run beside the containers and beside the init containers behind them */
        {"'initContainers':[{'name':'s','restartPolicy':'Always','resources':{'requests':{'cpu':'1'}}},"
         "{'name':'j','resources':{'requests':{'cpu':'2'}}}],"
         "'containers':[{'name':'a','resources':{'requests':{'cpu':'1'}}}]",
         3000, 0, 3000, INT64_C(400) << 20},
        {"'overhead':{'cpu':'100m'},'containers':[{'name':'a','resources':{'requests':{'cpu':'1'}}}]", 1100,
         0, 1100, INT64_C(200) << 20},
        /* what the pod as a whole asks for counts instead */
        {"'resources':{'requests':{'cpu':'3'}},'containers':[{'name':'a','resources':{'requests':{'cpu':'1'}}"
         "}]",
         3000, 0, 3000, INT64_C(200) << 20},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sched_pod *p = add_pod(&f, NULL, "{'metadata':{'name':'p'},'spec':{%s}}", cases[i].spec);
        int64_t cpu = 0, memory = 0;
        for (size_t k = 0; k < p->requests.amounts.n; k++) {
            const struct amount *a = &p->requests.amounts.at[k];
            cpu += a->resource == RESOURCE_CPU ? a->n : 0;
            memory += a->resource == RESOURCE_MEMORY ? a->n : 0;
        }
        assert_int_equal(cpu, cases[i].cpu);
        assert_int_equal(memory, cases[i].memory);
        assert_int_equal(p->requests.scored_cpu, cases[i].scored_cpu);
        assert_int_equal(p->requests.scored_memory, cases[i].scored_memory);
    }
}

#define TERM(kind, selector)                                                                                 \
    "'affinity':{'" kind "':{'requiredDuringSchedulingIgnoredDuringExecution':[{'labelSelector':" selector   \
    ",'topologyKey':'zone'}]}}"

static void test_pods_near_and_far(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "1", "1Gi", "'zone':'z1'");
    add_plain_node(&f, "b", "1", "1Gi", "'zone':'z2'");
    add_plain_node(&f, "c", "1", "1Gi", "");
    struct sched_pod *near = add_pod(
        &f, NULL,
        "{'metadata':{'name':'near'},'spec':{" TERM("podAffinity", "{'matchLabels':{'app':'db'}}") "}}");
    struct sched_pod *far = add_pod(
        &f, NULL,
        "{'metadata':{'name':'far'},'spec':{" TERM("podAntiAffinity", "{'matchLabels':{'app':'db'}}") "}}");
    assert_string_equal(outcome(&f, near),
                        "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.");
    add_pod(&f, "a", "{'metadata':{'name':'db','labels':{'app':'db'}}}");
    add_pod(&f, "b", "{'metadata':{'name':'db','namespace':'other','labels':{'app':'db'}}}");
    assert_string_equal(outcome(&f, near), "a");
    assert_string_equal(choices(&f, far), "b c");
    add_pod(&f, "b", "{'metadata':{'name':'db2','labels':{'app':'db'}}}");
    model_remove_node(&f.model, STR("c"));
    assert_string_equal(outcome(&f, far),
                        "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.");
    /* and the other way round: one that is there wants to be alone */
    add_pod(
        &f, "a",
        "{'metadata':{'name':'shy'},'spec':{" TERM("podAntiAffinity", "{'matchLabels':{'app':'web'}}") "}}");
    struct sched_pod *web = add_pod(&f, NULL,
                                    "{'metadata':{'name':'web','labels':{'app':'web'}},"
                                    "'spec':{'nodeSelector':{'zone':'z1'}}}");
    assert_string_equal(outcome(&f, web),
                        "0/2 nodes are available: 1 node(s) didn't match Pod's node "
                        "affinity/selector, 1 node(s) didn't satisfy existing pods anti-affinity "
                        "rules.");
}

static void test_the_first_of_a_group_begins_anywhere(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "1", "1Gi", "'zone':'z1'");
    struct sched_pod *p = add_pod(&f, NULL,
                                  "{'metadata':{'name':'p','labels':{'app':'web'}},'spec':{" TERM(
                                      "podAffinity", "{'matchLabels':{'app':'web'}}") "}}");
    assert_string_equal(outcome(&f, p), "a");
}

static void test_namespaces_of_affinity(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "1", "1Gi", "'zone':'z1'");
    add_pod(&f, "a", "{'metadata':{'name':'db','namespace':'data','labels':{'app':'db'}}}");
    struct sched_pod *p = add_pod(
        &f, NULL,
        "{'metadata':{'name':'p'},'spec':{'affinity':{'podAffinity':{"
        "'requiredDuringSchedulingIgnoredDuringExecution':[{'labelSelector':{'matchLabels':{'app':'db'}},"
        "'topologyKey':'zone','namespaceSelector':{'matchLabels':{'team':'x'}}}]}}}}");
    assert_string_equal(outcome(&f, p),
                        "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.");
    struct str_entry label = {STR("team"), STR("x")};
    model_set_namespace(&f.model, STR("data"), &(struct str_map){&label, 1});
    assert_string_equal(outcome(&f, p), "a");
}

#define SPREAD(more)                                                                                         \
    "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'zone','whenUnsatisfiable':'DoNotSchedule',"    \
    "'labelSelector':{'matchLabels':{'app':'web'}}" more "}]"

static void test_spreading_over_zones(void **state)
{
    (void)state;
    add_plain_node(&f, "a", "9", "9Gi", "'zone':'z1'");
    add_plain_node(&f, "b", "9", "9Gi", "'zone':'z2'");
    add_plain_node(&f, "c", "9", "9Gi", "");
    struct sched_pod *p =
        add_pod(&f, NULL, "{'metadata':{'name':'p','labels':{'app':'web'}},'spec':{" SPREAD("") "}}");
    assert_string_equal(choices(&f, p), "a b");
    add_pod(&f, "a", "{'metadata':{'name':'w1','labels':{'app':'web'}}}");
    assert_string_equal(outcome(&f, p), "b");
    model_remove_node(&f.model, STR("b"));
    assert_string_equal(outcome(&f, p), "a"); /* one zone is left: there is nothing to be uneven with */
    p = add_pod(&f, NULL,
                "{'metadata':{'name':'p','labels':{'app':'web'}},'spec':{" SPREAD(",'minDomains':2") "}}");
    assert_string_equal(outcome(&f, p),
                        "0/2 nodes are available: 1 node(s) didn't match pod topology spread "
                        "constraints, 1 node(s) didn't match pod topology spread constraints (missing "
                        "required label).");
}

static void test_room_is_kept_for_nominated_pods(void **state)
{
    (void)state;
    struct sched_node *n = add_plain_node(&f, "a", "1", "1Gi", "");
#define ASKS(name, priority)                                                                                 \
    "{'metadata':{'name':'" name "'},'spec':{'priority':" priority                                           \
    ",'containers':[{'name':'c','resources':{'requests':{'cpu':'600m'}}}]}}"
    struct sched_pod *high = add_pod(&f, NULL, ASKS("high", "10")),
                     *low = add_pod(&f, NULL, ASKS("low", "1"));
    model_nominate(&f.model, high, n);
    assert_string_equal(outcome(&f, low), "0/1 nodes are available: 1 Insufficient cpu.");
    assert_string_equal(outcome(&f, high), "a");
    model_nominate(&f.model, high, NULL);
    assert_string_equal(outcome(&f, low), "a");
}

static void test_the_first_plugin_to_refuse_gives_the_reason(void **state)
{
    (void)state;
    add_node(&f, "{'metadata':{'name':'a'},'spec':{'taints':[{'key':'k','effect':'NoSchedule'}]}}");
    add_plain_node(&f, "b", "1", "1Gi", "");
    add_plain_node(&f, "c", "1", "1Gi", "");
    struct sched_pod *p = add_pod(&f, NULL,
                                  "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','resources':"
                                  "{'requests':{'cpu':'8'}}}]}}");
    assert_string_equal(outcome(&f, p),
                        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_node_that_is_cordoned, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_pod_that_names_its_node, setup, teardown),
        cmocka_unit_test(test_taints_and_tolerations),
        cmocka_unit_test_setup_teardown(test_node_selectors_and_affinity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_daemons_pod_asks_one_node_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resources, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_pod_asks_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pods_near_and_far, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_first_of_a_group_begins_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_namespaces_of_affinity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spreading_over_zones, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room_is_kept_for_nominated_pods, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_first_plugin_to_refuse_gives_the_reason, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
