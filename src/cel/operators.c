/* The operators (CEL specification, "List of Standard Definitions"): arithmetic with overflow as an error,
 * order, equality, membership, indexes. */
#include <math.h>

#include "cel/eval.h"
#include "schema/timestamp.h"

static int overflow(struct run *r, const char *what)
{
    return run_error(r, "%s overflow", what);
}

#define INT_OP(name, builtin)                                                                                \
    static int name##_int(struct run *r, const struct cel_value *args, struct cel_value *out)                \
    {                                                                                                        \
        out->kind = CEL_INT;                                                                                 \
        return builtin(args[0].i, args[1].i, &out->i) ? overflow(r, "integer") : 0;                          \
    }                                                                                                        \
    static int name##_uint(struct run *r, const struct cel_value *args, struct cel_value *out)               \
    {                                                                                                        \
        out->kind = CEL_UINT;                                                                                \
        return builtin(args[0].u, args[1].u, &out->u) ? overflow(r, "unsigned integer") : 0;                 \
    }
INT_OP(add, __builtin_add_overflow)
INT_OP(sub, __builtin_sub_overflow)
INT_OP(mul, __builtin_mul_overflow)

#define DOUBLE_OP(name, op)                                                                                  \
    static int name##_double(struct run *r, const struct cel_value *args, struct cel_value *out)             \
    {                                                                                                        \
        (void)r;                                                                                             \
        *out = (struct cel_value){.kind = CEL_DOUBLE, .d = args[0].d op args[1].d};                          \
        return 0;                                                                                            \
    }
DOUBLE_OP(add, +)
DOUBLE_OP(sub, -)
DOUBLE_OP(mul, *)

/* Division of doubles by zero gives infinities (IEEE 754). */
__attribute__((no_sanitize("float-divide-by-zero"))) DOUBLE_OP(div, /)

    static int div_int(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[1].i == 0)
        return run_error(r, "division by zero");
    if (args[0].i == INT64_MIN && args[1].i == -1)
        return overflow(r, "integer");
    *out = cel_from_int(args[0].i / args[1].i);
    return 0;
}

static int div_uint(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[1].u == 0)
        return run_error(r, "division by zero");
    *out = (struct cel_value){.kind = CEL_UINT, .u = args[0].u / args[1].u};
    return 0;
}

static int mod_int(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[1].i == 0)
        return run_error(r, "modulus by zero");
    if (args[0].i == INT64_MIN && args[1].i == -1)
        return overflow(r, "integer");
    *out = cel_from_int(args[0].i % args[1].i);
    return 0;
}

static int mod_uint(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[1].u == 0)
        return run_error(r, "modulus by zero");
    *out = (struct cel_value){.kind = CEL_UINT, .u = args[0].u % args[1].u};
    return 0;
}

static int negate_int(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[0].i == INT64_MIN)
        return overflow(r, "integer");
    *out = cel_from_int(-args[0].i);
    return 0;
}

static int negate_double(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = (struct cel_value){.kind = CEL_DOUBLE, .d = -args[0].d};
    return 0;
}

static int not_bool(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(!args[0].b);
    return 0;
}

static int add_text(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = (struct cel_value){.kind = args[0].kind, .s = arena_concat(r->arena, args[0].s, args[1].s)};
    return 0;
}

/* Is the item in the first n? As equal, or by the keys of a list of type map. */
static bool is_in(struct run *r, const struct cel_type *t, const struct cel_value *items, size_t n,
                  const struct cel_value *item, size_t *where)
{
    for (size_t i = 0; i < n; i++) {
        bool same = true;
        if (t->list_kind == CEL_LIST_SET)
            same = value_equal(r->arena, &items[i], item);
        for (size_t k = 0; same && k < t->n_list_keys; k++) {
            struct cel_value x = CEL_NULL_VALUE, y = CEL_NULL_VALUE;
            value_field(r->arena, &items[i], t->list_keys[k], &x);
            value_field(r->arena, item, t->list_keys[k], &y);
            same = value_equal(r->arena, &x, &y);
        }
        *where = i;
        if (same)
            return true;
    }
    return false;
}

