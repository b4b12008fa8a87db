/* What a request can get wrong before it concerns any object: method, media types, options. */
#include "cluster.h"
#include "test.h"

#define NAMESPACES "/api/v1/namespaces"

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

struct refusal {
    const char *method, *path, *headers, *body;
    int status;
    const char *reason, *message;
};

static void expect(const struct refusal *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct refusal *r = &all[i];
        _cleanup_answer_ struct answer a = ask(&c, c.as_admin, r->method, r->path, r->headers, r->body);
        if (a.status != r->status || !str_is(at(&a, "reason"), r->reason) ||
            !str_starts(at(&a, "message"), str_from(r->message)))
            fail_msg("%s %s: %d " STR_FMT, r->method, r->path, a.status, STR_ARG(a.response.body));
    }
}

static void methods(void **state)
{
    (void)state;
    static const char text[] = "the server does not allow this method on the requested resource";
    static const struct refusal cases[] = {
        {"OPTIONS", NAMESPACES "/default", NULL, NULL, 405, "MethodNotAllowed", text},
        {"TRACE", NAMESPACES, NULL, NULL, 405, "MethodNotAllowed", text},
        {"POST", NAMESPACES "/default", NULL, "{}", 405, "MethodNotAllowed", text},
        {"PUT", NAMESPACES, NULL, "{}", 405, "MethodNotAllowed", text},
        {"PATCH", "/api/v1/pods", NULL, "{}", 405, "MethodNotAllowed", text},
        {"POST", "/version", NULL, "{}", 405, "MethodNotAllowed", text},
        {"DELETE", NAMESPACES "/default/finalize", NULL, NULL, 405, "MethodNotAllowed", text},
    };
    expect(cases, ARRAY_LEN(cases));
    _cleanup_answer_ struct answer head = ask(&c, c.as_admin, "HEAD", NAMESPACES "/default", NULL, NULL);
    assert_status(head, 200);
    assert_int_equal(head.response.body.n, 0);
}

static void media_types(void **state)
{
    (void)state;
    static const char objects[] = "only the following media types are accepted: application/json, "
                                  "application/yaml, application/vnd.kubernetes.protobuf",
                      bodies[] = "the body of the request was in an unknown format - accepted media types "
                                 "include: application/json, application/yaml, "
                                 "application/vnd.kubernetes.protobuf";
    static const struct refusal cases[] = {
        {"GET", NAMESPACES, "accept: text/html", NULL, 406, "NotAcceptable", objects},
        {"GET", NAMESPACES, "accept: application/json;as=Table;g=meta.k8s.io;v=v9", NULL, 406,
         "NotAcceptable", objects},
        {"GET", NAMESPACES "?watch=1", "accept: application/yaml", NULL, 406, "NotAcceptable",
         "only the following media types are accepted: application/json;stream=watch, "
         "application/vnd.kubernetes.protobuf;stream=watch"},
        {"POST", NAMESPACES, "content-type: text/plain", "x", 415, "UnsupportedMediaType", bodies},
        {"PUT", NAMESPACES "/default", "content-type: application/cbor", "x", 415, "UnsupportedMediaType",
         bodies},
        {"DELETE", NAMESPACES "/none", "content-type: text/plain", "x", 415, "UnsupportedMediaType", bodies},
        {"PATCH", NAMESPACES "/default", "content-type: application/json", "{}", 415, "UnsupportedMediaType",
         "the body of the request was in an unknown format - accepted media types include: "
         "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, "
         "application/apply-patch+yaml"},
    };
    expect(cases, ARRAY_LEN(cases));
}

