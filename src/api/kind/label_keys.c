#include "api/kind/label_keys.h"

static void valid_keys(struct field_errors *e, const struct path *at, const struct str_vec *keys,
                       const struct label_selector *selector)
{
    if (keys->n && !selector) {
        field_forbidden(e, at, "must not be specified when labelSelector is not set");
        return;
    }
    each (*keys, i)
        valid_qualified(e, PATH_AT(at, i), keys->at[i]);
}

/* A key that is asked for twice: by the selector as it was given, and by what the keys have added to it. */
static void valid_merged_keys(struct field_errors *e, const struct path *at, const struct str_vec *match,
                              const struct label_selector *s)
{
    each (*match, i) {
        size_t asked = str_map_get(&s->match_labels, match->at[i]) != NULL;
        each (s->match_expressions, k)
            if (str_eq(s->match_expressions.at[k].key, match->at[i]) && asked++)
                field_invalid(e, PATH_AT(at, i), match->at[i],
                              "exists in both matchLabelKeys and labelSelector");
    }
}

void valid_label_keys(struct field_errors *e, const struct path *at, const struct str_vec *match,
                      const struct str_vec *mismatch, const struct label_selector *selector)
{
    valid_keys(e, PATH(at, "matchLabelKeys"), match, selector);
    if (mismatch)
        valid_keys(e, PATH(at, "mismatchLabelKeys"), mismatch, selector);
    if (selector)
        valid_merged_keys(e, mismatch ? at : PATH(at, "matchLabelKeys"), match, selector);
    each (*match, i)
        if (mismatch && str_vec_has(mismatch, match->at[i]))
            field_invalid(e, PATH_AT(PATH(at, "matchLabelKeys"), i), match->at[i],
                          "exists in both matchLabelKeys and mismatchLabelKeys");
}

/* --- merging --- */

static void add_expressions(struct label_selector *s, const struct str_vec *keys, struct str operator,
                            const struct str_map * labels, struct arena *a)
{
    each (*keys, i) {
        const struct str *value = str_map_get(labels, keys->at[i]);
        if (!value)
            continue;
        struct label_selector_requirement_vec *v = &s->match_expressions;
        struct label_selector_requirement *more = arena_new_n(a, struct label_selector_requirement, v->n + 1);
        if (v->n)
            memcpy(more, v->at, v->n * sizeof *more);
        more[v->n] = (struct label_selector_requirement){.key = keys->at[i], .operator= operator};
        str_vec_add(&more[v->n].values, a, *value);
        v->at = more;
        v->n++;
    }
}

static void merge_term(struct pod_affinity_term *t, const struct str_map *labels, struct arena *a)
{
    if (!t->label_selector)
        return;
    add_expressions(t->label_selector, &t->match_label_keys, STR("In"), labels, a);
    add_expressions(t->label_selector, &t->mismatch_label_keys, STR("NotIn"), labels, a);
}

static void merge_terms(struct pod_affinity_term_vec *required,
                        struct weighted_pod_affinity_term_vec *preferred, const struct str_map *labels,
                        struct arena *a)
{
    each (*required, i)
        merge_term(&required->at[i], labels, a);
    each (*preferred, i)
        merge_term(&preferred->at[i].pod_affinity_term, labels, a);
}

void pod_merge_label_keys(struct pod_spec *s, const struct str_map *labels, struct arena *a)
{
    struct pod_affinity *with = s->affinity ? s->affinity->pod_affinity : NULL;
    struct pod_anti_affinity *without = s->affinity ? s->affinity->pod_anti_affinity : NULL;
    if (with)
        merge_terms(&with->required_during_scheduling_ignored_during_execution,
                    &with->preferred_during_scheduling_ignored_during_execution, labels, a);
    if (without)
        merge_terms(&without->required_during_scheduling_ignored_during_execution,
                    &without->preferred_during_scheduling_ignored_during_execution, labels, a);
    each (s->topology_spread_constraints, i) {
        struct topology_spread_constraint *c = &s->topology_spread_constraints.at[i];
        if (c->label_selector)
            add_expressions(c->label_selector, &c->match_label_keys, STR("In"), labels, a);
    }
}
