#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/identity.h"

static void count_release(void *owner)
{
    struct harness *h = owner;
    h->seen.released++;
}

static void respond_text(struct http_request *r, int status, struct str text)
{
    http_respond(r, status, &(struct http_header){STR("content-type"), STR("text/plain")}, 1,
                 &(struct http_part){.bytes = text}, 1);
}

/* --- routes --- */

static void echo(struct harness *h, struct http_request *r)
{
    (void)h;
    struct str text =
        arena_printf(http_arena(r), STR_FMT " " STR_FMT "?" STR_FMT " " STR_FMT, STR_ARG(http_method(r)),
                     STR_ARG(http_path(r)), STR_ARG(http_query(r)), STR_ARG(http_body(r)));
    respond_text(r, 200, text);
}

/* As a proxy might that passes on what it got. */
static void odd_headers(struct harness *h, struct http_request *r)
{
    (void)h;
    static const struct http_header headers[] = {
        {STR_INIT("Content-Length"), STR_INIT("1000")}, {STR_INIT("transfer-encoding"), STR_INIT("chunked")},
        {STR_INIT("connection"), STR_INIT("close")},    {STR_INIT("x-split"), STR_INIT("a\r\nset-cookie: b")},
        {STR_INIT("bad name"), STR_INIT("c")},          {STR_INIT("x-kept"), STR_INIT("yes")},
    };
    http_respond(r, 200, headers, ARRAY_LEN(headers), &(struct http_part){.bytes = STR("ok")}, 1);
}

static void host(struct harness *h, struct http_request *r)
{
    (void)h;
    respond_text(r, 200, http_header_get(r, STR("host")));
}

static void peer(struct harness *h, struct http_request *r)
{
    (void)h;
    struct identity who;
    struct str der = http_peer_certificate(r);
    const char *problem = http_peer_problem(r);
    if (der.n && identity_of_certificate(http_arena(r), der, &who, NULL) == 0)
        respond_text(r, 200, who.name);
    else
        respond_text(r, 401, str_from(problem ? problem : "none given"));
}

static int64_t query_number(struct http_request *r)
{
    int64_t n = 0;
    str_to_i64(http_query(r), &n);
    return n;
}

static void big(struct harness *h, struct http_request *r)
{
    size_t n = (size_t)query_number(r);
    char *bytes = arena_alloc(http_arena(r), n);
    memset(bytes, 'b', n);
    struct http_part part = {.bytes = str_slice(bytes, n), .release = count_release, .owner = h};
    http_respond(r, 200, NULL, 0, &part, 1);
}

struct stream {
    struct harness *h;
    struct http_request *r;
};

static void stream_closed(void *arg)
{
    struct stream *s = arg;
    s->h->seen.closed++;
    free(s);
}

static struct stream *stream_begin(struct harness *h, struct http_request *r, void (*drained)(void *arg))
{
    struct stream *s = mem_zalloc(sizeof *s);
    s->h = h;
    s->r = r;
    http_begin(r, 200, &(struct http_header){STR("content-type"), STR("text/plain")}, 1, stream_closed,
               drained, s);
    return s;
}

static void stream(struct harness *h, struct http_request *r)
{
    int64_t n = query_number(r);
    stream_begin(h, r, NULL);
    for (int64_t i = 0; i < n; i++) {
        char line[32];
        size_t len = (size_t)snprintf(line, sizeof line, "line %lld\n", (long long)i);
        http_write(r, &(struct http_part){.bytes = str_slice(line, len)}, 1);
    }
    http_end(r);
}

static char kilobytes[64 * 1024];

static void forever_fill(void *arg)
{
    struct stream *s = arg;
    struct http_part part = {
        .bytes = str_slice(kilobytes, sizeof kilobytes), .release = count_release, .owner = s->h};
    s->h->seen.drained++;
    while (http_write(s->r, &part, 1))
        ;
    s->h->seen.refused_writes++;
}

