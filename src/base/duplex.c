#include "base/duplex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_HIGH = 256 << 10, WAIT_LOW = 64 << 10, READ_STEP = 16 << 10, READS_MOST = 4 };

struct duplex {
    uv_poll_t poll;
    struct duplex_events events;
    void *arg;
    int fd, watched;
    size_t step, written; /* `written` bytes of `out` are */
    struct buf out;
    mode_t type;
    bool paused, full, closing;
    bool over;   /* nothing more can be read */
    bool broken; /* nothing more can be written */
    bool ending, shut;
};

static void duplex_polled(uv_poll_t *poll, int status, int events);

static bool duplex_waits(const struct duplex *d)
{
    return d->written < d->out.n;
}

static void duplex_watch(struct duplex *d)
{
    if (d->closing)
        return;
    bool tell = (d->full && !duplex_waits(d)) || (d->ending && !d->shut);
    int events = (d->paused || d->over ? 0 : UV_READABLE) | (duplex_waits(d) || tell ? UV_WRITABLE : 0);
    if (events == d->watched)
        return;
    d->watched = events;
    if (events)
        uv_poll_start(&d->poll, events, duplex_polled);
    else
        uv_poll_stop(&d->poll);
}

static void duplex_gone(uv_handle_t *h)
{
    struct duplex *d = container_of((uv_poll_t *)h, struct duplex, poll);
    buf_free(&d->out);
    d->events.closed(d->arg);
    free(d);
}

void duplex_close(struct duplex *d)
{
    if (d->closing)
        return;
    d->closing = true;
    uv_close((uv_handle_t *)&d->poll, duplex_gone);
    close(d->fd);
}

/* Writes what it can of `bytes`; the rest is returned. */
static struct str duplex_put(struct duplex *d, struct str bytes)
{
    while (bytes.n && !d->broken) {
        size_t step = d->step && d->step < bytes.n ? d->step : bytes.n;
        ssize_t n =
            S_ISSOCK(d->type) ? send(d->fd, bytes.p, step, MSG_NOSIGNAL) : write(d->fd, bytes.p, step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
            break;
        if (n < 0)
            d->broken = true;
        else
            bytes = str_from_at(bytes, (size_t)n);
    }
    return d->broken ? (struct str){0} : bytes;
}

static void duplex_flush(struct duplex *d)
{
    struct str rest = duplex_put(d, str_from_at(buf_str(&d->out), d->written));
    d->written = d->out.n - rest.n;
    if (!rest.n) {
        buf_free(&d->out);
        d->written = 0;
    } else if (d->written > WAIT_HIGH) {
        memmove(d->out.p, rest.p, rest.n);
        d->out.n = rest.n;
        d->written = 0;
    }
    if (d->full && rest.n < WAIT_LOW) {
        d->full = false;
        if (d->events.drained)
            d->events.drained(d->arg);
    }
    if (!d->ending || d->shut || d->closing || duplex_waits(d))
        return;
    d->shut = true;
    if (S_ISSOCK(d->type))
        shutdown(d->fd, SHUT_WR);
    if (S_ISFIFO(d->type) || d->over)
        duplex_close(d);
}

static void duplex_ended(struct duplex *d)
{
    d->over = true;
    if (d->events.ended)
        d->events.ended(d->arg);
    if (d->shut || S_ISFIFO(d->type))
        duplex_close(d);
}

static void duplex_read(struct duplex *d)
{
    char block[READ_STEP];
    for (int i = 0; i < READS_MOST && !d->paused && !d->closing; i++) {
        ssize_t n = read(d->fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) { /* a terminal's end is EIO, a reset connection's ECONNRESET */
            duplex_ended(d);
            return;
        }
        if (d->events.data)
            d->events.data(d->arg, str_slice(block, (size_t)n));
    }
}

static void duplex_polled(uv_poll_t *poll, int status, int events)
{
    struct duplex *d = container_of(poll, struct duplex, poll);
    if (status < 0) { /* the other side is gone; uv has stopped watching */
        d->watched = 0;
        d->broken = !S_ISCHR(d->type);
        events = UV_READABLE | UV_WRITABLE;
    }
    if (events & UV_WRITABLE)
        duplex_flush(d);
    if ((events & UV_READABLE) && !d->over)
        duplex_read(d);
    duplex_watch(d);
}

struct duplex *duplex_new(struct loop *l, int fd, size_t step, const struct duplex_events *events, void *arg)
{
    struct duplex *d = mem_zalloc(sizeof *d);
    struct stat st = {0};
    fstat(fd, &st);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    *d = (struct duplex){
        .events = *events, .arg = arg, .fd = fd, .step = step, .type = st.st_mode, .paused = true};
    ensure(uv_poll_init(loop_uv(l), &d->poll, fd) == 0);
    return d;
}

bool duplex_write(struct duplex *d, struct str bytes)
{
    if (d->broken || d->ending || d->closing)
        return true;
    if (!duplex_waits(d))
        bytes = duplex_put(d, bytes);
    if (bytes.n)
        buf_add_str(&d->out, bytes);
    d->full = d->full || d->out.n - d->written > WAIT_HIGH;
    duplex_watch(d);
    return !d->full;
}

void duplex_end(struct duplex *d)
{
    if (S_ISCHR(d->type))
        return;
    d->ending = true;
    duplex_watch(d);
}

void duplex_pause(struct duplex *d)
{
    d->paused = true;
    duplex_watch(d);
}

void duplex_resume(struct duplex *d)
{
    d->paused = false;
    duplex_watch(d);
}

int duplex_fd(const struct duplex *d)
{
    return d->fd;
}
