/* Roles, bindings and requests for certificates: what is refused, what the server adds, and who may decide.
 */
#include "kinds/certificates_v1.h"
#include "kinds/rbac_v1.h"
#include "verdict.h"

/* A request and a certificate, PEM in base64. */
#define REQUEST                                                                                              \
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlHTE1EOENBUUF3RERFS01BZ0dBMVVFQXd3QmRUQXFN"           \
    "QVVHQXl0bGNBTWhBSWVVZG9CUU96OHVsd3BaL3YzNwpYRHdHb2x0dUd5REJpczlQdkgvbHR5R3hvQUF3QlFZREsyVndB"           \
    "MEVBWjdTOTJxU0JhVUdMSlR0VzhLWDJoTkZLCmFkRUFCWHROM1BndGlEcmFSSUFvaVpvQU1HcE9uNnhJL1B0Y1Vzdjhu"           \
    "S1JEcHNNV2NOVmorQ280TEZTUUN3PT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg=="
#define CERTIFICATE                                                                                          \
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJMakNCNGFBREFnRUNBaFFPUk16Y1NGQnNGMGxzaGZsU1ZCN2tQ"           \
    "dTBRMVRBRkJnTXJaWEF3RERFS01BZ0cKQTFVRUF3d0JkVEFnRncweU5qRXhNakV4TnpJMk16UmFHQTh5TVRJMk1UQXlP"           \
    "REUzTWpZek5Gb3dEREVLTUFnRwpBMVVFQXd3QmRUQXFNQVVHQXl0bGNBTWhBSkN1aUU1NmVEWWFORFdDOGFZdTI4UlVQ"           \
    "U3Y3Tmw3bFNMejNGRzRYCkpTNlBvMU13VVRBZEJnTlZIUTRFRmdRVW9ZTmhIUyszQWRMd2FZTDNXSmZWZXY2RUs2c3dI"           \
    "d1lEVlIwakJCZ3cKRm9BVW9ZTmhIUyszQWRMd2FZTDNXSmZWZXY2RUs2c3dEd1lEVlIwVEFRSC9CQVV3QXdFQi96QUZC"           \
    "Z01yWlhBRApRUURDMFdwb2FHWHg4ZG1ib2QwcUFyMDMvY1d3R0Y2TkpHQnBpUTJ0Z2hVOFRnWGFTTzdhbzFPRS8vajM0"           \
    "VDdUCkNrVXhjS3JNNFluSm5COGlDWWdGRTdjRQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg=="
#define TRASH                                                                                                \
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KYUdWc2JHOD0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVR"           \
    "VUVTVC0tLS0tCg=="

#define CSR(request, more)                                                                                   \
    "{'metadata':{'name':'r'},'spec':{'request':'" request                                                   \
    "','signerName':'example.com/s','usages':['client auth']" more "}}"
#define ROLE(rule)    "{'metadata':{'name':'r'},'rules':[{" rule "}]}"
#define BINDING(more) "{'metadata':{'name':'b'},'roleRef':{'kind':'Role','name':'r'}" more "}"
#define CLUSTER_BINDING(more)                                                                                \
    "{'metadata':{'name':'b'},'roleRef':{'kind':'ClusterRole','name':'r'},'subjects':[{" more "}]}"

