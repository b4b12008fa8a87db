/* Deployments, from first replicas to rollback. */
#include "cluster.h"

/* A deployment "web" of `replicas`, whose template differs by `image`; `more` goes into its spec. */
static void create_web(struct cluster *c, int replicas, const char *image, const char *more)
{
    create(c,
           "{'kind':'Deployment','apiVersion':'apps/v1','metadata':{'name':'web'},'spec':{'replicas':%d,"
           "'selector':{'matchLabels':{'app':'web'}},'template':{'metadata':{'labels':{'app':'web'}},"
           "'spec':{'containers':[{'name':'web','image':'%s'}]}}%s}}",
           replicas, image, more);
}

static void set_image(struct cluster *c, const char *image)
{
    patch(c, &deployment_resource, "web", "",
          "{'spec':{'template':{'spec':{'containers':[{'name':'web','image':'%s'}]}}}}", image);
}

/* The replica set of an image. */
static const char *set_of(struct cluster *c, const char *image)
{
    for (int i = 0; i < count(c, &replica_set_resource, "web-"); i++) {
        const char *name = name_of(c, &replica_set_resource, "web-", i);
        if (str_is(field(c, &replica_set_resource, name, "spec.template.spec.containers[0].image"), image))
            return name;
    }
    return "";
}

static void a_deployment_makes_a_replica_set_and_that_pods(void **state)
{
    struct cluster *c = *state;
    create_web(c, 2, "one", "");
    eventually(count(c, &replica_set_resource, "web-") == 1 && count(c, &pod_resource, "web-") == 2);
    const char *rs = set_of(c, "one");
    struct str hash = field(c, &replica_set_resource, rs, "metadata.labels.pod-template-hash");
    assert_true(hash.n >= 8 && hash.n <= 10);
    assert_true(str_ends(str_from(rs), hash));
    assert_str(field(c, &replica_set_resource, rs, "spec.selector.matchLabels.app"), "web");
    assert_true(
        str_eq(field(c, &replica_set_resource, rs, "spec.selector.matchLabels.pod-template-hash"), hash));
    assert_str(field(c, &replica_set_resource, rs, "metadata.ownerReferences[0].kind"), "Deployment");
    assert_str(field(c, &replica_set_resource, rs, "metadata.ownerReferences[0].controller"), "true");
    assert_str(
        field(c, &replica_set_resource, rs, "metadata.annotations.{deployment.kubernetes.io/revision}"), "1");
    assert_str(field(c, &replica_set_resource, rs,
                     "metadata.annotations.{deployment.kubernetes.io/desired-replicas}"),
               "2");
    assert_str(
        field(c, &replica_set_resource, rs, "metadata.annotations.{deployment.kubernetes.io/max-replicas}"),
        "3");
    const char *pod = name_of(c, &pod_resource, "web-", 0);
    assert_str(field(c, &pod_resource, pod, "metadata.labels.app"), "web");
    assert_str(field(c, &pod_resource, pod, "metadata.ownerReferences[0].kind"), "ReplicaSet");
    event_comes("web", "ScalingReplicaSet", "Scaled up replica set web-* from 0 to 2");
    becomes(&deployment_resource, "web", "metadata.annotations.{deployment.kubernetes.io/revision}", "1");
    becomes(&deployment_resource, "web", "status.unavailableReplicas", "2");
    becomes(&deployment_resource, "web", "status.conditions[type=Available].reason",
            "MinimumReplicasUnavailable");
    becomes(&deployment_resource, "web", "status.observedGeneration", "1");
}

static void it_is_available_once_its_pods_are_ready(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_web(c, 2, "one", "");
    becomes(&deployment_resource, "web", "status.availableReplicas", "2");
    becomes(&deployment_resource, "web", "status.conditions[type=Available].status", "True");
    becomes(&deployment_resource, "web", "status.conditions[type=Available].message",
            "Deployment has minimum availability.");
    becomes(&deployment_resource, "web", "status.conditions[type=Progressing].reason",
            "NewReplicaSetAvailable");
    struct str message = field(c, &deployment_resource, "web", "status.conditions[type=Progressing].message");
    assert_true(str_starts(message, STR("ReplicaSet \"web-")) &&
                str_ends(message, STR("\" has successfully progressed.")));
    assert_str(field(c, &deployment_resource, "web", "status.readyReplicas"), "2");
    assert_str(field(c, &deployment_resource, "web", "status.updatedReplicas"), "2");
    assert_str(field(c, &deployment_resource, "web", "status.unavailableReplicas"), "");
}

