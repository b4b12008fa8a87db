#define LOG_PART "server"
#include "server/access/legacy_tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "kinds/core_v1.h"

enum { WAITING_MOST = 256, DAY_TEXT = 11 };
#define TRACKING   "kube-apiserver-legacy-service-account-token-tracking"
#define RECHECK_NS (60 * CLOCK_S)

struct legacy_tokens {
    struct api *api;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t cond;
    struct object *waiting[WAITING_MOST]; /* Secrets, referenced */
    size_t n;
    bool stop, started;
};

/* "2006-01-02", as of now. */
static void today(char day[DAY_TEXT])
{
    time_t s = (time_t)(clock_wall() / CLOCK_S);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(day, DAY_TEXT, "%Y-%m-%d", &tm);
}

/* Days sort as text. */
static bool is_day(struct str s)
{
    struct tm tm;
    char text[DAY_TEXT] = {0};
    if (s.n != DAY_TEXT - 1)
        return false;
    memcpy(text, s.p, s.n);
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    return end && !*end;
}

static struct str get(const struct str_map *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (str_is(m->at[i].key, key))
            return m->at[i].value;
    return (struct str){0};
}

/* Asks the API; what went wrong is logged. */
static void call(struct legacy_tokens *t, struct api_request *r)
{
    if (api_call(t->api, r) < 0 && r->err.reason != ERR_ALREADY_EXISTS && r->err.reason != ERR_NOT_FOUND)
        log_warn("tracking legacy tokens: " STR_FMT, STR_ARG(r->err.message));
    api_finish(t->api, r);
    err_clear(&r->err);
}

static void patch(struct legacy_tokens *t, const struct resource *kind, struct str ns, struct str name,
                  const char *body)
{
    _cleanup_arena_ struct arena a = {0};
    struct api_request r = {.arena = &a,
                            .verb = API_PATCH,
                            .resource = kind,
                            .ns = ns,
                            .name = name,
                            .patch_type = API_PATCH_MERGE,
                            .body = str_from(body)};
    call(t, &r);
}

/* Since when uses have been noted: never later than today. */
static void keep_config_map(struct legacy_tokens *t)
{
    char day[DAY_TEXT], body[64];
    struct store *s = api_store(t->api);
    today(day);
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o =
        snapshot_get(snap, store_table(s, &config_map_resource), STR("kube-system"), STR(TRACKING));
    const struct config_map *map = o ? object_typed(o) : NULL;
    struct str since = map ? get(&map->data, "since") : (struct str){0};
    if (is_day(since) && str_cmp(since, str_from(day)) <= 0)
        return;
    if (o) {
        snprintf(body, sizeof body, "{\"data\":{\"since\":\"%s\"}}", day);
        patch(t, &config_map_resource, STR("kube-system"), STR(TRACKING), body);
        return;
    }
    _cleanup_arena_ struct arena a = {0};
    struct str_entry entry = {STR("since"), str_from(day)};
    struct config_map fresh = {.metadata = {.name = STR(TRACKING), .namespace = STR("kube-system")},
                               .data = {&entry, 1}};
    struct api_request r = {.arena = &a,
                            .verb = API_CREATE,
                            .resource = &config_map_resource,
                            .ns = STR("kube-system"),
                            .typed = &fresh};
    call(t, &r);
}

static void label(struct legacy_tokens *t, struct object *secret)
{
    char day[DAY_TEXT], body[128];
    today(day);
    snprintf(body, sizeof body, "{\"metadata\":{\"labels\":{\"" LEGACY_LAST_USED "\":\"%s\"}}}", day);
    patch(t, &secret_resource, object_namespace(secret), object_name(secret), body);
}

static struct object *take(struct legacy_tokens *t, int64_t until, bool *stop)
{
    _lock_(&t->mutex);
    while (!t->n && !t->stop && thread_cond_wait(&t->cond, &t->mutex, until))
        ;
    *stop = t->stop;
    return t->n && !t->stop ? t->waiting[--t->n] : NULL;
}

static void legacy_main(void *arg)
{
    struct legacy_tokens *t = arg;
    for (bool stop = false; !stop;) {
        keep_config_map(t);
        int64_t until = clock_mono() + RECHECK_NS;
        for (struct object *o; (o = take(t, until, &stop));) {
            label(t, o);
            object_unref(o);
        }
    }
}

void legacy_tokens_used(struct legacy_tokens *t, struct object *secret)
{
    char day[DAY_TEXT];
    today(day);
    if (!t || str_cmp(get(&object_meta(secret)->labels, LEGACY_LAST_USED), str_from(day)) >= 0)
        return;
    _lock_(&t->mutex);
    for (size_t i = 0; i < t->n; i++)
        if (t->waiting[i] == secret)
            return;
    if (t->n == WAITING_MOST)
        return; /* it will be used again */
    t->waiting[t->n++] = object_ref(secret);
    pthread_cond_signal(&t->cond);
}

struct legacy_tokens *legacy_tokens_new(struct api *api)
{
    struct legacy_tokens *t = mem_zalloc(sizeof *t);
    t->api = api;
    pthread_mutex_init(&t->mutex, NULL);
    thread_cond_init(&t->cond);
    return t;
}

void legacy_tokens_start(struct legacy_tokens *t)
{
    t->thread = thread_start("legacy-tokens", legacy_main, t);
    t->started = true;
}

void legacy_tokens_stop(struct legacy_tokens *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    t->stop = true;
    pthread_cond_signal(&t->cond);
    pthread_mutex_unlock(&t->mutex);
    if (t->started)
        thread_join(t->thread);
    for (size_t i = 0; i < t->n; i++)
        object_unref(t->waiting[i]);
    pthread_cond_destroy(&t->cond);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}
