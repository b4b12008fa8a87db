/* The order that described maps are kept in: by key, each key once. */
#pragma once
#include "schema/desc.h"

/* Sorts entries of `item` bytes (the key in front) by key. Of entries with the same key the last one given
 * stays; each other is told to `duplicate` (may be NULL). Already ordered maps, the usual case, cost one
 * comparison per entry. */
void map_order(struct any_vec *map, size_t item, void (*duplicate)(void *arg, struct str key), void *arg);
