/* Custom kinds: the types built from schemas, what they keep, drop and fill in, and validation's words. */
#include "schema/custom/custom.h"

#include "base/regex.h"
#include "schema/copy.h"
#include "schema/custom/custom_type.h"
#include "schema/custom/custom_valid.h"
#include "schema/default.h"
#include "schema/json.h"
#include "schema/table/table.h"
#include "test.h"

#define Q(text) quoted(a, text)

static struct str quoted(struct arena *a, const char *json)
{
    char *copy = arena_c(a, str_from(json));
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c == '~' ? '\'' : *c; /* ~ for what stays a single quote */
    return str_from(copy);
}

static struct json_schema_props *schema_of(struct arena *a, const char *json)
{
    struct json_schema_props *s = arena_new(a, struct json_schema_props);
    struct err err = {0};
    assert_ok(json_decode(a, &json_schema_props_type, Q(json), 0, s, NULL, &err), err);
    return s;
}

static const struct type *type_of(struct arena *a, const char *spec)
{
    struct str schema = arena_printf(a, "{'type':'object','properties':{'spec':%s}}", spec);
    return custom_type_make(a, schema_of(a, arena_c(a, schema)), STR("Thing"), STR("x.v1.Thing"), false);
}

/* An object read and written again; `strict` gets what was complained about, in one line. */
static struct str again(struct arena *a, const struct type *t, const char *json, struct str *strict)
{
    struct strict_errors told = {0};
    struct err err = {0};
    void *v = arena_alloc(a, t->size);
    assert_ok(json_decode(a, t, Q(json), JSON_BORROW, v, &told, &err), err);
    default_apply(a, t, v);
    void *copy = struct_dup(a, t, v);
    assert_true(struct_eq(t, v, copy));
    _cleanup_buf_ struct buf out = {0}, line = {0};
    json_encode(&out, t, copy);
    for (size_t i = 0; i < told.n; i++)
        buf_addf(&line, "%s" STR_FMT, i ? "; " : "", STR_ARG(told.at[i]));
    if (strict)
        *strict = arena_str(a, buf_str(&line));
    struct str json_text = buf_str(&out), meta = STR("{\"metadata\":{}"); /* which says nothing here */
    assert_true(str_starts(json_text, meta));
    json_text = str_from_at(json_text, meta.n);
    return arena_concat(a, STR("{"), str_from_at(json_text, json_text.p[0] == ','));
}

#define assert_again(t, json, expected) assert_str(again(a, t, json, NULL), Q(expected).p)

static void unknown_fields_are_pruned_and_told(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    const struct type *t =
        type_of(a, "{'type':'object','properties':{'a':{'type':'string'},'l':{'type':'array','items':"
                   "{'type':'object','properties':{'b':{'type':'integer'}}}}}}");
    struct str strict;
    assert_str(again(a, t, "{'spec':{'a':'x','q':1,'l':[{'b':1,'c':2}],'a':'y'},'top':1}", &strict),
               Q("{'spec':{'a':'y','l':[{'b':1}]}}").p);
    assert_str(strict, Q("unknown field 'spec.q'; unknown field 'spec.l[0].c'; duplicate field 'spec.a'; "
                         "unknown field 'top'")
                           .p);
}

static void silence_is_told_from_emptiness(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    const struct type *t =
        type_of(a, "{'type':'object','properties':{'s':{'type':'string'},'i':{'type':'integer'},'b':"
                   "{'type':'boolean'},'l':{'type':'array','items':{'type':'string'}},'m':{'type':'object',"
                   "'additionalProperties':{'type':'string'}},'o':{'type':'object','properties':{'x':"
                   "{'type':'number'}}}}}");
    assert_again(t, "{'spec':{}}", "{'spec':{}}");
    assert_again(t, "{'spec':{'b':false,'i':0,'l':[],'m':{},'o':{},'s':''}}",
                 "{'spec':{'b':false,'i':0,'l':[],'m':{},'o':{},'s':''}}");
    void *absent = arena_alloc(a, t->size), *empty = arena_alloc(a, t->size);
    assert_int_equal(json_decode(a, t, Q("{'spec':{}}"), 0, absent, NULL, NULL), 0);
    assert_int_equal(json_decode(a, t, Q("{'spec':{'l':[]}}"), 0, empty, NULL, NULL), 0);
    assert_false(struct_eq(t, absent, empty));
}

