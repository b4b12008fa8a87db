/* Kinds that clusters are set up with: storage, priorities, runtimes, events, leases, API services. */
#include "kinds/admissionregistration_v1.h"
#include "kinds/apiregistration_v1.h"
#include "kinds/coordination_v1.h"
#include "kinds/discovery_v1.h"
#include "kinds/events_v1.h"
#include "kinds/node_v1.h"
#include "kinds/scheduling_v1.h"
#include "kinds/storage_v1.h"
#include "verdict.h"

#define SC(more)     "{'metadata':{'name':'s'},'provisioner':'example.com/p'" more "}"
#define WHERE(more)  SC(",'allowedTopologies':[{'matchLabelExpressions':[" more "]}]")
#define ATTACH(more) "{'metadata':{'name':'a'},'spec':{'attacher':'d.example.com','nodeName':'n'" more "}}"
#define PV           ",'source':{'persistentVolumeName':'v'}"
#define EVENT(more)                                                                                          \
    "{'metadata':{'name':'e'},'regarding':{'kind':'Pod','namespace':'default','name':'p'}" more "}"
#define WHOLE                                                                                                \
    ",'eventTime':'2026-01-01T00:00:00.000000Z','action':'A','reason':'R','type':'Normal',"                  \
    "'reportingController':'example.com/c','reportingInstance':'c-1'"
#define SERVICE(name, more)                                                                                  \
    "{'metadata':{'name':'" name "'},'spec':{'groupPriorityMinimum':1,'versionPriority':1" more "}}"

static const struct verdict verdicts[] = {
    {&storage_class_resource, SC(""), NULL},
    {&storage_class_resource, "{'metadata':{'name':'s'}}", "provisioner: Required value"},
    {&storage_class_resource, SC(",'reclaimPolicy':'Recycle','volumeBindingMode':'Later'"),
     "reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", "
     "\"Retain\"|volumeBindingMode: "
     "Unsupported value: \"Later\": supported values: \"Immediate\", \"WaitForFirstConsumer\""},
    {&storage_class_resource, SC(",'parameters':{'':'x'}"),
     "parameters: Invalid value: \"\": field can not be empty."},
    {&storage_class_resource, WHERE("{'key':'zone','values':['a']}"), NULL},
    {&storage_class_resource, WHERE("{'key':'zone','values':[]},{'key':'zone','values':['a','a']}"),
     "allowedTopologies[0].matchLabelExpressions[0].values: Required "
     "value|matchLabelExpressions[1].values[1]: "
     "Duplicate value: \"a\"|matchLabelExpressions[1].key: Duplicate value: \"zone\""},
    {&csi_driver_resource, "{'metadata':{'name':'d.Example.com'},'spec':{}}",
     "metadata.name: Invalid value: \"d.Example.com\""},
    {&csi_driver_resource, "{'metadata':{'name':'d'},'spec':{'nodeAllocatableUpdatePeriodSeconds':5}}",
     "spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 5: must be greater than or equal to 10 "
     "seconds"},
    {&volume_attachment_resource, ATTACH(PV), NULL},
    {&volume_attachment_resource,
     "{'metadata':{'name':'a'},'spec':{'attacher':'','nodeName':'','source':{}}}",
     "spec.attacher: Required value|spec.nodeName: Invalid value: \"\": a lowercase RFC 1123 "
     "subdomain|spec.source: "
     "Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"},
    {&volume_attachment_resource, ATTACH(",'source':{'persistentVolumeName':'v','inlineVolumeSpec':{}}"),
     "spec.source: Forbidden: must specify exactly one of inlineVolumeSpec and persistentVolumeName"},
    {&priority_class_resource, "{'metadata':{'name':'system-mine'},'value':1}",
     "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
     "error: "
     "system-mine is not a known system priority class"},
    {&priority_class_resource, "{'metadata':{'name':'p'},'value':1000000001}",
     "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"},
    {&priority_class_resource, "{'metadata':{'name':'p'},'value':1,'preemptionPolicy':'Sometimes'}",
     "preemptionPolicy: Unsupported value: \"Sometimes\": supported values: \"Never\", "
     "\"PreemptLowerPriority\""},
    {&runtime_class_resource, "{'metadata':{'name':'r'}}", "handler: Required value"},
    {&runtime_class_resource, "{'metadata':{'name':'r'},'handler':'A'}", "handler: Invalid value: \"A\""},
    {&lease_resource, "{'metadata':{'name':'l'},'spec':{'leaseDurationSeconds':0,'leaseTransitions':-1}}",
     "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0|spec.leaseTransitions: Invalid "
     "value: -1: must "
     "be greater than or equal to 0"},
    {&events_event_resource, EVENT(WHOLE), NULL},
    {&events_event_resource, EVENT(""),
     "eventTime: Required value|type: Invalid value: \"\": has invalid value: "},
    {&events_event_resource,
     EVENT(",'eventTime':'2026-01-01T00:00:00.000000Z','type':'Odd','deprecatedCount':1"),
     "reportingController: Required value|reportingInstance: Required value|action: Required value|reason: "
     "Required "
     "value|type: Invalid value: \"\": has invalid value: Odd|count: Invalid value: \"\": needs to be unset"},
    {&events_event_resource, EVENT(WHOLE ",'series':{'count':1}"),
     "series.count: Invalid value: \"\": should be at least 2|series.lastObservedTime: Required value"},
    {&event_resource, "{'metadata':{'name':'e'},'involvedObject':{'namespace':'default','name':'p'}}", NULL},
    {&event_resource, "{'metadata':{'name':'e'},'involvedObject':{'namespace':'other','name':'p'}}",
     "involvedObject.namespace: Invalid value: \"other\": does not match event.namespace"},
    {&api_service_resource, SERVICE("v2.", ",'version':'v2'"),
     "spec.group: Required value: only v1 may have an empty group and it better be legacy kube"},
    {&api_service_resource, "{'metadata':{'name':'x'},'spec':{'group':'a.b','version':'v1'}}",
     "metadata.name: Invalid value: \"x\": must be `spec.version+\".\"+spec.group`: "
     "\"v1.a.b\"|spec.groupPriorityMinimum: "
     "Invalid value: 0: must be positive and less than 20000|spec.versionPriority: Invalid value: 0: must be "
     "positive "
     "and less than 1000"},
};

