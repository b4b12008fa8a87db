/* Mathematics (cel-go, ext/math), base64, and optionals. */
#include <math.h>

#include "base/encode.h"
#include "cel/eval.h"

static int extreme(struct run *r, const struct cel_value *list, int sign, struct cel_value *out)
{
    size_t n = value_count(list);
    if (!n)
        return run_error(r, "math.@%s(list) argument must not be empty", sign < 0 ? "min" : "max");
    for (size_t i = 0; i < n; i++) {
        struct cel_value v = value_list_item(r->arena, list, i);
        int c = 0;
        if (!value_is_number(&v))
            return run_no_overload(r);
        if (i == 0 || (value_compare_numbers(&v, out, &c) && c * sign > 0))
            *out = v;
    }
    return 0;
}

static int greatest(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return extreme(r, &args[0], 1, out);
}

static int least(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return extreme(r, &args[0], -1, out);
}

static int same(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = args[0];
    return 0;
}

#define REAL(name, call)                                                                                     \
    static int name(struct run *r, const struct cel_value *args, struct cel_value *out)                      \
    {                                                                                                        \
        (void)r;                                                                                             \
        *out = (struct cel_value){.kind = CEL_DOUBLE, .d = call(args[0].d)};                                 \
        return 0;                                                                                            \
    }
REAL(math_ceil, ceil)
REAL(math_floor, floor)
REAL(math_round, round)
REAL(math_trunc, trunc)
REAL(math_abs, fabs)
REAL(math_sqrt, sqrt)

static int sqrt_int(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = (struct cel_value){.kind = CEL_DOUBLE, .d = sqrt((double)args[0].i)};
    return 0;
}

static int sqrt_uint(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = (struct cel_value){.kind = CEL_DOUBLE, .d = sqrt((double)args[0].u)};
    return 0;
}

static int abs_int(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    if (args[0].i == INT64_MIN)
        return run_error(r, "integer overflow");
    *out = cel_from_int(args[0].i < 0 ? -args[0].i : args[0].i);
    return 0;
}

static int sign_int(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int((args[0].i > 0) - (args[0].i < 0));
    return 0;
}

static int sign_uint(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = (struct cel_value){.kind = CEL_UINT, .u = args[0].u > 0};
    return 0;
}

static int sign_double(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    double d = args[0].d;
    *out = (struct cel_value){.kind = CEL_DOUBLE, .d = isnan(d) ? d : (d > 0) - (d < 0)};
    return 0;
}

#define TEST(name, test)                                                                                     \
    static int name(struct run *r, const struct cel_value *args, struct cel_value *out)                      \
    {                                                                                                        \
        (void)r;                                                                                             \
        *out = cel_from_bool(test(args[0].d));                                                               \
        return 0;                                                                                            \
    }
TEST(is_inf, isinf)
TEST(is_nan, isnan)
TEST(is_finite, isfinite)

/* The same bits whether signed or not. */
#define BITS(name, op)                                                                                       \
    static int name(struct run *r, const struct cel_value *args, struct cel_value *out)                      \
    {                                                                                                        \
        (void)r;                                                                                             \
        *out = (struct cel_value){.kind = args[0].kind, .u = args[0].u op args[1].u};                        \
        return 0;                                                                                            \
    }
BITS(bit_and, &)
BITS(bit_or, |)
BITS(bit_xor, ^)

static int bit_not(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = (struct cel_value){.kind = args[0].kind, .u = ~args[0].u};
    return 0;
}

static int bit_shift(struct run *r, const struct cel_value *args, bool left, struct cel_value *out)
{
    if (args[1].i < 0)
        return run_error(r, "math.bitShift%s() negative offset: %lld", left ? "Left" : "Right",
                         (long long)args[1].i);
    uint64_t u = args[1].i > 63 ? 0 : left ? args[0].u << args[1].i : args[0].u >> args[1].i;
    *out = (struct cel_value){.kind = args[0].kind, .u = u};
    return 0;
}

