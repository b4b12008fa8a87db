/* Replica sets and replication controllers: as many pods as asked for, and which ones. */
#include "cluster.h"

static void create_set(struct cluster *c, const char *name, int replicas, const char *more)
{
    create(c,
           "{'kind':'ReplicaSet','apiVersion':'apps/v1','metadata':{'name':'%s'},'spec':{'replicas':%d,"
           "'selector':{'matchLabels':{'app':'%s'}},'template':{'metadata':{'labels':{'app':'%s'}},"
           "'spec':{'containers':[{'name':'web','image':'one'}]}}%s}}",
           name, replicas, name, name, more);
}

static void create_pod(struct cluster *c, const char *name, const char *app)
{
    create(c,
           "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'%s','labels':{'app':'%s'}},"
           "'spec':{'containers':[{'name':'web','image':'one'}]}}",
           name, app);
}

static void pods_are_made_and_counted(void **state)
{
    struct cluster *c = *state;
    create_set(c, "web", 3, "");
    becomes(&replica_set_resource, "web", "status.replicas", "3");
    assert_int_equal(count(c, &pod_resource, "web-"), 3);
    becomes(&replica_set_resource, "web", "status.fullyLabeledReplicas", "3");
    assert_str(field(c, &replica_set_resource, "web", "status.readyReplicas"), "");
    event_comes("web", "SuccessfulCreate", "Created pod: web-?????");
    pod_becomes(c, name_of(c, &pod_resource, "web-", 0), "Running", true);
    becomes(&replica_set_resource, "web", "status.readyReplicas", "1");
    becomes(&replica_set_resource, "web", "status.availableReplicas", "1");
    assert_str(field(c, &replica_set_resource, "web", "status.observedGeneration"), "1");
}

static void a_lost_or_finished_pod_is_replaced(void **state)
{
    struct cluster *c = *state;
    create_set(c, "web", 2, "");
    becomes(&replica_set_resource, "web", "status.replicas", "2");
    const char *first = name_of(c, &pod_resource, "web-", 0), *second = name_of(c, &pod_resource, "web-", 1);
    erase(c, &pod_resource, first, PROPAGATE_DEFAULT);
    eventually(count(c, &pod_resource, "web-") == 2 && str_empty(field(c, &pod_resource, first, "kind")));
    pod_becomes(c, second, "Failed", false);
    eventually(count(c, &pod_resource, "web-") == 3);
    becomes(&replica_set_resource, "web", "status.replicas", "2");
}

static void pods_that_are_not_ready_go_first(void **state)
{
    struct cluster *c = *state;
    create_set(c, "web", 3, "");
    becomes(&replica_set_resource, "web", "status.replicas", "3");
    const char *keep = name_of(c, &pod_resource, "web-", 1);
    pod_becomes(c, keep, "Running", true);
    becomes(&replica_set_resource, "web", "status.readyReplicas", "1");
    patch(c, &replica_set_resource, "web", "", "{'spec':{'replicas':1}}");
    eventually(count(c, &pod_resource, "web-") == 1);
    assert_string_equal(name_of(c, &pod_resource, "web-", 0), keep);
    event_comes("web", "SuccessfulDelete", "Deleted pod: web-?????");
}

static void the_cost_of_deletion_decides_between_equals(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'web-dear','labels':{'app':'web'},"
              "'annotations':{'controller.kubernetes.io/pod-deletion-cost':'100'}},"
              "'spec':{'containers':[{'name':'web','image':'one'}]}}");
    create_set(c, "web", 3, "");
    becomes(&replica_set_resource, "web", "status.replicas", "3"); /* it has adopted the pod */
    patch(c, &replica_set_resource, "web", "", "{'spec':{'replicas':1}}");
    eventually(count(c, &pod_resource, "web-") == 1);
    assert_string_equal(name_of(c, &pod_resource, "web-", 0), "default/web-dear");
}

