/* Addresses of both families wherever kinds have them: what is refused, what is warned of, what may stay
 * (KEP-4858). */
#include "base/thread.h"
#include "kinds/discovery_v1.h"
#include "kinds/networking_v1.h"
#include "schema/json.h"
#include "verdict.h"

struct planted {
    struct change change;
    struct latch done;
};

static void planted_done(struct change *c)
{
    latch_set(&container_of(c, struct planted, change)->done);
}

/* Stores an object as an earlier version would have, past all rules. */
static void plant(struct world *w, const struct resource *r, const char *json)
{
    struct arena a = {0};
    struct err err = {0};
    void *typed = arena_alloc(&a, r->type->size);
    assert_ok(json_decode(&a, r->type, quoted(w, json), 0, typed, NULL, &err), err);
    struct object *o = object_new(r, typed);
    struct planted p = {.change = {.op = CHANGE_CREATE,
                                   .table = store_table(world_store(w), r),
                                   .object = o,
                                   .ns = object_namespace(o),
                                   .name = object_name(o),
                                   .done = planted_done}};
    latch_init(&p.done);
    store_submit(world_store(w), &p.change);
    latch_wait(&p.done, INT64_MAX);
    assert_int_equal(p.change.result, CHANGE_DONE);
    latch_destroy(&p.done);
    object_unref(o);
    arena_free(&a);
}

#define NODE(cidrs) "{'metadata':{'name':'n'},'spec':{'podCIDRs':[" cidrs "]}}"
#define SLICE(type, address)                                                                                 \
    "{'metadata':{'name':'s'},'addressType':'" type "','endpoints':[{'addresses':['" address "']}]}"
#define ENDPOINTS(ip)                                                                                        \
    "{'metadata':{'name':'e'},'subsets':[{'addresses':[{'ip':'" ip "'}],'ports':[{'port':1}]}]}"
#define POLICY(block)                                                                                        \
    "{'metadata':{'name':'p'},'spec':{'podSelector':{},'ingress':[{'from':[{'ipBlock':{" block "}}]}]}}"
#define SERVICE(more) "{'metadata':{'name':'s'},'spec':{'ports':[{'port':80}]," more "}}"
#define DNS(ip)                                                                                              \
    "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','image':'i'}],'dnsPolicy':'None','"          \
    "dnsConfig':{"                                                                                           \
    "'nameservers':['" ip "']}}}"
#define RANGE(cidrs) "{'metadata':{'name':'more'},'spec':{'cidrs':[" cidrs "]}}"
#define ADDRESS(name)                                                                                        \
    "{'metadata':{'name':'" name "'},'spec':{'parentRef':{'resource':'services','name':'s'}}}"

