#include "schema/errors.h"

#include "schema/quote.h"
#include "test.h"

static struct str text(struct arena *a, const struct field_errors *e)
{
    _cleanup_buf_ struct buf b = {0};
    field_errors_write(&b, e);
    return arena_str(a, buf_str(&b));
}

static void test_paths_name_children_items_and_keys(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct path spec = path_child(NULL, STR("spec")), list = path_child(&spec, STR("containers"));
    struct path first = path_index(&list, 0);
    assert_str(path_text(&a, &spec), "spec");
    assert_str(path_text(&a, PATH(PATH_AT(PATH(&first, "ports"), 12), "containerPort")),
               "spec.containers[0].ports[12].containerPort");
    assert_str(path_text(&a, PATH_OF(PATH(PATH(NULL, "metadata"), "labels"), STR("a.b/c"))),
               "metadata.labels[a.b/c]");
    assert_str(path_text(&a, NULL), "<nil>");
}

static void test_quotes_as_go_does(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    assert_str(quote_go_str(&a, STR("plain 'text'")), "\"plain 'text'\"");
    assert_str(quote_go_str(&a, STR("a\"b\\c\n\t\x01\x7f")), "\"a\\\"b\\\\c\\n\\t\\x01\\x7f\"");
    assert_str(quote_go_str(&a, STR("\0z")), "\"\\x00z\"");
    assert_str(quote_go_str(&a, STR("사공 é")), "\"사공 é\"");
    assert_str(quote_go_str(&a, STR("\xff\xc3")), "\"\\xff\\xc3\"");
    assert_str(quote_go_str(&a, STR("\u200b\ufeff\U0001F600")), "\"\\u200b\\ufeff\U0001F600\"");
    assert_str(quote_go_str(&a, (struct str){0}), "\"\"");
}

static void test_each_type_has_upstreams_words(void **state)
{
    (void)state;
    const struct path *at = PATH(NULL, "spec");
    const struct str policies[] = {STR_INIT("Never"), STR_INIT("Always"), STR_INIT("IfNotPresent")};
    static const char *const expected[] = {
        "Required value",
        "Required value: must be given",
        "Invalid value: \"Foo\": must be lower case",
        "Invalid value: 0: must be between 1 and 65535, inclusive",
        "Invalid value: {\"a\":1}",
        "Invalid value: says nothing",
        "Unsupported value: \"x\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
        "Unsupported value: \"x\"",
        "Duplicate value: \"a\"",
        "Not found: \"b\"",
        "Forbidden: not now",
        "Too long: may not be more than 63 bytes",
        "Too many: 3: must have at most 1 item",
    };
    _cleanup_field_errors_ struct field_errors e = {0};
    field_required(&e, at, "%s", "");
    field_required(&e, at, "must be given");
    field_invalid(&e, at, STR("Foo"), "must be lower case");
    field_invalid_int(&e, at, 0, "must be between %d and %d, inclusive", 1, 65535);
    field_error(&e, FIELD_ERROR_INVALID, at, BAD_RAW(STR("{\"a\":1}")), "%s", "");
    field_error(&e, FIELD_ERROR_INVALID, at, BAD_NONE, "says nothing");
    field_not_supported_sorted(&e, at, STR("x"), policies, 3);
    field_not_supported(&e, at, STR("x"), NULL, 0);
    field_duplicate(&e, at, STR("a"));
    field_not_found(&e, at, STR("b"));
    field_forbidden(&e, at, "not now");
    field_too_long(&e, at, 63);
    field_too_many(&e, at, 3, 1);
    assert_int_equal(e.n, ARRAY_LEN(expected));
    for (size_t i = 0; i < e.n; i++)
        assert_str(e.at[i].body, expected[i]);
}

static void test_a_list_says_repeats_once(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_field_errors_ struct field_errors e = {0};
    assert_str(text(&a, &e), "");
    field_required(&e, PATH(NULL, "a"), "%s", "");
    field_required(&e, PATH(NULL, "a"), "%s", "");
    assert_str(text(&a, &e), "a: Required value");
    field_forbidden(&e, PATH(NULL, "b"), "no");
    assert_str(text(&a, &e), "[a: Required value, b: Forbidden: no]");
}

static void test_a_status_carries_message_and_causes(void **state)
{
    (void)state;
    _cleanup_field_errors_ struct field_errors e = {0};
    _cleanup_err_ struct err err = {0};
    assert_int_equal(field_errors_status(&e, STR("apps"), STR("Deployment"), STR("x"), &err), 0);
    field_required(&e, PATH(PATH(NULL, "spec"), "selector"), "%s", "");
    field_invalid_int(&e, PATH(PATH(NULL, "spec"), "replicas"), -1, "must be greater than or equal to 0");
    assert_int_equal(field_errors_status(&e, STR("apps"), STR("Deployment"), STR("x"), &err), -1);
    assert_str(err.message,
               "Deployment.apps \"x\" is invalid: [spec.selector: Required value, spec.replicas: Invalid "
               "value: -1: must be greater than or equal to 0]");
    assert_int_equal(err.code, 422);
    assert_str(err.details.kind, "Deployment");
    assert_int_equal(err.details.n_causes, 2);
    assert_string_equal(err.details.causes[1].type, "FieldValueInvalid");
    assert_str(err.details.causes[1].field, "spec.replicas");
    assert_str(err.details.causes[1].message, "Invalid value: -1: must be greater than or equal to 0");
    assert_int_equal(field_errors_status(&e, STR(""), STR("Pod"), STR(""), &err), -1);
    assert_true(str_starts(err.message, STR("Pod \"\" is invalid: [")));
}

static void test_a_flood_of_errors_is_cut_off(void **state)
{
    (void)state;
    _cleanup_field_errors_ struct field_errors e = {0};
    for (size_t i = 0; i < FIELD_ERRORS_MAX + 10; i++)
        field_required(&e, PATH_AT(NULL, i), "%s", "");
    assert_int_equal(e.n, FIELD_ERRORS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_name_children_items_and_keys),
        cmocka_unit_test(test_quotes_as_go_does),
        cmocka_unit_test(test_each_type_has_upstreams_words),
        cmocka_unit_test(test_a_list_says_repeats_once),
        cmocka_unit_test(test_a_status_carries_message_and_causes),
        cmocka_unit_test(test_a_flood_of_errors_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
