/* A table: the objects of one resource, who watches them, and what happened to them lately. */
#pragma once
#include <pthread.h>

#include "base/map.h"
#include "store/field.h"
#include "store/history.h"
#include "store/store.h"
#include "store/tree.h"
#include "store/watchers.h"

struct disk;

struct table {
    const struct resource *resource; /* what is read from disk is of this one */
    char *prefix;                    /* of its keys: resource->storage_prefix */
    size_t index;                    /* in a snapshot's roots */
    struct tree_node *loaded;        /* the tree as it came from disk, for snapshots older than the table */
    struct tree_node *root;          /* the newest; the commit thread's own */
    bool touched;                    /* by the batch under way; the commit thread's own */
    struct field_path *fields;       /* how to read each of resource->selectables */
    int n_fields;                    /* 0 of custom resources, whose objects may be of several types */
    struct watchers watchers;        /* guarded by the hub's mutex, as is history */
    struct history history;
    /* Why it could not be read; then it is empty, has no index, and is not among tables.at. NULL: it was. */
    char *broken;
    bool may_pass; /* that is a matter of time */
    int64_t look;  /* clock_mono: when to try again */
};

/* All tables, by prefix. Any thread may find and make one. */
struct tables {
    pthread_mutex_t mutex; /* guards all below; held while a table loads */
    struct table **at;
    size_t n, cap;
    struct map by_prefix;
    struct table **gone; /* broken ones that were read in the end: somebody may still hold them */
    size_t n_gone, cap_gone;
};

void tables_init(struct tables *all);
void tables_close(struct tables *all);
/* Finds the resource's table or makes it, from what `disk` holds (NULL: nothing). `opened_at` is the revision
 * that the store was opened at, since when nothing can have happened to a table that is not made yet. */
struct table *tables_get(struct tables *all, const struct resource *r, struct disk *disk, int64_t opened_at);
