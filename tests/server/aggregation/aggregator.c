/* Aggregated API servers: APIServices and their availability, and requests passed on under another name. */
#include "auth/identity.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/thread.h"
#include "cluster.h"
#include "hook.h"
#include "test.h"

static struct cluster c;
static struct hook h;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct buf seen; /* guarded by mutex: what the last request said of its user */

#define SERVICES   "/apis/apiregistration.k8s.io/v1/apiservices"
#define NAME       "v1.wardle.example.com"
#define GROUP_PATH "/apis/wardle.example.com/v1"

/* A tiny API server of its own. */
static struct str extension(struct hook *hook, struct arena *a, struct str path, struct str body, int *status)
{
    struct http_request *r = hook->request;
    struct identity who = {0};
    identity_of_certificate(a, http_peer_certificate(r), &who, NULL);
    pthread_mutex_lock(&mutex);
    seen.n = 0;
    size_t n;
    const struct http_header *headers = http_headers(r, &n);
    buf_addf(&seen, "by=" STR_FMT, STR_ARG(who.name));
    for (size_t i = 0; i < n; i++)
        if (str_starts(headers[i].name, STR("x-remote-")) || str_is(headers[i].name, "authorization"))
            buf_addf(&seen, " " STR_FMT "=" STR_FMT, STR_ARG(headers[i].name), STR_ARG(headers[i].value));
    pthread_mutex_unlock(&mutex);
    if (str_starts(path, STR(GROUP_PATH "?")))
        return STR(
            "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":"
            "\"wardle.example.com/v1\",\"resources\":[{\"name\":\"flunders\",\"singularName\":\"flunder\","
            "\"namespaced\":true,\"kind\":\"Flunder\",\"verbs\":[\"get\",\"list\"],\"shortNames\":[\"fl\"]},{"
            "\"name\":\"flunders/status\",\"namespaced\":true,\"kind\":\"Flunder\",\"verbs\":[\"get\"]}]}");
    if (str_starts(path, STR("/openapi/v3?")))
        return STR("{\"paths\":{\"apis/wardle.example.com/v1\":{\"serverRelativeURL\":\"/openapi/v3/apis/"
                   "wardle.example.com/v1?hash=ABC\"},\"apis/apps/v1\":{\"serverRelativeURL\":\"/x\"}}}");
    if (str_starts(path, STR("/openapi/v2?")))
        return STR(
            "{\"swagger\":\"2.0\",\"info\":{},\"paths\":{\"/apis/\":{},\"/apis/apps/v1/\":{\"get\":{}},"
            "\"/apis/wardle.example.com/\":{\"get\":{}},\"/apis/wardle.example.com/v1/flunders\":{"
            "\"parameters\":[{\"$ref\":\"#/parameters/pretty\"}],\"get\":{\"responses\":{\"200\":{"
            "\"schema\":{\"$ref\":\"#/definitions/com.example.Flunder\"}}}}}},\"parameters\":{\"pretty\":"
            "{\"in\":\"query\",\"name\":\"pretty\",\"type\":\"string\"}},\"definitions\":{"
            "\"com.example.Flunder\":{\"properties\":{\"metadata\":{\"$ref\":\"#/definitions/"
            "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta\"},\"next\":{\"$ref\":\"#/definitions/"
            "com.example.Flunder\"}},\"x-kubernetes-group-version-kind\":[{\"group\":\"wardle.example.com\","
            "\"kind\":\"Flunder\",\"version\":\"v1\"}]},\"com.example.Unused\":{},"
            "\"io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta\":{\"description\":\"theirs\"}}}");
    if (str_find(path, STR("/absent")) >= 0) {
        *status = 404;
        return STR(
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"NotFound\","
            "\"code\":404}");
    }
    return arena_printf(a, "{\"kind\":\"Flunder\",\"path\":\"" STR_FMT "\",\"body\":\"" STR_FMT "\"}",
                        STR_ARG(path), STR_ARG(body));
}

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){.service_cidr = "127.91.0.0/16",
                                                .tokens = "secret,somebody,u-7,\"a,system:masters\"\n"});
    hook_start_with(&h, "127.91.0.9", buf_str(&c.ca.cert_pem), extension, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    hook_stop(&h);
    buf_free(&seen);
    return 0;
}

