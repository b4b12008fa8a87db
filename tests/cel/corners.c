/* The corners of the language: where implementations differ, and what CEL's specification says there. */
#include "table.h"
#include "test.h"

static void types(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"type(int)", "type"},
        {"type(type)", "type"},
        {"type(type(7)) == type(type('7'))", "true"},
        {"type([1]) == type(['a'])", "true"},
        {"type({1: 'a'}) == type({'a': 1})", "true"},
        {"type(0.0) == type(0)", "false"},
        {"type(optional.none()) == optional_type", "true"},
        {"type(duration('1s')) == google.protobuf.Duration", "true"},
        {"type(quantity('1')) == kubernetes.Quantity", "true"},
        {"type(ip('::1')) == net.IP", "true"},
        {"dyn", "issue: undeclared reference to 'dyn'"},
        {"list", "list"},
        {"int == int && int != uint", "true"},
    };
    EXPECT(table);
}

static void numbers(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"double(9223372036854775807) == 9223372036854775808.0", "true"},
        {"double(18446744073709551615u)", "1.8446744073709552e+19"},
        {"double('-5.43e-21')", "-5.43e-21"},
        {"double('1e999')", "+Inf"},
        {"double('')", "error: invalid syntax"},
        {"int(1e99)", "error: overflow"},
        {"int(double('NaN'))", "error: overflow"},
        {"uint(1e19)", "10000000000000000000u"},
        {"uint(6.022e23)", "error: overflow"},
        {"int('')", "error: invalid syntax"},
        {"int(' 1')", "error: invalid syntax"},
        {"-0.0 == 0.0", "true"},
        {"1.0 / -0.0", "-Inf"},
        {"0.0 / 0.0 == 0.0 / 0.0", "false"},
        {"-9223372036854775808 * -1", "error: integer overflow"},
        {"-9223372036854775808 % -1", "error: integer overflow"},
        {"9223372036854775807 - -1", "error: integer overflow"},
        {"18446744073709551615u * 2u", "error: unsigned integer overflow"},
        {"dyn(18446744073709551615u) == 18446744073709551616.0", "true"},
        {"dyn(-1) == 18446744073709551615u", "false"},
        {"-1 < 18446744073709551615u && 1u > -1", "true"},
        {"9223372036854775807 < 18446744073709551615u", "true"},
        {"1 < double('Infinity') && -1 > double('-Infinity')", "true"},
        {"1u < 1.1 && 2u >= 2.0", "true"},
    };
    EXPECT(table);
}

static void texts(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"'\\a\\b\\f\\v\\t' == '\\x07\\x08\\x0c\\x0b\\x09'", "true"},
        {"'\\?\\`\\'\\\"'", "\"?`'\\\"\""},
        {"'\\X41\\x4a\\u01aB\\U000001aB' == 'AJƫƫ'", "true"},
        {"'\\000\\177'.size()", "2"},
        {"'\\400'", "issue: token recognition error"},
        {"'\\q'", "issue: token recognition error"},
        {"'\\U00110000'", "issue: invalid unicode code point"},
        {"r\"\\x41\" + R'\\n'", "\"\\\\x41\\\\n\""},
        {"br'\\x41'.size()", "4"},
        {"B\"\"\"a'b\"c\"\"\"", "b\"a'b\\\"c\""},
        {"'''a\r\nb''' == 'a\\nb'", "true"},
        {"bytes('\\377') == b'\\377'", "false"},
        {"bytes('\\377') == b'\\303\\277'", "true"},
        {"b'\\u00ff'", "issue: unable to unescape string"},
        {"'é' < 'z'", "false"},
        {"'' < 'a' && !('a' < '')", "true"},
        {"'ta©o©αT'.lastIndexOf('©', 3)", "2"},
        {"'bananananana'.lastIndexOf('nana', 7)", "6"},
        {"'tacocat'.indexOf('', 3) + 'tacocat'.lastIndexOf('')", "10"},
        {"''.lastIndexOf('@@')", "-1"},
        {"'o©o©o'.split('©', -1)", "[\"o\",\"o\",\"o\"]"},
        {"''.split('')", "[]"},
        {"''.split(',')", "[\"\"]"},
        {"'ta©o©αT'.substring(2, 6)", "\"©o©α\""},
        {"'ta'.substring(2)", "\"\""},
        {"[].join(',')", "\"\""},
        {"'\\u180ex\\u200b'.trim().size()", "3"},
        {"strings.quote('bell\\a \\u00ff \\x7f')", "\"\\\"bell\\\\a ÿ \\\\x7f\\\"\""},
    };
    EXPECT(table);
}