static int shift_left(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return bit_shift(r, args, true, out);
}

static int shift_right(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return bit_shift(r, args, false, out);
}

#define EXTREMES(name, call)                                                                                 \
    {"math." name "(list(int)) int", call}, {"math." name "(list(uint)) uint", call},                        \
        {"math." name "(list(double)) double", call}, {"math." name "(list(dyn)) dyn", call},                \
        {"math." name "(int) int", same}, {"math." name "(uint) uint", same},                                \
    {                                                                                                        \
        "math." name "(double) double", same                                                                 \
    }
#define TWO_BITS(name, call)                                                                                 \
    {"math." name "(int, int) int", call},                                                                   \
    {                                                                                                        \
        "math." name "(uint, uint) uint", call                                                               \
    }

static const struct function table[] = {
    EXTREMES("greatest", greatest),
    EXTREMES("least", least),
    {"math.ceil(double) double", math_ceil},
    {"math.floor(double) double", math_floor},
    {"math.round(double) double", math_round},
    {"math.trunc(double) double", math_trunc},
    {"math.abs(double) double", math_abs},
    {"math.abs(int) int", abs_int},
    {"math.abs(uint) uint", same},
    {"math.sqrt(double) double", math_sqrt},
    {"math.sqrt(int) double", sqrt_int},
    {"math.sqrt(uint) double", sqrt_uint},
    {"math.sign(int) int", sign_int},
    {"math.sign(uint) uint", sign_uint},
    {"math.sign(double) double", sign_double},
    {"math.isInf(double) bool", is_inf},
    {"math.isNaN(double) bool", is_nan},
    {"math.isFinite(double) bool", is_finite},
    TWO_BITS("bitAnd", bit_and),
    TWO_BITS("bitOr", bit_or),
    TWO_BITS("bitXor", bit_xor),
    {"math.bitNot(int) int", bit_not},
    {"math.bitNot(uint) uint", bit_not},
    {"math.bitShiftLeft(int, int) int", shift_left},
    {"math.bitShiftLeft(uint, int) uint", shift_left},
    {"math.bitShiftRight(int, int) int", shift_right},
    {"math.bitShiftRight(uint, int) uint", shift_right},
};
LIBRARY(cel_math, table);

/* --- base64 --- */

static int base64_encode(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_buf_ struct buf text = {0};
    encode_base64(&text, args[0].s);
    *out = cel_from_str(arena_str(r->arena, buf_str(&text)));
    return 0;
}

static int base64_decode(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_buf_ struct buf bytes = {0}, padded = {0};
    buf_add_str(&padded, args[0].s);
    while (padded.n % 4) /* padding may be left out */
        buf_add_c(&padded, '=');
    if (decode_base64(&bytes, buf_str(&padded)) < 0)
        return run_error(r, "illegal base64 data");
    *out = (struct cel_value){.kind = CEL_BYTES, .s = arena_str(r->arena, buf_str(&bytes))};
    return 0;
}

static const struct function encoder_table[] = {
    {"base64.encode(bytes) string", base64_encode, COST_FIRST_TENTH},
    {"base64.decode(string) bytes", base64_decode, COST_FIRST_TENTH},
};
LIBRARY(cel_encoders, encoder_table);

/* --- optionals --- */

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

static int or_other(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = args[0].inner ? args[0] : args[1];
    return 0;
}

static int or_value(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = args[0].inner ? *args[0].inner : args[1];
    return 0;
}

static const struct function optional_table[] = {
    {"optional.of(A) optional(A)", optional_of},
    {"optional.ofNonZeroValue(A) optional(A)", optional_of_non_zero},
    {"optional.none() optional(A)", optional_none},
    {"optional(A):hasValue() bool", has_value},
    {"optional(A):value() A", value_of},
    {"optional(A):or(optional(A)) optional(A)", or_other},
    {"optional(A):orValue(A) A", or_value},
};
LIBRARY(cel_optionals, optional_table);
