#include "api/rules/rules.h"

static int must_be(const struct cel_program *p, enum cel_kind kind, const char *why, struct err *err)
{
    return cel_program_type(p)->kind == kind ? 0 : err_set(err, ERR_INVALID, "%s", why);
}

void rule_compile(struct arena *a, const struct cel_type *self, const struct validation_rule *said,
                  struct rule *out, struct err *err, struct err *message_err)
{
    bool optional = said->optional_old_self && *said->optional_old_self;
    struct cel_var *vars = arena_new_n(a, struct cel_var, 2);
    vars[0] = (struct cel_var){STR("self"), self};
    vars[1] = (struct cel_var){STR("oldSelf"), optional ? cel_type_optional(a, self) : self};
    const struct cel_env env = {.vars = vars, .n_vars = 2};
    *out = (struct rule){.said = said};
    if (cel_compile(&env, said->rule, &out->program, err) < 0 ||
        must_be(out->program, CEL_BOOL, "cel expression must evaluate to a bool", err) < 0)
        return;
    out->uses_old = cel_program_uses(out->program, STR("oldSelf"));
    if (!said->message_expression.n)
        return;
    if (cel_compile(&env, said->message_expression, &out->message, message_err) == 0)
        must_be(out->message, CEL_STRING, "messageExpression must evaluate to a string", message_err);
}

void rule_clear(struct rule *r)
{
    cel_program_free(r->program);
    cel_program_free(r->message);
    *r = (struct rule){0};
}
