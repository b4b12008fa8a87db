/* Custom resources on the road: definitions come and go, and their objects go the way of all objects. */
#include "schema/custom/custom.h"
#include "api/resources.h"
#include "base/clock.h"
#include "kinds/apiextensions_v1.h"
#include "kinds/autoscaling_v1.h"
#include "world.h"

#define DEFINITIONS &custom_resource_definition_resource
#define SCHEMA                                                                                               \
    "{'type':'object','properties':{'spec':{'type':'object','required':['size'],'properties':{'size':{"      \
    "'type':'integer','maximum':10},'color':{'type':'string','default':'red'},'replicas':{'type':"           \
    "'integer'},'tags':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'string'}}}},"         \
    "'status':{'type':'object','properties':{'replicas':{'type':'integer'},'phase':{'type':'string'}}}}}"
#define VERSION(name, storage, schema)                                                                       \
    "{'name':'" name "','served':true,'storage':" storage ",'schema':{'openAPIV3Schema':" schema             \
    "},'subresources':{'status':{},'scale':{'specReplicasPath':'.spec.replicas','statusReplicasPath':"       \
    "'.status.replicas'}},'selectableFields':[{'jsonPath':'.spec.color'}]}"
#define DEFINITION(versions)                                                                                 \
    "{'metadata':{'name':'things.example.com'},'spec':{'group':'example.com','scope':'Namespaced','names':"  \
    "{'plural':'things','kind':'Thing','shortNames':['th']},'versions':[" versions "]}}"
#define THING(name, spec)                                                                                    \
    "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{'name':'" name "'},'spec':" spec "}"

/* The resource once it is served, NULL when that does not come; the world holds it to its end. */
static const struct resource *served(struct world *w, const char *version)
{
    static const struct resource *held[64];
    static size_t n;
    for (int i = 0; i < 500; i++) {
        const struct resource *r =
            api_resource(world_api(w), STR("example.com"), str_from(version), STR("things"));
        if (r) {
            resource_unref(held[n % ARRAY_LEN(held)]);
            return held[n++ % ARRAY_LEN(held)] = r;
        }
        clock_sleep(10 * CLOCK_MS);
    }
    return NULL;
}

static const struct resource *define(struct world *w)
{
    assert_code(create(w, DEFINITIONS, "", DEFINITION(VERSION("v1", "true", SCHEMA))), 201);
    const struct resource *r = served(w, "v1");
    assert_non_null(r);
    return r;
}

static void a_definition_is_accepted_established_and_served(void **state)
{
    struct world *w = *state;
    struct api_request *made = create(w, DEFINITIONS, "", DEFINITION(VERSION("v1", "true", SCHEMA)));
    assert_code(made, 201);
    assert_field(w, made, "spec.names.singular", "thing");
    assert_field(w, made, "spec.names.listKind", "ThingList");
    assert_field(w, made, "spec.conversion.strategy", "None");
    assert_field(w, made, "status.storedVersions.0", "v1");
    const struct resource *r = served(w, "v1");
    assert_non_null(r);
    struct api_request *d = get(w, DEFINITIONS, "", "things.example.com");
    assert_field(w, d, "status.acceptedNames.kind", "Thing");
    assert_field(w, d, "status.conditions.0.type", "NamesAccepted");
    assert_field(w, d, "status.conditions.0.reason", "NoConflicts");
    assert_field(w, d, "status.conditions.1.type", "Established");
    assert_field(w, d, "status.conditions.1.status", "True");
    assert_null(api_resource(world_api(w), STR("example.com"), STR("v2"), STR("things")));
    const struct resource *kind = api_resource_of_kind(world_api(w), STR("example.com/v1"), STR("Thing"));
    assert_non_null(kind);
    resource_unref(kind);
}

