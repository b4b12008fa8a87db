#include "node/stream/remote_parts.h"

#include <stdlib.h>

#include "kinds/kubelet_v1.h"
#include "kinds/meta_v1.h"
#include "node/stream/upgrade.h"
#include "schema/json.h"

enum { SIZE_TEXT_MAX = 1024, EARLY_MOST = 1 << 20, HANG_UP_MS = 5000 };

/* --- life and death --- */

static void put(struct remote *r)
{
    if (--r->uses)
        return;
    r->carrier->free(r);
    buf_free(&r->size);
    buf_free(&r->early);
    r->events.closed(r->arg);
    free(r);
}

static void timer_closed(uv_handle_t *h)
{
    put(container_of((uv_timer_t *)h, struct remote, timer));
}

static void timer_rang(uv_timer_t *timer)
{
    struct remote *r = container_of(timer, struct remote, timer);
    if (r->pipe)
        http_pipe_close(r->pipe);
}

static void tell_ready(struct loop_task *task)
{
    struct remote *r = container_of(task, struct remote, task);
    if (r->pipe)
        r->events.ready(r->arg);
    put(r);
}

void remote_ready(struct remote *r)
{
    if (r->ready)
        return;
    r->ready = true;
    r->uses++;
    r->task.run = tell_ready;
    uv_timer_stop(&r->timer);
    http_pipe_pause(r->pipe); /* until the owner resumes */
    loop_post(((struct loop *)r->timer.data), &r->task);
}

/* --- the pipe --- */

bool remote_send(void *arg, struct str bytes)
{
    struct remote *r = arg;
    r->room = !r->pipe || http_pipe_write(r->pipe, &(struct http_part){.bytes = bytes}, 1);
    return r->room;
}

static void pipe_data(void *arg, struct str bytes)
{
    struct remote *r = arg;
    _cleanup_err_ struct err err = {0};
    if (r->carrier->data(r, bytes, &err) < 0 && r->pipe)
        http_pipe_close(r->pipe);
}

static void pipe_ended(void *arg)
{
    struct remote *r = arg;
    http_pipe_close(r->pipe);
}

static void pipe_drained(void *arg)
{
    struct remote *r = arg;
    if (r->ready && !r->finished && r->events.drained)
        r->events.drained(r->arg);
}

static void pipe_closed(void *arg)
{
    struct remote *r = arg;
    r->pipe = NULL;
    uv_close((uv_handle_t *)&r->timer, timer_closed);
    put(r);
}

/* --- what comes in --- */

bool remote_has(const struct remote *r, enum remote_channel channel)
{
    switch (channel) {
    case REMOTE_STDIN:
        return r->o.in;
    case REMOTE_STDOUT:
        return r->o.out;
    case REMOTE_STDERR:
        return r->o.err;
    case REMOTE_ERROR:
        return true;
    case REMOTE_RESIZE:
        return r->o.tty && (r->version >= 3 || r->websocket);
    default:
        return false;
    }
}

/* The stream of sizes is one JSON object after another: {"Width":80,"Height":24} */
static void take_size(struct remote *r, struct str bytes)
{
    buf_add_str(&r->size, bytes);
    struct str rest = buf_str(&r->size);
    for (ptrdiff_t end; (end = str_index(rest, '}')) >= 0; rest = str_from_at(rest, (size_t)end + 1)) {
        _cleanup_arena_ struct arena a = {0};
        struct terminal_size size = {0};
        struct str one = str_slice(rest.p, (size_t)end + 1);
        if (json_decode(&a, &terminal_size_type, one, 0, &size, NULL, NULL) == 0 && size.width >= 0 &&
            size.width <= UINT16_MAX && size.height >= 0 && size.height <= UINT16_MAX)
            r->events.resize(r->arg, (uint16_t)size.width, (uint16_t)size.height);
    }
    if (rest.n && rest.n < SIZE_TEXT_MAX)
        memmove(r->size.p, rest.p, rest.n);
    r->size.n = rest.n < SIZE_TEXT_MAX ? rest.n : 0;
}

void remote_take(struct remote *r, enum remote_channel channel, struct str bytes)
{
    if (r->finished || !remote_has(r, channel))
        return;
    if (channel == REMOTE_STDIN && !r->input_over && bytes.n) {
        if (!r->held)
            r->events.input(r->arg, bytes);
        else if (r->early.n + bytes.n <= EARLY_MOST)
            buf_add_str(&r->early, bytes);
        else if (r->pipe) /* its other streams never came */
            http_pipe_close(r->pipe);
    } else if (channel == REMOTE_RESIZE)
        take_size(r, bytes);
}

static void tell_input_over(struct remote *r)
{
    if (!r->input_over || r->input_over_told || r->held)
        return;
    r->input_over_told = true;
    r->events.input_ended(r->arg);
}

void remote_take_end(struct remote *r, enum remote_channel channel)
{
    if (r->finished || channel != REMOTE_STDIN || !r->o.in || r->input_over)
        return;
    r->input_over = true;
    tell_input_over(r);
}

/* --- the owner's calls --- */

bool remote_write(struct remote *r, enum remote_channel channel, struct str bytes)
{
    if (!r->pipe || r->finished || !remote_has(r, channel))
        return true;
    return r->carrier->write(r, channel, bytes);
}

