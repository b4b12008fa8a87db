#include "api/policy/choose.h"

#include <stdlib.h>

#include "api/match.h"
#include "api/resources.h"
#include "api/road.h"
#include "kinds/core_v1.h"
#include "schema/selector.h"

struct chooser {
    struct api *api;
    const struct api_attributes *at;
    struct arena *arena;
    struct policy_calls *out;
    struct table *bindings;
    struct err *err;
};

bool policy_exempt(const struct resource *r)
{
    static const struct {
        const char *group, *plural;
    } exempt[] = {
        {"authentication.k8s.io", "selfsubjectreviews"},
        {"authentication.k8s.io", "tokenreviews"},
        {"authorization.k8s.io", "localsubjectaccessreviews"},
        {"authorization.k8s.io", "selfsubjectaccessreviews"},
        {"authorization.k8s.io", "selfsubjectrulesreviews"},
        {"authorization.k8s.io", "subjectaccessreviews"},
    };
    for (size_t i = 0; i < ARRAY_LEN(exempt); i++)
        if (str_is(r->group, exempt[i].group) && str_is(r->plural, exempt[i].plural))
            return true;
    return match_exempt(r);
}

/* --- rules --- */

/* The rule without its names, which comes first in it. */
static const struct rule_with_operations *rule_of(const struct named_rule_with_operations *r)
{
    return (const void *)&r->operations;
}

static bool any_rule_takes(const void *rules, const struct api_attributes *at, const struct resource *as)
{
    const struct named_rule_with_operations_vec *v = rules;
    for (size_t i = 0; i < v->n; i++) {
        const struct named_rule_with_operations *rule = &v->at[i];
        struct str name = at->request->name;
        if (!name.n && at->object && at->resource->has_metadata)
            name = resource_meta(at->resource, at->object)->name;
        if (match_rule(rule_of(rule), at, as) &&
            (!rule->resource_names.n || str_vec_has(&rule->resource_names, name)))
            return true;
    }
    return false;
}

/* 1 with *as, 0, or -1 with the chooser's err. Rules that do not take the change come before selectors that
 * fail. */
static int resources_take(struct chooser *c, const struct match_resources *m, const struct resource **as)
{
    const struct api_attributes *at = c->at;
    bool equivalent = !m->match_policy || str_eq(*m->match_policy, MATCH_POLICY_TYPE_EQUIVALENT);
    int in_namespace = match_namespace(c->api->store, at, m->namespace_selector, c->err);
    if (in_namespace == 0)
        return 0;
    int of_object = match_object(at, m->object_selector, c->err);
    if (of_object == 0 || match_resource(at, equivalent, any_rule_takes, &m->exclude_resource_rules))
        return 0;
    *as = m->resource_rules.n ? match_resource(at, equivalent, any_rule_takes, &m->resource_rules)
                              : at->request->resource;
    if (!*as)
        return 0;
    return in_namespace < 0 || of_object < 0 ? -1 : 1;
}

/* --- parameters --- */

static void add(struct chooser *c, struct policy_call call)
{
    mem_grow((void **)&c->out->at, &c->out->cap, c->out->n + 1, sizeof(*c->out->at));
    c->out->at[c->out->n++] = call;
}

static void add_error(struct chooser *c, struct policy_call call, struct str why)
{
    policy_unref(call.policy);
    call.policy = NULL;
    call.error = arena_printf(c->arena, "failed to configure %s: " STR_FMT,
                              call.binding.name.n ? "binding" : "policy", STR_ARG(why));
    add(c, call);
}

static void add_with(struct chooser *c, struct policy_call call, struct object *params)
{
    call.params = params;
    call.policy->refs++;
    add(c, call);
}

/* Every object of the kind that the selector takes; how many. */
static size_t add_selected(struct chooser *c, struct policy_call call, struct table *t, struct str ns,
                           const struct label_selector *from)
{
    struct selector selector;
    struct cursor cursor;
    size_t n = 0;
    if (selector_from(c->arena, from, &selector, NULL) < 0)
        return 0;
    cursor_open(&cursor, c->out->snap, t, ns, STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&cursor));)
        if (selector_matches(&selector, &object_meta(o)->labels)) {
            add_with(c, call, o);
            n++;
        }
    return n;
}

/* Where the binding's parameters are: NULL with *ns, or why they are nowhere. */
static const char *find_params(const struct chooser *c, const struct resource *r, const struct param_ref *ref,
                               struct str *ns)
{
    bool namespaced = r->flags & RESOURCE_NAMESPACED;
    *ns = !namespaced ? STR("") : ref->namespace.n ? ref->namespace : c->at->request->ns;
    if (namespaced && !ns->n)
        return "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources";
    if (!namespaced && ref->namespace.n)
        return "paramRef.namespace must not be provided for a cluster-scoped `paramKind`";
    return NULL;
}

