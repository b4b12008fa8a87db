/* Declarative validation: what the declarations say of fields (required, enumerations, bounds, lengths,
 * formats, immutability), checked over descriptors, with upstream's messages. What depends on several fields
 * or on the cluster is the API's (src/api). */
#pragma once
#include "schema/desc.h"
#include "schema/errors.h"
#include "schema/format.h"

enum validate_flag {
    /* Items of listType=set and keys of listType=map must not repeat. Upstream enforces it for custom
     * resources; of built-in kinds some lists tolerate repeats (env), the others have checks of their own. */
    VALIDATE_UNIQUE = 1 << 0,
};

/* `at` is the struct's own path, NULL for a whole object: of that, metadata and status are not looked at.
 * They have rules of their own, and an update of the spec must not fail for what a node once reported. */
void validate_struct(struct field_errors *e, const struct path *at, const struct type *t, const void *value,
                     unsigned flags);
void validate_field(struct field_errors *e, const struct path *at, const struct field *f, const void *base,
                    unsigned flags);
/* Fields declared immutable must be as they were, at any depth reached through single structs: "field is
 * immutable". */
void validate_update(struct field_errors *e, const struct path *at, const struct type *t, const void *value,
                     const void *before);
/* Complains that a field is not what it was: the check behind validate_update, for hand-written rules. `at`
 * is the field's own path. */
void validate_immutable(struct field_errors *e, const struct path *at, const struct field *f,
                        const void *base, const void *before);
