/* Persistent volumes and claims: what is refused of them, what of changes, what is joined and warned of. */
#include "verdict.h"

/* Finalizers protect them from being deleted at once, so that each has a name of its own. */
#define CLAIM(more) "{'metadata':{'generateName':'c-'},'spec':{" more "}}"
#define FITTING     "'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}"
#define VOLUME(more)                                                                                         \
    "{'metadata':{'generateName':'v-'},'spec':{'accessModes':['ReadWriteOnce'],'capacity':{'storage':'1Gi'}" \
    "," more "}}"
#define HOST_PATH "'hostPath':{'path':'/data'}"

static const struct verdict verdicts[] = {
    {&persistent_volume_claim_resource, CLAIM(FITTING), NULL},
    {&persistent_volume_claim_resource, CLAIM(""),
     "spec.accessModes: Required value: at least 1 access mode is required|spec.resources[storage]: Required "
     "value"},
    {&persistent_volume_claim_resource,
     CLAIM(
         "'accessModes':['Odd','ReadWriteOncePod','ReadOnlyMany'],'resources':{'requests':{'storage':'0'}}"),
     "spec.accessModes: Unsupported value: \"Odd\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", "
     "\"ReadWriteOnce\", \"ReadWriteOncePod\"|spec.accessModes: Forbidden: may not use ReadWriteOncePod with "
     "other access modes|spec.resources[storage]: Invalid value: \"0\": must be greater than zero"},
    {&persistent_volume_claim_resource,
     CLAIM(FITTING ",'storageClassName':'A','volumeMode':'Odd','volumeAttributesClassName':'B'"),
     "spec.storageClassName: Invalid value: \"A\"|spec.volumeMode: Unsupported value: \"Odd\": supported "
     "values: "
     "\"Block\", \"Filesystem\"|spec.volumeAttributesClassName: Invalid value: \"B\""},
    {&persistent_volume_claim_resource, CLAIM(FITTING ",'dataSourceRef':{'kind':'Odd','name':''}"),
     "spec.dataSourceRef.name: Required value|spec.dataSourceRef: Invalid value: \"Odd\": must be "
     "'PersistentVolumeClaim' when referencing the default apiGroup"},
    {&persistent_volume_claim_resource,
     CLAIM(FITTING ",'dataSource':{'kind':'PersistentVolumeClaim','name':'a'},'dataSourceRef':{'kind':"
                   "'PersistentVolumeClaim','name':'b'}"),
     "must match dataSourceRef"},

    {&persistent_volume_resource, VOLUME(HOST_PATH), NULL},
    {&persistent_volume_resource, VOLUME("'volumeMode':'Block'"),
     "spec: Required value: must specify a volume type"},
    {&persistent_volume_resource, VOLUME(HOST_PATH ",'nfs':{'server':'s','path':'/'}"),
     "may not specify more than 1 volume type"},
    {&persistent_volume_resource, VOLUME("'hostPath':{'path':'/a/../b'}"),
     "spec.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"},
    {&persistent_volume_resource, VOLUME("'local':{'path':'/data'}"),
     "spec.nodeAffinity: Required value: Local volume requires node affinity"},
    {&persistent_volume_resource, VOLUME("'hostPath':{'path':'/'},'persistentVolumeReclaimPolicy':'Recycle'"),
     "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"},
    {&persistent_volume_resource, VOLUME(HOST_PATH ",'volumeAttributesClassName':''"),
     "spec.volumeAttributesClassName: Required value: an empty string is disallowed|spec.csi: Required "
     "value: "
     "has to be specified when using volumeAttributesClassName"},
    {&persistent_volume_resource,
     "{'metadata':{'generateName':'v-'},'spec':{'accessModes':['ReadWriteOnce'],'capacity':{'cpu':'1'}"
     "," HOST_PATH "}}",
     "spec.capacity: Unsupported value: {\"cpu\":\"1\"}: supported values: \"storage\""},
    {&persistent_volume_resource, VOLUME("'csi':{'driver':'','volumeHandle':''}"),
     "spec.csi.driver: Required value|spec.csi.volumeHandle: Required value"},
};

#define BOUND "{'status':{'phase':'Bound','capacity':{'storage':'1Gi'}}}"
#define FIXED                                                                                                \
    "spec: Forbidden: spec is immutable after creation except resources.requests and "                       \
    "volumeAttributesClassName for bound claims"
#define ASKS(amount) "{'spec':{'resources':{'requests':{'storage':'" amount "'}}}}"