static const struct verdict roles[] = {
    {&role_resource, ROLE("'verbs':['get'],'apiGroups':[''],'resources':['pods']"), NULL},
    {&role_resource, ROLE("'apiGroups':[''],'resources':['pods']"),
     "rules[0].verbs: Required value: verbs must contain at least one value"},
    {&role_resource, ROLE("'verbs':['get']"),
     "rules[0].apiGroups: Required value: resource rules must supply at least one api "
     "group|rules[0].resources: "
     "Required value: resource rules must supply at least one resource"},
    {&role_resource, ROLE("'verbs':['get'],'nonResourceURLs':['/x']"),
     "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs"},
    {&cluster_role_resource, ROLE("'verbs':['get'],'nonResourceURLs':['/x'],'resources':['pods']"),
     "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: rules cannot apply to both regular resources and "
     "non-resource URLs"},
    {&cluster_role_resource, "{'metadata':{'name':'r'},'aggregationRule':{}}",
     "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if "
     "aggregationRule is non-nil"},
    {&role_binding_resource, BINDING(""), NULL},
    {&role_binding_resource, "{'metadata':{'name':'b'},'roleRef':{'kind':'Group','name':'a/b'}}",
     "roleRef.kind: Unsupported value: \"Group\": supported values: \"Role\", \"ClusterRole\"|roleRef.name: "
     "Invalid "
     "value: \"a/b\": may not contain '/'"},
    {&role_binding_resource, BINDING(",'subjects':[{'kind':'User'}]"), "subjects[0].name: Required value"},
    {&role_binding_resource, BINDING(",'subjects':[{'kind':'Robot','name':'x'}]"),
     "subjects[0].kind: Unsupported value: \"Robot\": supported values: \"ServiceAccount\", \"User\", "
     "\"Group\""},
    {&cluster_role_binding_resource, CLUSTER_BINDING("'kind':'ServiceAccount','name':'a'"),
     "subjects[0].namespace: Required value"},
    {&cluster_role_binding_resource, CLUSTER_BINDING("'kind':'User','name':'a','apiGroup':'b'"),
     "subjects[0].apiGroup: Unsupported value: \"b\": supported values: \"rbac.authorization.k8s.io\""},
};

static const struct verdict requests[] = {
    {&certificate_signing_request_resource, CSR(REQUEST, ""), NULL},
    {&certificate_signing_request_resource, CSR("aGk=", ""),
     "spec.request: Invalid value: \"aGk=\": PEM block type must be CERTIFICATE REQUEST"},
    {&certificate_signing_request_resource, CSR(CERTIFICATE, ""),
     "PEM block type must be CERTIFICATE REQUEST"},
    {&certificate_signing_request_resource, CSR(TRASH, ""), "malformed certificate request"},
    {&certificate_signing_request_resource, CSR(REQUEST, ",'expirationSeconds':5"),
     "spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 600 seconds (10 "
     "minutes)"},
    {&certificate_signing_request_resource,
     "{'metadata':{'name':'r'},'spec':{'request':'" REQUEST "','signerName':'','usages':[]}}",
     "spec.usages: Required value|spec.signerName: Required value"},
    {&certificate_signing_request_resource,
     "{'metadata':{'name':'r'},'spec':{'request':'" REQUEST
     "','signerName':'me','usages':['fly','any','any']}}",
     "spec.usages[0]: Unsupported value: \"fly\": supported values: \"any\", \"cert sign\"|spec.usages[2]: "
     "Duplicate value: \"any\"|spec.signerName: Invalid value: \"me\": must be a fully qualified domain and "
     "path of "
     "the form 'example.com/signer-name'"},
    {&certificate_signing_request_resource,
     "{'metadata':{'name':'r'},'spec':{'request':'" REQUEST "','signerName':'Host/x_y','usages':['any']}}",
     "spec.signerName: Invalid value: \"Host\": validating label \"Host\": a lowercase RFC 1123 "
     "label|\"Host\": should "
     "be a domain with at least two segments separated by dots|\"x_y\": validating label \"x_y\": a "
     "lowercase RFC "
     "1123 subdomain"},
    {&certificate_signing_request_resource,
     "{'metadata':{'name':'r'},'spec':{'request':'" REQUEST
     "','signerName':'kubernetes.io/legacy-unknown','usages':['any']}}",
     "the legacy signerName is not allowed via this API version"},
};

#define IS(type, status) "{'type':'" type "','status':'" status "'}"
#define STATUS(change, wrong)                                                                                \
    {                                                                                                        \
        &certificate_signing_request_resource, CSR(REQUEST, ""), NULL, "{'status':{" change "}}", wrong,     \
            true                                                                                             \
    }

