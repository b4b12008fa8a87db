/* Where services' pods are reached. */
#include <stdio.h>

#include "cluster.h"

static void create_pod(struct cluster *c, const char *name, const char *more)
{
    create(c,
           "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'%s','labels':{'app':'web'}},'spec':{"
           "'containers':[{'name':'web','image':'one','ports':[{'name':'http','containerPort':8080}]}]%s}}",
           name, more);
}

static void create_service(struct cluster *c, const char *more)
{
    create(c,
           "{'kind':'Service','apiVersion':'v1','metadata':{'name':'web','labels':{'team':'a'}},'spec':{"
           "'selector':{'app':'web'},'ports':[{'name':'main','port':80,'targetPort':'http'}]%s}}",
           more);
}

static const char *slice(struct cluster *c)
{
    eventually(count(c, &endpoint_slice_resource, "web-") > 0);
    return name_of(c, &endpoint_slice_resource, "web-", 0);
}

static void a_service_without_pods_has_an_empty_slice(void **state)
{
    struct cluster *c = *state;
    create_service(c, "");
    const char *s = slice(c);
    assert_str(field(c, &endpoint_slice_resource, s, "addressType"), "IPv4");
    assert_str(field(c, &endpoint_slice_resource, s, "metadata.labels.{kubernetes.io/service-name}"), "web");
    assert_str(
        field(c, &endpoint_slice_resource, s, "metadata.labels.{endpointslice.kubernetes.io/managed-by}"),
        "endpointslice-controller.k8s.io");
    assert_str(field(c, &endpoint_slice_resource, s, "metadata.labels.team"), "a");
    assert_str(field(c, &endpoint_slice_resource, s, "metadata.ownerReferences[0].kind"), "Service");
    becomes(&endpoints_resource, "web", "metadata.labels.team", "a");
    assert_str(field(c, &endpoints_resource, "web", "subsets"), "");
    cluster_rest(c);
    assert_int_equal(count(c, &endpoint_slice_resource, "web-"), 1);
}

static void ready_pods_become_ready_endpoints_with_their_own_port(void **state)
{
    struct cluster *c = *state;
    create_service(c, "");
    create_pod(c, "web-1", "");
    pod_becomes(c, "web-1", "Running", true);
    eventually(count(c, &endpoint_slice_resource, "web-") == 1 &&
               !str_empty(field(c, &endpoint_slice_resource, slice(c), "endpoints[0]")));
    const char *s = slice(c);
    assert_str(field(c, &endpoint_slice_resource, s, "endpoints[0].addresses[0]"), "10.244.0.2");
    assert_str(field(c, &endpoint_slice_resource, s, "endpoints[0].conditions"),
               "{\"ready\":true,\"serving\":true,\"terminating\":false}");
    assert_str(field(c, &endpoint_slice_resource, s, "endpoints[0].targetRef.name"), "web-1");
    assert_str(field(c, &endpoint_slice_resource, s, "ports"),
               "[{\"name\":\"main\",\"port\":8080,\"protocol\":\"TCP\"}]");
    becomes(&endpoints_resource, "web", "subsets[0].addresses[0].ip", "10.244.0.2");
    assert_str(field(c, &endpoints_resource, "web", "subsets[0].ports"),
               "[{\"name\":\"main\",\"port\":8080,\"protocol\":\"TCP\"}]");
}

static void readiness_moves_in_place(void **state)
{
    struct cluster *c = *state;
    create_service(c, "");
    create_pod(c, "web-1", "");
    pod_becomes(c, "web-1", "Running", true);
    eventually(str_is(field(c, &endpoint_slice_resource, slice(c), "endpoints[0].conditions.ready"), "true"));
    const char *s = slice(c);
    pod_becomes(c, "web-1", "Running", false);
    becomes(&endpoint_slice_resource, s, "endpoints[0].conditions.ready", "false");
    becomes(&endpoints_resource, "web", "subsets[0].notReadyAddresses[0].ip", "10.244.0.2");
    assert_str(field(c, &endpoints_resource, "web", "subsets[0].addresses"), "");
    pod_becomes(c, "web-1", "Failed", false);
    eventually(str_empty(field(c, &endpoint_slice_resource, slice(c), "endpoints[0]")));
    becomes(&endpoints_resource, "web", "subsets", "");
}

