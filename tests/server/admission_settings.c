/* Admission plugins that are configured by a file, switched on or off; and files that make no sense. */
#include "api/admission_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cluster.h"
#include "schema/value.h"
#include "test.h"

#define HEAD "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n"
#define POD_SECURITY(rest)                                                                                   \
    HEAD "- name: PodSecurity\n  configuration:\n    apiVersion: pod-security.admission.config.k8s.io/v1\n"  \
         "    kind: PodSecurityConfiguration\n" rest
#define QUOTA(rest)                                                                                          \
    HEAD "- name: ResourceQuota\n  configuration:\n    apiVersion: apiserver.config.k8s.io/v1\n"             \
         "    kind: ResourceQuotaConfiguration\n" rest

static struct cluster c;
static struct arena arena;
static char dir[64], audit_log[96];

static void begin(const char *config, const char *on, const char *off)
{
    static struct admission_settings settings;
    struct err err = {0};
    struct str on_name = str_from(on), off_name = str_from(off);
    const struct str_vec on_list = {&on_name, on != NULL}, off_list = {&off_name, off != NULL};
    snprintf(dir, sizeof dir, "/tmp/sagong-admission-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(audit_log, sizeof audit_log, "%s/audit.log", dir);
    settings = admission_settings_default;
    assert_ok(admission_settings_choose(&settings, &on_list, &off_list, &err), err);
    if (config)
        assert_ok(admission_settings_read(&settings, &arena, str_from(config), dir, &err), err);
    cluster_start(
        &c, &(struct cluster_options){
                .tokens = "sam,sam,1,system:masters\n",
                .admission_settings = &settings,
                .audit = {.policy =
                              STR("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n"),
                          .log.path = audit_log}});
}

static int teardown(void **state)
{
    (void)state;
    cluster_stop(&c);
    file_remove_tree(dir, NULL);
    arena_free(&arena);
    return 0;
}

static struct answer post(struct fetch *who, const char *path, const char *body)
{
    return ask(&c, who, "POST", path, "content-type: application/json", body);
}

#define PODS "/api/v1/namespaces/default/pods"
#define PRIVILEGED(more)                                                                                     \
    "{\"metadata\":{\"generateName\":\"p-\"},\"spec\":{" more                                                \
    "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"securityContext\":{\"privileged\":true}}]}}"

static bool noted(const char *text)
{
    _cleanup_buf_ struct buf log = {0};
    struct err err = {0};
    assert_ok(file_read(audit_log, 1 << 22, &log, &err), err);
    return str_find(buf_str(&log), str_from(text)) >= 0;
}

static void service_account(const char *ns)
{
    char path[128];
    snprintf(path, sizeof path, "/api/v1/namespaces/%s/serviceaccounts", ns);
    _cleanup_answer_ struct answer made = create(&c, path, "{\"metadata\":{\"name\":\"default\"}}");
}

static void pod_security_has_defaults_and_exemptions(void **state)
{
    (void)state;
    begin(POD_SECURITY("    defaults: {enforce: baseline, enforce-version: v1.30, warn: restricted}\n"
                       "    exemptions: {usernames: [sam], namespaces: [machine], runtimeClasses: [deep]}\n"),
          NULL, NULL);
    struct fetch *sam = cluster_client(&c, "sam");
    _cleanup_answer_ struct answer machine =
        create(&c, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"machine\"}}");
    _cleanup_answer_ struct answer deep = create(&c, "/apis/node.k8s.io/v1/runtimeclasses",
                                                 "{\"metadata\":{\"name\":\"deep\"},\"handler\":\"deep\"}");
    service_account("default");
    service_account("machine");
    _cleanup_answer_ struct answer no = post(c.as_admin, PODS, PRIVILEGED(""));
    assert_status(no, 403);
    assert_true(str_find(at(&no, "message"), STR("violates PodSecurity \"baseline:v1.30\": privileged")) >=
                0);
    assert_false(noted("pod-security.kubernetes.io/exempt"));
    _cleanup_answer_ struct answer user = post(sam, PODS, PRIVILEGED(""));
    assert_status(user, 201);
    assert_true(noted("\"pod-security.kubernetes.io/exempt\":\"user\""));
    _cleanup_answer_ struct answer class =
        post(c.as_admin, PODS, PRIVILEGED("\"runtimeClassName\":\"deep\","));
    assert_status(class, 201);
    assert_true(noted("\"pod-security.kubernetes.io/exempt\":\"runtimeClass\""));
    _cleanup_answer_ struct answer space =
        post(c.as_admin, "/api/v1/namespaces/machine/pods", PRIVILEGED(""));
    assert_status(space, 201);
    assert_true(noted("\"pod-security.kubernetes.io/exempt\":\"namespace\""));
    /* Labels go before defaults. */
    _cleanup_answer_ struct answer label = ask(
        &c, c.as_admin, "PATCH", "/api/v1/namespaces/default", "content-type: application/merge-patch+json",
        "{\"metadata\":{\"labels\":{\"pod-security.kubernetes.io/enforce\":\"privileged\"}}}");
    assert_status(label, 200);
    _cleanup_answer_ struct answer yes = post(c.as_admin, PODS, PRIVILEGED(""));
    assert_status(yes, 201);
    fetch_free(sam);
}

static void a_plugins_configuration_may_be_a_file(void **state)
{
    (void)state;
    struct err err = {0};
    char own[] = "/tmp/sagong-admission-file-XXXXXX";
    assert_non_null(mkdtemp(own));
    _cleanup_arena_ struct arena a = {0};
    struct str path = arena_printf(&a, "%s/pods.yaml", own);
    assert_ok(file_write(path.p,
                         STR("apiVersion: pod-security.admission.config.k8s.io/v1beta1\n"
                             "kind: PodSecurityConfiguration\ndefaults: {enforce: restricted}\n"),
                         0600, &err),
              err);
    struct admission_settings s = admission_settings_default;
    assert_ok(
        admission_settings_read(&s, &a, STR(HEAD "- {name: PodSecurity, path: pods.yaml}\n"), own, &err),
        err);
    assert_non_null(s.pod_security);
    assert_int_equal(
        admission_settings_read(&s, &a, STR(HEAD "- {name: PodSecurity, path: none.yaml}\n"), own, &err), -1);
    assert_true(str_starts(err.message, STR("failed to initialize admission plugin \"PodSecurity\": ")));
    err_clear(&err);
    file_remove_tree(own, NULL);
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"kind: Other\n", "AdmissionConfiguration"},
        {HEAD "- {name: PodSecurity, configuration: {kind: X}}\n", "wanted is a PodSecurityConfiguration"},
        {POD_SECURITY("    defaults: {enforce: strict}\n"),
         "defaults.enforce: Invalid value: \"strict\": must be one of privileged, baseline, restricted"},
        {POD_SECURITY("    defaults: {audit-version: 1.2}\n"), "json"},
        {POD_SECURITY("    defaults: {audit-version: 'one'}\n"),
         "defaults.audit-version: Invalid value: \"one\": must be \"latest\" or \"v1.x\""},
        {POD_SECURITY("    defaults: {enforced: baseline}\n"), "unknown field"},
        {POD_SECURITY("    exemptions: {namespaces: [a, A, a]}\n"),
         "exemptions.namespaces[1]: Invalid value: \"A\""},
        {POD_SECURITY("    exemptions: {namespaces: [a, a]}\n"),
         "exemptions.namespaces[1]: Duplicate value: \"a\""},
        {POD_SECURITY("    exemptions: {usernames: ['']}\n"),
         "exemptions.usernames[0]: Invalid value: \"\": username must not be empty"},
        {POD_SECURITY("    exemptions: {runtimeClasses: ['?']}\n"),
         "exemptions.runtimeClasses[0]: Invalid value"},
        {QUOTA("    limitedResources: [{apiGroup: ''}]\n"), "limitedResources[0].resource: Required value"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct admission_settings s = admission_settings_default;
        assert_int_equal(admission_settings_read(&s, &a, str_from(cases[i].text), ".", &err), -1);
        if (str_find(err.message, str_from(cases[i].says)) < 0)
            fail_msg("no %s in " STR_FMT, cases[i].says, STR_ARG(err.message));
    }
    struct str unknown = STR("Unheard"), quota = STR("ResourceQuota");
    const struct str_vec none = {0}, bad = {&unknown, 1}, good = {&quota, 1};
    struct admission_settings s = admission_settings_default;
    _cleanup_err_ struct err err = {0};
    assert_int_equal(admission_settings_choose(&s, &bad, &none, &err), -1);
    assert_str(err.message, "enable-admission-plugins plugin \"Unheard\" is unknown");
    assert_int_equal(admission_settings_choose(&s, &none, &bad, &err), -1);
    assert_str(err.message, "disable-admission-plugins plugin \"Unheard\" is unknown");
    assert_int_equal(admission_settings_choose(&s, &good, &good, &err), -1);
    assert_str(err.message,
               "ResourceQuota in enable-admission-plugins and disable-admission-plugins overlapped");
}

