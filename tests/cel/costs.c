/* What expressions cost: at least and at most before they run, and when they run. The figures are those that
 * upstream's own tests have (k8s.io/apiserver, cel/library/cost_test.go; cel-go, checker/cost_test.go and
 * interpreter/runtimecost_test.go), and such as follow from its rules. */
#include "cel/cel.h"
#include "schema/value.h"
#include "test.h"

struct row {
    const char *expression;
    uint64_t min, max, run;
};

static void allow(void *arg, const struct cel_authz_check *check, struct cel_authz_answer *answer)
{
    (void)arg, (void)check;
    answer->allowed = true;
}

/* Whether the row is true, with these variables. */
static bool holds(const struct row *row, const struct cel_env *env, const struct cel_value *vars)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct cel_program *p = NULL;
    struct cel_value v;
    struct cel_run run = {.arena = &a, .vars = vars, .authorize = allow};
    if (cel_compile(env, str_from(row->expression), &p, &err) < 0 || cel_eval(p, &run, &v, &err) < 0)
        print_message("%s: " STR_FMT "\n", row->expression, STR_ARG(err.message));
    struct cel_cost cost = p ? cel_program_cost(p) : (struct cel_cost){0};
    cel_program_free(p);
    if (!err.reason && cost.min == row->min && cost.max == row->max && run.cost == row->run)
        return true;
    print_message("%s: %llu to %llu, in fact %llu\n", row->expression, (unsigned long long)cost.min,
                  (unsigned long long)cost.max, (unsigned long long)run.cost);
    return false;
}

static void expect_rows(const struct row *rows, size_t n, const struct cel_env *env,
                        const struct cel_value *vars)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < n; i++)
        wrong += !holds(&rows[i], env, vars);
    if (wrong)
        fail_msg("%u of %zu differ", wrong, n);
}
#define EXPECT_ROWS(rows) expect_rows(rows, ARRAY_LEN(rows), &(const struct cel_env){0}, NULL)

#define INTS  "[1, 2, 3, 4, 5]"
#define UINTS "[uint(1), uint(2), uint(3), uint(4), uint(5)]"
#define TIMES                                                                                                \
    "[timestamp('2011-01-01T00:00:00.000+01:00'), timestamp('2011-01-02T00:00:00.000+01:00'), "              \
    "timestamp('2011-01-03T00:00:00.000+01:00'), timestamp('2011-01-04T00:00:00.000+01:00'), "               \
    "timestamp('2011-01-05T00:00:00.000+01:00')]"

/* Constants are made before they run, so what makes them costs nothing then. */
static void lists(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {INTS ".sum()", 15, 15, 5},
        {UINTS ".sum()", 20, 20, 5},
        {INTS ".isSorted()", 15, 15, 5},
        {INTS ".max()", 15, 15, 5},
        {INTS ".min()", 15, 15, 5},
        {TIMES ".min()", 20, 20, 5},
        {INTS ".indexOf(3)", 15, 15, 5},
        {UINTS ".lastIndexOf(uint(3))", 21, 21, 5},
        {"'01234567890123456789012345678901234567890123456789'.indexOf('123')", 5, 5, 5},
        {INTS ".slice(1, 3)", 23, 23, 13},
        {INTS ".reverse()", 26, 26, 16},
        {"[[1, 2], [3]].flatten()", 43, 43, 13},
        {"[[1, 2], [3]].flatten(3)", 47, 47, 17},
        {"lists.range(7)", 18, 18, 18},
        {INTS ".distinct()", 71, 71, 61},
        {INTS ".sort()", 71, 71, 61},
        {"['b', 'a'].sort()", 30, 30, 19},
        {"[].sort()", 21, 21, 11},
        {INTS ".sortBy(x, -x)", 164, 164, 134},
        {"sets.contains([1], [1, 1])", 23, 23, 3},
        {"sets.contains([1, 2, 3, 4], [2, 3])", 29, 29, 9},
        {"!sets.contains([1], [1, 2])", 24, 24, 4},
        {"sets.equivalent([], [])", 21, 21, 1},
        {"sets.equivalent([1, 1], [1])", 25, 25, 5},
        {"sets.intersects([1, 2], [3, 2, 4])", 27, 27, 7},
    };
    EXPECT_ROWS(rows);
}

