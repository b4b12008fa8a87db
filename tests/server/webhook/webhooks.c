/* Admission webhooks over the wire: a server that judges and alters, and fails in every way. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/thread.h"
#include "cluster.h"
#include "hook.h"
#include "test.h"

static struct cluster c;
static struct hook h;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct buf last, order; /* guarded by mutex: the last question; the paths asked */

static struct str b64(struct arena *a, const char *text)
{
    _cleanup_buf_ struct buf b = {0};
    encode_base64(&b, str_from(text));
    return arena_str(a, buf_str(&b));
}

static const struct {
    const char *path, *says; /* of the response, behind uid */
} answers[] = {
    {"/allow", "\"allowed\":true"},
    {"/deny",
     "\"allowed\":false,\"status\":{\"message\":\"no such thing\",\"reason\":\"Forbidden\",\"code\":403}"},
    {"/odd", "\"allowed\":false,\"status\":{\"reason\":\"not in the mood\",\"code\":418}"},
    {"/silent", "\"allowed\":false"},
    {"/warn", "\"allowed\":true,\"warnings\":[\"mind the gap\"],\"auditAnnotations\":{\"k\":\"v\"}"},
};

/* Paths with a patch, and when they apply: where the question contains `when`. */
static const struct {
    const char *path, *when, *patch;
} patches[] = {
    {"/one", "", "[{\"op\":\"add\",\"path\":\"/data/one\",\"value\":\"1\"}]"},
    {"/two", "\"one\":\"1\"", "[{\"op\":\"add\",\"path\":\"/data/two\",\"value\":\"2\"}]"},
    {"/init", "",
     "[{\"op\":\"add\",\"path\":\"/spec/initContainers\",\"value\":[{\"name\":\"i\",\"image\":\"x\"}]}]"},
    {"/scale", "", "[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":7}]"},
    {"/masters", "", "[{\"op\":\"add\",\"path\":\"/spec/groups\",\"value\":[\"system:masters\"]}]"},
    {"/nowhere", "", "[{\"op\":\"remove\",\"path\":\"/data/none\"}]"},
};

static struct str judge(struct hook *hook, struct arena *a, struct str path, struct str body, int *status)
{
    (void)hook;
    struct value q;
    value_parse(a, body, &q, NULL);
    struct str uid = value_get_str(value_get(&q, STR("request")), STR("uid"));
    pthread_mutex_lock(&mutex);
    last.n = 0;
    buf_add_str(&last, body);
    ptrdiff_t end = str_index(path, '?');
    struct str only = str_slice(path.p, (size_t)end);
    buf_addf(&order, STR_FMT " ", STR_ARG(only));
    pthread_mutex_unlock(&mutex);

    const char *says = "\"allowed\":true", *kind = "admission.k8s.io/v1";
    if (str_is(only, "/slow"))
        clock_sleep(1300 * CLOCK_MS);
    if (str_is(only, "/garbage"))
        return STR("{\"kind\":");
    if (str_is(only, "/absent"))
        return STR("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}");
    if (str_is(only, "/stranger"))
        uid = STR("another");
    if (str_is(only, "/version"))
        kind = "admission.k8s.io/v2";
    if (str_is(only, "/500"))
        *status = 500;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        if (str_is(only, answers[i].path))
            says = answers[i].says;
    if (str_starts(only, STR("/warn-"))) /* of thousands of characters */
        says =
            arena_printf(a, "\"allowed\":true,\"warnings\":[\"%s%03000d\"]", only.p[7] == 'u' ? "u" : "o", 0)
                .p;
    for (size_t i = 0; i < ARRAY_LEN(patches); i++)
        if (str_is(only, patches[i].path) && str_find(body, str_from(patches[i].when)) >= 0)
            says = arena_printf(a, "\"allowed\":true,\"patchType\":\"JSONPatch\",\"patch\":\"" STR_FMT "\"",
                                STR_ARG(b64(a, patches[i].patch)))
                       .p;
    return arena_printf(
        a, "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"%s\",\"response\":{\"uid\":\"" STR_FMT "\",%s}}",
        kind, STR_ARG(uid), says);
}

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){.tokens = "secret,somebody,7,\"system:masters\"\n"});
    hook_start(&h, "127.0.0.1", judge, NULL);
    order.n = last.n = 0;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&c);
    hook_stop(&h);
    buf_free(&last);
    buf_free(&order);
    return 0;
}

static struct str asked(struct arena *a)
{
    _lock_(&mutex);
    struct str s = arena_str(a, buf_str(&order));
    order.n = 0;
    return s;
}