static void each_field_takes_both_families(void **state)
{
    struct world *w = *state;
    static const struct verdict verdicts[] = {
        {&node_resource, NODE("'10.1.0.0/24','fd00:1::/64'"), NULL},
        {&node_resource, NODE("'fd00:1::/64'"), NULL},
        {&node_resource, NODE("'10.1.0.0/24','10.2.0.0/24'"),
         "spec.podCIDRs: Invalid value: [\"10.1.0.0/24\",\"10.2.0.0/24\"]: may specify no more than one CIDR "
         "for "
         "each IP family"},
        {&node_resource, NODE("'10.1.0.0/24','fd00:1::/64','fd00:2::/64'"),
         "may specify no more than one CIDR for each IP family"},
        {&node_resource, NODE("'10.1.0.1/24'"),
         "spec.podCIDRs[0]: Invalid value: \"10.1.0.1/24\": must not have "
         "bits set beyond the prefix length"},
        {&endpoint_slice_resource, SLICE("IPv6", "fd00::7"), NULL},
        {&endpoint_slice_resource, SLICE("IPv4", "fd00::7"),
         "endpoints[0].addresses[0]: Invalid value: \"fd00::7\": must be an IPv4 address"},
        {&endpoint_slice_resource, SLICE("IPv6", "10.0.0.7"),
         "endpoints[0].addresses[0]: Invalid value: \"10.0.0.7\": must be an IPv6 address"},
        {&endpoint_slice_resource, SLICE("IPv6", "fe80::7"),
         "endpoints[0].addresses[0]: Invalid value: \"fe80::7\": may not be in the link-local range "
         "(169.254.0.0/16, fe80::/10)"},
        {&endpoints_resource, ENDPOINTS("fd00::7"), NULL},
        {&endpoints_resource, ENDPOINTS("::1"),
         "subsets[0].addresses[0].ip: Invalid value: \"::1\": may not be in "
         "the loopback range (127.0.0.0/8, ::1/128)"},
        {&endpoints_resource, ENDPOINTS("ff02::7"), "link-local multicast range (224.0.0.0/24, ff02::/10)"},
        {&endpoints_resource, ENDPOINTS("0:0::0"), "may not be unspecified (0:0::0)"},
        {&network_policy_resource, POLICY("'cidr':'fd00::/8','except':['fd00:1::/64']"), NULL},
        {&network_policy_resource, POLICY("'cidr':'fd00:1::/64','except':['fd00:2::/80']"),
         "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"fd00:2::/80\": must be a strict subset "
         "of "
         "`cidr`"},
        {&network_policy_resource, POLICY("'cidr':'10.0.0.0/8','except':['fd00:2::/80']"), "strict subset"},
        {&network_policy_resource, POLICY("'cidr':'10.0.0.0/8','except':['10.0.0.0/8']"), "strict subset"},
        {&network_policy_resource, POLICY("'cidr':''"),
         "spec.ingress[0].from[0].ipBlock.cidr: Required value"},
        {&network_policy_resource, POLICY("'cidr':'10.0.0.1/8'"),
         "ipBlock.cidr: Invalid value: \"10.0.0.1/8\": must "
         "not have bits set beyond the prefix length"},
        {&service_resource, SERVICE("'externalIPs':['2001:db8::7','192.0.2.7']"), NULL},
        {&service_resource, SERVICE("'externalIPs':['::1']"),
         "spec.externalIPs[0]: Invalid value: \"::1\": may not be in the loopback range"},
        {&service_resource, SERVICE("'type':'LoadBalancer','loadBalancerSourceRanges':['2001:db8::/32']"),
         NULL},
        {&service_resource, SERVICE("'type':'LoadBalancer','loadBalancerSourceRanges':[' 2001:db8::/132 ']"),
         "spec.LoadBalancerSourceRanges[0]: Invalid value: \"2001:db8::/132\": must be a valid CIDR value, "
         "(e.g. "
         "10.9.8.0/24 or 2001:db8::/64)"},
        {&service_resource, SERVICE("'clusterIP':'010.96.0.7'"),
         "spec.clusterIPs[0]: Invalid value: \"010.96.0.7\": must not have leading 0s"},
        {&service_resource,
         "{'metadata':{'name':'s','annotations':{'service.beta.kubernetes.io/"
         "load-balancer-source-ranges':'10.0.0.0/8, "
         "fd00::/129'}},'spec':{'type':'LoadBalancer','ports':[{'port':80}]}}",
         "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Invalid value: "
         "\"fd00::/129\": "
         "must be a valid CIDR value"},
        {&pod_resource,
         "{'metadata':{'name':'p'},'spec':{'containers':[{'name':'c','image':'i'}],'hostAliases':[{'ip':'"
         "2001:db8::7',"
         "'hostnames':['a']},{'ip':'2001:db8','hostnames':['b']}]}}",
         "spec.hostAliases[1].ip: Invalid value: \"2001:db8\": must be a valid IP address"},
        {&pod_resource, DNS("2001:db8::53"), NULL},
        {&pod_resource, DNS("::ffff:192.0.2.53"),
         "spec.dnsConfig.nameservers[0]: Invalid value: "
         "\"::ffff:192.0.2.53\": must not be an IPv4-mapped IPv6 address"},
        {&service_cidr_resource, RANGE("'10.0.0.0/24','fd00:1::/112'"), NULL},
        {&service_cidr_resource, RANGE("'10.0.0.0/24','10.1.0.0/24'"),
         "spec.cidrs: Invalid value: {\"CIDRs\":[\"10.0.0.0/24\",\"10.1.0.0/24\"]}: may specify no more than "
         "one IP "
         "for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"},
        {&service_cidr_resource, RANGE("'FD00:1::/112'"),
         "spec.cidrs[0]: Invalid value: \"FD00:1::/112\": must be in canonical form (\"fd00:1::/112\")"},
        {&ip_address_resource, ADDRESS("fd00:1::7"), NULL},
        {&ip_address_resource, ADDRESS("fd00:1:0::7"),
         "metadata.name: Invalid value: \"fd00:1:0::7\": must be in canonical form (\"fd00:1::7\")"},
        {&ip_address_resource, ADDRESS("seven"),
         "metadata.name: Invalid value: \"seven\": must be a valid IP address"},
        {&ip_address_resource, "{'metadata':{'name':'fd00:1::7'},'spec':{}}",
         "spec.parentRef: Required value"},
    };
    JUDGE(w, verdicts);
}

