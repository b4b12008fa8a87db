/* The built-in admission plugins, in the order that upstream runs them. Each looks at the attributes and
 * changes attributes->object (mutate) or refuses (-1, err set). Those that ask the authorizer may have to
 * wait for it: 1, and they are run again once the request is woken. */
#pragma once
#include "api/answer.h"
#include "api/api.h"

struct admission_plugin {
    const char *name;
    int (*mutate)(struct api *a, struct api_attributes *at, struct err *err);
    int (*validate)(struct api *a, struct api_attributes *at, struct err *err);
};

extern const struct admission_plugin namespace_lifecycle, service_account_admission, priority_admission,
    default_tolerations, limit_ranger, default_storage_class, default_ingress_class, resource_quota_admission,
    taint_nodes, node_restriction, pod_security_admission, runtime_class_admission, claim_resize,
    mutating_policies, validating_policies, storage_protection, always_pull_images, deny_external_ips;

/* Refuses: "pods "x" is forbidden: ...", named as far as the object has a name yet. Returns -1. */
int admission_forbid(const struct api_attributes *at, struct err *err, const char *fmt, ...) _printf_(3, 4);
/* Whether the change is a create of this kind itself, no subresource. */
bool admission_creates(const struct api_attributes *at, const struct resource *r);
bool admission_updates(const struct api_attributes *at, const struct resource *r);
