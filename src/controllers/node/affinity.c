#include "controllers/node/affinity.h"

#define NAME_FIELD STR("metadata.name")

static enum selector_op op_of(struct str operator)
{
    static const struct {
        const char *name;
        enum selector_op op;
    } ops[] = {{"In", SELECTOR_IN},      {"NotIn", SELECTOR_NOT_IN}, {"Exists", SELECTOR_EXISTS},
               {"Gt", SELECTOR_GREATER}, {"Lt", SELECTOR_LESS},      {"DoesNotExist", SELECTOR_NOT_EXISTS}};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (str_is(operator, ops[i].name))
            return ops[i].op;
    return SELECTOR_IN;
}

/* An expression that cannot be compiled matches nothing. */
static bool all_match(struct arena *a, const struct node_selector_requirement_vec *all,
                      const struct str_map *of)
{
    struct selector s = {0};
    for (size_t i = 0; i < all->n; i++)
        if (selector_add(a, &s, all->at[i].key, op_of(all->at[i].operator), all->at[i].values.at,
                         all->at[i].values.n, NULL) < 0)
            return false;
    return selector_matches(&s, of);
}

static const struct node_selector *required(const struct pod_spec *p)
{
    const struct node_affinity *n = p->affinity ? p->affinity->node_affinity : NULL;
    return n ? n->required_during_scheduling_ignored_during_execution : NULL;
}

bool affinity_suits(struct arena *a, const struct pod_spec *p, const struct node *n)
{
    for (size_t i = 0; i < p->node_selector.n; i++)
        if (!labels_has(&n->metadata.labels, p->node_selector.at[i].key) ||
            !str_eq(labels_get(&n->metadata.labels, p->node_selector.at[i].key),
                    p->node_selector.at[i].value))
            return false;
    const struct node_selector *s = required(p);
    if (!s)
        return true;
    struct str_entry name = {NAME_FIELD, n->metadata.name};
    struct str_map fields = {&name, 1};
    for (size_t i = 0; i < s->node_selector_terms.n; i++) {
        const struct node_selector_term *t = &s->node_selector_terms.at[i];
        if ((t->match_expressions.n || t->match_fields.n) &&
            all_match(a, &t->match_expressions, &n->metadata.labels) &&
            all_match(a, &t->match_fields, &fields))
            return true;
    }
    return false;
}

void affinity_pin(struct arena *a, struct pod_spec *p, struct str node)
{
    struct node_selector_requirement here = {
        .key = NAME_FIELD, .operator= STR("In"), .values = {arena_dup(a, &node, sizeof node), 1}};
    struct affinity *affinity =
        p->affinity ? arena_dup(a, p->affinity, sizeof *p->affinity) : arena_new(a, struct affinity);
    struct node_affinity *wish = affinity->node_affinity
                                     ? arena_dup(a, affinity->node_affinity, sizeof *affinity->node_affinity)
                                     : arena_new(a, struct node_affinity);
    struct node_selector *only = arena_new(a, struct node_selector);
    struct node_selector_term *term = arena_new(a, struct node_selector_term);
    term->match_fields.at = arena_dup(a, &here, sizeof here);
    term->match_fields.n = 1;
    only->node_selector_terms.at = term;
    only->node_selector_terms.n = 1;
    wish->required_during_scheduling_ignored_during_execution = only;
    affinity->node_affinity = wish;
    p->affinity = affinity;
}

struct str affinity_pinned(const struct pod_spec *p)
{
    const struct node_selector *s = required(p);
    for (size_t i = 0; s && i < s->node_selector_terms.n; i++) {
        const struct node_selector_requirement_vec *fields = &s->node_selector_terms.at[i].match_fields;
        for (size_t f = 0; f < fields->n; f++)
            if (str_eq(fields->at[f].key, NAME_FIELD) && str_is(fields->at[f].operator, "In") &&
                fields->at[f].values.n == 1)
                return fields->at[f].values.at[0];
    }
    return (struct str){0};
}