static void null_counts_only_where_it_may_stand(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    const struct type *t =
        type_of(a, "{'type':'object','properties':{'n':{'type':'string','nullable':true},'s':{'type':"
                   "'string'},'d':{'type':'string','default':'x'},'dn':{'type':'string','nullable':true,"
                   "'default':'x'},'m':{'type':'object','additionalProperties':{'type':'string'}}}}");
    assert_again(t, "{'spec':{'n':null,'s':null,'d':null,'dn':null,'m':{'a':null,'b':'c'}}}",
                 "{'spec':{'d':'x','m':{'b':'c'},'dn':null,'n':null}}");
}

static void what_does_not_fit_is_kept_for_validation(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    const struct type *t =
        type_of(a, "{'type':'object','properties':{'i':{'type':'integer'},'l':{'type':'array','items':"
                   "{'type':'string'}},'o':{'type':'object','properties':{'x':{'type':'boolean'}}}}}");
    assert_again(t, "{'spec':{'i':'five','l':['a',1],'o':[{'b':1,'a':1.0}]}}",
                 "{'spec':{'i':'five','l':['a',1],'o':[{'a':1,'b':1}]}}");
    assert_again(t, "{'spec':{'i':1e2,'o':{'x':1}}}", "{'spec':{'o':{'x':1},'i':100}}");
    assert_again(t, "{'spec':{'i':'x','i':3}}", "{'spec':{'i':3}}"); /* the last counts */
    assert_again(t, "{'spec':{'i':3,'i':'x'}}", "{'spec':{'i':'x'}}");
}

static void what_a_schema_leaves_open_is_preserved(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    const struct type *t = type_of(
        a, "{'type':'object','x-kubernetes-preserve-unknown-fields':true,'properties':{'known':{'type':"
           "'object','properties':{'a':{'type':'string'}}},'any':{'x-kubernetes-preserve-unknown-fields':"
           "true}}}");
    struct str strict;
    assert_str(again(a, t, "{'spec':{'z':{'b':null,'a':[1.50]},'known':{'a':'x','b':1},'any':[{}],'z2':1}}",
                     &strict),
               Q("{'spec':{'any':[{}],'known':{'a':'x'},'z':{'a':[1.5],'b':null},'z2':1}}").p);
    assert_str(strict, Q("unknown field 'spec.known.b'").p);
    again(a, t, "{'spec':{'z':{'a':1,'a':2}}}", &strict);
    assert_str(strict, Q("duplicate field 'spec.z.a'").p);
}

static void lists_in_lists_and_numbers_keep_their_digits(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    const struct type *t =
        type_of(a, "{'type':'object','properties':{'g':{'type':'array','items':{'type':'array','items':"
                   "{'type':'number'}}},'n':{'type':'number'},'p':{'x-kubernetes-int-or-string':true}}}");
    assert_again(t, "{'spec':{'g':[[1,2.5],[]],'n':9007199254740993,'p':'http'}}",
                 "{'spec':{'g':[[1,2.5],[]],'p':'http','n':9007199254740993}}");
    assert_again(t, "{'spec':{'p':99999999999}}", "{'spec':{'p':99999999999}}");
    assert_again(t, "{'spec':{'g':[[1],null]}}", "{'spec':{'g':[[1],null]}}");
}

static void defaults_fill_structs_that_are_there(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    const struct type *t =
        type_of(a, "{'type':'object','default':{},'properties':{'n':{'type':'integer','default':3},'l':"
                   "{'type':'array','default':['ab'],'items':{'type':'string'}},'o':{'type':'object',"
                   "'properties':{'x':{'type':'string','default':'y'}}}}}");
    assert_again(t, "{}", "{'spec':{'l':['ab'],'n':3}}");
    assert_again(t, "{'spec':{'n':0,'l':[],'o':{}}}", "{'spec':{'l':[],'n':0,'o':{'x':'y'}}}");
}

