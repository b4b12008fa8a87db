/* Validation rules of custom resources (x-kubernetes-validations). */
#include "api/resources.h"
#include "base/clock.h"
#include "kinds/apiextensions_v1.h"
#include "schema/custom/custom.h"
#include "world.h"

#define DEFINITIONS &custom_resource_definition_resource
#define DEFINITION(spec)                                                                                     \
    "{'metadata':{'name':'things.example.com'},'spec':{'group':'example.com','scope':'Namespaced','names':"  \
    "{'plural':'things','kind':'Thing'},'versions':[{'name':'v1','served':true,'storage':true,'schema':{"    \
    "'openAPIV3Schema':{'type':'object','properties':{'spec':" spec "}}}}]}}"
#define THING(name, spec) "{'metadata':{'name':'" name "'},'spec':" spec "}"
#define INVALID(name)     "Thing.example.com \"" name "\" is invalid: "

static const struct resource *served(struct world *w)
{
    static const struct resource *held;
    resource_unref(held);
    held = NULL;
    for (int i = 0; i < 500 && !held; i++) {
        held = api_resource(world_api(w), STR("example.com"), STR("v1"), STR("things"));
        if (!held)
            clock_sleep(10 * CLOCK_MS);
    }
    assert_non_null(held);
    return held;
}

static const struct resource *define(struct world *w, const char *definition)
{
    assert_code(create(w, DEFINITIONS, "", definition), 201);
    return served(w);
}

static void a_rule_that_does_not_hold_refuses(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(
        w, DEFINITION("{'type':'object','x-kubernetes-validations':["
                      "{'rule':'self.least <= self.most','messageExpression':"
                      "'{10: \\\"11 is above 10\\\"}[self.most]',"
                      "'reason':'FieldValueForbidden','fieldPath':'.least'},"
                      "{'rule':'!has(self.name) || self.name.startsWith(\\\"a\\\")'}],"
                      "'properties':{'least':{'type':'integer'},'most':{'type':'integer','default':10},"
                      "'name':{'type':'string','maxLength':20},"
                      "'at':{'type':'string','format':'date-time','x-kubernetes-validations':["
                      "{'rule':'self.getFullYear() > 2019','message':'is too old'}]},"
                      "'port':{'x-kubernetes-int-or-string':true,'x-kubernetes-validations':["
                      "{'rule':'type(self) == int ? self > 0 : self != \\\"\\\"'}]},"
                      "'map':{'type':'object','maxProperties':5,'additionalProperties':{'type':'string',"
                      "'maxLength':5,'x-kubernetes-validations':[{'rule':'self != \\\"bad\\\"'}]}}}}"));
    assert_code(create(w, r, "default",
                       THING("a", "{'least':1,'name':'abc','at':'2021-01-01T00:00:00Z','port':80,"
                                  "'map':{'a':'b'}}")),
                201);
    static const struct {
        const char *spec, *complaint;
    } cases[] = {
        {"{'least':11}", "spec.least: Forbidden: 11 is above 10"},
        {"{'least':1,'name':'b'}", "spec: Invalid value: \"object\": failed rule: !has(self.name) || "
                                   "self.name.startsWith(\"a\")"},
        {"{'least':1,'at':'2001-01-01T00:00:00Z'}", "spec.at: Invalid value: \"string\": is too old"},
        {"{'least':1,'port':0}",
         "spec.port: Invalid value: \"\": failed rule: type(self) == int ? self > 0 : self != \"\""},
        {"{'least':1,'port':''}",
         "spec.port: Invalid value: \"\": failed rule: type(self) == int ? self > 0 : self != \"\""},
        {"{'least':1,'map':{'k':'bad'}}",
         "spec.map[k]: Invalid value: \"string\": failed rule: self != \"bad\""},
        {"{}",
         "spec: Invalid value: \"object\": no such key: least evaluating rule: self.least <= self.most"},
        {"{'least':'x'}",
         "[spec.least: Invalid value: \"string\": spec.least in body must be of type integer: "
         "\"string\", <nil>: Invalid value: \"null\": some validation rules were not "
         "checked because the object was invalid; correct the existing errors to complete "
         "validation]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct str json = arena_printf(&a, THING("b", "%s"), cases[i].spec),
                   expected = arena_printf(&a, INVALID("b") "%s", cases[i].complaint);
        assert_fails(create(w, r, "default", arena_c(&a, json)), 422, arena_c(&a, expected));
    }
}

static void rules_may_look_at_what_was(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(
        w,
        DEFINITION("{'type':'object','x-kubernetes-validations':[{'rule':"
                   "'oldSelf.hasValue() || self.size == 0','optionalOldSelf':true,'message':'begins at 0'}],"
                   "'properties':{'size':{'type':'integer','x-kubernetes-validations':[{'rule':"
                   "'self >= oldSelf','message':'may not shrink'}]},"
                   "'list':{'type':'array','maxItems':5,'x-kubernetes-list-type':'map',"
                   "'x-kubernetes-list-map-keys':['k'],'items':{'type':'object','required':['k'],"
                   "'properties':{'k':{'type':'string','maxLength':5},'v':{'type':'integer',"
                   "'x-kubernetes-validations':[{'rule':'self == oldSelf','message':'is fixed'}]}}}}}}"));
    assert_fails(create(w, r, "default", THING("a", "{'size':1}")), 422,
                 INVALID("a") "spec: Invalid value: \"object\": begins at 0");
    assert_code(create(w, r, "default", THING("a", "{'size':0,'list':[{'k':'x','v':1},{'k':'y'}]}")), 201);
    assert_code(patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'size':3}}"), 200);
    assert_fails(patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'size':2}}"), 422,
                 INVALID("a") "spec.size: Invalid value: \"integer\": may not shrink");
    /* Items are the same by their keys, whatever their places. */
    assert_code(patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'list':[{'k':'y'},{'k':'x','v':1}]}}"),
                200);
    assert_fails(
        patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'list':[{'k':'y'},{'k':'x','v':2}]}}"), 422,
        INVALID("a") "spec.list[1].v: Invalid value: \"integer\": is fixed");
}

