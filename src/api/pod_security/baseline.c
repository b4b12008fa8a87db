/* The baseline: what would let a pod out of its containers is forbidden. */
#include "api/pod_security/checks.h"

/* Whom of the containers `is_bad` speaks against. */
static void find_bad(struct pod_check *c, bool (*is_bad)(const struct container *), struct pod_names *out)
{
    for (size_t i = 0; i < c->n; i++)
        if (is_bad(c->containers[i]))
            pod_names_add(c, out, c->containers[i]->name);
}

/* --- hosts --- */

static void host_namespaces(struct pod_check *c)
{
    const struct {
        bool set;
        const char *text;
    } all[] = {{c->spec->host_network, "hostNetwork=true"},
               {c->spec->host_pid, "hostPID=true"},
               {c->spec->host_ipc, "hostIPC=true"}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].set)
            buf_addf(&c->detail, "%s%s", c->detail.n ? ", " : "", all[i].text);
    if (c->detail.n)
        buf_add_lit(&c->reason, "host namespaces");
}

static void host_path_volumes(struct pod_check *c)
{
    struct pod_names bad = {0};
    each (c->spec->volumes, i)
        if (c->spec->volumes.at[i].host_path)
            pod_names_add(c, &bad, c->spec->volumes.at[i].name);
    if (!bad.n)
        return;
    buf_add_lit(&c->reason, "hostPath volumes");
    buf_addf(&c->detail, "volume%s ", bad.n == 1 ? "" : "s");
    pod_names_say(&c->detail, &bad);
}

static void host_ports(struct pod_check *c)
{
    struct pod_names bad = {0}, ports = {0};
    for (size_t i = 0; i < c->n; i++) {
        const struct container *k = c->containers[i];
        bool uses = false;
        each (k->ports, p)
            if (k->ports.at[p].host_port) {
                pod_names_add_once(c, &ports, arena_printf(c->arena, "%d", k->ports.at[p].host_port));
                uses = true;
            }
        if (uses)
            pod_names_add(c, &bad, k->name);
    }
    if (!bad.n)
        return;
    buf_add_lit(&c->reason, "hostPort");
    pod_names_say_containers(&c->detail, &bad);
    buf_addf(&c->detail, " %s hostPort%s ", bad.n == 1 ? "uses" : "use", ports.n == 1 ? "" : "s");
    for (size_t i = 0; i < ports.n; i++)
        buf_addf(&c->detail, "%s" STR_FMT, i ? ", " : "", STR_ARG(ports.at[i]));
}

static void add_host(struct pod_check *c, struct pod_names *hosts, struct str host, bool *uses)
{
    if (!host.n)
        return;
    pod_names_add_once(c, hosts, host);
    *uses = true;
}

static void host_probes(struct pod_check *c)
{
    struct pod_names bad = {0}, hosts = {0};
    for (size_t i = 0; i < c->n; i++) {
        const struct container *k = c->containers[i];
        const struct probe *probes[] = {k->liveness_probe, k->readiness_probe, k->startup_probe};
        const struct lifecycle_handler *handlers[] = {k->lifecycle ? k->lifecycle->post_start : NULL,
                                                      k->lifecycle ? k->lifecycle->pre_stop : NULL};
        bool uses = false;
        for (size_t p = 0; p < ARRAY_LEN(probes); p++) {
            if (probes[p] && probes[p]->http_get)
                add_host(c, &hosts, probes[p]->http_get->host, &uses);
            if (probes[p] && probes[p]->tcp_socket)
                add_host(c, &hosts, probes[p]->tcp_socket->host, &uses);
        }
        for (size_t h = 0; h < ARRAY_LEN(handlers); h++) {
            if (handlers[h] && handlers[h]->http_get)
                add_host(c, &hosts, handlers[h]->http_get->host, &uses);
            if (handlers[h] && handlers[h]->tcp_socket)
                add_host(c, &hosts, handlers[h]->tcp_socket->host, &uses);
        }
        if (uses)
            pod_names_add_once(c, &bad, k->name);
    }
    if (!bad.n)
        return;
    buf_add_lit(&c->reason, "probe or lifecycle host");
    pod_names_say_containers(&c->detail, &bad);
    buf_addf(&c->detail, " %s probe or lifecycle host%s ", bad.n == 1 ? "uses" : "use",
             hosts.n == 1 ? "" : "s");
    pod_names_say(&c->detail, &hosts);
}

