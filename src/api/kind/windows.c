/* The pod's operating system: what Windows has of its own, and what each system has not
 * (validateWindowsSecurityContextOptions, validateWindowsHostProcessPod, validateLinux, validateWindows). */
#include <ctype.h>
#include <string.h>

#include "api/kind/container.h"

enum { SPEC_MAX_KIB = 64, DOMAIN_MAX = 256, USER_MAX = 104, NETBIOS_MAX = 15 };

static bool has_any(struct str s, const char *chars)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] && strchr(chars, s.p[i]))
            return true;
    return false;
}

static bool is_dns_domain(struct str s)
{
    struct str rest = s, part;
    while (str_cut(&rest, '.', &part)) {
        if (!part.n || part.n > 63 || part.p[0] == '-' || part.p[part.n - 1] == '-')
            return false;
        for (size_t i = 0; i < part.n; i++)
            if (!isalnum((unsigned char)part.p[i]) && part.p[i] != '-')
                return false;
    }
    return s.n && s.p[s.n - 1] != '.';
}

static bool is_netbios(struct str s)
{
    return s.n && s.n <= NETBIOS_MAX && s.p[0] != '.' && !has_any(s, "\\/:*?\"<>|");
}

/* DOMAIN\USER, or a user alone. */
static void valid_windows_user(struct field_errors *e, const struct path *at, struct str name)
{
    struct str user = name, domain = STR("");
    ptrdiff_t slash = str_index(name, '\\');
    bool control = false, blank = true;
    for (size_t i = 0; i < name.n; i++)
        control |= iscntrl((unsigned char)name.p[i]);
    if (!name.n || control || slash != str_last_index(name, '\\')) {
        field_invalid(e, at, name, "runAsUserName cannot %s",
                      !name.n   ? "be an empty string"
                      : control ? "contain control characters"
                                : "contain more than one backslash");
        return;
    }
    if (slash >= 0) {
        domain = str_slice(name.p, (size_t)slash);
        user = str_from_at(name, (size_t)slash + 1);
    }
    for (size_t i = 0; i < user.n; i++)
        blank &= user.p[i] == '.' || user.p[i] == ' ';
    if (domain.n >= DOMAIN_MAX)
        field_invalid(e, at, name, "runAsUserName's Domain length must be under %d characters", DOMAIN_MAX);
    if (slash >= 0 && !is_netbios(domain) && !is_dns_domain(domain))
        field_invalid(e, at, name, "runAsUserName's Domain doesn't match the NetBios nor the DNS format");
    if (!user.n)
        field_invalid(e, at, name, "runAsUserName's User cannot be empty");
    else if (user.n > USER_MAX)
        field_invalid(e, at, name, "runAsUserName's User length must not be longer than %d characters",
                      USER_MAX);
    if (user.n && blank)
        field_invalid(e, at, name, "runAsUserName's User cannot contain only periods or spaces");
    if (has_any(user, "\"/\\:;|=,+*?<>@[]"))
        field_invalid(e, at, name,
                      "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
}

void valid_windows_options(struct field_errors *e, const struct path *at,
                           const struct windows_security_context_options *o)
{
    const struct path *spec = PATH(at, "gmsaCredentialSpec");
    if (!o)
        return;
    if (o->gmsa_credential_spec_name)
        format_validate(e, PATH(at, "gmsaCredentialSpecName"), FORMAT_DNS1123_SUBDOMAIN,
                        *o->gmsa_credential_spec_name);
    if (o->gmsa_credential_spec && !o->gmsa_credential_spec->n)
        field_invalid(e, spec, STR(""), "gmsaCredentialSpec cannot be an empty string");
    else if (o->gmsa_credential_spec && o->gmsa_credential_spec->n > SPEC_MAX_KIB * 1024)
        field_invalid(e, spec, *o->gmsa_credential_spec, "gmsaCredentialSpec size must be under %d KiB",
                      SPEC_MAX_KIB);
    if (o->run_as_user_name)
        valid_windows_user(e, PATH(at, "runAsUserName"), *o->run_as_user_name);
}

/* --- containers that are processes of the host: all of a pod's, or none --- */

struct host_process {
    struct field_errors *e;
    const bool *pod;
    size_t all, of_host;
};

static void visit_host_process(const struct container *c, const struct path *at, void *arg)
{
    struct host_process *h = arg;
    const bool *own = c->security_context && c->security_context->windows_options
                          ? c->security_context->windows_options->host_process
                          : NULL;
    const struct path *options = PATH(PATH(at, "securityContext"), "windowsOptions");
    if (own && h->pod && *own != *h->pod)
        field_error(h->e, FIELD_ERROR_INVALID, PATH(options, "hostProcess"),
                    BAD_RAW(*own ? STR("true") : STR("false")),
                    "pod hostProcess value must be identical if both are specified, was %s",
                    *h->pod ? "true" : "false");
    h->all++;
    h->of_host += own ? *own : h->pod && *h->pod;
}

void valid_host_process(struct field_errors *e, const struct path *spec, const struct pod_spec *pod)
{
    const struct windows_security_context_options *o =
        pod->security_context ? pod->security_context->windows_options : NULL;
    struct host_process h = {.e = e, .pod = o ? o->host_process : NULL};
    containers_visit(pod, spec, visit_host_process, &h);
    if (!h.of_host)
        return;
    if (h.of_host != h.all)
        field_invalid(
            e, spec, STR(""),
            "If pod contains any hostProcess containers then all containers must be HostProcess containers");
    if (!pod->host_network)
        field_error(e, FIELD_ERROR_INVALID, PATH(spec, "hostNetwork"), BAD_RAW(STR("false")),
                    "hostNetwork must be true if pod contains any hostProcess containers");
}

/* --- what a system has not --- */

struct forbidden {
    const char *field;
    bool set;
};

static void forbid(struct field_errors *e, const struct path *at, const struct forbidden *fields, size_t n,
                   const char *why)
{
    for (size_t i = 0; i < n; i++) {
        struct path field = path_child(at, str_from(fields[i].field));
        if (fields[i].set)
            field_forbidden(e, &field, "%s", why);
    }
}

static const char *const no_windows = "windows options cannot be set for a linux pod",
                         *const no_linux = "cannot be set for a windows pod";

static void visit_linux(const struct container *c, const struct path *at, void *arg)
{
    if (c->security_context && c->security_context->windows_options)
        field_forbidden(arg, PATH(PATH(at, "securityContext"), "windowsOptions"), "%s", no_windows);
}

static void visit_windows(const struct container *c, const struct path *at, void *arg)
{
    const struct security_context *s = c->security_context;
    if (!s)
        return;
    const struct forbidden fields[] = {
        {"appArmorProfile", s->app_armor_profile},
        {"seLinuxOptions", s->se_linux_options},
        {"seccompProfile", s->seccomp_profile},
        {"capabilities", s->capabilities},
        {"readOnlyRootFilesystem", s->read_only_root_filesystem},
        {"privileged", s->privileged},
        {"allowPrivilegeEscalation", s->allow_privilege_escalation},
        {"procMount", s->proc_mount},
        {"runAsUser", s->run_as_user},
        {"runAsGroup", s->run_as_group},
    };
    forbid(arg, PATH(at, "securityContext"), fields, ARRAY_LEN(fields), no_linux);
}

static void valid_windows_pod(struct field_errors *e, const struct path *spec, const struct pod_spec *pod)
{
    const struct pod_security_context *s = pod->security_context;
    const struct forbidden of_spec[] = {
        {"hostUsers", pod->host_users},
        {"hostPID", pod->host_pid},
        {"hostIPC", pod->host_ipc},
        {"shareProcessNamespace", pod->share_process_namespace},
    };
    forbid(e, spec, of_spec, ARRAY_LEN(of_spec), no_linux);
    if (s) {
        const struct forbidden fields[] = {
            {"appArmorProfile", s->app_armor_profile},
            {"seLinuxOptions", s->se_linux_options},
            {"seccompProfile", s->seccomp_profile},
            {"fsGroup", s->fs_group},
            {"fsGroupChangePolicy", s->fs_group_change_policy},
            {"sysctls", s->sysctls.n},
            {"runAsUser", s->run_as_user},
            {"runAsGroup", s->run_as_group},
            {"supplementalGroups", s->supplemental_groups.at},
            {"supplementalGroupsPolicy", s->supplemental_groups_policy},
            {"seLinuxChangePolicy", s->se_linux_change_policy},
        };
        forbid(e, PATH(spec, "securityContext"), fields, ARRAY_LEN(fields), no_linux);
    }
    containers_visit(pod, spec, visit_windows, e);
}

void valid_pod_os(struct field_errors *e, const struct path *spec, const struct pod_spec *pod)
{
    const struct path *at = PATH(spec, "os");
    const struct pod_security_context *s = pod->security_context;
    if (!pod->os)
        return;
    if (!pod->os->name.n)
        field_required(e, PATH(at, "name"), "cannot be empty");
    else if (str_is(pod->os->name, "linux")) {
        if (s && s->windows_options)
            field_forbidden(e, PATH(PATH(spec, "securityContext"), "windowsOptions"), "%s", no_windows);
        containers_visit(pod, spec, visit_linux, e);
    } else if (str_is(pod->os->name, "windows"))
        valid_windows_pod(e, spec, pod);
    else
        field_not_supported(e, at, pod->os->name, (const struct str[]){STR("linux"), STR("windows")}, 2);
}