static const struct change_verdict changes[] = {
    {&storage_class_resource, SC(""), NULL,
     "{'provisioner':'x','parameters':{'a':'b'},'reclaimPolicy':'Retain','volumeBindingMode':'"
     "WaitForFirstConsumer'}",
     "parameters: Forbidden: updates to parameters are forbidden.|provisioner: Forbidden: updates to "
     "provisioner are "
     "forbidden.|reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.|volumeBindingMode: "
     "Invalid value: "
     "\"WaitForFirstConsumer\": field is immutable",
     false},
    {&storage_class_resource, SC(""), NULL, "{'allowVolumeExpansion':true,'mountOptions':['ro']}", NULL,
     false},
    {&volume_attachment_resource, ATTACH(PV), NULL, "{'spec':{'nodeName':'m'}}",
     "spec: Invalid value: |immutable", false},
    {&volume_attachment_resource, ATTACH(PV), NULL,
     "{'status':{'attached':true,'attachError':{'message':'late','errorCode':0}}}",
     "status.attachError.errorCode: Invalid value: 0", true},
    {&priority_class_resource, "{'metadata':{'name':'p'},'value':1}", NULL,
     "{'value':2,'preemptionPolicy':'Never'}",
     "value: Forbidden: may not be changed in an update.|preemptionPolicy: Invalid value: \"Never\": field "
     "is immutable",
     false},
    {&events_event_resource, EVENT(WHOLE), NULL,
     "{'series':{'count':2,'lastObservedTime':'2026-01-01T00:00:01.000000Z'}}", NULL, false},
    {&events_event_resource, EVENT(WHOLE), NULL, "{'reason':'Other','note':'x'}", NULL, false},
    {&event_resource, "{'metadata':{'name':'e'},'involvedObject':{'namespace':'default'}}", NULL,
     "{'reason':'Other'}", NULL, false},
};

static void what_is_refused(void **state)
{
    JUDGE(*state, verdicts);
    JUDGE_CHANGES(*state, changes);
}

#define SLICE_OF(more)                                                                                       \
    "{'metadata':{'name':'x'},'addressType':'IPv4','endpoints':[{'addresses':['10.1.0.1']" more "}]}"