static void addresses(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"url('https:://kubernetes.io/').getScheme()", 4, 4, 4},
        {"url('https:://kubernetes.io/').getQuery()", 4, 4, 4},
        {"ip('192.168.0.1')", 2, 2, 2},
        {"ip('192.168.0.1').isLoopback()", 3, 3, 3},
        {"ip('2001:db8:3333:4444:5555:6666:7777:8888').family()", 5, 5, 5},
        {"ip.isCanonical('192.168.0.1')", 3, 3, 3},
        {"ip.isCanonical('2001:db8:3333:4444:5555:6666:7777:8888')", 8, 8, 8},
        {"cidr('192.168.0.0/16')", 2, 2, 2},
        {"cidr('192.168.0.0/16').masked()", 3, 3, 3},
        {"cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 7, 11, 7},
        {"cidr('192.168.0.0/16').containsCIDR('192.0.0.0/30')", 7, 11, 7},
        {"cidr('192.168.0.0/16').containsIP(ip('192.0.0.1'))", 4, 7, 4},
        {"cidr('192.168.0.0/16').containsIP('192.169.0.1')", 5, 8, 5},
        {"cidr('2001:db8::/32').containsCIDR('2001:db8::/126')", 7, 11, 7},
        {"cidr('2001:db8::/32').containsIP('2001:db8:3333:4444:5555:6666:7777:8888')", 7, 10, 7},
        {"ip('192.168.0.1') == ip('192.168.0.1')", 5, 5, 5},
        {"url('https://a/') == url('https://a/')", 3, 3, 3},
    };
    EXPECT_ROWS(rows);
}

static void texts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"'ABCDEFGHIJ abcdefghij'.lowerAscii()", 3, 3, 3},
        {"'ABCDEFGHIJ abcdefghij'.lowerAscii() == 'abcdefghij ABCDEFGHIJ'.lowerAscii()", 7, 9, 9},
        {"strings.quote('ABCDEFGHIJ abcdefghij')", 3, 3, 3},
        {"strings.quote('ABCDEFGHIJ abcdefghij') == strings.quote('ABCDEFGHIJ abcdefghij')", 7, 11, 9},
        {"'abc 123 def 123'.replace('123', '456')", 3, 3, 3},
        {"'abc 123 def 123'.replace('', 'x')", 3, 3, 3},
        {"'abc 123 def 123'.replace('123', '456', 1)", 3, 3, 3},
        {"'abc 123 def 123'.split(' ')", 3, 3, 3},
        {"'abc 123 def 123'.split(' ', 1).all(x, true)", 4, 7, 7},
        {"'abc 123 def 123'.substring(5, 8)", 2, 2, 2},
        {"'  abc 123 def 123  '.trim()", 2, 2, 2},
        {"'abc 123 def 123'.find('123')", 2, 2, 2},
        {"'abc 123 def 123'.findAll('123', 1)", 2, 2, 2},
        {"'123'.matches('[0-9]')", 2, 2, 2},
        {"''.matches('(((((((((())))))))))[0-9]')", 7, 7, 7},
        {"'12345678901234567890' == '123456789012345678901234567890'", 1, 2, 2},
        {"size('123')", 1, 1, 1},
        {"format.named('uri').hasValue()", 2, 2, 2},
        {"format.dns1123Label().validate('abc')", 33, 33, 9},
    };
    EXPECT_ROWS(rows);
}

static void quantities(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"quantity('12Mi')", 1, 1, 1},
        {"isQuantity('20M')", 1, 1, 1},
        {"quantity('200M') == quantity('200M')", 3, 3, 3},
        {"quantity('200M') != quantity('100M')", 3, UINT64_C(1844674407370955266), 3},
        {"quantity('50M').isLessThan(quantity('50Mi'))", 3, 3, 3},
        {"quantity('200M').compareTo(quantity('0.2G')) > 0", 4, 4, 4},
        {"quantity('50k').add(quantity('20')) == quantity('50.02k')", 5, 5, 5},
        {"quantity('50k').sub(20) == quantity('49980')", 4, 4, 4},
        {"quantity('50k').add(20).sub(quantity('100k')).sub(-50000).asInteger() > 0", 7, 7, 7},
        {"quantity('50.703k').asApproximateFloat() > 0.0", 3, 3, 3},
        {"semver('1.2.3').major() == 1", 3, 3, 3},
        {"semver('1.2.3') == semver('1.2.3')", 3, 3, 3},
    };
    EXPECT_ROWS(rows);
}

static void the_authorizer(void **state)
{
    (void)state;
    const struct cel_var var = {STR("authorizer"), &cel_authorizer};
    const struct cel_env env = {.vars = &var, .n_vars = 1};
    const struct cel_value value = cel_from_authorizer();
#define CHECK "authorizer.group('apps').resource('deployments')"
    static const struct row rows[] = {
        {"authorizer.path('/healthz')", 2, 2, 2},
        {CHECK ".subresource('status').namespace('test').name('backend')", 6, 6, 6},
        {"authorizer.path('/healthz').check('get').allowed()", 350003, 350003, 350003},
        {CHECK ".check('create').reason() == ''", 350004, 350004, 350004},
        {CHECK ".labelSelector('a=b').check('create').errored()", 350115, 350115, 350115},
        {CHECK ".fieldSelector('').check('create').allowed()", 350014, 350014, 350014},
    };
    expect_rows(rows, ARRAY_LEN(rows), &env, &value);
}

