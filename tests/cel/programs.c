/* Programs against values of the API: described structs, JSON, declared types; what they cost. */
#include "base/thread.h"
#include "kinds/apps_v1.h"
#include "kinds/core_v1.h"
#include "schema/json.h"
#include "table.h"
#include "test.h"

/* A described struct, as JSON shows it. */
static void structs(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct pod pod = {0};
    static const char json[] = "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"web\",\"namespace\":\"default\","
                               "\"labels\":{\"app\":\"web\",\"tier\":\"front\"},"
                               "\"creationTimestamp\":\"2026-01-02T03:04:05Z\"},"
                               "\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"nginx:1\","
                               "\"resources\":{\"limits\":{\"cpu\":\"500m\"}},"
                               "\"livenessProbe\":{\"httpGet\":{\"port\":\"http\"}}},{\"name\":\"b\","
                               "\"image\":\"busybox\"}],\"hostNetwork\":true}}";
    assert_ok(json_decode(&a, &pod_type, str_from(json), 0, &pod, NULL, &err), err);
    static const struct cel_var vars[] = {{STR_INIT("object"), &cel_dyn}};
    static const struct cel_env env = {.vars = vars, .n_vars = 1};
    static const struct expectation table[] = {
        {"object.metadata.name", "\"web\""},
        {"object.metadata.namespace + '/' + object.metadata.labels.app", "\"default/web\""},
        {"object.metadata.creationTimestamp", "\"2026-01-02T03:04:05Z\""},
        {"has(object.metadata.annotations)", "false"},
        {"object.metadata.annotations", "error: no such key: annotations"},
        {"has(object.spec.hostPID) || !has(object.spec.hostNetwork)", "false"},
        {"object.spec.containers.map(c, c.name)", "[\"a\",\"b\"]"},
        {"object.spec.containers.all(c, c.image.contains(':'))", "false"},
        {"object.spec.containers[0].resources.limits['cpu']", "\"500m\""},
        {"quantity(object.spec.containers[0].resources.limits.cpu).isLessThan(quantity('1'))", "true"},
        {"object.spec.containers[0].livenessProbe.httpGet.port", "\"http\""},
        {"'tier' in object.metadata.labels && !('x' in object.metadata.labels)", "true"},
        {"object.metadata.labels.exists(k, object.metadata.labels[k] == 'front')", "true"},
        {"'spec' in object && 'kind' in object", "true"},
        {"object.spec.containers[1] == {'name': dyn('b'), 'image': 'busybox', 'resources': {}}", "true"},
        {"object.?spec.?serviceAccountName.orValue('none')", "\"none\""},
        {"object.nope", "error: no such key: nope"},
    };
    struct cel_value value = cel_from_struct(&pod_type, &pod);
    expect_all(table, ARRAY_LEN(table), &env, &value);
}

/* The same against declared types, before there is an object. */
static void described(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct cel_var vars[] = {{STR("object"), cel_type_described(&a, &deployment_type, false)}};
    struct cel_env env = {.vars = vars, .n_vars = 1};
    struct cel_program *p;
    assert_ok(cel_compile(&env, STR("object.spec.replicas > 1 && object.metadata.namespace != ''"), &p, &err),
              err);
    cel_program_free(p);
    assert_int_equal(cel_compile(&env, STR("object.spec.replicass > 1"), &p, &err), -1);
    assert_str(err.message, "compilation failed: ERROR: <input>:1:12: undefined field 'replicass'\n"
                            " | object.spec.replicass > 1\n | ...........^");
    assert_int_equal(cel_compile(&env, STR("object.spec.replicas > '1'"), &p, &err), -1);
    assert_str(err.message,
               "compilation failed: ERROR: <input>:1:22: found no matching overload for '_>_' applied "
               "to '(int, string)'\n | object.spec.replicas > '1'\n | .....................^");
}

