/* Services: addresses and node ports, handed out, kept, refused, given back. */
#include <stdio.h>

#include "kinds/discovery_v1.h"
#include "kinds/networking_v1.h"
#include "world.h"

#define PORTS "'ports':[{'port':80}]"

static void a_service_gets_an_address(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &service_resource, "default", "{'metadata':{'name':'s'},'spec':{" PORTS "}}");
    assert_code(r, 201);
    struct str ip = field(w, r, "spec.clusterIP");
    assert_true(str_starts(ip, STR("10.")));
    assert_true(str_eq(ip, field(w, r, "spec.clusterIPs.0")));
    assert_field(w, r, "spec.type", "ClusterIP");
    assert_field(w, r, "spec.ipFamilies.0", "IPv4");
    assert_field(w, r, "spec.ipFamilyPolicy", "SingleStack");
    assert_field(w, r, "spec.internalTrafficPolicy", "Cluster");
    assert_field(w, r, "spec.sessionAffinity", "None");
    assert_field(w, r, "spec.ports.0.targetPort", "80");
    assert_field(w, r, "spec.ports.0.protocol", "TCP");
    assert_field(w, r, "spec.ports.0.nodePort", "");
}

static void addresses_may_be_named_once(void **state)
{
    struct world *w = *state;
    const char *json = "{'metadata':{'generateName':'s'},'spec':{'clusterIP':'10.96.3.4'," PORTS "}}";
    struct api_request *r = create(w, &service_resource, "default", json);
    assert_code(r, 201);
    struct api_request *second =
        create(w, &service_resource, "default",
               "{'metadata':{'name':'t'},'spec':{'clusterIP':'10.96.3.4'," PORTS "}}");
    assert_fails(second, 422,
                 "Service \"t\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.3.4\"]: failed to "
                 "allocate IP 10.96.3.4: "
                 "provided IP is already allocated");
    assert_fails(create(w, &service_resource, "default",
                        "{'metadata':{'name':'t'},'spec':{'clusterIP':'1.2.3.4'," PORTS "}}"),
                 422,
                 "Service \"t\" is invalid: spec.clusterIPs: Invalid value: [\"1.2.3.4\"]: failed to "
                 "allocate IP 1.2.3.4: the provided network does not match the current range");
    /* It is free again once the service is gone. */
    char name[64];
    snprintf(name, sizeof name, STR_FMT, STR_ARG(field(w, r, "metadata.name")));
    assert_code(del(w, &service_resource, "default", name, ""), 200);
    assert_code(create(w, &service_resource, "default",
                       "{'metadata':{'name':'t'},'spec':{'clusterIP':'10.96.3.4'," PORTS "}}"),
                201);
}

static void a_failed_create_takes_nothing(void **state)
{
    struct world *w = *state;
    const char *bad = "{'metadata':{'name':'Bad'},'spec':{'clusterIP':'10.96.3.4'," PORTS "}}";
    const char *good = "{'metadata':{'name':'s'},'spec':{'clusterIP':'10.96.3.4'," PORTS "}}";
    assert_code(create(w, &service_resource, "default", bad), 422);
    struct api_request *dry = ask(w, API_CREATE, &service_resource, "default", "");
    dry->dry_run = true;
    dry->body = quoted(w, good);
    assert_code(run(w, dry), 201);
    assert_code(create(w, &service_resource, "default", good), 201);
}

static void node_ports_are_handed_out_and_kept(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &service_resource, "default",
                                   "{'metadata':{'name':'s'},'spec':{'type':'NodePort'," PORTS "}}");
    assert_code(r, 201);
    int64_t port;
    assert_true(str_to_i64(field(w, r, "spec.ports.0.nodePort"), &port));
    assert_in_range(port, 30000, 32767);
    assert_field(w, r, "spec.externalTrafficPolicy", "Cluster");
    /* An update that does not mention them keeps address and port. */
    struct api_request *u =
        update(w, &service_resource, "default", "s",
               "{'metadata':{'name':'s','labels':{'a':'b'}},'spec':{'type':'NodePort'," PORTS "}}");
    assert_code(u, 200);
    assert_true(str_eq(field(w, u, "spec.ports.0.nodePort"), field(w, r, "spec.ports.0.nodePort")));
    assert_true(str_eq(field(w, u, "spec.clusterIP"), field(w, r, "spec.clusterIP")));
    /* Another type lets the port go. */
    u = patch(w, &service_resource, "default", "s", API_PATCH_MERGE, "{'spec':{'type':'ClusterIP'}}");
    assert_code(u, 200);
    assert_field(w, u, "spec.ports.0.nodePort", "");
    assert_field(w, u, "spec.externalTrafficPolicy", "");
}

