/* Server-side apply and managedFields, through the whole road. */
#include <stdio.h>

#include "api/valid.h"
#include "kinds/autoscaling_v1.h"
#include "kinds/autoscaling_v2.h"
#include "world.h"

#define DEPLOYMENT(spec)                                                                                     \
    "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d'},'spec':{" spec                      \
    "'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},"                      \
    "'spec':{'containers':[{'name':'c','image':'i'}]}}}}"
#define CONFIG(data) "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c'},'data':{" data "}}"

static struct api_request *apply_to(struct world *w, const struct resource *r, const char *name,
                                    const char *subresource, const char *manager, bool force,
                                    const char *yaml)
{
    struct api_request *q = ask(w, API_PATCH, r, "default", name);
    q->subresource = str_from(subresource);
    q->patch_type = API_PATCH_APPLY;
    q->media = MEDIA_YAML;
    q->field_manager = str_from(manager);
    q->force = force;
    q->body = quoted(w, yaml);
    return run(w, q);
}

static struct api_request *apply(struct world *w, const struct resource *r, const char *name,
                                 const char *manager, const char *yaml)
{
    return apply_to(w, r, name, "", manager, false, yaml);
}

static struct api_request *update_as(struct world *w, const struct resource *r, const char *name,
                                     const char *subresource, const char *manager, const char *json)
{
    struct api_request *q = ask(w, API_UPDATE, r, "default", name);
    q->subresource = str_from(subresource);
    q->field_manager = str_from(manager);
    q->body = quoted(w, json);
    return run(w, q);
}

/* "manager operation subresource fields", in the order that the object has. */
static struct str owners(struct world *w, const struct api_request *r)
{
    static char text[8192];
    size_t n = 0;
    char path[64];
    text[0] = 0;
    for (int i = 0; i < 20; i++) {
        struct str part[4];
        static const char *const names[] = {"manager", "operation", "subresource", "fieldsV1"};
        for (int k = 0; k < 4; k++) {
            snprintf(path, sizeof path, "metadata.managedFields.%d.%s", i, names[k]);
            part[k] = field(w, r, path);
        }
        if (!part[0].n)
            break;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s" STR_FMT " " STR_FMT "%s" STR_FMT " " STR_FMT,
                              i ? "\n" : "", STR_ARG(part[0]), STR_ARG(part[1]), part[2].n ? " " : "",
                              STR_ARG(part[2]), STR_ARG(part[3]));
    }
    return str_slice(text, n);
}

/* --- every write --- */

static void a_create_owns_what_it_says_and_no_more(void **state)
{
    struct world *w = *state;
    struct api_request *q = ask(w, API_CREATE, &pod_resource, "default", "");
    q->field_manager = STR("kubectl-create");
    q->body =
        quoted(w, "{'metadata':{'name':'p','labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':"
                  "'busybox'}]},'status':{'phase':'Running'}}");
    run(w, q);
    assert_code(q, 201);
    /* defaults are its own, what admission has added is nobody's, and the status was dropped */
    assert_str(
        owners(w, q),
        "kubectl-create Update {\"f:metadata\":{\"f:labels\":{\".\":{},\"f:a\":{}}},\"f:spec\":{"
        "\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:image\":{},\"f:imagePullPolicy\":{},"
        "\"f:name\":{},\"f:resources\":{},\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{}}}"
        ","
        "\"f:dnsPolicy\":{},\"f:enableServiceLinks\":{},\"f:restartPolicy\":{},\"f:schedulerName\":{},"
        "\"f:securityContext\":{},\"f:terminationGracePeriodSeconds\":{}}}");
    assert_field(w, q, "metadata.managedFields.0.apiVersion", "v1");
    assert_field(w, q, "metadata.managedFields.0.fieldsType", "FieldsV1");
    assert_int_equal(field(w, q, "metadata.managedFields.0.time").n, 20);
}

static void who_does_not_say_is_called_by_its_agent(void **state)
{
    struct world *w = *state;
    struct api_request *q = ask(w, API_CREATE, &config_map_resource, "default", "");
    q->agent = STR("curl");
    q->body = quoted(w, CONFIG("'x':'1'"));
    assert_str(owners(w, run(w, q)), "curl Update {\"f:data\":{\".\":{},\"f:x\":{}}}");
}

