/* The rules of the other kinds, a few for each: what is defaulted, what is refused and how. */
#include <stdio.h>

#include "api/expiry.h"
#include "base/clock.h"
#include "kinds/apps_v1.h"
#include "kinds/authentication_v1.h"
#include "kinds/authorization_v1.h"
#include "kinds/autoscaling_v1.h"
#include "kinds/autoscaling_v2.h"
#include "kinds/batch_v1.h"
#include "kinds/discovery_v1.h"
#include "kinds/events_v1.h"
#include "kinds/networking_v1.h"
#include "kinds/policy_v1.h"
#include "kinds/rbac_v1.h"
#include "kinds/storage_v1.h"
#include "world.h"

#define TEMPLATE                                                                                             \
    "'template':{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i'}]}}"
#define SELECTOR "'selector':{'matchLabels':{'a':'b'}}"

static void deployments(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &deployment_resource, "default",
                                   "{'metadata':{'name':'d'},'spec':{" SELECTOR "," TEMPLATE "}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.replicas", "1");
    assert_field(w, r, "spec.strategy.type", "RollingUpdate");
    assert_field(w, r, "spec.strategy.rollingUpdate.maxSurge", "25%");
    assert_field(w, r, "spec.revisionHistoryLimit", "10");
    assert_field(w, r, "spec.progressDeadlineSeconds", "600");
    assert_field(w, r, "spec.template.spec.restartPolicy", "Always");
    assert_field(w, r, "spec.template.spec.containers.0.imagePullPolicy", "Always");
    assert_fails(create(w, &deployment_resource, "default",
                        "{'metadata':{'name':'e'},'spec':{'selector':{'matchLabels':{'a':'c'}}," TEMPLATE
                        "}}"),
                 422,
                 "Deployment.apps \"e\" is invalid: spec.template.metadata.labels: Invalid value: "
                 "{\"a\":\"b\"}: `selector` "
                 "does not match template `labels`");
    assert_code(create(w, &deployment_resource, "default",
                       "{'metadata':{'name':'e'},'spec':{" SELECTOR "," TEMPLATE
                       ",'strategy':{'rollingUpdate':{'maxSurge':0,'maxUnavailable':0}}}}"),
                422);
    assert_fails(create(w, &deployment_resource, "default",
                        "{'metadata':{'name':'e'},'spec':{'replicas':-1," SELECTOR "," TEMPLATE "}}"),
                 422,
                 "Deployment.apps \"e\" is invalid: spec.replicas: Invalid value: -1: must be greater than "
                 "or equal to 0");
    assert_fails(
        create(w, &deployment_resource, "default", "{'metadata':{'name':'e'},'spec':{" TEMPLATE "}}"), 422,
        "Deployment.apps \"e\" is invalid: [spec.selector: Required value, spec.template.metadata.labels: "
        "Invalid "
        "value: {\"a\":\"b\"}: `selector` does not match template `labels`]");
}

static void workloads_have_a_scale(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &deployment_resource, "default",
                       "{'metadata':{'name':'d'},'spec':{" SELECTOR "," TEMPLATE "}}"),
                201);
    struct api_request *r = sub(w, API_GET, &deployment_resource, "default", "d", "scale", "");
    assert_code(r, 200);
    assert_field(w, r, "spec.replicas", "1");
    assert_field(w, r, "status.selector", "a=b");
    r = sub(w, API_UPDATE, &deployment_resource, "default", "d", "scale",
            "{'kind':'Scale','apiVersion':'autoscaling/v1','metadata':{'name':'d'},'spec':{'replicas':4}}");
    assert_code(r, 200);
    assert_field(w, r, "spec.replicas", "4");
    assert_field(w, get(w, &deployment_resource, "default", "d"), "spec.replicas", "4");
    r = ask(w, API_PATCH, &deployment_resource, "default", "d");
    r->subresource = STR("scale");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(w, "{'spec':{'replicas':2}}");
    assert_code(run(w, r), 200);
    assert_field(w, get(w, &deployment_resource, "default", "d"), "spec.replicas", "2");
    assert_code(sub(w, API_UPDATE, &deployment_resource, "default", "d", "scale", "{'spec':{'replicas':-1}}"),
                422);
    assert_code(sub(w, API_GET, &config_map_resource, "default", "d", "scale", ""), 404);
}

