/* What rules of custom resources cost: as estimated from their schemas, and as objects meet them. The figures
 * are those of upstream's own tests (k8s.io/apiextensions-apiserver, schema/cel/compilation_test.go and
 * celcoststability_test.go). */
#include "api/rules/rules.h"
#include "schema/json.h"
#include "test.h"

/* A schema or an object, with ' for ". */
static struct str json(struct arena *a, const char *text)
{
    char *p = arena_c(a, str_from(text));
    for (char *c = p; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return str_from(p);
}

struct compiled {
    struct arena arena;
    struct json_schema_props schema;
    const struct cel_type *self;
    struct rule rule;
};

static void compile(struct compiled *c, const char *schema, const char *rule, bool root)
{
    _cleanup_err_ struct err err = {0}, message_err = {0};
    *c = (struct compiled){0};
    assert_ok(
        json_decode(&c->arena, &json_schema_props_type, json(&c->arena, schema), 0, &c->schema, NULL, &err),
        err);
    c->self = cel_schema_type(&c->arena, &c->schema, root);
    struct validation_rule *said = arena_new(&c->arena, struct validation_rule);
    said->rule = str_from(rule);
    rule_compile(&c->arena, c->self, said, &c->rule, &err, &message_err);
    if (err.reason)
        fail_msg("%s: " STR_FMT, rule, STR_ARG(err.message));
}

static void clear(struct compiled *c)
{
    rule_clear(&c->rule);
    arena_free(&c->arena);
}

static void estimates(void **state)
{
    (void)state;
#define NUMBERS    "{'type':'array','items':{'type':'number'}}"
#define MAP(value) "{'type':'object','additionalProperties':" value "}"
#define STRING     "{'type':'string'}"
    static const struct {
        const char *schema, *rule;
        uint64_t cost;
    } rows[] = {
        {NUMBERS, "self.all(x, true)", 4718591},
        {"{'type':'array','maxItems':10,'items':{'type':'number'}}", "self.all(x, true)", 32},
        {"{'type':'array','items':" STRING "}", "self.all(x, true)", 3145727},
        {"{'type':'array','items':{'type':'boolean'}}", "self.all(x, true)", 1887437},
        {"{'type':'array','items':" NUMBERS "}", "self.all(x, true)", 3145727},
        {"{'type':'array','items':{'type':'object','required':['required'],'properties':{'required':" STRING
         ",'optional':" STRING "}}}",
         "self.all(x, true)", 555128},
        {MAP("{'type':'number'}"), "self.all(x, true)", 1348169},
        {MAP("{'type':'number'}"), "has(self.x)", 1},
        {MAP(STRING), "self.all(x, true)", 1179647},
        {MAP("{'type':'boolean'}"), "self.all(x, true)", 943718},
        {STRING, "self.contains('test')", 314574},
        {"{'type':'string','maxLength':10}", "self.contains('test')", 5},
        {STRING, "self.startsWith('test')", 2},
        {STRING, "size(self + \"hello\") > size(\"hello\")", 314578},
        {"{'type':'string','maxLength':4}", "size(self + \"hello\") > size(\"hello\")", 7},
        {NUMBERS, "self[1] == 0.0", 2},
        {"{'type':'array','items':" STRING "}", "self[1] == self[1]", 314577},
        {"{'type':'array','maxItems':10,'items':{'type':'number'}}", "self.all(x, self.all(y, true))", 352},
        {"{'type':'array','maxItems':10,'items':{'type':'number'}}",
         "self.all(x, self.all(y, self.all(z, true)))", 3552},
        {STRING, "self.matches(\"x\")", 314574},
        {"{'type':'string','maxLength':50}", "self.matches(\"x\")", 22},
        {STRING, "self.matches(\"\")", 1},
        {MAP(STRING), "self.all(x, x.contains(self[x]))", 2752507},
        {MAP("{'type':'number'}"), "self[\"x\"] == 0.0", 2},
        {"{'type':'string','maxLength':0}", "self == \"x\"", 1},
        {"{'type':'string','format':'byte','maxLength':0}", "self == b\"x\"", 1},
        {NUMBERS, "self.all(x, x == 0.0)", 6291454},
        {"{'type':'array','maxItems':6291456,'items':{'type':'number'}}", "self.all(x, x == 0.0)", 25165826},
        {"{'type':'array','items':{'x-kubernetes-int-or-string':true}}", "self[0] == 5", 3},
        {"{'type':'array','items':" MAP("{'type':'number'}") "}", "self.all(x, x.y == 25.2)", 6291452},
        {"{'type':'array','items':" MAP("{'type':'number'}") "}", "self[0].x > 2.0", 4},
        {"{'type':'array','items':{'type':'string','format':'duration'}}", "self.all(x, true)", 2359295},
        {"{'type':'array','items':{'type':'string','format':'date'}}", "self.all(x, true)", 725936},
        {"{'type':'array','items':{'type':'string','format':'date-time'}}", "self.all(x, true)", 428963},
        {"{'type':'array','items':{'type':'string','format':'date'}}", "self[2].getDayOfMonth() == 13", 4},
        {MAP("{'type':'string','format':'date-time'}"), "self.all(x, true)", 349526},
        {MAP("{'type':'string','format':'duration'}"), "self.all(x, true)", 1048577},
        {STRING, "self.find('[0-9]+') == ''", 629147},
        {"{'type':'string','maxLength':10}", "self.find('[0-9]+') == ''", 11},
        {"{'type':'array','items':" STRING "}", "self.join(' ') == 'aa bb'", 329853068905},
        {"{'type':'array','maxItems':10,'items':{'type':'string','maxLength':10}}",
         "self.join(' ') == 'aa bb'", 43},
        {"{'type':'array','items':" STRING "}", "self.isSorted() == true", 329854432052},
        {"{'type':'array','maxItems':10,'items':{'type':'string','maxLength':10}}", "self.isSorted() == true",
         52},
        {"{'type':'object','properties':{'str':" STRING ",'before':{'type':'string','maxLength':2},"
         "'after':{'type':'string','maxLength':4}}}",
         "self.str.replace(self.before, self.after) == 'does not matter'", 629154},
        {"{'type':'object','properties':{'str':" STRING ",'separator':" STRING "}}",
         "self.str.split(self.separator) == []", 629160},
        {STRING, "self.lowerAscii() == 'lower!'", 314575},
        {MAP("{'type':'integer'}"), "oldSelf.size() == self.size()", 5},
        {MAP("{'type':'string','format':'date-time'}"), "self[\"a\"] == self[\"b\"]", 8},
        {MAP("{'type':'string','format':'duration'}"), "self[\"c\"] == self[\"d\"]", 8},
        {"{'type':'string','enum':['A','B','C','LongValue']}", "self.contains('A')", 2},
        {"{'type':'string','maxLength':1000,'enum':['A','B']}", "self.contains('A')", 401},
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct compiled c;
        compile(&c, rows[i].schema, rows[i].rule, false);
        uint64_t cost = cel_program_cost(c.rule.program).max;
        wrong += cost != rows[i].cost;
        if (cost != rows[i].cost)
            print_message("%s: %s\n  is %llu, not %llu\n", rows[i].schema, rows[i].rule,
                          (unsigned long long)cost, (unsigned long long)rows[i].cost);
        clear(&c);
    }
    if (wrong)
        fail_msg("%u of %zu differ", wrong, ARRAY_LEN(rows));
}

struct met {
    const char *rule;
    uint64_t cost;
};

static unsigned meet(const char *schema, const char *object, const struct met *rows, size_t n)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < n; i++) {
        _cleanup_err_ struct err err = {0};
        struct compiled c;
        struct value tree;
        struct cel_value out = {0};
        compile(&c, schema, rows[i].rule, true);
        assert_ok(value_parse(&c.arena, json(&c.arena, object), &tree, &err), err);
        const struct cel_value vars[] = {cel_from_json(&c.arena, &tree, c.self), CEL_NULL_VALUE};
        struct cel_run run = {.arena = &c.arena, .vars = vars};
        cel_eval(c.rule.program, &run, &out, &err);
        bool fine = !err.reason && out.b && run.cost == rows[i].cost;
        wrong += !fine;
        if (!fine)
            print_message("%s: is %d and costs %llu, not %llu " STR_FMT "\n", rows[i].rule, out.b,
                          (unsigned long long)run.cost, (unsigned long long)rows[i].cost,
                          STR_ARG(err.message));
        clear(&c);
    }
    return wrong;
}
#define MEET(schema, object, ...)                                                                            \
    wrong += meet("{'type':'object','properties':{" schema "}}", object, (const struct met[]){__VA_ARGS__},  \
                  ARRAY_LEN(((const struct met[]){__VA_ARGS__})))