static void forever(struct harness *h, struct http_request *r)
{
    struct stream *s = stream_begin(h, r, forever_fill);
    forever_fill(s);
}

static void parked_aborted(void *arg)
{
    struct harness *h = arg;
    h->seen.aborted++;
}

static void park(struct harness *h, struct http_request *r)
{
    http_on_abort(r, parked_aborted, h);
    h->parked = r;
}

static void unpark_now(struct loop_task *task)
{
    struct harness *h = container_of(task, struct harness, unpark);
    respond_text(h->parked, 200, STR("unparked"));
    h->parked = NULL;
}

void harness_unpark(struct harness *h)
{
    h->unpark.run = unpark_now;
    loop_post(http_loop(h->parked), &h->unpark);
}

struct echo_pipe {
    struct harness *h;
    struct http_pipe *pipe;
};

static void echo_data(void *arg, struct str bytes)
{
    struct echo_pipe *e = arg;
    if (!http_pipe_write(e->pipe, &(struct http_part){.bytes = bytes}, 1))
        http_pipe_pause(e->pipe);
}

static void echo_drained(void *arg)
{
    struct echo_pipe *e = arg;
    http_pipe_resume(e->pipe);
}

static void echo_ended(void *arg)
{
    struct echo_pipe *e = arg;
    http_pipe_write(e->pipe, &(struct http_part){.bytes = STR("bye")}, 1);
    http_pipe_end(e->pipe);
}

static void echo_closed(void *arg)
{
    struct echo_pipe *e = arg;
    e->h->seen.pipes_closed++;
    free(e);
}

static void upgrade(struct harness *h, struct http_request *r)
{
    static const struct http_pipe_events events = {
        .data = echo_data, .ended = echo_ended, .drained = echo_drained, .closed = echo_closed};
    if (!http_can_upgrade(r)) {
        respond_text(r, 400, STR("no upgrade"));
        return;
    }
    struct echo_pipe *e = mem_zalloc(sizeof *e);
    e->h = h;
    e->pipe = http_upgrade(r, &(struct http_header){STR("upgrade"), STR("echo")}, 1, &events, e);
    http_pipe_resume(e->pipe);
}

static void handle(void *arg, struct http_request *r)
{
    static const struct {
        struct str path;
        void (*handle)(struct harness *h, struct http_request *r);
    } routes[] = {
        {STR_INIT("/echo"), echo},       {STR_INIT("/host"), host},       {STR_INIT("/peer"), peer},
        {STR_INIT("/stream"), stream},   {STR_INIT("/forever"), forever}, {STR_INIT("/big"), big},
        {STR_INIT("/upgrade"), upgrade}, {STR_INIT("/park"), park},       {STR_INIT("/odd"), odd_headers},
    };
    struct harness *h = arg;
    h->seen.requests++;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        if (str_eq(http_path(r), routes[i].path)) {
            routes[i].handle(h, r);
            return;
        }
    respond_text(r, 404, STR("no such route"));
}

/* --- start and stop --- */

void harness_start(struct harness *h, struct http_server_options o, bool tls)
{
    _cleanup_err_ struct err err = {0};
    *h = (struct harness){0};
    for (int i = 0; i < 2; i++)
        h->loops[i] = loop_new("http");
    if (tls) {
        static const struct str names[] = {STR_INIT("localhost"), STR_INIT("127.0.0.1")};
        const struct pki_request q = {
            .common_name = STR("server"), .names = names, .n_names = 2, .server = true, .lifetime_s = 3600};
        assert_ok(pki_make_ca(STR("ca"), 86400, &h->ca, &err), err);
        assert_ok(pki_issue(&h->ca, &q, &h->cert, &err), err);
        o.cert_pem = buf_str(&h->cert.cert_pem);
        o.key_pem = buf_str(&h->cert.key_pem);
        o.client_ca_pem = buf_str(&h->ca.cert_pem);
    }
    o.listen = "127.0.0.1:0";
    o.loops = h->loops;
    o.n_loops = 2;
    o.handle = handle;
    o.arg = h;
    assert_ok(http_server_start(&o, &h->server, &err), err);
    for (int i = 0; i < 2; i++)
        loop_start(h->loops[i]);
    h->port = http_server_port(h->server);
    snprintf(h->url, sizeof h->url, "%s://127.0.0.1:%d", tls ? "https" : "http", h->port);
}