static const struct change_verdict changes[] = {
    {&role_binding_resource, BINDING(""), NULL, "{'roleRef':{'name':'x'}}",
     "roleRef: Invalid value: {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"x\"}: "
     "cannot "
     "change roleRef",
     false},
    STATUS("'certificate':'" CERTIFICATE "'", NULL),
    STATUS("'certificate':'" REQUEST "'",
           "status.certificate: Invalid value: \"<certificate data>\": only CERTIFICATE "
           "PEM blocks are allowed, found \"CERTIFICATE REQUEST\""),
    STATUS("'certificate':'aGk='", "must contain at least one CERTIFICATE PEM block"),
    STATUS("'conditions':[" IS("Failed", "True") "]", NULL),
    STATUS("'conditions':[" IS("Approved", "True") "]",
           "status.conditions: Forbidden: updates may not add a condition of type \"Approved\""),
    STATUS("'conditions':[" IS("Failed", "False") "," IS("Odd", "Maybe") "," IS("Odd", "True") "]",
           "conditions[0].status: Unsupported value: \"False\": supported values: "
           "\"True\"|conditions[1].status: "
           "Unsupported value: \"Maybe\": supported values: \"False\", \"True\", "
           "\"Unknown\"|conditions[2].type: "
           "Duplicate value: \"Odd\""),
    {&certificate_signing_request_resource, CSR(REQUEST, ""), "{'status':{'certificate':'" CERTIFICATE "'}}",
     "{'status':{'certificate':''}}",
     "status.certificate: Forbidden: updates may not modify existing certificate content", true},
};

static void what_is_refused(void **state)
{
    JUDGE(*state, roles);
    JUDGE(*state, requests);
    JUDGE_CHANGES(*state, changes);
}

static struct api_request *approve(struct world *w, const char *change)
{
    struct api_request *r = ask(w, API_PATCH, &certificate_signing_request_resource, "", "r");
    r->subresource = STR("approval");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(w, change);
    return run(w, r);
}

static void decisions_are_made_once(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &certificate_signing_request_resource, "", CSR(REQUEST, "")), 201);
    assert_fails(
        approve(w, "{'status':{'conditions':[" IS("Approved", "True") "," IS("Denied", "True") "]}}"), 422,
        "CertificateSigningRequest.certificates.k8s.io \"r\" is invalid: status.conditions[1].type: Invalid "
        "value: \"Denied\": Approved and Denied conditions are mutually exclusive");
    struct api_request *r = approve(w, "{'status':{'conditions':[" IS("Approved", "True") "]}}");
    assert_code(r, 200);
    assert_int_equal(field(w, r, "status.conditions.0.lastTransitionTime").n, 20);
    assert_fails(
        approve(w, "{'status':{'conditions':[]}}"), 422,
        "CertificateSigningRequest.certificates.k8s.io \"r\" is invalid: status.conditions: Forbidden: "
        "updates may not remove a condition of type \"Approved\"");
}

static void requests_say_who_asked(void **state)
{
    struct world *w = *state;
    struct user_extra extra = {STR("example.com/floor"), {(struct str[]){STR("3")}, 1}};
    struct user user = {.name = STR("jane"), .uid = STR("7"), .extra = &extra, .n_extra = 1};
    struct api_request *r = ask(w, API_CREATE, &certificate_signing_request_resource, "", "");
    r->user = &user;
    r->body = quoted(w, CSR(REQUEST, ",'username':'root','extra':{'x':['y']}"));
    assert_code(run(w, r), 201);
    assert_field(w, r, "spec.username", "jane");
    assert_true(str_find(shown(w, r), STR("\"extra\":{\"example.com/floor\":[\"3\"]}")) >= 0);
    r = patch(w, &certificate_signing_request_resource, "", "r", API_PATCH_MERGE,
              "{'spec':{'username':'root'}}");
    assert_field(w, r, "spec.username", "jane");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_refused, world_open, world_close),
        cmocka_unit_test_setup_teardown(decisions_are_made_once, world_open, world_close),
        cmocka_unit_test_setup_teardown(requests_say_who_asked, world_open, world_close),
    };
    return cmocka_run_group_tests_name("api/access", tests, NULL, NULL);
}
