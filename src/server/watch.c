#include "server/watch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "kinds/meta_v1.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "server/frame.h"
#include "server/internal.h"
#include "server/measure.h"
#include "server/render.h"
#include "server/status.h"
#include "server/stream/outlet.h"

#define BOOKMARK_MS (60 * 1000) /* as often as upstream's watch cache says them */

struct watch_stream {
    struct request *q;
    struct outlet *out;
    struct api_watch *watch;
    struct loop_task task; /* posted while `posted` */
    _Atomic bool posted;
    bool gone;  /* the stream is over; freed once nothing is posted and the timer is closed */
    bool full;  /* http has enough for now */
    bool ended; /* http_end was called */
    bool columns_said;
    bool timer_closed;
    uv_timer_t timer;
    int64_t ends;                      /* clock_mono */
    int64_t bookmarked;                /* revision of the last bookmark */
    struct watch_stream *next, **prev; /* of the server's open watches, guarded by its mutex */
    struct server *server;
    struct loop *loop;
    /* Of kinds whose events may wait for a webhook: the next one is fetched on a thread of libuv's pool. */
    bool slow, working, again, got;
    uv_work_t work;
    struct watch_event event;
    struct measured_watch measured;
};

static const struct str event_types[] = {
    [WATCH_ADDED] = STR_INIT("ADDED"),     [WATCH_MODIFIED] = STR_INIT("MODIFIED"),
    [WATCH_DELETED] = STR_INIT("DELETED"), [WATCH_BOOKMARK] = STR_INIT("BOOKMARK"),
    [WATCH_GONE] = STR_INIT("ERROR"),
};

/* --- frames --- */

static bool is_proto(const struct watch_stream *w)
{
    return w->q->accept.media == MEDIA_PROTOBUF;
}

/* A WatchEvent whose object is an envelope (upstream: the stream has no envelope itself), behind four bytes
 * of its length where the stream does not keep it apart from others. */
