/* Listening, and the connections of each loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "http/conn.h"
#include "http/tls.h"

#define LOG_PART "http"
#include "base/log.h"

#define WARN_NS (2 * CLOCK_S) /* after the end of a stop's deadline */
enum { ACCEPTS_MOST = 64, BACKLOG = 1024, RETRY_MS = 100 };

/* --- connections --- */

void conn_release(struct http_conn *c)
{
    struct shard *s = c->shard;
    if (!c->gone || c->n_requests)
        return;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    buf_free(&c->certificate);
    free(c);
    s->n_conns--;
    if (s->stopping && !s->n_conns)
        loop_post(s->loop, &s->stop);
}

static int64_t asn1_seconds(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* Who is there, as far as TLS knows. */
static void conn_take_certificate(struct http_conn *c)
{
    X509 *x = SSL_get1_peer_certificate(c->transport.ssl);
    if (!x)
        return;
    long verified = SSL_get_verify_result(c->transport.ssl);
    if (verified != X509_V_OK)
        c->certificate_problem = X509_verify_cert_error_string(verified);
    c->is_proxy = tls_is_proxy(c->transport.ssl);
    c->certificate_from = asn1_seconds(X509_get0_notBefore(x));
    c->certificate_until = asn1_seconds(X509_get0_notAfter(x));
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    if (n > 0)
        buf_add(&c->certificate, der, (size_t)n);
    OPENSSL_free(der);
    X509_free(x);
    ERR_clear_error();
}

static void conn_ready(struct transport *t)
{
    struct http_conn *c = container_of(t, struct http_conn, transport);
    const unsigned char *protocol = NULL;
    unsigned n = 0;
    if (t->ssl) {
        SSL_get0_alpn_selected(t->ssl, &protocol, &n);
        conn_take_certificate(c);
    }
    if (n == 2 && memcmp(protocol, "h2", 2) == 0)
        h2_start(c);
    else
        h1_start(c);
    if (c->draining)
        c->ops->drain(c);
}

static int64_t conn_deadline(struct transport *t, int64_t now)
{
    (void)now;
    struct http_conn *c = container_of(t, struct http_conn, transport);
    return c->since + c->shard->server->o.header_ns; /* however busily it drips */
}

static void conn_closed(struct transport *t)
{
    struct http_conn *c = container_of(t, struct http_conn, transport);
    log_debug("connection from %s: %s", c->peer, t->problem);
    c->gone = true;
    conn_release(c);
}

/* Until the handshake is over and the protocol known. */
static const struct transport_ops conn_handshake_ops = {
    .ready = conn_ready, .deadline = conn_deadline, .closed = conn_closed};

static void name_peer(int fd, char out[static 46])
{
    struct sockaddr_storage address;
    socklen_t n = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";
    if (getpeername(fd, (struct sockaddr *)&address, &n) == 0 &&
        getnameinfo((struct sockaddr *)&address, n, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
        host[0] = '\0';
    const char *shown = strncmp(host, "::ffff:", 7) == 0 ? host + 7 : host; /* IPv4 on a dual-stack socket */
    snprintf(out, 46, "%s", shown);
}

static void conn_open(struct shard *s, int fd)
{
    struct http_server *server = s->server;
    SSL *ssl = NULL;
    pthread_mutex_lock(&server->mutex);
    if (server->tls)
        ensure(ssl = SSL_new(server->tls));
    pthread_mutex_unlock(&server->mutex);
    if (ssl)
        SSL_set_accept_state(ssl);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    int idle_s = 60, between_s = 15, probes = 4; /* a peer that vanished is noticed after two minutes */
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof between_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    struct http_conn *c = mem_zalloc(sizeof *c);
    c->shard = s;
    c->since = clock_mono();
    c->next = s->conns;
    c->link = &s->conns;
    if (c->next)
        c->next->link = &c->next;
    s->conns = c;
    name_peer(fd, c->peer);
    transport_start(&c->transport, &conn_handshake_ops, s->io, fd, ssl);
}

/* --- accepting --- */

struct arrival {
    struct loop_task task;
    struct shard *shard;
    int fd;
};

static void shard_take(struct loop_task *task)
{
    struct arrival *a = container_of(task, struct arrival, task);
    struct shard *s = a->shard;
    if (s->stopping) {
        close(a->fd);
        if (!--s->n_conns)
            loop_post(s->loop, &s->stop);
    } else {
        conn_open(s, a->fd);
    }
    free(a);
}

/* To the loop with the fewest connections. */
static void server_place(struct http_server *server, int fd)
{
    struct shard *to = &server->shards[0];
    size_t total = 0;
    for (size_t i = 0; i < server->n_shards; i++) {
        total += server->shards[i].n_conns;
        if (server->shards[i].n_conns < to->n_conns)
            to = &server->shards[i];
    }
    if (total >= server->o.max_connections) {
        log_warn("more than %zu connections: one is refused", server->o.max_connections);
        close(fd);
        return;
    }
    to->n_conns++;
    struct arrival *a = mem_zalloc(sizeof *a);
    a->task.run = shard_take;
    a->shard = to;
    a->fd = fd;
    loop_post(to->loop, &a->task);
}

static void server_accept(uv_poll_t *listener, int status, int events);

static void server_retry(uv_timer_t *timer)
{
    struct http_server *server = container_of(timer, struct http_server, retry);
    uv_poll_start(&server->listener, UV_READABLE, server_accept);
}

static void server_accept(uv_poll_t *listener, int status, int events)
{
    (void)status, (void)events;
    struct http_server *server = container_of(listener, struct http_server, listener);
    for (int i = 0; i < ACCEPTS_MOST; i++) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            server_place(server, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_error("accept: %s", strerror(errno));
            uv_poll_stop(listener); /* until some connections are gone */
            uv_timer_start(&server->retry, server_retry, RETRY_MS, 0);
            break;
        } else if (errno == EAGAIN) {
            break;
        } /* else the peer is gone already: the next */
    }
}

/* --- start and stop --- */

static void shard_start(struct loop_task *task)
{
    struct shard *s = container_of(task, struct shard, start);
    struct http_server *server = s->server;
    s->io = io_get(s->loop);
    uv_timer_init(loop_uv(s->loop), &s->stop_timer);
    if (s == &server->shards[0]) {
        uv_timer_init(loop_uv(s->loop), &server->retry);
        ensure(uv_poll_init(loop_uv(s->loop), &server->listener, server->fd) == 0);
        uv_poll_start(&server->listener, UV_READABLE, server_accept);
    }
}

static void shard_stopped(uv_handle_t *timer)
{
    struct shard *s = container_of((uv_timer_t *)timer, struct shard, stop_timer);
    struct http_server *server = s->server;
    io_put(s->io);
    for (struct http_request *r; (r = s->spare);) {
        s->spare = r->next;
        arena_free(&r->arena);
        parts_free(&r->queue);
        free(r);
    }
    _lock_(&server->mutex);
    server->n_running--;
    pthread_cond_signal(&server->cond);
}

static void shard_close_all(uv_timer_t *timer)
{
    struct shard *s = container_of(timer, struct shard, stop_timer);
    for (struct http_conn *c = s->conns; c; c = c->next)
        if (!c->gone)
            transport_close(&c->transport, "the server stops");
}

/* Runs twice: when the server stops, and when the last connection is gone. */
static void shard_stop(struct loop_task *task)
{
    struct shard *s = container_of(task, struct shard, stop);
    if (!s->stopping) {
        s->stopping = true;
        int64_t left = s->stop_by - clock_mono();
        uv_timer_start(&s->stop_timer, shard_close_all, left > 0 ? (uint64_t)(left / CLOCK_MS) : 0, 0);
        for (struct http_conn *c = s->conns; c; c = c->next) {
            c->draining = true;
            if (!c->ops)
                transport_close(&c->transport, "the server stops");
            else if (!c->gone)
                c->ops->drain(c);
        }
        if (s->n_conns)
            return;
    }
    if (!s->n_conns && !uv_is_closing((uv_handle_t *)&s->stop_timer))
        uv_close((uv_handle_t *)&s->stop_timer, shard_stopped);
}

static void server_unlisten(struct loop_task *task)
{
    struct http_server *server = container_of(task, struct http_server, unlisten);
    uv_close((uv_handle_t *)&server->listener, NULL);
    uv_close((uv_handle_t *)&server->retry, NULL);
    close(server->fd);
    _lock_(&server->mutex);
    server->listening = false;
    pthread_cond_signal(&server->cond);
}

void http_server_stop(struct http_server *server, int64_t deadline)
{
    /* First nothing new comes in, so that what a loop has is all that it will have. */
    server->unlisten.run = server_unlisten;
    loop_post(server->shards[0].loop, &server->unlisten);
    pthread_mutex_lock(&server->mutex);
    while (server->listening)
        pthread_cond_wait(&server->cond, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
    for (size_t i = 0; i < server->n_shards; i++) {
        ensure(!loop_here(server->shards[i].loop));
        server->shards[i].stop_by = deadline;
        loop_post(server->shards[i].loop, &server->shards[i].stop);
    }
    _lock_(&server->mutex);
    while (server->n_running && thread_cond_wait(&server->cond, &server->mutex, deadline + WARN_NS))
        ;
    if (server->n_running)
        log_warn("waiting for requests that nobody answers");
    while (server->n_running)
        pthread_cond_wait(&server->cond, &server->mutex);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    ensure(!server->n_running);
    SSL_CTX_free(server->tls);
    buf_free(&server->proxy_ca_pem);
    pthread_mutex_destroy(&server->mutex);
    pthread_cond_destroy(&server->cond);
    free(server->shards);
    free(server);
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

int http_server_reload(struct http_server *server, struct str cert_pem, struct str key_pem,
                       struct str client_ca_pem, struct err *err)
{
    SSL_CTX *tls = tls_server_context(cert_pem, key_pem, client_ca_pem, buf_str(&server->proxy_ca_pem), err);
    if (!tls)
        return -1;
    pthread_mutex_lock(&server->mutex);
    SSL_CTX *old = server->tls;
    server->tls = tls;
    pthread_mutex_unlock(&server->mutex);
    SSL_CTX_free(old); /* its connections hold it */
    return 0;
}

/* "0.0.0.0:6443", "[::]:6443": addresses only, so that nothing is looked up. */
static int server_listen(struct http_server *server, const char *listen_on, struct err *err)
{
    struct str host = str_from(listen_on);
    ptrdiff_t colon = str_last_index(host, ':');
    if (colon < 0)
        return err_set(err, ERR_BAD_REQUEST, "listen address \"%s\": no port", listen_on);
    struct str port = str_from_at(host, (size_t)colon + 1);
    host.n = (size_t)colon;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = str_slice(host.p + 1, host.n - 2);
    _cleanup_arena_ struct arena a = {0};
    struct addrinfo want = {.ai_family = AF_UNSPEC,
                            .ai_socktype = SOCK_STREAM,
                            .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host.n ? arena_c(&a, host) : NULL, arena_c(&a, port), &want, &found);
    if (rc)
        return err_set(err, ERR_BAD_REQUEST, "listen address \"%s\": %s", listen_on, gai_strerror(rc));
    int on = 1, off = 0, fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_storage bound;
    socklen_t n = sizeof bound;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (found->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &n) < 0) {
        err_errno(err, errno, "listen on %s", listen_on);
        freeaddrinfo(found);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    freeaddrinfo(found);
    server->fd = fd;
    server->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                     : ((struct sockaddr_in *)&bound)->sin_port);
    return 0;
}

static void default_options(struct http_server_options *o)
{
    o->listen = NULL;
    o->cert_pem = o->key_pem = o->client_ca_pem = o->proxy_ca_pem = (struct str){0};
    o->max_body = o->max_body ? o->max_body : 3 * 1024 * 1024;
    o->max_header = o->max_header ? o->max_header : 64 * 1024;
    o->max_streams = o->max_streams ? o->max_streams : 250;
    o->max_connections = o->max_connections ? o->max_connections : 10000;
    o->idle_ns = o->idle_ns ? o->idle_ns : 180 * CLOCK_S;
    o->header_ns = o->header_ns ? o->header_ns : 32 * CLOCK_S;
    o->body_ns = o->body_ns ? o->body_ns : 300 * CLOCK_S;
}

int http_server_start(const struct http_server_options *o, struct http_server **out, struct err *err)
{
    ensure(o->n_loops && o->handle);
    struct http_server *server = mem_zalloc(sizeof *server);
    pthread_mutex_init(&server->mutex, NULL);
    thread_cond_init(&server->cond);
    server->o = *o;
    default_options(&server->o);
    buf_add_str(&server->proxy_ca_pem, o->proxy_ca_pem);
    if ((o->cert_pem.n || o->key_pem.n) &&
        !(server->tls = tls_server_context(o->cert_pem, o->key_pem, o->client_ca_pem, o->proxy_ca_pem, err)))
        goto fail;
    if (server_listen(server, o->listen, err) < 0)
        goto fail;
    server->n_shards = server->n_running = o->n_loops;
    server->shards = mem_zalloc(o->n_loops * sizeof *server->shards);
    for (size_t i = 0; i < o->n_loops; i++) {
        struct shard *s = &server->shards[i];
        s->server = server;
        s->loop = o->loops[i];
        s->date_s = -1;
        s->start.run = shard_start;
        s->stop.run = shard_stop;
    }
    server->o.loops = NULL;
    server->listening = true;
    for (size_t i = o->n_loops; i-- > 0;) /* the one that listens last */
        loop_post(server->shards[i].loop, &server->shards[i].start);
    *out = server;
    return 0;
fail:
    server->n_running = 0;
    http_server_free(server);
    return -1;
}
