/* Structs filled from their descriptors, so that every field of every kind is tried. */
#pragma once
#include "schema/layout.h"

/* Fills the zeroed struct `v`. The same `seed` gives the same values; nothing stays empty but what holds
 * itself deeper than `depth`. */
static void fill_struct(struct arena *a, const struct type *t, void *v, unsigned *seed, int depth);

static unsigned fill_next(unsigned *seed)
{
    return *seed = *seed * 1103515245u + 12345u, *seed >> 16 & 0x7fff;
}

static struct str fill_text(struct arena *a, unsigned *seed)
{
    static const char *const texts[] = {
        "plain",         "with \"quotes\" and \\", "<&>", "\xc3\xa9\xf0\x9f\x98\x80",
        "line\nbreak\t", "\xe2\x80\xa8",           "\x01"};
    return arena_printf(a, "%s%u", texts[fill_next(seed) % ARRAY_LEN(texts)], fill_next(seed));
}

static void fill_value(struct arena *a, const struct field *f, void *at, unsigned *seed, int depth)
{
    unsigned n = fill_next(seed);
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        *(bool *)at = true;
        return;
    case VALUE_INT32:
        *(int32_t *)at = n % 3 ? (int32_t)n + 1 : INT32_MIN + (int32_t)n;
        return;
    case VALUE_INT64:
        *(int64_t *)at = n % 3 ? INT64_MAX - n : -(int64_t)n - 1;
        return;
    case VALUE_DURATION:
        *(int64_t *)at = (int64_t)n * 1000003;
        return;
    case VALUE_DOUBLE:
        *(double *)at = n % 2 ? n / 3.0 : n * 1e30;
        return;
    case VALUE_STRING:
    case VALUE_BYTES:
        *(struct str *)at = fill_text(a, seed);
        return;
    case VALUE_TIME:
        *(struct time *)at = (struct time){1700000000 + n, 0};
        return;
    case VALUE_MICRO_TIME:
        *(struct time *)at = (struct time){1700000000 + n, (int32_t)n * 1000};
        return;
    case VALUE_QUANTITY:
        *(struct str *)at = arena_printf(a, "%u%s", n * 2 + 1, n % 2 ? "m" : "Mi");
        return;
    case VALUE_INT_OR_STRING:
        *(struct int_or_str *)at = n % 2 ? (struct int_or_str){.i = (int32_t)n}
                                         : (struct int_or_str){.is_str = true, .s = fill_text(a, seed)};
        return;
    case VALUE_JSON:
        *(struct str *)at = arena_printf(a, "{\"a\":[%u,null,\"x\\u003c\"]}", n);
        return;
    case VALUE_STRUCT:
        fill_struct(a, f->type, at, seed, depth - 1);
        return;
    }
}

static void fill_field(struct arena *a, const struct field *f, void *at, unsigned *seed, int depth)
{
    /* What is one of several must not be left without any. */
    int needs = f->kind == VALUE_STRUCT ? 1 + ((f->type->flags & TYPE_EITHER) != 0) : -100;
    if (depth < needs && f->shape != SHAPE_ONE && f->shape != SHAPE_INLINE)
        return;
    struct any_vec *vec = at;
    size_t n = 1 + fill_next(seed) % 3;
    switch ((enum shape)f->shape) {
    case SHAPE_ONE:
    case SHAPE_INLINE:
        fill_value(a, f, at, seed, depth);
        return;
    case SHAPE_OPTIONAL:
        *(void **)at = arena_alloc(a, layout_size(f));
        fill_value(a, f, *(void **)at, seed, depth);
        return;
    case SHAPE_LIST:
    case SHAPE_MAP:
        *vec = (struct any_vec){arena_array(a, n, layout_stride(f)), n};
        for (size_t i = 0; i < n; i++) {
            if (f->shape == SHAPE_MAP)
                *layout_key(f, vec, i) = arena_printf(a, "key-%zu", i);
            fill_value(a, f, layout_item(f, vec, i), seed, depth);
        }
        return;
    }
}

static void fill_struct(struct arena *a, const struct type *t, void *v, unsigned *seed, int depth)
{
    /* Of alternatives JSON can say only one. */
    unsigned n = t->flags & TYPE_EITHER ? 1 : t->n_fields,
             from = n == 1 && t->n_fields > 1 ? t->n_fields - 1 : 0;
    for (unsigned i = from; i < from + n; i++)
        fill_field(a, &t->fields[i], (char *)v + t->fields[i].offset, seed, depth);
    if ((t->flags & TYPE_EITHER) && t->fields[0].kind == VALUE_BOOL)
        *(bool *)((char *)v + t->fields[0].offset) = true;
}
