/* ValidatingAdmissionPolicy status: checks the expressions of a policy against the types of the resources
 * that it is about, and writes what is doubtful into status.typeChecking (upstream: pkg/controller/
 * validatingadmissionpolicystatus, admission/plugin/policy/validating/typechecking.go). The policy works
 * either way: in requests, objects are dyn. What kinds look like is as it was then: upstream, too, does not
 * look again until the policy changes. */
#include <stdlib.h>

#include "cel/admission.h"
#include "cel/schemas.h"
#include "controllers/table.h"
#include "kinds/admissionregistration_v1.h"
#include "schema/custom/custom.h"

enum { TYPES_MAX = 10 }; /* of one rule, which ends the search */

/* The kinds whose objects the policy will see. */
struct kind {
    struct str group, version, kind;
    const struct cel_type *type;
};
struct kinds_seen {
    struct kind *at;
    size_t n;
};

/* --- what kinds look like --- */

static bool names(const struct custom_resource_definition *d, struct str plural, struct str kind)
{
    const struct custom_resource_definition_names *n = &d->status.accepted_names;
    return plural.n ? str_eq(n->plural, plural) : str_eq(n->kind, kind);
}

/* The custom kind of that plural, or else of that name. */
static bool find_custom(struct work *w, struct str group, struct str version, struct str plural,
                        struct str kind, struct kind *out)
{
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(w, custom_resource_definition), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct custom_resource_definition *d = object_typed(all.at[i]);
        if (!str_eq(d->spec.group, group) || !names(d, plural, kind) ||
            !custom_condition_is(d, "Established", "True"))
            continue;
        for (size_t v = 0; v < d->spec.versions.n; v++) {
            const struct custom_resource_definition_version *at = &d->spec.versions.at[v];
            if (!at->served || !str_eq(at->name, version) || !at->schema || !at->schema->open_apiv_3_schema)
                continue;
            d = object_copy(all.at[i], w->a); /* the type is made of its parts */
            *out = (struct kind){
                group, version, d->status.accepted_names.kind,
                cel_schema_type_published(w->a, d->spec.versions.at[v].schema->open_apiv_3_schema)};
            return true;
        }
    }
    return false;
}

static bool find_plural(struct work *w, struct str group, struct str version, struct str plural,
                        struct kind *out)
{
    const struct resource *r = resource_find(group, version, plural);
    if (r)
        *out = (struct kind){group, version, r->kind, cel_type_described(w->a, r->type, true)};
    return r || find_custom(w, group, version, plural, STR(""), out);
}

/* NULL: not known. */
static const struct cel_type *type_of_params(struct work *w, const struct param_kind *k)
{
    struct kind found = {0};
    const struct resource *r = k ? resource_find_kind(k->api_version, k->kind) : NULL;
    if (r)
        return cel_type_described(w->a, r->type, true);
    if (!k)
        return NULL;
    struct str version = k->api_version, group;
    return str_cut(&version, '/', &group) && find_custom(w, group, version, STR(""), k->kind, &found)
               ? found.type
               : NULL;
}

/* --- which kinds --- */

