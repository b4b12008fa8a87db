/* Custom resources as clients meet them: over a real socket, with a webhook that converts. */
#include "base/clock.h"
#include "base/encode.h"
#include "cluster.h"
#include "hook.h"
#include "test.h"

static struct cluster c;
static struct hook h;

/* Between v1 ({"spec":{"size":1}}) and v2 ({"spec":{"length":1}}). */
static struct str convert(struct hook *hook, struct arena *a, struct str path, struct str body, int *status)
{
    (void)hook;
    (void)path;
    (void)status;
    struct value q;
    value_parse(a, body, &q, NULL);
    struct value *request = value_get(&q, STR("request")), *objects = value_get(request, STR("objects"));
    struct str to = value_get_str(request, STR("desiredAPIVersion"));
    bool newer = str_is(to, "example.com/v2");
    for (size_t i = 0; i < objects->list.n; i++) {
        struct value *o = &objects->list.at[i], *spec = value_get(o, STR("spec"));
        struct str before = newer ? STR("size") : STR("length"), after = newer ? STR("length") : STR("size");
        struct value *n = value_get(spec, before);
        value_set(a, o, STR("apiVersion"), (struct value){.kind = JSON_STRING, .s = to});
        if (n && n->kind == JSON_INT && n->i == 13)
            return arena_printf(a,
                                "{\"kind\":\"ConversionReview\",\"apiVersion\":\"apiextensions.k8s.io/v1\","
                                "\"response\":{\"uid\":\"" STR_FMT
                                "\",\"result\":{\"status\":\"Failure\",\"message\":\"13 is bad luck\"}}}",
                                STR_ARG(value_get_str(request, STR("uid"))));
        if (n)
            value_set(a, spec, after, *n);
        value_del(spec, before);
    }
    return arena_printf(a,
                        "{\"kind\":\"ConversionReview\",\"apiVersion\":\"apiextensions.k8s.io/v1\","
                        "\"response\":{\"uid\":\"" STR_FMT
                        "\",\"result\":{\"status\":\"Success\"},\"convertedObjects\":" STR_FMT "}}",
                        STR_ARG(value_get_str(request, STR("uid"))), STR_ARG(value_json(a, objects)));
}

