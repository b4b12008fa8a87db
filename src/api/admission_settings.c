#include "api/admission_settings.h"

#include "api/pod_security/pod_security.h"
#include "base/file.h"
#include "kinds/apiserver_v1.h"
#include "kinds/podsecurity_v1.h"
#include "kinds/resourcequota_v1.h"
#include "schema/config.h"
#include "schema/errors.h"
#include "schema/format.h"

enum { FILE_MOST = 1 << 20 };
#define BIT(id) (UINT32_C(1) << (id))

static const char *const names[ADMISSION_PLUGINS] = {
    [PLUGIN_NAMESPACE_LIFECYCLE] = "NamespaceLifecycle",
    [PLUGIN_LIMIT_RANGER] = "LimitRanger",
    [PLUGIN_SERVICE_ACCOUNT] = "ServiceAccount",
    [PLUGIN_NODE_RESTRICTION] = "NodeRestriction",
    [PLUGIN_TAINT_NODES] = "TaintNodesByCondition",
    [PLUGIN_ALWAYS_PULL_IMAGES] = "AlwaysPullImages",
    [PLUGIN_POD_SECURITY] = "PodSecurity",
    [PLUGIN_PRIORITY] = "Priority",
    [PLUGIN_DEFAULT_TOLERATIONS] = "DefaultTolerationSeconds",
    [PLUGIN_DEFAULT_STORAGE_CLASS] = "DefaultStorageClass",
    [PLUGIN_STORAGE_PROTECTION] = "StorageObjectInUseProtection",
    [PLUGIN_CLAIM_RESIZE] = "PersistentVolumeClaimResize",
    [PLUGIN_RUNTIME_CLASS] = "RuntimeClass",
    [PLUGIN_DEFAULT_INGRESS_CLASS] = "DefaultIngressClass",
    [PLUGIN_DENY_EXTERNAL_IPS] = "DenyServiceExternalIPs",
    [PLUGIN_MUTATING_POLICIES] = "MutatingAdmissionPolicy",
    [PLUGIN_MUTATING_WEBHOOKS] = "MutatingAdmissionWebhook",
    [PLUGIN_VALIDATING_POLICIES] = "ValidatingAdmissionPolicy",
    [PLUGIN_VALIDATING_WEBHOOKS] = "ValidatingAdmissionWebhook",
    [PLUGIN_RESOURCE_QUOTA] = "ResourceQuota",
};

const struct admission_settings admission_settings_default = {.off = BIT(PLUGIN_ALWAYS_PULL_IMAGES) |
                                                                     BIT(PLUGIN_DENY_EXTERNAL_IPS)};

const char *admission_plugin_name(enum admission_plugin_id id)
{
    return names[id];
}

/* --- on and off --- */

static int find(const char *flag, struct str name, struct err *err)
{
    for (int i = 0; i < ADMISSION_PLUGINS; i++)
        if (str_is(name, names[i]))
            return i;
    return err_set(err, ERR_BAD_REQUEST, "%s-admission-plugins plugin \"" STR_FMT "\" is unknown", flag,
                   STR_ARG(name));
}

int admission_settings_choose(struct admission_settings *s, const struct str_vec *on,
                              const struct str_vec *off, struct err *err)
{
    uint32_t enabled = 0;
    for (size_t i = 0; i < on->n; i++) {
        int id = find("enable", on->at[i], err);
        if (id < 0)
            return -1;
        enabled |= BIT(id);
        s->off &= ~BIT(id);
    }
    for (size_t i = 0; i < off->n; i++) {
        int id = find("disable", off->at[i], err);
        if (id < 0)
            return -1;
        if (enabled & BIT(id))
            return err_set(err, ERR_BAD_REQUEST,
                           STR_FMT " in enable-admission-plugins and disable-admission-plugins "
                                   "overlapped",
                           STR_ARG(off->at[i]));
        s->off |= BIT(id);
    }
    return 0;
}

/* --- what plugins are told --- */

static void check_names(struct field_errors *e, const struct path *at, struct str_vec v, enum format format)
{
    for (size_t i = 0; i < v.n; i++) {
        if (format == FORMAT_NONE && !v.at[i].n)
            field_invalid(e, PATH_AT(at, i), v.at[i], "username must not be empty");
        else if (format != FORMAT_NONE)
            format_validate(e, PATH_AT(at, i), format, v.at[i]);
        for (size_t k = 0; k < i; k++)
            if (str_eq(v.at[i], v.at[k])) {
                field_duplicate(e, PATH_AT(at, i), v.at[i]);
                break;
            }
    }
}

