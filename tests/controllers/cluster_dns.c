/* The Service kube-dns, and the nodes behind it. */
#include "cluster.h"

#define SERVICE "kube-system/kube-dns"
#define SLICE   "kube-system/kube-dns-worker-1"

static void nodes_serve_the_clusters_dns(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    becomes(&service_resource, SERVICE, "spec.clusterIP", "10.96.0.10");
    assert_str(field(c, &service_resource, SERVICE, "spec.trafficDistribution"), "PreferSameNode");
    assert_str(field(c, &service_resource, SERVICE, "spec.ports[name=dns]"),
               "{\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\",\"targetPort\":53}");
    becomes(&endpoint_slice_resource, SLICE, "endpoints[0].conditions",
            "{\"ready\":true,\"serving\":true,\"terminating\":false}");
    assert_str(field(c, &endpoint_slice_resource, SLICE, "endpoints[0].addresses"), "[\"10.244.0.1\"]");
    assert_str(field(c, &endpoint_slice_resource, SLICE, "endpoints[0].hints"),
               "{\"forNodes\":[{\"name\":\"worker-1\"}]}");
    assert_str(field(c, &endpoint_slice_resource, SLICE, "metadata.ownerReferences[0].kind"), "Node");
}

static void what_is_deleted_comes_back(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    becomes(&endpoint_slice_resource, SLICE, "endpoints[0].conditions.ready", "true");
    struct str uid = field(c, &endpoint_slice_resource, SLICE, "metadata.uid");
    erase(c, &endpoint_slice_resource, SLICE, PROPAGATE_DEFAULT);
    comes_anew(&endpoint_slice_resource, SLICE, uid);
    erase(c, &node_resource, "/worker-1", PROPAGATE_DEFAULT);
    becomes(&endpoint_slice_resource, SLICE, "metadata.name", ""); /* it goes with its node */
}

static void who_brings_another_dns_gets_it(void **state)
{
    struct cluster *c = *state;
    cluster_run_node(c, "worker-1");
    becomes(&endpoint_slice_resource, SLICE, "endpoints[0].conditions.ready", "true");
    patch(c, &service_resource, SERVICE, "", "{'spec':{'selector':{'k8s-app':'kube-dns'}}}");
    becomes(&endpoint_slice_resource, SLICE, "metadata.name", "");
    patch(c, &service_resource, SERVICE, "", "{'spec':{'selector':null}}");
    becomes(&endpoint_slice_resource, SLICE, "metadata.name", "kube-dns-worker-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(nodes_serve_the_clusters_dns),
        cluster_test(what_is_deleted_comes_back),
        cluster_test(who_brings_another_dns_gets_it),
    };
    return cmocka_run_group_tests_name("controllers/cluster_dns", tests, NULL, NULL);
}