static void stateful_and_daemon_sets(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &stateful_set_resource, "default",
               "{'metadata':{'name':'s'},'spec':{'serviceName':'x'," SELECTOR "," TEMPLATE "}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.podManagementPolicy", "OrderedReady");
    assert_field(w, r, "spec.updateStrategy.rollingUpdate.partition", "0");
    assert_code(
        patch(w, &stateful_set_resource, "default", "s", API_PATCH_MERGE, "{'spec':{'serviceName':'y'}}"),
        422);
    assert_code(patch(w, &stateful_set_resource, "default", "s", API_PATCH_MERGE, "{'spec':{'replicas':3}}"),
                200);
    r = create(w, &daemon_set_resource, "default",
               "{'metadata':{'name':'s'},'spec':{" SELECTOR "," TEMPLATE "}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.updateStrategy.rollingUpdate.maxUnavailable", "1");
    assert_field(w, r, "spec.updateStrategy.rollingUpdate.maxSurge", "0");
}

static void jobs_select_their_pods_by_uid(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &job_resource, "default",
               "{'metadata':{'name':'j'},'spec':{'template':{'spec':{'restartPolicy':'Never',"
               "'containers':[{'name':'c','image':'i'}]}}}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.completions", "1");
    assert_field(w, r, "spec.backoffLimit", "6");
    assert_field(w, r, "spec.template.metadata.labels.[batch.kubernetes.io/job-name]", "j");
    assert_true(str_eq(field(w, r, "spec.selector.matchLabels.[batch.kubernetes.io/controller-uid]"),
                       field(w, r, "metadata.uid")));
    assert_code(create(w, &job_resource, "default", "{'metadata':{'name':'k'},'spec':{" TEMPLATE "}}"), 422);
    assert_code(patch(w, &job_resource, "default", "j", API_PATCH_MERGE, "{'spec':{'parallelism':3}}"), 200);
    assert_code(patch(w, &job_resource, "default", "j", API_PATCH_MERGE, "{'spec':{'completions':3}}"), 422);
}

static void cron_jobs_have_schedules(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *schedule;
        int code;
    } cases[] = {{"*/5 * * * *", 201},           {"0 0 1 jan sun", 201}, {"@daily", 201},
                 {"1-5,7 */2 ? * mon-fri", 201}, {"* * * *", 422},       {"60 * * * *", 422},
                 {"* * * * * *", 422},           {"*/0 * * * *", 422},   {"TZ=UTC * * * * *", 422}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[512];
        snprintf(
            json, sizeof json,
            "{'metadata':{'name':'c%zu'},'spec':{'schedule':'%s','jobTemplate':{'spec':{'template':{'spec':{"
            "'restartPolicy':'Never','containers':[{'name':'c','image':'i'}]}}}}}}",
            i, cases[i].schedule);
        assert_code(create(w, &cron_job_resource, "default", json), cases[i].code);
    }
}

static void secrets(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &secret_resource, "default", "{'metadata':{'name':'s'},'stringData':{'k':'v'}}");
    assert_code(r, 201);
    assert_field(w, r, "type", "Opaque");
    assert_field(w, r, "data.k", "dg==");
    assert_field(w, r, "stringData", "");
    assert_code(patch(w, &secret_resource, "default", "s", API_PATCH_MERGE, "{'type':'other'}"), 422);
    assert_fails(create(w, &secret_resource, "default",
                        "{'metadata':{'name':'t'},'type':'kubernetes.io/tls','data':{}}"),
                 422,
                 "Secret \"t\" is invalid: [data[tls.crt]: Required value, data[tls.key]: Required value]");
    assert_code(
        create(w, &secret_resource, "default", "{'metadata':{'name':'t'},'data':{'k':'not base64!'}}"), 400);
}

static void roles_and_bindings(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &role_resource, "default",
                       "{'metadata':{'name':'system:x'},'rules':[{'verbs':['get'],'apiGroups':[''],'"
                       "resources':['pods']}]}"),
                201);
    assert_fails(create(w, &role_resource, "default",
                        "{'metadata':{'name':'y'},'rules':[{'apiGroups':[''],'resources':['pods']}]}"),
                 422,
                 "Role.rbac.authorization.k8s.io \"y\" is invalid: rules[0].verbs: Required value: verbs "
                 "must contain at "
                 "least one value");
    struct api_request *r = create(w, &role_binding_resource, "default",
                                   "{'metadata':{'name':'b'},'subjects':[{'kind':'User','name':'u'}],'"
                                   "roleRef':{'kind':'Role','name':'system:x'}}");
    assert_code(r, 201);
    assert_field(w, r, "roleRef.apiGroup", "rbac.authorization.k8s.io");
    assert_field(w, r, "subjects.0.apiGroup", "rbac.authorization.k8s.io");
    assert_fails(
        patch(w, &role_binding_resource, "default", "b", API_PATCH_MERGE, "{'roleRef':{'name':'other'}}"),
        422,
        "RoleBinding.rbac.authorization.k8s.io \"b\" is invalid: roleRef: Invalid value: "
        "{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"other\"}: cannot change "
        "roleRef");
}

