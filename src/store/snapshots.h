/* The versions of all tables that someone still reads, oldest to newest. Taking the newest is a reference;
 * publishing one costs a pointer per table. A version holds what its successor dropped; when the version
 * goes, its predecessor inherits what it still shows, and the rest is freed. So no node of a tree needs a
 * count of references. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "store/store.h"
#include "store/tree.h"

struct snapshots;

struct snapshot {
    struct snapshots *all;
    int64_t revision;
    _Atomic int64_t refs;
    struct snapshot *older, *newer; /* guarded by all->mutex, as is garbage */
    struct garbage garbage;
    /* Roots by table->index. A table that was made later than this snapshot shows as it was loaded. */
    size_t n;
    struct tree_node *roots[];
};

enum { SNAPSHOTS_KEPT = 1024 }; /* at most so many revisions stay for continue tokens */

struct snapshots {
    pthread_mutex_t mutex;
    struct snapshot *newest; /* holds a reference; guarded by mutex */
    int64_t keep_ns;
    struct kept {
        struct snapshot *snap;
        int64_t until; /* clock_mono */
    } kept[SNAPSHOTS_KEPT];
    size_t n_kept;
};

/* Begins with an empty version of `revision`. */
void snapshots_init(struct snapshots *all, int64_t revision, int64_t keep_ns);
/* Drops what is kept and the newest version; no other reference may be left. */
void snapshots_close(struct snapshots *all);
/* A version to fill with roots and publish. */
struct snapshot *snapshots_prepare(struct snapshots *all, int64_t revision, size_t n_tables);
/* Makes it the newest. Takes over `dead` (left empty): what the one before shows and this one does not. */
void snapshots_publish(struct snapshots *all, struct snapshot *fresh, struct garbage *dead);
/* Lets kept ones go whose time has come. Returns when the next one's comes, INT64_MAX when none is kept. */
int64_t snapshots_expire(struct snapshots *all, int64_t now);

struct snapshot *snapshots_newest(struct snapshots *all);
int snapshots_at(struct snapshots *all, int64_t revision, struct snapshot **out, struct err *err);
