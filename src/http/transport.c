#include "http/transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    FLUSH_AT = 256 * 1024,    /* bytes gathered before they go to the socket */
    FLUSH_MOST = 1024 * 1024, /* bytes one connection may write in one turn of the loop */
    READS_MOST = 4,           /* and how often it may fill the input buffer */
    SWEEP_MIN_MS = 20,
};
#define LINGER_NS (2 * CLOCK_S)  /* how long an ended connection waits for the peer's end */
#define SWEEP_NS  (30 * CLOCK_S) /* how late a deadline may be seen that nobody announced */

/* Of this thread's loop: a loop is a thread, and connections never leave theirs. */
static _Thread_local struct io *io_here;

static void transport_flush(struct transport *t);
static int64_t transport_deadline(const struct transport *t, int64_t now);
static void io_sweep(uv_timer_t *timer);

/* --- the loop's part --- */

static void io_prepare(uv_prepare_t *prepare)
{
    struct io *io = container_of(prepare, struct io, prepare);
    io->turn++;
    /* A flush may complete a response, start the next pipelined request, and so make its connection dirty
     * again; but what one may write in a turn is bounded. */
    while (io->dirty) {
        struct transport *t = io->dirty;
        io->dirty = t->next_dirty;
        t->dirty = false;
        transport_flush(t);
    }
}

static void io_arm(struct io *io, int64_t at, int64_t now)
{
    io->due = at;
    int64_t ms = at <= now ? 0 : (at - now) / CLOCK_MS + 1;
    uv_timer_start(&io->timer, io_sweep, (uint64_t)(ms < SWEEP_MIN_MS ? SWEEP_MIN_MS : ms), 0);
}

static void io_sweep(uv_timer_t *timer)
{
    struct io *io = container_of(timer, struct io, timer);
    int64_t now = clock_mono(), next = io->all ? now + SWEEP_NS : INT64_MAX;
    io->due = INT64_MAX;
    for (struct transport *t = io->all, *after; t; t = after) {
        after = t->next;
        int64_t at = transport_deadline(t, now);
        if (at <= now)
            transport_close(t, "timed out");
        else if (at < next)
            next = at;
    }
    if (next < io->due)
        io_arm(io, next, now);
}

void transport_due(struct transport *t, int64_t at)
{
    if (at < t->io->due)
        io_arm(t->io, at, clock_mono());
}

struct io *io_get(struct loop *l)
{
    ensure(loop_here(l));
    struct io *io = io_here;
    if (!io) {
        io_here = io = mem_zalloc(sizeof *io);
        io->loop = l;
        io->due = INT64_MAX;
        uv_prepare_init(loop_uv(l), &io->prepare);
        uv_prepare_start(&io->prepare, io_prepare);
        uv_timer_init(loop_uv(l), &io->timer);
        io->open_handles = 2;
    }
    ensure(io->loop == l);
    io->users++;
    return io;
}

static void io_closed(struct io *io)
{
    if (--io->open_handles)
        return;
    buf_free(&io->out);
    free(io);
}

static void io_prepare_closed(uv_handle_t *h)
{
    io_closed(container_of((uv_prepare_t *)h, struct io, prepare));
}

static void io_timer_closed(uv_handle_t *h)
{
    io_closed(container_of((uv_timer_t *)h, struct io, timer));
}

void io_put(struct io *io)
{
    if (--io->users)
        return;
    ensure(!io->all);
    io_here = NULL;
    uv_close((uv_handle_t *)&io->prepare, io_prepare_closed);
    uv_close((uv_handle_t *)&io->timer, io_timer_closed);
}

/* --- OpenSSL reads from t->source and writes to io->out --- */

static int bio_read(BIO *bio, char *to, size_t n, size_t *got)
{
    struct transport *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!t->source.n) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *got = n < t->source.n ? n : t->source.n;
    memcpy(to, t->source.p, *got);
    t->source = str_from_at(t->source, *got);
    return 1;
}

