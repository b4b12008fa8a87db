/* What a patch reaches of an object, and that patching no more than that comes to the same. */
#include "schema/patch/excerpt.h"

#include "kinds/core_v1.h"
#include "schema/copy.h"
#include "schema/json.h"
#include "schema/patch/patch.h"
#include "test.h"

static const char pod_json[] = "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","
                               "\"namespace\":\"default\",\"labels\":{\"app\":"
                               "\"web\",\"tier\":\"front\"},\"annotations\":{\"a\":\"1\"},\"finalizers\":["
                               "\"example.com/x\"],\"managedFields\":[{"
                               "\"manager\":\"m\",\"operation\":\"Update\",\"fieldsV1\":{\"f:metadata\":{\"f:"
                               "labels\":{\"f:app\":{}}}}}]},\"spec\":{"
                               "\"containers\":[{\"name\":\"web\",\"image\":\"web:1\"},{\"name\":\"log\","
                               "\"image\":\"log:1\"}],\"nodeName\":\"n\","
                               "\"securityContext\":{\"runAsUser\":7}},\"status\":{\"phase\":\"Running\","
                               "\"podIP\":\"10.0.0.1\",\"conditions\":[{"
                               "\"type\":\"Ready\",\"status\":\"True\"}]}}";

enum sort { JSON_PATCH, MERGE, STRATEGIC };

static int patch_whole(struct arena *a, enum sort sort, struct value *doc, struct value *patch,
                       struct err *err)
{
    return sort == JSON_PATCH ? patch_json(a, doc, patch, err)
           : sort == MERGE    ? patch_merge(a, doc, patch, err)
                              : patch_strategic(a, &pod_type, doc, patch, err);
}

/* `before` patched: as a `whole`, or as far as the patch reaches. */
static int patched(struct arena *a, enum sort sort, const struct pod *before, struct str text, bool whole,
                   struct pod **out, struct value *reach, struct err *err)
{
    struct value patch, doc;
    _cleanup_buf_ struct buf json = {0};
    assert_ok(value_parse(a, text, &patch, err), *err);
    *reach = whole                ? VALUE_NULL
             : sort == JSON_PATCH ? reach_of_operations(a, &pod_type, &patch)
                                  : reach_of_merge(a, &pod_type, &patch);
    excerpt_write(&json, &pod_type, before, reach);
    assert_ok(value_parse(a, arena_str(a, buf_str(&json)), &doc, err), *err);
    struct pod *fresh = arena_new(a, struct pod);
    if (patch_whole(a, sort, &doc, &patch, err) < 0 ||
        json_decode(a, &pod_type, value_json(a, &doc), JSON_BORROW | JSON_OWN, fresh, NULL, err) < 0)
        return -1;
    *out = excerpt_put_back(a, &pod_type, before, fresh, reach);
    return 0;
}

