/* What an expression may cost, before it runs: from the bounds that types declare (checker/cost.go of cel-go,
 * and k8s.io/apiserver's cel/library/cost.go). The macros are reckoned as the loops that upstream makes of
 * them. */
#include <math.h>

#include "cel/function.h"

/* At least, at most; of sizes and of costs. */
typedef struct cel_cost span;

#define FIXED(n) ((span){(n), (n)})
#define UNKNOWN  ((span){0, UINT64_MAX})
#define UNSIZED  ((span){1, 0}) /* no size is known: min above max */

struct estimator {
    struct arena scratch;
    const struct cel_env *env;
    /* Of local variables: their size, where it is known, and their type when it was declared, not computed.
     */
    struct est_local {
        span size, key, elem;
        const struct cel_type *declared;
    } * locals;
};

/* What is known of a node besides its type. */
struct estimate {
    span cost;
    span size;                       /* UNSIZED: not computed */
    span key, elem;                  /* of its entries */
    const struct cel_type *declared; /* reached by names from a variable; NULL: made by the expression */
};

static uint64_t add_u(uint64_t x, uint64_t y)
{
    return y > UINT64_MAX - x ? UINT64_MAX : x + y;
}

static uint64_t mul_u(uint64_t x, uint64_t y)
{
    uint64_t p;
    return __builtin_mul_overflow(x, y, &p) ? UINT64_MAX : p;
}

static span add(span x, span y)
{
    return (span){add_u(x.min, y.min), add_u(x.max, y.max)};
}

static span mul(span x, span y)
{
    return (span){mul_u(x.min, y.min), mul_u(x.max, y.max)};
}

static span join(span x, span y)
{
    return (span){x.min < y.min ? x.min : y.min, x.max > y.max ? x.max : y.max};
}

static uint64_t scale_u(uint64_t n, double factor)
{
    double d = ceil((double)n * factor);
    return d >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)d;
}

static span scale(span s, double factor)
{
    return (span){scale_u(s.min, factor), scale_u(s.max, factor)};
}

static bool sized(span s)
{
    return s.min <= s.max;
}

static bool is_scalar(const struct cel_type *t)
{
    switch (t->kind) {
    case CEL_BOOL:
    case CEL_INT:
    case CEL_UINT:
    case CEL_DOUBLE:
    case CEL_TIMESTAMP:
    case CEL_DURATION:
    case CEL_TYPE:
        return true;
    case CEL_OPTIONAL:
        return t->elem && is_scalar(t->elem);
    default:
        return false;
    }
}

static span declared_size(const struct cel_type *t)
{
    if (!t)
        return UNSIZED;
    if (is_scalar(t))
        return FIXED(1);
    return (span){0, t->max ? t->max : UINT64_MAX};
}

static span size_of(const struct node *n, const struct estimate *e)
{
    if (sized(e->size))
        return e->size;
    if (e->declared)
        return declared_size(e->declared);
    return is_scalar(n->type) ? FIXED(1) : UNKNOWN;
}

static void estimate(struct estimator *s, const struct node *n, struct estimate *out);
/* Room for what a step of the recursion needs: not on the stack, which is small. */
static struct estimate *scratch(struct estimator *s, size_t n)
{
    return arena_new_n(&s->scratch, struct estimate, n);
}

/* --- calls --- */

struct call {
    const struct node *node;
    struct estimate args[ARGS_MAX];
    span sizes[ARGS_MAX];
};

/* The cost of comparing the items of a list, or the characters of a string. */
static span traverse(const struct call *c)
{
    const struct cel_type *t = c->node->args[0]->type;
    span item = FIXED(1);
    if (t->kind != CEL_LIST)
        return scale(c->sizes[0], 0.1);
    const struct cel_type *elem = t->elem, *declared = c->args[0].declared;
    if (elem && (elem->kind == CEL_STRING || elem->kind == CEL_BYTES))
        item = add(item, scale(declared ? declared_size(declared->elem) : UNKNOWN, 0.1));
    return mul(c->sizes[0], item);
}

/* How long the result of replace may be. */
static span replaced_size(const struct call *c)
{
    span s = c->sizes[0], from = c->sizes[1], to = c->sizes[2], count = {0, 0}, kept = {0, 0};
    if (from.min == 0) {
        count.max = add_u(s.max, 1);
        kept.max = s.max;
    } else if (to.max <= from.min) {
        kept.max = s.max;
    } else {
        count.max = scale_u(s.max, 1.0 / (double)from.min);
    }
    if (from.max == 0) {
        count.min = add_u(s.min, 1);
        kept.min = s.min;
    } else if (from.max <= to.min) {
        kept.min = s.min;
    } else {
        count.min = scale_u(s.min, 1.0 / (double)from.max);
    }
    return add(mul(count, to), kept);
}