static void formats(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"'plain'.format([])", "\"plain\""},
        {"'%%%s%%'.format(['x'])", "\"%x%\""},
        {"'%s %s'.format([dyn(null), true])", "\"null true\""},
        {"'%s'.format([b'xyz'])", "\"xyz\""},
        {"'%s'.format([type('')])", "\"string\""},
        {"'%s'.format([duration('1h45m47s')])", "\"6347s\""},
        {"'%s'.format([[dyn('abc'), 3.14, null, [9, 8], double('-Infinity')]])",
         "\"[abc, 3.14, null, [9, 8], -Infinity]\""},
        {"'%s'.format([{'b': dyn(2), 'a': double('NaN')}])", "\"{a: NaN, b: 2}\""},
        {"'%.3f %f'.format([1.2345, 2.71828])", "\"1.234 2.718280\""},
        {"'%e %.6e'.format([2.71828, 1052.032911275])", "\"2.718280e+00 1.052033e+03\""},
        {"'%d'.format([double('Infinity')])", "\"Infinity\""},
        {"'%b %b %o'.format([5, 64, 11])", "\"101 1000000 13\""},
        {"'%b'.format([true])", "\"1\""},
        {"'%x %X'.format([-30, 30])", "\"-1e 1E\""},
        {"'%x'.format(['Hello!'])", "\"48656c6c6f21\""},
        {"'%X'.format([b'z\\xff'])", "\"7AFF\""},
        {"'%a'.format([1])",
         "error: could not parse formatting clause: unrecognized formatting clause \"a\""},
        {"'%E'.format([0.5])", "error: unrecognized formatting clause \"E\""},
        {"'%d %d'.format([0])", "error: index 1 out of range"},
        {"'%b'.format(['x'])", "error: only integers and bools can be formatted as binary, was given string"},
        {"'%d'.format([duration('1s')])",
         "error: decimal clause can only be used on integers, was given google.protobuf.Duration"},
        {"'%o'.format(['x'])", "error: octal clause can only be used on integers, was given string"},
        {"'%x'.format([0.5])",
         "error: only integers, byte buffers, and strings can be formatted as hex, was given double"},
        {"'%f'.format(['x'])", "error: fixed-point clause can only be used on doubles, was given string"},
        {"'%s'.format([url('/x')])", "error: string clause can only be used on strings, bools, bytes"},
        {"'%'.format([1])", "error: unexpected end of string"},
        {"'%.101f'.format([1.0])", "error: precision"},
    };
    EXPECT(table);
}

static void optionals(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"optional.of(null).hasValue()", "true"},
        {"optional.ofNonZeroValue([]).hasValue()", "false"},
        {"optional.ofNonZeroValue(0.0).or(optional.of(2.0)).value()", "2.0"},
        {"{}.?a.b.c.hasValue()", "false"},
        {"{'a': {}}.?a.optFlatMap(x, x.?b).hasValue()", "false"},
        {"optional.of({'c': {'i': 'x'}}).c.i.orValue('none')", "\"x\""},
        {"optional.of({'c': {}}).c['missing'].orValue('none')", "\"none\""},
        {"optional.of({'c': {'i': 1}}).c['i'].value()", "1"},
        {"optional.none()[0].orValue(7)", "7"},
        {"has(optional.of({'c': {'e': 1}}).c) && !has(optional.of({'c': {'e': 1}}).c.x)", "true"},
        {"{'c': {'d-e': 'v'}}.?c.x.or({'c': {'d-e': 'v'}}.?c['d-e']).orValue('').size()", "1"},
        {"{?'n': optional.ofNonZeroValue({?'m': {}.?c}), 's': {}}", "{\"s\":{}}"},
        {"[?{}.?c, ?optional.of(42)]", "[42]"},
        {"[?1]", "issue: expected type 'optional_type(int)' but found 'int'"},
        {"{1u: 1.0, 3u: 3.0}[?dyn(3.0)].value()", "3.0"},
        {"{true: 1}[?dyn(false)].hasValue()", "false"},
        {"{true: dyn(0)}[?true].x.hasValue()", "error: no such overload"},
        {"optional.of(1) != optional.of(2)", "true"},
        {"optional.of(optional.of(1)).value().value()", "1"},
    };
    EXPECT(table);
}