static void lists_and_maps_say_how_they_merge(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    const struct type *t = type_of(
        a, "{'type':'object','properties':{'set':{'type':'array','x-kubernetes-list-type':'set','items':"
           "{'type':'string'}},'map':{'type':'array','x-kubernetes-list-type':'map',"
           "'x-kubernetes-list-map-keys':['name'],'items':{'type':'object','properties':{'name':{'type':"
           "'string'}}}},'plain':{'type':'array','items':{'type':'string'}},'atomic':{'type':'object',"
           "'x-kubernetes-map-type':'atomic','properties':{'a':{'type':'string'}}}}}");
    uint32_t base;
    const struct type *spec = type_field(t, STR("spec"), &base)->type;
    assert_true(type_field(spec, STR("set"), &base)->flags & FIELD_LIST_SET);
    const struct field *map = type_field(spec, STR("map"), &base);
    assert_true(map->flags & FIELD_LIST_MAP);
    assert_int_equal(map->n_list_keys, 1);
    assert_str(map->list_keys[0], "name");
    assert_true(type_field(spec, STR("plain"), &base)->flags & FIELD_ATOMIC);
    assert_true(type_field(spec, STR("atomic"), &base)->flags & FIELD_ATOMIC);
    assert_true(type_field(spec, STR("atomic"), &base)->type->flags & TYPE_ATOMIC);
}

/* --- validation --- */

/* What is wrong with a value, in one line. */
static struct str complaints(struct arena *a, const char *schema, const char *json, const char *old)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    _cleanup_buf_ struct buf b = {0};
    struct value v, before;
    const struct json_schema_props *s = schema_of(a, schema);
    assert_int_equal(value_parse(a, Q(json), &v, NULL), 0);
    if (old)
        assert_int_equal(value_parse(a, Q(old), &before, NULL), 0);
    struct custom_patterns *p = custom_patterns_new(s);
    custom_validate(&e, NULL, s, p, &v, old ? &before : NULL);
    custom_validate_lists(&e, NULL, s, &v);
    custom_patterns_free(p);
    field_errors_write(&b, &e);
    return arena_str(a, buf_str(&b));
}

