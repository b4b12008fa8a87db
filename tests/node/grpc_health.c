/* The gRPC health check, against a server of a few canned frames. */
#include "node/pod/grpc_health.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "test.h"

struct server {
    int listener, port;
    const char *frames; /* its answer, behind its settings; NULL: silence */
    size_t n;
    char asked[512]; /* what it got */
    size_t n_asked;
};

static void server_main(void *arg)
{
    struct server *s = arg;
    int fd = accept(s->listener, NULL, NULL);
    static const char settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    assert_int_equal(write(fd, settings, sizeof settings), sizeof settings);
    /* The client's preface, settings and window are 24 + 27 + 13 bytes; its request ends the stream. */
    for (ssize_t n; (n = read(fd, s->asked + s->n_asked, sizeof s->asked - s->n_asked)) > 0;) {
        s->n_asked += (size_t)n;
        bool whole = false;
        for (size_t at = 24; at + 9 <= s->n_asked;) {
            const unsigned char *f = (const unsigned char *)s->asked + at;
            size_t length = (size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2];
            whole |= f[3] == 0 && f[4] & 1 && at + 9 + length <= s->n_asked;
            at += 9 + length;
        }
        if (whole && s->frames)
            assert_int_equal(write(fd, s->frames, s->n), s->n);
        if (whole)
            break;
    }
    char rest[256];
    while (read(fd, rest, sizeof rest) > 0)
        ;
    close(fd);
}

/* HEADERS (":status: 200"), DATA, HEADERS ("grpc-status: CODE") that end the stream. */
#define STATUS_200     "\0\0\1\1\4\0\0\0\1\x88"
#define MESSAGE(value) "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08" value
#define TRAILERS(code) "\0\0\x0f\1\5\0\0\0\1\0\x0bgrpc-status\1" code

static int check(const char *frames, size_t n, struct str service, struct server *s, struct err *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    *s = (struct server){.listener = socket(AF_INET, SOCK_STREAM, 0), .frames = frames, .n = n};
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    getsockname(s->listener, (struct sockaddr *)&at, &size);
    s->port = ntohs(at.sin_port);
    pthread_t thread = thread_start("server", server_main, s);
    int r = grpc_health_check(STR("127.0.0.1"), s->port, service, CLOCK_S, err);
    shutdown(s->listener, SHUT_RDWR);
    (void)thread; /* it ends with the connection, which the client keeps for the next time */
    pthread_detach(thread);
    close(s->listener);
    return r;
}

static void serving_is_healthy(void **state)
{
    (void)state;
    static const char frames[] = STATUS_200 MESSAGE("\1") TRAILERS("0");
    static struct server s;
    _cleanup_err_ struct err err = {0};
    assert_ok(check(frames, sizeof frames - 1, STR("boat"), &s, &err), err);
    assert_non_null(memmem(s.asked, s.n_asked, "\0\0\0\0\6\x0a\4boat", 11)); /* the request's message */
}

static void anything_else_is_not(void **state)
{
    (void)state;
    static const char not_serving[] = STATUS_200 MESSAGE("\2") TRAILERS("0"),
                      unimplemented[] = STATUS_200 "\0\0\x10\1\5\0\0\0\1\0\x0bgrpc-status\2"
                                                   "12";
    static struct server one, two, three;
    _cleanup_err_ struct err err = {0};
    assert_int_equal(check(not_serving, sizeof not_serving - 1, STR(""), &one, &err), -1);
    assert_str(err.message, "service unhealthy (responded with \"NOT_SERVING\")");
    err_clear(&err);
    assert_int_equal(check(unimplemented, sizeof unimplemented - 1, STR(""), &two, &err), -1);
    assert_str(err.message,
               "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ");
    err_clear(&err);
    assert_int_equal(check(NULL, 0, STR(""), &three, &err), -1);
    assert_str(err.message, "timeout: health rpc did not complete within 1s");
}

static void nobody_there_is_unhealthy(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    assert_int_equal(grpc_health_check(STR("127.0.0.1"), 1, STR(""), CLOCK_S, &err), -1);
    assert_true(
        str_starts(err.message, STR("timeout: failed to connect service \"127.0.0.1:1\" within 1s: ")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serving_is_healthy),
        cmocka_unit_test(anything_else_is_not),
        cmocka_unit_test(nobody_there_is_unhealthy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
