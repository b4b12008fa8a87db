#include "api/kind/container.h"

#include "base/map.h"

static void valid_profile(struct field_errors *e, const struct path *at, struct str type,
                          const struct str *localhost)
{
    VALID_ONE_OF(e, PATH(at, "type"), type, true, STR("Localhost"), STR("RuntimeDefault"), STR("Unconfined"));
    bool local = str_is(type, "Localhost");
    if (local && (!localhost || !localhost->n))
        field_required(e, PATH(at, "localhostProfile"), "must be set when seccomp type is Localhost");
    if (!local && localhost)
        field_invalid(e, PATH(at, "localhostProfile"), *localhost,
                      "can only be set when seccomp type is Localhost");
    if (local && localhost)
        valid_relative_path(e, PATH(at, "localhostProfile"), *localhost);
}

static void valid_app_armor(struct field_errors *e, const struct path *at, const struct app_armor_profile *p)
{
    VALID_ONE_OF(e, PATH(at, "type"), p->type, true, STR("Localhost"), STR("RuntimeDefault"),
                 STR("Unconfined"));
    bool local = str_is(p->type, "Localhost");
    if (local && (!p->localhost_profile || !str_trim(*p->localhost_profile).n))
        field_required(e, PATH(at, "localhostProfile"), "must be set when AppArmor type is Localhost");
    if (!local && p->localhost_profile)
        field_invalid(e, PATH(at, "localhostProfile"), *p->localhost_profile,
                      "can only be set when AppArmor type is Localhost");
}

void valid_container_security(struct field_errors *e, const struct path *at, const struct security_context *s,
                              const struct pod_spec *pod)
{
    if (!s)
        return;
    valid_id(e, PATH(at, "runAsUser"), s->run_as_user);
    valid_id(e, PATH(at, "runAsGroup"), s->run_as_group);
    if (s->proc_mount)
        VALID_ONE_OF(e, PATH(at, "procMount"), *s->proc_mount, true, STR("Default"), STR("Unmasked"));
    if (s->proc_mount && str_is(*s->proc_mount, "Unmasked") && (!pod->host_users || *pod->host_users))
        field_invalid(e, PATH(at, "procMount"), *s->proc_mount,
                      "`hostUsers` must be false to use `Unmasked`");
    if (s->seccomp_profile)
        valid_profile(e, PATH(at, "seccompProfile"), s->seccomp_profile->type,
                      s->seccomp_profile->localhost_profile);
    if (s->app_armor_profile)
        valid_app_armor(e, PATH(at, "appArmorProfile"), s->app_armor_profile);
    if (s->allow_privilege_escalation && !*s->allow_privilege_escalation) {
        if (s->privileged && *s->privileged)
            field_error(e, FIELD_ERROR_INVALID, at, BAD_NONE,
                        "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
        if (s->capabilities)
            each (s->capabilities->add, i)
                if (str_is(s->capabilities->add.at[i], "CAP_SYS_ADMIN"))
                    field_error(e, FIELD_ERROR_INVALID, at, BAD_NONE,
                                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` "
                                "CAP_SYS_ADMIN");
    }
}

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

void valid_pod_security(struct field_errors *e, const struct path *spec, const struct pod_spec *pod)
{
    const struct pod_security_context *s = pod->security_context;
    const struct path *at = PATH(spec, "securityContext");
    if (pod->share_process_namespace && *pod->share_process_namespace && pod->host_pid)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "shareProcessNamespace"), BAD_RAW(STR("true")),
                    "ShareProcessNamespace and HostPID cannot both be enabled");
    if (pod->host_users && !*pod->host_users) {
        if (pod->host_pid)
            field_forbidden(e, PATH(at, "hostPID"), "when `hostUsers` is set to `false`");
        if (pod->host_ipc)
            field_forbidden(e, PATH(at, "hostIPC"), "when `hostUsers` is set to `false`");
        if (pod->host_network)
            field_forbidden(e, PATH(at, "hostNetwork"), "when `hostUsers` is set to `false`");
    }
    if (!s)
        return;
    valid_id(e, PATH(at, "fsGroup"), s->fs_group);
    valid_id(e, PATH(at, "runAsUser"), s->run_as_user);
    valid_id(e, PATH(at, "runAsGroup"), s->run_as_group);
    each (s->supplemental_groups, i)
        valid_id(e, PATH_AT(PATH(at, "supplementalGroups"), i), &s->supplemental_groups.at[i]);
    if (s->supplemental_groups_policy)
        VALID_ONE_OF(e, PATH(at, "supplementalGroupsPolicy"), *s->supplemental_groups_policy, true,
                     STR("Merge"), STR("Strict"));
    if (s->fs_group_change_policy)
        VALID_ONE_OF(e, PATH(at, "fsGroupChangePolicy"), *s->fs_group_change_policy, true, STR("Always"),
                     STR("OnRootMismatch"));
    if (s->seccomp_profile)
        valid_profile(e, PATH(at, "seccompProfile"), s->seccomp_profile->type,
                      s->seccomp_profile->localhost_profile);
    if (s->app_armor_profile)
        valid_app_armor(e, PATH(at, "appArmorProfile"), s->app_armor_profile);
    _cleanup_map_ struct map names = {0};
    each (s->sysctls, i) {
        const struct sysctl *c = &s->sysctls.at[i];
        const struct path *item = PATH_AT(PATH(at, "sysctls"), i);
        if (!c->name.n)
            field_required(e, PATH(item, "name"), "%s", "");
        else if (!is_sysctl(c->name))
            field_invalid(e, PATH(item, "name"), c->name,
                          "must have at most 253 characters and match regex "
                          "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$");
        else if (map_put(&names, c->name, (void *)c))
            field_duplicate(e, PATH(item, "name"), c->name);
        if (pod->host_network && str_starts(c->name, STR("net.")))
            field_invalid(e, PATH(item, "name"), c->name, "may not be specified when 'hostNetwork' is true");
        if (pod->host_ipc &&
            (str_starts(c->name, STR("kernel.shm")) || str_starts(c->name, STR("kernel.msg")) ||
             str_is(c->name, "kernel.sem") || str_starts(c->name, STR("fs.mqueue."))))
            field_invalid(e, PATH(item, "name"), c->name, "may not be specified when 'hostIPC' is true");
    }
}