static void times(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"string(timestamp('9999-12-31T23:59:59.999999999Z'))", "\"9999-12-31T23:59:59.999999999Z\""},
        {"timestamp('10000-01-01T00:00:00Z')", "issue: invalid timestamp argument"},
        {"timestamp(dyn('0000-01-01T00:00:00Z'))", "error: "},
        {"timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')", "error: duration overflow"},
        {"timestamp('0001-01-01T00:00:00Z') + duration('-1ns')", "error: timestamp overflow"},
        {"timestamp('0001-01-01T00:00:01.000000001Z') + duration('-999999999ns') == "
         "timestamp('0001-01-01T00:00:00.000000002Z')",
         "true"},
        {"duration(dyn('320000000000s'))", "error: "},
        {"duration('9000000000s') + duration('9000000000s')", "error: duration overflow"},
        {"timestamp('2009-02-13T23:31:30Z').getDayOfMonth('+11:00')", "13"},
        {"timestamp('2009-02-13T23:31:30Z').getHours('02:00')", "1"},
        {"timestamp('2009-02-13T23:31:30Z').getSeconds('-00:00')", "30"},
        {"timestamp('2009-02-13T23:31:30Z').getHours('../../etc/passwd')", "error: unknown time zone"},
        {"timestamp('1969-12-31T23:59:59Z').getSeconds()", "59"},
        {"timestamp('2024-12-31T00:00:00Z').getDayOfYear()", "365"},
        {"timestamp('2000-02-29T12:00:00+02:00').getHours()", "10"},
        {"timestamp(0) == timestamp('1970-01-01T00:00:00Z')", "true"},
        {"int(timestamp('2009-02-13T23:31:30Z'))", "1234567890"},
        {"duration('10000s').getHours() + duration('3730s').getMinutes()", "64"},
        {"string(duration('-1.5s')) + string(duration('1000000s'))", "\"-1.5s1000000s\""},
    };
    EXPECT(table);
}

static void errors(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"[1, 2].exists(x, 1 / (x - 1) == 1)", "true"},
        {"[1].exists(x, 1 / 0 == x)", "error: division by zero"},
        {"[1, 2].all(x, 1 / (x - 1) == 5)", "false"},
        {"[1, 2].map(x, 1 / (x - 1))", "error: division by zero"},
        {"[1, 2].filter(x, 1 / (x - 1) == 1)", "error: division by zero"},
        {"true || [1][5] == 1", "true"},
        {"[1][5] == 1 || [1][6] == 1", "error: index out of bounds: 5"},
        {"{'a': 1}.b == 1 && false", "false"},
        {"1 in dyn('a')", "error: no such overload"},
        {"size(dyn(1))", "error: no such overload: size(int)"},
        {"'a'.charAt(dyn('b'))", "error: no such overload: charAt(string, string)"},
        {"[1, 2, 3].all(x, y, x)", "issue: expected type 'bool' but found 'int'"},
        {"[1].map(x, x.y)", "issue: type 'int' does not support field selection"},
        {"x.y.z", "issue: undeclared reference to 'x'"},
        {"sets.nope([1])", "issue: undeclared reference to 'nope'"},
        {"'a'.nope()", "issue: undeclared reference to 'nope'"},
        {"size()", "issue: found no matching overload for 'size' applied to '()'"},
        {"'a'.size(1)", "issue: found no matching overload for 'size' applied to 'string.(int)'"},
        {"{'a': 1, 'b': 'c'}", "issue: expected type 'int' but found 'string'"},
        {"JSONPatch{op: 'add'}", "issue: undeclared reference to 'JSONPatch'"},
        {"jsonpatch.escapeKey('a')", "issue: undeclared reference to"},
        {"[1].all(x, x, x)", "issue: duplicate variable name: x"},
        {"a\n  .b\n  .c(", "issue: Syntax error: mismatched input '<EOF>'"},
    };
    EXPECT(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),   cmocka_unit_test(numbers),   cmocka_unit_test(texts),
        cmocka_unit_test(formats), cmocka_unit_test(optionals), cmocka_unit_test(times),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
