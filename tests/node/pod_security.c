/* What pods ask of the kernel's fences: users, sysctls, system calls, runtimes. */
#include "kinds/node_v1.h"
#include "pod_world.h"

#define ONE_SHOT(more, script)                                                                               \
    "'restartPolicy':'Never'," more                                                                          \
    "'containers':[{'name':'c','image':'boat:1','command':['sh','-c','" script "']}]"

static void safe_sysctls_are_set(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "p",
         ONE_SHOT("'securityContext':{'sysctls':[{'name':'kernel.shm_rmid_forced','value':'1'},"
                  "{'name':'net.ipv4.ip_unprivileged_port_start','value':'80'}]},",
                  "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_unprivileged_port_start"));
    await(t, "p", "status.phase", "Succeeded");
    assert_str(log_of(t, "p", "c", 0), "1\n80");
}

static void other_sysctls_are_refused(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "unsafe",
         ONE_SHOT("'securityContext':{'sysctls':[{'name':'kernel.msgmax','value':'65536'}]},", "true"));
    await(t, "unsafe", "status.phase", "Failed");
    assert_pod(t, "unsafe", "status.reason", "SysctlForbidden");
    assert_pod(t, "unsafe", "status.message",
               "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted");
}

static void a_seccomp_profile_filters(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    static const char look[] = "grep -w Seccomp: /proc/self/status";
    char spec[512];
    static const struct {
        const char *name, *profile, *mode; /* 2: filtered */
    } cases[] = {{"plain", "", "Seccomp:\t0"},
                 {"free", "'securityContext':{'seccompProfile':{'type':'Unconfined'}},", "Seccomp:\t0"},
                 {"usual", "'securityContext':{'seccompProfile':{'type':'RuntimeDefault'}},", "Seccomp:\t2"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(
            spec, sizeof spec,
            "'restartPolicy':'Never',%s'containers':[{'name':'c','image':'boat:1','command':['sh','-c','%s'"
            "]}]",
            cases[i].profile, look);
        make(t, cases[i].name, spec);
        await(t, cases[i].name, "status.phase", "Succeeded");
        assert_str(log_of(t, cases[i].name, "c", 0), cases[i].mode);
    }
}

/* A profile of the node's: the container starts once it is there. */
static void a_profile_of_the_node_is_looked_for(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    char dir[160], path[192];
    make(t, "p",
         ONE_SHOT(
             "'securityContext':{'seccompProfile':{'type':'Localhost','localhostProfile':'no-mkdir.json'}},",
             "mkdir /tmp/x 2>&1 || true; touch /tmp/y && echo made"));
    await(t, "p", "status.containerStatuses.0.state.waiting.reason", "CreateContainerError");
    assert_true(str_starts(pod_field(t, "p", "status.containerStatuses.0.state.waiting.message"),
                           STR("cannot load seccomp profile \"")));
    sprintf(dir, "%s/seccomp", t->data);
    sprintf(path, "%s/no-mkdir.json", dir);
    assert_ok(file_mkdirs(dir, 0755, &t->err), t->err);
    assert_ok(file_replace(path,
                           STR("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"openat\"],"
                               "\"action\":\"SCMP_ACT_ALLOW\"}]}"),
                           0644, &t->err),
              t->err);
    await(t, "p", "status.phase", "Succeeded");
}

static void a_runtime_class_names_the_runtime(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    create(t->world, &runtime_class_resource, "", "{'metadata':{'name':'ours'},'handler':'crun'}");
    create(t->world, &runtime_class_resource, "", "{'metadata':{'name':'other'},'handler':'gvisor'}");
    make(t, "good", ONE_SHOT("'runtimeClassName':'ours',", "true"));
    make(t, "bad", ONE_SHOT("'runtimeClassName':'other',", "true"));
    await(t, "good", "status.phase", "Succeeded");
    await_event(t, "bad", "FailedCreatePodSandBox",
                "Failed to create pod sandbox: failed to get sandbox runtime: no runtime for \"gvisor\" is "
                "configured");
    assert_pod(t, "bad", "status.phase", "Pending");
}

static void root_may_be_refused(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "image", ONE_SHOT("'securityContext':{'runAsNonRoot':true},", "true"));
    make(t, "said", ONE_SHOT("'securityContext':{'runAsNonRoot':true,'runAsUser':0},", "true"));
    make(t, "other", ONE_SHOT("'securityContext':{'runAsNonRoot':true,'runAsUser':1234},", "id -u; id -G"));
    await(t, "image", "status.containerStatuses.0.state.waiting.reason", "CreateContainerConfigError");
    assert_true(
        str_starts(pod_field(t, "image", "status.containerStatuses.0.state.waiting.message"),
                   STR("container has runAsNonRoot and image will run as root (pod: \"image_default(")));
    await(t, "said", "status.containerStatuses.0.state.waiting.reason", "CreateContainerConfigError");
    assert_true(str_starts(pod_field(t, "said", "status.containerStatuses.0.state.waiting.message"),
                           STR("container's runAsUser breaks non-root policy (pod: \"said_default(")));
    await(t, "other", "status.phase", "Succeeded");
    assert_str(log_of(t, "other", "c", 0), "1234\n1235 77"); /* the image's groups of this user */
}

static void names_inside(void **state)
{
    struct nodes *t = *state;
    NEED_NODE(t);
    make(t, "short",
         ONE_SHOT("'hostname':'bow','subdomain':'ship',", "hostname; echo $HOSTNAME; tail -n 1 /etc/hosts"));
    make(t, "whole",
         ONE_SHOT("'hostname':'bow','subdomain':'ship','setHostnameAsFQDN':true,",
                  "hostname; cat /etc/hostname"));
    await(t, "short", "status.phase", "Succeeded");
    assert_str(log_of(t, "short", "c", 0), "bow\nbow\n127.0.0.1\tbow.ship.default.svc.cluster.local\tbow");
    await(t, "whole", "status.phase", "Succeeded");
    assert_str(log_of(t, "whole", "c", 0),
               "bow.ship.default.svc.cluster.local\nbow.ship.default.svc.cluster.local");
    /* 64 characters are the kernel's limit. */
    make(t, "long",
         ONE_SHOT("'hostname':'a-rather-long-name','subdomain':'and-a-long-subdomain-too','setHostnameAsFQDN'"
                  ":true,",
                  "true"));
    await_event(
        t, "long", "FailedCreatePodSandBox",
        "Failed to create pod sandbox: failed to construct FQDN from pod hostname and cluster domain, "
        "FQDN a-rather-long-name.and-a-long-subdomain-too.default.svc.cluster.local is too long (64 "
        "characters is the max, 69 characters requested)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(safe_sysctls_are_set),
        T(other_sysctls_are_refused),
        T(a_seccomp_profile_filters),
        T(a_profile_of_the_node_is_looked_for),
        T(a_runtime_class_names_the_runtime),
        T(root_may_be_refused),
        T(names_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
