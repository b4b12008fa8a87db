#include "test.h"

#include <errno.h>

#include "base/err.h"

static void test_an_error_says_reason_code_and_message(void **state)
{
    (void)state;
    _cleanup_err_ struct err e = {0};
    assert_int_equal(err_set(&e, ERR_NOT_FOUND, "pods \"%s\" not found", "web"), -1);
    assert_int_equal(e.code, 404);
    assert_str(e.message, "pods \"web\" not found");
    assert_string_equal(err_reason_name(e.reason), "NotFound");
    assert_int_equal(err_reason_from(STR("NotFound")), ERR_NOT_FOUND);
    assert_int_equal(err_reason_from(STR("Unheard")), ERR_NONE);
}

static void test_nobody_need_care(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_INTERNAL, "x"), -1);
    assert_int_equal(err_errno(NULL, ENOENT, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    err_add_cause(NULL, "FieldValueInvalid", STR("x"), "y");
}

static void test_an_error_may_quote_what_it_replaces(void **state)
{
    (void)state;
    _cleanup_err_ struct err e = {0};
    err_errno(&e, ENOENT, "open %s", "/x");
    assert_str(e.message, "open /x: No such file or directory");
    err_set(&e, ERR_BAD_REQUEST, "again: " STR_FMT, STR_ARG(e.message));
    assert_str(e.message, "again: open /x: No such file or directory");
    err_wrap(&e, "while %s", "starting");
    assert_str(e.message, "while starting: again: open /x: No such file or directory");
    assert_int_equal(e.reason, ERR_BAD_REQUEST);
}

static void test_causes_and_details_move_along(void **state)
{
    (void)state;
    _cleanup_err_ struct err e = {0}, to = {0};
    err_set(&to, ERR_INTERNAL, "dropped");
    err_set(&e, ERR_INVALID, "invalid");
    err_about(&e, STR("apps"), STR("Deployment"), STR("web"));
    for (int i = 0; i < 10; i++)
        err_add_cause(&e, "FieldValueRequired", STR("spec.selector"), "cause %d", i);
    err_move(&to, &e);
    assert_int_equal(e.reason, ERR_NONE);
    assert_int_equal(to.details.n_causes, 10);
    assert_str(to.details.causes[9].message, "cause 9");
    assert_str(to.details.kind, "Deployment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_error_says_reason_code_and_message),
        cmocka_unit_test(test_nobody_need_care),
        cmocka_unit_test(test_an_error_may_quote_what_it_replaces),
        cmocka_unit_test(test_causes_and_details_move_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
