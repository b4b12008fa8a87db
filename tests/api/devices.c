/* Claims of devices, their classes, and the slices that offer them: what is refused, what is defaulted. */
#include "kinds/resource_v1.h"
#include "verdict.h"

#define CLAIM(devices) "{'metadata':{'name':'c'},'spec':{'devices':{" devices "}}}"
#define EXACTLY(more)  CLAIM("'requests':[{'name':'r','exactly':{'deviceClassName':'gpu'" more "}}]")
#define ONE            "'requests':[{'name':'r','exactly':{'deviceClassName':'gpu'}}]"
#define SLICE(more)                                                                                          \
    "{'metadata':{'name':'s'},'spec':{'driver':'d.example.com','pool':{'name':'p','resourceSliceCount':"     \
    "1}" more "}}"
#define DEVICE(more) SLICE(",'nodeName':'n','devices':[{'name':'d'" more "}]")
#define SHARED(policy)                                                                                       \
    DEVICE(",'allowMultipleAllocations':true,'capacity':{'m':{'value':'10','requestPolicy':{" policy "}}}")

static const struct verdict claims[] = {
    {&resource_resource_claim_resource, EXACTLY(""), NULL},
    {&resource_resource_claim_resource, EXACTLY(",'allocationMode':'Some'"),
     "exactly.allocationMode: Unsupported value: \"Some\": supported values: \"All\", \"ExactCount\""},
    {&resource_resource_claim_resource, EXACTLY(",'count':-1"),
     "exactly.count: Invalid value: -1: must be greater than zero"},
    {&resource_resource_claim_resource,
     EXACTLY(",'tolerations':[{'key':'a b','operator':'Exists','value':'x','effect':'Odd'}]"),
     "tolerations[0].key: Invalid value: \"a b\"|tolerations[0].value: Invalid value: \"x\": must be empty "
     "for "
     "operator `Exists`|tolerations[0].effect: Unsupported value: \"Odd\": supported values: \"NoExecute\", "
     "\"NoSchedule\", \"None\""},
    {&resource_resource_claim_resource, EXACTLY(",'selectors':[{},{'cel':{'expression':''}}]"),
     "selectors[0].cel: Required value|selectors[1].cel.expression: Required value"},
    {&resource_resource_claim_resource,
     CLAIM("'requests':[{'name':'r','firstAvailable':[{'name':'a','deviceClassName':'x'},{'name':'a',"
           "'deviceClassName':''}]}]"),
     "firstAvailable[1].deviceClassName: Required value|firstAvailable[1]: Duplicate value: \"a\""},
    {&resource_resource_claim_resource,
     CLAIM("'requests':[{'name':'r','exactly':{'deviceClassName':'x'},'firstAvailable':[{'name':'a',"
           "'deviceClassName':'x'}]}]"),
     "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set"},
    {&resource_resource_claim_resource, CLAIM(ONE ",'constraints':[{'requests':['r','r','r/x/y']}]"),
     "constraints[0].requests[1]: Duplicate value: \"r\"|requests[2]: Invalid value: \"r/x/y\": must be the "
     "name of a "
     "request in the claim or the name of a request and a subrequest separated by '/'|constraints[0]: "
     "Required value: "
     "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required"},
    {&resource_resource_claim_resource, CLAIM(ONE ",'constraints':[{'matchAttribute':'numa'}]"),
     "matchAttribute: Invalid value: \"numa\": a fully qualified name must be a domain and a name separated "
     "by a slash"},
    {&resource_resource_claim_resource,
     CLAIM(ONE ",'config':[{},{'opaque':{'driver':'A_B','parameters':[]}}]"),
     "config[0].opaque: Required value|config[1].opaque.driver: Invalid value: "
     "\"A_B\"|config[1].opaque.parameters: "
     "Invalid value: \"<value omitted>\": must be a valid JSON object"},
    {&resource_claim_template_resource,
     "{'metadata':{'name':'t'},'spec':{'metadata':{'labels':{'a "
     "b':'c'}},'spec':{'devices':{'requests':[{'name':'r'}]}}"
     "}}",
     "spec.metadata.labels: Invalid value: \"a b\"|spec.spec.devices.requests[0]: Required value"},
    {&device_class_resource, "{'metadata':{'name':'k'},'spec':{'extendedResourceName':'gpu'}}",
     "spec.extendedResourceName: Invalid value: \"gpu\": must be a valid extended resource name"},
    {&device_class_resource, "{'metadata':{'name':'k'},'spec':{'extendedResourceName':'example.com/gpu'}}",
     NULL},
};