static void changes_keep_to_the_families(void **state)
{
    struct world *w = *state;
    static const char node[] = "{'metadata':{'name':'n'}}", balancer[] = SERVICE("'type':'LoadBalancer'");
    static const struct change_verdict verdicts[] = {
        {&node_resource, node, NULL, "{'spec':{'podCIDRs':['10.1.0.0/24','fd00:1::/64']}}", NULL, false},
        {&node_resource, NODE("'10.1.0.0/24'"), NULL, "{'spec':{'podCIDRs':['10.1.0.0/24','fd00:1::/64']}}",
         "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid", false},
        {&service_cidr_resource, RANGE("'10.0.0.0/24'"), NULL,
         "{'spec':{'cidrs':['10.0.0.0/24','fd00:1::/112']}}", NULL, false},
        {&service_cidr_resource, RANGE("'10.0.0.0/24'"), NULL, "{'spec':{'cidrs':['10.1.0.0/24']}}",
         "spec.cidrs[0]: Invalid value: \"10.1.0.0/24\": field is immutable", false},
        {&service_cidr_resource, RANGE("'10.0.0.0/24','fd00:1::/112'"), NULL,
         "{'spec':{'cidrs':['10.0.0.0/24']}}",
         "spec.cidrs: Invalid value: [\"10.0.0.0/24\"]: field is immutable", false},
        {&service_resource, balancer, NULL,
         "{'status':{'loadBalancer':{'ingress':[{'ip':'2001:db8::7'},{'hostname':'e.com'}]}}}", NULL, true},
        {&service_resource, balancer, NULL, "{'status':{'loadBalancer':{'ingress':[{'ip':'2001:db8::x'}]}}}",
         "status.loadBalancer.ingress[0].ip: Invalid value: \"2001:db8::x\": must be a valid IP address",
         true},
        {&service_resource, balancer, NULL,
         "{'status':{'loadBalancer':{'ingress':[{'hostname':'2001:db8::7'}]}}}",
         "status.loadBalancer.ingress[0].hostname: Invalid value: \"2001:db8::7\": must be a DNS name, not "
         "an IP "
         "address",
         true},
        {&service_resource, balancer, NULL,
         "{'status':{'loadBalancer':{'ingress':[{'ip':'10.0.0.1','ipMode':'x'}]}}}",
         "status.loadBalancer.ingress[0].ipMode: Unsupported value: \"x\": supported values: \"Proxy\", "
         "\"VIP\"",
         true},
        {&service_resource, SERVICE("'type':'ClusterIP'"), NULL,
         "{'status':{'loadBalancer':{'ingress':[{'ip':'2001:db8::7'}]}}}",
         "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'", true},
        {&ingress_resource,
         "{'metadata':{'name':'i'},'spec':{'defaultBackend':{'resource':{'kind':'k','name':'n'}}}}", NULL,
         "{'status':{'loadBalancer':{'ingress':[{'ip':'2001:db8::x'}]}}}",
         "status.loadBalancer.ingress[0].ip: Invalid value: \"2001:db8::x\": must be a valid IP address",
         true},
        {&pod_resource, POD("p"), NULL,
         "{'status':{'podIP':'10.0.0.7','podIPs':[{'ip':'10.0.0.7'},{'ip':'fd00::7'}],'hostIP':'192.0.2.1','"
         "hostIPs'"
         ":[{'ip':'192.0.2.1'},{'ip':'2001:db8::1'}]}}",
         NULL, true},
        {&pod_resource, POD("p"), NULL, "{'status':{'podIPs':[{'ip':'10.0.0.7'},{'ip':'10.0.0.8'}]}}",
         "status.podIPs: Invalid value: [{\"IP\":\"10.0.0.7\"},{\"IP\":\"10.0.0.8\"}]: may specify no more "
         "than one "
         "IP for each IP family",
         true},
        {&pod_resource, POD("p"), NULL, "{'status':{'podIPs':[{'ip':'fd00::x'}]}}",
         "status.podIPs[0]: Invalid value: \"fd00::x\": must be a valid IP address", true},
        {&pod_resource, POD("p"), NULL, "{'status':{'hostIP':'192.0.2.1','hostIPs':[{'ip':'192.0.2.2'}]}}",
         "status.hostIPs[0].ip: Invalid value: \"192.0.2.2\": must be equal to `hostIP`", true},
    };
    JUDGE_CHANGES(w, verdicts);
}

