/* What updates of pods, of their status and by their subresources may change. */
#include <stdio.h>

#include "world.h"

#define ONE "'containers':[{'name':'c','image':'i'}]"

static struct api_request *pod_with(struct world *w, const char *spec)
{
    char json[2048];
    snprintf(json, sizeof json, "{'metadata':{'name':'p'},'spec':{%s}}", spec);
    struct api_request *r = create(w, &pod_resource, "default", json);
    assert_code(r, 201);
    return r;
}

static struct api_request *change(struct world *w, const char *subresource, const char *merge)
{
    struct api_request *r = ask(w, API_PATCH, &pod_resource, "default", "p");
    r->subresource = str_from(subresource);
    r->patch_type = API_PATCH_STRATEGIC;
    r->body = quoted(w, merge);
    return run(w, r);
}

struct step {
    const char *patch;
    const char *says; /* NULL: it is taken */
};

static void try_all(struct world *w, const char *subresource, const struct step *steps, size_t n)
{
    char message[2048];
    for (size_t i = 0; i < n; i++) {
        struct api_request *r = change(w, subresource, steps[i].patch);
        if (!steps[i].says) {
            assert_code(r, 200);
            continue;
        }
        snprintf(message, sizeof message, "Pod \"p\" is invalid: %s", steps[i].says);
        assert_fails(r, 422, message);
    }
}

static void specs_hardly_change(void **state)
{
    static const struct step steps[] = {
        {"{'spec':{'containers':[{'name':'c','image':'other'}]}}", NULL},
        {"{'spec':{'containers':[{'name':'d','image':'i'}]}}",
         "spec.containers: Forbidden: pod updates may not add or remove containers"},
        {"{'spec':{'activeDeadlineSeconds':100}}", NULL},
        {"{'spec':{'activeDeadlineSeconds':200}}",
         "spec.activeDeadlineSeconds: Invalid value: 200: must be less than or equal to previous value"},
        {"{'spec':{'activeDeadlineSeconds':null}}", "spec.activeDeadlineSeconds: Invalid value: null: must "
                                                    "not update from a positive integer to nil value"},
        {"{'spec':{'tolerations':[]}}",
         "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"},
        {"{'spec':{'schedulingGates':[{'name':'g'}]}}",
         "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate "
         "'g'"},
        {"{'metadata':{'annotations':{'kubernetes.io/config.mirror':'x'}},'spec':{}}",
         "[metadata.annotations[kubernetes.io/config.mirror]: Invalid value: \"x\": must set spec.nodeName "
         "if "
         "mirror pod annotation is set, metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may "
         "not "
         "add mirror pod annotation]"},
        {"{'spec':{'hostname':'h'}}",
         "spec: Forbidden: pod updates may not change fields other than "
         "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
         "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
         "(allow it to be set to 1 if it was previously negative)\n"},
    };
    struct world *w = *state;
    pod_with(w, ONE ",'tolerations':[{'key':'k','operator':'Exists'}]");
    try_all(w, "", steps, ARRAY_LEN(steps));
}

#define REQUIRED(terms)                                                                                      \
    "{'spec':{'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{"                \
    "'nodeSelectorTerms':[" terms "]}}}}}"
#define TERM(expressions) "{'matchExpressions':[" expressions "]}"
#define A                 "{'key':'a','operator':'Exists'}"
#define B                 "{'key':'b','operator':'Exists'}"

