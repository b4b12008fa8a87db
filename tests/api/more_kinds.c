/* Kinds that mostly drivers and administrators write: flow control, storage drivers, devices, revisions. Each
 * case is an object and what is wrong with it; NULL: nothing. */
#include "kinds/flowcontrol_v1.h"
#include "kinds/node_v1.h"
#include "kinds/resource_v1.h"
#include "kinds/storage_v1.h"
#include "world.h"

struct bad {
    const struct resource *resource;
    const char *json, *wrong;
};

#define SUBJECT "'subjects':[{'kind':'User','user':{'name':'x'}}]"
#define ALL     "'resourceRules':[{'verbs':['*'],'apiGroups':['*'],'resources':['*'],'clusterScope':true}]"
#define SCHEMA(rules)                                                                                        \
    "{'metadata':{'name':'f'},'spec':{'priorityLevelConfiguration':{'name':'l'},'matchingPrecedence':5,'"    \
    "rules':[" rules "]}}"
#define QUEUE(q)                                                                                             \
    "{'metadata':{'name':'q'},'spec':{'type':'Limited','limited':{'limitResponse':{'type':'Queue','queuing'" \
    ":" q "}}}}"
#define CLAIM(devices) "{'metadata':{'name':'c'},'spec':{'devices':{" devices "}}}"
#define SLICE(more)                                                                                          \
    "{'metadata':{'name':'s'},'spec':{'driver':'d.example.com','pool':{'name':'p','generation':1,'"          \
    "resourceSliceCount':1}," more "}}"

