#define LOG_PART "scheduler"
#include "scheduler/scheduler.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "kinds/policy_v1.h"
#include "scheduler/state.h"

enum { SCHEDULER_WRITERS = 48 };

void scheduler_tell(struct scheduler *s, const struct news *news)
{
    if (news->before)
        object_ref(news->before);
    if (news->after)
        object_ref(news->after);
    _lock_(&s->mutex);
    mem_grow((void **)&s->inbox, &s->cap_inbox, s->n_inbox + 1, sizeof *s->inbox);
    s->inbox[s->n_inbox++] = *news;
    if (s->n_inbox == 1)
        pthread_cond_signal(&s->cond);
}

static void scheduler_told(void *arg, struct object *before, struct object *after)
{
    struct watched *w = arg;
    scheduler_tell(w->scheduler, &(struct news){w->take, before, after});
}

static void scheduler_watch(struct scheduler *s, struct watched *w, const struct resource *r,
                            void (*take)(struct scheduler *s, struct object *before, struct object *after,
                                         int64_t now))
{
    *w = (struct watched){s, client_informer(s->actions.client, r, NULL), take};
    informer_handle(w->informer, scheduler_told, w);
}

static bool scheduler_stopping(struct scheduler *s)
{
    _lock_(&s->mutex);
    return s->stopping;
}

/* Until the whole cluster is known, any decision would be a guess. */
static bool scheduler_wait_for_sync(struct scheduler *s)
{
    struct watched *all[] = {&s->nodes,   &s->namespaces, &s->budgets, &s->claims,
                             &s->volumes, &s->classes,    &s->pods};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        while (!informer_synced(all[i]->informer, clock_mono() + 100 * CLOCK_MS))
            if (scheduler_stopping(s))
                return false;
    return true;
}

/* Takes the news there are; waits for some until `deadline`. False: the end. */
static bool scheduler_read(struct scheduler *s, int64_t deadline)
{
    pthread_mutex_lock(&s->mutex);
    while (!s->n_inbox && !s->stopping && thread_cond_wait(&s->cond, &s->mutex, deadline))
        ;
    bool go_on = !s->stopping;
    struct news *news = s->inbox;
    size_t n = s->n_inbox;
    s->inbox = NULL;
    s->n_inbox = s->cap_inbox = 0;
    pthread_mutex_unlock(&s->mutex);
    int64_t now = clock_mono();
    for (size_t i = 0; i < n; i++) {
        news[i].take(s, news[i].before, news[i].after, now);
        object_unref(news[i].before);
        object_unref(news[i].after);
    }
    free(news);
    return go_on;
}

static void scheduler_main(void *arg)
{
    enum { TURNS = 64 }; /* pods between two looks into the inbox */
    struct scheduler *s = arg;
    static const int64_t sweep = 30 * CLOCK_S;
    if (!scheduler_wait_for_sync(s))
        return;
    int64_t next = 0;
    while (scheduler_read(s, next)) {
        int64_t now = clock_mono();
        follow_wake(s, now);
        struct sched_pod *p;
        for (int i = 0; i < TURNS && (p = queue_pop(&s->queue, now)); i++)
            attempt_schedule(s, p, now);
        next = queue_next(&s->queue);
        if (s->queue.waiting.n && next > now + sweep)
            next = now + sweep; /* for those that have waited too long */
    }
}

int scheduler_start(struct client *c, const struct scheduler_options *o, struct scheduler **out,
                    struct err *err)
{
    (void)err;
    struct scheduler *s = mem_zalloc(sizeof *s);
    struct str name = arena_str(&s->strings, o->name.n ? o->name : STR("default-scheduler"));
    s->actions = (struct actions){c, recorder_new(c, name.p, (struct str){0}), name};
    pthread_mutex_init(&s->mutex, NULL);
    thread_cond_init(&s->cond);
    jobs_init(&s->jobs, "bind", o->writers ? (size_t)o->writers : SCHEDULER_WRITERS);
    model_init(&s->model);
    scheduler_watch(s, &s->nodes, &node_resource, follow_node);
    scheduler_watch(s, &s->namespaces, &namespace_resource, follow_namespace);
    scheduler_watch(s, &s->budgets, &pod_disruption_budget_resource, follow_budget);
    scheduler_watch(s, &s->claims, &persistent_volume_claim_resource, follow_storage);
    scheduler_watch(s, &s->volumes, &persistent_volume_resource, follow_storage);
    scheduler_watch(s, &s->classes, &storage_class_resource, follow_storage);
    scheduler_watch(s, &s->pods, &pod_resource, follow_pod);
    s->thread = thread_start("scheduler", scheduler_main, s);
    *out = s;
    return 0;
}

void scheduler_stop(struct scheduler *s)
{
    if (!s)
        return;
    struct watched *all[] = {&s->nodes,   &s->namespaces, &s->budgets, &s->claims,
                             &s->volumes, &s->classes,    &s->pods};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        informer_unhandle(all[i]->informer, scheduler_told, all[i]);
    pthread_mutex_lock(&s->mutex);
    s->stopping = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->mutex);
    thread_join(s->thread);
    jobs_stop(&s->jobs);
    for (size_t i = 0; i < s->n_inbox; i++) {
        object_unref(s->inbox[i].before);
        object_unref(s->inbox[i].after);
    }
    free(s->inbox);
    map_each (&s->model.pods, slot)
        queue_remove(&s->queue, slot->value);
    queue_free(&s->queue);
    model_free(&s->model);
    arena_free(&s->cycle);
    free(s->dirty);
    recorder_free(s->actions.recorder);
    pthread_cond_destroy(&s->cond);
    pthread_mutex_destroy(&s->mutex);
    arena_free(&s->strings);
    free(s);
}