static void objects_are_pruned_defaulted_and_validated(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(w);
    struct api_request *o = create(w, r, "default", THING("a", "{'size':3,'unknown':1}"));
    assert_code(o, 201);
    assert_field(w, o, "spec.color", "red");
    assert_field(w, o, "spec.unknown", "");
    assert_field(w, o, "metadata.generation", "1");
    assert_fails(
        create(w, r, "default", THING("b", "{'size':'x'}")), 422,
        "Thing.example.com \"b\" is invalid: spec.size: Invalid value: \"string\": spec.size in body "
        "must be of type integer: \"string\"");
    assert_fails(create(w, r, "default", THING("b", "{}")), 422,
                 "Thing.example.com \"b\" is invalid: spec.size: Required value");
    struct api_request *strict = ask(w, API_CREATE, r, "default", "");
    strict->body = quoted(w, THING("b", "{'size':1,'unknown':1}"));
    strict->field_validation = STR("Strict");
    assert_fails(run(w, strict), 400,
                 "Thing in version \"v1\" cannot be handled as a Thing: strict decoding error: unknown field "
                 "\"spec.unknown\"");
    assert_fails(create(w, r, "default", THING("a", "{'size':3}")), 409,
                 "things.example.com \"a\" already exists");
}

static void finalizers_without_a_domain_are_warned_of(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(w);
    struct api_request *o = create(w, r, "default",
                                   "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{'name':'a',"
                                   "'finalizers':['things.example.com','example.com/b','orphan']},'spec':{"
                                   "'size':3}}");
    assert_code(o, 201);
    assert_int_equal(o->warnings.n, 1);
    assert_str(o->warnings.at[0], "metadata.finalizers: \"things.example.com\": prefer a domain-qualified "
                                  "finalizer name including a path (/) to avoid accidental conflicts with "
                                  "other finalizer writers");
    /* Once is enough. */
    o = patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'size':4}}");
    assert_code(o, 200);
    assert_int_equal(o->warnings.n, 0);
}

static void updates_need_a_version_and_count_generations(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(w);
    assert_code(create(w, r, "default", THING("a", "{'size':3}")), 201);
    assert_fails(update(w, r, "default", "a", THING("a", "{'size':4}")), 422,
                 "Thing.example.com \"a\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be "
                 "specified for an update");
    struct api_request *p = patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'size':4}}");
    assert_code(p, 200);
    assert_field(w, p, "metadata.generation", "2");
    p = patch(w, r, "default", "a", API_PATCH_MERGE, "{'metadata':{'labels':{'a':'b'}}}");
    assert_field(w, p, "metadata.generation", "2");
    p = patch(w, r, "default", "a", API_PATCH_JSON, "[{'op':'add','path':'/spec/tags','value':[]}]");
    assert_field(w, p, "metadata.generation", "3"); /* [] is not silence */
    assert_field(w, p, "spec.tags", "[]");
    assert_code(patch(w, r, "default", "a", API_PATCH_STRATEGIC, "{'spec':{'size':4}}"), 415);
}

static void status_and_scale_are_apart(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(w);
    struct api_request *o =
        create(w, r, "default", "{'metadata':{'name':'a'},'spec':{'size':3},'status':{'phase':'x'}}");
    assert_code(o, 201);
    assert_field(w, o, "status", "");
    struct api_request *s = ask(w, API_PATCH, r, "default", "a");
    s->subresource = STR("status");
    s->patch_type = API_PATCH_MERGE;
    s->body =
        quoted(w, "{'metadata':{'labels':{'x':'y'}},'spec':{'size':9},'status':{'phase':'up','replicas':2}}");
    assert_code(run(w, s), 200);
    assert_field(w, s, "status.phase", "up");
    assert_field(w, s, "spec.size", "3");
    assert_field(w, s, "metadata.labels", "");
    assert_field(w, s, "metadata.generation", "1");
    s = ask(w, API_PATCH, r, "default", "a");
    s->subresource = STR("scale");
    s->patch_type = API_PATCH_MERGE;
    s->body = quoted(w, "{'spec':{'replicas':7}}");
    assert_code(run(w, s), 200);
    assert_field(w, s, "status.replicas", "2");
    assert_field(w, get(w, r, "default", "a"), "spec.replicas", "7");
    assert_field(w, get(w, r, "default", "a"), "metadata.generation", "2");
}

