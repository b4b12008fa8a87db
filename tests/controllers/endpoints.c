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

static void create_endpoints(struct cluster *c, const char *more)
{
    create(c, "{'kind':'Service','apiVersion':'v1','metadata':{'name':'hand'},'spec':{'ports':[{'name':'http'"
              ",'port':80}]}}");
    create(c,
           "{'kind':'Endpoints','apiVersion':'v1','metadata':{'name':'hand','labels':{'team':'a'%s},'"
           "annotations':{"
           "'note':'x','kubectl.kubernetes.io/"
           "last-applied-configuration':'y'}},'subsets':[{'addresses':[{'ip':'10.1.2.3',"
           "'hostname':'h'},{'ip':'fd00::3'}],'notReadyAddresses':[{'ip':'10.1.2.4'}],'ports':[{'name':'http'"
           ",'port':8080}]}]}",
           more);
}

/* The name of the slice of an address family that mirrors "hand". */
static const char *mirror(struct cluster *c, const char *family)
{
    for (int i = 0; i < count(c, &endpoint_slice_resource, "hand-"); i++) {
        const char *name = name_of(c, &endpoint_slice_resource, "hand-", i);
        if (str_is(field(c, &endpoint_slice_resource, name, "addressType"), family))
            return name;
    }
    return "";
}

static void endpoints_by_hand_are_mirrored(void **state)
{
    struct cluster *c = *state;
    create_endpoints(c, "");
    eventually(count(c, &endpoint_slice_resource, "hand-") == 2);
    const char *four = mirror(c, "IPv4"), *six = mirror(c, "IPv6");
    assert_str(field(c, &endpoint_slice_resource, four, "endpoints[0]"),
               "{\"addresses\":[\"10.1.2.3\"],\"conditions\":{\"ready\":true},\"hostname\":\"h\"}");
    assert_str(field(c, &endpoint_slice_resource, four, "endpoints[1]"),
               "{\"addresses\":[\"10.1.2.4\"],\"conditions\":{\"ready\":false}}");
    assert_str(field(c, &endpoint_slice_resource, six, "endpoints[0].addresses[0]"), "fd00::3");
    assert_str(field(c, &endpoint_slice_resource, four, "ports"),
               "[{\"name\":\"http\",\"port\":8080,\"protocol\":\"TCP\"}]");
    assert_str(
        field(c, &endpoint_slice_resource, four, "metadata.labels.{endpointslice.kubernetes.io/managed-by}"),
        "endpointslicemirroring-controller.k8s.io");
    assert_str(field(c, &endpoint_slice_resource, four, "metadata.labels.{kubernetes.io/service-name}"),
               "hand");
    assert_str(field(c, &endpoint_slice_resource, four, "metadata.labels.team"), "a");
    assert_str(field(c, &endpoint_slice_resource, four, "metadata.annotations"), "{\"note\":\"x\"}");
    assert_str(field(c, &endpoint_slice_resource, four, "metadata.ownerReferences[0].kind"), "Endpoints");

    patch(c, &endpoints_resource, "hand", "",
          "{'subsets':[{'addresses':[{'ip':'10.1.2.9'}],'ports':[{'name':'http','port':8080}]}]}");
    becomes(&endpoint_slice_resource, four, "endpoints[0].addresses[0]", "10.1.2.9"); /* in its place */
    eventually(count(c, &endpoint_slice_resource, "hand-") == 1);
    erase(c, &endpoints_resource, "hand", PROPAGATE_DEFAULT);
    eventually(count(c, &endpoint_slice_resource, "hand-") == 0);
}

static void some_endpoints_are_not(void **state)
{
    struct cluster *c = *state;
    create_endpoints(c, ",'endpointslice.kubernetes.io/skip-mirror':'true'");
    cluster_rest(c);
    assert_int_equal(count(c, &endpoint_slice_resource, "hand-"), 0);
    patch(c, &endpoints_resource, "hand", "",
          "{'metadata':{'labels':{'endpointslice.kubernetes.io/skip-mirror':null}}}");
    eventually(count(c, &endpoint_slice_resource, "hand-") == 2);
    /* A service that selects pods has slices of its own. */
    patch(c, &service_resource, "hand", "", "{'spec':{'selector':{'app':'web'}}}");
    eventually(str_is(field(c, &endpoint_slice_resource, name_of(c, &endpoint_slice_resource, "hand-", 0),
                            "metadata.labels.{endpointslice.kubernetes.io/managed-by}"),
                      "endpointslice-controller.k8s.io") &&
               count(c, &endpoint_slice_resource, "hand-") == 1);
}

static void endpoints_say_whom_they_are_close_to_where_asked_for(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    patch(c, &node_resource, "/worker-1", "", "{'metadata':{'labels':{'topology.kubernetes.io/zone':'z1'}}}");
    create_service(c, ",'trafficDistribution':'PreferSameZone'");
    create_pod(c, "web-1", "");
    eventually(str_is(field(c, &endpoint_slice_resource, slice(c), "endpoints[0].hints"),
                      "{\"forZones\":[{\"name\":\"z1\"}]}"));
    patch(c, &service_resource, "web", "", "{'spec':{'trafficDistribution':'PreferSameNode'}}");
    becomes(&endpoint_slice_resource, slice(c), "endpoints[0].hints",
            "{\"forNodes\":[{\"name\":\"worker-1\"}],\"forZones\":[{\"name\":\"z1\"}]}");
    patch(c, &service_resource, "web", "", "{'spec':{'trafficDistribution':null}}");
    becomes(&endpoint_slice_resource, slice(c), "endpoints[0].hints", "");
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
        cluster_test(endpoints_by_hand_are_mirrored),
        cluster_test(some_endpoints_are_not),
        cluster_test(endpoints_say_whom_they_are_close_to_where_asked_for),
    };
    return cmocka_run_group_tests_name("controllers/endpoints", tests, NULL, NULL);
}