static void make_service(void)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_answer_ struct answer made = create(
        &c, "/api/v1/namespaces/default/services",
        arena_printf(&a,
                     "{\"metadata\":{\"name\":\"hook\"},\"spec\":{\"clusterIP\":\"127.91.0.9\",\"ports\":["
                     "{\"port\":%d}]}}",
                     h.port)
            .p);
}

static void make_api_service(const char *ca_pem)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf ca = {0};
    encode_base64(&ca, str_from(ca_pem));
    _cleanup_answer_ struct answer made = create(
        &c, SERVICES,
        arena_printf(&a,
                     "{\"metadata\":{\"name\":\"" NAME
                     "\"},\"spec\":{\"group\":\"wardle.example.com\",\"version\":"
                     "\"v1\",\"groupPriorityMinimum\":2000,\"versionPriority\":200,\"caBundle\":\"" STR_FMT
                     "\",\"service\":{\"namespace\":\"default\",\"name\":\"hook\",\"port\":%d}}}",
                     STR_ARG(buf_str(&ca)), h.port)
            .p);
}

/* Waits until the condition Available says so. */
static void wait_for(const char *status, const char *reason, const char *message)
{
    struct str says = {0};
    for (int i = 0; i < 200; i++) {
        _cleanup_answer_ struct answer now = get(&c, SERVICES "/" NAME);
        if (str_is(at(&now, "status.conditions.0.status"), status) &&
            str_is(at(&now, "status.conditions.0.reason"), reason) &&
            str_starts(at(&now, "status.conditions.0.message"), str_from(message)))
            return;
        if (i == 199) {
            says = at(&now, "status.conditions");
            fail_msg("it says " STR_FMT, STR_ARG(says));
        }
        clock_sleep(50 * CLOCK_MS);
    }
}

static void what_is_served_here_is_registered(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        _cleanup_answer_ struct answer all = get(&c, SERVICES);
        if (count(&all, "items") >= 20)
            break;
        clock_sleep(50 * CLOCK_MS);
    }
    _cleanup_answer_ struct answer core = get(&c, SERVICES "/v1.");
    assert_status(core, 200);
    assert_str(at(&core, "spec.groupPriorityMinimum"), "18000");
    assert_str(at(&core, "metadata.labels"), "{\"kube-aggregator.kubernetes.io/automanaged\":\"onstart\"}");
    assert_str(at(&core, "status.conditions.0.reason"), "Local");
    _cleanup_answer_ struct answer apps = get(&c, SERVICES "/v1.apps");
    assert_str(at(&apps, "status.conditions.0.status"), "True");
    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", SERVICES "/v1.apps", NULL, NULL);
    assert_status(gone, 200);
    for (int i = 0;; i++) {
        _cleanup_answer_ struct answer again = get(&c, SERVICES "/v1.apps");
        if (again.status == 200)
            break;
        assert_true(i < 100);
        clock_sleep(50 * CLOCK_MS);
    }
    /* a kind that is defined later is registered too, and goes with its definition */
    _cleanup_answer_ struct answer crd =
        create(&c, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
               "{\"metadata\":{\"name\":\"foos.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":"
               "\"Namespaced\","
               "\"names\":{\"plural\":\"foos\",\"kind\":\"Foo\"},\"versions\":[{\"name\":\"v1\",\"served\":"
               "true,\"storage\":"
               "true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}");
    for (int wanted = 200; wanted; wanted = wanted == 200 ? 404 : 0) {
        for (int i = 0;; i++) {
            _cleanup_answer_ struct answer own = get(&c, SERVICES "/v1.example.com");
            if (own.status == wanted)
                break;
            assert_true(i < 200);
            clock_sleep(50 * CLOCK_MS);
        }
        _cleanup_answer_ struct answer dropped =
            ask(&c, c.as_admin, "DELETE",
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/foos.example.com", NULL, NULL);
    }
    _cleanup_answer_ struct answer config =
        get(&c, "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication");
    assert_true(str_find(at(&config, "data"), STR("requestheader-client-ca-file")) >= 0);
}

