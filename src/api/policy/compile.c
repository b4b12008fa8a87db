#include <stdlib.h>

#include "api/metrics.h"
#include "api/policy/policy.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/thread.h"
#include "kinds/meta_v1.h"

/* --- what is there --- */

static bool is(const struct str *value, struct str what)
{
    return value && str_eq(*value, what);
}

struct policy_view policy_view(struct object *o)
{
    if (object_resource(o) == &validating_admission_policy_resource) {
        const struct validating_admission_policy *p = object_typed(o);
        return (struct policy_view){
            .name = p->metadata.name,
            .param_kind = p->spec.param_kind,
            .constraints = p->spec.match_constraints,
            .conditions = p->spec.match_conditions,
            .variables = p->spec.variables,
            .ignores_failure = is(p->spec.failure_policy, FAILURE_POLICY_TYPE_IGNORE),
            .validating = p,
        };
    }
    const struct mutating_admission_policy *p = object_typed(o);
    return (struct policy_view){
        .name = p->metadata.name,
        .param_kind = p->spec.param_kind,
        .constraints = p->spec.match_constraints,
        .conditions = p->spec.match_conditions,
        .variables = p->spec.variables,
        .ignores_failure = is(p->spec.failure_policy, FAILURE_POLICY_TYPE_IGNORE),
        .reinvokes = str_eq(p->spec.reinvocation_policy, REINVOCATION_POLICY_TYPE_IF_NEEDED),
        .mutating = p,
    };
}

struct binding_view binding_view(struct object *o)
{
    if (object_resource(o) == &validating_admission_policy_binding_resource) {
        const struct validating_admission_policy_binding *b = object_typed(o);
        return (struct binding_view){b->metadata.name, b->spec.policy_name, b->spec.param_ref,
                                     b->spec.match_resources, &b->spec.validation_actions};
    }
    const struct mutating_admission_policy_binding *b = object_typed(o);
    return (struct binding_view){b->metadata.name, b->spec.policy_name, b->spec.param_ref,
                                 b->spec.match_resources, NULL};
}

/* --- compiling --- */

static const struct cel_type *const bools[] = {&cel_bool};
static const struct cel_type *const strings[] = {&cel_string};
static const struct cel_type *const notes[] = {&cel_string, &cel_null};

static void compile(struct policy *p, struct policy_expression *out, struct str text,
                    const struct admission_env_options *o)
{
    _cleanup_err_ struct err err = {0};
    struct admission_env *env = arena_new(&p->arena, struct admission_env);
    admission_env_init(env, o);
    out->text = arena_str(&p->arena, text);
    int64_t began = clock_mono();
    int rc = text.n ? cel_compile(&env->env, text, &out->program, &err) : 0;
    if (text.n)
        metrics_cel(true, clock_mono() - began);
    if (rc < 0)
        out->error = arena_str(&p->arena, err.message);
}

/* Each variable may use those before it; the type of `variables` grows with them. */
static const struct cel_type *compile_variables(struct policy *p, const struct variable_vec *v,
                                                struct admission_env_options o)
{
    struct cel_field *fields = arena_new_n(&p->arena, struct cel_field, v->n + 1);
    p->variables = arena_new_n(&p->arena, struct policy_variable, v->n + 1);
    p->n_variables = v->n;
    o.variables = cel_type_record(&p->arena, STR("kubernetes.variables"), fields, 0);
    for (size_t i = 0; i < v->n; i++) {
        struct policy_variable *var = &p->variables[i];
        var->name = arena_str(&p->arena, v->at[i].name);
        compile(p, &var->expression, v->at[i].expression, &o);
        const struct cel_program *program = var->expression.program;
        const struct cel_type *type = program ? cel_program_type(program) : NULL;
        fields[i] =
            (struct cel_field){.name = var->name, .type = admission_variable_cel_type(&p->arena, type)};
        o.variables = cel_type_record(&p->arena, STR("kubernetes.variables"), fields, i + 1);
    }
    return o.variables;
}

static void results(struct admission_env_options *o, const struct cel_type *const *types, size_t n)
{
    o->results = types;
    o->n_results = n;
}

