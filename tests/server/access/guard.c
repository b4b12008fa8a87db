/* What a request implies beside its own verb is asked of a webhook too, which takes its time and whose
 * answers are not kept: the right to give away, to approve, to sign, to read parameters; and what policies
 * ask. */
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "auth/kubeconfig.h"
#include "base/clock.h"
#include "base/encode.h"
#include "cluster.h"
#include "hook.h"

static struct cluster c;
static struct hook h;
static char file[] = "/tmp/sagong-guard-XXXXXX";
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct buf questions; /* guarded by mutex: "verb resource/subresource name;" of all that was asked */

/* ann may do everything; bob too, but for verbs that only come with others, and creating what he updates. */
static struct str judge(struct hook *hook, struct arena *a, struct str path, struct str body, int *status)
{
    (void)hook, (void)path, (void)status;
    struct value review;
    struct err err = {0};
    assert_ok(value_parse(a, body, &review, &err), err);
    const struct value *spec = value_get(&review, STR("spec")),
                       *what = value_get(spec, STR("resourceAttributes"));
    struct str verb = value_get_str(what, STR("verb")), resource = value_get_str(what, STR("resource"));
    static const char *const implied[] = {"escalate", "bind", "approve", "sign", "watch"};
    bool allowed = !(str_is(verb, "create") && str_is(resource, "roles")) &&
                   !(str_is(verb, "get") && str_is(resource, "configmaps"));
    for (size_t i = 0; i < ARRAY_LEN(implied); i++)
        allowed = allowed && !str_is(verb, implied[i]);
    struct str name = value_get_str(what, STR("name"));
    if (str_starts(value_get_str(spec, STR("user")), STR("ann")))
        allowed = true;
    if (str_starts(name, STR("slow")))
        clock_sleep(1100 * CLOCK_MS); /* longer than any answer is kept */
    _lock_(&mutex);
    buf_addf(&questions, STR_FMT " " STR_FMT " " STR_FMT ";", STR_ARG(verb), STR_ARG(resource),
             STR_ARG(name));
    return arena_printf(a,
                        "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SubjectAccessReview\","
                        "\"status\":{\"allowed\":%s,\"denied\":%s,\"reason\":\"%s\"}}",
                        allowed ? "true" : "false", allowed ? "false" : "true", allowed ? "yes" : "not him");
}

static int start(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct err err = {0};
    assert_true(close(mkstemp(file)) == 0);
    hook_start(&h, "127.0.0.1", judge, NULL);
    struct kubeconfig way = {.server = arena_printf(&a, "https://127.0.0.1:%d/authorize", h.port),
                             .ca_pem = buf_str(&h.ca.cert_pem),
                             .token = STR("us")};
    assert_ok(kubeconfig_write(file, &way, &err), err);
    struct str config = arena_printf(
        &a,
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:\n"
        "- type: Webhook\n  name: judge\n  webhook:\n    timeout: 5s\n    subjectAccessReviewVersion: v1\n"
        "    cacheAuthorizedRequests: false\n    cacheUnauthorizedRequests: false\n    failurePolicy: Deny\n"
        "    matchConditionSubjectAccessReviewVersion: v1\n    matchConditions:\n"
        "    - expression: request.user in ['ann', 'bob']\n"
        "    connectionInfo: {type: KubeConfigFile, kubeConfigFile: %s}\n- {type: RBAC, name: rbac}\n",
        file);
    cluster_start(&c, &(struct cluster_options){.tokens = "ann-token,ann,1\nbob-token,bob,2\n",
                                                .authorization = config.p});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    hook_stop(&h);
    unlink(file);
    buf_free(&questions);
    return 0;
}

static struct answer as(const char *who, const char *method, const char *path, const char *body)
{
    _cleanup_arena_ struct arena a = {0};
    struct str headers =
        arena_printf(&a, "authorization: Bearer %s-token\ncontent-type: %s", who,
                     str_is(str_from(method), "PATCH") ? "application/merge-patch+json" : "application/json");
    return ask(&c, c.as_nobody, method, path, headers.p, body);
}

static void expect_asked(const char *question)
{
    _lock_(&mutex);
    if (str_find(buf_str(&questions), str_from(question)) < 0)
        fail_msg("%s is not among what was asked: " STR_FMT, question, STR_ARG(buf_str(&questions)));
    questions.n = 0;
}

#define RBAC      "/apis/rbac.authorization.k8s.io/v1"
#define ADMISSION "/apis/admissionregistration.k8s.io/v1"
#define CSRS      "/apis/certificates.k8s.io/v1/certificatesigningrequests"