static void gated_pods_may_be_narrowed(void **state)
{
    static const struct step steps[] = {
        {"{'spec':{'nodeSelector':{'disk':'ssd'}}}", NULL},
        {"{'spec':{'nodeSelector':{'disk':'hdd'}}}",
         "spec.nodeSelector: Invalid value: {\"disk\":\"hdd\"}: only additions are allowed (no mutations or "
         "deletions)"},
        {REQUIRED(TERM(A)), NULL},
        {REQUIRED(TERM(A "," B)), NULL},
        {REQUIRED(TERM(A)),
         "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
         "nodeSelectorTerms[0]: Invalid value: {\"matchExpressions\":[{\"key\":\"a\","
         "\"operator\":\"Exists\"}]}: only additions are allowed (no mutations or deletions)"},
        {"{'spec':{'affinity':{'podAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'"
         "topologyKey':"
         "'t'}]}}}}",
         "spec: Forbidden: pod updates may not change fields other than "
         "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
         "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
         "(allow it to be set to 1 if it was previously negative)\n"},
        {"{'spec':{'schedulingGates':[{'$patch':'delete','name':'g'}]}}", NULL},
    };
    struct world *w = *state;
    struct api_request *r = pod_with(w, ONE ",'schedulingGates':[{'name':'g'}]");
    assert_field(w, r, "status.conditions.0.reason", "SchedulingGated");
    try_all(w, "", steps, ARRAY_LEN(steps));
}

static void resizing(void **state)
{
    static const struct step steps[] = {
        {"{'spec':{'containers':[{'name':'c','resources':{'requests':{'cpu':'200m'}}}]}}", NULL},
        {"{'spec':{'containers':[{'name':'c','resources':{'requests':{'cpu':null}}}]}}",
         "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"},
        {"{'spec':{'containers':[{'name':'c','resources':{'requests':{'ephemeral-storage':'1Gi'}}}]}}",
         "spec: Forbidden: only cpu and memory resources are mutable"},
        {"{'spec':{'containers':[{'name':'c','resources':{'limits':{'cpu':'200m','memory':'1Gi'},'requests':{"
         "'memory':'1Gi'}}}]}}",
         "spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing"},
        {"{'spec':{'containers':[{'name':'d','image':'i'}]}}",
         "spec.containers: Forbidden: containers may not be added or removed on resize"},
        {"{'spec':{'resources':{'requests':{'cpu':'1'}}}}", NULL},
        {"{'spec':{'resources':null}}", "spec.resources: Forbidden: pod-level resources cannot be removed"},
    };
    struct world *w = *state;
    pod_with(
        w, "'containers':[{'name':'c','image':'i','resources':{'requests':{'cpu':'100m','memory':'1Mi'}}}]");
    try_all(w, "resize", steps, ARRAY_LEN(steps));
    assert_field(w, get(w, &pod_resource, "default", "p"), "metadata.generation", "3");
}

static void ephemeral_containers(void **state)
{
    static const struct step steps[] = {
        {"{'spec':{'ephemeralContainers':[{'name':'c','image':'i'}]}}",
         "spec.ephemeralContainers[0].name: Duplicate value: \"c\""},
        {"{'spec':{'ephemeralContainers':[{'name':'e','image':'i','targetContainerName':'x'}]}}",
         "spec.ephemeralContainers[0].targetContainerName: Not found: \"x\""},
        {"{'spec':{'ephemeralContainers':[{'name':'e','image':'i','ports':[{'containerPort':1}],'"
         "restartPolicy':"
         "'Always'}]}}",
         "[spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container, "
         "spec.ephemeralContainers[0].restartPolicy: Forbidden: cannot be set for an Ephemeral Container]"},
        {"{'spec':{'ephemeralContainers':[{'name':'e','image':'i','volumeMounts':[{'name':'v','mountPath':'/"
         "m',"
         "'subPath':'s'}]}]}}",
         "spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral "
         "Container"},
        {"{'spec':{'ephemeralContainers':[{'name':'e','image':'i'}]}}", NULL},
        {"{'spec':{'ephemeralContainers':[{'name':'e','image':'j'}]}}",
         "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be changed\n"},
        {"{'spec':{'ephemeralContainers':[{'$patch':'delete','name':'e'}]}}",
         "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be removed\n"},
    };
    struct world *w = *state;
    pod_with(w, ONE ",'volumes':[{'name':'v'}]");
    try_all(w, "ephemeralcontainers", steps, ARRAY_LEN(steps));
}

