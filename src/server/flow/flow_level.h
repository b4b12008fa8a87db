/* The waiting room of one priority level (API priority and fairness, KEP-1040): so many requests have a seat,
 * the others wait in queues. Each flow is dealt a few of the queues and waits in the shortest of these, so
 * that a flood of one flow leaves most others' queues free (shuffle sharding); queues are served evenly
 * (start-time fair queuing).
 *
 * Nothing here locks, reads a clock or wakes anyone: its owner does (server/flow/flow.h). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { FLOW_QUEUES_MOST = 10000, FLOW_HAND_MOST = 32 };

struct flow_queue;

/* A request's place. */
struct flow_place {
    struct flow_place *next, **prev; /* in its queue */
    struct flow_queue *queue;
    int64_t since; /* when it came to wait */
};

struct flow_queue {
    struct flow_place *first, **last;
    uint32_t n;
    uint64_t served; /* virtual time up to which it has been served */
};

struct flow_level {
    uint32_t seats;             /* its own */
    uint32_t lends, may_borrow; /* seats that it gives away while it does not need them, and takes at most */
    uint32_t taken, waiting;
    /* No queues: who finds no seat is refused at once. */
    struct flow_queue *queues;
    uint32_t n_queues, hand, most_in_queue;
    uint64_t now; /* virtual time: how often the fullest-served queue was served */
};

/* Changes the number of queues; those who wait are dealt out anew by the caller. */
void flow_level_set_queues(struct flow_level *l, uint32_t n);
void flow_level_free(struct flow_level *l);

/* Waits in a queue of its flow. False: that is full, or there are none. */
bool flow_level_wait(struct flow_level *l, struct flow_place *p, uint64_t flow, int64_t now);
/* The one whose turn it is, taken out; NULL: nobody waits. */
struct flow_place *flow_level_next(struct flow_level *l);
/* Someone who has waited since before `since`, taken out; NULL: nobody. */
struct flow_place *flow_level_late(struct flow_level *l, int64_t since);
