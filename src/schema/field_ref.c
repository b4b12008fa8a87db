#include "schema/field_ref.h"

#include "schema/layout.h"

bool field_ref_resolve(const struct type *t, struct str path, struct field_ref *out)
{
    struct str name;
    *out = (struct field_ref){0};
    if (str_starts(path, STR(".")))
        path = str_from_at(path, 1);
    while (str_cut(&path, '.', &name)) {
        uint32_t base = 0;
        const struct field *last = out->leaf;
        bool struct_above =
            !last || (last->kind == VALUE_STRUCT && last->shape != SHAPE_LIST && last->shape != SHAPE_MAP);
        const struct field *f = struct_above && t ? type_field(t, name, &base) : NULL;
        if (!f || out->n == FIELD_REF_DEPTH) {
            out->leaf = NULL;
            return false;
        }
        if (last && last->shape == SHAPE_OPTIONAL)
            out->hops[out->n - 1].pointer = true;
        out->hops[out->n++] = (struct field_hop){base + f->offset, false};
        out->leaf = f;
        t = f->type;
    }
    return out->leaf;
}

void *field_ref_at(const struct field_ref *ref, const void *base)
{
    const char *at = base;
    if (!ref->leaf)
        return NULL;
    for (size_t i = 0; at && i < ref->n; i++) {
        at += ref->hops[i].offset;
        if (ref->hops[i].pointer)
            at = *(char *const *)(const void *)at;
    }
    return (void *)at;
}

struct str field_ref_text(const struct field_ref *ref, const void *base, struct arena *a)
{
    const void *at = field_ref_at(ref, base);
    if (at && ref->leaf->shape == SHAPE_OPTIONAL)
        at = *(void *const *)at;
    if (!at || ref->leaf->shape == SHAPE_LIST || ref->leaf->shape == SHAPE_MAP)
        return (struct str){0};
    switch ((enum value_kind)ref->leaf->kind) {
    case VALUE_BOOL:
        return *(const bool *)at ? STR("true") : STR("false");
    case VALUE_INT32:
        return arena_printf(a, "%d", *(const int32_t *)at);
    case VALUE_INT64:
        return arena_printf(a, "%lld", (long long)*(const int64_t *)at);
    case VALUE_STRING:
    case VALUE_QUANTITY:
        return *(const struct str *)at;
    default:
        return (struct str){0};
    }
}
