/* Threads and what they wait on. Locks are pthread's own; this adds what is used again and again. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

/* Starts a thread with a small stack (256 KiB) and a name (at most 15 bytes show). Aborts when it cannot. */
pthread_t thread_start(const char *name, void (*run)(void *arg), void *arg);
void thread_join(pthread_t t);

/* Holds a mutex until the scope ends: `_lock_(&s->mutex);` */
static inline void thread_unlockp(pthread_mutex_t **m)
{
    pthread_mutex_unlock(*m);
}
static inline pthread_mutex_t *thread_lock(pthread_mutex_t *m)
{
    pthread_mutex_lock(m);
    return m;
}
#define LOCK_CAT2(a, b) a##b
#define LOCK_CAT(a, b)  LOCK_CAT2(a, b)
#define _lock_(m)                                                                                            \
    __attribute__((cleanup(thread_unlockp), unused)) pthread_mutex_t *LOCK_CAT(lock_at_, __LINE__) =         \
        thread_lock(m)

/* A condition variable on the monotonic clock. */
void thread_cond_init(pthread_cond_t *c);
/* Waits until signalled or until clock_mono() reaches `deadline` (INT64_MAX: for ever); false when the time
 * came. */
bool thread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline);

/* A one-shot event: one side sets it, others wait for it. */
struct latch {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool set;
};
void latch_init(struct latch *l);
void latch_destroy(struct latch *l);
void latch_set(struct latch *l);
void latch_reset(struct latch *l);
bool latch_wait(struct latch *l, int64_t deadline); /* false when clock_mono() reached the deadline first */
