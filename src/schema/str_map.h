/* Maps of strings, as described structs have them: labels, annotations, amounts of resources. Sorted by key.
 */
#pragma once
#include "schema/desc.h"

/* The value, or NULL; and itself, empty when absent. */
const struct str *str_map_get(const struct str_map *m, struct str key);
struct str str_map_text(const struct str_map *m, struct str key);
/* Sets an entry. The array is made anew in `a`: others may share the old one. True when that changed
 * something. */
bool str_map_put(struct str_map *m, struct arena *a, struct str key, struct str value);
