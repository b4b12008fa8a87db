/* Admission policies: what they refuse, warn of, note and alter; how they are chosen; what is wrong with
 * them. In their expressions \' stands for a quote. */
#include "kinds/admissionregistration_v1.h"
#include "kinds/resource_v1.h"
#include "world.h"

#define ON(group, version, resources)                                                                        \
    "'matchConstraints':{'resourceRules':[{'apiGroups':['" group "'],'apiVersions':['" version               \
    "'],'operations':['CREATE','UPDATE'],'resources':['" resources "']}]}"
#define ON_PODS         ON("", "v1", "pods")
#define ON_MAPS         ON("", "v1", "configmaps")
#define MAP(name, data) "{'metadata':{'name':'" name "'},'data':{" data "}}"

static void policy(struct world *w, const char *name, const char *spec)
{
    assert_code(create(w, &validating_admission_policy_resource, "",
                       arena_c(ask(w, API_GET, &pod_resource, "", "")->arena,
                               arena_printf(ask(w, API_GET, &pod_resource, "", "")->arena,
                                            "{'metadata':{'name':'%s'},'spec':{%s}}", name, spec))),
                201);
}

static void binding(struct world *w, const char *name, const char *spec)
{
    struct arena *a = ask(w, API_GET, &pod_resource, "", "")->arena;
    assert_code(create(w, &validating_admission_policy_binding_resource, "",
                       arena_c(a, arena_printf(a, "{'metadata':{'name':'%s'},'spec':{'policyName':'%s',%s}}",
                                               name, name, spec))),
                201);
}

static void mutation(struct world *w, const char *name, const char *spec, const char *bound)
{
    struct arena *a = ask(w, API_GET, &pod_resource, "", "")->arena;
    assert_code(create(w, &mutating_admission_policy_resource, "",
                       arena_c(a, arena_printf(a, "{'metadata':{'name':'%s'},'spec':{%s}}", name, spec))),
                201);
    assert_code(create(w, &mutating_admission_policy_binding_resource, "",
                       arena_c(a, arena_printf(a, "{'metadata':{'name':'%s'},'spec':{'policyName':'%s'%s}}",
                                               name, name, bound))),
                201);
}

static const char *annotation(const struct api_request *r, const char *key)
{
    for (size_t i = 0; i < r->audit_annotations.n; i++)
        if (str_is(r->audit_annotations.at[i].key, key))
            return arena_c(r->arena, r->audit_annotations.at[i].value);
    return "";
}

#define DENY "'validationActions':['Deny']"

static void a_violation_is_refused(void **state)
{
    struct world *w = *state;
    policy(w, "p",
           ON_MAPS ",'validations':[{'expression':'object.data.size() < 2'},"
                   "{'expression':'!has(object.data.bad)','message':'no bad data','reason':'Forbidden'}]");
    assert_code(create(w, &config_map_resource, "default", MAP("free", "'a':'1','b':'2'")),
                201); /* not bound yet */
    binding(w, "p", DENY);
    assert_code(create(w, &config_map_resource, "default", MAP("x", "'a':'1'")), 201);
    struct api_request *r = create(w, &config_map_resource, "default", MAP("y", "'a':'1','b':'2'"));
    assert_fails(r, 422,
                 "configmaps \"y\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied "
                 "request: failed "
                 "expression: object.data.size() < 2");
    assert_int_equal(r->err.reason, ERR_INVALID);
    assert_int_equal(r->err.details.n_causes, 1);
    assert_fails(create(w, &config_map_resource, "default", MAP("y", "'bad':'1'")), 403,
                 "configmaps \"y\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied "
                 "request: no bad "
                 "data");
    assert_fails(update(w, &config_map_resource, "default", "x", MAP("x", "'bad':'1'")), 403,
                 "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied "
                 "request: no bad "
                 "data");
    assert_code(del(w, &config_map_resource, "default", "x", ""), 200); /* deletes are not named */
}

