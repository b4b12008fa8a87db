/* How described values lie in memory (schema/desc.h says it in words): what generic code needs to step
 * through lists and maps without knowing their C types. */
#pragma once
#include "schema/desc.h"

/* Bytes of one value of the field: of the value itself, of what an optional points at, of an item. */
static inline size_t layout_size(const struct field *f)
{
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        return sizeof(bool);
    case VALUE_INT32:
        return sizeof(int32_t);
    case VALUE_INT64:
    case VALUE_DURATION:
        return sizeof(int64_t);
    case VALUE_DOUBLE:
        return sizeof(double);
    case VALUE_TIME:
    case VALUE_MICRO_TIME:
        return sizeof(struct time);
    case VALUE_INT_OR_STRING:
        return sizeof(struct int_or_str);
    case VALUE_STRUCT:
        return f->type->size;
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_QUANTITY:
    case VALUE_JSON:
        break;
    }
    return sizeof(struct str);
}

/* Bytes from one item of a list, or one entry of a map, to the next. A map's value stands behind its key. */
static inline size_t layout_stride(const struct field *f)
{
    size_t size = layout_size(f), align = _Alignof(struct str);
    return f->shape == SHAPE_MAP ? sizeof(struct str) + (size + align - 1) / align * align : size;
}

/* Bytes that the field takes in the struct that has it. */
static inline size_t layout_extent(const struct field *f)
{
    return f->shape == SHAPE_OPTIONAL                        ? sizeof(void *)
           : f->shape == SHAPE_LIST || f->shape == SHAPE_MAP ? sizeof(struct any_vec)
                                                             : layout_size(f);
}

/* The value of item or entry `i`. */
static inline void *layout_item(const struct field *f, const struct any_vec *v, size_t i)
{
    return (char *)v->at + i * layout_stride(f) + (f->shape == SHAPE_MAP ? sizeof(struct str) : 0);
}

/* The key of a map's entry `i`. */
static inline struct str *layout_key(const struct field *f, const struct any_vec *v, size_t i)
{
    return (struct str *)(void *)((char *)v->at + i * layout_stride(f));
}

/* What an optional field points at, NULL when absent. */
static inline void *layout_optional(const struct field *f, const void *base)
{
    return *(void **)field_at(f, base);
}

/* Whether a field that tells silence from emptiness (FIELD_OMIT_ABSENT) is silent; `at`: where it lies. */
static inline bool layout_absent(const struct field *f, const void *at)
{
    return f->shape == SHAPE_OPTIONAL ? !*(void *const *)at
           : f->shape == SHAPE_ONE    ? ((const struct str *)at)->n == 0 /* VALUE_JSON */
                                      : !((const struct any_vec *)at)->at;
}