static void assert_warns(const struct api_request *r, int code, const char *warning)
{
    assert_code(r, code);
    for (size_t i = 0; i < r->warnings.n; i++)
        if (str_is(r->warnings.at[i], warning))
            return;
    fail_msg("%zu warnings, the first \"" STR_FMT "\", none \"%s\"", r->warnings.n,
             STR_ARG(r->warnings.n ? r->warnings.at[0] : STR("")), warning);
}

static void unusual_forms_are_warned_of(void **state)
{
    struct world *w = *state;
    assert_warns(
        create(w, &pod_resource, "default", DNS("2001:DB8::53")), 201,
        "spec.dnsConfig.nameservers[0]: IPv6 address \"2001:DB8::53\" should be in RFC 5952 canonical format "
        "(\"2001:db8::53\")");
    assert_warns(
        create(w, &network_policy_resource, "default", POLICY("'cidr':'fd00:0:0::/48'")), 201,
        "spec.ingress[0].from[0].ipBlock.cidr: IPv6 CIDR value \"fd00:0:0::/48\" should be in RFC 5952 "
        "canonical format (\"fd00::/48\")");
    struct api_request *r =
        create(w, &service_resource, "default", SERVICE("'externalIPs':['2001:db8:0::7']"));
    assert_warns(r, 201,
                 "spec.externalIPs[0]: IPv6 address \"2001:db8:0::7\" should be in RFC 5952 canonical format "
                 "(\"2001:db8::7\")");
    assert_warns(r, 201, "spec.externalIPs is deprecated");
    assert_warns(
        patch(w, &service_resource, "default", "s", API_PATCH_MERGE,
              "{'spec':{'type':'LoadBalancer','loadBalancerIP':'192.0.2.07'}}"),
        200,
        "spec.loadBalancerIP: non-standard IP address \"192.0.2.07\" will be considered invalid in a "
        "future Kubernetes release: use \"192.0.2.7\"");
}

