/* Autoscalers and disruption budgets: what is refused, and what is defaulted. */
#include <stdio.h>

#include "kinds/autoscaling_v1.h"
#include "kinds/autoscaling_v2.h"
#include "kinds/policy_v1.h"
#include "verdict.h"

#define HPA              autoscaling_v2_horizontal_pod_autoscaler_resource
#define HPA1             autoscaling_v1_horizontal_pod_autoscaler_resource
#define TARGET           "'scaleTargetRef':{'apiVersion':'apps/v1','kind':'Deployment','name':'d'}"
#define SCALER(more)     "{'metadata':{'name':'h'},'spec':{" TARGET ",'maxReplicas':3" more "}}"
#define METRIC(more)     SCALER(",'metrics':[{" more "}]")
#define RESOURCE(more)   METRIC("'type':'Resource','resource':{'name':'cpu'" more "}")
#define EXTERNAL(target) METRIC("'type':'External','external':{'metric':{'name':'m'},'target':{" target "}}")
#define UP(more)         SCALER(",'behavior':{'scaleUp':{" more "}}")
#define POLICY(more)     UP("'policies':[{" more "}]")
#define BUDGET(more)     "{'metadata':{'name':'b'},'spec':{'selector':{'matchLabels':{'a':'b'}}" more "}}"