void harness_stop(struct harness *h)
{
    http_server_stop(h->server, clock_mono() + 100 * CLOCK_MS);
    http_server_free(h->server);
    for (int i = 0; i < 2; i++) {
        loop_stop(h->loops[i]);
        loop_join(h->loops[i]);
        loop_free(h->loops[i]);
    }
    pki_pair_free(&h->ca);
    pki_pair_free(&h->cert);
}

void harness_wait(_Atomic int *counter, int n)
{
    int64_t deadline = clock_mono() + 5 * CLOCK_S;
    while (*counter < n) {
        if (clock_mono() > deadline)
            fail_msg("waited in vain: %d instead of %d", *counter, n);
        clock_sleep(CLOCK_MS);
    }
}

/* --- plain connections --- */

int dial(const struct harness *h)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)h->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void send_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the server has closed: what it said is what the test looks at */
        bytes = str_from_at(bytes, (size_t)n);
    }
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 2000) == 1;
}

struct str receive(struct arena *a, int fd, const char *until)
{
    _cleanup_buf_ struct buf b = {0};
    while (!until || str_find(buf_str(&b), str_from(until)) < 0) {
        if (!readable(fd))
            break;
        ssize_t n = recv(fd, buf_room(&b, 4096), 4096, 0);
        if (n <= 0)
            break;
        b.n += (size_t)n;
    }
    return arena_str(a, buf_str(&b));
}

bool is_closed(int fd)
{
    char c;
    return readable(fd) && recv(fd, &c, 1, 0) <= 0;
}

struct str exchange(const struct harness *h, struct arena *a, struct str request)
{
    int fd = dial(h);
    send_all(fd, request);
    struct str got = receive(a, fd, NULL);
    close(fd);
    return got;
}

/* --- TLS --- */

static SSL_CTX *client_context(const struct harness *h, const struct pki_pair *pair)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    BIO *bio = BIO_new_mem_buf(h->ca.cert_pem.p, (int)h->ca.cert_pem.n);
    X509 *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca);
    X509_free(ca);
    BIO_free(bio);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (pair) {
        bio = BIO_new_mem_buf(pair->cert_pem.p, (int)pair->cert_pem.n);
        X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        SSL_CTX_use_certificate(ctx, x);
        X509_free(x);
        BIO_free(bio);
        bio = BIO_new_mem_buf(pair->key_pem.p, (int)pair->key_pem.n);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        SSL_CTX_use_PrivateKey(ctx, key);
        EVP_PKEY_free(key);
        BIO_free(bio);
    }
    return ctx;
}

void tls_dial(struct tls *t, const struct harness *h, const struct pki_pair *pair, const char *alpn)
{
    t->fd = dial(h);
    t->ctx = client_context(h, pair);
    t->ssl = SSL_new(t->ctx);
    unsigned char protocols[16] = {(unsigned char)strlen(alpn)};
    memcpy(protocols + 1, alpn, strlen(alpn));
    SSL_set_alpn_protos(t->ssl, protocols, 1 + (unsigned)strlen(alpn));
    SSL_set_fd(t->ssl, t->fd);
    assert_int_equal(SSL_connect(t->ssl), 1);
}

void tls_close(struct tls *t)
{
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    close(t->fd);
}

bool tls_read(struct tls *t, void *to, size_t n)
{
    for (size_t done = 0; done < n;) {
        if (!SSL_pending(t->ssl) && !readable(t->fd))
            return false;
        int got = SSL_read(t->ssl, (char *)to + done, (int)(n - done));
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}