static void a_pod_that_ends_still_serves(void **state)
{
    struct cluster *c = *state;
    create_service(c, "");
    create_pod(c, "web-1", ",'nodeName':'worker-1'");
    pod_becomes(c, "web-1", "Running", true);
    eventually(str_is(field(c, &endpoint_slice_resource, slice(c), "endpoints[0].conditions.ready"), "true"));
    assert_str(field(c, &endpoint_slice_resource, slice(c), "endpoints[0].nodeName"), "worker-1");
    erase(c, &pod_resource, "web-1", PROPAGATE_DEFAULT);
    becomes(&endpoint_slice_resource, slice(c), "endpoints[0].conditions",
            "{\"ready\":false,\"serving\":true,\"terminating\":true}");
    becomes(&endpoints_resource, "web", "subsets", "");
}

static void unready_addresses_are_published_where_asked_for(void **state)
{
    struct cluster *c = *state;
    create_service(c, ",'publishNotReadyAddresses':true");
    create_pod(c, "web-1", "");
    pod_becomes(c, "web-1", "Running", false);
    eventually(str_is(field(c, &endpoint_slice_resource, slice(c), "endpoints[0].conditions"),
                      "{\"ready\":true,\"serving\":false,\"terminating\":false}"));
    becomes(&endpoints_resource, "web", "subsets[0].addresses[0].ip", "10.244.0.2");
}

static void headless_services_name_their_pods(void **state)
{
    struct cluster *c = *state;
    create_service(c, ",'clusterIP':'None'");
    create_pod(c, "web-1", ",'hostname':'first','subdomain':'web'");
    pod_becomes(c, "web-1", "Running", true);
    eventually(str_is(field(c, &endpoint_slice_resource, slice(c), "endpoints[0].hostname"), "first"));
    assert_true(str_eq(
        field(c, &endpoint_slice_resource, slice(c), "metadata.labels.{service.kubernetes.io/headless}"),
        STR("")));
    becomes(&endpoints_resource, "web", "subsets[0].addresses[0].hostname", "first");
}

static void a_slice_holds_a_hundred_and_changes_stay_small(void **state)
{
    struct cluster *c = *state;
    for (int i = 0; i < 130; i++) {
        char name[16];
        snprintf(name, sizeof name, "web-%03d", i);
        create_pod(c, name, "");
        pod_becomes(c, name, "Running", true);
    }
    create_service(c, "");
    eventually(count(c, &endpoint_slice_resource, "web-") == 2);
    const char *first = name_of(c, &endpoint_slice_resource, "web-", 0);
    const char *second = name_of(c, &endpoint_slice_resource, "web-", 1);
    const char *full = str_empty(field(c, &endpoint_slice_resource, first, "endpoints[99]")) ? second : first;
    const char *rest = full == first ? second : first;
    assert_str(field(c, &endpoint_slice_resource, full, "endpoints[99].addresses[0]").n ? STR("y") : STR("n"),
               "y");
    assert_str(field(c, &endpoint_slice_resource, rest, "endpoints[30]"), "");
    struct str untouched = field(c, &endpoint_slice_resource, full, "metadata.resourceVersion");
    create_pod(c, "web-130", "");
    pod_becomes(c, "web-130", "Running", true);
    eventually(!str_empty(field(c, &endpoint_slice_resource, rest, "endpoints[30]")));
    assert_true(str_eq(field(c, &endpoint_slice_resource, full, "metadata.resourceVersion"), untouched));
}

static void slices_go_with_the_service(void **state)
{
    struct cluster *c = *state;
    create_service(c, "");
    slice(c);
    becomes(&endpoints_resource, "web", "metadata.name", "web");
    erase(c, &service_resource, "web", PROPAGATE_DEFAULT);
    eventually(count(c, &endpoint_slice_resource, "web-") == 0);
    becomes(&endpoints_resource, "web", "metadata.name", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(a_service_without_pods_has_an_empty_slice),
        cluster_test(ready_pods_become_ready_endpoints_with_their_own_port),
        cluster_test(readiness_moves_in_place),
        cluster_test(a_pod_that_ends_still_serves),
        cluster_test(unready_addresses_are_published_where_asked_for),
        cluster_test(headless_services_name_their_pods),
        cluster_test(a_slice_holds_a_hundred_and_changes_stay_small),
        cluster_test(slices_go_with_the_service),
    };
    return cmocka_run_group_tests_name("controllers/endpoints", tests, NULL, NULL);
}
