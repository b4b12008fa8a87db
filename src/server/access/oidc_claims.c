#include "server/access/oidc_claims.h"

#include <stdlib.h>

#include "cel/cel.h"

/* An expression, or the name of a claim, or neither. */
struct meaning {
    struct cel_program *program;
    struct str text;  /* of the expression */
    struct str claim; /* when there is no expression */
    struct str prefix;
};

struct oidc_claims {
    struct arena arena; /* types, tables */
    const struct jwt_authenticator *config;
    struct cel_var claims, user;
    const struct cel_type *is_bool, *is_text, *is_texts[2];
    struct meaning *rules, *user_rules, *extra;
    struct meaning username, groups, uid;
};

/* --- compiling --- */

/* Claims are of any type, and so may be what an expression makes of them: then it is looked at when it is
 * there. */
static int compile_text(struct meaning *m, const struct cel_env *env, struct err *err)
{
    struct cel_env open = *env;
    open.n_results = 0;
    if (cel_compile(&open, m->text, &m->program, err) < 0)
        return -1;
    if (cel_program_type(m->program)->kind == CEL_DYN)
        return 0;
    cel_program_free(m->program);
    m->program = NULL;
    return cel_compile(env, m->text, &m->program, err);
}

/* Both of a claim and an expression are too much. */
static void compile(struct oidc_claims *c, struct meaning *m, const struct cel_var *var, bool list,
                    bool truth, const struct path *at, struct field_errors *e)
{
    const struct cel_env env = {.vars = var,
                                .n_vars = 1,
                                .results = truth  ? &c->is_bool
                                           : list ? c->is_texts
                                                  : &c->is_text,
                                .n_results = list && !truth ? 2 : 1};
    _cleanup_err_ struct err err = {0};
    if (m->text.n && m->claim.n)
        field_invalid(e, at, m->text, "only one of claim or expression can be set");
    else if (m->text.n && compile_text(m, &env, &err) < 0)
        field_invalid(e, at, m->text, STR_FMT, STR_ARG(err.message));
}

static void compile_prefixed(struct oidc_claims *c, struct meaning *m,
                             const struct prefixed_claim_or_expression *p, bool list, const struct path *at,
                             struct field_errors *e)
{
    struct path prefix = path_child(at, STR("prefix"));
    *m = (struct meaning){.text = p->expression, .claim = p->claim};
    if (p->prefix)
        m->prefix = *p->prefix;
    if (p->claim.n && !p->prefix)
        field_required(
            e, &prefix,
            "prefix is required when claim is set. It can be set to an empty string to disable prefixing");
    if (p->expression.n && p->prefix)
        field_invalid(e, &prefix, *p->prefix, "prefix is not supported when expression is set");
    compile(c, m, &c->claims, list, false, at, e);
}

