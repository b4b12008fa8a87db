/* Rules as objects meet them (apiextensions-apiserver's schema/cel validation). */
#include <stdlib.h>

#include "api/rules/rules.h"
#include "schema/custom/custom_valid.h"

typedef struct json_schema_props schema;

enum { PATH_STEPS = 16 };

/* The rules of one place in a schema. */
struct place {
    const schema *schema;
    const struct cel_type *self;
    struct rule *rules;
    size_t n;
};

/* All places that have rules, by the schema's address. */
struct custom_rules {
    struct arena arena; /* types */
    struct place *at;
    size_t n, cap;
};

/* --- compiling, once for each state of a definition --- */

static bool has_rules(const schema *s)
{
    bool any = s->x_kubernetes_validations.n;
    for (size_t i = 0; !any && i < s->properties.n; i++)
        any = has_rules(&s->properties.at[i].value);
    if (!any && s->items && s->items->schema)
        any = has_rules(s->items->schema);
    if (!any && s->additional_properties && s->additional_properties->schema)
        any = has_rules(s->additional_properties->schema);
    return any;
}

static void gather(struct custom_rules *r, const schema *s, bool root)
{
    for (size_t i = 0; i < s->properties.n; i++)
        gather(r, &s->properties.at[i].value, false);
    if (s->items && s->items->schema)
        gather(r, s->items->schema, false);
    if (s->additional_properties && s->additional_properties->schema)
        gather(r, s->additional_properties->schema, false);
    size_t n = s->x_kubernetes_validations.n;
    if (!n)
        return;
    struct place p = {s, cel_schema_type(&r->arena, s, root), arena_new_n(&r->arena, struct rule, n), n};
    if (!p.self)
        p.self = &cel_dyn;
    for (size_t i = 0; i < n; i++) {
        _cleanup_err_ struct err err = {0}, message_err = {0};
        rule_compile(&r->arena, p.self, &s->x_kubernetes_validations.at[i], &p.rules[i], &err, &message_err);
    }
    mem_grow((void **)&r->at, &r->cap, r->n + 1, sizeof *r->at);
    r->at[r->n++] = p;
}

static int by_schema(const void *x, const void *y)
{
    uintptr_t a = (uintptr_t)((const struct place *)x)->schema,
              b = (uintptr_t)((const struct place *)y)->schema;
    return (a > b) - (a < b);
}

static void rules_free(void *arg)
{
    struct custom_rules *r = arg;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->at[i].n; k++)
            rule_clear(&r->at[i].rules[k]);
    free(r->at);
    arena_free(&r->arena);
    free(r);
}

static const struct custom_rules *rules_of(const struct custom_version *c)
{
    struct custom_rules *known = custom_attached(c), *made;
    if (known)
        return known;
    made = mem_zalloc(sizeof *made);
    gather(made, c->schema, true);
    if (made->n)
        qsort(made->at, made->n, sizeof *made->at, by_schema);
    return custom_attach(c, made, rules_free);
}

/* --- running --- */

struct running {
    const struct custom_rules *rules;
    struct field_errors *e;
    struct arena a;
    uint64_t budget;
    bool over;
};

static struct str rule_text(const struct rule *r)
{
    return str_trim(r->said->message).n ? str_trim(r->said->message) : str_trim(r->said->rule);
}

static int run_program(struct running *x, const struct cel_program *p, const struct cel_value *vars,
                       struct cel_value *out, struct err *err)
{
    struct cel_run run = {.arena = &x->a,
                          .vars = vars,
                          .cost_limit = x->budget < CEL_COST_PER_CALL ? x->budget : CEL_COST_PER_CALL};
    int rc = cel_eval(p, &run, out, err);
    x->budget -= run.cost < x->budget ? run.cost : x->budget;
    return rc;
}

/* What the rule says when it does not hold. */
static struct str message_of(struct running *x, const struct rule *r, const struct cel_value *vars)
{
    _cleanup_err_ struct err err = {0};
    struct cel_value v;
    if (r->message && run_program(x, r->message, vars, &v, &err) == 0 && v.kind == CEL_STRING) {
        struct str text = str_trim(v.s);
        if (text.n && str_index(text, '\n') < 0)
            return text;
    }
    if (str_trim(r->said->message).n)
        return str_trim(r->said->message);
    return arena_concat(&x->a, STR("failed rule: "), str_trim(r->said->rule));
}

/* Adds the rule's fieldPath (.a.b['c']) to where the value stands. */
static const struct path *field_of(const struct path *at, struct str path, struct path steps[PATH_STEPS])
{
    for (size_t n = 0; path.n && n < PATH_STEPS; n++) {
        size_t end = 1;
        if (path.p[0] == '.') {
            while (end < path.n && path.p[end] != '.' && path.p[end] != '[')
                end++;
            steps[n] = path_child(at, str_slice(path.p + 1, end - 1));
        } else {
            ptrdiff_t close = str_index(path, ']');
            end = close < 0 ? path.n : (size_t)close + 1;
            struct str key = end > 4 ? str_slice(path.p + 2, end - 4) : STR("");
            steps[n] = path_child(at, key);
        }
        at = &steps[n];
        path = str_from_at(path, end);
    }
    return at;
}

