/* PUT and PATCH: preconditions, immutability, generation, status, patches. */
#include <stdio.h>

#include "kinds/apps_v1.h"
#include "kinds/coordination_v1.h"
#include "world.h"

#define DEPLOYMENT                                                                                           \
    "{'metadata':{'name':'d'},'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels'" \
    ":{'a':'b'}},"                                                                                           \
    "'spec':{'containers':[{'name':'c','image':'i'}]}}}}"

static struct api_request *make(struct world *w, const char *data)
{
    char json[256];
    snprintf(json, sizeof json, "{'metadata':{'name':'a'},'data':{'k':'%s'}}", data);
    struct api_request *r = create(w, &config_map_resource, "default", json);
    assert_code(r, 201);
    return r;
}

static void an_update_needs_the_newest_version_if_it_names_one(void **state)
{
    struct world *w = *state;
    struct api_request *old = make(w, "1");
    char json[256];
    assert_code(update(w, &config_map_resource, "default", "a", "{'metadata':{'name':'a'},'data':{'k':'2'}}"),
                200);
    snprintf(json, sizeof json, "{'metadata':{'name':'a','resourceVersion':'" STR_FMT "'},'data':{'k':'3'}}",
             STR_ARG(field(w, old, "metadata.resourceVersion")));
    struct api_request *r = update(w, &config_map_resource, "default", "a", json);
    assert_fails(r, 409,
                 "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please "
                 "apply your changes "
                 "to the latest version and try again");
    assert_int_equal(r->err.reason, ERR_CONFLICT);
    assert_field(w, get(w, &config_map_resource, "default", "a"), "data.k", "2");
    assert_code(
        update(w, &config_map_resource, "default", "a", "{'metadata':{'name':'a','resourceVersion':'x'}}"),
        422);
}

static void some_kinds_must_name_a_version(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &lease_resource, "default", "{'metadata':{'name':'l'}}"), 201);
    assert_fails(update(w, &lease_resource, "default", "l", "{'metadata':{'name':'l'}}"), 422,
                 "Lease.coordination.k8s.io \"l\" is invalid: metadata.resourceVersion: Invalid value: 0x0: "
                 "must be specified "
                 "for an update");
}

static void what_is_absent_is_created_by_some_updates(void **state)
{
    struct world *w = *state;
    assert_fails(update(w, &config_map_resource, "default", "a", "{'metadata':{'name':'a'}}"), 404,
                 "configmaps \"a\" not found");
    assert_code(update(w, &lease_resource, "default", "l", "{'metadata':{'name':'l'}}"), 201);
}

static void the_name_must_be_the_urls(void **state)
{
    struct world *w = *state;
    make(w, "1");
    assert_fails(update(w, &config_map_resource, "default", "a", "{'metadata':{'name':'b'}}"), 400,
                 "the name of the object (b) does not match the name on the URL (a)");
    assert_code(update(w, &config_map_resource, "default", "a", "{'metadata':{'name':'a','uid':'other'}}"),
                409);
}

static void an_update_that_changes_nothing_is_not_written(void **state)
{
    struct world *w = *state;
    struct api_request *before = make(w, "1");
    struct api_request *r =
        update(w, &config_map_resource, "default", "a", "{'metadata':{'name':'a'},'data':{'k':'1'}}");
    assert_code(r, 200);
    assert_int_equal(object_revision(r->object), object_revision(before->object));
}

static void generation_counts_changes_of_the_spec(void **state)
{
    struct world *w = *state;
    assert_field(w, create(w, &deployment_resource, "default", DEPLOYMENT), "metadata.generation", "1");
    struct api_request *r =
        patch(w, &deployment_resource, "default", "d", API_PATCH_MERGE, "{'metadata':{'labels':{'x':'y'}}}");
    assert_field(w, r, "metadata.generation", "1");
    r = patch(w, &deployment_resource, "default", "d", API_PATCH_MERGE, "{'spec':{'replicas':3}}");
    assert_field(w, r, "metadata.generation", "2");
    assert_field(w, r, "spec.replicas", "3");
}

static void status_and_spec_are_written_apart(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &deployment_resource, "default", DEPLOYMENT), 201);
    struct api_request *r = patch(w, &deployment_resource, "default", "d", API_PATCH_MERGE,
                                  "{'spec':{'replicas':2},'status':{'replicas':9}}");
    assert_field(w, r, "status.replicas", "");
    r = sub(w, API_PATCH, &deployment_resource, "default", "d", "status", "{}");
    r = ask(w, API_PATCH, &deployment_resource, "default", "d");
    r->subresource = STR("status");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(w, "{'spec':{'replicas':5},'status':{'replicas':2,'readyReplicas':1}}");
    assert_code(run(w, r), 200);
    assert_field(w, r, "spec.replicas", "2");
    assert_field(w, r, "status.readyReplicas", "1");
    assert_field(w, r, "metadata.generation", "2");
    r = ask(w, API_PATCH, &deployment_resource, "default", "d");
    r->subresource = STR("status");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(w, "{'status':{'replicas':-1}}");
    assert_code(run(w, r), 422);
}

