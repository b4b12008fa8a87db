/* Roles and their bindings (pkg/apis/rbac/validation). */
#include "api/kind/kinds.h"
#include "kinds/rbac_v1.h"

/* --- roles --- */

static void valid_rules(struct field_errors *e, const struct policy_rule_vec *rules, bool namespaced)
{
    struct path list = path_child(NULL, STR("rules"));
    each (*rules, i) {
        const struct policy_rule *r = &rules->at[i];
        const struct path *at = PATH_AT(&list, i);
        if (!r->verbs.n)
            field_required(e, PATH(at, "verbs"), "verbs must contain at least one value");
        if (r->non_resource_urls.n) {
            if (namespaced)
                field_error(e, FIELD_ERROR_INVALID, PATH(at, "nonResourceURLs"),
                            valid_bad_list(e, &r->non_resource_urls),
                            "namespaced rules cannot apply to non-resource URLs");
            if (r->api_groups.n || r->resources.n || r->resource_names.n)
                field_error(e, FIELD_ERROR_INVALID, PATH(at, "nonResourceURLs"),
                            valid_bad_list(e, &r->non_resource_urls),
                            "rules cannot apply to both regular resources and non-resource URLs");
            continue;
        }
        if (!r->api_groups.n)
            field_required(e, PATH(at, "apiGroups"), "resource rules must supply at least one api group");
        if (!r->resources.n)
            field_required(e, PATH(at, "resources"), "resource rules must supply at least one resource");
    }
}

static void role_validate(const void *o, struct field_errors *e)
{
    valid_rules(e, &((const struct role *)o)->rules, true);
}

static void cluster_role_validate(const void *o, struct field_errors *e)
{
    const struct cluster_role *r = o;
    struct path at = path_child(NULL, STR("aggregationRule")),
                selectors = path_child(&at, STR("clusterRoleSelectors"));
    valid_rules(e, &r->rules, false);
    if (!r->aggregation_rule)
        return;
    if (!r->aggregation_rule->cluster_role_selectors.n)
        field_required(e, &selectors,
                       "at least one clusterRoleSelector required if aggregationRule is non-nil");
    each (r->aggregation_rule->cluster_role_selectors, i)
        valid_selector(e, PATH_AT(&selectors, i), &r->aggregation_rule->cluster_role_selectors.at[i]);
}

const struct strategy role_strategy = {
    .resource = &role_resource, .flags = STRATEGY_CREATE_ON_UPDATE, .validate = role_validate};
const struct strategy cluster_role_strategy = {.resource = &cluster_role_resource,
                                               .flags = STRATEGY_CREATE_ON_UPDATE,
                                               .validate = cluster_role_validate};

/* --- bindings: RoleBinding and ClusterRoleBinding have the same fields --- */

_Static_assert(sizeof(struct role_binding) == sizeof(struct cluster_role_binding), "one shape");

#define RBAC_GROUP "rbac.authorization.k8s.io"

static void binding_defaults(void *o, struct arena *a)
{
    struct role_binding *b = o;
    (void)a;
    if (!b->role_ref.api_group.n)
        b->role_ref.api_group = STR(RBAC_GROUP);
    each (b->subjects, i) {
        struct rbac_subject *s = &b->subjects.at[i];
        if (!s->api_group.n && (str_is(s->kind, "User") || str_is(s->kind, "Group")))
            s->api_group = STR(RBAC_GROUP);
    }
}

static void valid_subject(struct field_errors *e, const struct path *at, const struct rbac_subject *s,
                          bool namespaced)
{
    valid_required(e, PATH(at, "name"), s->name);
    bool account = str_is(s->kind, "ServiceAccount");
    if (account) {
        if (s->name.n)
            format_validate(e, PATH(at, "name"), FORMAT_DNS1123_SUBDOMAIN, s->name);
        if (s->api_group.n)
            field_not_supported(e, PATH(at, "apiGroup"), s->api_group, (const struct str[]){STR("")}, 1);
        if (!namespaced && !s->namespace.n)
            field_required(e, PATH(at, "namespace"), "%s", "");
    } else if (str_is(s->kind, "User") || str_is(s->kind, "Group")) {
        if (!str_is(s->api_group, RBAC_GROUP))
            field_not_supported(e, PATH(at, "apiGroup"), s->api_group, (const struct str[]){STR(RBAC_GROUP)},
                                1);
    } else
        field_not_supported(e, PATH(at, "kind"), s->kind,
                            (const struct str[]){STR("ServiceAccount"), STR("User"), STR("Group")}, 3);
}

static void valid_binding(const struct role_binding *b, struct field_errors *e, bool namespaced)
{
    struct path ref = path_child(NULL, STR("roleRef")), subjects = path_child(NULL, STR("subjects"));
    if (!str_is(b->role_ref.api_group, RBAC_GROUP))
        field_not_supported(e, PATH(&ref, "apiGroup"), b->role_ref.api_group,
                            (const struct str[]){STR(RBAC_GROUP)}, 1);
    if (!str_is(b->role_ref.kind, "ClusterRole") && !(namespaced && str_is(b->role_ref.kind, "Role")))
        field_not_supported(
            e, PATH(&ref, "kind"), b->role_ref.kind,
            (const struct str[]){namespaced ? STR("Role") : STR("ClusterRole"), STR("ClusterRole")},
            namespaced ? 2 : 1);
    valid_format(e, PATH(&ref, "name"), FORMAT_PATH_SEGMENT, b->role_ref.name);
    each (b->subjects, i)
        valid_subject(e, PATH_AT(&subjects, i), &b->subjects.at[i], namespaced);
}

static void role_binding_validate(const void *o, struct field_errors *e)
{
    valid_binding(o, e, true);
}

static void cluster_role_binding_validate(const void *o, struct field_errors *e)
{
    valid_binding(o, e, false);
}

static void binding_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct role_binding *now = o, *old = before;
    if (!same(&role_ref_type, &now->role_ref, &old->role_ref))
        field_error(
            e, FIELD_ERROR_INVALID, PATH(NULL, "roleRef"),
            BAD_RAW(arena_printf(
                &e->arena, "{\"apiGroup\":\"" STR_FMT "\",\"kind\":\"" STR_FMT "\",\"name\":\"" STR_FMT "\"}",
                STR_ARG(now->role_ref.api_group), STR_ARG(now->role_ref.kind), STR_ARG(now->role_ref.name))),
            "cannot change roleRef");
}

const struct strategy role_binding_strategy = {.resource = &role_binding_resource,
                                               .flags = STRATEGY_CREATE_ON_UPDATE,
                                               .defaults = binding_defaults,
                                               .validate = role_binding_validate,
                                               .validate_update = binding_validate_update};
const struct strategy cluster_role_binding_strategy = {.resource = &cluster_role_binding_resource,
                                                       .flags = STRATEGY_CREATE_ON_UPDATE,
                                                       .defaults = binding_defaults,
                                                       .validate = cluster_role_binding_validate,
                                                       .validate_update = binding_validate_update};
