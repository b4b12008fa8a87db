/* /metrics: what is measured, by upstream's names and labels. */
#include "base/clock.h"
#include "cluster.h"
#include "test.h"

#define MAPS      "/api/v1/namespaces/default/configmaps"
#define ADMISSION "/apis/admissionregistration.k8s.io/v1"

static struct cluster c;

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){0});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    return 0;
}

/* The value of a series; -1 where there is none. */
static int64_t value(const char *series)
{
    _cleanup_answer_ struct answer m = get(&c, "/metrics");
    assert_status(m, 200);
    struct str rest = m.response.body, line;
    while (str_cut(&rest, '\n', &line)) {
        int64_t v = -1;
        struct str name = str_from(series);
        if (str_starts(line, name) && line.n > name.n && line.p[name.n] == ' ') {
            struct str number = str_from_at(line, name.n + 1), whole;
            str_cut(&number, '.', &whole);
            str_to_i64(whole, &v);
            return v;
        }
    }
    return -1;
}

/* At least so much more than before. */
static void expect_more(const char *series, int64_t before, int64_t more)
{
    int64_t now = value(series);
    if (now < (before < 0 ? 0 : before) + more)
        fail_msg("%s was %lld, is %lld", series, (long long)before, (long long)now);
}

static void requests_are_counted_by_upstreams_verbs(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *headers, *body, *series;
    } cases[] = {
        {"POST", MAPS, NULL, "{\"metadata\":{\"name\":\"m\"}}",
         "code=\"201\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\",scope="
         "\"resource\","
         "subresource=\"\",verb=\"POST\",version=\"v1\""},
        {"GET", MAPS, NULL, NULL,
         "code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\",scope="
         "\"namespace\","
         "subresource=\"\",verb=\"LIST\",version=\"v1\""},
        {"GET", "/api/v1/configmaps", NULL, NULL,
         "code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\",scope="
         "\"cluster\","
         "subresource=\"\",verb=\"LIST\",version=\"v1\""},
        {"GET", MAPS "?watch=1&timeoutSeconds=1", NULL, NULL,
         "code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\",scope="
         "\"namespace\","
         "subresource=\"\",verb=\"WATCH\",version=\"v1\""},
        {"PUT", MAPS "/m?dryRun=All", NULL, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"b\"}}",
         "code=\"200\",component=\"apiserver\",dry_run=\"All\",group=\"\",resource=\"configmaps\",scope="
         "\"resource\","
         "subresource=\"\",verb=\"PUT\",version=\"v1\""},
        {"PATCH", MAPS "/m", "content-type: application/merge-patch+json", "{\"data\":{\"c\":\"d\"}}",
         "code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\",scope="
         "\"resource\","
         "subresource=\"\",verb=\"PATCH\",version=\"v1\""},
        {"PATCH", MAPS "/m?fieldManager=x&force=true", "content-type: application/apply-patch+yaml",
         "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m\"}}",
         "code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\",scope="
         "\"resource\","
         "subresource=\"\",verb=\"APPLY\",version=\"v1\""},
        {"DELETE", MAPS, NULL, NULL,
         "code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\",scope="
         "\"namespace\","
         "subresource=\"\",verb=\"DELETECOLLECTION\",version=\"v1\""},
        {"GET", "/readyz", NULL, NULL,
         "code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"\",scope=\"\",subresource="
         "\"/"
         "readyz\",verb=\"GET\",version=\"\""},
    };
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str series = arena_printf(&a, "apiserver_request_total{%s}", cases[i].series);
        int64_t before = value(series.p);
        _cleanup_answer_ struct answer made =
            ask(&c, c.as_admin, cases[i].method, cases[i].path,
                cases[i].headers ? cases[i].headers : "content-type: application/json", cases[i].body);
        assert_true(made.status < 300);
        expect_more(series.p, before, 1);
    }
    _cleanup_answer_ struct answer service =
        create(&c, "/api/v1/namespaces/default/services",
               "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
    _cleanup_answer_ struct answer proxy = get(&c, "/api/v1/namespaces/default/services/s/proxy/");
    assert_status(proxy, 503);
    assert_int_equal(
        value("apiserver_request_total{code=\"503\",component=\"apiserver\",dry_run=\"\",group=\"\","
              "resource=\"services\",scope=\"resource\",subresource=\"proxy\",verb=\"CONNECT\","
              "version=\"v1\"}"),
        1);
    assert_int_equal(
        value("apiserver_longrunning_requests{component=\"apiserver\",group=\"\",resource="
              "\"configmaps\",scope=\"namespace\",subresource=\"\",verb=\"WATCH\",version=\"v1\"}"),
        0);
    assert_true(
        value("apiserver_response_sizes_count{component=\"apiserver\",group=\"\",resource=\"configmaps\","
              "scope=\"namespace\",subresource=\"\",verb=\"LIST\",version=\"v1\"}") >= 1);
    assert_true(value("apiserver_watch_events_total{group=\"\",resource=\"configmaps\",version=\"v1\"}") >=
                1);
    assert_true(value("apiserver_requested_deprecated_apis{group=\"\",removed_release=\"\",resource="
                      "\"endpoints\",subresource=\"\",version=\"v1\"}") < 1);
    _cleanup_answer_ struct answer old = get(&c, "/api/v1/endpoints");
    _cleanup_answer_ struct answer again = get(&c, "/api/v1/endpoints");
    assert_int_equal(value("apiserver_requested_deprecated_apis{group=\"\",removed_release=\"\",resource="
                           "\"endpoints\",subresource=\"\",version=\"v1\"}"),
                     1);
}

