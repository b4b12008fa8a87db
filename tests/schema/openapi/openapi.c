#include "schema/openapi/openapi.h"

#include "schema/json.h"
#include "schema/proto_wire.h"
#include "schema/value.h"
#include "test.h"

static struct openapi_set set(void)
{
    return (struct openapi_set){builtin_resources, n_builtin_resources, STR("v1.36.0")};
}

static struct value *at(struct value *v, const char *key)
{
    struct value *member = value_get(v, str_from(key));
    if (!member)
        fail_msg("no member %s", key);
    return member;
}

static void parse(struct arena *a, struct buf *doc, struct value *out)
{
    _cleanup_err_ struct err err = {0};
    assert_ok(value_parse(a, buf_str(doc), out, &err), err);
}

/* Every $ref of the document leads to a definition of it. */
static void check_refs(const struct value *v, struct value *definitions, struct str prefix)
{
    for (size_t i = 0; v->kind == JSON_ARRAY && i < v->list.n; i++)
        check_refs(&v->list.at[i], definitions, prefix);
    for (size_t i = 0; v->kind == JSON_OBJECT && i < v->members.n; i++) {
        const struct value_member *m = &v->members.at[i];
        if (str_is(m->key, "$ref") && m->value.kind == JSON_STRING) {
            assert_true(str_starts(m->value.s, prefix));
            if (!value_get(definitions, str_from_at(m->value.s, prefix.n)))
                fail_msg("nothing behind " STR_FMT, STR_ARG(m->value.s));
        }
        check_refs(&m->value, definitions, prefix);
    }
}

static void test_every_v3_document_is_whole(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf index = {0};
    struct openapi_set all = set();
    struct value paths, *list;
    openapi_write_v3_index(&index, &all);
    parse(&a, &index, &paths);
    list = at(&paths, "paths");
    assert_true(list->members.n > 20);
    for (size_t i = 0; i < list->members.n; i++) {
        _cleanup_buf_ struct buf doc = {0};
        struct value v;
        struct str url = value_get_str(&list->members.at[i].value, STR("serverRelativeURL"));
        assert_true(str_starts(url, STR("/openapi/v3/")) && str_find(url, STR("?hash=")) > 0);
        assert_true(openapi_write_v3(&doc, &all, list->members.at[i].key));
        parse(&a, &doc, &v);
        check_refs(&v, at(at(&v, "components"), "schemas"), STR("#/components/schemas/"));
    }
    _cleanup_buf_ struct buf none = {0};
    assert_false(openapi_write_v3(&none, &all, STR("apis/nothing/v1")));
    assert_int_equal(none.n, 0);
}

static void test_v2_is_whole(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf doc = {0};
    struct openapi_set all = set();
    struct value v;
    openapi_write_v2(&doc, &all);
    parse(&a, &doc, &v);
    check_refs(&v, at(&v, "definitions"), STR("#/definitions/"));
    assert_str(value_get_str(&v, STR("swagger")), "2.0");
    struct value *pod = at(at(&v, "definitions"), "io.k8s.api.core.v1.Pod");
    assert_str(value_get_str(at(at(pod, "properties"), "spec"), STR("$ref")),
               "#/definitions/io.k8s.api.core.v1.PodSpec");
}

static void test_extensions_that_clients_merge_by(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf doc = {0};
    struct openapi_set all = set();
    struct value v;
    assert_true(openapi_write_v3(&doc, &all, STR("api/v1")));
    parse(&a, &doc, &v);
    struct value *schemas = at(at(&v, "components"), "schemas");
    struct value *containers = at(at(at(schemas, "io.k8s.api.core.v1.PodSpec"), "properties"), "containers");
    assert_str(value_get_str(containers, STR("x-kubernetes-patch-merge-key")), "name");
    assert_str(value_get_str(containers, STR("x-kubernetes-patch-strategy")), "merge");
    assert_str(value_get_str(containers, STR("x-kubernetes-list-type")), "map");
    assert_str(at(containers, "x-kubernetes-list-map-keys")->list.at[0].s, "name");
    assert_str(value_get_str(at(containers, "items"), STR("$ref")),
               "#/components/schemas/io.k8s.api.core.v1.Container");
    struct value *volumes = at(at(at(schemas, "io.k8s.api.core.v1.PodSpec"), "properties"), "volumes");
    assert_str(value_get_str(volumes, STR("x-kubernetes-patch-strategy")), "merge,retainKeys");
    struct value *gvk = at(at(schemas, "io.k8s.api.core.v1.Pod"), "x-kubernetes-group-version-kind");
    assert_int_equal(gvk->list.n, 1);
    assert_str(value_get_str(&gvk->list.at[0], STR("kind")), "Pod");
    /* inlined structs' fields stand among the outer one's */
    at(at(at(schemas, "io.k8s.api.core.v1.Volume"), "properties"), "hostPath");
    assert_null(value_get(schemas, STR("io.k8s.api.core.v1.VolumeSource")));
}