void remote_pause(struct remote *r)
{
    r->held = true;
    if (r->pipe)
        http_pipe_pause(r->pipe);
}

/* What came while the input was held; the owner may hold it again meanwhile. */
static void deliver(struct loop_task *task)
{
    struct remote *r = container_of(task, struct remote, deliver);
    r->delivering = false;
    if (r->pipe && !r->finished) {
        r->held = false;
        if (r->early.n) {
            _cleanup_buf_ struct buf early = r->early;
            r->early = (struct buf){0};
            r->events.input(r->arg, buf_str(&early));
        }
        tell_input_over(r);
        if (!r->held && r->pipe)
            http_pipe_resume(r->pipe);
    }
    put(r);
}

void remote_resume(struct remote *r)
{
    if (!r->held || r->delivering || !r->pipe)
        return;
    r->delivering = true;
    r->uses++;
    r->deliver.run = deliver;
    loop_post(r->timer.data, &r->deliver);
}

/* Upstream's Status of a command that ended, in the words that clients look for. */
static void render_outcome(struct remote *r, const struct err *err, int exit_code, struct buf *out)
{
    _cleanup_arena_ struct arena a = {0};
    struct status_cause cause = {.reason = STR("ExitCode"), .message = arena_printf(&a, "%d", exit_code)};
    struct status_details details = {.causes = {&cause, 1}};
    struct status s = {.status = err ? STR("Failure") : STR("Success")};
    if (err && exit_code) {
        s.message =
            arena_printf(&a, "command terminated with non-zero exit code: " STR_FMT, STR_ARG(err->message));
        s.reason = STR("NonZeroExitCode");
        s.details = &details;
    } else if (err) {
        cause = (struct status_cause){.message = err->message};
        s.message = arena_printf(&a, "Internal error occurred: " STR_FMT, STR_ARG(err->message));
        s.reason = STR("InternalError");
        s.code = 500;
        s.details = &details;
    }
    if (r->version >= 4)
        json_encode(out, &status_type, &s);
    else /* before version 4: only that it failed, in words */
        buf_add_str(out, s.message);
}

void remote_finish(struct remote *r, const struct err *err, int exit_code)
{
    if (!r->pipe || r->finished)
        return;
    _cleanup_buf_ struct buf b = {0};
    render_outcome(r, err, exit_code, &b);
    if (b.n)
        r->carrier->write(r, REMOTE_ERROR, buf_str(&b));
    r->finished = true;
    r->carrier->end(r);
    http_pipe_end(r->pipe);
    http_pipe_resume(r->pipe); /* to hear the client's end */
    uv_timer_start(&r->timer, timer_rang, HANG_UP_MS, 0);
}

/* --- the beginning --- */

static const struct str spdy_protocols[] = {STR_INIT("v4.channel.k8s.io"), STR_INIT("v3.channel.k8s.io"),
                                            STR_INIT("v2.channel.k8s.io"), STR_INIT("channel.k8s.io")};
static const struct str websocket_protocols[] = {
    STR_INIT("v5.channel.k8s.io"), STR_INIT("v4.channel.k8s.io"), STR_INIT("v4.base64.channel.k8s.io"),
    STR_INIT("channel.k8s.io"), STR_INIT("base64.channel.k8s.io")};

static int version_of(struct str protocol)
{
    return protocol.n > 1 && protocol.p[0] == 'v' ? protocol.p[1] - '0' : 1;
}

struct remote *remote_open(struct http_request *q, const struct remote_options *o,
                           const struct remote_events *events, void *arg)
{
    static const struct http_pipe_events pipe_events = {
        .data = pipe_data, .ended = pipe_ended, .drained = pipe_drained, .closed = pipe_closed};
    struct str protocol;
    struct loop *loop = http_loop(q);
    bool websocket = websocket_wanted(q);
    if (websocket
            ? !upgrade_choose_websocket(q, websocket_protocols, ARRAY_LEN(websocket_protocols), &protocol)
            : !upgrade_choose_spdy(q, spdy_protocols, ARRAY_LEN(spdy_protocols), &protocol))
        return NULL;
    struct remote *r = mem_zalloc(sizeof *r);
    *r = (struct remote){
        .o = *o, .events = *events, .arg = arg, .version = version_of(protocol), .held = true, .uses = 2};
    r->o.err = o->err && !o->tty;
    r->base64 = str_find(protocol, STR("base64")) >= 0;
    r->carrier = websocket ? &remote_over_websocket : &remote_over_spdy;
    uv_timer_init(loop_uv(loop), &r->timer);
    r->timer.data = loop;
    uv_timer_start(&r->timer, timer_rang, STREAM_CREATE_MS, 0);
    r->pipe = websocket ? websocket_accept(q, protocol, &pipe_events, r)
                        : upgrade_accept_spdy(q, protocol, &pipe_events, r);
    http_pipe_set_idle(r->pipe, STREAM_IDLE_NS);
    http_pipe_resume(r->pipe); /* nothing comes before this returns */
    if (websocket)
        remote_start_websocket(r);
    else
        remote_start_spdy(r);
    return r;
}