/* Lists join; sets take what they have not, lists of type map replace what has the same keys. */
static int add_list(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    size_t n = value_count(&args[0]), m = value_count(&args[1]), where;
    /* What is joined again and again is copied again and again: that costs. */
    if (run_charge(r, (n + m) / 10) < 0)
        return -1;
    const struct cel_type *t = args[0].type;
    bool plain = !t || t->kind != CEL_LIST || t->list_kind == CEL_LIST_ATOMIC;
    struct values all = {.at = arena_new_n(r->arena, struct cel_value, n + m + 1), .cap = n + m + 1};
    for (size_t i = 0; i < n; i++)
        all.at[all.n++] = value_list_item(r->arena, &args[0], i);
    for (size_t i = 0; i < m; i++) {
        struct cel_value item = value_list_item(r->arena, &args[1], i);
        if (!plain && is_in(r, t, all.at, all.n, &item, &where))
            all.at[where] = item;
        else
            all.at[all.n++] = item;
    }
    *out = values_list(&all);
    out->type = plain ? NULL : t;
    return 0;
}

/* --- order --- */

/* -2: not comparable (NaN). */
static int order(const struct cel_value *args)
{
    int c = -2;
    switch (args[0].kind) {
    case CEL_BOOL:
        return args[0].b - args[1].b;
    case CEL_STRING:
    case CEL_BYTES:
        c = str_cmp(args[0].s, args[1].s);
        return (c > 0) - (c < 0);
    case CEL_TIMESTAMP:
        c = time_cmp(args[0].time, args[1].time);
        return (c > 0) - (c < 0);
    case CEL_DURATION:
        return (args[0].i > args[1].i) - (args[0].i < args[1].i);
    default:
        value_compare_numbers(&args[0], &args[1], &c);
        return c;
    }
}

#define ORDER(name, test)                                                                                    \
    static int name(struct run *r, const struct cel_value *args, struct cel_value *out)                      \
    {                                                                                                        \
        (void)r;                                                                                             \
        int c = order(args);                                                                                 \
        *out = cel_from_bool(test);                                                                          \
        return 0;                                                                                            \
    }
ORDER(less, c == -1)
ORDER(less_equal, c == -1 || c == 0)
ORDER(greater, c == 1)
ORDER(greater_equal, c == 0 || c == 1)

static int equal(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = cel_from_bool(value_equal(r->arena, &args[0], &args[1]));
    return 0;
}

static int not_equal(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = cel_from_bool(!value_equal(r->arena, &args[0], &args[1]));
    return 0;
}

/* --- membership and indexes --- */

static int in_list(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    bool found = false;
    if (args[1].kind != CEL_LIST)
        return run_no_overload(r);
    for (size_t i = 0, n = value_count(&args[1]); !found && i < n; i++) {
        struct cel_value item = value_list_item(r->arena, &args[1], i);
        found = value_equal(r->arena, &item, &args[0]);
    }
    *out = cel_from_bool(found);
    return 0;
}

static int in_map(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct cel_value there;
    *out = cel_from_bool(args[1].in != CEL_IN_LAZY && value_find(r->arena, &args[1], &args[0], &there));
    return 0;
}

/* The number that an index says, when it is a whole one. */
static bool whole(const struct cel_value *v, int64_t *out)
{
    if (v->kind == CEL_INT)
        *out = v->i;
    else if (v->kind == CEL_UINT && v->u <= INT64_MAX)
        *out = (int64_t)v->u;
    else if (v->kind == CEL_DOUBLE && v->d == trunc(v->d) && fabs(v->d) < 9e18)
        *out = (int64_t)v->d;
    else
        return false;
    return true;
}

/* 1: there is none. */
static int index_into(struct run *r, const struct cel_value *of, const struct cel_value *key,
                      struct cel_value *out)
{
    int64_t i;
    if (of->kind == CEL_LIST) {
        if (!whole(key, &i))
            return run_error(r, "unsupported index type '" STR_FMT "' in list",
                             STR_ARG(value_type(key)->name));
        if (i < 0 || (uint64_t)i >= value_count(of)) {
            run_error(r, "index out of bounds: %lld", (long long)i);
            return 1;
        }
        *out = value_list_item(r->arena, of, (size_t)i);
        return 0;
    }
    if ((of->kind != CEL_MAP && of->kind != CEL_OBJECT) || of->in == CEL_IN_LAZY)
        return run_no_overload(r);
    if (value_find(r->arena, of, key, out))
        return 0;
    if (key->kind == CEL_STRING)
        run_error(r, "no such key: " STR_FMT, STR_ARG(key->s));
    else if (whole(key, &i))
        run_error(r, "no such key: %lld", (long long)i);
    else
        run_error(r, "no such key: %s", key->kind == CEL_BOOL ? key->b ? "true" : "false" : "");
    return 1;
}