static const struct bad cases[] = {
    {&flow_schema_resource, SCHEMA("{" SUBJECT "," ALL "}"), NULL},
    {&flow_schema_resource, SCHEMA("{'subjects':[]," ALL "}"),
     "spec.rules[0].subjects: Required value: subjects must contain at least one value"},
    {&flow_schema_resource, SCHEMA("{" SUBJECT "}"),
     "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty"},
    {&flow_schema_resource, SCHEMA("{'subjects':[{'kind':'User','group':{'name':'g'}}]," ALL "}"),
     "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'"},
    {&flow_schema_resource,
     SCHEMA("{'subjects':[{'kind':'User','user':{'name':'u'},'group':{'name':'g'}}]," ALL "}"),
     "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'"},
    {&flow_schema_resource,
     SCHEMA("{" SUBJECT
            ",'resourceRules':[{'verbs':['fly'],'apiGroups':['*'],'resources':['*'],'clusterScope':true}]}"),
     "spec.rules[0].resourceRules[0].verbs: Unsupported value: [\"fly\"]: supported values: \"create\""},
    {&flow_schema_resource,
     SCHEMA("{" SUBJECT ",'resourceRules':[{'verbs':['*'],'apiGroups':['*'],'resources':['*']}]}"),
     "namespaces: Required value: resource rules that are not cluster scoped must supply at least one "
     "namespace"},
    {&flow_schema_resource,
     SCHEMA("{" SUBJECT ",'nonResourceRules':[{'verbs':['get'],'nonResourceURLs':['x']}]}"),
     "nonResourceURLs[0]: Invalid value: \"x\": must start with slash"},
    {&flow_schema_resource,
     SCHEMA("{" SUBJECT ",'nonResourceRules':[{'verbs':['get'],'nonResourceURLs':['/a*b']}]}"),
     "wildcard can only do suffix matching"},
    {&flow_schema_resource, "{'metadata':{'name':'g'},'spec':{'priorityLevelConfiguration':{'name':''}}}",
     "spec.priorityLevelConfiguration.name: Required value: must reference a priority level"},
    {&flow_schema_resource,
     "{'metadata':{'name':'g'},'spec':{'priorityLevelConfiguration':{'name':'l'},'matchingPrecedence':1}}",
     "only the schema named 'exempt' may have matchingPrecedence 1"},
    {&priority_level_configuration_resource, QUEUE("{'queues':64,'handSize':6,'queueLengthLimit':50}"), NULL},
    {&priority_level_configuration_resource, QUEUE("{'queues':4,'handSize':6,'queueLengthLimit':50}"),
     "handSize: Invalid value: 6: should not be greater than queues (4)"},
    {&priority_level_configuration_resource, QUEUE("{'queues':1000,'handSize':9,'queueLengthLimit':50}"),
     "required entropy bits of deckSize 1000 and handSize 9 should not be greater than 60"},
    {&priority_level_configuration_resource, "{'metadata':{'name':'q'},'spec':{'type':'Limited'}}",
     "spec.limited: Required value: must not be empty when type is Limited"},
    {&priority_level_configuration_resource, "{'metadata':{'name':'q'},'spec':{'type':'Exempt'}}",
     "spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'"},
    {&priority_level_configuration_resource,
     "{'metadata':{'name':'q'},'spec':{'type':'Limited','limited':{'lendablePercent':101,'limitResponse':{'"
     "type':'Reject'}}}}",
     "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive"},
    {&csi_driver_resource, "{'metadata':{'name':'d.example.com'},'spec':{}}", NULL},
    {&csi_driver_resource,
     "{'metadata':{'name':'e.example.com'},'spec':{'tokenRequests':[{'audience':'a','expirationSeconds':60}]}"
     "}",
     "spec.tokenRequests[0].expirationSeconds: Invalid value: 60: may not specify a duration less than 10 "
     "minutes"},
    {&csi_driver_resource,
     "{'metadata':{'name':'e.example.com'},'spec':{'tokenRequests':[{'audience':'a'},{'audience':'a'}]}}",
     "spec.tokenRequests[1].audience: Duplicate value: \"a\""},
    {&csi_driver_resource, "{'metadata':{'name':'e.example.com'},'spec':{'fsGroupPolicy':'Sometimes'}}",
     "spec.fsGroupPolicy: Unsupported value: \"Sometimes\""},
    {&csi_node_resource,
     "{'metadata':{'name':'n'},'spec':{'drivers':[{'name':'a','nodeID':'1','topologyKeys':['zone']}]}}",
     NULL},
    {&csi_node_resource, "{'metadata':{'name':'m'},'spec':{'drivers':[{'name':'a','nodeID':''}]}}",
     "spec.drivers[0].nodeID: Required value"},
    {&csi_node_resource,
     "{'metadata':{'name':'m'},'spec':{'drivers':[{'name':'a','nodeID':'1','topologyKeys':['z','z']}]}}",
     "spec.drivers[0].topologyKeys[1]: Duplicate value: \"z\""},
    {&volume_attachment_resource,
     "{'metadata':{'name':'a'},'spec':{'attacher':'d','nodeName':'n','source':{'persistentVolumeName':'v'}}}",
     NULL},
    {&volume_attachment_resource,
     "{'metadata':{'name':'b'},'spec':{'attacher':'d','nodeName':'n','source':{}}}",
     "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"},
    {&csi_storage_capacity_resource, "{'metadata':{'name':'k'},'storageClassName':'fast','capacity':'-1'}",
     "capacity: Invalid value: \"-1\": must be greater than or equal to 0"},
    {&volume_attributes_class_resource, "{'metadata':{'name':'v'},'driverName':'d.example.com'}",
     "parameters: Required value: must contain at least one key/value pair"},
    {&runtime_class_resource,
     "{'metadata':{'name':'r'},'handler':'crun','scheduling':{'nodeSelector':{'a':'b'}}}", NULL},
    {&runtime_class_resource,
     "{'metadata':{'name':'s'},'handler':'crun','scheduling':{'nodeSelector':{'a b':'b'}}}",
     "scheduling.nodeSelector: Invalid value: \"a b\""},
    {&controller_revision_resource, "{'metadata':{'name':'r'},'data':{'a':1},'revision':1}", NULL},
    {&controller_revision_resource, "{'metadata':{'name':'s'},'revision':1}", "data: Required value"},
    {&controller_revision_resource, "{'metadata':{'name':'s'},'data':{'a':1},'revision':-1}",
     "revision: Invalid value: -1: must be greater than or equal to 0"},
    {&resource_resource_claim_resource,
     CLAIM("'requests':[{'name':'r','exactly':{'deviceClassName':'gpu','count':1}}],'constraints':[{'"
           "requests':['r'],'matchAttribute':'example.com/numa'}]"),
     NULL},
    {&resource_resource_claim_resource, CLAIM("'requests':[{'name':'r'}]"),
     "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required"},
    {&resource_resource_claim_resource,
     CLAIM("'requests':[{'name':'r','exactly':{'deviceClassName':'gpu','allocationMode':'All','count':2}}]"),
     "count: Invalid value: 2: must not be specified when allocationMode is 'All'"},
    {&resource_resource_claim_resource,
     CLAIM("'requests':[{'name':'r','exactly':{'deviceClassName':'gpu','count':1}},{'name':'r','exactly':{'"
           "deviceClassName':'gpu','count':1}}]"),
     "spec.devices.requests[1]: Duplicate value: \"r\""},
    {&resource_resource_claim_resource,
     CLAIM("'requests':[{'name':'r','exactly':{'deviceClassName':'gpu','count':1}}],'constraints':[{'"
           "requests':['x'],'matchAttribute':'example.com/numa'}]"),
     "spec.devices.constraints[0].requests[0]: Invalid value: \"x\": must be the name of a request in the "
     "claim"},
    {&device_class_resource,
     "{'metadata':{'name':'gpu'},'spec':{'selectors':[{'cel':{'expression':'true'}}]}}", NULL},
    {&device_class_resource, "{'metadata':{'name':'h'},'spec':{'selectors':[{}]}}",
     "spec.selectors[0].cel: Required value"},
    {&device_class_resource,
     "{'metadata':{'name':'h'},'spec':{'config':[{'opaque':{'driver':'d.example.com','parameters':[1]}}]}}",
     "spec.config[0].opaque.parameters: Invalid value: \"<value omitted>\": must be a valid JSON object"},
    {&resource_slice_resource,
     SLICE("'nodeName':'n','devices':[{'name':'d0','attributes':{'a':{'string':'x'}}}]"), NULL},
    {&resource_slice_resource, SLICE("'devices':[]"),
     "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` "
     "is required"},
    {&resource_slice_resource,
     SLICE("'nodeName':'n','devices':[{'name':'d0','attributes':{'a':{'string':'x','int':1}}}]"),
     "spec.devices[0].attributes[a]: Invalid value: {\"int\":1,\"string\":\"x\"}: exactly one value must be "
     "specified"},
};

