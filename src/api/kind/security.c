/* Security contexts of pods and containers (validatePodSpecSecurityContext, ValidateSecurityContext). */
#include "api/kind/container.h"

static const struct str profile_types[] = {STR_INIT("Localhost"), STR_INIT("RuntimeDefault"),
                                           STR_INIT("Unconfined")};

enum { PROFILE_MAX = 4095 }; /* PATH_MAX without its end */

static void valid_seccomp(struct field_errors *e, const struct path *at, const struct seccomp_profile *p)
{
    const struct path *type = PATH(at, "type"), *file = PATH(at, "localhostProfile");
    if (!p)
        return;
    if (!p->type.n)
        field_required(e, type, "type is required when seccompProfile is set");
    else
        valid_supported(e, type, p->type, profile_types, ARRAY_LEN(profile_types));
    bool local = str_is(p->type, "Localhost");
    if (local && !p->localhost_profile)
        field_required(e, file, "must be set when seccomp type is Localhost");
    else if (local)
        valid_relative_path(e, file, *p->localhost_profile);
    else if (p->localhost_profile)
        field_invalid(e, file, *p->localhost_profile, "can only be set when seccomp type is Localhost");
}

static void valid_app_armor(struct field_errors *e, const struct path *at, const struct app_armor_profile *p)
{
    const struct path *type = PATH(at, "type"), *file = PATH(at, "localhostProfile");
    if (!p)
        return;
    if (!p->type.n)
        field_required(e, type, "type is required when appArmorProfile is set");
    else
        valid_supported(e, type, p->type, profile_types, ARRAY_LEN(profile_types));
    if (str_is(p->type, "RuntimeDefault") || str_is(p->type, "Unconfined")) {
        if (p->localhost_profile)
            field_invalid(e, file, *p->localhost_profile, "can only be set when AppArmor type is Localhost");
    } else if (str_is(p->type, "Localhost")) {
        struct str name = p->localhost_profile ? *p->localhost_profile : STR("");
        if (str_trim(name).n != name.n)
            field_invalid(e, file, name, "must not be padded with whitespace");
        else if (!name.n)
            field_required(e, file, "must be set when AppArmor type is Localhost");
        if (name.n > PROFILE_MAX)
            field_too_long(e, file, PROFILE_MAX);
    }
}

