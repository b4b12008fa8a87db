/* What type checking says of admission policies. */
#include <stdio.h>

#include "cluster.h"
#include "kinds/admissionregistration_v1.h"
#include "kinds/apiextensions_v1.h"

#define POLICY(name, resources, more)                                                                        \
    "{'kind':'ValidatingAdmissionPolicy','apiVersion':'admissionregistration.k8s.io/"                        \
    "v1','metadata':{'name':'" name                                                                          \
    "'},'spec':{'matchConstraints':{'resourceRules':[{'apiGroups':['apps'],'apiVersions':['v1'],"            \
    "'operations':['*'],'resources':[" resources "]}]}," more "}}"
#define WARNING(n, member) "status.typeChecking.expressionWarnings.[" #n "]." member

static const struct resource *const policies = &validating_admission_policy_resource;

static void wrong_fields_and_types_are_told(void **state)
{
    struct cluster *c = *state;
    create(
        c,
        POLICY(
            "p", "'deployments','daemonsets'",
            "'validations':[{'expression':'has(object.metadata)'},{'expression':'object.spec.replicas > 1',"
            "'messageExpression':'string(object.metadata.nope)'}]"));
    becomes(policies, "/p", "status.observedGeneration", "1");
    becomes(policies, "/p", WARNING(0, "fieldRef"), "spec.validations[1].expression");
    becomes(policies, "/p", WARNING(0, "warning"),
            "apps/v1, Kind=DaemonSet: ERROR: <input>:1:12: undefined field 'replicas'\n | "
            "object.spec.replicas > 1\n | ...........^\n");
    becomes(policies, "/p", WARNING(1, "fieldRef"), "spec.validations[1].messageExpression");
}

static void changes_are_checked_again(void **state)
{
    struct cluster *c = *state;
    create(c, POLICY("p", "'deployments'",
                     "'variables':[{'name':'n','expression':'object.spec.replicas'}],"
                     "'validations':[{'expression':'variables.n > 1'}]"));
    becomes(policies, "/p", "status.typeChecking", "{}");
    patch(c, policies, "/p", "",
          "{'spec':{'validations':[{'expression':'variables.n.startsWith(\\'x\\')'}]}}");
    becomes(policies, "/p", "status.observedGeneration", "2");
    becomes(policies, "/p", WARNING(0, "warning"),
            "apps/v1, Kind=Deployment: ERROR: <input>:1:23: found no matching overload for "
            "'startsWith' "
            "applied to 'int.(string)'\n | variables.n.startsWith(\"x\")\n | ......................^\n");
}

/* Kinds are sorted, whatever order the rules name them in; subresources are left out. */
static void kinds_follow_one_another(void **state)
{
    struct cluster *c = *state;
    create(c, POLICY("p", "'statefulsets/status','replicasets','daemonsets','*/scale'",
                     "'validations':[{'expression':'object.nope == 1'}]"));
    becomes(policies, "/p", WARNING(0, "warning"),
            "apps/v1, Kind=DaemonSet: ERROR: <input>:1:7: undefined field 'nope'\n | object.nope == 1\n | "
            "......^\n"
            "\napps/v1, Kind=ReplicaSet: ERROR: <input>:1:7: undefined field 'nope'\n | object.nope == 1\n | "
            "......^\n");
}

#define DEFINITION                                                                                           \
    "{'kind':'CustomResourceDefinition','apiVersion':'apiextensions.k8s.io/v1','metadata':{'name':"          \
    "'crontabs.example.com'},'spec':{'group':'example.com','scope':'Namespaced','names':{'plural':"          \
    "'crontabs','kind':'CronTab'},'versions':[{'name':'v1','served':true,'storage':true,'schema':{"          \
    "'openAPIV3Schema':{'type':'object','properties':{'spec':{'type':'object','properties':{'size':"         \
    "{'type':'integer'},'cron-spec':{'type':'string','format':'date-time'},'any':"                           \
    "{'x-kubernetes-preserve-unknown-fields':true},'port':{'x-kubernetes-int-or-string':true}}}}}}}]}}"
