/* What stands behind `struct client`: a transport, which carries calls to the API and keeps informers up to
 * date. There are two, in_process.c and remote.c. Only src/client includes this. */
#pragma once
#include "base/map.h"
#include "base/thread.h"
#include "client/client.h"
#include "client/informer.h"

enum call_verb { CALL_GET, CALL_CREATE, CALL_UPDATE, CALL_PATCH, CALL_DELETE, CALL_DELETE_COLLECTION };

/* One call about one object (or, to delete, one collection). */
struct call {
    enum call_verb verb;
    const struct resource *resource;
    struct str ns, name, sub;
    const struct resource *body_resource; /* create, update: describes `typed` */
    const void *typed;
    enum patch_type patch_type; /* patch: with `body` */
    struct str body;
    struct client_list_options which; /* of a collection */
    struct client_delete_options options;
};

struct transport {
    /* *out: a reference, or NULL when the answer was a Status; *revision: of the write, 0 when not known. */
    int (*call)(struct client *c, const struct call *call, struct object **out, int64_t *revision,
                struct err *err);
    /* Several at once; NULL: one after the other. */
    void (*calls)(struct client *c, const struct call *calls, size_t n, struct client_result *results,
                  int64_t *revisions);
    int (*list)(struct client *c, const struct resource *r, struct str ns,
                const struct client_list_options *o, struct objects *out, struct err *err);
    /* From now on keeps the informer up to date (client/index.h), from another thread. */
    void (*follow)(struct client *c, struct informer *i);
    /* See informer_look; NULL: it finds out by itself. */
    void (*look)(struct client *c, struct informer *i);
    /* A client that calls as a service account, and follows nothing itself; NULL: it cannot be had. */
    struct client *(*as)(struct client *c, struct str ns, struct str name);
    /* Ends all following. */
    void (*stop)(struct client *c);
    void (*free)(struct client *c); /* after stop, informers being gone */
};

struct event_sink; /* events.c: writes the events of all recorders of a client */
void event_sink_free(struct event_sink *s);

struct client {
    const struct transport *transport;
    struct client *shared; /* whose informers and events it shares: itself, but for those of client_as */
    pthread_mutex_t mutex;
    struct client *others, *next;    /* those of client_as; guarded by mutex */
    struct informer *informers;      /* guarded by mutex; the list only grows */
    struct event_sink *_Atomic sink; /* made by the first recorder */
};

void client_init(struct client *c, const struct transport *t);

/* --- informers, as a transport sees them (informer.c) --- */

struct informer {
    struct informer *next; /* of the client */
    struct client *client;
    const struct resource *resource;
    struct str ns, label_selector, field_selector;
    struct arena arena; /* of these */
    void *follower;     /* the transport's */

    pthread_mutex_t telling; /* held while handlers are called, and before `mutex` */
    struct informer_handler {
        informer_fn fn;
        void *arg;
    } * handlers; /* guarded by telling */
    size_t n_handlers, cap_handlers;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t cond;
    struct index *index;
    int64_t seen;    /* the newest revision that it has been told of */
    int64_t awaited; /* the newest that this client has written */
    bool synced;
};

/* The state as a list found it: what was there before and is no more is gone. Takes the references. */
void informer_replace(struct informer *i, struct objects *list);
/* An object added or changed. */
void informer_put(struct informer *i, struct object *o);
/* An object gone, in its last state. */
void informer_remove(struct informer *i, struct object *o);
/* Everything up to this revision has been told. */
void informer_bookmark(struct informer *i, int64_t revision);
/* A write of this client: reads wait for it. */
void client_wrote(struct client *c, const struct resource *r, int64_t revision);
void informer_free(struct informer *i);
