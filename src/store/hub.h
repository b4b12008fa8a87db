/* The watch hub: hands each event to the watches that want it, keeps the tables' histories, and wakes
 * sleepers, once a batch. Its mutex guards the index and the histories; a watch's own guards its queue. */
#pragma once
#include <pthread.h>

#include "store/table.h"

struct hub {
    pthread_mutex_t mutex;
    pthread_cond_t woken;         /* a `wake` call has returned */
    _Atomic int64_t revision;     /* everything up to here has been handed out */
    struct history_limits limits; /* of each table's history; limits.events also of each watch's queue */
    struct watch **sleepers;      /* to be woken after this batch; guarded by mutex */
    size_t n_sleepers, cap_sleepers;
    struct watch *waking; /* whose `wake` is being called now */
    size_t n_watches;
};

/* One event of a batch. */
struct hub_event {
    struct table *table;
    struct event_record *record;
};

void hub_init(struct hub *h, int64_t revision, const struct history_limits *limits);
void hub_close(struct hub *h); /* all watches must be closed */
/* Hands out a batch that ends at `revision`. Commit thread only. */
void hub_publish(struct hub *h, const struct hub_event *events, size_t n, int64_t revision);
/* Wakes whom the last hub_publish found asleep. Commit thread only. */
void hub_wake(struct hub *h);
/* Drops old events of all tables. Returns when to call again, INT64_MAX: no need. */
int64_t hub_expire(struct hub *h, struct tables *tables, int64_t now);
int hub_watch(struct hub *h, const struct watch_selector *sel, int64_t revision, void (*wake)(void *arg),
              void *arg, struct watch **out, struct err *err);