static void node_ports_may_be_named_once(void **state)
{
    struct world *w = *state;
    const char *json =
        "{'metadata':{'name':'s'},'spec':{'type':'NodePort','ports':[{'name':'t','port':53,'nodePort':30053},"
        "{'name':'u','port':53,'protocol':'UDP','nodePort':30053}]}}";
    assert_code(create(w, &service_resource, "default", json), 201); /* TCP and UDP may share one */
    assert_fails(
        create(w, &service_resource, "default",
               "{'metadata':{'name':'t'},'spec':{'type':'NodePort','ports':[{'port':1,'nodePort':30053}]}}"),
        422,
        "Service \"t\" is invalid: spec.ports[0].nodePort: Invalid value: 30053: provided port is already "
        "allocated");
    assert_fails(
        create(w, &service_resource, "default",
               "{'metadata':{'name':'t'},'spec':{'type':'NodePort','ports':[{'port':1,'nodePort':80}]}}"),
        422,
        "Service \"t\" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the "
        "valid "
        "range. The range of valid ports is 30000-32767");
    assert_code(create(w, &service_resource, "default",
                       "{'metadata':{'name':'t'},'spec':{'ports':[{'port':1,'nodePort':30100}]}}"),
                422);
}

static void an_ip_address_object_keeps_its_address(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &ip_address_resource, "",
                       "{'metadata':{'name':'10.96.3.4'},'spec':{'parentRef':{'resource':'gateways','group':'"
                       "x.io','name':'g'}}}"),
                201);
    const char *json = "{'metadata':{'name':'s'},'spec':{'clusterIP':'10.96.3.4'," PORTS "}}";
    assert_fails(
        create(w, &service_resource, "default", json), 422,
        "Service \"s\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.3.4\"]: failed to allocate IP "
        "10.96.3.4: provided IP is already allocated");
    assert_code(del(w, &ip_address_resource, "", "10.96.3.4", "{}"), 200);
    /* One that was made for a service which has let go keeps nothing. */
    assert_code(create(w, &ip_address_resource, "",
                       "{'metadata':{'name':'10.96.3.4','labels':{'ipaddress.kubernetes.io/"
                       "managed-by':'ipallocator.k8s.io'}},"
                       "'spec':{'parentRef':{'resource':'services','namespace':'default','name':'gone'}}}"),
                201);
    assert_code(create(w, &service_resource, "default", json), 201);
}

static void ranges_come_and_go(void **state)
{
    struct world *w = *state;
    struct api_request *own = get(w, &service_cidr_resource, "", "kubernetes");
    assert_field(w, own, "spec.cidrs.0", "10.96.0.0/12");
    const char *json = "{'metadata':{'name':'s'},'spec':{'clusterIP':'192.168.7.9'," PORTS "}}";
    assert_code(create(w, &service_resource, "default", json), 422);
    assert_code(create(w, &service_cidr_resource, "",
                       "{'metadata':{'name':'more'},'spec':{'cidrs':['192.168.7.0/24']}}"),
                201);
    assert_code(create(w, &service_resource, "default", json), 201);
    assert_code(del(w, &service_cidr_resource, "", "more", "{}"), 200);
    assert_code(create(w, &service_resource, "default",
                       "{'metadata':{'name':'t'},'spec':{'clusterIP':'192.168.7.10'," PORTS "}}"),
                422);
}