static void selectors_of_workloads_stay(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &deployment_resource, "default", DEPLOYMENT), 201);
    struct api_request *r =
        patch(w, &deployment_resource, "default", "d", API_PATCH_MERGE,
              "{'spec':{'selector':{'matchLabels':{'a':'c'}},'template':{'metadata':{'labels':{'a':'c'}}}}}");
    assert_fails(r, 422,
                 "Deployment.apps \"d\" is invalid: spec.selector: Invalid value: "
                 "{\"matchLabels\":{\"a\":\"c\"}}: field is "
                 "immutable");
}

static void immutable_config_stays(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &config_map_resource, "default",
                       "{'metadata':{'name':'a'},'immutable':true,'data':{'k':'1'}}"),
                201);
    assert_fails(patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE, "{'data':{'k':'2'}}"), 422,
                 "ConfigMap \"a\" is invalid: data: Forbidden: field is immutable when `immutable` is set");
    assert_code(patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE, "{'immutable':false}"), 422);
    assert_code(
        patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE, "{'metadata':{'labels':{'l':'v'}}}"),
        200);
}

static void there_are_three_kinds_of_patches(void **state)
{
    struct world *w = *state;
    make(w, "1");
    struct api_request *r =
        patch(w, &config_map_resource, "default", "a", API_PATCH_JSON,
              "[{'op':'test','path':'/data/k','value':'1'},{'op':'add','path':'/data/x','value':'y'}]");
    assert_code(r, 200);
    assert_field(w, r, "data.x", "y");
    r = patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE, "{'data':{'k':null,'z':'1'}}");
    assert_field(w, r, "data.k", "");
    assert_field(w, r, "data.z", "1");
    assert_code(create(w, &pod_resource, "default", POD("p")), 201);
    r = patch(w, &pod_resource, "default", "p", API_PATCH_STRATEGIC,
              "{'spec':{'containers':[{'name':'c','image':'new'}]}}");
    assert_code(r, 200);
    assert_field(w, r, "spec.containers.0.image", "new");
    assert_field(w, r, "spec.containers.0.terminationMessagePath", "/dev/termination-log");
}

static void patches_fail_in_their_own_ways(void **state)
{
    struct world *w = *state;
    make(w, "1");
    assert_code(patch(w, &config_map_resource, "default", "a", API_PATCH_JSON,
                      "[{'op':'test','path':'/data/k','value':'2'}]"),
                422);
    assert_fails(patch(w, &config_map_resource, "default", "a", API_PATCH_JSON, "{}"), 400,
                 "error decoding patch: json: cannot unmarshal object into Go value of type []interface {}");
    assert_fails(patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE, "{"), 400,
                 "error decoding patch: unexpected end of JSON input");
    assert_fails(patch(w, &config_map_resource, "default", "a", API_PATCH_STRATEGIC, "[1]"), 400,
                 "json: cannot unmarshal array into Go value of type map[string]interface {}");
    assert_fails(patch(w, &config_map_resource, "default", "a", API_PATCH_STRATEGIC, "{'$patch':'bend'}"),
                 500, "unknown patch type: bend in map: map[$patch:bend]");
    struct api_request *bad =
        patch(w, &config_map_resource, "default", "a", API_PATCH_STRATEGIC, "{'data':'text'}");
    assert_code(bad, 422);
    assert_true(
        str_starts(bad->err.message, STR(" \"\" is invalid: patch: Invalid value: \"map[data:text]\": ")));
    bad = patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE, "{'data':'text'}");
    assert_code(bad, 422);
    assert_true(
        str_starts(bad->err.message, STR(" \"\" is invalid: patch: Invalid value: \"{\\\"apiVersion\\\"")));
    assert_code(patch(w, &config_map_resource, "default", "a", API_PATCH_OTHER, "{}"), 415);
    assert_code(patch(w, &config_map_resource, "default", "nobody", API_PATCH_MERGE, "{}"), 404);
    assert_code(patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE,
                      "{'metadata':{'resourceVersion':'1'}}"),
                409);
    assert_code(patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE, "{'metadata':{'uid':'x'}}"),
                409);
}

static void a_dry_run_of_an_update_changes_nothing(void **state)
{
    struct world *w = *state;
    make(w, "1");
    struct api_request *r = ask(w, API_PATCH, &config_map_resource, "default", "a");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(w, "{'data':{'k':'2'}}");
    r->dry_run = true;
    assert_code(run(w, r), 200);
    assert_field(w, r, "data.k", "2");
    assert_field(w, get(w, &config_map_resource, "default", "a"), "data.k", "1");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(an_update_needs_the_newest_version_if_it_names_one),
        TEST(some_kinds_must_name_a_version),
        TEST(what_is_absent_is_created_by_some_updates),
        TEST(the_name_must_be_the_urls),
        TEST(an_update_that_changes_nothing_is_not_written),
        TEST(generation_counts_changes_of_the_spec),
        TEST(status_and_spec_are_written_apart),
        TEST(selectors_of_workloads_stay),
        TEST(immutable_config_stays),
        TEST(there_are_three_kinds_of_patches),
        TEST(patches_fail_in_their_own_ways),
        TEST(a_dry_run_of_an_update_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
