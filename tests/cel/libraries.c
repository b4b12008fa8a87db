/* The libraries of Kubernetes' environment. */
#include "table.h"
#include "test.h"

static void strings(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"'héllo'.charAt(1)", "\"é\""},
        {"'hello'.charAt(5)", "\"\""},
        {"'hello'.charAt(6)", "error: index out of range: 6"},
        {"'hello mellow'.indexOf('ello')", "1"},
        {"'hello mellow'.indexOf('ello', 2)", "7"},
        {"'hello mellow'.indexOf('jello')", "-1"},
        {"'hello mellow'.indexOf('ello', 20)", "error: index out of range: 20"},
        {"'hello mellow'.lastIndexOf('ello')", "7"},
        {"'hello mellow'.lastIndexOf('ello', 6)", "1"},
        {"'TacoCÆt'.lowerAscii()", "\"tacocÆt\""},
        {"'tacoCat'.upperAscii()", "\"TACOCAT\""},
        {"'hello hello'.replace('he', 'we')", "\"wello wello\""},
        {"'hello hello'.replace('he', 'we', 1)", "\"wello hello\""},
        {"'ab'.replace('', '-')", "\"-a-b-\""},
        {"'a b c'.split(' ')", "[\"a\",\"b\",\"c\"]"},
        {"'a b c'.split(' ', 2)", "[\"a\",\"b c\"]"},
        {"'a b c'.split(' ', 0)", "[]"},
        {"'añb'.split('')", "[\"a\",\"ñ\",\"b\"]"},
        {"'tacocat'.substring(4)", "\"cat\""},
        {"'tacocat'.substring(0, 4)", "\"taco\""},
        {"'tacocat'.substring(40)", "error: index out of range: 40"},
        {"'tacocat'.substring(3, 1)", "error: invalid substring range. start: 3, end: 1"},
        {"' \\u2003x\\t'.trim()", "\"x\""},
        {"['a', 'b'].join('-')", "\"a-b\""},
        {"['a', 'b'].join()", "\"ab\""},
        {"strings.quote('a\"b')", "\"\\\"a\\\\\\\"b\\\"\""},
        {"'%s %d %.2f %x %b %%'.format([dyn('a'), 5, 1.5, 255, 5])", "\"a 5 1.50 ff 101 %\""},
        {"'%s'.format([[1, 'a', {'k': true}]])", "issue: "},
        {"'%d'.format(['x'])", "error: error during formatting"},
        {"'%s %s'.format(['x'])", "error: index 1 out of range"},
        {"'abc'.matches('^a.c$')", "true"},
        {"matches('abc', 'b')", "true"},
        {"'abc\\n'.matches('c$')", "false"},
        {"'abc'.matches('(')", "issue: invalid matches argument"},
        {"'abc'.matches('(?=a)')", "issue: invalid matches argument"},
        {"'aa'.matches('(a)\\\\1')", "issue: invalid matches argument"},
        {"'abc'.matches(dyn('a++'))", "error: error parsing regexp: invalid nested repetition operator"},
        {"'abc 123'.find('[0-9]+')", "\"123\""},
        {"'abc'.find('[0-9]+')", "\"\""},
        {"'1 22 333'.findAll('[0-9]+')", "[\"1\",\"22\",\"333\"]"},
        {"'1 22 333'.findAll('[0-9]+', 2)", "[\"1\",\"22\"]"},
        {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('^(a+)+b$')", "false"},
    };
    EXPECT(table);
}