static void lists_select_by_labels_and_declared_fields(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(w);
    assert_code(create(w, r, "default", THING("a", "{'size':1}")), 201);
    assert_code(create(w, r, "default", THING("b", "{'size':1,'color':'blue'}")), 201);
    assert_int_equal(list(w, r, "default", "", "spec.color=blue")->list->n, 1);
    assert_int_equal(list(w, r, "default", "", "spec.color!=blue,metadata.name=a")->list->n, 1);
    assert_int_equal(list(w, r, "", "", "")->list->n, 2);
    assert_fails(list(w, r, "default", "", "spec.size=1"), 400, "field label not supported: spec.size");
}

static void a_changed_schema_shows_what_is_stored_as_it_says(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(w);
    assert_code(create(w, r, "default", THING("a", "{'size':10,'color':'red'}")), 201);
    struct api_request *p =
        patch(w, DEFINITIONS, "", "things.example.com", API_PATCH_JSON,
              "[{'op':'replace','path':'/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties',"
              "'value':{'size':{'type':'integer','maximum':5},'shape':{'type':'string','default':'round'}}},"
              "{'op':'remove','path':'/spec/versions/0/selectableFields'}]");
    assert_code(p, 200);
    const struct resource *now = served(w, "v1");
    struct api_request *o = get(w, now, "default", "a");
    assert_field(w, o, "spec.shape", "round");
    assert_field(w, o, "spec.color", "");
    /* What was accepted before may stay as it is. */
    assert_code(patch(w, now, "default", "a", API_PATCH_MERGE, "{'spec':{'shape':'flat'}}"), 200);
    assert_code(patch(w, now, "default", "a", API_PATCH_MERGE, "{'spec':{'size':9}}"), 422);
}

static void versions_differ_in_name_only_unless_told_otherwise(void **state)
{
    struct world *w = *state;
    assert_code(create(w, DEFINITIONS, "",
                       DEFINITION(VERSION("v1", "false", SCHEMA) "," VERSION("v2", "true", SCHEMA))),
                201);
    const struct resource *v1 = served(w, "v1"), *v2 = served(w, "v2");
    assert_code(create(w, v1, "default", THING("a", "{'size':3}")), 201);
    struct api_request *o = get(w, v2, "default", "a");
    assert_field(w, o, "apiVersion", "example.com/v2");
    assert_field(w, o, "spec.size", "3");
    assert_field(w, get(w, v1, "default", "a"), "apiVersion", "example.com/v1");
    assert_int_equal(list(w, v1, "default", "", "")->list->n, 1);
    world_restart(w);
    v1 = served(w, "v1");
    assert_field(w, get(w, v1, "default", "a"), "spec.size", "3");
}

static void a_webhook_that_cannot_be_called_fails_the_request(void **state)
{
    struct world *w = *state;
    assert_code(create(w, DEFINITIONS, "",
                       "{'metadata':{'name':'things.example.com'},'spec':{'group':'example.com','scope':"
                       "'Namespaced','names':{'plural':'things','kind':'Thing'},'conversion':{'strategy':"
                       "'Webhook','webhook':{'clientConfig':{'url':'https://127.0.0.1:1/c'},"
                       "'conversionReviewVersions':['v1']}},'versions':[" VERSION(
                           "v1", "false", SCHEMA) "," VERSION("v2", "true", SCHEMA) "]}}"),
                201);
    assert_true(api_waits(served(w, "v1")));
    struct api_request *r = create(w, served(w, "v1"), "default", THING("a", "{'size':3}"));
    assert_fails(r, 500,
                 "conversion webhook for example.com/v1, Kind=Thing failed: no webhooks are called here");
}

