#include "schema/copy.h"

#include "schema/layout.h"

/* `to` already holds the bytes of `from`: what they point at is copied here. */
static void copy_deepen(struct arena *a, const struct field *f, void *to)
{
    struct str *s = to;
    switch ((enum value_kind)f->kind) {
    case VALUE_INT_OR_STRING:
        s = &((struct int_or_str *)to)->s;
        if (s->p)
            *s = arena_str(a, *s);
        break;
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_QUANTITY:
    case VALUE_JSON:
        if (s->p)
            *s = arena_str(a, *s);
        break;
    case VALUE_STRUCT:
        for (size_t i = 0; i < f->type->n_fields; i++)
            field_copy(a, &f->type->fields[i], to, to);
        break;
    default:
        break;
    }
}

void field_copy(struct arena *a, const struct field *f, void *to, const void *from)
{
    void *at = field_at(f, to);
    if (f->shape == SHAPE_ONE || f->shape == SHAPE_INLINE) {
        memmove(at, field_at(f, from), layout_size(f));
        copy_deepen(a, f, at);
        return;
    }
    if (f->shape == SHAPE_OPTIONAL) {
        void *one = layout_optional(f, from);
        *(void **)at = one ? one = arena_dup(a, one, layout_size(f)) : NULL;
        if (one)
            copy_deepen(a, f, one);
        return;
    }
    struct any_vec v = *(const struct any_vec *)field_at(f, from);
    if (v.at)
        v.at = arena_dup(a, v.at, v.n * layout_stride(f));
    *(struct any_vec *)at = v;
    for (size_t i = 0; i < v.n; i++) {
        if (f->shape == SHAPE_MAP)
            *layout_key(f, &v, i) = arena_str(a, *layout_key(f, &v, i));
        copy_deepen(a, f, layout_item(f, &v, i));
    }
}

void struct_copy(struct arena *a, const struct type *t, void *to, const void *from)
{
    memmove(to, from, t->size);
    for (size_t i = 0; i < t->n_fields; i++)
        field_copy(a, &t->fields[i], to, to);
}

void *struct_dup(struct arena *a, const struct type *t, const void *from)
{
    void *to = arena_alloc(a, t->size);
    struct_copy(a, t, to, from);
    return to;
}