static void windows_host_process(struct pod_check *c)
{
    const struct pod_security_context *p = c->spec->security_context;
    bool pod = p && p->windows_options && is_true(p->windows_options->host_process);
    struct pod_names bad = {0};
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        if (s && s->windows_options && is_true(s->windows_options->host_process))
            pod_names_add(c, &bad, c->containers[i]->name);
    }
    if (!pod && !bad.n)
        return;
    buf_add_lit(&c->reason, "hostProcess");
    pod_names_say_setters(&c->detail, pod, &bad);
    buf_add_lit(&c->detail, " must not set securityContext.windowsOptions.hostProcess=true");
}

/* --- powers --- */

static bool is_privileged(const struct container *k)
{
    return k->security_context && is_true(k->security_context->privileged);
}

static void privileged(struct pod_check *c)
{
    struct pod_names bad = {0};
    find_bad(c, is_privileged, &bad);
    if (!bad.n)
        return;
    buf_add_lit(&c->reason, "privileged");
    pod_names_say_containers(&c->detail, &bad);
    buf_add_lit(&c->detail, " must not set securityContext.privileged=true");
}

static void capabilities(struct pod_check *c)
{
    static const struct str usual[] = {
        STR_INIT("AUDIT_WRITE"), STR_INIT("CHOWN"),  STR_INIT("DAC_OVERRIDE"), STR_INIT("FOWNER"),
        STR_INIT("FSETID"),      STR_INIT("KILL"),   STR_INIT("MKNOD"),        STR_INIT("NET_BIND_SERVICE"),
        STR_INIT("SETFCAP"),     STR_INIT("SETGID"), STR_INIT("SETPCAP"),      STR_INIT("SETUID"),
        STR_INIT("SYS_CHROOT"),
    };
    const struct str_vec allowed = {(struct str *)usual, ARRAY_LEN(usual)};
    struct pod_names bad = {0}, added = {0};
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        bool adds = false;
        for (size_t k = 0; s && s->capabilities && k < s->capabilities->add.n; k++)
            if (!str_vec_has(&allowed, s->capabilities->add.at[k])) {
                pod_names_add_once(c, &added, s->capabilities->add.at[k]);
                adds = true;
            }
        if (adds)
            pod_names_add(c, &bad, c->containers[i]->name);
    }
    if (!bad.n)
        return;
    buf_add_lit(&c->reason, "non-default capabilities");
    pod_names_say_containers(&c->detail, &bad);
    buf_add_lit(&c->detail, " must not include ");
    pod_names_say(&c->detail, &added);
    buf_add_lit(&c->detail, " in securityContext.capabilities.add");
}

/* --- confinement --- */

void pod_check_proc_mount(struct pod_check *c)
{
    struct pod_names bad = {0}, types = {0};
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        if (!s || !s->proc_mount || str_is(*s->proc_mount, "Default"))
            continue;
        pod_names_add(c, &bad, c->containers[i]->name);
        pod_names_add_once(c, &types, *s->proc_mount);
    }
    if (!bad.n)
        return;
    buf_add_lit(&c->reason, "procMount");
    pod_names_say_containers(&c->detail, &bad);
    buf_add_lit(&c->detail, " must not set securityContext.procMount to ");
    pod_names_say(&c->detail, &types);
}

static void proc_mount(struct pod_check *c)
{
    if (!pod_in_user_namespace(c))
        pod_check_proc_mount(c);
}

#define APP_ARMOR_PREFIX "container.apparmor.security.beta.kubernetes.io/"

static bool app_armor_is_confined(const struct app_armor_profile *p)
{
    return str_is(p->type, "RuntimeDefault") || str_is(p->type, "Localhost");
}