/* A custom resource: JSON whose types a schema declares. */
static void declared(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    const struct cel_field fields[] = {
        {.name = STR("replicas"), .type = &cel_int},
        {.name = STR("ratio"), .type = &cel_double},
        {.name = STR("since"), .type = &cel_timestamp},
        {.name = STR("namespace"), .type = &cel_string},
        {.name = STR("x-y"), .type = &cel_bool},
        {.name = STR("names"), .type = cel_type_list(&a, cel_type_bound(&a, &cel_string, 10), 5)},
        {.name = STR("ports"), .type = cel_type_map(&a, &cel_string, &cel_int, CEL_UNBOUNDED)},
    };
    struct cel_type *set = (struct cel_type *)cel_type_list(&a, &cel_string, CEL_UNBOUNDED);
    set->list_kind = CEL_LIST_SET;
    struct cel_var vars[] = {{STR("self"), cel_type_object(&a, STR("Thing"), fields, ARRAY_LEN(fields))},
                             {STR("set"), set}};
    struct cel_env env = {.vars = vars, .n_vars = 2};
    struct value self, items;
    assert_ok(
        value_parse(&a,
                    STR("{\"replicas\":3,\"ratio\":1,\"since\":\"2026-01-01T00:00:00Z\",\"namespace\":\"n\","
                        "\"x-y\":true,\"names\":[\"b\",\"a\"],\"ports\":{\"http\":80},\"unknown\":1}"),
                    &self, &err),
        err);
    assert_ok(value_parse(&a, STR("[\"a\",\"b\"]"), &items, &err), err);
    static const struct expectation table[] = {
        {"self.replicas + 1", "4"},
        {"self.ratio + 0.5", "1.5"},
        {"self.since.getFullYear()", "2026"},
        {"self.__namespace__ == 'n' && self.x__dash__y", "true"},
        {"self.namespace", "issue: undefined field 'namespace'"},
        {"self.unknown", "issue: undefined field 'unknown'"},
        {"self.names == ['b', 'a'] && self.names != ['a', 'b']", "true"},
        {"set == self.names && set + ['a', 'c'] == ['c', 'b', 'a']", "true"},
        {"self.ports.all(k, self.ports[k] < 100)", "true"},
        {"type(self.ratio) == double", "true"},
        {"self.replicas == 'x'", "issue: found no matching overload for '_==_' applied to '(int, string)'"},
    };
    struct cel_value values[] = {cel_from_json(&a, &self, vars[0].type), cel_from_json(&a, &items, set)};
    expect_all(table, ARRAY_LEN(table), &env, values);
}

static uint64_t cost_of(const struct cel_env *env, const struct cel_value *vars, const char *text)
{
    _cleanup_err_ struct err err = {0};
    _cleanup_arena_ struct arena a = {0};
    struct cel_program *p;
    struct cel_value v;
    struct cel_run run = {.arena = &a, .vars = vars};
    assert_ok(cel_compile(env, str_from(text), &p, &err), err);
    assert_ok(cel_eval(p, &run, &v, &err), err);
    cel_program_free(p);
    return run.cost;
}

