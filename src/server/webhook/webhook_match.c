#include "server/webhook/webhook_match.h"

#include "api/match.h"

/* --- what there is --- */

/* Both sorts have the same fields under the same names, at other places. */
#define WEBHOOK_OF(w_, o_, mutates_, reinvokes_)                                                             \
    (struct admission_webhook)                                                                               \
    {                                                                                                        \
        .configuration = object_ref(o_), .name = (w_)->name, .client = &(w_)->client_config,                 \
        .rules = (w_)->rules, .namespaces = (w_)->namespace_selector, .objects = (w_)->object_selector,      \
        .conditions = (w_)->match_conditions, .versions = (w_)->admission_review_versions,                   \
        .side_effects = (w_)->side_effects ? *(w_)->side_effects : STR(""),                                  \
        .timeout_s = (w_)->timeout_seconds ? *(w_)->timeout_seconds : 10, .mutates = (mutates_),             \
        .equivalent = (w_)->match_policy && str_eq(*(w_)->match_policy, MATCH_POLICY_TYPE_EQUIVALENT),       \
        .ignores_failure =                                                                                   \
            (w_)->failure_policy && str_eq(*(w_)->failure_policy, FAILURE_POLICY_TYPE_IGNORE),               \
        .reinvokes = (reinvokes_),                                                                           \
    }

static struct admission_webhook webhook_at(struct object *o, bool mutating, size_t i)
{
    if (mutating) {
        const struct mutating_webhook_configuration *c = object_typed(o);
        const struct mutating_webhook *w = &c->webhooks.at[i];
        return WEBHOOK_OF(w, o, true,
                          w->reinvocation_policy &&
                              str_eq(*w->reinvocation_policy, REINVOCATION_POLICY_TYPE_IF_NEEDED));
    }
    const struct validating_webhook_configuration *c = object_typed(o);
    return WEBHOOK_OF(&c->webhooks.at[i], o, false, false);
}

static size_t webhooks_in(struct object *o, bool mutating)
{
    return mutating ? ((const struct mutating_webhook_configuration *)object_typed(o))->webhooks.n
                    : ((const struct validating_webhook_configuration *)object_typed(o))->webhooks.n;
}

size_t webhooks_list(struct store *s, struct arena *a, bool mutating, struct admission_webhook **out)
{
    struct table *t = store_table(s, mutating ? &mutating_webhook_configuration_resource
                                              : &validating_webhook_configuration_resource);
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct cursor c;
    size_t n = 0, most = 0;
    cursor_open(&c, snap, t, STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));)
        most += webhooks_in(o, mutating);
    if (!most)
        return 0;
    *out = arena_new_n(a, struct admission_webhook, most);
    cursor_open(&c, snap, t, STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));)
        for (size_t i = 0; i < webhooks_in(o, mutating); i++)
            (*out)[n++] = webhook_at(o, mutating, i);
    return n;
}

/* --- whether it is asked --- */

static bool any_rule_matches(const void *rules, const struct api_attributes *at, const struct resource *as)
{
    const struct rule_with_operations_vec *v = rules;
    for (size_t i = 0; i < v->n; i++)
        if (match_rule(&v->at[i], at, as))
            return true;
    return false;
}

int webhook_matches(struct store *s, const struct api_attributes *at, const struct admission_webhook *w,
                    const struct resource **as, struct err *err)
{
    *as = match_resource(at, w->equivalent, any_rule_matches, &w->rules);
    if (!*as)
        return 0;
    int rc = match_object(at, w->objects, err);
    return rc <= 0 ? rc : match_namespace(s, at, w->namespaces, err);
}
