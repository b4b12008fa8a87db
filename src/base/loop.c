#include "base/loop.h"

#include <stdlib.h>

#include "base/thread.h"

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    pthread_mutex_t mutex;
    struct loop_task *first, **last; /* guarded by mutex */
    bool stopping;                   /* guarded by mutex */
    pthread_t thread;
    const char *name;
};

static void loop_close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void loop_woken(uv_async_t *wake)
{
    struct loop *l = container_of(wake, struct loop, wake);
    pthread_mutex_lock(&l->mutex);
    struct loop_task *t = l->first;
    l->first = NULL;
    l->last = &l->first;
    bool stopping = l->stopping;
    pthread_mutex_unlock(&l->mutex);
    while (t) {
        struct loop_task *next = t->next; /* run may free or repost the task */
        t->run(t);
        t = next;
    }
    if (stopping)
        uv_stop(&l->uv);
}

struct loop *loop_new(const char *name)
{
    struct loop *l = mem_zalloc(sizeof *l);
    l->name = name;
    l->last = &l->first;
    pthread_mutex_init(&l->mutex, NULL);
    ensure(uv_loop_init(&l->uv) == 0);
    ensure(uv_async_init(&l->uv, &l->wake, loop_woken) == 0);
    return l;
}

static void loop_main(void *arg)
{
    struct loop *l = arg;
    pthread_mutex_lock(&l->mutex); /* loop_start has said which thread this is */
    pthread_mutex_unlock(&l->mutex);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    /* Stopped: let every handle that is still open close, so that nothing leaks. */
    uv_walk(&l->uv, loop_close_handle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_start(struct loop *l)
{
    pthread_mutex_lock(&l->mutex);
    l->thread = thread_start(l->name, loop_main, l);
    pthread_mutex_unlock(&l->mutex);
}

void loop_join(struct loop *l)
{
    thread_join(l->thread);
}

void loop_stop(struct loop *l)
{
    pthread_mutex_lock(&l->mutex);
    l->stopping = true;
    pthread_mutex_unlock(&l->mutex);
    uv_async_send(&l->wake);
}

void loop_free(struct loop *l)
{
    uv_walk(&l->uv, loop_close_handle, NULL); /* in case it never ran */
    uv_run(&l->uv, UV_RUN_DEFAULT);
    ensure(uv_loop_close(&l->uv) == 0);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

void loop_post(struct loop *l, struct loop_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&l->mutex);
    bool first = !l->first;
    *l->last = task;
    l->last = &task->next;
    pthread_mutex_unlock(&l->mutex);
    if (first)
        uv_async_send(&l->wake);
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

bool loop_here(const struct loop *l)
{
    return pthread_equal(l->thread, pthread_self());
}