static const struct verdict slices[] = {
    {&resource_slice_resource, DEVICE(",'attributes':{'a':{'version':'1.2.3-rc.1+b'},'x.com/b':{'int':1}}"),
     NULL},
    {&resource_slice_resource, "{'metadata':{'name':'s'},'spec':{}}",
     "spec.driver: Required value|spec.pool.name: Required value|spec.pool.resourceSliceCount: Invalid "
     "value: 0: must be "
     "greater than zero|spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
     "`perDeviceNodeSelection` is required"},
    {&resource_slice_resource, SLICE(",'nodeName':'n','allNodes':true"),
     "spec: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of"},
    {&resource_slice_resource, SLICE(",'nodeName':'','allNodes':false"),
     "spec.nodeName: Invalid value: \"\": must be either unset or set to a non-empty string|spec.allNodes: "
     "Invalid value: "
     "false: must be either unset or set to true"},
    {&resource_slice_resource, DEVICE(",'attributes':{'a':{}}"),
     "attributes[a]: Invalid value: \"\": exactly one value must be specified"},
    {&resource_slice_resource, DEVICE(",'attributes':{'9':{'version':'1.02.3'}}"),
     "attributes[9]: Invalid value: \"9\": a valid C identifier|attributes[9].version: Invalid value: "
     "\"1.02.3\": must be "
     "a string compatible with semver.org spec 2.0.0"},
    {&resource_slice_resource, DEVICE(",'taints':[{'key':'k','effect':'Odd'},{'effect':'None'}]"),
     "taints[0].effect: Unsupported value: \"Odd\": supported values: \"NoExecute\", \"NoSchedule\", "
     "\"None\"|taints[1]"
     ".key: Invalid value: \"\": name part must be non-empty"},
    {&resource_slice_resource, DEVICE(",'nodeName':'m'"),
     "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true"},
    {&resource_slice_resource, SLICE(",'perDeviceNodeSelection':true,'devices':[{'name':'d'}]"),
     "spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required"},
    {&resource_slice_resource, DEVICE(",'bindingConditions':['a'],'bindingFailureConditions':['a']"),
     "bindingFailureConditions[0]: Invalid value: \"a\": bindingFailureConditions must not overlap"},
    {&resource_slice_resource, DEVICE(",'bindingConditions':['a']"),
     "bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use "
     "bindingConditions"},
    {&resource_slice_resource, DEVICE(",'consumesCounters':[{'counterSet':'c'}]"),
     "consumesCounters[0].counters: Required value"},
    {&resource_slice_resource, SLICE(",'nodeName':'n','devices':[],'sharedCounters':[]"),
     "spec: Invalid value: \"\": only one of `sharedCounters` or `devices` is allowed"},
    {&resource_slice_resource, DEVICE(",'capacity':{'m':{'value':'1','requestPolicy':{'default':'1'}}}"),
     "capacity[m].requestPolicy: Forbidden: allowMultipleAllocations must be true"},
    {&resource_slice_resource, SHARED("'default':'4','validRange':{'min':'2','max':'8','step':'2'}"), NULL},
    {&resource_slice_resource, SHARED("'default':'1','validRange':{'min':'2','max':'12','step':'3'}"),
     "validRange.min: Invalid value: \"1\": default is less than min: 2|validRange.max: Invalid value: "
     "\"12\": max is "
     "larger than capacity value: 10|validRange.step: Invalid value: \"1\": value is not a multiple of a "
     "given step (3) "
     "from (2)"},
    {&resource_slice_resource, SHARED("'default':'5','validValues':['4','2','20']"),
     "validValues[1]: Invalid value: \"2\": values must be sorted in ascending order|validValues[2]: Invalid "
     "value: "
     "\"20\": option is larger than capacity value: 10|validValues: Invalid value: \"5\": default value is "
     "not valid"},
    {&resource_slice_resource, SHARED("'validValues':['4']"),
     "requestPolicy.default: Required value: required when validValues is defined"},
};

#define RESULT "{'request':'r','driver':'d.example.com','pool':'p','device':'x'}"
#define GIVEN  "{'status':{'allocation':{'devices':{'results':[" RESULT "]}}}}"
#define STATUS(before, change, wrong)                                                                        \
    {                                                                                                        \
        &resource_resource_claim_resource, EXACTLY(""), before, "{'status':{" change "}}", wrong, true       \
    }
#define TELLS(more) "'devices':[{'driver':'d.example.com','pool':'p','device':'x'" more "}]"