static struct value question(struct arena *a)
{
    _lock_(&mutex);
    struct value v;
    assert_int_equal(value_parse(a, arena_str(a, buf_str(&last)), &v, NULL), 0);
    return *value_get(&v, STR("request"));
}

#define RULE(ops, resources)                                                                                 \
    "\"rules\":[{\"operations\":[" ops                                                                       \
    "],\"apiGroups\":[\"*\"],\"apiVersions\":[\"*\"],\"resources\":[" resources "]}]"
#define CONFIG_MAPS RULE("\"CREATE\",\"UPDATE\"", "\"configmaps\"")

/* One webhook, as it stands in a configuration. */
static struct str webhook(struct arena *a, const char *name, const char *path, const char *more)
{
    return arena_printf(a,
                        "{\"name\":\"%s.example.com\",\"clientConfig\":{\"url\":\"https://127.0.0.1:%d%s\","
                        "\"caBundle\":\"" STR_FMT "\"},\"sideEffects\":\"None\",\"admissionReviewVersions\":"
                        "[\"v1\"],%s}",
                        name, h.port, path, STR_ARG(b64(a, arena_c(a, buf_str(&h.ca.cert_pem)))), more);
}

static const char mutating[] = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
static const char validating[] = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

static void configure(struct arena *a, const char *where, const char *name, struct str webhooks)
{
    _cleanup_answer_ struct answer made =
        create(&c, where,
               arena_printf(a, "{\"metadata\":{\"name\":\"%s\"},\"webhooks\":[" STR_FMT "]}", name,
                            STR_ARG(webhooks))
                   .p);
}

static struct answer post(const char *path, const char *body)
{
    return ask(&c, c.as_admin, "POST", path, NULL, body);
}

#define MAPS      "/api/v1/namespaces/default/configmaps"
#define MAP(name) "{\"metadata\":{\"name\":\"" name "\"},\"data\":{\"a\":\"b\"}}"

