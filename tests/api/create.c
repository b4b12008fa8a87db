/* POST: what a new object gets, and what is refused. */
#include "world.h"

static void a_created_object_has_an_identity(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &config_map_resource, "default", "{'metadata':{'name':'a'},'data':{'k':'v'}}");
    assert_code(r, 201);
    assert_field(w, r, "kind", "ConfigMap");
    assert_field(w, r, "apiVersion", "v1");
    assert_field(w, r, "metadata.namespace", "default");
    assert_int_equal(field(w, r, "metadata.uid").n, 36);
    assert_true(field(w, r, "metadata.creationTimestamp").n == 20);
    assert_true(field(w, r, "metadata.resourceVersion").n > 0);
    assert_field(w, r, "data.k", "v");
    assert_code(get(w, &config_map_resource, "default", "a"), 200);
}

static void names_may_be_generated(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &config_map_resource, "default", "{'metadata':{'generateName':'web-'}}");
    assert_code(r, 201);
    struct str name = field(w, r, "metadata.name");
    assert_int_equal(name.n, 9);
    assert_true(str_starts(name, STR("web-")));
    assert_field(w, r, "metadata.generateName", "web-");
    /* What is derived from the name is derived from the generated one. */
    r = create(w, &namespace_resource, "", "{'metadata':{'generateName':'team-'}}");
    assert_code(r, 201);
    assert_true(
        str_eq(field(w, r, "metadata.labels.[kubernetes.io/metadata.name]"), field(w, r, "metadata.name")));
}

static void what_the_server_owns_is_not_the_clients_to_set(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &pod_resource, "default",
                                   "{'metadata':{'name':'a','uid':'mine','resourceVersion':'','generation':7,"
                                   "'deletionTimestamp':'2020-01-01T00:00:00Z','selfLink':'/x'},"
                                   "'spec':{'containers':[{'name':'c','image':'i'}]},"
                                   "'status':{'phase':'Running','podIP':'1.2.3.4'}}");
    assert_code(r, 201);
    assert_int_equal(field(w, r, "metadata.uid").n, 36);
    assert_field(w, r, "metadata.generation", "1");
    assert_field(w, r, "metadata.deletionTimestamp", "");
    assert_field(w, r, "metadata.selfLink", "");
    assert_field(w, r, "status.phase", "Pending");
    assert_field(w, r, "status.podIP", "");
}

static void names_are_unique(void **state)
{
    struct world *w = *state;
    const char *json = "{'metadata':{'name':'a'}}";
    assert_code(create(w, &config_map_resource, "default", json), 201);
    struct api_request *r = create(w, &config_map_resource, "default", json);
    assert_fails(r, 409, "configmaps \"a\" already exists");
    assert_int_equal(r->err.reason, ERR_ALREADY_EXISTS);
    assert_str(r->err.details.kind, "configmaps");
    assert_str(r->err.details.name, "a");
}

static void metadata_is_validated(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &config_map_resource, "default", "{'metadata':{'name':'Bad_Name'}}");
    assert_fails(
        r, 422,
        "ConfigMap \"Bad_Name\" is invalid: metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 "
        "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
        "with an "
        "alphanumeric character (e.g. 'example.com', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
    assert_str(r->err.details.causes[0].field, "metadata.name");
    assert_string_equal(r->err.details.causes[0].type, "FieldValueInvalid");
    r = create(w, &config_map_resource, "default", "{'metadata':{}}");
    assert_fails(
        r, 422, "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required");
    assert_code(
        create(w, &config_map_resource, "default", "{'metadata':{'name':'a','labels':{'k':'no spaces'}}}"),
        422);
    assert_code(
        create(w, &config_map_resource, "default",
               "{'metadata':{'name':'a','ownerReferences':[{'kind':'Pod','name':'p','apiVersion':'v1'}]}}"),
        422);
    assert_code(create(w, &config_map_resource, "default", "{'metadata':{'name':'a','finalizers':['bare']}}"),
                422);
}

