/* Where pods with claims can go. */
#include "fixture.h"

#define CLAIM(name, class, more, bound)                                                                      \
    "{'metadata':{'name':'" name "','uid':'u-" name "'" more "},'spec':{'accessModes':['ReadWriteOnce'],"    \
    "'storageClassName':'" class "','resources':{'requests':{'storage':'1Gi'}}" bound "}}"
#define BOUND ",'annotations':{'pv.kubernetes.io/bind-completed':'yes'}"
#define POD(claim)                                                                                           \
    "{'metadata':{'name':'p'},'spec':{'volumes':[{'name':'v','persistentVolumeClaim':{'claimName':'" claim   \
    "'"                                                                                                      \
    "}}],'containers':[{'name':'c'}]}}"
#define ON(host)                                                                                             \
    ",'nodeAffinity':{'required':{'nodeSelectorTerms':[{'matchExpressions':[{'key':'kubernetes.io/"          \
    "hostname',"                                                                                             \
    "'operator':'In','values':['" host "']}]}]}}"
#define VOLUME(name, size, class, more)                                                                      \
    "{'metadata':{'name':'" name "'},'spec':{'capacity':{'storage':'" size                                   \
    "'},'accessModes':['ReadWriteOnce'],"                                                                    \
    "'storageClassName':'" class "'" more "},'status':{'phase':'Available'}}"

static void set_up(struct fixture *f)
{
    fixture_init(f);
    add_plain_node(f, "one", "4", "4Gi", "'kubernetes.io/hostname':'one'");
    add_plain_node(f, "two", "4", "4Gi", "'kubernetes.io/hostname':'two','zone':'b'");
}

static void a_bound_volume_decides_the_node(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    add_stored(&f, &persistent_volume_resource, VOLUME("v", "1Gi", "", ON("two")));
    add_stored(&f, &persistent_volume_claim_resource, CLAIM("data", "", BOUND, ",'volumeName':'v'"));
    assert_string_equal(choices(&f, add_pod(&f, NULL, POD("data"))), "two");
    add_stored(&f, &persistent_volume_resource, VOLUME("v", "1Gi", "", ON("three")));
    assert_string_equal(outcome(&f, add_pod(&f, NULL, POD("data"))),
                        "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity.");
    fixture_free(&f);
}

static void claims_that_cannot_be_used_are_named(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_string_equal(outcome(&f, add_pod(&f, NULL, POD("none"))),
                        "0/2 nodes are available: persistentvolumeclaim \"none\" not found.");
    add_stored(&f, &persistent_volume_claim_resource, CLAIM("now", "", "", ""));
    assert_string_equal(outcome(&f, add_pod(&f, NULL, POD("now"))),
                        "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
    add_stored(&f, &persistent_volume_claim_resource,
               CLAIM("going", "", ",'deletionTimestamp':'2026-01-01T00:00:00Z'", ""));
    assert_string_equal(outcome(&f, add_pod(&f, NULL, POD("going"))),
                        "0/2 nodes are available: persistentvolumeclaim \"going\" is being deleted.");
    add_stored(&f, &persistent_volume_claim_resource, CLAIM("lost", "", BOUND, ",'volumeName':'gone'"));
    assert_string_equal(outcome(&f, add_pod(&f, NULL, POD("lost"))),
                        "0/2 nodes are available: 2 node(s) unavailable due to one or more pvc(s) bound to "
                        "non-existent pv(s).");
    fixture_free(&f);
}

#define CLASS(name, provisioner, more)                                                                       \
    "{'metadata':{'name':'" name "'},'provisioner':'" provisioner                                            \
    "','volumeBindingMode':'WaitForFirstConsumer'" more "}"

static void a_waiting_claim_goes_where_a_volume_is(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    add_stored(&f, &storage_class_resource, CLASS("disks", "kubernetes.io/no-provisioner", ""));
    add_stored(&f, &persistent_volume_claim_resource, CLAIM("data", "disks", "", ""));
    struct sched_pod *p = add_pod(&f, NULL, POD("data"));
    assert_string_equal(
        outcome(&f, p),
        "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.");
    add_stored(&f, &persistent_volume_resource, VOLUME("small", "500Mi", "disks", ON("one")));
    add_stored(&f, &persistent_volume_resource, VOLUME("right", "1Gi", "disks", ON("two")));
    assert_string_equal(choices(&f, p), "two");
    fixture_free(&f);
}

static void a_waiting_claim_goes_where_a_volume_can_be_made(void **state)
{
    (void)state;
    struct fixture f;
    struct arena a = {0};
    set_up(&f);
    add_stored(&f, &storage_class_resource,
               CLASS("made", "example.com/disks",
                     ",'allowedTopologies':[{'matchLabelExpressions':[{'key':'zone','values':['b']}]}]"));
    add_stored(&f, &persistent_volume_claim_resource, CLAIM("data", "made", "", ""));
    struct sched_pod *p = add_pod(&f, NULL, POD("data"));
    assert_string_equal(choices(&f, p), "two");
    /* What is to be done is known until it is written down. */
    struct cycle c;
    struct volume_plan plan;
    cycle_begin(&c, &f.model, p, &a);
    assert_true(volume_plan_for(&c, model_node(&f.model, STR("two")), &plan));
    assert_int_equal(plan.n, 1);
    assert_null(plan.at[0].volume);
    assert_false(plan.at[0].decided);
    add_stored(&f, &persistent_volume_claim_resource,
               CLAIM("data", "made", ",'annotations':{'volume.kubernetes.io/selected-node':'two'}", ""));
    cycle_begin(&c, &f.model, p, &a);
    assert_true(volume_plan_for(&c, model_node(&f.model, STR("two")), &plan));
    assert_true(plan.at[0].decided);
    assert_string_equal(choices(&f, p), "two");
    arena_free(&a);
    fixture_free(&f);
}

static void a_claim_of_one_pod_alone(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    add_plain_node(&f, "one", "4", "4Gi", "");
    add_stored(&f, &persistent_volume_resource, VOLUME("v", "1Gi", "", ""));
    add_stored(&f, &persistent_volume_claim_resource,
               "{'metadata':{'name':'data'" BOUND
               "},'spec':{'accessModes':['ReadWriteOncePod'],'volumeName':'v'}}");
    add_pod(&f, "one",
            "{'metadata':{'name':'first'},'spec':{'volumes':[{'name':'v','persistentVolumeClaim':{'claimName'"
            ":'data'"
            "}}]}}");
    assert_string_equal(
        outcome(&f, add_pod(&f, NULL, POD("data"))),
        "0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and "
        "ReadWriteOncePod access mode.");
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_volume_decides_the_node),
        cmocka_unit_test(claims_that_cannot_be_used_are_named),
        cmocka_unit_test(a_waiting_claim_goes_where_a_volume_is),
        cmocka_unit_test(a_waiting_claim_goes_where_a_volume_can_be_made),
        cmocka_unit_test(a_claim_of_one_pod_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
