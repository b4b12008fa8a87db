/* Lists, as streams: what the objects carry already goes from them to the socket, a few at a time, as fast as
 * the client takes it. */
#include <stdlib.h>

#include "kinds/meta_v1.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "server/audit/audit.h"
#include "server/frame.h"
#include "server/gzip.h"
#include "server/internal.h"
#include "server/render.h"

enum {
    STEP = 32,              /* objects written at once */
    TURN_BYTES = 256 * 1024 /* rendered or compressed in one turn of the loop, which others wait for */
};

struct list_stream {
    struct request *q;
    const struct api_list *list;
    size_t at;
    struct gzip *gzip; /* NULL: not compressed */
    struct buf text, packed;
    struct loop_task task; /* the next turn */
    bool posted, gone;
};

/* --- Protobuf's framing --- */

enum { ITEMS = 2 }; /* the field of every list */

/* Envelope and list up to the first item: lengths stand before what they count, so all items are measured
 * first. */
static void add_proto_head(struct list_stream *ls, struct buf *out)
{
    struct request *q = ls->q;
    bool partial = q->accept.rendering != RENDER_OBJECT;
    struct str kind = partial ? STR("PartialObjectMetadataList") : q->resource->list_kind;
    struct str version = partial ? STR("meta.k8s.io/v1") : q->resource->api_version;
    _cleanup_buf_ struct buf revision = {0}, meta = {0}, type = {0}, scratch = {0};
    buf_add_i64(&revision, ls->list->revision);
    struct list_meta m = {.resource_version = buf_str(&revision), .continue_ = ls->list->continue_token};
    int64_t remaining = ls->list->remaining;
    if (remaining >= 0)
        m.remaining_item_count = &remaining;
    proto_encode(&meta, &list_meta_type, &m);

    size_t size = frame_size(meta.n);
    for (size_t i = 0; i < ls->list->n; i++)
        size += frame_size(render_proto(q, ls->list->at[i], &scratch).n);
    frame_add(&type, 1, version);
    frame_add(&type, 2, kind);
    buf_add(out, "k8s\0", 4);
    frame_add(out, 1, buf_str(&type));
    frame_add_head(out, 2, size);
    frame_add(out, 1, buf_str(&meta));
}

/* contentEncoding and contentType, both empty, stand behind the message. */
static void add_proto_tail(struct buf *out)
{
    frame_add(out, 3, (struct str){0});
    frame_add(out, 4, (struct str){0});
}

/* --- pieces --- */

static bool is_proto(const struct list_stream *ls)
{
    return ls->q->accept.media == MEDIA_PROTOBUF;
}

/* Items are sent as they lie in the objects where no rendering has to be made. */
static bool is_shared(const struct list_stream *ls)
{
    return ls->q->accept.rendering == RENDER_OBJECT && !ls->gzip;
}

static void add_head(struct list_stream *ls, struct buf *out)
{
    if (is_proto(ls))
        add_proto_head(ls, out);
    else
        render_json_head(ls->q, ls->list, out);
}

static void add_tail(struct list_stream *ls, struct buf *out)
{
    if (is_proto(ls))
        add_proto_tail(out);
    else
        render_json_tail(ls->q, out);
}

static void add_item(struct list_stream *ls, size_t i, struct buf *out)
{
    struct object *o = ls->list->at[i];
    if (is_proto(ls)) {
        _cleanup_buf_ struct buf scratch = {0};
        struct str message = render_proto(ls->q, o, &scratch);
        frame_add(out, ITEMS, message);
        return;
    }
    if (i)
        buf_add_c(out, ',');
    render_json_item(ls->q, o, out);
}

/* The next objects as parts: what is between them, and their own bytes, referenced. */
static bool write_shared(struct list_stream *ls, size_t end)
{
    struct http_part parts[2 * STEP];
    char heads[STEP][FRAME_HEAD_MAX];
    size_t n = 0;
    for (size_t i = 0; ls->at < end; i++, ls->at++) {
        struct object *o = ls->list->at[ls->at];
        struct str bytes, head;
        void (*release)(void *) = NULL;
        if (is_proto(ls)) {
            bytes = object_proto(o);
            head = str_slice(heads[i], frame_head(heads[i], ITEMS, bytes.n));
        } else {
            bytes = object_json_item(o);
            head = ls->at ? STR(",{") : STR("{");
            release = nothing_release;
        }
        ls->q->sent += head.n + bytes.n;
        parts[n++] = (struct http_part){.bytes = head, .release = release};
        parts[n++] = (struct http_part){.bytes = bytes, .release = object_release, .owner = object_ref(o)};
    }
    return http_write(ls->q->http, parts, n);
}

