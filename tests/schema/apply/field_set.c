#include "schema/apply/field_set.h"

#include "test.h"

static struct field_set parsed(struct arena *a, const char *json)
{
    struct field_set s;
    struct err err = {0};
    assert_ok(field_set_parse(a, str_from(json), &s, &err), err);
    return s;
}

static void assert_set(const struct field_set *s, const char *json)
{
    _cleanup_buf_ struct buf b = {0};
    field_set_write(&b, s);
    assert_str(buf_str(&b), json);
}

static void test_fields_v1_is_read_and_written_alike(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const char *const same[] = {
        "{}",
        "{\"f:metadata\":{\"f:labels\":{\".\":{},\"f:app\":{}}}}",
        "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"web\\\"}\":{\".\":{},\"f:image\":{}}}}}",
        "{\"f:a\":{},\"k:{\\\"p\\\":80,\\\"q\\\":\\\"TCP\\\"}\":{},\"v:\\\"x\\\"\":{},\"i:3\":{}}",
        "{\"f:annotations\":{\"f:quote\\\"d\":{}}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct field_set s = parsed(&a, same[i]);
        assert_set(&s, same[i]);
    }
}

static void test_what_comes_otherwise_is_put_in_order(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"{\"f:b\":{},\"f:a\":{}}", "{\"f:a\":{},\"f:b\":{}}"},
        {"{\"i:10\":{},\"i:9\":{},\"v:1\":{},\"f:z\":{}}", "{\"f:z\":{},\"v:1\":{},\"i:9\":{},\"i:10\":{}}"},
        {"{\"v:10\":{},\"v:9\":{},\"v:\\\"a\\\"\":{},\"v:true\":{}}",
         "{\"v:9\":{},\"v:10\":{},\"v:\\\"a\\\"\":{},\"v:true\":{}}"},
        {"{\"v:\\\"a b\\\"\":{},\"v:\\\"a\\\"\":{}}", "{\"v:\\\"a\\\"\":{},\"v:\\\"a b\\\"\":{}}"},
        {"{\"k:{\\\"b\\\": 2, \\\"a\\\":1}\":{}}", "{\"k:{\\\"a\\\":1,\\\"b\\\":2}\":{}}"},
        {"{\"k:{\\\"p\\\":443}\":{},\"k:{\\\"p\\\":80}\":{}}",
         "{\"k:{\\\"p\\\":80}\":{},\"k:{\\\"p\\\":443}\":{}}"},
        {"{\"f:a\":{\"f:b\":{}},\"f:a\":{\".\":{}}}", "{\"f:a\":{\".\":{},\"f:b\":{}}}"},
        {"{\"f:a\":{\".\":{}}}", "{\"f:a\":{}}"},
        {"{\"x:future\":{\"f:a\":{}},\"f:b\":{}}", "{\"f:b\":{}}"}, /* links of another time are dropped */
        {" { \"f:a\" : { } } ", "{\"f:a\":{}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct field_set s = parsed(&a, cases[i].from);
        assert_set(&s, cases[i].to);
    }
}

static void test_what_is_no_tree_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",           "1",           "{\"f:a\":1}",  "{\"f:a\":[]}",
        "{\"f\":{}}",   "{\"fa\":{}}", "{\"i:x\":{}}", "{\"k:1\":{}}",
        "{\"k:{\":{}}", "{\"v:\":{}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct field_set s;
        assert_int_equal(field_set_parse(&a, str_from(bad[i]), &s, &err), -1);
        assert_true(err.message.n > 0);
    }
}

static void test_depth_has_a_limit(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    for (int i = 0; i < 5000; i++)
        buf_add_lit(&b, "{\"f:a\":");
    buf_add_lit(&b, "{}");
    for (int i = 0; i < 5000; i++)
        buf_add_c(&b, '}');
    struct field_set s;
    assert_int_equal(field_set_parse(&a, buf_str(&b), &s, &err), -1);
}

