/* Whatever bytes a connection brings, over a real socket without TLS: no crash, and the server goes on. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http.h"
#include "http/pipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int port;

static struct http_pipe *open_pipe; /* inputs come one after the other */

static void pipe_ended(void *arg)
{
    (void)arg;
    http_pipe_close(open_pipe);
}

static void pipe_closed(void *arg)
{
    (void)arg;
}

static void stream_closed(void *arg)
{
    (void)arg;
}

/* One of the three kinds of answer, chosen by the path's length. */
static void handle(void *arg, struct http_request *r)
{
    static const struct http_pipe_events events = {.ended = pipe_ended, .closed = pipe_closed};
    (void)arg;
    struct http_part part = {.bytes = http_body(r)};
    if (http_can_upgrade(r)) {
        open_pipe = http_upgrade(r, NULL, 0, &events, NULL);
        http_pipe_resume(open_pipe);
    } else if (http_path(r).n % 2) {
        http_respond(r, 200, NULL, 0, &part, 1);
    } else {
        http_begin(r, 200, NULL, 0, stream_closed, NULL, NULL);
        http_write(r, &part, 1);
        http_end(r);
    }
}

static void start(void)
{
    static struct loop *loop;
    struct http_server *server;
    loop = loop_new("http");
    struct http_server_options o = {
        .listen = "127.0.0.1:0", .loops = &loop, .n_loops = 1, .max_body = 64 * 1024, .handle = handle};
    ensure(http_server_start(&o, &server, NULL) == 0);
    loop_start(loop);
    port = http_server_port(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!port)
        start();
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* Each connection comes from an address of its own, as a port that waits out its time cannot be used
     * again. */
    static uint32_t turn;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % 0xffff00)};
    char sink[64 * 1024];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(fd >= 0);
    /* After some 100,000 connections the host may have no port to give for a while: then nothing is tried. */
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        close(fd);
        return 0;
    }
    for (size_t at = 0; at < n;) {
        ssize_t sent = send(fd, data + at, n - at, MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        at += (size_t)sent;
    }
    shutdown(fd, SHUT_WR);
    while (recv(fd, sink, sizeof sink, 0) > 0)
        ;
    close(fd);
    return 0;
}
