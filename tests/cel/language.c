/* The language, by the behaviours that CEL's specification and its conformance cases name. */
#include "table.h"
#include "test.h"

static void literals(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"1", "1"},
        {"-1", "-1"},
        {"0x55555555", "1431655765"},
        {"-0x55555555", "-1431655765"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "issue: invalid int literal"},
        {"42u", "42u"},
        {"0xFFu", "255u"},
        {"18446744073709551616u", "issue: invalid uint literal"},
        {"1.5", "1.5"},
        {"-2.3e+1", "-23.0"},
        {".99", "0.99"},
        {"1e3", "1000.0"},
        {"true", "true"},
        {"null", "null"},
        {"\"a\\n\\u00e9\\x41\\101\"", "\"a\\néAA\""},
        {"'single \"quotes\"'", "\"single \\\"quotes\\\"\""},
        {"r'\\n'", "\"\\\\n\""},
        {"'''three\nlines'''", "\"three\\nlines\""},
        {"'\\U0001F431'", "\"🐱\""},
        {"b'\\xff' == b'\\377'", "true"},
        {"b'ÿ'", "b\"ÿ\""},
        {"'\\ud800'", "issue: invalid unicode code point"},
        {"'unended", "issue: token recognition error"},
        {"[1, 2, 3,]", "[1,2,3]"},
        {"{'a': 1, 'b': 2}", "{\"a\":1,\"b\":2}"},
        {"{1: 'x', 2u: 'y'}[2u]", "issue: expected type 'int' but found 'uint'"},
        {"{'a': 1, 'a': 2}", "error: Failed with repeated key"},
        {"{1.5: 1}", "error: unsupported key type"},
        {"// a comment\n 1", "1"},
        {"[1, 'a']", "issue: expected type 'int' but found 'string'"},
        {"[dyn(1), 'a']", "[1,\"a\"]"},
    };
    EXPECT(table);
}

static void arithmetic(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"1 + 2 * 3 - 4 / 2", "5"},
        {"(1 + 2) * 3", "9"},
        {"7 % 4", "3"},
        {"-7 % 4", "-3"},
        {"-7 / 2", "-3"},
        {"9223372036854775807 + 1", "error: integer overflow"},
        {"-9223372036854775808 - 1", "error: integer overflow"},
        {"5000000000 * 5000000000", "error: integer overflow"},
        {"-9223372036854775808 / -1", "error: integer overflow"},
        {"-(-9223372036854775808)", "error: integer overflow"},
        {"1u - 2u", "error: unsigned integer overflow"},
        {"18446744073709551615u + 1u", "error: unsigned integer overflow"},
        {"1 / 0", "error: division by zero"},
        {"1 % 0", "error: modulus by zero"},
        {"1.0 / 0.0", "+Inf"},
        {"0.5 + 0.25", "0.75"},
        {"'a' + 'b'", "\"ab\""},
        {"b'a' + b'b'", "b\"ab\""},
        {"[1] + [2, 3]", "[1,2,3]"},
        {"1 + 1.0", "issue: found no matching overload for '_+_' applied to '(int, double)'"},
        {"1 + dyn('a')", "error: no such overload"},
        {"--5", "5"},
        {"!!true", "true"},
        {"!true", "false"},
        {"-true", "issue: found no matching overload for '-_' applied to '(bool)'"},
    };
    EXPECT(table);
}

static void comparing(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"1 == 1", "true"},
        {"1 == 1.0", "issue: found no matching overload for '_==_' applied to '(int, double)'"},
        {"dyn(1) == 1.0", "true"},
        {"dyn(1) == 1u", "true"},
        {"dyn(1u) == 1.0", "true"},
        {"dyn(9007199254740993) == 9007199254740992.0", "true"},
        {"dyn(1) == 'a'", "false"},
        {"dyn(1) != 'a'", "true"},
        {"dyn(null) == 0", "false"},
        {"[1, 2] == [1, 2]", "true"},
        {"[dyn(1)] == [1.0]", "true"},
        {"{'a': 1} == {'a': 1}", "true"},
        {"{'a': 1} == {'a': 2}", "false"},
        {"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"},
        {"0.0 == -0.0", "true"},
        {"double('NaN') == double('NaN')", "false"},
        {"1 < 2.5", "true"},
        {"1u < 2", "true"},
        {"18446744073709551615u > -1", "true"},
        {"9223372036854775807 < 9223372036854775808.0", "false"},
        {"'a' < 'b'", "true"},
        {"'abc' >= 'abd'", "false"},
        {"b'a' < b'b'", "true"},
        {"false < true", "true"},
        {"double('NaN') < 1.0", "false"},
        {"1 < 'a'", "issue: found no matching overload for '_<_' applied to '(int, string)'"},
        {"type(1) == int", "true"},
        {"type('a') == type('b')", "true"},
        {"type(null) == null_type", "true"},
        {"type(timestamp('2026-01-01T00:00:00Z')) == google.protobuf.Timestamp", "true"},
        {"type(type(1)) == type", "true"},
        {"type([]) == list", "true"},
    };
    EXPECT(table);
}

