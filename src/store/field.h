/* The values of selectable fields ("spec.nodeName"), read through the descriptors. */
#pragma once
#include "base/buf.h"
#include "schema/desc.h"

enum { FIELD_PATH_DEPTH = 8 };

struct field_path {
    size_t n; /* 0: the type has no such field */
    struct field_step {
        uint32_t offset;
        const struct field *field;
    } at[FIELD_PATH_DEPTH];
};

/* Finds the fields of a path that lead, through structs, to a plain value; p->n is 0 when it leads elsewhere.
 */
void field_path_find(struct field_path *p, const struct type *t, struct str path);
/* The value as selectors write it; empty when it is absent. Either a slice of the object or in `scratch`. */
struct str field_path_read(const struct field_path *p, const void *typed, char scratch[24]);