static void test_a_patch_reaches_what_it_names(void **state)
{
    (void)state;
    static const struct {
        enum sort sort;
        const char *patch, *reach;
    } cases[] = {
        {MERGE, "{}", "{}"},
        {MERGE, "{\"metadata\":{\"labels\":{\"app\":\"api\",\"tier\":null}}}",
         "{\"metadata\":{\"labels\":null}}"},
        {MERGE,
         "{\"metadata\":{\"annotations\":null,\"labels\":{\"x\":\"y\"}},\"status\":{\"phase\":\"Failed\"}}",
         "{\"metadata\":{\"annotations\":null,\"labels\":null},\"status\":{\"phase\":null}}"},
        {MERGE, "{\"metadata\":{}}", "{\"metadata\":{}}"},
        {MERGE, "{\"status\":null,\"kind\":\"Pod\"}", "{\"kind\":null,\"status\":null}"},
        {MERGE, "{\"metadata\":{\"unknown\":{\"x\":1}}}", "{\"metadata\":{\"unknown\":null}}"},
        /* what lies behind a pointer is reached as a whole */
        {MERGE, "{\"spec\":{\"securityContext\":{\"runAsGroup\":8}}}",
         "{\"spec\":{\"securityContext\":null}}"},
        {MERGE, "{\"spec\":{\"containers\":[{\"name\":\"new\",\"image\":\"new:1\"}]}}",
         "{\"spec\":{\"containers\":null}}"},
        {STRATEGIC, "{\"spec\":{\"containers\":[{\"name\":\"log\",\"image\":\"log:2\"}]}}",
         "{\"spec\":{\"containers\":null}}"},
        {STRATEGIC, "{\"metadata\":{\"finalizers\":[\"example.com/y\"]}}",
         "{\"metadata\":{\"finalizers\":null}}"},
        /* directives may be about all members of their object */
        {STRATEGIC, "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"example.com/x\"]}}",
         "{\"metadata\":null}"},
        {STRATEGIC, "{\"spec\":{\"$retainKeys\":[\"nodeName\"],\"nodeName\":\"m\"}}", "{\"spec\":null}"},
        {STRATEGIC,
         "{\"spec\":{\"$setElementOrder/"
         "containers\":[{\"name\":\"log\"},{\"name\":\"web\"}]},\"status\":{\"phase\":\"x\"}}",
         "{\"spec\":null,\"status\":{\"phase\":null}}"},
        {JSON_PATCH, "[]", "{}"},
        {JSON_PATCH, "[{\"op\":\"add\",\"path\":\"/metadata/labels/x\",\"value\":\"y\"}]",
         "{\"metadata\":{\"labels\":null}}"},
        {JSON_PATCH,
         "[{\"op\":\"move\",\"from\":\"/metadata/labels/app\",\"path\":\"/metadata/annotations/app\"},"
         "{\"op\":\"test\",\"path\":\"/spec/nodeName\",\"value\":\"n\"}]",
         "{\"metadata\":{\"annotations\":null,\"labels\":null},\"spec\":{\"nodeName\":null}}"},
        {JSON_PATCH,
         "[{\"op\":\"remove\",\"path\":\"/metadata/labels\"},{\"op\":\"remove\",\"path\":\"/status\"}]",
         "{\"metadata\":{\"labels\":null},\"status\":null}"},
        {JSON_PATCH, "[{\"op\":\"remove\",\"path\":\"/spec/containers/1/image\"}]",
         "{\"spec\":{\"containers\":null}}"},
        {JSON_PATCH, "[{\"op\":\"copy\",\"from\":\"/metadata\",\"path\":\"/metadata\"}]",
         "{\"metadata\":null}"},
        {JSON_PATCH, "[{\"op\":\"test\",\"path\":\"\",\"value\":{}}]", "null"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0}, other = {0};
        struct pod before = {0}, *whole = NULL, *part = NULL;
        struct value reach, all;
        assert_ok(json_decode(&a, &pod_type, str_from(pod_json), 0, &before, NULL, &err), err);
        int r = patched(&a, cases[i].sort, &before, str_from(cases[i].patch), true, &whole, &all, &err);
        int s = patched(&a, cases[i].sort, &before, str_from(cases[i].patch), false, &part, &reach, &other);
        assert_str(value_json(&a, &reach), cases[i].reach);
        assert_int_equal(r, s);
        if (r == 0 && !struct_eq(&pod_type, whole, part))
            fail_msg("%s does something else to an excerpt", cases[i].patch);
    }
}

static void test_what_is_not_reached_is_shared_and_what_is_reached_is_not(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct pod before = {0}, *after;
    struct value reach;
    assert_ok(json_decode(&a, &pod_type, str_from(pod_json), 0, &before, NULL, &err), err);
    assert_ok(patched(&a, MERGE, &before, STR("{\"metadata\":{\"labels\":{\"app\":\"api\"}}}"), false, &after,
                      &reach, &err),
              err);
    assert_ptr_equal(after->spec.containers.at, before.spec.containers.at);
    assert_ptr_equal(after->status.conditions.at, before.status.conditions.at);
    assert_ptr_not_equal(after->metadata.finalizers.at, before.metadata.finalizers.at);
    assert_str(before.metadata.labels.at[0].value, "web");
    assert_str(after->metadata.labels.at[0].value, "api");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_patch_reaches_what_it_names),
        cmocka_unit_test(test_what_is_not_reached_is_shared_and_what_is_reached_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
