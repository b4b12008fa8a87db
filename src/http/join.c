#include "http/join.h"

#include <stdlib.h>

#include "base/clock.h"

#define FAREWELL_NS (10 * CLOCK_S)

/* One end: a pipe or a duplex. */
struct end {
    struct join *join;
    struct end *other;
    struct http_pipe *pipe;
    struct duplex *duplex; /* when it is no pipe */
    bool gone, ended;      /* ended: nothing more is written to it */
};

struct join {
    struct end at[2];
    int open;
};

static bool end_write(struct end *e, struct str bytes)
{
    if (e->gone || e->ended)
        return true;
    return e->pipe ? http_pipe_write(e->pipe, &(struct http_part){.bytes = bytes}, 1)
                   : duplex_write(e->duplex, bytes);
}

static void end_hold(struct end *e, bool hold)
{
    if (e->gone)
        return;
    if (e->pipe)
        (hold ? http_pipe_pause : http_pipe_resume)(e->pipe);
    else
        (hold ? duplex_pause : duplex_resume)(e->duplex);
}

static void end_end(struct end *e)
{
    if (e->gone || e->ended)
        return;
    e->ended = true;
    if (e->pipe)
        http_pipe_end(e->pipe);
    else
        duplex_end(e->duplex);
}

static void on_data(void *arg, struct str bytes)
{
    struct end *e = arg;
    if (!end_write(e->other, bytes))
        end_hold(e, true);
}

static void on_ended(void *arg)
{
    struct end *e = arg;
    end_end(e->other);
}

static void on_drained(void *arg)
{
    struct end *e = arg;
    end_hold(e->other, false);
}

static void on_closed(void *arg)
{
    struct end *e = arg;
    e->gone = true;
    struct end *other = e->other;
    end_end(other);
    if (!other->gone && other->pipe) /* it may still be sending what came, but has not for ever */
        http_pipe_set_idle(other->pipe, FAREWELL_NS);
    else if (!other->gone)
        duplex_close(other->duplex);
    if (--e->join->open == 0)
        free(e->join);
}

static struct join *join_new(void)
{
    struct join *j = mem_zalloc(sizeof *j);
    j->open = 2;
    for (int i = 0; i < 2; i++) {
        j->at[i].join = j;
        j->at[i].other = &j->at[1 - i];
    }
    return j;
}

static void end_of_pipe(struct end *e, struct http_pipe *pipe, int64_t idle_ns)
{
    static const struct http_pipe_events events = {
        .data = on_data, .ended = on_ended, .drained = on_drained, .closed = on_closed};
    e->pipe = pipe;
    http_pipe_listen(pipe, &events, e);
    if (idle_ns)
        http_pipe_set_idle(pipe, idle_ns);
    http_pipe_resume(pipe);
}

void join_pipes(struct http_pipe *a, struct http_pipe *b, int64_t idle_ns)
{
    struct join *j = join_new();
    end_of_pipe(&j->at[0], a, idle_ns);
    end_of_pipe(&j->at[1], b, idle_ns);
}

void join_fd(struct loop *l, struct http_pipe *pipe, int fd, int64_t idle_ns)
{
    static const struct duplex_events events = {
        .data = on_data, .ended = on_ended, .drained = on_drained, .closed = on_closed};
    struct join *j = join_new();
    j->at[1].duplex = duplex_new(l, fd, 0, &events, &j->at[1]);
    end_of_pipe(&j->at[0], pipe, idle_ns);
    duplex_resume(j->at[1].duplex);
}