static void app_armor(struct pod_check *c)
{
    const struct pod_security_context *p = c->spec->security_context;
    struct pod_names bad = {0}, values = {0}, annotations = {0};
    bool pod = p && p->app_armor_profile && !app_armor_is_confined(p->app_armor_profile);
    if (pod)
        pod_names_add_once(c, &values, p->app_armor_profile->type);
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        if (!s || !s->app_armor_profile || app_armor_is_confined(s->app_armor_profile))
            continue;
        pod_names_add(c, &bad, c->containers[i]->name);
        pod_names_add_once(c, &values, s->app_armor_profile->type);
    }
    each (*c->annotations, i) {
        struct str k = c->annotations->at[i].key, v = c->annotations->at[i].value;
        if (str_starts(k, STR(APP_ARMOR_PREFIX)) && v.n && !str_is(v, "runtime/default") &&
            !str_starts(v, STR("localhost/")))
            pod_names_add(c, &annotations,
                          arena_printf(c->arena, STR_FMT "=\"" STR_FMT "\"", STR_ARG(k), STR_ARG(v)));
    }
    if (!pod && !bad.n && !annotations.n)
        return;
    for (size_t i = 0; i < annotations.n; i++)
        pod_names_add(c, &values, annotations.at[i]);
    buf_addf(&c->reason, "forbidden AppArmor profile%s", values.n == 1 ? "" : "s");
    pod_names_say_setters(&c->detail, pod, &bad);
    if (annotations.n)
        buf_addf(&c->detail, "%sannotation%s", pod || bad.n ? " and " : "", annotations.n == 1 ? "" : "s");
    buf_add_lit(&c->detail, " must not set AppArmor profile type to ");
    pod_names_say(&c->detail, &values);
}

/* What the SELinux options of a pod ask for that they may not. */
struct se_linux {
    struct pod_names types;
    bool user, role;
};

static bool se_linux_is_bad(struct pod_check *c, const struct se_linux_options *o, bool engine,
                            struct se_linux *found)
{
    static const char *const allowed[] = {"", "container_t", "container_init_t", "container_kvm_t",
                                          "container_engine_t"};
    if (!o)
        return false;
    bool fits = false;
    for (size_t i = 0; i < ARRAY_LEN(allowed) - !engine; i++)
        fits |= str_is(o->type, allowed[i]);
    if (!fits)
        pod_names_add_once(c, &found->types, o->type);
    found->user |= o->user.n > 0;
    found->role |= o->role.n > 0;
    return !fits || o->user.n || o->role.n;
}

static void se_linux_with(struct pod_check *c, bool engine)
{
    const struct pod_security_context *p = c->spec->security_context;
    struct se_linux found = {0};
    struct pod_names bad = {0};
    bool pod = p && se_linux_is_bad(c, p->se_linux_options, engine, &found);
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        if (s && se_linux_is_bad(c, s->se_linux_options, engine, &found))
            pod_names_add(c, &bad, c->containers[i]->name);
    }
    if (!pod && !bad.n)
        return;
    buf_add_lit(&c->reason, "seLinuxOptions");
    pod_names_say_setters(&c->detail, pod, &bad);
    buf_add_lit(&c->detail, " set forbidden securityContext.seLinuxOptions: ");
    if (found.types.n) {
        buf_addf(&c->detail, "type%s ", found.types.n == 1 ? "" : "s");
        pod_names_say(&c->detail, &found.types);
    }
    if (found.user)
        buf_addf(&c->detail, "%suser may not be set", found.types.n ? "; " : "");
    if (found.role)
        buf_addf(&c->detail, "%srole may not be set", found.types.n || found.user ? "; " : "");
}

static void se_linux_1_0(struct pod_check *c)
{
    se_linux_with(c, false);
}

static void se_linux_1_31(struct pod_check *c)
{
    se_linux_with(c, true);
}

#define SECCOMP_POD       STR("seccomp.security.alpha.kubernetes.io/pod")
#define SECCOMP_CONTAINER "container.seccomp.security.alpha.kubernetes.io/"

static void seccomp_annotation(struct pod_check *c, struct str key, struct pod_names *bad)
{
    const struct str *v = str_map_get(c->annotations, key);
    if (v && !str_is(*v, "runtime/default") && !str_is(*v, "docker/default") &&
        !str_starts(*v, STR("localhost/")))
        pod_names_add_once(c, bad,
                           arena_printf(c->arena, STR_FMT "=\"" STR_FMT "\"", STR_ARG(key), STR_ARG(*v)));
}

static void seccomp_1_0(struct pod_check *c)
{
    struct pod_names bad = {0};
    seccomp_annotation(c, SECCOMP_POD, &bad);
    for (size_t i = 0; i < c->n; i++)
        seccomp_annotation(
            c, arena_printf(c->arena, SECCOMP_CONTAINER STR_FMT, STR_ARG(c->containers[i]->name)), &bad);
    if (!bad.n)
        return;
    buf_add_lit(&c->reason, "seccompProfile");
    buf_addf(&c->detail, "forbidden annotation%s ", bad.n == 1 ? "" : "s");
    for (size_t i = 0; i < bad.n; i++)
        buf_addf(&c->detail, "%s" STR_FMT, i ? ", " : "", STR_ARG(bad.at[i]));
}

