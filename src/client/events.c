/* Recorders only note what happened; one thread of the client, started with the first event, correlates and
 * writes. */
#define LOG_PART "events"
#include "client/events.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/correlator.h"
#include "client/transport.h"
#include "kinds/core_v1.h"

enum { WAITING_MAX = 1000 };
#define LAST_WORDS (2 * CLOCK_S) /* at the end, what is not written by then is dropped */

/* One thing that happened, in its own arena. */
struct happening {
    struct happening *next;
    struct arena arena;
    struct str component, host;
    struct event_subject about;
    struct str type, reason, message;
    int64_t at; /* clock_wall() */
};

struct event_sink {
    struct client *client;
    pthread_mutex_t mutex; /* guards all below but the correlator */
    pthread_cond_t cond, idle;
    struct happening *first, **last;
    size_t waiting;
    bool running, busy, ending;
    int64_t end; /* clock_mono(), once ending */
    pthread_t thread;
    struct correlator *correlator; /* of the thread */
};

struct recorder {
    struct event_sink *sink;
    char *component, *host;
};

/* --- writing --- */

static int event_create(struct event_sink *s, const struct happening *h, const struct correlated *seen,
                        struct str message, struct arena *a, struct err *err)
{
    const struct event_subject *about = &h->about;
    struct event event = {
        .metadata = {.namespace = str_empty(about->ns) ? STR("default") : about->ns,
                     .name =
                         arena_printf(a, STR_FMT ".%llx", STR_ARG(about->name), (unsigned long long)h->at)},
        .involved_object = {.kind = about->kind,
                            .namespace = about->ns,
                            .name = about->name,
                            .uid = about->uid,
                            .api_version = about->api_version,
                            .resource_version = about->resource_version,
                            .field_path = about->field_path},
        .reason = h->reason,
        .message = message,
        .source = {.component = h->component, .host = h->host},
        .first_timestamp = (struct time){seen->first / CLOCK_S, 0},
        .last_timestamp = (struct time){h->at / CLOCK_S, 0},
        .count = seen->count,
        .type = h->type,
        .reporting_component = h->component,
        .reporting_instance = h->host,
    };
    if (client_create(s->client, &event_resource, event.metadata.namespace, &event, NULL, err) < 0)
        return -1;
    correlator_written(s->correlator, seen, event.metadata.namespace, event.metadata.name);
    return 0;
}

/* Raises the count of the event written before; ERR_NOT_FOUND when it is gone by now. */
static int event_count(struct event_sink *s, const struct happening *h, const struct correlated *seen,
                       struct str message, struct arena *a, struct err *err)
{
    _cleanup_object_ struct object *before = NULL;
    if (client_get(s->client, &event_resource, seen->ns, seen->name, &before, err) < 0)
        return -1;
    struct event *event = object_copy(before, a);
    event->count = seen->count;
    event->last_timestamp = (struct time){h->at / CLOCK_S, 0};
    event->message = message;
    return client_update(s->client, &event_resource, (struct str){0}, event, NULL, err);
}

static void happening_write(struct event_sink *s, struct happening *h)
{
    struct arena *a = &h->arena;
    const struct event_subject *about = &h->about;
    struct str source =
        arena_printf(a, STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT,
                     STR_ARG(h->component), STR_ARG(h->host), STR_ARG(about->kind), STR_ARG(about->ns),
                     STR_ARG(about->name), STR_ARG(about->uid), STR_ARG(about->api_version));
    struct str kind = arena_printf(a, STR_FMT "\n" STR_FMT "\n" STR_FMT, STR_ARG(h->type), STR_ARG(h->reason),
                                   STR_ARG(about->field_path));
    struct correlated seen;
    if (!correlator_see(s->correlator, source, kind, h->message, h->at, &seen))
        return;
    struct str message =
        seen.combined ? arena_concat(a, STR("(combined from similar events): "), h->message) : h->message;
    _cleanup_err_ struct err err = {0};
    int failed = -1;
    if (!str_empty(seen.name))
        failed = event_count(s, h, &seen, message, a, &err);
    if (str_empty(seen.name) || (failed && err.reason == ERR_NOT_FOUND))
        failed = event_create(s, h, &seen, message, a, &err);
    /* A namespace that is going takes no more events: nothing to tell anyone. */
    if (failed && err.reason != ERR_FORBIDDEN && err.reason != ERR_NOT_FOUND)
        log_warn("event " STR_FMT " of " STR_FMT "/" STR_FMT ": " STR_FMT, STR_ARG(h->reason),
                 STR_ARG(about->ns), STR_ARG(about->name), STR_ARG(err.message));
}

