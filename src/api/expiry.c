#include "api/expiry.h"

#include <stdlib.h>

#include "api/road.h"
#include "base/clock.h"

enum { EVENT_LIFE_S = 3600, EXPIRY_BATCH = 1000 };
#define EXPIRY_PERIOD (60 * CLOCK_S)

struct expiry {
    struct api *api;
    pthread_mutex_t mutex;
    pthread_cond_t stopping;
    bool stop;
    pthread_t thread;
};

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When it was last written, as far as it says so itself. */
static int64_t event_written_s(const struct event *e)
{
    int64_t s = latest(e->metadata.creation_timestamp.s, latest(e->last_timestamp.s, e->event_time.s));
    return e->series ? latest(s, e->series->last_observed_time.s) : s;
}

static bool expire(struct api *a, struct object *o)
{
    _cleanup_arena_ struct arena arena = {0};
    struct api_request r = {.arena = &arena,
                            .verb = API_DELETE,
                            .resource = &event_resource,
                            .ns = object_namespace(o),
                            .name = object_name(o),
                            .precondition_uid = object_meta(o)->uid};
    bool gone = api_call(a, &r) == 0;
    api_finish(a, &r);
    return gone;
}

size_t expiry_sweep(struct api *a)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    int64_t before = clock_wall() / CLOCK_S - EVENT_LIFE_S;
    size_t gone = 0;
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, &event_resource), STR(""), STR(""), STR(""));
    for (struct object *o; gone < EXPIRY_BATCH && (o = cursor_next(&c));)
        if (event_written_s(object_typed(o)) < before)
            gone += expire(a, o);
    return gone;
}

static void expiry_run(void *arg)
{
    struct expiry *e = arg;
    pthread_mutex_lock(&e->mutex);
    while (!e->stop) {
        if (thread_cond_wait(&e->stopping, &e->mutex, clock_mono() + EXPIRY_PERIOD))
            continue;
        pthread_mutex_unlock(&e->mutex);
        expiry_sweep(e->api);
        pthread_mutex_lock(&e->mutex);
    }
    pthread_mutex_unlock(&e->mutex);
}

struct expiry *expiry_start(struct api *a)
{
    struct expiry *e = mem_zalloc(sizeof *e);
    e->api = a;
    pthread_mutex_init(&e->mutex, NULL);
    thread_cond_init(&e->stopping);
    e->thread = thread_start("expiry", expiry_run, e);
    return e;
}

void expiry_stop(struct expiry *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->mutex);
    e->stop = true;
    pthread_cond_signal(&e->stopping);
    pthread_mutex_unlock(&e->mutex);
    thread_join(e->thread);
    pthread_mutex_destroy(&e->mutex);
    pthread_cond_destroy(&e->stopping);
    free(e);
}
