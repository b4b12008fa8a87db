/* Deployments, replica sets, daemon sets, stateful sets and revisions: what is refused, and what may change.
 */
#include "kinds/apps_v1.h"
#include "verdict.h"

#define LABELS                  "'metadata':{'labels':{'a':'b'}}"
#define PODS                    "'template':{" LABELS ",'spec':{'containers':[{'name':'c','image':'i'}]}}"
#define TAKES                   "'selector':{'matchLabels':{'a':'b'}},"
#define SET(more)               "{'metadata':{'name':'s'},'spec':{" TAKES PODS more "}}"
#define ROLLING(strategy, more) SET(",'" strategy "':{'type':'RollingUpdate','rollingUpdate':{" more "}}")
#define MOUNTS                                                                                               \
    "'template':{" LABELS ",'spec':{'containers':[{'name':'c','image':'i','volumeMounts':[{'name':'data',"   \
    "'mountPath':'/d'}]}]}}"

static const struct verdict deployments[] = {
    {&deployment_resource, SET(",'minReadySeconds':700"),
     "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"},
    {&deployment_resource, SET(",'minReadySeconds':-1,'revisionHistoryLimit':-2,'replicas':-3"),
     "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0|spec.revisionHistoryLimit: "
     "Invalid value: -2|spec.replicas: Invalid value: -3"},
    {&deployment_resource, SET(",'strategy':{'type':'Sideways'}"),
     "spec.strategy: Unsupported value: {\"type\":\"Sideways\"}: supported values: \"Recreate\", "
     "\"RollingUpdate\""},
    {&deployment_resource, SET(",'strategy':{'type':'Recreate','rollingUpdate':{}}"),
     "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"},
    {&deployment_resource, ROLLING("strategy", "'maxUnavailable':0,'maxSurge':'0%'"),
     "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"},
    {&deployment_resource, ROLLING("strategy", "'maxUnavailable':'101%','maxSurge':'x'"),
     "maxUnavailable: Invalid value: \"101%\": must not be greater than 100%|maxSurge: Invalid value: \"x\": "
     "a "
     "valid percent string must be a numeric string followed by an ending '%'"},
    {&deployment_resource, ROLLING("strategy", "'maxUnavailable':-1,'maxSurge':'200%'"),
     "maxUnavailable: Invalid value: -1: must be greater than or equal to 0"},
    {&deployment_resource, "{'metadata':{'name':'s'},'spec':{'selector':{}," PODS "}}",
     "spec.selector: Invalid value: {}: empty selector is invalid for deployment"},
    {&deployment_resource,
     "{'metadata':{'name':'s'},'spec':{'selector':{'matchExpressions':[{'key':'a','operator':'Is'}]}," PODS
     "}}",
     "spec.selector.matchExpressions[0].operator: Invalid value: \"Is\": not a valid selector operator"},
    {&deployment_resource,
     "{'metadata':{'name':'s'},'spec':{" TAKES "'template':{" LABELS
     ",'spec':{'restartPolicy':'Never','activeDeadlineSeconds':5,'containers':[{'name':'c','image':'i'}]}}}}",
     "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"|"
     "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not "
     "Supported"},
    {&deployment_resource,
     "{'metadata':{'name':'s'},'spec':{" TAKES
     "'template':{'metadata':{'labels':{'a':'c'}},'spec':{'containers':"
     "[{'name':'c','image':'i'}]}}}}",
     "spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template "
     "`labels`"},
    {&replica_set_resource, SET(",'replicas':-3,'minReadySeconds':-1"),
     "spec.replicas: Invalid value: -3|spec.minReadySeconds: Invalid value: -1"},
    {&replica_set_resource, "{'metadata':{'name':'s'},'spec':{" PODS "}}", "spec.selector: Required value"},
};

