/* Services of two address families (KEP-563): which they get, how the second comes and goes, what is refused.
 */
#include <stdio.h>

#include "base/ip.h"
#include "kinds/discovery_v1.h"
#include "kinds/networking_v1.h"
#include "world.h"

#define PORTS "'ports':[{'port':80}]"

static int open_dual(void **state)
{
    return world_open_cidrs(state, "10.96.0.0/16", "fd00:96::/112");
}

static int open_dual_ipv6(void **state)
{
    return world_open_cidrs(state, "fd00:96::/112", "10.96.0.0/16");
}

static int open_ipv6(void **state)
{
    return world_open_cidrs(state, "fd00:96::/112", NULL);
}

static struct api_request *make(struct world *w, const char *name, const char *spec)
{
    char json[2048];
    assert_true(snprintf(json, sizeof json, "{'metadata':{'name':'%s'},'spec':{%s}}", name, spec) <
                (int)sizeof json);
    return create(w, &service_resource, "default", json);
}

static struct api_request *change(struct world *w, const char *name, const char *spec)
{
    char json[2048];
    assert_true(snprintf(json, sizeof json, "{'spec':{%s}}", spec) < (int)sizeof json);
    return patch(w, &service_resource, "default", name, API_PATCH_MERGE, json);
}

static void assert_families(struct world *w, struct api_request *r, const char *policy, const char *families)
{
    if (r->code >= 300)
        fail_msg("answered %d: " STR_FMT, r->code, STR_ARG(r->err.message));
    assert_field(w, r, "spec.ipFamilyPolicy", policy);
    assert_field(w, r, "spec.ipFamilies", families);
}

#define V4   "[\"IPv4\"]"
#define V6   "[\"IPv6\"]"
#define V4V6 "[\"IPv4\",\"IPv6\"]"
#define V6V4 "[\"IPv6\",\"IPv4\"]"

static void assert_ips(struct world *w, const struct api_request *r, const char *first, const char *second)
{
    assert_true(str_starts(field(w, r, "spec.clusterIPs.0"), str_from(first)));
    assert_str(field(w, r, "spec.clusterIP"), arena_c(r->arena, field(w, r, "spec.clusterIPs.0")));
    assert_int_equal(field(w, r, "spec.clusterIPs.1").n > 0, second != NULL);
    if (second)
        assert_true(str_starts(field(w, r, "spec.clusterIPs.1"), str_from(second)));
    assert_field(w, r, "spec.clusterIPs.2", "");
}

/* --- what a new service gets --- */

static void by_policy(void **state)
{
    struct world *w = *state;
    struct api_request *r = make(w, "a", PORTS);
    assert_families(w, r, "SingleStack", V4);
    assert_ips(w, r, "10.96.", NULL);
    r = make(w, "b", "'ipFamilyPolicy':'PreferDualStack'," PORTS);
    assert_families(w, r, "PreferDualStack", V4V6);
    assert_ips(w, r, "10.96.", "fd00:96::");
    r = make(w, "c", "'ipFamilyPolicy':'RequireDualStack','ipFamilies':['IPv6']," PORTS);
    assert_families(w, r, "RequireDualStack", V6V4);
    assert_ips(w, r, "fd00:96::", "10.96.");
    r = make(w, "d", "'ipFamilies':['IPv6']," PORTS);
    assert_families(w, r, "SingleStack", V6);
    assert_ips(w, r, "fd00:96::", NULL);
}

static void the_main_family_comes_first(void **state)
{
    struct world *w = *state;
    assert_families(w, make(w, "a", PORTS), "SingleStack", V6);
    struct api_request *r = make(w, "b", "'ipFamilyPolicy':'PreferDualStack'," PORTS);
    assert_families(w, r, "PreferDualStack", V6V4);
    assert_ips(w, r, "fd00:96::", "10.96.");
    r = get(w, &service_resource, "default", "kubernetes");
    assert_families(w, r, "SingleStack", V6);
    assert_field(w, r, "spec.clusterIP", "fd00:96::1");
    assert_field(w, get(w, &service_cidr_resource, "", "kubernetes"), "spec.cidrs",
                 "[\"fd00:96::/112\",\"10.96.0.0/16\"]");
    r = get(w, &endpoint_slice_resource, "default", "kubernetes");
    assert_field(w, r, "addressType", "IPv6");
    assert_field(w, r, "endpoints.0.addresses.0", "2001:db8::5");
    assert_field(w, get(w, &endpoints_resource, "default", "kubernetes"), "subsets.0.addresses.0.ip",
                 "2001:db8::5");
}

