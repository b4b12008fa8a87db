/* Described values: copied and compared as a whole.
 *
 * Equality is of meaning, as apimachinery's equality.Semantic has it: empty and absent lists and maps are
 * equal, quantities compare by value ("1" equals "1000m"), times by moment; an absent optional value differs
 * from a present zero. */
#pragma once
#include "base/arena.h"
#include "schema/desc.h"

/* A deep copy of `from` into `to` (of t->size bytes); all it points at is in `a`, strings too. */
void struct_copy(struct arena *a, const struct type *t, void *to, const void *from);
void *struct_dup(struct arena *a, const struct type *t, const void *from);
/* The same of one field; `to` and `from` are structs of the type that has it. What `to` had is dropped. */
void field_copy(struct arena *a, const struct field *f, void *to, const void *from);

bool struct_eq(const struct type *t, const void *x, const void *y);
bool field_eq(const struct field *f, const void *x, const void *y); /* x, y: where the field lies */
bool item_eq(const struct field *f, const void *x,
             const void *y); /* of an item of a list, or a map's value */
/* As struct_eq, but for the fields that `leave_out` (at most STRUCT_EQ_BUT) names by dotted path:
 * "metadata.resourceVersion". Paths go through single structs, not through lists. */
enum { STRUCT_EQ_BUT = 8 };
bool struct_eq_but(const struct type *t, const void *x, const void *y, const struct str *leave_out, size_t n);

/* Nothing set: Go's zero value, and lists and maps without items, as JSON's omitempty counts them. */
bool struct_is_zero(const struct type *t, const void *value);
bool field_is_zero(const struct field *f, const void *at); /* at: where the field lies */
