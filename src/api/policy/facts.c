#include "api/policy/facts.h"

#include "api/metrics.h"
#include "api/policy/policy.h"
#include "api/review.h"
#include "api/road.h"
#include "base/clock.h"
#include "kinds/core_v1.h"

/* --- variables --- */

static int variable_get(void *arg, struct cel_run *run, struct str name, struct cel_value *out,
                        struct err *err)
{
    struct policy_facts *f = arg;
    (void)run;
    for (size_t i = 0; i < f->policy->n_variables; i++) {
        const struct policy_variable *v = &f->policy->variables[i];
        struct policy_fact *fact = &f->variables[i];
        if (!str_eq(v->name, name))
            continue;
        if (!fact->made) {
            _cleanup_err_ struct err why = {0};
            struct cel_run own = {
                .arena = f->arena, .vars = f->vars, .authorize = run->authorize, .arg = run->arg};
            fact->made = true;
            if (!v->expression.program)
                fact->error =
                    arena_printf(f->arena, "composited variable \"" STR_FMT "\" fails to compile: " STR_FMT,
                                 STR_ARG(name), STR_ARG(v->expression.error));
            else if (cel_eval(v->expression.program, &own, &fact->value, &why) < 0)
                fact->error =
                    arena_printf(f->arena, "composited variable \"" STR_FMT "\" fails to evaluate: " STR_FMT,
                                 STR_ARG(name), STR_ARG(why.message));
            f->variables_cost += own.cost;
        }
        *out = fact->value;
        return fact->error.n ? err_set(err, ERR_INVALID, STR_FMT, STR_ARG(fact->error)) : 0;
    }
    return err_set(err, ERR_INVALID, "no such key: " STR_FMT, STR_ARG(name));
}

/* --- bindings --- */

static struct cel_value value_of(const struct resource *r, const void *typed, const struct cel_type *type)
{
    struct cel_value v = cel_from_struct(r->type, typed);
    if (type && v.kind == CEL_MAP) {
        v.kind = CEL_OBJECT;
        v.type = type;
    }
    return v;
}

/* An object of the store with its kind and apiVersion. */
static struct cel_value params_of(struct arena *a, struct object *o)
{
    const struct resource *r = object_resource(o);
    const struct api_attributes as_itself = {.resource = r};
    void *shown;
    review_object(a, &as_itself, r, object_typed(o), &shown, NULL); /* as itself: nothing to convert */
    return value_of(r, shown, NULL);
}

void policy_facts_renew(struct policy_facts *f, const struct resource *as)
{
    const struct resource *shown = review_shown(f->at, as);
    struct arena *a = f->arena;
    void *object, *old;
    _cleanup_err_ struct err err = {0};
    if (review_object(a, f->at, shown, f->at->object, &object, &err) < 0 ||
        review_object(a, f->at, shown, f->at->old, &old, &err) < 0) {
        f->error = arena_str(a, err.message);
        return;
    }
    f->vars[ADMISSION_OBJECT] = value_of(shown, object, NULL);
    f->vars[ADMISSION_OLD_OBJECT] = value_of(shown, old, NULL);
    if (f->policy)
        f->variables = arena_new_n(a, struct policy_fact, f->policy->n_variables + 1);
}