static void validation_speaks_upstreams_words(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    static const struct {
        const char *property, *value, *complaint;
    } cases[] = {
        {"{'type':'integer'}", "1", ""},
        {"{'type':'integer'}", "1.0", ""},
        {"{'type':'number'}", "1", ""},
        {"{'type':'integer'}", "'x'",
         "a: Invalid value: 'string': a in body must be of type integer: 'string'"},
        {"{'type':'string'}", "null", "a: Invalid value: 'null': a in body must be of type string: 'null'"},
        {"{'type':'string','nullable':true}", "null", ""},
        {"{'x-kubernetes-int-or-string':true}", "true",
         "a: Invalid value: 'boolean': a in body must be of type integer,string: 'boolean'"},
        {"{'type':'string','maxLength':2}", "'abc'", "a: Too long: may not be more than 2 bytes"},
        {"{'type':'string','maxLength':2}", "'\xc3\xa4\xc3\xb6'", ""}, /* characters, not bytes */
        {"{'type':'string','minLength':2}", "'b'",
         "a: Invalid value: 'b': a in body should be at least 2 chars long"},
        {"{'type':'string','pattern':'^x+$'}", "'xy'",
         "a: Invalid value: 'xy': a in body should match ~^x+$~"},
        {"{'type':'string','enum':['x','y']}", "'z'",
         "a: Unsupported value: 'z': supported values: 'x', 'y'"},
        {"{'type':'integer','enum':[1,2]}", "3", "a: Unsupported value: 3: supported values: '1', '2'"},
        {"{'type':'integer','maximum':5}", "6",
         "a: Invalid value: 6: a in body should be less than or equal to 5"},
        {"{'type':'integer','minimum':5,'exclusiveMinimum':true}", "5",
         "a: Invalid value: 5: a in body should be greater than 5"},
        {"{'type':'number','multipleOf':0.5}", "1.25",
         "a: Invalid value: 1.25: a in body should be a multiple of 0.5"},
        {"{'type':'string','format':'ipv4'}", "'x'",
         "a: Invalid value: 'x': a in body must be of type ipv4: 'x'"},
        {"{'type':'string','format':'unheard-of'}", "'x'", ""},
        {"{'type':'array','maxItems':1,'items':{'type':'string'}}", "['x','y']",
         "a: Too many: 2: must have at most 1 item"},
        {"{'type':'array','minItems':1,'items':{'type':'string'}}", "[]",
         "a: Invalid value: 0: a in body should have at least 1 items"},
        {"{'type':'array','items':{'type':'string'}}", "['x',1]",
         "a[1]: Invalid value: 'integer': a[1] in body must be of type string: 'integer'"},
        {"{'type':'object','maxProperties':1,'additionalProperties':{'type':'string'}}", "{'x':'1','y':'2'}",
         "a: Too many: 2: must have at most 1 item"},
        {"{'type':'object','additionalProperties':{'type':'string'}}", "{'x':1}",
         "a.x: Invalid value: 'integer': a.x in body must be of type string: 'integer'"},
        {"{'type':'object','required':['x'],'properties':{'x':{'type':'string'}}}", "{}",
         "a.x: Required value"},
        {"{'type':'integer','anyOf':[{'minimum':5},{'maximum':2}]}", "3",
         "[<nil>: Invalid value: '': 'a' must validate at least one schema (anyOf), a: Invalid value: 3: a "
         "in "
         "body should be greater than or equal to 5]"},
        {"{'type':'integer','oneOf':[{'minimum':1},{'minimum':2}]}", "3",
         "<nil>: Invalid value: '': 'a' must validate one and only one schema (oneOf). Found 2 valid "
         "alternatives"},
        {"{'type':'integer','oneOf':[{'minimum':1},{'minimum':4}]}", "3", ""},
        {"{'type':'integer','allOf':[{'minimum':5},{'maximum':9}]}", "3",
         "[a: Invalid value: 3: a in body should be greater than or equal to 5, <nil>: Invalid value: '': "
         "'a' "
         "must validate all the schemas (allOf)]"},
        {"{'type':'integer','not':{'minimum':3}}", "3",
         "<nil>: Invalid value: '': 'a' must not validate the schema (not)"},
        {"{'type':'array','x-kubernetes-list-type':'set','items':{'type':'string'}}", "['x','y','x','x']",
         "a[2]: Duplicate value: 'x'"},
        {"{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],'items':{'type':"
         "'object','properties':{'k':{'type':'string'}}}}",
         "[{'k':'x','v':1},{'k':'x'}]", "a[1]: Duplicate value: {'k':'x'}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *schema =
            arena_c(a, arena_printf(a, "{'type':'object','properties':{'a':%s}}", cases[i].property));
        char *value = arena_c(a, arena_printf(a, "{'a':%s}", cases[i].value));
        assert_str(complaints(a, schema, value, NULL), Q(cases[i].complaint).p);
    }
}

static void what_has_not_changed_is_let_be(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    static const char schema[] =
        "{'type':'object','properties':{'a':{'type':'integer','maximum':5},'b':{'type':'string'},'l':{'type':"
        "'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],'items':{'type':'object',"
        "'properties':{'k':{'type':'string'},'v':{'type':'integer','maximum':5}}}}}}";
    assert_str(complaints(a, schema, "{'a':9,'b':'new'}", "{'a':9,'b':'old'}"), "");
    assert_str(complaints(a, schema, "{'a':8}", "{'a':9}"),
               "a: Invalid value: 8: a in body should be less than or equal to 5");
    /* Items of map-like lists are known by their keys, wherever they stand. */
    assert_str(complaints(a, schema, "{'l':[{'k':'new','v':1},{'k':'x','v':9}]}", "{'l':[{'k':'x','v':9}]}"),
               "");
    assert_str(complaints(a, schema, "{'l':[{'k':'y','v':9}]}", "{'l':[{'k':'x','v':9}]}"),
               "l[0].v: Invalid value: 9: l[0].v in body should be less than or equal to 5");
}

static void formats_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *format, *good, *bad;
    } cases[] = {
        {"date-time", "2026-01-02T03:04:05.5Z", "2026-01-02"},
        {"date", "2026-01-02", "2026-13-02"},
        {"email", "a@example.com", "a@"},
        {"hostname", "a.example.com", "-a"},
        {"ipv6", "fd00::1", "10.0.0.1"},
        {"cidr", "10.0.0.0/8", "10.0.0.0"},
        {"mac", "01:02:03:04:05:06", "01:02"},
        {"uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"},
        {"uri", "https://example.com/a", "not a uri"},
        {"byte", "aGk=", "a!"},
        {"duration", "1h30m", "soon"},
        {"isbn", "978-3-16-148410-0", "978-3-16-148410-1"},
        {"creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"},
        {"hexcolor", "#a0b1c2", "#a0"},
        {"rgbcolor", "rgb(1, 2, 255)", "rgb(1,2,256)"},
        {"ssn", "111-11-1111", "1111"},
        {"bsonobjectid", "507f1f77bcf86cd799439011", "507f"},
        {"k8s-short-name", "a-b", "A"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(custom_format_known(str_from(cases[i].format)));
        if (!custom_format_ok(str_from(cases[i].format), str_from(cases[i].good)))
            fail_msg("%s refuses %s", cases[i].format, cases[i].good);
        if (custom_format_ok(str_from(cases[i].format), str_from(cases[i].bad)))
            fail_msg("%s takes %s", cases[i].format, cases[i].bad);
    }
}