static void a_deleted_definition_takes_its_objects_with_it(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(w);
    assert_code(create(w, r, "default", THING("a", "{'size':3}")), 201);
    assert_code(create(w, r, "default",
                       "{'metadata':{'name':'held','finalizers':['example.com/hold']},'spec':{'size':1}}"),
                201);
    assert_code(del(w, DEFINITIONS, "", "things.example.com", ""), 200);
    for (int i = 0; i < 500 && get(w, r, "default", "a")->code == 200; i++)
        clock_sleep(10 * CLOCK_MS);
    assert_code(get(w, r, "default", "a"), 404);
    /* One has a finalizer: the definition waits for it, and takes nothing new. */
    struct api_request *d = get(w, DEFINITIONS, "", "things.example.com");
    assert_code(d, 200);
    assert_field(w, d, "metadata.finalizers.0", "customresourcecleanup.apiextensions.k8s.io");
    assert_fails(create(w, served(w, "v1"), "default", THING("b", "{'size':3}")), 405,
                 "create not allowed while custom resource definition is terminating");
    assert_code(patch(w, r, "default", "held", API_PATCH_MERGE, "{'metadata':{'finalizers':null}}"), 200);
    for (int i = 0; i < 500 && get(w, DEFINITIONS, "", "things.example.com")->code == 200; i++)
        clock_sleep(10 * CLOCK_MS);
    assert_code(get(w, DEFINITIONS, "", "things.example.com"), 404);
    assert_null(api_resource(world_api(w), STR("example.com"), STR("v1"), STR("things")));
    assert_true(custom_is_gone(r->custom));
}

static void names_are_given_to_who_comes_first(void **state)
{
    struct world *w = *state;
    define(w);
    assert_code(create(w, DEFINITIONS, "",
                       "{'metadata':{'name':'others.example.com'},'spec':{'group':'example.com','scope':"
                       "'Cluster','names':{'plural':'others','kind':'Thing','listKind':'OtherList'},"
                       "'versions':[" VERSION("v1", "true", SCHEMA) "]}}"),
                201);
    struct api_request *d = NULL;
    for (int i = 0; i < 500; i++) {
        d = get(w, DEFINITIONS, "", "others.example.com");
        if (field(w, d, "status.conditions.0.type").n)
            break;
        clock_sleep(10 * CLOCK_MS);
    }
    assert_field(w, d, "status.conditions.0.reason", "KindConflict");
    assert_field(w, d, "status.conditions.0.message", "\"Thing\" is already in use");
    assert_field(w, d, "status.conditions.1.status", "False");
    assert_null(api_resource(world_api(w), STR("example.com"), STR("v1"), STR("others")));
    assert_code(del(w, DEFINITIONS, "", "things.example.com", ""), 200);
    const struct resource *r = NULL;
    for (int i = 0; i < 500 && !r; i++) {
        r = api_resource(world_api(w), STR("example.com"), STR("v1"), STR("others"));
        clock_sleep(10 * CLOCK_MS);
    }
    assert_non_null(r);
    resource_unref(r);
}

