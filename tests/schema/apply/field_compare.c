#include "schema/apply/field_compare.h"

#include "kinds/apps_v1.h"
#include "kinds/core_v1.h"
#include "schema/json.h"
#include "test.h"

static void *decoded(struct arena *a, const struct type *t, const char *json)
{
    struct err err = {0};
    void *out = arena_alloc(a, t->size);
    assert_ok(json_decode(a, t, str_from(json), 0, out, NULL, &err), err);
    return out;
}

static void assert_set(const struct field_set *s, const char *json)
{
    _cleanup_buf_ struct buf b = {0};
    field_set_write(&b, s);
    assert_str(buf_str(&b), json);
}

#define SPEC(inner) "{\"spec\":{" inner "}}"
#define POD(inner)  "{\"spec\":{\"containers\":[" inner "]}}"

static const struct {
    const struct type *type;
    const char *before, *after, *added, *modified, *removed;
} cases[] = {
    {&deployment_type, "{}", "{}", "{}", "{}", "{}"},
    /* scalars */
    {&deployment_type, "{}", SPEC("\"replicas\":3"), SPEC("\"f:replicas\":{}"), "{}", "{}"},
    {&deployment_type, SPEC("\"replicas\":3"), SPEC("\"replicas\":0"), "{}", SPEC("\"f:replicas\":{}"), "{}"},
    {&deployment_type, SPEC("\"replicas\":3"), "{}", "{}", "{}", SPEC("\"f:replicas\":{}")},
    /* what JSON leaves out as empty is not there */
    {&deployment_type, SPEC("\"paused\":true"), SPEC("\"paused\":false"), "{}", "{}",
     SPEC("\"f:paused\":{}")},
    /* maps are looked into, and come and go themselves */
    {&config_map_type, "{}", "{\"data\":{\"a\":\"1\"}}", "{\"f:data\":{\".\":{},\"f:a\":{}}}", "{}", "{}"},
    {&config_map_type, "{\"data\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"data\":{\"b\":\"3\",\"c\":\"4\"}}",
     "{\"f:data\":{\"f:c\":{}}}", "{\"f:data\":{\"f:b\":{}}}", "{\"f:data\":{\"f:a\":{}}}"},
    {&config_map_type, "{\"data\":{\"a\":\"1\"}}", "{}", "{}", "{}", "{\"f:data\":{\".\":{},\"f:a\":{}}}"},
    /* bytes are a value */
    {&config_map_type, "{\"binaryData\":{\"a\":\"AAA=\"}}", "{\"binaryData\":{\"a\":\"AAE=\"}}", "{}",
     "{\"f:binaryData\":{\"f:a\":{}}}", "{}"},
    /* lists that are maps, by their keys; an empty struct is owned itself */
    {&pod_type, "{}", POD("{\"name\":\"a\",\"image\":\"i\"}"),
     "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\".\":{},\"f:image\":{},\"f:name\":{},"
     "\"f:resources\":{}}}}}",
     "{}", "{}"},
    {&pod_type, POD("{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\"}"),
     POD("{\"name\":\"b\"},{\"name\":\"a\"}"), "{}", "{}",
     "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\"f:image\":{}}}}}"},
    /* keys that are silent have their default */
    {&pod_type, POD("{\"name\":\"a\",\"ports\":[{\"containerPort\":80}]}"),
     POD("{\"name\":\"a\",\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"},{\"containerPort\":80,"
         "\"protocol\":\"UDP\"}]}"),
     "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\"f:ports\":{\"k:{\\\"containerPort\\\":"
     "80,"
     "\\\"protocol\\\":\\\"TCP\\\"}\":{\"f:protocol\":{}},\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":"
     "\\\"UDP\\\"}"
     "\":{\".\":{},\"f:containerPort\":{},\"f:protocol\":{}}}}}}}",
     "{}", "{}"},
    /* lists that are sets, by their values */
    {&pod_type, "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
     "{\"metadata\":{\"finalizers\":[\"c\",\"b\"]}}",
     "{\"f:metadata\":{\"f:finalizers\":{\"v:\\\"c\\\"\":{}}}}", "{}",
     "{\"f:metadata\":{\"f:finalizers\":{\"v:\\\"a\\\"\":{}}}}"},
    /* lists of which nothing is declared are one thing */
    {&pod_type, POD("{\"name\":\"a\",\"args\":[\"x\"]}"), POD("{\"name\":\"a\",\"args\":[\"x\",\"y\"]}"),
     "{}", "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\"f:args\":{}}}}}", "{}"},
    /* atomic structs and maps too */
    {&deployment_type, SPEC("\"selector\":{\"matchLabels\":{\"a\":\"1\"}}"),
     SPEC("\"selector\":{\"matchLabels\":{\"a\":\"2\"}}"), "{}", SPEC("\"f:selector\":{}"), "{}"},
    {&pod_type, SPEC("\"nodeSelector\":{\"a\":\"1\"}"), SPEC("\"nodeSelector\":{\"a\":\"1\",\"b\":\"2\"}"),
     "{}", SPEC("\"f:nodeSelector\":{}"), "{}"},
    /* a number that becomes a word, quantities that only look different */
    {&deployment_type, SPEC("\"strategy\":{\"rollingUpdate\":{\"maxSurge\":1}}"),
     SPEC("\"strategy\":{\"rollingUpdate\":{\"maxSurge\":\"1\"}}"), "{}",
     SPEC("\"f:strategy\":{\"f:rollingUpdate\":{\"f:maxSurge\":{}}}"), "{}"},
    {&pod_type, POD("{\"name\":\"a\",\"resources\":{\"limits\":{\"cpu\":\"1\"}}}"),
     POD("{\"name\":\"a\",\"resources\":{\"limits\":{\"cpu\":\"1000m\"}}}"), "{}", "{}", "{}"},
    /* JSON within is one thing */
    {&controller_revision_type, "{\"data\":{\"a\":1}}", "{\"data\":{\"a\":2}}", "{}", "{\"f:data\":{}}",
     "{}"},
    /* several of one key are owned together */
    {&pod_type, POD("{\"name\":\"a\",\"env\":[{\"name\":\"x\",\"value\":\"1\"}]}"),
     POD("{\"name\":\"a\",\"env\":[{\"name\":\"x\",\"value\":\"1\"},{\"name\":\"x\",\"value\":\"2\"}]}"),
     "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\"f:env\":{\"k:{\\\"name\\\":\\\"x\\\"}"
     "\":{}}}}}}",
     "{}",
     "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\"f:env\":{\"k:{\\\"name\\\":\\\"x\\\"}"
     "\":{"
     "\".\":{},\"f:name\":{},\"f:value\":{}}}}}}}"},
    {&pod_type,
     POD("{\"name\":\"a\",\"env\":[{\"name\":\"x\",\"value\":\"1\"},{\"name\":\"x\",\"value\":\"2\"}]}"),
     POD("{\"name\":\"a\",\"env\":[{\"name\":\"x\",\"value\":\"1\"},{\"name\":\"x\",\"value\":\"3\"}]}"),
     "{}",
     "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\"f:env\":{\"k:{\\\"name\\\":\\\"x\\\"}"
     "\":{}}}}}}",
     "{}"},
};

