/* Field selectors: "metadata.name=a,status.phase!=Running". Every kind has metadata.name (and
 * metadata.namespace), others are declared (resource.selectables). An empty selector matches everything. A
 * compiled selector lives as long as the arena and the text. */
#pragma once
#include "base/err.h"
#include "schema/field_ref.h"

struct field_term {
    struct str key, value; /* the value without its escapes */
    bool not_equal;
    struct field_ref ref, otherwise; /* `otherwise` is asked where `ref` finds nothing (an event's source) */
};

struct field_selector {
    struct field_term *at; /* sorted as text, as upstream does */
    size_t n;
};

/* Errors are ERR_BAD_REQUEST in upstream's words: `field label not supported: spec.x`,
 * `invalid selector: 'x'; can't understand 'x'`. */
int field_selector_parse(struct arena *a, const struct resource *r, struct str text,
                         struct field_selector *out, struct err *err);
/* `typed` is a struct of the resource's type. */
bool field_selector_matches(const struct field_selector *s, const void *typed);
/* The value that `key` must have ("metadata.name"), NULL when the selector does not demand one. */
const struct str *field_selector_exact(const struct field_selector *s, struct str key);
/* The text form, with escapes. */
void field_selector_write(struct buf *out, const struct field_selector *s);