static void bad_definitions_are_refused_in_upstreams_words(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *property, *complaint;
    } cases[] = {
        {"{}", "type: Required value: must not be empty for specified object fields"},
        {"{'type':'array'}", "items: Required value: must be specified"},
        {"{'type':'string','default':5}",
         "default: Invalid value: \"integer\":  in body must be of type string: \"integer\""},
        {"{'type':'object','default':{'q':1}}",
         "default: Invalid value: {\"q\":1}: must not have unknown fields"},
        {"{'type':'string','pattern':'(a'}",
         "pattern: Invalid value: \"(a\": must be a valid regular expression, but isn't: error parsing "
         "regexp: missing closing ): `(a`"},
        {"{'type':'object','properties':{'b':{'type':'string'}},'anyOf':[{'properties':{'b':{'type':'string'}"
         "}"
         "}]}",
         "anyOf[0].properties[b].type: Forbidden: must be empty to be structural"},
        {"{'type':'array','x-kubernetes-list-type':'map','items':{'type':'object'}}",
         "x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"},
        {"{'type':'string','x-kubernetes-list-type':'set'}",
         "type: Invalid value: \"string\": must be array if x-kubernetes-list-type is specified"},
        {"{'type':'string','x-kubernetes-preserve-unknown-fields':false}",
         "x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"},
        {"{'type':'string','$ref':'#/x'}", "$ref: Forbidden: $ref is not supported"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct str json = arena_printf(
            &a,
            DEFINITION("{'name':'v1','served':true,'storage':true,'schema':{'openAPIV3Schema':{'type':"
                       "'object','properties':{'a':%s}}}}"),
            cases[i].property);
        struct str expected = arena_printf(&a,
                                           "CustomResourceDefinition.apiextensions.k8s.io "
                                           "\"things.example.com\" is invalid: "
                                           "spec.validation.openAPIV3Schema.properties[a].%s",
                                           cases[i].complaint);
        assert_fails(create(w, DEFINITIONS, "", arena_c(&a, json)), 422, arena_c(&a, expected));
    }
}

static struct api_request *apply(struct world *w, const struct resource *r, const char *name,
                                 const char *part, const char *manager, const char *yaml)
{
    struct api_request *q = ask(w, API_PATCH, r, "default", name);
    q->subresource = str_from(part);
    q->patch_type = API_PATCH_APPLY;
    q->field_manager = str_from(manager);
    q->body = quoted(w, yaml);
    return run(w, q);
}

static void they_are_applied_by_their_schema(void **state)
{
    struct world *w = *state;
    const struct resource *r = define(w);
    struct api_request *o =
        apply(w, r, "a", "", "one", THING("a", "{'size':3,'tags':['x','y'],'replicas':0}"));
    assert_code(o, 201);
    assert_field(w, o, "spec.color", "red");
    assert_field(
        w, o, "metadata.managedFields.0.fieldsV1",
        "{\"f:spec\":{\"f:replicas\":{},\"f:size\":{},\"f:tags\":{\"v:\\\"x\\\"\":{},\"v:\\\"y\\\"\":{}}}}");
    o = apply(w, r, "a", "", "two", THING("a", "{'tags':['y','z']}"));
    assert_code(o, 200);
    assert_field(w, o, "spec.tags", "[\"x\",\"y\",\"z\"]");
    o = apply(w, r, "a", "", "one", THING("a", "{'size':3}"));
    assert_field(w, o, "spec.tags", "[\"y\",\"z\"]");
    assert_field(w, o, "spec.replicas", "");
    assert_fails(apply(w, r, "a", "", "two", THING("a", "{'size':4}")), 409,
                 "Apply failed with 1 conflict: conflict with \"one\": .spec.size");
    assert_fails(
        apply(w, r, "a", "", "two", THING("a", "{'unknown':4}")), 500,
        "failed to create typed patch object (/a; example.com/v1, Kind=Thing): .spec.unknown: field not "
        "declared in schema");
    assert_fails(
        apply(w, r, "a", "", "two", THING("a", "{'size':'4'}")), 500,
        "failed to create typed patch object (/a; example.com/v1, Kind=Thing): .spec.size: expected numeric "
        "(int or float), got string");
    o = apply(w, r, "a", "status", "three",
              "{'apiVersion':'example.com/"
              "v1','kind':'Thing','metadata':{'name':'a','labels':{'a':'b'}},'spec':{'size':9},"
              "'status':{'phase':'Up'}}");
    assert_code(o, 200);
    assert_field(w, o, "status.phase", "Up");
    assert_field(w, o, "spec.size", "3");
    assert_true(str_find(shown(w, o), STR("\"fieldsV1\":{\"f:status\":{\"f:phase\":{}}}")) > 0);
    o = patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'size':5}}");
    assert_code(o, 200);
    assert_fails(
        apply(w, r, "a", "", "one", THING("a", "{'size':3}")), 409,
        "Apply failed with 1 conflict: conflict with \"kube-apiserver\" using example.com/v1: .spec.size");
}

