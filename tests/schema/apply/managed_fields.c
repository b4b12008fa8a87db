#include "schema/apply/managed_fields.h"

#include "kinds/core_v1.h"
#include "schema/json.h"
#include "test.h"

static struct managed_fields_entry_vec entries(struct arena *a, const char *json)
{
    struct err err = {0};
    struct object_meta *m = arena_new(a, struct object_meta);
    struct str text = arena_printf(a, "{\"managedFields\":%s}", json);
    assert_ok(json_decode(a, &object_meta_type, text, 0, m, NULL, &err), err);
    return m->managed_fields;
}

static struct managed managed(struct arena *a, const char *json)
{
    struct err err = {0};
    struct managed m;
    struct managed_fields_entry_vec v = entries(a, json);
    assert_ok(managed_read(a, &v, &m, &err), err);
    return m;
}

static struct str written(struct arena *a, const struct managed *m)
{
    _cleanup_buf_ struct buf b = {0};
    struct object_meta meta = {.managed_fields = managed_write(a, m)};
    json_encode(&b, &object_meta_type, &meta);
    return arena_str(a, buf_str(&b));
}

static struct comparison change(struct arena *a, const char *added, const char *modified, const char *removed)
{
    struct comparison c;
    field_set_parse(a, str_from(added), &c.added, NULL);
    field_set_parse(a, str_from(modified), &c.modified, NULL);
    field_set_parse(a, str_from(removed), &c.removed, NULL);
    return c;
}

/* The version "v2" calls field x by the name of y; no other is served. */
static int in_v2(void *arg, struct str api_version, struct comparison *out)
{
    if (!str_is(api_version, "v2"))
        return 1;
    *out = change(arg, "{}", "{\"f:y\":{}}", "{}");
    return 0;
}

#define ENTRY(manager_, operation_, version_, time_, fields_, more_)                                         \
    "{\"manager\":\"" manager_ "\",\"operation\":\"" operation_ "\",\"apiVersion\":\"" version_              \
    "\",\"time\":\"2026-01-01T00:00:" time_ "Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":" fields_ more_    \
    "}"

static void test_entries_are_written_in_upstreams_order(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct managed m =
        managed(&a, "[" ENTRY("c", "Update", "v1", "02", "{\"f:c\":{}}", "") "," ENTRY(
                        "b", "Update", "v1", "01", "{\"f:b\":{}}",
                        "") "," ENTRY("b", "Update", "v1", "01", "{\"f:s\":{}}",
                                      ",\"subresource\":\"status\"") "," ENTRY("z", "Apply", "v1", "09",
                                                                               "{\"f:z\":{}}", "") "]");
    assert_str(written(&a, &m),
               "{\"managedFields\":[" ENTRY("z", "Apply", "v1", "09", "{\"f:z\":{}}", "") "," ENTRY(
                   "b", "Update", "v1", "01", "{\"f:b\":{}}",
                   "") "," ENTRY("b", "Update", "v1", "01", "{\"f:s\":{}}",
                                 ",\"subresource\":\"status\"") "," ENTRY("c", "Update", "v1", "02",
                                                                          "{\"f:c\":{}}", "") "]}");
}

static void test_entries_that_cannot_be_read(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"[{}]", "operation must be `Apply` or `Update`"},
        {"[{\"operation\":\"Steal\"}]", "operation must be `Apply` or `Update`"},
        {"[{\"operation\":\"Apply\"}]", "apiVersion must not be empty"},
        {"[{\"operation\":\"Apply\",\"apiVersion\":\"v1\"}]", "missing fieldsType in managed fields entry 0"},
        {"[{\"operation\":\"Apply\",\"apiVersion\":\"v1\",\"fieldsType\":\"V9\"}]",
         "invalid fieldsType \"V9\" in managed fields entry 0"},
        {"[{\"operation\":\"Apply\",\"apiVersion\":\"v1\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:a\":"
         "7}}]",
         "fields are no tree of objects"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct managed m;
        struct managed_fields_entry_vec v = entries(&a, cases[i].json);
        assert_int_equal(managed_read(&a, &v, &m, &err), -1);
        assert_str(err.message, cases[i].message);
    }
}

