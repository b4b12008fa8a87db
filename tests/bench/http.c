/* How many small GETs a second the HTTP floor alone answers: a server on 127.0.0.1 that gives every request
 * the same answer, of a small pod's size and with the API server's headers. `make bench` and people point
 * h2load at it: build/tests/bench/bench-http CERT KEY LOOPS [PORT] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "http/http.h"

static char body[64 * 1024 * 1024];

static void keep(void *owner)
{
    (void)owner;
}

static void answer(void *arg, struct http_request *r)
{
    (void)arg;
    static const struct http_header headers[] = {
        {STR_INIT("content-type"), STR_INIT("application/json")},
        {STR_INIT("cache-control"), STR_INIT("no-cache, private")},
        {STR_INIT("x-kubernetes-pf-flowschema-uid"), STR_INIT("b0a3c1f0-5a6c-4b62-9d0e-3f1c2d4e5f60")},
        {STR_INIT("x-kubernetes-pf-prioritylevel-uid"), STR_INIT("0b6f2d1c-7e1a-4f5b-8a55-c7d1f0e9a812")},
    };
    uint64_t n = 1024;
    if (http_query(r).n && (!str_to_u64(http_query(r), &n) || n > sizeof body))
        n = sizeof body;
    http_respond(r, 200, headers, ARRAY_LEN(headers),
                 &(struct http_part){.bytes = str_slice(body, (size_t)n), .release = keep}, 1);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return fprintf(stderr, "usage: bench-http CERT KEY LOOPS [PORT]\n"), 2;
    _cleanup_err_ struct err err = {0};
    _cleanup_buf_ struct buf cert = {0}, key = {0};
    if (file_read(argv[1], 1 << 20, &cert, &err) < 0 || file_read(argv[2], 1 << 20, &key, &err) < 0)
        goto fail;
    memset(body, 'x', 1024); /* the rest stays zero: pages that cost nothing until asked for */
    struct loop *loops[16];
    size_t n = (size_t)atoi(argv[3]);
    if (n < 1 || n > ARRAY_LEN(loops))
        return 2;
    for (size_t i = 0; i < n; i++)
        loops[i] = loop_new("http");
    char listen_on[32];
    snprintf(listen_on, sizeof listen_on, "127.0.0.1:%s", argc > 4 ? argv[4] : "0");
    struct http_server_options o = {.listen = listen_on,
                                    .loops = loops,
                                    .n_loops = n,
                                    .cert_pem = buf_str(&cert),
                                    .key_pem = buf_str(&key),
                                    .handle = answer};
    struct http_server *server;
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    if (http_server_start(&o, &server, &err) < 0)
        goto fail;
    for (size_t i = 0; i < n; i++)
        loop_start(loops[i]);
    printf("https://127.0.0.1:%d/\n", http_server_port(server));
    fflush(stdout);
    int signal_got;
    sigwait(&stop, &signal_got);
    http_server_stop(server, clock_mono() + CLOCK_S);
    http_server_free(server);
    for (size_t i = 0; i < n; i++) {
        loop_stop(loops[i]);
        loop_join(loops[i]);
        loop_free(loops[i]);
    }
    return 0;
fail:
    fprintf(stderr, STR_FMT "\n", STR_ARG(err.message));
    return 1;
}
