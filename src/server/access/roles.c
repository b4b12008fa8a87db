#include "server/access/roles.h"

#include <stdlib.h>

static struct str_vec words(struct arena *a, const char *text)
{
    struct str rest = str_from(text), word;
    struct str_vec out = {.n = 1};
    for (const char *p = text; *p; p++)
        out.n += *p == ' ';
    out.at = arena_new_n(a, struct str, out.n);
    for (size_t i = 0; str_cut(&rest, ' ', &word); i++)
        out.at[i] = str_is(word, "-") ? STR("") : word;
    qsort(out.at, out.n, sizeof *out.at, str_qsort);
    return out;
}

static struct policy_rule rule_make(const struct role_rule *d, struct arena *a)
{
    struct policy_rule rule = {.verbs = words(a, d->verbs)};
    if (!d->groups) {
        rule.non_resource_urls = words(a, d->resources);
        return rule;
    }
    rule.api_groups = words(a, d->groups);
    rule.resources = words(a, d->resources);
    if (d->names)
        rule.resource_names = words(a, d->names);
    return rule;
}

/* The rules of every default that is labelled for this one, theirs included. */
static size_t gather(const char *label, const struct role_rule **out, size_t n)
{
    for (size_t i = 0; i < n_role_defaults; i++) {
        const struct role_default *d = &role_defaults[i];
        if (!d->labels || strcmp(d->labels, label) != 0)
            continue;
        for (size_t r = 0; r < d->n_rules; r++)
            out[n++] = &d->rules[r];
        if (d->aggregate)
            n = gather(d->aggregate, out, n);
    }
    return n;
}

void role_default_rules(const struct role_default *d, struct arena *a, struct policy_rule_vec *out)
{
    const struct role_rule *rules[128];
    size_t n = 0;
    for (size_t i = 0; i < d->n_rules; i++)
        rules[n++] = &d->rules[i];
    if (d->aggregate)
        n = gather(d->aggregate, rules, n);
    ensure(n <= ARRAY_LEN(rules));
    *out = (struct policy_rule_vec){arena_new_n(a, struct policy_rule, n), n};
    for (size_t i = 0; i < n; i++)
        out->at[i] = rule_make(rules[i], a);
}

bool role_default_allows(const char *name, const struct attributes *a)
{
    _cleanup_arena_ struct arena arena = {0};
    for (size_t i = 0; i < n_role_defaults; i++) {
        const struct role_default *d = &role_defaults[i];
        if (d->ns || strcmp(d->name, name) != 0)
            continue;
        for (size_t r = 0; r < d->n_rules; r++) {
            struct policy_rule rule = rule_make(&d->rules[r], &arena);
            if (rule_allows(&rule, a))
                return true;
        }
    }
    return false;
}
