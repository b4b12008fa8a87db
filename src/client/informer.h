/* An informer: the current objects of one resource (of one selector, where given), kept up to date by a
 * watch, and calls when they change. In the server's process it reads the store's own snapshots: no second
 * copy. Informers of one client with the same resource and selector share one watch. */
#pragma once
#include "client/client.h"

struct informer;

/* Called one event at a time, in the order of revisions, when the informer already shows it; must not block:
 * put a key into a queue. `before` is NULL for an added object, `after` for one gone. */
typedef void (*informer_fn)(void *arg, struct object *before, struct object *after);

struct informer_options {
    struct str ns;             /* empty: all namespaces */
    struct str label_selector; /* empty: all */
    struct str field_selector; /* "spec.nodeName=worker-1" */
};

/* Gets or makes the informer. It starts listing at once. Freed with the client. */
struct informer *client_informer(struct client *c, const struct resource *r,
                                 const struct informer_options *o);
/* A kind that comes and goes (RESOURCE_CUSTOM) has no objects while it is not served; this says that it may
 * be served now, or may be no more. */
void informer_look(struct informer *i);
/* Adds a handler; before this returns it has seen every object there is, as added. */
void informer_handle(struct informer *i, informer_fn fn, void *arg);
/* Takes it away again; after this returns it is not called any more. Not from within a handler. */
void informer_unhandle(struct informer *i, informer_fn fn, void *arg);
/* True once the first list is complete; waits for that until clock_mono() is `deadline`. */
bool informer_synced(struct informer *i, int64_t deadline);

/* Reads. What this client has written, its informers of everything (no namespace, no selector) show: a read
 * waits the moment until the watch has brought it. So a reconciler sees what it did itself, without counting
 * what it expects. (Not within handlers, which must not wait.) */

/* A reference to the object, or NULL. */
struct object *informer_get(struct informer *i, struct str ns, struct str name);
/* All of a namespace (empty: of all), in key order, each with a reference. */
void informer_list(struct informer *i, struct str ns, struct objects *out);
/* The objects whose metadata.ownerReferences name this uid as the controller. */
void informer_list_owned(struct informer *i, struct str owner_uid, struct objects *out);
/* The objects of a namespace that have no controller. */
void informer_list_orphans(struct informer *i, struct str ns, struct objects *out);
