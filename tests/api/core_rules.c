/* The kinds of core/v1 that are not pods, volumes or claims: what is refused of them, and of changes. */
#include "kinds/core_v1.h"
#include "kinds/events_v1.h"
#include "verdict.h"

#define META(more)       "{'metadata':{'name':'m'" more "}}"
#define OWNED(owner)     META(",'ownerReferences':[" owner "]")
#define SERVICE(spec)    "{'metadata':{'name':'s'},'spec':{" spec "}}"
#define PORTS            "'ports':[{'port':80}]"
#define NOTED(text)      "{'metadata':{'name':'s','annotations':{" text "}},'spec':{" PORTS "}}"
#define NODE(more)       "{'metadata':{'name':'n'}," more "}"
#define TAINTED(taints)  NODE("'spec':{'taints':[" taints "]}")
#define RANGE(limit)     "{'metadata':{'name':'l'},'spec':{'limits':[{" limit "}]}}"
#define QUOTA(spec)      "{'metadata':{'name':'q'},'spec':{" spec "}}"
#define SECRET(type, kv) "{'metadata':{'name':'s'},'type':'" type "','stringData':{" kv "}}"
#define CONTROLLER(spec) "{'metadata':{'name':'r'},'spec':{" spec "}}"
#define TEMPLATE(more)                                                                                       \
    "'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i'}]" more "}}"
#define OLD_EVENT(more) "{'metadata':{'name':'e'},'involvedObject':{" more "}"
#define NEW_EVENT(more)                                                                                      \
    "{'metadata':{'name':'e'},'eventTime':'2026-01-02T03:04:05.000000Z','regarding':{'namespace':'default'"  \
    "}" more "}"
#define REPORTED ",'reportingController':'c','reportingInstance':'i','action':'Try','reason':'Why'"

