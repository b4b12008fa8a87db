/* Ingresses, their classes, and network policies: what is refused, what is defaulted and warned of. */
#include "kinds/networking_v1.h"
#include "verdict.h"

#define SERVICE      "'backend':{'service':{'name':'s','port':{'number':80}}}"
#define ING(more)    "{'metadata':{'name':'i'},'spec':{" more "}}"
#define PATHS(path)  ING("'rules':[{'http':{'paths':[{" path "}]}}]")
#define BACKEND(b)   ING("'defaultBackend':{" b "}")
#define CLASS(more)  "{'metadata':{'name':'c'},'spec':{'controller':'example.com/c'" more "}}"
#define POLICY(more) "{'metadata':{'name':'p'},'spec':{'podSelector':{}" more "}}"
#define FROM(peer)   POLICY(",'ingress':[{'from':[{" peer "}]}]")
#define BLOCK(more)  FROM("'ipBlock':{" more "}")
#define PORT(more)   POLICY(",'egress':[{'ports':[{" more "}]}]")

static const struct verdict verdicts[] = {
    {&ingress_resource, PATHS("'pathType':'Prefix','path':'/a'," SERVICE), NULL},
    {&ingress_resource, PATHS("'pathType':'ImplementationSpecific'," SERVICE), NULL},
    {&ingress_resource, ING(""),
     "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"},
    {&ingress_resource, ING("'rules':[{'http':{'paths':[]}}]"), "spec.rules[0].http.paths: Required value"},
    {&ingress_resource, PATHS("'path':'/a'," SERVICE),
     "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"},
    {&ingress_resource, PATHS("'pathType':'Regex','path':'/a'," SERVICE),
     "pathType: Unsupported value: \"Regex\": supported values: \"Exact\", \"ImplementationSpecific\", "
     "\"Prefix\""},
    {&ingress_resource, PATHS("'pathType':'Exact','path':'a'," SERVICE),
     "paths[0].path: Invalid value: \"a\": must be an absolute path"},
    {&ingress_resource, PATHS("'pathType':'Prefix','path':'/a//b/%2f/..'," SERVICE),
     "must not contain '//'|must not contain '%2f'|cannot end with '/..'"},
    {&ingress_resource, BACKEND(""),
     "spec.defaultBackend: Invalid value: \"\": resource or service backend is required"},
    {&ingress_resource, BACKEND("'service':{'name':'s'},'resource':{'kind':'a','name':'b'}"),
     "spec.defaultBackend: Invalid value: \"\": cannot set both resource and service backends"},
    {&ingress_resource, BACKEND("'service':{'name':'s'}"),
     "spec.defaultBackend: Required value: port name or number is required"},
    {&ingress_resource, BACKEND("'service':{'name':'9s','port':{'name':'x','number':1}}"),
     "spec.defaultBackend.service.name: Invalid value: \"9s\"|spec.defaultBackend: Invalid value: \"\": "
     "cannot set both "
     "port name & port number"},
    {&ingress_resource, BACKEND("'service':{'name':'s','port':{'number':70000}}"),
     "spec.defaultBackend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive"},
    {&ingress_resource, BACKEND("'resource':{'apiGroup':'A','kind':'','name':'b/c'}"),
     "resource.apiGroup: Invalid value: \"A\"|resource.kind: Required value: kind is required|resource.name: "
     "Invalid "
     "value: \"b/c\": may not contain '/'"},
    {&ingress_resource, ING("'rules':[{'host':'10.0.0.1'},{'host':'*.*.a'},{'host':'B'}]"),
     "spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP "
     "address|spec.rules[1].host: "
     "Invalid value: \"*.*.a\"|spec.rules[2].host: Invalid value: \"B\""},
    {&ingress_resource,
     ING("'rules':[{'host':'a'}],'tls':[{'hosts':['B'],'secretName':'C'}],'ingressClassName':'D'"),
     "spec.tls[0].hosts[0]: Invalid value: \"B\"|spec.tls[0].secretName: Invalid value: "
     "\"C\"|spec.ingressClassName: "
     "Invalid value: \"D\""},
    {&ingress_resource, ING("'rules':[{'host':'a'}],'tls':[{'hosts':['10.0.0.1']}]"), NULL},
    {&ingress_resource,
     "{'metadata':{'name':'i','annotations':{'kubernetes.io/"
     "ingress.class':'x'}},'spec':{'ingressClassName':'y','rules'"
     ":[{'host':'a'}]}}",
     "annotations.kubernetes.io/ingress.class: Invalid value: \"x\": must match `ingressClassName` when both "
     "are "
     "specified"},
    {&ingress_class_resource, CLASS(",'parameters':{'kind':'K','name':'n'}"), NULL},
    {&ingress_class_resource, "{'metadata':{'name':'c'},'spec':{}}", "spec.controller: Required value"},
    {&ingress_class_resource, "{'metadata':{'name':'c'},'spec':{'controller':'nginx'}}",
     "spec.controller: Invalid value: \"nginx\": must be a domain-prefixed path (such as \"acme.io/foo\")"},
    {&ingress_class_resource, CLASS(",'parameters':{'kind':'K','name':'n','scope':'Namespace'}"),
     "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"},
    {&ingress_class_resource, CLASS(",'parameters':{'kind':'K','name':'n','namespace':'x'}"),
     "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"},
    {&ingress_class_resource, CLASS(",'parameters':{'kind':'K','name':'n','scope':'World'}"),
     "spec.parameters.scope: Unsupported value: \"World\": supported values: \"Cluster\", \"Namespace\""},
    {&network_policy_resource, BLOCK("'cidr':'10.0.0.0/8','except':['10.1.0.0/16']"), NULL},
    {&network_policy_resource, BLOCK("'cidr':'10.0.0.0/16','except':['10.0.0.0/16','11.0.0.0/24']"),
     "ipBlock.except[0]: Invalid value: \"10.0.0.0/16\": must be a strict subset of "
     "`cidr`|ipBlock.except[1]: Invalid "
     "value: \"11.0.0.0/24\": must be a strict subset of `cidr`"},
    {&network_policy_resource, BLOCK("'cidr':'10.0.0.1/8'"),
     "must not have bits set beyond the prefix length"},
    {&network_policy_resource, BLOCK("'cidr':'net'"),
     "ipBlock.cidr: Invalid value: \"net\": must be a valid CIDR value"},
    {&network_policy_resource, BLOCK(""), "spec.ingress[0].from[0].ipBlock.cidr: Required value"},
    {&network_policy_resource, FROM(""), "spec.ingress[0].from[0]: Required value: must specify a peer"},
    {&network_policy_resource, FROM("'podSelector':{},'ipBlock':{'cidr':'10.0.0.0/8'}"),
     "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"},
    {&network_policy_resource, PORT("'port':80,'endPort':90"), NULL},
    {&network_policy_resource, PORT("'port':80,'endPort':70,'protocol':'ICMP'"),
     "endPort: Invalid value: 80: must be greater than or equal to `port`|protocol: Unsupported value: "
     "\"ICMP\": "
     "supported values: \"TCP\", \"UDP\", \"SCTP\""},
    {&network_policy_resource, PORT("'port':'http','endPort':70"),
     "endPort: Invalid value: 70: may not be specified when `port` is non-numeric"},
    {&network_policy_resource, PORT("'endPort':70"),
     "spec.egress[0].ports[0].port: Required value: must be specified when `endPort` is specified"},
    {&network_policy_resource, POLICY(",'policyTypes':['Sideways']"),
     "spec.policyTypes[0]: Unsupported value: \"Sideways\": supported values: \"Egress\", \"Ingress\""},
    {&network_policy_resource, POLICY(",'policyTypes':['Ingress','Egress','Ingress']"),
     "spec.policyTypes: Invalid value: [\"Ingress\",\"Egress\",\"Ingress\"]: may not specify more than two "
     "policyTypes"},
};

