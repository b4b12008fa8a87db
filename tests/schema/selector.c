#include "schema/selector.h"

#include "kinds/meta_v1.h"
#include "test.h"

static bool matches(const char *text, const struct str_map *labels)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct selector s;
    assert_ok(selector_parse(&a, str_from(text), &s, &err), err);
    return selector_matches(&s, labels);
}

static void test_requirements_match_labels(void **state)
{
    (void)state;
    struct str_entry entries[] = {{STR("app"), STR("web")}, {STR("n"), STR("5")}, {STR("tier"), STR("")}};
    struct str_map labels = {entries, 3}, none = {0};
    static const struct {
        const char *text;
        bool match, match_none;
    } cases[] = {
        {"", true, true},
        {"  ", true, true},
        {"app", true, false},
        {"!app", false, true},
        {"! debug", true, true},
        {"app=web", true, false},
        {"app==web", true, false},
        {"app = db", false, false},
        {"app!=web", false, true},
        {"app!=db", true, true},
        {"app=web,tier=", true, false},
        {"tier=,app=web", true, false},
        {"tier", true, false},
        {"app in (web)", true, false},
        {"app in (a, b ,web)", true, false},
        {"app in (a,b)", false, false},
        {"app notin (a,b)", true, true},
        {"app notin (web)", false, true},
        {"tier in ()", true, false},
        {"tier in (,x)", true, false},
        {"tier in (x,)", true, false},
        {"tier in (x,,y)", true, false},
        {"tier in (x)", false, false},
        {"n>4", true, false},
        {"n>5", false, false},
        {"n<6", true, false},
        {"app>1", false, false},
        {"app in (in, notin, web)", true, false},
        {"in,notin", false, false},
        {"app=web,debug", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (matches(cases[i].text, &labels) != cases[i].match)
            fail_msg("%s: matches wrongly", cases[i].text);
        if (matches(cases[i].text, &none) != cases[i].match_none)
            fail_msg("%s: matches no labels wrongly", cases[i].text);
    }
}

static void test_errors_have_upstreams_words(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a=b=c", "found '=', expected: ',' or 'end of string'"},
        {",a", "found ',', expected: !, identifier, or 'end of string'"},
        {"a,", "found '', expected: identifier after ','"},
        {"a in b", "unable to parse requirement: found 'b' expected: '('"},
        {"a in (b", "unable to parse requirement: found '', expected: ',' or ')'"},
        {"a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"},
        {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
        {"!", "unable to parse requirement: found '', expected: identifier"},
        {"a=!", "unable to parse requirement: found '!', expected: identifier"},
        {"a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the "
                "value must "
                "be an integer"},
        {"!a=b", "found '=', expected: ',' or 'end of string'"},
        {"a/b/c", NULL},
        {"a=-b", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct selector s;
        if (selector_parse(&a, str_from(cases[i][0]), &s, &err) == 0)
            fail_msg("%s: taken", cases[i][0]);
        assert_int_equal(err.code, 400);
        if (cases[i][1])
            assert_str(err.message, cases[i][1]);
    }
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct selector s;
    assert_int_equal(selector_parse(&a, STR("a=-b"), &s, &err), -1);
    assert_true(str_starts(err.message,
                           STR("unable to parse requirement: values[0][a]: Invalid value: \"-b\": a valid "
                               "label must be an empty string or consist of")));
    assert_int_equal(selector_parse(&a, STR("a b/c=d"), &s, &err), -1);
    assert_int_equal(selector_parse(&a, STR("-a=d"), &s, &err), -1);
    assert_true(str_starts(err.message,
                           STR("unable to parse requirement: <nil>: Invalid value: \"-a\": name part must "
                               "consist of alphanumeric")));
}

static void test_text_comes_back_sorted(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},           {"z=1,a==2,m!=3", "a==2,m!=3,z=1"}, {"x in (c,a,b,a)", "x in (a,b,c)"},
        {"!x , y", "!x,y"}, {"x notin ()", "x notin ()"},       {"n > 1,m<2", "m<2,n>1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        _cleanup_buf_ struct buf b = {0};
        struct selector s;
        assert_ok(selector_parse(&a, str_from(cases[i][0]), &s, &err), err);
        selector_write(&b, &s);
        assert_str(buf_str(&b), cases[i][1]);
    }
}

static void test_built_by_hand(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct str_entry entries[] = {{STR("app"), STR("web")}, {STR("tier"), STR("front")}};
    struct str_map labels = {entries, 2};
    struct selector s = {0};
    const struct str values[] = {STR_INIT("web"), STR_INIT("api")};
    assert_true(selector_empty(&s));
    assert_ok(selector_add(&a, &s, STR("tier"), SELECTOR_EXISTS, NULL, 0, &err), err);
    assert_ok(selector_add(&a, &s, STR("app"), SELECTOR_IN, values, 2, &err), err);
    assert_true(selector_matches(&s, &labels));
    assert_null(selector_exact(&s, STR("app")));
    assert_int_equal(selector_add(&a, &s, STR("app"), SELECTOR_IN, NULL, 0, &err), -1);
    assert_str(err.message,
               "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
    assert_int_equal(selector_add(&a, &s, STR("app"), SELECTOR_EXISTS, values, 2, &err), -1);
    assert_str(
        err.message,
        "values: Invalid value: [\"web\",\"api\"]: values set must be empty for exists and does not exist");
    assert_int_equal(s.n, 2);

    selector_from_map(&a, &labels, &s);
    assert_true(selector_matches(&s, &labels));
    assert_str(*selector_exact(&s, STR("app")), "web");
    labels.n = 1;
    assert_false(selector_matches(&s, &labels));
    s.nothing = true;
    assert_false(selector_matches(&s, &labels));
}

static void test_from_the_struct(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf b = {0};
    struct selector s;
    assert_ok(selector_from(&a, NULL, &s, &err), err);
    assert_false(selector_matches(&s, &(struct str_map){0}));
    struct label_selector from = {0};
    assert_ok(selector_from(&a, &from, &s, &err), err);
    assert_true(selector_matches(&s, &(struct str_map){0}));

    struct str_entry entry = {STR("tier"), STR("front")};
    struct str values[] = {STR("web"), STR("api")};
    struct label_selector_requirement exprs[] = {
        {.key = STR("app"), .operator= STR("In"), .values = {values, 2}},
        {.key = STR("old"), .operator= STR("DoesNotExist")}};
    from = (struct label_selector){{&entry, 1}, {exprs, 2}};
    assert_ok(selector_from(&a, &from, &s, &err), err);
    selector_write(&b, &s);
    assert_str(buf_str(&b), "app in (api,web),!old,tier=front");
    exprs[1].operator= STR("Gt");
    assert_int_equal(selector_from(&a, &from, &s, &err), -1);
    assert_str(err.message, "\"Gt\" is not a valid label selector operator");
}

static void test_many_values_stay_quick(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf text = {0};
    struct selector s;
    buf_add_lit(&text, "a in (");
    for (int i = 0; i < 10000; i++)
        buf_addf(&text, "%s%d", i ? "," : "", i * 7919 % 10000);
    buf_add_c(&text, ')');
    assert_ok(selector_parse(&a, buf_str(&text), &s, &err), err);
    assert_int_equal(s.at[0].n, 10000);
    struct str_entry entry = {STR("a"), STR("9999")};
    assert_true(selector_matches(&s, &(struct str_map){&entry, 1}));
    buf_room(&text, SELECTOR_TEXT_MAX);
    memset(text.p, ',', SELECTOR_TEXT_MAX);
    assert_int_equal(selector_parse(&a, str_slice(text.p, SELECTOR_TEXT_MAX + 1), &s, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requirements_match_labels), cmocka_unit_test(test_errors_have_upstreams_words),
        cmocka_unit_test(test_text_comes_back_sorted),    cmocka_unit_test(test_built_by_hand),
        cmocka_unit_test(test_from_the_struct),           cmocka_unit_test(test_many_values_stay_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
