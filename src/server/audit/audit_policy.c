#include "server/audit/audit_policy.h"

#include "schema/config.h"
#include "schema/errors.h"
#include "schema/validate.h"

/* --- reading --- */

static bool is_url(struct str url)
{
    ptrdiff_t star = str_index(url, '*');
    return str_is(url, "*") || (str_starts(url, STR("/")) && (star < 0 || (size_t)star == url.n - 1));
}

static void check_rule(struct field_errors *e, const struct path *at, const struct audit_policy_rule *r)
{
    for (size_t i = 0; i < r->non_resource_urls.n; i++)
        if (!is_url(r->non_resource_urls.at[i]))
            field_invalid(e, PATH_AT(PATH(at, "nonResourceURLs"), i), r->non_resource_urls.at[i],
                          "non-resource URL rules must begin with a '/' character, and may end in '*' only");
    for (size_t i = 0; i < r->resources.n; i++)
        if (r->resources.at[i].resource_names.n && !r->resources.at[i].resources.n)
            field_invalid(e, PATH(PATH_AT(PATH(at, "resources"), i), "resourceNames"),
                          r->resources.at[i].resource_names.at[0],
                          "using resourceNames requires at least one resource");
    if (r->non_resource_urls.n && (r->resources.n || r->namespaces.n))
        field_invalid(e, PATH(at, "nonResourceURLs"), r->non_resource_urls.at[0],
                      "rules cannot apply to both regular resources and non-resource URLs");
}

int audit_policy_parse(struct arena *a, struct str text, const struct policy **out, struct err *err)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    struct path rules = path_child(NULL, STR("rules"));
    void *typed;
    if (config_decode(a, &policy_resource, NULL, text, &typed, err) < 0)
        return err_wrap(err, "the audit policy");
    const struct policy *p = *out = typed;
    validate_struct(&e, NULL, &policy_type, p, 0);
    if (!p->rules.n)
        field_required(&e, &rules, "an audit policy without rules notes nothing");
    for (size_t i = 0; i < p->rules.n; i++)
        check_rule(&e, PATH_AT(&rules, i), &p->rules.at[i]);
    return field_errors_status(&e, policy_resource.group, policy_resource.kind, STR(""), err);
}

/* --- deciding --- */

static bool has(const struct str_vec *v, struct str s)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_eq(v->at[i], s))
            return true;
    return false;
}

static bool any_of(const struct str_vec *v, const struct str_vec *wanted)
{
    for (size_t i = 0; i < wanted->n; i++)
        if (has(v, wanted->at[i]))
            return true;
    return false;
}

static bool url_matches(const struct audit_policy_rule *r, const struct attributes *a)
{
    for (size_t i = 0; !a->is_resource && i < r->non_resource_urls.n; i++) {
        struct str url = r->non_resource_urls.at[i];
        bool below = str_ends(url, STR("*"));
        if (below ? str_starts(a->path, str_slice(url.p, url.n - 1)) : str_eq(a->path, url))
            return true;
    }
    return false;
}

/* "pods", "pods/log", all of pods, all called log, "*" */
static bool resource_named(struct str spec, const struct attributes *a)
{
    struct str sub = spec, res;
    if (str_is(spec, "*"))
        return true;
    bool has_sub = str_index(spec, '/') >= 0;
    str_cut(&sub, '/', &res);
    if (!has_sub)
        return str_empty(a->subresource) && str_eq(res, a->resource);
    if (str_is(res, "*"))
        return !str_empty(a->subresource) && str_eq(sub, a->subresource);
    return str_eq(res, a->resource) && (str_is(sub, "*") || str_eq(sub, a->subresource));
}

static bool resource_matches(const struct audit_policy_rule *r, const struct attributes *a)
{
    if (!a->is_resource || (r->namespaces.n && !has(&r->namespaces, a->ns)))
        return false;
    for (size_t i = 0; i < r->resources.n; i++) {
        const struct group_resources *g = &r->resources.at[i];
        if (!str_eq(g->group, a->group))
            continue;
        if (!g->resources.n)
            return true;
        for (size_t k = 0; k < g->resources.n; k++)
            if ((!g->resource_names.n || has(&g->resource_names, a->name)) &&
                resource_named(g->resources.at[k], a))
                return true;
    }
    return !r->resources.n;
}

static bool rule_takes(const struct audit_policy_rule *r, const struct attributes *a)
{
    if ((r->users.n && !has(&r->users, a->user->name)) ||
        (r->user_groups.n && !any_of(&r->user_groups, &a->user->groups)) ||
        (r->verbs.n && !has(&r->verbs, a->verb)))
        return false;
    if (r->namespaces.n || r->resources.n)
        return resource_matches(r, a);
    return !r->non_resource_urls.n || url_matches(r, a);
}

static enum audit_level level_of(struct str name)
{
    return str_eq(name, LEVEL_METADATA)           ? AUDIT_METADATA
           : str_eq(name, LEVEL_REQUEST)          ? AUDIT_REQUEST
           : str_eq(name, LEVEL_REQUEST_RESPONSE) ? AUDIT_REQUEST_RESPONSE
                                                  : AUDIT_NONE;
}

struct audit_decision audit_policy_decide(const struct policy *p, const struct attributes *a)
{
    for (size_t i = 0; i < p->rules.n; i++) {
        const struct audit_policy_rule *r = &p->rules.at[i];
        if (rule_takes(r, a))
            return (struct audit_decision){level_of(r->level), p, r};
    }
    return (struct audit_decision){.level = AUDIT_NONE};
}

bool audit_omits_stage(const struct audit_decision *d, struct str stage)
{
    return has(&d->policy->omit_stages, stage) || has(&d->rule->omit_stages, stage);
}

bool audit_omits_managed_fields(const struct audit_decision *d)
{
    return d->rule->omit_managed_fields ? *d->rule->omit_managed_fields : d->policy->omit_managed_fields;
}
