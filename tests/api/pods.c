/* Pods: defaults, admission, rules, updates, and their subresources. */
#include <stdio.h>

#include "kinds/coordination_v1.h"
#include "kinds/policy_v1.h"
#include "kinds/scheduling_v1.h"
#include "world.h"

static struct api_request *pod(struct world *w, const char *spec)
{
    char json[2048];
    snprintf(json, sizeof json, "{'metadata':{'name':'p','labels':{'app':'x'}},'spec':{%s}}", spec);
    return create(w, &pod_resource, "default", json);
}

static void expect_invalid(struct world *w, const char *spec, const char *complaint)
{
    char message[2048];
    snprintf(message, sizeof message, "Pod \"p\" is invalid: %s", complaint);
    struct api_request *r = pod(w, spec);
    assert_fails(r, 422, message);
}

static void pods_get_upstreams_defaults(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        pod(w, "'containers':[{'name':'c','image':'busybox','ports':[{'containerPort':80}],"
               "'resources':{'limits':{'cpu':'1000m'}},"
               "'livenessProbe':{'httpGet':{'port':80}}}],'volumes':[{'name':'v'}]");
    assert_code(r, 201);
    assert_field(w, r, "spec.restartPolicy", "Always");
    assert_field(w, r, "spec.terminationGracePeriodSeconds", "30");
    assert_field(w, r, "spec.dnsPolicy", "ClusterFirst");
    assert_field(w, r, "spec.schedulerName", "default-scheduler");
    assert_field(w, r, "spec.securityContext", "{}");
    assert_field(w, r, "spec.enableServiceLinks", "true");
    assert_field(w, r, "spec.containers.0.imagePullPolicy", "Always");
    assert_field(w, r, "spec.containers.0.terminationMessagePath", "/dev/termination-log");
    assert_field(w, r, "spec.containers.0.terminationMessagePolicy", "File");
    assert_field(w, r, "spec.containers.0.ports.0.protocol", "TCP");
    assert_field(w, r, "spec.containers.0.resources.requests.cpu", "1");
    assert_field(w, r, "spec.containers.0.livenessProbe.httpGet.path", "/");
    assert_field(w, r, "spec.containers.0.livenessProbe.periodSeconds", "10");
    assert_field(w, r, "spec.volumes.0.emptyDir", "{}");
    assert_field(w, r, "status.phase", "Pending");
    assert_field(w, r, "status.qosClass", "Burstable");
}

static void images_with_a_tag_are_pulled_once(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        pod(w, "'containers':[{'name':'a','image':'reg:5000/x:1'},{'name':'b','image':'reg:5000/x'},"
               "{'name':'c','image':'x:latest'},{'name':'d','image':'x@sha256:0'}]");
    assert_field(w, r, "spec.containers.0.imagePullPolicy", "IfNotPresent");
    assert_field(w, r, "spec.containers.1.imagePullPolicy", "Always");
    assert_field(w, r, "spec.containers.2.imagePullPolicy", "Always");
    assert_field(w, r, "spec.containers.3.imagePullPolicy", "IfNotPresent");
}

static void pods_run_as_a_service_account_with_a_token(void **state)
{
    struct world *w = *state;
    struct api_request *r = pod(w, "'containers':[{'name':'c','image':'i'}]");
    assert_field(w, r, "spec.serviceAccountName", "default");
    assert_field(w, r, "spec.serviceAccount", "default");
    struct str volume = field(w, r, "spec.volumes.0.name");
    assert_true(str_starts(volume, STR("kube-api-access-")));
    assert_true(str_eq(volume, field(w, r, "spec.containers.0.volumeMounts.0.name")));
    assert_field(w, r, "spec.containers.0.volumeMounts.0.mountPath",
                 "/var/run/secrets/kubernetes.io/serviceaccount");
    assert_field(w, r, "spec.containers.0.volumeMounts.0.readOnly", "true");
    assert_field(w, r, "spec.volumes.0.projected.defaultMode", "420");
    assert_field(w, r, "spec.volumes.0.projected.sources.0.serviceAccountToken.expirationSeconds", "3607");
    assert_field(w, r, "spec.volumes.0.projected.sources.1.configMap.name", "kube-root-ca.crt");
    assert_field(w, r, "spec.volumes.0.projected.sources.2.downwardAPI.items.0.fieldRef.fieldPath",
                 "metadata.namespace");
    assert_code(del(w, &pod_resource, "default", "p", ""), 200);
    r = pod(w, "'automountServiceAccountToken':false,'containers':[{'name':'c','image':'i'}]");
    assert_field(w, r, "spec.volumes", "");
    assert_fails(create(w, &pod_resource, "kube-system", POD("p")), 403,
                 "pods \"p\" is forbidden: error looking up service account kube-system/default: "
                 "serviceaccount \"default\" "
                 "not found");
}