bool pod_check_seccomp(struct pod_check *c)
{
    const struct pod_security_context *p = c->spec->security_context;
    struct pod_names bad = {0}, values = {0};
    bool pod = p && p->seccomp_profile && !seccomp_is_confined(p->seccomp_profile);
    if (pod)
        pod_names_add_once(c, &values, p->seccomp_profile->type);
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        if (!s || !s->seccomp_profile || seccomp_is_confined(s->seccomp_profile))
            continue;
        pod_names_add(c, &bad, c->containers[i]->name);
        pod_names_add_once(c, &values, s->seccomp_profile->type);
    }
    if (!pod && !bad.n)
        return false;
    buf_add_lit(&c->reason, "seccompProfile");
    pod_names_say_setters(&c->detail, pod, &bad);
    buf_add_lit(&c->detail, " must not set securityContext.seccompProfile.type to ");
    pod_names_say(&c->detail, &values);
    return true;
}

static void seccomp_1_19(struct pod_check *c)
{
    pod_check_seccomp(c);
}

/* --- sysctls: ever more are known to concern their own pod alone --- */

static const struct {
    const char *name;
    unsigned since;
} safe_sysctls[] = {
    {"kernel.shm_rmid_forced", 0},
    {"net.ipv4.ip_local_port_range", 0},
    {"net.ipv4.tcp_syncookies", 0},
    {"net.ipv4.ping_group_range", 0},
    {"net.ipv4.ip_unprivileged_port_start", 0},
    {"net.ipv4.ip_local_reserved_ports", 27},
    {"net.ipv4.tcp_keepalive_time", 29},
    {"net.ipv4.tcp_fin_timeout", 29},
    {"net.ipv4.tcp_keepalive_intvl", 29},
    {"net.ipv4.tcp_keepalive_probes", 29},
    {"net.ipv4.tcp_rmem", 32},
    {"net.ipv4.tcp_wmem", 32},
};

static void sysctls_of(struct pod_check *c, unsigned version)
{
    const struct pod_security_context *p = c->spec->security_context;
    for (size_t i = 0; p && i < p->sysctls.n; i++) {
        bool safe = false;
        for (size_t k = 0; k < ARRAY_LEN(safe_sysctls); k++)
            safe |= safe_sysctls[k].since <= version && str_is(p->sysctls.at[i].name, safe_sysctls[k].name);
        if (!safe)
            buf_addf(&c->detail, "%s" STR_FMT, c->detail.n ? ", " : "", STR_ARG(p->sysctls.at[i].name));
    }
    if (c->detail.n)
        buf_add_lit(&c->reason, "forbidden sysctls");
}

static void sysctls_1_0(struct pod_check *c)
{
    sysctls_of(c, 0);
}

static void sysctls_1_27(struct pod_check *c)
{
    sysctls_of(c, 27);
}

static void sysctls_1_29(struct pod_check *c)
{
    sysctls_of(c, 29);
}

static void sysctls_1_32(struct pod_check *c)
{
    sysctls_of(c, 32);
}

const struct pod_security_check pod_security_baseline[] = {
    {"appArmorProfile", 0, app_armor, NULL},
    {"capabilities_baseline", 0, capabilities, NULL},
    {"hostNamespaces", 0, host_namespaces, NULL},
    {"hostPathVolumes", 0, host_path_volumes, NULL},
    {"hostPorts", 0, host_ports, NULL},
    {"hostProbesAndHostLifecycle", 34, host_probes, NULL},
    {"privileged", 0, privileged, NULL},
    {"procMount_baseline", 0, pod_check_proc_mount, NULL},
    {"procMount_baseline", 35, proc_mount, NULL},
    {"seLinuxOptions", 0, se_linux_1_0, NULL},
    {"seLinuxOptions", 31, se_linux_1_31, NULL},
    {"seccompProfile_baseline", 0, seccomp_1_0, NULL},
    {"seccompProfile_baseline", 19, seccomp_1_19, NULL},
    {"sysctls", 0, sysctls_1_0, NULL},
    {"sysctls", 27, sysctls_1_27, NULL},
    {"sysctls", 29, sysctls_1_29, NULL},
    {"sysctls", 32, sysctls_1_32, NULL},
    {"windowsHostProcess", 0, windows_host_process, NULL},
};
const size_t n_pod_security_baseline = ARRAY_LEN(pod_security_baseline);
