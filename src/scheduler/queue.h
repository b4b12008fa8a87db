/* The pods that wait for a node: those whose turn it is, by priority and then by age; those that failed and
 * wait for their time; and those that wait for something to happen. Not thread-safe; time comes from the
 * caller. */
#pragma once
#include "scheduler/model.h"

enum queue_state {
    QUEUE_OUT, /* in nobody's hands but the caller's */
    QUEUE_ACTIVE,
    QUEUE_BACKOFF,
    QUEUE_WAITING, /* until an event */
};

struct queue_entry {
    struct sched_pod *pod;
    enum queue_state state;
    size_t index;    /* in the list of its state */
    int64_t since;   /* when it came in first: order among equals */
    uint64_t serial; /* order among those of the same time */
    int attempts;    /* failed so far */
    int64_t until;   /* its back-off ends, clock_mono */
    int64_t waits_since;
    bool broken;     /* the last failure was an error, and no verdict: the time must be waited out */
    uint32_t failed; /* plugins that turned it away, as bits */
};

struct queue_list {
    struct queue_entry **at;
    size_t n, cap;
};

struct queue {
    struct queue_list active, backoff; /* heaps */
    struct queue_list waiting;
    uint64_t serial;
};

void queue_free(struct queue *q);
/* A new pod; or one that changed so much that it gets a fresh turn. */
void queue_add(struct queue *q, struct sched_pod *p, int64_t now);
/* The next pod, taken out; NULL: none may be tried now. While nobody else wants a turn, pods need not wait
 * for the end of their back-off (KEP-5142). */
struct sched_pod *queue_pop(struct queue *q, int64_t now);
/* The pod, just popped, found no node: it waits for an event that could change that. */
void queue_wait(struct queue *q, struct sched_pod *p, uint32_t failed, int64_t now);
/* Something failed that may go better later. */
void queue_retry(struct queue *q, struct sched_pod *p, int64_t now);
/* Such an event came. */
void queue_wake(struct queue *q, struct sched_pod *p, int64_t now);
/* Wakes those that have waited for five minutes, whatever for. */
void queue_wake_old(struct queue *q, int64_t now);
void queue_remove(struct queue *q, struct sched_pod *p);
/* When queue_pop may give something without anything else happening; INT64_MAX: never. */
int64_t queue_next(const struct queue *q);
static inline struct queue_entry *queue_entry(const struct sched_pod *p)
{
    return p->queue;
}
