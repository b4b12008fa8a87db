/* Services of two address families: endpoints of each, addresses of each as objects. */
#include <stdio.h>

#include "cluster.h"
#include "kinds/networking_v1.h"

static void create_pod(struct cluster *c, const char *name, const char *ips)
{
    create(c,
           "{'kind':'Pod','apiVersion':'v1','metadata':{'name':'%s','labels':{'app':'web'}},'spec':{"
           "'nodeName':'worker-1','containers':[{'name':'web','image':'one'}]}}",
           name);
    patch(c, &pod_resource, name, "status",
          "{'status':{'phase':'Running','podIPs':[%s],'conditions':[{'type':'Ready','status':'True'}]}}",
          ips);
}

static void create_service(struct cluster *c, const char *more)
{
    create(c,
           "{'kind':'Service','apiVersion':'v1','metadata':{'name':'web'},'spec':{'selector':{'app':'web'},"
           "'ports':[{'port':80}]%s}}",
           more);
}

/* What the addresses of the service's slices of a family are, in all. */
static struct str addresses(struct cluster *c, const char *family, const char *path)
{
    for (int i = 0; i < count(c, &endpoint_slice_resource, "web-"); i++) {
        const char *name = name_of(c, &endpoint_slice_resource, "web-", i);
        if (str_is(field(c, &endpoint_slice_resource, name, "addressType"), family))
            return field(c, &endpoint_slice_resource, name, path);
    }
    return STR("no slice");
}

#define FIRST "endpoints[0].addresses"
#define BOTH  ",'ipFamilyPolicy':'RequireDualStack'"

static void each_family_has_slices_of_its_own(void **state)
{
    struct cluster *c = *state;
    create_service(c, BOTH);
    create_pod(c, "web-1", "{'ip':'10.244.0.2'},{'ip':'fd00:10:244::2'}");
    eventually(str_is(addresses(c, "IPv4", FIRST), "[\"10.244.0.2\"]"));
    eventually(str_is(addresses(c, "IPv6", FIRST), "[\"fd00:10:244::2\"]"));
    assert_str(addresses(c, "IPv6", "endpoints[0].targetRef.name"), "web-1");
    becomes(&endpoints_resource, "web", "subsets[0].addresses[0].ip", "10.244.0.2");
    cluster_rest(c);
    assert_int_equal(count(c, &endpoint_slice_resource, "web-"), 2);
    assert_str(field(c, &endpoints_resource, "web", "subsets[0].addresses[1].ip"), "");
}

/* A cluster may have nodes of both families and of one. */
static void a_pod_of_one_family_is_reached_by_that(void **state)
{
    struct cluster *c = *state;
    create_service(c, ",'clusterIP':'None','ipFamilies':['IPv6','IPv4']" BOTH);
    create_pod(c, "web-1", "{'ip':'10.244.0.2'}");
    eventually(str_is(addresses(c, "IPv4", FIRST), "[\"10.244.0.2\"]"));
    eventually(str_empty(addresses(c, "IPv6", FIRST)));
    becomes(&endpoints_resource, "web", "metadata.name", "web");
    cluster_rest(c);
    assert_str(field(c, &endpoints_resource, "web", "subsets"), ""); /* the main family is IPv6 */
    create_pod(c, "web-2", "{'ip':'fd00:10:244::3'}");
    eventually(str_is(addresses(c, "IPv6", FIRST), "[\"fd00:10:244::3\"]"));
    becomes(&endpoints_resource, "web", "subsets[0].addresses[0].ip", "fd00:10:244::3");
}

static void slices_follow_the_families(void **state)
{
    struct cluster *c = *state;
    create_service(c, "");
    create_pod(c, "web-1", "{'ip':'10.244.0.2'},{'ip':'fd00:10:244::2'}");
    eventually(str_is(addresses(c, "IPv4", FIRST), "[\"10.244.0.2\"]"));
    patch(c, &service_resource, "web", "", "{'spec':{'ipFamilyPolicy':'PreferDualStack'}}");
    eventually(str_is(addresses(c, "IPv6", FIRST), "[\"fd00:10:244::2\"]"));
    patch(c, &service_resource, "web", "", "{'spec':{'ipFamilyPolicy':'SingleStack'}}");
    eventually(str_is(addresses(c, "IPv6", FIRST), "no slice"));
    assert_str(addresses(c, "IPv4", FIRST), "[\"10.244.0.2\"]");
}

static void endpoints_by_hand_are_mirrored_by_family(void **state)
{
    struct cluster *c = *state;
    create(c,
           "{'kind':'Service','apiVersion':'v1','metadata':{'name':'web'},'spec':{'ports':[{'port':80}]" BOTH
           "}}");
    create(c,
           "{'kind':'Endpoints','apiVersion':'v1','metadata':{'name':'web'},'subsets':[{'addresses':[{'ip':"
           "'192.0.2.7'},{'ip':'2001:db8::7'}],'ports':[{'port':80}]}]}");
    eventually(str_is(addresses(c, "IPv4", FIRST), "[\"192.0.2.7\"]"));
    eventually(str_is(addresses(c, "IPv6", FIRST), "[\"2001:db8::7\"]"));
}

