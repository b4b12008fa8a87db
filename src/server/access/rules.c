#include "server/access/rules.h"

#include "schema/quote.h"

static bool covers(const struct str_vec *held, struct str wanted)
{
    for (size_t i = 0; i < held->n; i++)
        if (str_is(held->at[i], "*") || str_eq(held->at[i], wanted))
            return true;
    return false;
}

/* "*" "/scale" covers "deployments/scale". */
static bool covers_resource(const struct str_vec *held, struct str wanted)
{
    if (covers(held, wanted))
        return true;
    ptrdiff_t slash = str_index(wanted, '/');
    struct str sub = slash < 0 ? (struct str){0} : str_from_at(wanted, (size_t)slash);
    for (size_t i = 0; sub.n && i < held->n; i++)
        if (held->at[i].n == sub.n + 1 && held->at[i].p[0] == '*' && str_ends(held->at[i], sub))
            return true;
    return false;
}

static bool covers_url(const struct str_vec *held, struct str wanted)
{
    for (size_t i = 0; i < held->n; i++)
        if (str_eq(held->at[i], wanted) || (str_ends(held->at[i], STR("*")) &&
                                            str_starts(wanted, str_slice(held->at[i].p, held->at[i].n - 1))))
            return true;
    return false;
}

/* `w` has one word in each of its lists. */
static bool rule_covers(const struct policy_rule *h, const struct policy_rule *w)
{
    if (!covers(&h->verbs, w->verbs.at[0]))
        return false;
    if (w->non_resource_urls.n)
        return covers_url(&h->non_resource_urls, w->non_resource_urls.at[0]);
    if (!covers(&h->api_groups, w->api_groups.at[0]) || !covers_resource(&h->resources, w->resources.at[0]))
        return false;
    return !h->resource_names.n ||
           (w->resource_names.n && covers(&h->resource_names, w->resource_names.at[0]));
}

struct missing {
    const struct policy_rule_vec *held;
    struct arena *arena;
    struct policy_rule_vec *out;
    size_t cap;
};

static void check(struct missing *m, struct policy_rule w)
{
    for (size_t i = 0; i < m->held->n; i++)
        if (rule_covers(&m->held->at[i], &w))
            return;
    if (m->out->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 16;
        struct policy_rule *at = arena_new_n(m->arena, struct policy_rule, cap);
        if (m->out->n)
            memcpy(at, m->out->at, m->out->n * sizeof *at);
        m->out->at = at;
        m->cap = cap;
    }
    m->out->at[m->out->n++] = w;
}

static void check_resources(struct missing *m, const struct policy_rule *rule, struct str *verb)
{
    for (size_t g = 0; g < rule->api_groups.n; g++)
        for (size_t r = 0; r < rule->resources.n; r++) {
            struct policy_rule w = {.verbs = {verb, 1},
                                    .api_groups = {&rule->api_groups.at[g], 1},
                                    .resources = {&rule->resources.at[r], 1}};
            if (!rule->resource_names.n)
                check(m, w);
            for (size_t n = 0; n < rule->resource_names.n; n++) {
                w.resource_names = (struct str_vec){&rule->resource_names.at[n], 1};
                check(m, w);
            }
        }
}

void rules_missing(const struct policy_rule_vec *held, const struct policy_rule_vec *wanted, struct arena *a,
                   struct policy_rule_vec *out)
{
    *out = (struct policy_rule_vec){0};
    struct missing m = {.held = held, .arena = a, .out = out};
    for (size_t i = 0; i < wanted->n; i++) {
        const struct policy_rule *rule = &wanted->at[i];
        for (size_t v = 0; v < rule->verbs.n; v++) {
            check_resources(&m, rule, &rule->verbs.at[v]);
            for (size_t u = 0; u < rule->non_resource_urls.n; u++)
                check(&m, (struct policy_rule){.verbs = {&rule->verbs.at[v], 1},
                                               .non_resource_urls = {&rule->non_resource_urls.at[u], 1}});
        }
    }
}

static bool strs_equal(const struct str_vec *x, const struct str_vec *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (!str_eq(x->at[i], y->at[i]))
            return false;
    return true;
}

static bool same_but_verbs(const struct policy_rule *x, const struct policy_rule *y)
{
    return strs_equal(&x->api_groups, &y->api_groups) && strs_equal(&x->resources, &y->resources) &&
           strs_equal(&x->resource_names, &y->resource_names) &&
           strs_equal(&x->non_resource_urls, &y->non_resource_urls);
}

bool rules_equal(const struct policy_rule_vec *x, const struct policy_rule_vec *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (!same_but_verbs(&x->at[i], &y->at[i]) || !strs_equal(&x->at[i].verbs, &y->at[i].verbs))
            return false;
    return true;
}

void rules_compact(struct policy_rule_vec *rules, struct arena *a)
{
    size_t kept = 0;
    for (size_t i = 0; i < rules->n; i++) {
        struct policy_rule *into = NULL, *rule = &rules->at[i];
        for (size_t k = 0; k < kept && !into; k++)
            if (same_but_verbs(&rules->at[k], rule))
                into = &rules->at[k];
        if (!into) {
            rules->at[kept++] = *rule;
            continue;
        }
        struct str *verbs = arena_new_n(a, struct str, into->verbs.n + rule->verbs.n);
        memcpy(verbs, into->verbs.at, into->verbs.n * sizeof *verbs);
        memcpy(verbs + into->verbs.n, rule->verbs.at, rule->verbs.n * sizeof *verbs);
        into->verbs = (struct str_vec){verbs, into->verbs.n + rule->verbs.n};
    }
    rules->n = kept;
}

void rule_describe(const struct policy_rule *rule, struct buf *out)
{
    const struct {
        const char *name;
        const struct str_vec *words;
    } parts[] = {{"APIGroups", &rule->api_groups},
                 {"Resources", &rule->resources},
                 {"NonResourceURLs", &rule->non_resource_urls},
                 {"ResourceNames", &rule->resource_names},
                 {"Verbs", &rule->verbs}};
    const char *separator = "{";
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!parts[i].words->n)
            continue;
        buf_addf(out, "%s%s:[", separator, parts[i].name);
        for (size_t k = 0; k < parts[i].words->n; k++) {
            if (k)
                buf_add_c(out, ' ');
            quote_go(out, parts[i].words->at[k]);
        }
        buf_add_c(out, ']');
        separator = ", ";
    }
    buf_add_c(out, '}');
}
