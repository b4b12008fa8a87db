#include "base/thread.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum { THREAD_STACK = 256 * 1024 };

struct thread_start {
    void (*run)(void *);
    void *arg;
};

static void *thread_main(void *p)
{
    struct thread_start start = *(struct thread_start *)p;
    free(p);
    start.run(start.arg);
    return NULL;
}

pthread_t thread_start(const char *name, void (*run)(void *arg), void *arg)
{
    struct thread_start *start = mem_alloc(sizeof *start);
    *start = (struct thread_start){run, arg};
    pthread_attr_t attr;
    pthread_t t;
    ensure(pthread_attr_init(&attr) == 0);
#ifndef __SANITIZE_ADDRESS__ /* red zones make frames several times as large */
    ensure(pthread_attr_setstacksize(&attr, THREAD_STACK) == 0);
#endif
    ensure(pthread_create(&t, &attr, thread_main, start) == 0);
    pthread_attr_destroy(&attr);
    char cut[16] = {0};
    for (int i = 0; i < 15 && name[i]; i++)
        cut[i] = name[i];
    pthread_setname_np(t, cut);
    return t;
}

void thread_join(pthread_t t)
{
    ensure(pthread_join(t, NULL) == 0);
}

void thread_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    ensure(pthread_cond_init(c, &attr) == 0);
    pthread_condattr_destroy(&attr);
}

bool thread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline)
{
    if (deadline == INT64_MAX) {
        pthread_cond_wait(c, m);
        return true;
    }
    if (deadline <= clock_mono())
        return false;
    struct timespec t = {deadline / CLOCK_S, deadline % CLOCK_S};
    pthread_cond_timedwait(c, m, &t);
    return clock_mono() < deadline;
}

void latch_init(struct latch *l)
{
    pthread_mutex_init(&l->mutex, NULL);
    thread_cond_init(&l->cond);
    l->set = false;
}

void latch_destroy(struct latch *l)
{
    pthread_mutex_destroy(&l->mutex);
    pthread_cond_destroy(&l->cond);
}

void latch_set(struct latch *l)
{
    _lock_(&l->mutex);
    l->set = true;
    pthread_cond_broadcast(&l->cond);
}

void latch_reset(struct latch *l)
{
    _lock_(&l->mutex);
    l->set = false;
}

bool latch_wait(struct latch *l, int64_t deadline)
{
    _lock_(&l->mutex);
    while (!l->set)
        if (!thread_cond_wait(&l->cond, &l->mutex, deadline) && !l->set)
            return false;
    return true;
}
