/* Described values: copied and compared as a whole. */
#pragma once
#include "schema/desc.h"

/* A deep copy of `from` into `to` (of t->size bytes); all it points at is in `a`, strings too. */
void struct_copy(struct arena *a, const struct type *t, void *to, const void *from);
void *struct_dup(struct arena *a, const struct type *t, const void *from);
/* Equal in meaning (apimachinery's equality.Semantic): empty and absent lists and maps are equal, quantities
 * compare by value; absent pointers and pointers to zero are not equal. */
bool struct_eq(const struct type *t, const void *x, const void *y);
bool field_eq(const struct field *f, const void *x, const void *y); /* x, y: where the field lies */