/* --- definitions --- */

static void a_definition_makes_resources_that_live_while_they_are_held(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct arena *a = &arena;
    struct custom_resource_definition d = {0};
    struct err err = {0};
    assert_ok(
        json_decode(a, &custom_resource_definition_type,
                    Q("{'metadata':{'name':'things.a.example.com'},'spec':{'group':'a.example.com',"
                      "'scope':'Namespaced','names':{'plural':'things','kind':'Thing'},'versions':[{"
                      "'name':'v1','served':true,'storage':true,'subresources':{'status':{}},"
                      "'additionalPrinterColumns':[{'name':'X','type':'string','jsonPath':'.spec.x'}]},{"
                      "'name':'v1beta1','served':true,'deprecated':true}]},'status':{'acceptedNames':{"
                      "'plural':'things','singular':'thing','kind':'Thing','listKind':'ThingList'}}}"),
                    0, &d, NULL, &err),
        err);
    struct custom *c = custom_new(&d);
    const struct custom_version *v1 = custom_version(c, STR("v1")), *beta = custom_version(c, STR("v1beta1"));
    assert_ptr_equal(c->storage, v1);
    assert_null(custom_version(c, STR("v2")));
    assert_str(v1->resource.api_version, "a.example.com/v1");
    assert_str(v1->resource.qualified, "things.a.example.com");
    assert_str(v1->resource.type->openapi_name, "com.example.a.v1.Thing");
    assert_int_equal(v1->resource.n_columns, 2);
    assert_true(v1->resource.flags & RESOURCE_STATUS);
    assert_str(beta->resource.deprecated, "a.example.com/v1beta1 Thing is deprecated");
    const struct resource *r = &v1->resource;
    resource_ref(r);
    custom_unref(c);
    assert_str(r->kind, "Thing"); /* held still */
    resource_unref(r);
}

