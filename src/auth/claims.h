/* The little JSON that tokens need: walking the members of an object (RFC 8259, strictly, at most 16 deep),
 * and writing strings. Everything read lives in the arena or in the text. */
#pragma once
#include "base/err.h"

/* A value as it stands in the text: "..." with its quotes, a number, an object, an array, true, false or
 * null. */
struct claims {
    struct arena *arena;
    struct str rest; /* what has not been looked at */
    bool array, first, bad;
};

/* Begins to walk an object (or an array) that is all of `text`; false when it is none. */
bool claims_open(struct claims *c, struct arena *a, struct str text);
/* The next member: its key, decoded (empty in arrays), and its value. False at the end, or when what follows
 * is malformed: then c->bad is set. */
bool claims_next(struct claims *c, struct str *key, struct str *value);
/* A value as string or whole number; false when it is something else. */
bool claims_string(struct arena *a, struct str value, struct str *out);
bool claims_integer(struct str value, int64_t *out); /* fractions are cut off, as upstream's NumericDate */
/* The member `key` of an object; false when the text is malformed, names a key twice, or lacks it. */
bool claims_find(struct arena *a, struct str object, struct str key, struct str *value);

void claims_put_string(struct buf *out, struct str s);
