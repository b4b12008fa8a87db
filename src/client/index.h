/* The index of an informer: references to the current objects, ordered by namespace and name, and (made when
 * first asked for) by the uid of their controller. Two sorted arrays: eight bytes for an object, which itself
 * is shared. Not thread-safe. */
#pragma once
#include "client/client.h"

struct index;

struct index *index_new(void);
void index_free(struct index *x);
/* Puts an object, taking a reference; returns the one it replaces (the caller's now), or NULL. */
struct object *index_put(struct index *x, struct object *o);
/* Takes one out; the reference becomes the caller's. NULL when absent. */
struct object *index_take(struct index *x, struct str ns, struct str name);
struct object *index_get(const struct index *x, struct str ns, struct str name); /* borrowed, or NULL */
/* Adds to `out`, with references, in key order: a namespace (empty: all). */
void index_list(const struct index *x, struct str ns, struct objects *out);
/* Those whose controller has this uid; empty: those without one. `ns` empty: of all namespaces. */
void index_list_owned(struct index *x, struct str uid, struct str ns, struct objects *out);

/* For lists elsewhere. */
void objects_add(struct objects *list, size_t *cap, struct object *o); /* takes a reference */
int object_key_cmp(const struct object *a, const struct object *b);    /* by namespace, then name */
