/* DELETE: graceful ends, finalizers, preconditions, collections, namespaces. */
#include <stdio.h>

#include "kinds/apps_v1.h"
#include "kinds/batch_v1.h"
#include "world.h"

#define DEPLOYMENT                                                                                           \
    "{'metadata':{'name':'d'},'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels'" \
    ":{'a':'b'}},"                                                                                           \
    "'spec':{'containers':[{'name':'c','image':'i'}]}}}}"

static void a_delete_answers_with_a_status(void **state)
{
    struct world *w = *state;
    struct api_request *made = create(w, &config_map_resource, "default", "{'metadata':{'name':'a'}}");
    struct api_request *r = del(w, &config_map_resource, "default", "a", "");
    assert_code(r, 200);
    assert_true(r->status_success);
    assert_str(r->success_name, "a");
    assert_true(str_eq(r->success_uid, field(w, made, "metadata.uid")));
    assert_fails(del(w, &config_map_resource, "default", "a", ""), 404, "configmaps \"a\" not found");
}

/* Older clients send the options in the kind's own group. */
static void options_may_be_of_any_group(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &deployment_resource, "default", DEPLOYMENT), 201);
    assert_code(del(w, &deployment_resource, "default", "d",
                    "{'kind':'DeleteOptions','apiVersion':'apps/v1','propagationPolicy':'Background'}"),
                200);
    assert_fails(
        del(w, &deployment_resource, "default", "d", "{'kind':'Deployment','apiVersion':'apps/v1'}"), 400,
        "Deployment in version \"v1\" cannot be handled as a DeleteOptions: converting (v1.Deployment) to "
        "(core.DeleteOptions): unknown conversion");
}

static void bind(struct world *w, const char *pod)
{
    assert_code(sub(w, API_CREATE, &pod_resource, "default", pod, "binding",
                    "{'target':{'kind':'Node','name':'n1'}}"),
                201);
}

static void pods_end_gracefully_once_they_have_a_node(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &pod_resource, "default", POD("p")), 201);
    bind(w, "p");
    struct api_request *r = del(w, &pod_resource, "default", "p", "");
    assert_code(r, 200);
    assert_field(w, r, "metadata.deletionGracePeriodSeconds", "30");
    assert_int_equal(field(w, r, "metadata.deletionTimestamp").n, 20);
    assert_field(w, r, "metadata.generation", "2");
    /* Again: nothing changes. Sooner: it does. */
    struct api_request *again = del(w, &pod_resource, "default", "p", "");
    assert_int_equal(object_revision(again->object), object_revision(r->object));
    r = del(w, &pod_resource, "default", "p", "{'gracePeriodSeconds':5}");
    assert_field(w, r, "metadata.deletionGracePeriodSeconds", "5");
    r = del(w, &pod_resource, "default", "p", "{'gracePeriodSeconds':20}");
    assert_field(w, r, "metadata.deletionGracePeriodSeconds", "5");
    r = del(w, &pod_resource, "default", "p", "{'gracePeriodSeconds':0}");
    assert_code(r, 200);
    assert_code(get(w, &pod_resource, "default", "p"), 404);
}

static void pods_without_a_node_go_at_once(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &pod_resource, "default", POD("p")), 201);
    struct api_request *r = del(w, &pod_resource, "default", "p", "");
    assert_code(r, 200);
    assert_field(w, r, "metadata.name", "p"); /* pods come back as themselves */
    assert_code(get(w, &pod_resource, "default", "p"), 404);
}

static void finalizers_hold_an_object(void **state)
{
    struct world *w = *state;
    assert_code(
        create(w, &config_map_resource, "default", "{'metadata':{'name':'a','finalizers':['e.com/f']}}"),
        201);
    struct api_request *r = del(w, &config_map_resource, "default", "a", "");
    assert_code(r, 200);
    assert_field(w, r, "metadata.deletionGracePeriodSeconds", "0");
    r = patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE,
              "{'metadata':{'finalizers':['e.com/f','e.com/g']}}");
    assert_fails(r, 422,
                 "ConfigMap \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added "
                 "if the object is "
                 "being deleted, found new finalizers []string{\"e.com/g\"}");
    assert_code(
        patch(w, &config_map_resource, "default", "a", API_PATCH_MERGE, "{'metadata':{'finalizers':null}}"),
        200);
    assert_code(get(w, &config_map_resource, "default", "a"), 404);
}

static void dependents_are_orphaned_or_awaited_as_asked(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &deployment_resource, "default", DEPLOYMENT), 201);
    struct api_request *r =
        del(w, &deployment_resource, "default", "d", "{'propagationPolicy':'Foreground'}");
    assert_code(r, 202);
    assert_field(w, r, "metadata.finalizers.0", "foregroundDeletion");
    r = del(w, &deployment_resource, "default", "d", "{'propagationPolicy':'Orphan'}");
    assert_field(w, r, "metadata.finalizers.0", "orphan");
    r = del(w, &deployment_resource, "default", "d", "{'propagationPolicy':'Background'}");
    assert_code(r, 200);
    assert_code(get(w, &deployment_resource, "default", "d"), 404);
    assert_fails(del(w, &deployment_resource, "default", "d", "{'propagationPolicy':'Never'}"), 422,
                 "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: "
                 "\"Never\": supported "
                 "values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
}