static int start(void **state)
{
    (void)state;
    cluster_start(&c, &(struct cluster_options){0});
    hook_start(&h, "127.0.0.1", convert, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    hook_stop(&h);
    cluster_stop(&c);
    return 0;
}

#define DEFINITIONS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define VERSION(name, storage, field)                                                                        \
    "{\"name\":\"" name "\",\"served\":true,\"storage\":" storage ",\"subresources\":{\"status\":{}},"       \
    "\"additionalPrinterColumns\":[{\"name\":\"Size\",\"type\":\"integer\",\"jsonPath\":\".spec." field      \
    "\"}],\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":"          \
    "\"object\",\"properties\":{\"" field "\":{\"type\":\"integer\",\"description\":\"How big.\"}}}}}}}"
#define THING(version, name, field)                                                                          \
    "{\"kind\":\"Thing\",\"apiVersion\":\"example.com/" version "\",\"metadata\":{\"name\":\"" name          \
    "\"},\"spec\":{" field "}}"

static void define(const char *plural, const char *kind, const char *conversion, const char *versions)
{
    _cleanup_arena_ struct arena a = {0};
    struct str json = arena_printf(&a,
                                   "{\"metadata\":{\"name\":\"%s.example.com\"},\"spec\":{\"group\":"
                                   "\"example.com\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"%s\","
                                   "\"kind\":\"%s\",\"shortNames\":[\"x%s\"]},%s\"versions\":[%s]}}",
                                   plural, plural, kind, plural, conversion, versions);
    _cleanup_answer_ struct answer made = create(&c, DEFINITIONS, json.p);
    struct str path = arena_printf(&a, "/apis/example.com/v1/namespaces/default/%s", plural);
    for (int i = 0; i < 500; i++) {
        _cleanup_answer_ struct answer is = get(&c, path.p);
        if (is.status == 200)
            return;
        clock_sleep(10 * CLOCK_MS);
    }
    fail_msg("%s are not served", plural);
}

static bool has(struct answer *a, const char *text)
{
    return str_find(a->response.body, str_from(text)) >= 0;
}

#define THINGS "/apis/example.com/v1/namespaces/default/things"

static void a_kind_is_told_of_and_served_until_it_is_deleted(void **state)
{
    (void)state;
    define("things", "Thing", "", VERSION("v1", "true", "size"));
    _cleanup_answer_ struct answer group = get(&c, "/apis/example.com/v1");
    assert_str(at(&group, "resources.0.name"), "things");
    assert_str(at(&group, "resources.0.shortNames"), "[\"xthings\"]");
    assert_str(at(&group, "resources.1.name"), "things/status");
    _cleanup_answer_ struct answer all =
        ask(&c, c.as_admin, "GET", "/apis",
            "accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", NULL);
    assert_true(
        has(&all, "\"responseKind\":{\"group\":\"example.com\",\"version\":\"v1\",\"kind\":\"Thing\"}"));
    _cleanup_answer_ struct answer v3 = get(&c, "/openapi/v3/apis/example.com/v1");
    assert_true(has(&v3, "How big."));
    _cleanup_answer_ struct answer v2 = get(&c, "/openapi/v2");
    assert_true(has(&v2, "\"com.example.v1.Thing\""));

    _cleanup_answer_ struct answer made = create(&c, THINGS, THING("v1", "a", "\"size\":3"));
    _cleanup_answer_ struct answer table =
        ask(&c, c.as_admin, "GET", THINGS, "accept: application/json;as=Table;v=v1;g=meta.k8s.io", NULL);
    assert_str(at(&table, "columnDefinitions.1.name"), "Size");
    assert_str(at(&table, "rows.0.cells"), "[\"a\",3]");
    _cleanup_answer_ struct answer binary =
        ask(&c, c.as_admin, "GET", THINGS, "accept: application/vnd.kubernetes.protobuf", NULL);
    assert_status(binary, 406);
    _cleanup_answer_ struct answer either = ask(
        &c, c.as_admin, "GET", THINGS, "accept: application/vnd.kubernetes.protobuf,application/json", NULL);
    assert_str(at(&either, "kind"), "ThingList");
    _cleanup_answer_ struct answer strategic =
        ask(&c, c.as_admin, "PATCH", THINGS "/a", "content-type: application/strategic-merge-patch+json",
            "{\"spec\":{\"size\":4}}");
    assert_status(strategic, 415);
    assert_str(at(&strategic, "message"),
               "the body of the request was in an unknown format - accepted media types include: "
               "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
    _cleanup_answer_ struct answer applied =
        ask(&c, c.as_admin, "PATCH", THINGS "/a?fieldManager=me&force=true",
            "content-type: application/apply-patch+yaml",
            "apiVersion: example.com/v1\nkind: Thing\nspec: {size: 5}\n");
    assert_status(applied, 200);
    assert_str(at(&applied, "spec.size"), "5");
    assert_str(at(&applied, "metadata.generation"), "2");

    _cleanup_answer_ struct answer gone =
        ask(&c, c.as_admin, "DELETE", DEFINITIONS "/things.example.com", NULL, NULL);
    assert_status(gone, 200);
    int status = 200;
    for (int i = 0; i < 500 && status == 200; i++) {
        _cleanup_answer_ struct answer is = get(&c, THINGS);
        status = is.status;
        clock_sleep(10 * CLOCK_MS);
    }
    assert_int_equal(status, 404);
    _cleanup_answer_ struct answer no_group = get(&c, "/apis/example.com");
    assert_status(no_group, 404);
}

#define BOXES "/namespaces/default/boxes"

static void a_webhook_converts_between_versions(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf ca = {0};
    encode_base64(&ca, buf_str(&h.ca.cert_pem));
    struct str conversion =
        arena_printf(&a,
                     "\"conversion\":{\"strategy\":\"Webhook\",\"webhook\":{\"clientConfig\":{\"url\":"
                     "\"https://127.0.0.1:%d/convert\",\"caBundle\":\"" STR_FMT
                     "\"},\"conversionReviewVersions\":[\"v1\"]}},",
                     h.port, STR_ARG(buf_str(&ca)));
    define("boxes", "Thing", conversion.p,
           VERSION("v1", "false", "size") "," VERSION("v2", "true", "length"));
    _cleanup_answer_ struct answer made =
        create(&c, "/apis/example.com/v1" BOXES, THING("v1", "a", "\"size\":3"));
    assert_str(at(&made, "spec.size"), "3");
    _cleanup_answer_ struct answer newer = get(&c, "/apis/example.com/v2" BOXES "/a");
    assert_str(at(&newer, "apiVersion"), "example.com/v2");
    assert_str(at(&newer, "spec"), "{\"length\":3}");
    _cleanup_answer_ struct answer other =
        create(&c, "/apis/example.com/v2" BOXES, THING("v2", "b", "\"length\":4"));
    int asked = h.asked;
    _cleanup_answer_ struct answer list = get(&c, "/apis/example.com/v1" BOXES);
    assert_str(at(&list, "items.0.spec"), "{\"size\":3}");
    assert_str(at(&list, "items.1.spec"), "{\"size\":4}");
    assert_int_equal(h.asked, asked + 1); /* once for all */
    _cleanup_answer_ struct answer patched =
        ask(&c, c.as_admin, "PATCH", "/apis/example.com/v1" BOXES "/b",
            "content-type: application/merge-patch+json", "{\"spec\":{\"size\":9}}");
    assert_str(at(&patched, "spec"), "{\"size\":9}");
    _cleanup_answer_ struct answer watched =
        get(&c, "/apis/example.com/v1" BOXES "?watch=1&timeoutSeconds=1");
    assert_true(has(&watched, "\"spec\":{\"size\":9}"));
    assert_true(!has(&watched, "length\":9}"));
    _cleanup_answer_ struct answer refused =
        ask(&c, c.as_admin, "POST", "/apis/example.com/v1" BOXES, NULL, THING("v1", "c", "\"size\":13"));
    assert_status(refused, 500);
    assert_str(at(&refused, "message"),
               "conversion webhook for example.com/v1, Kind=Thing failed: 13 is bad luck");
}

/* Webhooks and policies that name another version get the object in that one. */
static void rules_of_another_version_see_that(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const char policy[] =
        "{\"metadata\":{\"name\":\"long\"},\"spec\":{\"matchConstraints\":{%s\"resourceRules\":[{"
        "\"apiGroups\":"
        "[\"example.com\"],\"apiVersions\":[\"v2\"],\"operations\":[\"CREATE\",\"UPDATE\"],\"resources\":["
        "\"boxes\"]}]},\"validations\":[{\"expression\":\"object.apiVersion == 'example.com/v2' && "
        "object.spec.length < 10 && request.kind.version == 'v2' && request.requestKind.version == "
        "'v1'\",\"message\":\"too long\"}]}}";
#define POLICIES "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    _cleanup_answer_ struct answer made = create(&c, POLICIES "ies", arena_printf(&a, policy, "").p);
    _cleanup_answer_ struct answer bound =
        create(&c, POLICIES "ybindings",
               "{\"metadata\":{\"name\":\"long\"},\"spec\":{\"policyName\":\"long\",\"validationActions\":["
               "\"Deny\"]}}");
    _cleanup_answer_ struct answer good =
        create(&c, "/apis/example.com/v1" BOXES, THING("v1", "short", "\"size\":7"));
    _cleanup_answer_ struct answer bad =
        ask(&c, c.as_admin, "POST", "/apis/example.com/v1" BOXES, NULL, THING("v1", "long", "\"size\":11"));
    assert_status(bad, 422);
    assert_true(str_ends(at(&bad, "message"), STR("denied request: too long")));
    _cleanup_answer_ struct answer unlucky =
        ask(&c, c.as_admin, "PATCH", "/apis/example.com/v1" BOXES "/short",
            "content-type: application/merge-patch+json", "{\"spec\":{\"size\":13}}");
    assert_status(unlucky, 422); /* it cannot be converted */
    assert_true(str_find(at(&unlucky, "message"), STR("failed: 13 is bad luck")) >= 0);
    /* not where the version must be the very one */
    _cleanup_answer_ struct answer exact =
        ask(&c, c.as_admin, "PATCH", POLICIES "ies/long", "content-type: application/merge-patch+json",
            "{\"spec\":{\"matchConstraints\":{\"matchPolicy\":\"Exact\"}}}");
    assert_status(exact, 200);
    _cleanup_answer_ struct answer other =
        create(&c, "/apis/example.com/v1" BOXES, THING("v1", "longer", "\"size\":12"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kind_is_told_of_and_served_until_it_is_deleted),
        cmocka_unit_test(a_webhook_converts_between_versions),
        cmocka_unit_test(rules_of_another_version_see_that),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
