/* Nodes: their ranges, what happens when they fall silent, and what becomes of their pods. */
#include <stdio.h>

#include "base/clock.h"
#include "cluster.h"

/* A node that said that it was ready, once. */
static void create_node(struct cluster *c, const char *name)
{
    create(c, "{'kind':'Node','apiVersion':'v1','metadata':{'name':'%s'}}", name);
    patch(c, &node_resource, name, "status",
          "{'status':{'conditions':[{'type':'Ready','status':'True','lastHeartbeatTime':'2026-01-01T00:00:"
          "00Z'}]}}");
}

static void create_pod(struct cluster *c, const char *name, const char *node, const char *more)
{
    create(c,
           "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'%s'},'spec':{'nodeName':'%s',"
           "'containers':[{'name':'web','image':'one'}]%s}}",
           name, node, more);
}

/* Heartbeats that keep a node alive while others fall silent. */
static void beat(struct cluster *c, const char *name, int s)
{
    patch(c, &node_resource, name, "status",
          "{'status':{'conditions':[{'type':'Ready','status':'True','lastHeartbeatTime':'2026-01-01T00:00:%"
          "02dZ'}]}}",
          s);
}

static void each_node_gets_a_range_of_its_own(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1");
    becomes(&node_resource, "worker-1", "spec.podCIDR", "10.244.0.0/24");
    assert_str(field(c, &node_resource, "worker-1", "spec.podCIDRs"),
               "[\"10.244.0.0/24\",\"fd00:96:0:1::/64\"]"); /* behind what is for services */
    create_node(c, "worker-2");
    becomes(&node_resource, "worker-2", "spec.podCIDR", "10.244.1.0/24");
    assert_str(field(c, &node_resource, "worker-2", "spec.podCIDRs"),
               "[\"10.244.1.0/24\",\"fd00:96:0:2::/64\"]");
    erase(c, &node_resource, "worker-1", PROPAGATE_DEFAULT);
    becomes(&node_resource, "worker-1", "metadata.name", "");
    create_node(c, "worker-3");
    becomes(&node_resource, "worker-3", "spec.podCIDR", "10.244.0.0/24");
}

static void a_silent_node_is_unknown_and_tainted(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1");
    becomes(&node_resource, "worker-1", "status.conditions[type=Ready].status", "Unknown");
    assert_str(field(c, &node_resource, "worker-1", "status.conditions[type=Ready].reason"),
               "NodeStatusUnknown");
    assert_str(field(c, &node_resource, "worker-1", "status.conditions[type=Ready].message"),
               "Kubelet stopped posting node status.");
    assert_str(field(c, &node_resource, "worker-1", "status.conditions[type=MemoryPressure].reason"),
               "NodeStatusNeverUpdated");
    becomes(&node_resource, "worker-1", "spec.taints[key=node.kubernetes.io/unreachable].effect",
            "NoSchedule");
    event_comes("worker-1", "RegisteredNode", "Node worker-1 event: Registered Node worker-1 in Controller");
    event_comes("worker-1", "NodeNotReady", "Node worker-1 status is now: NodeNotReady");
}

static void a_lease_is_a_sign_of_life_too(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'Lease','apiVersion':'coordination.k8s.io/v1','metadata':{'name':'worker-1',"
              "'namespace':'kube-node-lease'},'spec':{'renewTime':'2026-01-01T00:00:00.000000Z'}}");
    create_node(c, "worker-1");
    for (int i = 1; i < 10; i++) { /* well beyond the grace period */
        patch(c, &lease_resource, "kube-node-lease/worker-1", "",
              "{'spec':{'renewTime':'2026-01-01T00:00:%02d.000000Z'}}", i);
        clock_sleep(100 * CLOCK_MS);
        assert_str(field(c, &node_resource, "worker-1", "status.conditions[type=Ready].status"), "True");
    }
    becomes(&node_resource, "worker-1", "status.conditions[type=Ready].status", "Unknown");
}

static void a_node_that_speaks_again_loses_its_taints(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1");
    becomes(&node_resource, "worker-1", "spec.taints[key=node.kubernetes.io/unreachable].effect",
            "NoSchedule");
    beat(c, "worker-1", 30);
    becomes(&node_resource, "worker-1", "spec.taints", "");
}

