/* JSON of described values: what is accepted, what is refused and in which words, what is written. */
#include "schema/json.h"
#include "base/thread.h"
#include "kinds/apiextensions_v1.h"
#include "kinds/apps_v1.h"
#include "kinds/core_v1.h"
#include "schema/proto.h"
#include "test.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static int decode(const struct type *t, struct str json, void *out, struct strict_errors *strict,
                  struct err *err)
{
    memset(out, 0, t->size);
    return json_decode(&arena, t, json, 0, out, strict, err);
}

static void refuses_text(const struct type *t, struct str json, const char *message)
{
    _cleanup_err_ struct err err = {0};
    void *out = arena_alloc(&arena, t->size);
    if (decode(t, json, out, NULL, &err) == 0)
        fail_msg("accepted: " STR_FMT, STR_ARG(json));
    assert_str(err.message, message);
    assert_int_equal(err.reason, ERR_BAD_REQUEST);
}

#define refuses(t, json, message) refuses_text(&t##_type, STR(json), message)

static void rewrites(const struct type *t, const char *from, const char *to)
{
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf out = {0};
    void *v = arena_alloc(&arena, t->size);
    assert_ok(decode(t, str_from(from), v, NULL, &err), err);
    json_encode(&out, t, v);
    assert_str(buf_str(&out), to);
}

static void a_deployment(void **state)
{
    (void)state;
    struct deployment d;
    struct strict_errors strict = {0};
    struct err err = {0};
    assert_ok(
        decode(&deployment_type,
               STR(" { \"apiVersion\" : \"apps/v1\", "
                   "\"kind\":\"Deployment\",\n\t\"metadata\":{\"name\":\"web\"},"
                   "\"spec\":{\"replicas\":3,\"paused\":true,\"strategy\":{\"rollingUpdate\":"
                   "{\"maxSurge\":\"25%\",\"maxUnavailable\":1}},\"template\":{\"spec\":{\"containers\":"
                   "[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"limits\":{\"memory\":\"1024Mi\","
                   "\"cpu\":0.5}}}]}}}} "),
               &d, &strict, &err),
        err);
    assert_int_equal(strict.n, 0);
    assert_str(d.kind, "Deployment");
    assert_str(d.metadata.name, "web");
    assert_int_equal(*d.spec.replicas, 3);
    assert_true(d.spec.paused);
    assert_null(d.spec.revision_history_limit);
    assert_true(d.spec.strategy.rolling_update->max_surge->is_str);
    assert_str(d.spec.strategy.rolling_update->max_surge->s, "25%");
    assert_int_equal(d.spec.strategy.rolling_update->max_unavailable->i, 1);
    struct container_vec containers = d.spec.template.spec.containers;
    assert_int_equal(containers.n, 1);
    assert_str(containers.at[0].name, "c");
    struct str_map limits = containers.at[0].resources.limits;
    assert_int_equal(limits.n, 2);
    assert_str(limits.at[0].key, "cpu"); /* sorted */
    assert_str(limits.at[0].value, "500m");
    assert_str(limits.at[1].value, "1Gi");
}

static void wrong_syntax(void **state)
{
    (void)state;
    refuses(pod, "", "unexpected end of JSON input");
    refuses_text(&pod_type, (struct str){0}, "unexpected end of JSON input");
    assert_int_equal(json_check((struct str){0}, NULL), -1);
    refuses(pod, "{", "unexpected end of JSON input");
    refuses(pod, "{\"a\":\"", "unexpected end of JSON input");
    refuses(pod, "{\"a\" 1}", "invalid character '1' after object key");
    refuses(pod, "{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair");
    refuses(pod, "{a:1}", "invalid character 'a' looking for beginning of object key string");
    refuses(pod, "{\"a\":1,}", "invalid character '}' looking for beginning of object key string");
    refuses(pod, "{\"a\":[1,]}", "invalid character ']' looking for beginning of value");
    refuses(pod, "{\"a\":[1 2]}", "invalid character '2' after array element");
    refuses(pod, "{\"a\":}", "invalid character '}' looking for beginning of value");
    refuses(pod, "{\"a\":tru}", "invalid character '}' in literal true (expecting 'e')");
    refuses(pod, "{\"a\":nil}", "invalid character 'i' in literal null (expecting 'u')");
    refuses(pod, "{\"a\":-x}", "invalid character 'x' in numeric literal");
    refuses(pod, "{\"a\":1.}", "invalid character '}' after decimal point in numeric literal");
    refuses(pod, "{\"a\":1e}", "invalid character '}' in exponent of numeric literal");
    refuses(pod, "{\"a\":01}", "invalid character '1' after object key:value pair");
    refuses(pod, "{\"a\":\"\\x\"}", "invalid character 'x' in string escape code");
    refuses(pod, "{\"a\":\"\\u12g4\"}", "invalid character 'g' in \\u hexadecimal character escape");
    refuses(pod, "{\"a\":\"\n\"}", "invalid character '\\n' in string literal");
    refuses(pod, "{} x", "invalid character 'x' after top-level value");
    refuses(pod, "\xff", "invalid character '\xc3\xbf' looking for beginning of value");
    refuses(pod, "'", "invalid character '\\'' looking for beginning of value");
    /* A wrong syntax further on is told before a wrong type. */
    refuses(pod, "{\"spec\":5,\"status\":}", "invalid character '}' looking for beginning of value");
}

