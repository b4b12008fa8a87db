/* The store: every object of the cluster, in tables that readers see whole at one revision, with one thread
 * that commits. See docs/design.md, "The store".
 *
 * Readers take a snapshot and are never blocked. Writers submit a change with its precondition and are called
 * back when it is durable and published (RESOURCE_SYNC_LATER kinds: when published), or when its precondition
 * failed. */
#pragma once
#include "schema/object.h"
#include "store/tree.h"

struct store;
struct table; /* of one resource */
struct snapshot;

struct store_options {
    const char *path; /* directory, made with mode 0700 when absent; NULL: in memory only, for tests */
    struct encryption *encryption; /* of what is on disk; NULL: none. It outlives the store */
    size_t map_size;               /* limit of the data on disk, bytes; 0: 64 GiB (sparse) */
    /* Events that each table keeps for watches that resume, and that a watch may fall behind; a power of two;
     * 0: 16,384. They go earlier when they are older than snapshot_ns or hold more than 16 MiB. */
    size_t history;
    int64_t
        snapshot_ns; /* how long a continue token's revision is kept; 0: five minutes, as etcd's compaction */
};

/* Another process that has the directory open, or one made by another version, is an error that says so. */
int store_open(const struct store_options *o, struct store **out, struct err *err);
/* Commits what was submitted, syncs, ends the thread. Snapshots and watches must be gone. */
void store_close(struct store *s);

/* The table of a resource; made on first use, loaded from disk. Resources with one storage_prefix (the
 * versions of a group's resource, the two kinds of events) share one. A built-in resource must live as
 * long as the store; of a custom one the table takes a reference. */
struct table *store_table(struct store *s, const struct resource *r);
/* -1: what is on disk of it cannot be read (a key is missing, a key service is away): it shows nothing, and
 * nothing can be written to it. It is looked at again, some seconds later, by store_table. ERR_INTERNAL,
 * "Internal error occurred: ...", as upstream. */
int store_table_check(struct store *s, const struct table *t, struct err *err);
/* Loads the tables of all built-in resources. -1 when one cannot be read: ERR_UNAVAILABLE when that may pass.
 * For the start, before anything else sees the store. */
int store_load(struct store *s, struct err *err);
/* Whether it would be stored otherwise today: another key would seal it. Then an update writes it again even
 * if nothing changes. */
bool store_is_stale(struct store *s, const struct object *o);
struct encryption *store_encryption(struct store *s); /* NULL: none */
int64_t store_revision(struct store *s);

/* --- reading --- */

/* The newest snapshot; a reference that snapshot_unref gives back. Cheap. */
struct snapshot *store_snapshot(struct store *s);
/* As of a past revision, if that is still kept (a continue token's): else -1, ERR_EXPIRED; ERR_TIMEOUT for
 * one that is yet to come. */
int store_snapshot_at(struct store *s, int64_t revision, struct snapshot **out, struct err *err);
void snapshot_unref(struct snapshot *snap);
void snapshot_unrefp(struct snapshot **snap);
#define _cleanup_snapshot_ _cleanup_(snapshot_unrefp)
int64_t snapshot_revision(const struct snapshot *snap);
/* Keeps this snapshot for later store_snapshot_at calls, for options.snapshot_ns from now. */
void snapshot_keep(struct snapshot *snap);
/* Borrowed: lives as long as the snapshot. NULL when absent. `ns` is empty for cluster-scoped kinds. */
struct object *snapshot_get(struct snapshot *snap, struct table *t, struct str ns, struct str name);
size_t snapshot_count(struct snapshot *snap, struct table *t, struct str ns);

/* Walks a table in key order ("namespace/name", by bytes), or one namespace of it. The strings must live as
 * long. */
struct cursor {
    struct tree_walk walk;
    struct str ns; /* empty: all */
    size_t left;   /* how many objects are still to come */
};
/* Starts behind the key (ns, name) when `after_name` is not empty, else at the first. */
void cursor_open(struct cursor *c, struct snapshot *snap, struct table *t, struct str ns, struct str after_ns,
                 struct str after_name);
struct object *cursor_next(struct cursor *c); /* borrowed; NULL at the end */

/* --- writing --- */

enum change_op { CHANGE_CREATE, CHANGE_UPDATE, CHANGE_DELETE };

enum change_result {
    CHANGE_DONE,
    CHANGE_EXISTS,   /* create: the key is there already */
    CHANGE_ABSENT,   /* update or delete: it is not */
    CHANGE_CONFLICT, /* it is at another revision than `expect` */
    CHANGE_FAILED,   /* the disk refused (full, broken): nothing of it happened; `err` says why */
};

/* Embedded in the writer's own request; the store owns it from store_submit to `done`. */
struct change {
    enum change_op op;
    struct table *table;
    struct object *object; /* create, update: the new object, revision 0; the store takes its own reference */
    struct str ns, name;   /* live until done */
    int64_t expect;        /* update, delete: the revision it must be at; 0: any */
    /* Called on the commit thread, must not block: hand on to your own thread. */
    void (*done)(struct change *c);
    /* Results, valid in done and after. */
    enum change_result result;
    int64_t revision;
    struct object *current; /* what is there now where the precondition failed (a reference, may be NULL); for
                               a done delete, the final object as deleted, at the revision of the delete */
    struct err err;
    /* The store's own. */
    struct change *next;
    struct buf stored;
    struct object *final;
    int64_t final_of;
    bool refused; /* it cannot be stored; `err` says why */
};

/* Any thread; what can be done ahead (encoding) is done on it. Changes of one thread happen in the order
 * submitted. The caller clears `current` and `err` after `done`. */
void store_submit(struct store *s, struct change *c);

/* --- watching --- */

enum watch_event_type { WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED, WATCH_BOOKMARK, WATCH_GONE };

struct watch_event {
    enum watch_event_type type;
    struct object
        *object; /* WATCH_DELETED: its last state, at the revision of the delete; NULL for the last two */
    struct object
        *before; /* what it replaced, or NULL: selectors decide by it whether an update enters or leaves */
    int64_t revision;
    bool
        initial_end; /* WATCH_BOOKMARK of a streaming list (src/api sets it): all initial events were given */
};

struct watch_selector {
    struct table *table;
    struct str ns;   /* empty: all */
    struct str name; /* empty: all */
    /* A field selector: one of the resource's selectables ("spec.nodeName") equal to a value. Empty: none.
     * Selectables that are no plain value ("status.podIPs") are not looked at: all events come, and the
     * caller chooses. */
    struct str field, value;
};

struct watch;
/* Subscribes from behind `revision` (the past ones come first, from history; ERR_EXPIRED when too old). Calls
 * `wake` on the commit thread, once, when events have become ready after watch_next found none; it must not
 * block. The strings are copied. */
int store_watch(struct store *s, const struct watch_selector *sel, int64_t revision, void (*wake)(void *arg),
                void *arg, struct watch **out, struct err *err);
/* The next event, one thread at a time: true and *ev (its objects referenced; watch_event_clear drops them).
 * A watcher that fell too far behind gets WATCH_GONE once and nothing after. */
bool watch_next(struct watch *w, struct watch_event *ev);
void watch_event_clear(struct watch_event *ev);
/* The newest revision that this watch has been told everything about: what a bookmark says. */
int64_t watch_revision(struct watch *w);
/* After it returns, `wake` is not called. Hold no lock that `wake` takes; not to be called from `wake`. */
void watch_close(struct watch *w);