static int take_pod_security(struct admission_settings *s, struct arena *a, struct str text, struct err *err)
{
    static const char *const earlier[] = {"pod-security.admission.config.k8s.io/v1beta1",
                                          "pod-security.admission.config.k8s.io/v1alpha1", NULL};
    _cleanup_field_errors_ struct field_errors e = {0};
    void *typed;
    if (config_decode(a, &pod_security_configuration_resource, earlier, text, &typed, err) < 0)
        return -1;
    const struct pod_security_configuration *c = s->pod_security = typed;
    const struct {
        const char *name;
        struct str level, version;
    } modes[] = {{"enforce", c->defaults.enforce, c->defaults.enforce_version},
                 {"audit", c->defaults.audit, c->defaults.audit_version},
                 {"warn", c->defaults.warn, c->defaults.warn_version}};
    struct path defaults = path_child(NULL, STR("defaults")),
                exemptions = path_child(NULL, STR("exemptions"));
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        enum pod_security_level level;
        unsigned version;
        struct path by_level = path_child(&defaults, str_from(modes[i].name)),
                    by_version = path_child(&defaults, arena_printf(a, "%s-version", modes[i].name));
        if (modes[i].level.n && !pod_security_level_parse(modes[i].level, &level))
            field_invalid(&e, &by_level, modes[i].level, "must be one of privileged, baseline, restricted");
        if (modes[i].version.n && !pod_security_version_parse(modes[i].version, &version))
            field_invalid(&e, &by_version, modes[i].version, "must be \"latest\" or \"v1.x\"");
    }
    check_names(&e, PATH(&exemptions, "namespaces"), c->exemptions.namespaces, FORMAT_DNS1123_LABEL);
    check_names(&e, PATH(&exemptions, "runtimeClasses"), c->exemptions.runtime_classes,
                FORMAT_DNS1123_SUBDOMAIN);
    check_names(&e, PATH(&exemptions, "usernames"), c->exemptions.usernames, FORMAT_NONE);
    return field_errors_status(&e, pod_security_configuration_resource.group,
                               pod_security_configuration_resource.kind, STR(""), err);
}

static int take_quota(struct admission_settings *s, struct arena *a, struct str text, struct err *err)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    struct path list = path_child(NULL, STR("limitedResources"));
    void *typed;
    if (config_decode(a, &resource_quota_configuration_resource, NULL, text, &typed, err) < 0)
        return -1;
    const struct resource_quota_configuration *c = s->quota = typed;
    for (size_t i = 0; i < c->limited_resources.n; i++)
        if (!c->limited_resources.at[i].resource.n)
            field_required(&e, PATH(PATH_AT(&list, i), "resource"), "what is limited must be said");
    return field_errors_status(&e, resource_quota_configuration_resource.group,
                               resource_quota_configuration_resource.kind, STR(""), err);
}

static const struct {
    enum admission_plugin_id id;
    int (*take)(struct admission_settings *s, struct arena *a, struct str text, struct err *err);
} takers[] = {{PLUGIN_POD_SECURITY, take_pod_security}, {PLUGIN_RESOURCE_QUOTA, take_quota}};

/* --- the file --- */

/* The text of a plugin's configuration; empty: it has none. */
static int configuration_of(const struct admission_plugin_configuration *p, struct arena *a, const char *dir,
                            struct str *text, struct err *err)
{
    _cleanup_buf_ struct buf file = {0};
    *text = p->configuration ? *p->configuration : (struct str){0};
    if (text->n || !p->path.n)
        return 0;
    struct str path = p->path.p[0] == '/' ? p->path : arena_printf(a, "%s/" STR_FMT, dir, STR_ARG(p->path));
    if (file_read(arena_c(a, path), FILE_MOST, &file, err) < 0)
        return -1;
    *text = arena_str(a, buf_str(&file));
    return 0;
}

int admission_settings_read(struct admission_settings *s, struct arena *a, struct str text, const char *dir,
                            struct err *err)
{
    static const char *const earlier[] = {"apiserver.k8s.io/v1alpha1", NULL};
    void *typed;
    if (config_decode(a, &admission_configuration_resource, earlier, text, &typed, err) < 0)
        return -1;
    const struct admission_configuration *c = typed;
    for (size_t i = 0; i < c->plugins.n; i++)
        for (size_t t = 0; t < ARRAY_LEN(takers); t++) {
            struct str own;
            if (!str_is(c->plugins.at[i].name, names[takers[t].id]))
                continue;
            if (configuration_of(&c->plugins.at[i], a, dir, &own, err) < 0 ||
                (own.n && takers[t].take(s, a, own, err) < 0))
                return err_wrap(err, "failed to initialize admission plugin \"%s\"", names[takers[t].id]);
        }
    return 0;
}