static void add_proto_frame(const struct watch_stream *w, struct buf *out, struct str type,
                            struct str api_version, struct str kind, struct str message)
{
    _cleanup_buf_ struct buf sealed = {0}, event = {0}, raw = {0};
    proto_seal_raw(&sealed, api_version, kind, message);
    frame_add(&raw, 1, buf_str(&sealed));
    frame_add(&event, 1, type);
    frame_add(&event, 2, buf_str(&raw));
    uint32_t n = (uint32_t)event.n;
    char length[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
    if (!outlet_is_socket(w->out))
        buf_add(out, length, sizeof length);
    buf_add_str(out, buf_str(&event));
}

static void add_typed_frame(struct watch_stream *w, struct str type, const struct resource *r,
                            const void *typed, struct buf *out)
{
    if (is_proto(w)) {
        _cleanup_buf_ struct buf message = {0};
        proto_encode(&message, r->type, typed);
        add_proto_frame(w, out, type, r->api_version, r->kind, buf_str(&message));
        return;
    }
    buf_addf(out, "{\"type\":\"" STR_FMT "\",\"object\":", STR_ARG(type));
    json_encode(out, r->type, typed);
    buf_add_lit(out, "}\n");
}

static void add_error_frame(struct watch_stream *w, const struct err *err, struct buf *out)
{
    struct status status;
    status_of_err(w->q->arena, err, &status);
    add_typed_frame(w, STR("ERROR"), &status_resource, &status, out);
}

/* A bookmark is an object of the kind with nothing but its resourceVersion. */
static void add_bookmark(struct watch_stream *w, int64_t revision, bool initial_end, struct buf *out)
{
    struct request *q = w->q;
    bool whole = q->accept.rendering == RENDER_OBJECT;
    struct str version = whole ? q->resource->api_version : STR("meta.k8s.io/v1");
    struct str kind = whole ? q->resource->kind : STR("PartialObjectMetadata");
    static struct str_entry end_note[] = {{STR_INIT("k8s.io/initial-events-end"), STR_INIT("true")}};
    _cleanup_buf_ struct buf text = {0};
    buf_add_i64(&text, revision);
    struct partial_object_metadata o = {
        .kind = kind,
        .api_version = version,
        .metadata = {.resource_version = buf_str(&text),
                     .annotations = {initial_end ? end_note : NULL, initial_end ? 1 : 0}},
    };
    w->bookmarked = revision;
    if (is_proto(w)) {
        /* Metadata is field 1 of every kind; the other fields are zero. */
        _cleanup_buf_ struct buf message = {0};
        proto_encode(&message, &partial_object_metadata_type, &o);
        add_proto_frame(w, out, STR("BOOKMARK"), version, kind, buf_str(&message));
        return;
    }
    buf_add_lit(out, "{\"type\":\"BOOKMARK\",\"object\":");
    if (q->accept.rendering == RENDER_TABLE) {
        buf_addf(out,
                 "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/"
                 "v1\",\"metadata\":{\"resourceVersion\":\"%lld\"},"
                 "\"columnDefinitions\":null,\"rows\":[{\"cells\":[],\"object\":",
                 (long long)revision);
        json_encode(out, &partial_object_metadata_type, &o);
        buf_add_lit(out, "}]}");
    } else {
        json_encode(out, &partial_object_metadata_type, &o);
    }
    buf_add_lit(out, "}\n");
}

/* One event; the object's own bytes are referenced, not copied. */
static bool write_event(struct watch_stream *w, const struct watch_event *ev)
{
    struct request *q = w->q;
    struct str type = event_types[ev->type];
    _cleanup_buf_ struct buf b = {0};
    if (ev->type == WATCH_BOOKMARK) {
        add_bookmark(w, ev->revision, ev->initial_end, &b);
    } else if (ev->type == WATCH_GONE) {
        _cleanup_err_ struct err err = {0};
        err_set(&err, ERR_EXPIRED, "too old resource version: %lld", (long long)ev->revision);
        add_error_frame(w, &err, &b);
    } else if (is_proto(w)) {
        _cleanup_buf_ struct buf scratch = {0};
        struct str version, kind;
        render_type(q, ev->object, &version, &kind);
        add_proto_frame(w, &b, type, version, kind, render_proto(q, ev->object, &scratch));
    } else if (q->accept.rendering == RENDER_OBJECT) {
        char head[40];
        int n = snprintf(head, sizeof head, "{\"type\":\"" STR_FMT "\",\"object\":", STR_ARG(type));
        struct http_part parts[] = {
            {.bytes = str_slice(head, (size_t)n)},
            {.bytes = object_json(ev->object), .release = object_release, .owner = object_ref(ev->object)},
            {.bytes = STR("}\n")},
        };
        measure_event(&w->measured, parts[0].bytes.n + parts[1].bytes.n + parts[2].bytes.n);
        return outlet_write(w->out, parts, ARRAY_LEN(parts));
    } else {
        buf_addf(&b, "{\"type\":\"" STR_FMT "\",\"object\":", STR_ARG(type));
        render_json(q, ev->object, !w->columns_said, &b);
        buf_add_lit(&b, "}\n");
        w->columns_said = true;
    }
    measure_event(&w->measured, b.n);
    return outlet_write(w->out, &(struct http_part){.bytes = buf_str(&b)}, 1);
}

/* --- the stream's life --- */

static void end(struct watch_stream *w)
{
    if (!w->ended)
        outlet_end(w->out);
    w->ended = true;
}

static void write_next(struct watch_stream *w, struct watch_event *ev)
{
    w->full = !write_event(w, ev);
    if (ev->type == WATCH_GONE)
        end(w);
    watch_event_clear(ev);
}

static void pump(struct watch_stream *w);
static void free_if_done(struct watch_stream *w);

static void slow_next(uv_work_t *work)
{
    struct watch_stream *w = container_of(work, struct watch_stream, work);
    w->got = api_watch_next(w->watch, &w->event);
}

static void slow_done(uv_work_t *work, int status)
{
    (void)status;
    struct watch_stream *w = container_of(work, struct watch_stream, work);
    w->working = false;
    if (w->gone) {
        if (w->got)
            watch_event_clear(&w->event);
        api_watch_close(w->watch);
        http_release(w->q->http);
        free_if_done(w);
        return;
    }
    if (w->got)
        write_next(w, &w->event);
    if (w->got || w->again)
        pump(w);
}

static void pump_slowly(struct watch_stream *w)
{
    w->again = w->working; /* something may have come since it looked */
    if (w->working || w->full || w->ended)
        return;
    w->working = true;
    ensure(uv_queue_work(loop_uv(w->loop), &w->work, slow_next, slow_done) == 0);
}

static void pump(struct watch_stream *w)
{
    struct watch_event ev;
    if (w->slow) {
        pump_slowly(w);
        return;
    }
    while (!w->full && !w->ended && api_watch_next(w->watch, &ev)) {
        write_next(w, &ev);
    }
}

/* The last of: stream closed, timer closed, task run. */
static void free_if_done(struct watch_stream *w)
{
    if (w->gone && w->timer_closed && !w->working && !atomic_load(&w->posted))
        free(w);
}

static void timer_closed(uv_handle_t *h)
{
    struct watch_stream *w = h->data;
    w->timer_closed = true;
    free_if_done(w);
}

static void run_task(struct loop_task *task)
{
    struct watch_stream *w = container_of(task, struct watch_stream, task);
    atomic_store(&w->posted, false);
    if (w->gone) {
        free_if_done(w);
        return;
    }
    if (atomic_load(&w->server->stopping))
        end(w);
    bool over = api_watch_over(w->watch);
    pump(w);
    if (over && !w->gone && !w->full && !w->working)
        end(w);
}

static void post(struct watch_stream *w, struct loop *l)
{
    if (!atomic_exchange(&w->posted, true))
        loop_post(l, &w->task);
}

/* On the commit thread. */
static void woken(void *arg)
{
    struct watch_stream *w = arg;
    post(w, w->loop);
}

static void drained(void *arg)
{
    struct watch_stream *w = arg;
    w->full = false;
    pump(w);
}

static void list_add(struct watch_stream *w)
{
    struct server *s = w->server;
    _lock_(&s->streams_mutex);
    w->next = s->streams;
    w->prev = &s->streams;
    if (w->next)
        w->next->prev = &w->next;
    s->streams = w;
}

static void list_remove(struct watch_stream *w)
{
    _lock_(&w->server->streams_mutex);
    *w->prev = w->next;
    if (w->next)
        w->next->prev = w->prev;
}

static void closed(void *arg)
{
    struct watch_stream *w = arg;
    list_remove(w);
    if (w->working)
        http_hold(w->q->http); /* the watch lives off it */
    else
        api_watch_close(w->watch);
    uv_close((uv_handle_t *)&w->timer, timer_closed);
    w->gone = true;
}

static void set_timer(struct watch_stream *w);

static void ticked(uv_timer_t *t)
{
    struct watch_stream *w = t->data;
    if (w->ended)
        return;
    if (clock_mono() >= w->ends) {
        end(w);
        return;
    }
    int64_t revision = w->working ? 0 : api_watch_revision(w->watch);
    if (w->q->api.allow_bookmarks && !w->full && revision > w->bookmarked) {
        _cleanup_buf_ struct buf b = {0};
        add_bookmark(w, revision, false, &b);
        w->full = !outlet_write(w->out, &(struct http_part){.bytes = buf_str(&b)}, 1);
    }
    set_timer(w);
}

static void set_timer(struct watch_stream *w)
{
    int64_t left = (w->ends - clock_mono()) / CLOCK_MS + 1;
    uv_timer_start(&w->timer, ticked, (uint64_t)(left < 1 ? 1 : left < BOOKMARK_MS ? left : BOOKMARK_MS), 0);
}

void watches_look(struct server *s)
{
    _lock_(&s->streams_mutex);
    for (struct watch_stream *w = s->streams; w; w = w->next)
        post(w, w->loop);
}

static bool open_stream(struct watch_stream *w, void (*on_closed)(void *arg), void (*on_drained)(void *arg))
{
    return outlet_open(w->q,
                       &(struct outlet_options){.content_type = media_type_name(w->q->accept.media, true),
                                                .text = !is_proto(w),
                                                .closed = on_closed,
                                                .drained = on_drained,
                                                .arg = w},
                       &w->out);
}

/* Upstream answers 200 and says in the stream that the revision is too old. */
static void respond_expired(struct watch_stream *w, const struct err *err)
{
    if (!open_stream(w, free, NULL)) {
        free(w);
        return;
    }
    _cleanup_buf_ struct buf b = {0};
    add_error_frame(w, err, &b);
    outlet_write(w->out, &(struct http_part){.bytes = buf_str(&b)}, 1);
    outlet_end(w->out);
}

void watch_handle(struct request *q)
{
    struct watch_stream *w = mem_zalloc(sizeof *w);
    _cleanup_err_ struct err err = {0};
    w->q = q;
    w->server = q->server;
    w->loop = q->loop;
    w->slow = api_waits(q->resource);
    w->measured = measure_watch(&q->route);
    w->task.run = run_task;
    /* Nothing is taken before the stream has begun. */
    atomic_store(&w->posted, true);
    if (api_watch_open(q->server->api, &q->api, woken, w, &w->watch, &err) < 0) {
        if (err.reason == ERR_EXPIRED) {
            respond_expired(w, &err);
            return;
        }
        free(w);
        request_error(q, &err);
        return;
    }
    for (size_t i = 0; i < q->api.warnings.n; i++)
        request_warn(q, q->api.warnings.at[i]);
    w->ends = clock_mono() + api_watch_timeout_s(w->watch) * CLOCK_S;
    if (!open_stream(w, closed, drained)) {
        api_watch_close(w->watch);
        free(w);
        return;
    }
    uv_timer_init(loop_uv(q->loop), &w->timer);
    w->timer.data = w;
    list_add(w);
    set_timer(w);
    atomic_store(&w->posted, false);
    pump(w);
    if (atomic_load(&q->server->stopping))
        end(w);
}
