/* Lists: Kubernetes' own functions, and cel-go's extensions. */
#include "cel/eval.h"

#include <stdlib.h>

/* Whether x comes before y; -1: they have no order. */
static int compare(const struct cel_value *x, const struct cel_value *y, int *out)
{
    if (value_is_number(x) && value_is_number(y))
        return value_compare_numbers(x, y, out) ? 0 : -1;
    if (x->kind != y->kind)
        return -1;
    switch (x->kind) {
    case CEL_BOOL:
        *out = x->b - y->b;
        return 0;
    case CEL_STRING:
    case CEL_BYTES:
        *out = str_cmp(x->s, y->s);
        return 0;
    case CEL_DURATION:
        *out = (x->i > y->i) - (x->i < y->i);
        return 0;
    case CEL_TIMESTAMP:
        *out = (x->time.s > y->time.s) - (x->time.s < y->time.s);
        *out = *out ? *out : (x->time.ns > y->time.ns) - (x->time.ns < y->time.ns);
        return 0;
    default:
        return -1;
    }
}

static int is_sorted(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    bool sorted = true;
    for (size_t i = 1, n = value_count(&args[0]); sorted && i < n; i++) {
        struct cel_value x = value_list_item(r->arena, &args[0], i - 1),
                         y = value_list_item(r->arena, &args[0], i);
        int c;
        if (compare(&x, &y, &c) < 0)
            return run_no_overload(r);
        sorted = c <= 0;
    }
    *out = cel_from_bool(sorted);
    return 0;
}

static int sum(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = cel_from_int(0);
    for (size_t i = 0, n = value_count(&args[0]); i < n; i++) {
        struct cel_value v = value_list_item(r->arena, &args[0], i);
        bool over = false;
        if (i == 0)
            *out = v;
        else if (v.kind != out->kind)
            return run_no_overload(r);
        else if (v.kind == CEL_INT || v.kind == CEL_DURATION)
            over = __builtin_add_overflow(out->i, v.i, &out->i);
        else if (v.kind == CEL_UINT)
            over = __builtin_add_overflow(out->u, v.u, &out->u);
        else if (v.kind == CEL_DOUBLE)
            out->d += v.d;
        else
            return run_no_overload(r);
        if (over)
            return run_error(r, "%s overflow",
                             v.kind == CEL_DURATION ? "duration"
                             : v.kind == CEL_INT    ? "integer"
                                                    : "unsigned integer");
    }
    return 0;
}

static int extreme(struct run *r, const struct cel_value *list, int sign, struct cel_value *out)
{
    size_t n = value_count(list);
    if (!n)
        return run_error(r, "%s called on empty list", sign < 0 ? "min" : "max");
    *out = value_list_item(r->arena, list, 0);
    for (size_t i = 1; i < n; i++) {
        struct cel_value v = value_list_item(r->arena, list, i);
        int c;
        if (compare(&v, out, &c) < 0)
            return run_no_overload(r);
        if (c * sign > 0)
            *out = v;
    }
    return 0;
}

static int least(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return extreme(r, &args[0], -1, out);
}

static int most(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return extreme(r, &args[0], 1, out);
}

static int index_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    size_t n = value_count(&args[0]);
    *out = cel_from_int(-1);
    for (size_t i = 0; i < n && out->i < 0; i++) {
        struct cel_value v = value_list_item(r->arena, &args[0], i);
        if (value_equal(r->arena, &v, &args[1]))
            out->i = (int64_t)i;
    }
    return 0;
}

static int last_index_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = cel_from_int(-1);
    for (size_t i = value_count(&args[0]); i-- && out->i < 0;) {
        struct cel_value v = value_list_item(r->arena, &args[0], i);
        if (value_equal(r->arena, &v, &args[1]))
            out->i = (int64_t)i;
    }
    return 0;
}

/* --- extensions --- */

static int slice(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    int64_t from = args[1].i, to = args[2].i, n = (int64_t)value_count(&args[0]);
    if (from < 0 || to < 0)
        return run_error(r, "cannot slice(%lld, %lld), negative indexes not supported", (long long)from,
                         (long long)to);
    if (from > to)
        return run_error(r, "cannot slice(%lld, %lld), start index must be less than or equal to end index",
                         (long long)from, (long long)to);
    if (to > n)
        return run_error(r, "cannot slice(%lld, %lld), list is length %lld", (long long)from, (long long)to,
                         (long long)n);
    struct values part = {0};
    for (int64_t i = from; i < to; i++)
        values_add(r, &part, value_list_item(r->arena, &args[0], (size_t)i));
    *out = values_list(&part);
    return 0;
}

static int flatten_into(struct run *r, const struct cel_value *list, int64_t depth, struct values *all)
{
    for (size_t i = 0, n = value_count(list); i < n; i++) {
        struct cel_value v = value_list_item(r->arena, list, i);
        if (v.kind != CEL_LIST || depth <= 0)
            values_add(r, all, v);
        else if (flatten_into(r, &v, depth < CEL_DEPTH ? depth - 1 : CEL_DEPTH, all) < 0)
            return -1;
    }
    return 0;
}

static int flatten(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct values all = {0};
    int rc = flatten_into(r, &args[0], 1, &all);
    *out = values_list(&all);
    return rc;
}

static int flatten_to(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct values all = {0};
    if (args[1].i < 0)
        return run_error(r, "level must be non-negative");
    int rc = flatten_into(r, &args[0], args[1].i, &all);
    *out = values_list(&all);
    return rc;
}

