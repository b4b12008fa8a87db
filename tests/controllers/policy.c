/* Budgets for disruptions, quotas, and roles that gather the rules of others. */
#include "cluster.h"

#include "kinds/flowcontrol_v1.h"
#include "kinds/rbac_v1.h"

static void create_set(struct cluster *c, int replicas)
{
    create(c,
           "{'kind':'ReplicaSet','apiVersion':'apps/v1','metadata':{'name':'web'},'spec':{'replicas':%d,"
           "'selector':{'matchLabels':{'app':'web'}},'template':{'metadata':{'labels':{'app':'web'}},"
           "'spec':{'containers':[{'name':'web','image':'one'}]}}}}",
           replicas);
}

static void create_budget(struct cluster *c, const char *limit)
{
    create(c,
           "{'kind':'PodDisruptionBudget','apiVersion':'policy/v1','metadata':{'name':'web'},'spec':{%s,"
           "'selector':{'matchLabels':{'app':'web'}}}}",
           limit);
}

static void healthy_pods_above_the_minimum_may_go(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_budget(c, "'minAvailable':2");
    becomes(&pod_disruption_budget_resource, "web", "status.conditions[type=DisruptionAllowed].reason",
            "InsufficientPods");
    create_set(c, 3);
    becomes(&pod_disruption_budget_resource, "web", "status.disruptionsAllowed", "1");
    becomes(&pod_disruption_budget_resource, "web", "status.currentHealthy", "3");
    assert_str(field(c, &pod_disruption_budget_resource, "web", "status.desiredHealthy"), "2");
    assert_str(field(c, &pod_disruption_budget_resource, "web", "status.expectedPods"), "3");
    assert_str(
        field(c, &pod_disruption_budget_resource, "web", "status.conditions[type=DisruptionAllowed].reason"),
        "SufficientPods");
}

static void percentages_are_of_what_the_controller_should_have(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create_set(c, 4);
    create_budget(c, "'maxUnavailable':'50%'");
    becomes(&pod_disruption_budget_resource, "web", "status.disruptionsAllowed", "2");
    patch(c, &replica_set_resource, "web", "", "{'spec':{'replicas':8}}");
    becomes(&pod_disruption_budget_resource, "web", "status.expectedPods", "8");
    becomes(&pod_disruption_budget_resource, "web", "status.disruptionsAllowed", "4");
}

static void a_role_gathers_the_rules_of_those_it_selects(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'ClusterRole','apiVersion':'rbac.authorization.k8s.io/v1','metadata':{'name':'all'},"
              "'aggregationRule':{'clusterRoleSelectors':[{'matchLabels':{'to':'all'}}]},'rules':[]}");
    create(c, "{'kind':'ClusterRole','apiVersion':'rbac.authorization.k8s.io/v1','metadata':{'name':'part',"
              "'labels':{'to':'all'}},'rules':[{'apiGroups':[''],'resources':['pods'],'verbs':['get']}]}");
    becomes(&cluster_role_resource, "all", "rules",
            "[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}]");
    patch(c, &cluster_role_resource, "part", "", "{'metadata':{'labels':{'to':null}}}");
    eventually(str_is(field(c, &cluster_role_resource, "all", "rules"), "null") ||
               str_is(field(c, &cluster_role_resource, "all", "rules"), "[]"));
}

static void a_flow_schema_says_whether_its_level_is_there(void **state)
{
    struct cluster *c = *state;
    create(c,
           "{'kind':'FlowSchema','apiVersion':'flowcontrol.apiserver.k8s.io/v1','metadata':{'name':'mine'},"
           "'spec':{'priorityLevelConfiguration':{'name':'level'}}}");
    becomes(&flow_schema_resource, "/mine", "status.conditions[type=Dangling].reason", "NotFound");
    create(c, "{'kind':'PriorityLevelConfiguration','apiVersion':'flowcontrol.apiserver.k8s.io/v1',"
              "'metadata':{'name':'level'},'spec':{'type':'Limited','limited':{'limitResponse':{'type':'"
              "Reject'}}}}");
    becomes(&flow_schema_resource, "/mine", "status.conditions[type=Dangling].status", "False");
    erase(c, &priority_level_configuration_resource, "/level", PROPAGATE_BACKGROUND);
    becomes(&flow_schema_resource, "/mine", "status.conditions[type=Dangling].status", "True");
}

static void a_quota_shows_what_is_used(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    create(c, "{'kind':'ResourceQuota','apiVersion':'v1','metadata':{'name':'team'},'spec':{'hard':{"
              "'pods':'5','requests.cpu':'2','configmaps':'9','count/replicasets.apps':'3'}}}");
    becomes(&resource_quota_resource, "team", "status.hard.pods", "5");
    becomes(&resource_quota_resource, "team", "status.used.configmaps", "1"); /* kube-root-ca.crt */
    create(c,
           "{'kind':'ReplicaSet','apiVersion':'apps/v1','metadata':{'name':'web'},'spec':{'replicas':2,"
           "'selector':{'matchLabels':{'app':'web'}},'template':{'metadata':{'labels':{'app':'web'}},'spec':{"
           "'containers':[{'name':'web','image':'one','resources':{'requests':{'cpu':'250m'}}}]}}}}");
    becomes(&resource_quota_resource, "team", "status.used.pods", "2");
    becomes(&resource_quota_resource, "team", "status.used.{requests.cpu}", "500m");
    becomes(&resource_quota_resource, "team", "status.used.{count/replicasets.apps}", "1");
    erase(c, &replica_set_resource, "web", PROPAGATE_BACKGROUND);
    becomes(&resource_quota_resource, "team", "status.used.pods", "0");
    becomes(&resource_quota_resource, "team", "status.used.{requests.cpu}", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(healthy_pods_above_the_minimum_may_go),
        cluster_test(percentages_are_of_what_the_controller_should_have),
        cluster_test(a_flow_schema_says_whether_its_level_is_there),
        cluster_test(a_quota_shows_what_is_used),
        cluster_test(a_role_gathers_the_rules_of_those_it_selects),
    };
    return cmocka_run_group_tests_name("controllers/policy", tests, NULL, NULL);
}
