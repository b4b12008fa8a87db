/* What a change did, field by field, as structured-merge-diff tells it: which fields are new, which have
 * another value and which are gone. A field is there when JSON would show it.
 *
 * Maps and structs are looked into, unless they are declared atomic; lists only when they are declared to be
 * maps or sets; what has no declared type (x-kubernetes-preserve-unknown-fields) by its JSON. A struct, map
 * or item that comes or goes is itself a member beside what is in it. */
#pragma once
#include "schema/apply/field_set.h"
#include "schema/desc.h"
#include "schema/value.h"

struct comparison {
    struct field_set added, modified, removed;
};

static inline bool comparison_same(const struct comparison *c)
{
    return field_set_empty(&c->added) && field_set_empty(&c->modified) && field_set_empty(&c->removed);
}

/* Two structs of `t`. What `ignored` names (and all below it) is left out; it may be NULL. The result's
 * strings are in `a` or in the structs. */
void field_compare(struct arena *a, const struct type *t, const void *before, const void *after,
                   const struct field_set *ignored, struct comparison *out);
/* The same for JSON trees that the type has been checked for (schema/apply/typed_tree.h). */
void typed_tree_compare(struct arena *a, const struct type *t, const struct value *before,
                        const struct value *after, struct comparison *out);
