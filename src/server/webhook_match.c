#include "server/webhook_match.h"

#include "kinds/meta_v1.h"
#include "schema/selector.h"

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

bool webhook_exempt(const struct resource *r)
{
    static const char *const kinds[] = {
        "validatingwebhookconfigurations", "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",     "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",       "mutatingadmissionpolicybindings"};
    if (!str_is(r->group, "admissionregistration.k8s.io"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_is(r->plural, kinds[i]))
            return true;
    return false;
}

/* --- rules --- */

static bool is_namespaces(const struct resource *r)
{
    return str_empty(r->group) && str_is(r->plural, "namespaces");
}

static bool names(const struct str_vec *list, struct str name)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_is(list->at[i], "*") || str_eq(list->at[i], name))
            return true;
    return false;
}

/* "pods", "pods/status", "pods/\*", "*", "*\/scale" */
static bool names_resource(const struct str_vec *list, struct str plural, struct str subresource)
{
    for (size_t i = 0; i < list->n; i++) {
        struct str sub = list->at[i], res;
        str_cut(&sub, '/', &res);
        if ((str_is(res, "*") || str_eq(res, plural)) && (str_is(sub, "*") || str_eq(sub, subresource)))
            return true;
    }
    return false;
}

static bool scope_takes(const struct str *scope, const struct api_attributes *at, const struct resource *as)
{
    if (!scope || str_eq(*scope, SCOPE_TYPE_ALL))
        return true;
    bool namespaced = !is_namespaces(as) && !str_empty(at->request->ns);
    return str_eq(*scope, SCOPE_TYPE_NAMESPACED) ? namespaced : !namespaced;
}

bool rule_matches(const struct rule_with_operations *rule, const struct api_attributes *at,
                  const struct resource *as)
{
    static const struct str operations[] = {
        [API_OP_CREATE] = STR_INIT("CREATE"),
        [API_OP_UPDATE] = STR_INIT("UPDATE"),
        [API_OP_DELETE] = STR_INIT("DELETE"),
        [API_OP_CONNECT] = STR_INIT("CONNECT"),
    };
    return scope_takes(rule->scope, at, as) && names(&rule->operations, operations[at->operation]) &&
           names(&rule->api_groups, as->group) && names(&rule->api_versions, as->version) &&
           names_resource(&rule->resources, as->plural, at->request->subresource);
}

static bool any_rule_matches(const struct admission_webhook *w, const struct api_attributes *at,
                             const struct resource *as)
{
    for (size_t i = 0; i < w->rules.n; i++)
        if (rule_matches(&w->rules.at[i], at, as))
            return true;
    return false;
}

/* The resource as the rules name it: the request's own, or another version of the same. NULL: none. */
static const struct resource *find_resource(const struct admission_webhook *w,
                                            const struct api_attributes *at)
{
    const struct resource *own = at->request->resource;
    if (any_rule_matches(w, at, own))
        return own;
    if (!w->equivalent || own->flags & RESOURCE_VIRTUAL)
        return NULL;
    for (size_t i = 0; i < n_builtin_resources; i++) {
        const struct resource *r = builtin_resources[i];
        if (r != own && str_eq(r->storage_prefix, own->storage_prefix) && any_rule_matches(w, at, r))
            return r;
    }
    return NULL;
}

/* --- selectors --- */

static bool selects_all(const struct label_selector *s)
{
    return s && !s->match_labels.n && !s->match_expressions.n;
}

static int selector_matches_labels(const struct label_selector *from, const struct str_map *labels,
                                   struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct selector s;
    if (selector_from(&a, from, &s, err) < 0)
        return -1;
    return selector_matches(&s, labels);
}

/* Namespaces are taken at their word: a new one by the labels that it shall have. */
static int namespace_matches(struct store *s, const struct api_attributes *at,
                             const struct label_selector *sel, struct err *err)
{
    const struct api_request *r = at->request;
    if (selects_all(sel))
        return 1;
    bool namespaces = is_namespaces(r->resource);
    if (namespaces && str_empty(r->subresource) &&
        (at->operation == API_OP_CREATE || at->operation == API_OP_UPDATE))
        return selector_matches_labels(sel, &resource_meta(at->resource, at->object)->labels, err);
    struct str name = namespaces ? r->name : r->ns;
    if (str_empty(name))
        return 1; /* what stands in no namespace is never spared */
    const struct resource *kind = resource_find(STR(""), STR("v1"), STR("namespaces"));
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o = snapshot_get(snap, store_table(s, kind), STR(""), name);
    if (!o) {
        err_set(err, ERR_NOT_FOUND, "namespaces \"" STR_FMT "\" not found", STR_ARG(name));
        return err_about(err, STR(""), STR("namespaces"), name);
    }
    return selector_matches_labels(sel, &object_meta(o)->labels, err);
}

/* By the labels that the object has, or had. */
static int object_matches(const struct api_attributes *at, const struct label_selector *sel, struct err *err)
{
    if (selects_all(sel))
        return 1;
    const void *states[] = {at->object, at->old};
    for (size_t i = 0; i < ARRAY_LEN(states) && at->resource->has_metadata; i++) {
        int rc = states[i]
                     ? selector_matches_labels(sel, &resource_meta(at->resource, states[i])->labels, err)
                     : 0;
        if (rc)
            return rc;
    }
    return 0;
}

int webhook_matches(struct store *s, const struct api_attributes *at, const struct admission_webhook *w,
                    const struct resource **as, struct err *err)
{
    *as = find_resource(w, at);
    if (!*as)
        return 0;
    int rc = object_matches(at, w->objects, err);
    return rc <= 0 ? rc : namespace_matches(s, at, w->namespaces, err);
}
