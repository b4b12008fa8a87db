/* Preemption (upstream's DefaultPreemption): which less important pods would have to go so that a pod fits.
 */
#pragma once
#include "scheduler/cycle.h"

struct preemption {
    struct sched_node *node;
    struct sched_pod **victims; /* in the cycle's arena */
    size_t n_victims;
    size_t n_violations; /* victims that a disruption budget protects */
};

/* After a cycle_filter that found nothing. True: *out says what to do. False: `message` says why nothing can
 * be done. The model is as before. */
bool preempt_find(struct cycle *c, struct preemption *out, struct buf *message);
