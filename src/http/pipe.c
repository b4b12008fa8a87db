#include "http/pipe_new.h"

#include <stdlib.h>

#include "http/parts.h"

struct http_pipe {
    struct transport *transport;
    void (*gone)(struct transport *t); /* the transport's first owner frees it */
    struct http_pipe_events events;
    void *arg;
    struct parts queue;
    struct buf early; /* came before the pipe was one */
    bool full, ended;
    int64_t idle_ns; /* 0: interactive sessions may be silent for as long as they like */
};

static void pipe_deliver(struct http_pipe *p, struct str bytes)
{
    if (p->events.data)
        p->events.data(p->arg, bytes);
}

static void pipe_data(struct transport *t, struct str bytes)
{
    struct http_pipe *p = t->owner;
    if (p->early.n) /* first things first */
        buf_add_str(&p->early, bytes);
    else
        pipe_deliver(p, bytes);
}

static void pipe_ended(struct transport *t)
{
    struct http_pipe *p = t->owner;
    if (p->events.ended)
        p->events.ended(p->arg);
}

static void pipe_flush(struct transport *t)
{
    struct http_pipe *p = t->owner;
    if (p->early.n && !t->paused) {
        _cleanup_buf_ struct buf early = p->early;
        p->early = (struct buf){0};
        pipe_deliver(p, buf_str(&early));
    }
    while (p->queue.bytes && transport_room(t)) {
        struct str bytes = parts_first(&p->queue);
        if (bytes.n > PARTS_LOW)
            bytes.n = PARTS_LOW;
        transport_write(t, bytes);
        parts_advance(&p->queue, bytes.n);
    }
    if (p->full && p->queue.bytes < PARTS_LOW) {
        p->full = false;
        if (p->events.drained)
            p->events.drained(p->arg);
    }
    if (p->ended && !p->queue.bytes)
        transport_half_close(t);
}

static int64_t pipe_deadline(struct transport *t, int64_t now)
{
    (void)now;
    const struct http_pipe *p = t->owner;
    return p->idle_ns ? t->progress + p->idle_ns : INT64_MAX;
}

static void pipe_closed(struct transport *t)
{
    struct http_pipe *p = t->owner;
    parts_free(&p->queue);
    buf_free(&p->early);
    if (p->events.closed)
        p->events.closed(p->arg);
    void (*gone)(struct transport *) = p->gone;
    free(p);
    gone(t);
}

static const struct transport_ops pipe_ops = {.data = pipe_data,
                                              .ended = pipe_ended,
                                              .flush = pipe_flush,
                                              .deadline = pipe_deadline,
                                              .closed = pipe_closed};

struct http_pipe *pipe_new(struct transport *t, struct str early)
{
    struct http_pipe *p = mem_zalloc(sizeof *p);
    p->transport = t;
    p->gone = t->ops->closed;
    buf_add_str(&p->early, early);
    t->owner = p;
    t->ops = &pipe_ops;
    transport_pause(t);
    return p;
}

void pipe_add_early(struct http_pipe *p, struct str bytes)
{
    buf_add_str(&p->early, bytes);
}

void http_pipe_listen(struct http_pipe *p, const struct http_pipe_events *events, void *arg)
{
    p->events = *events;
    p->arg = arg;
}

bool http_pipe_write(struct http_pipe *p, const struct http_part *parts, size_t n_parts)
{
    ensure(!p->ended);
    parts_push(&p->queue, parts, n_parts);
    transport_dirty(p->transport);
    p->full = p->queue.bytes > PARTS_HIGH;
    return !p->full;
}

void http_pipe_end(struct http_pipe *p)
{
    p->ended = true;
    transport_dirty(p->transport);
}

void http_pipe_close(struct http_pipe *p)
{
    transport_close(p->transport, NULL);
}

void http_pipe_set_idle(struct http_pipe *p, int64_t idle_ns)
{
    p->idle_ns = idle_ns;
    transport_due(p->transport, p->transport->progress + idle_ns);
}

void http_pipe_pause(struct http_pipe *p)
{
    transport_pause(p->transport);
}

void http_pipe_resume(struct http_pipe *p)
{
    transport_resume(p->transport);
    transport_dirty(p->transport);
}