static void wrong_types(void **state)
{
    (void)state;
    refuses(deployment, "{\"spec\":{\"replicas\":\"3\"}}",
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32");
    refuses(
        deployment, "{\"spec\":{\"replicas\":1.5}}",
        "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32");
    refuses(deployment, "{\"spec\":{\"replicas\":2147483648}}",
            "json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of "
            "type int32");
    refuses(
        deployment, "{\"spec\":{\"replicas\":1e2}}",
        "json: cannot unmarshal number 1e2 into Go struct field DeploymentSpec.spec.replicas of type int32");
    refuses(deployment, "{\"spec\":{\"paused\":\"yes\"}}",
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool");
    refuses(deployment, "{\"spec\":[]}",
            "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec");
    refuses(deployment, "[]", "json: cannot unmarshal array into Go value of type v1.Deployment");
    refuses(deployment, "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":5}]}}}}",
            "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name "
            "of type "
            "string");
    refuses(
        deployment, "{\"spec\":{\"template\":{\"spec\":{\"containers\":{}}}}}",
        "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type "
        "[]v1.Container");
    refuses(pod, "{\"spec\":{\"restartPolicy\":true}}",
            "json: cannot unmarshal bool into Go struct field PodSpec.spec.restartPolicy of type "
            "v1.RestartPolicy");
    refuses(pod, "{\"metadata\":{\"labels\":[]}}",
            "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type "
            "map[string]string");
    refuses(pod, "{\"metadata\":{\"labels\":{\"a\":1}}}",
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string");
    refuses(secret, "{\"data\":{\"a\":\"?\"}}", "illegal base64 data at input byte 0");
    /* The first one counts. */
    refuses(pod, "{\"spec\":{\"nodeName\":1,\"hostNetwork\":1}}",
            "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeName of type string");
}