static void a_new_template_rolls_out_step_by_step(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_web(c, 4, "one", "");
    becomes(&deployment_resource, "web", "status.availableReplicas", "4");
    set_image(c, "two");
    eventually(*set_of(c, "two"));
    becomes(&replica_set_resource, set_of(c, "two"), "status.availableReplicas", "4");
    becomes(&replica_set_resource, set_of(c, "one"), "spec.replicas", "0");
    becomes(&deployment_resource, "web", "status.conditions[type=Progressing].reason",
            "NewReplicaSetAvailable");
    becomes(&deployment_resource, "web", "metadata.annotations.{deployment.kubernetes.io/revision}", "2");
    eventually(count(c, &pod_resource, "web-") == 4);
    event_comes("web", "ScalingReplicaSet", "Scaled up replica set web-* from 0 to 1");
    event_comes("web", "ScalingReplicaSet", "Scaled down replica set web-* from 4 to [23]");
    event_comes("web", "ScalingReplicaSet", "Scaled down replica set web-* from [123] to 0");
}

static void an_ill_template_takes_no_more_than_may_be_unavailable(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_web(c, 4, "one", ",'progressDeadlineSeconds':1");
    becomes(&deployment_resource, "web", "status.availableReplicas", "4");
    patch(c, &deployment_resource, "web", "",
          "{'spec':{'template':{'metadata':{'labels':{'ill':'yes'}},'spec':{'containers':[{'name':'web','"
          "image':'two'}]}}}}");
    becomes(&deployment_resource, "web", "status.conditions[type=Progressing].reason",
            "ProgressDeadlineExceeded");
    struct str message = field(c, &deployment_resource, "web", "status.conditions[type=Progressing].message");
    assert_true(str_ends(message, STR("\" has timed out progressing.")));
    becomes(&replica_set_resource, set_of(c, "one"), "spec.replicas", "3"); /* maxUnavailable 25% */
    becomes(&replica_set_resource, set_of(c, "two"), "spec.replicas", "2"); /* maxSurge 25% */
    becomes(&deployment_resource, "web", "status.conditions[type=Available].status", "True");
}

static void undoing_brings_the_old_replica_set_back_under_a_new_revision(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_web(c, 1, "one", "");
    becomes(&deployment_resource, "web", "status.availableReplicas", "1");
    set_image(c, "two");
    eventually(*set_of(c, "two"));
    becomes(&replica_set_resource, set_of(c, "two"), "status.availableReplicas", "1");
    becomes(&replica_set_resource, set_of(c, "one"), "status.replicas", "0");
    set_image(c, "one"); /* kubectl rollout undo copies the old template back */
    becomes(&replica_set_resource, set_of(c, "one"), "status.availableReplicas", "1");
    becomes(&deployment_resource, "web", "metadata.annotations.{deployment.kubernetes.io/revision}", "3");
    assert_str(field(c, &replica_set_resource, set_of(c, "one"),
                     "metadata.annotations.{deployment.kubernetes.io/revision-history}"),
               "1");
    assert_int_equal(count(c, &replica_set_resource, "web-"), 2);
}

static void old_replica_sets_beyond_the_limit_are_deleted(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_web(c, 1, "one", ",'revisionHistoryLimit':1");
    becomes(&deployment_resource, "web", "status.availableReplicas", "1");
    const char *const images[] = {"two", "three"};
    for (size_t i = 0; i < ARRAY_LEN(images); i++) {
        set_image(c, images[i]);
        eventually(*set_of(c, images[i]));
        becomes(&replica_set_resource, set_of(c, images[i]), "status.availableReplicas", "1");
    }
    eventually(count(c, &replica_set_resource, "web-") == 2);
    assert_string_equal(set_of(c, "one"), "");
}