static void the_language(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"'Hello World!'", 0, 0, 0},
        {"[1, 2, 3].all(x, true)", 20, 20, 10},
        {"true || false", 0, 0, 0},
        {"1 < 2", 1, 1, 1},
        {"2 in [1, 2, 3]", 13, 13, 0},
        {"true ? 1 : 2", 0, 0, 0},
        {"false ? false : 1 > 3", 0, 1, 1},
        {"string(1)", 1, 1, 0},
        {"(1 > 2 ? 5 : 3) > 1", 2, 2, 2},
        {"(1 > 2 || 2 > 1) == true", 2, 3, 3},
        {"[{'k1': 1}, {'k2': 2}].all(x, true)", 77, 77, 7},
        {"((5 != 6) == (1 == 2)) == ((3 <= 4) == (9 != 9))", 7, 7, 7},
        {"optional.of(1).hasValue()", 2, 2, 2},
        {"optional.of(1).or(optional.of(2))", 3, 3, 1},
        {"optional.none().orValue(1)", 2, 2, 1},
        {"optional.of(1).optMap(x, x + 1)", 3, 17, 7},
        {"optional.none().optMap(x, 1)", 3, 15, 3},
        {"optional.of(1).optFlatMap(x, optional.of(x))", 3, 16, 6},
        {"[1, 2].first()", 11, 11, 1},
        {"optional.unwrap([optional.of(1)])", 12, 12, 12},
        {"google.protobuf.Int32Value{value: 1} == 1", 41, 41, 41},
        {"[1, 2][0]", 11, 11, 2},
        {"{'a': {'b': 1}}.a.b", 62, 62, 3},
        {"has({'a': 1}.a)", 30, 30, 1},
        {"[1, 2].filter(x, x > 1)[0] + 1", 29, 53, 21},
        {"1 / 0 == 1 || true", 2, 2, 2},
        {"[dyn(1)].sort() == ['a'] || [dyn('a')].sum() == 1 || true", 35, 49, 15},
    };
    EXPECT_ROWS(rows);
}

/* Variables whose types say how large they may be. */
static void bounded(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    const struct cel_type *text = cel_type_bound(&a, &cel_string, 500);
    const struct cel_field fields[] = {
        {.name = STR("s"), .type = text},
        {.name = STR("l"), .type = cel_type_list(&a, cel_type_bound(&a, &cel_string, 10), 5)},
        {.name = STR("m"), .type = cel_type_map(&a, cel_type_bound(&a, &cel_string, 0), &cel_int, 10)},
        {.name = STR("i"), .type = &cel_int},
    };
    const struct cel_var self = {STR("self"), cel_type_object(&a, STR("object"), fields, ARRAY_LEN(fields))};
    const struct cel_env env = {.vars = &self, .n_vars = 1};
    struct value json;
    assert_ok(value_parse(&a, STR("{\"s\":\"abc\",\"l\":[\"x\",\"y\"],\"m\":{\"k\":1,\"j\":2},\"i\":1}"),
                          &json, &err),
              err);
    const struct cel_value value = cel_from_json(&a, &json, self.type);
    static const struct row rows[] = {
        {"self", 1, 1, 1},
        {"self.s", 2, 2, 2},
        {"self.s.matches('[0-9]')", 4, 104, 4},
        {"self.s.contains(self.s)", 4, 2504, 5},
        {"self.s.startsWith('test')", 3, 3, 3},
        {"size(self.s + 'hello') > size('hello')", 6, 56, 6},
        {"bytes(self.s) == bytes(self.s)", 5, 304, 7},
        {"self.i == 5", 2, 2, 3},
        {"self.l[1] == self.l[0]", 7, 7, 7},
        {"self.l.all(x, x == 'abc')", 3, 28, 10},
        {"self.l.exists(x, x.startsWith('z'))", 3, 33, 15},
        {"self.l.map(x, x)", 13, 78, 29},
        {"self.l.isSorted()", 2, 12, 2},
        {"self.l.join(' ')", 2, 8, 3},
        {"self.l.sort()", 13, 66, 21},
        {"self.m.all(k, self.m[k] > 0)", 3, 83, 17},
        {"self.m.all(k, k.contains(k))", 3, 53, 15},
        {"has(self.m.k)", 2, 2, 2},
        {"self.s.split(',').map(x, x).size() == 1", 15, 6615, 19},
    };
    expect_rows(rows, ARRAY_LEN(rows), &env, &value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),      cmocka_unit_test(addresses),      cmocka_unit_test(texts),
        cmocka_unit_test(quantities), cmocka_unit_test(the_authorizer), cmocka_unit_test(the_language),
        cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
