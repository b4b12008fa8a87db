/* What clients of streams send: the first byte says which protocol. SPDY sessions and WebSockets must survive
 * anything, however it is cut, and answer; pages must come through the proxy's rewriting. */
#include "http/spdy.h"
#include "http/websocket.h"
#include "server/stream/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { STREAMS = 64 };

static struct spdy_stream *streams[STREAMS];
static size_t n_streams;

static bool drop(void *arg, struct str bytes)
{
    (void)arg;
    return bytes.n % 2;
}

static void opened(void *arg, struct spdy_stream *s, const struct http_header *headers, size_t n)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        ensure(headers[i].name.n > 0);
    if (n % 3 == 1 || n_streams == STREAMS) {
        spdy_release(s);
        return;
    }
    spdy_reply(s);
    streams[n_streams++] = s;
}

static void forget(struct spdy_stream *s)
{
    for (size_t i = 0; i < n_streams; i++)
        if (streams[i] == s)
            streams[i] = streams[--n_streams];
    spdy_release(s);
}

static void stream_data(void *arg, struct spdy_stream *s, struct str bytes)
{
    (void)arg;
    spdy_write(s, bytes);
}

static void stream_ended(void *arg, struct spdy_stream *s)
{
    (void)arg;
    spdy_end(s);
    forget(s);
}

static void stream_reset(void *arg, struct spdy_stream *s)
{
    (void)arg;
    forget(s);
}

static void message(void *arg, bool text, struct str bytes)
{
    websocket_write(*(struct websocket **)arg, text, STR("x"), bytes);
}

static void closed(void *arg)
{
    (void)arg;
}

static void spdy_run(struct str in, size_t step)
{
    static const struct spdy_events events = {
        .opened = opened, .data = stream_data, .ended = stream_ended, .reset = stream_reset};
    struct spdy *s = spdy_new(true, &events, drop, NULL);
    n_streams = 0;
    for (size_t at = 0; at < in.n; at += step)
        if (spdy_input(s, str_slice(in.p + at, in.n - at < step ? in.n - at : step), NULL) < 0)
            break;
    spdy_free(s);
}

static void websocket_run(struct str in, size_t step)
{
    static const struct websocket_events events = {.message = message, .closed = closed};
    struct websocket *w;
    w = websocket_new(true, &events, drop, &w);
    for (size_t at = 0; at < in.n; at += step)
        if (websocket_input(w, str_slice(in.p + at, in.n - at < step ? in.n - at : step), NULL) < 0)
            break;
    websocket_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    struct str in = str_slice((const char *)data + 2, n - 2);
    size_t step = data[1] ? data[1] : 4096;
    _cleanup_buf_ struct buf out = {0};
    struct rewrite w = {.prefix = STR("/p"), .host = STR("a:1"), .own_host = STR("b:2")};
    switch (data[0] % 3) {
    case 0:
        spdy_run(in, step);
        break;
    case 1:
        websocket_run(in, step);
        break;
    default:
        rewrite_html(&w, in, &out);
        ensure(out.n >= in.n || str_find(in, STR("//")) >= 0);
    }
    return 0;
}