static void pods_of_a_silent_node_are_not_ready(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1");
    create_pod(c, "web", "worker-1", "");
    pod_becomes(c, "web", "Running", true);
    becomes(&pod_resource, "web", "status.conditions[type=Ready].status", "False");
    event_comes("web", "NodeNotReady", "Node is not ready");
}

static void a_cordoned_node_is_tainted(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    patch(c, &node_resource, "worker-1", "", "{'spec':{'unschedulable':true}}");
    becomes(&node_resource, "worker-1", "spec.taints[key=node.kubernetes.io/unschedulable].effect",
            "NoSchedule");
    patch(c, &node_resource, "worker-1", "", "{'spec':{'unschedulable':null}}");
    becomes(&node_resource, "worker-1", "spec.taints", "");
}

static void while_another_node_lives_pods_are_driven_off_a_silent_one(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1");
    create_node(c, "worker-2");
    const char *path = "spec.taints[effect=NoExecute].key";
    int64_t deadline = cluster_deadline();
    for (int i = 1; str_empty(field(c, &node_resource, "worker-1", path)); i++) {
        assert_true(clock_mono() < deadline);
        beat(c, "worker-2", i % 60);
        clock_sleep(50 * CLOCK_MS);
    }
    assert_str(field(c, &node_resource, "worker-1", "spec.taints[effect=NoExecute].key"),
               "node.kubernetes.io/unreachable");
    assert_true(field(c, &node_resource, "worker-1", "spec.taints[effect=NoExecute].timeAdded").n > 0);
}

static void pods_that_do_not_tolerate_a_taint_are_deleted(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1");
    create_pod(c, "plain", "worker-1", "");
    create_pod(c, "patient", "worker-1",
               ",'tolerations':[{'key':'a','operator':'Exists','effect':'NoExecute','tolerationSeconds':1}]");
    create_pod(c, "stoic", "worker-1", ",'tolerations':[{'key':'a','operator':'Exists'}]");
    patch(c, &node_resource, "worker-1", "",
          "{'spec':{'taints':[{'key':'a','value':'b','effect':'NoExecute'}]}}");
    eventually(!str_empty(field(c, &pod_resource, "plain", "metadata.deletionTimestamp")));
    event_comes("plain", "TaintManagerEviction", "Marking for deletion Pod default/plain");
    assert_str(field(c, &pod_resource, "plain", "status.conditions[type=DisruptionTarget].reason"),
               "DeletionByTaintManager");
    assert_str(field(c, &pod_resource, "patient", "metadata.deletionTimestamp"), "");
    eventually(!str_empty(field(c, &pod_resource, "patient", "metadata.deletionTimestamp")));
    assert_str(field(c, &pod_resource, "stoic", "metadata.deletionTimestamp"), "");
}

static void finished_pods_beyond_the_threshold_are_deleted(void **state)
{
    struct cluster *c = *state;
    create_node(c, "worker-1");
    for (int i = 0; i < 7; i++) {
        char name[8];
        snprintf(name, sizeof name, "job-%d", i);
        create_pod(c, name, "worker-1", "");
        pod_becomes(c, name, "Succeeded", false);
    }
    eventually(count(c, &pod_resource, "job-") == 5);
    assert_string_equal(name_of(c, &pod_resource, "job-", 0), "default/job-2"); /* the oldest went */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(each_node_gets_a_range_of_its_own),
        impatient_test(a_silent_node_is_unknown_and_tainted),
        impatient_test(a_lease_is_a_sign_of_life_too),
        impatient_test(a_node_that_speaks_again_loses_its_taints),
        impatient_test(pods_of_a_silent_node_are_not_ready),
        cluster_test(a_cordoned_node_is_tainted),
        impatient_test(while_another_node_lives_pods_are_driven_off_a_silent_one),
        cluster_test(pods_that_do_not_tolerate_a_taint_are_deleted),
        cluster_test(finished_pods_beyond_the_threshold_are_deleted),
    };
    return cmocka_run_group_tests_name("controllers/node", tests, NULL, NULL);
}