static void recreate_ends_all_old_pods_before_it_starts_new_ones(void **state)
{
    struct cluster *c = *state;
    create_web(c, 2, "one", ",'strategy':{'type':'Recreate'}");
    eventually(count(c, &pod_resource, "web-") == 2);
    const char *left = name_of(c, &pod_resource, "web-", 0);
    patch(c, &pod_resource, left, "", "{'metadata':{'finalizers':['example.com/wait']}}");
    set_image(c, "two");
    becomes(&replica_set_resource, set_of(c, "one"), "spec.replicas", "0");
    eventually(count(c, &pod_resource, "web-") == 1);
    cluster_rest(c);
    assert_string_equal(set_of(c, "two"), ""); /* one old pod still ends */
    patch(c, &pod_resource, left, "", "{'metadata':{'finalizers':null}}");
    eventually(*set_of(c, "two"));
    eventually(count(c, &pod_resource, "web-") == 2);
}

static void a_paused_deployment_scales_but_does_not_roll_out(void **state)
{
    struct cluster *c = *state;
    create_web(c, 1, "one", "");
    eventually(count(c, &pod_resource, "web-") == 1);
    patch(c, &deployment_resource, "web", "", "{'spec':{'paused':true}}");
    becomes(&deployment_resource, "web", "status.conditions[type=Progressing].reason", "DeploymentPaused");
    becomes(&deployment_resource, "web", "status.conditions[type=Progressing].message",
            "Deployment is paused");
    set_image(c, "two");
    patch(c, &deployment_resource, "web", "", "{'spec':{'replicas':3}}");
    becomes(&replica_set_resource, set_of(c, "one"), "spec.replicas", "3");
    cluster_rest(c);
    assert_string_equal(set_of(c, "two"), "");
    patch(c, &deployment_resource, "web", "", "{'spec':{'paused':false}}");
    eventually(*set_of(c, "two"));
}

static void scaling_in_the_middle_of_a_rollout_is_shared_in_proportion(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_web(c, 10, "one", ",'strategy':{'rollingUpdate':{'maxSurge':3,'maxUnavailable':2}}");
    becomes(&deployment_resource, "web", "status.availableReplicas", "10");
    patch(c, &deployment_resource, "web", "",
          "{'spec':{'template':{'metadata':{'labels':{'ill':'yes'}},'spec':{'containers':[{'name':'web','"
          "image':'two'}]}}}}");
    eventually(*set_of(c, "two"));
    becomes(&replica_set_resource, set_of(c, "two"), "spec.replicas", "5");
    becomes(&replica_set_resource, set_of(c, "one"), "spec.replicas", "8");
    becomes(&replica_set_resource, set_of(c, "one"), "status.replicas", "8");
    becomes(&replica_set_resource, set_of(c, "two"), "status.replicas", "5");
    patch(c, &deployment_resource, "web", "", "{'spec':{'replicas':30}}");
    /* 33 are allowed, 20 are to add: 8 of 13 and 5 of 13 of them, as upstream's own test has it */
    becomes(&replica_set_resource, set_of(c, "one"), "spec.replicas", "20");
    becomes(&replica_set_resource, set_of(c, "two"), "spec.replicas", "13");
}

static void deleting_it_deletes_its_replica_sets_and_their_pods(void **state)
{
    struct cluster *c = *state;
    create_web(c, 1, "one", "");
    eventually(count(c, &pod_resource, "web-") == 1);
    erase(c, &deployment_resource, "web", PROPAGATE_BACKGROUND);
    eventually(count(c, &replica_set_resource, "web-") == 0);
    eventually(count(c, &pod_resource, "web-") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(a_deployment_makes_a_replica_set_and_that_pods),
        cluster_test(it_is_available_once_its_pods_are_ready),
        cluster_test(a_new_template_rolls_out_step_by_step),
        cluster_test(an_ill_template_takes_no_more_than_may_be_unavailable),
        cluster_test(undoing_brings_the_old_replica_set_back_under_a_new_revision),
        cluster_test(old_replica_sets_beyond_the_limit_are_deleted),
        cluster_test(recreate_ends_all_old_pods_before_it_starts_new_ones),
        cluster_test(a_paused_deployment_scales_but_does_not_roll_out),
        cluster_test(scaling_in_the_middle_of_a_rollout_is_shared_in_proportion),
        cluster_test(deleting_it_deletes_its_replica_sets_and_their_pods),
    };
    return cmocka_run_group_tests_name("controllers/deployment", tests, NULL, NULL);
}
