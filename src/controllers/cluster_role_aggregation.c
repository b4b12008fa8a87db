/* Cluster roles with an aggregationRule hold the rules of all roles that it selects: admin, edit and view are
 * made so, and grow with what custom resources bring along. */
#include <stdlib.h>

#include "controllers/table.h"
#include "kinds/rbac_v1.h"
#include "schema/copy.h"
#include "schema/selector.h"

static bool is_selected(struct work *w, const struct aggregation_rule *by, const struct object_meta *meta)
{
    for (size_t i = 0; i < by->cluster_role_selectors.n; i++) {
        struct selector s;
        if (selector_from(w->a, &by->cluster_role_selectors.at[i], &s, NULL) == 0 &&
            selector_matches(&s, &meta->labels))
            return true;
    }
    return false;
}

static bool has_rule(const struct policy_rule_vec *rules, const struct policy_rule *rule)
{
    for (size_t i = 0; i < rules->n; i++)
        if (struct_eq(&policy_rule_type, &rules->at[i], rule))
            return true;
    return false;
}

/* In the order of the roles' names, each rule once. */
static struct policy_rule_vec gather(struct work *w, const struct cluster_role *role,
                                     const struct objects *all)
{
    size_t most = 0;
    for (size_t i = 0; i < all->n; i++)
        most += ((const struct cluster_role *)object_typed(all->at[i]))->rules.n;
    struct policy_rule_vec out = {.at = arena_new_n(w->a, struct policy_rule, most)};
    for (size_t i = 0; i < all->n; i++) {
        const struct cluster_role *from = object_typed(all->at[i]);
        if (str_eq(from->metadata.name, w->name) || !is_selected(w, role->aggregation_rule, &from->metadata))
            continue;
        for (size_t r = 0; r < from->rules.n; r++)
            if (!has_rule(&out, &from->rules.at[r]))
                out.at[out.n++] = from->rules.at[r];
    }
    return out;
}

static bool same_rules(const struct policy_rule_vec *x, const struct policy_rule_vec *y)
{
    bool same = x->n == y->n;
    for (size_t i = 0; same && i < x->n; i++)
        same = struct_eq(&policy_rule_type, &x->at[i], &y->at[i]);
    return same;
}

static int aggregation_reconcile(struct work *w)
{
    struct informer *roles = informer_of(w, cluster_role);
    _cleanup_object_ struct object *o = informer_get(roles, (struct str){0}, w->name);
    if (!o || !((const struct cluster_role *)object_typed(o))->aggregation_rule)
        return 0;
    struct cluster_role *role = object_copy(o, w->a);
    _cleanup_objects_ struct objects all = {0};
    informer_list(roles, (struct str){0}, &all);
    struct policy_rule_vec rules = gather(w, role, &all);
    if (same_rules(&rules, &role->rules))
        return 0;
    role->rules = rules;
    return client_update(w->client, &cluster_role_resource, (struct str){0}, role, NULL, w->err);
}

/* A role that changes may change every role that gathers. */
static void on_cluster_role(struct controller *k, struct object *before, struct object *after)
{
    (void)before, (void)after;
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(k, cluster_role), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++)
        if (((const struct cluster_role *)object_typed(all.at[i]))->aggregation_rule)
            controller_add(k, (struct str){0}, object_name(all.at[i]));
    if (after)
        controller_add(k, (struct str){0}, object_name(after));
}

const struct controller_def cluster_role_aggregation_controller = {
    .name = "clusterrole-aggregation",
    .component = "clusterrole-aggregation-controller",
    .kind = &cluster_role_resource,
    .reconcile = aggregation_reconcile,
    .watches = {{&cluster_role_resource, on_cluster_role}},
};