/* What runs cost, as upstream's interpreter counts with its optimizer, as kube-apiserver has it. */
static void run_costs(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    static const struct cel_var vars[] = {{STR_INIT("m"), &cel_dyn}, {STR_INIT("s"), &cel_string}};
    static const struct cel_env env = {.vars = vars, .n_vars = 2};
    char text[501] = {0};
    memset(text, 'x', 500);
    struct value json;
    assert_ok(value_parse(&a, STR("{\"a\":{\"b\":1},\"l\":[1,2,3],\"k\":\"a\"}"), &json, &err), err);
    struct cel_value values[] = {cel_from_json(&a, &json, NULL), cel_from_str(str_from(text))};
    static const struct {
        const char *text;
        uint64_t cost;
    } table[] = {
        {"'constant'", 0},
        {"m", 1},
        {"m.a.b", 3},
        {"m['a']['b']", 3},
        {"m[m.k]", 3},
        {"has(m.a.b)", 2},
        {"1 < 2", 1},
        {"true && false", 0},
        {"[1, 2, 3]", 0},
        {"[m.k]", 12},
        {"{'a': m.k}", 32},
        {"m.k in ['a', 'b']", 2},
        {"1 in m.l", 5},
        {"s.contains(s)", 2502},
        {"s.matches('[0-9]+a')", 103},
        {"s == s", 52},
        {"s + s", 102},
        {"string(bytes(s))", 101},
        {"[1, 2, 3].all(x, true)", 10},
        {"[1, 2, 3, 4, 5].map(x, x)", 66},
        {"[1, 2, 3, 4, 5].filter(x, x % 2 == 0)", 42},
        {"m.l.exists(x, x == 3)", 21},
        {"m.l.exists(x, x == 1)", 12},
        {"m.l.all(x, x > 1)", 10},
        {"true ? m : 1", 0},
        {"true ? m.k : 'x'", 1},
        {"timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-02T00:00:00Z')", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        uint64_t cost = cost_of(&env, values, table[i].text);
        if (cost != table[i].cost)
            print_message("%s costs %llu, not %llu\n", table[i].text, (unsigned long long)cost,
                          (unsigned long long)table[i].cost);
        assert_int_equal(cost, table[i].cost);
    }
}

/* What costs too much ends, whatever stands around it. */
static void limits(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    static const struct cel_env env;
    struct cel_program *p;
    _cleanup_arena_ struct arena a = {0};
    struct cel_run run = {.arena = &a};
    struct cel_value v;
    assert_ok(cel_compile(&env,
                          STR("lists.range(1000).all(x, lists.range(1000).all(y, lists.range(1000).all(z, "
                              "z >= 0))) || true"),
                          &p, &err),
              err);
    assert_int_equal(cel_eval(p, &run, &v, &err), -1);
    assert_str(err.message, "operation cancelled: actual cost limit exceeded");
    assert_true(run.over_cost);
    assert_true(run.cost > CEL_COST_PER_CALL && run.cost < 2 * CEL_COST_PER_CALL);
    cel_program_free(p);

    _cleanup_buf_ struct buf deep = {0};
    for (int i = 0; i < 300; i++)
        buf_add_c(&deep, '(');
    assert_int_equal(cel_compile(&env, buf_str(&deep), &p, &err), -1);
    assert_true(str_find(err.message, STR("expression recursion limit exceeded: 250")) >= 0);
    buf_free(&deep);
    for (int i = 0; i < 300; i++)
        buf_add_lit(&deep, "1+");
    buf_add_c(&deep, '1');
    assert_int_equal(cel_compile(&env, buf_str(&deep), &p, &err), -1);
    buf_free(&deep);
    for (int i = 0; i < 1000; i++)
        buf_add_lit(&deep, "true &&");
    buf_add_lit(&deep, "true");
    assert_ok(cel_compile(&env, buf_str(&deep), &p, &err), err); /* a chain is not deep */
    cel_program_free(p);
    buf_free(&deep);
    for (int i = 0; i < 200000; i++)
        buf_add_c(&deep, ' ');
    assert_int_equal(cel_compile(&env, buf_str(&deep), &p, &err), -1);
    assert_true(str_find(err.message, STR("code point size exceeds limit: size: 200000, limit 100000")) >= 0);
}

/* Each of these nests as deep as is allowed, in the way that takes the most stack. */
static void nest(struct buf *out, const char *open, const char *inner, const char *close, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_add_str(out, str_from(open));
    buf_add_str(out, str_from(inner));
    for (int i = 0; i < depth; i++)
        buf_add_str(out, str_from(close));
}

static void run_deep(void *arg)
{
    static const struct {
        const char *open, *inner, *close;
        int depth;
    } table[] = {
        {"(", "1", ")", 249},           {"[", "1", "]", 248},
        {"!(", "true", ")", 248},       {"1 + (", "1", ")", 240},
        {"true ? ", "1", " : 2", 200},  {"{'a': ", "1", "}", 240},
        {"[1].map(x, ", "1", ")", 120}, {"cel.bind(x, 1, ", "x", ")", 200},
        {"string(", "'a'", ")", 240},   {"[", "0", "][0]", 120},
    };
    static const struct cel_env env = {.devices = true};
    unsigned *ran = arg;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        _cleanup_buf_ struct buf text = {0};
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct cel_program *p = NULL;
        struct cel_run run = {.arena = &a};
        struct cel_value v;
        struct value json;
        nest(&text, table[i].open, table[i].inner, table[i].close, table[i].depth);
        if (cel_compile(&env, buf_str(&text), &p, &err) == 0 && cel_eval(p, &run, &v, &err) == 0) {
            cel_to_json(&a, &v, &json, &err);
            ran[i]++;
        } else if (i != 4) {
            print_message("%s: " STR_FMT "\n", table[i].open,
                          STR_ARG(str_slice(err.message.p, err.message.n < 300 ? err.message.n : 300)));
        }
        cel_program_free(p);
    }
}

static void deep_expressions_fit_a_small_stack(void **state)
{
    (void)state;
    unsigned ran[10] = {0}, all = 0;
    thread_join(thread_start("deep", run_deep, ran));
    for (size_t i = 0; i < ARRAY_LEN(ran); i++)
        all += ran[i];
    assert_int_equal(all, 9); /* a conditional within a conditional needs parentheses */
}

static void results(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    static const struct cel_type *const one[] = {&cel_bool}, *const two[] = {&cel_string, &cel_null};
    struct cel_env env = {.results = one, .n_results = 1};
    struct cel_program *p;
    assert_int_equal(cel_compile(&env, STR("1"), &p, &err), -1);
    assert_str(err.message, "must evaluate to bool");
    assert_int_equal(cel_compile(&env, STR("dyn(true)"), &p, &err), -1);
    env = (struct cel_env){.results = two, .n_results = 2};
    assert_int_equal(cel_compile(&env, STR("1"), &p, &err), -1);
    assert_str(err.message, "must evaluate to one of [string null_type]");
    env = (struct cel_env){.mutations = true};
    assert_ok(cel_compile(&env, STR("[JSONPatch{op: 'add', path: '/x', value: Object.spec{replicas: 1}}]"),
                          &p, &err),
              err);
    cel_program_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structs),
        cmocka_unit_test(described),
        cmocka_unit_test(declared),
        cmocka_unit_test(run_costs),
        cmocka_unit_test(limits),
        cmocka_unit_test(results),
        cmocka_unit_test(deep_expressions_fit_a_small_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