static const struct verdict endpoint_slices[] = {
    {&endpoint_slice_resource, SLICE_OF(",'hints':{'forZones':[{'name':'a'}]}"), NULL},
    {&endpoint_slice_resource,
     SLICE_OF(",'hints':{'forZones':[{'name':'a b'},{'name':'a b'}],'forNodes':[{'name':'N'}]}"),
     "endpoints[0].hints.forZones[0].name: Invalid value: \"a b\"|forZones[1].name: Duplicate value: \"a "
     "b\"|forNodes[0].name: Invalid value: \"N\""},
    {&endpoint_slice_resource, SLICE_OF(",'deprecatedTopology':{'a b':'c'},'hostname':'H'"),
     "endpoints[0].deprecatedTopology: Invalid value: \"a b\"|endpoints[0].hostname: Invalid value: \"H\""},
};

static void endpoints_have_hints(void **state)
{
    struct world *w = *state;
    JUDGE(w, endpoint_slices);
    assert_code(create(w, &endpoint_slice_resource, "default", SLICE_OF("")), 201);
    struct api_request *r = patch(w, &endpoint_slice_resource, "default", "x", API_PATCH_MERGE,
                                  "{'metadata':{'labels':{'a':'b'}}}");
    assert_field(w, r, "metadata.generation", "2");
    r = patch(w, &endpoint_slice_resource, "default", "x", API_PATCH_MERGE,
              "{'metadata':{'annotations':{'a':'b'}}}");
    assert_field(w, r, "metadata.generation", "2");
}

static void old_labels_are_warned_of(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &storage_class_resource, "",
                                   WHERE("{'key':'failure-domain.beta.kubernetes.io/zone','values':['a']}"));
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0],
               "allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use "
               "\"topology.kubernetes.io/zone\" instead");
    r = create(w, &runtime_class_resource, "",
               "{'metadata':{'name':'r'},'handler':'h','scheduling':{'nodeSelector':{'beta.kubernetes.io/"
               "os':'linux'}}}");
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0], "scheduling.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; "
                                  "use \"kubernetes.io/os\" instead");
}

/* An update must say what it saw, but for where the kind lets it overwrite anything. */
static void updates_without_a_version_may_be_refused(void **state)
{
    struct world *w = *state;
    static const struct {
        const struct resource *resource;
        const char *ns, *json;
        bool refused;
    } kinds[] = {
        {&csi_driver_resource, "", "{'metadata':{'name':'o'},'spec':{}}", true},
        {&csi_node_resource, "", "{'metadata':{'name':'o'},'spec':{'drivers':[]}}", true},
        {&csi_storage_capacity_resource, "default", "{'metadata':{'name':'o'},'storageClassName':'s'}", true},
        {&volume_attachment_resource, "",
         "{'metadata':{'name':'o'},'spec':{'attacher':'d.example.com','nodeName':'n'" PV "}}", true},
        {&runtime_class_resource, "", "{'metadata':{'name':'o'},'handler':'h'}", true},
        {&validating_webhook_configuration_resource, "", "{'metadata':{'name':'o'}}", true},
        {&mutating_webhook_configuration_resource, "", "{'metadata':{'name':'o'}}", true},
        {&storage_class_resource, "", "{'metadata':{'name':'o'},'provisioner':'example.com/p'}", false},
        {&priority_class_resource, "", "{'metadata':{'name':'o'},'value':1}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct resource *kind = kinds[i].resource;
        assert_code(create(w, kind, kinds[i].ns, kinds[i].json), 201);
        struct api_request *r = update(w, kind, kinds[i].ns, "o", kinds[i].json);
        if (!kinds[i].refused) {
            assert_code(r, 200);
            continue;
        }
        assert_code(r, 422);
        assert_true(
            str_find(r->err.message,
                     STR("metadata.resourceVersion: Invalid value: 0x0: must be specified for an update")) >
            0);
    }
    assert_code(update(w, &runtime_class_resource, "", "p", "{'metadata':{'name':'p'},'handler':'h'}"), 201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_refused, world_open, world_close),
        cmocka_unit_test_setup_teardown(endpoints_have_hints, world_open, world_close),
        cmocka_unit_test_setup_teardown(old_labels_are_warned_of, world_open, world_close),
        cmocka_unit_test_setup_teardown(updates_without_a_version_may_be_refused, world_open, world_close),
    };
    return cmocka_run_group_tests_name("api/cluster_kinds", tests, NULL, NULL);
}