static void options_of_lists_and_watches(void **state)
{
    (void)state;
#define INVALID "ListOptions.meta.k8s.io \"\" is invalid: "
    static const struct refusal cases[] = {
        {"GET", NAMESPACES "?resourceVersionMatch=Exact", NULL, NULL, 422, "Invalid",
         INVALID
         "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is "
         "provided"},
        {"GET", NAMESPACES "?resourceVersion=0&resourceVersionMatch=Exact", NULL, NULL, 422, "Invalid",
         INVALID "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for "
                 "resourceVersion \"0\""},
        {"GET", NAMESPACES "?resourceVersion=1&resourceVersionMatch=Nope", NULL, NULL, 422, "Invalid",
         INVALID "resourceVersionMatch: Unsupported value: \"Nope\""},
        {"GET", NAMESPACES "?watch=1&sendInitialEvents=true", NULL, NULL, 422, "Invalid",
         INVALID
         "[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
         "NotOlderThan"},
        {"GET", NAMESPACES "?watch=1&resourceVersion=1&resourceVersionMatch=NotOlderThan", NULL, NULL, 422,
         "Invalid",
         INVALID "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless "
                 "sendInitialEvents is provided"},
        {"GET", NAMESPACES "?sendInitialEvents=true", NULL, NULL, 422, "Invalid",
         INVALID "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"},
        {"GET", NAMESPACES "?resourceVersion=99999999", NULL, NULL, 504, "Timeout",
         "Too large resource version: 99999999, current: "},
        {"GET", NAMESPACES "?continue=xyz", NULL, NULL, 400, "BadRequest", "continue key is not valid: "},
        {"GET", NAMESPACES "?limit=x", NULL, NULL, 400, "BadRequest",
         "strconv.ParseInt: parsing \"x\": invalid syntax"},
        {"GET", NAMESPACES "?watch=1&timeoutSeconds=soon", NULL, NULL, 400, "BadRequest",
         "strconv.ParseInt: parsing \"soon\": invalid syntax"},
        {"GET", NAMESPACES "?labelSelector=a%3D%3D%3D", NULL, NULL, 400, "BadRequest",
         "unable to parse requirement: found '=', expected: identifier"},
        {"GET", NAMESPACES "?fieldSelector=spec.x%3Dy", NULL, NULL, 400, "BadRequest",
         "field label not supported: spec.x"},
    };
    expect(cases, ARRAY_LEN(cases));
}

/* Whoever wants metadata only gets that of what they write and delete too. */
static void metadata_alone(void **state)
{
    (void)state;
    static const char one[] = "accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1\n"
                              "content-type: application/json",
                      many[] = "accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
#define MAPS "/api/v1/namespaces/default/configmaps"
    _cleanup_answer_ struct answer made =
        ask(&c, c.as_admin, "POST", MAPS, one,
            "{\"metadata\":{\"name\":\"m\",\"finalizers\":[\"example.com/x\"]},\"data\":{\"a\":\"b\"}}");
    assert_status(made, 201);
    assert_str(at(&made, "kind"), "PartialObjectMetadata");
    assert_str(at(&made, "metadata.name"), "m");
    assert_str(at(&made, "data"), "");
    _cleanup_answer_ struct answer kept = ask(&c, c.as_admin, "DELETE", MAPS "/m", one, NULL);
    assert_status(kept, 200); /* it waits for its finalizer */
    assert_str(at(&kept, "kind"), "PartialObjectMetadata");
    assert_true(at(&kept, "metadata.deletionTimestamp").n > 0);
    _cleanup_answer_ struct answer all = ask(&c, c.as_admin, "DELETE", MAPS, many, NULL);
    assert_str(at(&all, "kind"), "PartialObjectMetadataList");
    assert_str(at(&all, "items.0.metadata.name"), "m");
    assert_str(at(&all, "items.0.data"), "");
    _cleanup_answer_ struct answer none = ask(&c, c.as_admin, "DELETE", MAPS "/none", one, NULL);
    assert_status(none, 404);
    assert_str(at(&none, "kind"), "Status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods),
        cmocka_unit_test(media_types),
        cmocka_unit_test(options_of_lists_and_watches),
        cmocka_unit_test(metadata_alone),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
