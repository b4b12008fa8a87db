#include "schema/copy.h"

#include "model.h"
#include "schema/copy.h"
#include "schema/layout.h"
#include "test.h"

static bool equal(const struct gadget *a, const struct gadget *b)
{
    return struct_eq(&gadget_type, a, b);
}

static void test_a_copy_is_equal_and_shares_nothing(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct gadget *copy;
    {
        _cleanup_arena_ struct arena gone = {0};
        copy = struct_dup(&a, &gadget_type, model_gadget(&gone));
    } /* the original's memory is given back: the sanitizer would see whoever still looks at it */
    assert_true(equal(copy, model_gadget(&a)));
    assert_str(*copy->spare->note, "note");
    assert_str(copy->by_name.at[0].key, "k");
}

static void test_every_field_counts(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    const struct gadget *g = model_gadget(&a);
    for (size_t i = 0; i < gadget_type.n_fields; i++) { /* each field in turn is emptied */
        const struct field *f = &gadget_type.fields[i];
        struct gadget *other = struct_dup(&a, &gadget_type, g), none = {0};
        assert_false(field_is_zero(f, field_at(f, other)));
        field_copy(&a, f, other, &none);
        assert_true(field_is_zero(f, field_at(f, other)));
        assert_false(equal(g, other));
        assert_false(field_eq(f, field_at(f, g), field_at(f, other)));
    }
    assert_true(struct_is_zero(&gadget_type, &(struct gadget){0}));
    assert_false(struct_is_zero(&gadget_type, g));
}

static void test_depth_counts(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct gadget *g = model_gadget(&a), *h = model_gadget(&a);
    h->parts.at[1].port++;
    assert_false(equal(g, h));
    h = model_gadget(&a);
    h->by_name.at[0].key = STR("l");
    assert_false(equal(g, h));
    h = model_gadget(&a);
    h->spare->note = NULL;
    assert_false(equal(g, h));
    h = model_gadget(&a);
    h->limit.s = STR("11%");
    assert_false(equal(g, h));
}

static void test_absent_lists_equal_empty_ones(void **state)
{
    (void)state;
    struct part no_part;
    struct str_entry no_entry;
    struct gadget g = {0}, h = {0};
    h.parts.at = &no_part;
    h.labels.at = &no_entry;
    assert_true(equal(&g, &h));
    g.quantity = STR("1");
    h.quantity = STR("1000m");
    assert_true(equal(&g, &h)); /* the same amount */
    bool no = false;
    h.maybe = &no;
    assert_false(equal(&g, &h)); /* a present false is not absent */
}

static void test_fields_can_be_left_out(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct gadget *g = model_gadget(&a), *h = model_gadget(&a);
    const struct str out[] = {STR_INIT("name"), STR_INIT("spare.port"), STR_INIT("color")};
    h->name = STR("other");
    h->spare->port = 1;
    h->color = STR("red");
    assert_true(struct_eq_but(&gadget_type, g, h, out, 3));
    assert_false(struct_eq_but(&gadget_type, g, h, out, 2));
    h->spare->name = STR("x");
    assert_false(struct_eq_but(&gadget_type, g, h, out, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_is_equal_and_shares_nothing),
        cmocka_unit_test(test_every_field_counts),
        cmocka_unit_test(test_depth_counts),
        cmocka_unit_test(test_absent_lists_equal_empty_ones),
        cmocka_unit_test(test_fields_can_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