static void a_refusal_is_told_as_the_webhook_words_it(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct {
        const char *path, *message, *reason;
        int code;
    } cases[] = {
        {"/deny", "admission webhook \"w.example.com\" denied the request: no such thing", "Forbidden", 403},
        {"/odd", "admission webhook \"w.example.com\" denied the request: not in the mood", "not in the mood",
         418},
        {"/silent", "admission webhook \"w.example.com\" denied the request without explanation", "", 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        configure(&a, i % 2 ? mutating : validating, "conf", webhook(&a, "w", cases[i].path, CONFIG_MAPS));
        _cleanup_answer_ struct answer no = post(MAPS, MAP("x"));
        assert_status(no, cases[i].code);
        assert_str(at(&no, "message"), cases[i].message);
        assert_str(at(&no, "reason"), cases[i].reason);
        _cleanup_answer_ struct answer others =
            post("/api/v1/namespaces/default/secrets", "{\"metadata\":{\"generateName\":\"s\"}}");
        assert_status(others, 201);
        _cleanup_answer_ struct answer gone =
            ask(&c, c.as_admin, "DELETE", arena_printf(&a, "%s/conf", i % 2 ? mutating : validating).p, NULL,
                NULL);
        assert_status(gone, 200);
    }
    _cleanup_answer_ struct answer yes = post(MAPS, MAP("x"));
    assert_status(yes, 201);
}

static void the_question_says_all_of_the_change(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    configure(&a, validating, "conf", webhook(&a, "w", "/allow", RULE("\"*\"", "\"*/*\"")));
    _cleanup_answer_ struct answer made = post(MAPS "?fieldManager=me", MAP("x"));
    assert_status(made, 201);
    struct value q = question(&a);
    static const struct {
        const char *at, *says;
    } created[] = {
        {"kind", "{\"group\":\"\",\"kind\":\"ConfigMap\",\"version\":\"v1\"}"},
        {"resource", "{\"group\":\"\",\"resource\":\"configmaps\",\"version\":\"v1\"}"},
        {"requestKind", "{\"group\":\"\",\"kind\":\"ConfigMap\",\"version\":\"v1\"}"},
        {"name", "\"x\""},
        {"namespace", "\"default\""},
        {"operation", "\"CREATE\""},
        {"oldObject", "null"},
        {"dryRun", "false"},
        {"options", "{\"apiVersion\":\"meta.k8s.io/v1\",\"fieldManager\":\"me\",\"kind\":\"CreateOptions\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(created); i++)
        assert_str(value_json(&a, value_get(&q, str_from(created[i].at))), created[i].says);
    assert_str(value_get_str(value_get(&q, STR("userInfo")), STR("username")), "admin");
    const struct value *o = value_get(&q, STR("object"));
    assert_str(value_get_str(o, STR("kind")), "ConfigMap");
    assert_str(value_get_str(value_get(o, STR("data")), STR("a")), "b");
    assert_true(value_get_str(value_get(o, STR("metadata")), STR("uid")).n > 0);

    /* a delete shows what is to go */
    _cleanup_answer_ struct answer gone = ask(&c, c.as_admin, "DELETE", MAPS "/x?dryRun=All", NULL, NULL);
    assert_status(gone, 200);
    q = question(&a);
    assert_str(value_json(&a, value_get(&q, STR("object"))), "null");
    assert_str(value_get_str(value_get(value_get(&q, STR("oldObject")), STR("data")), STR("a")), "b");
    assert_str(value_json(&a, value_get(&q, STR("dryRun"))), "true");
    assert_str(value_get_str(value_get(&q, STR("options")), STR("kind")), "DeleteOptions");

    /* a namespace is in itself */
    _cleanup_answer_ struct answer ns = post("/api/v1/namespaces", "{\"metadata\":{\"name\":\"mine\"}}");
    assert_status(ns, 201);
    q = question(&a);
    assert_str(value_get_str(&q, STR("namespace")), "mine");
}

static void changes_are_made_in_order_and_defaulted(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    configure(&a, mutating, "b", webhook(&a, "second", "/two", CONFIG_MAPS));
    configure(&a, mutating, "a",
              arena_printf(&a, STR_FMT "," STR_FMT, STR_ARG(webhook(&a, "first", "/one", CONFIG_MAPS)),
                           STR_ARG(webhook(&a, "pods", "/init", RULE("\"CREATE\"", "\"pods\"")))));
    configure(&a, validating, "c", webhook(&a, "last", "/warn", CONFIG_MAPS));
    _cleanup_answer_ struct answer made = post(MAPS, MAP("x"));
    assert_status(made, 201);
    assert_str(at(&made, "data.one"), "1");
    assert_str(at(&made, "data.two"), "2");
    assert_str(asked(&a), "/one /two /warn ");
    assert_str(fetch_header_get(&made.response, STR("warning")), "299 - \"mind the gap\"");

    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}");
    _cleanup_answer_ struct answer pod =
        post("/api/v1/namespaces/default/pods", "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{"
                                                "\"name\":\"c\",\"image\":\"x\"}]}}");
    assert_status(pod, 201);
    assert_str(at(&pod, "spec.initContainers.0.terminationMessagePolicy"), "File");

    /* once more: nothing is left to change, but the first is not asked what it would say of the second's */
    _cleanup_answer_ struct answer again = ask(&c, c.as_admin, "PUT", MAPS "/x", NULL, MAP("x"));
    assert_status(again, 200);
    assert_str(at(&again, "data.two"), "2");
}

static void earlier_webhooks_are_asked_again_where_they_want_it(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    configure(&a, mutating, "a",
              webhook(&a, "curious", "/two", CONFIG_MAPS ",\"reinvocationPolicy\":\"IfNeeded\""));
    configure(&a, mutating, "b", webhook(&a, "once", "/allow", CONFIG_MAPS));
    configure(&a, mutating, "c", webhook(&a, "changes", "/one", CONFIG_MAPS));
    _cleanup_answer_ struct answer made = post(MAPS, MAP("x"));
    assert_status(made, 201);
    assert_str(asked(&a), "/two /allow /one /two ");
    assert_str(at(&made, "data.two"), "2");
}

static void failures_refuse_or_are_ignored(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct {
        const char *path, *says;
    } cases[] = {
        {"/slow", "failed to call webhook: Post \"https://127.0.0.1:%d/slow?timeout=1s\": context deadline "
                  "exceeded"},
        {"/500", "failed to call webhook: an error on the server (\""},
        {"/garbage", "received invalid webhook response: unexpected end of JSON input"},
        {"/absent", "received invalid webhook response: webhook response was absent"},
        {"/stranger", "received invalid webhook response: expected response.uid=\""},
        {"/version", "received invalid webhook response: expected webhook response of admission.k8s.io/v1, "
                     "Kind=AdmissionReview, got admission.k8s.io/v2, Kind=AdmissionReview"},
        {"/one", "received invalid webhook response: validating webhook may not return response.patch"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        configure(&a, validating, "conf",
                  webhook(&a, "w", cases[i].path, CONFIG_MAPS ",\"timeoutSeconds\":1"));
        _cleanup_answer_ struct answer no = post(MAPS, MAP("x"));
        assert_status(no, 500);
        assert_str(at(&no, "reason"), "InternalError");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        struct str expected =
            arena_concat(&a, STR("Internal error occurred: failed calling webhook \"w.example.com\": "),
                         i == 0 ? arena_printf(&a, cases[i].says, h.port) : str_from(cases[i].says));
#pragma GCC diagnostic pop
        if (!str_starts(at(&no, "message"), expected))
            fail_msg(STR_FMT, STR_ARG(at(&no, "message")));
        _cleanup_answer_ struct answer patched =
            ask(&c, c.as_admin, "PATCH", arena_printf(&a, "%s/conf", validating).p,
                "content-type: application/json-patch+json",
                "[{\"op\":\"replace\",\"path\":\"/webhooks/0/failurePolicy\",\"value\":\"Ignore\"}]");
        assert_status(patched, 200);
        _cleanup_answer_ struct answer yes = post(MAPS "?dryRun=All", MAP("x"));
        assert_status(yes, 201);
        _cleanup_answer_ struct answer gone =
            ask(&c, c.as_admin, "DELETE", arena_printf(&a, "%s/conf", validating).p, NULL, NULL);
    }
    /* a patch that does not apply is the webhook's fault, and fails whatever the policy */
    configure(&a, mutating, "conf",
              webhook(&a, "w", "/nowhere", CONFIG_MAPS ",\"failurePolicy\":\"Ignore\""));
    _cleanup_answer_ struct answer no = post(MAPS, MAP("x"));
    assert_status(no, 500);
}

/* Past 4096 characters of warnings each is cut to 256; what is said twice is told once. */
static void warnings_have_an_end(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf hooks = {0};
    for (int i = 0; i < 20; i++) {
        char name[8];
        snprintf(name, sizeof name, "w%d", i);
        buf_addf(&hooks, "%s" STR_FMT, i ? "," : "",
                 STR_ARG(webhook(&a, name,
                                 i % 2   ? "/warn"
                                 : i < 4 ? "/warn-much"
                                         : "/warn-more",
                                 CONFIG_MAPS)));
    }
    configure(&a, validating, "conf", buf_str(&hooks));
    _cleanup_answer_ struct answer made =
        create(&c, "/api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"warned\"}}");
    size_t n = 0, cut = 0;
    for (size_t i = 0; i < made.response.n_headers; i++)
        if (str_is(made.response.headers[i].name, "warning")) {
            n++;
            cut += made.response.headers[i].value.n == 256 + sizeof "299 - \"\"" - 1;
        }
    assert_int_equal(n, 3);
    assert_int_equal(cut, 2);
}

static void selectors_and_scopes_choose(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    configure(&a, validating, "conf",
              webhook(&a, "w", "/deny",
                      CONFIG_MAPS
                      ",\"objectSelector\":{\"matchLabels\":{\"hook\":\"yes\"}},"
                      "\"namespaceSelector\":{\"matchExpressions\":[{\"key\":\"free\",\"operator\":"
                      "\"DoesNotExist\"}]}"));
    _cleanup_answer_ struct answer free =
        post("/api/v1/namespaces", "{\"metadata\":{\"name\":\"free\",\"labels\":{\"free\":\"\"}}}");
    assert_status(free, 201);
    static const char labelled[] = "{\"metadata\":{\"name\":\"l\",\"labels\":{\"hook\":\"yes\"}}}";
    _cleanup_answer_ struct answer plain = post(MAPS, MAP("x"));
    assert_status(plain, 201);
    _cleanup_answer_ struct answer spared = post("/api/v1/namespaces/free/configmaps", labelled);
    assert_status(spared, 201);
    _cleanup_answer_ struct answer no = post(MAPS, labelled);
    assert_status(no, 403);
    /* what has the label, or had it */
    _cleanup_answer_ struct answer moved =
        ask(&c, c.as_admin, "PUT", MAPS "/x", NULL,
            "{\"metadata\":{\"name\":\"x\",\"labels\":{\"hook\":\"yes\"}}}");
    assert_status(moved, 403);

    configure(&a, validating, "scoped",
              webhook(&a, "s", "/deny",
                      "\"rules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],"
                      "\"resources\":[\"*\"],\"scope\":\"Cluster\"}]"));
    _cleanup_answer_ struct answer namespaced =
        post("/api/v1/namespaces/default/secrets", "{\"metadata\":{\"name\":\"s\"}}");
    assert_status(namespaced, 201);
    _cleanup_answer_ struct answer cluster = post("/api/v1/namespaces", "{\"metadata\":{\"name\":\"n\"}}");
    assert_status(cluster, 403);
}

static void conditions_must_hold(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
#define CONDITION(text) CONFIG_MAPS ",\"matchConditions\":[{\"name\":\"c\",\"expression\":\"" text "\"}]"
    configure(
        &a, validating, "conf",
        webhook(&a, "w", "/deny",
                CONDITION("object.metadata.name.startsWith('x') && request.userInfo.username == 'admin'")));
    _cleanup_answer_ struct answer yes = post(MAPS, MAP("a"));
    assert_status(yes, 201);
    _cleanup_answer_ struct answer no = post(MAPS, MAP("x"));
    assert_status(no, 403);
    _cleanup_answer_ struct answer gone =
        ask(&c, c.as_admin, "DELETE", arena_printf(&a, "%s/conf", validating).p, NULL, NULL);
    /* what cannot be evaluated refuses, or spares, by the failure policy */
    configure(&a, validating, "conf", webhook(&a, "w", "/deny", CONDITION("object.data.nothing == 'b'")));
    _cleanup_answer_ struct answer bad = post(MAPS, MAP("x"));
    assert_status(bad, 403);
    assert_true(str_find(at(&bad, "message"), STR("resulted in error: no such key: nothing")) >= 0);
    _cleanup_answer_ struct answer patched =
        ask(&c, c.as_admin, "PATCH", arena_printf(&a, "%s/conf", validating).p,
            "content-type: application/json-patch+json",
            "[{\"op\":\"replace\",\"path\":\"/webhooks/0/failurePolicy\",\"value\":\"Ignore\"}]");
    assert_status(patched, 200);
    _cleanup_answer_ struct answer spared = post(MAPS, MAP("x"));
    assert_status(spared, 201);
    _cleanup_answer_ struct answer wrong =
        post(validating, arena_printf(&a, "{\"metadata\":{\"name\":\"wrong\"},\"webhooks\":[" STR_FMT "]}",
                                      STR_ARG(webhook(&a, "w", "/deny", CONDITION("object.("))))
                             .p);
    assert_status(wrong, 422);
    assert_true(
        str_find(at(&wrong, "message"), STR("webhooks[0].matchConditions[0].expression: Invalid value: "
                                            "\"object.(\": compilation failed: ")) >= 0);
}

static void a_dry_run_needs_webhooks_without_side_effects(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct str w = webhook(&a, "w", "/allow", CONFIG_MAPS);
    configure(&a, validating, "conf", w);
    _cleanup_answer_ struct answer fine = post(MAPS "?dryRun=All", MAP("x"));
    assert_status(fine, 201);
    struct value q = question(&a);
    assert_str(value_json(&a, value_get(&q, STR("dryRun"))), "true");
}

static void other_forms_of_a_resource_count_unless_exact(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    configure(&a, validating, "conf",
              webhook(&a, "w", "/allow",
                      "\"rules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":[\"autoscaling\"],"
                      "\"apiVersions\":[\"v1\"],\"resources\":[\"horizontalpodautoscalers\"]}]"));
    static const char body[] = "{\"metadata\":{\"name\":\"h\"},\"spec\":{\"maxReplicas\":3,"
                               "\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\","
                               "\"name\":\"d\",\"apiVersion\":\"apps/v1\"}}}";
    _cleanup_answer_ struct answer made =
        post("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", body);
    assert_status(made, 201);
    struct value q = question(&a);
    assert_str(value_get_str(value_get(&q, STR("kind")), STR("version")), "v1");
    assert_str(value_get_str(value_get(&q, STR("requestKind")), STR("version")), "v2");
    const struct value *o = value_get(&q, STR("object"));
    assert_str(value_get_str(o, STR("apiVersion")), "autoscaling/v1");
    assert_str(value_json(&a, value_get(value_get(o, STR("spec")), STR("targetCPUUtilizationPercentage"))),
               "80");
}

/* A subresource's own type is what is judged: Scale, Binding, Eviction, TokenRequest. */
static void subresources_are_judged_by_what_they_take(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}");
    _cleanup_answer_ struct answer pod = create(
        &c, "/api/v1/namespaces/default/pods",
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}");
    _cleanup_answer_ struct answer set = create(
        &c, "/apis/apps/v1/namespaces/default/replicasets",
        "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"
        "\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}"
        "}}"
        "}");
    configure(&a, mutating, "scales", webhook(&a, "s", "/scale", RULE("\"UPDATE\"", "\"*/scale\"")));
    configure(&a, validating, "conf", webhook(&a, "w", "/allow", RULE("\"*\"", "\"*/*\"")));
    _cleanup_answer_ struct answer scaled =
        ask(&c, c.as_admin, "PATCH", "/apis/apps/v1/namespaces/default/replicasets/r/scale",
            "content-type: application/merge-patch+json", "{\"spec\":{\"replicas\":2}}");
    assert_status(scaled, 200);
    assert_str(at(&scaled, "spec.replicas"), "7");
    static const struct {
        const char *path, *body, *kind, *resource;
        int code;
    } cases[] = {
        {"pods/p/binding", "{\"target\":{\"name\":\"n\"}}", "Binding", "pods", 201},
        {"pods/p/eviction", "{}", "Eviction", "pods", 201},
        {"serviceaccounts/default/token", "{\"spec\":{}}", "TokenRequest", "serviceaccounts", 201},
    };
    struct value q = question(&a);
    assert_str(value_get_str(value_get(&q, STR("kind")), STR("kind")), "Scale");
    assert_str(value_get_str(value_get(&q, STR("resource")), STR("resource")), "replicasets");
    assert_str(value_get_str(&q, STR("subResource")), "scale");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str path = arena_printf(&a, "/api/v1/namespaces/default/%s", cases[i].path);
        _cleanup_answer_ struct answer made = post(path.p, cases[i].body);
        assert_status(made, cases[i].code);
        if (str_is(str_from(cases[i].kind), "Eviction")) /* its delete was asked about last */
            continue;
        q = question(&a);
        assert_str(value_get_str(value_get(&q, STR("kind")), STR("kind")), cases[i].kind);
        assert_str(value_get_str(value_get(&q, STR("resource")), STR("resource")), cases[i].resource);
        assert_str(value_get_str(&q, STR("operation")), "CREATE");
    }
    _cleanup_answer_ struct answer status =
        ask(&c, c.as_admin, "PATCH", "/apis/apps/v1/namespaces/default/replicasets/r/status",
            "content-type: application/merge-patch+json", "{\"status\":{\"replicas\":1}}");
    assert_status(status, 200);
    q = question(&a);
    assert_str(value_get_str(&q, STR("subResource")), "status");
}

static void connecting_may_be_denied(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}");
    _cleanup_answer_ struct answer pod = create(
        &c, "/api/v1/namespaces/default/pods",
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}");
    configure(&a, validating, "conf", webhook(&a, "w", "/deny", RULE("\"CONNECT\"", "\"pods/attach\"")));
    _cleanup_answer_ struct answer no =
        ask(&c, c.as_admin, "POST", "/api/v1/namespaces/default/pods/p/attach?stdin=true&container=c", NULL,
            NULL);
    assert_status(no, 403);
    assert_str(at(&no, "message"), "admission webhook \"w.example.com\" denied the request: no such thing");
    struct value q = question(&a);
    assert_str(value_get_str(&q, STR("operation")), "CONNECT");
    assert_str(value_get_str(&q, STR("name")), "p");
    const struct value *o = value_get(&q, STR("object"));
    assert_str(value_get_str(o, STR("kind")), "PodAttachOptions");
    assert_str(value_get_str(o, STR("container")), "c");
    assert_str(value_json(&a, value_get(o, STR("stdin"))), "true");
    /* what nobody denies goes on */
    _cleanup_answer_ struct answer exec =
        ask(&c, c.as_admin, "POST", "/api/v1/namespaces/default/pods/p/exec?command=x", NULL, NULL);
    assert_str(at(&exec, "message"), "pod p does not have a host assigned");
}

/* What is asked of a webhook about a request, as "OPERATION resource/subresource KIND". */
static struct str asked_about(struct arena *a)
{
    struct value q = question(a);
    struct str sub = value_get_str(&q, STR("subResource"));
    return arena_printf(
        a, STR_FMT " " STR_FMT "%s" STR_FMT " " STR_FMT, STR_ARG(value_get_str(&q, STR("operation"))),
        STR_ARG(value_get_str(value_get(&q, STR("resource")), STR("resource"))), sub.n ? "/" : "",
        STR_ARG(sub), STR_ARG(value_get_str(value_get(&q, STR("object")), STR("kind"))));
}

static void proxies_may_be_denied(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct {
        const char *method, *path, *about, *name, *leads_to;
    } cases[] = {
        {"GET", "/api/v1/namespaces/default/pods/p:80/proxy/a/b?x=1", "CONNECT pods/proxy PodProxyOptions",
         "p:80", "/a/b"},
        {"POST", "/api/v1/namespaces/default/pods/p/proxy", "CONNECT pods/proxy PodProxyOptions", "p", ""},
        {"PUT", "/api/v1/namespaces/default/services/https:s:x/proxy/",
         "CONNECT services/proxy ServiceProxyOptions", "https:s:x", "/"},
        {"DELETE", "/api/v1/nodes/n/proxy/pods/?path=/elsewhere", "CONNECT nodes/proxy NodeProxyOptions", "n",
         "/pods/"},
        {"PATCH", "/api/v1/nodes/n/proxy/x", "CONNECT nodes/proxy NodeProxyOptions", "n", "/x"},
        {"OPTIONS", "/api/v1/nodes/n/proxy/x", "CONNECT nodes/proxy NodeProxyOptions", "n", "/x"},
        {"HEAD", "/api/v1/nodes/n/proxy/x", "CONNECT nodes/proxy NodeProxyOptions", "n", "/x"},
    };
    configure(&a, validating, "conf", webhook(&a, "w", "/deny", RULE("\"CONNECT\"", "\"*/proxy\"")));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_answer_ struct answer no = ask(&c, c.as_admin, cases[i].method, cases[i].path, NULL, NULL);
        assert_status(no, 403);
        assert_str(asked_about(&a), cases[i].about);
        struct value q = question(&a);
        assert_str(value_get_str(&q, STR("name")), cases[i].name);
        assert_str(value_get_str(value_get(&q, STR("object")), STR("path")), cases[i].leads_to);
    }
}

