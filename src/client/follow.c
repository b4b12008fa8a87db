/* Following an informer of a server elsewhere: list, watch from there on, go on where the watch broke off,
 * list again when that is too long ago. A thread each; between events it waits for bytes. */
#define LOG_PART "client"
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "client/remote_parts.h"
#include "kinds/meta_v1.h"
#include "schema/json.h"

/* As client-go's reflector: 0.8 s doubling to 30 s, jittered, anew after two quiet minutes. */
#define BACKOFF_FIRST (800 * CLOCK_MS)
#define BACKOFF_LAST  (30 * CLOCK_S)
#define BACKOFF_RESET (120 * CLOCK_S)
enum { WATCH_MIN_S = 300, WATCH_SPREAD_S = 300, LINE_MAX_BYTES = 64 << 20 };

struct remote_follower {
    struct remote_follower *next;
    struct remote *remote;
    struct informer *informer;
    pthread_t thread;
    int64_t revision; /* everything up to it has been told */
    bool expired;     /* that is too long ago for the server */
    struct buf line;  /* what has come of the next event */
    int64_t backoff, failed_at;
};

/* --- events --- */

static int event_error(struct remote_follower *f, struct str status, struct err *err)
{
    remote_refused(500, status, err);
    f->expired |= err->reason == ERR_EXPIRED || err->reason == ERR_GONE;
    return -1;
}

static int event_bookmark(struct remote_follower *f, struct str json, struct err *err)
{
    _cleanup_object_ struct object *o = NULL;
    if (remote_object(f->informer->resource, json, &o, err) < 0)
        return -1;
    if (o && object_revision(o) > f->revision) {
        f->revision = object_revision(o);
        informer_bookmark(f->informer, f->revision);
    }
    return 0;
}

static int event_take(struct remote_follower *f, struct str json, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct meta_watch_event ev = {0};
    if (json_decode(&a, &meta_watch_event_type, json, JSON_BORROW, &ev, NULL, err) < 0)
        return -1;
    if (str_is(ev.type, "ERROR"))
        return event_error(f, ev.object, err);
    if (str_is(ev.type, "BOOKMARK"))
        return event_bookmark(f, ev.object, err);
    _cleanup_object_ struct object *o = NULL;
    if (remote_object(f->informer->resource, ev.object, &o, err) < 0)
        return -1;
    if (!o)
        return err_set(err, ERR_INTERNAL, "an event without object");
    if (str_is(ev.type, "DELETED"))
        informer_remove(f->informer, o);
    else
        informer_put(f->informer, o);
    if (object_revision(o) > f->revision)
        f->revision = object_revision(o);
    return 0;
}

/* What watching leaves behind, for the callback of fetch. */
struct watching {
    struct remote_follower *follower;
    struct err err;
    bool failed;
};

static int watch_data(void *arg, struct str bytes)
{
    struct watching *w = arg;
    struct remote_follower *f = w->follower;
    for (ptrdiff_t end; !w->failed && (end = str_index(bytes, '\n')) >= 0;
         bytes = str_from_at(bytes, (size_t)end + 1)) {
        struct str line = str_slice(bytes.p, (size_t)end);
        if (f->line.n) {
            buf_add_str(&f->line, line);
            line = buf_str(&f->line);
        }
        w->failed = !str_empty(line) && event_take(f, line, &w->err) < 0;
        f->line.n = 0;
    }
    if (f->line.n + bytes.n > LINE_MAX_BYTES)
        w->failed = err_set(&w->err, ERR_TOO_LARGE, "a watch event is larger than %d bytes", LINE_MAX_BYTES);
    buf_add_str(&f->line, bytes);
    return w->failed;
}

/* --- list and watch --- */

static int follow_list(struct remote_follower *f, struct err *err)
{
    struct informer *i = f->informer;
    struct client_list_options which = {i->label_selector, i->field_selector};
    struct objects list = {0};
    if (remote_list(i->client, i->resource, i->ns, &which, &list, err) < 0)
        return -1;
    f->revision = list.revision;
    f->expired = false;
    informer_replace(i, &list);
    return 0;
}