static const struct change_verdict changes[] = {
    {&resource_resource_claim_resource, EXACTLY(""), NULL, "{'spec':{'devices':{'requests':[]}}}",
     "spec: Invalid value: |: field is immutable", false},
    {&resource_slice_resource, DEVICE(""), NULL, "{'spec':{'driver':'e.example.com','pool':{'name':'q'}}}",
     "spec.driver: Invalid value: \"e.example.com\": field is immutable|spec.pool.name: Invalid value: "
     "\"q\": field is "
     "immutable",
     false},
    STATUS(NULL, "'allocation':{'devices':{'results':[" RESULT "]}}", NULL),
    STATUS(NULL, "'allocation':{'devices':{'results':[{'request':'q','driver':'','pool':'','device':''}]}}",
           "results[0].request: Invalid value: \"q\": must be the name of a request|results[0].driver: "
           "Required value|"
           "results[0].pool: Required value|results[0].device: "),
    STATUS(NULL, "'reservedFor':[{'resource':'pods','name':'p','uid':'1'}]",
           "status.reservedFor: Forbidden: may not be specified when `allocated` is not set"),
    STATUS(GIVEN,
           "'reservedFor':[{'resource':'pods','name':'p','uid':'1'},{'resource':'','name':'q','uid':'1'}]",
           "status.reservedFor[1].resource: Required value|status.reservedFor[1]: Duplicate value: \"1\""),
    STATUS(GIVEN, "'allocation':{'devices':{'results':[]}}",
           "status.allocation: Invalid value: |: field is immutable"),
    STATUS(GIVEN, "'allocation':null", NULL),
    STATUS(GIVEN, TELLS(",'data':{'a':1},'networkData':{'interfaceName':'eth0','ips':['10.0.0.1/24']}"),
           NULL),
    STATUS(GIVEN, TELLS(",'networkData':{'ips':['10.0.0.1']}"),
           "networkData.ips[0]: Invalid value: \"10.0.0.1\": must be a valid address in CIDR form"),
    STATUS(
        NULL, TELLS(""),
        "status.devices[0]: Invalid value: \"d.example.com/p/x\": must be an allocated device in the claim"),
};

static void what_is_refused(void **state)
{
    JUDGE(*state, claims);
    JUDGE(*state, slices);
    JUDGE_CHANGES(*state, changes);
}

static void one_device_is_meant_where_no_number_is_said(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &resource_resource_claim_resource, "default", EXACTLY(",'tolerations':[{'key':'k'}]"));
    assert_code(r, 201);
    assert_field(w, r, "spec.devices.requests.0.exactly.allocationMode", "ExactCount");
    assert_field(w, r, "spec.devices.requests.0.exactly.count", "1");
    assert_field(w, r, "spec.devices.requests.0.exactly.tolerations.0.operator", "Equal");
    r = create(w, &resource_slice_resource, "", DEVICE(",'taints':[{'key':'k','effect':'NoExecute'}]"));
    assert_code(r, 201);
    assert_int_equal(field(w, r, "spec.devices.0.taints.0.timeAdded").n, 20);
}

static void admin_access_needs_a_namespace_for_it(void **state)
{
    struct world *w = *state;
    static const char refused[] =
        "spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the "
        "`resource.kubernetes.io/admin-access: true` label on the containing namespace";
#define ADMIN EXACTLY(",'adminAccess':true")
    struct api_request *r = create(w, &resource_resource_claim_resource, "default", ADMIN);
    assert_code(r, 422);
    assert_true(str_find(r->err.message, str_from(refused)) >= 0);
    r = create(w, &resource_claim_template_resource, "default",
               "{'metadata':{'name':'t'},'spec':{'spec':{'devices':{'requests':[{'name':'r','exactly':{"
               "'deviceClassName':'c','adminAccess':true}}]}}}}");
    assert_code(r, 422);
    assert_true(str_find(r->err.message, str_from(refused)) >= 0);
    assert_code(patch(w, &namespace_resource, "", "default", API_PATCH_MERGE,
                      "{'metadata':{'labels':{'resource.kubernetes.io/admin-access':'true'}}}"),
                200);
    assert_code(create(w, &resource_resource_claim_resource, "default", ADMIN), 201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_refused, world_open, world_close),
        cmocka_unit_test_setup_teardown(one_device_is_meant_where_no_number_is_said, world_open, world_close),
        cmocka_unit_test_setup_teardown(admin_access_needs_a_namespace_for_it, world_open, world_close),
    };
    return cmocka_run_group_tests_name("api/devices", tests, NULL, NULL);
}
