/* Quantities ("500m", "1Gi") to count and compare with (k8s.io/apiserver, cel/library/quantity.go). */
#include "cel/eval.h"
#include "schema/quantity.h"

static struct quantity at(const struct cel_value *v)
{
    return *(const struct quantity *)v->opaque;
}

static struct cel_value quantity_value_new(struct run *r, struct quantity q)
{
    return (struct cel_value){
        .kind = CEL_OPAQUE, .opaque = arena_dup(r->arena, &q, sizeof(q)), .type = &cel_quantity};
}

static int quantity_new(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_err_ struct err err = {0};
    struct quantity q;
    if (quantity_parse(args[0].s, &q, &err) < 0)
        return run_error(r, STR_FMT, STR_ARG(err.message));
    *out = quantity_value_new(r, q);
    return 0;
}

static int is_quantity(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    struct quantity q;
    *out = cel_from_bool(quantity_parse(args[0].s, &q, NULL) == 0);
    return 0;
}

/* The whole number that it is, when it is one that fits. */
static bool whole(struct quantity q, int64_t *out)
{
    __int128 v = q.value;
    int32_t scale = q.scale;
    for (; scale < 0 && v % 10 == 0; scale++)
        v /= 10;
    for (; scale > 0 && v <= INT64_MAX && v >= INT64_MIN; scale--)
        v *= 10;
    *out = (int64_t)v;
    /* What is larger is cut to the largest when it is parsed, and is no integer. */
    return (scale == 0 || v == 0) && v < INT64_MAX && v > INT64_MIN;
}

static int is_integer(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    int64_t i;
    *out = cel_from_bool(whole(at(&args[0]), &i));
    return 0;
}

static int as_integer(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    out->kind = CEL_INT;
    return whole(at(&args[0]), &out->i) ? 0 : run_error(r, "cannot convert value to integer");
}

static int as_float(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    struct quantity q = at(&args[0]);
    double d = (double)q.value;
    for (; q.scale > 0; q.scale--)
        d *= 10;
    for (; q.scale < 0; q.scale++)
        d /= 10;
    *out = (struct cel_value){.kind = CEL_DOUBLE, .d = d};
    return 0;
}

static int sign(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int(quantity_sign(at(&args[0])));
    return 0;
}

static struct quantity operand(const struct cel_value *v)
{
    return v->kind == CEL_INT ? quantity_from(v->i, QUANTITY_DECIMAL_SI) : at(v);
}

static int add(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = quantity_value_new(r, quantity_add(at(&args[0]), operand(&args[1])));
    return 0;
}

static int sub(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = quantity_value_new(r, quantity_sub(at(&args[0]), operand(&args[1])));
    return 0;
}

static const struct function table[] = {
    {"quantity(string) Quantity", quantity_new, COST_FIRST_TENTH},
    {"isQuantity(string) bool", is_quantity, COST_FIRST_TENTH},
    {"sign(Quantity) int", sign},
    {"Quantity:isInteger() bool", is_integer},
    {"Quantity:asInteger() int", as_integer},
    {"Quantity:asApproximateFloat() double", as_float},
    {"Quantity:add(Quantity) Quantity", add},
    {"Quantity:add(int) Quantity", add},
    {"Quantity:sub(Quantity) Quantity", sub},
    {"Quantity:sub(int) Quantity", sub},
};
LIBRARY(cel_quantities, table);