static void each_subresource_has_an_entry_of_its_own(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &deployment_resource, "default", DEPLOYMENT("'replicas':1,")), 201);
    struct api_request *r = update_as(w, &deployment_resource, "d", "status", "controller",
                                      "{'metadata':{'name':'d','labels':{'l':'1'},'annotations':{'x':'y'}},'"
                                      "spec':{'replicas':7},'status':{'replicas':1}}");
    assert_code(r, 200);
    /* neither the spec nor, of deployments, the labels */
    assert_true(
        str_find(owners(w, r), STR("controller Update status {\"f:metadata\":{\"f:annotations\":{\".\":{},"
                                   "\"f:x\":{}}},\"f:status\":{\"f:replicas\":{}}}")) >= 0);
    r = update_as(w, &deployment_resource, "d", "scale", "scaler",
                  "{'metadata':{'name':'d'},'spec':{'replicas':3}}");
    assert_code(r, 200);
    r = get(w, &deployment_resource, "default", "d");
    /* the number of replicas has gone over to who scaled; such entries have no time, and so come first */
    assert_field(w, r, "metadata.managedFields.0.manager", "scaler");
    assert_field(w, r, "metadata.managedFields.0.subresource", "scale");
    assert_field(w, r, "metadata.managedFields.0.apiVersion", "apps/v1");
    assert_field(w, r, "metadata.managedFields.0.fieldsV1", "{\"f:spec\":{\"f:replicas\":{}}}");
    assert_true(
        str_find(owners(w, r), STR("kube-apiserver Update {\"f:spec\":{\"f:progressDeadlineSeconds\":{},"
                                   "\"f:revisionHistoryLimit\"")) > 0);
}

static void an_update_without_changes_is_none(void **state)
{
    struct world *w = *state;
    struct api_request *made = create(w, &config_map_resource, "default", CONFIG("'x':'1'"));
    struct api_request *r = update_as(w, &config_map_resource, "c", "", "other", CONFIG("'x':'1'"));
    assert_code(r, 200);
    assert_str(field(w, r, "metadata.resourceVersion"),
               arena_c(r->arena, field(w, made, "metadata.resourceVersion")));
    assert_str(owners(w, r), "kube-apiserver Update {\"f:data\":{\".\":{},\"f:x\":{}}}");
}

static void clients_may_clear_the_entries_and_spoil_none(void **state)
{
    struct world *w = *state;
    create(w, &config_map_resource, "default", CONFIG("'x':'1'"));
    static const char *const harmless[] = {
        "{'metadata':{'name':'c','managedFields':[{'manager':'evil'}]},'data':{'x':'1'}}",
        "{'metadata':{'name':'c','managedFields':[{'manager':'evil','operation':'Apply','apiVersion':'v1','"
        "fieldsType':"
        "'FieldsV1','fieldsV1':{'f:data':1}}]},'data':{'x':'1'}}",
        "{'metadata':{'name':'c'},'data':{'x':'1'}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++) {
        struct api_request *r = update_as(w, &config_map_resource, "c", "", "u", harmless[i]);
        assert_code(r, 200);
        assert_str(owners(w, r), "kube-apiserver Update {\"f:data\":{\".\":{},\"f:x\":{}}}");
    }
    struct api_request *r = update_as(w, &config_map_resource, "c", "", "u",
                                      "{'metadata':{'name':'c','managedFields':[{}]},'data':{'x':'1'}}");
    assert_code(r, 200);
    assert_str(owners(w, r), "");
    /* from then on nobody keeps the books, until somebody applies */
    r = update_as(w, &config_map_resource, "c", "", "u", CONFIG("'x':'2'"));
    assert_code(r, 200);
    assert_str(owners(w, r), "");
    assert_fails(apply(w, &config_map_resource, "c", "a", CONFIG("'x':'3'")), 409,
                 "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.x");
    r = apply(w, &config_map_resource, "c", "a", CONFIG("'x':'2','y':'1'"));
    assert_code(r, 200);
    assert_str(owners(w, r), "a Apply {\"f:data\":{\"f:x\":{},\"f:y\":{}}}\n"
                             "before-first-apply Update {\"f:data\":{\".\":{},\"f:x\":{}}}");
}

static int spoil(void *arg, struct api_attributes *at, struct err *err)
{
    (void)arg, (void)err;
    if (at->resource == &config_map_resource) {
        struct config_map *c = at->object;
        c->metadata.managed_fields.at[0].operation = STR("Steal");
        str_map_put(&c->data, at->request->arena, STR("hook"), STR("was here"));
    }
    return 0;
}

