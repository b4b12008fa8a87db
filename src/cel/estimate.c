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
    /* The type of the first variable, self: upstream looks there for every name, other variables, types and
     * fields of what the expression makes among them. */
    const struct cel_type *root;
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
        return true;
    case CEL_OPTIONAL:
        return t->elem && is_scalar(t->elem);
    default:
        return false;
    }
}

static span declared_size(const struct cel_type *t)
{
    return t ? (span){0, t->max} : UNKNOWN;
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
    const struct cel_type *root;
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
        item = add(item, scale(declared_size(declared ? declared->elem : NULL), 0.1));
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
    span n = c->sizes[0], size = mul(n, declared_size(declared ? declared->elem : NULL));
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

/* The whole number that an argument says, or what it may be. */
static uint64_t literal(const struct call *c, uint32_t i, uint64_t otherwise)
{
    const struct node *n = c->node->args[i];
    if (n->op != NODE_CONST || n->value.kind != CEL_INT)
        return otherwise;
    return n->value.i > 0 ? (uint64_t)n->value.i : 0;
}

/* A list of that size, made with so much for each item. */
static span listing(struct estimate *out, span size, double factor)
{
    out->size = size;
    return add(scale(size, factor), FIXED(11));
}

static span sorting(struct estimate *out, span n, const struct cel_type *of)
{
    span twice = mul(n, n);
    bool text = of->kind == CEL_STRING || of->kind == CEL_BYTES, any = of->kind == CEL_DYN;
    span plain = listing(out, twice, 2), more = listing(out, twice, 2.1);
    return any ? join(plain, more) : text ? more : plain;
}

/* Whether two opaque values are the same is seen at once, but for a few. */
static span equality(const struct call *c, span least_tenth)
{
    const struct cel_type *x = c->node->args[0]->type, *y = c->node->args[1]->type;
    if (x->kind != CEL_OPAQUE || !type_same(x, y))
        return least_tenth;
    if (x == &cel_named_format)
        return (span){1, 7};
    if (x == &cel_url && sized(c->args[1].size))
        return (span){1, scale_u(c->args[1].size.max, 0.1)};
    return FIXED(1);
}

static span least_tenth(span x, span y)
{
    uint64_t most = x.max < y.max ? x.max : y.max;
    return scale((span){most > 0, most}, 0.1);
}

/* The cost of the call itself; *out's size too, where that is known. */
static span call_cost(struct call *c, const struct overload *o, struct estimate *out)
{
    span x = c->sizes[0], y = c->sizes[1];
    switch ((enum call_cost)o->function->cost) {
    case COST_ONE:
    case COST_FREE:
        return FIXED(1);
    case COST_STRUCT:
        return FIXED(40);
    case COST_FIRST_TENTH:
        if (o->result->kind == CEL_STRING || o->result == &cel_url)
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
        out->size = (span){0, c->node->n > 2 ? literal(c, 2, x.max) : x.max};
        return scale(x, 0.2);
    case COST_QUOTE:
        out->size = (span){add_u(x.min, 2), add_u(mul_u(x.max, 2), 2)};
        return scale(x, 0.1);
    case COST_SELECTOR:
        return add(add(FIXED(10), scale(y, 0.1)), scale(scale(y, 0.5), 50));
    case COST_VALIDATE: /* 32: a quarter of the longest regular expression of a format of names */
        return scale(scale(y, 0.1), 32);
    case COST_SLICE:
        return listing(out, FIXED(literal(c, 2, x.max) - literal(c, 1, 0)), 1);
    case COST_RANGE:
        return listing(out, FIXED(literal(c, 0, UINT64_MAX)), 1);
    case COST_REVERSE:
        return listing(out, x, 1);
    case COST_FLATTEN:
        return listing(out, x, c->node->n > 1 ? (double)literal(c, 1, UINT64_MAX) : 1);
    case COST_DISTINCT:
        return listing(out, mul(x, x), 2);
    case COST_SORT:
        return sorting(out, x, o->params[0]->elem);
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
    case COST_LEAST_TENTH:
        return least_tenth(x, y);
    case COST_EQUAL:
        return equality(c, least_tenth(x, y));
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
        out->declared = c->args[0].declared ? c->args[0].declared->elem : c->root;
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
    if (n->n > ARGS_MAX) { /* of an expression that was not checked: nothing takes so many */
        out->cost = FIXED(1);
        return;
    }
    struct call *c = arena_new(&s->scratch, struct call);
    span cost = {UINT64_MAX, 0};
    c->node = n;
    c->root = s->root;
    for (uint32_t i = 0; i < n->n; i++) {
        estimate(s, n->args[i], &c->args[i]);
        c->sizes[i] = size_of(n->args[i], &c->args[i]);
    }
    if (str_is(n->name, "dyn")) { /* only hides the type */
        *out = c->args[0];
        out->size = c->sizes[0];
        out->declared = NULL;
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
        out->declared = s->root;
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
    if (kind == CEL_MAP || kind == CEL_OBJECT || n->optional)
        out->cost = add(out->cost, FIXED(1));
    const struct cel_type *t = of->declared;
    const struct cel_field *f = t ? type_object_field(t, n->name) : NULL;
    out->declared = n->optional                             ? NULL
                    : !t                                    ? s->root
                    : t->kind == CEL_MAP && s->env->devices ? t->elem
                    : f                                     ? f->type
                                                            : NULL;
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
    case FOLD_SORT_BY: /* bound to a variable, which the map and the call name; the sorting comes besides */
        *once = FIXED(23);
        return add(made, FIXED(12));
    }
    return FIXED(0);
}

/* Declares the variables by what is known of the range. */
static void set_variables(struct estimator *s, const struct node *n, const struct estimate *range)
{
    const struct cel_type *t = range->declared;
    bool list = n->args[0]->type->kind == CEL_LIST, two = n->name2.n;
    if (list && !two)
        set_local(s, n->slot, range->elem, t ? t->elem : s->root);
    else
        set_local(s, n->slot, list ? FIXED(1) : range->key, !t ? s->root : list ? NULL : t->key);
    if (two)
        set_local(s, n->slot + 1u, range->elem, t ? t->elem : s->root);
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
    if (n->sub == FOLD_SORT_BY)
        out->cost = add(out->cost, sorting(out, count, n->args[2]->type));
}

static void estimate_bind(struct estimator *s, const struct node *n, struct estimate *out)
{
    struct estimate *init = scratch(s, 1);
    bool plain = n->sub == BIND_PLAIN;
    estimate(s, n->args[0], init);
    if (plain) {
        set_local(s, n->slot, size_of(n->args[0], init), init->declared);
        s->locals[n->slot].key = init->key;
        s->locals[n->slot].elem = init->elem;
    } else {
        set_local(s, n->slot, UNSIZED, NULL);
    }
    estimate(s, n->args[1], out);
    out->cost = add(add(out->cost, init->cost), FIXED(10));
    if (plain)
        return;
    /* a.hasValue() ? optional.of(a.value() ...) : optional.none() */
    span some = add(out->cost, FIXED(n->sub == BIND_OPT_MAP ? 2 : 1));
    *out = (struct estimate){.cost = add(add(init->cost, FIXED(1)), join(some, FIXED(1))),
                             .size = UNSIZED,
                             .key = UNSIZED,
                             .elem = UNSIZED};
}

static void estimate(struct estimator *s, const struct node *n, struct estimate *out)
{
    *out = (struct estimate){.size = UNSIZED, .key = UNSIZED, .elem = UNSIZED};
    switch ((enum node_op)n->op) {
    case NODE_CONST:
        out->size = FIXED(value_count(&n->value));
        if (n->value.kind == CEL_TYPE) { /* a name */
            out->size = UNSIZED;
            out->declared = s->root;
            out->cost = FIXED(1);
        }
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
    struct estimator s = {.env = env, .root = env->n_vars ? env->vars[0].type : NULL};
    struct estimate out;
    s.locals = arena_new_n(&s.scratch, struct est_local, locals + 1);
    estimate(&s, root, &out);
    arena_free(&s.scratch);
    return out.cost;
}
