/* The evaluator: walks the checked tree. Every step charges what upstream's interpreter charges for it
 * (cel-go, interpreter/runtimecost.go). */
#include "cel/eval.h"

#include <stdarg.h>

int run_error(struct run *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    r->error = arena_vprintf(r->arena, fmt, args);
    va_end(args);
    return -1;
}

int run_no_overload(struct run *r)
{
    r->error = STR("no such overload");
    return -1;
}

int run_charge(struct run *r, uint64_t cost)
{
    r->io->cost = cost > UINT64_MAX - r->io->cost ? UINT64_MAX : r->io->cost + cost;
    if (r->io->cost <= r->limit)
        return 0;
    r->fatal = r->io->over_cost = true;
    return run_error(r, "operation cancelled: actual cost limit exceeded");
}

void values_add(struct run *r, struct values *v, struct cel_value value)
{
    if (v->n == v->cap) {
        size_t cap = v->cap ? v->cap * 2 : 8;
        struct cel_value *at = arena_new_n(r->arena, struct cel_value, cap);
        if (v->n)
            memcpy(at, v->at, v->n * sizeof(*at));
        v->at = at;
        v->cap = cap;
    }
    v->at[v->n++] = value;
}

int pairs_add(struct run *r, struct cel_pairs *p, struct cel_value key, struct cel_value value)
{
    if (key.kind != CEL_STRING && key.kind != CEL_INT && key.kind != CEL_UINT && key.kind != CEL_BOOL)
        return run_error(r, "unsupported key type: " STR_FMT, STR_ARG(value_type(&key)->name));
    return pairs_put(r->arena, p, key, value) ? 0 : run_error(r, "Failed with repeated key");
}

struct cel_value value_some(struct run *r, struct cel_value of)
{
    return (struct cel_value){.kind = CEL_OPTIONAL, .inner = arena_dup(r->arena, &of, sizeof(of))};
}

/* --- attributes ---
 *
 * Upstream evaluates a variable, or any other value, with all that is selected from it in one step, an
 * attribute: that costs one, and each selection one. */

static bool is_index(const struct node *n)
{
    return n->op == NODE_CALL && (str_is(n->name, "_[_]") || str_is(n->name, "_[?_]"));
}

static bool is_attribute(const struct node *n)
{
    return n->op == NODE_IDENT || n->op == NODE_SELECT || is_index(n);
}

/* What a selection costs: one more where the attribute begins with something else than a variable. */
static uint64_t selection_cost(const struct node *of)
{
    return is_attribute(of) || of->op == NODE_COND ? 1 : 2;
}

/* Where an attribute is a part of another, a branch or an index, what it begins with is not counted. */
static int eval_part(struct run *r, const struct node *n, struct cel_value *out)
{
    int rc = eval(r, n, out);
    r->io->cost -= is_attribute(n) && !r->fatal;
    return rc;
}

/* --- variables and fields --- */

/* What was found may be an error of its own (a string that is no timestamp). */
static int found(struct run *r, struct cel_value *out)
{
    if (out->kind != CEL_ERROR)
        return 0;
    r->error = out->s;
    return -1;
}

static int get_lazy(struct run *r, const struct cel_lazy *lazy, struct str name, struct cel_value *out)
{
    _cleanup_err_ struct err err = {0};
    if (lazy->get(lazy->arg, r->io, name, out, &err) < 0) {
        r->fatal |= r->io->over_cost;
        return run_error(r, STR_FMT, STR_ARG(err.message));
    }
    return found(r, out);
}

/* The field of `of`. 1: it has none. */
static int get_field(struct run *r, struct cel_value *of, struct str name, struct cel_value *out)
{
    if (of->kind != CEL_MAP && of->kind != CEL_OBJECT)
        return run_no_overload(r);
    if (of->in == CEL_IN_LAZY)
        return get_lazy(r, of->lazy, name, out);
    if (!value_field(r->arena, of, name, out))
        return 1;
    return found(r, out);
}

/* Fields of optionals: of none there is none. */
static int select_optional(struct run *r, struct cel_value *of, struct str name, struct cel_value *out)
{
    if (of->kind == CEL_OPTIONAL) {
        if (!of->inner) {
            *out = value_none();
            return 0;
        }
        *of = *of->inner;
    }
    struct cel_value field;
    int rc = get_field(r, of, name, &field);
    if (rc < 0)
        return -1;
    *out = rc ? value_none() : value_some(r, field);
    return 0;
}

static __attribute__((noinline)) int eval_select(struct run *r, const struct node *n, struct cel_value *out)
{
    struct cel_value of;
    if (eval(r, n->args[0], &of) < 0 || run_charge(r, selection_cost(n->args[0])) < 0)
        return -1;
    if (n->optional || of.kind == CEL_OPTIONAL)
        return select_optional(r, &of, n->name, out);
    int rc = get_field(r, &of, n->name, out);
    return rc <= 0 ? rc : run_error(r, "no such key: " STR_FMT, STR_ARG(n->name));
}