static const struct verdict verdicts[] = {
    {&HPA, SCALER(""), NULL},
    {&HPA1,
     "{'metadata':{'name':'h'},'spec':{" TARGET ",'maxReplicas':3,'targetCPUUtilizationPercentage':50}}",
     NULL},
    {&HPA, "{'metadata':{'name':'h'},'spec':{}}",
     "spec.maxReplicas: Required value: must be set and greater than 0|spec.maxReplicas: Invalid value: 0: "
     "must be "
     "greater than or equal to `minReplicas`|spec.scaleTargetRef.kind: Required "
     "value|spec.scaleTargetRef.name: "
     "Required value|spec.scaleTargetRef.apiVersion: Invalid value: \"\": apiVersion must specify API group"},
    {&HPA,
     "{'metadata':{'name':'h'},'spec':{'scaleTargetRef':{'apiVersion':'v1','kind':'ReplicationController','"
     "name':"
     "'r'},'maxReplicas':1}}",
     NULL},
    {&HPA,
     "{'metadata':{'name':'h'},'spec':{'scaleTargetRef':{'apiVersion':'a/b/c','kind':'X','name':'r/s'},"
     "'maxReplicas':-1,'minReplicas':0}}",
     "unexpected GroupVersion string: a/b/c|name: Invalid value: \"r/s\": may not contain '/'|maxReplicas: "
     "Invalid "
     "value: -1: must be greater than or equal to 1|minReplicas: Invalid value: 0: must be greater than or "
     "equal "
     "to 1"},
    {&HPA, METRIC(""), "spec.metrics[0].type: Required value: must specify a metric source type"},
    {&HPA, METRIC("'type':'Mood'"),
     "spec.metrics[0].type: Unsupported value: \"Mood\": supported values: \"ContainerResource\", "
     "\"External\", "
     "\"Object\", \"Pods\", \"Resource\""},
    {&HPA, METRIC("'type':'Pods'"),
     "spec.metrics[0].pods: Required value: must populate information for the given metric source"},
    {&HPA,
     METRIC("'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':"
            "50}},"
            "'pods':{'metric':{'name':'m'},'target':{'type':'AverageValue','averageValue':'1'}}"),
     "spec.metrics[0].pods: Forbidden: must populate the given metric source only"},
    {&HPA, RESOURCE(""),
     "resource.target.type: Required value: must specify a metric target "
     "type|resource.target.averageUtilization: "
     "Required value: must set either a target raw value or a target utilization"},
    {&HPA, RESOURCE(",'target':{'type':'Mean','averageUtilization':0,'averageValue':'-1'}"),
     "target.type: Invalid value: \"Mean\": must be either Utilization, Value, or AverageValue|"
     "target.averageUtilization: Invalid value: 0: must be greater than 0|target.averageValue: Invalid "
     "value: "
     "\"-1\": must be positive|target.averageValue: Forbidden: may not set both a target raw value and a "
     "target "
     "utilization"},
    {&HPA, EXTERNAL("'type':'Value'"),
     "external.target.averageValue: Required value: must set either a target value for metric or a per-pod "
     "target"},
    {&HPA, EXTERNAL("'type':'Value','value':'1','averageValue':'1'"),
     "external.target.value: Forbidden: may not set both a target value for metric and a per-pod target"},
    {&HPA, METRIC("'type':'Pods','pods':{'metric':{},'target':{'type':'Value'}}"),
     "pods.metric.name: Required value: must specify a metric name|pods.target.averageValue: Required value: "
     "must "
     "specify a positive target averageValue"},
    {&HPA, METRIC("'type':'Object','object':{'metric':{'name':'m'},'target':{'type':'Value'}}"),
     "object.describedObject.kind: Required value|object.target.averageValue: Required value: must set "
     "either a "
     "target value or averageValue"},
    {&HPA,
     METRIC("'type':'ContainerResource','containerResource':{'name':'cpu','target':{'type':'Utilization',"
            "'averageUtilization':5}}"),
     "containerResource.container: Required value: must specify a container"},
    {&HPA, UP("'stabilizationWindowSeconds':4000,'selectPolicy':'Best','policies':[],'tolerance':'-1'"),
     "scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600|"
     "scaleUp.selectPolicy: Unsupported value: \"Best\": supported values: \"Disabled\", \"Max\", \"Min\"|"
     "scaleUp.policies: Required value: must specify at least one Policy|scaleUp.tolerance: Invalid value: "
     "\"-1\": "
     "must be greater than or equal to 0"},
    {&HPA, POLICY("'type':'Words','value':0,'periodSeconds':1900"),
     "policies[0].type: Unsupported value: \"Words\": supported values: \"Percent\", "
     "\"Pods\"|policies[0].value: "
     "Invalid value: 0: must be greater than zero|policies[0].periodSeconds: Invalid value: 1900: must be "
     "less than "
     "or equal to 1800"},
    {&pod_disruption_budget_resource, BUDGET(",'minAvailable':'50%'"), NULL},
    {&pod_disruption_budget_resource, BUDGET(",'minAvailable':1,'maxUnavailable':1"),
     "spec: Invalid value: |: minAvailable and maxUnavailable cannot be both set"},
    {&pod_disruption_budget_resource, BUDGET(",'minAvailable':'half'"),
     "spec.minAvailable: Invalid value: \"half\": a valid percent string must be a numeric string followed "
     "by an "
     "ending '%'"},
    {&pod_disruption_budget_resource, BUDGET(",'maxUnavailable':'120%'"),
     "spec.maxUnavailable: Invalid value: \"120%\": must not be greater than 100%"},
    {&pod_disruption_budget_resource, BUDGET(",'maxUnavailable':-1"),
     "spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"},
    {&pod_disruption_budget_resource, BUDGET(",'unhealthyPodEvictionPolicy':'Maybe'"),
     "spec.unhealthyPodEvictionPolicy: Unsupported value: \"Maybe\": supported values: \"AlwaysAllow\", "
     "\"IfHealthyBudget\""},
};