static void each_kind_says_what_is_wrong(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct bad *c = &cases[i];
        struct api_request *r =
            create(w, c->resource, c->resource->flags & RESOURCE_NAMESPACED ? "default" : "", c->json);
        if (!c->wrong)
            assert_code(r, 201);
        else if (r->code != 422 || str_find(r->err.message, str_from(c->wrong)) < 0)
            fail_msg("%s\n  answered %d: " STR_FMT "\n  wanted: %s", c->json, r->code,
                     STR_ARG(r->err.message), c->wrong);
    }
}

static void what_is_fixed_stays(void **state)
{
    struct world *w = *state;
    static const struct {
        const struct resource *resource;
        const char *ns, *name, *json, *change, *wrong;
    } fixed[] = {
        {&csi_driver_resource, "", "d.example.com",
         "{'metadata':{'name':'d.example.com'},'spec':{'attachRequired':true}}",
         "{'spec':{'attachRequired':false}}",
         "spec.attachedRequired: Invalid value: false: field is immutable"},
        {&csi_node_resource, "", "n",
         "{'metadata':{'name':'n'},'spec':{'drivers':[{'name':'a','nodeID':'1'}]}}",
         "{'spec':{'drivers':[{'name':'a','nodeID':'2'}]}}",
         "spec.drivers[0]: Invalid value: field is immutable"},
        {&runtime_class_resource, "", "r", "{'metadata':{'name':'r'},'handler':'crun'}", "{'handler':'runc'}",
         "handler: Invalid value: \"runc\": field is immutable"},
        {&controller_revision_resource, "default", "r",
         "{'metadata':{'name':'r'},'data':{'a':1},'revision':1}", "{'data':{'a':2}}", "data: Invalid value"},
        {&resource_resource_claim_resource, "default", "c",
         CLAIM("'requests':[{'name':'r','exactly':{'deviceClassName':'gpu','count':1}}]"),
         "{'spec':{'devices':{'requests':[]}}}", "spec: Invalid value"},
        {&resource_slice_resource, "", "s", SLICE("'nodeName':'n'"), "{'spec':{'nodeName':'m'}}",
         "spec.nodeName: Invalid value: \"m\": field is immutable"},
    };
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        assert_code(create(w, fixed[i].resource, fixed[i].ns, fixed[i].json), 201);
        struct api_request *r =
            patch(w, fixed[i].resource, fixed[i].ns, fixed[i].name, API_PATCH_MERGE, fixed[i].change);
        if (r->code != 422 || str_find(r->err.message, str_from(fixed[i].wrong)) < 0)
            fail_msg("%s\n  answered %d: " STR_FMT, fixed[i].change, r->code, STR_ARG(r->err.message));
    }
}

