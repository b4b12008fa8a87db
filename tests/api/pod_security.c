/* Pod Security: every check of the standards, in upstream's words, and what a namespace's labels make of
 * them. */
#include <stdio.h>

#include "kinds/batch_v1.h"
#include "kinds/node_v1.h"
#include "world.h"

static struct api_request *namespace(struct world *w, const char *name, const char *labels)
{
    char json[1024];
    snprintf(json, sizeof json, "{'metadata':{'name':'%s','labels':{%s}}}", name, labels);
    struct api_request *r = create(w, &namespace_resource, NULL, json);
    if (r->code == 201)
        create(w, &service_account_resource, name,
               "{'metadata':{'name':'default'},'automountServiceAccountToken':false}");
    return r;
}

static struct api_request *pod(struct world *w, const char *ns, const char *metadata, const char *spec)
{
    char json[2048];
    snprintf(json, sizeof json, "{'metadata':{'name':'p'%s},'spec':{%s}}", metadata, spec);
    return create(w, &pod_resource, ns, json);
}

#define ENFORCE(level, version)                                                                              \
    "'pod-security.kubernetes.io/enforce':'" level                                                           \
    "','pod-security.kubernetes.io/enforce-version':'" version "'"
#define WITH(context) "'containers':[{'name':'c','image':'x','securityContext':{" context "}}]"
#define HARD                                                                                                 \
    "'allowPrivilegeEscalation':false,'runAsNonRoot':true,'seccompProfile':{'type':'RuntimeDefault'},"       \
    "'capabilities':{'drop':['ALL']}"

static const struct {
    const char *spec, *says;
} baseline[] = {
    {WITH("'privileged':true"), "privileged (container \"c\" must not set securityContext.privileged=true)"},
    {"'hostNetwork':true,'hostPID':true,'hostIPC':true,'containers':[{'name':'c','image':'x'}]",
     "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)"},
    {"'volumes':[{'name':'v','hostPath':{'path':'/'}}],'containers':[{'name':'c','image':'x'}]",
     "hostPath volumes (volume \"v\")"},
    {"'containers':[{'name':'a','image':'x','ports':[{'containerPort':1,'hostPort':9}]},{'name':'b','image':"
     "'x','ports':[{'containerPort':1,'hostPort':10}]}]",
     "hostPort (containers \"a\", \"b\" use hostPorts 10, 9)"},
    {WITH("'capabilities':{'add':['NET_RAW','CHOWN','BPF']}"),
     "non-default capabilities (container \"c\" must not include \"BPF\", \"NET_RAW\" in "
     "securityContext.capabilities.add)"},
    {WITH("'procMount':'Unmasked'"), NULL}, /* needs hostUsers: validation says so first */
    {WITH("'seccompProfile':{'type':'Unconfined'}") ",'securityContext':{'seccompProfile':{'type':'"
                                                    "Unconfined'}}",
     "seccompProfile (pod and container \"c\" must not set securityContext.seccompProfile.type to "
     "\"Unconfined\")"},
    {WITH("'appArmorProfile':{'type':'Unconfined'}"),
     /* the annotation that the field has replaced is made from it */
     "forbidden AppArmor profiles (container \"c\" and annotation must not set AppArmor profile type to "
     "\"Unconfined\", \"container.apparmor.security.beta.kubernetes.io/c=\\\"unconfined\\\"\")"},
    {WITH("'seLinuxOptions':{'type':'spc_t','user':'u','role':'r'}"),
     "seLinuxOptions (container \"c\" set forbidden securityContext.seLinuxOptions: type \"spc_t\"; user may "
     "not "
     "be set; role may not be set)"},
    {"'securityContext':{'sysctls':[{'name':'kernel.msgmax','value':'1'},{'name':'net.ipv4.tcp_rmem','value':"
     "'1'}]},'containers':[{'name':'c','image':'x'}]",
     "forbidden sysctls (kernel.msgmax)"},
    {"'containers':[{'name':'c','image':'x','livenessProbe':{'httpGet':{'port':1,'host':'h'}}}]",
     "probe or lifecycle host (container \"c\" uses probe or lifecycle host \"h\")"},
};