static int reverse(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct values all = {0};
    for (size_t i = value_count(&args[0]); i--;)
        values_add(r, &all, value_list_item(r->arena, &args[0], i));
    *out = values_list(&all);
    return 0;
}

static int distinct(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct values all = {0};
    for (size_t i = 0, n = value_count(&args[0]); i < n; i++) {
        struct cel_value v = value_list_item(r->arena, &args[0], i);
        bool seen = false;
        for (size_t j = 0; !seen && j < all.n; j++)
            seen = value_equal(r->arena, &all.at[j], &v);
        if (!seen)
            values_add(r, &all, v);
    }
    *out = values_list(&all);
    return 0;
}

struct keyed {
    const struct cel_value *key;
    struct cel_value item;
};

static int by_key(const void *x, const void *y)
{
    int c = 0;
    compare(((const struct keyed *)x)->key, ((const struct keyed *)y)->key, &c);
    return c;
}

int values_sort(struct run *r, struct values *items, const struct values *keys)
{
    if (!items->n)
        return 0;
    struct keyed *all = arena_new_n(r->arena, struct keyed, items->n);
    for (size_t i = 0; i < items->n; i++) {
        int c;
        if (keys->at[i].kind != keys->at[0].kind)
            return run_error(r, "list elements must have the same type");
        if (compare(&keys->at[i], &keys->at[i], &c) < 0 && keys->at[i].kind != CEL_DOUBLE)
            return run_error(r, "list elements must be comparable");
        all[i] = (struct keyed){&keys->at[i], items->at[i]};
    }
    qsort(all, items->n, sizeof(*all), by_key);
    for (size_t i = 0; i < items->n; i++)
        items->at[i] = all[i].item;
    return 0;
}

static int sort(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct values all = {0}, keys = {0};
    for (size_t i = 0, n = value_count(&args[0]); i < n; i++) {
        values_add(r, &all, value_list_item(r->arena, &args[0], i));
        values_add(r, &keys, all.at[i]);
    }
    *out = values_list(&all);
    return values_sort(r, &all, &keys);
}

static int range(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct values all = {0};
    for (int64_t i = 0; i < args[0].i; i++)
        values_add(r, &all, cel_from_int(i));
    *out = values_list(&all);
    return 0;
}

#define ORDERED(of)                                                                                          \
    {"list(" of "):isSorted() bool", is_sorted, COST_TRAVERSE},                                              \
        {"list(" of "):min() " of, least, COST_TRAVERSE}, {"list(" of "):max() " of, most, COST_TRAVERSE},   \
    {                                                                                                        \
        "list(" of "):sort() list(" of ")", sort, COST_SORT                                                  \
    }

static const struct function table[] = {
    ORDERED("int"),
    ORDERED("uint"),
    ORDERED("double"),
    ORDERED("bool"),
    ORDERED("duration"),
    ORDERED("timestamp"),
    ORDERED("string"),
    ORDERED("bytes"),
    {"list(int):sum() int", sum, COST_TRAVERSE},
    {"list(uint):sum() uint", sum, COST_TRAVERSE},
    {"list(double):sum() double", sum, COST_TRAVERSE},
    {"list(duration):sum() duration", sum, COST_TRAVERSE},
    {"list(A):indexOf(A) int", index_of, COST_TRAVERSE},
    {"list(A):lastIndexOf(A) int", last_index_of, COST_TRAVERSE},
    {"list(A):slice(int, int) list(A)", slice, COST_SLICE},
    {"list(list(A)):flatten() list(A)", flatten, COST_FLATTEN},
    {"list(dyn):flatten(int) list(dyn)", flatten_to, COST_FLATTEN},
    {"list(A):reverse() list(A)", reverse, COST_REVERSE},
    {"list(A):distinct() list(A)", distinct, COST_DISTINCT},
    {"lists.range(int) list(int)", range, COST_RANGE},
};
LIBRARY(cel_lists, table);

/* --- sets --- */

static bool has(struct run *r, const struct cel_value *list, const struct cel_value *v)
{
    for (size_t i = 0, n = value_count(list); i < n; i++) {
        struct cel_value item = value_list_item(r->arena, list, i);
        if (value_equal(r->arena, &item, v))
            return true;
    }
    return false;
}

/* Is any (or every) item of `of` in `list`? */
static bool items_in(struct run *r, const struct cel_value *list, const struct cel_value *of, bool any)
{
    for (size_t i = 0, n = value_count(of); i < n; i++) {
        struct cel_value v = value_list_item(r->arena, of, i);
        if (has(r, list, &v) == any)
            return any;
    }
    return !any;
}

static int set_contains(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = cel_from_bool(items_in(r, &args[0], &args[1], false));
    return 0;
}

static int set_equivalent(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = cel_from_bool(items_in(r, &args[0], &args[1], false) && items_in(r, &args[1], &args[0], false));
    return 0;
}

static int set_intersects(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = cel_from_bool(items_in(r, &args[0], &args[1], true));
    return 0;
}

static const struct function set_table[] = {
    {"sets.contains(list(A), list(A)) bool", set_contains, COST_SETS},
    {"sets.equivalent(list(A), list(A)) bool", set_equivalent, COST_SETS_TWICE},
    {"sets.intersects(list(A), list(A)) bool", set_intersects, COST_SETS},
};
LIBRARY(cel_sets, set_table);