static __attribute__((noinline)) int eval_has(struct run *r, const struct node *n, struct cel_value *out)
{
    struct cel_value of, field;
    if (eval(r, n->args[0], &of) < 0 || run_charge(r, selection_cost(n->args[0]) - 1) < 0)
        return -1;
    if (of.kind == CEL_OPTIONAL) {
        if (select_optional(r, &of, n->name, &field) < 0)
            return -1;
        *out = cel_from_bool(field.inner);
        return 0;
    }
    int rc = get_field(r, &of, n->name, &field);
    *out = cel_from_bool(rc == 0);
    return rc < 0 ? -1 : 0;
}

/* --- calls --- */

static int wrong_call(struct run *r, const struct node *n, const struct cel_value *args)
{
    char first = n->name.p[0];
    if (first == '_' || first == '@' || first == '!' || first == '-')
        return run_no_overload(r);
    _cleanup_buf_ struct buf types = {0};
    for (uint32_t i = 0; i < n->n; i++) {
        if (i)
            buf_add_lit(&types, ", ");
        buf_add_str(&types, value_type(&args[i])->name);
    }
    return run_error(r, "no such overload: " STR_FMT "(" STR_FMT ")", STR_ARG(n->name),
                     STR_ARG(buf_str(&types)));
}

static int call(struct run *r, const struct node *n, const struct overload *o, const struct cel_value *args,
                struct cel_value *out)
{
    bool by_result = o->function->cost == COST_JOIN, free = n->sub;
    r->overload = o;
    r->regex = n->regex;
    /* What it costs is known before, so what would cost too much is not done. */
    if (!free && !by_result && run_charge(r, cost_of_call(r, o, args, NULL)) < 0)
        return -1;
    int rc = o->function->call(r, args, out);
    if (rc == 0 && out->kind == CEL_ERROR)
        rc = found(r, out);
    if (free || !by_result)
        return rc;
    return run_charge(r, cost_of_call(r, o, args, rc < 0 ? NULL : out)) < 0 ? -1 : rc;
}

/* a.or(b), a.orValue(b). */
static int eval_alternative(struct run *r, const struct node *n, struct cel_value *out)
{
    if (eval(r, n->args[0], out) < 0)
        return -1;
    if (out->kind != CEL_OPTIONAL)
        return run_no_overload(r);
    if (!out->inner)
        return eval(r, n->args[1], out);
    if (str_is(n->name, "orValue"))
        *out = *out->inner;
    return 0;
}

static int call_overload(struct run *r, const struct node *n, const struct cel_value *args,
                         struct cel_value *out)
{
    for (uint32_t i = 0; i < n->n_overloads; i++)
        if (overload_fits(n->overloads[i], args, n->n))
            return call(r, n, n->overloads[i], args, out);
    if (n->n_overloads && n->overloads[0]->lenient)
        return call(r, n, n->overloads[0], args, out);
    return wrong_call(r, n, args);
}

/* What both arguments cost is paid by now; of a call that fails with them its own cost is too. */
static int fail_call(struct run *r, const struct node *n, const struct cel_value *args, struct str error)
{
    uint64_t cost = n->sub ? 0 : n->n_overloads == 1 ? cost_of_call(r, n->overloads[0], args, NULL) : 1;
    if (run_charge(r, cost) == 0)
        r->error = error;
    return -1;
}

/* a[b], a[?b] */
static __attribute__((noinline)) int eval_index(struct run *r, const struct node *n, struct cel_value *out)
{
    struct cel_value args[2];
    if (eval(r, n->args[0], &args[0]) < 0)
        return -1;
    int rc = eval_part(r, n->args[1], &args[1]);
    if (r->fatal || run_charge(r, selection_cost(n->args[0]) - (rc == 0)) < 0 || rc < 0)
        return -1;
    return call_overload(r, n, args, out);
}

static __attribute__((noinline)) int eval_call(struct run *r, const struct node *n, struct cel_value *out)
{
    struct cel_value args[ARGS_MAX];
    if (n->n > ARGS_MAX) /* of an expression that was not checked */
        return run_no_overload(r);
    if (n->n_overloads && n->overloads[0]->alternative)
        return eval_alternative(r, n, out);
    if (is_index(n))
        return eval_index(r, n, out);
    struct str error = {0};
    for (uint32_t i = 0; i < n->n; i++)
        if (eval(r, n->args[i], &args[i]) < 0) {
            if (r->fatal || n->n > 2)
                return -1;
            error = error.p ? error : r->error;
            args[i] = CEL_NULL_VALUE; /* of size one, as errors are */
        }
    if (error.p)
        return fail_call(r, n, args, error);
    return call_overload(r, n, args, out);
}

/* One that is `wins` decides, whatever failed before or after it; else a failure counts. */
static __attribute__((noinline)) int eval_logical(struct run *r, const struct node *n, bool wins,
                                                  struct cel_value *out)
{
    struct str error = {0};
    for (uint32_t i = 0; i < n->n; i++) {
        int rc = eval(r, n->args[i], out);
        if (r->fatal)
            return -1;
        if (rc == 0 && out->kind == CEL_BOOL && out->b == wins)
            return 0;
        if (rc == 0 && out->kind != CEL_BOOL)
            rc = run_no_overload(r);
        if (rc < 0 && !error.p)
            error = r->error;
    }
    *out = cel_from_bool(!wins);
    r->error = error;
    return error.p ? -1 : 0;
}