static span joined_size(const struct call *c)
{
    const struct cel_type *declared = c->args[0].declared;
    span n = c->sizes[0], size = mul(n, declared ? declared_size(declared->elem) : UNKNOWN);
    if (c->node->n > 1) {
        span between = {n.min ? n.min - 1 : 0, n.max ? n.max - 1 : 0};
        size = add(size, mul(c->sizes[1], between));
    }
    return size;
}

static span contains_block(const struct call *c, bool cidr, bool text)
{
    span bytes = {4, 16}, cost = scale(add(bytes, bytes), 0.1);
    if (cidr)
        cost = add(add(cost, scale(bytes, 0.1)), FIXED(1));
    return text ? add(cost, scale(c->sizes[1], 0.1)) : cost;
}

/* The cost of the call itself; *out's size too, where that is known. */
static span call_cost(struct call *c, const struct overload *o, struct estimate *out)
{
    span x = c->sizes[0], y = c->sizes[1];
    switch ((enum call_cost)o->function->cost) {
    case COST_ONE: /* a number or a time as text is short (upstream reckons with no bound) */
        if (o->result->kind == CEL_STRING && c->node->n == 1 && is_scalar(c->node->args[0]->type))
            out->size = (span){1, 32};
        return FIXED(1);
    case COST_FIRST_TENTH:
        if (o->result->kind == CEL_STRING)
            out->size = x;
        return scale(x, 0.1);
    case COST_SECOND_TENTH:
        return scale(y, 0.1);
    case COST_FIRST_FIFTH:
        return scale(x, 0.2);
    case COST_REPLACE:
        out->size = replaced_size(c);
        return scale(x, 0.2);
    case COST_SPLIT:
        out->size = (span){0, x.max};
        return scale(x, 0.2);
    case COST_JOIN:
        out->size = joined_size(c);
        return scale(out->size, 0.1);
    case COST_FORMAT:
        out->size = (span){0, UINT64_MAX};
        return scale(x, 0.1);
    case COST_TO_BYTES:
        out->size = (span){x.min, mul_u(x.max, 4)};
        return scale(x, 0.1);
    case COST_TO_STRING:
        out->size = (span){x.min / 4, x.max};
        return scale(x, 0.1);
    case COST_IN_LIST:
        return y;
    case COST_LEAST_TENTH: {
        uint64_t most = x.max < y.max ? x.max : y.max;
        return scale((span){most > 0, most}, 0.1);
    }
    case COST_SUM_TENTH:
        out->size = add(x, y);
        return scale(out->size, 0.1);
    case COST_ADD_LIST:
        out->size = add(x, y);
        if (sized(c->args[0].elem) && sized(c->args[1].elem)) {
            out->elem = join(c->args[0].elem, c->args[1].elem);
            out->key = FIXED(1);
        }
        return FIXED(1);
    case COST_MATCHES:
        return mul(scale(add(x, FIXED(1)), 0.1), scale(y, 0.25));
    case COST_FIND:
        out->size = (span){0, x.max};
        return mul(scale(add(x, FIXED(1)), 0.1), scale(y, 0.25));
    case COST_CONTAINS:
        return mul(scale(x, 0.1), scale(y, 0.1));
    case COST_TRAVERSE:
    case COST_STRING_INDEX:
        return traverse(c);
    case COST_CHECK:
        return FIXED(350000);
    case COST_CONTAINS_IP:
        return contains_block(c, false, false);
    case COST_CONTAINS_IP_STRING:
        return contains_block(c, false, true);
    case COST_CONTAINS_CIDR:
        return contains_block(c, true, false);
    case COST_CONTAINS_CIDR_STRING:
        return contains_block(c, true, true);
    case COST_INDEX_LIST:
    case COST_INDEX_MAP:
        out->size = c->args[0].elem;
        out->declared = c->args[0].declared ? c->args[0].declared->elem : NULL;
        return FIXED(1);
    case COST_SETS:
        return add(mul(x, y), FIXED(1));
    case COST_SETS_TWICE:
        return add(mul(mul(x, y), FIXED(2)), FIXED(1));
    }
    return FIXED(1);
}