/* A context may not take away what it also gives. */
static void valid_escalation(struct field_errors *e, const struct path *at, const struct security_context *s)
{
    if (!s->allow_privilege_escalation || *s->allow_privilege_escalation)
        return;
    struct bad_value bad = valid_bad(e, &security_context_type, s);
    if (s->privileged && *s->privileged)
        field_error(e, FIELD_ERROR_INVALID, at, bad,
                    "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    if (s->capabilities)
        each (s->capabilities->add, i)
            if (str_is(s->capabilities->add.at[i], "CAP_SYS_ADMIN"))
                field_error(
                    e, FIELD_ERROR_INVALID, at, bad,
                    "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
}

static bool has_own_users(const struct pod_spec *pod)
{
    return pod->host_users && !*pod->host_users;
}

void valid_container_security(struct field_errors *e, const struct path *at, const struct security_context *s,
                              const struct pod_spec *pod)
{
    const struct path *proc = PATH(at, "procMount");
    if (!s)
        return;
    valid_id(e, PATH(at, "runAsUser"), s->run_as_user);
    valid_id(e, PATH(at, "runAsGroup"), s->run_as_group);
    if (s->proc_mount)
        valid_supported(e, proc, *s->proc_mount, (const struct str[]){STR("Default"), STR("Unmasked")}, 2);
    if (s->proc_mount && str_is(*s->proc_mount, "Unmasked") && !has_own_users(pod))
        field_invalid(e, proc, *s->proc_mount, "`hostUsers` must be false to use `Unmasked`");
    valid_seccomp(e, PATH(at, "seccompProfile"), s->seccomp_profile);
    valid_escalation(e, at, s);
    valid_windows_options(e, PATH(at, "windowsOptions"), s->windows_options);
    valid_app_armor(e, PATH(at, "appArmorProfile"), s->app_armor_profile);
}

/* --- sysctls --- */

/* [a-z0-9]([-_a-z0-9]*[a-z0-9])? parts, joined by dots or slashes. */
static bool is_sysctl(struct str s)
{
    bool edge = true;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (c == '.' || c == '/') {
            if (edge || s.p[i - 1] == '-' || s.p[i - 1] == '_')
                return false;
            edge = true;
        } else if (!word && (edge || (c != '-' && c != '_')))
            return false;
        else
            edge = false;
    }
    return s.n && s.n <= 253 && !edge && s.p[s.n - 1] != '-' && s.p[s.n - 1] != '_';
}

/* Of the namespaces that sysctls belong to, which can be the host's. */
static const char *sysctl_host_field(struct str name, const struct pod_spec *pod)
{
    static const char *const ipc[] = {"kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue."};
    struct str dotted = name; /* separated by slashes too */
    char text[254];
    if (str_index(name, '/') >= 0 && name.n < sizeof text) {
        for (size_t i = 0; i < name.n; i++)
            text[i] = name.p[i] == '/' ? '.' : name.p[i];
        dotted = str_slice(text, name.n);
    }
    if (pod->host_network && str_starts(dotted, STR("net.")))
        return "hostNetwork";
    for (size_t i = 0; pod->host_ipc && i < ARRAY_LEN(ipc); i++)
        if (str_starts(dotted, str_from(ipc[i])))
            return "hostIPC";
    return NULL;
}

static void valid_sysctls(struct field_errors *e, const struct path *at, const struct pod_spec *pod)
{
    _cleanup_map_ struct map names = {0};
    const struct sysctl_vec *v = &pod->security_context->sysctls;
    each (*v, i) {
        struct str name = v->at[i].name;
        const struct path *item = PATH(PATH_AT(at, i), "name");
        const char *host = sysctl_host_field(name, pod);
        if (!name.n)
            field_required(e, item, "%s", "");
        else if (!is_sysctl(name))
            field_invalid(e, item, name,
                          "must have at most 253 characters and match regex "
                          "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
        else if (map_get(&names, name))
            field_duplicate(e, item, name);
        if (host)
            field_invalid(e, item, name, "may not be specified when '%s' is true", host);
        map_put(&names, name, (void *)pod);
    }
}

/* --- the pod's own --- */

void valid_pod_security(struct field_errors *e, const struct path *spec, const struct pod_spec *pod)
{
    const struct pod_security_context *s = pod->security_context;
    const struct path *at = PATH(spec, "securityContext");
    if (!s)
        return;
    valid_id(e, PATH(at, "fsGroup"), s->fs_group);
    valid_id(e, PATH(at, "runAsUser"), s->run_as_user);
    valid_id(e, PATH(at, "runAsGroup"), s->run_as_group);
    each (s->supplemental_groups, i)
        valid_id(e, PATH_AT(PATH(at, "supplementalGroups"), i), &s->supplemental_groups.at[i]);
    if (pod->share_process_namespace && *pod->share_process_namespace && pod->host_pid)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "shareProcessNamespace"), BAD_RAW(STR("true")),
                    "ShareProcessNamespace and HostPID cannot both be enabled");
    valid_sysctls(e, PATH(at, "sysctls"), pod);
    if (s->fs_group_change_policy)
        valid_supported(e, PATH(at, "fsGroupChangePolicy"), *s->fs_group_change_policy,
                        (const struct str[]){STR("Always"), STR("OnRootMismatch")}, 2);
    valid_seccomp(e, PATH(at, "seccompProfile"), s->seccomp_profile);
    valid_windows_options(e, PATH(at, "windowsOptions"), s->windows_options);
    valid_app_armor(e, PATH(at, "appArmorProfile"), s->app_armor_profile);
    if (s->supplemental_groups_policy)
        valid_supported(e, PATH(at, "supplementalGroupsPolicy"), *s->supplemental_groups_policy,
                        (const struct str[]){STR("Merge"), STR("Strict")}, 2);
    if (s->se_linux_change_policy)
        valid_supported(e, PATH(at, "seLinuxChangePolicy"), *s->se_linux_change_policy,
                        (const struct str[]){STR("MountOption"), STR("Recursive")}, 2);
}

static void visit_devices(const struct container *c, const struct path *at, void *arg)
{
    if (c->volume_devices.n)
        field_forbidden(arg, PATH(at, "volumeDevices"), "when `hostUsers` is false");
}

/* Users of its own go with no namespace of the host, and with no device. */
void valid_host_users(struct field_errors *e, const struct path *spec, const struct pod_spec *pod)
{
    if (!has_own_users(pod))
        return;
    if (pod->host_network)
        field_forbidden(e, PATH(spec, "hostNetwork"), "when `hostUsers` is false");
    if (pod->host_pid)
        field_forbidden(e, PATH(spec, "HostPID"), "when `hostUsers` is false");
    if (pod->host_ipc)
        field_forbidden(e, PATH(spec, "HostIPC"), "when `hostUsers` is false");
    containers_visit(pod, spec, visit_devices, e);
}
