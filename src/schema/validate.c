#include "schema/validate.h"

#include "schema/copy.h"
#include "schema/json.h"
#include "schema/layout.h"

/* Lists up to this long are searched pairwise for repeats; longer ones are not let through that far. */
enum { VALIDATE_UNIQUE_MAX = 4096 };

static void validate_number(struct field_errors *e, const struct path *at, const struct field_rules *r,
                            int64_t v)
{
    if (r->has_min && r->has_max && (v < r->min || v > r->max))
        format_validate_range(e, at, v, r->min, r->max);
    else if (r->has_min && v < r->min)
        field_invalid_int(e, at, v, "must be greater than or equal to %lld", (long long)r->min);
    else if (r->has_max && v > r->max)
        field_invalid_int(e, at, v, "must be less than or equal to %lld", (long long)r->max);
}

static void validate_string(struct field_errors *e, const struct path *at, const struct field_rules *r,
                            struct str s)
{
    bool known = r->n_enumeration == 0;
    for (size_t i = 0; i < r->n_enumeration; i++)
        known |= str_eq(s, r->enumeration[i]);
    if (!known)
        field_not_supported_sorted(e, at, s, r->enumeration, r->n_enumeration);
    if (r->max_length && s.n > r->max_length)
        field_too_long(e, at, r->max_length);
    if (s.n < r->min_length)
        field_error(e, FIELD_ERROR_TOO_SHORT, at, BAD_NONE, "must be at least %u %s", r->min_length,
                    r->min_length == 1 ? "character" : "characters");
    if (r->format.n)
        format_validate(e, at, format_from(r->format), s);
}

/* One value that is there. */
static void validate_value(struct field_errors *e, const struct path *at, const struct field *f,
                           const void *value, unsigned flags)
{
    if (f->kind == VALUE_STRUCT)
        validate_struct(e, at, f->type, value, flags);
    if (!f->rules)
        return;
    if (f->kind == VALUE_INT32)
        validate_number(e, at, f->rules, *(const int32_t *)value);
    else if (f->kind == VALUE_INT64)
        validate_number(e, at, f->rules, *(const int64_t *)value);
    else if (f->kind == VALUE_STRING)
        validate_string(e, at, f->rules, *(const struct str *)value);
}

/* Whether two items of a list are the same: as a whole, or in all of the list's keys. */
static bool validate_same(const struct field *f, const void *x, const void *y)
{
    if (!(f->flags & FIELD_LIST_MAP)) {
        struct field item = *f;
        item.shape = SHAPE_ONE;
        item.offset = 0;
        return field_eq(&item, x, y);
    }
    for (size_t k = 0; k < f->n_list_keys; k++) {
        uint32_t base;
        const struct field *key = type_field(f->type, f->list_keys[k], &base);
        if (!key ||
            !field_eq(key, field_at(key, (const char *)x + base), field_at(key, (const char *)y + base)))
            return false;
    }
    return true;
}

/* A field's value as messages show it: strings quoted, the rest as JSON. */
static struct bad_value validate_bad(struct field_errors *e, const struct field *f, const void *at)
{
    _cleanup_buf_ struct buf json = {0};
    if (f->kind == VALUE_STRING && f->shape == SHAPE_ONE)
        return BAD(*(const struct str *)at);
    json_encode_field(&json, f, at);
    return BAD_RAW(arena_str(&e->arena, buf_str(&json)));
}

/* What a repeated item is shown as: a set's value, a map's keys ({"name":"a"}). */
static struct bad_value validate_shown(struct field_errors *e, const struct field *f, const void *item)
{
    _cleanup_buf_ struct buf b = {0};
    struct field one = *f;
    one.shape = SHAPE_ONE;
    if (!(f->flags & FIELD_LIST_MAP))
        return validate_bad(e, &one, item);
    for (size_t k = 0; k < f->n_list_keys; k++) {
        uint32_t base;
        const struct field *key = type_field(f->type, f->list_keys[k], &base);
        buf_add_str(&b, k ? STR(",") : STR("{"));
        json_encode_string(&b, f->list_keys[k]);
        buf_add_c(&b, ':');
        if (key)
            json_encode_field(&b, key, field_at(key, (const char *)item + base));
    }
    buf_add_c(&b, '}');
    return BAD_RAW(arena_str(&e->arena, buf_str(&b)));
}