static void estimate_call(struct estimator *s, const struct node *n, struct estimate *out)
{
    struct call *c = arena_new(&s->scratch, struct call);
    span cost = {UINT64_MAX, 0};
    c->node = n;
    for (uint32_t i = 0; i < n->n; i++) {
        estimate(s, n->args[i], &c->args[i]);
        c->sizes[i] = size_of(n->args[i], &c->args[i]);
    }
    if (str_is(n->name, "dyn")) { /* only hides the type */
        *out = c->args[0];
        out->cost = add(out->cost, FIXED(1));
        return;
    }
    for (uint32_t i = 0; i < n->n_overloads; i++)
        cost = join(cost, call_cost(c, n->overloads[i], out));
    for (uint32_t i = 0; i < n->n; i++)
        cost = add(cost, c->args[i].cost);
    out->cost = cost;
}

/* --- the rest --- */

static void estimate_ident(struct estimator *s, const struct node *n, struct estimate *out)
{
    out->cost = FIXED(1);
    if (!n->local) {
        out->declared = s->env->vars[n->slot].type;
        return;
    }
    out->size = s->locals[n->slot].size;
    out->key = s->locals[n->slot].key;
    out->elem = s->locals[n->slot].elem;
    out->declared = s->locals[n->slot].declared;
}

static void estimate_select(struct estimator *s, const struct node *n, struct estimate *out)
{
    struct estimate *of = scratch(s, 1);
    estimate(s, n->args[0], of);
    out->cost = of->cost;
    if (n->op == NODE_HAS) {
        out->size = FIXED(1);
        return;
    }
    enum cel_kind kind = n->args[0]->type->kind;
    if (kind == CEL_MAP || kind == CEL_OBJECT || kind == CEL_OPTIONAL)
        out->cost = add(out->cost, FIXED(1));
    const struct cel_type *t = of->declared;
    if (t && t->kind == CEL_OBJECT) {
        const struct cel_field *f = type_object_field(t, n->name);
        out->declared = f ? f->type : NULL;
    } else if (t && t->kind == CEL_MAP) {
        out->declared = t->elem;
    }
}

static void estimate_logical(struct estimator *s, const struct node *n, struct estimate *out)
{
    struct estimate *e = scratch(s, n->n);
    for (uint32_t i = 0; i < n->n; i++) {
        estimate(s, n->args[i], &e[i]);
        out->cost = i == 0 ? e[i].cost : (span){out->cost.min, add_u(out->cost.max, e[i].cost.max)};
    }
    out->size = FIXED(1);
}

static void estimate_cond(struct estimator *s, const struct node *n, struct estimate *out)
{
    struct estimate *e = scratch(s, 3);
    for (uint32_t i = 0; i < 3; i++)
        estimate(s, n->args[i], &e[i]);
    out->cost = add(e[0].cost, join(e[1].cost, e[2].cost));
    out->size = join(size_of(n->args[1], &e[1]), size_of(n->args[2], &e[2]));
    if (sized(e[1].elem) && sized(e[2].elem)) {
        out->key = join(e[1].key, e[2].key);
        out->elem = join(e[1].elem, e[2].elem);
    }
}

static void estimate_aggregate(struct estimator *s, const struct node *n, struct estimate *out)
{
    struct estimate *item = scratch(s, 1);
    out->cost = FIXED(n->op == NODE_LIST ? 10 : n->op == NODE_MAP ? 30 : 40);
    out->size = FIXED(n->op == NODE_MAP ? n->n / 2 : n->n);
    out->key = out->elem = (span){n->n ? UINT64_MAX : 0, 0};
    for (uint32_t i = 0; i < n->n; i++) {
        estimate(s, n->args[i], item);
        span size = size_of(n->args[i], item);
        out->cost = add(out->cost, item->cost);
        if (n->op == NODE_MAP && i % 2 == 0)
            out->key = join(out->key, size);
        else
            out->elem = join(out->elem, size);
    }
    if (n->op == NODE_LIST)
        out->key = FIXED(1);
}

static void set_local(struct estimator *s, unsigned slot, span size, const struct cel_type *declared)
{
    s->locals[slot] = (struct est_local){.size = size, .key = UNSIZED, .elem = UNSIZED, .declared = declared};
}

/* What one turn costs, the condition and the step together, and what comes once: the accumulator's start and
 * the result. */
