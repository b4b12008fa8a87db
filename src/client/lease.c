#define LOG_PART "lease"
#include "client/lease.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/thread.h"
#include "kinds/coordination_v1.h"
#include "schema/timestamp.h"

struct leader_lease {
    struct client *client;
    struct lease_options o;
    struct arena arena; /* of o's strings */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards held and ending */
    pthread_cond_t cond;
    bool held, ending;
    /* What was last seen, and when (clock_mono). */
    int64_t seen_revision, seen_at;
    int64_t renewed_at;
};

static struct str spec_holder(const struct lease_spec *spec)
{
    return spec->holder_identity ? *spec->holder_identity : (struct str){0};
}

/* Writes down that the lease is ours from now on. */
static void spec_take(struct leader_lease *l, struct lease_spec *spec, struct arena *a)
{
    bool renews = str_eq(spec_holder(spec), l->o.identity);
    struct time now = time_now_micro();
    int32_t transitions = spec->lease_transitions ? *spec->lease_transitions : 0;
    if (!renews && spec->acquire_time)
        transitions++;
    if (!renews || !spec->acquire_time)
        spec->acquire_time = arena_dup(a, &now, sizeof now);
    spec->renew_time = arena_dup(a, &now, sizeof now);
    spec->holder_identity = arena_dup(a, &l->o.identity, sizeof l->o.identity);
    int32_t seconds = (int32_t)(l->o.duration_ns / CLOCK_S);
    spec->lease_duration_seconds = arena_dup(a, &seconds, sizeof seconds);
    spec->lease_transitions = arena_dup(a, &transitions, sizeof transitions);
}

/* One attempt to take or to renew. */
static int lease_try(struct leader_lease *l, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_object_ struct object *o = NULL;
    if (client_get(l->client, &lease_resource, l->o.ns, l->o.name, &o, err) < 0) {
        if (!err || err->reason != ERR_NOT_FOUND)
            return -1;
        struct lease fresh = {.metadata = {.namespace = l->o.ns, .name = l->o.name}};
        spec_take(l, &fresh.spec, &a);
        return client_create(l->client, &lease_resource, l->o.ns, &fresh, NULL, err);
    }
    struct lease *lease = object_copy(o, &a);
    if (object_revision(o) != l->seen_revision) {
        l->seen_revision = object_revision(o);
        l->seen_at = clock_mono();
    }
    struct str holder = spec_holder(&lease->spec);
    int64_t lasts =
        lease->spec.lease_duration_seconds ? *lease->spec.lease_duration_seconds * CLOCK_S : l->o.duration_ns;
    if (!str_empty(holder) && !str_eq(holder, l->o.identity) && clock_mono() < l->seen_at + lasts)
        return err_set(err, ERR_CONFLICT, "lease is held by " STR_FMT " and has not yet expired",
                       STR_ARG(holder));
    spec_take(l, &lease->spec, &a);
    return client_update(l->client, &lease_resource, (struct str){0}, lease, NULL, err);
}

static void lease_release(struct leader_lease *l)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_object_ struct object *o = NULL;
    _cleanup_err_ struct err err = {0};
    if (client_get(l->client, &lease_resource, l->o.ns, l->o.name, &o, &err) < 0)
        return;
    struct lease *lease = object_copy(o, &a);
    if (!str_eq(spec_holder(&lease->spec), l->o.identity))
        return;
    struct time now = time_now_micro();
    struct str nobody = {0};
    int32_t second = 1;
    lease->spec.holder_identity = &nobody;
    lease->spec.lease_duration_seconds = &second;
    lease->spec.renew_time = lease->spec.acquire_time = &now;
    if (client_update(l->client, &lease_resource, (struct str){0}, lease, NULL, &err) < 0)
        log_warn("cannot release " STR_FMT ": " STR_FMT, STR_ARG(l->o.name), STR_ARG(err.message));
}

static void lease_set_held(struct leader_lease *l, bool held)
{
    {
        _lock_(&l->mutex);
        if (l->held == held)
            return;
        l->held = held;
    }
    log_info(STR_FMT " %s " STR_FMT, STR_ARG(l->o.identity), held ? "leads" : "no longer leads",
             STR_ARG(l->o.name));
    void (*tell)(void *) = held ? l->o.won : l->o.lost;
    if (tell)
        tell(l->o.arg);
}

static void lease_main(void *arg)
{
    struct leader_lease *l = arg;
    for (;;) {
        _cleanup_err_ struct err err = {0};
        if (lease_try(l, &err) == 0) {
            l->renewed_at = clock_mono();
            lease_set_held(l, true);
        } else if (lease_held(l) && clock_mono() >= l->renewed_at + l->o.renew_ns) {
            log_warn("cannot renew " STR_FMT ": " STR_FMT, STR_ARG(l->o.name), STR_ARG(err.message));
            lease_set_held(l, false);
        }
        /* Jitter keeps candidates from trying at the same moment for ever. */
        int64_t pause = l->o.retry_ns + (lease_held(l) ? 0 : (int64_t)random_below((uint64_t)l->o.retry_ns));
        int64_t deadline = clock_mono() + pause;
        _lock_(&l->mutex);
        while (!l->ending && thread_cond_wait(&l->cond, &l->mutex, deadline))
            ;
        if (l->ending)
            return;
    }
}

struct leader_lease *lease_start(struct client *c, const struct lease_options *o)
{
    struct leader_lease *l = mem_zalloc(sizeof *l);
    l->client = c;
    l->o = *o;
    l->o.ns = arena_str(&l->arena, o->ns);
    l->o.name = arena_str(&l->arena, o->name);
    l->o.identity = arena_str(&l->arena, o->identity);
    l->o.duration_ns = o->duration_ns ? o->duration_ns : 15 * CLOCK_S;
    l->o.renew_ns = o->renew_ns ? o->renew_ns : 10 * CLOCK_S;
    l->o.retry_ns = o->retry_ns ? o->retry_ns : 2 * CLOCK_S;
    pthread_mutex_init(&l->mutex, NULL);
    thread_cond_init(&l->cond);
    l->thread = thread_start("lease", lease_main, l);
    return l;
}

bool lease_held(struct leader_lease *l)
{
    _lock_(&l->mutex);
    return l->held;
}

void lease_stop(struct leader_lease *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->mutex);
    l->ending = true;
    pthread_cond_signal(&l->cond);
    pthread_mutex_unlock(&l->mutex);
    thread_join(l->thread);
    if (lease_held(l)) {
        lease_set_held(l, false);
        lease_release(l);
    }
    pthread_mutex_destroy(&l->mutex);
    pthread_cond_destroy(&l->cond);
    arena_free(&l->arena);
    free(l);
}
