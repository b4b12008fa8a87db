/* ValidatingAdmissionPolicy status: checks the expressions of a policy against the types of the resources
 * that it is about, and writes what is doubtful into status.typeChecking (upstream: pkg/controller/
 * validatingadmissionpolicystatus, admission/plugin/policy/validating/typechecking.go). The policy works
 * either way: in requests, objects are dyn. */
#include "cel/admission.h"
#include "controllers/table.h"
#include "kinds/admissionregistration_v1.h"

enum { TYPES_MAX = 10 };

/* The kinds whose objects the policy will see. */
struct kinds {
    const struct resource *at[TYPES_MAX];
    size_t n;
};

static bool has_wildcard(const struct str_vec *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_index(v->at[i], '*') >= 0)
            return true;
    return v->n == 0;
}

static void add_kind(struct kinds *k, const struct resource *r)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->at[i] == r)
            return;
    if (r && k->n < TYPES_MAX)
        k->at[k->n++] = r;
}

/* What the rules name in full: without wildcards, no subresources. */
static void find_kinds(const struct match_resources *m, struct kinds *out)
{
    for (size_t i = 0; m && i < m->resource_rules.n; i++) {
        const struct named_rule_with_operations *r = &m->resource_rules.at[i];
        if (has_wildcard(&r->api_groups) || has_wildcard(&r->api_versions) || has_wildcard(&r->resources))
            continue;
        for (size_t g = 0; g < r->api_groups.n; g++)
            for (size_t v = 0; v < r->api_versions.n; v++)
                for (size_t n = 0; n < r->resources.n; n++)
                    add_kind(out,
                             resource_find(r->api_groups.at[g], r->api_versions.at[v], r->resources.at[n]));
    }
}

/* --- one kind --- */

struct checking {
    struct work *w;
    const struct validating_admission_policy *policy;
    struct admission_env_options options;
    struct cel_program **variables; /* whose types are in use */
};

/* What is wrong with the text; empty: nothing, and *p is to be freed. */
static struct str check(struct checking *c, struct str text, struct cel_program **p)
{
    _cleanup_err_ struct err err = {0};
    struct admission_env *env = arena_new(c->w->a, struct admission_env);
    admission_env_init(env, &c->options);
    if (cel_compile(&env->env, text, p, &err) < 0) {
        const struct str prefix = STR("compilation failed: ");
        struct str why = arena_str(c->w->a, err.message);
        return str_starts(why, prefix) ? str_from_at(why, prefix.n) : why;
    }
    return (struct str){0};
}

/* The type of `variables`, in which each is what its expression yields for this kind. */
static void declare_variables(struct checking *c)
{
    const struct variable_vec *v = &c->policy->spec.variables;
    struct cel_field *fields = arena_new_n(c->w->a, struct cel_field, v->n + 1);
    c->variables = arena_new_n(c->w->a, struct cel_program *, v->n + 1);
    for (size_t i = 0; i < v->n; i++) {
        c->options.variables = cel_type_record(c->w->a, STR("kubernetes.variables"), fields, i);
        bool fine = !check(c, v->at[i].expression, &c->variables[i]).n;
        fields[i] = (struct cel_field){.name = v->at[i].name,
                                       .type = fine ? cel_program_type(c->variables[i]) : &cel_dyn};
    }
    c->options.variables = v->n ? cel_type_record(c->w->a, STR("kubernetes.variables"), fields, v->n) : NULL;
}

/* --- all kinds --- */

/* "apps/v1, Kind=Deployment: ERROR: ...", a line or more for each kind. */
static void check_for_all(struct checking *all, size_t n, const struct kinds *kinds, struct str text,
                          struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        struct cel_program *program = NULL;
        struct str why = check(&all[i], text, &program);
        cel_program_free(program);
        if (!why.n)
            continue;
        const struct resource *r = kinds->at[i];
        buf_addf(out, "%s" STR_FMT "/" STR_FMT ", Kind=" STR_FMT ": " STR_FMT, out->n ? "\n" : "",
                 STR_ARG(r->group), STR_ARG(r->version), STR_ARG(r->kind), STR_ARG(why));
    }
}

static void add_warning(struct work *w, struct expression_warning_vec *to, size_t i, const char *field,
                        const struct buf *text)
{
    if (!text->n)
        return;
    to->at[to->n++] = (struct expression_warning){
        .field_ref = arena_printf(w->a, "spec.validations[%zu].%s", i, field),
        .warning = arena_str(w->a, buf_str(text)),
    };
}

static void check_policy(struct work *w, const struct validating_admission_policy *p,
                         struct expression_warning_vec *out)
{
    struct kinds kinds = {0};
    find_kinds(p->spec.match_constraints, &kinds);
    struct checking *all = arena_new_n(w->a, struct checking, kinds.n + 1);
    const struct param_kind *params = p->spec.param_kind;
    const struct resource *params_kind =
        params ? resource_find_kind(params->api_version, params->kind) : NULL;
    for (size_t i = 0; i < kinds.n; i++) {
        all[i] = (struct checking){
            .w = w,
            .policy = p,
            .options = {.params = params,
                        .authorizer = true,
                        .object_type = cel_type_described(w->a, kinds.at[i]->type),
                        .params_type = params_kind ? cel_type_described(w->a, params_kind->type) : NULL},
        };
        declare_variables(&all[i]);
    }
    size_t n = p->spec.validations.n;
    out->at = arena_new_n(w->a, struct expression_warning, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct validation *v = &p->spec.validations.at[i];
        _cleanup_buf_ struct buf expression = {0}, message = {0};
        check_for_all(all, kinds.n, &kinds, v->expression, &expression);
        if (v->message_expression.n)
            check_for_all(all, kinds.n, &kinds, v->message_expression, &message);
        add_warning(w, out, i, "expression", &expression);
        add_warning(w, out, i, "messageExpression", &message);
    }
    for (size_t i = 0; i < kinds.n; i++)
        for (size_t v = 0; v < p->spec.variables.n; v++)
            cel_program_free(all[i].variables[v]);
}

static int policy_reconcile(struct work *w)
{
    struct informer *policies = informer_of(w, validating_admission_policy);
    _cleanup_object_ struct object *o = informer_get(policies, (struct str){0}, w->name);
    if (!o)
        return 0;
    const struct validating_admission_policy *now = object_typed(o);
    if (now->metadata.generation <= now->status.observed_generation)
        return 0;
    struct validating_admission_policy *p = object_copy(o, w->a);
    p->status.observed_generation = p->metadata.generation;
    p->status.type_checking = arena_new(w->a, struct type_checking);
    check_policy(w, p, &p->status.type_checking->expression_warnings);
    return work_forgive(
        w, client_update(w->client, &validating_admission_policy_resource, STR("status"), p, NULL, w->err),
        ERR_CONFLICT);
}

const struct controller_def admission_policy_controller = {
    .name = "validatingadmissionpolicy-status",
    .component = "validatingadmissionpolicy-status-controller",
    .account = "validatingadmissionpolicy-status-controller",
    .kind = &validating_admission_policy_resource,
    .reconcile = policy_reconcile,
    .watches = {{&validating_admission_policy_resource, controller_on_self}},
};
