/* Port-forward as older clients of WebSockets know it: pairs of channels, one pair for each port. */
#include "node/stream/port_forward.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/thread.h"
#include "http/client.h"
#include "http/websocket.h"
#include "test.h"

static struct loop *loop;
static struct http_server *agent;
static int listener, listening_at, refusing_at;
static pthread_t echo;

static int port_of(int fd)
{
    struct sockaddr_in at;
    socklen_t n = sizeof at;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    return ntohs(at.sin_port);
}

static int bound(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* Says back what it hears, in capitals, and ends after a full stop. */
static void echo_main(void *arg)
{
    (void)arg;
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
        char text[256];
        ssize_t n;
        bool ends = false;
        while (!ends && (n = read(fd, text, sizeof text)) > 0) {
            for (ssize_t i = 0; i < n; i++) {
                ends = ends || text[i] == '.';
                text[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) : text[i];
            }
            assert_int_equal(write(fd, text, (size_t)n), n);
        }
    }
}

static void handle(void *arg, struct http_request *r)
{
    (void)arg;
    port_forward_serve(r, (struct str){0}, STR("p_default"), STR("u-1"));
}

static int start(void **state)
{
    (void)state;
    struct err err = {0};
    int refusing = bound();
    refusing_at = port_of(refusing);
    close(refusing); /* nobody is there now */
    listener = bound();
    assert_int_equal(listen(listener, 4), 0);
    listening_at = port_of(listener);
    echo = thread_start("echo", echo_main, NULL);
    loop = loop_new("agent");
    loop_start(loop);
    struct http_server_options o = {.listen = "127.0.0.1:0", .loops = &loop, .n_loops = 1, .handle = handle};
    assert_ok(http_server_start(&o, &agent, &err), err);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(agent, clock_mono() + CLOCK_S);
    loop_stop(loop);
    loop_join(loop);
    http_server_free(agent);
    loop_free(loop);
    shutdown(listener, SHUT_RDWR);
    thread_join(echo);
    close(listener);
    return 0;
}

/* A client: says something on channel 0 once it is told the port, and keeps what comes on each channel. */
struct forwarder {
    const char *protocol, *says;
    char url[128];
    struct http_client *client;
    struct loop_task task;
    struct http_pipe *pipe;
    struct websocket *socket;
    int status;
    bool base64, said;
    struct buf channels[4], answer;
    struct latch over;
};

static bool forwarder_send(void *arg, struct str bytes)
{
    struct forwarder *f = arg;
    return http_pipe_write(f->pipe, &(struct http_part){.bytes = bytes}, 1);
}

static void say(struct forwarder *f)
{
    _cleanup_buf_ struct buf b = {0};
    f->said = true;
    if (f->base64)
        encode_base64(&b, str_from(f->says));
    websocket_write(f->socket, f->base64, f->base64 ? STR("0") : str_slice("\0", 1),
                    f->base64 ? buf_str(&b) : str_from(f->says));
}

static void forwarder_message(void *arg, bool text, struct str bytes)
{
    struct forwarder *f = arg;
    assert_int_equal(text, f->base64);
    assert_true(bytes.n);
    int channel = bytes.p[0] - (f->base64 ? '0' : 0);
    assert_in_range(channel, 0, 3);
    struct str rest = str_from_at(bytes, 1);
    if (f->base64)
        assert_int_equal(decode_base64(&f->channels[channel], rest), 0);
    else
        buf_add_str(&f->channels[channel], rest);
    if (!f->said)
        say(f);
}

static void forwarder_closed(void *arg)
{
    http_pipe_close(((struct forwarder *)arg)->pipe);
}

static void forwarder_data(void *arg, struct str bytes)
{
    assert_int_equal(websocket_input(((struct forwarder *)arg)->socket, bytes, NULL), 0);
}

static void forwarder_over(void *arg)
{
    latch_set(&((struct forwarder *)arg)->over);
}

static void got_response(void *arg, int status, const struct http_header *headers, size_t n)
{
    (void)headers, (void)n;
    ((struct forwarder *)arg)->status = status;
}

static void got_data(void *arg, struct str bytes)
{
    buf_add_str(&((struct forwarder *)arg)->answer, bytes);
}

static void got_end(void *arg, const struct err *err)
{
    (void)err;
    forwarder_over(arg);
}