static const struct verdict verdicts[] = {
    /* Metadata, whose owners upstream does not count. */
    {&config_map_resource,
     OWNED("{'apiVersion':'v1','kind':'Pod','name':'p','uid':'u'},"
           "{'apiVersion':'apps/v1','kind':'ReplicaSet','name':'r','uid':'v','controller':true}"),
     NULL},
    {&config_map_resource, OWNED("{'apiVersion':'apps/','kind':'','name':'','uid':''}"),
     "metadata.ownerReferences.apiVersion: Invalid value: \"apps/\": version must not be "
     "empty|metadata.ownerReferences.kind: Invalid value: \"\": must not be "
     "empty|ownerReferences.name: Invalid value: \"\": must not be empty|ownerReferences.uid: Invalid value: "
     "\"\": must not be empty"},
    {&config_map_resource, OWNED("{'apiVersion':'v1','kind':'Event','name':'e','uid':'u'}"),
     "metadata.ownerReferences: Invalid value: {\"apiVersion\":\"v1\",\"kind\":\"Event\",\"name\":\"e\","
     "\"uid\":\"u\"}: /v1, Kind=Event is disallowed from being an owner"},
    {&config_map_resource,
     OWNED("{'apiVersion':'v1','kind':'Pod','name':'p','uid':'u','controller':true},"
           "{'apiVersion':'v1','kind':'Pod','name':'q','uid':'v','controller':true}"),
     "Only one reference can have Controller set to true. Found \"true\" in references for Pod/p and Pod/q"},
    {&config_map_resource, META(",'finalizers':['orphan','example.com/f']"), NULL},
    {&config_map_resource, META(",'finalizers':['mine']"),
     "metadata.finalizers[0]: Invalid value: \"mine\": name is neither a standard finalizer name nor is it "
     "fully qualified"},
    {&config_map_resource, META(",'finalizers':['orphan','foregroundDeletion']"),
     "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan and "
     "foregroundDeletion cannot be both set"},
    {&namespace_resource, "{'metadata':{'name':'x'},'spec':{'finalizers':['mine']}}",
     "spec.finalizers: Invalid value: \"mine\": name is neither a standard finalizer name"},

    /* Services. */
    {&service_resource, SERVICE("'ports':[{'port':80,'name':'a'},{'port':80,'name':'b'}]"),
     "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80,"
     "\"TargetPort\":0,\"NodePort\":0}"},
    {&service_resource,
     SERVICE("'type':'NodePort','ports':[{'port':80,'name':'a','nodePort':30001},{'port':81,'name':'b',"
             "'nodePort':30001}]"),
     "spec.ports[1].nodePort: Duplicate value: 30001"},
    {&service_resource, SERVICE("'ports':[{'port':80,'appProtocol':''}]"),
     "spec.ports[0].appProtocol: Invalid value: \"\": name part must be non-empty"},
    {&service_resource, SERVICE(PORTS ",'internalTrafficPolicy':'Odd'"),
     "spec.internalTrafficPolicy: Unsupported value: \"Odd\": supported values: \"Cluster\", \"Local\""},
    {&service_resource, SERVICE(PORTS ",'trafficDistribution':'Odd'"),
     "supported values: \"PreferClose\", \"PreferSameZone\", \"PreferSameNode\""},
    {&service_resource, SERVICE(PORTS ",'healthCheckNodePort':30003"),
     "spec.healthCheckNodePort: Invalid value: 30003: may only be set when `type` is 'LoadBalancer' and "
     "`externalTrafficPolicy` is 'Local'"},
    {&service_resource, SERVICE(PORTS ",'type':'LoadBalancer','loadBalancerClass':'a b'"),
     "spec.loadBalancerClass: Invalid value: \"a b\""},
    {&service_resource, SERVICE(PORTS ",'loadBalancerClass':'a/b','allocateLoadBalancerNodePorts':false"),
     "spec.loadBalancerClass: Forbidden: may only be used when `type` is "
     "'LoadBalancer'|spec.allocateLoadBalancerNodePorts: Forbidden"},
    {&service_resource,
     SERVICE(PORTS ",'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':0}}"),
     "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less "
     "than 86400"},
    {&service_resource, NOTED("'service.beta.kubernetes.io/load-balancer-source-ranges':'10.0.0.0/8'"),
     "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Forbidden: may only be "
     "used when `type` is 'LoadBalancer'"},
    {&service_resource,
     NOTED("'service.kubernetes.io/topology-mode':'Auto','service.kubernetes.io/topology-aware-hints':'x'"),
     "metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: \"Auto\": must match "
     "annotations[service.kubernetes.io/topology-aware-hints] when both are specified"},

    /* Nodes. */
    {&node_resource, TAINTED("{'key':'a b','value':'!','effect':'Odd'}"),
     "metadata.taints[0].key: Invalid value: \"a b\"|metadata.taints[0].value: Invalid value: "
     "\"!\"|metadata.taints[0].effect: Unsupported value: \"Odd\": supported values: \"NoSchedule\", "
     "\"PreferNoSchedule\", \"NoExecute\""},
    {&node_resource, TAINTED("{'key':'a','effect':'NoExecute'},{'key':'a','value':'b','effect':'NoExecute'}"),
     "metadata.taints[1]: Duplicate value: |: taints must be unique by key and effect pair"},
    {&node_resource, NODE("'status':{'capacity':{'cpu':'-1','pods':'1500m'}}"),
     "status.capacity.cpu: Invalid value: \"-1\": must be greater than or equal to "
     "0|status.capacity.pods: Invalid value: \"1500m\": must be an integer"},
    {&node_resource, NODE("'status':{'declaredFeatures':['B','A','a']}"),
     "status.declaredFeatures[1]: Invalid value: \"A\": list must be sorted "
     "alphabetically|status.declaredFeatures[2]: Invalid value: \"a\": invalid feature name \"a\": must "
     "start"},

    /* Limit ranges. */
    {&limit_range_resource, RANGE("'type':'Container','max':{'cpu':'2'},'min':{'cpu':'1'}"), NULL},
    {&limit_range_resource, RANGE("'type':'Odd'"),
     "spec.limits[0].type: Invalid value: \"Odd\": must be a standard limit type or fully qualified"},
    {&limit_range_resource, RANGE("'type':'Container','max':{'storage':'1'}"),
     "spec.limits[0].max[storage]: Invalid value: \"storage\": must be a standard resource for containers"},
    {&limit_range_resource, RANGE("'type':'PersistentVolumeClaim'"),
     "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but "
     "neither was provided"},
    {&limit_range_resource, RANGE("'type':'Pod','default':{'cpu':'1'}"),
     "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"},
    {&limit_range_resource,
     RANGE("'type':'Container','min':{'cpu':'3'},'defaultRequest':{'cpu':'2'},'default':{'cpu':'1'},"
           "'max':{'cpu':'500m'}"),
     "limits[0].min[cpu]: Invalid value: \"3\": min value 3 is greater than max value "
     "500m|limits[0].defaultRequest[cpu]: Invalid value: \"2\": min value 3 is greater than default request "
     "value 2|limits[0].defaultRequest[cpu]: Invalid value: \"2\": default request value 2 is greater than "
     "max value 500m|limits[0].defaultRequest[cpu]: Invalid value: \"2\": default request value 2 is greater "
     "than default limit value 1|limits[0].default[cpu]: Invalid value: \"3\": min value 3 is greater than "
     "default value 1|limits[0].default[cpu]: Invalid value: \"500m\": default value 1 is greater than max "
     "value 500m"},
    {&limit_range_resource, RANGE("'type':'Container','maxLimitRequestRatio':{'cpu':'500m'}"),
     "limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"500m\": ratio 500m is less than 1"},
    {&limit_range_resource,
     RANGE("'type':'Pod','maxLimitRequestRatio':{'cpu':'3'},'min':{'cpu':'1'},'max':{'cpu':'2'}"),
     "limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"3\": ratio 3 is greater than max/min = 2.000000"},
    {&limit_range_resource,
     RANGE("'type':'Container','default':{'example.com/gpu':'2'},'defaultRequest':{'example.com/gpu':'1'}"),
     "default value 2 must equal to defaultRequest value 1 in example.com/gpu"},
    {&limit_range_resource, "{'metadata':{'name':'l'},'spec':{'limits':[{'type':'Pod'},{'type':'Pod'}]}}",
     "spec.limits[1].type: Duplicate value: \"Pod\""},

    /* Quotas. */
    {&resource_quota_resource, QUOTA("'hard':{'pods':'1','requests.cpu':'1','count/jobs.batch':'2'}"), NULL},
    {&resource_quota_resource, QUOTA("'hard':{'wishes':'1','pods':'1500m','cpu':'-1'}"),
     "spec.hard[wishes]: Invalid value: \"wishes\": must be a standard resource type or fully "
     "qualified|spec.hard[pods]: Invalid value: \"1500m\": must be an integer|spec.hard[cpu]: Invalid value: "
     "\"-1\": must be greater than or equal to 0"},
    {&resource_quota_resource, QUOTA("'scopes':['Odd']"),
     "spec.scopes: Invalid value: [\"Odd\"]: unsupported scope"},
    {&resource_quota_resource, QUOTA("'hard':{'cpu':'1'},'scopes':['BestEffort']"),
     "spec.scopes: Invalid value: [\"BestEffort\"]: unsupported scope applied to resource"},
    {&resource_quota_resource, QUOTA("'scopes':['BestEffort','NotBestEffort']"), "conflicting scopes"},
    {&resource_quota_resource,
     QUOTA(
         "'scopeSelector':{'matchExpressions':[{'scopeName':'Terminating','operator':'In','values':['a']}]}"),
     "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' when scope is "
     "any "
     "of"},
    {&resource_quota_resource,
     QUOTA("'scopeSelector':{'matchExpressions':[{'scopeName':'PriorityClass','operator':'In'},"
           "{'scopeName':'PriorityClass','operator':'Exists','values':['a']},"
           "{'scopeName':'PriorityClass','operator':'Odd'}]}"),
     "matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or "
     "'NotIn' for scope selector|matchExpressions.values: Invalid value: [\"a\"]: must be no "
     "value|matchExpressions.operator: Invalid value: \"Odd\": not a valid selector operator"},

    /* Secrets. */
    {&secret_resource, SECRET("kubernetes.io/dockerconfigjson", "'.dockerconfigjson':'{}'"), NULL},
    {&secret_resource, SECRET("kubernetes.io/dockerconfigjson", "'.dockerconfigjson':'{x'"),
     "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'x' looking "
     "for beginning of object key string"},
    {&secret_resource, SECRET("kubernetes.io/dockercfg", "'.dockercfg':'[]'"),
     "json: cannot unmarshal array into Go value of type map[string]interface {}"},
    {&secret_resource, SECRET("kubernetes.io/ssh-auth", "'ssh-privatekey':''"),
     "data[ssh-privatekey]: Required value"},
    {&secret_resource, SECRET("kubernetes.io/service-account-token", ""),
     "metadata.annotations[kubernetes.io/service-account.name]: Required value"},

    /* Replication controllers. */
    {&replication_controller_resource, CONTROLLER(TEMPLATE("")), NULL},
    {&replication_controller_resource, CONTROLLER("'selector':{'a':'b'}"), "spec.template: Required value"},
    {&replication_controller_resource, CONTROLLER("'selector':{'a':'c'}," TEMPLATE("")),
     "spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template "
     "`labels`"},

    /* Events in the form that they have always had ... */
    {&event_resource, OLD_EVENT("'namespace':'default'}"), NULL},
    {&event_resource, OLD_EVENT("}"), NULL},
    {&event_resource, OLD_EVENT("'namespace':'other'}"),
     "involvedObject.namespace: Invalid value: \"other\": does not match event.namespace"},
    {&event_resource, OLD_EVENT("},'eventTime':'2026-01-02T03:04:05.000000Z'"),
     "reportingComponent: Required value|reportingInstance: Required value|action: Required value|reason: "
     "Required value"},
    /* ... and in the newer one. */
    {&events_event_resource, NEW_EVENT(REPORTED ",'type':'Normal'"), NULL},
    {&events_event_resource, NEW_EVENT(",'type':'Odd'"),
     "reportingController: Required value|type: Invalid value: \"\": has invalid value: Odd"},
    {&events_event_resource, NEW_EVENT(REPORTED ",'type':'Normal','series':{'count':1}"),
     "series.count: Invalid value: \"\": should be at least 2|series.lastObservedTime: Required value"},
    {&events_event_resource,
     NEW_EVENT(REPORTED ",'type':'Normal','deprecatedCount':1,'deprecatedSource':{'host':'h'}"),
     "count: Invalid value: \"\": needs to be unset|source: Invalid value: \"\": needs to be unset"},

    /* Endpoints. */
    {&endpoints_resource,
     "{'metadata':{'name':'e'},'subsets':[{},{'addresses':[{'ip':'127.0.0.1'}],'ports':[{'port':0,"
     "'appProtocol':'a b'}]}]}",
     "subsets[0]: Required value: must specify `addresses` or "
     "`notReadyAddresses`|subsets[1].addresses[0].ip: "
     "Invalid value: \"127.0.0.1\": may not be in the loopback range|subsets[1].ports[0].port: Invalid "
     "value: "
     "0|subsets[1].ports[0].appProtocol: Invalid value: \"a b\""},
};

