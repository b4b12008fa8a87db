/* JSON of described values, exactly as Go's encoding/json of the upstream structs reads and writes it. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

/* What strict decoding found wrong although the text could be decoded: `unknown field "spec.foo"`,
 * `duplicate field "spec.replicas"`. In the order found, each once, at most 100. */
struct strict_errors {
    struct str *at;
    size_t n, cap;
};

enum json_flag {
    /* Strings of the result may point into the text, which lives as long as the result. */
    JSON_BORROW = 1 << 0,
    /* The text is of json_encode or value_write, unchanged: what is kept as JSON need not be looked at. */
    JSON_OWN = 1 << 1,
};

/* Decodes one JSON text into the zeroed struct `out` that `t` describes; what it points at is in `a`. Unknown
 * and duplicate fields are no error, but are told in `strict` when that is not NULL (strings in `a`). Errors
 * are in Go's words, a wrong syntax before a wrong type:
 *
 *   invalid character '}' looking for beginning of value
 *   json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32 */
int json_decode(struct arena *a, const struct type *t, struct str json, unsigned flags, void *out,
                struct strict_errors *strict, struct err *err);

/* Adds compact JSON of the struct `v`. Never fails: bytes that are no UTF-8 become U+FFFD. */
void json_encode(struct buf *out, const struct type *t, const void *v);
/* One field's value, as it stands behind its name (`at` is where the field lies). */
void json_encode_field(struct buf *out, const struct field *f, const void *at);
/* One item of a list or one value of a map. */
void json_encode_item(struct buf *out, const struct field *f, const void *at);
/* A quoted JSON string, escaped as Go does (also <, >, & and U+2028, U+2029). */
void json_encode_string(struct buf *out, struct str s);
/* How many bytes from the start on stand for themselves within quotes. */
size_t json_plain_length(struct str s);
/* A number as Go writes float64. Not finite: null. */
void json_encode_double(struct buf *out, double d);
/* True when the field has Go's zero value (what omitempty leaves out, and structs are never empty). */
bool json_is_empty(const struct field *f, const void *at);

/* Whether an object of which it is a field does not show it. */
static inline bool json_leaves_out(const struct field *f, const void *at)
{
    return f->flags & (FIELD_OMIT_EMPTY | FIELD_OMIT_ZERO | FIELD_OMIT_ABSENT) && json_is_empty(f, at);
}

/* What the first lines of any object say; all empty when absent. -1 when it is no JSON object or these are no
 * strings: Go's error. The slices point into `json` or `a`. */
struct json_type_meta {
    struct str api_version, kind;
};
int json_peek(struct arena *a, struct str json, struct json_type_meta *out, struct err *err);

/* Checks one whole JSON text of any depth up to 10,000, as Go does before it decodes. */
int json_check(struct str json, struct err *err);
/* Adds a valid text without white space, escaped as json_encode_string does within strings. */
void json_compact(struct buf *out, struct str json);
