/* What things cost: at run time, what was done (cel-go's interpreter/runtimecost.go); before it, what may be
 * done at least and at most (checker/cost.go); of Kubernetes' functions by k8s.io/apiserver's
 * cel/library/cost.go. A unit is about 50 ns of upstream's interpreter. */
#include <math.h>

#include "cel/eval.h"
#include "cel/formats.h"
#include "cel/network.h"

/* --- at run time --- */

static uint64_t tenth(uint64_t n)
{
    return n / 10 + (n % 10 > 0);
}

static uint64_t quarter(uint64_t n)
{
    return n / 4 + (n % 4 > 0);
}

static uint64_t size(const struct cel_value *v)
{
    if (v->in == CEL_IN_LAZY)
        return 1;
    if (v->kind == CEL_OPAQUE && (v->type == &cel_ip || v->type == &cel_cidr))
        return (((const struct network *)v->opaque)->prefix + 7u) / 8;
    return value_count(v);
}

/* Every item, or a tenth of the characters. */
static uint64_t traversal(struct arena *a, const struct cel_value *v, unsigned depth)
{
    uint64_t cost = 0;
    if (v->kind == CEL_STRING || v->kind == CEL_BYTES)
        return v->s.n / 10;
    if (depth > CEL_DEPTH || v->in == CEL_IN_LAZY)
        return 1;
    if (v->kind == CEL_LIST) {
        for (size_t i = 0, n = value_count(v); i < n; i++) {
            struct cel_value item = value_list_item(a, v, i);
            cost += traversal(a, &item, depth + 1);
        }
        return cost;
    }
    if (v->kind == CEL_MAP || v->kind == CEL_OBJECT) {
        struct cel_value key, value;
        for (size_t cursor = 0; value_next(a, v, &cursor, &key, &value);)
            cost += traversal(a, &key, depth + 1) + traversal(a, &value, depth + 1);
        return cost;
    }
    return 1;
}

static uint64_t product(uint64_t x, uint64_t y)
{
    uint64_t p;
    return __builtin_mul_overflow(x, y, &p) ? UINT64_MAX : p;
}

/* Making a list of that many items: the call, and the list. */
static uint64_t listing(uint64_t n)
{
    return n > UINT64_MAX - 11 ? UINT64_MAX : n + 11;
}

/* n items by what `times` says, cut as upstream's float64 has it. */
static uint64_t by_factor(uint64_t n, double times)
{
    double d = (double)n * times;
    return d >= 18446744073709551616.0 ? UINT64_MAX : d > 0 ? (uint64_t)d : 0;
}

uint64_t cost_of_sort(struct arena *a, const struct cel_value *list)
{
    uint64_t n = value_count(list);
    struct cel_value first = n && list->kind == CEL_LIST ? value_list_item(a, list, 0) : CEL_NULL_VALUE;
    bool text = first.kind == CEL_STRING || first.kind == CEL_BYTES;
    return listing(by_factor(product(n, n), text ? 2.1 : 2.0));
}

/* A list, parsing, and for every two characters a requirement of 50. */
static uint64_t selector(uint64_t n)
{
    return 10 + tenth(n) + 50 * (n / 2 + n % 2);
}

uint64_t cost_of_call(struct run *r, const struct overload *o, const struct cel_value *args,
                      const struct cel_value *result)
{
    switch ((enum call_cost)o->function->cost) {
    case COST_FREE:
        return 0;
    case COST_ONE:
    case COST_ADD_LIST:
    case COST_INDEX_LIST:
    case COST_INDEX_MAP:
        return 1;
    case COST_FIRST_TENTH:
    case COST_SECOND_TENTH:
    case COST_TO_BYTES:
    case COST_TO_STRING:
    case COST_FORMAT:
    case COST_QUOTE:
        return tenth(size(&args[0]));
    case COST_STRUCT:
        return 40;
    case COST_SELECTOR:
        return selector(size(&args[1]));
    case COST_VALIDATE:
        return product(tenth(size(&args[1]) + 1),
                       args[0].kind == CEL_OPAQUE ? quarter(format_size(args[0].opaque)) : 1);
    case COST_SLICE:
        return listing(args[2].i > args[1].i ? (uint64_t)args[2].i - (uint64_t)args[1].i : 0);
    case COST_RANGE:
        return listing(args[0].i > 0 ? (uint64_t)args[0].i : 0);
    case COST_REVERSE:
        return listing(size(&args[0]));
    case COST_FLATTEN:
        return listing(by_factor(size(&args[0]), o->n == 2 ? (double)args[1].i : 1));
    case COST_SORT:
    case COST_DISTINCT:
        return cost_of_sort(r->arena, &args[0]);
    case COST_STRING_INDEX:
        return args[0].kind == CEL_STRING ? args[0].s.n / 10 : 1;
    case COST_FIRST_FIFTH:
    case COST_REPLACE:
    case COST_SPLIT:
        return tenth(2 * size(&args[0]));
    case COST_JOIN:
        return result ? tenth(2 * size(result)) : 1;
    case COST_IN_LIST:
        return size(&args[1]);
    case COST_EQUAL:
        if (args[0].kind == CEL_OPAQUE)
            return 1;
        /* fall through */
    case COST_LEAST_TENTH: {
        uint64_t x = size(&args[0]), y = size(&args[1]);
        return tenth(x < y ? x : y);
    }
    case COST_SUM_TENTH:
        return tenth(size(&args[0]) + size(&args[1]));
    case COST_MATCHES:
    case COST_FIND:
        return product(tenth(size(&args[0]) + 1), quarter(size(&args[1])));
    case COST_CONTAINS:
        return product(tenth(size(&args[0])), tenth(size(&args[1])));
    case COST_TRAVERSE:
        return traversal(r->arena, &args[0], 0);
    case COST_CHECK:
        return 350000;
    case COST_CONTAINS_IP:
        return tenth(2 * size(&args[0]));
    case COST_CONTAINS_IP_STRING:
        return tenth(2 * size(&args[0])) + tenth(size(&args[1]));
    case COST_CONTAINS_CIDR:
        return tenth(2 * size(&args[0])) + tenth(size(&args[0])) + 1;
    case COST_CONTAINS_CIDR_STRING:
        return tenth(2 * size(&args[0])) + tenth(size(&args[0])) + 1 + tenth(size(&args[1]));
    case COST_SETS:
        return product(size(&args[0]), size(&args[1])) + 1;
    case COST_SETS_TWICE:
        return product(2 * size(&args[0]), size(&args[1])) + 1;
    }
    return 1;
}