static const struct verdict daemon_sets[] = {
    {&daemon_set_resource, SET(""), NULL},
    {&daemon_set_resource, ROLLING("updateStrategy", "'maxUnavailable':0,'maxSurge':'10%'"), NULL},
    {&daemon_set_resource, ROLLING("updateStrategy", "'maxUnavailable':1,'maxSurge':2"),
     "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 2: may not be set when maxUnavailable is "
     "non-zero"},
    {&daemon_set_resource, ROLLING("updateStrategy", "'maxUnavailable':0,'maxSurge':0"),
     "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"},
    {&daemon_set_resource, SET(",'updateStrategy':{'type':'Never'}"),
     "spec.updateStrategy: Unsupported value: {\"type\":\"Never\"}: supported values: \"RollingUpdate\", "
     "\"OnDelete\""},
    {&daemon_set_resource, "{'metadata':{'name':'s'},'spec':{'selector':{}," PODS "}}",
     "empty selector is invalid for daemonset"},
    {&daemon_set_resource,
     "{'metadata':{'name':'s'},'spec':{" TAKES "'template':{" LABELS
     ",'spec':{'activeDeadlineSeconds':5,'containers':[{'name':'c','image':'i'}]}}}}",
     "activeDeadlineSeconds in DaemonSet is not Supported"},
    {&daemon_set_resource, SET(",'revisionHistoryLimit':-1"), "spec.revisionHistoryLimit: Invalid value: -1"},
};

static const struct verdict stateful_sets[] = {
    {&stateful_set_resource, SET(""), NULL},
    {&stateful_set_resource,
     "{'metadata':{'name':'s'},'spec':{" TAKES MOUNTS ",'volumeClaimTemplates':[{'metadata':{'name':'data'},'"
     "spec':{'accessModes':['ReadWriteOnce'],'resources':{"
     "'requests':{'storage':'1Gi'}}}}]}}",
     NULL},
    {&stateful_set_resource, "{'metadata':{'name':'s'},'spec':{" TAKES MOUNTS "}}",
     "spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"data\""},
    {&stateful_set_resource, "{'metadata':{'name':'s'},'spec':{" TAKES "'template':{" LABELS ",'spec':{}}}}",
     "spec.template.spec.containers: Required value"},
    {&stateful_set_resource, SET(",'serviceName':'No_Label'"),
     "spec.serviceName: Invalid value: \"No_Label\": a lowercase RFC 1123 label must consist of"},
    {&stateful_set_resource, SET(",'podManagementPolicy':'Chaos'"),
     "spec.podManagementPolicy: Invalid value: \"Chaos\": must be 'OrderedReady' or 'Parallel'"},
    {&stateful_set_resource, SET(",'updateStrategy':{'type':'Never'}"),
     "spec.updateStrategy: Invalid value: {\"type\":\"Never\"}: must be 'RollingUpdate' or 'OnDelete'"},
    {&stateful_set_resource, SET(",'updateStrategy':{'type':'OnDelete','rollingUpdate':{'partition':1}}"),
     "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy "
     "'RollingUpdate'"},
    {&stateful_set_resource, ROLLING("updateStrategy", "'partition':-1,'maxUnavailable':0"),
     "rollingUpdate.partition: Invalid value: -1|rollingUpdate.maxUnavailable: Invalid value: 0: cannot be "
     "0"},
    {&stateful_set_resource, SET(",'ordinals':{'start':-1},'minReadySeconds':-1"),
     "spec.ordinals.start: Invalid value: -1|spec.minReadySeconds: Invalid value: -1"},
    {&stateful_set_resource, SET(",'persistentVolumeClaimRetentionPolicy':{'whenDeleted':'Burn'}"),
     "spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: \"Burn\": supported values: "
     "\"Retain\", \"Delete\""},
    {&stateful_set_resource, "{'metadata':{'name':'s'},'spec':{'selector':{}," PODS "}}",
     "empty selector is invalid for statefulset"},
    {&stateful_set_resource, "{'metadata':{'name':'a.b'},'spec':{" TAKES PODS "}}",
     "metadata.name: Invalid value: \"a.b\": must not contain dots"},
    {&controller_revision_resource, "{'metadata':{'name':'r'},'revision':-1}",
     "data: Required value: data is mandatory|revision: Invalid value: -1"},
};

#define OTHER "'selector':{'matchLabels':{'a':'b','c':'d'}},'template':{'metadata':{'labels':{'c':'d'}}}"
#define STATUS(kind, before, change, wrong)                                                                  \
    {                                                                                                        \
        &kind, SET(""), before, "{'status':{" change "}}", wrong, true                                       \
    }