/* One call for each parameter of that kind; -1 with *why. */
static int add_each(struct chooser *c, struct policy_call call, const struct resource *r, const char **why)
{
    const struct param_ref *ref = call.binding.params;
    struct table *t = store_table(c->api->store, r);
    struct object *o;
    struct str ns;
    size_t n = 0;
    *why = find_params(c, r, ref, &ns);
    if (*why)
        return -1;
    if (!ref->name.n) {
        n = add_selected(c, call, t, ns, ref->selector);
    } else if ((o = snapshot_get(c->out->snap, t, ns, ref->name))) {
        add_with(c, call, o);
        n = 1;
    }
    bool needed = ref->parameter_not_found_action &&
                  str_eq(*ref->parameter_not_found_action, PARAMETER_NOT_FOUND_ACTION_TYPE_DENY);
    *why = "no params found for policy binding with `Deny` parameterNotFoundAction";
    return n || !needed ? 0 : -1;
}

/* Takes the call's reference. */
static void add_params(struct chooser *c, struct policy_call call)
{
    const struct param_kind *kind = call.view.param_kind;
    if (!kind || !call.binding.params) {
        add(c, call);
        return;
    }
    const struct resource *r = api_resource_of_kind(c->api, kind->api_version, kind->kind);
    const char *why = NULL;
    if (!r || !r->plural.n)
        add_error(c, call,
                  arena_printf(c->arena,
                               "failed to find resource referenced by paramKind: '" STR_FMT ", Kind=" STR_FMT
                               "'",
                               STR_ARG(kind->api_version), STR_ARG(kind->kind)));
    else if (add_each(c, call, r, &why) < 0)
        add_error(c, call, str_from(why));
    else
        policy_unref(call.policy);
    resource_unref(r);
}

/* --- policies --- */

static void choose_bindings(struct chooser *c, struct policy_call call)
{
    struct cursor cursor;
    cursor_open(&cursor, c->out->snap, c->bindings, STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&cursor));) {
        const struct resource *as;
        struct policy_call bound = call;
        bound.binding = binding_view(o);
        if (!str_eq(bound.binding.policy, call.view.name))
            continue;
        int rc = bound.binding.resources ? resources_take(c, bound.binding.resources, &as) : 1;
        if (rc == 0)
            continue;
        bound.policy->refs++;
        if (rc < 0)
            add_error(c, bound, arena_str(c->arena, c->err->message));
        else
            add_params(c, bound);
    }
}

static void choose_policy(struct chooser *c, struct object *o)
{
    struct policy_call call = {.view = policy_view(o)};
    if (!call.view.constraints)
        return;
    int rc = resources_take(c, call.view.constraints, &call.as);
    if (rc < 0)
        add_error(c, call, arena_str(c->arena, c->err->message));
    if (rc <= 0)
        return;
    call.policy = policy_get(c->api->policies, o);
    choose_bindings(c, call);
    policy_unref(call.policy);
}

/* The Namespace that the change is in; that of a namespace is not itself. */
static int find_namespace(struct chooser *c)
{
    const struct api_request *r = c->at->request;
    bool is_namespace = !r->resource->group.n && str_is(r->resource->plural, "namespaces");
    if (!r->ns.n || is_namespace || !c->out->n)
        return 0;
    c->out->ns = snapshot_get(c->out->snap, store_table(c->api->store, &namespace_resource), STR(""), r->ns);
    return c->out->ns ? 0 : answer_not_found(c->err, &namespace_resource, r->ns);
}

int policy_choose(struct api *api, const struct api_attributes *at, bool mutating, struct policy_calls *out,
                  struct err *err)
{
    *out = (struct policy_calls){0};
    if (policy_exempt(at->request->resource))
        return 0;
    struct table *policies = store_table(api->store, mutating ? &mutating_admission_policy_resource
                                                              : &validating_admission_policy_resource);
    struct table *bindings =
        store_table(api->store, mutating ? &mutating_admission_policy_binding_resource
                                         : &validating_admission_policy_binding_resource);
    out->snap = store_snapshot(api->store);
    if (!snapshot_count(out->snap, policies, STR("")))
        return 0;
    _cleanup_err_ struct err why = {0};
    struct chooser c = {
        .api = api,
        .at = at,
        .arena = at->request->arena,
        .out = out,
        .bindings = bindings,
        .err = &why,
    };
    struct cursor cursor;
    cursor_open(&cursor, out->snap, policies, STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&cursor));)
        choose_policy(&c, o);
    c.err = err;
    return find_namespace(&c);
}

void policy_calls_free(struct policy_calls *c)
{
    for (size_t i = 0; i < c->n; i++)
        policy_unref(c->at[i].policy);
    free(c->at);
    if (c->snap)
        snapshot_unref(c->snap);
}
