/* Quotas of resources (ValidateResourceQuota, pkg/apis/core/helper). */
#include "api/kind/kinds.h"
#include "api/resource_names.h"

/* What a scope can bound: the pods or claims that it takes. */
enum bounded { PODS_ONLY, PODS_AND_COMPUTE, CLAIMS };

static const struct scope {
    struct str name;
    enum bounded bounds;
    bool exists; /* it knows no values */
} scopes[] = {
    {STR_INIT("Terminating"), PODS_AND_COMPUTE, true},
    {STR_INIT("NotTerminating"), PODS_AND_COMPUTE, true},
    {STR_INIT("BestEffort"), PODS_ONLY, true},
    {STR_INIT("NotBestEffort"), PODS_AND_COMPUTE, true},
    {STR_INIT("PriorityClass"), PODS_AND_COMPUTE, false},
    {STR_INIT("CrossNamespacePodAffinity"), PODS_AND_COMPUTE, true},
    {STR_INIT("VolumeAttributesClass"), CLAIMS, false},
};

static const struct scope *scope_named(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
        if (str_eq(scopes[i].name, name))
            return &scopes[i];
    return NULL;
}

static bool bounds(const struct scope *s, struct str resource)
{
    static const struct str compute[] = {STR_INIT("cpu"),          STR_INIT("memory"),
                                         STR_INIT("limits.cpu"),   STR_INIT("limits.memory"),
                                         STR_INIT("requests.cpu"), STR_INIT("requests.memory")};
    if (s->bounds == CLAIMS)
        return str_is(resource, "persistentvolumeclaims") || str_is(resource, "requests.storage");
    for (size_t i = 0; s->bounds == PODS_AND_COMPUTE && i < ARRAY_LEN(compute); i++)
        if (str_eq(compute[i], resource))
            return true;
    return str_is(resource, "pods");
}

/* One complaint per resource that the scope has nothing to do with. */
static void valid_bounds(struct field_errors *e, const struct path *at, struct bad_value bad,
                         struct str scope, const struct str_map *hard)
{
    const struct scope *s = scope_named(scope);
    each (*hard, i)
        if (s && (resource_uses(hard->at[i].key) & RESOURCE_OF_QUOTA) && !bounds(s, hard->at[i].key))
            field_error(e, FIELD_ERROR_INVALID, at, bad, "unsupported scope applied to resource");
}

static void valid_unlike(struct field_errors *e, const struct path *at, const struct str_vec *names,
                         const struct str_vec *shown)
{
    static const struct str pairs[][2] = {{STR_INIT("BestEffort"), STR_INIT("NotBestEffort")},
                                          {STR_INIT("Terminating"), STR_INIT("NotTerminating")}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (str_vec_has(names, pairs[i][0]) && str_vec_has(names, pairs[i][1]))
            field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, shown), "conflicting scopes");
}

static void valid_scopes(struct field_errors *e, const struct path *at, const struct resource_quota_spec *s)
{
    each (s->scopes, i) {
        if (!scope_named(s->scopes.at[i]))
            field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, &s->scopes), "unsupported scope");
        valid_bounds(e, at, valid_bad_list(e, &s->scopes), s->scopes.at[i], &s->hard);
    }
    valid_unlike(e, at, &s->scopes, &s->scopes);
}

static void valid_expression(struct field_errors *e, const struct path *at,
                             const struct scoped_resource_selector_requirement *r)
{
    const struct scope *s = scope_named(r->scope_name);
    if (s && s->exists && !str_is(r->operator, "Exists"))
        field_invalid(e, PATH(at, "operator"), r->operator,
                      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                      "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                      "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity");
    if (str_is(r->operator, "In") || str_is(r->operator, "NotIn")) {
        if (!r->values.n)
            field_required(e, PATH(at, "values"),
                           "must be at least one value when `operator` is 'In' or 'NotIn' for scope "
                           "selector");
    } else if (!str_is(r->operator, "Exists") && !str_is(r->operator, "DoesNotExist"))
        field_invalid(e, PATH(at, "operator"), r->operator, "not a valid selector operator");
    else if (r->values.n)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "values"), valid_bad_list(e, &r->values),
                    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
}

static void valid_scope_selector(struct field_errors *e, const struct path *at,
                                 const struct resource_quota_spec *s)
{
    struct str_vec names = {0};
    if (!s->scope_selector)
        return;
    each (s->scope_selector->match_expressions, i) {
        const struct scoped_resource_selector_requirement *r = &s->scope_selector->match_expressions.at[i];
        if (!scope_named(r->scope_name))
            field_invalid(e, PATH(at, "scopeName"), r->scope_name, "unsupported scope");
        valid_bounds(e, at, valid_bad(e, &scope_selector_type, s->scope_selector), r->scope_name, &s->hard);
        valid_expression(e, at, r);
        str_vec_add(&names, &e->arena, r->scope_name);
    }
    valid_unlike(e, at, &names, &s->scopes);
}

static void valid_amounts(struct field_errors *e, const struct path *at, const struct str_map *amounts)
{
    each (*amounts, i) {
        const struct path *item = PATH_OF(at, amounts->at[i].key);
        valid_resource_name(e, item, amounts->at[i].key, RESOURCES_OF_QUOTA);
        valid_resource_amount(e, item, amounts->at[i].key, amounts->at[i].value);
    }
}

static void quota_validate(const void *o, struct field_errors *e)
{
    const struct resource_quota *q = o;
    struct path spec = path_child(NULL, STR("spec"));
    valid_amounts(e, PATH(&spec, "hard"), &q->spec.hard);
    valid_scopes(e, PATH(&spec, "scopes"), &q->spec);
    valid_scope_selector(e, PATH(PATH(&spec, "scopeSelector"), "matchExpressions"), &q->spec);
}

static void quota_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct resource_quota_status *s = &((const struct resource_quota *)o)->status;
    struct path status = path_child(NULL, STR("status"));
    (void)old;
    valid_amounts(e, PATH(&status, "hard"), &s->hard);
    valid_amounts(e, PATH(&status, "used"), &s->used);
}

static void quota_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct resource_quota *now = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    bool same = true;
    each (now->spec.scopes, i)
        same &= str_vec_has(&old->spec.scopes, now->spec.scopes.at[i]);
    each (old->spec.scopes, i)
        same &= str_vec_has(&now->spec.scopes, old->spec.scopes.at[i]);
    valid_immutable(e, PATH(&spec, "scopes"), same, valid_bad_list(e, &now->spec.scopes));
}

const struct strategy resource_quota_strategy = {
    .resource = &resource_quota_resource,
    .flags = STRATEGY_RETURNS_DELETED,
    .validate = quota_validate,
    .validate_update = quota_validate_update,
    .validate_status = quota_validate_status,
};
