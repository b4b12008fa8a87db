#include "http/spdy.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "http/spdy_headers.h"

enum {
    FRAME_HEAD = 8,
    CONTROL_MAX = 64 * 1024, /* bytes of a control frame */
    DATA_STEP = 32 * 1024,   /* bytes of a data frame that we send */
    VERSION = 3,
};

enum frame_type {
    SYN_STREAM = 1,
    SYN_REPLY,
    RST_STREAM,
    SETTINGS,
    PING = 6,
    GOAWAY,
    HEADERS,
    WINDOW_UPDATE,
};
enum { FLAG_FIN = 1, FLAG_UNIDIRECTIONAL = 2 };

struct spdy_stream {
    struct spdy *session;
    uint32_t id;
    void *owner;
    bool ended, peer_ended;
    TAILQ_ENTRY(spdy_stream) link;
};

struct spdy {
    struct spdy_events events;
    bool (*send)(void *arg, struct str bytes);
    void *arg;
    bool server;
    TAILQ_HEAD(, spdy_stream) streams;
    size_t n_streams;
    uint32_t last_peer, next_own; /* stream ids */
    struct spdy_headers *in, *out;
    /* the frame that is being read */
    struct buf head;      /* its head, then the payload of a control frame */
    uint32_t data_stream; /* of a data frame */
    size_t data_left;
    bool data_fin, in_data;
};

struct spdy *spdy_new(bool server, const struct spdy_events *events, bool (*send)(void *arg, struct str),
                      void *arg)
{
    struct spdy *s = mem_zalloc(sizeof *s);
    *s = (struct spdy){
        .events = *events, .send = send, .arg = arg, .server = server, .next_own = server ? 2 : 1};
    TAILQ_INIT(&s->streams);
    s->in = spdy_inflater_new();
    s->out = spdy_deflater_new();
    return s;
}

static void stream_free(struct spdy_stream *t)
{
    TAILQ_REMOVE(&t->session->streams, t, link);
    t->session->n_streams--;
    free(t);
}

void spdy_free(struct spdy *s)
{
    if (!s)
        return;
    while (!TAILQ_EMPTY(&s->streams))
        stream_free(TAILQ_FIRST(&s->streams));
    spdy_headers_free(s->in);
    spdy_headers_free(s->out);
    buf_free(&s->head);
    free(s);
}

static struct spdy_stream *stream_new(struct spdy *s, uint32_t id)
{
    struct spdy_stream *t = mem_zalloc(sizeof *t);
    t->session = s;
    t->id = id;
    TAILQ_INSERT_HEAD(&s->streams, t, link);
    s->n_streams++;
    return t;
}

static struct spdy_stream *stream_find(struct spdy *s, uint32_t id)
{
    struct spdy_stream *t;
    TAILQ_FOREACH(t, &s->streams, link)
    if (t->id == id)
        break;
    return t;
}

void spdy_set(struct spdy_stream *t, void *owner)
{
    t->owner = owner;
}

void *spdy_get(const struct spdy_stream *t)
{
    return t->owner;
}

/* --- what is sent --- */

static void put_u32(struct buf *b, uint32_t v)
{
    char bytes[] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};
    buf_add(b, bytes, sizeof bytes);
}