static __attribute__((noinline)) int eval_cond(struct run *r, const struct node *n, struct cel_value *out)
{
    if (eval(r, n->args[0], out) < 0)
        return -1;
    if (out->kind != CEL_BOOL)
        return run_no_overload(r);
    const struct node *branch = n->args[out->b ? 1 : 2];
    return eval_part(r, branch, out);
}

/* --- aggregates --- */

/* [?x], {?k: x}: what is in the optional; false when there is nothing. -1: it is none. */
static int unwrap(struct run *r, struct cel_value *v, bool *there)
{
    if (v->kind != CEL_OPTIONAL)
        return run_error(r, "cannot initialize optional list element from non-optional value " STR_FMT,
                         STR_ARG(value_type(v)->name));
    *there = v->inner;
    if (v->inner)
        *v = *v->inner;
    return 0;
}

static __attribute__((noinline)) int eval_list(struct run *r, const struct node *n, struct cel_value *out)
{
    struct values items = {.at = n->n ? arena_new_n(r->arena, struct cel_value, n->n) : NULL, .cap = n->n};
    for (uint32_t i = 0; i < n->n; i++) {
        struct cel_value *v = &items.at[items.n];
        bool there = true;
        if (eval(r, n->args[i], v) < 0 || (n->optionals && n->optionals[i] && unwrap(r, v, &there) < 0))
            return -1;
        items.n += there;
    }
    *out = values_list(&items);
    return run_charge(r, 10);
}

static __attribute__((noinline)) int eval_map(struct run *r, const struct node *n, struct cel_value *out)
{
    struct cel_pairs pairs = {0};
    for (uint32_t i = 0; i < n->n; i += 2) {
        struct cel_pair p;
        bool there = true;
        if (eval(r, n->args[i], &p.key) < 0 || eval(r, n->args[i + 1], &p.value) < 0 ||
            (n->optionals && n->optionals[i / 2] && unwrap(r, &p.value, &there) < 0) ||
            (there && pairs_add(r, &pairs, p.key, p.value) < 0))
            return -1;
    }
    *out = pairs_map(r, &pairs);
    return run_charge(r, 30);
}

static __attribute__((noinline)) int eval_new(struct run *r, const struct node *n, struct cel_value *out)
{
    struct cel_pairs pairs = {0};
    for (uint32_t i = 0; i < n->n; i++) {
        struct cel_value v;
        bool there = true;
        if (eval(r, n->args[i], &v) < 0 || (n->optionals && n->optionals[i] && unwrap(r, &v, &there) < 0) ||
            (there && pairs_add(r, &pairs, cel_from_str(n->fields[i]), v) < 0))
            return -1;
    }
    *out = pairs_map(r, &pairs);
    out->kind = CEL_OBJECT;
    out->type = n->type;
    return run_charge(r, 40);
}

/* cel.bind, optMap, optFlatMap. */
static __attribute__((noinline)) int eval_bind(struct run *r, const struct node *n, struct cel_value *out)
{
    struct cel_value v;
    uint64_t before = r->io->cost;
    if (eval(r, n->args[0], &v) < 0)
        return -1;
    if (n->sub != BIND_PLAIN) {
        if (v.kind != CEL_OPTIONAL)
            return run_no_overload(r);
        /* a.hasValue() ? optional.of(a.value() ...) : optional.none(), and so a counts twice. */
        uint64_t again = v.inner ? r->io->cost - before + (n->sub == BIND_OPT_MAP) : 0;
        if (run_charge(r, 2 + again) < 0)
            return -1;
        if (!v.inner) {
            *out = value_none();
            return 0;
        }
        v = *v.inner;
    }
    r->locals[n->slot] = v;
    if (eval(r, n->args[1], out) < 0)
        return -1;
    if (n->sub == BIND_OPT_MAP)
        *out = value_some(r, *out);
    return 0;
}

int eval(struct run *r, const struct node *n, struct cel_value *out)
{
    switch ((enum node_op)n->op) {
    case NODE_CONST:
        *out = n->value;
        return 0;
    case NODE_IDENT:
        *out = n->local ? r->locals[n->slot] : r->io->vars[n->slot];
        return run_charge(r, 1) < 0 ? -1 : found(r, out);
    case NODE_SELECT:
        return eval_select(r, n, out);
    case NODE_HAS:
        return eval_has(r, n, out);
    case NODE_CALL:
        return eval_call(r, n, out);
    case NODE_AND:
        return eval_logical(r, n, false, out);
    case NODE_OR:
        return eval_logical(r, n, true, out);
    case NODE_COND:
        return eval_cond(r, n, out);
    case NODE_LIST:
        return eval_list(r, n, out);
    case NODE_MAP:
        return eval_map(r, n, out);
    case NODE_NEW:
        return eval_new(r, n, out);
    case NODE_FOLD:
        return eval_fold(r, n, out);
    case NODE_BIND:
        return eval_bind(r, n, out);
    }
    return run_no_overload(r);
}
