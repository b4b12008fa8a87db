/* Who owns whom. Only objects that have an owner or are one (or are being deleted in the foreground or with
 * orphaning) have a node; thread-safe. Changes of objects go in, and the uids come out that the collector
 * must look at. */
#pragma once
#include "base/arena.h"
#include "kinds/meta_v1.h"
#include "schema/object.h"

struct graph;

/* What a node is of. */
struct identity {
    struct str api_version, kind, ns, name, uid;
};

struct dependent {
    struct identity id;
    bool deleting_dependents;
    bool blocks; /* its reference to the owner has blockOwnerDeletion */
};

/* A node as it was at one moment, copied. */
struct graph_view {
    struct identity id;
    bool seen; /* as an object; else only as someone's owner */
    bool gone; /* known not to exist */
    bool being_deleted, deleting_dependents, orphaning;
    struct dependent *dependents;
    size_t n_dependents;
};

/* Told of each uid that needs attention; called with the graph's lock held, must only queue. */
typedef void (*graph_fn)(void *arg, struct str uid);
struct kinds;
struct graph *graph_new(struct kinds *kinds, graph_fn attend, void *arg);
void graph_free(struct graph *g);
void graph_change(struct graph *g, struct object *before, struct object *after);
/* False when there is no node. */
bool graph_view(struct graph *g, struct str uid, struct arena *a, struct graph_view *out);
/* An owner that was never seen does not exist: whoever refers to it needs attention. */
void graph_absent(struct graph *g, struct str uid);
/* It exists after all, in this namespace. */
void graph_exists(struct graph *g, struct str uid, struct str ns);
/* Whether an owner of just this identity is known not to exist. */
bool graph_knows_gone(struct graph *g, const struct identity *id);
/* Whether that owner is known to exist in another namespace, where it can own nothing of this one. */
bool graph_knows_elsewhere(struct graph *g, const struct identity *id);