static uint32_t get_u32(const char *from)
{
    const unsigned char *p = (const unsigned char *)from;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* `numbers` are the fixed part of the payload, `block` (may be NULL) the headers behind it. */
static void send_control(struct spdy *s, enum frame_type type, unsigned flags, const uint32_t *numbers,
                         size_t n_numbers, struct str extra)
{
    _cleanup_buf_ struct buf b = {0};
    put_u32(&b, 0x80000000u | VERSION << 16 | type);
    put_u32(&b, (uint32_t)flags << 24 | (uint32_t)(n_numbers * 4 + extra.n));
    for (size_t i = 0; i < n_numbers; i++)
        put_u32(&b, numbers[i]);
    buf_add_str(&b, extra);
    s->send(s->arg, buf_str(&b));
}

static bool send_data(struct spdy_stream *t, struct str bytes, unsigned flags)
{
    _cleanup_buf_ struct buf b = {0};
    put_u32(&b, t->id);
    put_u32(&b, (uint32_t)flags << 24 | (uint32_t)bytes.n);
    buf_add_str(&b, bytes);
    return t->session->send(t->session->arg, buf_str(&b));
}

static void send_reset(struct spdy *s, uint32_t id, enum spdy_status status)
{
    send_control(s, RST_STREAM, 0, (uint32_t[]){id, status}, 2, (struct str){0});
}

struct spdy_stream *spdy_open(struct spdy *s, const struct http_header *headers, size_t n)
{
    if (s->n_streams >= SPDY_MAX_STREAMS || s->next_own >= INT32_MAX - 2)
        return NULL;
    struct spdy_stream *t = stream_new(s, s->next_own);
    s->next_own += 2;
    _cleanup_buf_ struct buf fixed = {0};
    put_u32(&fixed, t->id);
    put_u32(&fixed, 0);               /* no associated stream */
    buf_add(&fixed, (char[2]){0}, 2); /* priority and slot */
    spdy_headers_put(s->out, headers, n, &fixed);
    send_control(s, SYN_STREAM, 0, NULL, 0, buf_str(&fixed));
    return t;
}

void spdy_reply(struct spdy_stream *t)
{
    _cleanup_buf_ struct buf block = {0};
    spdy_headers_put(t->session->out, NULL, 0, &block);
    send_control(t->session, SYN_REPLY, 0, (uint32_t[]){t->id}, 1, buf_str(&block));
}

bool spdy_write(struct spdy_stream *t, struct str bytes)
{
    bool room = true;
    while (bytes.n && !t->ended) {
        size_t n = bytes.n < DATA_STEP ? bytes.n : DATA_STEP;
        room = send_data(t, str_slice(bytes.p, n), 0);
        bytes = str_from_at(bytes, n);
    }
    return room;
}

void spdy_end(struct spdy_stream *t)
{
    if (!t->ended)
        send_data(t, (struct str){0}, FLAG_FIN);
    t->ended = true;
}

void spdy_release(struct spdy_stream *t)
{
    if (!t->ended)
        send_reset(t->session, t->id, SPDY_CANCEL);
    stream_free(t);
}

/* --- what comes --- */

static int broken(struct spdy *s, struct err *err, const char *why)
{
    send_control(s, GOAWAY, 0, (uint32_t[]){s->last_peer, SPDY_PROTOCOL_ERROR}, 2, (struct str){0});
    return err_set(err, ERR_BAD_REQUEST, "%s", why);
}

static void peer_ended(struct spdy *s, uint32_t id)
{
    struct spdy_stream *t = stream_find(s, id);
    if (!t || t->peer_ended)
        return;
    t->peer_ended = true;
    if (s->events.ended)
        s->events.ended(s->arg, t);
}

static int take_syn_stream(struct spdy *s, unsigned flags, struct str p, struct err *err)
{
    if (p.n < 10)
        return broken(s, err, "malformed SYN_STREAM frame");
    uint32_t id = get_u32(p.p) & INT32_MAX;
    _cleanup_arena_ struct arena a = {0};
    struct http_header *headers;
    size_t n;
    if (spdy_headers_take(s->in, str_from_at(p, 10), &a, &headers, &n, err) < 0) {
        send_reset(s, id, SPDY_PROTOCOL_ERROR);
        return -1;
    }
    if (id % 2 == (s->server ? 0 : 1) || id <= s->last_peer)
        return broken(s, err, "SYN_STREAM with a wrong stream id");
    s->last_peer = id;
    if (s->n_streams >= SPDY_MAX_STREAMS || !s->events.opened) {
        send_reset(s, id, SPDY_REFUSED_STREAM);
        return 0;
    }
    struct spdy_stream *t = stream_new(s, id);
    t->ended = flags & FLAG_UNIDIRECTIONAL;
    s->events.opened(s->arg, t, headers, n);
    if (flags & FLAG_FIN)
        peer_ended(s, id);
    return 0;
}

/* SYN_REPLY and HEADERS say nothing that anybody here asks for, but their blocks belong to the zlib stream.
 */
static int take_headers(struct spdy *s, unsigned flags, struct str p, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct http_header *headers;
    size_t n;
    if (p.n < 4)
        return broken(s, err, "malformed SPDY frame");
    if (spdy_headers_take(s->in, str_from_at(p, 4), &a, &headers, &n, err) < 0)
        return -1;
    if (flags & FLAG_FIN)
        peer_ended(s, get_u32(p.p) & INT32_MAX);
    return 0;
}

static int take_control(struct spdy *s, enum frame_type type, unsigned flags, struct str p, struct err *err)
{
    switch (type) {
    case SYN_STREAM:
        return take_syn_stream(s, flags, p, err);
    case SYN_REPLY:
    case HEADERS:
        return take_headers(s, flags, p, err);
    case RST_STREAM: {
        if (p.n != 8)
            return broken(s, err, "malformed RST_STREAM frame");
        struct spdy_stream *t = stream_find(s, get_u32(p.p) & INT32_MAX);
        if (!t)
            return 0;
        t->ended = t->peer_ended = true;
        if (s->events.reset)
            s->events.reset(s->arg, t);
        return 0;
    }
    case PING: /* ours would have the parity of our streams: it is answered when it is the peer's */
        if (p.n != 4)
            return broken(s, err, "malformed PING frame");
        if (get_u32(p.p) % 2 == (s->server ? 1 : 0))
            send_control(s, PING, 0, (uint32_t[]){get_u32(p.p)}, 1, (struct str){0});
        return 0;
    default: /* SETTINGS, GOAWAY, WINDOW_UPDATE, and what is not known */
        return 0;
    }
}

/* Payload of a data frame, as far as it has come. */
static void take_data(struct spdy *s, struct str *bytes)
{
    struct str data = str_slice(bytes->p, bytes->n < s->data_left ? bytes->n : s->data_left);
    *bytes = str_from_at(*bytes, data.n);
    s->data_left -= data.n;
    struct spdy_stream *t = stream_find(s, s->data_stream);
    if (t && data.n && !t->peer_ended && s->events.data)
        s->events.data(s->arg, t, data);
    if (s->data_left)
        return;
    s->in_data = false;
    if (s->data_fin)
        peer_ended(s, s->data_stream);
}

/* A head is complete: of a data frame, or of a control frame whose payload may still be missing. */
static int take_frame(struct spdy *s, struct err *err)
{
    uint32_t first = get_u32(s->head.p), second = get_u32(s->head.p + 4), length = second & 0xffffff;
    unsigned flags = second >> 24;
    if (!(first & 0x80000000u)) {
        s->in_data = true;
        s->data_stream = first;
        s->data_left = length;
        s->data_fin = flags & FLAG_FIN;
        s->head.n = 0;
        take_data(s, &(struct str){0});
        return 0;
    }
    if ((first >> 16 & 0x7fff) != VERSION)
        return broken(s, err, "not a frame of SPDY/3");
    if (length > CONTROL_MAX)
        return broken(s, err, "SPDY control frame is too large");
    if (s->head.n < FRAME_HEAD + length)
        return 0;
    struct str payload = str_from_at(buf_str(&s->head), FRAME_HEAD);
    int rc = take_control(s, first & 0xffff, flags, payload, err);
    s->head.n = 0;
    return rc;
}

int spdy_input(struct spdy *s, struct str bytes, struct err *err)
{
    while (bytes.n) {
        if (s->in_data) {
            take_data(s, &bytes);
            continue;
        }
        size_t want = FRAME_HEAD;
        if (s->head.n >= FRAME_HEAD)
            want += get_u32(s->head.p + 4) & 0xffffff;
        size_t n = want - s->head.n < bytes.n ? want - s->head.n : bytes.n;
        buf_add(&s->head, bytes.p, n);
        bytes = str_from_at(bytes, n);
        if (s->head.n == want && take_frame(s, err) < 0)
            return -1;
    }
    return 0;
}