#define CLAIMS "/api/v1/namespaces/default/persistentvolumeclaims"
#define CLAIM(name)                                                                                          \
    "{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"                   \
    "\"storageClassName\":\"gold\",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"

static void what_is_limited_needs_a_quota(void **state)
{
    (void)state;
    begin(QUOTA("    limitedResources:\n"
                "    - {resource: persistentvolumeclaims, matchContains: "
                "[.storageclass.storage.k8s.io/requests.storage]}\n"
                "    - resource: pods\n"
                "      matchScopes: [{scopeName: PriorityClass, operator: In, values: "
                "[system-cluster-critical]}]\n"),
          NULL, NULL);
    service_account("default");
    _cleanup_answer_ struct answer no = post(c.as_admin, CLAIMS, CLAIM("a"));
    assert_status(no, 403);
    assert_str(at(&no, "message"),
               "persistentvolumeclaims \"a\" is forbidden: insufficient quota to consume: "
               "gold.storageclass.storage.k8s.io/requests.storage");
    _cleanup_answer_ struct answer critical =
        post(c.as_admin, PODS,
             "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"priorityClassName\":\"system-cluster-critical\","
             "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}");
    assert_status(critical, 403);
    assert_str(at(&critical, "message"), "pods \"p\" is forbidden: insufficient quota to match these scopes: "
                                         "[{PriorityClass In [system-cluster-critical]}]");
    _cleanup_answer_ struct answer plain = create(
        &c, PODS,
        "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}");
    _cleanup_answer_ struct answer quota =
        create(&c, "/api/v1/namespaces/default/resourcequotas",
               "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{"
               "\"gold.storageclass.storage.k8s.io/requests.storage\":\"1Gi\"}}}");
    _cleanup_answer_ struct answer scoped =
        create(&c, "/api/v1/namespaces/default/resourcequotas",
               "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"hard\":{\"pods\":\"1\"},\"scopeSelector\":{"
               "\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":\"In\",\"values\":["
               "\"system-cluster-critical\"]}]}}}");
    _cleanup_answer_ struct answer yes = create(&c, CLAIMS, CLAIM("a"));
    _cleanup_answer_ struct answer over = post(c.as_admin, CLAIMS, CLAIM("b"));
    assert_status(over, 403);
    assert_true(str_find(at(&over, "message"), STR("exceeded quota: q")) >= 0);
    _cleanup_answer_ struct answer covered =
        create(&c, PODS,
               "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"priorityClassName\":\"system-cluster-critical\","
               "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}");
}