static int by_name(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* The names without those that have any of `signs`, sorted. */
static struct str_vec sorted(struct work *w, const struct str_vec *v, const char *signs)
{
    struct str_vec out = {.at = arena_new_n(w->a, struct str, v->n + 1)};
    for (size_t i = 0; i < v->n; i++) {
        bool has = false;
        for (const char *c = signs; *c; c++)
            has |= str_index(v->at[i], *c) >= 0;
        if (!has)
            out.at[out.n++] = v->at[i];
    }
    qsort(out.at, out.n, sizeof *out.at, by_name);
    return out;
}

static void add_kind(struct kinds_seen *k, const struct kind *x)
{
    for (size_t i = 0; i < k->n; i++)
        if (str_eq(k->at[i].group, x->group) && str_eq(k->at[i].version, x->version) &&
            str_eq(k->at[i].kind, x->kind))
            return;
    k->at[k->n++] = *x;
}

/* Whether there may be more. */
static bool add_rule(struct work *w, const struct named_rule_with_operations *r, struct kinds_seen *out)
{
    struct str_vec groups = sorted(w, &r->api_groups, "*"), versions = sorted(w, &r->api_versions, "*"),
                   resources = sorted(w, &r->resources, "*/");
    if (groups.n < r->api_groups.n || versions.n < r->api_versions.n)
        return true;
    struct kind found;
    size_t n = 0;
    for (size_t g = 0; g < groups.n; g++)
        for (size_t v = 0; v < versions.n; v++)
            for (size_t i = 0; i < resources.n; i++) {
                if (!find_plural(w, groups.at[g], versions.at[v], resources.at[i], &found))
                    continue;
                add_kind(out, &found);
                if (++n == TYPES_MAX)
                    return false;
            }
    return true;
}

static int by_kind(const void *x, const void *y)
{
    const struct kind *a = x, *b = y;
    int c = str_cmp(a->group, b->group);
    c = c ? c : str_cmp(a->version, b->version);
    return c ? c : str_cmp(a->kind, b->kind);
}

/* What the rules name in full: without wildcards, no subresources. */
static void find_kinds(struct work *w, const struct match_resources *m, struct kinds_seen *out)
{
    size_t rules = m ? m->resource_rules.n : 0;
    out->at = arena_new_n(w->a, struct kind, rules * TYPES_MAX + 1);
    for (size_t i = 0; i < rules && add_rule(w, &m->resource_rules.at[i], out); i++)
        ;
    qsort(out->at, out->n, sizeof *out->at, by_kind);
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
    env->vars[ADMISSION_REQUEST_RESOURCE].name = STR(""); /* upstream forgets it */
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
        const struct cel_type *type = fine ? cel_program_type(c->variables[i]) : NULL;
        fields[i] =
            (struct cel_field){.name = v->at[i].name, .type = admission_variable_cel_type(c->w->a, type)};
    }
    c->options.variables = cel_type_record(c->w->a, STR("kubernetes.variables"), fields, v->n);
}

/* --- all kinds --- */

/* "apps/v1, Kind=Deployment: ERROR: ...", with an empty line between kinds. */
static void check_for_all(struct checking *all, const struct kinds_seen *kinds, struct str text,
                          struct buf *out)
{
    for (size_t i = 0; i < kinds->n; i++) {
        struct cel_program *program = NULL;
        struct str why = check(&all[i], text, &program);
        cel_program_free(program);
        if (!why.n)
            continue;
        const struct kind *k = &kinds->at[i];
        buf_addf(out, "%s" STR_FMT "/" STR_FMT ", Kind=" STR_FMT ": " STR_FMT "\n", out->n ? "\n" : "",
                 STR_ARG(k->group), STR_ARG(k->version), STR_ARG(k->kind), STR_ARG(why));
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
    struct kinds_seen kinds = {0};
    find_kinds(w, p->spec.match_constraints, &kinds);
    struct checking *all = arena_new_n(w->a, struct checking, kinds.n + 1);
    const struct cel_type *params = type_of_params(w, p->spec.param_kind);
    for (size_t i = 0; i < kinds.n; i++) {
        all[i] = (struct checking){
            .w = w,
            .policy = p,
            .options = {.params = params,
                        .authorizer = true,
                        .object_type = kinds.at[i].type,
                        .params_type = params},
        };
        declare_variables(&all[i]);
    }
    size_t n = p->spec.validations.n;
    out->at = arena_new_n(w->a, struct expression_warning, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct validation *v = &p->spec.validations.at[i];
        _cleanup_buf_ struct buf expression = {0}, message = {0};
        check_for_all(all, &kinds, v->expression, &expression);
        if (v->message_expression.n)
            check_for_all(all, &kinds, v->message_expression, &message);
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
    .watches = {{&validating_admission_policy_resource, controller_on_self},
                {&custom_resource_definition_resource}},
};
