#include "server/deadline.h"

#include <stdlib.h>

#include "base/clock.h"

/* The requests of one loop that wait, in the order of their deadlines, which is that of their arrival. */
struct waiting {
    struct deadlines *all;
    struct loop *loop;
    struct request *first, **last;
    uv_timer_t timer;
    bool started; /* the timer is there */
};

struct deadlines {
    int64_t timeout_ns;
    size_t n;
    struct waiting at[];
};

struct deadlines *deadlines_new(struct loop **loops, size_t n_loops, int64_t timeout_ns)
{
    struct deadlines *d = mem_zalloc(sizeof *d + n_loops * sizeof *d->at);
    d->timeout_ns = timeout_ns;
    d->n = n_loops;
    for (size_t i = 0; i < n_loops; i++)
        d->at[i] = (struct waiting){.all = d, .loop = loops[i], .last = &d->at[i].first};
    return d;
}

void deadlines_free(struct deadlines *d)
{
    free(d); /* the timers went with their loops */
}

static void give_up(struct request *q)
{
    deadline_end(q);
    q->answered = true;
    http_hold(q->http);
    _cleanup_err_ struct err err = {0};
    err_set(&err, ERR_TIMEOUT,
            "Timeout: request did not complete within requested timeout - context deadline exceeded");
    request_error(q, &err);
}

static void set_timer(struct waiting *w);

static void ticked(uv_timer_t *t)
{
    struct waiting *w = t->data;
    int64_t now = clock_mono();
    while (w->first && w->first->began + w->all->timeout_ns <= now)
        give_up(w->first);
    if (w->first)
        set_timer(w);
}

static void set_timer(struct waiting *w)
{
    int64_t left = (w->first->began + w->all->timeout_ns - clock_mono()) / CLOCK_MS + 1;
    uv_timer_start(&w->timer, ticked, (uint64_t)(left < 1 ? 1 : left), 0);
}

void deadline_start(struct deadlines *d, struct request *q)
{
    size_t i = 0;
    while (d->at[i].loop != q->loop)
        i++;
    struct waiting *w = q->waiting = &d->at[i];
    if (!w->started) {
        uv_timer_init(loop_uv(w->loop), &w->timer);
        w->timer.data = w;
        w->started = true;
    }
    q->next = NULL;
    q->prev = w->last;
    *w->last = q;
    w->last = &q->next;
    if (!uv_is_active((uv_handle_t *)&w->timer))
        set_timer(w);
}

/* The timer stays as it is: it finds later ones, or nobody. */
void deadline_end(struct request *q)
{
    struct waiting *w = q->waiting;
    if (!w)
        return;
    *q->prev = q->next;
    if (q->next)
        q->next->prev = q->prev;
    else
        w->last = q->prev;
    q->waiting = NULL;
}