static void variables_requests_and_namespaces_are_known(void **state)
{
    struct world *w = *state;
    policy(
        w, "p",
        ON_PODS
        ",'variables':[{'name':'images','expression':'object.spec.containers.map(c, c.image)'},"
        "{'name':'n','expression':'variables.images.size()'}],"
        "'validations':[{'expression':'variables.n < 2 && request.operation == \\'CREATE\\' && "
        "request.userInfo.username != \\'nobody\\' && namespaceObject.metadata.name == request.namespace && "
        "oldObject == null','messageExpression':'\\'images: \\' + variables.images.join(\\',\\')'}]");
    binding(w, "p", DENY);
    assert_code(create(w, &pod_resource, "default", POD("one")), 201);
    assert_fails(
        create(w, &pod_resource, "default",
               "{'metadata':{'name':'two'},'spec':{'containers':[{'name':'a','image':'x'},{'name':'b','image'"
               ":'y'}]}}"),
        422,
        "pods \"two\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: images: "
        "x,y");
}

static void warnings_and_notes(void **state)
{
    struct world *w = *state;
    policy(w, "p",
           ON_MAPS ",'validations':[{'expression':'false','message':'tut'}],"
                   "'auditAnnotations':[{'key':'name','valueExpression':'string(object.metadata.name)'},"
                   "{'key':'none','valueExpression':'null'}]");
    binding(w, "p", "'validationActions':['Warn','Audit']");
    struct api_request *r = create(w, &config_map_resource, "default", MAP("x", ""));
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0],
               "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p': tut");
    assert_string_equal(annotation(r, "p/name"), "x");
    assert_string_equal(annotation(r, "p/none"), "");
    assert_string_equal(annotation(r, "validation.policy.admission.k8s.io/validation_failure"),
                        "[{\"message\":\"tut\",\"policy\":\"p\",\"binding\":\"p\",\"expressionIndex\":0,"
                        "\"validationActions\":[\"Warn\",\"Audit\"]}]");
}

static void what_fails_counts_by_the_failure_policy(void **state)
{
    struct world *w = *state;
    policy(w, "strict", ON_MAPS ",'validations':[{'expression':'object.data.missing == \\'x\\''}]");
    binding(w, "strict", DENY ",'matchResources':{'objectSelector':{'matchLabels':{'strict':'yes'}}}");
    policy(w, "lax",
           ON_MAPS
           ",'failurePolicy':'Ignore','validations':[{'expression':'object.data.missing == \\'x\\''}]");
    binding(w, "lax", DENY);
    assert_code(create(w, &config_map_resource, "default", MAP("x", "'a':'1'")), 201);
    assert_fails(
        create(w, &config_map_resource, "default",
               "{'metadata':{'name':'y','labels':{'strict':'yes'}},'data':{'a':'1'}}"),
        422,
        "configmaps \"y\" is forbidden: ValidatingAdmissionPolicy 'strict' with binding 'strict' denied "
        "request: expression 'object.data.missing == \"x\"' resulted in error: no such key: missing");
}

static void conditions_choose(void **state)
{
    struct world *w = *state;
    policy(w, "p",
           ON_MAPS
           ",'matchConditions':[{'name':'a','expression':'object.metadata.name.startsWith(\\'a\\')'},"
           "{'name':'b','expression':'object.data.key == \\'v\\''}],'validations':[{'expression':'false'}]");
    binding(w, "p", DENY);
    assert_code(create(w, &config_map_resource, "default", MAP("b", "'key':'v'")), 201);
    assert_code(create(w, &config_map_resource, "default", MAP("c", "")),
                201); /* false wins over the error */
    assert_code(create(w, &config_map_resource, "default", MAP("ab", "'key':'w'")), 201);
    assert_code(create(w, &config_map_resource, "default", MAP("aa", "'key':'v'")), 422);
    assert_fails(
        create(w, &config_map_resource, "default", MAP("ac", "'x':'y'")), 422,
        "configmaps \"ac\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: "
        "expression 'object.data.key == \"v\"' resulted in error: no such key: key");
}

static void parameters_come_from_objects(void **state)
{
    struct world *w = *state;
    policy(w, "p",
           ON_PODS ",'paramKind':{'apiVersion':'v1','kind':'ConfigMap'},'validations':[{'expression':"
                   "'object.spec.containers.size() <= int(params.data.max)','messageExpression':"
                   "'\\'at most \\' + params.data.max + \\' by \\' + params.kind'}]");
    binding(w, "p", DENY ",'paramRef':{'name':'limits','parameterNotFoundAction':'Deny'}");
    assert_fails(
        create(w, &pod_resource, "default", POD("x")), 422,
        "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: failed to "
        "configure binding: no params found for policy binding with `Deny` parameterNotFoundAction");
    assert_code(create(w, &config_map_resource, "default", MAP("limits", "'max':'0'")), 201);
    assert_fails(create(w, &pod_resource, "default", POD("x")), 422,
                 "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: at "
                 "most 0 by "
                 "ConfigMap");
    assert_code(update(w, &config_map_resource, "default", "limits", MAP("limits", "'max':'1'")), 200);
    assert_code(create(w, &pod_resource, "default", POD("x")), 201);
}