/* What no schema names is looked into by its JSON: maps member by member, lists as one. */
static void what_is_kept_without_a_schema_is_owned_by_its_form(void **state)
{
    struct world *w = *state;
    assert_code(
        create(w, DEFINITIONS, "",
               DEFINITION(
                   "{'name':'v1','served':true,'storage':true,'schema':{'openAPIV3Schema':{'type':'object',"
                   "'x-kubernetes-preserve-unknown-fields':true}}}")),
        201);
    const struct resource *r = served(w, "v1");
    assert_non_null(r);
    assert_code(apply(w, r, "a", "", "one", THING("a", "{'m':{'x':1},'l':[{'y':2}]}")), 201);
    struct api_request *o = apply(w, r, "a", "", "two", THING("a", "{'m':{'z':3}}"));
    assert_code(o, 200);
    assert_field(w, o, "spec", "{\"l\":[{\"y\":2}],\"m\":{\"x\":1,\"z\":3}}");
    assert_fails(apply(w, r, "a", "", "two", THING("a", "{'l':[]}")), 409,
                 "Apply failed with 1 conflict: conflict with \"one\": .spec.l");
    o = patch(w, r, "default", "a", API_PATCH_MERGE, "{'spec':{'m':{'x':7},'n':{'o':1}}}");
    assert_code(o, 200);
    assert_true(str_find(shown(w, o), STR("\"fieldsV1\":{\"f:spec\":{\"f:m\":{\"f:x\":{}},\"f:n\":{\".\":{},"
                                          "\"f:o\":{}}}}")) > 0);
}

/* Versions whose schemas differ: owners name fields in their own, and such as are gone own nothing. */
static void owners_of_other_versions(void **state)
{
    struct world *w = *state;
    assert_code(create(w, DEFINITIONS, "",
                       DEFINITION(VERSION("v1", "true", SCHEMA) "," VERSION("v2", "false", SCHEMA))),
                201);
    const struct resource *v1 = served(w, "v1"), *v2 = served(w, "v2");
    assert_non_null(v1);
    assert_non_null(v2);
    assert_code(apply(w, v1, "a", "", "one", THING("a", "{'size':3}")), 201);
    assert_fails(
        apply(w, v2, "a", "", "two",
              "{'apiVersion':'example.com/v2','kind':'Thing','metadata':{'name':'a'},'spec':{'size':4}}"),
        409, "Apply failed with 1 conflict: conflict with \"one\": .spec.size");
    struct api_request *o =
        apply(w, v2, "a", "", "one",
              "{'apiVersion':'example.com/v2','kind':'Thing','metadata':{'name':'a'},'spec':{'size':5}}");
    assert_code(o, 200);
    assert_field(w, o, "metadata.managedFields.0.apiVersion", "example.com/v2");
    assert_field(w, o, "metadata.managedFields.1.manager", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
        TEST(a_definition_is_accepted_established_and_served),
        TEST(objects_are_pruned_defaulted_and_validated),
        TEST(finalizers_without_a_domain_are_warned_of),
        TEST(updates_need_a_version_and_count_generations),
        TEST(status_and_scale_are_apart),
        TEST(lists_select_by_labels_and_declared_fields),
        TEST(a_changed_schema_shows_what_is_stored_as_it_says),
        TEST(versions_differ_in_name_only_unless_told_otherwise),
        TEST(a_webhook_that_cannot_be_called_fails_the_request),
        TEST(they_are_applied_by_their_schema),
        TEST(what_is_kept_without_a_schema_is_owned_by_its_form),
        TEST(owners_of_other_versions),
        TEST(a_deleted_definition_takes_its_objects_with_it),
        TEST(names_are_given_to_who_comes_first),
        TEST(bad_definitions_are_refused_in_upstreams_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
