/* Within the JSON decoder (json_decode.c): what its files share. */
#pragma once
#include "schema/json.h"
#include "schema/json_scan.h"

/* Where in the text we are, for messages: a member (of a struct, when owner is set) or an element. */
struct step {
    const struct step *up;
    const struct type *owner;
    struct str name;
    size_t index;
    bool is_element;
};

struct decoder {
    struct json_cursor c;
    struct arena *a;
    bool borrow, own;
    struct strict_errors *strict;
    struct buf scratch; /* elements of the lists that are open, innermost last */
    unsigned depth;
    struct err problem; /* the first wrong type, or a wrong value, which counts more */
    bool wrong_type, wrong_value;
    bool too_deep;
    /* Within a type that keeps what does not fit: the member under way does not. */
    bool keeping, misfit;
};

/* --- complaints (json_decode_error.c) --- */

/* Tells `strict`: what: "unknown" or "duplicate". */
void decoder_strict(struct decoder *d, const char *what, const struct step *step);
/* json: cannot unmarshal WHAT into Go struct field PodSpec.spec.nodeName of type string. `whole`: the list or
 * map, not an element of it. Only the first counts. Returns true: decoding goes on. */
bool decoder_wrong_type(struct decoder *d, const struct field *f, bool whole, const struct step *step,
                        const char *what, struct str number);
/* A type that reads itself refused its value: that ends Go's decoding, so it counts more than what came
 * before. True. */
bool decoder_wrong_value(struct decoder *d, struct err *err);
/* "string", "object" ...: by a value's first letter. */
const char *json_what_is(char first);

/* --- values without fields (json_decode_scalar.c) --- */

/* The text of a string, to be kept. */
struct str decoder_keep(struct decoder *d, struct str raw, bool plain);
/* The next value is not what the field takes: complain and skip it. */
bool decoder_unfit(struct decoder *d, const struct field *f, const struct step *step);
/* One value of the field's kind, which is no struct, cursor at its first letter; null is not among them. */
bool decoder_scalar(struct decoder *d, const struct field *f, void *at, const struct step *step);
/* One value as JSON. */
bool decoder_raw(struct decoder *d, struct str *to, const struct step *step);