void policy_facts_init(struct policy_facts *f, struct api *api, const struct api_attributes *at,
                       const struct resource *as, struct object *params, struct object *ns,
                       const struct policy *policy)
{
    struct arena *a = at->request->arena;
    struct admission_request *request = arena_new(a, struct admission_request);
    const struct cel_type *type = admission_request_cel_type();
    *f = (struct policy_facts){.api = api, .at = at, .arena = a, .policy = policy};
    f->lazy = (struct cel_lazy){variable_get, f};
    review_request(a, at, as, request);
    f->own = (struct cel_authz_check){
        .group = at->request->resource->group,
        .resource = at->request->resource->plural,
        .subresource = at->request->subresource,
        .ns = at->request->ns,
        .name = request->name,
    };
    struct cel_value *v = f->vars;
    v[ADMISSION_REQUEST] = (struct cel_value){
        .kind = CEL_OBJECT, .in = CEL_IN_STRUCT, .c = {request, &admission_request_type}, .type = type};
    v[ADMISSION_NAMESPACE_OBJECT] =
        ns ? value_of(&namespace_resource, object_typed(ns), admission_namespace_cel_type()) : CEL_NULL_VALUE;
    v[ADMISSION_PARAMS] = params ? params_of(a, params) : CEL_NULL_VALUE;
    v[ADMISSION_AUTHORIZER] = cel_from_authorizer();
    v[ADMISSION_REQUEST_RESOURCE] = cel_from_authz_check(&f->own);
    v[ADMISSION_VARIABLES] = cel_from_lazy(&f->lazy, NULL);
    policy_facts_renew(f, as);
}

/* --- evaluating --- */

static void authorize(void *arg, const struct cel_authz_check *check, struct cel_authz_answer *answer)
{
    struct policy_facts *f = arg;
    const struct api_hooks *hooks = &f->api->hooks;
    if (hooks->authorize)
        hooks->authorize(hooks->arg, f->at->request, check, answer);
    else
        answer->error = STR("there is no authorizer");
    f->waits |= answer->waits;
}

/* -1: it is more than is left. */
static int spend(uint64_t *budget, uint64_t cost)
{
    if (cost > *budget)
        return -1;
    *budget -= cost;
    return 0;
}

enum policy_eval policy_eval(struct policy_facts *f, const struct policy_expression *e, uint64_t *budget,
                             struct cel_value *out, struct str *why)
{
    _cleanup_err_ struct err err = {0};
    if (f->error.n) {
        *why = f->error;
        return POLICY_ERROR;
    }
    if (!e->program) {
        *why = arena_printf(f->arena, "compilation error: " STR_FMT, STR_ARG(e->error));
        return POLICY_ERROR;
    }
    struct cel_run run = {.arena = f->arena, .vars = f->vars, .authorize = authorize, .arg = f};
    int64_t began = clock_mono();
    int rc = cel_eval(e->program, &run, out, &err);
    metrics_cel(false, clock_mono() - began);
    uint64_t variables = f->variables_cost;
    f->variables_cost = 0;
    if (spend(budget, variables) < 0 || spend(budget, run.cost) < 0) {
        *why = STR(
            "validation failed due to running out of cost budget, no further validation rules will be run");
        return POLICY_OUT_OF_BUDGET;
    }
    if (rc < 0)
        *why = arena_printf(f->arena, "expression '" STR_FMT "' resulted in error: " STR_FMT,
                            STR_ARG(e->text), STR_ARG(err.message));
    return rc < 0 ? POLICY_ERROR : POLICY_VALUE;
}

int policy_conditions_hold(struct policy_facts *f, const struct policy_expression *at, size_t n,
                           struct str *why)
{
    uint64_t budget = CEL_COST_CONDITIONS;
    _cleanup_buf_ struct buf errors = {0};
    unsigned failed = 0;
    for (size_t i = 0; i < n; i++) {
        struct cel_value v;
        struct str text;
        switch (policy_eval(f, &at[i], &budget, &v, &text)) {
        case POLICY_VALUE:
            if (v.kind == CEL_BOOL && !v.b)
                return 0; /* whatever else fails */
            break;
        case POLICY_ERROR:
            buf_addf(&errors, "%s" STR_FMT, failed++ ? ", " : "", STR_ARG(text));
            break;
        case POLICY_OUT_OF_BUDGET:
            *why = text;
            return -1;
        }
    }
    *why = arena_printf(f->arena, failed > 1 ? "[" STR_FMT "]" : STR_FMT, STR_ARG(buf_str(&errors)));
    return failed ? -1 : 1;
}