static span fold_turn(const struct node *n, span test, span made, span *once)
{
    *once = FIXED(1);
    switch ((enum fold)n->sub) {
    case FOLD_ALL:
        return (span){3, add_u(3, test.max)};
    case FOLD_EXISTS:
        return (span){4, add_u(4, test.max)};
    case FOLD_EXISTS_ONE:
        *once = FIXED(2);
        return add(test, (span){1, 2});
    case FOLD_FILTER:
        *once = FIXED(11);
        return add(test, (span){1, 13});
    case FOLD_MAP:
        *once = FIXED(11);
        made = add(made, FIXED(12));
        return n->args[1] ? add(test, join(made, FIXED(1))) : made;
    case FOLD_MAP_VALUE:
    case FOLD_MAP_ENTRY:
        *once = FIXED(31);
        made = add(made, FIXED(n->sub == FOLD_MAP_VALUE ? 3 : 2));
        return n->args[1] ? add(test, join(made, FIXED(1))) : made;
    }
    return FIXED(0);
}

/* Declares the variables by what is known of the range. */
static void set_variables(struct estimator *s, const struct node *n, const struct estimate *range)
{
    const struct cel_type *t = range->declared;
    bool list = n->args[0]->type->kind == CEL_LIST, two = n->name2.n;
    if (list && !two)
        set_local(s, n->slot, range->elem, t ? t->elem : NULL);
    else
        set_local(s, n->slot, list ? FIXED(1) : range->key, !list && t ? t->key : NULL);
    if (two)
        set_local(s, n->slot + 1u, range->elem, t ? t->elem : NULL);
}

static void estimate_fold(struct estimator *s, const struct node *n, struct estimate *out)
{
    struct estimate *e = scratch(s, 3); /* range, test, what is made */
    span once;
    estimate(s, n->args[0], &e[0]);
    set_variables(s, n, &e[0]);
    if (n->args[1])
        estimate(s, n->args[1], &e[1]);
    if (n->sub >= FOLD_MAP) {
        estimate(s, n->args[2], &e[2]);
        out->elem = size_of(n->args[2], &e[2]);
        out->key = FIXED(1);
    } else if (n->sub == FOLD_FILTER && n->args[0]->type->kind == CEL_LIST) {
        out->elem = e[0].elem;
        out->key = e[0].key;
    }
    span count = size_of(n->args[0], &e[0]), turn = fold_turn(n, e[1].cost, e[2].cost, &once);
    out->cost = add(add(e[0].cost, once), mul(count, turn));
    out->size = n->sub >= FOLD_FILTER ? count : FIXED(1);
}

static void estimate_bind(struct estimator *s, const struct node *n, struct estimate *out)
{
    struct estimate *init = scratch(s, 1);
    estimate(s, n->args[0], init);
    set_local(s, n->slot, size_of(n->args[0], init), init->declared);
    s->locals[n->slot].key = init->key;
    s->locals[n->slot].elem = init->elem;
    estimate(s, n->args[1], out);
    out->cost = add(add(out->cost, init->cost), FIXED(10));
}

static void estimate(struct estimator *s, const struct node *n, struct estimate *out)
{
    *out = (struct estimate){.size = UNSIZED, .key = UNSIZED, .elem = UNSIZED};
    switch ((enum node_op)n->op) {
    case NODE_CONST:
        out->size = n->value.kind == CEL_TYPE ? UNKNOWN : FIXED(value_count(&n->value));
        return;
    case NODE_IDENT:
        estimate_ident(s, n, out);
        return;
    case NODE_SELECT:
    case NODE_HAS:
        estimate_select(s, n, out);
        return;
    case NODE_CALL:
        estimate_call(s, n, out);
        return;
    case NODE_AND:
    case NODE_OR:
        estimate_logical(s, n, out);
        return;
    case NODE_COND:
        estimate_cond(s, n, out);
        return;
    case NODE_LIST:
    case NODE_MAP:
    case NODE_NEW:
        estimate_aggregate(s, n, out);
        return;
    case NODE_FOLD:
        estimate_fold(s, n, out);
        return;
    case NODE_BIND:
        estimate_bind(s, n, out);
        return;
    }
}

struct cel_cost cel_estimate(const struct cel_env *env, const struct node *root, unsigned locals)
{
    struct estimator s = {.env = env};
    struct estimate out;
    s.locals = arena_new_n(&s.scratch, struct est_local, locals + 1);
    estimate(&s, root, &out);
    arena_free(&s.scratch);
    return out.cost;
}
