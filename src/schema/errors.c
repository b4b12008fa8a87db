#include "schema/errors.h"

#include <stdlib.h>

#include "base/map.h"
#include "schema/quote.h"

static const struct {
    const char *name, *text;
    bool shows_value;
} field_error_types[] = {
    [FIELD_ERROR_REQUIRED] = {"FieldValueRequired", "Required value", false},
    [FIELD_ERROR_INVALID] = {"FieldValueInvalid", "Invalid value", true},
    [FIELD_ERROR_NOT_SUPPORTED] = {"FieldValueNotSupported", "Unsupported value", true},
    [FIELD_ERROR_DUPLICATE] = {"FieldValueDuplicate", "Duplicate value", true},
    [FIELD_ERROR_NOT_FOUND] = {"FieldValueNotFound", "Not found", true},
    [FIELD_ERROR_FORBIDDEN] = {"FieldValueForbidden", "Forbidden", false},
    [FIELD_ERROR_TOO_LONG] = {"FieldValueTooLong", "Too long", false},
    [FIELD_ERROR_TOO_SHORT] = {"FieldValueTooShort", "Too short", false},
    [FIELD_ERROR_TOO_MANY] = {"FieldValueTooMany", "Too many", true},
    [FIELD_ERROR_TOO_FEW] = {"FieldValueTooFew", "Too few", true},
    [FIELD_ERROR_TYPE_INVALID] = {"FieldValueTypeInvalid", "Invalid value", true},
    [FIELD_ERROR_INTERNAL] = {"InternalError", "Internal error", false},
};

void field_errors_free(struct field_errors *e)
{
    free(e->at);
    free(e->notes);
    arena_free(&e->arena);
    *e = (struct field_errors){0};
}

const char *field_error_type_name(enum field_error_type type)
{
    return field_error_types[type].name;
}

static void field_error_value(struct buf *out, struct bad_value v)
{
    if (v.kind == BAD_NOTHING)
        return;
    buf_add_lit(out, ": ");
    switch (v.kind) {
    case BAD_STRING:
        quote_go(out, v.s);
        break;
    case BAD_NUMBER:
        buf_add_i64(out, v.i);
        break;
    default:
        buf_add_str(out, v.s);
    }
}

static void field_error_va(struct field_errors *e, enum field_error_type type, const struct path *at,
                           struct bad_value value, const char *detail, va_list args)
{
    if (e->n >= FIELD_ERRORS_MAX)
        return;
    _cleanup_buf_ struct buf b = {0};
    buf_add_str(&b, str_from(field_error_types[type].text));
    if (field_error_types[type].shows_value)
        field_error_value(&b, value);
    struct str text = arena_vprintf(&e->arena, detail, args);
    if (text.n) {
        buf_add_lit(&b, ": ");
        buf_add_str(&b, text);
    }
    mem_grow((void **)&e->at, &e->cap, e->n + 1, sizeof *e->at);
    e->at[e->n++] = (struct field_error){type, path_text(&e->arena, at), arena_str(&e->arena, buf_str(&b))};
}

void field_note(struct field_errors *e, const struct path *at, const char *detail, ...)
{
    if (e->n_notes >= FIELD_ERRORS_MAX)
        return;
    va_list args;
    va_start(args, detail);
    struct str text = arena_vprintf(&e->arena, detail, args);
    va_end(args);
    mem_grow((void **)&e->notes, &e->cap_notes, e->n_notes + 1, sizeof *e->notes);
    e->notes[e->n_notes++] =
        arena_printf(&e->arena, STR_FMT ": " STR_FMT, STR_ARG(path_text(&e->arena, at)), STR_ARG(text));
}

/* Passes the arguments behind `detail` on. */
#define FIELD_ERROR_PASS(type, value)                                                                        \
    do {                                                                                                     \
        va_list args;                                                                                        \
        va_start(args, detail);                                                                              \
        field_error_va(e, type, at, value, detail, args);                                                    \
        va_end(args);                                                                                        \
    } while (0)

void field_error(struct field_errors *e, enum field_error_type type, const struct path *at,
                 struct bad_value value, const char *detail, ...)
{
    FIELD_ERROR_PASS(type, value);
}

