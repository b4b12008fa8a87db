/* ClusterRole aggregation: a role with an aggregationRule gets the rules of all that it selects, as admin,
 * edit and view do. */
#include <stdlib.h>

#include "controllers/meta.h"
#include "controllers/table.h"
#include "kinds/rbac_v1.h"
#include "schema/copy.h"

static const struct cluster_role *role_of(struct object *o)
{
    return object_typed(o);
}

static int is_selected(struct work *w, const struct aggregation_rule *rule, const struct str_map *labels,
                       bool *yes)
{
    *yes = false;
    for (size_t i = 0; i < rule->cluster_role_selectors.n && !*yes; i++) {
        struct selector s;
        if (selector_from(w->a, &rule->cluster_role_selectors.at[i], &s, w->err) < 0)
            return -1;
        *yes = selector_matches(&s, labels);
    }
    return 0;
}

/* Adds the rules that are not there yet. */
static void rules_add(struct arena *a, struct policy_rule_vec *to, const struct policy_rule_vec *from)
{
    struct policy_rule *at = arena_new_n(a, struct policy_rule, to->n + from->n);
    if (to->n)
        memcpy(at, to->at, to->n * sizeof *at);
    for (size_t i = 0; i < from->n; i++) {
        bool there = false;
        for (size_t k = 0; k < to->n && !there; k++)
            there = struct_eq(&policy_rule_type, &at[k], &from->at[i]);
        if (!there)
            at[to->n++] = from->at[i];
    }
    to->at = at;
}

static int aggregation_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, cluster_role), (struct str){0}, w->name);
    if (!o || !role_of(o)->aggregation_rule)
        return 0;
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(w, cluster_role), (struct str){0}, &all); /* by name */
    struct policy_rule_vec rules = {0};
    for (size_t i = 0; i < all.n; i++) {
        const struct cluster_role *other = role_of(all.at[i]);
        bool selected;
        if (str_eq(other->metadata.name, w->name))
            continue;
        if (is_selected(w, role_of(o)->aggregation_rule, &other->metadata.labels, &selected) < 0)
            return -1;
        if (selected)
            rules_add(w->a, &rules, &other->rules);
    }
    struct cluster_role *role = object_copy(o, w->a);
    role->rules = rules;
    if (struct_eq(&cluster_role_type, role, role_of(o)))
        return 0;
    return client_update(w->client, &cluster_role_resource, (struct str){0}, role, NULL, w->err);
}

/* Any role may be part of any that aggregates. */
static void on_cluster_role(struct controller *k, struct object *before, struct object *after)
{
    (void)before, (void)after;
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(k, cluster_role), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++)
        if (role_of(all.at[i])->aggregation_rule)
            controller_on_self(k, NULL, all.at[i]);
}

const struct controller_def cluster_role_aggregation_controller = {
    .name = "clusterrole-aggregation",
    .component = "clusterrole-aggregation-controller",
    .account = "clusterrole-aggregation-controller",
    .kind = &cluster_role_resource,
    .reconcile = aggregation_reconcile,
    .watches = {{&cluster_role_resource, on_cluster_role}},
};