static void logic(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"true && false", "false"},
        {"false || true", "true"},
        {"true || 1/0 == 1", "true"},
        {"1/0 == 1 || true", "true"},
        {"1/0 == 1 && false", "false"},
        {"1/0 == 1 && true", "error: division by zero"},
        {"1/0 == 1 || false", "error: division by zero"},
        {"1/0 == 1 || 1 % 0 == 1 || true", "true"},
        {"false && dyn('a')", "false"},
        {"true && dyn('a')", "error: no such overload"},
        {"true && 1", "issue: expected type 'bool' but found 'int'"},
        {"true ? 1 : 2", "1"},
        {"false ? 1 / 0 : 2", "2"},
        {"true ? 1 : 'a'", "issue: found no matching overload for '_?_:_' applied to '(bool, int, string)'"},
        {"1 ? 2 : 3", "issue: found no matching overload for '_?_:_'"},
        {"true ? (false ? 1 : 2) : 3", "2"},
        {"false ? 1 : true ? 2 : 3", "2"},
        {"true ? false ? 1 : 2 : 3", "issue: Syntax error"},
        {"dyn('a') ? 1 : 2", "error: no such overload"},
    };
    EXPECT(table);
}

static void members(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"{'a': 1}.a", "1"},
        {"{'a': 1}['a']", "1"},
        {"{'a': 1}.b", "error: no such key: b"},
        {"{'a': 1}['b']", "error: no such key: b"},
        {"{1: 'x'}[1]", "\"x\""},
        {"{1: 'x'}[dyn(1.0)]", "\"x\""},
        {"{1: 'x'}[dyn(1u)]", "\"x\""},
        {"{true: 1}[true]", "1"},
        {"[1, 2][1]", "2"},
        {"[1, 2][dyn(1.0)]", "2"},
        {"[1, 2][2]", "error: index out of bounds: 2"},
        {"[1, 2][-1]", "error: index out of bounds: -1"},
        {"has({'a': 1}.a)", "true"},
        {"has({'a': 1}.b)", "false"},
        {"has(1)", "issue: invalid argument to has() macro"},
        {"1 in [1, 2]", "true"},
        {"dyn(1.0) in [1, 2]", "true"},
        {"'a' in {'a': 1}", "true"},
        {"3 in {1: 1}", "false"},
        {"dyn(1u) in {1: 1}", "true"},
        {"'x'.y", "issue: type 'string' does not support field selection"},
        {"dyn('x').y", "error: no such overload"},
        {"{'namespace': 1}.namespace", "1"},
        {"size('héllo')", "5"},
        {"size(b'héllo')", "6"},
        {"'ab'.size() + [1].size() + {}.size()", "3"},
        {"'abcd'.contains('bc') && 'abcd'.startsWith('ab') && 'abcd'.endsWith('cd')", "true"},
        {"x", "issue: ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n | x\n | ^"},
        {"1 == 1 &&\n  nope(1)", "issue: ERROR: <input>:2:7: undeclared reference to 'nope'"},
        {"1 +", "issue: Syntax error: mismatched input '<EOF>' expecting"},
        {"1 1", "issue: Syntax error:"},
        {"(1", "issue: Syntax error: missing ')' at '<EOF>'"},
        {"for", "issue: reserved identifier: for"},
        {"1 $ 2", "issue: Syntax error: token recognition error at: '$'"},
        {"", "issue: Syntax error: mismatched input '<EOF>'"},
    };
    EXPECT(table);
}