static void requests_are_passed_on_in_the_users_name(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    make_service();
    make_api_service(arena_str(&a, buf_str(&h.ca.cert_pem)).p);
    wait_for("True", "Passed", "all checks passed");

    _cleanup_answer_ struct answer groups = get(&c, "/apis");
    assert_true(str_find(at(&groups, "groups"), STR("\"name\":\"wardle.example.com\",\"preferredVersion\":{"
                                                    "\"groupVersion\":\"wardle.example.com/v1\"")) >= 0);
    _cleanup_answer_ struct answer group = get(&c, "/apis/wardle.example.com");
    assert_str(at(&group, "versions.0.groupVersion"), "wardle.example.com/v1");
    _cleanup_answer_ struct answer all =
        ask(&c, c.as_admin, "GET", "/apis",
            "accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", NULL);
    assert_true(
        str_find(
            at(&all, "items"),
            STR("{\"resource\":\"flunders\",\"responseKind\":{\"group\":\"wardle.example.com\",\"kind\":"
                "\"Flunder\",\"version\":\"v1\"},\"scope\":\"Namespaced\",\"shortNames\":[\"fl\"],"
                "\"singularResource\":\"flunder\",\"subresources\":[{\"responseKind\":{\"group\":"
                "\"wardle.example.com\",\"kind\":\"Flunder\",\"version\":\"v1\"},\"subresource\":\"status\","
                "\"verbs\":[\"get\"]}],\"verbs\":[\"get\",\"list\"]}")) >= 0);

    struct fetch *somebody = cluster_client(&c, "secret");
    _cleanup_answer_ struct answer made =
        ask(&c, somebody, "POST", GROUP_PATH "/namespaces/default/flunders?fieldManager=x",
            "content-type: application/json\nx-remote-user: eve\nx-remote-group: system:masters\n"
            "x-remote-extra-a: b",
            "[1]");
    assert_status(made, 200);
    assert_str(at(&made, "path"), GROUP_PATH "/namespaces/default/flunders?fieldManager=x");
    assert_str(at(&made, "body"), "[1]");
    pthread_mutex_lock(&mutex);
    assert_str(buf_str(&seen),
               "by=front-proxy-client x-remote-user=somebody x-remote-uid=u-7 x-remote-group=a "
               "x-remote-group=system:masters x-remote-group=system:authenticated");
    pthread_mutex_unlock(&mutex);
    fetch_free(somebody);

    _cleanup_answer_ struct answer none = get(&c, GROUP_PATH "/absent/x");
    assert_status(none, 404);
    assert_str(at(&none, "reason"), "NotFound");
    _cleanup_answer_ struct answer index = get(&c, "/openapi/v3");
    assert_true(
        str_find(at(&index, "paths"), STR("\"apis/wardle.example.com/v1\":{\"serverRelativeURL\":\"/openapi/"
                                          "v3/apis/wardle.example.com/v1?hash=ABC\"}")) >= 0);
    _cleanup_answer_ struct answer document = get(&c, "/openapi/v3" GROUP_PATH);
    assert_str(at(&document, "path"), "/openapi/v3" GROUP_PATH "?");
    _cleanup_answer_ struct answer own = get(&c, "/openapi/v3/apis/apps/v1");
    assert_str(at(&own, "openapi"), "3.0.0");
    _cleanup_answer_ struct answer resources = get(&c, GROUP_PATH);
    assert_str(at(&resources, "kind"), "APIResourceList");
    _cleanup_answer_ struct answer nobody =
        ask(&c, c.as_nobody, "GET", GROUP_PATH "/namespaces/default/flunders", NULL, NULL);
    assert_status(nobody, 403);

    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", SERVICES "/" NAME, NULL, NULL);
    assert_status(gone, 200);
    for (int i = 0;; i++) {
        _cleanup_answer_ struct answer after = get(&c, GROUP_PATH);
        if (after.status == 404)
            break;
        assert_true(i < 100);
        clock_sleep(50 * CLOCK_MS);
    }
}

/* Members by their name, as there are dots in it. */
static struct str in(struct answer *a, const char *section, const char *name)
{
    const struct value *v = value_get(value_get(&a->json, str_from(section)), str_from(name));
    return v ? value_json(&a->response.arena, v) : STR("");
}

