/* Services' addresses as objects, and the ranges they come from. */
#include "cluster.h"
#include "kinds/networking_v1.h"

static void a_services_address_is_an_object(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'Service','apiVersion':'v1','metadata':{'name':'web'},'spec':{'clusterIP':'10.96.3.4',"
              "'ports':[{'port':80}]}}");
    becomes(&ip_address_resource, "/10.96.3.4", "spec.parentRef",
            "{\"name\":\"web\",\"namespace\":\"default\",\"resource\":\"services\"}");
    assert_str(field(c, &ip_address_resource, "/10.96.3.4", "metadata.labels"),
               "{\"ipaddress.kubernetes.io/ip-family\":\"IPv4\",\"ipaddress.kubernetes.io/"
               "managed-by\":\"ipallocator.k8s.io\"}");
    /* It comes back, and goes with the service. */
    struct str uid = field(c, &ip_address_resource, "/10.96.3.4", "metadata.uid");
    erase(c, &ip_address_resource, "/10.96.3.4", PROPAGATE_DEFAULT);
    comes_anew(&ip_address_resource, "/10.96.3.4", uid);
    erase(c, &service_resource, "web", PROPAGATE_DEFAULT);
    becomes(&ip_address_resource, "/10.96.3.4", "metadata.name", "");
}

static void headless_services_have_none(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'Service','apiVersion':'v1','metadata':{'name':'db'},'spec':{'clusterIP':'None','"
              "ports':[{'port':80}]}}");
    cluster_rest(c);
    assert_int_equal(count(c, &ip_address_resource, ""), 0);
}

static void a_range_stays_while_it_is_needed(void **state)
{
    struct cluster *c = *state;
    becomes(&service_cidr_resource, "/kubernetes", "status.conditions[type=Ready].status", "True");
    create(c, "{'kind':'ServiceCIDR','apiVersion':'networking.k8s.io/"
              "v1','metadata':{'name':'more'},'spec':{'cidrs':['192.168.7.0/24']}}");
    becomes(&service_cidr_resource, "/more", "status.conditions[type=Ready].message",
            "Kubernetes Service CIDR is ready");
    assert_str(field(c, &service_cidr_resource, "/more", "metadata.finalizers"),
               "[\"networking.k8s.io/service-cidr-finalizer\"]");
    create(c, "{'kind':'Service','apiVersion':'v1','metadata':{'name':'web'},'spec':{'clusterIP':'192.168.7."
              "9','ports':[{'port':80}]}}");
    becomes(&ip_address_resource, "/192.168.7.9", "metadata.name", "192.168.7.9");
    erase(c, &service_cidr_resource, "/more", PROPAGATE_DEFAULT);
    becomes(&service_cidr_resource, "/more", "status.conditions[type=Ready].reason", "Terminating");
    erase(c, &service_resource, "web", PROPAGATE_DEFAULT);
    becomes(&service_cidr_resource, "/more", "metadata.name", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(a_services_address_is_an_object),
        cluster_test(headless_services_have_none),
        cluster_test(a_range_stays_while_it_is_needed),
    };
    return cmocka_run_group_tests_name("controllers/service_address", tests, NULL, NULL);
}
