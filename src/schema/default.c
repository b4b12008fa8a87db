#include "schema/default.h"

#include "schema/copy.h"
#include "schema/json.h"
#include "schema/layout.h"

static struct str default_unquoted(struct str json)
{
    ensure(json.n >= 2 && json.p[0] == '"' && json.p[json.n - 1] == '"' && str_index(json, '\\') < 0);
    return str_slice(json.p + 1, json.n - 2);
}

/* Writes the declared JSON value, of one item, to where it lies. */
static void default_set(const struct field *f, struct str json, void *to)
{
    int64_t number = 0;
    switch ((enum value_kind)f->kind) {
    case VALUE_BOOL:
        *(bool *)to = str_is(json, "true");
        break;
    case VALUE_INT32:
        ensure(str_to_i64(json, &number));
        *(int32_t *)to = (int32_t)number;
        break;
    case VALUE_INT64:
        ensure(str_to_i64(json, (int64_t *)to));
        break;
    case VALUE_INT_OR_STRING:
        if (json.p[0] == '"') {
            *(struct int_or_str *)to = (struct int_or_str){.is_str = true, .s = default_unquoted(json)};
        } else {
            ensure(str_to_i64(json, &number));
            *(struct int_or_str *)to = (struct int_or_str){.i = (int32_t)number};
        }
        break;
    case VALUE_STRING:
    case VALUE_QUANTITY:
        *(struct str *)to = default_unquoted(json);
        break;
    case VALUE_JSON:
        *(struct str *)to = json;
        break;
    default: /* an empty struct; its own defaults follow */
        ensure(f->kind == VALUE_STRUCT && str_is(json, "{}"));
    }
}

/* What is more than one plain value is decoded, as if the object had said so itself. */
static void default_decode(struct arena *a, const struct field *f, void *base)
{
    struct type holder = {.name = f->name, .fields = f, .n_fields = 1};
    _cleanup_buf_ struct buf json = {0};
    _cleanup_err_ struct err err = {0};
    type_index_make(a, &holder);
    json_encode_string(&json, f->name);
    struct str text = arena_printf(a, "{" STR_FMT ":" STR_FMT "}", STR_ARG(buf_str(&json)),
                                   STR_ARG(f->rules->default_json));
    ensure(json_decode(a, &holder, text, 0, base, NULL, &err) == 0);
}

static bool default_is_plain(const struct field *f)
{
    bool one = f->shape == SHAPE_ONE || f->shape == SHAPE_OPTIONAL;
    return one && (f->kind != VALUE_STRUCT || str_is(f->rules->default_json, "{}")) &&
           f->kind != VALUE_DOUBLE && f->kind != VALUE_BYTES && f->kind != VALUE_TIME &&
           f->kind != VALUE_MICRO_TIME && f->kind != VALUE_DURATION;
}

static void default_absent(struct arena *a, const struct field *f, void *base)
{
    void *at = field_at(f, base);
    if (!default_is_plain(f)) {
        default_decode(a, f, base);
        return;
    }
    if (f->shape == SHAPE_OPTIONAL)
        at = *(void **)at = arena_alloc(a, layout_size(f));
    default_set(f, f->rules->default_json, at);
}

void default_field(struct arena *a, const struct field *f, void *base)
{
    if (f->rules && f->rules->default_json.n && !(f->flags & FIELD_OMIT_ABSENT) &&
        field_is_zero(f, field_at(f, base)))
        default_absent(a, f, base);
    if (f->kind != VALUE_STRUCT)
        return;
    const struct any_vec *v = field_at(f, base);
    switch ((enum shape)f->shape) {
    case SHAPE_ONE:
    case SHAPE_INLINE:
        default_apply(a, f->type, field_at(f, base));
        break;
    case SHAPE_OPTIONAL:
        if (layout_optional(f, base))
            default_apply(a, f->type, layout_optional(f, base));
        break;
    case SHAPE_LIST:
    case SHAPE_MAP:
        for (size_t i = 0; i < v->n; i++)
            default_apply(a, f->type, layout_item(f, v, i));
        break;
    }
}

/* A custom resource's defaults are what its definition says, null too: read as if the object had said so. */
static void default_kept(struct arena *a, const struct type *t, const struct field *f, void *value)
{
    const struct str_map *rest = type_rest(t, value);
    if (!f->rules || !f->rules->default_json.n || !field_is_zero(f, field_at(f, value)))
        return;
    for (size_t i = 0; i < rest->n; i++)
        if (str_eq(rest->at[i].key, f->name))
            return;
    _cleanup_buf_ struct buf json = {0};
    _cleanup_err_ struct err err = {0};
    buf_add_c(&json, '{');
    json_encode_string(&json, f->name);
    buf_add_c(&json, ':');
    buf_add_str(&json, f->rules->default_json);
    buf_add_c(&json, '}');
    ensure(json_decode(a, t, arena_str(a, buf_str(&json)), JSON_BORROW, value, NULL, &err) == 0);
}

void default_apply(struct arena *a, const struct type *t, void *value)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        if (t->flags & TYPE_UNKNOWN && t->fields[i].flags & FIELD_OMIT_ABSENT)
            default_kept(a, t, &t->fields[i], value);
        default_field(a, &t->fields[i], value);
    }
}
