/* HTTP/2 as the server speaks it, frame by frame, and what TLS tells about the peer. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct harness h;

static int start(void **state)
{
    (void)state;
    harness_start(&h, (struct http_server_options){.max_body = 100000, .max_header = 8192, .max_streams = 10},
                  true);
    return 0;
}

/* Times are short here, so that what is too slow is soon known. */
static int start_hurried(void **state)
{
    (void)state;
    harness_start(&h,
                  (struct http_server_options){
                      .idle_ns = 400 * CLOCK_MS, .header_ns = 200 * CLOCK_MS, .body_ns = 200 * CLOCK_MS},
                  true);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    harness_stop(&h);
    return 0;
}

/* --- a client that sends whatever it is told --- */

enum {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
enum { PROTOCOL_ERROR = 1, INTERNAL_ERROR = 2, ENHANCE_YOUR_CALM = 11 };

struct frame {
    int type, flags;
    uint32_t stream;
    struct str payload;
};

static void put_frame(struct buf *out, int type, int flags, uint32_t stream, struct str payload)
{
    const unsigned char head[9] = {(unsigned char)(payload.n >> 16),
                                   (unsigned char)(payload.n >> 8),
                                   (unsigned char)payload.n,
                                   (unsigned char)type,
                                   (unsigned char)flags,
                                   (unsigned char)(stream >> 24),
                                   (unsigned char)(stream >> 16),
                                   (unsigned char)(stream >> 8),
                                   (unsigned char)stream};
    buf_add(out, head, sizeof head);
    buf_add_str(out, payload);
}

/* A literal field without indexing (RFC 7541, 6.2.2). */
static void put_field(struct buf *out, const char *name, const char *value)
{
    size_t n = strlen(name), v = strlen(value);
    assert_true(n < 127);
    buf_add_c(out, 0);
    buf_add_c(out, (char)n);
    buf_add(out, name, n);
    if (v < 127) {
        buf_add_c(out, (char)v);
    } else {
        buf_add_c(out, 127);
        for (v -= 127; v >= 128; v /= 128)
            buf_add_c(out, (char)(v % 128 + 128));
        buf_add_c(out, (char)v);
    }
    buf_add(out, value, strlen(value));
}

/* Fields: names and values, ended by NULL. */
static void put_headers(struct buf *out, uint32_t stream, int flags, const char *const *fields)
{
    _cleanup_buf_ struct buf block = {0};
    for (; fields[0]; fields += 2)
        put_field(&block, fields[0], fields[1]);
    put_frame(out, HEADERS, flags | END_HEADERS, stream, buf_str(&block));
}

static void put_get(struct buf *out, uint32_t stream, const char *path)
{
    const char *fields[] = {":method", "GET", ":scheme", "https", ":path", path, ":authority", "x", NULL};
    put_headers(out, stream, END_STREAM, fields);
}

/* False when the server has gone. */
static bool flush(struct tls *t, struct buf *out)
{
    bool ok = true;
    for (size_t at = 0; ok && at < out->n;) {
        int n = SSL_write(t->ssl, out->p + at, (int)(out->n - at));
        ok = n > 0;
        at += ok ? (size_t)n : 0;
    }
    out->n = 0;
    return ok;
}

static uint32_t number(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The next frame; false at the end of the connection. */
static bool next_frame(struct tls *t, struct arena *a, struct frame *f)
{
    unsigned char head[9];
    if (!tls_read(t, head, sizeof head))
        return false;
    size_t n = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    char *payload = arena_alloc(a, n + 1);
    *f = (struct frame){head[3], head[4], number(str_slice((char *)head + 5, 4)), str_slice(payload, n)};
    return tls_read(t, payload, n);
}

/* Skips to the next frame of a type on a stream (0xffffffff: any). */
static bool await(struct tls *t, struct arena *a, int type, uint32_t stream, struct frame *f)
{
    while (next_frame(t, a, f))
        if (f->type == type && (stream == UINT32_MAX || f->stream == stream))
            return true;
    return false;
}

/* The whole body of a stream's response; "reset N" when the stream was reset instead. */
static struct str body_of(struct tls *t, struct arena *a, uint32_t stream)
{
    _cleanup_buf_ struct buf b = {0};
    for (struct frame f; next_frame(t, a, &f);) {
        if (f.stream != stream)
            continue;
        if (f.type == RST_STREAM)
            return arena_printf(a, "reset %u", number(f.payload));
        if (f.type == DATA)
            buf_add_str(&b, f.payload);
        if (f.flags & END_STREAM && (f.type == DATA || f.type == HEADERS))
            return arena_str(a, buf_str(&b));
    }
    return STR("closed");
}

/* Shakes hands; from then on the server's settings are in force. */
static void greet(struct tls *t, struct buf *out, const struct pki_pair *pair)
{
    _cleanup_arena_ struct arena a = {0};
    struct frame f;
    tls_dial(t, &h, pair, "h2");
    buf_add_lit(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_frame(out, SETTINGS, 0, 0, STR(""));
    flush(t, out);
    assert_true(await(t, &a, SETTINGS, 0, &f));
    put_frame(out, SETTINGS, ACK, 0, STR(""));
}

#define CONNECTION                                                                                           \
    _cleanup_arena_ struct arena a = {0};                                                                    \
    _cleanup_buf_ struct buf out = {0};                                                                      \
    struct tls t;                                                                                            \
    greet(&t, &out, NULL)

/* --- tests --- */

static void streams_are_answered_side_by_side(void **state)
{
    (void)state;
    CONNECTION;
    const char *post[] = {":method", "POST", ":scheme", "https", ":path", "/echo?q", ":authority", "x", NULL};
    put_headers(&out, 1, 0, post);
    put_get(&out, 3, "/echo?3");
    flush(&t, &out);
    assert_str(body_of(&t, &a, 3), "GET /echo?3 ");
    put_get(&out, 5, "/stream?3");
    flush(&t, &out);
    assert_str(body_of(&t, &a, 5), "line 0\nline 1\nline 2\n");
    put_get(&out, 7, "/host");
    flush(&t, &out);
    assert_str(body_of(&t, &a, 7), "x");
    put_frame(&out, DATA, 0, 1, STR("hel"));
    put_frame(&out, DATA, END_STREAM, 1, STR("lo"));
    flush(&t, &out);
    assert_str(body_of(&t, &a, 1), "POST /echo?q hello");
    harness_wait(&h.seen.closed, 1);
    tls_close(&t);
}

static void flow_control_is_obeyed(void **state)
{
    (void)state;
    CONNECTION;
    put_get(&out, 1, "/big?100000");
    flush(&t, &out);
    struct frame f;
    size_t got = 0;
    while (got < 65535 && await(&t, &a, DATA, 1, &f)) /* the default window */
        got += f.payload.n;
    assert_int_equal(got, 65535);
    put_frame(&out, PING, 0, 0, STR("12345678"));
    flush(&t, &out);
    assert_true(next_frame(&t, &a, &f));
    assert_int_equal(f.type, PING); /* and not more DATA */
    put_frame(&out, WINDOW_UPDATE, 0, 0, str_slice("\0\1\0\0", 4));
    put_frame(&out, WINDOW_UPDATE, 0, 1, str_slice("\0\1\0\0", 4));
    flush(&t, &out);
    assert_int_equal(body_of(&t, &a, 1).n, 100000 - 65535);
    harness_wait(&h.seen.released, 1);
    tls_close(&t);
}

static void a_reset_stream_gives_up_its_response(void **state)
{
    (void)state;
    CONNECTION;
    put_get(&out, 1, "/forever");
    put_get(&out, 3, "/park");
    flush(&t, &out);
    harness_wait(&h.seen.refused_writes, 1);
    harness_wait(&h.seen.requests, 2);
    put_frame(&out, RST_STREAM, 0, 1, str_slice("\0\0\0\10", 4));
    put_frame(&out, RST_STREAM, 0, 3, str_slice("\0\0\0\10", 4));
    flush(&t, &out);
    harness_wait(&h.seen.closed, 1);
    harness_wait(&h.seen.aborted, 1);
    harness_unpark(&h);
    put_frame(&out, WINDOW_UPDATE, 0, 0, str_slice("\0\1\0\0", 4)); /* the first stream used it up */
    put_get(&out, 5, "/echo?still");
    flush(&t, &out);
    assert_str(body_of(&t, &a, 5), "GET /echo?still ");
    tls_close(&t);
}

static void malformed_messages_are_reset(void **state)
{
    (void)state;
    static const char *const bad[][16] = {
        {":method", "GET", ":scheme", "https", ":path", "*", ":authority", "x", NULL},
        {":method", "GET", ":scheme", "https", ":authority", "x", NULL}, /* no path */
        {":method", "GET", ":scheme", "https", ":path", "/", ":path", "/", ":authority", "x", NULL}, /* two */
        {":scheme", "https", ":path", "/", ":authority", "x", NULL}, /* no method */
        {":method", "GET", ":scheme", "https", ":path", "/", "a", "b", ":authority", "x", NULL}, /* late */
        {":method", "GET", ":scheme", "https", ":path", "/", ":authority", "x", ":odd", "1",
         NULL}, /* unknown */
        {":method", "GET", ":scheme", "https", ":path", "/", ":authority", "x", "Upper", "1",
         NULL}, /* case */
        {":method", "GET", ":scheme", "https", ":path", "/", ":authority", "x", "connection", "close", NULL},
        {":method", "GET", ":scheme", "https", ":path", "/", ":authority", "x", "transfer-encoding",
         "chunked", NULL},
        {":method", "GET", ":scheme", "https", ":path", "/", ":authority", "x", "te", "gzip", NULL},
        {":method", "GET", ":scheme", "https", ":path", "/", ":authority", "x", "content-length", "7", NULL},
        {":method", "GET", ":scheme", "https", ":path", "/", ":authority", "x", "a", "b\r\nc: d", NULL},
    };
    CONNECTION;
    for (uint32_t i = 0; i < ARRAY_LEN(bad); i++) {
        put_headers(&out, 2 * i + 1, END_STREAM, bad[i]);
        flush(&t, &out);
        struct str got = body_of(&t, &a, 2 * i + 1);
        if (!str_is(got, "reset 1"))
            fail_msg("case %u: " STR_FMT, i, STR_ARG(got));
    }
    /* what nghttp2 leaves to us is answered */
    const char *two_hosts[] = {":method",    "GET", ":scheme", "https", ":path", "/echo",
                               ":authority", "x",   "host",    "y",     NULL};
    put_headers(&out, 101, END_STREAM, two_hosts);
    flush(&t, &out);
    assert_str(body_of(&t, &a, 101), ":authority and Host differ\n");
    put_get(&out, 103, "/caf\xc3\xa9");
    flush(&t, &out);
    assert_str(body_of(&t, &a, 103), "malformed request target\n");
    assert_int_equal(h.seen.requests, 0);
    tls_close(&t);
}

static void too_much_is_too_much(void **state)
{
    (void)state;
    CONNECTION;
    const char *post[] = {":method", "POST", ":scheme", "https", ":path", "/echo", ":authority", "x", NULL};
    char piece[16384] = "";
    put_headers(&out, 1, 0, post);
    flush(&t, &out);
    for (int i = 0; i < 7; i++)
        put_frame(&out, DATA, 0, 1, str_slice(piece, sizeof piece));
    flush(&t, &out);
    assert_str(body_of(&t, &a, 1), "Request entity too large: limit is 100000\n");

    char value[4096];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    const char *fat[] = {":method", "GET", ":scheme", "https", ":path", "/echo", ":authority", "x",
                         "a",       value, "b",       value,   "c",     value,   NULL};
    put_headers(&out, 3, END_STREAM, fat);
    flush(&t, &out);
    assert_str(body_of(&t, &a, 3), "request header fields too large\n");
    assert_int_equal(h.seen.requests, 0);
    tls_close(&t);
}

static void streams_beyond_the_limit_end_the_connection(void **state)
{
    (void)state;
    CONNECTION;
    struct frame f;
    const char *post[] = {":method", "POST", ":scheme", "https", ":path", "/echo", ":authority", "x", NULL};
    for (uint32_t i = 0; i < 11; i++)
        put_headers(&out, 2 * i + 1, 0, post);
    flush(&t, &out);
    assert_true(await(&t, &a, GOAWAY, 0, &f));
    assert_int_equal(number(str_from_at(f.payload, 4)), PROTOCOL_ERROR);
    assert_int_equal(h.seen.requests, 0);
    tls_close(&t);
}

/* Sends a kind of frame until the server has had enough. True when it says so, or just goes. */
static bool flooded(void (*put)(struct buf *out, uint32_t i), uint32_t error)
{
    CONNECTION;
    bool gone = false;
    for (uint32_t i = 0; i < 20000 && !gone; i++) {
        put(&out, i);
        if (out.n < 8192)
            continue;
        gone = !flush(&t, &out);
    }
    flush(&t, &out);
    struct frame f;
    bool told = await(&t, &a, GOAWAY, 0, &f) && number(str_from_at(f.payload, 4)) == error;
    tls_close(&t);
    return told || gone;
}

static void put_ping(struct buf *out, uint32_t i)
{
    (void)i;
    put_frame(out, PING, 0, 0, STR("abcdefgh"));
}

static void put_settings(struct buf *out, uint32_t i)
{
    (void)i;
    put_frame(out, SETTINGS, 0, 0, STR(""));
}

static void put_empty_data(struct buf *out, uint32_t i)
{
    const char *post[] = {":method", "POST", ":scheme", "https", ":path", "/echo", ":authority", "x", NULL};
    if (i == 0)
        put_headers(out, 1, 0, post);
    put_frame(out, DATA, 0, 1, STR(""));
}

static void floods_end_the_connection(void **state)
{
    (void)state;
    assert_true(flooded(put_ping, ENHANCE_YOUR_CALM));
    assert_true(flooded(put_settings, ENHANCE_YOUR_CALM));
    assert_true(flooded(put_empty_data, ENHANCE_YOUR_CALM));
}

static void put_echo_reset(struct buf *out, uint32_t i)
{
    put_get(out, 2 * i + 1, "/echo");
    put_frame(out, RST_STREAM, 0, 2 * i + 1, str_slice("\0\0\0\10", 4));
}

static void rapid_resets_end_the_connection(void **state)
{
    (void)state;
    assert_true(flooded(put_echo_reset, INTERNAL_ERROR));
    assert_true(h.seen.requests < 5000);
}

static void garbage_ends_the_connection(void **state)
{
    (void)state;
    struct tls wrong;
    char c;
    tls_dial(&wrong, &h, NULL, "h2");
    SSL_write(wrong.ssl, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
    while (tls_read(&wrong, &c, 1))
        ;
    tls_close(&wrong);
    CONNECTION;
    put_frame(&out, HEADERS, END_HEADERS | END_STREAM, 1,
              str_slice("\xff\xff\xff\xff\xff\xff", 6)); /* no HPACK */
    flush(&t, &out);
    struct frame f;
    assert_true(await(&t, &a, GOAWAY, 0, &f));
    assert_false(await(&t, &a, HEADERS, 1, &f));
    tls_close(&t);
}

static void the_slow_are_cut_off(void **state)
{
    (void)state;
    int silent = dial(&h), dripping = dial(&h);
    send_text(dripping, "\x16\x03\x01");
    CONNECTION;
    const char *post[] = {":method", "POST", ":scheme", "https", ":path", "/echo", ":authority", "x", NULL};
    put_headers(&out, 1, 0, post);
    put_frame(&out, DATA, 0, 1, STR("never whole"));
    put_get(&out, 3, "/park");
    flush(&t, &out);
    struct frame f;
    assert_true(await(&t, &a, RST_STREAM, 1, &f));
    assert_true(is_closed(silent));
    assert_true(is_closed(dripping));
    close(silent), close(dripping);
    harness_unpark(&h); /* the connection itself goes on ... */
    assert_str(body_of(&t, &a, 3), "unparked");
    assert_false(await(&t, &a, PING, 0, &f)); /* ... until nothing happens on it */
    tls_close(&t);
}

static void a_header_that_never_ends_is_cut_off(void **state)
{
    (void)state;
    CONNECTION;
    put_frame(&out, HEADERS, 0, 1, STR("")); /* CONTINUATION should follow */
    flush(&t, &out);
    struct frame f;
    int64_t began = clock_mono();
    assert_false(await(&t, &a, GOAWAY, 0, &f));
    assert_true(clock_mono() - began < CLOCK_S);
    tls_close(&t);
}

static void a_reader_that_stops_is_cut_off(void **state)
{
    (void)state;
    CONNECTION;
    put_get(&out, 1, "/forever"); /* its window stays closed after 64 KiB */
    flush(&t, &out);
    harness_wait(&h.seen.closed, 1);
    tls_close(&t);
}

static void a_stopping_server_says_goodbye(void **state)
{
    (void)state;
    CONNECTION;
    put_get(&out, 1, "/park");
    flush(&t, &out);
    harness_wait(&h.seen.requests, 1);
    harness_unpark(&h);
    harness_stop(&h);
    assert_str(body_of(&t, &a, 1), "unparked");
    tls_close(&t);
    start(NULL);
}

/* --- client certificates --- */

static struct str peer_of(struct arena *a, const struct pki_pair *pair)
{
    _cleanup_buf_ struct buf out = {0};
    struct tls t;
    greet(&t, &out, pair);
    put_get(&out, 1, "/peer");
    flush(&t, &out);
    struct str got = body_of(&t, a, 1);
    tls_close(&t);
    return got;
}

static void client_certificates_are_verified_but_not_demanded(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair other_ca = {0}, good = {0}, old = {0}, foreign = {0}, server = {0};
    struct pki_request q = {.common_name = STR("jane"), .client = true, .lifetime_s = 60};
    assert_ok(pki_make_ca(STR("ca"), 3600, &other_ca, &err), err);
    assert_ok(pki_issue(&h.ca, &q, &good, &err), err);
    assert_ok(pki_issue(&other_ca, &q, &foreign, &err), err);
    q.lifetime_s = -60; /* it ended a minute ago */
    assert_ok(pki_issue(&h.ca, &q, &old, &err), err);
    q = (struct pki_request){.common_name = STR("jane"), .server = true, .lifetime_s = 60};
    assert_ok(pki_issue(&h.ca, &q, &server, &err), err);
    assert_str(peer_of(&a, NULL), "none given");
    assert_str(peer_of(&a, &good), "jane");
    assert_str(peer_of(&a, &old), "certificate has expired");
    struct str got = peer_of(&a, &foreign);
    assert_true(str_starts(got, STR("unable to get local issuer certificate")) ||
                str_starts(got, STR("certificate signature failure")));
    assert_true(str_starts(peer_of(&a, &server), STR("unsupported certificate purpose")) ||
                str_starts(peer_of(&a, &server), STR("unsuitable certificate purpose")));
}

/* The session that a connection with this certificate ended with. */
static SSL_SESSION *session_of(const struct pki_pair *pair)
{
    struct tls t;
    char c;
    tls_dial(&t, &h, pair, "http/1.1");
    SSL_write(t.ssl, "GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 50);
    while (tls_read(&t, &c, 1)) /* tickets come behind the handshake */
        ;
    SSL_SESSION *s = SSL_get1_session(t.ssl);
    SSL_shutdown(t.ssl); /* else OpenSSL thinks ill of the session */
    tls_close(&t);
    return s;
}

/* What /peer says on a connection that resumes the session; NULL when it was not resumed. */
static const char *resumed_peer(SSL_SESSION *session, char answer[static 200])
{
    struct tls t = {.fd = dial(&h), .ctx = SSL_CTX_new(TLS_client_method())};
    t.ssl = SSL_new(t.ctx);
    SSL_set_session(t.ssl, session);
    SSL_set_fd(t.ssl, t.fd);
    assert_int_equal(SSL_connect(t.ssl), 1);
    bool resumed = SSL_session_reused(t.ssl);
    SSL_write(t.ssl, "GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 50);
    char text[1000] = "";
    for (size_t n = 0; n < sizeof text - 1 && tls_read(&t, text + n, 1); n++)
        ;
    const char *body = strstr(text, "\r\n\r\n");
    snprintf(answer, 200, "%s", body ? body + 4 : "");
    tls_close(&t);
    return resumed ? answer : NULL;
}

static void a_resumed_session_is_the_same_peer(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair good = {0}, old = {0};
    struct pki_request q = {.common_name = STR("jane"), .client = true, .lifetime_s = 60};
    assert_ok(pki_issue(&h.ca, &q, &good, &err), err);
    q.lifetime_s = -60;
    assert_ok(pki_issue(&h.ca, &q, &old, &err), err);
    SSL_SESSION *jane = session_of(&good), *expired = session_of(&old);
    char answer[200];
    const char *who = resumed_peer(jane, answer);
    assert_non_null(who);
    assert_string_equal(who, "jane");
    who = resumed_peer(expired, answer);
    assert_non_null(who);
    assert_string_equal(who, "certificate has expired");
    /* Another authority: what the old one vouched for is forgotten. */
    _cleanup_pki_pair_ struct pki_pair other = {0};
    assert_ok(pki_make_ca(STR("other"), 3600, &other, &err), err);
    assert_ok(http_server_reload(h.server, buf_str(&h.cert.cert_pem), buf_str(&h.cert.key_pem),
                                 buf_str(&other.cert_pem), &err),
              err);
    assert_null(resumed_peer(jane, answer));
    assert_string_equal(answer, "none given");
    SSL_SESSION_free(jane);
    SSL_SESSION_free(expired);
}

static void a_reloaded_certificate_serves_new_connections(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair renewed = {0};
    static const struct str names[] = {STR_INIT("localhost")};
    struct pki_request q = {
        .common_name = STR("renewed"), .names = names, .n_names = 1, .server = true, .lifetime_s = 60};
    assert_ok(pki_issue(&h.ca, &q, &renewed, &err), err);
    assert_ok(http_server_reload(h.server, buf_str(&renewed.cert_pem), buf_str(&renewed.key_pem),
                                 buf_str(&h.ca.cert_pem), &err),
              err);
    assert_int_equal(http_server_reload(h.server, STR("no"), STR("no"), STR(""), &err), -1);
    struct tls t;
    tls_dial(&t, &h, NULL, "http/1.1");
    X509 *x = SSL_get1_peer_certificate(t.ssl);
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof name);
    assert_string_equal(name, "renewed");
    X509_free(x);
    tls_close(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        T(streams_are_answered_side_by_side),
        T(flow_control_is_obeyed),
        T(a_reset_stream_gives_up_its_response),
        T(malformed_messages_are_reset),
        T(too_much_is_too_much),
        T(streams_beyond_the_limit_end_the_connection),
        T(floods_end_the_connection),
        T(rapid_resets_end_the_connection),
        T(garbage_ends_the_connection),
        cmocka_unit_test_setup_teardown(the_slow_are_cut_off, start_hurried, stop),
        cmocka_unit_test_setup_teardown(a_header_that_never_ends_is_cut_off, start_hurried, stop),
        cmocka_unit_test_setup_teardown(a_reader_that_stops_is_cut_off, start_hurried, stop),
        T(a_stopping_server_says_goodbye),
        T(client_certificates_are_verified_but_not_demanded),
        T(a_resumed_session_is_the_same_peer),
        T(a_reloaded_certificate_serves_new_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