static const struct change_verdict changes[] = {
    {&HPA, SCALER(""), NULL, "{'spec':{'scaleTargetRef':{'apiVersion':'v1'}}}",
     "apiVersion must specify API group", false},
    {&HPA, SCALER(""), NULL, "{'status':{'currentReplicas':-1,'desiredReplicas':-1}}",
     "status.currentReplicas: Invalid value: -1: must be greater than or equal to 0|status.desiredReplicas: "
     "Invalid "
     "value: -1",
     true},
    {&pod_disruption_budget_resource, BUDGET(",'minAvailable':1"), NULL,
     "{'spec':{'minAvailable':null,'maxUnavailable':1,'selector':{'matchLabels':{'x':'y'}}}}", NULL, false},
    {&pod_disruption_budget_resource, BUDGET(""), NULL,
     "{'status':{'disruptionsAllowed':-1,'currentHealthy':-2,'desiredHealthy':-3,'expectedPods':-4}}",
     "status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to "
     "0|status.currentHealthy: "
     "Invalid value: -2|status.desiredHealthy: Invalid value: -3|status.expectedPods: Invalid value: -4",
     true},
};

static void what_is_refused(void **state)
{
    JUDGE(*state, verdicts);
    JUDGE_CHANGES(*state, changes);
}

static void behavior_is_completed_where_some_is_said(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &HPA, "default", SCALER(""));
    assert_code(r, 201);
    assert_field(w, r, "spec.minReplicas", "1");
    assert_field(w, r, "spec.metrics.0.resource.target.averageUtilization", "80");
    assert_field(w, r, "spec.behavior", "");
    assert_code(del(w, &HPA, "default", "h", ""), 200);
    r = create(w, &HPA, "default", SCALER(",'behavior':{'scaleDown':{'stabilizationWindowSeconds':60}}"));
    assert_code(r, 201);
    assert_field(w, r, "spec.behavior.scaleUp.stabilizationWindowSeconds", "0");
    assert_field(w, r, "spec.behavior.scaleUp.policies.0.type", "Pods");
    assert_field(w, r, "spec.behavior.scaleUp.policies.1.value", "100");
    assert_field(w, r, "spec.behavior.scaleDown.stabilizationWindowSeconds", "60");
    assert_field(w, r, "spec.behavior.scaleDown.selectPolicy", "Max");
    assert_field(w, r, "spec.behavior.scaleDown.policies.0.type", "Percent");
}

static struct str annotation(struct world *w, struct api_request *r, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "metadata.annotations.[autoscaling.alpha.kubernetes.io/%s]", name);
    return field(w, r, path);
}

#define TARGETS(value, more) "'target':{'type':'" value "'," more "}"