static void validate_unique(struct field_errors *e, const struct path *at, const struct field *f,
                            const struct any_vec *v)
{
    if (v->n > VALIDATE_UNIQUE_MAX) {
        field_too_many(e, at, v->n, VALIDATE_UNIQUE_MAX);
        return;
    }
    for (size_t i = 1; i < v->n; i++)
        for (size_t j = 0; j < i; j++)
            if (validate_same(f, layout_item(f, v, i), layout_item(f, v, j))) {
                field_error(e, FIELD_ERROR_DUPLICATE, PATH_AT(at, i),
                            validate_shown(e, f, layout_item(f, v, i)), "%s", "");
                break;
            }
}

static void validate_items(struct field_errors *e, const struct path *at, const struct field *f,
                           const struct any_vec *v, unsigned flags)
{
    const struct field_rules *r = f->rules;
    if (r && r->max_items && v->n > r->max_items)
        field_too_many(e, at, v->n, r->max_items);
    if (r && v->n < r->min_items)
        field_error(e, FIELD_ERROR_TOO_FEW, at, BAD_INT((int64_t)v->n), "must have at least %u %s",
                    r->min_items, r->min_items == 1 ? "item" : "items");
    if (f->kind == VALUE_STRUCT || r)
        for (size_t i = 0; i < v->n; i++) {
            struct path item = f->shape == SHAPE_MAP ? path_key(at, *layout_key(f, v, i)) : path_index(at, i);
            validate_value(e, &item, f, layout_item(f, v, i), flags);
        }
    if (flags & VALIDATE_UNIQUE && f->flags & (FIELD_LIST_SET | FIELD_LIST_MAP))
        validate_unique(e, at, f, v);
}

/* Whether nothing is there to be checked, and whether that can be missed: numbers and structs are always
 * there, and lists and maps that must not be empty say so by min_items. */
static bool validate_absent(const struct field *f, const void *base)
{
    bool shown = f->shape != SHAPE_ONE || f->kind == VALUE_STRING || f->kind == VALUE_BYTES ||
                 f->kind == VALUE_TIME || f->kind == VALUE_MICRO_TIME || f->kind == VALUE_QUANTITY ||
                 f->kind == VALUE_JSON;
    return shown && field_is_zero(f, field_at(f, base));
}

void validate_field(struct field_errors *e, const struct path *parent, const struct field *f,
                    const void *base, unsigned flags)
{
    struct path child = path_child(parent, f->name);
    const struct path *at = &child;
    if (f->shape == SHAPE_INLINE) {
        validate_struct(e, parent, f->type, field_at(f, base), flags);
        return;
    }
    if (validate_absent(f, base)) {
        bool many = f->shape == SHAPE_LIST || f->shape == SHAPE_MAP;
        if (f->flags & FIELD_REQUIRED && !many)
            field_required(e, at, "%s", "");
        if (many && f->rules && f->rules->min_items)
            validate_items(e, at, f, field_at(f, base), flags);
        return;
    }
    if (f->shape == SHAPE_LIST || f->shape == SHAPE_MAP)
        validate_items(e, at, f, field_at(f, base), flags);
    else
        validate_value(e, at, f, f->shape == SHAPE_OPTIONAL ? layout_optional(f, base) : field_at(f, base),
                       flags);
}

void validate_struct(struct field_errors *e, const struct path *at, const struct type *t, const void *value,
                     unsigned flags)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        struct str name = t->fields[i].name;
        if (at || (!str_is(name, "metadata") && !str_is(name, "status")))
            validate_field(e, at, &t->fields[i], value, flags);
    }
}

/* --- updates --- */

void validate_immutable(struct field_errors *e, const struct path *at, const struct field *f,
                        const void *base, const void *before)
{
    if (!field_eq(f, field_at(f, base), field_at(f, before)))
        field_error(e, FIELD_ERROR_INVALID, at, validate_bad(e, f, field_at(f, base)), "field is immutable");
}

void validate_update(struct field_errors *e, const struct path *at, const struct type *t, const void *value,
                     const void *before)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        struct path child = path_child(at, f->name);
        if (f->flags & FIELD_IMMUTABLE)
            validate_immutable(e, &child, f, value, before);
        else if (f->kind == VALUE_STRUCT && (f->shape == SHAPE_ONE || f->shape == SHAPE_INLINE))
            validate_update(e, f->shape == SHAPE_INLINE ? at : &child, f->type, field_at(f, value),
                            field_at(f, before));
        else if (f->kind == VALUE_STRUCT && f->shape == SHAPE_OPTIONAL && layout_optional(f, value) &&
                 layout_optional(f, before))
            validate_update(e, &child, f->type, layout_optional(f, value), layout_optional(f, before));
    }
}