static void macros(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"[1, 2].all(x, x > 0)", "true"},
        {"[1, 2].all(x, x > 1)", "false"},
        {"[].all(x, x > 1)", "true"},
        {"[1, 0].all(x, 1 / x > 1)", "false"},
        {"[0, 1].all(x, 1 / x > 0)", "error: division by zero"},
        {"[0, 2].all(x, 4 / x < 2)", "false"},
        {"[0, 2].exists(x, 4 / x == 2)", "true"},
        {"[1, 2].exists(x, x == 3)", "false"},
        {"{'a': 1}.exists(k, k == 'a')", "true"},
        {"[1, 2, 2].exists_one(x, x == 1)", "true"},
        {"[1, 2, 2].exists_one(x, x == 2)", "false"},
        {"[1, 0].exists_one(x, 1 / x == 1)", "error: division by zero"},
        {"[1, 2, 3].filter(x, x % 2 == 1)", "[1,3]"},
        {"[1, 2, 3].map(x, x * 2)", "[2,4,6]"},
        {"[1, 2, 3].map(x, x > 1, x * 2)", "[4,6]"},
        {"{'a': 1, 'b': 2}.map(k, k).size()", "2"},
        {"[[1], [2, 3]].map(x, x.map(y, y + x.size()))", "[[2],[4,5]]"},
        {"[1, 2].all(i, v, v == i + 1)", "true"},
        {"{'a': 'b'}.all(k, v, k < v)", "true"},
        {"[5, 6].exists(i, v, i == 1 && v == 6)", "true"},
        {"[5, 6].existsOne(i, v, v > 5)", "true"},
        {"[5, 6].transformList(i, v, i * v)", "[0,6]"},
        {"[5, 6].transformList(i, v, i > 0, v)", "[6]"},
        {"{'a': 1}.transformMap(k, v, v + 1)", "{\"a\":2}"},
        {"{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v)", "{\"b\":2}"},
        {"[5].transformMap(i, v, v)", "{\"0\":5}"},
        {"{'a': 'b'}.transformMapEntry(k, v, {v: k})", "{\"b\":\"a\"}"},
        {"{'a': 'c', 'b': 'c'}.transformMapEntry(k, v, {v: k})", "error: insert failed"},
        {"[1].all(x.y, true)", "issue: argument must be a simple name"},
        {"[1].all(x, x)", "issue: "},
        {"1.all(x, true)", "issue: "},
        {"(1).all(x, true)", "issue: expression of type 'int' cannot be range of a comprehension"},
        {"dyn(1).all(x, true)", "error: got 'int', expected iterable type"},
    };
    EXPECT(table);
}

static void optionals(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"{'a': 1}.?a", "some 1"},
        {"{'a': 1}.?b", "none"},
        {"{'a': {'b': 2}}.?a.b", "some 2"},
        {"{'a': {'b': {'c': 2}}}.?x.b.c", "none"},
        {"{'a': 1}[?'a'].orValue(3)", "1"},
        {"{'a': 1}[?'b'].orValue(3)", "3"},
        {"[1][?0]", "some 1"},
        {"[1][?5]", "none"},
        {"optional.of([1, 2])[1]", "some 2"},
        {"optional.none().hasValue()", "false"},
        {"optional.of(1).value()", "1"},
        {"optional.none().value()", "error: optional.none() dereference"},
        {"optional.ofNonZeroValue(0)", "none"},
        {"optional.ofNonZeroValue('x')", "some \"x\""},
        {"optional.none().or(optional.of(2))", "some 2"},
        {"optional.of(2).optMap(x, x + 1)", "some 3"},
        {"optional.none().optMap(x, 1)", "none"},
        {"optional.of({'a': 1}).optFlatMap(x, x.?b)", "none"},
        {"[?optional.of(1), ?optional.none(), 2]", "[1,2]"},
        {"{?'a': optional.none(), ?'b': optional.of(1)}", "{\"b\":1}"},
        {"optional.of(1) == optional.of(1)", "true"},
        {"optional.of(1) == optional.none()", "false"},
        {"has({'a': {'b': 1}}.?a.b)", "true"},
        {"optional.of(1).or(optional.of(1 / 0))", "some 1"},
        {"optional.of(1).orValue(1 / 0)", "1"},
        {"optional.none().orValue(1 / 0)", "error: division by zero"},
        {"[1, 2].first()", "some 1"},
        {"[1, 2].last()", "some 2"},
        {"[].first()", "none"},
        {"optional.unwrap([optional.of(1), optional.none()])", "[1]"},
        {"[optional.none(), optional.of('a')].unwrapOpt()", "[\"a\"]"},
    };
    EXPECT(table);
}