static void columns_show_values_as_their_types_say(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_buf_ struct buf row = {0};
    struct arena *a = &arena;
    struct custom_resource_definition d = {0};
    struct err err = {0};
    assert_ok(
        json_decode(
            a, &custom_resource_definition_type,
            Q("{'metadata':{'name':'things.example.com'},'spec':{'group':'example.com','scope':'Namespaced',"
              "'names':{'plural':'things','kind':'Thing'},'versions':[{'name':'v1','served':true,'storage':"
              "true,'schema':{'openAPIV3Schema':{'type':'object','properties':{'s':{'type':'string'},'t':{"
              "'type':'string','format':'date-time'},'n':{'type':'integer'},'l':{'type':'array','items':{"
              "'type':'string'}}}}},'additionalPrinterColumns':["
              "{'name':'A','type':'string','jsonPath':'.s'},{'name':'B','type':'date','jsonPath':'.t'},"
              "{'name':'C','type':'date','jsonPath':'.s'},{'name':'D','type':'integer','jsonPath':'.n'},"
              "{'name':'E','type':'string','jsonPath':'.n'},{'name':'F','type':'boolean','jsonPath':'.n'},"
              "{'name':'G','type':'string','jsonPath':'.none'},{'name':'H','type':'string','jsonPath':"
              "'.l[1]'}]}]},'status':{'acceptedNames':{'plural':'things','kind':'Thing'}}}"),
            0, &d, NULL, &err),
        err);
    struct custom *c = custom_new(&d);
    const struct resource *r = &c->versions[0].resource;
    void *o = arena_alloc(a, r->type->size);
    assert_ok(
        json_decode(a, r->type,
                    Q("{'metadata':{'name':'a'},'s':'x','t':'2020-01-01T00:00:00Z','n':3,'l':['p','q']}"), 0,
                    o, NULL, &err),
        err);
    table_write_cells_of(&row, r, o, 1577836860 * INT64_C(1000000000));
    assert_str(buf_str(&row), "[\"a\",\"x\",\"60s\",\"\\u003cinvalid\\u003e\",3,\"3\",null,null,\"q\"]");
    custom_unref(c);
}

static void patterns_are_those_of_re2(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *error;
    } bad[] = {
        {"(a", "error parsing regexp: missing closing ): `(a`"},
        {"a)", "error parsing regexp: unexpected ): `a)`"},
        {"[a", "error parsing regexp: missing closing ]: `[a`"},
        {"(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"},
        {"(?<!a)b", "error parsing regexp: invalid or unsupported Perl syntax: `(?<`"},
        {"(a)\\1", "error parsing regexp: invalid escape sequence: `\\1`"},
        {"a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"},
        {"a++", "error parsing regexp: invalid nested repetition operator: `++`"},
    };
    struct regex *r;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        _cleanup_err_ struct err err = {0};
        assert_int_equal(regex_new(str_from(bad[i].pattern), &r, &err), -1);
        if (i != 4)
            assert_str(err.message, bad[i].error);
    }
    assert_int_equal(regex_new(STR("^(a|aa)+$"), &r, NULL), 0);
    assert_int_equal(regex_matches(r, STR("aaaa")), 1);
    assert_int_equal(regex_matches(r, STR("aaaa\n")), 0); /* $ is the end of the text */
    char many[5000];
    memset(many, 'a', sizeof many);
    many[sizeof many - 1] = '!';
    assert_int_equal(regex_matches(r, str_slice(many, sizeof many)), 0); /* and that soon */
    regex_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_fields_are_pruned_and_told),
        cmocka_unit_test(silence_is_told_from_emptiness),
        cmocka_unit_test(null_counts_only_where_it_may_stand),
        cmocka_unit_test(what_does_not_fit_is_kept_for_validation),
        cmocka_unit_test(what_a_schema_leaves_open_is_preserved),
        cmocka_unit_test(lists_in_lists_and_numbers_keep_their_digits),
        cmocka_unit_test(defaults_fill_structs_that_are_there),
        cmocka_unit_test(lists_and_maps_say_how_they_merge),
        cmocka_unit_test(validation_speaks_upstreams_words),
        cmocka_unit_test(what_has_not_changed_is_let_be),
        cmocka_unit_test(formats_are_known),
        cmocka_unit_test(a_definition_makes_resources_that_live_while_they_are_held),
        cmocka_unit_test(columns_show_values_as_their_types_say),
        cmocka_unit_test(patterns_are_those_of_re2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