static void what_admission_adds_is_nobodys_and_what_it_spoils_is_mended(void **state)
{
    struct world *w = *state;
    api_add_admission(world_api(w), &(struct api_admission){.name = "spoil", .mutate = spoil});
    struct api_request *r = create(w, &config_map_resource, "default", CONFIG("'x':'1'"));
    assert_code(r, 201);
    assert_field(w, r, "data.hook", "was here");
    assert_str(owners(w, r), "kube-apiserver Update {\"f:data\":{\".\":{},\"f:x\":{}}}");
    assert_int_equal(r->warnings.n, 1);
    assert_str(
        r->warnings.at[0],
        ".metadata.managedFields was in an invalid state after admission; this could be caused by an "
        "outdated "
        "mutating admission controller; please fix your requests: operation must be `Apply` or `Update`");
}

/* --- apply --- */

static void an_apply_creates_what_is_not_there(void **state)
{
    struct world *w = *state;
    struct api_request *r = apply(w, &deployment_resource, "d", "a", DEPLOYMENT("'replicas':2,"));
    assert_code(r, 201);
    assert_field(w, r, "spec.strategy.type", "RollingUpdate");
    assert_field(w, r, "metadata.generation", "1");
    assert_str(
        owners(w, r),
        "a Apply "
        "{\"f:spec\":{\"f:replicas\":{},\"f:selector\":{},\"f:template\":{\"f:metadata\":{\"f:labels\":{"
        "\"f:a\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\"f:image\":{},"
        "\"f:name\":{}}}}}}}");
    struct api_request *again = apply(w, &deployment_resource, "d", "a", DEPLOYMENT("'replicas':2,"));
    assert_code(again, 200);
    assert_str(field(w, again, "metadata.resourceVersion"),
               arena_c(r->arena, field(w, r, "metadata.resourceVersion")));
}

static void what_is_no_longer_applied_goes_back_to_its_default(void **state)
{
    struct world *w = *state;
    assert_code(apply(w, &deployment_resource, "d", "a", DEPLOYMENT("'replicas':2,'minReadySeconds':5,")),
                201);
    struct api_request *r = apply(w, &deployment_resource, "d", "a", DEPLOYMENT(""));
    assert_code(r, 200);
    assert_field(w, r, "spec.replicas", "1");
    assert_field(w, r, "spec.minReadySeconds", "");
    assert_field(w, r, "metadata.generation", "2");
}

static void conflicts_are_told_field_by_field(void **state)
{
    struct world *w = *state;
    assert_code(apply(w, &deployment_resource, "d", "a", DEPLOYMENT("'replicas':2,")), 201);
    assert_code(update_as(w, &deployment_resource, "d", "scale", "scaler",
                          "{'metadata':{'name':'d'},'spec':{'replicas':3}}"),
                200);
    struct api_request *r = apply(w, &deployment_resource, "d", "a", DEPLOYMENT("'replicas':2,"));
    assert_fails(
        r, 409,
        "Apply failed with 1 conflict: conflict with \"scaler\" with subresource \"scale\" using apps/v1: "
        ".spec.replicas");
    assert_int_equal(r->err.reason, ERR_CONFLICT);
    assert_int_equal(r->err.details.n_causes, 1);
    assert_string_equal(r->err.details.causes[0].type, "FieldManagerConflict");
    assert_str(r->err.details.causes[0].field, ".spec.replicas");
    r = apply_to(w, &deployment_resource, "d", "", "a", true, DEPLOYMENT("'replicas':2,"));
    assert_code(r, 200);
    assert_field(w, r, "spec.replicas", "2");
    assert_field(w, r, "metadata.managedFields.0.manager", "a");
    assert_field(w, r, "metadata.managedFields.1.manager", "");
}