static void ranges_are_checked(void **state)
{
    struct world *w = *state;
    assert_fails(create(w, &service_cidr_resource, "", "{'metadata':{'name':'none'},'spec':{'cidrs':[]}}"),
                 422,
                 "ServiceCIDR.networking.k8s.io \"none\" is invalid: spec.cidrs: Required value: at least "
                 "one CIDR required");
    assert_code(create(w, &service_cidr_resource, "",
                       "{'metadata':{'name':'same'},'spec':{'cidrs':['10.0.0.0/24','10.1.0.0/24']}}"),
                422);
    assert_code(
        create(w, &service_cidr_resource, "", "{'metadata':{'name':'bad'},'spec':{'cidrs':['10.0.0.1/24']}}"),
        422);
    assert_code(
        create(w, &service_cidr_resource, "", "{'metadata':{'name':'one'},'spec':{'cidrs':['10.0.0.0/24']}}"),
        201);
    assert_code(
        patch(w, &service_cidr_resource, "", "one", API_PATCH_MERGE, "{'spec':{'cidrs':['10.1.0.0/24']}}"),
        422);
    assert_code(patch(w, &service_cidr_resource, "", "one", API_PATCH_MERGE,
                      "{'spec':{'cidrs':['10.0.0.0/24','fd00::/112']}}"),
                200);
}

static void what_is_taken_survives_a_restart(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &service_resource, "default",
                       "{'metadata':{'name':'s'},'spec':{'type':'NodePort','clusterIP':'10.96.3.4',"
                       "'ports':[{'port':1,'nodePort':30001}]}}"),
                201);
    world_restart(w);
    assert_code(create(w, &service_resource, "default",
                       "{'metadata':{'name':'t'},'spec':{'clusterIP':'10.96.3.4'," PORTS "}}"),
                422);
    assert_code(
        create(w, &service_resource, "default",
               "{'metadata':{'name':'t'},'spec':{'type':'NodePort','ports':[{'port':1,'nodePort':30001}]}}"),
        422);
}

static void addresses_do_not_change(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &service_resource, "default", "{'metadata':{'name':'s'},'spec':{" PORTS "}}"), 201);
    assert_code(patch(w, &service_resource, "default", "s", API_PATCH_MERGE,
                      "{'spec':{'clusterIP':'10.96.9.9','clusterIPs':['10.96.9.9']}}"),
                422);
    struct api_request *r = patch(w, &service_resource, "default", "s", API_PATCH_MERGE,
                                  "{'spec':{'type':'ExternalName','externalName':'e.com'}}");
    assert_code(r, 200);
    assert_field(w, r, "spec.clusterIP", "");
}

static void headless_and_external_services_have_none(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &service_resource, "default",
               "{'metadata':{'name':'h'},'spec':{'clusterIP':'None','selector':{'a':'b'}}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.clusterIPs.0", "None");
    r = create(w, &service_resource, "default",
               "{'metadata':{'name':'e'},'spec':{'type':'ExternalName','externalName':'example.com'}}");
    assert_code(r, 201);
    assert_field(w, r, "spec.clusterIP", "");
    assert_field(w, r, "spec.ipFamilies", "");
    assert_code(
        create(w, &service_resource, "default", "{'metadata':{'name':'x'},'spec':{'type':'ExternalName'}}"),
        422);
    assert_fails(create(w, &service_resource, "default", "{'metadata':{'name':'x'},'spec':{}}"), 422,
                 "Service \"x\" is invalid: spec.ports: Required value");
}

static void every_cluster_has_the_kubernetes_service(void **state)
{
    struct world *w = *state;
    struct api_request *r = get(w, &service_resource, "default", "kubernetes");
    assert_code(r, 200);
    assert_field(w, r, "spec.clusterIP", "10.96.0.1");
    assert_field(w, r, "spec.ports.0.targetPort", "6443");
    r = get(w, &endpoint_slice_resource, "default", "kubernetes");
    assert_field(w, r, "endpoints.0.addresses.0", "10.0.0.5");
    assert_field(w, get(w, &endpoints_resource, "default", "kubernetes"), "subsets.0.addresses.0.ip",
                 "10.0.0.5");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(a_service_gets_an_address),
        TEST(addresses_may_be_named_once),
        TEST(a_failed_create_takes_nothing),
        TEST(node_ports_are_handed_out_and_kept),
        TEST(node_ports_may_be_named_once),
        TEST(an_ip_address_object_keeps_its_address),
        TEST(ranges_come_and_go),
        TEST(ranges_are_checked),
        TEST(what_is_taken_survives_a_restart),
        TEST(addresses_do_not_change),
        TEST(headless_and_external_services_have_none),
        TEST(every_cluster_has_the_kubernetes_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