static void selected_parameters_all_count(void **state)
{
    struct world *w = *state;
    policy(w, "p",
           ON_PODS ",'paramKind':{'apiVersion':'v1','kind':'ConfigMap'},'validations':[{'expression':"
                   "'object.metadata.name != params.data.name'}]");
    binding(w, "p",
            DENY ",'paramRef':{'selector':{'matchLabels':{'l':'v'}},'parameterNotFoundAction':'Allow'}");
    assert_code(create(w, &pod_resource, "default", POD("one")), 201);
    assert_code(del(w, &pod_resource, "default", "one", "{'gracePeriodSeconds':0}"), 200);
    for (const char *const *name = (const char *const[]){"one", "two", NULL}; *name; name++) {
        struct arena *a = ask(w, API_GET, &pod_resource, "", "")->arena;
        assert_code(
            create(w, &config_map_resource, "default",
                   arena_c(a, arena_printf(
                                  a, "{'metadata':{'name':'%s','labels':{'l':'v'}},'data':{'name':'%s'}}",
                                  *name, *name))),
            201);
    }
    assert_code(create(w, &pod_resource, "default", POD("one")), 422);
    assert_code(create(w, &pod_resource, "default", POD("two")), 422);
    assert_code(create(w, &pod_resource, "default", POD("three")), 201);
}

static void budgets_hold(void **state)
{
    struct world *w = *state;
    policy(w, "p",
           ON_MAPS ",'validations':[{'expression':'lists.range(2000).all(x, lists.range(2000).all(y, x < "
                   "3000))'}]");
    binding(w, "p", DENY);
    assert_fails(
        create(w, &config_map_resource, "default", MAP("x", "")), 422,
        "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: "
        "expression 'lists.range(2000).all(x, lists.range(2000).all(y, x < 3000))' resulted in error: "
        "operation cancelled: actual cost limit exceeded");
}

static void a_changed_policy_counts_at_once(void **state)
{
    struct world *w = *state;
    policy(w, "p", ON_MAPS ",'validations':[{'expression':'false'}]");
    binding(w, "p", DENY);
    assert_code(create(w, &config_map_resource, "default", MAP("x", "")), 422);
    assert_code(patch(w, &validating_admission_policy_resource, "", "p", API_PATCH_MERGE,
                      "{'spec':{'validations':[{'expression':'true'}]}}"),
                200);
    assert_code(create(w, &config_map_resource, "default", MAP("x", "")), 201);
}

static void bad_policies_are_refused(void **state)
{
    struct world *w = *state;
    assert_fails(
        create(w, &validating_admission_policy_resource, "",
               "{'metadata':{'name':'p'},'spec':{" ON_PODS ",'validations':[{'expression':'object.x +'}]}}"),
        422,
        "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: "
        "spec.validations[0].expression: Invalid value: \"object.x +\": compilation failed: ERROR: "
        "<input>:1:11: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', "
        "'true', "
        "'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | object.x +\n | "
        "..........^");
    assert_fails(create(w, &validating_admission_policy_resource, "",
                        "{'metadata':{'name':'p'},'spec':{" ON_PODS ",'validations':[{'expression':'1'}]}}"),
                 422,
                 "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: "
                 "spec.validations[0].expression: Invalid value: \"1\": must evaluate to bool");
    assert_fails(create(w, &validating_admission_policy_resource, "",
                        "{'metadata':{'name':'p'},'spec':{" ON_PODS
                        ",'variables':[{'name':'for','expression':'1'}],"
                        "'validations':[{'expression':'params.x'}]}}"),
                 422,
                 "ValidatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: "
                 "[spec.variables[0].name: Invalid value: \"for\": name is not a valid CEL identifier, "
                 "spec.validations[0].expression: Invalid value: \"params.x\": compilation failed: ERROR: "
                 "<input>:1:1: "
                 "undeclared reference to 'params' (in container '')\n | params.x\n | ^]");
    assert_fails(
        create(w, &validating_admission_policy_binding_resource, "",
               "{'metadata':{'name':'b'},'spec':{'policyName':'p','validationActions':['Deny','Warn'],"
               "'paramRef':{'name':'x'}}}"),
        422,
        "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io \"b\" is invalid: "
        "[spec.paramRef.parameterNotFoundAction: Required value, spec.validationActions: Invalid value: "
        "[\"Deny\",\"Warn\"]: must not contain both Deny and Warn (repeating the same validation failure "
        "information in the API response and headers serves no purpose)]");
}