/* Until the server ends it (0) or something breaks (-1). */
static int follow_watch(struct remote_follower *f, struct err *err)
{
    struct informer *i = f->informer;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf url = {0};
    int64_t timeout = WATCH_MIN_S + (int64_t)random_below(WATCH_SPREAD_S);
    remote_url(f->remote, i->resource, i->ns, (struct str){0}, (struct str){0}, &url);
    remote_query(&url, "watch", STR("true"));
    remote_query(&url, "allowWatchBookmarks", STR("true"));
    remote_query(&url, "labelSelector", i->label_selector);
    remote_query(&url, "fieldSelector", i->field_selector);
    remote_query(&url, "resourceVersion", arena_printf(&a, "%lld", (long long)f->revision));
    remote_query(&url, "timeoutSeconds", arena_printf(&a, "%lld", (long long)timeout));
    static const struct http_header accept = {STR_INIT("accept"), STR_INIT("application/json")};
    struct watching w = {.follower = f};
    const struct fetch_request q = {
        .url = buf_str(&url),
        .headers = &accept,
        .n_headers = 1,
        .timeout_ns = (timeout + 60) * CLOCK_S,
        .cancel = &f->remote->cancel,
        .data = watch_data,
        .arg = &w,
    };
    _cleanup_fetch_response_ struct fetch_response answer = {0};
    f->line.n = 0;
    int failed = fetch_do(f->remote->fetch, &q, &answer, err);
    if (w.failed) {
        err_move(err, &w.err);
        return -1;
    }
    if (!failed && answer.status >= 400) {
        failed = remote_refused(answer.status, answer.body, err);
        f->expired = err->reason == ERR_EXPIRED || err->reason == ERR_GONE;
    }
    return failed;
}

/* True when the end has come. */
static bool follow_pause(struct remote_follower *f)
{
    struct remote *r = f->remote;
    int64_t now = clock_mono();
    if (!f->backoff || now - f->failed_at > BACKOFF_RESET)
        f->backoff = BACKOFF_FIRST;
    int64_t deadline = now + f->backoff + (int64_t)random_below((uint64_t)f->backoff);
    f->failed_at = now;
    f->backoff = f->backoff * 2 < BACKOFF_LAST ? f->backoff * 2 : BACKOFF_LAST;
    _lock_(&r->mutex);
    while (!r->ending && thread_cond_wait(&r->cond, &r->mutex, deadline))
        ;
    return r->ending;
}

static bool is_ending(struct remote *r)
{
    _lock_(&r->mutex);
    return r->ending;
}

static void follow_main(void *arg)
{
    struct remote_follower *f = arg;
    bool listed = false;
    while (!is_ending(f->remote)) {
        _cleanup_err_ struct err err = {0};
        int failed = 0;
        if (!listed || f->expired) {
            failed = follow_list(f, &err);
            listed |= !failed;
        }

        int64_t start = clock_mono();
        if (!failed)
            failed = follow_watch(f, &err);
        if (is_ending(f->remote))
            return;
        bool gone = failed && err.reason == ERR_NOT_FOUND && f->informer->resource->custom;
        if (gone) { /* its definition is not there (any more) */
            informer_replace(f->informer, &(struct objects){0});
            listed = false;
        }
        if (failed && !f->expired && !gone)
            log_warn("following " STR_FMT ": " STR_FMT, STR_ARG(f->informer->resource->plural),
                     STR_ARG(err.message));
        /* A watch that ends at once, though without an error, must not make us spin either. */
        if ((failed && !f->expired) || clock_mono() - start < CLOCK_S)
            if (follow_pause(f))
                return;
    }
}

void remote_follow(struct client *c, struct informer *i)
{
    struct remote *r = remote_of(c);
    struct remote_follower *f = mem_zalloc(sizeof *f);
    f->remote = r;
    f->informer = i;
    _lock_(&r->mutex);
    f->next = r->followers;
    r->followers = f;
    f->thread = thread_start("follow", follow_main, f);
}

void remote_stop(struct client *c)
{
    struct remote *r = remote_of(c);
    pthread_mutex_lock(&r->mutex);
    r->ending = true;
    pthread_cond_broadcast(&r->cond);
    pthread_mutex_unlock(&r->mutex);
    fetch_cancel(r->fetch, &r->cancel);
    while (r->followers) {
        struct remote_follower *f = r->followers;
        r->followers = f->next;
        thread_join(f->thread);
        buf_free(&f->line);
        free(f);
    }
}