static void openapi_is_of_all_servers(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_answer_ struct answer before = get(&c, "/openapi/v2");
    struct str etag = arena_str(&a, fetch_header_get(&before.response, STR("etag")));
    make_service();
    make_api_service(arena_str(&a, buf_str(&h.ca.cert_pem)).p);
    wait_for("True", "Passed", "all checks passed");
    _cleanup_answer_ struct answer v2 = get(&c, "/openapi/v2");
    assert_status(v2, 200);
    assert_false(str_eq(fetch_header_get(&v2.response, STR("etag")), etag));
    assert_str(
        in(&v2, "paths", "/apis/wardle.example.com/v1/flunders"),
        "{\"get\":{\"responses\":{\"200\":{\"schema\":{\"$ref\":\"#/definitions/com.example.Flunder\"}}}},"
        "\"parameters\":[{\"in\":\"query\",\"name\":\"pretty\",\"type\":\"string\"}]}");
    assert_true(in(&v2, "paths", "/apis/wardle.example.com/").n > 0);
    assert_true(in(&v2, "paths", "/apis/apps/v1/deployments").n > 0); /* and ours */
    assert_false(str_is(in(&v2, "paths", "/apis/apps/v1/"), "{\"get\":{}}"));
    /* of two definitions of one name theirs gets another one */
    assert_str(in(&v2, "definitions", "com.example.Flunder"),
               "{\"properties\":{\"metadata\":{\"$ref\":\"#/definitions/"
               "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta_v2\"},\"next\":{\"$ref\":\"#/definitions/"
               "com.example.Flunder\"}},\"x-kubernetes-group-version-kind\":[{\"group\":"
               "\"wardle.example.com\",\"kind\":\"Flunder\",\"version\":\"v1\"}]}");
    assert_str(in(&v2, "definitions", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta_v2"),
               "{\"description\":\"theirs\"}");
    assert_true(in(&v2, "definitions", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").n > 100);
    assert_int_equal(in(&v2, "definitions", "com.example.Unused").n, 0);
    _cleanup_answer_ struct answer proto =
        ask(&c, c.as_admin, "GET", "/openapi/v2",
            "accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf", NULL);
    assert_status(proto, 200);
    assert_true(str_find(proto.response.body, STR("com.example.Flunder")) >= 0);

    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", SERVICES "/" NAME, NULL, NULL);
    assert_status(gone, 200);
    for (int i = 0;; i++) {
        _cleanup_answer_ struct answer after = get(&c, "/openapi/v2");
        if (str_eq(fetch_header_get(&after.response, STR("etag")), etag))
            break;
        assert_true(i < 100);
        clock_sleep(50 * CLOCK_MS);
    }
}

static void what_cannot_be_reached_says_why(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    make_api_service(arena_str(&a, buf_str(&c.serving.cert_pem)).p);
    wait_for("False", "ServiceNotFound", "service/hook in \"default\" is not present");
    _cleanup_answer_ struct answer no = get(&c, GROUP_PATH "/namespaces/default/flunders");
    assert_status(no, 503);
    assert_str(no.response.body, "service unavailable\n");
    make_service();
    wait_for("False", "FailedDiscoveryCheck", "failing or missing response from https://127.91.0.9:");

    _cleanup_answer_ struct answer wrong =
        ask(&c, c.as_admin, "POST", SERVICES, NULL,
            "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"group\":\"g.example.com\",\"version\":\"v1\","
            "\"groupPriorityMinimum\":0,\"versionPriority\":1001,\"service\":{\"namespace\":\"default\"}}}");
    assert_status(wrong, 422);
    static const char *const says[] = {
        "metadata.name: Invalid value: \"x\": must be `spec.version+\".\"+spec.group`: \"v1.g.example.com\"",
        "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000",
        "spec.versionPriority: Invalid value: 1001: must be positive and less than 1000",
        "spec.service.name: Required value",
    };
    for (size_t i = 0; i < ARRAY_LEN(says); i++)
        if (str_find(at(&wrong, "message"), str_from(says[i])) < 0)
            fail_msg("no %s in " STR_FMT, says[i], STR_ARG(at(&wrong, "message")));
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(what_is_served_here_is_registered),
        TEST(requests_are_passed_on_in_the_users_name),
        TEST(openapi_is_of_all_servers),
        TEST(what_cannot_be_reached_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
