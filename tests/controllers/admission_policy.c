/* What type checking says of admission policies. */
#include "cluster.h"
#include "kinds/admissionregistration_v1.h"

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
            "object.spec.replicas > 1\n | ...........^");
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
            "applied to 'int.(string)'\n | variables.n.startsWith(\"x\")\n | ......................^");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(wrong_fields_and_types_are_told),
        cluster_test(changes_are_checked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