static void reviews_are_changes_too(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct {
        const char *path, *body, *about;
    } cases[] = {
        {"/apis/authentication.k8s.io/v1/tokenreviews", "{\"spec\":{\"token\":\"x\"}}",
         "CREATE tokenreviews TokenReview"},
        {"/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}",
         "CREATE selfsubjectreviews SelfSubjectReview"},
        {"/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "{\"spec\":{\"namespace\":\"x\"}}",
         "CREATE selfsubjectrulesreviews SelfSubjectRulesReview"},
        {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
         "{\"spec\":{\"nonResourceAttributes\":{\"path\":\"/x\"}}}",
         "CREATE selfsubjectaccessreviews SelfSubjectAccessReview"},
        {"/apis/authorization.k8s.io/v1/subjectaccessreviews",
         "{\"spec\":{\"user\":\"x\",\"resourceAttributes\":{}}}",
         "CREATE subjectaccessreviews SubjectAccessReview"},
        {"/apis/authorization.k8s.io/v1/namespaces/absent/localsubjectaccessreviews",
         "{\"spec\":{\"user\":\"x\",\"resourceAttributes\":{\"namespace\":\"absent\"}}}",
         "CREATE localsubjectaccessreviews LocalSubjectAccessReview"},
    };
    configure(
        &a, validating, "conf",
        webhook(&a, "w", "/deny",
                RULE("\"CREATE\"",
                     "\"tokenreviews\",\"selfsubjectreviews\",\"selfsubjectrulesreviews\","
                     "\"selfsubjectaccessreviews\",\"subjectaccessreviews\",\"localsubjectaccessreviews\"")));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_answer_ struct answer no = post(cases[i].path, cases[i].body);
        assert_status(no, 403);
        assert_str(asked_about(&a), cases[i].about);
    }
    /* what is no question is refused before that */
    order.n = 0;
    _cleanup_answer_ struct answer wrong =
        post("/apis/authorization.k8s.io/v1/subjectaccessreviews", "{\"spec\":{\"user\":\"x\"}}");
    assert_status(wrong, 422);
    assert_int_equal(asked(&a).n, 0);
}