/* Whether an expression speaks of claims.NAME, and not only of a longer name. */
static bool speaks_of(struct str text, struct str claim)
{
    for (ptrdiff_t at; (at = str_find(text, claim)) >= 0; text = str_from_at(text, (size_t)at + 1)) {
        struct str after = str_from_at(text, (size_t)at + claim.n);
        char c = after.n ? after.p[0] : ' ';
        if (c != '_' && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
            return true;
    }
    return false;
}

/* An address that nobody has verified is no name: upstream asks that whoever uses it says so. */
static void check_email(const struct oidc_claims *c, const struct path *username, struct field_errors *e)
{
    if (!speaks_of(c->username.text, STR("claims.email")))
        return;
    struct str verified = STR("claims.email_verified");
    bool said = speaks_of(c->username.text, verified);
    for (size_t i = 0; i < c->config->claim_validation_rules.n; i++)
        said = said || speaks_of(c->rules[i].text, verified);
    for (size_t i = 0; i < c->config->claim_mappings.extra.n; i++)
        said = said || speaks_of(c->extra[i].text, verified);
    if (!said)
        field_invalid(
            e, username, c->username.text,
            "claims.email_verified must be used in claimMappings.username.expression or "
            "claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email "
            "is used in claimMappings.username.expression");
}

static void compile_rules(struct oidc_claims *c, const struct path *at, struct field_errors *e)
{
    const struct claim_validation_rule_vec *rules = &c->config->claim_validation_rules;
    struct path list = path_child(at, STR("claimValidationRules"));
    c->rules = arena_new_n(&c->arena, struct meaning, rules->n);
    for (size_t i = 0; i < rules->n; i++) {
        struct path one = path_index(&list, i);
        c->rules[i] = (struct meaning){.text = rules->at[i].expression, .claim = rules->at[i].claim};
        if (!rules->at[i].claim.n && !rules->at[i].expression.n)
            field_required(e, &one, "claim or expression is required");
        compile(c, &c->rules[i], &c->claims, false, true, &one, e);
    }
    const struct user_validation_rule_vec *users = &c->config->user_validation_rules;
    struct path user_list = path_child(at, STR("userValidationRules"));
    c->user_rules = arena_new_n(&c->arena, struct meaning, users->n);
    for (size_t i = 0; i < users->n; i++) {
        struct path one = path_index(&user_list, i), expression = path_child(&one, STR("expression"));
        c->user_rules[i] = (struct meaning){.text = users->at[i].expression};
        if (!users->at[i].expression.n)
            field_required(e, &expression, "expression is required");
        compile(c, &c->user_rules[i], &c->user, false, true, &expression, e);
    }
}

static void compile_mappings(struct oidc_claims *c, const struct path *at, struct field_errors *e)
{
    const struct claim_mappings *m = &c->config->claim_mappings;
    struct path mappings = path_child(at, STR("claimMappings")),
                username = path_child(&mappings, STR("username")),
                groups = path_child(&mappings, STR("groups")), uid = path_child(&mappings, STR("uid")),
                extra = path_child(&mappings, STR("extra"));
    if (!m->username.claim.n && !m->username.expression.n)
        field_required(e, &username, "claim or expression is required");
    compile_prefixed(c, &c->username, &m->username, false, &username, e);
    compile_prefixed(c, &c->groups, &m->groups, true, &groups, e);
    c->uid = (struct meaning){.text = m->uid.expression, .claim = m->uid.claim};
    compile(c, &c->uid, &c->claims, false, false, &uid, e);
    c->extra = arena_new_n(&c->arena, struct meaning, m->extra.n);
    for (size_t i = 0; i < m->extra.n; i++) {
        struct path one = path_index(&extra, i), key = path_child(&one, STR("key")),
                    expression = path_child(&one, STR("valueExpression"));
        c->extra[i] = (struct meaning){.text = m->extra.at[i].value_expression};
        if (!m->extra.at[i].key.n)
            field_required(e, &key, "a domain, a slash and a path, in lower case");
        if (!c->extra[i].text.n)
            field_required(e, &expression, "valueExpression is required");
        compile(c, &c->extra[i], &c->claims, true, false, &expression, e);
    }
    check_email(c, &username, e);
}

struct oidc_claims *oidc_claims_new(const struct jwt_authenticator *j, const struct path *at,
                                    struct field_errors *e)
{
    struct oidc_claims *c = mem_zalloc(sizeof *c);
    c->config = j;
    const struct cel_type *texts = cel_type_list(&c->arena, &cel_string, CEL_UNBOUNDED);
    const struct cel_field of_user[] = {
        {.name = STR("username"), .type = &cel_string},
        {.name = STR("uid"), .type = &cel_string},
        {.name = STR("groups"), .type = texts},
        {.name = STR("extra"), .type = cel_type_map(&c->arena, &cel_string, texts, CEL_UNBOUNDED)},
    };
    c->is_bool = &cel_bool;
    c->is_text = c->is_texts[0] = &cel_string;
    c->is_texts[1] = texts;
    c->claims =
        (struct cel_var){STR("claims"), cel_type_map(&c->arena, &cel_string, &cel_dyn, CEL_UNBOUNDED)};
    c->user = (struct cel_var){
        STR("user"), cel_type_object(&c->arena, STR("kubernetes.UserInfo"), of_user, ARRAY_LEN(of_user))};
    compile_rules(c, at, e);
    compile_mappings(c, at, e);
    return c;
}

void oidc_claims_free(struct oidc_claims *c)
{
    if (!c)
        return;
    struct meaning *one[] = {&c->username, &c->groups, &c->uid};
    for (size_t i = 0; i < ARRAY_LEN(one); i++)
        cel_program_free(one[i]->program);
    for (size_t i = 0; i < c->config->claim_validation_rules.n; i++)
        cel_program_free(c->rules[i].program);
    for (size_t i = 0; i < c->config->user_validation_rules.n; i++)
        cel_program_free(c->user_rules[i].program);
    for (size_t i = 0; i < c->config->claim_mappings.extra.n; i++)
        cel_program_free(c->extra[i].program);
    arena_free(&c->arena);
    free(c);
}

/* --- what they mean --- */

/* A claim's value, or an expression's; null when there is neither. */
static int mean(const struct meaning *m, const struct cel_value *var, const struct value *claims,
                struct arena *a, struct value *out, struct err *err)
{
    *out = VALUE_NULL;
    if (!m->program) {
        const struct value *v = m->claim.n ? value_get(claims, m->claim) : NULL;
        if (v)
            *out = *v;
        return 0;
    }
    struct cel_run run = {.arena = a, .vars = var};
    struct cel_value v;
    _cleanup_err_ struct err why = {0};
    if (cel_eval(m->program, &run, &v, &why) < 0 || cel_to_json(a, &v, out, &why) < 0)
        return err_set(err, ERR_UNAUTHORIZED, "expression '" STR_FMT "' resulted in error: " STR_FMT,
                       STR_ARG(m->text), STR_ARG(why.message));
    return 0;
}

static bool is_true(const struct value *v)
{
    return v->kind == JSON_BOOL && v->b;
}

static int broken_rule(struct str expression, struct str message, struct err *err)
{
    return err_set(err, ERR_UNAUTHORIZED, "validation expression '" STR_FMT "' failed%s" STR_FMT,
                   STR_ARG(expression), message.n ? ": " : "", STR_ARG(message));
}

static int check_rules(const struct oidc_claims *c, const struct cel_value *var, const struct value *claims,
                       struct arena *a, struct err *err)
{
    for (size_t i = 0; i < c->config->claim_validation_rules.n; i++) {
        const struct claim_validation_rule *rule = &c->config->claim_validation_rules.at[i];
        struct value v;
        if (mean(&c->rules[i], var, claims, a, &v, err) < 0)
            return -1;
        if (c->rules[i].program && !is_true(&v))
            return broken_rule(rule->expression, rule->message, err);
        if (!c->rules[i].program && (v.kind != JSON_STRING || !str_eq(v.s, rule->required_value)))
            return err_set(err, ERR_UNAUTHORIZED, "the claim " STR_FMT " is not \"" STR_FMT "\"",
                           STR_ARG(rule->claim), STR_ARG(rule->required_value));
    }
    return 0;
}

static int to_text(const struct meaning *m, const struct value *v, struct arena *a, struct str *out,
                   struct err *err)
{
    if (v->kind == JSON_NULL)
        return 0;
    if (v->kind != JSON_STRING)
        return err_set(err, ERR_UNAUTHORIZED, "\"" STR_FMT "\" is no string",
                       STR_ARG(m->program ? m->text : m->claim));
    *out = m->prefix.n ? arena_concat(a, m->prefix, v->s) : v->s;
    return 0;
}

/* A string, or a list of them. */
static int to_texts(const struct meaning *m, const struct value *v, struct arena *a, struct str_vec *out,
                    struct err *err)
{
    const struct value *at = v->kind == JSON_ARRAY ? v->list.at : v;
    size_t n = v->kind == JSON_ARRAY ? v->list.n : v->kind == JSON_NULL ? 0 : 1;
    *out = (struct str_vec){arena_new_n(a, struct str, n), n};
    for (size_t i = 0; i < n; i++)
        if (to_text(m, &at[i], a, &out->at[i], err) < 0)
            return -1;
    return 0;
}

static int make_user(const struct oidc_claims *c, const struct cel_value *var, const struct value *claims,
                     struct arena *a, struct user *out, struct err *err)
{
    struct value name, groups, uid, extra;
    *out = (struct user){0};
    if (mean(&c->username, var, claims, a, &name, err) < 0 ||
        mean(&c->groups, var, claims, a, &groups, err) < 0 || mean(&c->uid, var, claims, a, &uid, err) < 0 ||
        to_text(&c->username, &name, a, &out->name, err) < 0 ||
        to_texts(&c->groups, &groups, a, &out->groups, err) < 0 ||
        to_text(&c->uid, &uid, a, &out->uid, err) < 0)
        return -1;
    if (name.kind != JSON_STRING || !name.s.n)
        return err_set(err, ERR_UNAUTHORIZED, "the claims name nobody");
    const struct value *verified = value_get(claims, STR("email_verified"));
    if (str_is(c->username.claim, "email") && verified && !is_true(verified))
        return err_set(err, ERR_UNAUTHORIZED, "the email address has not been verified");
    const struct extra_mapping_vec *mappings = &c->config->claim_mappings.extra;
    out->extra = arena_new_n(a, struct user_extra, mappings->n);
    for (size_t i = 0; i < mappings->n; i++) {
        struct user_extra *to = &out->extra[out->n_extra];
        *to = (struct user_extra){.key = mappings->at[i].key};
        if (mean(&c->extra[i], var, claims, a, &extra, err) < 0 ||
            to_texts(&c->extra[i], &extra, a, &to->values, err) < 0)
            return -1;
        out->n_extra += to->values.n > 0;
    }
    return 0;
}

static struct value texts_value(struct arena *a, const struct str_vec *texts)
{
    struct value list = VALUE_ARRAY;
    for (size_t i = 0; i < texts->n; i++)
        value_append(a, &list, VALUE_STR(texts->at[i]));
    return list;
}

static int check_user(const struct oidc_claims *c, const struct user *u, struct arena *a, struct err *err)
{
    if (!c->config->user_validation_rules.n)
        return 0;
    struct value user = VALUE_OBJECT, extra = VALUE_OBJECT, v;
    for (size_t i = 0; i < u->n_extra; i++)
        value_set(a, &extra, u->extra[i].key, texts_value(a, &u->extra[i].values));
    value_set(a, &user, STR("username"), VALUE_STR(u->name));
    value_set(a, &user, STR("uid"), VALUE_STR(u->uid));
    value_set(a, &user, STR("groups"), texts_value(a, &u->groups));
    value_set(a, &user, STR("extra"), extra);
    struct cel_value var = cel_from_json(a, &user, c->user.type);
    for (size_t i = 0; i < c->config->user_validation_rules.n; i++) {
        const struct user_validation_rule *rule = &c->config->user_validation_rules.at[i];
        if (mean(&c->user_rules[i], &var, NULL, a, &v, err) < 0)
            return -1;
        if (!is_true(&v))
            return broken_rule(rule->expression, rule->message, err);
    }
    return 0;
}

int oidc_claims_user(const struct oidc_claims *c, const struct value *claims, struct arena *a,
                     struct user *out, struct err *err)
{
    struct cel_value var = cel_from_json(a, claims, c->claims.type);
    if (check_rules(c, &var, claims, a, err) < 0 || make_user(c, &var, claims, a, out, err) < 0)
        return -1;
    return check_user(c, out, a, err);
}