static int index_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return index_into(r, &args[0], &args[1], out) ? -1 : 0;
}

/* a[?b], and indexes of what is optional itself. */
static int index_optional(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    const struct cel_value *of = &args[0];
    struct cel_value item;
    *out = value_none();
    if (of->kind == CEL_OPTIONAL)
        of = of->inner;
    if (!of)
        return 0;
    int rc = index_into(r, of, &args[1], &item);
    if (rc == 0)
        *out = value_some(r, item);
    return rc < 0 ? -1 : 0;
}

#define ORDERS(sign, call)                                                                                   \
    {"_" sign "_(bool, bool) bool", call}, {"_" sign "_(int, int) bool", call},                              \
        {"_" sign "_(int, double) bool", call}, {"_" sign "_(int, uint) bool", call},                        \
        {"_" sign "_(uint, uint) bool", call}, {"_" sign "_(uint, double) bool", call},                      \
        {"_" sign "_(uint, int) bool", call}, {"_" sign "_(double, double) bool", call},                     \
        {"_" sign "_(double, int) bool", call}, {"_" sign "_(double, uint) bool", call},                     \
        {"_" sign "_(string, string) bool", call, COST_LEAST_TENTH},                                         \
        {"_" sign "_(bytes, bytes) bool", call, COST_LEAST_TENTH},                                           \
        {"_" sign "_(timestamp, timestamp) bool", call},                                                     \
    {                                                                                                        \
        "_" sign "_(duration, duration) bool", call                                                          \
    }

static const struct function table[] = {
    {"_+_(int, int) int", add_int},
    {"_+_(uint, uint) uint", add_uint},
    {"_+_(double, double) double", add_double},
    {"_+_(string, string) string", add_text, COST_SUM_TENTH},
    {"_+_(bytes, bytes) bytes", add_text, COST_SUM_TENTH},
    {"_+_(list(A), list(A)) list(A)", add_list, COST_ADD_LIST},
    {"_-_(int, int) int", sub_int},
    {"_-_(uint, uint) uint", sub_uint},
    {"_-_(double, double) double", sub_double},
    {"_*_(int, int) int", mul_int},
    {"_*_(uint, uint) uint", mul_uint},
    {"_*_(double, double) double", mul_double},
    {"_/_(int, int) int", div_int},
    {"_/_(uint, uint) uint", div_uint},
    {"_/_(double, double) double", div_double},
    {"_%_(int, int) int", mod_int},
    {"_%_(uint, uint) uint", mod_uint},
    {"-_(int) int", negate_int},
    {"-_(double) double", negate_double},
    {"!_(bool) bool", not_bool},
    {"_==_(A, A) bool", equal, COST_EQUAL},
    {"_!=_(A, A) bool", not_equal, COST_LEAST_TENTH},
    ORDERS("<", less),
    ORDERS("<=", less_equal),
    ORDERS(">", greater),
    ORDERS(">=", greater_equal),
    {"@in(A, list(A)) bool", in_list, COST_IN_LIST},
    {"@in(A, map(A, B)) bool", in_map},
    {"_[_](list(A), int) A", index_of, COST_INDEX_LIST},
    {"_[_](map(A, B), A) B", index_of, COST_INDEX_MAP},
    {"_[_](optional(list(A)), int) optional(A)", index_optional},
    {"_[_](optional(map(A, B)), A) optional(B)", index_optional},
    {"_[?_](list(A), int) optional(A)", index_optional},
    {"_[?_](map(A, B), A) optional(B)", index_optional},
    {"_[?_](optional(list(A)), int) optional(A)", index_optional},
    {"_[?_](optional(map(A, B)), A) optional(B)", index_optional},
};
LIBRARY(cel_operators, table);