static void lists(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"[1, 2, 2].isSorted()", "true"},
        {"['b', 'a'].isSorted()", "false"},
        {"[1, 3].sum()", "4"},
        {"[0.5, 1.5].sum()", "2.0"},
        {"[duration('1m'), duration('1s')].sum()", "61s"},
        {"['b', 'a', 'c'].min()", "\"a\""},
        {"[1, 3, 2].max()", "3"},
        {"dyn([1]).max()", "1"},
        {"[1, 2, 1].indexOf(1) + [1, 2, 1].lastIndexOf(1)", "2"},
        {"[1].filter(x, false).min()", "error: min called on empty list"},
        {"[1, 2, 3, 4].slice(1, 3)", "[2,3]"},
        {"[[1], [2, 3]].flatten()", "[1,2,3]"},
        {"[3, 1, 2].sort()", "[1,2,3]"},
        {"[1, 2, 1].distinct()", "[1,2]"},
        {"lists.range(3).reverse()", "[2,1,0]"},
        {"sets.contains([1, 2], [2])", "true"},
        {"sets.contains([1], [dyn(1.0), 1u])", "true"},
        {"sets.equivalent([1, 1], [1])", "true"},
        {"sets.intersects([1], [2])", "false"},
        {"['b', 'a'].sort() == [b'b', b'a'].map(x, string(x)).sort()", "true"},
        {"[['x', 'b'], ['y', 'a']].sortBy(x, x[1]).map(x, x[0])", "[\"y\",\"x\"]"},
        {"[3, 1, 2].sortBy(x, -x)", "[3,2,1]"},
        {"[dyn(1), dyn('a')].sortBy(x, x)", "error: list elements must have the same type"},
        {"[dyn([1])].sortBy(x, x)", "error: list elements must be comparable"},
        {"[[1]].sortBy(x, x)", "issue: found no matching overload for '@sortByAssociatedKeys' applied to "
                               "'list(list(int)).(list(list(int)))'"},
        {"{'a': 1}.sortBy(x, x)", "issue: sortBy can only be applied to a list, identifier, comprehension"},
        {"[[1]].sort()", "issue: found no matching overload for 'sort' applied to 'list(list(int)).()'"},
        /* Libraries that Kubernetes' environment does not have. */
        {"math.greatest(1, 2)", "issue: undeclared reference to 'math' (in container '')"},
        {"base64.encode(b'hello')", "issue: undeclared reference to 'encode' (in container '')"},
        {"cel.bind(x, 1, x)", "issue: undeclared reference to 'bind' (in container '')"},
        {"[1].existsOne(x, x > 0)", "issue: undeclared reference to 'existsOne' (in container '')"},
        {"'abc'.reverse()", "issue: found no matching overload for 'reverse' applied to 'string.()'"},
    };
    EXPECT(table);
}

static void kubernetes(void **state)
{
    (void)state;
    static const struct expectation table[] = {
        {"url('https://user@example.com:80/a%20b?x=1&x=2').getHost()", "\"example.com:80\""},
        {"url('https://example.com:80/').getPort()", "\"80\""},
        {"url('https://[::1]:80/').getHostname()", "\"::1\""},
        {"url('https://example.com/a b').getEscapedPath()", "\"/a%20b\""},
        {"url('HTTPS://example.com/').getScheme()", "\"https\""},
        {"url('https://e.com/?k=a&k=b&l=c%20d').getQuery()", "{\"k\":[\"a\",\"b\"],\"l\":[\"c d\"]}"},
        {"isURL('/path') && !isURL('a path') && !isURL('../x')", "true"},
        {"url('x')", "error: URL parse error during conversion from string"},
        {"quantity('1.5Gi').isGreaterThan(quantity('1Gi'))", "true"},
        {"quantity('1k').compareTo(quantity('1000'))", "0"},
        {"quantity('1k') == quantity('1000')", "true"},
        {"quantity('50k').add(20).asInteger()", "50020"},
        {"quantity('50k').sub(quantity('20k')).asApproximateFloat()", "30000.0"},
        {"quantity('9999999999999999999999').isInteger()", "false"},
        {"isQuantity('1.3Gii') || isQuantity('200K')", "false"},
        {"quantity('-5').sign()", "-1"},
        {"ip('192.168.0.1').family() + ip('::1').family()", "10"},
        {"isIP('127.0.0.1.0') || isIP('010.0.0.1') || isIP('::ffff:1.2.3.4')", "false"},
        {"ip('127.0.0.1').isLoopback() && ip('fe80::1').isLinkLocalUnicast()", "true"},
        {"ip('ff02::1').isLinkLocalMulticast() && ip('0.0.0.0').isUnspecified()", "true"},
        {"ip('8.8.8.8').isGlobalUnicast()", "true"},
        {"ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')", "true"},
        {"string(ip('2001:DB8::1'))", "\"2001:db8::1\""},
        {"ip('x')", "error: IP Address \"x\" parse error during conversion from string"},
        {"cidr('192.168.0.0/24').containsIP('192.168.0.1')", "true"},
        {"cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))", "false"},
        {"cidr('192.168.0.0/24').containsCIDR('192.168.0.0/25')", "true"},
        {"cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/23'))", "false"},
        {"string(cidr('192.168.1.7/24').masked())", "\"192.168.1.0/24\""},
        {"cidr('::1/128').prefixLength()", "128"},
        {"isCIDR('192.168.0.0/33')", "false"},
        {"semver('1.2.3').isLessThan(semver('1.10.0'))", "true"},
        {"semver('1.0.0-rc.1').compareTo(semver('1.0.0'))", "-1"},
        {"isSemver('v1.0') || !isSemver('v1.0', true)", "false"},
        {"semver('2.3.4').minor()", "3"},
        {"format.dns1123Label().validate('a-b').hasValue()", "false"},
        {"format.dns1123Label().validate('A').hasValue()", "true"},
        {"format.named('dns1035LabelPrefix').value().validate('a-').hasValue()", "false"},
        {"format.named('nope')", "none"},
        {"format.uuid().validate('x').value().size()", "1"},
        {"format.date().validate('2026-02-30').hasValue()", "true"},
    };
    EXPECT(table);
}