static void orphans_that_match_are_adopted(void **state)
{
    struct cluster *c = *state;
    create_pod(c, "web-orphan", "web");
    create_set(c, "web", 1, "");
    becomes(&replica_set_resource, "web", "status.replicas", "1");
    assert_int_equal(count(c, &pod_resource, "web-"), 1);
    assert_str(field(c, &pod_resource, "web-orphan", "metadata.ownerReferences[0].name"), "web");
    assert_str(field(c, &pod_resource, "web-orphan", "metadata.ownerReferences[0].controller"), "true");
}

static void a_pod_that_matches_no_longer_is_released_and_replaced(void **state)
{
    struct cluster *c = *state;
    create_set(c, "web", 1, "");
    eventually(count(c, &pod_resource, "web-") == 1);
    const char *pod = name_of(c, &pod_resource, "web-", 0);
    patch(c, &pod_resource, pod, "", "{'metadata':{'labels':{'app':'other'}}}");
    eventually(count(c, &pod_resource, "web-") == 2);
    becomes(&pod_resource, pod, "metadata.ownerReferences", "");
}

static void pods_become_available_only_after_min_ready_seconds(void **state)
{
    struct cluster *c = *state;
    create_set(c, "web", 1, ",'minReadySeconds':2");
    becomes(&replica_set_resource, "web", "status.replicas", "1");
    pod_becomes(c, name_of(c, &pod_resource, "web-", 0), "Running", true);
    becomes(&replica_set_resource, "web", "status.readyReplicas", "1");
    assert_str(field(c, &replica_set_resource, "web", "status.availableReplicas"), "");
    becomes(&replica_set_resource, "web", "status.availableReplicas", "1");
}

static void refused_pods_show_in_a_condition_and_an_event(void **state)
{
    struct cluster *c = *state;
    create_set(c, "web", 2, "");
    becomes(&replica_set_resource, "web", "status.replicas", "2");
    patch(c, &replica_set_resource, "web", "",
          "{'spec':{'replicas':3,'template':{'spec':{'serviceAccountName':'nobody','priorityClassName':'none'"
          "}}}}");
    becomes(&replica_set_resource, "web", "status.conditions[type=ReplicaFailure].reason", "FailedCreate");
    event_comes("web", "FailedCreate", "Error creating: pods \"web-*\" is forbidden: *");
    patch(c, &replica_set_resource, "web", "", "{'spec':{'replicas':2}}");
    becomes(&replica_set_resource, "web", "status.conditions", "");
}

static void replication_controllers_work_the_same(void **state)
{
    struct cluster *c = *state;
    create(c,
           "{'kind':'ReplicationController','apiVersion':'v1','metadata':{'name':'old'},'spec':{'replicas':2,"
           "'selector':{'app':'old'},'template':{'metadata':{'labels':{'app':'old'}},"
           "'spec':{'containers':[{'name':'web','image':'one'}]}}}}");
    becomes(&replication_controller_resource, "old", "status.replicas", "2");
    event_comes("old", "SuccessfulCreate", "Created pod: old-?????");
    patch(c, &replication_controller_resource, "old", "", "{'spec':{'replicas':0}}");
    eventually(count(c, &pod_resource, "old-") == 0);
    becomes(&replication_controller_resource, "old", "status.replicas", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(pods_are_made_and_counted),
        cluster_test(a_lost_or_finished_pod_is_replaced),
        cluster_test(pods_that_are_not_ready_go_first),
        cluster_test(the_cost_of_deletion_decides_between_equals),
        cluster_test(orphans_that_match_are_adopted),
        cluster_test(a_pod_that_matches_no_longer_is_released_and_replaced),
        cluster_test(pods_become_available_only_after_min_ready_seconds),
        cluster_test(refused_pods_show_in_a_condition_and_an_event),
        cluster_test(replication_controllers_work_the_same),
    };
    return cmocka_run_group_tests_name("controllers/replica_set", tests, NULL, NULL);
}