static void pods_have_priority_and_tolerate_quiet_nodes(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        pod(w, "'containers':[{'name':'c','image':'i'}],'priorityClassName':'system-node-critical'");
    assert_field(w, r, "spec.priority", "2000001000");
    assert_field(w, r, "spec.preemptionPolicy", "PreemptLowerPriority");
    assert_field(w, r, "spec.tolerations.0.key", "node.kubernetes.io/not-ready");
    assert_field(w, r, "spec.tolerations.1.key", "node.kubernetes.io/unreachable");
    assert_field(w, r, "spec.tolerations.1.tolerationSeconds", "300");
    assert_code(del(w, &pod_resource, "default", "p", ""), 200);
    assert_fails(pod(w, "'containers':[{'name':'c','image':'i'}],'priorityClassName':'none'"), 403,
                 "pods \"p\" is forbidden: no PriorityClass with name none was found");
    assert_fails(pod(w, "'containers':[{'name':'c','image':'i'}],'priority':5"), 403,
                 "pods \"p\" is forbidden: the integer value of priority (5) must not be provided in pod "
                 "spec; priority "
                 "admission controller computed 0 from the given PriorityClass name");
    assert_field(w, pod(w, "'containers':[{'name':'c','image':'i'}]"), "spec.priority", "0");
    assert_code(create(w, &priority_class_resource, "", "{'metadata':{'name':'system-mine'},'value':1}"),
                422);
    assert_code(create(w, &priority_class_resource, "", "{'metadata':{'name':'mine'},'value':2000000000}"),
                422);
}

static void limit_ranges_give_defaults_and_bounds(void **state)
{
    struct world *w = *state;
    assert_code(
        create(w, &limit_range_resource, "default",
               "{'metadata':{'name':'l'},'spec':{'limits':[{'type':'Container','default':{'cpu':'500m'},"
               "'defaultRequest':{'cpu':'100m'},'max':{'cpu':'1'}}]}}"),
        201);
    struct api_request *r = pod(w, "'containers':[{'name':'c','image':'i'}]");
    assert_field(w, r, "spec.containers.0.resources.limits.cpu", "500m");
    assert_field(w, r, "spec.containers.0.resources.requests.cpu", "100m");
    assert_field(w, r, "metadata.annotations.[kubernetes.io/limit-ranger]",
                 "LimitRanger plugin set: cpu request for container c; cpu limit for container c");
    assert_code(del(w, &pod_resource, "default", "p", ""), 200);
    assert_fails(pod(w, "'containers':[{'name':'c','image':'i','resources':{'limits':{'cpu':'2'}}}]"), 403,
                 "pods \"p\" is forbidden: maximum cpu usage per Container is 1, but limit is 2");
    assert_code(pod(w, "'containers':[{'name':'c','image':'i'}]"), 201);
    assert_fails(
        sub(w, API_UPDATE, &pod_resource, "default", "p", "resize",
            "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','resources':{'limits':{'cpu':"
            "'2'},'requests':{'cpu':'100m'}}}]}}"),
        403, "pods \"p\" is forbidden: maximum cpu usage per Container is 1, but limit is 2");
    assert_code(create(w, &limit_range_resource, "default",
                       "{'metadata':{'name':'ratio'},'spec':{'limits':[{'type':'Pod','maxLimitRequestRatio':{"
                       "'memory':'2'}}]}}"),
                201);
    assert_fails(create(w, &pod_resource, "default", POD("q")), 403,
                 "pods \"q\" is forbidden: memory max limit to request ratio per Pod is 2, but no request is "
                 "specified or request is 0");
}