/* What kubectl looks for before it leaves validation and patches to the server. */
static void test_operations_that_kubectl_looks_for(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf doc = {0};
    struct openapi_set all = set();
    struct value v;
    assert_true(openapi_write_v3(&doc, &all, STR("apis/apps/v1")));
    parse(&a, &doc, &v);
    struct value *paths = at(&v, "paths");
    struct value *one = at(paths, "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"),
                 *patch = at(one, "patch");
    bool found = false;
    for (size_t i = 0; i < at(patch, "parameters")->list.n; i++)
        found |= str_is(value_get_str(&at(patch, "parameters")->list.at[i], STR("name")), "fieldValidation");
    assert_true(found);
    at(at(at(patch, "requestBody"), "content"), "application/strategic-merge-patch+json");
    assert_str(value_get_str(at(patch, "x-kubernetes-group-version-kind"), STR("kind")), "Deployment");
    assert_str(value_get_str(patch, STR("operationId")), "patchAppsV1NamespacedDeployment");
    assert_str(value_get_str(at(at(paths, "/apis/apps/v1/deployments"), "get"), STR("operationId")),
               "listAppsV1DeploymentForAllNamespaces");
    struct value *scale =
        at(at(paths, "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"), "put");
    assert_str(value_get_str(at(scale, "x-kubernetes-group-version-kind"), STR("group")), "autoscaling");
    assert_str(value_get_str(scale, STR("operationId")), "replaceAppsV1NamespacedDeploymentScale");
}

/* The bytes of the field `number` of a message, each time it occurs; their count. */
static size_t proto_fields(struct str m, uint32_t number, struct str *out, size_t max)
{
    struct wire_cursor c = wire_open(m);
    struct wire_value v;
    size_t n = 0;
    while (c.p < c.end) {
        assert_true(wire_next(&c, &v));
        if (v.number == number && n < max)
            out[n++] = v.bytes;
    }
    return n;
}

static struct str proto_one(struct str m, uint32_t number)
{
    struct str s = {0};
    assert_int_equal(proto_fields(m, number, &s, 1), 1);
    return s;
}

static void test_the_gnostic_form_says_the_same(void **state)
{
    (void)state;
    static struct str found[2000];
    _cleanup_buf_ struct buf json = {0}, message = {0};
    struct openapi_set all = set();
    struct str pod = {0};
    openapi_write_v2(&json, &all);
    openapi_write_v2_proto(&message, buf_str(&json));
    assert_str(proto_one(buf_str(&message), 1), "2.0");
    size_t n = proto_fields(proto_one(buf_str(&message), 9), 1, found, 2000); /* definitions */
    assert_true(n > 500);
    for (size_t i = 0; i < n; i++)
        if (str_is(proto_one(found[i], 1), "io.k8s.api.core.v1.Pod"))
            pod = proto_one(found[i], 2);
    assert_str(proto_one(proto_one(pod, 22), 1), "object"); /* type */
    n = proto_fields(proto_one(pod, 25), 1, found, 2000);   /* properties */
    assert_int_equal(n, 5);
    struct str extension = proto_one(pod, 31);
    assert_str(proto_one(extension, 1), "x-kubernetes-group-version-kind");
    assert_str(proto_one(proto_one(extension, 2), 2),
               "[{\"group\":\"\",\"kind\":\"Pod\",\"version\":\"v1\"}]\n");
}

/* Other servers' documents may be anything: ours stays whole. */
static void test_merging_keeps_the_document_whole(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf deep = {0};
    buf_add_lit(&deep,
                "{\"paths\":{\"/apis/g/v/x\":{\"get\":{\"parameters\":[{\"$ref\":\"#/parameters/p\"}]}}},"
                "\"parameters\":{\"p\":");
    for (int i = 0; i < VALUE_DEPTH - 3; i++)
        buf_add_c(&deep, '[');
    for (int i = 0; i < VALUE_DEPTH - 3; i++)
        buf_add_c(&deep, ']');
    buf_add_lit(&deep, "}}");
    const struct {
        struct str v2;
        bool joins;
    } cases[] = {
        {STR("{"), false},
        {STR("[]"), false},
        {STR("{\"paths\":[],\"definitions\":1}"), false},
        {STR("{\"paths\":{\"/apis/g/v/x\":1}}"), true},
        {STR("{\"paths\":{\"/apis/g/v/x\":{\"get\":{\"tags\":[1,{}],\"parameters\":[{\"$ref\":"
             "\"#/parameters/none\"},{\"$ref\":3},7]}}}}"),
         true},
        {STR("{\"paths\":{\"/apis/g/v/x\":{\"$ref\":\"#/definitions/a\\\"b\"}},\"definitions\":{\"a\\\"b\":{"
             "\"$ref\":\"#/definitions/none\"}}}"),
         true},
        {buf_str(&deep), false},
    };
    struct openapi_set all = set();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_buf_ struct buf doc = {0}, proto = {0};
        struct value v;
        openapi_write_v2(&doc, &all);
        openapi_merge_v2(&doc, &(struct openapi_remote){STR("g"), STR("v"), cases[i].v2}, 1);
        parse(&a, &doc, &v);
        check_refs(&v, at(&v, "definitions"), STR("#/definitions/"));
        assert_int_equal(value_get(at(&v, "paths"), STR("/apis/g/v/x")) != NULL, cases[i].joins);
        openapi_write_v2_proto(&proto, buf_str(&doc));
        assert_true(proto.n > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_v3_document_is_whole),
        cmocka_unit_test(test_v2_is_whole),
        cmocka_unit_test(test_merging_keeps_the_document_whole),
        cmocka_unit_test(test_the_gnostic_form_says_the_same),
        cmocka_unit_test(test_extensions_that_clients_merge_by),
        cmocka_unit_test(test_operations_that_kubectl_looks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