static void happening_free(struct happening *h)
{
    arena_free(&h->arena);
    free(h);
}

static void sink_main(void *arg)
{
    struct event_sink *s = arg;
    pthread_mutex_lock(&s->mutex);
    while (!s->ending || (s->first && clock_mono() < s->end)) {
        struct happening *h = s->first;
        if (!h) {
            pthread_cond_broadcast(&s->idle);
            thread_cond_wait(&s->cond, &s->mutex, INT64_MAX);
            continue;
        }
        s->first = h->next;
        if (!s->first)
            s->last = &s->first;
        s->waiting--;
        s->busy = true;
        pthread_mutex_unlock(&s->mutex);
        happening_write(s, h);
        happening_free(h);
        pthread_mutex_lock(&s->mutex);
        s->busy = false;
    }
    pthread_mutex_unlock(&s->mutex);
}

static struct event_sink *event_sink_of(struct client *any)
{
    struct client *c = any->shared;
    _lock_(&c->mutex);
    if (!c->sink) {
        struct event_sink *s = mem_zalloc(sizeof *s);
        s->client = c;
        s->last = &s->first;
        s->correlator = correlator_new();
        pthread_mutex_init(&s->mutex, NULL);
        thread_cond_init(&s->cond);
        thread_cond_init(&s->idle);
        c->sink = s;
    }
    return c->sink;
}

void event_sink_free(struct event_sink *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->mutex);
    s->ending = true;
    s->end = clock_mono() + LAST_WORDS;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->mutex);
    if (s->running)
        thread_join(s->thread);
    while (s->first) {
        struct happening *h = s->first;
        s->first = h->next;
        happening_free(h);
    }
    correlator_free(s->correlator);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->cond);
    pthread_cond_destroy(&s->idle);
    free(s);
}

/* --- recorders --- */

struct recorder *recorder_new(struct client *c, const char *component, struct str host)
{
    struct recorder *r = mem_zalloc(sizeof *r);
    *r = (struct recorder){event_sink_of(c), str_dup_c(str_from(component)), str_dup_c(host)};
    return r;
}

void recorder_free(struct recorder *r)
{
    if (!r)
        return;
    free(r->component);
    free(r->host);
    free(r);
}

void recorder_flush(struct recorder *r, int64_t deadline)
{
    struct event_sink *s = r->sink;
    _lock_(&s->mutex);
    while (s->first || s->busy)
        if (!thread_cond_wait(&s->idle, &s->mutex, deadline))
            return;
}

static void recorder_note(struct recorder *r, const struct event_subject *about, const char *type,
                          const char *reason, const char *fmt, va_list args)
{
    struct happening *h = mem_zalloc(sizeof *h);
    struct arena *a = &h->arena;
    h->component = arena_str(a, str_from(r->component));
    h->host = arena_str(a, str_from(r->host));
    h->about = (struct event_subject){
        .kind = arena_str(a, about->kind),
        .api_version = arena_str(a, about->api_version),
        .ns = arena_str(a, about->ns),
        .name = arena_str(a, about->name),
        .uid = arena_str(a, about->uid),
        .resource_version = arena_str(a, about->resource_version),
        .field_path = arena_str(a, about->field_path),
    };
    h->type = arena_str(a, str_from(type));
    h->reason = arena_str(a, str_from(reason));
    h->message = arena_vprintf(a, fmt, args);
    h->at = clock_wall();

    struct event_sink *s = r->sink;
    _lock_(&s->mutex);
    if (s->waiting >= WAITING_MAX || s->ending) {
        happening_free(h);
        return;
    }
    *s->last = h;
    s->last = &h->next;
    s->waiting++;
    if (!s->running) {
        s->running = true;
        s->thread = thread_start("events", sink_main, s);
    }
    pthread_cond_signal(&s->cond);
}

void recorder_event_about(struct recorder *r, const struct event_subject *about, const char *type,
                          const char *reason, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    recorder_note(r, about, type, reason, fmt, args);
    va_end(args);
}

void recorder_event(struct recorder *r, struct object *about, const char *type, const char *reason,
                    struct str field_path, const char *fmt, ...)
{
    const struct resource *resource = object_resource(about);
    char revision[24];
    snprintf(revision, sizeof revision, "%lld", (long long)object_revision(about));
    va_list args;
    va_start(args, fmt);
    recorder_note(r,
                  &(struct event_subject){
                      .kind = resource->kind,
                      .api_version = resource->api_version,
                      .ns = object_namespace(about),
                      .name = object_name(about),
                      .uid = object_meta(about)->uid,
                      .resource_version = str_from(revision),
                      .field_path = field_path,
                  },
                  type, reason, fmt, args);
    va_end(args);
}
