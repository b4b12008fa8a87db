/* Someone who waits for an answer from elsewhere: a key set, a webhook. Whoever fetches the answer keeps the
 * waiters, and wakes all of them, on a thread of its own, when the answer is there or will not come; each
 * then asks again, and finds it. */
#pragma once
#include <stddef.h>

struct waiter {
    void (*wake)(struct waiter *w); /* once; must not block */
    struct waiter *next;
};

/* A list, guarded by its owner's lock. */
struct waiters {
    struct waiter *first;
};

static inline void waiters_add(struct waiters *l, struct waiter *w)
{
    w->next = l->first;
    l->first = w;
}

/* Empties the list, under the lock; what it returns is woken without. */
static inline struct waiter *waiters_take(struct waiters *l)
{
    struct waiter *all = l->first;
    l->first = NULL;
    return all;
}

static inline void waiters_wake(struct waiter *all)
{
    while (all) {
        struct waiter *w = all;
        all = w->next; /* before: waking gives it away */
        w->wake(w);
    }
}
