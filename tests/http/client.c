/* The asynchronous client, against our own server and against servers that misbehave. */
#include "harness.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "http/client.h"

static struct harness h;

static int start_plain(void **state)
{
    (void)state;
    harness_start(&h, (struct http_server_options){0}, false);
    return 0;
}

static int start_tls(void **state)
{
    (void)state;
    harness_start(&h, (struct http_server_options){0}, true);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    harness_stop(&h);
    return 0;
}

/* One call on the harness's first loop, and what came of it. */
struct run {
    struct loop_task task;
    struct http_client *client;
    struct http_call_options o;
    struct http_call *call;
    struct http_pipe *pipe;
    struct arena arena;
    struct latch over;
    int status;
    struct str type; /* Content-Type */
    struct buf body;
    size_t pause_after, abort_after; /* bytes; 0: never */
    _Atomic int paused, pieces_while_paused;
    bool failed;
    enum err_reason reason;
    char message[300];
};

static void run_response(void *arg, int status, const struct http_header *headers, size_t n)
{
    struct run *r = arg;
    r->status = status;
    for (size_t i = 0; i < n; i++)
        if (str_eq(headers[i].name, STR("content-type")))
            r->type = arena_str(&r->arena, headers[i].value);
}

static void run_data(void *arg, struct str bytes)
{
    struct run *r = arg;
    if (r->paused)
        r->pieces_while_paused++;
    buf_add_str(&r->body, bytes);
    if (r->pause_after && r->body.n >= r->pause_after) {
        r->pause_after = 0;
        r->paused = 1;
        http_call_pause(r->call);
    }
    if (r->abort_after && r->body.n >= r->abort_after) {
        http_call_abort(r->call);
        latch_set(&r->over);
    }
}

static void run_done(void *arg, const struct err *err)
{
    struct run *r = arg;
    r->failed = err;
    if (err) {
        r->reason = err->reason;
        snprintf(r->message, sizeof r->message, STR_FMT, STR_ARG(err->message));
    }
    latch_set(&r->over);
}

static void run_start(struct loop_task *task)
{
    struct run *r = container_of(task, struct run, task);
    r->o.response = run_response;
    r->o.data = run_data;
    r->o.done = run_done;
    r->o.arg = r;
    r->call = http_call_start(r->client, h.loops[0], &r->o);
}

static void run_resume(struct loop_task *task)
{
    http_call_resume(container_of(task, struct run, task)->call);
}

static void run_begin(struct run *r, const struct http_client_options *client)
{
    _cleanup_err_ struct err err = {0};
    latch_init(&r->over);
    assert_ok(http_client_new(client ? client : &(struct http_client_options){0}, &r->client, &err), err);
    r->task.run = run_start;
    loop_post(h.loops[0], &r->task);
}

static void run_wait(struct run *r)
{
    if (!latch_wait(&r->over, clock_mono() + 5 * CLOCK_S))
        fail_msg("the call never ended");
    http_client_free(r->client);
    latch_destroy(&r->over);
}

static void run_free(struct run *r)
{
    buf_free(&r->body);
    arena_free(&r->arena);
}
#define _cleanup_run_ _cleanup_(run_free)

static struct str url(struct run *r, const char *path)
{
    return arena_printf(&r->arena, "%s%s", h.url, path);
}

static struct http_client_options trusting(void)
{
    return (struct http_client_options){.ca_pem = buf_str(&h.ca.cert_pem)};
}

/* --- tests --- */

static void a_response_comes_in_order(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = {0};
    struct http_header field = {STR("X-Asked"), STR("yes")};
    r.o = (struct http_call_options){.method = STR("POST"),
                                     .url = url(&r, "/echo?a=b"),
                                     .headers = &field,
                                     .n_headers = 1,
                                     .body = STR("body")};
    run_begin(&r, NULL);
    run_wait(&r);
    assert_false(r.failed);
    assert_int_equal(r.status, 200);
    assert_str(r.type, "text/plain");
    assert_str(buf_str(&r.body), "POST /echo?a=b body");
}

static void a_chunked_stream_comes_whole(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = {0};
    r.o.url = url(&r, "/stream?1000");
    run_begin(&r, NULL);
    run_wait(&r);
    assert_false(r.failed);
    assert_true(str_starts(buf_str(&r.body), STR("line 0\nline 1\n")));
    assert_true(str_ends(buf_str(&r.body), STR("line 999\n")));
}