static void a_review_is_answered_as_it_was_altered(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    configure(&a, mutating, "conf",
              webhook(&a, "w", "/masters", RULE("\"CREATE\"", "\"subjectaccessreviews\"")));
    _cleanup_answer_ struct answer yes =
        create(&c, "/apis/authorization.k8s.io/v1/subjectaccessreviews",
               "{\"spec\":{\"user\":\"x\",\"resourceAttributes\":{\"verb\":\"get\",\"resource\":"
               "\"nodes\"}}}");
    assert_str(at(&yes, "spec.groups"), "[\"system:masters\"]");
    assert_str(at(&yes, "status.allowed"), "true");
}

static void a_binding_is_judged_either_way(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_answer_ struct answer account =
        create(&c, "/api/v1/namespaces/default/serviceaccounts", "{\"metadata\":{\"name\":\"default\"}}");
    _cleanup_answer_ struct answer pod = create(
        &c, "/api/v1/namespaces/default/pods",
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}");
    configure(&a, validating, "conf",
              webhook(&a, "w", "/deny", RULE("\"CREATE\"", "\"bindings\",\"pods/binding\"")));
    static const struct {
        const char *path, *about;
    } cases[] = {
        {"/api/v1/namespaces/default/pods/p/binding", "CREATE pods/binding Binding"},
        {"/api/v1/namespaces/default/bindings", "CREATE bindings Binding"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_answer_ struct answer no =
            post(cases[i].path, "{\"metadata\":{\"name\":\"p\"},\"target\":{\"name\":\"n\"}}");
        assert_status(no, 403);
        assert_str(asked_about(&a), cases[i].about);
    }
}

static void configurations_are_spared_and_checked(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    configure(&a, validating, "deny", webhook(&a, "w", "/deny", RULE("\"*\"", "\"*/*\"")));
    configure(&a, mutating, "other", webhook(&a, "w", "/allow", CONFIG_MAPS));
    _cleanup_answer_ struct answer gone =
        ask(&c, c.as_admin, "DELETE", arena_printf(&a, "%s/other", mutating).p, NULL, NULL);
    assert_status(gone, 200);

    _cleanup_answer_ struct answer bad = post(
        mutating,
        "{\"metadata\":{\"name\":\"bad\"},\"webhooks\":[{\"name\":\"short\",\"clientConfig\":{\"url\":"
        "\"http://u@host/x?y#z\"},\"rules\":[{\"operations\":[\"*\",\"READ\"],\"apiGroups\":[],"
        "\"apiVersions\":[\"\"],\"resources\":[\"pods/*\",\"pods/status\",\"*/*\"]}],\"timeoutSeconds\":31,"
        "\"sideEffects\":\"Some\",\"admissionReviewVersions\":[\"v9\"],\"reinvocationPolicy\":\"Always\"}]}");
    assert_status(bad, 422);
    static const char *const says[] = {
        "webhooks[0].name: Invalid value: \"short\": should be a domain with at least three segments "
        "separated "
        "by dots",
        "webhooks[0].rules[0].operations: Invalid value: [\"*\",\"READ\"]: if '*' is present, must not "
        "specify "
        "other operations",
        "webhooks[0].rules[0].operations[1]: Unsupported value: \"READ\": supported values: \"*\", "
        "\"CONNECT\", "
        "\"CREATE\", \"DELETE\", \"UPDATE\"",
        "webhooks[0].rules[0].apiGroups: Required value",
        "webhooks[0].rules[0].apiVersions[0]: Required value",
        "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/status\": if 'pods/*' is present, must not "
        "specify pods/status",
        "webhooks[0].rules[0].resources: Invalid value: [\"pods/*\",\"pods/status\",\"*/*\"]: if '*/*' is "
        "present, must not specify other resources",
        "webhooks[0].sideEffects: Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\"",
        "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
        "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; "
        "desired "
        "format: https://host[/path]",
        "webhooks[0].clientConfig.url: Invalid value: \"u\": user information is not permitted in the URL",
        "webhooks[0].clientConfig.url: Invalid value: \"z\": fragments are not permitted in the URL",
        "webhooks[0].clientConfig.url: Invalid value: \"y\": query parameters are not permitted in the URL",
        "webhooks[0].reinvocationPolicy: Unsupported value: \"Always\": supported values: \"IfNeeded\", "
        "\"Never\"",
        "webhooks[0].admissionReviewVersions: Invalid value: [\"v9\"]: must include at least one of v1, "
        "v1beta1",
    };
    for (size_t i = 0; i < ARRAY_LEN(says); i++)
        if (str_find(at(&bad, "message"), str_from(says[i])) < 0)
            fail_msg("no %s in " STR_FMT, says[i], STR_ARG(at(&bad, "message")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, start, stop)
        TEST(a_refusal_is_told_as_the_webhook_words_it),
        TEST(the_question_says_all_of_the_change),
        TEST(changes_are_made_in_order_and_defaulted),
        TEST(earlier_webhooks_are_asked_again_where_they_want_it),
        TEST(failures_refuse_or_are_ignored),
        TEST(warnings_have_an_end),
        TEST(selectors_and_scopes_choose),
        TEST(conditions_must_hold),
        TEST(a_dry_run_needs_webhooks_without_side_effects),
        TEST(other_forms_of_a_resource_count_unless_exact),
        TEST(subresources_are_judged_by_what_they_take),
        TEST(connecting_may_be_denied),
        TEST(proxies_may_be_denied),
        TEST(reviews_are_changes_too),
        TEST(a_review_is_answered_as_it_was_altered),
        TEST(a_binding_is_judged_either_way),
        TEST(configurations_are_spared_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
