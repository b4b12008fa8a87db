/* Opaque values among themselves: what makes two equal, and the comparisons of those that are in an order. */
#include "cel/opaque.h"

#include "cel/eval.h"
#include "schema/quantity.h"

static int quantity_order(const void *x, const void *y)
{
    return quantity_cmp(*(const struct quantity *)x, *(const struct quantity *)y);
}

static const struct ordered {
    const struct cel_type *type;
    int (*order)(const void *x, const void *y);
} ordered[] = {{&cel_quantity, quantity_order}, {&cel_semver, semver_order}};

/* NULL: they are in no order. */
static const struct ordered *ordered_of(const struct cel_type *t)
{
    for (size_t i = 0; i < ARRAY_LEN(ordered); i++)
        if (ordered[i].type == t)
            return &ordered[i];
    return NULL;
}

bool opaque_equal(const struct cel_value *x, const struct cel_value *y)
{
    const struct ordered *o = ordered_of(x->type);
    if (o)
        return o->order(x->opaque, y->opaque) == 0;
    if (x->type == &cel_ip || x->type == &cel_cidr)
        return network_equal(x->opaque, y->opaque);
    if (x->type == &cel_url)
        return url_equal(x->opaque, y->opaque);
    return x->opaque == y->opaque;
}

static int order(const struct cel_value *args)
{
    int c = ordered_of(args[0].type)->order(args[0].opaque, args[1].opaque);
    return (c > 0) - (c < 0);
}

static int compare_to(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int(order(args));
    return 0;
}

static int is_greater(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(order(args) > 0);
    return 0;
}

static int is_less(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(order(args) < 0);
    return 0;
}

static const struct function table[] = {
    {"Quantity:compareTo(Quantity) int", compare_to},      {"Semver:compareTo(Semver) int", compare_to},
    {"Quantity:isGreaterThan(Quantity) bool", is_greater}, {"Semver:isGreaterThan(Semver) bool", is_greater},
    {"Quantity:isLessThan(Quantity) bool", is_less},       {"Semver:isLessThan(Semver) bool", is_less},
};
LIBRARY(cel_orders, table);
