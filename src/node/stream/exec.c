#include "node/stream/exec.h"

#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/duplex.h"
#include "base/thread.h"

/* How long after its end a command's output is waited for, where something that it started holds it open. */
enum { DRAIN_MS = 10000 };
enum { EXEC_OUTPUTS = 2 };

struct exec {
    struct remote *remote; /* NULL once the client is gone */
    struct loop *loop;
    struct arena arena;
    const char *crun_root;
    struct str dir, id;
    struct exec_options o;
    struct exec_process process;
    struct err failure; /* of the start */
    struct loop_task started;
    struct duplex *in;                    /* a terminal is both */
    struct duplex *outputs[EXEC_OUTPUTS]; /* NULL once they have ended */
    uint16_t columns, rows;               /* 0: not said */
    uv_poll_t ended;
    uv_timer_t drain;
    bool begun;         /* a thread was sent to start it */
    bool running;       /* `ended` watches */
    bool held, written; /* output: the client is slow; some came since the timer was set */
    int code;
    int uses; /* remote, start, each duplex, poll, timer */
};

static void put(struct exec *x)
{
    if (--x->uses)
        return;
    exec_process_close(&x->process);
    err_clear(&x->failure);
    arena_free(&x->arena);
    free(x);
}

/* --- the end --- */

static void timer_closed(uv_handle_t *h)
{
    put(container_of((uv_timer_t *)h, struct exec, drain));
}

static void poll_closed(uv_handle_t *h)
{
    put(container_of((uv_poll_t *)h, struct exec, ended));
}

static void finish(struct exec *x)
{
    struct exec_options *o = &x->o;
    if (!x->remote)
        return;
    if (x->failure.reason) {
        err_wrap(&x->failure, "error executing command in container");
        remote_finish(x->remote, &x->failure, 0);
    } else if (x->code) {
        _cleanup_err_ struct err err = {0};
        _cleanup_buf_ struct buf words = {0};
        for (size_t i = 0; i < o->command.n; i++)
            buf_addf(&words, "%s" STR_FMT, i ? " " : "", STR_ARG(o->command.at[i]));
        err_set(&err, ERR_INTERNAL, "error executing command [" STR_FMT "], exit code %d",
                STR_ARG(buf_str(&words)), x->code);
        remote_finish(x->remote, &err, x->code);
    } else {
        remote_finish(x->remote, NULL, 0);
    }
}

/* Once the process has ended and its output is read; or when that takes too long. */
static void finish_when_done(struct exec *x, bool late)
{
    bool open = false;
    for (size_t i = 0; i < EXEC_OUTPUTS; i++)
        open = open || x->outputs[i];
    if (x->running || (open && !late) || uv_is_closing((uv_handle_t *)&x->drain))
        return;
    uv_close((uv_handle_t *)&x->drain, timer_closed);
    finish(x);
    for (size_t i = 0; i < EXEC_OUTPUTS; i++)
        if (x->outputs[i])
            duplex_close(x->outputs[i]);
    if (x->in && !x->o.tty)
        duplex_close(x->in);
}

static void drain_rang(uv_timer_t *timer)
{
    struct exec *x = container_of(timer, struct exec, drain);
    if (x->held || x->written)
        uv_timer_start(timer, drain_rang, DRAIN_MS, 0);
    else
        finish_when_done(x, true);
    x->written = false;
}

static void process_ended(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct exec *x = container_of(poll, struct exec, ended);
    uv_poll_stop(poll);
    x->code = container_exec_end(&x->process, &x->failure);
    x->running = false;
    uv_close((uv_handle_t *)poll, poll_closed);
    uv_timer_start(&x->drain, drain_rang, DRAIN_MS, 0);
    finish_when_done(x, !x->remote);
}

/* --- output --- */

static void hold_output(struct exec *x, bool hold)
{
    x->held = hold;
    for (size_t i = 0; i < EXEC_OUTPUTS; i++)
        if (x->outputs[i])
            (hold ? duplex_pause : duplex_resume)(x->outputs[i]);
}

static void output(struct exec *x, enum remote_channel channel, struct str bytes)
{
    x->written = true;
    if (x->remote && !remote_write(x->remote, channel, bytes))
        hold_output(x, true);
}

static void stdout_data(void *arg, struct str bytes)
{
    output(arg, REMOTE_STDOUT, bytes);
}

static void stderr_data(void *arg, struct str bytes)
{
    output(arg, REMOTE_STDERR, bytes);
}

static void terminal_ended(void *arg)
{
    struct exec *x = arg;
    duplex_close(x->outputs[0]);
}

static void output_closed(struct exec *x, size_t i)
{
    if (x->outputs[i] == x->in)
        x->in = NULL;
    x->outputs[i] = NULL;
    finish_when_done(x, false);
    put(x);
}

static void stdout_closed(void *arg)
{
    output_closed(arg, 0);
}

static void stderr_closed(void *arg)
{
    output_closed(arg, 1);
}

/* --- input --- */

static void input_drained(void *arg)
{
    struct exec *x = arg;
    if (x->remote)
        remote_resume(x->remote);
}

