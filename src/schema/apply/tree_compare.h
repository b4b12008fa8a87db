/* One place of two JSON trees; NULL is absent. For field_compare.c, where structs hold JSON. */
#pragma once
#include "schema/apply/field_pairs.h"
#include "schema/apply/typed_tree.h"

void tree_compare(struct arena *a, struct atom atom, const struct value *before, const struct value *after,
                  struct found *out);