static void what_v1_cannot_say_it_annotates(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(
        w, &HPA, "default",
        SCALER(
            ",'metrics':["
            "{'type':'Resource','resource':{'name':'cpu'," TARGETS(
                "Utilization",
                "'averageUtilization':70") "}},"
                                           "{'type':'Resource','resource':{'name':'memory'," TARGETS(
                                               "AverageValue",
                                               "'averageValue':'1Gi'") "}},"
                                                                       "{'type':'Pods','pods':{'"
                                                                       "metric':{'name':'hits'}"
                                                                       "," TARGETS(
                                                                           "AverageValue",
                                                                           "'averageValue':'"
                                                                           "5'") "}},"
                                                                                 "{'type':'"
                                                                                 "Object','"
                                                                                 "object':{'"
                                                                                 "describedObj"
                                                                                 "ect':{'kind'"
                                                                                 ":'Service','"
                                                                                 "name':'s','"
                                                                                 "apiVersion':"
                                                                                 "'v1'},"
                                                                                 "'metric':{'"
                                                                                 "name':'load'"
                                                                                 ",'selector':"
                                                                                 "{'"
                                                                                 "matchLabels'"
                                                                                 ":{'a':'b'}}}"
                                                                                 "," TARGETS(
                                                                                     "Value",
                                                                                     "'value':"
                                                                                     "'7'") "}"
                                                                                            "}"
                                                                                            ","
                                                                                            "{"
                                                                                            "'"
                                                                                            "t"
                                                                                            "y"
                                                                                            "p"
                                                                                            "e"
                                                                                            "'"
                                                                                            ":"
                                                                                            "'"
                                                                                            "E"
                                                                                            "x"
                                                                                            "t"
                                                                                            "e"
                                                                                            "r"
                                                                                            "n"
                                                                                            "a"
                                                                                            "l"
                                                                                            "'"
                                                                                            ","
                                                                                            "'"
                                                                                            "e"
                                                                                            "x"
                                                                                            "t"
                                                                                            "e"
                                                                                            "r"
                                                                                            "n"
                                                                                            "a"
                                                                                            "l"
                                                                                            "'"
                                                                                            ":"
                                                                                            "{"
                                                                                            "'"
                                                                                            "m"
                                                                                            "e"
                                                                                            "t"
                                                                                            "r"
                                                                                            "i"
                                                                                            "c"
                                                                                            "'"
                                                                                            ":"
                                                                                            "{"
                                                                                            "'"
                                                                                            "n"
                                                                                            "a"
                                                                                            "m"
                                                                                            "e"
                                                                                            "'"
                                                                                            ":"
                                                                                            "'"
                                                                                            "q"
                                                                                            "u"
                                                                                            "e"
                                                                                            "u"
                                                                                            "e"
                                                                                            "'"
                                                                                            "}"
                                                                                            "," TARGETS(
                                                                                                "AverageVa"
                                                                                                "lue",
                                                                                                "'averageV"
                                                                                                "alue':'"
                                                                                                "9'") "}},"
                                                                                                      "{'"
                                                                                                      "typ"
                                                                                                      "e':"
                                                                                                      "'Co"
                                                                                                      "nta"
                                                                                                      "ine"
                                                                                                      "rRe"
                                                                                                      "sou"
                                                                                                      "rce"
                                                                                                      "','"
                                                                                                      "con"
                                                                                                      "tai"
                                                                                                      "ner"
                                                                                                      "Res"
                                                                                                      "our"
                                                                                                      "ce'"
                                                                                                      ":{'"
                                                                                                      "nam"
                                                                                                      "e':"
                                                                                                      "'cp"
                                                                                                      "u',"
                                                                                                      "'co"
                                                                                                      "nta"
                                                                                                      "ine"
                                                                                                      "r':"
                                                                                                      "'c'"
                                                                                                      "," TARGETS(
                                                                                                          "Ut"
                                                                                                          "il"
                                                                                                          "iz"
                                                                                                          "at"
                                                                                                          "io"
                                                                                                          "n",
                                                                                                          "'a"
                                                                                                          "ve"
                                                                                                          "ra"
                                                                                                          "ge"
                                                                                                          "Ut"
                                                                                                          "il"
                                                                                                          "iz"
                                                                                                          "at"
                                                                                                          "io"
                                                                                                          "n'"
                                                                                                          ":3"
                                                                                                          "0") "}}],"
                                                                                                               "'behavior':{'scaleDown':{'stabilizationWindowSeconds':60,'policies':[{'type':'Pods','value':4,"
                                                                                                               "'periodSeconds':15}]}}"));
    assert_code(r, 201);
    r = get(w, &HPA1, "default", "h");
    assert_field(w, r, "spec.targetCPUUtilizationPercentage", "70");
    assert_str(
        annotation(w, r, "metrics"),
        "[{\"resource\":{\"name\":\"memory\",\"targetAverageValue\":\"1Gi\"},\"type\":\"Resource\"},"
        "{\"pods\":{\"metricName\":\"hits\",\"targetAverageValue\":\"5\"},\"type\":\"Pods\"},"
        "{\"object\":{\"metricName\":\"load\",\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"target\":"
        "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"name\":\"s\"},\"targetValue\":\"7\"},\"type\":"
        "\"Object\"},"
        "{\"external\":{\"metricName\":\"queue\",\"targetAverageValue\":\"9\"},\"type\":\"External\"},"
        "{\"containerResource\":{\"container\":\"c\",\"name\":\"cpu\",\"targetAverageUtilization\":30},"
        "\"type\":\"ContainerResource\"}]");
    assert_true(
        str_find(annotation(w, r, "behavior"), STR("\"ScaleDown\":{\"Policies\":[{\"PeriodSeconds\":15,"
                                                   "\"Type\":\"Pods\",\"Value\":4}]")) >= 0);
}