static void statuses(void **state)
{
    static const struct step steps[] = {
        {"{'status':{'podIP':'10.0.0.1','hostIP':'10.0.0.9','hostIPs':[{'ip':'10.0.0.9'}]}}", NULL},
        {"{'status':{'podIP':'10.0.0.2'}}", NULL},
        {"{'status':{'podIP':'010.0.0.2'}}",
         "status.podIPs[0]: Invalid value: \"010.0.0.2\": must not have leading 0s"},
        {"{'status':{'podIPs':[{'ip':'10.0.0.2'},{'ip':'10.0.0.3'}]}}",
         "status.podIPs: Invalid value: [{\"IP\":\"10.0.0.2\"},{\"IP\":\"10.0.0.3\"}]: may specify no more "
         "than "
         "one IP for each IP family"},
        {"{'status':{'hostIP':'10.0.0.8'}}",
         "status.hostIPs[0].ip: Invalid value: \"10.0.0.9\": must be equal to `hostIP`"},
        {"{'status':{'qosClass':'Guaranteed'}}", "status.qosClass: Invalid value: \"Guaranteed\": field is "
                                                 "immutable"},
        {"{'status':{'conditions':[{'type':'a b','status':'True'}]}}",
         "metadata.conditions[0].Type: Invalid value: \"a b\": name part must consist of alphanumeric "
         "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName', "
         " "
         "or 'my.name',  or '123-abc', regex used for validation is "
         "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"},
        {"{'status':{'resourceClaimStatuses':[{'name':'x'}]}}",
         "status.resourceClaimStatuses[0].name: Invalid value: \"x\": must match the name of an entry in "
         "`spec.resourceClaims`"},
        {"{'status':{'observedGeneration':1,'containerStatuses':[{'name':'c','image':'i','imageID':'','ready'"
         ":"
         "false,'restartCount':0,'state':{'terminated':{'exitCode':0}}}]}}",
         NULL},
        {"{'status':{'observedGeneration':0,'containerStatuses':[{'name':'c','image':'i','imageID':'','ready'"
         ":"
         "false,'restartCount':0,'state':{'running':{}}}]}}",
         "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"},
        {"{'status':{'observedGeneration':0,'message':'m'}}", NULL},
    };
    struct world *w = *state;
    pod_with(w, ONE ",'restartPolicy':'OnFailure'");
    try_all(w, "status", steps, ARRAY_LEN(steps));
    struct api_request *r = get(w, &pod_resource, "default", "p");
    assert_field(w, r, "status.podIPs", "[{\"ip\":\"10.0.0.2\"}]");
    assert_field(w, r, "status.observedGeneration", "1");
    assert_field(w, r, "status.message", "m");
}

/* A container's own policy goes before the pod's. */
static void containers_may_restart_by_rules(void **state)
{
#define STATE(s)                                                                                             \
    "{'status':{'containerStatuses':[{'name':'c','image':'i','imageID':'','ready':false,'restartCount':0,"   \
    "'state':{" s "}}]}}"
    static const struct step steps[] = {
        {STATE("'terminated':{'exitCode':3}"), NULL},
        {STATE("'running':{}"), NULL},
    };
    struct world *w = *state;
    pod_with(w, "'restartPolicy':'Never','containers':[{'name':'c','image':'i','restartPolicy':'Never',"
                "'restartPolicyRules':[{'action':'Restart','exitCodes':{'operator':'In','values':[3]}}]}]");
    try_all(w, "status", steps, ARRAY_LEN(steps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(specs_hardly_change, world_open, world_close),
        cmocka_unit_test_setup_teardown(gated_pods_may_be_narrowed, world_open, world_close),
        cmocka_unit_test_setup_teardown(resizing, world_open, world_close),
        cmocka_unit_test_setup_teardown(ephemeral_containers, world_open, world_close),
        cmocka_unit_test_setup_teardown(statuses, world_open, world_close),
        cmocka_unit_test_setup_teardown(containers_may_restart_by_rules, world_open, world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