static void bad_configurations_are_refused(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *yaml;
        int code;
        const char *message;
    } cases[] = {
        {"{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d'},'spec':{'bogus':1}}", 500,
         "failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.bogus: field not "
         "declared in schema"},
        {"{'apiVersion':'apps/v1','kind':'ReplicaSet','metadata':{'name':'d'}}", 400,
         "invalid object type: apps/v1, Kind=ReplicaSet"},
        {"{'apiVersion':'v1','kind':'Deployment'}", 400, "invalid object type: /v1, Kind=Deployment"},
        {"{}", 400, "invalid object type: /, Kind="},
        {"{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d','managedFields':[]}}", 400,
         "metadata.managedFields must be nil"},
        {"[1]", 400,
         "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array "
         "into Go value "
         "of type map[string]interface {}"},
        {"{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'e'}}", 400,
         "the name of the object (e) does not match the name on the URL (d)"},
        {"{'apiVersion':'apps/v1','kind':'Deployment'}", 400,
         "the name of the object (d based on URL) was undeterminable: name must be provided"},
        {"{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d','uid':'u'}}", 409,
         "Operation cannot be fulfilled on deployments.apps \"d\": uid mismatch: the provided object "
         "specified uid u, and "
         "no existing object was found"},
        {"{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d','namespace':'other'}}", 400,
         "the namespace of the provided object does not match the namespace sent on the request"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_fails(apply(w, &deployment_resource, "d", "a", cases[i].yaml), cases[i].code,
                     cases[i].message);
    assert_fails(apply(w, &deployment_resource, "d", "", DEPLOYMENT("")), 422,
                 "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for "
                 "apply patch");
    struct api_request *r = ask(w, API_PATCH, &deployment_resource, "default", "d");
    r->patch_type = API_PATCH_MERGE;
    r->force = true;
    r->body = STR("{}");
    assert_fails(run(w, r), 422,
                 "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for "
                 "non-apply patch");
    assert_fails(apply_to(w, &deployment_resource, "d", "status", "a", false, DEPLOYMENT("")), 404,
                 "deployments.apps \"d\" not found");
}

static void keys_that_stand_twice(void **state)
{
    struct world *w = *state;
    struct api_request *r = ask(w, API_PATCH, &config_map_resource, "default", "c");
    r->patch_type = API_PATCH_APPLY;
    r->field_manager = STR("a");
    r->field_validation = STR("Strict");
    r->body = STR("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  x: \"1\"\n  x: \"2\"\n");
    run(w, r);
    assert_code(r, 400);
    assert_true(str_starts(r->err.message, STR("error strict decoding YAML: ")));
}

static void preconditions_of_the_configuration(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &config_map_resource, "default", CONFIG("'x':'1'")), 201);
    assert_fails(
        apply(w, &config_map_resource, "c", "a",
              "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c','resourceVersion':'1'},'data':{'"
              "y':'2'}}"),
        409,
        "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; please apply your "
        "changes to the latest version and try again");
    assert_code(
        apply(
            w, &config_map_resource, "c", "a",
            "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c','uid':'other'},'data':{'y':'2'}}"),
        409);
    assert_code(apply(w, &config_map_resource, "c", "a", CONFIG("'y':'2'")), 200);
}

static void a_dry_run_leaves_no_trace(void **state)
{
    struct world *w = *state;
    struct api_request *r = ask(w, API_PATCH, &config_map_resource, "default", "c");
    r->patch_type = API_PATCH_APPLY;
    r->field_manager = STR("a");
    r->dry_run_text = STR("All");
    r->body = quoted(w, CONFIG("'x':'1'"));
    assert_code(run(w, r), 201);
    assert_field(w, r, "data.x", "1");
    assert_code(get(w, &config_map_resource, "default", "c"), 404);
}

static void status_is_applied_through_its_subresource(void **state)
{
    struct world *w = *state;
    static const char status[] =
        "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d'},'spec':{'replicas':9},"
        "'status':{'replicas':5}}";
    assert_code(apply(w, &deployment_resource, "d", "a", DEPLOYMENT("")), 201);
    struct api_request *r = apply_to(w, &deployment_resource, "d", "status", "s", false, status);
    assert_code(r, 200);
    assert_field(w, r, "status.replicas", "5");
    assert_field(w, r, "spec.replicas", "1");
    assert_true(str_find(owners(w, r), STR("s Apply status {\"f:status\":{\"f:replicas\":{}}}")) >= 0);
    /* the main resource leaves the status alone */
    r = apply_to(w, &deployment_resource, "d", "", "t", true, status);
    assert_code(r, 200);
    assert_field(w, r, "status.replicas", "5");
    assert_field(w, r, "spec.replicas", "9");
    assert_true(str_find(owners(w, r), STR("t Apply {\"f:spec\":{\"f:replicas\":{}}}")) >= 0);
}

static void scale_is_applied_too(void **state)
{
    struct world *w = *state;
    static const char scale[] =
        "{'apiVersion':'autoscaling/v1','kind':'Scale','metadata':{'name':'d'},'spec':{'replicas':4}}";
    assert_code(apply(w, &deployment_resource, "d", "a", DEPLOYMENT("'replicas':2,")), 201);
    assert_fails(apply_to(w, &deployment_resource, "d", "scale", "s", false, scale), 409,
                 "Apply failed with 1 conflict: conflict with \"a\": .spec.replicas");
    assert_code(apply_to(w, &deployment_resource, "d", "scale", "s", true, scale), 200);
    struct api_request *r = get(w, &deployment_resource, "default", "d");
    assert_field(w, r, "spec.replicas", "4");
    assert_true(str_find(owners(w, r), STR("s Apply scale {\"f:spec\":{\"f:replicas\":{}}}")) >= 0);
    assert_true(str_find(owners(w, r), STR("a Apply {\"f:spec\":{\"f:selector\":{}")) >= 0);
}