static void in_fact(void **state)
{
    (void)state;
    unsigned wrong = 0;
    MEET("'val1':{'type':'integer'},'val6':{'type':'integer'},'val4':{'type':'number'}",
         "{'val1':5,'val6':5,'val4':10.0}", {"self.val1 == self.val6", 5}, {"type(self.val1) == int", 4},
         {"self.val1 + 1 == 5 + 1", 5}, {"double(self.val1) < self.val4", 6}, {"double(5) < 10.0", 1},
         {"double(self.val1) < 10.0", 4});
    MEET("'val1':{'type':'string'}", "{'val1':'Rook takes 👑'}", {"self.val1.startsWith('Rook')", 4},
         {"!self.val1.startsWith('knight')", 5}, {"self.val1.matches('^[^0-9]*$')", 8},
         {"type(self.val1) == string", 4}, {"size(self.val1) == 12", 4}, {"self.val1.charAt(3) == 'k'", 4},
         {"self.val1.indexOf('o') == 1", 4}, {"self.val1.indexOf('o', 2) == 2", 4},
         {"self.val1.replace(' ', 'x') == 'Rookxtakesx👑'", 7},
         {"self.val1.split(' ') == ['Rook', 'takes', '👑']", 6}, {"self.val1.substring(5) == 'takes 👑'", 5},
         {"self.val1.substring(4, 10).trim() == 'takes'", 6},
         {"self.val1.upperAscii() == 'ROOK TAKES 👑'", 6});
    MEET("'val1':{'type':'string','format':'byte'},'val2':{'type':'string','format':'byte'}",
         "{'val1':'QUI=','val2':'QUI='}", {"self.val1 == self.val2", 5}, {"self.val1 == b'AB'", 3},
         {"size(self.val1) == 2", 4});
    MEET("'val1':{'type':'string','format':'duration'}", "{'val1':'1h2m3s4ms'}",
         {"self.val1 == duration('1h2m') + duration('3s4ms')", 4}, {"self.val1.getHours() == 1", 4},
         {"type(self.val1) == google.protobuf.Duration", 4});
    MEET("'enumStr':{'type':'string','enum':['Pending','Available']}", "{'enumStr':'Pending'}",
         {"self.enumStr == 'Pending'", 3}, {"self.enumStr in ['Pending', 'Available']", 2});
    MEET("'val1':{'type':'array','items':{'type':'integer'}},'val2':{'type':'array','items':{'type':'integer'"
         "}}",
         "{'val1':[1,2,3],'val2':[1,2,3]}", {"1 in self.val1", 5}, {"self.val2[0] in self.val1", 8},
         {"!(0 in self.val1)", 6}, {"self.val1 + self.val2 == [1, 2, 3, 1, 2, 3]", 6},
         {"self.val1 + [4, 5] == [1, 2, 3, 4, 5]", 4});
#define SET "{'type':'array','x-kubernetes-list-type':'set','items':{'type':'string'}}"
    MEET("'val1':" SET ",'val2':" SET, "{'val1':['a','b','c'],'val2':['a','c','b']}",
         {"self.val1 == ['c', 'b', 'a']", 3}, {"self.val1 == self.val2", 5},
         {"self.val1 + self.val2 == ['a', 'b', 'c']", 6},
         {"self.val1 + ['c', 'd'] == ['a', 'b', 'c', 'd']", 4});
#define KEYED                                                                                                \
    "{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],'items':"             \
    "{'type':'object','properties':{'k':{'type':'string'},'v':{'type':'string'},'v2':{'type':'string'}}}}"
    MEET("'objs':{'type':'array','items':" KEYED "}",
         "{'objs':[[{'k':'a','v':'1'},{'k':'b','v':'2'}],[{'k':'b','v':'2'},{'k':'a','v':'1'}],"
         "[{'k':'b','v':'3'},{'k':'a','v':'1'}],[{'k':'c','v':'4'}]]}",
         {"self.objs[0] == self.objs[1]", 7}, {"self.objs[0] + self.objs[2] == self.objs[2]", 11},
         {"self.objs[0] == [self.objs[0][0], self.objs[0][1]]", 22},
         {"self.objs[2] + [self.objs[0][0], self.objs[0][1]] == self.objs[0]", 26},
         {"size(self.objs[0] + [self.objs[3][0]]) == 3", 20});
#define ONE_OR_MORE "{'type':'object','additionalProperties':{'type':'integer'}}"
    MEET("'val':" ONE_OR_MORE, "{'val':{'b':1,'d':2}}", {"!('a' in self.val)", 4}, {"'b' in self.val", 3},
         {"!has(self.val.a)", 3}, {"has(self.val.b)", 2}, {"self.val.all(k, self.val[k] > 0)", 17},
         {"self.val.exists_one(k, self.val[k] == 2)", 14}, {"!self.val.exists_one(k, self.val[k] > 0)", 17},
         {"size(self.val) == 2", 4}, {"size(self.val.filter(k, self.val[k] > 1)) == 1", 26});
    MEET("'listMap':" KEYED,
         "{'listMap':[{'k':'a1','v':'b1'},{'k':'a2','v':'b2'},{'k':'a3','v':'b3','v2':'z'}]}",
         {"has(self.listMap[0].v)", 3}, {"self.listMap.all(m, m.k.startsWith('a'))", 21},
         {"self.listMap.all(m, !has(m.v2) || m.v2 == 'z')", 21},
         {"self.listMap.exists(m, m.k.endsWith('1'))", 13}, {"self.listMap.exists_one(m, m.k == 'a3')", 15},
         {"!self.listMap.all(m, m.k.endsWith('1'))", 18}, {"!self.listMap.exists(m, m.v == 'x')", 25},
         {"!self.listMap.exists_one(m, m.k.startsWith('a'))", 20},
         {"size(self.listMap.filter(m, m.k == 'a1')) == 1", 27},
         {"self.listMap.exists(m, m.k == 'a1' && m.v == 'b1')", 16},
         {"self.listMap.map(m, m.v).exists(v, v == 'b1')", 55},
         {"self.listMap.exists(m, has(m.v2) && m.v2 == 'z')", 21},
         {"self.listMap.exists_one(m, has(m.v2) && m.v2 == 'z')", 12},
         {"self.listMap.filter(m, has(m.v2) && m.v2 == 'z').size() == 1", 24},
         {"self.listMap.map(m, has(m.v2) && m.v2 == 'z', m.v2).size() == 1", 25},
         {"self.listMap.filter(m, has(m.v2) && m.v2 == 'z').map(m, m.v2).size() == 1", 39},
         {"self.listMap.exists(m, m.v2 == 'z')", 24}, {"!self.listMap.all(m, m.v2 != 'z')", 22});
    MEET("'array':{'type':'array','items':{'type':'integer'}}", "{'array':[1,1,2,2,3,3,4,5]}",
         {"2 in self.array", 10}, {"self.array.all(e, e > 0)", 43}, {"self.array.exists(e, e > 2)", 36},
         {"self.array.exists_one(e, e > 4)", 22}, {"!self.array.all(e, e < 2)", 21},
         {"!self.array.exists(e, e < 0)", 52}, {"!self.array.exists_one(e, e == 2)", 25},
         {"size(self.array.filter(e, e%2 == 0)) == 3", 68},
         {"self.array.map(e, e * 20).filter(e, e > 50).exists(e, e == 60)", 194});
    MEET("'something':{'x-kubernetes-int-or-string':true}", "{'something':'25%'}",
         {"type(self.something) == int ? self.something == 1 : self.something == '25%'", 7},
         {"type(self.something) == string && self.something == '25%'", 7}, {"self.something != 1", 3},
         {"self.something == 1 || self.something == '25%'", 6}, {"self.something != ['anything']", 3});
    MEET("'min':{'x-kubernetes-int-or-string':true},'current':{'type':'integer'},'available':{'type':'"
         "integer'}",
         "{'min':'50%','current':5,'available':10}",
         {"type(self.min) == string && self.min.matches(r'(\\d+(\\.\\d+)?%)')", 10},
         {"type(self.min) == int ? self.current <= self.min : double(self.current) / double(self.available) "
          ">= "
          "double(self.min.replace('%', '')) / 100.0",
          17});
    MEET("'embedded':{'type':'object','x-kubernetes-embedded-resource':true}",
         "{'embedded':{'apiVersion':'v1','kind':'Pod','metadata':{'name':'foo','generateName':'pickItForMe'}}"
         "}",
         {"self.embedded.kind == 'Pod'", 4}, {"self.embedded.metadata.generateName == 'pickItForMe'", 6},
         {"has(self.embedded)", 1});
    MEET("'mapOfMap':" ONE_OR_MORE ",'mapOfListMap':{'type':'object','additionalProperties':" KEYED "}",
         "{'mapOfMap':{'x':1},'mapOfListMap':{'o':[{'k':'1','v':'d'}]}}", {"self.mapOfMap['x'] == 1", 4},
         {"self.mapOfListMap['o'].exists(e, e.k == '1' && e.v == 'd')", 14});
    if (wrong)
        fail_msg("%u differ", wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(estimates), cmocka_unit_test(in_fact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