static void quotas_count(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &resource_quota_resource, "default",
                       "{'metadata':{'name':'q'},'spec':{'hard':{'pods':'1'}}}"),
                201);
    assert_code(pod(w, "'containers':[{'name':'c','image':'i'}]"), 201);
    assert_fails(
        create(w, &pod_resource, "default", POD("two")), 403,
        "pods \"two\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1");
    assert_code(create(w, &config_map_resource, "default", "{'metadata':{'name':'a'}}"), 201);
}

static void quality_of_service_follows_requests_and_limits(void **state)
{
    struct world *w = *state;
    assert_field(w, pod(w, "'containers':[{'name':'c','image':'i'}]"), "status.qosClass", "BestEffort");
    assert_code(del(w, &pod_resource, "default", "p", ""), 200);
    assert_field(
        w,
        pod(w, "'containers':[{'name':'c','image':'i','resources':{'limits':{'cpu':'1','memory':'1Gi'}}}]"),
        "status.qosClass", "Guaranteed");
}

static void bad_pods_are_refused_in_upstreams_words(void **state)
{
    struct world *w = *state;
    expect_invalid(w, "'containers':[]", "spec.containers: Required value");
    expect_invalid(w, "'containers':[{'name':'c'}]", "spec.containers[0].image: Required value");
    expect_invalid(w, "'containers':[{'name':'c','image':'i'},{'name':'c','image':'i'}]",
                   "spec.containers[1].name: Duplicate value: \"c\"");
    expect_invalid(
        w, "'restartPolicy':'Sometimes','containers':[{'name':'c','image':'i'}]",
        "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", "
        "\"Never\"");
    expect_invalid(w,
                   "'containers':[{'name':'c','image':'i','volumeMounts':[{'name':'v','mountPath':'/m'}]}]",
                   "spec.containers[0].volumeMounts[0].name: Not found: \"v\"");
    expect_invalid(w, "'containers':[{'name':'c','image':'i','ports':[{'containerPort':70000}]}]",
                   "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and "
                   "65535, inclusive");
    expect_invalid(
        w,
        "'containers':[{'name':'c','image':'i','resources':{'requests':{'cpu':'2'},'limits':{'cpu':'1'}}}]",
        "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu "
        "limit of 1");
    expect_invalid(w, "'containers':[{'name':'c','image':'i','env':[{'name':'A=B'}]}]",
                   "spec.containers[0].env[0].name: Invalid value: \"A=B\": a valid environment variable "
                   "name must consist "
                   "only of printable ASCII characters other than '='");
    expect_invalid(w, "'containers':[{'name':'c','image':'i','livenessProbe':{}}]",
                   "spec.containers[0].livenessProbe: Required value: must specify a handler type");
    expect_invalid(w,
                   "'containers':[{'name':'c','image':'i'}],'volumes':[{'name':'v','emptyDir':{},'hostPath':{"
                   "'path':'/x'}}]",
                   "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type");
    expect_invalid(
        w,
        "'containers':[{'name':'c','image':'i'}],'tolerations':[{'key':'k','operator':'Equal','"
        "effect':'Bad'}]",
        "spec.tolerations[0].effect: Unsupported value: \"Bad\": supported values: \"NoSchedule\", "
        "\"PreferNoSchedule\", \"NoExecute\"");
}

static void little_of_a_running_pod_may_change(void **state)
{
    struct world *w = *state;
    assert_code(pod(w, "'containers':[{'name':'c','image':'i'}]"), 201);
    struct api_request *r = patch(w, &pod_resource, "default", "p", API_PATCH_STRATEGIC,
                                  "{'spec':{'containers':[{'name':'c','image':'j'}]}}");
    assert_code(r, 200);
    assert_field(w, r, "metadata.generation", "2");
    r = patch(w, &pod_resource, "default", "p", API_PATCH_STRATEGIC,
              "{'spec':{'containers':[{'name':'c','command':['sh']}]}}");
    assert_code(r, 422);
    assert_true(str_starts(
        r->err.message,
        STR("Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other than "
            "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
            "`spec.tolerations` (only additions to existing tolerations)")));
    r = patch(w, &pod_resource, "default", "p", API_PATCH_STRATEGIC,
              "{'spec':{'containers':[{'name':'new','image':'i'}]}}");
    assert_fails(
        r, 422,
        "Pod \"p\" is invalid: spec.containers: Forbidden: pod updates may not add or remove containers");
    assert_code(
        patch(w, &pod_resource, "default", "p", API_PATCH_MERGE, "{'spec':{'activeDeadlineSeconds':60}}"),
        200);
    assert_code(
        patch(w, &pod_resource, "default", "p", API_PATCH_MERGE, "{'spec':{'activeDeadlineSeconds':90}}"),
        422);
}

