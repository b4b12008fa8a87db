/* Role-based access control over the store's own roles and bindings: an index from subject to bindings,
 * brought up to date by watches before each question. Any thread. */
#pragma once
#include "api/api.h"
#include "kinds/rbac_v1.h"

/* What someone wants to do (upstream: authorizer.Attributes). */
struct attributes {
    const struct user *user;
    struct str verb;
    bool is_resource;
    struct str group, version, resource, subresource, ns, name;
    struct str field_selector, label_selector; /* of list, watch and deletecollection */
    struct str path;                           /* of everything that is no resource */
};

struct rbac;

int rbac_new(struct store *s, struct rbac **out, struct err *err);
void rbac_free(struct rbac *r);

/* By which binding, and as whom, someone has a rule. Good during the visit only. */
struct grant {
    struct object *binding;
    char subject_kind; /* 'U' or 'G' */
    struct str subject;
};

/* Calls `visit` for each rule that the user has in a namespace ("": cluster-wide ones only), until it returns
 * false. Roles that a binding names and that are not there are told to `missing` (may be NULL). */
void rbac_each_rule(struct rbac *r, const struct user *u, struct str ns,
                    bool (*visit)(void *arg, const struct policy_rule *rule, const struct grant *by),
                    void *arg, struct buf *missing);
bool rbac_allows(struct rbac *r, const struct attributes *a, struct buf *reason);

bool rule_allows(const struct policy_rule *rule, const struct attributes *a);
/* The rules of a role that a binding refers to, in `a` (deep enough to outlive the role); -1: no such role.
 */
int rbac_role_rules(struct rbac *r, const struct role_ref *ref, struct str ns, struct arena *a,
                    struct policy_rule_vec *out, struct err *err);