void field_required(struct field_errors *e, const struct path *at, const char *detail, ...)
{
    FIELD_ERROR_PASS(FIELD_ERROR_REQUIRED, BAD_NONE);
}

void field_forbidden(struct field_errors *e, const struct path *at, const char *detail, ...)
{
    FIELD_ERROR_PASS(FIELD_ERROR_FORBIDDEN, BAD_NONE);
}

void field_invalid(struct field_errors *e, const struct path *at, struct str value, const char *detail, ...)
{
    FIELD_ERROR_PASS(FIELD_ERROR_INVALID, BAD(value));
}

void field_invalid_int(struct field_errors *e, const struct path *at, int64_t value, const char *detail, ...)
{
    FIELD_ERROR_PASS(FIELD_ERROR_INVALID, BAD_INT(value));
}

void field_duplicate(struct field_errors *e, const struct path *at, struct str value)
{
    field_error(e, FIELD_ERROR_DUPLICATE, at, BAD(value), "%s", "");
}

void field_not_found(struct field_errors *e, const struct path *at, struct str value)
{
    field_error(e, FIELD_ERROR_NOT_FOUND, at, BAD(value), "%s", "");
}

void field_not_supported(struct field_errors *e, const struct path *at, struct str value,
                         const struct str *values, size_t n)
{
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&b, i ? STR(", ") : STR("supported values: "));
        quote_go(&b, values[i]);
    }
    field_error(e, FIELD_ERROR_NOT_SUPPORTED, at, BAD(value), STR_FMT, STR_ARG(buf_str(&b)));
}

void field_not_supported_sorted(struct field_errors *e, const struct path *at, struct str value,
                                const struct str *values, size_t n)
{
    struct str *sorted = arena_new_n(&e->arena, struct str, n);
    if (n)
        memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, str_qsort);
    field_not_supported(e, at, value, sorted, n);
}

void field_too_long(struct field_errors *e, const struct path *at, size_t max_bytes)
{
    field_error(e, FIELD_ERROR_TOO_LONG, at, BAD_NONE, "may not be more than %zu %s", max_bytes,
                max_bytes == 1 ? "byte" : "bytes");
}

void field_too_many(struct field_errors *e, const struct path *at, size_t actual, size_t max)
{
    field_error(e, FIELD_ERROR_TOO_MANY, at, BAD_INT((int64_t)actual), "must have at most %zu %s", max,
                max == 1 ? "item" : "items");
}

/* As upstream's aggregate of errors: repeats are said once, brackets stand around more than one. */
void field_errors_write(struct buf *out, const struct field_errors *e)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_map_ struct map seen = {0};
    size_t start = out->n;
    for (size_t i = 0; i < e->n; i++) {
        struct str line = arena_concat(&a, arena_concat(&a, e->at[i].field, STR(": ")), e->at[i].body);
        if (map_put(&seen, line, (void *)e))
            continue;
        if (seen.n > 1)
            buf_add_lit(out, ", ");
        buf_add_str(out, line);
    }
    if (seen.n > 1) {
        buf_add_c(out, ']');
        buf_room(out, 1);
        memmove(out->p + start + 1, out->p + start, out->n - start);
        out->p[start] = '[';
        out->n++;
    }
}

int field_errors_status(const struct field_errors *e, struct str group, struct str kind, struct str name,
                        struct err *err)
{
    if (e->n == 0)
        return 0;
    _cleanup_buf_ struct buf b = {0};
    buf_add_str(&b, kind);
    if (group.n) {
        buf_add_c(&b, '.');
        buf_add_str(&b, group);
    }
    buf_add_c(&b, ' ');
    quote_go(&b, name);
    buf_add_lit(&b, " is invalid: ");
    field_errors_write(&b, e);
    err_set(err, ERR_INVALID, STR_FMT, STR_ARG(buf_str(&b)));
    err_about(err, group, kind, name);
    for (size_t i = 0; i < e->n; i++)
        err_add_cause(err, field_error_type_name(e->at[i].type), e->at[i].field, STR_FMT,
                      STR_ARG(e->at[i].body));
    return -1;
}
