/* Stateful sets: names, order and claims. */
#include "cluster.h"

#include <stdio.h>

static void create_set(struct cluster *c, int replicas, const char *more)
{
    create(c,
           "{'kind':'StatefulSet','apiVersion':'apps/v1','metadata':{'name':'db'},'spec':{'replicas':%d,"
           "'serviceName':'db','selector':{'matchLabels':{'app':'db'}},'template':{'metadata':{'labels':{'"
           "app':'db'}},"
           "'spec':{'containers':[{'name':'db','image':'one'}]}}%s}}",
           replicas, more);
}

static void set_image(struct cluster *c, const char *image)
{
    patch(c, &stateful_set_resource, "db", "",
          "{'spec':{'template':{'spec':{'containers':[{'name':'db','image':'%s'}]}}}}", image);
}

static void pods_are_made_one_after_the_other(void **state)
{
    struct cluster *c = *state;
    create_set(c, 3, "");
    becomes(&stateful_set_resource, "db", "status.replicas", "1");
    cluster_rest(c);
    assert_int_equal(count(c, &pod_resource, "db-"), 1);
    assert_str(field(c, &pod_resource, "db-0", "spec.hostname"), "db-0");
    assert_str(field(c, &pod_resource, "db-0", "spec.subdomain"), "db");
    assert_str(field(c, &pod_resource, "db-0", "metadata.labels.{apps.kubernetes.io/pod-index}"), "0");
    assert_str(field(c, &pod_resource, "db-0", "metadata.labels.{statefulset.kubernetes.io/pod-name}"),
               "db-0");
    event_comes("db", "SuccessfulCreate", "create Pod db-0 in StatefulSet db successful");
    pod_becomes(c, "db-0", "Running", true);
    eventually(count(c, &pod_resource, "db-") == 2);
    pod_becomes(c, "db-1", "Running", true);
    eventually(count(c, &pod_resource, "db-") == 3);
    pod_becomes(c, "db-2", "Running", true);
    becomes(&stateful_set_resource, "db", "status.readyReplicas", "3");
    becomes(&stateful_set_resource, "db", "status.availableReplicas", "3");
    assert_str(field(c, &stateful_set_resource, "db", "status.currentReplicas"), "3");
}

static void in_parallel_they_do_not_wait(void **state)
{
    struct cluster *c = *state;
    create_set(c, 3, ",'podManagementPolicy':'Parallel'");
    eventually(count(c, &pod_resource, "db-") == 3);
}

static void the_highest_goes_first(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_set(c, 3, "");
    becomes(&stateful_set_resource, "db", "status.readyReplicas", "3");
    patch(c, &stateful_set_resource, "db", "", "{'spec':{'replicas':1}}");
    eventually(count(c, &pod_resource, "db-") == 1);
    assert_string_equal(name_of(c, &pod_resource, "db-", 0), "default/db-0");
    event_comes("db", "SuccessfulDelete", "delete Pod db-2 in StatefulSet db successful");
}

static void shrinking_waits_for_the_unhealthy_below(void **state)
{
    struct cluster *c = *state;
    create_set(c, 3, "");
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "db-%d", i);
        eventually(count(c, &pod_resource, name) == 1);
        pod_becomes(c, name, "Running", true);
    }
    becomes(&stateful_set_resource, "db", "status.readyReplicas", "3");
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "db-%d", i);
        pod_becomes(c, name, "Running", false);
    }
    becomes(&stateful_set_resource, "db", "status.readyReplicas", "");
    patch(c, &stateful_set_resource, "db", "", "{'spec':{'replicas':0}}");
    cluster_rest(c);
    assert_int_equal(count(c, &pod_resource, "db-"), 3);
    pod_becomes(c, "db-2", "Running", true); /* the highest may go now, and then the next waits */
    eventually(count(c, &pod_resource, "db-") == 2);
    cluster_rest(c);
    assert_int_equal(count(c, &pod_resource, "db-"), 2);
    pod_becomes(c, "db-1", "Running", true);
    eventually(count(c, &pod_resource, "db-") == 0); /* the lowest has none below it to wait for */
}

static void each_has_claims_that_outlive_it(void **state)
{
    struct cluster *c = *state;
    create_set(c, 1,
               ",'volumeClaimTemplates':[{'metadata':{'name':'data'},'spec':{'accessModes':['ReadWriteOnce'],"
               "'resources':{'requests':{'storage':'1Gi'}}}}]");
    becomes(&persistent_volume_claim_resource, "data-db-0", "metadata.labels.app", "db");
    eventually(count(c, &pod_resource, "db-") == 1);
    assert_str(field(c, &pod_resource, "db-0", "spec.volumes[name=data].persistentVolumeClaim.claimName"),
               "data-db-0");
    patch(c, &stateful_set_resource, "db", "", "{'spec':{'replicas':0}}");
    eventually(count(c, &pod_resource, "db-") == 0);
    assert_str(field(c, &persistent_volume_claim_resource, "data-db-0", "metadata.name"), "data-db-0");
}