static void nobody_gives_away_what_a_webhook_does_not_let_them(void **state)
{
    (void)state;
    static const struct {
        const char *path, *body, *asked, *forbidden;
    } cases[] = {
        {RBAC "/clusterroles",
         "{\"metadata\":{\"name\":\"slow\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],"
         "\"verbs\":"
         "[\"get\"]}]}",
         "escalate clusterroles slow;",
         "clusterroles.rbac.authorization.k8s.io \"slow\" is forbidden: user \"bob\" "},
        {RBAC "/namespaces/default/roles",
         "{\"metadata\":{\"name\":\"r\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":"
         "[\"get\"]}]}",
         "create roles ;", NULL},
        {RBAC "/clusterrolebindings",
         "{\"metadata\":{\"name\":\"b\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":"
         "\"ClusterRole\",\"name\":\"view\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"x\"}]}",
         "bind clusterroles view;",
         "clusterrolebindings.rbac.authorization.k8s.io \"b\" is forbidden: user "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_answer_ struct answer no = as("bob", "POST", cases[i].path, cases[i].body);
        assert_status(no, 403);
        if (cases[i].forbidden && !str_starts(at(&no, "message"), str_from(cases[i].forbidden)))
            fail_msg("says " STR_FMT, STR_ARG(at(&no, "message")));
        expect_asked(cases[i].asked);
        _cleanup_answer_ struct answer yes = as("ann", "POST", cases[i].path, cases[i].body);
        assert_status(yes, 201);
        expect_asked(cases[i].asked);
    }
}

static void what_an_update_creates_may_be_created(void **state)
{
    (void)state;
    static const char path[] = RBAC "/namespaces/default/roles/new",
                      body[] = "{\"metadata\":{\"name\":\"new\"}}";
    _cleanup_answer_ struct answer no = as("bob", "PUT", path, body);
    assert_status(no, 403);
    assert_str(at(&no, "message"), "roles.rbac.authorization.k8s.io \"new\" is forbidden: not him");
    expect_asked("create roles new;");
    _cleanup_answer_ struct answer yes = as("ann", "PUT", path, body);
    assert_status(yes, 201);
    _cleanup_answer_ struct answer again = as("bob", "PUT", path, body); /* it is there now */
    assert_status(again, 200);
}

static struct str request_for(struct arena *a, const char *name, const char *signer, const char *group)
{
    struct str groups[] = {str_from(group)};
    struct pki_request q = {.common_name = STR("x"), .organizations = groups, .n_organizations = 1};
    _cleanup_buf_ struct buf key = {0}, csr = {0}, text = {0};
    struct err err = {0};
    assert_ok(pki_make_csr(&q, &key, &csr, &err), err);
    encode_base64(&text, buf_str(&csr));
    return arena_printf(
        a,
        "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"signerName\":\"%s\",\"usages\":[\"client "
        "auth\"],\"request\":\"" STR_FMT "\"}}",
        name, signer, STR_ARG(buf_str(&text)));
}

static void certificates_are_approved_by_those_whom_their_signer_lets(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_answer_ struct answer made =
        as("bob", "POST", CSRS, request_for(&a, "csr", "example.com/special", "g").p);
    assert_status(made, 201);
    static const char approval[] = "{\"status\":{\"conditions\":[{\"type\":\"Approved\",\"status\":\"True\","
                                   "\"reason\":\"x\"}]}}",
                      failure[] = "{\"status\":{\"conditions\":[{\"type\":\"Failed\",\"status\":\"True\","
                                  "\"reason\":\"x\"}]}}";
    _cleanup_answer_ struct answer no = as("bob", "PATCH", CSRS "/csr/approval", approval);
    assert_status(no, 403);
    assert_str(at(&no, "message"),
               "certificatesigningrequests.certificates.k8s.io \"csr\" is forbidden: user not permitted to "
               "approve requests with signerName \"example.com/special\"");
    expect_asked("approve signers example.com/special;approve signers example.com/*;");
    _cleanup_answer_ struct answer unsigned_ = as("bob", "PATCH", CSRS "/csr/status", failure);
    assert_status(unsigned_, 403);
    expect_asked("sign signers example.com/special;");
    _cleanup_answer_ struct answer nothing =
        as("bob", "PATCH", CSRS "/csr/status", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
    assert_status(nothing, 200); /* neither the certificate nor the conditions */
    _cleanup_answer_ struct answer yes = as("ann", "PATCH", CSRS "/csr/approval", approval);
    assert_status(yes, 200);

    _cleanup_answer_ struct answer master =
        ask(&c, c.as_admin, "POST", CSRS, "content-type: application/json",
            request_for(&a, "above", "kubernetes.io/kube-apiserver-client", "system:masters").p);
    assert_status(master, 403);
    assert_str(at(&master, "message"),
               "certificatesigningrequests.certificates.k8s.io \"above\" is forbidden: use of "
               "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed");
}

#define MATCH                                                                                                \
    "\"matchConstraints\":{\"resourceRules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],"               \
    "\"operations\":[\"CREATE\"],\"resources\":[\"secrets\"]}]}"

static void parameters_must_be_readable_by_who_names_them(void **state)
{
    (void)state;
    static const char policy[] =
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"paramKind\":{\"apiVersion\":\"v1\","
        "\"kind\":\"ConfigMap\"}," MATCH ",\"validations\":[{\"expression\":\"true\"}]}}",
                      binding[] =
                          "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"policyName\":\"p\",\"paramRef\":{"
                          "\"name\":\"x\",\"namespace\":\"default\",\"parameterNotFoundAction\":"
                          "\"Allow\"},\"validationActions\":[\"Deny\"]}}";
    _cleanup_answer_ struct answer no = as("bob", "POST", ADMISSION "/validatingadmissionpolicies", policy);
    assert_status(no, 422);
    assert_str(at(&no, "message"),
               "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: spec.paramKind: "
               "Forbidden: user &{bob 2 [system:authenticated] map[]} must have \"get\" permission on all "
               "objects of the referenced paramKind (kind=ConfigMap, apiVersion=v1)");
    expect_asked("get configmaps *;");
    _cleanup_answer_ struct answer early =
        as("bob", "POST", ADMISSION "/validatingadmissionpolicybindings", binding);
    assert_status(early, 201); /* all resources, until the policy is there: he may */
    _cleanup_answer_ struct answer yes = as("ann", "POST", ADMISSION "/validatingadmissionpolicies", policy);
    assert_status(yes, 201);
    _cleanup_answer_ struct answer kept = as("bob", "PATCH", ADMISSION "/validatingadmissionpolicies/p",
                                             "{\"spec\":{\"failurePolicy\":\"Ignore\"}}");
    assert_status(kept, 200); /* not another kind */
    _cleanup_answer_ struct answer other =
        as("bob", "PATCH", ADMISSION "/validatingadmissionpolicybindings/b",
           "{\"spec\":{\"paramRef\":{\"name\":\"y\"}}}");
    assert_status(other, 422);
    assert_str(
        at(&other, "message"),
        "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io \"b\" is invalid: spec.paramRef: "
        "Forbidden: user &{bob 2 [system:authenticated] map[]} does not have \"get\" permission on the "
        "object referenced by paramRef");
    _cleanup_answer_ struct answer p =
        ask(&c, c.as_admin, "DELETE", ADMISSION "/validatingadmissionpolicies/p", NULL, NULL);
    _cleanup_answer_ struct answer b =
        ask(&c, c.as_admin, "DELETE", ADMISSION "/validatingadmissionpolicybindings/b", NULL, NULL);
}

#define CHECK(verb, name)                                                                                    \
    "authorizer.group('').resource('configmaps').namespace('default').name('" name "').check('" verb         \
    "').allowed()"

static void policies_ask_and_wait(void **state)
{
    (void)state;
    static const char
        policy[] =
            "{\"metadata\":{\"name\":\"p\"},\"spec\":{" MATCH ",\"validations\":[{\"expression\":\"" CHECK(
                "update", "slow-one") " && " CHECK("watch", "slow-two") "\",\"message\":\"no\"}]}}",
        warning[] = "{\"metadata\":{\"name\":\"a-warning\"},\"spec\":{" MATCH
                    ",\"validations\":[{\"expression\":\"false\",\"message\":\"mind\"}]}}",
        altering[] =
            "{\"metadata\":{\"name\":\"m\"},\"spec\":{" MATCH
            ",\"reinvocationPolicy\":\"Never\",\"failurePolicy\":\"Fail\",\"mutations\":[{"
            "\"patchType\":\"JSONPatch\",\"jsonPatch\":{\"expression\":\"[JSONPatch{op: 'add', path: "
            "'/metadata/finalizers/-', value: 'example.com/once'}]\"}},{\"patchType\":"
            "\"ApplyConfiguration\",\"applyConfiguration\":{\"expression\":\"Object{metadata: "
            "Object.metadata{labels: {'may': string(" CHECK("watch", "slow-three") ")}}}\"}}]}}";
    static const struct {
        const char *kind, *body;
    } objects[] = {
        {"validatingadmissionpolicies", policy},
        {"validatingadmissionpolicies", warning},
        {"mutatingadmissionpolicies", altering},
        {"validatingadmissionpolicybindings",
         "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"policyName\":\"p\",\"validationActions\":[\"Deny\"]}}"},
        {"validatingadmissionpolicybindings", "{\"metadata\":{\"name\":\"a-warning\"},\"spec\":{"
                                              "\"policyName\":\"a-warning\",\"validationActions\":["
                                              "\"Warn\"]}}"},
        {"mutatingadmissionpolicybindings",
         "{\"metadata\":{\"name\":\"m\"},\"spec\":{\"policyName\":\"m\"}}"},
    };
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        _cleanup_answer_ struct answer made =
            create(&c, arena_printf(&a, ADMISSION "/%s", objects[i].kind).p, objects[i].body);
    }
    static const char path[] = "/api/v1/namespaces/default/secrets",
                      body[] = "{\"metadata\":{\"name\":\"s\",\"finalizers\":[\"example.com/first\"]}}";
    _cleanup_answer_ struct answer no = as("bob", "POST", path, body);
    assert_status(no, 422);
    expect_asked("watch configmaps slow-three;update configmaps slow-one;watch configmaps slow-two;");
    _cleanup_answer_ struct answer yes = as("ann", "POST", path, body);
    assert_status(yes, 201);
    /* what was done before waiting is not done twice */
    assert_str(at(&yes, "metadata.finalizers"), "[\"example.com/first\",\"example.com/once\"]");
    assert_str(at(&yes, "metadata.labels.may"), "true");
    size_t warnings = 0;
    for (size_t i = 0; i < yes.response.n_headers; i++)
        warnings += str_eq_fold(yes.response.headers[i].name, STR("warning"));
    assert_int_equal(warnings, 1);
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        struct value v;
        assert_int_equal(value_parse(&a, str_from(objects[i].body), &v, NULL), 0);
        struct str name = value_get_str(value_get(&v, STR("metadata")), STR("name"));
        _cleanup_answer_ struct answer gone =
            ask(&c, c.as_admin, "DELETE",
                arena_printf(&a, ADMISSION "/%s/" STR_FMT, objects[i].kind, STR_ARG(name)).p, NULL, NULL);
        assert_status(gone, 200);
    }
}