static const struct change_verdict changes[] = {
    {&config_map_resource, META(""), NULL, "{'metadata':{'creationTimestamp':'2020-01-01T00:00:00Z'}}", NULL,
     false},
    {&node_resource, NODE("'status':{}"), NULL,
     "{'status':{'addresses':[{'type':'Hostname','address':'a'},{'type':'Hostname','address':'a'}]}}",
     "status.addresses[1]: Duplicate value", true},
    {&node_resource, NODE("'spec':{'externalID':'a'}"), NULL, "{'spec':{'externalID':'b'}}",
     "spec.externalID: Forbidden: may not be updated", false},
    {&resource_quota_resource, QUOTA("'scopes':['BestEffort']"), NULL, "{'spec':{'scopes':['Terminating']}}",
     "spec.scopes: Invalid value: [\"Terminating\"]: field is immutable", false},
    {&resource_quota_resource, QUOTA(""), NULL, "{'status':{'used':{'wishes':'1'}}}",
     "status.used[wishes]: Invalid value: \"wishes\": must be a standard resource type or fully qualified",
     true},
    {&replication_controller_resource, CONTROLLER(TEMPLATE("")), NULL,
     "{'status':{'replicas':1,'readyReplicas':1,'availableReplicas':2}}",
     "status.availableReplicas: Invalid value: 2: cannot be greater than "
     "status.replicas|status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
     true},
    {&replication_controller_resource, CONTROLLER(TEMPLATE("")), NULL,
     "{'spec':{'template':{'spec':{'restartPolicy':'Never','activeDeadlineSeconds':1}}}}",
     "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: "
     "\"Always\"|spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in "
     "ReplicationController is not Supported",
     false},
    {&events_event_resource, NEW_EVENT(REPORTED ",'type':'Normal'"), NULL, "{'note':'more','reason':'Else'}",
     NULL, false},
    {&event_resource, OLD_EVENT("}"), NULL, "{'message':'more'}", NULL, false},
    {&service_resource, SERVICE(PORTS ",'type':'LoadBalancer','loadBalancerClass':'a/b'"), NULL,
     "{'spec':{'loadBalancerClass':'a/c'}}",
     "spec.loadBalancerClass: Invalid value: \"a/c\": may not change once set", false},
};

static void what_does_not_fit_is_refused(void **state)
{
    JUDGE(*state, verdicts);
}

static void changes_that_do_not_fit_are_refused(void **state)
{
    JUDGE_CHANGES(*state, changes);
}

static void finalizing_keeps_to_known_names(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &namespace_resource, "", "{'metadata':{'name':'x'}}"), 201);
    struct api_request *r = sub(w, API_UPDATE, &namespace_resource, "", "x", "finalize",
                                "{'metadata':{'name':'x'},'spec':{'finalizers':['mine']}}");
    assert_fails(r, 422,
                 "Namespace \"x\" is invalid: spec.finalizers[0]: Invalid value: \"mine\": name is neither a "
                 "standard finalizer name nor is it fully qualified");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, world_open, world_close),
        cmocka_unit_test_setup_teardown(changes_that_do_not_fit_are_refused, world_open, world_close),
        cmocka_unit_test_setup_teardown(finalizing_keeps_to_known_names, world_open, world_close),
    };
    return cmocka_run_group_tests_name("api/core_rules", tests, NULL, NULL);
}