static int bio_write(BIO *bio, const char *from, size_t n, size_t *put)
{
    struct transport *t = BIO_get_data(bio);
    buf_add(&t->io->out, from, n);
    *put = n;
    return 1;
}

static long bio_ctrl(BIO *bio, int cmd, long n, void *p)
{
    (void)bio, (void)n, (void)p;
    return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void bio_make_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "transport");
    ensure(bio_method);
    BIO_meth_set_read_ex(bio_method, bio_read);
    BIO_meth_set_write_ex(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

/* --- closing --- */

static void transport_polled(uv_poll_t *poll, int status, int events);

static void transport_watch(struct transport *t)
{
    if (t->closing)
        return;
    int events = (t->connecting || t->blocked ? UV_WRITABLE : 0) |
                 (t->connecting || t->paused || t->peer_ended ? 0 : UV_READABLE);
    if (events == t->events)
        return;
    t->events = events;
    if (events)
        uv_poll_start(&t->poll, events, transport_polled);
    else
        uv_poll_stop(&t->poll);
}

static void transport_gone(struct transport *t)
{
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    for (struct transport **at = &t->io->dirty; t->dirty && *at; at = &(*at)->next_dirty)
        if (*at == t) {
            *at = t->next_dirty;
            break;
        }
    SSL_free(t->ssl);
    buf_free(&t->unread);
    buf_free(&t->pending);
    t->ops->closed(t);
}

static void transport_poll_closed(uv_handle_t *h)
{
    transport_gone(container_of((uv_poll_t *)h, struct transport, poll));
}

void transport_close(struct transport *t, const char *problem)
{
    if (t->closing)
        return;
    t->closing = true;
    if (problem && !t->problem[0])
        snprintf(t->problem, sizeof t->problem, "%s", problem);
    uv_close((uv_handle_t *)&t->poll, transport_poll_closed);
    close(t->fd);
}

static void transport_fail_tls(struct transport *t)
{
    char why[80];
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    long verified = t->ssl ? SSL_get_verify_result(t->ssl) : X509_V_OK;
    if (verified != X509_V_OK && SSL_get_verify_mode(t->ssl) == SSL_VERIFY_PEER && !SSL_is_server(t->ssl))
        reason = X509_verify_cert_error_string(verified);
    snprintf(why, sizeof why, "TLS: %s", reason ? reason : "connection broken");
    ERR_clear_error();
    transport_close(t, why);
}

/* --- writing --- */

void transport_dirty(struct transport *t)
{
    if (t->dirty)
        return;
    t->dirty = true;
    t->next_dirty = t->io->dirty;
    t->io->dirty = t;
}

bool transport_room(const struct transport *t)
{
    return !t->blocked && !t->closing;
}

/* What is gathered goes to the socket; what that does not take is kept, and waited for. */
static void transport_send(struct transport *t)
{
    struct buf *out = &t->io->out;
    size_t sent = 0;
    while (!t->closing && !t->pending.n && sent < out->n) {
        ssize_t n = send(t->fd, out->p + sent, out->n - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            transport_close(t, strerror(errno));
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    if (sent)
        t->progress = clock_mono();
    if (!t->closing && sent < out->n) {
        buf_add(&t->pending, out->p + sent, out->n - sent);
        t->blocked = true;
    }
    out->n = 0;
    if (out->cap > 4 * FLUSH_AT)
        buf_free(out);
}

/* Encrypts; `io->out` has the result. */
static void transport_seal(struct transport *t, struct str bytes)
{
    if (!t->ssl) {
        buf_add_str(&t->io->out, bytes);
        return;
    }
    while (bytes.n && !t->closing) {
        size_t n = 0;
        ERR_clear_error();
        if (SSL_write_ex(t->ssl, bytes.p, bytes.n, &n) != 1) {
            transport_fail_tls(t);
            return;
        }
        bytes = str_from_at(bytes, n);
    }
}

static void transport_seal_stage(struct transport *t)
{
    struct io *io = t->io;
    size_t n = io->staged;
    io->staged = 0;
    if (n)
        transport_seal(t, str_slice(io->stage, n));
}

void transport_write(struct transport *t, struct str bytes)
{
    struct io *io = t->io;
    t->written += bytes.n;
    while (bytes.n) {
        if (!io->staged && bytes.n >= sizeof io->stage) { /* whole records, from where they lie */
            size_t n = bytes.n - bytes.n % sizeof io->stage;
            if (n > FLUSH_AT)
                n = FLUSH_AT;
            transport_seal(t, str_slice(bytes.p, n));
            bytes = str_from_at(bytes, n);
        } else {
            size_t n = sizeof io->stage - io->staged;
            if (n > bytes.n)
                n = bytes.n;
            memcpy(io->stage + io->staged, bytes.p, n);
            io->staged += n;
            bytes = str_from_at(bytes, n);
            if (io->staged == sizeof io->stage)
                transport_seal_stage(t);
        }
        if (io->out.n >= FLUSH_AT)
            transport_send(t);
    }
    if (t->written >= FLUSH_MOST)
        t->blocked = true;
}

static void transport_feed(struct transport *t);

/* The last thing said was sent: say that it was the last. */
static void transport_shut(struct transport *t)
{
    t->shut = true;
    if (t->peer_ended) {
        transport_close(t, NULL);
        return;
    }
    shutdown(t->fd, SHUT_WR);
    if (t->half)
        return;
    t->paused = false;
    transport_due(t, t->progress + LINGER_NS);
}

static void transport_flush(struct transport *t)
{
    if (t->closing)
        return;
    if (t->unread.n && !t->paused) {
        struct buf unread = t->unread;
        t->unread = (struct buf){0};
        t->source = buf_str(&unread);
        transport_feed(t);
        buf_free(&unread);
    }
    if (t->blocked || (t->shut && !t->half) || t->closing) {
        transport_watch(t);
        return;
    }
    if (t->turn != t->io->turn) {
        t->turn = t->io->turn;
        t->written = 0;
    }
    if (t->ready && !t->ending)
        t->ops->flush(t);
    transport_seal_stage(t);
    bool last = (t->ending || t->half) && !t->shut;
    if (last && !t->blocked && !t->closing && t->ssl) {
        SSL_shutdown(t->ssl);
        ERR_clear_error();
    }
    transport_send(t);
    if (last && !t->blocked && !t->closing)
        transport_shut(t);
    transport_watch(t);
}

static void transport_writable(struct transport *t)
{
    while (t->pending_at < t->pending.n) {
        ssize_t n = send(t->fd, t->pending.p + t->pending_at, t->pending.n - t->pending_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            transport_close(t, strerror(errno));
        if (n < 0)
            return;
        t->pending_at += (size_t)n;
        t->progress = clock_mono();
    }
    buf_free(&t->pending);
    t->pending_at = 0;
    t->blocked = false;
    transport_dirty(t);
}

/* --- reading --- */

static void transport_handshake(struct transport *t)
{
    ERR_clear_error();
    int rc = t->ssl ? SSL_do_handshake(t->ssl) : 1;
    if (rc == 1) {
        t->ready = true;
        t->ops->ready(t);
        transport_dirty(t);
    } else if (SSL_get_error(t->ssl, rc) != SSL_ERROR_WANT_READ) {
        transport_send(t); /* the alert */
        transport_fail_tls(t);
    }
    transport_send(t);
}

static void transport_peer_ended(struct transport *t, bool clean)
{
    if (t->peer_ended || t->closing)
        return;
    t->peer_ended = true;
    t->clean = clean;
    if (t->ready && !t->ending)
        t->ops->ended(t);
    if (t->shut || !t->ready)
        transport_close(t, t->ready ? NULL : "the peer ended the connection");
    transport_watch(t);
}

/* Makes data of t->source, or keeps it for when the pause is over. */
static void transport_feed(struct transport *t)
{
    if (!t->ready)
        transport_handshake(t);
    while (t->ready && !t->paused && !t->closing && !t->peer_ended) {
        if (!t->ssl) {
            struct str bytes = t->source;
            t->source = (struct str){0};
            if (bytes.n && !t->ending)
                t->ops->data(t, bytes);
            break;
        }
        size_t n = 0;
        ERR_clear_error();
        int rc = SSL_read_ex(t->ssl, t->io->plain, sizeof t->io->plain, &n);
        if (rc == 1) {
            if (!t->ending)
                t->ops->data(t, str_slice(t->io->plain, n));
            continue;
        }
        int why = SSL_get_error(t->ssl, rc);
        if (why == SSL_ERROR_ZERO_RETURN)
            transport_peer_ended(t, true);
        else if (why != SSL_ERROR_WANT_READ)
            transport_fail_tls(t);
        break;
    }
    if (t->io->out.n) /* OpenSSL's own answers */
        transport_send(t);
    if (t->source.n && !t->closing && !t->peer_ended)
        buf_add_str(&t->unread, t->source);
    t->source = (struct str){0};
}

static void transport_readable(struct transport *t)
{
    struct io *io = t->io;
    for (int i = 0; i < READS_MOST && !t->closing && !t->paused && !t->peer_ended; i++) {
        ssize_t n = recv(t->fd, io->in, sizeof io->in, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            transport_close(t, strerror(errno));
        if (n < 0)
            break;
        if (n == 0) {
            transport_peer_ended(t, !t->ssl);
            break;
        }
        if (!t->shut || t->half)
            t->progress = clock_mono();
        t->source = str_slice(io->in, (size_t)n);
        transport_feed(t);
        if ((size_t)n < sizeof io->in)
            break;
    }
}

static void transport_connected(struct transport *t)
{
    int failed = 0;
    socklen_t n = sizeof failed;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &failed, &n) < 0)
        failed = errno;
    t->connecting = false;
    if (failed)
        transport_close(t, strerror(failed));
    else
        transport_handshake(t);
}

static void transport_polled(uv_poll_t *poll, int status, int events)
{
    struct transport *t = container_of(poll, struct transport, poll);
    if (t->connecting) {
        transport_connected(t);
    } else if (status < 0) { /* the socket is in error: which one? */
        t->events = 0;
        int failed = 0;
        socklen_t n = sizeof failed;
        getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &failed, &n);
        transport_close(t, failed ? strerror(failed) : "connection broken");
    } else {
        if (events & UV_WRITABLE)
            transport_writable(t);
        if (events & UV_READABLE)
            transport_readable(t);
    }
    transport_watch(t);
}

void transport_pause(struct transport *t)
{
    t->paused = true;
    transport_watch(t);
}

void transport_resume(struct transport *t)
{
    t->paused = false;
    transport_watch(t);
    if (t->unread.n)
        transport_dirty(t);
}

void transport_end(struct transport *t)
{
    if (t->ending)
        return;
    t->ending = true;
    transport_dirty(t);
}

void transport_half_close(struct transport *t)
{
    if (t->half)
        return;
    t->half = true;
    transport_dirty(t);
}

static int64_t transport_deadline(const struct transport *t, int64_t now)
{
    if (t->closing)
        return INT64_MAX;
    if (t->shut && !t->half)
        return t->progress + LINGER_NS;
    return t->ops->deadline((struct transport *)t, now);
}

void transport_start(struct transport *t, const struct transport_ops *ops, struct io *io, int fd, SSL *ssl)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, bio_make_method);
    t->ops = ops;
    t->io = io;
    t->fd = fd;
    t->ssl = ssl;
    t->progress = clock_mono();
    t->next = io->all;
    t->link = &io->all;
    if (t->next)
        t->next->link = &t->next;
    io->all = t;
    if (ssl) {
        BIO *bio = BIO_new(bio_method);
        ensure(bio);
        BIO_set_data(bio, t);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl, bio, bio);
    }
    ensure(uv_poll_init(loop_uv(io->loop), &t->poll, fd) == 0);
    transport_watch(t);
    if (!t->connecting && (!ssl || !SSL_is_server(ssl)))
        transport_handshake(t);
    transport_due(t, ops->deadline(t, t->progress));
}