static void a_lost_pod_comes_back_under_its_name(void **state)
{
    struct cluster *c = *state;
    create_set(c, 1, "");
    eventually(count(c, &pod_resource, "db-") == 1);
    struct str before = field(c, &pod_resource, "db-0", "metadata.uid");
    pod_becomes(c, "db-0", "Failed", false);
    comes_anew(&pod_resource, "db-0", before);
    event_comes("db", "RecreatingFailedPod", "StatefulSet default/db is recreating failed Pod db-0");
}

static void updates_go_from_the_highest_down_to_the_partition(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_set(c, 3, ",'updateStrategy':{'type':'RollingUpdate','rollingUpdate':{'partition':1}}");
    becomes(&stateful_set_resource, "db", "status.readyReplicas", "3");
    set_image(c, "two");
    becomes(&pod_resource, "db-2", "spec.containers[0].image", "two");
    becomes(&pod_resource, "db-1", "spec.containers[0].image", "two");
    becomes(&stateful_set_resource, "db", "status.updatedReplicas", "2");
    cluster_rest(c);
    assert_str(field(c, &pod_resource, "db-0", "spec.containers[0].image"), "one");
    struct str before = field(c, &pod_resource, "db-0", "metadata.uid");
    erase(c, &pod_resource, "db-0", PROPAGATE_DEFAULT); /* below the partition it comes back as it was */
    comes_anew(&pod_resource, "db-0", before);
    assert_str(field(c, &pod_resource, "db-0", "spec.containers[0].image"), "one");
    becomes(&stateful_set_resource, "db", "status.readyReplicas", "3");
    patch(c, &stateful_set_resource, "db", "",
          "{'spec':{'updateStrategy':{'rollingUpdate':{'partition':0}}}}");
    becomes(&pod_resource, "db-0", "spec.containers[0].image", "two");
    becomes(&stateful_set_resource, "db", "status.updatedReplicas", "3");
    eventually(str_eq(field(c, &stateful_set_resource, "db", "status.currentRevision"),
                      field(c, &stateful_set_resource, "db", "status.updateRevision")));
}

static void claims_go_as_the_policy_says(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_set(c, 2,
               ",'persistentVolumeClaimRetentionPolicy':{'whenDeleted':'Delete','whenScaled':'Delete'},"
               "'volumeClaimTemplates':[{'metadata':{'name':'data'},'spec':{'accessModes':['ReadWriteOnce'],"
               "'resources':{'requests':{'storage':'1Gi'}}}}]");
    becomes(&stateful_set_resource, "db", "status.readyReplicas", "2");
    becomes(&persistent_volume_claim_resource, "data-db-1", "metadata.ownerReferences[0].kind",
            "StatefulSet");
    patch(c, &stateful_set_resource, "db", "", "{'spec':{'replicas':1}}");
    becomes(&persistent_volume_claim_resource, "data-db-1", "metadata.name", "");
    becomes(&persistent_volume_claim_resource, "data-db-0", "metadata.ownerReferences[0].kind",
            "StatefulSet");
    patch(c, &stateful_set_resource, "db", "",
          "{'spec':{'persistentVolumeClaimRetentionPolicy':{'whenDeleted':'Retain','whenScaled':'Retain'}}}");
    becomes(&persistent_volume_claim_resource, "data-db-0", "metadata.ownerReferences[0].kind", "");
}

static void several_may_be_updated_at_once(void **state)
{
    struct cluster *c = *state;
    create_set(c, 4,
               ",'podManagementPolicy':'Parallel','updateStrategy':{'rollingUpdate':{'maxUnavailable':2}}");
    eventually(count(c, &pod_resource, "db-") == 4);
    for (int i = 0; i < 4; i++) {
        char name[8];
        sprintf(name, "db-%d", i);
        pod_becomes(c, name, "Running", true);
    }
    becomes(&stateful_set_resource, "db", "status.readyReplicas", "4");
    becomes(&stateful_set_resource, "db", "status.currentReplicas", "4");
    set_image(c, "two");
    becomes(&pod_resource, "db-2", "spec.containers[0].image", "two"); /* not bound, it goes at once */
    becomes(&pod_resource, "db-3", "spec.containers[0].image", "two");
    cluster_rest(c);
    assert_str(field(c, &pod_resource, "db-1", "spec.containers[0].image"), "one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(pods_are_made_one_after_the_other),
        cluster_test(in_parallel_they_do_not_wait),
        cluster_test(the_highest_goes_first),
        cluster_test(shrinking_waits_for_the_unhealthy_below),
        cluster_test(each_has_claims_that_outlive_it),
        cluster_test(a_lost_pod_comes_back_under_its_name),
        cluster_test(updates_go_from_the_highest_down_to_the_partition),
        cluster_test(claims_go_as_the_policy_says),
        cluster_test(several_may_be_updated_at_once),
    };
    return cmocka_run_group_tests_name("controllers/stateful_set", tests, NULL, NULL);
}
