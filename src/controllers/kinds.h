/* The kinds whose objects are stored: what can own and be owned, and what a namespace is full of. Custom
 * kinds come and go with their definitions, which are followed; of these controllers know only what every
 * object has, and keep the rest as it is. */
#pragma once
#include "client/informer.h"

/* The i-th built-in one, or NULL behind the last: of each kind one version; no events, which neither own nor
 * are owned. */
const struct resource *kind_stored(size_t i);

struct kinds;

/* `found` is told of each custom kind when it is first there; it may make informers, but must not block. */
struct kinds *kinds_new(struct client *c, void (*found)(void *arg, const struct resource *r), void *arg);
/* From here on definitions are followed. */
void kinds_start(struct kinds *k);
/* After this `found` is not called any more. What kinds there are stays known. */
void kinds_stop(struct kinds *k);
void kinds_free(struct kinds *k); /* NULL is fine */

/* The i-th of those that are served now, built-in ones first; NULL behind the last. Resources live as long as
 * `k`. */
const struct resource *kinds_at(struct kinds *k, size_t i);
/* The same of all that ever were, served or not. */
const struct resource *kinds_known(struct kinds *k, size_t i);
/* The kind of that name, in whichever version; NULL when it is not served. */
const struct resource *kinds_find(struct kinds *k, struct str api_version, struct str kind);
