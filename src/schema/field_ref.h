/* A field of a described struct reached by its dotted path ("spec.nodeName"), resolved once so that reading
 * it from many objects is a few steps over offsets. Paths go through single and optional structs. */
#pragma once
#include "base/arena.h"
#include "schema/desc.h"

enum { FIELD_REF_DEPTH = 8 };

struct field_ref {
    const struct field *leaf; /* NULL: the path leads nowhere */
    struct field_hop {
        uint32_t offset;
        bool pointer; /* follow it behind the offset */
    } hops[FIELD_REF_DEPTH];
    uint8_t n;
};

/* A leading dot is allowed, as JSONPath has it. False (and leaf NULL) when there is no such field. */
bool field_ref_resolve(const struct type *t, struct str path, struct field_ref *out);
/* Where the leaf lies in the struct, NULL when something on the way is absent or leaf is NULL. */
void *field_ref_at(const struct field_ref *ref, const void *base);
/* The leaf's value as text, as field selectors compare it: strings as they are, numbers in decimal, "true",
 * "false"; empty when absent or of another kind. May use the arena. */
struct str field_ref_text(const struct field_ref *ref, const void *base, struct arena *a);
