#include "server/flow/flow_match.h"

#include "auth/service_account.h"

static bool has(const struct str_vec *v, struct str s)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_is(v->at[i], "*") || str_eq(v->at[i], s))
            return true;
    return false;
}

static bool subject_matches(const struct flowcontrol_subject *s, const struct user *u)
{
    struct str ns, name;
    if (s->user)
        return str_is(s->user->name, "*") || str_eq(s->user->name, u->name);
    if (s->group) {
        for (size_t i = 0; i < u->groups.n; i++)
            if (str_is(s->group->name, "*") || str_eq(s->group->name, u->groups.at[i]))
                return true;
        return false;
    }
    return s->service_account && service_account_split(u->name, &ns, &name) &&
           str_eq(s->service_account->namespace, ns) &&
           (str_is(s->service_account->name, "*") || str_eq(s->service_account->name, name));
}

static bool resource_matches(const struct resource_policy_rule *r, const struct attributes *at)
{
    if (!has(&r->verbs, at->verb) || !has(&r->api_groups, at->group) ||
        !(at->ns.n ? has(&r->namespaces, at->ns) : r->cluster_scope))
        return false;
    for (size_t i = 0; i < r->resources.n; i++) {
        struct str want = r->resources.at[i];
        if (str_is(want, "*") || (!at->subresource.n && str_eq(want, at->resource)))
            return true;
        if (at->subresource.n && want.n == at->resource.n + 1 + at->subresource.n &&
            str_starts(want, at->resource) && want.p[at->resource.n] == '/' &&
            str_ends(want, at->subresource))
            return true;
    }
    return false;
}

static bool path_matches(const struct non_resource_policy_rule *r, const struct attributes *at)
{
    if (!has(&r->verbs, at->verb))
        return false;
    for (size_t i = 0; i < r->non_resource_urls.n; i++) {
        struct str want = r->non_resource_urls.at[i];
        if (str_is(want, "*") || str_eq(want, at->path) ||
            (str_ends(want, STR("/*")) && str_starts(at->path, str_slice(want.p, want.n - 1))))
            return true;
    }
    return false;
}

static bool rule_matches(const struct policy_rules_with_subjects *r, const struct attributes *at)
{
    bool subject = false, target = false;
    for (size_t i = 0; i < r->subjects.n && !subject; i++)
        subject = subject_matches(&r->subjects.at[i], at->user);
    for (size_t i = 0; subject && at->is_resource && i < r->resource_rules.n && !target; i++)
        target = resource_matches(&r->resource_rules.at[i], at);
    for (size_t i = 0; subject && !at->is_resource && i < r->non_resource_rules.n && !target; i++)
        target = path_matches(&r->non_resource_rules.at[i], at);
    return subject && target;
}

bool flow_schema_takes(const struct flow_schema *s, const struct attributes *at)
{
    for (size_t i = 0; i < s->spec.rules.n; i++)
        if (rule_matches(&s->spec.rules.at[i], at))
            return true;
    return false;
}

/* FNV-1a over the schema's name and what tells its flows apart. */
uint64_t flow_schema_hash(const struct flow_schema *s, const struct attributes *at)
{
    const struct flow_distinguisher_method *by = s->spec.distinguisher_method;
    struct str of[] = {s->metadata.name, !by                               ? (struct str){0}
                                         : str_is(by->type, "ByNamespace") ? at->ns
                                                                           : at->user->name};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < ARRAY_LEN(of); i++)
        for (size_t k = 0; k <= of[i].n; k++)
            hash = (hash ^ (k < of[i].n ? (unsigned char)of[i].p[k] : 0)) * UINT64_C(0x100000001b3);
    return hash;
}