static void the_baseline_forbids_ways_out(void **state)
{
    struct world *w = *state;
    assert_code(namespace(w, "base", ENFORCE("baseline", "latest")), 201);
    for (size_t i = 0; i < ARRAY_LEN(baseline); i++) {
        struct api_request *r = pod(w, "base", "", baseline[i].spec);
        char message[1024];
        if (!baseline[i].says) {
            assert_true(r->code >= 400);
            continue;
        }
        snprintf(message, sizeof message,
                 "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": %s", baseline[i].says);
        assert_fails(r, 403, message);
    }
    assert_code(pod(w, "base", "", WITH("")), 201);
}

static void restricted_pods_must_be_hardened(void **state)
{
    struct world *w = *state;
    assert_code(namespace(w, "strict", ENFORCE("restricted", "v1.30")), 201);
    assert_fails(
        pod(w, "strict", "", WITH("")), 403,
        "pods \"p\" is forbidden: violates PodSecurity \"restricted:v1.30\": allowPrivilegeEscalation != "
        "false "
        "(container \"c\" must set securityContext.allowPrivilegeEscalation=false), unrestricted "
        "capabilities "
        "(container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod "
        "or "
        "container \"c\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container \"c\" "
        "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")");
    assert_fails(pod(w, "strict", "", WITH(HARD ",'runAsUser':0")), 403,
                 "pods \"p\" is forbidden: violates PodSecurity \"restricted:v1.30\": runAsUser=0 (container "
                 "\"c\" must not set runAsUser=0)");
    assert_fails(
        pod(w, "strict", "",
            WITH(HARD) ",'volumes':[{'name':'v','hostPath':{'path':'/'}},{'name':'n',"
                       "'nfs':{'server':'s','path':'/'}}]"),
        403,
        "pods \"p\" is forbidden: violates PodSecurity \"restricted:v1.30\": restricted volume types "
        "(volumes \"v\", \"n\" use restricted volume types \"hostPath\", \"nfs\")");
    assert_code(pod(w, "strict", "", WITH(HARD) ",'volumes':[{'name':'v','emptyDir':{}}]"), 201);
}

/* What a standard asked for, it asks for ever; what came later is not asked of those who named a version. */
static void versions_differ(void **state)
{
    struct world *w = *state;
    assert_code(namespace(w, "old", ENFORCE("restricted", "v1.7")), 201);
    assert_code(pod(w, "old", "", WITH("'runAsNonRoot':true")), 201);
    assert_code(namespace(w, "seccomp", ENFORCE("baseline", "v1.18")), 201);
    assert_fails(
        pod(w, "seccomp", ",'annotations':{'seccomp.security.alpha.kubernetes.io/pod':'unconfined'}",
            WITH("")),
        403,
        "pods \"p\" is forbidden: violates PodSecurity \"baseline:v1.18\": seccompProfile (forbidden "
        "annotation seccomp.security.alpha.kubernetes.io/pod=\"unconfined\")");
    assert_code(namespace(w, "probes", ENFORCE("baseline", "v1.33")), 201);
    assert_code(
        pod(w, "probes", "",
            "'containers':[{'name':'c','image':'x','livenessProbe':{'httpGet':{'port':1,'host':'h'}}}]"),
        201);
    assert_code(namespace(w, "sysctl", ENFORCE("baseline", "v1.26")), 201);
    assert_code(pod(w, "sysctl", "",
                    "'securityContext':{'sysctls':[{'name':'net.ipv4.tcp_fin_timeout','value':'1'}]},"
                    "'containers':[{'name':'c','image':'x'}]"),
                403);
    assert_code(namespace(w, "windows", ENFORCE("restricted", "latest")), 201);
    assert_code(
        pod(w, "windows", "",
            "'os':{'name':'windows'},'securityContext':{'runAsNonRoot':true},'containers':[{'name':'c',"
            "'image':'x'}]"),
        201);
}

static void warnings_come_with_what_makes_pods(void **state)
{
    struct world *w = *state;
    assert_code(namespace(w, "warned",
                          "'pod-security.kubernetes.io/warn':'baseline','pod-security.kubernetes.io/audit':"
                          "'baseline'"),
                201);
    const char *says =
        "would violate PodSecurity \"baseline:latest\": privileged (container \"c\" must not set "
        "securityContext.privileged=true)";
    struct api_request *r = pod(w, "warned", "", WITH("'privileged':true"));
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0], says);
    assert_int_equal(r->audit_annotations.n, 2);
    assert_str(r->audit_annotations.at[0].key, "pod-security.kubernetes.io/audit-violations");
    assert_str(r->audit_annotations.at[1].value, "privileged:latest");
    r = create(w, &job_resource, "warned",
               "{'metadata':{'name':'j'},'spec':{'template':{'spec':{'restartPolicy':'Never','containers':[{"
               "'name':'c','image':'x','securityContext':{'privileged':true}}]}}}}");
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_str(r->warnings.at[0], says);
}