static void got_upgrade(void *arg, struct http_pipe *pipe)
{
    static const struct websocket_events events = {.message = forwarder_message, .closed = forwarder_closed};
    static const struct http_pipe_events pipe_events = {
        .data = forwarder_data, .ended = forwarder_closed, .closed = forwarder_over};
    struct forwarder *f = arg;
    f->pipe = pipe;
    f->socket = websocket_new(false, &events, forwarder_send, f);
    http_pipe_listen(pipe, &pipe_events, f);
    http_pipe_resume(pipe);
}

static void begin(struct loop_task *t)
{
    struct forwarder *f = container_of(t, struct forwarder, task);
    struct http_header headers[] = {{STR("connection"), STR("Upgrade")},
                                    {STR("upgrade"), STR("websocket")},
                                    {STR("sec-websocket-version"), STR("13")},
                                    {STR("sec-websocket-key"), STR("dGhlIHNhbXBsZSBub25jZQ==")},
                                    {STR("sec-websocket-protocol"), str_from(f->protocol)}};
    struct http_call_options o = {.method = STR("GET"),
                                  .url = str_from(f->url),
                                  .headers = headers,
                                  .n_headers = ARRAY_LEN(headers) - !*f->protocol,
                                  .response = got_response,
                                  .data = got_data,
                                  .done = got_end,
                                  .upgraded = got_upgrade,
                                  .arg = f};
    http_call_start(f->client, loop, &o);
}

static void forward(struct forwarder *f, const char *protocol, const char *query, const char *says)
{
    struct err err = {0};
    *f = (struct forwarder){.protocol = protocol, .says = says, .task.run = begin};
    f->base64 = str_find(str_from(protocol), STR("base64")) >= 0;
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d/%s", http_server_port(agent), query);
    assert_ok(http_client_new(&(struct http_client_options){.insecure = true}, &f->client, &err), err);
    latch_init(&f->over);
    loop_post(loop, &f->task);
    assert_true(latch_wait(&f->over, clock_mono() + 20 * CLOCK_S));
}

static void forwarder_free(struct forwarder *f)
{
    if (f->socket)
        websocket_free(f->socket);
    for (size_t i = 0; i < ARRAY_LEN(f->channels); i++)
        buf_free(&f->channels[i]);
    buf_free(&f->answer);
    latch_destroy(&f->over);
    http_client_free(f->client);
}

static void ports_have_pairs_of_channels(void **state)
{
    (void)state;
    static const char *const protocols[] = {"", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"};
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        struct forwarder f;
        char query[64], number[2] = {(char)(listening_at & 0xff), (char)(listening_at >> 8)};
        snprintf(query, sizeof query, "?port=%d&port=%d", listening_at, refusing_at);
        forward(&f, protocols[i], query, "hello there.");
        assert_int_equal(f.status, 101);
        /* each channel begins with its port */
        assert_true(str_starts(buf_str(&f.channels[0]), str_slice(number, 2)));
        assert_str(str_from_at(buf_str(&f.channels[0]), 2), "HELLO THERE.");
        assert_int_equal(f.channels[1].n, 2); /* nothing went wrong */
        assert_int_equal(f.channels[2].n, 2);
        _cleanup_arena_ struct arena a = {0};
        struct str said =
            arena_printf(&a, "error forwarding port %d to pod p_default, uid u-1: ", refusing_at);
        assert_true(str_starts(str_from_at(buf_str(&f.channels[3]), 2), said));
        forwarder_free(&f);
    }
}

static void ports_must_be_named(void **state)
{
    (void)state;
    static const struct {
        const char *query, *says;
    } cases[] = {
        {"", "query parameter \"port\" is required"},
        {"?port=", "query parameter \"port\" cannot be empty"},
        {"?port=80,,81", "query parameter \"port\" cannot be empty"},
        {"?port=web", "unable to parse \"web\" as a port"},
        {"?port=70000", "unable to parse \"70000\" as a port"},
        {"?port=0", "port \"0\" must be > 0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct forwarder f;
        forward(&f, "v4.channel.k8s.io", cases[i].query, "");
        assert_int_equal(f.status, 400);
        assert_str(buf_str(&f.answer), cases[i].says);
        forwarder_free(&f);
    }
    struct forwarder f;
    forward(&f, "v9.channel.k8s.io", "?port=80", "");
    assert_int_equal(f.status, 403);
    forwarder_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_have_pairs_of_channels),
        cmocka_unit_test(ports_must_be_named),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