static void values_that_read_themselves(void **state)
{
    (void)state;
    refuses(pod, "{\"metadata\":{\"creationTimestamp\":\"today\"}}",
            "parsing time \"today\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"today\" as \"2006\"");
    refuses(pod, "{\"metadata\":{\"creationTimestamp\":5}}",
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of "
            "type string");
    refuses(resource_quota, "{\"spec\":{\"hard\":{\"cpu\":\"much\"}}}",
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    refuses(
        service, "{\"spec\":{\"ports\":[{\"targetPort\":[]}]}}",
        "json: cannot unmarshal array into Go struct field ServicePort.spec.ports.targetPort of type int32");
}

static void null_changes_nothing(void **state)
{
    (void)state;
    rewrites(&config_map_type,
             "{\"metadata\":{\"name\":null,\"labels\":null},\"immutable\":null,\"data\":null}",
             "{\"metadata\":{}}");
    rewrites(&pod_type, "null", "{\"metadata\":{},\"spec\":{\"containers\":null},\"status\":{}}");
}

static void what_is_empty_is_left_out(void **state)
{
    (void)state;
    rewrites(&config_map_type, "{\"data\":{},\"immutable\":false,\"metadata\":{\"finalizers\":[]}}",
             "{\"metadata\":{},\"immutable\":false}");
    rewrites(&service_type, "{}", "{\"metadata\":{},\"spec\":{},\"status\":{\"loadBalancer\":{}}}");
    rewrites(&container_type, "{\"name\":\"\"}", "{\"name\":\"\",\"resources\":{}}");
}

static void strict(const struct type *t, const char *json, const char *const *expected)
{
    struct strict_errors errors = {0};
    struct err err = {0};
    void *v = arena_alloc(&arena, t->size);
    assert_ok(decode(t, str_from(json), v, &errors, &err), err);
    size_t n = 0;
    for (; expected[n]; n++)
        if (n < errors.n)
            assert_str(errors.at[n], expected[n]);
    assert_int_equal(errors.n, n);
}

static void unknown_and_duplicate_fields_are_told(void **state)
{
    (void)state;
    strict(&deployment_type,
           "{\"foo\":{\"x\":[1]},\"spec\":{\"replicas\":1,\"replicas\":2,\"foo\":1,\"template\":{\"spec\":{"
           "\"containers\":[{\"name\":\"a\"},{\"Name\":\"b\"}]}}},\"metadata\":{\"labels\":{\"a\":\"1\","
           "\"a\":\"2\"}}}",
           (const char *const[]){"unknown field \"foo\"", "duplicate field \"spec.replicas\"",
                                 "unknown field \"spec.foo\"",
                                 "unknown field \"spec.template.spec.containers[1].Name\"",
                                 "duplicate field \"metadata.labels.a\"", NULL});
    struct deployment d;
    assert_int_equal(
        decode(&deployment_type, STR("{\"spec\":{\"replicas\":1,\"replicas\":2}}"), &d, NULL, NULL), 0);
    assert_int_equal(*d.spec.replicas, 2);
}

static void at_most_a_hundred_are_told(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf json = {0};
    for (int i = 0; i < 300; i++)
        buf_addf(&json, "%c\"f%d\":1", i ? ',' : '{', i);
    buf_add_c(&json, '}');
    struct pod pod;
    struct strict_errors errors = {0};
    assert_int_equal(decode(&pod_type, buf_str(&json), &pod, &errors, NULL), 0);
    assert_int_equal(errors.n, 100);
}

static void strings_are_unescaped(void **state)
{
    (void)state;
    struct pod pod;
    assert_int_equal(
        decode(&pod_type,
               STR("{\"metadata\":{\"name\":\"\\u0061\\n\\\"\\/\\ud83d\\ude00\",\"uid\":\"\\ud800x\","
                   "\"namespace\":\"a\xff\xc3(\"}}"),
               &pod, NULL, NULL),
        0);
    assert_str(pod.metadata.name, "a\n\"/\xf0\x9f\x98\x80");
    assert_str(pod.metadata.uid, "\xef\xbf\xbdx");
    assert_str(pod.metadata.namespace, "a\xef\xbf\xbd\xef\xbf\xbd(");
}

static void strings_are_escaped_as_go_does(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf out = {0};
    json_encode_string(&out,
                       STR("<a href=\"x\">&\\/\n\t\b\f\r\x01\x7f\xe2\x80\xa8\xe2\x80\xa9\xc3\xa9\xff end"));
    assert_str(buf_str(&out),
               "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\\\/\\n\\t\\b\\f\\r\\u0001\x7f\\u2028\\u2029"
               "\xc3\xa9\\ufffd end\"");
}

static void doubles_are_written_as_go_does(void **state)
{
    (void)state;
    static const struct {
        double d;
        const char *text;
    } cases[] = {{0, "0"},
                 {-1, "-1"},
                 {0.1, "0.1"},
                 {1e20, "100000000000000000000"},
                 {1e21, "1e+21"},
                 {1e-6, "0.000001"},
                 {1.5e-7, "1.5e-7"},
                 {1.0 / 3, "0.3333333333333333"},
                 {123456.789, "123456.789"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_buf_ struct buf out = {0};
        json_encode_double(&out, cases[i].d);
        assert_str(buf_str(&out), cases[i].text);
    }
}

static void raw_json_stays_as_it_came(void **state)
{
    (void)state;
    rewrites(&controller_revision_type, "{\"data\": {\"b\" : [1, 2.50, \"<\"], \"a\": null}, \"revision\":1}",
             "{\"metadata\":{},\"data\":{\"b\":[1,2.50,\"\\u003c\"],\"a\":null},\"revision\":1}");
    rewrites(&controller_revision_type, "{\"data\":null,\"revision\":1}",
             "{\"metadata\":{},\"data\":null,\"revision\":1}");
}

static void schemas_take_what_fits(void **state)
{
    (void)state;
    const char *schema =
        "{\"type\":\"object\",\"maximum\":1.5,\"enum\":[1,\"a\",null],\"items\":{\"type\":\"string\"},"
        "\"properties\":{\"a\":{\"items\":[{\"type\":\"string\"}]},\"b\":{\"items\":[]}},"
        "\"additionalProperties\":false,"
        "\"dependencies\":{\"a\":[\"b\"],\"c\":{\"type\":\"object\"}},\"additionalItems\":{"
        "\"type\":\"string\"},\"x-kubernetes-preserve-unknown-fields\":true}";
    rewrites(&json_schema_props_type, schema, schema);
    refuses(json_schema_props, "{\"additionalProperties\":[]}", "boolean or JSON schema expected");
    refuses(json_schema_props, "{\"items\":false}", "array or JSON schema expected");
}

static void too_deep(void **state)
{
    (void)state;
    _cleanup_buf_ struct buf json = {0};
    for (int i = 0; i < 300; i++)
        buf_add_lit(&json, "{\"not\":");
    buf_add_lit(&json, "{}");
    for (int i = 0; i < 300; i++)
        buf_add_c(&json, '}');
    refuses_text(&json_schema_props_type, buf_str(&json), "exceeded max depth");
    /* What nobody reads may nest further, but not for ever. */
    json.n = 0;
    for (int i = 0; i < 9999; i++)
        buf_add_c(&json, '[');
    for (int i = 0; i < 9999; i++)
        buf_add_c(&json, ']');
    assert_int_equal(json_check(buf_str(&json), NULL), 0);
    json.n = 0;
    for (int i = 0; i < 20000; i++)
        buf_add_c(&json, '[');
    struct err err = {0};
    assert_int_equal(json_check(buf_str(&json), &err), -1);
    assert_str(err.message, "exceeded max depth");
    err_clear(&err);
}

/* What still nests no deeper than is allowed: a schema in a schema in a schema. */
static void decode_deep(void *arg)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf json = {0}, out = {0}, proto = {0};
    _cleanup_err_ struct err err = {0};
    for (int i = 0; i < 63; i++)
        buf_add_lit(&json, "{\"properties\":{\"a\":");
    buf_add_lit(&json, "{}");
    for (int i = 0; i < 63; i++)
        buf_add_lit(&json, "}}");
    void *v = arena_alloc(&a, json_schema_props_type.size),
         *again = arena_alloc(&a, json_schema_props_type.size);
    if (json_decode(&a, &json_schema_props_type, buf_str(&json), 0, v, NULL, &err) < 0)
        return;
    json_encode(&out, &json_schema_props_type, v);
    proto_encode(&proto, &json_schema_props_type, v);
    *(bool *)arg = str_eq(buf_str(&json), buf_str(&out)) &&
                   proto_decode(&a, &json_schema_props_type, buf_str(&proto), false, again, &err) == 0;
}

static void a_small_stack_suffices(void **state)
{
    (void)state;
    bool good = false;
    thread_join(thread_start("deep", decode_deep, &good));
    assert_true(good);
}

static void peeking(void **state)
{
    (void)state;
    struct json_type_meta meta;
    _cleanup_err_ struct err err = {0};
    assert_int_equal(
        json_peek(&arena, STR("{\"x\":{\"kind\":1},\"kind\":\"Pod\",\"apiVersion\":\"v1\"}"), &meta, &err),
        0);
    assert_str(meta.kind, "Pod");
    assert_str(meta.api_version, "v1");
    assert_int_equal(json_peek(&arena, STR("{\"kind\":1}"), &meta, &err), -1);
    assert_str(err.message, "json: cannot unmarshal number into Go struct field .kind of type string");
    assert_int_equal(json_peek(&arena, STR("{\"kind\""), &meta, &err), -1);
    assert_str(err.message, "unexpected end of JSON input");
}

/* A text cut off anywhere is refused, and nothing outside it is read: ASan watches. */
static void every_prefix_is_refused(void **state)
{
    (void)state;
    struct str whole =
        STR("{\"metadata\":{\"name\":\"a\\u00e9\",\"labels\":{\"k\":\"v\"},\"generation\":12,"
            "\"creationTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{\"containers\":[{\"name\":"
            "\"c\",\"tty\":true}],\"hostPID\":false,\"priority\":null}}");
    for (size_t n = 0; n < whole.n; n++) {
        char *cut = mem_dup(whole.p, n ? n : 1);
        struct pod pod;
        _cleanup_err_ struct err err = {0};
        assert_int_equal(decode(&pod_type, str_slice(cut, n), &pod, NULL, &err), -1);
        assert_str(err.message, "unexpected end of JSON input");
        mem_freep(&cut);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_deployment),
        TEST(wrong_syntax),
        TEST(wrong_types),
        TEST(values_that_read_themselves),
        TEST(null_changes_nothing),
        TEST(what_is_empty_is_left_out),
        TEST(unknown_and_duplicate_fields_are_told),
        TEST(at_most_a_hundred_are_told),
        TEST(strings_are_unescaped),
        TEST(strings_are_escaped_as_go_does),
        TEST(doubles_are_written_as_go_does),
        TEST(raw_json_stays_as_it_came),
        TEST(schemas_take_what_fits),
        TEST(too_deep),
        TEST(a_small_stack_suffices),
        TEST(peeking),
        TEST(every_prefix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
