#include "scheduler/queue.h"

#include <stdlib.h>

#include "base/clock.h"

/* Upstream's podInitialBackoffSeconds, podMaxBackoffSeconds, and how long a pod waits for events at most. */
static const int64_t BACKOFF_FIRST = CLOCK_S, BACKOFF_MOST = 10 * CLOCK_S, WAIT_MOST = 300 * CLOCK_S;

/* --- heaps --- */

static bool queue_before(const struct queue_entry *a, const struct queue_entry *b)
{
    if (a->state == QUEUE_BACKOFF) {
        if (a->broken != b->broken)
            return b->broken; /* those that need not wait out their time come first */
        if (a->until != b->until)
            return a->until < b->until;
    }
    if (a->pod->priority != b->pod->priority)
        return a->pod->priority > b->pod->priority;
    return a->since != b->since ? a->since < b->since : a->serial < b->serial;
}

static void queue_put(struct queue_list *l, size_t i, struct queue_entry *e)
{
    l->at[i] = e;
    e->index = i;
}

static void queue_sift(struct queue_list *l, size_t i)
{
    struct queue_entry *e = l->at[i];
    for (; i > 0 && queue_before(e, l->at[(i - 1) / 2]); i = (i - 1) / 2)
        queue_put(l, i, l->at[(i - 1) / 2]);
    for (size_t child; (child = 2 * i + 1) < l->n; i = child) {
        child += child + 1 < l->n && queue_before(l->at[child + 1], l->at[child]);
        if (!queue_before(l->at[child], e))
            break;
        queue_put(l, i, l->at[child]);
    }
    queue_put(l, i, e);
}

static struct queue_list *queue_list(struct queue *q, enum queue_state state)
{
    return state == QUEUE_ACTIVE ? &q->active : state == QUEUE_BACKOFF ? &q->backoff : &q->waiting;
}

static void queue_out(struct queue *q, struct queue_entry *e)
{
    if (e->state == QUEUE_OUT)
        return;
    struct queue_list *l = queue_list(q, e->state);
    struct queue_entry *last = l->at[--l->n];
    if (last != e) {
        queue_put(l, e->index, last);
        if (e->state != QUEUE_WAITING)
            queue_sift(l, last->index);
    }
    e->state = QUEUE_OUT;
}

static void queue_in(struct queue *q, struct queue_entry *e, enum queue_state state)
{
    queue_out(q, e);
    struct queue_list *l = queue_list(q, state);
    mem_grow((void **)&l->at, &l->cap, l->n + 1, sizeof *l->at);
    e->state = state;
    queue_put(l, l->n++, e);
    if (state != QUEUE_WAITING)
        queue_sift(l, e->index);
}

/* --- the queue --- */

void queue_free(struct queue *q)
{
    struct queue_list *lists[] = {&q->active, &q->backoff, &q->waiting};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        while (lists[i]->n) {
            lists[i]->at[--lists[i]->n]->pod->queue = NULL;
            free(lists[i]->at[lists[i]->n]);
        }
        free(lists[i]->at);
    }
    *q = (struct queue){0};
}

void queue_add(struct queue *q, struct sched_pod *p, int64_t now)
{
    struct queue_entry *e = p->queue;
    if (!e) {
        e = p->queue = mem_zalloc(sizeof *e);
        e->pod = p;
        e->since = now;
        e->serial = q->serial++;
    }
    queue_in(q, e, QUEUE_ACTIVE);
}

struct sched_pod *queue_pop(struct queue *q, int64_t now)
{
    struct queue_entry *e = q->active.n ? q->active.at[0] : q->backoff.n ? q->backoff.at[0] : NULL;
    if (!e || (e->state == QUEUE_BACKOFF && e->broken && e->until > now))
        return NULL;
    queue_out(q, e);
    return e->pod;
}

static void queue_failed(struct queue_entry *e, int64_t now)
{
    int64_t backoff = BACKOFF_FIRST;
    for (int i = 0; i < e->attempts && backoff < BACKOFF_MOST; i++)
        backoff *= 2;
    e->attempts++;
    e->until = now + (backoff < BACKOFF_MOST ? backoff : BACKOFF_MOST);
}

void queue_wait(struct queue *q, struct sched_pod *p, uint32_t failed, int64_t now)
{
    struct queue_entry *e = p->queue;
    e->failed = failed;
    e->broken = false;
    e->waits_since = now;
    queue_failed(e, now);
    queue_in(q, e, QUEUE_WAITING);
}

void queue_retry(struct queue *q, struct sched_pod *p, int64_t now)
{
    struct queue_entry *e = p->queue;
    if (!e) {
        queue_add(q, p, now);
        e = p->queue;
    }
    e->broken = true;
    queue_failed(e, now);
    queue_in(q, e, QUEUE_BACKOFF);
}

void queue_wake(struct queue *q, struct sched_pod *p, int64_t now)
{
    struct queue_entry *e = p->queue;
    if (e && e->state == QUEUE_WAITING)
        queue_in(q, e, e->until > now ? QUEUE_BACKOFF : QUEUE_ACTIVE);
}

void queue_wake_old(struct queue *q, int64_t now)
{
    for (size_t i = q->waiting.n; i-- > 0;)
        if (q->waiting.at[i]->waits_since + WAIT_MOST <= now)
            queue_wake(q, q->waiting.at[i]->pod, now);
}

void queue_remove(struct queue *q, struct sched_pod *p)
{
    if (!p->queue)
        return;
    queue_out(q, p->queue);
    free(p->queue);
    p->queue = NULL;
}

int64_t queue_next(const struct queue *q)
{
    if (q->active.n)
        return 0;
    if (!q->backoff.n)
        return INT64_MAX;
    return q->backoff.at[0]->broken ? q->backoff.at[0]->until : 0;
}