/* Of old, jobs and replication controllers leave their pods behind; of jobs it is said. */
static void some_kinds_orphan_unless_told(void **state)
{
    struct world *w = *state;
    static const char job[] =
        "{'metadata':{'name':'o'},'spec':{'template':{'spec':{'restartPolicy':'Never','containers':[{'name':"
        "'c','image':'i'}]}}}}";
    static const char controller[] =
        "{'metadata':{'name':'o'},'spec':{'selector':{'a':'b'},'template':{'metadata':{'labels':{'a':'b'}},"
        "'spec':{'containers':[{'name':'c','image':'i'}]}}}}";
    static const char said[] =
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to "
        "remove them or set propagationPolicy=Orphan to suppress this warning";
    const struct {
        const struct resource *resource;
        const char *json;
        size_t warnings;
    } kinds[] = {{&job_resource, job, 1}, {&replication_controller_resource, controller, 0}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct resource *kind = kinds[i].resource;
        assert_code(create(w, kind, "default", kinds[i].json), 201);
        struct api_request *r = ask(w, API_DELETE_COLLECTION, kind, "default", "");
        r->dry_run = true;
        assert_int_equal(run(w, r)->warnings.n, kinds[i].warnings);
        r = del(w, kind, "default", "o", "");
        assert_code(r, 200);
        assert_field(w, r, "metadata.finalizers.0", "orphan");
        assert_int_equal(r->warnings.n, kinds[i].warnings);
        if (r->warnings.n)
            assert_str(r->warnings.at[0], said);
        r = del(w, kind, "default", "o", "{'propagationPolicy':'Background'}");
        assert_int_equal(r->warnings.n, 0);
        assert_code(get(w, kind, "default", "o"), 404);
    }
}

static void preconditions_are_kept(void **state)
{
    struct world *w = *state;
    struct api_request *made = create(w, &config_map_resource, "default", "{'metadata':{'name':'a'}}");
    struct api_request *r = del(w, &config_map_resource, "default", "a", "{'preconditions':{'uid':'x'}}");
    assert_code(r, 409);
    assert_true(str_starts(
        r->err.message,
        STR("Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (x) does not "
            "match the UID in record (")));
    assert_code(del(w, &config_map_resource, "default", "a", "{'preconditions':{'resourceVersion':'1'}}"),
                409);
    char json[256];
    snprintf(json, sizeof json, "{'preconditions':{'uid':'" STR_FMT "'}}",
             STR_ARG(field(w, made, "metadata.uid")));
    assert_code(del(w, &config_map_resource, "default", "a", json), 200);
}

static void a_collection_is_deleted_as_selected(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &config_map_resource, "default", "{'metadata':{'name':'a','labels':{'x':'1'}}}"),
                201);
    assert_code(create(w, &config_map_resource, "default", "{'metadata':{'name':'b','labels':{'x':'1'}}}"),
                201);
    assert_code(create(w, &config_map_resource, "default", "{'metadata':{'name':'c'}}"), 201);
    struct api_request *r = ask(w, API_DELETE_COLLECTION, &config_map_resource, "default", "");
    r->label_selector = STR("x=1");
    assert_code(run(w, r), 200);
    assert_int_equal(r->list->n, 2);
    assert_int_equal(list(w, &config_map_resource, "default", "", "")->list->n, 1);
}

static void namespaces_go_through_terminating(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &namespace_resource, "", "{'metadata':{'name':'n'}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.finalizers.0", "kubernetes");
    assert_field(w, r, "status.phase", "Active");
    assert_field(w, r, "metadata.labels.[kubernetes.io/metadata.name]", "n");
    r = del(w, &namespace_resource, "", "n", "");
    assert_code(r, 200);
    assert_field(w, r, "status.phase", "Terminating");
    r = create(w, &config_map_resource, "n", "{'metadata':{'name':'a'}}");
    assert_fails(r, 403,
                 "configmaps \"a\" is forbidden: unable to create new content in namespace n because it is "
                 "being terminated");
    assert_string_equal(r->err.details.causes[0].type, "NamespaceTerminating");
    r = sub(w, API_UPDATE, &namespace_resource, "", "n", "finalize",
            "{'metadata':{'name':'n','annotations':{'left':'two'}},'spec':{'finalizers':['kubernetes']}}");
    assert_field(w, r, "metadata.annotations.left", "two");
    r = sub(w, API_UPDATE, &namespace_resource, "", "n", "finalize",
            "{'metadata':{'name':'n'},'spec':{'finalizers':[]}}");
    assert_code(r, 200);
    assert_code(get(w, &namespace_resource, "", "n"), 404);
    assert_fails(create(w, &config_map_resource, "n", "{'metadata':{'name':'a'}}"), 404,
                 "namespaces \"n\" not found");
    assert_fails(del(w, &namespace_resource, "", "kube-system", ""), 403,
                 "namespaces \"kube-system\" is forbidden: this namespace may not be deleted");
}

static void a_dry_run_deletes_nothing(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &config_map_resource, "default", "{'metadata':{'name':'a'}}"), 201);
    assert_code(del(w, &config_map_resource, "default", "a", "{'dryRun':['All']}"), 200);
    assert_code(get(w, &config_map_resource, "default", "a"), 200);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(a_delete_answers_with_a_status),
        TEST(options_may_be_of_any_group),
        TEST(pods_end_gracefully_once_they_have_a_node),
        TEST(pods_without_a_node_go_at_once),
        TEST(finalizers_hold_an_object),
        TEST(dependents_are_orphaned_or_awaited_as_asked),
        TEST(some_kinds_orphan_unless_told),
        TEST(preconditions_are_kept),
        TEST(a_collection_is_deleted_as_selected),
        TEST(namespaces_go_through_terminating),
        TEST(a_dry_run_deletes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