/* Two versions of one kind: owners name their fields in their own. */
static void owners_of_another_version(void **state)
{
    struct world *w = *state;
    const struct resource *v1 = &autoscaling_v1_horizontal_pod_autoscaler_resource,
                          *v2 = &autoscaling_v2_horizontal_pod_autoscaler_resource;
#define AUTOSCALER(version, more)                                                                            \
    "{'apiVersion':'autoscaling/" version "','kind':'HorizontalPodAutoscaler','metadata':{'name':'h'},"      \
    "'spec':{'scaleTargetRef':{'kind':'Deployment','name':'d','apiVersion':'apps/v1'},'maxReplicas':5" more  \
    "}}"
    assert_code(apply(w, v1, "h", "one", AUTOSCALER("v1", ",'targetCPUUtilizationPercentage':50")), 201);
    struct api_request *r = apply(w, v2, "h", "two", AUTOSCALER("v2", ",'minReplicas':2"));
    assert_code(r, 200);
    assert_field(w, r, "spec.metrics.0.resource.target.averageUtilization", "50");
    assert_fails(
        apply(w, v2, "h", "two",
              AUTOSCALER("v2", ",'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':"
                               "'Utilization','averageUtilization':80}}}]")),
        409, "Apply failed with 1 conflict: conflict with \"one\": .spec.targetCPUUtilizationPercentage");
    /* the same applier may go over to the other version */
    r = apply(w, v2, "h", "one", AUTOSCALER("v2", ""));
    assert_code(r, 200);
    assert_true(str_find(shown(w, r), STR("averageUtilization\":50")) < 0);
}

static void kubectl_takes_over_what_it_applied_itself(void **state)
{
    struct world *w = *state;
#define LAST(value)                                                                                          \
    "'annotations':{'kubectl.kubernetes.io/last-applied-configuration':"                                     \
    "'{\\'apiVersion\\':\\'v1\\',\\'kind\\':\\'ConfigMap\\',\\'metadata\\':{\\'name\\':\\'c\\'},\\'data\\':" \
    "{\\'x\\':\\'" value "\\'}}'}"
    struct api_request *q = ask(w, API_CREATE, &config_map_resource, "default", "");
    q->field_manager = STR("kubectl-client-side-apply");
    q->body = quoted(w, "{'metadata':{'name':'c'," LAST("1") "},'data':{'x':'1','y':'1'}}");
    assert_code(run(w, q), 201);
    /* x has not changed since kubectl applied it; y it never applied */
    assert_fails(
        apply(w, &config_map_resource, "c", "kubectl", CONFIG("'x':'2','y':'2'")), 409,
        "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.y");
    assert_code(apply(w, &config_map_resource, "c", "other", CONFIG("'x':'2'")), 409);
    struct api_request *r = apply(w, &config_map_resource, "c", "kubectl", CONFIG("'x':'2'"));
    assert_code(r, 200);
    assert_field(w, r, "data.x", "2");
    assert_true(str_find(shown(w, r), STR("{\\\"apiVersion\\\":\\\"v1\\\",\\\"data\\\":{\\\"x\\\":\\\"2\\\"},"
                                          "\\\"kind\\\":\\\"ConfigMap\\\"")) > 0);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_create_owns_what_it_says_and_no_more),
        IN_WORLD(who_does_not_say_is_called_by_its_agent),
        IN_WORLD(each_subresource_has_an_entry_of_its_own),
        IN_WORLD(an_update_without_changes_is_none),
        IN_WORLD(clients_may_clear_the_entries_and_spoil_none),
        IN_WORLD(what_admission_adds_is_nobodys_and_what_it_spoils_is_mended),
        IN_WORLD(an_apply_creates_what_is_not_there),
        IN_WORLD(what_is_no_longer_applied_goes_back_to_its_default),
        IN_WORLD(conflicts_are_told_field_by_field),
        IN_WORLD(bad_configurations_are_refused),
        IN_WORLD(keys_that_stand_twice),
        IN_WORLD(preconditions_of_the_configuration),
        IN_WORLD(a_dry_run_leaves_no_trace),
        IN_WORLD(status_is_applied_through_its_subresource),
        IN_WORLD(scale_is_applied_too),
        IN_WORLD(owners_of_another_version),
        IN_WORLD(kubectl_takes_over_what_it_applied_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
