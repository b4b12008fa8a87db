#include "schema/apply/typed_tree.h"

#include "kinds/apiextensions_v1.h"
#include "kinds/apps_v1.h"
#include "kinds/core_v1.h"
#include "test.h"

static struct value parsed(struct arena *a, const char *json)
{
    struct value v;
    struct err err = {0};
    assert_ok(value_parse(a, str_from(json), &v, &err), err);
    return v;
}

static void test_what_does_not_fit_is_told_as_upstream_tells_it(void **state)
{
    (void)state;
    static const struct {
        const struct type *type;
        const char *json, *message; /* NULL: fits */
    } cases[] = {
        {&deployment_type, "{}", NULL},
        {&deployment_type,
         "{\"spec\":{\"replicas\":1,\"selector\":null,\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}}}}"
         "}",
         NULL},
        {&deployment_type, "{\"spec\":{\"bogus\":1}}", ".spec.bogus: field not declared in schema"},
        {&deployment_type, "{\"spec\":{\"replicas\":\"1\"}}",
         ".spec.replicas: expected numeric (int or float), got string"},
        {&deployment_type, "{\"spec\":{\"paused\":\"yes\"}}", ".spec.paused: expected boolean, got &{yes}"},
        {&deployment_type, "{\"spec\":[1,null]}", ".spec: expected map, got &{[1 <nil>]}"},
        {&config_map_type, "{\"data\":{\"a\":8080}}",
         ".data.a: expected string, got &value.valueUnstructured{Value:8080}"},
        {&config_map_type, "{\"data\":{\"a\":{\"b\":[\"c\",true]}}}",
         ".data.a: expected string, got &value.valueUnstructured{Value:map[string]interface "
         "{}{\"b\":[]interface "
         "{}{\"c\", true}}}"},
        {&pod_type, "{\"spec\":{\"containers\":{\"name\":\"a\"}}}",
         ".spec.containers: expected list, got &{map[name:a]}"},
        {&pod_type, "{\"spec\":{\"containers\":[{\"image\":\"a\"}]}}",
         ".spec.containers: element 0: associative list with keys has an element that omits key field "
         "\"name\" (and "
         "doesn't have default value)"},
        {&pod_type, "{\"spec\":{\"containers\":[null]}}",
         ".spec.containers: element 0: associative list with keys may not have a null element"},
        {&pod_type, "{\"spec\":{\"containers\":[\"a\"]}}",
         ".spec.containers: element 0: associative list with keys may not have non-map elements"},
        {&pod_type, "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"a\"}]}}",
         ".spec.containers: duplicate entries for key [name=\"a\"]"},
        {&pod_type,
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"ports\":[{\"containerPort\":80},{\"containerPort\":80,"
         "\"protocol\":\"TCP\"}]}]}}",
         ".spec.containers[name=\"a\"].ports: duplicate entries for key [containerPort=80,protocol=\"TCP\"]"},
        {&pod_type, "{\"metadata\":{\"finalizers\":[\"a\",[]]}}",
         ".metadata.finalizers: element 1: not supported: associative list with lists as elements"},
        {&pod_type, "{\"metadata\":{\"finalizers\":[{}]}}",
         ".metadata.finalizers: element 0: associative list without keys has an element that's a map type"},
        {&pod_type, "{\"metadata\":{\"finalizers\":[null]}}",
         ".metadata.finalizers: element 0: associative list without keys has an element that's an explicit "
         "null"},
        {&pod_type, "{\"spec\":{\"containers\":[{\"name\":\"a\",\"args\":[1]}]}}",
         ".spec.containers[name=\"a\"].args[0]: expected string, got &value.valueUnstructured{Value:1}"},
        {&deployment_type,
         "{\"spec\":{\"strategy\":{\"rollingUpdate\":{\"maxSurge\":1,\"maxUnavailable\":\"1\"}}}}", NULL},
        {&deployment_type, "{\"spec\":{\"bogus\":1,\"replicas\":\"1\"},\"status\":{\"replicas\":true}}",
         "errors:\n  .spec.bogus: field not declared in schema\n"
         "  .status.replicas: expected numeric (int or float), got bool"},
        {&controller_revision_type, "{\"data\":{\"whatever\":[1,{\"a\":null}]}}", NULL},
        {&custom_resource_definition_type,
         "{\"spec\":{\"versions\":[{\"name\":\"v1\",\"schema\":{\"openAPIV3Schema\":{\"items\":{\"type\":"
         "\"string\"},"
         "\"additionalProperties\":false,\"default\":{\"a\":1}}}}]}}",
         NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct value v = parsed(&a, cases[i].json);
        int result = typed_tree_check(cases[i].type, &v, false, &err);
        if (cases[i].message)
            assert_str(err.message, cases[i].message);
        assert_int_equal(result, cases[i].message ? -1 : 0);
    }
}

static void test_objects_that_were_let_in_may_have_duplicates(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct value v = parsed(&a, "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"a\"}]}}");
    assert_int_equal(typed_tree_check(&pod_type, &v, true, NULL), 0);
}

static void test_which_fields_a_tree_sets(void **state)
{
    (void)state;
    static const struct {
        const char *json, *set;
    } cases[] = {
        {"{}", "{}"},
        {"{\"metadata\":{\"labels\":{\"a\":\"b\"}}}", "{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}}}"},
        {"{\"metadata\":{\"labels\":{}}}", "{\"f:metadata\":{\"f:labels\":{}}}"},
        {"{\"metadata\":{\"labels\":null}}", "{\"f:metadata\":{\"f:labels\":{}}}"},
        {"{\"spec\":{\"nodeSelector\":{\"a\":\"b\"},\"hostNetwork\":false}}",
         "{\"f:spec\":{\"f:hostNetwork\":{},\"f:nodeSelector\":{}}}"},
        {"{\"spec\":{\"containers\":[]}}", "{}"},
        {"{\"spec\":{\"containers\":[{\"name\":\"b\",\"env\":[{\"name\":\"x\"},{\"name\":\"x\"}]},{\"name\":"
         "\"a\"}]}}",
         "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\".\":{},\"f:name\":{}},"
         "\"k:{\\\"name\\\":\\\"b\\\"}\":{\".\":{},\"f:env\":{\"k:{\\\"name\\\":\\\"x\\\"}\":{}},\"f:name\":{"
         "}}}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_buf_ struct buf b = {0};
        struct value v = parsed(&a, cases[i].json);
        struct field_set s = typed_tree_fields(&a, &pod_type, &v);
        field_set_write(&b, &s);
        assert_str(buf_str(&b), cases[i].set);
    }
}

static void test_merging(void **state)
{
    (void)state;
    static const struct {
        const char *live, *config, *merged;
    } cases[] = {
        {"{\"spec\":{\"hostname\":\"a\"}}", "{\"spec\":{\"subdomain\":\"b\"}}",
         "{\"spec\":{\"hostname\":\"a\",\"subdomain\":\"b\"}}"},
        {"{\"spec\":{\"nodeSelector\":{\"a\":\"1\"}}}", "{\"spec\":{\"nodeSelector\":{\"b\":\"2\"}}}",
         "{\"spec\":{\"nodeSelector\":{\"b\":\"2\"}}}"},
        {"{\"metadata\":{\"labels\":{\"a\":\"1\"}}}", "{\"metadata\":{\"labels\":null}}",
         "{\"metadata\":{\"labels\":{\"a\":\"1\"}}}"},
        {"{\"metadata\":{\"labels\":{}}}", "{\"metadata\":{\"labels\":null}}",
         "{\"metadata\":{\"labels\":null}}"},
        /* the applier's order, with what only the live list has beside its neighbours */
        {"{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\",\"d\"]}}",
         "{\"metadata\":{\"finalizers\":[\"d\",\"b\"]}}",
         "{\"metadata\":{\"finalizers\":[\"a\",\"c\",\"d\",\"b\"]}}"},
        {"{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
         "{\"metadata\":{\"finalizers\":[\"x\",\"a\",\"y\",\"b\",\"z\"]}}",
         "{\"metadata\":{\"finalizers\":[\"x\",\"a\",\"y\",\"b\",\"z\"]}}"},
        {"{\"metadata\":{\"finalizers\":[\"l\",\"a\",\"m\",\"b\",\"n\"]}}",
         "{\"metadata\":{\"finalizers\":[\"b\",\"a\"]}}",
         "{\"metadata\":{\"finalizers\":[\"l\",\"m\",\"b\",\"n\",\"a\"]}}"},
        /* duplicates of the live list give way to what is applied */
        {"{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"a\",\"image\":\"2\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"tty\":true}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"tty\":true}]}}"},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\",\"args\":[\"1\"]}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"args\":[\"2\"]}]}}",
         "{\"spec\":{\"containers\":[{\"args\":[\"2\"],\"name\":\"a\"}]}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct value live = parsed(&a, cases[i].live), config = parsed(&a, cases[i].config);
        struct value merged = typed_tree_merge(&a, &pod_type, &live, &config);
        assert_str(value_json(&a, &merged), cases[i].merged);
    }
}

static void test_removing(void **state)
{
    (void)state;
    static const struct {
        const char *json, *set, *left;
    } cases[] = {
        {"{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}",
         "{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}}}", "{\"metadata\":{\"labels\":{\"b\":\"2\"}}}"},
        {"{\"metadata\":{\"labels\":{\"a\":\"1\"}}}", "{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}}}",
         "{\"metadata\":{\"labels\":null}}"},
        {"{\"metadata\":{\"labels\":{\"a\":\"1\"}}}", "{\"f:metadata\":{\"f:labels\":{}}}",
         "{\"metadata\":null}"},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"image\":\"1\",\"name\":\"b\"}]}}",
         "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{},\"k:{\\\"name\\\":\\\"b\\\"}\":{"
         "\"f:image\":{}}}}}",
         "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}"},
        {"{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
         "{\"f:metadata\":{\"f:finalizers\":{\"v:\\\"a\\\"\":{}}}}",
         "{\"metadata\":{\"finalizers\":[\"b\"]}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct field_set set;
        struct value v = parsed(&a, cases[i].json);
        field_set_parse(&a, str_from(cases[i].set), &set, NULL);
        struct value left = typed_tree_remove(&a, &pod_type, &v, &set);
        assert_str(value_json(&a, &left), cases[i].left);
    }
}

static void test_sets_with_the_fields_above(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    struct field_set set;
    field_set_parse(&a,
                    STR("{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}},\"f:spec\":{\"f:containers\":{"
                        "\"k:{\\\"name\\\":\\\"a\\\"}\":{\"f:securityContext\":{\"f:runAsUser\":{}}}}}}"),
                    &set, NULL);
    set = typed_tree_with_parents(&a, &pod_type, &set);
    field_set_write(&b, &set);
    assert_str(buf_str(&b),
               "{\"f:metadata\":{\".\":{},\"f:labels\":{\".\":{},\"f:a\":{}}},\"f:spec\":{\".\":{},"
               "\"f:containers\":{\".\":{},\"k:{\\\"name\\\":\\\"a\\\"}\":{\"f:securityContext\":{\".\":{},"
               "\"f:runAsUser\":{}}}}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_does_not_fit_is_told_as_upstream_tells_it),
        cmocka_unit_test(test_objects_that_were_let_in_may_have_duplicates),
        cmocka_unit_test(test_which_fields_a_tree_sets),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_removing),
        cmocka_unit_test(test_sets_with_the_fields_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