static void a_pod_is_bound_once(void **state)
{
    struct world *w = *state;
    const char *binding = "{'metadata':{'name':'p'},'target':{'kind':'Node','name':'n1'}}";
    assert_code(pod(w, "'containers':[{'name':'c','image':'i'}]"), 201);
    assert_code(
        sub(w, API_CREATE, &pod_resource, "default", "p", "binding", "{'target':{'kind':'Disk','name':'n'}}"),
        422);
    struct api_request *r = sub(w, API_CREATE, &pod_resource, "default", "p", "binding", binding);
    assert_code(r, 201);
    assert_true(r->status_success);
    r = get(w, &pod_resource, "default", "p");
    assert_field(w, r, "spec.nodeName", "n1");
    assert_field(w, r, "status.conditions.0.type", "PodScheduled");
    assert_field(w, r, "status.conditions.0.status", "True");
    assert_fails(create(w, &binding_resource, "default", binding), 409,
                 "Operation cannot be fulfilled on pods \"p\": pod p is already assigned to node \"n1\"");
    assert_code(sub(w, API_CREATE, &pod_resource, "default", "nobody", "binding", "{'target':{'name':'n'}}"),
                404);
}

static void evictions_ask_the_budget(void **state)
{
    struct world *w = *state;
    assert_code(pod(w, "'containers':[{'name':'c','image':'i'}]"), 201);
    struct api_request *r = ask(w, API_PATCH, &pod_resource, "default", "p");
    r->subresource = STR("status");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(w, "{'status':{'phase':'Running','conditions':[{'type':'Ready','status':'True'}]}}");
    assert_code(run(w, r), 200);
    assert_code(
        create(w, &pod_disruption_budget_resource, "default",
               "{'metadata':{'name':'b'},'spec':{'minAvailable':1,'selector':{'matchLabels':{'app':'x'}}}}"),
        201);
    r = sub(w, API_CREATE, &pod_resource, "default", "p", "eviction", "{'metadata':{'name':'p'}}");
    assert_fails(r, 429, "Cannot evict pod as it would violate the pod's disruption budget.");
    assert_str(r->err.details.causes[0].message,
               "The disruption budget b is still being processed by the server.");
    assert_int_equal(r->err.details.retry_after_s, 10);
    r = ask(w, API_PATCH, &pod_disruption_budget_resource, "default", "b");
    r->subresource = STR("status");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(
        w,
        "{'status':{'observedGeneration':1,'disruptionsAllowed':0,'desiredHealthy':1,'currentHealthy':1}}");
    assert_code(run(w, r), 200);
    r = sub(w, API_CREATE, &pod_resource, "default", "p", "eviction", "{'metadata':{'name':'p'}}");
    assert_fails(r, 429, "Cannot evict pod as it would violate the pod's disruption budget.");
    assert_str(r->err.details.causes[0].message,
               "The disruption budget b needs 1 healthy pods and has 1 currently");
    assert_int_equal(r->err.details.retry_after_s, 0); /* nobody knows when */
    r = ask(w, API_PATCH, &pod_disruption_budget_resource, "default", "b");
    r->subresource = STR("status");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(
        w, "{'status':{'conditions':[{'type':'DisruptionAllowed','status':'False','reason':'SyncFailed',"
           "'message':'no owner','lastTransitionTime':'2026-01-01T00:00:00Z'}]}}");
    assert_code(run(w, r), 200);
    r = sub(w, API_CREATE, &pod_resource, "default", "p", "eviction", "{'metadata':{'name':'p'}}");
    assert_str(r->err.details.causes[0].message, "The disruption budget b does not allow evicting pods "
                                                 "currently because it failed sync: no owner");
    r = ask(w, API_PATCH, &pod_disruption_budget_resource, "default", "b");
    r->subresource = STR("status");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(w, "{'status':{'disruptionsAllowed':1,'currentHealthy':2}}");
    assert_code(run(w, r), 200);
    assert_code(sub(w, API_CREATE, &pod_resource, "default", "p", "eviction", "{'metadata':{'name':'p'}}"),
                201);
    assert_code(get(w, &pod_resource, "default", "p"), 404);
    r = get(w, &pod_disruption_budget_resource, "default", "b");
    assert_field(w, r, "status.disruptionsAllowed", "0");
    assert_int_equal(field(w, r, "status.disruptedPods.p").n, 20);
}

