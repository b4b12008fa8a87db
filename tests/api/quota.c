/* ResourceQuota: what counts, for which scopes, at creates and at updates, in upstream's words. */
#include <stdio.h>

#include "kinds/apps_v1.h"
#include "world.h"

static void quota(struct world *w, const char *spec)
{
    char json[1024];
    snprintf(json, sizeof json, "{'metadata':{'name':'q'},'spec':{%s}}", spec);
    assert_code(create(w, &resource_quota_resource, "default", json), 201);
}

static struct api_request *pod(struct world *w, const char *name, const char *spec)
{
    char json[2048];
    snprintf(json, sizeof json, "{'metadata':{'name':'%s'},'spec':{%s}}", name, spec);
    return create(w, &pod_resource, "default", json);
}

#define WANTS(amounts) "'containers':[{'name':'c','image':'i','resources':{" amounts "}}]"

static void amounts_must_be_said_and_fit(void **state)
{
    struct world *w = *state;
    quota(w, "'hard':{'cpu':'1','limits.memory':'1Gi'}");
    assert_fails(pod(w, "p",
                     "'initContainers':[{'name':'b','image':'i'}],'containers':[{'name':'a','image':'i',"
                     "'resources':{'requests':{'cpu':'1m'}}}]"),
                 403,
                 "pods \"p\" is forbidden: failed quota: q: must specify cpu for: b; limits.memory for: a,b");
    assert_code(pod(w, "p", WANTS("'requests':{'cpu':'600m'},'limits':{'memory':'512Mi'}")), 201);
    assert_fails(pod(w, "r", WANTS("'requests':{'cpu':'600m'},'limits':{'memory':'1Gi'}")), 403,
                 "pods \"r\" is forbidden: exceeded quota: q, requested: cpu=600m,limits.memory=1Gi, used: "
                 "cpu=600m,limits.memory=512Mi, limited: cpu=1,limits.memory=1Gi");
}

/* An init container runs alone, beside the sidecars that began before it. */
static void pods_count_as_they_run(void **state)
{
    struct world *w = *state;
#define CPU(name, cpu, more)                                                                                 \
    "{'name':'" name "','image':'i','resources':{'requests':{'cpu':'" cpu "'}}" more "}"
    quota(w, "'hard':{'requests.cpu':'10'}");
    assert_fails(
        pod(w, "p",
            "'initContainers':[" CPU("s", "2", ",'restartPolicy':'Always'") "," CPU(
                "i", "9", "") "],'containers':[" CPU("c", "1", "") "]"),
        403,
        "pods \"p\" is forbidden: exceeded quota: q, requested: requests.cpu=11, used: requests.cpu=0, "
        "limited: requests.cpu=10");
    assert_code(pod(w, "p",
                    "'initContainers':[" CPU("i", "9", "") "," CPU(
                        "s", "2", ",'restartPolicy':'Always'") "],'containers':[" CPU("c", "1", "") "]"),
                201);
    assert_fails(
        pod(w, "r", "'containers':[" CPU("c", "2", "") "]"), 403,
        "pods \"r\" is forbidden: exceeded quota: q, requested: requests.cpu=2, used: requests.cpu=9, "
        "limited: requests.cpu=10");
}

static void scopes_choose(void **state)
{
    static const struct {
        const char *scope, *inside, *outside;
    } cases[] = {
        {"'scopes':['BestEffort']", WANTS(""), WANTS("'requests':{'cpu':'1m'}")},
        {"'scopes':['Terminating']", "'activeDeadlineSeconds':5," WANTS(""), WANTS("")},
        {"'scopes':['NotTerminating']", WANTS(""), "'activeDeadlineSeconds':5," WANTS("")},
        {"'scopeSelector':{'matchExpressions':[{'scopeName':'PriorityClass','operator':'In','values':["
         "'system-node-critical']}]}",
         "'priorityClassName':'system-node-critical'," WANTS(""), WANTS("")},
        {"'scopeSelector':{'matchExpressions':[{'scopeName':'CrossNamespacePodAffinity','operator':'Exists'}]"
         "}",
         "'affinity':{'podAntiAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'k'"
         ","
         "'namespaces':['x'],'labelSelector':{}}]}}," WANTS(""),
         WANTS("")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world *w = *state;
        char spec[512];
        snprintf(spec, sizeof spec, "'hard':{'pods':'0'},%s", cases[i].scope);
        quota(w, spec);
        assert_fails(pod(w, "p", cases[i].inside), 403,
                     "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: "
                     "pods=0");
        assert_code(pod(w, "p", cases[i].outside), 201);
        assert_code(create(w, &config_map_resource, "default", "{'metadata':{'generateName':'m'}}"), 201);
        assert_code(del(w, &resource_quota_resource, "default", "q", ""), 200);
        assert_code(del(w, &pod_resource, "default", "p", ""), 200);
    }
}

static void updates_count_what_they_add(void **state)
{
    struct world *w = *state;
    quota(w, "'hard':{'services.nodeports':'1','count/deployments.apps':'0','requests.storage':'2Gi',"
             "'fast.storageclass.storage.k8s.io/persistentvolumeclaims':'1'}");
    assert_code(
        create(w, &service_resource, "default",
               "{'metadata':{'name':'s'},'spec':{'ports':[{'port':1,'name':'a'},{'port':2,'name':'b'}]}}"),
        201);
    assert_fails(patch(w, &service_resource, "default", "s", API_PATCH_MERGE, "{'spec':{'type':'NodePort'}}"),
                 403,
                 "services \"s\" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: "
                 "services.nodeports=0, limited: services.nodeports=1");
    assert_code(
        patch(w, &service_resource, "default", "s", API_PATCH_MERGE, "{'metadata':{'labels':{'a':'b'}}}"),
        200);
    assert_code(create(w, &persistent_volume_claim_resource, "default",
                       "{'metadata':{'name':'c'},'spec':{'storageClassName':'fast','accessModes':["
                       "'ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}"),
                201);
    assert_fails(create(w, &persistent_volume_claim_resource, "default",
                        "{'metadata':{'name':'d'},'spec':{'storageClassName':'fast','accessModes':["
                        "'ReadWriteOnce'],'resources':{'requests':{'storage':'2Gi'}}}}"),
                 403,
                 "persistentvolumeclaims \"d\" is forbidden: exceeded quota: q, requested: "
                 "fast.storageclass.storage.k8s.io/persistentvolumeclaims=1,requests.storage=2Gi, used: "
                 "fast.storageclass.storage.k8s.io/persistentvolumeclaims=1,requests.storage=1Gi, limited: "
                 "fast.storageclass.storage.k8s.io/persistentvolumeclaims=1,requests.storage=2Gi");
    struct api_request *r = create(
        w, &deployment_resource, "default",
        "{'metadata':{'name':'d'},'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{"
        "'labels':{'a':'b'}},'spec':{'containers':[{'name':'c','image':'i'}]}}}}");
    assert_fails(
        r, 403,
        "deployments.apps \"d\" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, "
        "used: count/deployments.apps=0, limited: count/deployments.apps=0");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(amounts_must_be_said_and_fit),
        TEST(pods_count_as_they_run),
        TEST(scopes_choose),
        TEST(updates_count_what_they_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