static void input_closed(void *arg)
{
    struct exec *x = arg;
    x->in = NULL;
    input_drained(x); /* nobody reads any more: what still comes is dropped */
    put(x);
}

static void client_input(void *arg, struct str bytes)
{
    struct exec *x = arg;
    if (x->in && !duplex_write(x->in, bytes))
        remote_pause(x->remote);
}

static void client_input_ended(void *arg)
{
    struct exec *x = arg;
    if (x->in)
        duplex_end(x->in);
}

static void set_size(struct exec *x)
{
    struct winsize size = {.ws_col = x->columns, .ws_row = x->rows};
    if (x->in && x->o.tty && x->columns)
        ioctl(duplex_fd(x->in), TIOCSWINSZ, &size);
}

static void client_resized(void *arg, uint16_t columns, uint16_t rows)
{
    struct exec *x = arg;
    x->columns = columns;
    x->rows = rows;
    set_size(x);
}

static void client_drained(void *arg)
{
    hold_output(arg, false);
}

/* The command is told by its streams: it reads an end, and can write no more. */
static void client_gone(void *arg)
{
    struct exec *x = arg;
    x->remote = NULL;
    for (size_t i = 0; i < EXEC_OUTPUTS; i++)
        if (x->outputs[i])
            duplex_close(x->outputs[i]);
    if (x->in && !x->o.tty)
        duplex_close(x->in);
    if (!x->begun)
        uv_close((uv_handle_t *)&x->drain, timer_closed);
    put(x);
}

/* --- the beginning --- */

static struct duplex *join(struct exec *x, int *fd, const struct duplex_events *events)
{
    if (*fd < 0)
        return NULL;
    struct duplex *d = duplex_new(x->loop, *fd, 0, events, x);
    *fd = -1;
    x->uses++;
    if (events->data)
        duplex_resume(d);
    return d;
}

static void started(struct loop_task *task)
{
    static const struct duplex_events on_terminal = {
        .data = stdout_data, .ended = terminal_ended, .drained = input_drained, .closed = stdout_closed};
    static const struct duplex_events on_stdout = {.data = stdout_data, .closed = stdout_closed};
    static const struct duplex_events on_stderr = {.data = stderr_data, .closed = stderr_closed};
    static const struct duplex_events on_stdin = {.drained = input_drained, .closed = input_closed};
    struct exec *x = container_of(task, struct exec, started);
    struct exec_process *p = &x->process;
    if (!x->running) { /* it never began */
        finish_when_done(x, true);
        put(x);
        return;
    }
    x->uses++;
    uv_poll_init(loop_uv(x->loop), &x->ended, p->pidfd);
    uv_poll_start(&x->ended, UV_READABLE, process_ended);
    x->outputs[0] = x->o.tty ? join(x, &p->terminal, &on_terminal) : join(x, &p->out, &on_stdout);
    x->outputs[1] = join(x, &p->err, &on_stderr);
    x->in = x->o.tty ? x->outputs[0] : join(x, &p->in, &on_stdin);
    set_size(x);
    if (x->remote)
        remote_resume(x->remote);
    if (!x->remote) { /* the client left meanwhile */
        x->uses++;
        client_gone(x);
    }
    put(x);
}

/* Starting blocks, so it has a thread of its own. */
static void start(void *arg)
{
    struct exec *x = arg;
    pthread_detach(pthread_self());
    x->running = container_exec_start(x->crun_root, x->dir, x->id, &x->o, &x->process, &x->failure) == 0;
    loop_post(x->loop, &x->started);
}

static void client_ready(void *arg)
{
    struct exec *x = arg;
    x->begun = true;
    x->uses++;
    thread_start("exec", start, x);
}

void exec_serve(struct http_request *r, struct runtime *runtime, struct str dir, struct str id,
                const struct exec_options *o)
{
    static const struct remote_events events = {.ready = client_ready,
                                                .input = client_input,
                                                .input_ended = client_input_ended,
                                                .resize = client_resized,
                                                .drained = client_drained,
                                                .closed = client_gone};
    struct exec *x = mem_zalloc(sizeof *x);
    *x = (struct exec){.loop = http_loop(r),
                       .o = *o,
                       .process = {-1, -1, -1, -1, -1, -1},
                       .started.run = started,
                       .uses = 1};
    x->crun_root = arena_c(&x->arena, str_from(runtime_crun_root(runtime)));
    x->dir = arena_str(&x->arena, dir);
    x->id = arena_str(&x->arena, id);
    x->o.command.at = arena_new_n(&x->arena, struct str, o->command.n);
    for (size_t i = 0; i < o->command.n; i++)
        x->o.command.at[i] = arena_str(&x->arena, o->command.at[i]);
    struct remote_options q = {.in = o->in, .out = o->out, .err = o->err, .tty = o->tty};
    x->remote = remote_open(r, &q, &events, x);
    if (!x->remote) {
        put(x);
        return;
    }
    x->uses++;
    uv_timer_init(loop_uv(x->loop), &x->drain);
}