/* --- mutating --- */

#define APPLY(expression)                                                                                    \
    "'mutations':[{'patchType':'ApplyConfiguration','applyConfiguration':{'expression':'" expression "'}}]"
#define PATCH(expression)                                                                                    \
    "'mutations':[{'patchType':'JSONPatch','jsonPatch':{'expression':'" expression "'}}]"

static void configurations_are_merged(void **state)
{
    struct world *w = *state;
    mutation(
        w, "m",
        ON_PODS ",'reinvocationPolicy':'Never'," APPLY(
            "Object{metadata: Object.metadata{labels: {\\'team\\': request.namespace}}, spec: Object.spec{"
            "containers: [Object.spec.containers{name: \\'side\\', image: \\'proxy:1\\'}, "
            "Object.spec.containers{name: \\'c\\', workingDir: \\'/tmp\\'}]}}"),
        "");
    struct api_request *r = create(w, &pod_resource, "default", POD("x"));
    assert_code(r, 201);
    assert_field(w, r, "metadata.labels.team", "default");
    /* In the configuration's order, as server-side apply has it. */
    assert_field(w, r, "spec.containers.0.image", "proxy:1");
    assert_field(w, r, "spec.containers.0.imagePullPolicy", "IfNotPresent"); /* defaulted */
    assert_field(w, r, "spec.containers.1.image", "busybox");
    assert_field(w, r, "spec.containers.1.workingDir", "/tmp");
}

static void patches_are_applied_in_order(void **state)
{
    struct world *w = *state;
    mutation(w, "a",
             ON_MAPS ",'reinvocationPolicy':'Never'," PATCH(
                 "[JSONPatch{op: \\'test\\', path: \\'/data/a\\', value: \\'1\\'}, "
                 "JSONPatch{op: \\'add\\', path: \\'/data/b\\', value: object.data.a + \\'2\\'}]"),
             "");
    mutation(
        w, "b",
        ON_MAPS
        ",'reinvocationPolicy':'Never','matchConditions':[{'name':'c','expression':'has(object.data.b)'}]"
        "," PATCH(
            "[JSONPatch{op: \\'add\\', path: \\'/metadata/labels\\', value: {\\'b\\': object.data.b}}, "
            "JSONPatch{op: \\'add\\', path: \\'/data/\\' + jsonpatch.escapeKey(\\'x/y\\'), value: \\'z\\'}]"),
        "");
    struct api_request *r = create(w, &config_map_resource, "default", MAP("x", "'a':'1'"));
    assert_code(r, 422); /* x/y is no key of a config map: validation comes later */
    assert_true(str_find(r->err.message, STR("data[x/y]")) >= 0);
    r = create(w, &config_map_resource, "default", MAP("y", "'a':'5'"));
    assert_code(r, 201); /* the test failed: nothing was done */
    assert_field(w, r, "data.b", "");
}

static void bad_mutations_are_refused(void **state)
{
    struct world *w = *state;
    mutation(w, "m",
             ON_PODS ",'reinvocationPolicy':'Never','matchConditions':[{'name':'c','expression':"
                     "'object.metadata.name == \\'atomic\\''}]," APPLY(
                         "Object{spec: Object.spec{tolerations: [Object.spec.tolerations{key: \\'k\\'}]}}"),
             "");
    assert_fails(create(w, &pod_resource, "default", POD("atomic")), 403,
                 "policy 'm' with binding 'm' denied request: error applying patch: invalid "
                 "ApplyConfiguration: may not "
                 "mutate atomic arrays, maps or structs: .spec.tolerations");
    mutation(w, "n",
             ON_PODS ",'reinvocationPolicy':'Never','matchConditions':[{'name':'c','expression':"
                     "'object.metadata.name == \\'wrong\\''}]," APPLY(
                         "Object{spec: Object.specx{hostNetwork: true}}"),
             "");
    assert_fails(
        create(w, &pod_resource, "default", POD("wrong")), 403,
        "policy 'n' with binding 'n' denied request: type mismatch: unexpected type name \"Object.specx\", "
        "expected \"Object.spec\", which matches field name path from root Object type");
    assert_fails(
        create(w, &mutating_admission_policy_resource, "",
               "{'metadata':{'name':'p'},'spec':{" ON_PODS ",'reinvocationPolicy':'Never'," APPLY("1") "}}"),
        422,
        "MutatingAdmissionPolicy.admissionregistration.k8s.io \"p\" is invalid: "
        "spec.mutations[0].applyConfiguration.expression: Invalid value: \"1\": must evaluate to Object");
}