static void what_v1_writes_back_v2_has_again(void **state)
{
    struct world *w = *state;
    what_v1_cannot_say_it_annotates(state);
    struct api_request *r =
        patch(w, &HPA, "default", "h", API_PATCH_MERGE, "{'metadata':{'labels':{'seen':'before'}}}");
    struct str before = field(w, r, "spec.metrics"), behavior = field(w, r, "spec.behavior");
    r = patch(w, &HPA1, "default", "h", API_PATCH_MERGE, "{'spec':{'maxReplicas':9}}");
    assert_code(r, 200);
    r = get(w, &HPA, "default", "h");
    assert_field(w, r, "spec.maxReplicas", "9");
    assert_str(field(w, r, "spec.behavior"), behavior.p);
    assert_int_equal(field(w, r, "spec.metrics").n, before.n); /* v1's own metric is the last one now */
    assert_field(w, r, "spec.metrics.0.resource.name", "memory");
    assert_field(w, r, "spec.metrics.2.object.describedObject.name", "s");
    assert_field(w, r, "spec.metrics.2.object.target.type", "Value");
    assert_field(w, r, "spec.metrics.5.resource.target.averageUtilization", "70");
    assert_str(annotation(w, r, "metrics"), ""); /* they are v1's alone */
    /* What cannot be read is dropped. */
    r = patch(w, &HPA1, "default", "h", API_PATCH_MERGE,
              "{'metadata':{'annotations':{'autoscaling.alpha.kubernetes.io/metrics':'[{]',"
              "'autoscaling.alpha.kubernetes.io/behavior':'7'}}}");
    assert_code(r, 200);
    r = get(w, &HPA, "default", "h");
    assert_field(w, r, "spec.metrics.0.resource.target.averageUtilization", "70");
    assert_str(field(w, r, "spec.behavior"), "");
}

static void v1_shows_a_status_too(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &HPA, "default", SCALER("")), 201);
    struct api_request *r = ask(w, API_PATCH, &HPA, "default", "h");
    r->subresource = STR("status");
    r->patch_type = API_PATCH_MERGE;
    r->body = quoted(
        w, "{'status':{'desiredReplicas':2,'currentMetrics':[{'type':'Pods','pods':{'metric':{'name':'hits'},"
           "'current':{'averageValue':'3'}}}],'conditions':[{'type':'AbleToScale','status':'True'}]}}");
    assert_code(run(w, r), 200);
    r = get(w, &HPA1, "default", "h");
    assert_str(annotation(w, r, "current-metrics"),
               "[{\"pods\":{\"currentAverageValue\":\"3\",\"metricName\":\"hits\"},\"type\":\"Pods\"}]");
    assert_true(str_find(annotation(w, r, "conditions"), STR("\"type\":\"AbleToScale\"")) >= 0);
    assert_code(patch(w, &HPA1, "default", "h", API_PATCH_MERGE, "{'spec':{'minReplicas':2}}"), 200);
    r = get(w, &HPA, "default", "h");
    assert_field(w, r, "status.currentMetrics.0.pods.current.averageValue", "3");
    assert_field(w, r, "status.conditions.0.type", "AbleToScale");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_refused, world_open, world_close),
        cmocka_unit_test_setup_teardown(behavior_is_completed_where_some_is_said, world_open, world_close),
        cmocka_unit_test_setup_teardown(what_v1_cannot_say_it_annotates, world_open, world_close),
        cmocka_unit_test_setup_teardown(what_v1_writes_back_v2_has_again, world_open, world_close),
        cmocka_unit_test_setup_teardown(v1_shows_a_status_too, world_open, world_close),
    };
    return cmocka_run_group_tests_name("api/autoscaling", tests, NULL, NULL);
}