static void families_follow_from_addresses(void **state)
{
    struct world *w = *state;
    struct api_request *r = make(w, "a", "'clusterIP':'fd00:96::77'," PORTS);
    assert_families(w, r, "SingleStack", V6);
    r = make(w, "b",
             "'ipFamilyPolicy':'PreferDualStack','clusterIP':'fd00:96::78','clusterIPs':['fd00:96::78',"
             "'10.96.7.8']," PORTS);
    assert_families(w, r, "PreferDualStack", V6V4);
    assert_field(w, r, "spec.clusterIPs", "[\"fd00:96::78\",\"10.96.7.8\"]");
    r = make(w, "c", "'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.7.9'," PORTS);
    assert_families(w, r, "RequireDualStack", V4V6);
    assert_ips(w, r, "10.96.7.9", "fd00:96::");
}

static void headless_services_have_families_too(void **state)
{
    struct world *w = *state;
    struct api_request *r = make(w, "a", "'clusterIP':'None','selector':{'a':'b'}");
    assert_families(w, r, "SingleStack", V4);
    assert_field(w, r, "spec.clusterIPs", "[\"None\"]");
    r = make(w, "b", "'clusterIP':'None','selector':{'a':'b'},'ipFamilyPolicy':'PreferDualStack'");
    assert_families(w, r, "PreferDualStack", V4V6);
    r = make(w, "c", "'clusterIP':'None'");
    assert_families(w, r, "RequireDualStack", V4V6);
    r = make(w, "d", "'clusterIP':'None','ipFamilyPolicy':'SingleStack','ipFamilies':['IPv6']");
    assert_families(w, r, "SingleStack", V6);
    assert_field(w, make(w, "e", "'type':'ExternalName','externalName':'e.com'"), "spec.ipFamilyPolicy", "");
}

/* Such a cluster hands out one family only; endpoints by hand may still be of both. */
static void one_family_is_all_that_there_is(void **state)
{
    struct world *w = *state;
    struct api_request *r = make(w, "a", "'ipFamilyPolicy':'PreferDualStack'," PORTS);
    assert_families(w, r, "PreferDualStack", V6);
    assert_ips(w, r, "fd00:96::", NULL);
    assert_families(w, make(w, "b", "'clusterIP':'None'"), "RequireDualStack", V6V4);
    assert_fails(make(w, "c", "'ipFamilyPolicy':'RequireDualStack'," PORTS), 422,
                 "Service \"c\" is invalid: spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this "
                 "cluster is not configured for dual-stack services");
    assert_fails(
        make(w, "c", "'ipFamilies':['IPv4']," PORTS), 422,
        "Service \"c\" is invalid: spec.ipFamilies[0]: Invalid value: \"IPv4\": not configured on this "
        "cluster");
    assert_fails(make(w, "c", "'clusterIP':'10.96.0.7'," PORTS), 422,
                 "Service \"c\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.0.7\"]: IPv4 is not "
                 "configured on this cluster");
}

/* --- what is refused --- */

