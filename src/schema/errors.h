/* What is wrong with an object, field by field: a list that validation adds to, with the texts of upstream's
 * field.Error, and its turning into an Invalid Status. A list is `struct field_errors errs = {0}`; everything
 * it shows is copied. At most FIELD_ERRORS_MAX are kept, since one request could otherwise be answered with
 * megabytes.
 *
 * `detail` is printf's; pass "%s" for text from elsewhere. An empty detail leaves out the ": ". */
#pragma once
#include "base/err.h"
#include "schema/path.h"

enum field_error_type {
    FIELD_ERROR_REQUIRED,      /* "FieldValueRequired": "Required value" */
    FIELD_ERROR_INVALID,       /* "FieldValueInvalid": "Invalid value: ..." */
    FIELD_ERROR_NOT_SUPPORTED, /* "FieldValueNotSupported": "Unsupported value: ..." */
    FIELD_ERROR_DUPLICATE,     /* "FieldValueDuplicate": "Duplicate value: ..." */
    FIELD_ERROR_NOT_FOUND,     /* "FieldValueNotFound": "Not found: ..." */
    FIELD_ERROR_FORBIDDEN,     /* "FieldValueForbidden": "Forbidden" */
    FIELD_ERROR_TOO_LONG,      /* "FieldValueTooLong": "Too long" */
    FIELD_ERROR_TOO_SHORT,     /* "FieldValueTooShort": "Too short" */
    FIELD_ERROR_TOO_MANY,      /* "FieldValueTooMany": "Too many: ..." */
    FIELD_ERROR_TOO_FEW,       /* "FieldValueTooFew": "Too few: ..." */
    FIELD_ERROR_TYPE_INVALID,  /* "FieldValueTypeInvalid": "Invalid value: ..." */
    FIELD_ERROR_INTERNAL,      /* "InternalError": "Internal error" */
};

struct field_error {
    enum field_error_type type;
    struct str field; /* "spec.containers[0].name" */
    struct str body;  /* "Required value: ...", all but the field */
};

enum { FIELD_ERRORS_MAX = 1000 };

struct object;
struct resource;

struct field_errors {
    struct field_error *at;
    size_t n, cap;
    struct str *notes; /* what is let through with a warning: "spec.x: ..." */
    size_t n_notes, cap_notes;
    struct object *before;         /* what an update changes, where it is known: what it has may stay */
    const struct resource *served; /* the form that the client speaks, where one is known */
    struct arena arena;
};

#define _cleanup_field_errors_ _cleanup_(field_errors_free)

void field_errors_free(struct field_errors *e);
const char *field_error_type_name(enum field_error_type type); /* "FieldValueInvalid" */

/* The value complained about, as the message shows it. */
struct bad_value {
    enum { BAD_STRING, BAD_NUMBER, BAD_LITERAL, BAD_NOTHING } kind;
    struct str s;
    int64_t i;
};
#define BAD(str_)   ((struct bad_value){.kind = BAD_STRING, .s = (str_)}) /* quoted */
#define BAD_INT(i_) ((struct bad_value){.kind = BAD_NUMBER, .i = (i_)})
#define BAD_RAW(str_)                                                                                        \
    ((struct bad_value){.kind = BAD_LITERAL, .s = (str_)}) /* as it is: JSON, true, null ... */
#define BAD_NONE ((struct bad_value){.kind = BAD_NOTHING}) /* left out */

/* The general form, for every type: required, forbidden, too long, too short and internal do not show a
 * value. */
void field_error(struct field_errors *e, enum field_error_type type, const struct path *at,
                 struct bad_value value, const char *detail, ...) _printf_(5, 6);

void field_required(struct field_errors *e, const struct path *at, const char *detail, ...) _printf_(3, 4);
void field_forbidden(struct field_errors *e, const struct path *at, const char *detail, ...) _printf_(3, 4);
/* The string `value`, quoted; for others use field_error. */
void field_invalid(struct field_errors *e, const struct path *at, struct str value, const char *detail, ...)
    _printf_(4, 5);
void field_invalid_int(struct field_errors *e, const struct path *at, int64_t value, const char *detail, ...)
    _printf_(4, 5);
void field_duplicate(struct field_errors *e, const struct path *at, struct str value);
void field_not_found(struct field_errors *e, const struct path *at, struct str value);
/* `values` are listed in the order given; upstream mostly sorts them: see field_not_supported_sorted. */
void field_not_supported(struct field_errors *e, const struct path *at, struct str value,
                         const struct str *values, size_t n);
void field_not_supported_sorted(struct field_errors *e, const struct path *at, struct str value,
                                const struct str *values, size_t n);
void field_too_long(struct field_errors *e, const struct path *at, size_t max_bytes);
/* What is let through, but warned of. */
void field_note(struct field_errors *e, const struct path *at, const char *detail, ...) _printf_(3, 4);
void field_too_many(struct field_errors *e, const struct path *at, size_t actual, size_t max);

/* 0 when the list is empty. Else -1 and in *err the Status that upstream's NewInvalid makes: 422 Invalid,
 * `Deployment.apps "x" is invalid: [...]`, a cause per error. */
int field_errors_status(const struct field_errors *e, struct str group, struct str kind, struct str name,
                        struct err *err);
/* What the list says in one line, as that message has it: "a: b", "[a: b, c: d]"; "" when empty. */
void field_errors_write(struct buf *out, const struct field_errors *e);