/* Sends what gathered in `text`, compressed where asked. */
static bool write_text(struct list_stream *ls, bool last)
{
    struct buf *from = &ls->text;
    if (ls->gzip) {
        ls->packed.n = 0;
        gzip_add(ls->gzip, buf_str(&ls->text), last, &ls->packed);
        from = &ls->packed;
    }
    ls->q->sent += from->n;
    bool more = !from->n || http_write(ls->q->http, &(struct http_part){.bytes = buf_str(from)}, 1);
    ls->text.n = 0;
    return more;
}

static void pump(void *arg);

static void next_turn(struct loop_task *task)
{
    struct list_stream *ls = container_of(task, struct list_stream, task);
    struct http_request *http = ls->q->http;
    ls->posted = false;
    if (!ls->gone)
        pump(ls);
    http_release(http);
}

static void pump(void *arg)
{
    struct list_stream *ls = arg;
    if (ls->posted)
        return;
    size_t made = 0;
    while (ls->at < ls->list->n) {
        size_t end = ls->at + STEP < ls->list->n ? ls->at + STEP : ls->list->n;
        bool more;
        if (is_shared(ls)) {
            more = write_shared(ls, end);
        } else {
            for (; ls->at < end; ls->at++)
                add_item(ls, ls->at, &ls->text);
            made += ls->text.n;
            more = write_text(ls, false);
        }
        if (!more && ls->at < ls->list->n)
            return;
        if (made > TURN_BYTES && ls->at < ls->list->n) {
            ls->posted = true;
            ls->task.run = next_turn;
            http_hold(ls->q->http); /* the client may leave before */
            loop_post(ls->q->loop, &ls->task);
            return;
        }
    }
    add_tail(ls, &ls->text);
    write_text(ls, true);
    http_end(ls->q->http);
}

static void closed(void *arg)
{
    struct list_stream *ls = arg;
    struct request *q = ls->q;
    ls->gone = true;
    gzip_free(ls->gzip);
    buf_free(&ls->text);
    buf_free(&ls->packed);
    request_done(q, q->api.code);
    api_finish(q->server->api, &q->api);
}

/* --- whole --- */

/* For people: indented, or YAML; not made for speed. */
static void respond_whole(struct list_stream *ls)
{
    struct request *q = ls->q;
    _cleanup_buf_ struct buf json = {0};
    add_head(ls, &json);
    for (size_t i = 0; i < ls->list->n; i++)
        add_item(ls, i, &json);
    add_tail(ls, &json);
    struct buf *out = request_render_json(q, str_trim(buf_str(&json)));
    int code = q->api.code;
    api_finish(q->server->api, &q->api);
    request_bytes(q, code, media_type_name(q->accept.media, false),
                  &(struct http_part){.bytes = buf_str(out), .release = buf_release, .owner = out});
}

/* Whether the list is worth compressing, by what its objects hold already. */
static bool is_large(struct request *q, const struct api_list *list)
{
    size_t size = 0;
    for (size_t i = 0; i < list->n && size <= GZIP_FROM; i++)
        size +=
            q->accept.media == MEDIA_PROTOBUF ? object_proto(list->at[i]).n : object_json_item(list->at[i]).n;
    return size > GZIP_FROM;
}

/* The whole list, as the audit log shows it. */
static void note_list(struct list_stream *ls)
{
    _cleanup_buf_ struct buf json = {0};
    add_head(ls, &json);
    for (size_t i = 0; i < ls->list->n; i++)
        add_item(ls, i, &json);
    add_tail(ls, &json);
    audit_response(ls->q, str_trim(buf_str(&json)));
}

void list_respond(struct request *q)
{
    struct list_stream *ls = arena_new(q->arena, struct list_stream);
    ls->q = q;
    ls->list = q->api.list;
    if (audit_wants_response(q) && q->accept.media != MEDIA_PROTOBUF)
        note_list(ls);
    if (q->accept.media == MEDIA_YAML || (q->accept.media == MEDIA_JSON && request_pretty(q))) {
        respond_whole(ls);
        return;
    }
    if (accept_gzip(http_header_get(q->http, STR("accept-encoding"))) && is_large(q, ls->list))
        ls->gzip = gzip_new();
    request_begin(q, q->api.code, media_type_name(q->accept.media, false), ls->gzip != NULL, closed, pump,
                  ls);
    add_head(ls, &ls->text);
    if (is_shared(ls))
        write_text(ls, false);
    pump(ls);
}