static void who_may_come_is_counted(void **state)
{
    (void)state;
    int64_t allowed = value("authorization_attempts_total{result=\"allowed\"}"),
            denied = value("authorization_attempts_total{result=\"denied\"}"),
            failed = value("authentication_attempts{result=\"error\"}");
    _cleanup_answer_ struct answer no = ask(&c, c.as_nobody, "GET", MAPS, NULL, NULL);
    assert_status(no, 403);
    _cleanup_answer_ struct answer who =
        ask(&c, c.as_nobody, "GET", MAPS, "authorization: Bearer nonsense", NULL);
    assert_status(who, 401);
    expect_more("authorization_attempts_total{result=\"allowed\"}", allowed, 1);
    expect_more("authorization_attempts_total{result=\"denied\"}", denied, 1);
    expect_more("authentication_attempts{result=\"error\"}", failed, 1);
    assert_true(value("authenticated_user_requests{username=\"other\"}") > 0);
    assert_true(value("authorization_duration_seconds_count{result=\"allowed\"}") > 0);
}

static void admission_is_measured(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer policy =
        create(&c, ADMISSION "/validatingadmissionpolicies",
               "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"matchConstraints\":{\"resourceRules\":[{"
               "\"apiGroups\":[\"\"],"
               "\"apiVersions\":[\"v1\"],\"operations\":[\"CREATE\"],\"resources\":[\"secrets\"]}]},"
               "\"validations\":[{"
               "\"expression\":\"false\"}]}}");
    _cleanup_answer_ struct answer binding = create(
        &c, ADMISSION "/validatingadmissionpolicybindings",
        "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"policyName\":\"p\",\"validationActions\":[\"Deny\"]}}");
    _cleanup_answer_ struct answer hook = create(
        &c, ADMISSION "/validatingwebhookconfigurations",
        "{\"metadata\":{\"name\":\"w\"},\"webhooks\":[{\"name\":\"away.example.com\",\"sideEffects\":"
        "\"None\","
        "\"admissionReviewVersions\":[\"v1\"],\"failurePolicy\":\"Ignore\",\"clientConfig\":{\"url\":"
        "\"https://127.0.0.1:1/\"},\"rules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":["
        "\"CREATE\"],\"resources\":[\"configmaps\"]}]},{\"name\":\"must.example.com\",\"sideEffects\":"
        "\"None\","
        "\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":{\"url\":\"https://127.0.0.1:1/"
        "\"},\"rules\":[{"
        "\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"DELETE\"],\"resources\":["
        "\"configmaps\"]"
        "}]}]}");
    _cleanup_answer_ struct answer no =
        ask(&c, c.as_admin, "POST", "/api/v1/namespaces/default/secrets", "content-type: application/json",
            "{\"metadata\":{\"name\":\"s\"}}");
    assert_status(no, 422);
    _cleanup_answer_ struct answer made = create(&c, MAPS, "{\"metadata\":{\"name\":\"watched\"}}");
    _cleanup_answer_ struct answer kept = ask(&c, c.as_admin, "DELETE", MAPS "/watched", NULL, NULL);
    assert_status(kept, 500);
    static const char *const counted[] = {
        "apiserver_admission_step_admission_duration_seconds_count{operation=\"CREATE\",rejected=\"false\","
        "type="
        "\"admit\"}",
        "apiserver_admission_step_admission_duration_seconds_count{operation=\"CREATE\",rejected=\"true\","
        "type="
        "\"validate\"}",
        "apiserver_admission_controller_admission_duration_seconds_count{name=\"NamespaceLifecycle\","
        "operation=\"CREATE\",rejected=\"false\",type=\"admit\"}",
        "apiserver_admission_controller_admission_duration_seconds_count{name=\"ValidatingAdmissionPolicy\","
        "operation=\"CREATE\",rejected=\"true\",type=\"validate\"}",
        "apiserver_admission_webhook_admission_duration_seconds_count{name=\"away.example.com\",operation="
        "\"CREATE\",rejected=\"false\",type=\"validate\"}",
        "apiserver_admission_webhook_fail_open_count{name=\"away.example.com\",type=\"validate\"}",
        "apiserver_admission_webhook_rejection_count{error_type=\"calling_webhook_error\",name="
        "\"must.example.com\",operation=\"DELETE\",rejection_code=\"0\",type=\"validate\"}",
        "apiserver_admission_webhook_request_total{code=\"0\",name=\"must.example.com\",operation=\"DELETE\","
        "rejected=\"true\",type=\"validate\"}",
        "apiserver_validating_admission_policy_check_total{enforcement_action=\"deny\",error_type=\"no_"
        "error\","
        "policy=\"p\",policy_binding=\"b\"}",
        "apiserver_validating_admission_policy_check_duration_seconds_count{enforcement_action=\"deny\","
        "error_type=\"no_error\",policy=\"p\",policy_binding=\"b\"}",
        "apiserver_cel_compilation_duration_seconds_count",
        "apiserver_cel_evaluation_duration_seconds_count",
    };
    for (size_t i = 0; i < ARRAY_LEN(counted); i++)
        if (value(counted[i]) < 1)
            fail_msg("%s is %lld", counted[i], (long long)value(counted[i]));
    _cleanup_answer_ struct answer gone =
        ask(&c, c.as_admin, "DELETE", ADMISSION "/validatingwebhookconfigurations/w", NULL, NULL);
}

static void standards_and_seats_are_counted(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}");
    _cleanup_answer_ struct answer pod = create(
        &c, "/api/v1/namespaces/default/pods",
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}");
    assert_int_equal(value("pod_security_evaluations_total{decision=\"allow\",mode=\"enforce\",policy_level="
                           "\"privileged\",policy_version=\"latest\",request_operation=\"create\",resource="
                           "\"pod\",subresource=\"\"}"),
                     1);
    assert_true(value("apiserver_flowcontrol_dispatched_requests_total{flow_schema=\"exempt\",priority_level="
                      "\"exempt\"}") >= 1);
    assert_int_equal(value("apiserver_flowcontrol_current_executing_requests{flow_schema=\"exempt\","
                           "priority_level=\"exempt\"}"),
                     1); /* this very one */
    assert_true(
        value("apiserver_flowcontrol_request_wait_duration_seconds_count{execute=\"true\",flow_schema="
              "\"exempt\",priority_level=\"exempt\"}") >= 1);
}

static void checks_are_told_by_themselves(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer ready = get(&c, "/readyz?verbose&exclude=etcd&exclude=nothing&exclude=x");
    assert_status(ready, 200);
    assert_true(str_find(ready.response.body, STR("[+]etcd excluded: ok\n")) >= 0);
    assert_true(str_ends(ready.response.body,
                         STR("warn: some health checks cannot be excluded: no matches for \"nothing\",\"x\"\n"
                             "readyz check passed\n")));
    _cleanup_answer_ struct answer one = get(&c, "/livez/ping");
    assert_str(one.response.body, "ok");
    _cleanup_answer_ struct answer hook = get(&c, "/livez/poststarthook/crd-informer-synced");
    assert_str(hook.response.body, "ok");
    _cleanup_answer_ struct answer only = get(&c, "/livez/shutdown"); /* of readyz alone */
    assert_status(only, 404);
    _cleanup_answer_ struct answer levels = get(&c, "/metrics/slis");
    assert_status(levels, 200);
    assert_true(
        str_find(levels.response.body, STR("kubernetes_healthcheck{name=\"ping\",type=\"livez\"} 1\n")) >= 0);
    assert_true(str_find(levels.response.body, STR("kubernetes_healthchecks_total{name=\"log\",status="
                                                   "\"success\",type=\"readyz\"} ")) >= 0);
    assert_true(str_find(levels.response.body, STR("apiserver_request_total")) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_counted_by_upstreams_verbs),
        cmocka_unit_test(who_may_come_is_counted),
        cmocka_unit_test(admission_is_measured),
        cmocka_unit_test(standards_and_seats_are_counted),
        cmocka_unit_test(checks_are_told_by_themselves),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