static void what_stays_as_it_was_is_let_be(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(
        w, DEFINITION("{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'integer'}}}"));
    assert_code(create(w, r, "default", THING("a", "{'a':1,'b':1}")), 201);
    assert_code(patch(w, DEFINITIONS, "", "things.example.com", API_PATCH_JSON,
                      "[{'op':'add','path':'/spec/versions/0/schema/openAPIV3Schema/properties/spec/"
                      "properties/a/x-kubernetes-validations','value':[{'rule':'self > 1'}]}]"),
                200);
    r = served(w);
    assert_code(patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'b':2}}"), 200);
    assert_fails(patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'a':0}}"), 422,
                 INVALID("a") "spec.a: Invalid value: \"integer\": failed rule: self > 1");
}

static void bad_rules_are_refused(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *spec, *complaint;
    } cases[] = {
        {"{'type':'integer','x-kubernetes-validations':[{'rule':'self + 1'}]}",
         "x-kubernetes-validations[0].rule: Invalid value: {\"rule\":\"self + 1\"}: cel expression must "
         "evaluate to a bool"},
        {"{'type':'integer','x-kubernetes-validations':[{'rule':'self.x'}]}",
         "x-kubernetes-validations[0].rule: Invalid value: {\"rule\":\"self.x\"}: compilation failed: ERROR: "
         "<input>:1:5: type 'int' does not support field selection\n | self.x\n | ....^"},
        {"{'type':'integer','x-kubernetes-validations':[{'rule':'self > 0','messageExpression':'1'}]}",
         "x-kubernetes-validations[0].messageExpression: Invalid value: {\"rule\":\"self "
         "\\u003e 0\",\"messageExpression\":\"1\"}: messageExpression must evaluate to a string"},
        {"{'type':'integer','x-kubernetes-validations':[{'rule':'self > 0','optionalOldSelf':true}]}",
         "x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not "
         "used in rule"},
        {"{'type':'array','maxItems':5,'items':{'type':'integer','x-kubernetes-validations':[{'rule':"
         "'self == oldSelf'}]}}",
         "items.x-kubernetes-validations[0].rule: Invalid value: \"self == oldSelf\": oldSelf cannot be used "
         "on the uncorrelatable portion of the schema within "
         "spec.validation.openAPIV3Schema.properties[spec]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct str json = arena_printf(&a, DEFINITION("%s"), cases[i].spec);
        struct str expected = arena_printf(&a,
                                           "CustomResourceDefinition.apiextensions.k8s.io "
                                           "\"things.example.com\" is invalid: "
                                           "spec.validation.openAPIV3Schema.properties[spec].%s",
                                           cases[i].complaint);
        assert_fails(create(w, DEFINITIONS, "", arena_c(&a, json)), 422, arena_c(&a, expected));
    }
}

static void rules_that_may_cost_too_much_are_refused(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(
        w, DEFINITIONS, "",
        DEFINITION("{'type':'array','items':{'type':'array','items':{'type':'string'},"
                   "'x-kubernetes-validations':[{'rule':'self.all(x, self.all(y, x.contains(y)))'}]}}"));
    assert_code(r, 422);
    assert_true(str_find(r->err.message,
                         STR("spec.validation.openAPIV3Schema.properties[spec].items.x-kubernetes-"
                             "validations[0].rule: Forbidden: estimated rule cost exceeds budget by "
                             "factor of more than 100x (try simplifying the rule, or adding maxItems")) >= 0);
    /* Of numbers as text upstream knows no length. */
    r = create(
        w, DEFINITIONS, "",
        DEFINITION("{'type':'integer','x-kubernetes-validations':[{'rule':'self > 0','messageExpression':"
                   "'string(self) + \\\" is not\\\"'}]}"));
    assert_code(r, 422);
    assert_true(str_find(r->err.message,
                         STR("x-kubernetes-validations[0].messageExpression: Forbidden: estimated "
                             "messageExpression cost exceeds budget by factor of more than 100x")) >= 0);
    assert_code(
        create(w, DEFINITIONS, "",
               DEFINITION("{'type':'array','maxItems':5,'items':{'type':'array','maxItems':5,'items':{"
                          "'type':'string','maxLength':9},'x-kubernetes-validations':[{'rule':"
                          "'self.all(x, self.all(y, x.contains(y)))'}]}}")),
        201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
        TEST(a_rule_that_does_not_hold_refuses),        TEST(rules_may_look_at_what_was),
        TEST(what_stays_as_it_was_is_let_be),           TEST(bad_rules_are_refused),
        TEST(rules_that_may_cost_too_much_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