static void ingresses_and_policies(void **state)
{
    struct world *w = *state;
    assert_code(
        create(
            w, &ingress_resource, "default",
            "{'metadata':{'name':'i'},'spec':{'rules':[{'host':'a.b','http':{'paths':[{'path':'/','pathType':"
            "'Prefix','backend':{'service':{'name':'s','port':{'number':80}}}}]}}]}}"),
        201);
    assert_code(create(w, &ingress_resource, "default", "{'metadata':{'name':'j'},'spec':{}}"), 422);
    assert_code(create(w, &ingress_resource, "default",
                       "{'metadata':{'name':'j'},'spec':{'rules':[{'host':'1.2.3.4'}]}}"),
                422);
    struct api_request *r = create(
        w, &network_policy_resource, "default",
        "{'metadata':{'name':'n'},'spec':{'podSelector':{},'ingress':[{'from':[{'podSelector':{}}]}]}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.policyTypes.0", "Ingress");
    assert_code(create(w, &network_policy_resource, "default",
                       "{'metadata':{'name':'m'},'spec':{'podSelector':{},'ingress':[{'from':[{}]}]}}"),
                422);
}

static void volumes_and_claims(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &storage_class_resource, "",
                       "{'metadata':{'name':'fast','annotations':{'storageclass.kubernetes.io/"
                       "is-default-class':'true'}},"
                       "'provisioner':'x.y/z'}"),
                201);
    struct api_request *r = create(w, &persistent_volume_claim_resource, "default",
                                   "{'metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteOnce'],"
                                   "'resources':{'requests':{'storage':'1Gi'}}}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.storageClassName", "fast");
    assert_field(w, r, "spec.volumeMode", "Filesystem");
    assert_field(w, r, "status.phase", "Pending");
    assert_code(patch(w, &persistent_volume_claim_resource, "default", "c", API_PATCH_MERGE,
                      "{'spec':{'volumeName':'v'}}"),
                200);
    assert_code(patch(w, &persistent_volume_claim_resource, "default", "c", API_PATCH_MERGE,
                      "{'spec':{'volumeName':'u'}}"),
                422);
    assert_code(
        create(
            w, &persistent_volume_resource, "",
            "{'metadata':{'name':'v'},'spec':{'capacity':{'storage':'1Gi'},'accessModes':['ReadWriteOnce'],"
            "'hostPath':{'path':'/x'}}}"),
        201);
    assert_code(
        create(w, &persistent_volume_resource, "", "{'metadata':{'name':'u'},'spec':{'accessModes':[]}}"),
        422);
}

static void autoscalers_budgets_and_slices(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(
        w, &autoscaling_v2_horizontal_pod_autoscaler_resource, "default",
        "{'metadata':{'name':'h'},'spec':{'maxReplicas':3,'scaleTargetRef':{'apiVersion':'apps/v1','kind'"
        ":'Deployment','name':'d'}}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.minReplicas", "1");
    assert_field(w, r, "spec.metrics.0.resource.target.averageUtilization", "80");
    assert_code(create(w, &pod_disruption_budget_resource, "default",
                       "{'metadata':{'name':'b'},'spec':{'minAvailable':1,'maxUnavailable':1}}"),
                422);
    assert_code(
        create(w, &endpoint_slice_resource, "default",
               "{'metadata':{'name':'e'},'addressType':'IPv4','endpoints':[{'addresses':['127.0.0.1']}]}"),
        422);
    r = create(w, &endpoint_slice_resource, "default",
               "{'metadata':{'name':'e'},'addressType':'IPv4','endpoints':[{'addresses':['10.1.1.1']}],'"
               "ports':[{'port':1}]}");
    assert_code(r, 201);
    assert_field(w, r, "ports.0.protocol", "TCP");
    assert_code(patch(w, &endpoint_slice_resource, "default", "e", API_PATCH_MERGE, "{'addressType':'IPv6'}"),
                422);
}