/* "spec" of SPEC is a field here and a link there. */
static struct str linked_spec(struct arena *a, const char *json)
{
    struct str s = str_from(json);
    return str_starts(s, STR("{\"spec\"")) ? arena_concat(a, STR("{\"f:"), str_from_at(s, 2)) : s;
}

static void test_what_a_change_did(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct comparison c;
        const struct type *t = cases[i].type;
        field_compare(&a, t, decoded(&a, t, cases[i].before), decoded(&a, t, cases[i].after), NULL, &c);
        assert_set(&c.added, arena_c(&a, linked_spec(&a, cases[i].added)));
        assert_set(&c.modified, arena_c(&a, linked_spec(&a, cases[i].modified)));
        assert_set(&c.removed, arena_c(&a, linked_spec(&a, cases[i].removed)));
    }
}

/* Trees say the same as structs, as far as structs can say it. */
static void test_trees_compare_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct comparison c;
        const struct type *t = cases[i].type;
        struct value trees[2];
        for (int side = 0; side < 2; side++) {
            _cleanup_buf_ struct buf json = {0};
            struct err err = {0};
            json_encode(&json, t, decoded(&a, t, side ? cases[i].after : cases[i].before));
            assert_ok(value_parse(&a, arena_str(&a, buf_str(&json)), &trees[side], &err), err);
        }
        typed_tree_compare(&a, t, &trees[0], &trees[1], &c);
        assert_set(&c.added, arena_c(&a, linked_spec(&a, cases[i].added)));
        assert_set(&c.modified, arena_c(&a, linked_spec(&a, cases[i].modified)));
        assert_set(&c.removed, arena_c(&a, linked_spec(&a, cases[i].removed)));
    }
}

static void test_what_is_ignored_is_left_out(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct field_set ignored;
    struct comparison c;
    field_set_parse(&a, STR("{\"f:status\":{},\"f:metadata\":{\"f:name\":{}}}"), &ignored, NULL);
    field_compare(
        &a, &pod_type, &(struct pod){0},
        decoded(
            &a, &pod_type,
            "{\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"b\"}},\"status\":{\"phase\":\"Running\"}}"),
        &ignored, &c);
    assert_set(&c.added, "{\"f:metadata\":{\"f:labels\":{\".\":{},\"f:a\":{}}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_change_did),
        cmocka_unit_test(test_trees_compare_alike),
        cmocka_unit_test(test_what_is_ignored_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
