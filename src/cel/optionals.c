/* Optionals (cel-go, cel/library.go, version 2). or and orValue look at their second argument only when they
 * need it: see eval_alternative. */
#include "cel/eval.h"

static int optional_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = value_some(r, args[0]);
    return 0;
}

static int optional_of_non_zero(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    const struct cel_value *v = &args[0];
    bool zero = v->kind == CEL_NULL || (v->kind == CEL_BOOL && !v->b) ||
                (v->kind == CEL_DOUBLE && v->d == 0) ||
                ((v->kind == CEL_INT || v->kind == CEL_UINT || v->kind == CEL_DURATION) && v->u == 0) ||
                ((v->kind == CEL_STRING || v->kind == CEL_BYTES) && !v->s.n) ||
                ((v->kind == CEL_LIST || v->kind == CEL_MAP || v->kind == CEL_OBJECT) &&
                 v->in != CEL_IN_LAZY && !value_count(v));
    *out = zero ? value_none() : value_some(r, *v);
    return 0;
}

static int optional_none(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r, (void)args;
    *out = value_none();
    return 0;
}

static int has_value(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(args[0].inner);
    return 0;
}

static int value_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (!args[0].inner)
        return run_error(r, "optional.none() dereference");
    *out = *args[0].inner;
    return 0;
}

/* Evaluated before they are called. */
static int alternative(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)args, (void)out;
    return run_no_overload(r);
}

static int list_end(struct run *r, const struct cel_value *list, bool last, struct cel_value *out)
{
    size_t n = value_count(list);
    *out = n ? value_some(r, value_list_item(r->arena, list, last ? n - 1 : 0)) : value_none();
    return 0;
}

static int first(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return list_end(r, &args[0], false, out);
}

static int last(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return list_end(r, &args[0], true, out);
}

static int unwrap(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct values all = {0};
    for (size_t i = 0, n = value_count(&args[0]); i < n; i++) {
        struct cel_value v = value_list_item(r->arena, &args[0], i);
        if (v.kind != CEL_OPTIONAL)
            return run_error(r, "value of type " STR_FMT " is not optional", STR_ARG(value_type(&v)->name));
        if (v.inner)
            values_add(r, &all, *v.inner);
    }
    *out = values_list(&all);
    return 0;
}

static const struct function table[] = {
    {"optional.of(A) optional(A)", optional_of},
    {"optional.ofNonZeroValue(A) optional(A)", optional_of_non_zero},
    {"optional.none() optional(A)", optional_none},
    {"optional(A):hasValue() bool", has_value},
    {"optional(A):value() A", value_of},
    {"optional(A):or(optional(A)) optional(A)", alternative, COST_FREE},
    {"optional(A):orValue(A) A", alternative, COST_FREE},
    {"optional.unwrap(list(optional(A))) list(A)", unwrap},
    {"list(optional(A)):unwrapOpt() list(A)", unwrap},
    {"list(A):first() optional(A)", first},
    {"list(A):last() optional(A)", last},
};
LIBRARY(cel_optionals, table);
