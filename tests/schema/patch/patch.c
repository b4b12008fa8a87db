#include "schema/patch/patch.h"

#include "kinds/apps_v1.h"
#include "kinds/core_v1.h"
#include "test.h"

/* A patch of one of the three kinds: what comes of it, or (from '!' on) what is said against it. */
struct example {
    const char *doc, *patch, *result;
};

typedef int (*patch_fn)(struct arena *a, struct value *doc, struct value *patch, struct err *err);

static void check(patch_fn apply, const struct example *e)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct value doc, patch, expected;
    assert_ok(value_parse(&a, str_from(e->doc), &doc, &err), err);
    assert_ok(value_parse(&a, str_from(e->patch), &patch, &err), err);
    int r = apply(&a, &doc, &patch, &err);
    if (e->result[0] == '!') {
        if (r == 0)
            fail_msg("%s + %s: applied", e->doc, e->patch);
        assert_str(err.message, e->result + 1);
        return;
    }
    if (r < 0)
        fail_msg("%s + %s: " STR_FMT, e->doc, e->patch, STR_ARG(err.message));
    assert_ok(value_parse(&a, str_from(e->result), &expected, &err), err);
    struct str got = value_json(&a, &doc), wanted = value_json(&a, &expected);
    if (!str_eq(got, wanted))
        fail_msg("%s + %s:\n got " STR_FMT "\n not " STR_FMT, e->doc, e->patch, STR_ARG(got),
                 STR_ARG(wanted));
}

static int apply_pod(struct arena *a, struct value *doc, struct value *patch, struct err *err)
{
    return patch_strategic(a, &pod_type, doc, patch, err);
}

static int apply_deployment(struct arena *a, struct value *doc, struct value *patch, struct err *err)
{
    return patch_strategic(a, &deployment_type, doc, patch, err);
}

#define REJECTED "!the server rejected our request due to an error in our request"