static void reinvoked_once_where_wanted(void **state)
{
    struct world *w = *state;
    /* The first counts the keys it sees; the second adds one. */
#define COUNTS(policy)                                                                                       \
    ON_MAPS ",'reinvocationPolicy':'" policy                                                                 \
            "'," APPLY("Object{metadata: Object.metadata{labels: {\\'n\\': string(object.data.size())}}}")
    mutation(w, "a", COUNTS("IfNeeded"), "");
    mutation(w, "b", ON_MAPS ",'reinvocationPolicy':'Never'," APPLY("Object{data: {\\'more\\': \\'1\\'}}"),
             "");
    struct api_request *r = create(w, &config_map_resource, "default", MAP("x", "'a':'1'"));
    assert_code(r, 201);
    assert_field(w, r, "metadata.labels.n", "2");
}

/* --- devices --- */

#define CLASS(expression)                                                                                    \
    "{'metadata':{'name':'c'},'spec':{'selectors':[{'cel':{'expression':'" expression "'}}]}}"

static void conditions_on_devices_compile(void **state)
{
    struct world *w = *state;
    assert_code(
        create(w, &device_class_resource, "",
               CLASS("device.driver == \\'gpu.example.com\\' && "
                     "device.attributes[\\'gpu.example.com\\'].model == \\'a\\' && "
                     "device.capacity[\\'gpu.example.com\\'].memory.isGreaterThan(quantity(\\'1Gi\\'))")),
        201);
    assert_fails(
        create(w, &device_class_resource, "", CLASS("device.driver")), 422,
        "DeviceClass.resource.k8s.io \"c\" is invalid: spec.selectors[0].cel.expression: Invalid value: "
        "\"device.driver\": must evaluate to bool or the unknown type, not string");
    assert_fails(
        create(w, &device_class_resource, "", CLASS("device.nope")), 422,
        "DeviceClass.resource.k8s.io \"c\" is invalid: spec.selectors[0].cel.expression: Invalid value: "
        "\"device.nope\": compilation failed: ERROR: <input>:1:7: undefined field 'nope'\n | device.nope\n | "
        "......^");
    struct api_request *r = create(w, &resource_resource_claim_resource, "default",
                                   "{'metadata':{'name':'c'},'spec':{'devices':{'requests':[{'name':'r','"
                                   "exactly':{'count':1,'deviceClassName':'c',"
                                   "'selectors':[{'cel':{'expression':'device.attributes.all(a, "
                                   "device.attributes.all(b, device.attributes.all(c,"
                                   "device.attributes.all(d, a + b + c + d != device.driver))))'}}]}}]}}}");
    assert_fails(
        r, 422,
        "ResourceClaim.resource.k8s.io \"c\" is invalid: spec.devices.requests[0].exactly.selectors[0].cel."
        "expression: Forbidden: too complex, exceeds cost limit");
}

int main(void)
{
#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_violation_is_refused),
        IN_WORLD(variables_requests_and_namespaces_are_known),
        IN_WORLD(warnings_and_notes),
        IN_WORLD(what_fails_counts_by_the_failure_policy),
        IN_WORLD(conditions_choose),
        IN_WORLD(parameters_come_from_objects),
        IN_WORLD(selected_parameters_all_count),
        IN_WORLD(budgets_hold),
        IN_WORLD(a_changed_policy_counts_at_once),
        IN_WORLD(bad_policies_are_refused),
        IN_WORLD(configurations_are_merged),
        IN_WORLD(patches_are_applied_in_order),
        IN_WORLD(bad_mutations_are_refused),
        IN_WORLD(reinvoked_once_where_wanted),
        IN_WORLD(conditions_on_devices_compile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