static void complain(struct running *x, const struct path *at, const struct place *p, const struct rule *r,
                     const struct cel_value *vars)
{
    static const struct {
        const char *reason;
        enum field_error_type type;
    } reasons[] = {{"FieldValueRequired", FIELD_ERROR_REQUIRED},
                   {"FieldValueForbidden", FIELD_ERROR_FORBIDDEN},
                   {"FieldValueDuplicate", FIELD_ERROR_DUPLICATE}};
    struct path steps[PATH_STEPS];
    enum field_error_type type = FIELD_ERROR_INVALID;
    struct str message = message_of(x, r, vars);
    for (size_t i = 0; r->said->reason && i < ARRAY_LEN(reasons); i++)
        if (str_is(*r->said->reason, reasons[i].reason))
            type = reasons[i].type;
    at = field_of(at, str_trim(r->said->field_path), steps);
    if (type == FIELD_ERROR_DUPLICATE)
        field_duplicate(x->e, at, p->schema->type);
    else
        field_error(x->e, type, at, BAD(p->schema->type), STR_FMT, STR_ARG(message));
}

static void complain_of_failure(struct running *x, const struct path *at, const struct place *p,
                                const struct rule *r, struct str why)
{
    struct str rule = rule_text(r);
    if (str_starts(why, STR("no such overload")))
        field_invalid(x->e, at, p->schema->type,
                      "'" STR_FMT "': call arguments did not match a supported operator, function or macro "
                      "signature for rule: " STR_FMT,
                      STR_ARG(why), STR_ARG(rule));
    else if (str_starts(why, STR("operation cancelled: actual cost limit exceeded")) && x->budget)
        field_invalid(x->e, at, p->schema->type,
                      "'" STR_FMT "': no further validation rules will be run due to call cost exceeds limit "
                      "for rule: " STR_FMT,
                      STR_ARG(why), STR_ARG(rule));
    else if (str_starts(why, STR("operation cancelled: actual cost limit exceeded")))
        field_invalid(x->e, at, p->schema->type,
                      "validation failed due to running out of cost budget, no further validation rules will "
                      "be run");
    else
        field_invalid(x->e, at, p->schema->type, STR_FMT " evaluating rule: " STR_FMT, STR_ARG(why),
                      STR_ARG(rule));
    x->over |= str_starts(why, STR("operation cancelled"));
}

static void run_rule(struct running *x, const struct path *at, const struct place *p, const struct rule *r,
                     const struct value *v, const struct value *old)
{
    _cleanup_err_ struct err err = {0};
    bool optional = r->said->optional_old_self && *r->said->optional_old_self;
    struct cel_value vars[2] = {cel_from_json(&x->a, v, p->self), CEL_NULL_VALUE}, past, out;
    if (!r->program || (r->uses_old && !old && !optional) ||
        (!r->uses_old && old && value_eq(v, old))) /* it was let be before (KEP-4008) */
        return;
    if (old)
        vars[1] = past = cel_from_json(&x->a, old, p->self);
    if (optional)
        vars[1] = (struct cel_value){.kind = CEL_OPTIONAL, .inner = old ? &past : NULL};
    if (run_program(x, r->program, vars, &out, &err) < 0)
        complain_of_failure(x, at, p, r, err.message);
    else if (out.kind != CEL_BOOL || !out.b)
        complain(x, at, p, r, vars);
}

static const schema *property(const schema *s, struct str name)
{
    for (size_t i = 0; i < s->properties.n; i++)
        if (str_eq(s->properties.at[i].key, name))
            return &s->properties.at[i].value;
    return s->additional_properties ? s->additional_properties->schema : NULL;
}

static void run(struct running *x, const struct path *at, const schema *s, const struct value *v,
                const struct value *old)
{
    const struct place key = {.schema = s};
    const struct place *p =
        x->rules->n ? bsearch(&key, x->rules->at, x->rules->n, sizeof key, by_schema) : NULL;
    if (x->over || v->kind == JSON_NULL)
        return;
    for (size_t i = 0; p && i < p->n && !x->over; i++)
        run_rule(x, at, p, &p->rules[i], v, old && old->kind != JSON_NULL ? old : NULL);
    if (v->kind == JSON_ARRAY && s->items && s->items->schema)
        for (size_t i = 0; i < v->list.n; i++)
            run(x, PATH_AT(at, i), s->items->schema, &v->list.at[i],
                custom_same_item(s, old, &v->list.at[i]));
    for (size_t i = 0; v->kind == JSON_OBJECT && i < v->members.n; i++) {
        const struct value_member *m = &v->members.at[i];
        const schema *below = property(s, m->key);
        struct path child = s->properties.n ? path_child(at, m->key) : path_key(at, m->key);
        if (below)
            run(x, &child, below, &m->value, value_get(old, m->key));
    }
}

bool rules_exist(const struct custom_version *c)
{
    return c->schema && has_rules(c->schema);
}

void rules_run(struct field_errors *e, const struct custom_version *c, const struct value *v,
               const struct value *old)
{
    struct running x = {.e = e, .budget = CEL_COST_BUDGET};
    if (!rules_exist(c))
        return;
    x.rules = rules_of(c);
    run(&x, NULL, c->schema, v, old);
    arena_free(&x.a);
}