static void what_has_not_begun_needs_no_budget(void **state)
{
    struct world *w = *state;
    assert_code(pod(w, "'containers':[{'name':'c','image':'i'}]"), 201);
    assert_code(
        create(w, &pod_disruption_budget_resource, "default",
               "{'metadata':{'name':'b'},'spec':{'minAvailable':1,'selector':{'matchLabels':{'app':'x'}}}}"),
        201);
    assert_code(sub(w, API_CREATE, &pod_resource, "default", "p", "eviction",
                    "{'metadata':{'name':'p'},'deleteOptions':{'preconditions':{'resourceVersion':'1'}}}"),
                409);
    assert_code(sub(w, API_CREATE, &pod_resource, "default", "p", "eviction", "{'metadata':{'name':'p'}}"),
                201);
    assert_code(get(w, &pod_resource, "default", "p"), 404);
}

static void containers_may_be_added_for_debugging(void **state)
{
    struct world *w = *state;
    assert_code(pod(w, "'containers':[{'name':'c','image':'i'}]"), 201);
    struct api_request *r = ask(w, API_PATCH, &pod_resource, "default", "p");
    r->subresource = STR("ephemeralcontainers");
    r->patch_type = API_PATCH_STRATEGIC;
    r->body = quoted(
        w, "{'spec':{'ephemeralContainers':[{'name':'debug','image':'sh','targetContainerName':'c'}]}}");
    assert_code(run(w, r), 200);
    assert_field(w, r, "spec.ephemeralContainers.0.name", "debug");
    r = ask(w, API_PATCH, &pod_resource, "default", "p");
    r->subresource = STR("ephemeralcontainers");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(w, "{'spec':{'ephemeralContainers':[]}}");
    assert_code(run(w, r), 422);
    assert_code(
        patch(w, &pod_resource, "default", "p", API_PATCH_MERGE, "{'spec':{'ephemeralContainers':null}}"),
        422);
}

static void resources_may_be_resized(void **state)
{
    struct world *w = *state;
    assert_code(pod(w, "'containers':[{'name':'c','image':'i','resources':{'requests':{'cpu':'1'}}}]"), 201);
    struct api_request *r = ask(w, API_PATCH, &pod_resource, "default", "p");
    r->subresource = STR("resize");
    r->patch_type = API_PATCH_STRATEGIC;
    r->body = quoted(w, "{'spec':{'containers':[{'name':'c','resources':{'requests':{'cpu':'2'}}}]}}");
    assert_code(run(w, r), 200);
    assert_field(w, r, "spec.containers.0.resources.requests.cpu", "2");
    r = ask(w, API_PATCH, &pod_resource, "default", "p");
    r->subresource = STR("resize");
    r->patch_type = API_PATCH_STRATEGIC;
    r->body = quoted(w, "{'spec':{'containers':[{'name':'c','image':'other'}]}}");
    assert_code(run(w, r), 200); /* what is not resizing is not looked at */
    assert_field(w, r, "spec.containers.0.image", "i");
}

/* A request of a node's agent. */
static struct api_request *as_node(struct api_request *r)
{
    static struct str groups[] = {STR_INIT("system:nodes"), STR_INIT("system:authenticated")};
    static const struct user node = {.name = STR_INIT("system:node:n"), .groups = {groups, 2}};
    r->user = &node;
    return r;
}