static void what_does_not_fit_together_is_refused(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *spec, *message;
    } cases[] = {
        {"'clusterIPs':['10.96.0.7']",
         "spec.clusterIPs: Invalid value: [\"10.96.0.7\"]: must be empty when `clusterIP` is not specified"},
        {"'clusterIP':'10.96.0.8','clusterIPs':['10.96.0.7']",
         "spec.clusterIPs: Invalid value: [\"10.96.0.7\"]: first value must match `clusterIP`"},
        {"'clusterIP':'None','clusterIPs':['None','10.96.0.7']",
         "spec.clusterIPs: Invalid value: [\"None\",\"10.96.0.7\"]: 'None' must be the first and only value"},
        {"'clusterIP':'10.96.0.7','clusterIPs':['10.96.0.7','10.96.0.8'],'ipFamilyPolicy':'RequireDualStack'",
         "spec.clusterIPs: Invalid value: [\"10.96.0.7\",\"10.96.0.8\"]: may specify no more than one IP for "
         "each "
         "IP family"},
        {"'clusterIP':'fd00:96::7','ipFamilies':['IPv4']",
         "spec.clusterIPs[0]: Invalid value: \"fd00:96::7\": expected an IPv4 value as indicated by "
         "`ipFamilies[0]`"},
        {"'ipFamilies':['IPv4','IPv6']", "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be "
                                         "'RequireDualStack' or 'PreferDualStack' "
                                         "when multiple IP families are specified"},
        {"'clusterIP':'10.96.0.7','clusterIPs':['10.96.0.7','fd00:96::7'],'ipFamilies':['IPv4']",
         "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or "
         "'PreferDualStack' "
         "when multiple cluster IPs are specified"},
        {"'ipFamilies':['IPv4','IPv4'],'ipFamilyPolicy':'RequireDualStack'",
         "spec.ipFamilies[1]: Duplicate value: \"IPv4\""},
        {"'ipFamilies':['IPv5']",
         "spec.ipFamilies[0]: Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\""},
        {"'ipFamilyPolicy':'Both'", "spec.ipFamilyPolicy: Unsupported value: \"Both\": supported values: "
                                    "\"PreferDualStack\", \"RequireDualStack\", \"SingleStack\""},
        {"'clusterIP':'10.96.0.256'",
         "spec.clusterIPs[0]: Invalid value: \"10.96.0.256\": must be a valid IP "
         "address, (e.g. 10.9.8.7 or 2001:db8::ffff)"},
        {"'clusterIP':'fd00:97::7'",
         "spec.clusterIPs: Invalid value: [\"fd00:97::7\"]: failed to allocate IP fd00:97::7: the provided "
         "network does not match the current range"},
        {"'type':'NodePort','clusterIP':'None'",
         "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to "
         "'None' for NodePort services"},
        {"'type':'ExternalName','externalName':'e.com','ipFamilyPolicy':'SingleStack'",
         "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services"},
        {"'type':'ExternalName','externalName':'e.com','ipFamilies':['IPv4']",
         "spec.ipFamilies: Forbidden: may not be set for ExternalName services"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char spec[512], message[512];
        snprintf(spec, sizeof spec, "%s," PORTS, cases[i].spec);
        snprintf(message, sizeof message, "Service \"s\" is invalid: %s", cases[i].message);
        assert_fails(make(w, "s", spec), 422, message);
    }
}

/* --- how the second comes and goes --- */

static void a_second_family_is_added(void **state)
{
    struct world *w = *state;
    struct api_request *r = make(w, "a", "'clusterIP':'10.96.0.7'," PORTS);
    r = change(w, "a", "'ipFamilyPolicy':'RequireDualStack'");
    assert_families(w, r, "RequireDualStack", V4V6);
    assert_ips(w, r, "10.96.0.7", "fd00:96::");
    /* Named this time, of which the first stays. */
    make(w, "b", "'clusterIP':'fd00:96::7'," PORTS);
    r = change(w, "b", "'ipFamilyPolicy':'PreferDualStack','clusterIPs':['fd00:96::7','10.96.9.9']");
    assert_families(w, r, "PreferDualStack", V6V4);
    assert_field(w, r, "spec.clusterIPs", "[\"fd00:96::7\",\"10.96.9.9\"]");
    make(w, "c", "'clusterIP':'10.96.0.8'," PORTS);
    assert_fails(change(w, "c", "'ipFamilyPolicy':'PreferDualStack','clusterIPs':['10.96.0.8','fd00:96::7']"),
                 422,
                 "Service \"c\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.0.8\",\"fd00:96::7\"]: "
                 "failed to allocate IP fd00:96::7: provided IP is already allocated");
    assert_families(w, get(w, &service_resource, "default", "c"), "SingleStack", V4);
}