static const struct change_verdict changes[] = {
    {&persistent_volume_claim_resource, CLAIM(FITTING), NULL, "{'spec':{'volumeName':'v'}}", NULL, false},
    {&persistent_volume_claim_resource, CLAIM(FITTING), NULL, "{'spec':{'storageClassName':'fast'}}", NULL,
     false},
    {&persistent_volume_claim_resource, CLAIM(FITTING ",'storageClassName':'a'"), NULL,
     "{'spec':{'storageClassName':'b'}}", FIXED, false},
    {&persistent_volume_claim_resource, CLAIM(FITTING), NULL, ASKS("2Gi"), FIXED, false},
    {&persistent_volume_claim_resource, CLAIM(FITTING ",'storageClassName':'a'"), BOUND,
     "{'spec':{'volumeAttributesClassName':'gold'}}", NULL, false},
    {&persistent_volume_claim_resource, CLAIM(FITTING ",'volumeAttributesClassName':'gold'"), BOUND,
     "{'spec':{'volumeAttributesClassName':null}}",
     "spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden", false},
    {&persistent_volume_claim_resource, CLAIM(FITTING), NULL,
     "{'status':{'allocatedResourceStatuses':{'storage':'Odd'},'capacity':{'storage':'-1'}}}",
     "status.capacity[storage]: Invalid value: -1: must be a valid resource "
     "quantity|status.allocatedResourceStatus: Unsupported value: \"storage\"",
     true},

    {&persistent_volume_resource, VOLUME(HOST_PATH), NULL, "{'spec':{'hostPath':{'path':'/other'}}}",
     "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
     false},
    {&persistent_volume_resource, VOLUME(HOST_PATH), NULL, "{'spec':{'volumeMode':'Block'}}",
     "volumeMode: Invalid value: \"Block\": field is immutable", false},
    {&persistent_volume_resource, VOLUME(HOST_PATH), NULL, "{'spec':{'capacity':{'storage':'2Gi'}}}", NULL,
     false},
};

static void what_does_not_fit_is_refused(void **state)
{
    JUDGE(*state, verdicts);
}

static void changes_that_do_not_fit_are_refused(void **state)
{
    JUDGE_CHANGES(*state, changes);
}

static void sources_have_two_names(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &persistent_volume_claim_resource, "default",
               CLAIM(FITTING ",'dataSource':{'kind':'PersistentVolumeClaim','name':'a'}"));
    assert_code(r, 201);
    assert_field(w, r, "spec.dataSourceRef.name", "a");
    /* What the older one does not take is dropped of it, and the newer one's namespace stays closed. */
    r = create(w, &persistent_volume_claim_resource, "default",
               "{'metadata':{'name':'d'},'spec':{" FITTING
               ",'dataSource':{'apiGroup':'example.com','kind':'Odd','name':'a'}}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.dataSource", "");
    r = create(w, &persistent_volume_claim_resource, "default",
               "{'metadata':{'name':'e'},'spec':{" FITTING
               ",'dataSourceRef':{'apiGroup':'example.com','kind':'Odd','name':'a','namespace':'b'}}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.dataSourceRef.namespace", "");
    assert_field(w, r, "spec.dataSource.kind", "Odd");
}

static void odd_ones_are_warned_of(void **state)
{
    static const struct {
        const struct resource *resource;
        const char *ns, *json, *warning;
    } odd[] = {
        {&persistent_volume_claim_resource, "default",
         "{'metadata':{'generateName':'c-'},'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{"
         "'storage'"
         ":"
         "'1500m'}}}}",
         "spec.resources.requests[storage]: fractional byte value \"1500m\" is invalid, must be an integer"},
        {&persistent_volume_resource, "", VOLUME(HOST_PATH ",'persistentVolumeReclaimPolicy':'Recycle'"),
         "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
         "recommended approach is to use dynamic provisioning."},
        {&persistent_volume_resource, "", VOLUME("'cephfs':{'monitors':['m']}"),
         "spec.cephfs: deprecated in v1.28, non-functional in v1.31+"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct api_request *r = create(w, odd[i].resource, odd[i].ns, odd[i].json);
        assert_code(r, 201);
        assert_int_equal(r->warnings.n, 1);
        assert_str(r->warnings.at[0], odd[i].warning);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, world_open, world_close),
        cmocka_unit_test_setup_teardown(changes_that_do_not_fit_are_refused, world_open, world_close),
        cmocka_unit_test_setup_teardown(sources_have_two_names, world_open, world_close),
        cmocka_unit_test_setup_teardown(odd_ones_are_warned_of, world_open, world_close),
    };
    return cmocka_run_group_tests_name("api/storage_rules", tests, NULL, NULL);
}