#define SERVICE(name, more)                                                                                  \
    "{\"metadata\":{\"name\":\"" name "\"},\"spec\":{" more "\"ports\":[{\"port\":80}]}}"

static void plugins_go_on_and_off(void **state)
{
    (void)state;
    begin(NULL, "AlwaysPullImages", "ServiceAccount");
    /* There is no service account here, and nobody asks for one. */
    _cleanup_answer_ struct answer pod = create(
        &c, PODS,
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"initContainers\":[{\"name\":\"i\",\"image\":\"i:1\"}],"
        "\"containers\":[{\"name\":\"c\",\"image\":\"i:1\",\"imagePullPolicy\":\"Never\"}]}}");
    assert_str(at(&pod, "spec.containers.0.imagePullPolicy"), "Always");
    assert_str(at(&pod, "spec.initContainers.0.imagePullPolicy"), "Always");
    assert_str(at(&pod, "spec.serviceAccountName"), "");
    _cleanup_answer_ struct answer open =
        create(&c, "/api/v1/namespaces/default/services", SERVICE("s", "\"externalIPs\":[\"192.0.2.7\"],"));
}

static void addresses_of_others_are_denied(void **state)
{
    (void)state;
    begin(NULL, "DenyServiceExternalIPs", NULL);
#define SERVICES "/api/v1/namespaces/default/services"
    _cleanup_answer_ struct answer no =
        post(c.as_admin, SERVICES, SERVICE("s", "\"externalIPs\":[\"192.0.2.7\"],"));
    assert_status(no, 403);
    assert_str(at(&no, "message"),
               "services \"s\" is forbidden: Use of external IPs is denied by admission control.");
    _cleanup_answer_ struct answer yes = create(&c, SERVICES, SERVICE("s", ""));
    _cleanup_answer_ struct answer later =
        ask(&c, c.as_admin, "PATCH", SERVICES "/s", "content-type: application/merge-patch+json",
            "{\"spec\":{\"externalIPs\":[\"192.0.2.7\"]}}");
    assert_status(later, 403);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_teardown(t, teardown)
    const struct CMUnitTest tests[] = {
        TEST(pod_security_has_defaults_and_exemptions),
        cmocka_unit_test(a_plugins_configuration_may_be_a_file),
        cmocka_unit_test(bad_files_are_refused),
        TEST(what_is_limited_needs_a_quota),
        TEST(plugins_go_on_and_off),
        TEST(addresses_of_others_are_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
