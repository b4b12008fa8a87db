/* MutatingAdmissionPolicy (KEP-3962; upstream: admission/plugin/policy/mutating): every policy that a change
 * concerns alters it, one after the other, by the names of policies and bindings. */
#include "api/admission.h"
#include "api/policy/choose.h"
#include "api/policy/patch.h"
#include "api/review.h"
#include "api/valid.h"
#include "schema/copy.h"

/* What the first round leaves for the second: the object as it was then, and whom to ask again. */
struct round {
    void *output;
    struct str_vec reinvocable, reinvoke; /* "policy/binding/namespace/params" */
};

struct altering {
    struct api *api;
    struct api_attributes *at;
    struct arena *arena;
    struct round *round;
    bool waits; /* for the authorizer: all of it is void */
    /* What went wrong, by policies that do not ignore it. */
    bool refused;
    enum err_reason reason;
    struct str message;
    struct str_vec causes;
};

static void refuse(struct altering *x, const struct policy_call *call, struct str why)
{
    if (!x->refused)
        x->reason = call->policy ? ERR_INVALID : ERR_FORBIDDEN;
    if (call->view.ignores_failure)
        return;
    struct str text =
        call->binding.name.n
            ? arena_printf(x->arena,
                           "policy '" STR_FMT "' with binding '" STR_FMT "' denied request: " STR_FMT,
                           STR_ARG(call->view.name), STR_ARG(call->binding.name), STR_ARG(why))
            : arena_printf(x->arena, "policy '" STR_FMT "' denied request: " STR_FMT,
                           STR_ARG(call->view.name), STR_ARG(why));
    if (!x->refused)
        x->message = text;
    x->refused = true;
    str_vec_add(&x->causes, x->arena, text);
}

static struct str key_of(struct arena *a, const struct policy_call *call)
{
    return arena_printf(a, STR_FMT "/" STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(call->view.name),
                        STR_ARG(call->binding.name),
                        STR_ARG(call->params ? object_namespace(call->params) : STR("")),
                        STR_ARG(call->params ? object_name(call->params) : STR("")));
}

/* All that want it are asked again, once what they saw has changed. */
static void reinvoke_previous(struct round *r, struct arena *a)
{
    for (size_t i = 0; i < r->reinvocable.n; i++)
        if (!str_vec_has(&r->reinvoke, r->reinvocable.at[i]))
            str_vec_add(&r->reinvoke, a, r->reinvocable.at[i]);
}

/* One mutation; *changed: the object is another now. */
static int mutate_once(struct altering *x, struct policy_facts *f, const struct policy_call *call, size_t i,
                       bool *changed, struct str *why)
{
    const struct mutation *m = &call->view.mutating->spec.mutations.at[i];
    uint64_t budget = CEL_COST_BUDGET;
    struct cel_value v;
    _cleanup_err_ struct err err = {0};
    *changed = false;
    if (policy_eval(f, &call->policy->rules[i], &budget, &v, why) != POLICY_VALUE)
        return -1;
    const struct resource *shown = review_shown(x->at, call->as);
    struct value doc;
    void *object;
    if (review_object(x->arena, x->at, shown, x->at->object, &object, &err) < 0 ||
        policy_patch(x->arena, shown, object, m->json_patch != NULL, &v, &doc, &err) < 0 ||
        review_alter(x->at, shown, &doc, changed, &err) < 0) {
        *why = arena_str(x->arena, err.message);
        return -1;
    }
    return 0;
}

static void alter(struct altering *x, const struct policy_calls *calls, const struct policy_call *call)
{
    struct policy_facts f;
    struct str why;
    bool any = false;
    if (!call->policy) {
        refuse(x, call, call->error);
        return;
    }
    policy_facts_init(&f, x->api, x->at, call->as, call->params, calls->ns, call->policy);
    int rc = policy_conditions_hold(&f, call->policy->conditions, call->policy->n_conditions, &why);
    if (rc < 0)
        refuse(x, call, why);
    struct str key = key_of(x->arena, call);
    x->waits = f.waits;
    if (rc <= 0 || x->waits || (x->at->again && !str_vec_has(&x->round->reinvoke, key)))
        return;
    for (size_t i = 0; i < call->policy->n_rules && x->at->object; i++) {
        bool changed;
        if (mutate_once(x, &f, call, i, &changed, &why) < 0)
            refuse(x, call, why);
        else if (changed)
            policy_facts_renew(&f, call->as);
        any |= changed;
    }
    x->waits = f.waits;
    if (any) {
        reinvoke_previous(x->round, x->arena);
        x->at->reinvoke = true;
    }
    if (call->view.reinvokes && !str_vec_has(&x->round->reinvocable, key))
        str_vec_add(&x->round->reinvocable, x->arena, key);
}

static int mutate(struct api *api, struct api_attributes *at, struct err *err)
{
    _cleanup_policy_calls_ struct policy_calls calls;
    if (policy_choose(api, at, true, &calls, err) < 0)
        return -1;
    struct arena *a = at->request->arena;
    if (!calls.n)
        return 0;
    if (!at->policies)
        at->policies = arena_new(a, struct round);
    struct altering x = {.api = api, .at = at, .arena = a, .round = at->policies};
    if (at->again && at->object && x.round->output &&
        !struct_eq(at->resource->type, at->object, x.round->output))
        reinvoke_previous(x.round, a); /* others have changed it since */
    const struct round round = *x.round;
    bool reinvoke = at->reinvoke;
    void *before = at->object ? arena_dup(a, at->object, at->resource->type->size) : NULL;
    for (size_t i = 0; i < calls.n && !x.waits; i++)
        alter(&x, &calls, &calls.at[i]);
    if (x.waits) { /* then all of them alter it anew, from where it was */
        if (before)
            memcpy(at->object, before, at->resource->type->size);
        *x.round = round;
        at->reinvoke = reinvoke;
        return 1;
    }
    if (at->object)
        x.round->output = struct_dup(a, at->resource->type, at->object);
    if (!x.refused)
        return 0;
    admission_forbid(at, err, "admission request denied by policy");
    err->reason = x.reason; /* the code stays that of Forbidden */
    err->message = arena_str(&err->arena, x.message);
    for (size_t i = 0; i < x.causes.n; i++)
        err_add_cause(err, "", STR(""), STR_FMT, STR_ARG(x.causes.at[i]));
    return -1;
}

const struct admission_plugin mutating_policies = {.name = "MutatingAdmissionPolicy", .mutate = mutate};
