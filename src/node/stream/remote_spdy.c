/* A remote command over SPDY/3.1: a stream each, which the client opens and names by the header streamType.
 */
#include "node/stream/remote_parts.h"

static const char *const names[REMOTE_CHANNELS] = {"stdin", "stdout", "stderr", "error", "resize"};

static bool all_there(const struct remote *r)
{
    for (size_t i = 0; i < REMOTE_CHANNELS; i++)
        if (remote_has(r, (enum remote_channel)i) && !r->streams[i])
            return false;
    return true;
}

static void opened(void *arg, struct spdy_stream *s, const struct http_header *headers, size_t n)
{
    struct remote *r = arg;
    struct str type = {0};
    for (size_t i = 0; i < n; i++)
        if (str_eq_fold(headers[i].name, STR("streamtype")))
            type = headers[i].value;
    for (size_t i = 0; i < REMOTE_CHANNELS; i++) {
        if (!str_is(type, names[i]) || r->streams[i] || !remote_has(r, (enum remote_channel)i))
            continue;
        r->streams[i] = s;
        spdy_set(s, &r->streams[i]);
        spdy_reply(s);
        if (all_there(r))
            remote_ready(r);
        return;
    }
    spdy_release(s);
}

static enum remote_channel channel_of(struct remote *r, struct spdy_stream *s)
{
    return (enum remote_channel)((struct spdy_stream **)spdy_get(s) - r->streams);
}

static void data(void *arg, struct spdy_stream *s, struct str bytes)
{
    remote_take(arg, channel_of(arg, s), bytes);
}

static void ended(void *arg, struct spdy_stream *s)
{
    remote_take_end(arg, channel_of(arg, s));
}

static void reset(void *arg, struct spdy_stream *s)
{
    remote_take_end(arg, channel_of(arg, s)); /* and what is written to it from now on is dropped */
}

static bool over_write(struct remote *r, enum remote_channel channel, struct str bytes)
{
    return !r->streams[channel] || spdy_write(r->streams[channel], bytes);
}

static void over_end(struct remote *r)
{
    static const enum remote_channel order[] = {REMOTE_STDOUT, REMOTE_STDERR, REMOTE_STDIN, REMOTE_RESIZE,
                                                REMOTE_ERROR};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (r->streams[order[i]])
            spdy_end(r->streams[order[i]]);
}

static int over_data(struct remote *r, struct str bytes, struct err *err)
{
    return spdy_input(r->spdy, bytes, err);
}

static void over_free(struct remote *r)
{
    spdy_free(r->spdy);
}

const struct remote_carrier remote_over_spdy = {over_write, over_end, over_data, over_free};

void remote_start_spdy(struct remote *r)
{
    static const struct spdy_events events = {.opened = opened, .data = data, .ended = ended, .reset = reset};
    r->spdy = spdy_new(true, &events, remote_send, r);
}