static void a_paused_call_holds_the_server_back(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = {.pause_after = 1};
    r.o.url = url(&r, "/forever");
    struct http_client_options trust = trusting();
    run_begin(&r, h.ca.cert_pem.n ? &trust : NULL);
    harness_wait(&r.paused, 1);
    int before;
    do {
        before = h.seen.refused_writes;
        clock_sleep(50 * CLOCK_MS);
    } while (h.seen.refused_writes != before);
    assert_true(r.pieces_while_paused <= 1);
    r.abort_after = 50 * 1024 * 1024; /* more than any buffer holds */
    r.paused = 0;
    r.task.run = run_resume;
    loop_post(h.loops[0], &r.task);
    run_wait(&r);
    harness_wait(&h.seen.closed, 1);
}

static void the_server_is_verified(void **state)
{
    (void)state;
    struct http_client_options trust = trusting(), nobody = {0}, careless = {.insecure = true};
    _cleanup_run_ struct run good = {0}, unknown = {0}, insecure = {0}, misnamed = {0}, named = {0};
    good.o.url = unknown.o.url = insecure.o.url = url(&good, "/echo");
    misnamed.o.url = named.o.url = good.o.url;
    misnamed.o.server_name = STR("other.example");
    named.o.server_name = STR("localhost");
    run_begin(&good, &trust);
    run_begin(&unknown, &nobody);
    run_begin(&insecure, &careless);
    run_begin(&misnamed, &trust);
    run_begin(&named, &trust);
    run_wait(&good), run_wait(&unknown), run_wait(&insecure), run_wait(&misnamed), run_wait(&named);
    assert_int_equal(good.status, 200);
    assert_int_equal(insecure.status, 200);
    assert_int_equal(named.status, 200);
    assert_true(unknown.failed);
    assert_int_equal(unknown.reason, ERR_UNAVAILABLE);
    assert_non_null(strstr(unknown.message, "tls: "));
    assert_true(misnamed.failed);
    assert_non_null(strstr(misnamed.message, "mismatch"));
}

static void a_client_certificate_is_shown(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    _cleanup_pki_pair_ struct pki_pair pair = {0};
    struct pki_request q = {.common_name = STR("jane"), .client = true, .lifetime_s = 60};
    assert_ok(pki_issue(&h.ca, &q, &pair, &err), err);
    struct http_client_options o = trusting();
    o.cert_pem = buf_str(&pair.cert_pem);
    o.key_pem = buf_str(&pair.key_pem);
    _cleanup_run_ struct run r = {0};
    r.o.url = url(&r, "/peer");
    run_begin(&r, &o);
    run_wait(&r);
    assert_str(buf_str(&r.body), "jane");
}

static void what_cannot_be_reached_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum err_reason reason;
        const char *message;
    } cases[] = {
        {"http://127.0.0.1:1/x", ERR_UNAVAILABLE,
         "Get \"http://127.0.0.1:1/x\": dial tcp 127.0.0.1:1: connect: connection refused"},
        {"http://[::1]:1/", ERR_UNAVAILABLE, NULL},
        {"http://no.such.host.invalid/", ERR_UNAVAILABLE, NULL},
        {"ftp://x/", ERR_BAD_REQUEST, NULL},
        {"http://", ERR_BAD_REQUEST, NULL},
        {"http://user@host/", ERR_BAD_REQUEST, NULL},
        {"http://host:0/", ERR_BAD_REQUEST, NULL},
        {"http://host:99999/", ERR_BAD_REQUEST, NULL},
        {"http://host/a b", ERR_BAD_REQUEST, NULL},
        {"http://host/\r\nX: y", ERR_BAD_REQUEST, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_run_ struct run r = {.o.url = str_from(cases[i].url)};
        run_begin(&r, NULL);
        run_wait(&r);
        assert_true(r.failed);
        assert_int_equal(r.reason, cases[i].reason);
        if (cases[i].message)
            assert_string_equal(r.message, cases[i].message);
    }
    _cleanup_run_ struct run split = {0};
    struct http_header bad = {STR("x"), STR("a\r\nHost: evil")};
    split.o = (struct http_call_options){.url = url(&split, "/echo"), .headers = &bad, .n_headers = 1};
    run_begin(&split, NULL);
    run_wait(&split);
    assert_int_equal(split.reason, ERR_BAD_REQUEST);
}

