/* A remote command over WebSocket: the first byte of each message is its channel, as a number, or in base64
 * protocols as a digit. Version 5 closes a channel with a message on channel 255. */
#include "base/encode.h"
#include "node/stream/remote_parts.h"

enum { CHANNEL_CLOSE = 255 };

static void message(void *arg, bool text, struct str bytes)
{
    (void)text;
    struct remote *r = arg;
    if (!bytes.n)
        return;
    unsigned channel = (unsigned char)bytes.p[0];
    struct str rest = str_from_at(bytes, 1);
    _cleanup_buf_ struct buf plain = {0};
    if (r->base64) {
        channel -= '0';
        if (decode_base64(&plain, rest) < 0)
            return;
        rest = buf_str(&plain);
    }
    if (channel == CHANNEL_CLOSE && r->version >= 5 && rest.n)
        remote_take_end(r, (enum remote_channel)(unsigned char)rest.p[0]);
    else if (channel == REMOTE_STDIN || channel == REMOTE_RESIZE)
        remote_take(r, (enum remote_channel)channel, rest);
}

static void closed(void *arg)
{
    struct remote *r = arg;
    http_pipe_close(r->pipe);
}

static bool over_write(struct remote *r, enum remote_channel channel, struct str bytes)
{
    char head = (char)(r->base64 ? '0' + (int)channel : (int)channel);
    if (!r->base64)
        return websocket_write(r->websocket, false, str_slice(&head, 1), bytes);
    _cleanup_buf_ struct buf b = {0};
    encode_base64(&b, bytes);
    return websocket_write(r->websocket, true, str_slice(&head, 1), buf_str(&b));
}

static void over_end(struct remote *r)
{
    websocket_end(r->websocket, WEBSOCKET_NORMAL);
}

static int over_data(struct remote *r, struct str bytes, struct err *err)
{
    return websocket_input(r->websocket, bytes, err);
}

static void over_free(struct remote *r)
{
    websocket_free(r->websocket);
}

const struct remote_carrier remote_over_websocket = {over_write, over_end, over_data, over_free};

void remote_start_websocket(struct remote *r)
{
    static const struct websocket_events events = {.message = message, .closed = closed};
    r->websocket = websocket_new(true, &events, remote_send, r);
    /* Upstream says with an empty message that the connection is there. */
    over_write(r, r->o.out ? REMOTE_STDOUT : r->o.err ? REMOTE_STDERR : REMOTE_ERROR, (struct str){0});
    remote_ready(r);
}