static void a_second_family_is_given_back(void **state)
{
    struct world *w = *state;
    const char *both = "'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.0.7','clusterIPs':['10.96.0.7'"
                       ",'fd00:96::7']," PORTS;
    make(w, "a", both);
    assert_fails(
        change(w, "a", "'clusterIPs':['10.96.0.7']"), 422,
        "Service \"a\" is invalid: spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be "
        "'SingleStack' to release the secondary cluster IP");
    assert_fails(
        change(w, "a", "'ipFamilies':['IPv4']"), 422,
        "Service \"a\" is invalid: spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be "
        "'SingleStack' to release the secondary IP family");
    struct api_request *r = change(w, "a", "'ipFamilyPolicy':'SingleStack'");
    assert_families(w, r, "SingleStack", V4);
    assert_field(w, r, "spec.clusterIPs", "[\"10.96.0.7\"]");
    /* It is free again, as that of a deleted service is. */
    const char *second = "'clusterIP':'fd00:96::7'," PORTS;
    assert_code(make(w, "b", second), 201);
    assert_code(del(w, &service_resource, "default", "b", "{}"), 200);
    assert_code(del(w, &service_resource, "default", "a", "{}"), 200);
    assert_code(make(w, "a", both), 201);
}

static void the_first_address_stays(void **state)
{
    struct world *w = *state;
    make(w, "a",
         "'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.0.7','clusterIPs':['10.96.0.7','fd00:96::7']"
         "," PORTS);
    assert_fails(
        change(w, "a", "'clusterIP':'10.96.0.8','clusterIPs':['10.96.0.8','fd00:96::7']"), 422,
        "Service \"a\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.0.8\",\"fd00:96::7\"]: may "
        "not change once set");
    assert_fails(
        change(w, "a", "'clusterIPs':['10.96.0.7','fd00:96::8']"), 422,
        "Service \"a\" is invalid: spec.clusterIPs[1]: Invalid value: [\"10.96.0.7\",\"fd00:96::8\"]: may "
        "not change once set");
    assert_code(
        change(w, "a",
               "'clusterIP':'fd00:96::7','clusterIPs':['fd00:96::7','10.96.0.7'],'ipFamilies':['IPv6',"
               "'IPv4']"),
        422);
}

/* Clients that know clusterIP alone, or leave out what was handed out. */
static void what_is_left_out_stays(void **state)
{
    struct world *w = *state;
    make(w, "a",
         "'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.0.7','clusterIPs':['10.96.0.7','fd00:96::7']"
         "," PORTS);
    struct api_request *r = change(w, "a", "'clusterIPs':null");
    assert_field(w, r, "spec.clusterIPs", "[\"10.96.0.7\",\"fd00:96::7\"]");
    r = change(w, "a", "'clusterIPs':null,'clusterIP':null,'ipFamilies':null,'ipFamilyPolicy':null");
    assert_families(w, r, "RequireDualStack", V4V6);
    assert_field(w, r, "spec.clusterIPs", "[\"10.96.0.7\",\"fd00:96::7\"]");
    r = update(w, &service_resource, "default", "a",
               "{'metadata':{'name':'a'},'spec':{'clusterIP':'10.96.0.7'," PORTS "}}");
    assert_families(w, r, "RequireDualStack", V4V6);
    assert_field(w, r, "spec.clusterIPs", "[\"10.96.0.7\",\"fd00:96::7\"]");
}

static void a_mere_name_gives_all_back(void **state)
{
    struct world *w = *state;
    const char *both = "'ipFamilyPolicy':'RequireDualStack','clusterIP':'10.96.0.7','clusterIPs':['10.96.0.7'"
                       ",'fd00:96::7']," PORTS;
    make(w, "a", both);
    struct api_request *r = change(w, "a", "'type':'ExternalName','externalName':'e.com'");
    assert_code(r, 200);
    assert_field(w, r, "spec.clusterIPs", "");
    assert_field(w, r, "spec.ipFamilies", "");
    assert_field(w, r, "spec.ipFamilyPolicy", "");
    assert_code(make(w, "b", both), 201);
    r = change(w, "a", "'type':'ClusterIP','externalName':null,'ipFamilyPolicy':'PreferDualStack'");
    assert_families(w, r, "PreferDualStack", V4V6);
    assert_ips(w, r, "10.96.", "fd00:96::");
}