static const struct change_verdict changes[] = {
    {&deployment_resource, SET(""), NULL, "{'spec':{" OTHER "}}",
     "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\",\"c\":\"d\"}}: field is immutable", false},
    {&replica_set_resource, SET(""), NULL, "{'spec':{" OTHER "}}", "spec.selector: Invalid value: |immutable",
     false},
    {&daemon_set_resource, SET(""), NULL, "{'spec':{" OTHER "}}", "spec.selector: Invalid value: |immutable",
     false},
    {&stateful_set_resource, SET(""), NULL,
     "{'spec':{'replicas':3,'minReadySeconds':4,'ordinals':{'start':5},'revisionHistoryLimit':6,"
     "'updateStrategy':{'rollingUpdate':{'partition':1}},'persistentVolumeClaimRetentionPolicy':{'whenScaled'"
     ":"
     "'Delete'},'template':{'metadata':{'labels':{'x':'y'}}}}}",
     NULL, false},
    {&stateful_set_resource, SET(""), NULL, "{'spec':{'serviceName':'x'}}",
     "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
     "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
     "are "
     "forbidden",
     false},
    {&stateful_set_resource, SET(""), NULL, "{'spec':{'template':{'spec':{'containers':[]}}}}",
     "spec.template.spec.containers: Required value", false},
    STATUS(deployment_resource, NULL,
           "'replicas':1,'updatedReplicas':2,'readyReplicas':1,'availableReplicas':3",
           "status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas|"
           "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas"),
    STATUS(deployment_resource, NULL, "'terminatingReplicas':-1,'observedGeneration':-1",
           "status.terminatingReplicas: Invalid value: -1|status.observedGeneration: Invalid value: -1"),
    STATUS(deployment_resource, "{'status':{'collisionCount':3}}", "'collisionCount':2",
           "status.collisionCount: Invalid value: 2: cannot be decremented"),
    STATUS(replica_set_resource, NULL, "'replicas':1,'fullyLabeledReplicas':2",
           "status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas"),
    STATUS(daemon_set_resource, NULL,
           "'currentNumberScheduled':-1,'numberMisscheduled':0,'numberReady':-2,"
           "'desiredNumberScheduled':0",
           "status.currentNumberScheduled: Invalid value: -1|status.numberReady: Invalid value: -2"),
    STATUS(daemon_set_resource, "{'status':{'collisionCount':3}}", "'collisionCount':null",
           "status.collisionCount: Invalid value: 0: cannot be decremented"),
    STATUS(stateful_set_resource, NULL, "'replicas':2,'readyReplicas':1,'availableReplicas':2",
           "status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas"),
};

static void what_is_no_workload(void **state)
{
    JUDGE(*state, deployments);
    JUDGE(*state, daemon_sets);
    JUDGE(*state, stateful_sets);
}

static void what_may_change(void **state)
{
    JUDGE_CHANGES(*state, changes);
}

static void annotations_of_deployments_count(void **state)
{
    struct world *w = *state;
    static const struct {
        const struct resource *resource;
        const char *change, *generation;
    } cases[] = {
        {&deployment_resource, "{'metadata':{'annotations':{'x':'y'}}}", "2"},
        {&deployment_resource, "{'metadata':{'annotations':{'x':'z'}},'spec':{'replicas':2}}", "3"},
        {&deployment_resource, "{'metadata':{'labels':{'x':'z'}}}", "3"},
        {&replica_set_resource, "{'metadata':{'annotations':{'x':'y'}}}", "1"},
    };
    assert_code(create(w, &deployment_resource, "default", SET("")), 201);
    assert_code(create(w, &replica_set_resource, "default", SET("")), 201);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct api_request *r = patch(w, cases[i].resource, "default", "s", API_PATCH_MERGE, cases[i].change);
        assert_code(r, 200);
        assert_field(w, r, "metadata.generation", cases[i].generation);
    }
}

static void odd_sets_are_warned_of(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &stateful_set_resource, "default", SET(",'revisionHistoryLimit':-1"));
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0],
               "spec.revisionHistoryLimit: a negative value retains all historical revisions; a "
               "value >= 0 is recommended");
    r = create(w, &deployment_resource, "default", "{'metadata':{'name':'a.b'},'spec':{" TAKES PODS "}}");
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_true(str_starts(r->warnings.at[0], STR("metadata.name: this is used in Pod names and hostnames")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_workload, world_open, world_close),
        cmocka_unit_test_setup_teardown(what_may_change, world_open, world_close),
        cmocka_unit_test_setup_teardown(annotations_of_deployments_count, world_open, world_close),
        cmocka_unit_test_setup_teardown(odd_sets_are_warned_of, world_open, world_close),
    };
    return cmocka_run_group_tests_name("api/apps", tests, NULL, NULL);
}