static void a_namespaces_labels_are_checked_and_its_pods_looked_at(void **state)
{
    struct world *w = *state;
    assert_fails(namespace(w, "bad", "'pod-security.kubernetes.io/enforce':'strict'"), 422,
                 "Namespace \"bad\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid "
                 "value: \"strict\": must be one of privileged, baseline, restricted");
    assert_fails(
        namespace(w, "bad", "'pod-security.kubernetes.io/warn-version':'1.2'"), 422,
        "Namespace \"bad\" is invalid: metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid "
        "value: \"1.2\": must be \"latest\" or \"v1.x\"");
    assert_code(namespace(w, "live", ""), 201);
    assert_code(pod(w, "live", "", WITH("'privileged':true")), 201);
    struct api_request *r =
        patch(w, &namespace_resource, NULL, "live", API_PATCH_MERGE,
              "{'metadata':{'labels':{'pod-security.kubernetes.io/enforce':'baseline'}}}");
    assert_code(r, 200);
    assert_int_equal(r->warnings.n, 2);
    assert_str(r->warnings.at[0],
               "existing pods in namespace \"live\" violate the new PodSecurity enforce level "
               "\"baseline:latest\"");
    assert_str(r->warnings.at[1], "p: privileged");
    /* what is there may go on, and be changed in other ways */
    assert_code(patch(w, &pod_resource, "live", "p", API_PATCH_MERGE, "{'metadata':{'labels':{'a':'b'}}}"),
                200);
    r = patch(w, &pod_resource, "live", "p", API_PATCH_STRATEGIC,
              "{'spec':{'containers':[{'name':'c','image':'y'}]}}");
    assert_code(r, 403);
}

static void runtime_classes_add_their_cost_and_place(void **state)
{
    struct world *w = *state;
    assert_code(create(w, &runtime_class_resource, NULL,
                       "{'metadata':{'name':'vm'},'handler':'vm','overhead':{'podFixed':{'cpu':'250m'}},"
                       "'scheduling':{'nodeSelector':{'vm':'yes'},'tolerations':[{'key':'vm','operator':"
                       "'Exists'}]}}"),
                201);
    struct api_request *r = pod(w, "default", "", "'runtimeClassName':'vm'," WITH(""));
    assert_code(r, 201);
    assert_field(w, r, "spec.overhead.cpu", "250m");
    assert_field(w, r, "spec.nodeSelector.vm", "yes");
    assert_field(w, r, "spec.tolerations.0.key", "node.kubernetes.io/not-ready");
    assert_field(w, r, "spec.tolerations.2.key", "vm");
    assert_fails(pod(w, "default", "", "'runtimeClassName':'none'," WITH("")), 403,
                 "pods \"p\" is forbidden: pod rejected: RuntimeClass \"none\" not found");
    assert_fails(pod(w, "default", "", "'runtimeClassName':'vm','nodeSelector':{'vm':'no'}," WITH("")), 403,
                 "pods \"p\" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; "
                 "pod.spec.nodeSelector[vm] = no");
    assert_fails(pod(w, "default", "", "'overhead':{'cpu':'1'}," WITH("")), 403,
                 "pods \"p\" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass "
                 "defined Overhead");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(the_baseline_forbids_ways_out),
        TEST(restricted_pods_must_be_hardened),
        TEST(versions_differ),
        TEST(warnings_come_with_what_makes_pods),
        TEST(a_namespaces_labels_are_checked_and_its_pods_looked_at),
        TEST(runtime_classes_add_their_cost_and_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