static void silence_times_out(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = {.o.header_ns = 100 * CLOCK_MS};
    r.o.url = url(&r, "/park");
    run_begin(&r, NULL);
    run_wait(&r);
    assert_true(r.failed);
    assert_int_equal(r.reason, ERR_TIMEOUT);
    harness_unpark(&h);
}

/* A server that says exactly this, whatever it is asked, and closes. */
struct liar {
    int fd;
    const char *says;
    pthread_t thread;
};

static void liar_main(void *arg)
{
    struct liar *l = arg;
    char sink[4096];
    int fd = accept(l->fd, NULL, NULL);
    if (fd < 0)
        return;
    recv(fd, sink, sizeof sink, 0);
    send(fd, l->says, strlen(l->says), MSG_NOSIGNAL);
    close(fd);
}

static void misbehaving_servers_are_found_out(void **state)
{
    (void)state;
    static const struct {
        const char *says;
        bool good;
        const char *body;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, "ok"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, "ok"},
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end", true, "until the end"},
        {"HTTP/1.1 204 No Content\r\n\r\n", true, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", false, "ok"}, /* cut short */
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false, "ok"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", false, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", false, ""},
        {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false, ""},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", false, ""},
        {"SSH-2.0-OpenSSH\r\n", false, ""},
        {"", false, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct liar l = {.fd = socket(AF_INET, SOCK_STREAM, 0), .says = cases[i].says};
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof at;
        assert_int_equal(bind(l.fd, (struct sockaddr *)&at, n) | listen(l.fd, 1), 0);
        getsockname(l.fd, (struct sockaddr *)&at, &n);
        l.thread = thread_start("liar", liar_main, &l);
        _cleanup_run_ struct run r = {0};
        r.o.url = arena_printf(&r.arena, "http://127.0.0.1:%d/", ntohs(at.sin_port));
        run_begin(&r, NULL);
        run_wait(&r);
        thread_join(l.thread);
        close(l.fd);
        if (r.failed == cases[i].good)
            fail_msg("%s: %s", cases[i].says, r.message);
        assert_str(buf_str(&r.body), cases[i].body);
    }
}

/* --- upgrade --- */

static void pipe_data(void *arg, struct str bytes)
{
    struct run *r = arg;
    buf_add_str(&r->body, bytes);
    if (str_ends(buf_str(&r->body), STR("ping")))
        http_pipe_end(r->pipe);
}

static void pipe_closed(void *arg)
{
    struct run *r = arg;
    latch_set(&r->over);
}

static void upgraded(void *arg, struct http_pipe *pipe)
{
    static const struct http_pipe_events events = {.data = pipe_data, .closed = pipe_closed};
    struct run *r = arg;
    r->pipe = pipe;
    http_pipe_listen(pipe, &events, r);
    http_pipe_write(pipe, &(struct http_part){.bytes = STR("ping")}, 1);
    http_pipe_resume(pipe);
}

static void an_upgrade_gives_a_pipe(void **state)
{
    (void)state;
    struct http_client_options trust = trusting();
    _cleanup_run_ struct run r = {.o.upgraded = upgraded};
    struct http_header field = {STR("Upgrade"), STR("echo")};
    r.o.url = url(&r, "/upgrade");
    r.o.headers = &field;
    r.o.n_headers = 1;
    run_begin(&r, &trust);
    run_wait(&r);
    assert_int_equal(r.status, 101);
    assert_str(buf_str(&r.body), "pingbye");
    harness_wait(&h.seen.pipes_closed, 1);
}

#define PLAIN(f) cmocka_unit_test_setup_teardown(f, start_plain, stop)
#define TLS(f)   cmocka_unit_test_setup_teardown(f, start_tls, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(a_response_comes_in_order),
        PLAIN(a_chunked_stream_comes_whole),
        PLAIN(a_paused_call_holds_the_server_back),
        TLS(a_paused_call_holds_the_server_back),
        TLS(the_server_is_verified),
        TLS(a_client_certificate_is_shown),
        PLAIN(what_cannot_be_reached_is_told),
        PLAIN(silence_times_out),
        PLAIN(misbehaving_servers_are_found_out),
        TLS(an_upgrade_gives_a_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
