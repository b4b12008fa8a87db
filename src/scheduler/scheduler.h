/* The scheduler: gives every pod that waits a node. Its own model of the cluster follows the informers; one
 * thread decides, pod by pod; binds and conditions are written by others, many at a time, so that they share
 * commits. */
#pragma once
#include "client/client.h"

struct scheduler;

struct scheduler_options {
    struct str name; /* pods with this schedulerName; empty: "default-scheduler" */
    int writers;     /* binds and conditions in flight at once; 0: 48 */
};

/* Starts once the informers are synced, in the background. `c` must outlive the scheduler. */
int scheduler_start(struct client *c, const struct scheduler_options *o, struct scheduler **out,
                    struct err *err);
/* Waits for what is in flight. NULL is fine. */
void scheduler_stop(struct scheduler *s);