#define CUSTOM(name, more, expression)                                                                       \
    "{'kind':'ValidatingAdmissionPolicy','apiVersion':'admissionregistration.k8s.io/v1','metadata':"         \
    "{'name':'" name "'},'spec':{'matchConstraints':{'resourceRules':[{'apiGroups':['example.com'],"         \
    "'apiVersions':['v1'],'operations':['*'],'resources':['crontabs']}]}," more                              \
    "'validations':[{'expression':'" expression "'}]}}"
#define NAME_AND_LABELS "object.metadata.labels.x == object.metadata.name"
#define KIND            "example.com/v1, Kind=CronTab: ERROR: <input>:1:"

static void says(const char *policy, const char *json, const char *warning, struct cluster *c)
{
    char name[64];
    snprintf(name, sizeof name, "/%s", policy);
    create(c, "%s", json);
    becomes(policies, name, "status.observedGeneration", "1");
    becomes(policies, name, WARNING(0, "warning"), warning);
}

static void custom_kinds_have_types(void **state)
{
    struct cluster *c = *state;
    create(c, "%s", DEFINITION);
    becomes(&custom_resource_definition_resource, "/crontabs.example.com",
            "status.conditions[type=Established].status", "True");
    static const struct {
        const char *policy, *json, *warning;
    } rows[] = {
        {"fine", CUSTOM("fine", "", "object.spec.size > 1 && " NAME_AND_LABELS), ""},
        {"escaped", CUSTOM("escaped", "", "object.spec.cron__dash__spec.getHours() > 1"), ""},
        {"either", CUSTOM("either", "", "object.spec.port == 1 || object.spec.port == \\'a\\'"), ""},
        {"wrong", CUSTOM("wrong", "", "object.spec.size == \\'a\\'"),
         KIND "18: found no matching overload for '_==_' applied to '(int, string)'\n | object.spec.size == "
              "\"a\"\n | .................^\n"},
        {"absent", CUSTOM("absent", "", "has(oldObject.spec.nope)"),
         KIND "4: undefined field 'nope'\n | has(oldObject.spec.nope)\n | ...^\n"},
        {"unseen", CUSTOM("unseen", "", "has(object.spec.any)"),
         KIND "4: undefined field 'any'\n | has(object.spec.any)\n | ...^\n"},
        {"reserved", CUSTOM("reserved", "", "object.metadata.namespace == \\'a\\'"),
         KIND
         "16: undefined field 'namespace'\n | object.metadata.namespace == \"a\"\n | ...............^\n"},
        {"params",
         CUSTOM("params", "'paramKind':{'apiVersion':'example.com/v1','kind':'CronTab'},",
                "params.spec.size > 1"),
         ""},
        {"bad-params",
         CUSTOM("bad-params", "'paramKind':{'apiVersion':'example.com/v1','kind':'CronTab'},",
                "params.spec.sizes > 1"),
         KIND "12: undefined field 'sizes'\n | params.spec.sizes > 1\n | ...........^\n"},
        {"no-params",
         CUSTOM("no-params", "'paramKind':{'apiVersion':'example.com/v2','kind':'CronTab'},",
                "params.spec.size > 1"),
         KIND "1: undeclared reference to 'params' (in container '')\n | params.spec.size > 1\n | ^\n"},
        {"variable",
         CUSTOM("variable", "'variables':[{'name':'n','expression':'[object.spec.size]'}],",
                "variables.n == [\\'a\\']"),
         KIND "13: found no matching overload for '_==_' applied to '(list(int), list(string))'\n | "
              "variables.n == [\"a\"]\n | ............^\n"},
        {"object",
         CUSTOM("object", "'variables':[{'name':'n','expression':'object.spec'}],", "variables.n.nope > 1"),
         ""},
        {"authorizer",
         CUSTOM("authorizer", "",
                "authorizer.group(\\'\\').resource(\\'pods\\')"
                ".check(\\'get\\').allowed()"),
         ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        says(rows[i].policy, rows[i].json, rows[i].warning, c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(wrong_fields_and_types_are_told),
        cluster_test(changes_are_checked_again),
        cluster_test(kinds_follow_one_another),
        cluster_test(custom_kinds_have_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