static void nodes_keep_what_they_are_given(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(
        w, &node_resource, "",
        "{'metadata':{'name':'n'},'spec':{'podCIDR':'10.1.0.0/24'},'status':{'capacity':{'cpu':'2'}}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.podCIDRs.0", "10.1.0.0/24");
    assert_field(w, r, "status.capacity.cpu", "2");
    assert_field(w, r, "spec.taints.0.key",
                 "node.kubernetes.io/not-ready"); /* until it has shown that it is */
    assert_code(patch(w, &node_resource, "", "n", API_PATCH_MERGE,
                      "{'spec':{'podCIDR':'10.2.0.0/24','podCIDRs':null}}"),
                422);
    assert_code(patch(w, &node_resource, "", "n", API_PATCH_MERGE, "{'spec':{'unschedulable':true}}"), 200);
    assert_code(create(w, &node_resource, "",
                       "{'metadata':{'name':'m'},'spec':{'taints':[{'key':'k','effect':'Odd'}]}}"),
                422);
}

static void kinds_with_two_forms_are_one_thing(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &events_event_resource, "default",
               "{'kind':'Event','apiVersion':'events.k8s.io/v1','metadata':{'name':'e'},'note':'hello',"
               "'reason':'Why','type':'Normal','eventTime':'2026-01-01T00:00:00.000000Z','action':'Look',"
               "'reportingController':'example.com/c','reportingInstance':'c-1',"
               "'regarding':{'kind':'Pod','namespace':'default','name':'p'}}");
    assert_code(r, 201);
    assert_field(w, r, "apiVersion", "events.k8s.io/v1");
    assert_field(w, r, "note", "hello");
    r = get(w, &event_resource, "default", "e");
    assert_field(w, r, "apiVersion", "v1");
    assert_field(w, r, "message", "hello");
    assert_field(w, r, "involvedObject.name", "p");
    r = patch(w, &events_event_resource, "default", "e", API_PATCH_MERGE,
              "{'series':{'count':2,'lastObservedTime':'2026-01-01T00:00:01.000000Z'}}");
    assert_code(r, 200);
    assert_field(w, get(w, &event_resource, "default", "e"), "series.count", "2");
    r = list(w, &events_event_resource, "default", "", "");
    assert_int_equal(r->list->n, 1);
    assert_ptr_equal(object_resource(r->list->at[0]), &events_event_resource);
    /* Each form's selectors speak its own names. */
    r = list(w, &events_event_resource, "default", "", "regarding.name=p,reportingController=example.com/c");
    assert_int_equal(r->list->n, 1);
    assert_int_equal(list(w, &events_event_resource, "default", "", "regarding.name=q")->list->n, 0);
    assert_int_equal(list(w, &event_resource, "default", "", "involvedObject.name=p")->list->n, 1);
    assert_fails(list(w, &event_resource, "default", "", "regarding.name=p"), 400,
                 "field label not supported: regarding.name");

    r = create(w, &autoscaling_v1_horizontal_pod_autoscaler_resource, "default",
               "{'metadata':{'name':'h'},'spec':{'maxReplicas':3,'targetCPUUtilizationPercentage':50,"
               "'scaleTargetRef':{'apiVersion':'apps/v1','kind':'Deployment','name':'d'}}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.targetCPUUtilizationPercentage", "50");
    r = get(w, &autoscaling_v2_horizontal_pod_autoscaler_resource, "default", "h");
    assert_field(w, r, "spec.metrics.0.resource.target.averageUtilization", "50");
}

static void events_go_after_an_hour(void **state)
{
    struct world *w = *state;
    static const char event[] =
        "{'metadata':{'name':'%s'},'involvedObject':{'namespace':'default'},'lastTimestamp':'%s'}";
    char json[256];
    snprintf(json, sizeof json, event, "now", "2999-01-01T00:00:00Z");
    assert_code(create(w, &event_resource, "default", json), 201);
    snprintf(json, sizeof json, event, "old", "2020-01-01T00:00:00Z");
    assert_code(create(w, &event_resource, "default", json), 201);
    assert_int_equal(expiry_sweep(world_api(w)), 0); /* old by its text, but written just now */
    clock_simulate(clock_wall() + 2 * 3600 * CLOCK_S);
    assert_int_equal(expiry_sweep(world_api(w)), 1);
    assert_code(get(w, &event_resource, "default", "now"), 200);
    assert_code(get(w, &event_resource, "default", "old"), 404);
}

/* --- what the floor above lends --- */

static int answer(void *arg, struct api_request *r, const struct resource *type, void *typed, struct err *err)
{
    (void)arg;
    (void)r;
    (void)err;
    assert_ptr_equal(type, &subject_access_review_resource);
    ((struct subject_access_review *)typed)->status.allowed = true;
    return 0;
}

