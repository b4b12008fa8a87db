#include "schema/copy.h"

#include "base/mem.h"
#include "schema/layout.h"
#include "schema/quantity.h"

/* The fields to leave out: those paths that begin at this struct. */
struct left_out {
    const struct str *paths;
    size_t n, depth; /* depth: bytes of every path that led here */
};

static bool compare_struct(const struct type *t, const void *a, const void *b, struct left_out out);

static bool compare_value(const struct field *f, const void *a, const void *b, struct left_out out)
{
    switch ((enum value_kind)f->kind) {
    case VALUE_TIME:
    case VALUE_MICRO_TIME: {
        const struct time *x = a, *y = b;
        return x->s == y->s && x->ns == y->ns;
    }
    case VALUE_INT_OR_STRING: {
        const struct int_or_str *x = a, *y = b;
        return x->is_str == y->is_str && (x->is_str ? str_eq(x->s, y->s) : x->i == y->i);
    }
    case VALUE_DOUBLE:
        return *(const double *)a == *(const double *)b;
    case VALUE_QUANTITY:
        return str_eq(*(const struct str *)a, *(const struct str *)b) ||
               quantity_cmp_str(*(const struct str *)a, *(const struct str *)b) == 0;
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_JSON:
        return str_eq(*(const struct str *)a, *(const struct str *)b);
    case VALUE_STRUCT:
        return compare_struct(f->type, a, b, out);
    default:
        return memcmp(a, b, layout_size(f)) == 0;
    }
}

/* `a` and `b`: where the field lies. */
static bool compare_shaped(const struct field *f, const void *a, const void *b, struct left_out out)
{
    const struct any_vec *v = a, *w = b;
    switch ((enum shape)f->shape) {
    case SHAPE_ONE:
    case SHAPE_INLINE:
        return compare_value(f, a, b, out);
    case SHAPE_OPTIONAL:
        a = *(void *const *)a;
        b = *(void *const *)b;
        return a && b ? compare_value(f, a, b, out) : a == b;
    case SHAPE_LIST:
    case SHAPE_MAP:
        break;
    }
    if (v->n != w->n || (f->flags & FIELD_OMIT_ABSENT && !v->at != !w->at))
        return false;
    for (size_t i = 0; i < v->n; i++)
        if ((f->shape == SHAPE_MAP && !str_eq(*layout_key(f, v, i), *layout_key(f, w, i))) ||
            !compare_value(f, layout_item(f, v, i), layout_item(f, w, i), (struct left_out){0}))
            return false;
    return true;
}

/* Whether `f` is left out altogether; what is left out below it stays in *below. */
static bool compare_left_out(const struct field *f, struct left_out out, struct left_out *below,
                             struct str *kept)
{
    *below = (struct left_out){kept, 0, out.depth + f->name.n + 1};
    for (size_t i = 0; i < out.n; i++) {
        struct str rest = str_from_at(out.paths[i], out.depth);
        if (!str_starts(rest, f->name))
            continue;
        if (rest.n == f->name.n)
            return true;
        if (rest.p[f->name.n] == '.')
            kept[below->n++] = out.paths[i];
    }
    return false;
}

static bool compare_struct(const struct type *t, const void *a, const void *b, struct left_out out)
{
    if (memcmp(a, b, t->size) == 0) /* much of most objects is empty, or shared */
        return true;
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        struct left_out below = {0};
        struct str kept[STRUCT_EQ_BUT];
        if (f->shape == SHAPE_INLINE)
            below = out; /* its fields are the outer one's own */
        else if (out.n && compare_left_out(f, out, &below, kept))
            continue;
        if (!compare_shaped(f, field_at(f, a), field_at(f, b), below))
            return false;
    }
    return true;
}

bool struct_eq(const struct type *t, const void *x, const void *y)
{
    return compare_struct(t, x, y, (struct left_out){0});
}

bool struct_eq_but(const struct type *t, const void *x, const void *y, const struct str *leave_out, size_t n)
{
    ensure(n <= STRUCT_EQ_BUT);
    return compare_struct(t, x, y, (struct left_out){leave_out, n, 0});
}

bool field_eq(const struct field *f, const void *x, const void *y)
{
    return compare_shaped(f, x, y, (struct left_out){0});
}

bool item_eq(const struct field *f, const void *x, const void *y)
{
    return compare_value(f, x, y, (struct left_out){0});
}

bool field_is_zero(const struct field *f, const void *at)
{
    if (f->flags & FIELD_OMIT_ABSENT)
        return layout_absent(f, at);
    if (f->shape == SHAPE_OPTIONAL)
        return !*(void *const *)at;
    if (f->shape == SHAPE_LIST || f->shape == SHAPE_MAP)
        return ((const struct any_vec *)at)->n == 0;
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        return !*(const bool *)at;
    case VALUE_INT32:
        return *(const int32_t *)at == 0;
    case VALUE_INT64:
    case VALUE_DURATION:
        return *(const int64_t *)at == 0;
    case VALUE_DOUBLE:
        return *(const double *)at == 0;
    case VALUE_TIME:
    case VALUE_MICRO_TIME:
        return ((const struct time *)at)->s == 0 && ((const struct time *)at)->ns == 0;
    case VALUE_INT_OR_STRING:
        return !((const struct int_or_str *)at)->is_str && ((const struct int_or_str *)at)->i == 0;
    case VALUE_STRUCT:
        return struct_is_zero(f->type, at);
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_QUANTITY:
    case VALUE_JSON:
        break;
    }
    return ((const struct str *)at)->n == 0;
}

bool struct_is_zero(const struct type *t, const void *value)
{
    for (size_t i = 0; i < t->n_fields; i++)
        if (!field_is_zero(&t->fields[i], field_at(&t->fields[i], value)))
            return false;
    return true;
}