/* --- addresses as objects --- */

#define IPS ",'clusterIP':'10.96.3.4','clusterIPs':['10.96.3.4','fd00:96::7']" BOTH

static void each_address_is_an_object(void **state)
{
    struct cluster *c = *state;
    create_service(c, IPS);
    becomes(&ip_address_resource, "/10.96.3.4", "spec.parentRef.name", "web");
    becomes(&ip_address_resource, "/fd00:96::7", "spec.parentRef.name", "web");
    assert_str(
        field(c, &ip_address_resource, "/fd00:96::7", "metadata.labels.{ipaddress.kubernetes.io/ip-family}"),
        "IPv6");
    patch(c, &service_resource, "web", "", "{'spec':{'ipFamilyPolicy':'SingleStack'}}");
    becomes(&ip_address_resource, "/fd00:96::7", "metadata.name", "");
    assert_str(field(c, &ip_address_resource, "/10.96.3.4", "spec.parentRef.name"), "web");
}

/* However the service writes it. */
static void the_object_is_named_canonically(void **state)
{
    struct cluster *c = *state;
    create_service(c, ",'clusterIP':'FD00:96:0::7'");
    becomes(&ip_address_resource, "/fd00:96::7", "spec.parentRef.name", "web");
    cluster_rest(c);
    assert_int_equal(count(c, &ip_address_resource, ""), 1);
    erase(c, &service_resource, "web", PROPAGATE_DEFAULT);
    becomes(&ip_address_resource, "/fd00:96::7", "metadata.name", "");
}

static void what_is_wrong_is_repaired(void **state)
{
    struct cluster *c = *state;
    create_service(c, IPS);
    becomes(&ip_address_resource, "/fd00:96::7", "spec.parentRef.name", "web");
    struct str uid = field(c, &ip_address_resource, "/fd00:96::7", "metadata.uid");
    patch(c, &ip_address_resource, "/fd00:96::7", "",
          "{'metadata':{'labels':{'ipaddress.kubernetes.io/ip-family':'IPv4'}}}");
    comes_anew(&ip_address_resource, "/fd00:96::7", uid);
    becomes(&ip_address_resource, "/fd00:96::7", "metadata.labels.{ipaddress.kubernetes.io/ip-family}",
            "IPv6");
}

static void a_range_stays_while_either_family_is_needed(void **state)
{
    struct cluster *c = *state;
    create(c, "{'kind':'ServiceCIDR','apiVersion':'networking.k8s.io/"
              "v1','metadata':{'name':'more'},'spec':{'cidrs':["
              "'192.168.7.0/24','fd00:97::/120']}}");
    becomes(&service_cidr_resource, "/more", "status.conditions[type=Ready].status", "True");
    create_service(c, ",'clusterIP':'fd00:97::7'");
    becomes(&ip_address_resource, "/fd00:97::7", "spec.parentRef.name", "web");
    erase(c, &service_cidr_resource, "/more", PROPAGATE_DEFAULT);
    becomes(&service_cidr_resource, "/more", "status.conditions[type=Ready].reason", "Terminating");
    /* Another range that holds the address lets it go. */
    create(c, "{'kind':'ServiceCIDR','apiVersion':'networking.k8s.io/"
              "v1','metadata':{'name':'wide'},'spec':{'cidrs':["
              "'fd00:97::/112']}}");
    becomes(&service_cidr_resource, "/more", "metadata.name", "");
}

static void the_first_range_is_there_again(void **state)
{
    struct cluster *c = *state;
    becomes(&service_cidr_resource, "/kubernetes", "status.conditions[type=Ready].status", "True");
    struct str uid = field(c, &service_cidr_resource, "/kubernetes", "metadata.uid");
    erase(c, &service_cidr_resource, "/kubernetes", PROPAGATE_DEFAULT);
    comes_anew(&service_cidr_resource, "/kubernetes", uid);
    becomes(&service_cidr_resource, "/kubernetes", "spec.cidrs", "[\"10.96.0.0/12\",\"fd00:96::/112\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(each_family_has_slices_of_its_own),
        cluster_test(a_pod_of_one_family_is_reached_by_that),
        cluster_test(slices_follow_the_families),
        cluster_test(endpoints_by_hand_are_mirrored_by_family),
        cluster_test(each_address_is_an_object),
        cluster_test(the_object_is_named_canonically),
        cluster_test(what_is_wrong_is_repaired),
        cluster_test(a_range_stays_while_either_family_is_needed),
        cluster_test(the_first_range_is_there_again),
    };
    return cmocka_run_group_tests_name("controllers/dual_stack", tests, NULL, NULL);
}