static void what_was_there_may_stay(void **state)
{
    struct world *w = *state;
    plant(w, &network_policy_resource,
          "{'metadata':{'name':'p','namespace':'default','uid':'u'},'spec':{'podSelector':{},'ingress':[{'"
          "from':[{"
          "'ipBlock':{'cidr':'010.1.2.3/08'}}]}]}}");
    assert_warns(
        patch(w, &network_policy_resource, "default", "p", API_PATCH_MERGE,
              "{'metadata':{'labels':{'a':'b'}}}"),
        200,
        "spec.ingress[0].from[0].ipBlock.cidr: non-standard CIDR value \"010.1.2.3/08\" will be considered "
        "invalid in a future Kubernetes release: use \"10.0.0.0/8\"");
    assert_warns(
        patch(w, &network_policy_resource, "default", "p", API_PATCH_MERGE,
              "{'metadata':{'labels':{'a':'c'}}}"),
        200,
        "spec.ingress[0].from[0].ipBlock.cidr: CIDR value \"010.1.2.3/08\" is ambiguous in this context "
        "(should be \"10.0.0.0/8\" or \"10.1.2.3/32\"?)");
    struct api_request *r = patch(w, &network_policy_resource, "default", "p", API_PATCH_MERGE,
                                  "{'spec':{'ingress':[{'from':[{'ipBlock':{'cidr':'010.1.2.4/08'}}]}]}}");
    assert_code(r, 422);
}

/* From before there were families; after a start each service has them. */
static void old_services_are_completed(void **state)
{
    struct world *w = *state;
    plant(
        w, &service_resource,
        "{'metadata':{'name':'six','namespace':'default','uid':'u1'},'spec':{'type':'ClusterIP','clusterIP':"
        "'fd00:96::7','sessionAffinity':'None','ports':[{'port':80,'protocol':'TCP','targetPort':80}]}}");
    plant(
        w, &service_resource,
        "{'metadata':{'name':'bare','namespace':'default','uid':'u2'},'spec':{'type':'ClusterIP','clusterIP':"
        "'None','sessionAffinity':'None'}}");
    plant(w, &service_resource,
          "{'metadata':{'name':'headless','namespace':'default','uid':'u3'},'spec':{'type':'ClusterIP','"
          "clusterIP':"
          "'None','sessionAffinity':'None','selector':{'a':'b'}}}");
    world_restart_cidrs(w, "10.96.0.0/12", "fd00:96::/112");
    struct api_request *r = get(w, &service_resource, "default", "six");
    assert_field(w, r, "spec.ipFamilies", "[\"IPv6\"]");
    assert_field(w, r, "spec.ipFamilyPolicy", "SingleStack");
    assert_field(w, r, "spec.clusterIPs", "[\"fd00:96::7\"]");
    r = get(w, &service_resource, "default", "bare");
    assert_field(w, r, "spec.ipFamilies", "[\"IPv4\",\"IPv6\"]");
    assert_field(w, r, "spec.ipFamilyPolicy", "RequireDualStack");
    r = get(w, &service_resource, "default", "headless");
    assert_field(w, r, "spec.ipFamilies", "[\"IPv4\"]");
    assert_field(w, r, "spec.ipFamilyPolicy", "SingleStack");
    assert_code(
        create(w, &service_resource, "default",
               "{'metadata':{'name':'other'},'spec':{'clusterIP':'fd00:96::7','ports':[{'port':80}]}}"),
        422); /* its address is known to be taken */
    /* The range that the cluster began with has got its second. */
    assert_field(w, get(w, &service_cidr_resource, "", "kubernetes"), "spec.cidrs",
                 "[\"10.96.0.0/12\",\"fd00:96::/112\"]");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(each_field_takes_both_families), TEST(changes_keep_to_the_families),
        TEST(unusual_forms_are_warned_of),    TEST(what_was_there_may_stay),
        TEST(old_services_are_completed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
