/* Fields behind feature gates that v1.36 leaves closed (the word gate() in api/): clients may send them, and
 * they are dropped before anything looks at them, as upstream's strategies do. */
#pragma once
#include "schema/desc.h"

/* Drops them from the object, but keeps those of gates whose fields `old` (NULL: there is none) has anywhere:
 * what came while a gate was open stays. Writes to nothing that the two may share. */
void gates_drop(const struct type *t, void *object, const void *old);