static void test_who_wants_to_be_rid_of_them(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct {
        const char *json;
        bool resets;
    } cases[] = {
        {"[]", true}, {"[{}]", true}, {"null", false}, {"[{},{}]", false}, {"[{\"manager\":\"a\"}]", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct managed_fields_entry_vec v = entries(&a, cases[i].json);
        assert_int_equal(managed_resets(&v), cases[i].resets);
    }
}

static void test_an_update_takes_from_others(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct managed m =
        managed(&a, "[" ENTRY("a", "Apply", "v1", "01", "{\"f:x\":{},\"f:z\":{}}", "") "," ENTRY(
                        "b", "Update", "v1", "01", "{\"f:x\":{}}",
                        "") "," ENTRY("c", "Update", "v2", "01", "{\"f:y\":{},\"f:z\":{}}",
                                      "") "," ENTRY("d", "Update", "v3", "01", "{\"f:z\":{}}",
                                                    "") "," ENTRY("u", "Update", "v1", "01",
                                                                  "{\"f:old\":{},\"f:gone\":{}}", "") "]");
    struct owner self = {STR("u"), STR("v1"), STR(""), false};
    struct comparison c = change(&a, "{\"f:new\":{}}", "{\"f:x\":{}}", "{\"f:gone\":{}}");
    managed_update(&a, &m, &self, &c, &(struct versions){in_v2, &a}, (struct time){1767225605, 0});
    assert_str(
        written(&a, &m),
        "{\"managedFields\":[" ENTRY("a", "Apply", "v1", "01", "{\"f:z\":{}}", "") "," ENTRY(
            "c", "Update", "v2", "01", "{\"f:z\":{}}",
            "") "," ENTRY("u", "Update", "v1", "05", "{\"f:new\":{},\"f:old\":{},\"f:x\":{}}", "") "]}");
}

static void test_an_update_that_only_takes_away_keeps_its_time(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct managed m = managed(&a, "[" ENTRY("u", "Update", "v1", "01", "{\"f:x\":{},\"f:y\":{}}", "") "]");
    struct owner self = {STR("u"), STR("v1"), STR(""), false};
    struct comparison c = change(&a, "{}", "{}", "{\"f:x\":{}}");
    managed_update(&a, &m, &self, &c, &(struct versions){in_v2, &a}, (struct time){1767225605, 0});
    assert_str(written(&a, &m),
               "{\"managedFields\":[" ENTRY("u", "Update", "v1", "01", "{\"f:y\":{}}", "") "]}");
}

/* The oldest of a version become one, with the newest of their times; appliers do not count. */
static void test_too_many_updaters(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct managed m = {0};
    struct versions versions = {in_v2, &a};
    for (int i = 0; i < 12; i++) {
        struct owner self = {arena_printf(&a, "m%02d", i), i == 1 ? STR("v2") : STR("v1"), STR(""), i == 0};
        struct field_set set = {0};
        struct str name = arena_printf(&a, "field%02d", i);
        field_set_insert_names(&a, &set, &name, 1);
        managed_set(&a, &m, &self, set)->time =
            arena_dup(&a, &(struct time){1767225600 + i, 0}, sizeof(struct time));
    }
    struct owner self = {STR("m99"), STR("v1"), STR("status"), false};
    struct comparison c = change(&a, "{\"f:last\":{}}", "{}", "{}");
    managed_update(&a, &m, &self, &c, &versions, (struct time){1767225659, 0});
    struct str text = written(&a, &m);
    assert_int_equal(m.n, 11);
    assert_true(
        str_find(text, STR("{\"manager\":\"ancient-changes\",\"operation\":\"Update\",\"apiVersion\":\"v1\","
                           "\"time\":\"2026-01-01T00:00:04Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{"
                           "\"f:field02\":{},\"f:field03\":{},\"f:field04\":{}}}")) > 0);
    assert_true(str_find(text, STR("\"manager\":\"m00\"")) > 0);
    assert_true(str_find(text, STR("\"manager\":\"m01\"")) > 0); /* alone in its version */
    assert_true(str_find(text, STR("\"manager\":\"m05\"")) > 0);
}

static void test_conflicts_name_who_is_in_the_way(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct managed m = managed(&a, "[" ENTRY("b", "Update", "v1", "01", "{\"f:x\":{}}",
                                             ",\"subresource\":\"scale\"") "," ENTRY("a", "Apply", "v1", "01",
                                                                                     "{\"f:x\":{}}", "") "]");
    struct owner self = {STR("u"), STR("v1"), STR(""), true};
    struct comparison c = change(&a, "{}", "{\"f:x\":{}}", "{}");
    struct conflicts conflicts = managed_conflicts(&a, &m, &self, &c, &(struct versions){in_v2, &a});
    assert_int_equal(managed_conflict_error(&conflicts, &err), -1);
    assert_str(err.message, "Apply failed with 2 conflicts: conflicts with \"a\":\n- .x\n"
                            "conflicts with \"b\" with subresource \"scale\" using v1:\n- .x");
    assert_int_equal(err.details.n_causes, 2);
    assert_str(err.details.causes[1].field, ".x");
    assert_str(err.details.causes[1].message, "conflict with \"b\" with subresource \"scale\" using v1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_are_written_in_upstreams_order),
        cmocka_unit_test(test_entries_that_cannot_be_read),
        cmocka_unit_test(test_who_wants_to_be_rid_of_them),
        cmocka_unit_test(test_an_update_takes_from_others),
        cmocka_unit_test(test_an_update_that_only_takes_away_keeps_its_time),
        cmocka_unit_test(test_too_many_updaters),
        cmocka_unit_test(test_conflicts_name_who_is_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