/* --- the authorizer --- */

static void authorize(void *arg, const struct cel_authz_check *c, struct cel_authz_answer *answer)
{
    struct buf *asked = arg;
    buf_addf(asked, STR_FMT "/" STR_FMT "/" STR_FMT "/" STR_FMT " " STR_FMT " " STR_FMT STR_FMT,
             STR_ARG(c->group), STR_ARG(c->resource), STR_ARG(c->ns), STR_ARG(c->name), STR_ARG(c->verb),
             STR_ARG(c->path), STR_ARG(c->service_account));
    answer->allowed = str_is(c->verb, "get");
    answer->reason = STR("because");
}

static void authorizer(void **state)
{
    (void)state;
    static const struct cel_var vars[] = {{STR_INIT("authorizer"), &cel_authorizer},
                                          {STR_INIT("authorizer.requestResource"), &cel_resource_check}};
    static const struct cel_env env = {.vars = vars, .n_vars = 2};
    static const struct {
        const char *expression;
        bool allowed;
        const char *asked;
    } table[] = {
        {"authorizer.group('apps').resource('deployments').namespace('n').name('x').check('get').allowed()",
         true, "apps/deployments/n/x get "},
        {"authorizer.path('/healthz').check('post').allowed()", false, "/// post /healthz"},
        {"authorizer.serviceAccount('n', 'sa').group('').resource('pods').check('get').reason() == 'because'",
         true, "/pods// get sa"},
        {"authorizer.requestResource.check('get').allowed()", true, "g/things// get "},
    };
    const struct cel_authz_check own = {.group = STR("g"), .resource = STR("things")};
    const struct cel_value values[] = {cel_from_authorizer(), cel_from_authz_check(&own)};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        _cleanup_buf_ struct buf asked = {0};
        struct cel_program *p;
        struct cel_value v;
        assert_ok(cel_compile(&env, str_from(table[i].expression), &p, &err), err);
        struct cel_run run = {.arena = &a, .vars = values, .authorize = authorize, .arg = &asked};
        assert_ok(cel_eval(p, &run, &v, &err), err);
        assert_int_equal(v.b, table[i].allowed);
        assert_str(buf_str(&asked), table[i].asked);
        assert_true(run.cost >= 350000);
        cel_program_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(lists),
        cmocka_unit_test(kubernetes),
        cmocka_unit_test(authorizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
