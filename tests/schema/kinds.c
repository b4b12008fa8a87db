/* What works over descriptors, tried on every kind of the API with every field set. */
#include "schema/copy.h"
#include "schema/default.h"
#include "schema/fill.h"
#include "schema/json.h"
#include "schema/openapi/openapi.h"
#include "schema/patch/patch.h"
#include "schema/table/table.h"
#include "schema/validate.h"
#include "test.h"

static void *filled(struct arena *a, const struct resource *r)
{
    unsigned seed = 1;
    void *value = arena_alloc(a, r->type->size);
    fill_struct(a, r->type, value, &seed, 6);
    return value;
}

static struct str json_of(struct arena *a, const struct resource *r, const void *typed)
{
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, r->type, typed);
    return arena_str(a, buf_str(&b));
}

static void test_copies_are_equal_and_changes_are_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        _cleanup_arena_ struct arena a = {0};
        void *one = filled(&a, r), *none = arena_alloc(&a, r->type->size);
        void *copy = struct_dup(&a, r->type, one);
        assert_true(struct_eq(r->type, one, copy));
        assert_true(struct_is_zero(r->type, none));
        assert_str(json_of(&a, r, copy), json_of(&a, r, one).p);
        for (size_t f = 0; f < r->type->n_fields; f++) {
            field_copy(&a, &r->type->fields[f], copy, none);
            if (struct_eq(r->type, one, copy))
                fail_msg(STR_FMT "." STR_FMT " makes no difference", STR_ARG(r->kind),
                         STR_ARG(r->type->fields[f].name));
            field_copy(&a, &r->type->fields[f], copy, one);
            assert_true(struct_eq(r->type, one, copy));
        }
    }
}

/* A null in a patch deletes, so there must be none. */
static struct str without_nulls(struct arena *a, struct str json)
{
    _cleanup_err_ struct err err = {0};
    struct value doc = VALUE_OBJECT, patch;
    assert_ok(value_parse(a, json, &patch, &err), err);
    assert_ok(patch_strategic(a, NULL, &doc, &patch, &err), err);
    return value_json(a, &doc);
}

/* A whole object as a patch of itself changes nothing, and one of nothing makes it. */
static void test_patches_with_the_object_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct str json = without_nulls(&a, json_of(&a, r, filled(&a, r)));
        for (int way = 0; way < 4; way++) {
            struct value doc = VALUE_OBJECT, patch, want;
            assert_ok(value_parse(&a, json, &patch, &err), err);
            assert_ok(value_parse(&a, json, &want, &err), err);
            if (way % 2)
                assert_ok(value_parse(&a, json, &doc, &err), err);
            assert_ok(way < 2 ? patch_merge(&a, &doc, &patch, &err)
                              : patch_strategic(&a, r->type, &doc, &patch, &err),
                      err);
            if (!value_eq(&doc, &want))
                fail_msg(STR_FMT ", way %d: got " STR_FMT, STR_ARG(r->kind), way,
                         STR_ARG(value_json(&a, &doc)));
        }
    }
}

static void test_rows_and_rules_meet_full_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        _cleanup_buf_ struct buf b = {0};
        _cleanup_field_errors_ struct field_errors e = {0};
        void *one = filled(&a, r), *copy = struct_dup(&a, r->type, one);
        default_apply(&a, r->type, copy);
        if (!struct_eq(r->type, one, copy)) /* nothing is absent, so nothing is defaulted */
            fail_msg(STR_FMT ": defaults changed what was set", STR_ARG(r->kind));
        validate_struct(&e, NULL, r->type, one, VALIDATE_UNIQUE);
        validate_update(&e, NULL, r->type, one, arena_alloc(&a, r->type->size));
        table_write_cells_of(&b, r, one, INT64_C(1800000000000000000));
        struct str cells = buf_str(&b);
        ptrdiff_t conditions = str_find(cells, STR("],\"conditions\":"));
        assert_ok(json_check(conditions < 0 ? cells : str_slice(cells.p, (size_t)conditions + 1), &err), err);
    }
}

/* Every member of a JSON object is a property of its schema in OpenAPI. */
static void check_schema(const struct value *v, const struct value *schema, const struct value *schemas,
                         struct str at)
{
    const struct value *all = value_get(schema, STR("allOf"));
    struct str ref = value_get_str(all ? &all->list.at[0] : schema, STR("$ref"));
    if (ref.n)
        schema = value_get(schemas, str_from_at(ref, STR("#/components/schemas/").n));
    if (!schema)
        fail_msg(STR_FMT ": no schema " STR_FMT, STR_ARG(at), STR_ARG(ref));
    const struct value *properties = value_get(schema, STR("properties")),
                       *items = value_get(schema, STR("items")),
                       *entries = value_get(schema, STR("additionalProperties"));
    for (size_t i = 0; v->kind == JSON_ARRAY && items && i < v->list.n; i++)
        check_schema(&v->list.at[i], items, schemas, at);
    for (size_t i = 0; v->kind == JSON_OBJECT && (properties || entries) && i < v->members.n; i++) {
        const struct value_member *m = &v->members.at[i];
        const struct value *below = entries ? entries : value_get(properties, m->key);
        if (!below)
            fail_msg(STR_FMT ": no property " STR_FMT, STR_ARG(at), STR_ARG(m->key));
        check_schema(&m->value, below, schemas, m->key);
    }
}

static void test_openapi_knows_every_field(void **state)
{
    (void)state;
    struct openapi_set set = {builtin_resources, n_builtin_resources, STR("v1.36.0")};
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        _cleanup_buf_ struct buf doc = {0};
        struct value object, openapi;
        struct str path =
            arena_printf(&a, r->group.n ? "apis/" STR_FMT : "api/" STR_FMT, STR_ARG(r->api_version));
        assert_true(openapi_write_v3(&doc, &set, path));
        assert_ok(value_parse(&a, buf_str(&doc), &openapi, &err), err);
        assert_ok(value_parse(&a, json_of(&a, r, filled(&a, r)), &object, &err), err);
        const struct value *schemas = value_get(value_get(&openapi, STR("components")), STR("schemas"));
        check_schema(&object, value_get(schemas, r->type->openapi_name), schemas, r->kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_are_equal_and_changes_are_seen),
        cmocka_unit_test(test_patches_with_the_object_itself),
        cmocka_unit_test(test_rows_and_rules_meet_full_objects),
        cmocka_unit_test(test_openapi_knows_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
