/* Which admission plugins run, and what a file says of them: upstream's AdmissionConfiguration,
 * --enable-admission-plugins and --disable-admission-plugins. Immutable. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

struct pod_security_configuration;   /* kinds/podsecurity_v1.h */
struct resource_quota_configuration; /* kinds/resourcequota_v1.h */

/* In upstream's order. */
enum admission_plugin_id {
    PLUGIN_NAMESPACE_LIFECYCLE,
    PLUGIN_LIMIT_RANGER,
    PLUGIN_SERVICE_ACCOUNT,
    PLUGIN_NODE_RESTRICTION,
    PLUGIN_TAINT_NODES,
    PLUGIN_ALWAYS_PULL_IMAGES,
    PLUGIN_POD_SECURITY,
    PLUGIN_PRIORITY,
    PLUGIN_DEFAULT_TOLERATIONS,
    PLUGIN_DEFAULT_STORAGE_CLASS,
    PLUGIN_STORAGE_PROTECTION,
    PLUGIN_CLAIM_RESIZE,
    PLUGIN_RUNTIME_CLASS,
    PLUGIN_DEFAULT_INGRESS_CLASS,
    PLUGIN_DENY_EXTERNAL_IPS,
    PLUGIN_MUTATING_POLICIES,
    PLUGIN_MUTATING_WEBHOOKS,
    PLUGIN_VALIDATING_POLICIES,
    PLUGIN_VALIDATING_WEBHOOKS,
    PLUGIN_RESOURCE_QUOTA,
    ADMISSION_PLUGINS
};

struct admission_settings {
    uint32_t off;                                          /* plugins that do not run: bits, by id */
    const struct pod_security_configuration *pod_security; /* NULL: the usual */
    const struct resource_quota_configuration *quota;      /* NULL: nothing is limited by itself */
};

/* "PodSecurity" ... */
const char *admission_plugin_name(enum admission_plugin_id id);
/* What runs unless said otherwise. */
extern const struct admission_settings admission_settings_default;
/* Turns plugins on and off by name; an unknown name, or one in both lists, is an error. */
int admission_settings_choose(struct admission_settings *s, const struct str_vec *on,
                              const struct str_vec *off, struct err *err);
/* Reads an AdmissionConfiguration (YAML or JSON), whose plugins may name files, from `dir` on. All of it in
 * `a`. Plugins that are not known here are left out, as upstream does. */
int admission_settings_read(struct admission_settings *s, struct arena *a, struct str text, const char *dir,
                            struct err *err);