static void test_reckoning(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    typedef struct field_set (*operation)(struct arena *, const struct field_set *, const struct field_set *);
    static const struct {
        operation run;
        const char *x, *y, *result;
    } cases[] = {
        {field_set_union, "{\"f:a\":{}}", "{\"f:b\":{}}", "{\"f:a\":{},\"f:b\":{}}"},
        {field_set_union, "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{\".\":{},\"f:c\":{}}}",
         "{\"f:a\":{\".\":{},\"f:b\":{},\"f:c\":{}}}"},
        {field_set_intersection, "{\"f:a\":{\".\":{},\"f:b\":{}}}", "{\"f:a\":{\"f:b\":{},\"f:c\":{}}}",
         "{\"f:a\":{\"f:b\":{}}}"},
        {field_set_intersection, "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{\"f:c\":{}}}", "{}"},
        /* a parent takes nothing that lies below it, but for field_set_without */
        {field_set_difference, "{\"f:a\":{\".\":{},\"f:b\":{}}}", "{\"f:a\":{}}", "{\"f:a\":{\"f:b\":{}}}"},
        {field_set_difference, "{\"f:a\":{}}", "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{}}"},
        {field_set_difference, "{\"f:a\":{\"f:b\":{}},\"f:c\":{}}", "{\"f:a\":{\"f:b\":{}}}", "{\"f:c\":{}}"},
        {field_set_without, "{\"f:a\":{\".\":{},\"f:b\":{}},\"f:c\":{}}", "{\"f:a\":{}}", "{\"f:c\":{}}"},
        {field_set_without, "{\"f:a\":{\"f:b\":{\"f:c\":{}},\"f:d\":{}}}", "{\"f:a\":{\"f:b\":{}}}",
         "{\"f:a\":{\"f:d\":{}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct field_set x = parsed(&a, cases[i].x), y = parsed(&a, cases[i].y);
        struct field_set r = cases[i].run(&a, &x, &y);
        assert_set(&r, cases[i].result);
        assert_set(&x, cases[i].x); /* what it was made of stays */
        assert_set(&y, cases[i].y);
    }
}

static void test_taking_away_without_reading(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct {
        const char *x, *y, *left; /* left NULL: none of y is a member of x */
    } cases[] = {
        {"{}", "{\"f:a\":{}}", NULL},
        {"{\"f:a\":{}}", "{}", NULL},
        {"{\"f:a\":{}}", "{\"f:a\":{}}", ""},
        {"{\"f:a\":{}}", "{\"f:a\":{\"f:b\":{}}}", NULL},
        {"{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{}}", NULL},
        {"{\"f:a\":{\".\":{},\"f:b\":{}}}", "{\"f:a\":{}}", "{\"f:a\":{\"f:b\":{}}}"},
        {"{\"f:a\":{\".\":{},\"f:b\":{}}}", "{\"f:a\":{\"f:b\":{}}}", "{\"f:a\":{}}"},
        {"{\"f:a\":{\".\":{},\"f:b\":{},\"f:c\":{}}}", "{\"f:a\":{\".\":{},\"f:b\":{},\"f:c\":{}}}", ""},
        {"{\"f:a\":{\"f:b\":{}},\"f:c\":{},\"f:d\":{}}", "{\"f:a\":{\"f:b\":{}},\"f:d\":{}}", "{\"f:c\":{}}"},
        {"{\"f:a\":{\"k:{\\\"n\\\":\\\"}\\\"}\":{\"f:c\":{}},\"f:b\":{}},\"f:z\":{\"f:\\\"}\":{}}}",
         "{\"f:a\":{\"f:b\":{}}}",
         "{\"f:a\":{\"k:{\\\"n\\\":\\\"}\\\"}\":{\"f:c\":{}}},\"f:z\":{\"f:\\\"}\":{}}}"},
        {"{\"f:a\":{\"k:{\\\"n\\\":\\\"x\\\"}\":{\".\":{},\"f:c\":{}}}}",
         "{\"f:a\":{\"k:{\\\"n\\\":\\\"x\\\"}\":{\"f:c\":{}}}}",
         "{\"f:a\":{\"k:{\\\"n\\\":\\\"x\\\"}\":{}}}"},
        {"{\"f:a\":{\"k:{\\\"n\\\":\\\"x\\\"}\":{\"f:d\":{}}}}",
         "{\"f:a\":{\"k:{\\\"n\\\":\\\"x\\\"}\":{\"f:c\":{}}}}", NULL},
        {"{\"f:a\":{\"v:3\":{},\"v:\\\"x\\\"\":{}}}", "{\"f:a\":{\"v:3\":{}}}",
         "{\"f:a\":{\"v:\\\"x\\\"\":{}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_buf_ struct buf left = {0};
        struct field_set x = parsed(&a, cases[i].x), y = parsed(&a, cases[i].y);
        struct field_set read = field_set_difference(&a, &x, &y);
        assert_int_equal(field_set_subtract(&left, str_from(cases[i].x), &y), cases[i].left != NULL);
        if (cases[i].left)
            assert_str(buf_str(&left), cases[i].left);
        assert_set(&read, !cases[i].left ? cases[i].x : cases[i].left[0] ? cases[i].left : "{}");
    }
}

static void add_line(void *arg, struct str path)
{
    buf_addf(arg, STR_FMT "\n", STR_ARG(path));
}

static void test_paths_as_people_read_them(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    struct field_set s = parsed(&a, "{\"f:spec\":{\".\":{},\"f:ports\":{\"k:{\\\"port\\\":80,"
                                    "\\\"protocol\\\":\\\"TCP\\\"}\":{\"f:name\":{}}},"
                                    "\"f:tags\":{\"v:\\\"x\\\"\":{},\"v:7\":{},\"i:2\":{}}}}");
    field_set_each(&s, add_line, &b);
    assert_str(buf_str(&b), ".spec\n"
                            ".spec.ports[port=80,protocol=\"TCP\"].name\n"
                            ".spec.tags[=7]\n"
                            ".spec.tags[=\"x\"]\n"
                            ".spec.tags[2]\n");
    assert_int_equal(field_set_size(&s), 5);
}

static void test_paths_of_names(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    static const struct str replicas[] = {STR_INIT("spec"), STR_INIT("replicas")};
    struct field_set s = {0};
    assert_false(field_set_has(&s, replicas, 2));
    field_set_insert_names(&a, &s, replicas, 2);
    assert_true(field_set_has(&s, replicas, 2));
    assert_false(field_set_has(&s, replicas, 1));
    assert_set(&s, "{\"f:spec\":{\"f:replicas\":{}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_v1_is_read_and_written_alike),
        cmocka_unit_test(test_what_comes_otherwise_is_put_in_order),
        cmocka_unit_test(test_what_is_no_tree_is_refused),
        cmocka_unit_test(test_depth_has_a_limit),
        cmocka_unit_test(test_reckoning),
        cmocka_unit_test(test_taking_away_without_reading),
        cmocka_unit_test(test_paths_as_people_read_them),
        cmocka_unit_test(test_paths_of_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