/* What is let through, and warned of. */
static void warnings_say_what_is_old_or_odd(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *metadata, *spec, *warning;
    } odd[] = {
        {"", "'nodeSelector':{'beta.kubernetes.io/os':'linux'}",
         "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" "
         "instead"},
        {"",
         "'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':["
         "{'matchExpressions':[{'key':'failure-domain.beta.kubernetes.io/zone','operator':'Exists'}]}]}}}",
         "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]."
         "matchExpressions[0].key: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "
         "\"topology.kubernetes.io/zone\" instead"},
        {"", "'volumes':[{'name':'v','glusterfs':{'endpoints':'e','path':'p'}}]",
         "spec.volumes[0].glusterfs: deprecated in v1.25, non-functional in v1.26+"},
        {"", "'imagePullSecrets':[{}]", "spec.imagePullSecrets[0].name: invalid empty name \"\""},
        {"'annotations':{'scheduler.alpha.kubernetes.io/critical-pod':''},", "'restartPolicy':'Always'",
         "metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use "
         "the \"priorityClassName\" field instead"},
        {"",
         "'initContainers':[{'name':'i','image':'x','env':[{'name':'A','value':'1'},{'name':'A','value':'2'}]"
         "}]",
         "spec.initContainers[0].env[1]: hides previous definition of \"A\", which may be dropped when using "
         "apply"},
        {"",
         "'initContainers':[{'name':'i','image':'x','ports':[{'containerPort':80},{'containerPort':80}]}]",
         "spec.initContainers[0].ports[1]: duplicate port definition with spec.initContainers[0].ports[0]"},
        {"", "'initContainers':[{'name':'i','image':'x','resources':{'requests':{'memory':'100m'}}}]",
         "spec.initContainers[0].resources.requests[memory]: fractional byte value \"100m\" is invalid, must "
         "be an integer"},
    };
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct arena *a = ask(w, API_GET, &pod_resource, "", "")->arena;
        struct api_request *r = create(
            w, &pod_resource, "default",
            arena_printf(a,
                         "{'metadata':{%s'name':'p%zu'},'spec':{%s,'containers':[{'name':'c','image':'x'}]}}",
                         odd[i].metadata, i, odd[i].spec)
                .p);
        assert_code(r, 201);
        assert_int_equal(r->warnings.n, 1);
        assert_str(r->warnings.at[0], odd[i].warning);
    }
    struct api_request *r = create(w, &daemon_set_resource, "default",
                                   "{'metadata':{'name':'d'},'spec':{'selector':{'matchLabels':{'a':'b'}},'"
                                   "template':{'metadata':{'labels':{'a':'b'}},"
                                   "'spec':{'nodeSelector':{'beta.kubernetes.io/"
                                   "arch':'amd64'},'containers':[{'name':'c','image':'x'}]}}}}");
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0], "spec.template.spec.nodeSelector[beta.kubernetes.io/arch]: deprecated "
                                  "since v1.14; use \"kubernetes.io/arch\" instead");
    r = patch(w, &daemon_set_resource, "default", "d", API_PATCH_MERGE, "{'metadata':{'labels':{'x':'y'}}}");
    assert_int_equal(r->warnings.n, 0); /* said before */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_kind_says_what_is_wrong, world_open, world_close),
        cmocka_unit_test_setup_teardown(what_is_fixed_stays, world_open, world_close),
        cmocka_unit_test_setup_teardown(warnings_say_what_is_old_or_odd, world_open, world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
