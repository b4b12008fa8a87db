/* The descriptors of all kinds: consistent in themselves, and read and written the same both ways for objects
 * in which every field is set. */
#include "schema/copy.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "test.h"

#include "schema/fill.h"

static void every_kind_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_builtin_kinds; i++)
        for (unsigned seed = 1; seed <= 3; seed++) {
            const struct type *t = builtin_kinds[i]->type;
            _cleanup_arena_ struct arena a = {0};
            _cleanup_buf_ struct buf json = {0}, json2 = {0}, proto = {0}, proto2 = {0};
            _cleanup_err_ struct err err = {0};
            struct strict_errors strict = {0};
            unsigned s = seed * 77 + (unsigned)i;
            void *v = arena_alloc(&a, t->size), *from_json = arena_alloc(&a, t->size),
                 *from_proto = arena_alloc(&a, t->size);
            fill_struct(&a, t, v, &s, 6);

            json_encode(&json, t, v);
            if (json_decode(&a, t, buf_str(&json), 0, from_json, &strict, &err) < 0)
                fail_msg(STR_FMT ": " STR_FMT, STR_ARG(t->name), STR_ARG(err.message));
            if (strict.n)
                fail_msg(STR_FMT ": " STR_FMT, STR_ARG(t->name), STR_ARG(strict.at[0]));
            if (!struct_eq(t, v, from_json))
                fail_msg(STR_FMT " is not what it was", STR_ARG(t->name));
            json_encode(&json2, t, from_json);
            assert_true(str_eq(buf_str(&json), buf_str(&json2)));

            proto_encode(&proto, t, v);
            if (proto_decode(&a, t, buf_str(&proto), false, from_proto, &err) < 0)
                fail_msg(STR_FMT ": " STR_FMT, STR_ARG(t->name), STR_ARG(err.message));
            proto_encode(&proto2, t, from_proto);
            assert_true(str_eq(buf_str(&proto), buf_str(&proto2)));
            proto2.n = 0;
            proto_encode(&proto2, t, from_json);
            assert_true(str_eq(buf_str(&proto), buf_str(&proto2)));
        }
}

static void check_type(const struct type *t)
{
    uint32_t base;
    const struct field *f;
    for (unsigned i = 0; (f = type_field_at(t, i, &base)); i++) {
        uint32_t found;
        if (type_field(t, f->name, &found) != f || found != base)
            fail_msg(STR_FMT "." STR_FMT " is not found by its name", STR_ARG(t->name), STR_ARG(f->name));
        size_t size = f->shape == SHAPE_ONE        ? layout_size(f)
                      : f->shape == SHAPE_OPTIONAL ? sizeof(void *)
                                                   : 16;
        assert_true(base + f->offset + size <= t->size);
        if (f->number) {
            unsigned guess = 0;
            for (unsigned k = 0; k < t->n_fields; k++)
                if (&t->fields[k] == f)
                    assert_ptr_equal(type_field_numbered(t, f->number, &guess), f);
        }
        if (!f->doc.n)
            fail_msg(STR_FMT "." STR_FMT " has no documentation", STR_ARG(t->name), STR_ARG(f->name));
    }
    assert_int_equal(type_field_number(t, STR("no such field")), -1);
    assert_int_equal(type_field_number(t, STR("")), -1);
}

static void walk(const struct type *t, const struct type **seen, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        if (seen[i] == t)
            return;
    assert_true(*n < 2000);
    seen[(*n)++] = t;
    check_type(t);
    for (unsigned i = 0; i < t->n_fields; i++)
        if (t->fields[i].kind == VALUE_STRUCT)
            walk(t->fields[i].type, seen, n);
}

static void every_field_is_found_and_explained(void **state)
{
    (void)state;
    static const struct type *seen[2000];
    size_t n = 0;
    for (size_t i = 0; i < n_builtin_kinds; i++)
        walk(builtin_kinds[i]->type, seen, &n);
    print_message("%zu types\n", n);
    assert_true(n > 500);
}

static void resources_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        assert_ptr_equal(resource_find(r->group, r->version, r->plural), r);
        assert_ptr_equal(resource_find_kind(r->api_version, r->kind), r);
        assert_true(r->has_metadata && r->name_format.n && r->n_verbs > 0 && r->type->doc.n);
        if (r->flags & RESOURCE_VIRTUAL)
            continue;
        assert_true(r->list_type && r->list_kind.n && r->n_columns > 0);
        for (unsigned k = 0; k < r->n_verbs; k++)
            if (str_is(r->verbs[k], "create"))
                assert_true(r->storage_prefix.n);
        if (r->flags & RESOURCE_STATUS)
            assert_non_null(r->status);
    }
    assert_str(resource_qualified(resource_find(STR("apps"), STR("v1"), STR("deployments"))),
               "deployments.apps");
    assert_str(resource_qualified(resource_find(STR(""), STR("v1"), STR("pods"))), "pods");
    assert_null(resource_find(STR(""), STR("v1"), STR("deployments")));
    assert_non_null(resource_find_kind(STR("policy/v1"), STR("Eviction")));
}

/* A type made at run time is looked up the same way. */
static void an_index_made_at_run_time(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < n_builtin_kinds; i++) {
        struct type copy = *builtin_kinds[i]->type;
        copy.index = NULL;
        type_index_make(&a, &copy);
        assert_int_equal(copy.index->n, builtin_kinds[i]->type->index->n);
        uint32_t base, base2;
        const struct field *f;
        for (unsigned k = 0; (f = type_field_at(&copy, k, &base)); k++) {
            assert_ptr_equal(type_field(&copy, f->name, &base2), f);
            assert_int_equal(base, base2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_round_trips),
        cmocka_unit_test(every_field_is_found_and_explained),
        cmocka_unit_test(resources_are_complete),
        cmocka_unit_test(an_index_made_at_run_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