static void the_body_must_be_what_the_url_says(void **state)
{
    struct world *w = *state;
    assert_fails(create(w, &config_map_resource, "default",
                        "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'a'}}"),
                 400,
                 "Pod in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Pod) to "
                 "(core.ConfigMap): unknown "
                 "conversion");
    assert_fails(create(w, &config_map_resource, "default",
                        "{'kind':'ConfigMap','apiVersion':'v2','metadata':{'name':'a'}}"),
                 400, "the API version in the data (v2) does not match the expected API version (v1)");
    assert_fails(
        create(w, &config_map_resource, "default", "{'metadata':{'name':'a','namespace':'kube-system'}}"),
        400, "the namespace of the provided object does not match the namespace sent on the request");
    assert_code(create(w, &config_map_resource, "default", "{'metadata':"), 400);
    assert_code(create(w, &config_map_resource, "default", "[]"), 400);
    assert_code(create(w, &config_map_resource, "default", ""), 400);
    assert_code(create(w, &pod_resource, "default", "{'metadata':{'name':'a'},'spec':{'containers':'none'}}"),
                400);
}

static void unknown_fields_are_ignored_warned_of_or_refused(void **state)
{
    struct world *w = *state;
    const char *json = "{'kind':'ConfigMap','apiVersion':'v1','metadata':{'name':'a'},'dada':{}}";
    struct api_request *r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->body = quoted(w, json);
    r->field_validation = STR("Strict");
    assert_fails(run(w, r), 400,
                 "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: "
                 "unknown field \"dada\"");
    r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->body = quoted(w, json);
    r->field_validation = STR("Warn");
    assert_code(run(w, r), 201);
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0], "unknown field \"dada\"");
    r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->body = quoted(w, "{'metadata':{'name':'b'},'dada':{}}");
    r->field_validation = STR("Ignore");
    assert_code(run(w, r), 201);
    assert_int_equal(r->warnings.n, 0);
    r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->body = quoted(w, json);
    r->field_validation = STR("Whatever");
    assert_fails(run(w, r), 422,
                 "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: "
                 "\"Whatever\": supported "
                 "values: \"\", \"Ignore\", \"Strict\", \"Warn\"");
}

static void yaml_is_read_too(void **state)
{
    struct world *w = *state;
    struct api_request *r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->media = MEDIA_YAML;
    r->body =
        STR("kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\ndata:\n  k: |\n    two\n    lines\n");
    assert_code(run(w, r), 201);
    assert_field(w, r, "data.k", "two\nlines\n");
    r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->media = MEDIA_YAML;
    r->body = STR("a: [");
    assert_code(run(w, r), 400);
    r->media = MEDIA_CBOR;
}

static void other_media_types_are_refused(void **state)
{
    struct world *w = *state;
    struct api_request *r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->media = MEDIA_CBOR;
    r->body = STR("\xa0");
    assert_code(run(w, r), 415);
}

static void a_dry_run_changes_nothing(void **state)
{
    struct world *w = *state;
    struct api_request *r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->body = quoted(w, "{'metadata':{'name':'a'}}");
    r->dry_run_text = STR("All");
    assert_code(run(w, r), 201);
    assert_int_equal(field(w, r, "metadata.uid").n, 36);
    assert_code(get(w, &config_map_resource, "default", "a"), 404);
    assert_code(create(w, &config_map_resource, "default", "{'metadata':{'name':'a'}}"), 201);
    r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->body = quoted(w, "{'metadata':{'name':'a'}}");
    r->dry_run = true;
    assert_code(run(w, r), 409);
    r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->dry_run_text = STR("Some");
    assert_fails(run(w, r), 422,
                 "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]: "
                 "supported values: \"All\"");
}

static void callers_in_process_pass_structs(void **state)
{
    struct world *w = *state;
    struct str_entry data[] = {{STR("k"), STR("v")}};
    const struct config_map c = {.metadata = {.name = STR("a")}, .data = {data, 1}};
    struct api_request *r = ask(w, API_CREATE, &config_map_resource, "default", "");
    r->typed = &c;
    assert_code(run(w, r), 201);
    assert_field(w, r, "data.k", "v");
    assert_int_equal(c.metadata.uid.n, 0); /* theirs is only read */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(a_created_object_has_an_identity),
        TEST(names_may_be_generated),
        TEST(what_the_server_owns_is_not_the_clients_to_set),
        TEST(names_are_unique),
        TEST(metadata_is_validated),
        TEST(the_body_must_be_what_the_url_says),
        TEST(unknown_fields_are_ignored_warned_of_or_refused),
        TEST(yaml_is_read_too),
        TEST(other_media_types_are_refused),
        TEST(a_dry_run_changes_nothing),
        TEST(callers_in_process_pass_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
