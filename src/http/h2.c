/* HTTP/2, as server, through nghttp2, which also checks what RFC 9113 says of messages (pseudo-headers,
 * forbidden fields, content-length) and bounds resets, CONTINUATIONs, SETTINGS and acknowledgements that
 * wait. */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/clock.h"
#include "http/conn.h"

enum {
    STREAM_WINDOW = 256 * 1024,
    CONNECTION_WINDOW = 4 * 1024 * 1024,
    FRAME_HEAD = 9,
    /* Frames that cost something and do nothing (PING, SETTINGS, RST_STREAM, PRIORITY, empty DATA): this many
     * at once, and this many a second, then the connection has to go. */
    IDLE_FRAMES_BURST = 2000,
    IDLE_FRAMES_RATE = 200,
    STACK_HEADERS = 32, /* of a response; more take the arena */
};

struct h2 {
    struct http_conn *conn;
    nghttp2_session *session;
    TAILQ_HEAD(, http_request) requests; /* with a stream */
    int64_t idle_since;                  /* when the last of them ended */
    int64_t idle_frames, counted_at;
    bool fatal;
};

static struct h2 *h2_of(struct transport *t)
{
    return container_of(t, struct http_conn, transport)->protocol;
}

/* --- the request --- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h = user;
    struct http_conn *c = h->conn;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    /* Streams that were reset leave requests that are still being worked on: they count too. */
    if (c->n_requests >= 2 * (size_t)c->shard->server->o.max_streams || c->draining) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
        return 0;
    }
    struct http_request *r = request_new(c);
    r->stream_id = frame->hd.stream_id;
    r->since = c->transport.progress;
    nghttp2_session_set_stream_user_data(session, r->stream_id, r);
    TAILQ_INSERT_TAIL(&h->requests, r, of_session);
    transport_due(&c->transport, r->since + c->shard->server->o.header_ns);
    return 0;
}

static void set_pseudo_header(struct http_request *r, struct str name, struct str value)
{
    if (str_eq(name, STR(":method"))) {
        r->method = value;
    } else if (str_eq(name, STR(":path"))) {
        r->path = value; /* until the method is known too */
    } else if (str_eq(name, STR(":authority"))) {
        request_add_header(r, STR("host"), value);
    }
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    (void)flags;
    struct h2 *h = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct http_request *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!r || r->refuse)
        return 0;
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name), v = nghttp2_rcbuf_get_buf(value);
    r->header_bytes += n.len + v.len + 32; /* as RFC 9113, 6.5.2 counts */
    if (r->header_bytes > h->conn->shard->server->o.max_header || r->n_headers >= HTTP_MAX_HEADERS) {
        r->refuse = 431;
        r->refuse_why = "request header fields too large";
        return 0;
    }
    /* Entries of HPACK's static table are there for ever. */
    struct str key = str_slice((const char *)n.base, n.len), text = str_slice((const char *)v.base, v.len);
    if (!nghttp2_rcbuf_is_static(name))
        key.p = arena_dup(&r->arena, key.p, key.n);
    if (!nghttp2_rcbuf_is_static(value))
        text.p = arena_dup(&r->arena, text.p, text.n);
    if (key.n && key.p[0] == ':')
        set_pseudo_header(r, key, text);
    else
        request_add_header(r, key, text);
    return 0;
}

/* The headers are complete: what nghttp2 does not check. */
static void check_head(struct http_request *r)
{
    struct str host = http_header_get(r, STR("host"));
    if (r->refuse)
        return;
    if (!request_set_target(r, r->path)) {
        r->refuse = 400;
        r->refuse_why = "malformed request target";
    }
    for (size_t i = 0; i < r->n_headers; i++)
        if (str_eq(r->headers[i].name, STR("host")) && !str_eq(r->headers[i].value, host)) {
            r->refuse = 400;
            r->refuse_why = ":authority and Host differ";
        }
}

static bool count_idle_frame(struct h2 *h)
{
    int64_t now = clock_mono();
    h->idle_frames -= (now - h->counted_at) * IDLE_FRAMES_RATE / CLOCK_S;
    if (h->idle_frames < 0)
        h->idle_frames = 0;
    h->counted_at = now;
    return ++h->idle_frames <= IDLE_FRAMES_BURST;
}

static bool is_idle_frame(const nghttp2_frame *frame)
{
    switch (frame->hd.type) {
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
        return !(frame->hd.flags & NGHTTP2_FLAG_ACK);
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_PRIORITY:
        return true;
    case NGHTTP2_DATA:
        return frame->hd.length == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    default:
        return false;
    }
}