static int sign(void *arg, const struct api_token_claims *claims, struct arena *a, struct str *token,
                struct err *err)
{
    (void)err;
    *(struct api_token_claims *)arg = *claims;
    *token = arena_str(a, STR("signed"));
    return 0;
}

static int guard(void *arg, struct api_request *r, struct object *before, const void *typed, struct err *err)
{
    (void)arg;
    (void)before;
    (void)typed;
    return r->resource == &cluster_role_resource ? err_set(err, ERR_FORBIDDEN, "no escalation") : 0;
}

#define REVIEW "{'spec':{'user':'u','nonResourceAttributes':{'path':'/'}}}"
static void reviews_tokens_and_guards_come_from_above(void **state)
{
    struct world *w = *state;
    struct api_token_claims claims = {0};
    assert_code(create(w, &subject_access_review_resource, "", REVIEW), 404);
    assert_code(sub(w, API_CREATE, &service_account_resource, "default", "default", "token", "{}"), 404);
    api_set_hooks(world_api(w),
                  &(struct api_hooks){.arg = &claims, .answer = answer, .sign_token = sign, .guard = guard});
    struct api_request *r = create(w, &subject_access_review_resource, "", REVIEW);
    assert_code(r, 201);
    assert_field(w, r, "status.allowed", "true");
    r = sub(w, API_CREATE, &service_account_resource, "default", "default", "token",
            "{'spec':{'audiences':['api'],'expirationSeconds':700}}");
    assert_code(r, 201);
    assert_field(w, r, "status.token", "signed");
    assert_int_equal(claims.expires_s - claims.issued_s, 700);
    assert_str(claims.service_account, "default");
    assert_code(sub(w, API_CREATE, &service_account_resource, "default", "default", "token",
                    "{'spec':{'expirationSeconds':1}}"),
                422);
    assert_code(create(w, &pod_resource, "default", POD("p")), 201);
    r = sub(w, API_CREATE, &service_account_resource, "default", "default", "token",
            "{'spec':{'boundObjectRef':{'kind':'Pod','apiVersion':'v1','name':'p'}}}");
    assert_code(r, 201);
    assert_str(claims.bound_name, "p");
    assert_code(sub(w, API_CREATE, &service_account_resource, "default", "default", "token",
                    "{'spec':{'boundObjectRef':{'kind':'Pod','apiVersion':'v1','name':'none'}}}"),
                404);
    assert_fails(create(w, &cluster_role_resource, "", "{'metadata':{'name':'x'}}"), 403, "no escalation");
}

/* An admission of one's own: it changes what it sees, then looks at the result. */
static int label_all(void *arg, struct api_attributes *at, struct err *err)
{
    (void)err;
    struct config_map *c = at->object;
    if (at->resource == &config_map_resource && at->operation == API_OP_CREATE)
        c->immutable = arg;
    return 0;
}

static int refuse_bad(void *arg, struct api_attributes *at, struct err *err)
{
    const struct config_map *c = at->object;
    (void)arg;
    return at->resource == &config_map_resource && c && str_is(c->metadata.name, "bad")
               ? err_set(err, ERR_FORBIDDEN, "denied by a webhook")
               : 0;
}

static void admission_may_be_added(void **state)
{
    struct world *w = *state;
    static bool yes = true;
    api_add_admission(
        world_api(w),
        &(struct api_admission){.name = "mine", .mutate = label_all, .validate = refuse_bad, .arg = &yes});
    struct api_request *r = create(w, &config_map_resource, "default", "{'metadata':{'name':'good'}}");
    assert_code(r, 201);
    assert_field(w, r, "immutable", "true");
    assert_fails(create(w, &config_map_resource, "default", "{'metadata':{'name':'bad'}}"), 403,
                 "denied by a webhook");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(deployments),
        TEST(workloads_have_a_scale),
        TEST(stateful_and_daemon_sets),
        TEST(jobs_select_their_pods_by_uid),
        TEST(cron_jobs_have_schedules),
        TEST(secrets),
        TEST(roles_and_bindings),
        TEST(ingresses_and_policies),
        TEST(volumes_and_claims),
        TEST(autoscalers_budgets_and_slices),
        TEST(nodes_keep_what_they_are_given),
        TEST(kinds_with_two_forms_are_one_thing),
        TEST(reviews_tokens_and_guards_come_from_above),
        TEST(admission_may_be_added),
        TEST(events_go_after_an_hour), /* last: it moves the clock */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