static void compile_validations(struct policy *p, const struct validating_admission_policy_spec *s,
                                struct admission_env_options o)
{
    p->n_rules = s->validations.n;
    p->rules = arena_new_n(&p->arena, struct policy_expression, p->n_rules + 1);
    p->messages = arena_new_n(&p->arena, struct policy_expression, p->n_rules + 1);
    for (size_t i = 0; i < p->n_rules; i++) {
        struct admission_env_options m = o;
        m.authorizer = false;
        results(&o, bools, 1);
        results(&m, strings, 1);
        compile(p, &p->rules[i], s->validations.at[i].expression, &o);
        compile(p, &p->messages[i], s->validations.at[i].message_expression, &m);
    }
    p->n_annotations = s->audit_annotations.n;
    p->annotations = arena_new_n(&p->arena, struct policy_expression, p->n_annotations + 1);
    results(&o, notes, 2);
    for (size_t i = 0; i < p->n_annotations; i++)
        compile(p, &p->annotations[i], str_trim(s->audit_annotations.at[i].value_expression), &o);
}

static void compile_mutations(struct policy *p, const struct mutating_admission_policy_spec *s,
                              struct admission_env_options o)
{
    static const struct cel_type patches = {
        .kind = CEL_LIST, .name = STR_INIT("list"), .elem = &cel_json_patch};
    static const struct cel_type *const lists[] = {&patches}, *const objects[] = {&cel_mutated_object};
    p->n_rules = s->mutations.n;
    p->rules = arena_new_n(&p->arena, struct policy_expression, p->n_rules + 1);
    o.mutations = true;
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct mutation *m = &s->mutations.at[i];
        results(&o, m->json_patch ? lists : objects, 1);
        compile(p, &p->rules[i],
                m->json_patch            ? m->json_patch->expression
                : m->apply_configuration ? m->apply_configuration->expression
                                         : STR(""),
                &o);
    }
}

struct policy *policy_compile(const struct policy_view *view)
{
    struct policy *p = mem_zalloc(sizeof(*p));
    struct admission_env_options o = {.params = view->param_kind, .authorizer = true};
    p->refs = 1;
    results(&o, bools, 1);
    p->n_conditions = view->conditions.n;
    p->conditions = arena_new_n(&p->arena, struct policy_expression, p->n_conditions + 1);
    for (size_t i = 0; i < p->n_conditions; i++)
        compile(p, &p->conditions[i], str_trim(view->conditions.at[i].expression), &o);
    results(&o, NULL, 0);
    o.variables = compile_variables(p, &view->variables, o);
    if (view->validating)
        compile_validations(p, &view->validating->spec, o);
    else if (view->mutating)
        compile_mutations(p, &view->mutating->spec, o);
    return p;
}

static void free_expressions(struct policy_expression *at, size_t n)
{
    for (size_t i = 0; at && i < n; i++)
        cel_program_free(at[i].program);
}

void policy_unref(struct policy *p)
{
    if (!p || --p->refs)
        return;
    for (size_t i = 0; i < p->n_variables; i++)
        cel_program_free(p->variables[i].expression.program);
    free_expressions(p->conditions, p->n_conditions);
    free_expressions(p->rules, p->n_rules);
    free_expressions(p->messages, p->n_rules);
    free_expressions(p->annotations, p->n_annotations);
    arena_free(&p->arena);
    free(p);
}

/* --- the cache --- */

enum { CACHE_MAX = 1024 };

struct policy_cache {
    pthread_mutex_t mutex;
    struct map by_uid; /* of struct policy, which owns the key */
};

struct policy_cache *policy_cache_new(void)
{
    struct policy_cache *c = mem_zalloc(sizeof(*c));
    pthread_mutex_init(&c->mutex, NULL);
    return c;
}

/* Those of deleted policies go with all others, now and then: compiling is quick. */
static void forget_all(struct policy_cache *c)
{
    map_each (&c->by_uid, slot)
        policy_unref(slot->value);
    map_free(&c->by_uid);
}

void policy_cache_free(struct policy_cache *c)
{
    if (!c)
        return;
    forget_all(c);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

static struct policy *cached(struct policy_cache *c, const struct object_meta *m)
{
    _lock_(&c->mutex);
    struct policy *p = map_get(&c->by_uid, m->uid);
    if (!p || p->generation != m->generation)
        return NULL;
    p->refs++;
    return p;
}

struct policy *policy_get(struct policy_cache *c, struct object *o)
{
    const struct object_meta *m = object_meta(o);
    struct policy *p = cached(c, m);
    if (p)
        return p;
    struct policy_view view = policy_view(o);
    p = policy_compile(&view);
    p->uid = arena_str(&p->arena, m->uid);
    p->generation = m->generation;
    p->refs++;
    _lock_(&c->mutex);
    if (c->by_uid.n >= CACHE_MAX)
        forget_all(c);
    policy_unref(map_put(&c->by_uid, p->uid, p));
    return p;
}
