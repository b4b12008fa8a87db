/* JSON as a tree. */
#include "schema/value.h"
#include "schema/json.h"
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

static struct value parse(const char *json)
{
    struct value v;
    _cleanup_err_ struct err err = {0};
    assert_ok(value_parse(&arena, str_from(json), &v, &err), err);
    return v;
}

static void same(struct value v, const char *json)
{
    assert_str(value_json(&arena, &v), json);
}

static void texts_come_back(void **state)
{
    (void)state;
    same(parse(" { \"b\" : [1, -2.50, true, null, \"x\\u00e9<\"] , \"a\":{}, \"c\":[] } "),
         "{\"a\":{},\"b\":[1,-2.5,true,null,\"x\xc3\xa9\\u003c\"],\"c\":[]}");
    same(parse("9223372036854775807"), "9223372036854775807");
    same(parse("-9223372036854775808"), "-9223372036854775808");
    same(parse("9223372036854775808"), "9223372036854776000");
    same(parse("1e400"), "1.7976931348623157e+308");
    assert_int_equal(parse("1.0").kind, JSON_DOUBLE);
    assert_int_equal(parse("1").kind, JSON_INT);
}

static void duplicates(void **state)
{
    (void)state;
    struct strict_errors strict = {0};
    struct value v;
    assert_int_equal(
        value_parse_strict(&arena, STR("{\"x\":1,\"a\":[{\"y\":1,\"y\":2}],\"x\":3}"), &v, &strict, NULL), 0);
    same(v, "{\"a\":[{\"y\":2}],\"x\":3}");
    assert_int_equal(strict.n, 2);
    assert_str(strict.at[0], "duplicate field \"a[0].y\"");
    assert_str(strict.at[1], "duplicate field \"x\"");
}

static void what_is_refused(void **state)
{
    (void)state;
    struct value v;
    struct err err = {0};
    assert_int_equal(value_parse(&arena, STR("{\"a\":}"), &v, &err), -1);
    assert_str(err.message, "invalid character '}' looking for beginning of value");
    assert_int_equal(value_parse(&arena, STR(""), &v, &err), -1);
    assert_str(err.message, "unexpected end of JSON input");
    char deep[1000];
    memset(deep, '[', sizeof deep);
    assert_int_equal(value_parse(&arena, str_slice(deep, sizeof deep), &v, &err), -1);
    assert_str(err.message, "exceeded max depth");
    err_clear(&err);
}

static void members(void **state)
{
    (void)state;
    struct value v = VALUE_OBJECT;
    for (int i = 0; i < 50; i++)
        value_set(&arena, &v, arena_printf(&arena, "k%d", i * 7 % 50), VALUE_INT(i));
    assert_int_equal(v.members.n, 50);
    assert_int_equal(value_get(&v, STR("k7"))->i, 1);
    value_set(&arena, &v, STR("k7"), VALUE_STR(STR("new")));
    assert_str(value_get_str(&v, STR("k7")), "new");
    assert_true(value_del(&v, STR("k7")));
    assert_false(value_del(&v, STR("k7")));
    assert_null(value_get(&v, STR("k7")));
    assert_null(value_get(value_get(&v, STR("none")), STR("deeper")));
    assert_int_equal(v.members.n, 49);
}

static void elements(void **state)
{
    (void)state;
    struct value v = parse("[1,2]");
    value_append(&arena, &v, VALUE_INT(4));
    value_insert(&arena, &v, 2, VALUE_INT(3));
    value_insert(&arena, &v, 0, VALUE_INT(0));
    same(v, "[0,1,2,3,4]");
    value_remove(&v, 0);
    value_remove(&v, 3);
    same(v, "[1,2,3]");
}

static void equality_and_copies(void **state)
{
    (void)state;
    struct value x = parse("{\"a\":[1,{\"b\":2.0}],\"c\":\"d\"}"),
                 y = parse("{\"c\":\"d\",\"a\":[1.0,{\"b\":2}]}");
    assert_true(value_eq(&x, &y));
    struct value copy = value_copy(&arena, &x);
    value_append(&arena, value_get(&copy, STR("a")), VALUE_NULL);
    assert_false(value_eq(&x, &copy));
    assert_int_equal(value_get(&x, STR("a"))->list.n, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(texts_come_back), TEST(duplicates), TEST(what_is_refused),
                                       TEST(members),         TEST(elements),   TEST(equality_and_copies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
