/* Objects in their three forms, before and after they are committed. */
#include "schema/object.h"
#include "base/thread.h"
#include "kinds/core_v1.h"
#include "schema/proto.h"
#include "test.h"

static struct config_map example(void)
{
    static struct str_entry data[] = {{STR_INIT("a"), STR_INIT("1 < 2")}};
    return (struct config_map){
        .metadata = {.name = STR("web"),
                     .namespace = STR("default"),
                     .uid = STR("u-1"),
                     .resource_version = STR("41"),
                     .creation_timestamp = {.s = 1767323045}},
        .data = {data, 1},
    };
}

static void a_commit_adds_the_resource_version(void **state)
{
    (void)state;
    struct config_map cm = example();
    _cleanup_object_ struct object *o = object_new(&config_map_resource, &cm);
    assert_str(object_json(o), "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","
                               "\"namespace\":\"default\",\"uid\":\"u-1\",\"creationTimestamp\":"
                               "\"2026-01-02T03:04:05Z\"},\"data\":{\"a\":\"1 \\u003c 2\"}}");
    object_commit(o, 1234);
    assert_str(object_json(o),
               "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","
               "\"namespace\":\"default\",\"uid\":\"u-1\",\"resourceVersion\":\"1234\","
               "\"creationTimestamp\":\"2026-01-02T03:04:05Z\"},\"data\":{\"a\":\"1 \\u003c 2\"}}");
    assert_str(object_json_item(o),
               "\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":\"u-1\","
               "\"resourceVersion\":\"1234\",\"creationTimestamp\":"
               "\"2026-01-02T03:04:05Z\"},\"data\":{\"a\":\"1 \\u003c 2\"}}");
    assert_int_equal(object_revision(o), 1234);
    assert_str(object_name(o), "web");
    assert_str(object_namespace(o), "default");
    const struct config_map *typed = object_typed(o);
    assert_str(typed->metadata.resource_version, "1234");
    assert_str(typed->kind, "ConfigMap");
    assert_str(typed->data.at[0].value, "1 < 2");
}

static void what_was_read_before_the_commit_stays(void **state)
{
    (void)state;
    struct config_map cm = example();
    _cleanup_object_ struct object *o = object_new(&config_map_resource, &cm);
    struct str json = object_json(o);
    const struct config_map *before = object_typed(o);
    size_t proto = object_proto(o).n;
    object_commit(o, 7);
    assert_str(before->metadata.resource_version, "");
    assert_str(before->metadata.uid, "u-1");
    assert_int_equal(str_find(json, STR("resourceVersion")), -1);
    const struct config_map *after = object_typed(o);
    assert_str(after->metadata.resource_version, "7");
    assert_true(object_proto(o).n > proto);
}

static void an_object_without_a_name_commits_too(void **state)
{
    (void)state;
    struct config_map cm = {0};
    _cleanup_object_ struct object *o = object_new(&config_map_resource, &cm);
    assert_str(object_json(o), "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{}}");
    object_commit(o, 7);
    assert_str(object_json(o),
               "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"7\"}}");
}

static void the_stored_form_comes_back(void **state)
{
    (void)state;
    struct config_map cm = example();
    _cleanup_object_ struct object *o = object_new(&config_map_resource, &cm);
    _cleanup_buf_ struct buf first = {0}, again = {0};
    object_stored(o, &first);
    object_commit(o, 99);
    object_stored(o, &again);
    assert_true(str_eq(buf_str(&first), buf_str(&again)));
    struct proto_envelope envelope;
    assert_int_equal(proto_open(buf_str(&first), &envelope, NULL), 0);
    assert_str(envelope.kind, "ConfigMap");
    assert_str(envelope.api_version, "v1");

    _cleanup_object_ struct object *loaded =
        object_load(&config_map_resource, STR("default"), STR("web"), buf_str(&first), 99);
    _cleanup_buf_ struct buf stored = {0};
    object_stored(loaded, &stored);
    assert_true(str_eq(buf_str(&first), buf_str(&stored)));
    assert_true(str_eq(object_json(loaded), object_json(o)));
    assert_true(str_eq(object_proto(loaded), object_proto(o)));
    stored.n = 0;
    object_stored(loaded, &stored);
    assert_true(str_eq(buf_str(&first), buf_str(&stored)));
}

static void damage_on_disk_leaves_a_name(void **state)
{
    (void)state;
    _cleanup_object_ struct object *o =
        object_load(&config_map_resource, STR("default"), STR("web"), STR("k8s\0\x12\xff"), 5);
    assert_str(object_json(o), "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","
                               "\"namespace\":\"default\",\"resourceVersion\":\"5\"}}");
}

static void a_copy_may_be_changed(void **state)
{
    (void)state;
    struct config_map cm = example();
    struct object *o = object_new(&config_map_resource, &cm);
    _cleanup_arena_ struct arena a = {0};
    struct config_map *copy = object_copy(o, &a);
    object_unref(o);
    assert_str(copy->metadata.name, "web");
    assert_str(copy->data.at[0].value, "1 < 2");
    copy->metadata.name = STR("other");
}

struct race {
    struct object *o;
    struct str json, proto;
    const struct config_map *typed;
};

static void look(void *arg)
{
    struct race *r = arg;
    object_ref(r->o);
    r->typed = object_typed(r->o);
    r->proto = object_proto(r->o);
    r->json = object_json(r->o);
    object_unref(r->o);
}

/* Whoever comes first makes a form; all get the same one. */
static void many_threads_see_the_same_forms(void **state)
{
    (void)state;
    struct config_map cm = example();
    _cleanup_object_ struct object *made = object_new(&config_map_resource, &cm);
    _cleanup_buf_ struct buf stored = {0};
    object_stored(made, &stored);
    for (int round = 0; round < 50; round++) {
        _cleanup_object_ struct object *o =
            object_load(&config_map_resource, STR("default"), STR("web"), buf_str(&stored), 99);
        struct race races[4];
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) {
            races[i] = (struct race){.o = o};
            threads[i] = thread_start("look", look, &races[i]);
        }
        for (int i = 0; i < 4; i++)
            thread_join(threads[i]);
        for (int i = 1; i < 4; i++) {
            assert_ptr_equal(races[i].json.p, races[0].json.p);
            assert_ptr_equal(races[i].proto.p, races[0].proto.p);
            assert_ptr_equal(races[i].typed, races[0].typed);
        }
        assert_str(races[0].typed->metadata.resource_version, "99");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_adds_the_resource_version),
        cmocka_unit_test(what_was_read_before_the_commit_stays),
        cmocka_unit_test(an_object_without_a_name_commits_too),
        cmocka_unit_test(the_stored_form_comes_back),
        cmocka_unit_test(damage_on_disk_leaves_a_name),
        cmocka_unit_test(a_copy_may_be_changed),
        cmocka_unit_test(many_threads_see_the_same_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
