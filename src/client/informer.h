/* An informer: the current objects of one resource (of one selector, where given), kept up to date by a watch, and
 * calls when they change. In the server's process it reads the store's own snapshots: no second copy. Informers of
 * one client with the same resource and selector share one watch. */
#pragma once
#include "client/client.h"

struct informer;

/* Called on the informer's thread, one event at a time, in the order of revisions; must not block long: put a key
 * into a queue. `before` is NULL for an added object, `after` for one gone. */
typedef void (*informer_fn)(void *arg, struct object *before, struct object *after);

struct informer_options {
    struct str ns;             /* empty: all namespaces */
    struct str label_selector; /* empty: all */
    struct str field_selector; /* "spec.nodeName=worker-1" */
};

/* Gets or makes the informer. It starts listing at once. Freed with the client. */
struct informer *client_informer(struct client *c, const struct resource *r, const struct informer_options *o);
/* Adds a handler; it first sees every object there is, as added. The handler stays until the client is freed. */
void informer_handle(struct informer *i, informer_fn fn, void *arg);
/* True once the first list is complete; waits for that until clock_mono() is `deadline`. */
bool informer_synced(struct informer *i, int64_t deadline);
/* A reference to the object, or NULL. */
struct object *informer_get(struct informer *i, struct str ns, struct str name);
/* All of a namespace (empty: of all), in key order, each with a reference. */
void informer_list(struct informer *i, struct str ns, struct objects *out);
/* The objects whose metadata.ownerReferences name this uid as the controller. */
void informer_list_owned(struct informer *i, struct str owner_uid, struct objects *out);