static void conditions_of_webhooks_ask_and_wait(void **state)
{
    (void)state;
    static const char *const kinds[] = {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"};
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct str path = arena_printf(&a, ADMISSION "/%s", kinds[i]);
        _cleanup_answer_ struct answer made =
            create(&c, path.p,
                   "{\"metadata\":{\"name\":\"w\"},\"webhooks\":[{\"name\":\"w.example.com\",\"sideEffects\":"
                   "\"None\","
                   "\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":{\"url\":\"https://127.0.0.1:1/\"},"
                   "\"rules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"CREATE\"],"
                   "\"resources\":[\"secrets\"]}],\"matchConditions\":[{\"name\":\"others\",\"expression\":"
                   "\"!" CHECK("watch", "slow-four") "\"}]}]}");
        static const char secret[] = "{\"metadata\":{\"generateName\":\"s-\"}}";
        _cleanup_answer_ struct answer yes = as("ann", "POST", "/api/v1/namespaces/default/secrets", secret);
        assert_status(yes, 201); /* no webhook is asked about her */
        expect_asked("watch configmaps slow-four;");
        _cleanup_answer_ struct answer no = as("bob", "POST", "/api/v1/namespaces/default/secrets", secret);
        assert_status(no, 500);
        _cleanup_answer_ struct answer gone =
            ask(&c, c.as_admin, "DELETE", arena_printf(&a, STR_FMT "/w", STR_ARG(path)).p, NULL, NULL);
        assert_status(gone, 200);
    }
}

static void rules_of_a_webhook_cannot_be_listed(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer rules =
        as("ann", "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
           "{\"spec\":{\"namespace\":\"default\"}}");
    assert_status(rules, 201);
    assert_str(at(&rules, "status.incomplete"), "true");
    assert_str(at(&rules, "status.evaluationError"),
               "webhook authorizer does not support user rule resolution");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_gives_away_what_a_webhook_does_not_let_them),
        cmocka_unit_test(what_an_update_creates_may_be_created),
        cmocka_unit_test(certificates_are_approved_by_those_whom_their_signer_lets),
        cmocka_unit_test(parameters_must_be_readable_by_who_names_them),
        cmocka_unit_test(policies_ask_and_wait),
        cmocka_unit_test(conditions_of_webhooks_ask_and_wait),
        cmocka_unit_test(rules_of_a_webhook_cannot_be_listed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
