/* What the JSON decoder finds wrong, in Go's words. */
#include "schema/json_decoder.h"

enum { STRICT_MOST = 100 };

static void strict_path(struct buf *b, const struct step *step)
{
    if (!step)
        return;
    strict_path(b, step->up);
    if (step->is_element) {
        buf_addf(b, "[%zu]", step->index);
        return;
    }
    if (b->n)
        buf_add_c(b, '.');
    buf_add_str(b, step->name);
}

void decoder_strict(struct decoder *d, const char *what, const struct step *step)
{
    struct strict_errors *strict = d->strict;
    if (!strict || strict->n >= STRICT_MOST)
        return;
    _cleanup_buf_ struct buf path = {0};
    strict_path(&path, step);
    struct str text = arena_printf(d->a, "%s field \"" STR_FMT "\"", what, STR_ARG(buf_str(&path)));
    for (size_t i = 0; i < strict->n; i++)
        if (str_eq(strict->at[i], text))
            return;
    if (!strict->at)
        strict->at = arena_new_n(d->a, struct str, strict->cap = STRICT_MOST);
    strict->at[strict->n++] = text;
}

/* The fields that lead here, as Go's error context has them: only those of structs. */
static void go_path(struct buf *b, const struct step *step)
{
    if (!step)
        return;
    go_path(b, step->up);
    if (!step->owner)
        return;
    if (b->n)
        buf_add_c(b, '.');
    buf_add_str(b, step->name);
}

/* "v1.PodSpec", of an OpenAPI name "io.k8s.api.core.v1.PodSpec". */
static struct str go_struct_name(const struct type *t)
{
    struct str full = t->openapi_name;
    ptrdiff_t dot = str_last_index(full, '.');
    if (dot > 0) {
        ptrdiff_t before = str_last_index(str_slice(full.p, (size_t)dot), '.');
        return str_from_at(full, (size_t)(before + 1));
    }
    return t->name;
}

static void go_element_type(struct buf *b, const struct field *f)
{
    static const char *const names[] = {
        [VALUE_BOOL] = "bool",           [VALUE_INT32] = "int32",
        [VALUE_INT64] = "int64",         [VALUE_DOUBLE] = "float64",
        [VALUE_STRING] = "string",       [VALUE_BYTES] = "[]uint8",
        [VALUE_TIME] = "string",         [VALUE_MICRO_TIME] = "string",
        [VALUE_DURATION] = "string",     [VALUE_QUANTITY] = "resource.Quantity",
        [VALUE_INT_OR_STRING] = "int32", [VALUE_JSON] = "runtime.RawExtension",
    };
    if (f->kind == VALUE_STRUCT)
        buf_add_str(b, go_struct_name(f->type));
    else if (f->rules && f->rules->type_name.n)
        buf_add_str(b, f->rules->type_name);
    else
        buf_add_str(b, str_from(names[f->kind]));
}

bool decoder_wrong_type(struct decoder *d, const struct field *f, bool whole, const struct step *step,
                        const char *what, struct str number)
{
    if (d->keeping)
        return d->misfit = true;
    if (d->wrong_type || d->wrong_value)
        return true;
    d->wrong_type = true;
    _cleanup_buf_ struct buf type = {0}, path = {0};
    if (whole && f->shape == SHAPE_MAP && f->kind == VALUE_QUANTITY) {
        buf_add_lit(&type, "v1.ResourceList");
    } else {
        if (whole && f->shape == SHAPE_LIST)
            buf_add_lit(&type, "[]");
        if (whole && f->shape == SHAPE_MAP)
            buf_add_lit(&type, "map[string]");
        go_element_type(&type, f);
    }
    const struct step *in = step;
    while (in && !in->owner)
        in = in->up;
    go_path(&path, step);
    const char *gap = number.n ? " " : "";
    if (in)
        err_set(&d->problem, ERR_BAD_REQUEST,
                "json: cannot unmarshal %s%s" STR_FMT " into Go struct field " STR_FMT "." STR_FMT
                " of type " STR_FMT,
                what, gap, STR_ARG(number), STR_ARG(in->owner->name), STR_ARG(buf_str(&path)),
                STR_ARG(buf_str(&type)));
    else
        err_set(&d->problem, ERR_BAD_REQUEST,
                "json: cannot unmarshal %s%s" STR_FMT " into Go value of type " STR_FMT, what, gap,
                STR_ARG(number), STR_ARG(buf_str(&type)));
    return true;
}

bool decoder_wrong_value(struct decoder *d, struct err *err)
{
    if (d->wrong_value)
        err_clear(err);
    else
        err_move(&d->problem, err);
    d->wrong_value = true;
    return true;
}

const char *json_what_is(char first)
{
    switch (first) {
    case '"':
        return "string";
    case '{':
        return "object";
    case '[':
        return "array";
    case 't':
    case 'f':
        return "bool";
    default:
        return "number";
    }
}