static void conversions(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"int(1.9)", "1"},
        {"int(-1.9)", "-1"},
        {"int('12')", "12"},
        {"int('x')", "error: strconv.ParseInt: parsing \"x\": invalid syntax"},
        {"int(1e20)", "error: integer overflow"},
        {"int(18446744073709551615u)", "error: integer overflow"},
        {"int(timestamp('1970-01-01T00:01:00Z'))", "60"},
        {"uint(1)", "1u"},
        {"uint(-1)", "error: unsigned integer overflow"},
        {"uint('7')", "7u"},
        {"double('1.5')", "1.5"},
        {"double(3)", "3.0"},
        {"string(1.5)", "\"1.5\""},
        {"string(-4.5e-3)", "\"-0.0045\""},
        {"string(1e7)", "\"1e+07\""},
        {"string(true) + string(7u) + string(-3)", "\"true7-3\""},
        {"string(b'abc')", "\"abc\""},
        {"string(b'\\xff')", "error: invalid UTF-8"},
        {"bytes('é') == b'\\xc3\\xa9'", "true"},
        {"bool('true') && !bool('f')", "true"},
        {"bool('yes')", "error: strconv.ParseBool"},
        {"string(duration('1h30m'))", "\"5400s\""},
        {"string(duration('1.5s'))", "\"1.5s\""},
        {"string(timestamp('2026-02-03T04:05:06.5Z'))", "\"2026-02-03T04:05:06.5Z\""},
        {"type(dyn(1)) == int", "true"},
    };
    EXPECT(table);
}

static void times(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"timestamp('2009-02-13T23:31:30Z').getFullYear()", "2009"},
        {"timestamp('2009-02-13T23:31:30Z').getMonth()", "1"},
        {"timestamp('2009-02-13T23:31:30Z').getDate()", "13"},
        {"timestamp('2009-02-13T23:31:30Z').getDayOfMonth()", "12"},
        {"timestamp('2009-02-13T23:31:30Z').getDayOfWeek()", "5"},
        {"timestamp('2009-02-13T23:31:30Z').getDayOfYear()", "43"},
        {"timestamp('2009-02-13T23:31:30Z').getHours()", "23"},
        {"timestamp('2009-02-13T23:31:30Z').getMinutes('+00:30')", "1"},
        {"timestamp('2009-02-13T23:31:20.123456789Z').getMilliseconds()", "123"},
        {"timestamp('2009-02-13T02:00:00Z').getDate('-02:30')", "12"},
        {"timestamp('2009-02-13T23:31:30Z').getHours('nowhere')", "error: unknown time zone nowhere"},
        {"timestamp('2009-02-13T23:31:30Z') + duration('1h')", "2009-02-14T00:31:30Z"},
        {"timestamp('2009-02-13T23:31:30Z') - timestamp('2009-02-13T23:31:00Z')", "30s"},
        {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "error: timestamp overflow"},
        {"timestamp('0001-01-01T00:00:00Z') - duration('1s')", "error: timestamp overflow"},
        {"duration('1h') > duration('59m')", "true"},
        {"duration('3700s').getHours()", "1"},
        {"duration('90s').getMinutes()", "1"},
        {"duration('1.5s').getMilliseconds()", "1500"},
        {"-duration('1s') + duration('3s')", "2s"},
        {"duration('nope')", "issue: invalid duration argument"},
        {"timestamp('nope')", "issue: invalid timestamp argument"},
        {"timestamp(dyn('nope'))", "error: parsing time"},
    };
    EXPECT(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals),  cmocka_unit_test(arithmetic),  cmocka_unit_test(comparing),
        cmocka_unit_test(logic),     cmocka_unit_test(members),     cmocka_unit_test(macros),
        cmocka_unit_test(optionals), cmocka_unit_test(conversions), cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