/* RFC 6902, appendix A, and what the library that upstream uses does beyond it. */
static void test_json_patch(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
         "{\"baz\":\"qux\",\"foo\":\"bar\"}"},
        {"{\"foo\":[\"bar\",\"baz\"]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
         "{\"foo\":[\"bar\",\"qux\",\"baz\"]}"},
        {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":2}]", "{\"foo\":[1,2]}"},
        {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":2}]", "{\"foo\":[1,2]}"},
        {"{\"foo\":[1]}", "[{\"op\":\"add\",\"path\":\"/foo/2\",\"value\":2}]", REJECTED},
        {"{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]", "{\"foo\":\"bar\"}"},
        {"{\"foo\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/foo/1\"}]", "{\"foo\":[1,3]}"},
        {"{\"foo\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/foo/-1\"}]", "{\"foo\":[1,2]}"},
        {"{\"foo\":1}", "[{\"op\":\"remove\",\"path\":\"/bar\"}]", REJECTED},
        {"{\"baz\":\"qux\"}", "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":{\"a\":null}}]",
         "{\"baz\":{\"a\":null}}"},
        {"{\"baz\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", REJECTED},
        {"{\"foo\":{\"bar\":1},\"qux\":{}}",
         "[{\"op\":\"move\",\"from\":\"/foo/bar\",\"path\":\"/qux/baz\"}]",
         "{\"foo\":{},\"qux\":{\"baz\":1}}"},
        {"{\"foo\":{\"bar\":1}}", "[{\"op\":\"move\",\"from\":\"/foo\",\"path\":\"/foo/bar\"}]", REJECTED},
        {"{\"a\":[1,2,3]}", "[{\"op\":\"move\",\"from\":\"/a/0\",\"path\":\"/a/2\"}]", "{\"a\":[2,3,1]}"},
        {"{\"a\":{\"x\":[1]}}",
         "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"},{\"op\":\"add\",\"path\":\"/b/x/"
         "-\",\"value\":2}]",
         "{\"a\":{\"x\":[1]},\"b\":{\"x\":[1,2]}}"},
        {"{\"a\":[\"x\",2.0]}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":[\"x\",2]}]",
         "{\"a\":[\"x\",2.0]}"},
        {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", REJECTED},
        {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/b\",\"value\":null}]", "{\"a\":1}"},
        {"{\"/\":9,\"~1\":10}",
         "[{\"op\":\"remove\",\"path\":\"/~01\"},{\"op\":\"replace\",\"path\":\"/~1\",\"value\":1}]",
         "{\"/\":1}"},
        {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b/c\",\"value\":2}]", REJECTED},
        {"{\"a\":1}", "[{\"op\":\"spam\",\"path\":\"/a\"}]", REJECTED},
        {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", REJECTED},
        {"{\"a\":1}", "{\"op\":\"add\"}",
         "!json: cannot unmarshal object into Go value of type jsonpatch.Patch"},
        {"{\"a\":{\"b\":1}}", "[{\"op\":\"add\",\"path\":\"\",\"value\":{\"z\":1}}]", "{\"z\":1}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(patch_json, &examples[i]);
}

static void test_json_patch_has_limits(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct value doc = VALUE_OBJECT, patch = VALUE_ARRAY, op;
    assert_ok(value_parse(&a, STR("{\"op\":\"add\",\"path\":\"/a\",\"value\":1}"), &op, &err), err);
    for (int i = 0; i < PATCH_JSON_OPERATIONS; i++)
        value_append(&a, &patch, op);
    assert_ok(patch_json(&a, &doc, &patch, &err), err);
    value_append(&a, &patch, op);
    assert_int_equal(patch_json(&a, &doc, &patch, &err), -1);
    assert_int_equal(err.code, 413);
    assert_str(
        err.message,
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001");

    /* Copies of copies would double with each step. */
    assert_ok(value_parse(&a, STR("{\"a\":[\"0123456789\"]}"), &doc, &err), err);
    assert_ok(value_parse(&a, STR("{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/-\"}"), &op, &err), err);
    patch = VALUE_ARRAY;
    for (int i = 0; i < 64; i++)
        value_append(&a, &patch, op);
    assert_int_equal(patch_json(&a, &doc, &patch, &err), -1);
    assert_int_equal(err.code, 422);
}

/* RFC 7386, appendix A, as far as both are objects. */
static void test_merge_patch(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"a\":1,\"e\":null}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{}", "[1]", "!json: cannot unmarshal array into Go value of type map[string]interface {}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(patch_merge, &examples[i]);
}

static void test_strategic_merges_by_keys(void **state)
{
    (void)state;
    static const struct example examples[] = {
        /* containers by name; the order is the live object's, what is new comes first (upstream) */
        {"{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"x\"},{\"name\":\"b\",\"image\":\"y\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"z\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"x\"},{\"name\":\"b\",\"image\":\"z\"}]}}"},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"z\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"z\"},{\"name\":\"a\"}]}}"},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"$patch\":\"delete\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}"},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
         "{\"spec\":{\"containers\":[{\"$patch\":\"replace\"},{\"name\":\"c\"}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}"},
        /* environment by name, inside */
        {"{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"X\",\"value\":\"1\"},{\"name\":"
         "\"Y\",\"value\":\"2\"}]}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"Y\",\"value\":\"3\"}]}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"X\",\"value\":\"1\"},{\"name\":"
         "\"Y\",\"value\":\"3\"}]}]}}"},
        /* atomic lists are replaced */
        {"{\"spec\":{\"containers\":[{\"name\":\"a\",\"args\":[\"1\",\"2\"]}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"args\":[\"3\"]}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"args\":[\"3\"]}]}}"},
        /* lists of plain values */
        {"{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}", "{\"metadata\":{\"finalizers\":[\"b\",\"c\"]}}",
         "{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\"]}}"},
        {"{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\"]}}",
         "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"b\",\"x\"]}}",
         "{\"metadata\":{\"finalizers\":[\"a\",\"c\"]}}"},
        {"{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\"]}}",
         "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"b\"],\"$setElementOrder/"
         "finalizers\":[\"c\",\"a\"]}}",
         "{\"metadata\":{\"finalizers\":[\"c\",\"a\"]}}"},
        /* maps merge, null deletes, and nulls are not kept */
        {"{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}",
         "{\"metadata\":{\"labels\":{\"a\":null,\"c\":\"3\",\"d\":null}}}",
         "{\"metadata\":{\"labels\":{\"b\":\"2\",\"c\":\"3\"}}}"},
        {"{}", "{\"metadata\":{\"labels\":{\"a\":null}}}", "{\"metadata\":{\"labels\":{}}}"},
        {"{\"metadata\":{\"labels\":{\"a\":\"1\"}}}",
         "{\"metadata\":{\"labels\":{\"$patch\":\"replace\",\"b\":\"2\"}}}",
         "{\"metadata\":{\"labels\":{\"b\":\"2\"}}}"},
        {"{\"metadata\":{\"labels\":{\"a\":\"1\"}}}", "{\"metadata\":{\"labels\":{\"$patch\":\"delete\"}}}",
         "{\"metadata\":{\"labels\":{}}}"},
        /* conditions by type, as status patches of kubelets send them */
        {"{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"},{\"type\":\"Initialized\","
         "\"status\":\"True\"}]}}",
         "{\"status\":{\"$setElementOrder/"
         "conditions\":[{\"type\":\"Initialized\"},{\"type\":\"Ready\"}],\"conditions\":[{\"status\":"
         "\"True\",\"type\":\"Ready\"}]}}",
         "{\"status\":{\"conditions\":[{\"status\":\"True\",\"type\":\"Initialized\"},{\"type\":\"Ready\","
         "\"status\":\"True\"}]}}"},
        /* volumes keep only the source that is named now */
        {"{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}",
         "{\"spec\":{\"volumes\":[{\"$retainKeys\":[\"name\",\"hostPath\"],\"name\":\"v\",\"hostPath\":{"
         "\"path\":\"/x\"}}]}}",
         "{\"spec\":{\"volumes\":[{\"hostPath\":{\"path\":\"/x\"},\"name\":\"v\"}]}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(apply_pod, &examples[i]);
}

/* What kubectl apply, set image, rollout restart and edit really send. */
static void test_strategic_patches_of_kubectl(void **state)
{
    (void)state;
#define LIVE                                                                                                 \
    "{\"metadata\":{\"annotations\":{\"deployment.kubernetes.io/revision\":\"1\"},\"name\":\"hello\"},"      \
    "\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"hello\"}},\"strategy\":{"             \
    "\"rollingUpdate\":{\"maxSurge\":\"25%\",\"maxUnavailable\":\"25%\"},\"type\":\"RollingUpdate\"},"       \
    "\"template\":{\"metadata\":{\"labels\":{\"app\":\"hello\"}},\"spec\":{\"containers\":["                 \
    "{\"image\":\"web:1\",\"name\":\"web\",\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}]},"        \
    "{\"image\":\"mesh:1\",\"name\":\"injected\"}]}}}}"
    static const struct example examples[] = {
        /* apply: a new image and one more container, before the injected one */
        {LIVE,
         "{\"spec\":{\"template\":{\"spec\":{\"$setElementOrder/"
         "containers\":[{\"name\":\"web\"},{\"name\":\"log\"}],"
         "\"containers\":[{\"image\":\"web:2\",\"name\":\"web\"},{\"image\":\"log:1\",\"name\":\"log\"}]}}}}",
         "{\"metadata\":{\"annotations\":{\"deployment.kubernetes.io/revision\":\"1\"},\"name\":\"hello\"},"
         "\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"hello\"}},\"strategy\":{"
         "\"rollingUpdate\":{\"maxSurge\":\"25%\",\"maxUnavailable\":\"25%\"},\"type\":\"RollingUpdate\"},"
         "\"template\":{\"metadata\":{\"labels\":{\"app\":\"hello\"}},\"spec\":{\"containers\":["
         "{\"image\":\"web:2\",\"name\":\"web\",\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}]},"
         "{\"image\":\"log:1\",\"name\":\"log\"},{\"image\":\"mesh:1\",\"name\":\"injected\"}]}}}}"},
        /* apply: ports by number */
        {LIVE,
         "{\"spec\":{\"template\":{\"spec\":{\"$setElementOrder/"
         "containers\":[{\"name\":\"web\"}],\"containers\":[{"
         "\"$setElementOrder/"
         "ports\":[{\"containerPort\":8080},{\"containerPort\":80}],\"name\":\"web\",\"ports\":[{"
         "\"containerPort\":8080}]}]}}}}",
         "{\"metadata\":{\"annotations\":{\"deployment.kubernetes.io/revision\":\"1\"},\"name\":\"hello\"},"
         "\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"hello\"}},\"strategy\":{"
         "\"rollingUpdate\":{\"maxSurge\":\"25%\",\"maxUnavailable\":\"25%\"},\"type\":\"RollingUpdate\"},"
         "\"template\":{\"metadata\":{\"labels\":{\"app\":\"hello\"}},\"spec\":{\"containers\":["
         "{\"image\":\"web:1\",\"name\":\"web\",\"ports\":[{\"containerPort\":8080},{\"containerPort\":80,"
         "\"protocol\":\"TCP\"}]},"
         "{\"image\":\"mesh:1\",\"name\":\"injected\"}]}}}}"},
        /* apply: another strategy; its rolling update must go */
        {LIVE,
         "{\"spec\":{\"strategy\":{\"$retainKeys\":[\"type\"],\"rollingUpdate\":null,\"type\":\"Recreate\"}}"
         "}",
         "{\"metadata\":{\"annotations\":{\"deployment.kubernetes.io/revision\":\"1\"},\"name\":\"hello\"},"
         "\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"app\":\"hello\"}},\"strategy\":{\"type\":"
         "\"Recreate\"},"
         "\"template\":{\"metadata\":{\"labels\":{\"app\":\"hello\"}},\"spec\":{\"containers\":["
         "{\"image\":\"web:1\",\"name\":\"web\",\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}]},"
         "{\"image\":\"mesh:1\",\"name\":\"injected\"}]}}}}"},
        /* rollout restart */
        {"{\"spec\":{\"template\":{\"metadata\":{\"creationTimestamp\":null}}}}",
         "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"kubectl.kubernetes.io/"
         "restartedAt\":\"now\"}}}}}",
         "{\"spec\":{\"template\":{\"metadata\":{\"creationTimestamp\":null,\"annotations\":{\"kubectl."
         "kubernetes.io/restartedAt\":\"now\"}}}}}"},
        /* scale */
        {"{\"spec\":{\"replicas\":2}}", "{\"spec\":{\"replicas\":5}}", "{\"spec\":{\"replicas\":5}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(apply_deployment, &examples[i]);
}

static void test_strategic_errors(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}", "{\"spec\":{\"containers\":[{\"image\":\"x\"}]}}",
         "!map: map[image:x] does not contain declared merge key: name"},
        {"{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}", "{\"spec\":{\"containers\":[\"x\"]}}",
         "!expected a map, but received a string"},
        {"{\"metadata\":{\"finalizers\":[\"a\"]}}", "{\"metadata\":{\"finalizers\":[[\"a\"]]}}",
         "!the server rejected our request due to an error in our request"},
        {"{\"metadata\":{}}", "{\"metadata\":{\"$patch\":\"spam\"}}",
         "!unknown patch type: spam in map: map[$patch:spam]"},
        {"{\"metadata\":{}}", "{\"metadata\":{\"$retainKeys\":\"a\"}}",
         "!invalid patch format of retainKeys"},
        {"{\"metadata\":{}}", "{\"metadata\":{\"$retainKeys\":[\"a\"],\"b\":1}}",
         "!invalid patch format of retainKeys"},
        {"{\"metadata\":{\"finalizers\":[\"a\"]}}",
         "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":\"a\"}}",
         "!invalid patch format of primitive list"},
        {"{\"metadata\":{\"finalizers\":[\"a\"]}}",
         "{\"metadata\":{\"$setElementOrder/finalizers\":[\"a\",\"b\"],\"finalizers\":[\"c\"]}}",
         "!The order in patch list:\n[c]\n doesn't match $setElementOrder list:\n[a b]\n"},
        {"{\"a\":1}", "[]", "!invalid JSON document"},
    };
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(apply_pod, &examples[i]);
}

static void test_strategic_lists_have_limits(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct value doc, patch;
    assert_ok(value_parse(&a, STR("{\"metadata\":{\"finalizers\":[]}}"), &doc, &err), err);
    assert_ok(value_parse(&a, STR("{\"metadata\":{\"finalizers\":[]}}"), &patch, &err), err);
    struct value *list = value_get(value_get(&patch, STR("metadata")), STR("finalizers"));
    for (int i = 0; i < 20000; i++)
        value_append(&a, list, VALUE_INT(i));
    assert_int_equal(patch_strategic(&a, &pod_type, &doc, &patch, &err), -1);
    assert_int_equal(err.code, 413);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_patch),
        cmocka_unit_test(test_json_patch_has_limits),
        cmocka_unit_test(test_merge_patch),
        cmocka_unit_test(test_strategic_merges_by_keys),
        cmocka_unit_test(test_strategic_patches_of_kubectl),
        cmocka_unit_test(test_strategic_errors),
        cmocka_unit_test(test_strategic_lists_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