static struct api_request *node_asks(struct world *w, enum api_verb verb, const struct resource *r,
                                     const char *ns, const char *name, const char *subresource,
                                     const char *json)
{
    struct api_request *q = as_node(ask(w, verb, r, ns, name));
    q->subresource = str_from(subresource);
    q->body = quoted(w, json);
    if (verb == API_PATCH)
        q->patch_type = API_PATCH_MERGE;
    return run(w, q);
}

static void a_nodes_agent_keeps_to_its_node(void **state)
{
    struct world *w = *state;
    assert_fails(node_asks(w, API_CREATE, &node_resource, NULL, "", "", "{'metadata':{'name':'other'}}"), 403,
                 "nodes \"other\" is forbidden: node \"n\" is not allowed to modify node \"other\"");
    assert_fails(node_asks(w, API_CREATE, &node_resource, NULL, "", "",
                           "{'metadata':{'name':'n','labels':{'node-restriction.kubernetes.io/a':'b',"
                           "'kubernetes.io/os':'linux','example.com/x':'y'}}}"),
                 403,
                 "nodes \"n\" is forbidden: node \"n\" is not allowed to set the following labels: "
                 "node-restriction.kubernetes.io/a");
    assert_code(node_asks(w, API_CREATE, &node_resource, NULL, "", "",
                          "{'metadata':{'name':'n','labels':{'kubernetes.io/os':'linux'}}}"),
                201);
    assert_fails(node_asks(w, API_PATCH, &node_resource, NULL, "n", "", "{'spec':{'taints':null}}"), 403,
                 "nodes \"n\" is forbidden: node \"n\" is not allowed to modify taints");
    assert_fails(node_asks(w, API_PATCH, &node_resource, NULL, "n", "",
                           "{'metadata':{'labels':{'node-role.kubernetes.io/x':'y'}}}"),
                 403, "nodes \"n\" is forbidden: is not allowed to modify labels: node-role.kubernetes.io/x");
    assert_fails(
        node_asks(w, API_CREATE, &pod_resource, "default", "", "", quoted(w, POD("p")).p), 403,
        "pods \"p\" is forbidden: pod does not have \"kubernetes.io/config.mirror\" annotation, node "
        "\"n\" can only create mirror pods");
    struct api_request *r = create(w, &pod_resource, "default", POD("p"));
    assert_code(r, 201);
    assert_fails(node_asks(w, API_DELETE, &pod_resource, "default", "p", "", ""), 403,
                 "pods \"p\" is forbidden: node \"n\" can only delete pods with spec.nodeName set to itself");
    assert_fails(
        node_asks(w, API_PATCH, &pod_resource, "default", "p", "status", "{'status':{'phase':'Running'}}"),
        403,
        "pods \"p\" is forbidden: node \"n\" can only update pod status for pods with spec.nodeName set "
        "to itself");
    assert_code(sub(w, API_CREATE, &pod_resource, "default", "p", "binding", "{'target':{'name':'n'}}"), 201);
    assert_code(
        node_asks(w, API_PATCH, &pod_resource, "default", "p", "status", "{'status':{'phase':'Running'}}"),
        200);
    assert_fails(node_asks(w, API_CREATE, &lease_resource, "default", "", "", "{'metadata':{'name':'n'}}"),
                 403,
                 "leases.coordination.k8s.io \"n\" is forbidden: can only access leases in the "
                 "\"kube-node-lease\" system namespace");
    assert_code(node_asks(w, API_DELETE, &pod_resource, "default", "p", "", ""), 200);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(pods_get_upstreams_defaults),
        TEST(images_with_a_tag_are_pulled_once),
        TEST(pods_run_as_a_service_account_with_a_token),
        TEST(pods_have_priority_and_tolerate_quiet_nodes),
        TEST(limit_ranges_give_defaults_and_bounds),
        TEST(quotas_count),
        TEST(quality_of_service_follows_requests_and_limits),
        TEST(bad_pods_are_refused_in_upstreams_words),
        TEST(little_of_a_running_pod_may_change),
        TEST(a_pod_is_bound_once),
        TEST(evictions_ask_the_budget),
        TEST(what_has_not_begun_needs_no_budget),
        TEST(containers_may_be_added_for_debugging),
        TEST(resources_may_be_resized),
        TEST(a_nodes_agent_keeps_to_its_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
