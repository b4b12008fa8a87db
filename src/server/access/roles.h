/* Upstream's default roles and bindings (v1.36), as data, and their reconciliation at start: what is missing
 * is added, what an administrator added stays, unless the annotation
 * rbac.authorization.kubernetes.io/autoupdate is "false". */
#pragma once
#include "server/access/rbac.h"

/* One default rule. Words are separated by spaces; "-" in `groups` is the core group. */
struct role_rule {
    const char *verbs, *groups, *resources,
        *names; /* or, with groups NULL, resources are non-resource URLs */
};

/* A default role: of the cluster, or of a namespace. */
struct role_default {
    const char *ns; /* NULL: cluster role */
    const char *name;
    const char *labels;    /* "admin": aggregated to it; NULL: none */
    const char *aggregate; /* gathers what is labelled so; NULL: none */
    const struct role_rule *rules;
    size_t n_rules;
};

/* A default binding. Subjects: "user:NAME", "group:NAME", "sa:NAMESPACE:NAME", separated by spaces. */
struct binding_default {
    const char *ns; /* NULL: cluster role binding */
    const char *name, *role;
    const char *subjects;
};

extern const struct role_default role_defaults[];
extern const size_t n_role_defaults;
extern const struct binding_default binding_defaults[];
extern const size_t n_binding_defaults;
/* Each controller's role "system:controller:X" is bound to the service account X of kube-system. */

/* The rules of a default role as structs, in `a`. */
void role_default_rules(const struct role_default *d, struct arena *a, struct policy_rule_vec *out);
/* Whether a default cluster role, as declared, allows something. */
bool role_default_allows(const char *name, const struct attributes *a);
