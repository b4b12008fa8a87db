/* Nobody may give away more than they have: the guard over writes of roles and bindings. */
#include <stdlib.h>

#include "schema/copy.h"
#include "schema/quote.h"
#include "server/access/guard.h"
#include "server/access/rules.h"

/* The rules that a user holds, copied: the index may change under them. */
struct held {
    struct arena *arena;
    struct policy_rule_vec rules;
    size_t cap;
};

static bool hold(void *arg, const struct policy_rule *rule, const struct grant *by)
{
    (void)by;
    struct held *h = arg;
    if (h->rules.n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 32;
        struct policy_rule *at = arena_new_n(h->arena, struct policy_rule, h->cap);
        if (h->rules.n)
            memcpy(at, h->rules.at, h->rules.n * sizeof *at);
        h->rules.at = at;
    }
    struct_copy(h->arena, &policy_rule_type, &h->rules.at[h->rules.n++], rule);
    return true;
}

static int forbid(const struct api_request *r, struct str name, struct str text, struct err *err)
{
    err_set(err, ERR_FORBIDDEN, STR_FMT ".rbac.authorization.k8s.io \"" STR_FMT "\" is forbidden: " STR_FMT,
            STR_ARG(r->resource->plural), STR_ARG(name), STR_ARG(text));
    return err_about(err, r->resource->group, r->resource->plural, name);
}

/* Each rule granted must be one that the user has. */
static int confirm(struct authz *z, const struct api_request *r, struct str name,
                   const struct policy_rule_vec *granted, struct err *err)
{
    struct held held = {.arena = r->arena};
    _cleanup_buf_ struct buf text = {0}, unresolved = {0};
    rbac_each_rule(authz_rbac(z), r->user, r->ns, hold, &held, &unresolved);
    struct policy_rule_vec missing;
    rules_missing(&held.rules, granted, r->arena, &missing);
    if (!missing.n)
        return 0;
    rules_compact(&missing, r->arena);
    struct str *lines = arena_new_n(r->arena, struct str, missing.n);
    for (size_t i = 0; i < missing.n; i++) {
        _cleanup_buf_ struct buf line = {0};
        rule_describe(&missing.at[i], &line);
        lines[i] = arena_str(r->arena, buf_str(&line));
    }
    qsort(lines, missing.n, sizeof *lines, str_qsort);
    buf_add_lit(&text, "user ");
    quote_go(&text, r->user->name);
    buf_add_lit(&text, " (groups=[");
    for (size_t i = 0; i < r->user->groups.n; i++) {
        if (i)
            buf_add_c(&text, ' ');
        quote_go(&text, r->user->groups.at[i]);
    }
    buf_add_lit(&text, "]) is attempting to grant RBAC permissions not currently held:");
    for (size_t i = 0; i < missing.n; i++)
        buf_addf(&text, "\n" STR_FMT, STR_ARG(lines[i]));
    if (unresolved.n)
        buf_addf(&text, "; resolution errors: [" STR_FMT "]", STR_ARG(buf_str(&unresolved)));
    return forbid(r, name, buf_str(&text), err);
}

static enum authz_decision ask(const struct guard *g, const char *verb, const char *resource, struct str name)
{
    struct attributes a = {.user = g->request->user,
                           .verb = str_from(verb),
                           .is_resource = true,
                           .group = STR("rbac.authorization.k8s.io"),
                           .version = STR("v1"),
                           .resource = str_from(resource),
                           .ns = g->request->ns,
                           .name = name};
    return authz_ask(g->authz, g->request, &a, NULL);
}

int guard_cluster_role(const struct guard *g, struct object *before, const void *typed, struct err *err)
{
    const struct cluster_role *role = typed, *old = before ? object_typed(before) : NULL;
    struct str name = role->metadata.name;
    bool aggregated = role->aggregation_rule != NULL;
    bool was_aggregated = old && old->aggregation_rule;
    if (old && rules_equal(&old->rules, &role->rules) && aggregated == was_aggregated)
        return 0;
    enum authz_decision d = ask(g, "escalate", "clusterroles", name);
    if (d == AUTHZ_ALLOW || d == AUTHZ_WAIT)
        return d == AUTHZ_WAIT;
    if (aggregated) {
        static struct str any = STR_INIT("*");
        struct policy_rule all[] = {
            {.verbs = {&any, 1}, .api_groups = {&any, 1}, .resources = {&any, 1}},
            {.verbs = {&any, 1}, .non_resource_urls = {&any, 1}},
        };
        if (confirm(g->authz, g->request, name, &(struct policy_rule_vec){all, 2}, NULL) < 0)
            return forbid(g->request, name,
                          STR("must have cluster-admin privileges to use an aggregationRule"), err);
    }
    return confirm(g->authz, g->request, name, &role->rules, err);
}

int guard_role(const struct guard *g, struct object *before, const void *typed, struct err *err)
{
    const struct role *role = typed, *old = before ? object_typed(before) : NULL;
    if (old && rules_equal(&old->rules, &role->rules))
        return 0;
    enum authz_decision d = ask(g, "escalate", "roles", role->metadata.name);
    if (d == AUTHZ_ALLOW || d == AUTHZ_WAIT)
        return d == AUTHZ_WAIT;
    return confirm(g->authz, g->request, role->metadata.name, &role->rules, err);
}

static int guard_binding(const struct guard *g, struct str name, const struct role_ref *ref, struct err *err)
{
    bool cluster = !str_is(ref->kind, "Role");
    enum authz_decision d = ask(g, "bind", cluster ? "clusterroles" : "roles", ref->name);
    if (d == AUTHZ_ALLOW || d == AUTHZ_WAIT)
        return d == AUTHZ_WAIT;
    struct api_request *r = g->request;
    struct policy_rule_vec rules;
    if (rbac_role_rules(authz_rbac(g->authz), ref, r->ns, r->arena, &rules, err) < 0)
        return -1;
    return confirm(g->authz, r, name, &rules, err);
}

static bool subjects_equal(const struct rbac_subject_vec *x, const struct rbac_subject_vec *y)
{
    bool same = x->n == y->n;
    for (size_t i = 0; same && i < x->n; i++)
        same = str_eq(x->at[i].kind, y->at[i].kind) && str_eq(x->at[i].name, y->at[i].name) &&
               str_eq(x->at[i].namespace, y->at[i].namespace);
    return same;
}

int guard_role_binding(const struct guard *g, struct object *before, const void *typed, struct err *err)
{
    const struct role_binding *b = typed, *old = before ? object_typed(before) : NULL;
    return old && subjects_equal(&old->subjects, &b->subjects)
               ? 0
               : guard_binding(g, b->metadata.name, &b->role_ref, err);
}

int guard_cluster_role_binding(const struct guard *g, struct object *before, const void *typed,
                               struct err *err)
{
    const struct cluster_role_binding *b = typed, *old = before ? object_typed(before) : NULL;
    return old && subjects_equal(&old->subjects, &b->subjects)
               ? 0
               : guard_binding(g, b->metadata.name, &b->role_ref, err);
}
