/* Daemon sets: a pod on every node that suits. */
#include "cluster.h"

static void create_node(struct cluster *c, const char *name, const char *meta, const char *spec)
{
    create(c, "{'kind':'Node','apiVersion':'v1','metadata':{'name':'%s'%s},'spec':{%s}}", name, meta, spec);
}

static void create_set(struct cluster *c, const char *more)
{
    create(c,
           "{'kind':'DaemonSet','apiVersion':'apps/v1','metadata':{'name':'log'},'spec':{"
           "'selector':{'matchLabels':{'app':'log'}},'template':{'metadata':{'labels':{'app':'log'}},"
           "'spec':{'containers':[{'name':'log','image':'one'}]%s}}}}",
           more);
}

/* The node that the n-th pod is pinned to. */
static struct str node_of(struct cluster *c, int n)
{
    return field(
        c, &pod_resource, name_of(c, &pod_resource, "log-", n),
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
        ".matchFields[0].values[0]");
}

static void every_node_gets_one(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1", "", "");
    create_node(c, "worker-2", "", "");
    create_set(c, "");
    eventually(count(c, &pod_resource, "log-") == 2);
    assert_false(str_eq(node_of(c, 0), node_of(c, 1)));
    becomes(&daemon_set_resource, "log", "status.desiredNumberScheduled", "2");
    becomes(&daemon_set_resource, "log", "status.currentNumberScheduled", "2");
    becomes(&daemon_set_resource, "log", "status.numberUnavailable", "2");
    event_comes("log", "SuccessfulCreate", "Created pod: log-?????");
    create_node(c, "worker-3", "", "");
    eventually(count(c, &pod_resource, "log-") == 3);
    cluster_rest(c);
    assert_int_equal(count(c, &pod_resource, "log-"), 3);
}

static void only_nodes_that_suit(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1", ",'labels':{'disk':'fast'}", "");
    create_node(c, "worker-2", "", "");
    create_node(c, "worker-3", ",'labels':{'disk':'fast'}", "'taints':[{'key':'a','effect':'NoSchedule'}]");
    create_set(c, ",'nodeSelector':{'disk':'fast'}");
    eventually(count(c, &pod_resource, "log-") == 1);
    assert_str(node_of(c, 0), "worker-1");
    patch(c, &node_resource, "worker-2", "", "{'metadata':{'labels':{'disk':'fast'}}}");
    eventually(count(c, &pod_resource, "log-") == 2);
    patch(c, &node_resource, "worker-1", "", "{'metadata':{'labels':{'disk':null}}}");
    eventually(count(c, &pod_resource, "log-") == 1);
    assert_str(node_of(c, 0), "worker-2");
}

static void cordoned_nodes_keep_their_daemons(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1", "", "'unschedulable':true");
    becomes(&node_resource, "worker-1", "spec.taints[key=node.kubernetes.io/unschedulable].effect",
            "NoSchedule");
    create_set(c, "");
    eventually(count(c, &pod_resource, "log-") == 1);
}

static void a_new_template_replaces_pods_and_keeps_history(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_set(c, "");
    becomes(&daemon_set_resource, "log", "status.numberAvailable", "1");
    becomes(&daemon_set_resource, "log", "status.updatedNumberScheduled", "1");
    _cleanup_objects_ struct objects revisions = {0};
    assert_int_equal(
        client_list(cluster_client(c), &controller_revision_resource, STR("default"), NULL, &revisions, NULL),
        0);
    struct str data = ((const struct controller_revision *)object_typed(revisions.at[0]))->data;
    assert_true(str_starts(
        data, STR("{\"spec\":{\"template\":{\"$patch\":\"replace\",\"metadata\":{\"labels\":{\"app\":"
                  "\"log\"}},\"spec\":{\"containers\":[{\"image\":\"one\",\"imagePullPolicy\":")));
    patch(c, &daemon_set_resource, "log", "",
          "{'spec':{'template':{'spec':{'containers':[{'name':'log','image':'two'}]}}}}");
    eventually(str_is(
        field(c, &pod_resource, name_of(c, &pod_resource, "log-", 0), "spec.containers[0].image"), "two"));
    assert_int_equal(count(c, &pod_resource, "log-"), 1);
    becomes(&daemon_set_resource, "log", "status.updatedNumberScheduled", "1");
    assert_int_equal(count(c, &controller_revision_resource, "log-"), 2);
    patch(c, &daemon_set_resource, "log", "",
          "{'spec':{'template':{'spec':{'containers':[{'name':'log','image':'one'}]}}}}");
    eventually(str_is(
        field(c, &pod_resource, name_of(c, &pod_resource, "log-", 0), "spec.containers[0].image"), "one"));
    assert_int_equal(count(c, &controller_revision_resource, "log-"), 2); /* the first again, as the third */
}

static void new_pods_may_come_before_old_ones_go(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1", "", "");
    create_node(c, "worker-2", "", "");
    create(
        c,
        "{'kind':'DaemonSet','apiVersion':'apps/v1','metadata':{'name':'log'},'spec':{'updateStrategy':{"
        "'rollingUpdate':{'maxSurge':1,'maxUnavailable':0}},'selector':{'matchLabels':{'app':'log'}},"
        "'template':{'metadata':{'labels':{'app':'log'}},'spec':{'containers':[{'name':'log','image':'one'}]"
        "}}}}");
    eventually(count(c, &pod_resource, "log-") == 2);
    for (int i = 0; i < 2; i++)
        pod_becomes(c, name_of(c, &pod_resource, "log-", i), "Running", true);
    becomes(&daemon_set_resource, "log", "status.numberAvailable", "2");
    patch(c, &daemon_set_resource, "log", "",
          "{'spec':{'template':{'spec':{'containers':[{'name':'log','image':'two'}]}}}}");
    eventually(count(c, &pod_resource, "log-") == 3); /* one at a time */
    cluster_rest(c);
    assert_int_equal(count(c, &pod_resource, "log-"), 3);
    assert_str(field(c, &daemon_set_resource, "log", "status.numberAvailable"), "2");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < count(c, &pod_resource, "log-"); i++) {
            const char *name = name_of(c, &pod_resource, "log-", i);
            if (str_is(field(c, &pod_resource, name, "status.phase"), "Pending"))
                pod_becomes(c, name, "Running", true);
        }
        eventually(round || count(c, &pod_resource, "log-") == 3);
        becomes(&daemon_set_resource, "log", "status.updatedNumberScheduled", round ? "2" : "1");
    }
    eventually(count(c, &pod_resource, "log-") == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(every_node_gets_one),
        cluster_test(only_nodes_that_suit),
        cluster_test(cordoned_nodes_keep_their_daemons),
        cluster_test(a_new_template_replaces_pods_and_keeps_history),
        cluster_test(new_pods_may_come_before_old_ones_go),
    };
    return cmocka_run_group_tests_name("controllers/daemon_set", tests, NULL, NULL);
}
