/* The commit thread: the only one that changes tables. It takes the changes that have gathered, checks each
 * against the newest state, writes them as one transaction with one sync, publishes them as one snapshot, and
 * answers. */
#pragma once
#include "store/disk.h"
#include "store/hub.h"
#include "store/snapshots.h"

struct committer {
    struct tables *tables;
    struct snapshots *snapshots;
    struct hub *hub;
    struct disk *disk; /* NULL: in memory only */

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct change *first, **last; /* submitted; guarded by mutex */
    bool stopping;                /* guarded by mutex */

    /* The thread's own. */
    int64_t revision;
    /* Changes of RESOURCE_SYNC_LATER kinds that are answered and not written yet, oldest first. */
    struct later {
        struct disk_op op;
        struct buf value;
    } * later;
    size_t n_later, cap_later;
    int64_t later_since; /* clock_mono of the oldest */
};

void committer_start(struct committer *c, int64_t revision);
/* Commits all that was submitted, writes everything, ends the thread. */
void committer_stop(struct committer *c);
void committer_submit(struct committer *c, struct change *change);
