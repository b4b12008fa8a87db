#include "schema/table/jsonpath.h"

#include "test.h"

#define DOC                                                                                                  \
    "{\"a\":{\"b.c\":1,\"d\":[10,20,30]},\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"n\":3},{" \
    "\"type\":\"Other\",\"status\":"                                                                         \
    "\"False\",\"n\":7,\"m\":1}]}"

/* The values found, as a JSON array; NULL: the path is refused. */
static void check(const char *path, const char *expected)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    const struct value *found[JSONPATH_FOUND];
    struct value doc;
    struct jsonpath p;
    assert_ok(value_parse(&a, STR(DOC), &doc, &err), err);
    if (jsonpath_compile(&a, str_from(path), &p, &err) < 0) {
        if (expected)
            fail_msg("%s: " STR_FMT, path, STR_ARG(err.message));
        return;
    }
    size_t n = jsonpath_find(&p, &doc, found, JSONPATH_FOUND);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_c(&b, ' ');
        value_write(&b, found[i]);
    }
    if (!expected)
        fail_msg("%s: taken", path);
    if (!str_is(buf_str(&b), expected))
        fail_msg("%s: got " STR_FMT ", not %s", path, STR_ARG(buf_str(&b)), expected);
}

static void test_paths(void **state)
{
    (void)state;
    check(".a.d", "[10,20,30]");
    check("$.a.d", "[10,20,30]");
    check("{.a.d}", "[10,20,30]");
    check(".a['b.c']", "1");
    check(".a.b\\.c", "1");
    check(".a.d[0]", "10");
    check(".a.d[-1]", "30");
    check(".a.d[-9]", "");
    check(".a.d[3]", "");
    check(".a.d[*]", "10 20 30");
    check(".a.d[1:]", "20 30");
    check(".a.d[:2]", "10 20");
    check(".a.d[0:-1]", "10 20");
    check(".a.*", "1 [10,20,30]");
    check(".none.at.all", "");
    check(".a.d.x", "");
}

static void test_filters(void **state)
{
    (void)state;
    check(".conditions[?(@.type==\"Ready\")].status", "\"True\"");
    check(".conditions[?(@.type=='Other')].status", "\"False\"");
    check(".conditions[?(@.type != 'Other')].status", "\"True\"");
    check(".conditions[?(@.n > 3)].type", "\"Other\"");
    check(".conditions[?(@.n>=3)].type", "\"Ready\" \"Other\"");
    check(".conditions[?(@.n < 7)].type", "\"Ready\"");
    check(".conditions[?(@.m)].type", "\"Other\"");
    check(".conditions[?(@.type<5)].type", "");
}

static void test_what_is_no_path(void **state)
{
    (void)state;
    check(".a[", NULL);
    check(".a[x]", NULL);
    check(".a['b", NULL);
    check(".a[?(b==1)]", NULL);
    check(".a[?(@.b==1]", NULL);
    check(".a[?(@.b==x)]", NULL);
    check(".a b", NULL);
    check("..a", NULL);
    check(".a.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_what_is_no_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
