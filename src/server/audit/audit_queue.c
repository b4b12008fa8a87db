#define LOG_PART "audit"
#include "server/audit/audit_queue.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum { WORKERS = 4, COMPLAIN_S = 10 };

struct item {
    struct item *next;
    struct audit_receipt *receipt;
    int64_t came; /* clock_mono */
    struct buf event;
};

struct line {
    struct item *first, **last;
    size_t n, bytes;
};

struct audit_queue {
    const char *plugin;
    struct audit_backend_options o;
    audit_deliver *deliver;
    void *arg;
    pthread_t workers[WORKERS];
    _Atomic uint64_t lost;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t cond;
    struct line urgent, calm; /* with a receipt, and without */
    bool stopping, gathering; /* one worker at a time waits for a batch */
    double tokens;            /* batches that may go now */
    int64_t refilled, complained;
};

static void line_add(struct line *l, struct item *i)
{
    *l->last = i;
    l->last = &i->next;
    l->n++;
    l->bytes += i->event.n;
}

static struct item *line_take(struct line *l)
{
    struct item *i = l->first;
    l->first = i->next;
    if (!l->first)
        l->last = &l->first;
    l->n--;
    l->bytes -= i->event.n;
    i->next = NULL;
    return i;
}

static void lose(struct audit_queue *q, size_t n, const char *why)
{
    atomic_fetch_add(&q->lost, n);
    pthread_mutex_lock(&q->mutex);
    bool say = !q->complained || clock_mono() - q->complained > COMPLAIN_S * CLOCK_S;
    if (say)
        q->complained = clock_mono();
    pthread_mutex_unlock(&q->mutex);
    if (say)
        log_error("audit plugin \"%s\": %zu audit events are lost: %s", q->plugin, n, why);
}

/* --- which go together; all of it locked --- */

/* When the batch that waits is to go: now when it is full. */
static int64_t batch_due(const struct audit_queue *q)
{
    bool full =
        q->calm.n >= (size_t)q->o.batch || (q->o.batch_bytes && q->calm.bytes >= (size_t)q->o.batch_bytes);
    return full || q->stopping ? 0 : q->calm.first->came + q->o.wait_ns;
}

/* When the pace lets another batch go. */
static int64_t pace_due(struct audit_queue *q, int64_t now)
{
    if (!q->o.qps || q->stopping)
        return 0;
    q->tokens += (double)(now - q->refilled) / (double)CLOCK_S * (double)q->o.qps;
    q->refilled = now;
    if (q->tokens > (double)q->o.burst)
        q->tokens = (double)q->o.burst;
    return q->tokens >= 1 ? 0 : now + (int64_t)((1 - q->tokens) / (double)q->o.qps * (double)CLOCK_S) + 1;
}

static struct item *take_batch(struct audit_queue *q)
{
    struct item *first = NULL, **last = &first;
    size_t n = 0, bytes = 0;
    while (q->calm.n && n < (size_t)q->o.batch) {
        size_t more = q->calm.first->event.n;
        if (n && q->o.batch_bytes && bytes + more > (size_t)q->o.batch_bytes)
            break;
        *last = line_take(&q->calm);
        last = &(*last)->next;
        n++;
        bytes += more;
    }
    q->tokens -= q->o.qps ? 1 : 0;
    return first;
}

/* Waits for something to deliver; NULL at the end. */
static struct item *take(struct audit_queue *q)
{
    _lock_(&q->mutex);
    for (;;) {
        if (q->urgent.n)
            return line_take(&q->urgent);
        if (!q->calm.n || q->gathering) {
            if (q->stopping && !q->calm.n)
                return NULL;
            thread_cond_wait(&q->cond, &q->mutex, INT64_MAX);
            continue;
        }
        int64_t now = clock_mono(), due = batch_due(q), pace = pace_due(q, now);
        due = pace > due ? pace : due;
        if (due <= now)
            return take_batch(q);
        q->gathering = true;
        thread_cond_wait(&q->cond, &q->mutex, due);
        q->gathering = false;
        pthread_cond_broadcast(&q->cond);
    }
}

/* --- delivering --- */

static void deliver(struct audit_queue *q, struct item *first)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    size_t n = 0;
    for (struct item *i = first; i; i = i->next)
        n++;
    struct str *events = arena_new_n(&a, struct str, n);
    n = 0;
    for (struct item *i = first; i; i = i->next)
        events[n++] = buf_str(&i->event);
    int rc = q->deliver(q->arg, events, n, &err);
    if (rc < 0)
        lose(q, n, arena_c(&a, err.message));
    for (struct item *i = first, *next; i; i = next) {
        next = i->next;
        if (i->receipt) {
            i->receipt->delivered = rc == 0;
            i->receipt->done(i->receipt);
        }
        buf_free(&i->event);
        free(i);
    }
}

static void worker_main(void *arg)
{
    struct audit_queue *q = arg;
    for (struct item *i; (i = take(q));)
        deliver(q, i);
}

bool audit_queue_add(struct audit_queue *q, struct str event, struct audit_receipt *receipt)
{
    struct item *i = mem_zalloc(sizeof *i);
    buf_add_str(&i->event, event);
    i->receipt = receipt;
    i->came = clock_mono();
    pthread_mutex_lock(&q->mutex);
    bool room = receipt || q->calm.n < (size_t)q->o.buffer;
    if (room)
        line_add(receipt ? &q->urgent : &q->calm, i);
    if (room && (receipt || q->calm.n == 1 || batch_due(q) == 0))
        pthread_cond_broadcast(&q->cond);
    pthread_mutex_unlock(&q->mutex);
    if (room)
        return true;
    buf_free(&i->event);
    free(i);
    lose(q, 1, "audit buffer queue blocked");
    return false;
}

/* --- its life --- */

struct audit_queue *audit_queue_new(const char *plugin, const struct audit_backend_options *o,
                                    audit_deliver *deliver_events, void *arg)
{
    struct audit_queue *q = mem_zalloc(sizeof *q);
    q->plugin = plugin;
    q->o = *o;
    q->deliver = deliver_events;
    q->arg = arg;
    q->urgent.last = &q->urgent.first;
    q->calm.last = &q->calm.first;
    q->tokens = (double)o->burst;
    q->refilled = clock_mono();
    pthread_mutex_init(&q->mutex, NULL);
    thread_cond_init(&q->cond);
    for (int i = 0; i < WORKERS; i++)
        q->workers[i] = thread_start("audit", worker_main, q);
    return q;
}

void audit_queue_free(struct audit_queue *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->mutex);
    q->stopping = true;
    pthread_cond_broadcast(&q->cond);
    pthread_mutex_unlock(&q->mutex);
    for (int i = 0; i < WORKERS; i++)
        thread_join(q->workers[i]);
    pthread_cond_destroy(&q->cond);
    pthread_mutex_destroy(&q->mutex);
    free(q);
}

uint64_t audit_queue_lost(const struct audit_queue *q)
{
    return atomic_load(&q->lost);
}