/* Not waiting for the end of a body that is refused anyway. */
static void refuse_early(struct http_request *r)
{
    if (!r->begun && r->refuse)
        request_fail(r, r->refuse, r->refuse_why);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h = user;
    if (is_idle_frame(frame) && !count_idle_frame(h))
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct http_request *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!r || r->begun)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        r->head_complete = true;
        check_head(r);
    }
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        request_dispatch(r);
    } else if (r->refuse) {
        refuse_early(r);
    } else if (frame->hd.type == NGHTTP2_HEADERS &&
               str_eq(http_header_get(r, STR("expect")), STR("100-continue"))) {
        nghttp2_nv nv = {(uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE};
        nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, r->stream_id, NULL, &nv, 1, NULL);
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                         size_t n, void *user)
{
    (void)flags, (void)user;
    struct http_request *r = nghttp2_session_get_stream_user_data(session, stream_id);
    if (r && !r->begun) {
        request_add_body(r, str_slice((const char *)data, n));
        refuse_early(r);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *user)
{
    (void)error;
    struct h2 *h = user;
    struct http_request *r = nghttp2_session_get_stream_user_data(session, stream_id);
    if (!r)
        return 0;
    nghttp2_session_set_stream_user_data(session, stream_id, NULL);
    TAILQ_REMOVE(&h->requests, r, of_session);
    h->idle_since = h->conn->transport.progress;
    transport_due(&h->conn->transport, h->idle_since + h->conn->shard->server->o.idle_ns);
    request_abandon(r);
    return 0;
}

/* --- the response --- */

static ssize_t on_read(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t n, uint32_t *flags,
                       nghttp2_data_source *source, void *user)
{
    (void)buf, (void)user;
    struct http_request *r = source->ptr;
    if (!r->queue.bytes && !r->ended) {
        r->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (r->queue.bytes > n)
        return (ssize_t)n;
    if (r->ended) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (!nghttp2_session_get_stream_remote_close(session,
                                                     stream_id)) /* answered before the body was read */
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_NO_ERROR);
    }
    return (ssize_t)r->queue.bytes;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
                        nghttp2_data_source *source, void *user)
{
    (void)session, (void)frame;
    struct h2 *h = user;
    struct transport *t = &h->conn->transport;
    struct http_request *r = source->ptr;
    if (!transport_room(t))
        return NGHTTP2_ERR_WOULDBLOCK;
    transport_write(t, str_slice((const char *)head, FRAME_HEAD));
    while (n) {
        struct str bytes = parts_first(&r->queue);
        if (bytes.n > n)
            bytes.n = n;
        transport_write(t, bytes);
        parts_advance(&r->queue, bytes.n);
        n -= bytes.n;
    }
    request_drain(r);
    return 0;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t n, int flags, void *user)
{
    (void)session, (void)flags;
    struct h2 *h = user;
    if (!transport_room(&h->conn->transport))
        return NGHTTP2_ERR_WOULDBLOCK;
    transport_write(&h->conn->transport, str_slice((const char *)data, n));
    return (ssize_t)n;
}

static nghttp2_nv nv_of(struct str name, struct str value, uint8_t flags)
{
    return (nghttp2_nv){(uint8_t *)name.p, (uint8_t *)value.p, name.n, value.n, flags};
}

static struct str put_decimal(char end[static 24], int64_t v)
{
    size_t at = 24;
    do
        end[--at] = (char)('0' + v % 10);
    while (v /= 10);
    return str_slice(end + at, 24 - at);
}

static void h2_begin(struct http_request *r, const struct http_header *headers, size_t n, int64_t length)
{
    struct h2 *h = r->conn->protocol;
    nghttp2_nv few[STACK_HEADERS];
    nghttp2_nv *nv = n + 3 <= STACK_HEADERS ? few : arena_new_n(&r->arena, nghttp2_nv, n + 3);
    char status[24], digits[24];
    size_t at = 0;
    nv[at++] = nv_of(STR(":status"), put_decimal(status, r->status), NGHTTP2_NV_FLAG_NONE);
    for (size_t i = 0; i < n; i++)
        if (!header_is_ours(headers[i].name))
            nv[at++] = nv_of(headers[i].name, headers[i].value, NGHTTP2_NV_FLAG_NONE);
    nv[at++] = nv_of(STR("date"), shard_date(r->conn->shard), NGHTTP2_NV_FLAG_NONE);
    if (length >= 0 && r->status >= 200 && r->status != 204 && r->status != 304)
        nv[at++] = nv_of(STR("content-length"), put_decimal(digits, length), NGHTTP2_NV_FLAG_NONE);
    nghttp2_data_provider body = {.source.ptr = r, .read_callback = on_read};
    bool no_body = r->bodiless && (r->ended || r->status == 204 || r->status == 304);
    if (nghttp2_submit_response(h->session, r->stream_id, nv, at, no_body ? NULL : &body) != 0)
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, r->stream_id, NGHTTP2_INTERNAL_ERROR);
    else if (no_body && !r->complete) /* nghttp2 itself knows only after this call that a request is whole */
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, r->stream_id, NGHTTP2_NO_ERROR);
}