/* A cluster that gets a second family leaves services as they are, until they ask. */
static void a_second_family_comes_to_the_cluster(void **state)
{
    struct world *w = *state;
    make(w, "a", "'ipFamilyPolicy':'PreferDualStack','clusterIP':'fd00:96::7'," PORTS);
    world_restart_cidrs(w, "fd00:96::/112", "10.96.0.0/16");
    struct api_request *r = change(w, "a", "'sessionAffinity':'ClientIP'");
    assert_families(w, r, "PreferDualStack", V6);
    assert_ips(w, r, "fd00:96::7", NULL);
    r = change(w, "a", "'ipFamilyPolicy':'RequireDualStack'");
    assert_families(w, r, "RequireDualStack", V6V4);
    assert_ips(w, r, "fd00:96::7", "10.96.");
    /* Taken addresses of both are known after a restart. */
    world_restart(w);
    assert_code(make(w, "b", "'clusterIP':'fd00:96::7'," PORTS), 422);
}

/* The server's own address moves to another family: its slice is made anew, its service stays. */
static void the_server_moves_to_another_family(void **state)
{
    struct world *w = *state;
    world_restart_cidrs(w, "fd00:96::/112", "10.96.0.0/16");
    struct api_request *r = get(w, &endpoint_slice_resource, "default", "kubernetes");
    assert_field(w, r, "addressType", "IPv6");
    assert_field(w, r, "endpoints.0.addresses.0", "2001:db8::5");
    assert_field(w, get(w, &service_resource, "default", "kubernetes"), "spec.clusterIP", "10.96.0.1");
}

/* --- ranges --- */

static void the_start_of_a_range_is_for_those_who_name(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        struct ip ip, first;
        assert_true(ip_parse(STR("fd00:96::"), &first));
        assert_true(ip_parse(field(w, make(w, name, "'ipFamilies':['IPv6']," PORTS), "spec.clusterIP"), &ip));
        assert_true(ip.n > first.n + 256);
    }
}

static void further_ranges_are_of_both_families(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &service_cidr_resource, "",
                       "{'metadata':{'name':'more'},'spec':{'cidrs':['192.168.7.0/24','fd00:97::/120']}}"),
                201);
    struct api_request *r =
        make(w, "a",
             "'ipFamilyPolicy':'RequireDualStack','clusterIP':'192.168.7.9','clusterIPs':['192."
             "168.7.9','fd00:97::ff']," PORTS);
    assert_families(w, r, "RequireDualStack", V4V6);
    assert_code(make(w, "b", "'clusterIP':'192.168.7.255'," PORTS), 422); /* broadcast, which IPv6 has not */
    assert_code(make(w, "c", "'clusterIP':'fd00:97::'," PORTS), 422);
}

static void an_ip_address_object_keeps_an_ipv6_address(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &ip_address_resource, "",
                       "{'metadata':{'name':'fd00:96::7'},'spec':{'parentRef':{'resource':'gateways','group':"
                       "'x.io','name':'g'}}}"),
                201);
    assert_fails(
        make(w, "s", "'clusterIP':'fd00:96:0::7'," PORTS), 422,
        "Service \"s\" is invalid: spec.clusterIPs: Invalid value: [\"fd00:96:0::7\"]: failed to allocate "
        "IP fd00:96:0::7: provided IP is already allocated");
}

int main(void)
{
#define TEST(f, open) cmocka_unit_test_setup_teardown(f, open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(by_policy, open_dual),
        TEST(the_main_family_comes_first, open_dual_ipv6),
        TEST(families_follow_from_addresses, open_dual),
        TEST(headless_services_have_families_too, open_dual),
        TEST(one_family_is_all_that_there_is, open_ipv6),
        TEST(what_does_not_fit_together_is_refused, open_dual),
        TEST(a_second_family_is_added, open_dual),
        TEST(a_second_family_is_given_back, open_dual),
        TEST(the_first_address_stays, open_dual),
        TEST(what_is_left_out_stays, open_dual),
        TEST(a_mere_name_gives_all_back, open_dual),
        TEST(a_second_family_comes_to_the_cluster, open_ipv6),
        TEST(the_server_moves_to_another_family, open_dual),
        TEST(the_start_of_a_range_is_for_those_who_name, open_dual),
        TEST(further_ranges_are_of_both_families, open_dual),
        TEST(an_ip_address_object_keeps_an_ipv6_address, open_dual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