static const struct change_verdict changes[] = {
    {&ingress_class_resource, CLASS(""), NULL, "{'spec':{'controller':'example.com/d'}}",
     "spec.controller: Invalid value: \"example.com/d\": field is immutable", false},
    {&ingress_resource, BACKEND("'service':{'name':'s','port':{'number':1}}"), NULL,
     "{'status':{'loadBalancer':{'ingress':[{'ip':'x','hostname':'1.2.3.4'},{'hostname':'A'}]}}}",
     "status.loadBalancer.ingress[0].ip: Invalid value: \"x\": must be a valid IP "
     "address|ingress[0].hostname: Invalid "
     "value: \"1.2.3.4\": must be a DNS name, not an IP address|ingress[1].hostname: Invalid value: \"A\"",
     true},
};

static void what_is_refused(void **state)
{
    JUDGE(*state, verdicts);
    JUDGE_CHANGES(*state, changes);
}

static void old_annotations_are_warned_of(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &ingress_resource, "default",
                                   "{'metadata':{'name':'i','annotations':{'kubernetes.io/"
                                   "ingress.class':'x'}},'spec':{'rules':[{'host':'a'}"
                                   "]}}");
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0], "annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
                                  "'spec.ingressClassName' instead");
    assert_field(w, r, "metadata.generation", "1");
}

static void policies_name_their_types(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &network_policy_resource, "default", POLICY(",'egress':[{}]"));
    assert_code(r, 201);
    assert_field(w, r, "spec.policyTypes.0", "Ingress");
    assert_field(w, r, "spec.policyTypes.1", "Egress");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_refused, world_open, world_close),
        cmocka_unit_test_setup_teardown(old_annotations_are_warned_of, world_open, world_close),
        cmocka_unit_test_setup_teardown(policies_name_their_types, world_open, world_close),
    };
    return cmocka_run_group_tests_name("api/networking", tests, NULL, NULL);
}