static void h2_more(struct http_request *r)
{
    struct h2 *h = r->conn->protocol;
    if (r->deferred) {
        r->deferred = false;
        nghttp2_session_resume_data(h->session, r->stream_id);
    }
}

/* --- the connection --- */

static void h2_flush(struct transport *t)
{
    struct h2 *h = h2_of(t);
    bool over = nghttp2_session_send(h->session) != 0 ||
                (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session)) ||
                (h->conn->draining && TAILQ_EMPTY(&h->requests));
    if (over || h->fatal)
        transport_end(t);
}

static void h2_data(struct transport *t, struct str bytes)
{
    struct h2 *h = h2_of(t);
    if (h->fatal)
        return;
    ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes.p, bytes.n);
    if (n < 0) { /* flushed with what there is to say to it */
        h->fatal = true;
        nghttp2_session_terminate_session(h->session, n == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM
                                                                               : NGHTTP2_PROTOCOL_ERROR);
    }
    transport_dirty(t);
}

static void h2_ended(struct transport *t)
{
    transport_close(t, NULL);
}

/* Resets requests that take too long to come. A peer that reads nothing of what waits for it holds memory: it
 * goes too. */
static int64_t h2_deadline(struct transport *t, int64_t now)
{
    struct h2 *h = h2_of(t);
    const struct http_server_options *o = &h->conn->shard->server->o;
    if (t->blocked || t->ending)
        return t->progress + o->idle_ns;
    int64_t next = TAILQ_EMPTY(&h->requests) ? h->idle_since + o->idle_ns : INT64_MAX;
    struct http_request *r;
    TAILQ_FOREACH(r, &h->requests, of_session)
    {
        int64_t at = INT64_MAX;
        if (r->queue.bytes)
            at = t->progress + o->idle_ns;
        if (!r->complete && !r->begun)
            at = r->since + (r->head_complete ? o->body_ns : o->header_ns);
        if (at <= now && !r->head_complete)
            return now; /* a header under way is in everybody's way */
        if (at <= now && !r->begun) {
            nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, r->stream_id, NGHTTP2_CANCEL);
            transport_dirty(t);
        } else if (at < next) {
            next = at;
        }
    }
    return next;
}

static void h2_closed(struct transport *t)
{
    struct http_conn *c = container_of(t, struct http_conn, transport);
    struct h2 *h = c->protocol;
    c->gone = true;
    c->n_requests++; /* holds it until the end of this */
    for (struct http_request *r; (r = TAILQ_FIRST(&h->requests));) {
        TAILQ_REMOVE(&h->requests, r, of_session);
        request_abandon(r);
    }
    nghttp2_session_del(h->session);
    free(h);
    c->protocol = NULL;
    c->n_requests--;
    conn_release(c);
}

static void h2_drain(struct http_conn *c)
{
    struct h2 *h = c->protocol;
    nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->session),
                          NGHTTP2_NO_ERROR, NULL, 0);
    transport_dirty(&c->transport);
}

static const struct transport_ops h2_transport_ops = {
    .data = h2_data, .ended = h2_ended, .flush = h2_flush, .deadline = h2_deadline, .closed = h2_closed};
static const struct conn_ops h2_ops = {.begin = h2_begin, .more = h2_more, .drain = h2_drain};

/* Shared by all sessions, made once. */
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;

static void h2_make_callbacks(void)
{
    ensure(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&options) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
    nghttp2_option_set_no_closed_streams(options, 1);
}

void h2_start(struct http_conn *c)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, h2_make_callbacks);
    struct h2 *h = mem_zalloc(sizeof *h);
    h->conn = c;
    TAILQ_INIT(&h->requests);
    h->idle_since = h->counted_at = clock_mono();
    ensure(nghttp2_session_server_new2(&h->session, callbacks, h, options) == 0);
    const struct http_server_options *o = &c->shard->server->o;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, o->max_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)o->max_header},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
    c->protocol = h;
    c->ops = &h2_ops;
    c->transport.ops = &h2_transport_ops;
}
