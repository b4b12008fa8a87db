/* Calls run on the caller's thread and wait there for the store. One thread, started with the first informer,
 * follows the watches of all informers; between events it sleeps. */
#define LOG_PART "client"
#include "client/in_process.h"

#include <stdlib.h>

#include "api/resources.h"
#include "base/clock.h"
#include "base/log.h"
#include "client/transport.h"

enum { MISSES_MAX = 11 }; /* of a kind not served: tried again after 2 ms, and at last every 2 s */
#define RETRY_NS CLOCK_S  /* a list that failed is tried again after this */

struct follower {
    struct in_process *owner;
    struct informer *informer;
    struct api_watch *watch; /* NULL: list first; touched only by the following thread */
    struct arena arena;      /* of the watch's request */
    struct api_request request;
    bool woken;             /* guarded by the owner's mutex, as all below */
    struct follower *ready; /* next of the woken */
    int64_t retry;          /* clock_mono(); 0: none */
    unsigned misses;        /* how often in a row its kind was not served */
    struct follower *next;  /* of all */
};

struct in_process {
    struct client client;
    struct api *api;
    struct arena arena; /* of user */
    struct user user;
    struct str manager;

    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct follower *followers, *ready, **ready_last;
    pthread_t thread;
    bool running, ending;
};

static struct in_process *in_process(struct client *c)
{
    return container_of(c, struct in_process, client);
}

/* --- calls --- */

static const enum api_verb verbs[] = {
    [CALL_GET] = API_GET,     [CALL_CREATE] = API_CREATE, [CALL_UPDATE] = API_UPDATE,
    [CALL_PATCH] = API_PATCH, [CALL_DELETE] = API_DELETE, [CALL_DELETE_COLLECTION] = API_DELETE_COLLECTION,
};
static const enum api_patch_type patch_types[] = {
    [PATCH_JSON] = API_PATCH_JSON,
    [PATCH_MERGE] = API_PATCH_MERGE,
    [PATCH_STRATEGIC] = API_PATCH_STRATEGIC,
    [PATCH_APPLY] = API_PATCH_APPLY,
};
static const struct str propagations[] = {
    [PROPAGATE_DEFAULT] = STR_INIT(""),
    [PROPAGATE_BACKGROUND] = STR_INIT("Background"),
    [PROPAGATE_FOREGROUND] = STR_INIT("Foreground"),
    [PROPAGATE_ORPHAN] = STR_INIT("Orphan"),
};

/* Who manages the fields it writes: upstream takes the program's name; a node's is the kubelet. */
static struct str manager_of(const struct user *u)
{
    if (str_starts(u->name, STR("system:node:")))
        return STR("kubelet");
    return str_starts(u->name, STR("system:")) ? str_from_at(u->name, strlen("system:")) : u->name;
}

static struct follower *follower_of(struct in_process *p, const struct resource *r);
static void follower_wake(void *arg);

/* A caller's custom resource may be of an older state of its definition, or say less: the API works with its
 * own. A reference; NULL: it is not served (any more). */
static const struct resource *served(struct in_process *p, const struct resource *r)
{
    return r->custom ? api_resource_now(p->api, r) : r;
}

static int not_served(const struct resource *r, struct err *err)
{
    err_set(err, ERR_NOT_FOUND, "the server could not find the requested resource");
    return err_about(err, r->group, r->plural, STR(""));
}

/* Where it is refused already, its code says so. */
static struct api_request request_of(struct in_process *p, const struct call *call, struct arena *a)
{
    struct api_request r = {
        .arena = a,
        .user = &p->user,
        .authorize = true,
        .verb = verbs[call->verb],
        .resource = served(p, call->resource),
        .ns = call->ns,
        .name = call->name,
        .subresource = call->sub,
        .body = call->body,
        .media = MEDIA_JSON,
        .patch_type = patch_types[call->patch_type],
        .typed = call->typed,
        .typed_resource = call->body_resource,
        .label_selector = call->which.label_selector,
        .field_selector = call->which.field_selector,
        .field_manager = p->manager,
        .force = call->patch_type == PATCH_APPLY,
    };
    if (call->verb == CALL_DELETE || call->verb == CALL_DELETE_COLLECTION) {
        r.grace_said = call->options.grace_s >= 0;
        r.grace_s = call->options.grace_s;
        r.propagation_policy = propagations[call->options.propagation];
        r.precondition_uid = call->options.uid;
        r.precondition_resource_version = call->options.resource_version;
    }
    if (!r.resource) {
        not_served(call->resource, &r.err);
        r.code = r.err.code;
    }
    return r;
}

/* Takes out what the road answered, and is done with the request. */
static int request_end(struct in_process *p, const struct call *call, struct api_request *r,
                       struct object **out, int64_t *revision, struct err *err)
{
    int failed = r->code >= 400 ? -1 : 0;
    if (failed) {
        err_move(err, &r->err);
    } else {
        if (r->virtual_typed)
            *out = object_new(r->virtual_resource, r->virtual_typed);
        else if (r->object)
            *out = object_ref(r->object);
        *revision = r->object ? object_revision(r->object) : 0;
        if (call->verb == CALL_DELETE || call->verb == CALL_DELETE_COLLECTION) {
            /* The answer does not say at which revision the object went. That watch may have nothing to tell
             * by then, so it is asked how far it is. */
            *revision = store_revision(api_store(p->api));
            struct follower *f = follower_of(p, call->resource);
            client_wrote(&p->client, call->resource, *revision);
            if (f)
                follower_wake(f);
        }
    }
    api_finish(p->api, r);
    resource_unref(r->resource);
    return failed;
}

static int in_process_call(struct client *c, const struct call *call, struct object **out, int64_t *revision,
                           struct err *err)
{
    struct in_process *p = in_process(c);
    _cleanup_arena_ struct arena arena = {0};
    struct api_request r = request_of(p, call, &arena);
    if (!r.code)
        api_call(p->api, &r);
    return request_end(p, call, &r, out, revision, err);
}

/* --- several calls at once: each waits for the store while the others run --- */

struct flight {
    struct api_request r;
    struct arena arena;
    struct flight *next; /* of the woken */
};

struct flights {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct flight *woken; /* guarded by mutex */
};

static void flight_wake(struct api_request *r)
{
    struct flight *f = container_of(r, struct flight, r);
    struct flights *all = r->caller;
    _lock_(&all->mutex);
    f->next = all->woken;
    all->woken = f;
    pthread_cond_signal(&all->cond);
}

static struct flight *flights_wait(struct flights *all)
{
    _lock_(&all->mutex);
    while (!all->woken)
        thread_cond_wait(&all->cond, &all->mutex, INT64_MAX);
    struct flight *f = all->woken;
    all->woken = f->next;
    return f;
}

static void in_process_calls(struct client *c, const struct call *calls, size_t n,
                             struct client_result *results, int64_t *revisions)
{
    struct in_process *p = in_process(c);
    struct flights all = {0};
    pthread_mutex_init(&all.mutex, NULL);
    thread_cond_init(&all.cond);
    _cleanup_free_ struct flight *flights = mem_zalloc((n + 1) * sizeof *flights);
    size_t pending = 0;
    for (size_t i = 0; i < n; i++) {
        struct flight *f = &flights[i];
        f->r = request_of(p, &calls[i], &f->arena);
        f->r.wake = flight_wake;
        f->r.caller = &all;
        pending += !f->r.code && api_run(p->api, &f->r) == API_PENDING;
    }
    while (pending)
        pending -= api_run(p->api, &flights_wait(&all)->r) == API_DONE;
    for (size_t i = 0; i < n; i++) {
        request_end(p, &calls[i], &flights[i].r, &results[i].object, &revisions[i], &results[i].err);
        arena_free(&flights[i].arena);
    }
    pthread_mutex_lock(&all.mutex); /* the last to wake us may still hold it */
    pthread_mutex_unlock(&all.mutex);
    pthread_mutex_destroy(&all.mutex);
    pthread_cond_destroy(&all.cond);
}

static int in_process_list(struct client *c, const struct resource *r, struct str ns,
                           const struct client_list_options *o, struct objects *out, struct err *err)
{
    struct in_process *p = in_process(c);
    _cleanup_arena_ struct arena arena = {0};
    struct api_request q = {
        .arena = &arena,
        .user = &p->user,
        .authorize = true,
        .verb = API_LIST,
        .resource = r,
        .ns = ns,
        .label_selector = o->label_selector,
        .field_selector = o->field_selector,
    };
    *out = (struct objects){0};
    q.resource = served(p, r);
    if (!q.resource)
        return not_served(r, err);
    int failed = api_call(p->api, &q);
    if (failed) {
        err_move(err, &q.err);
    } else {
        out->n = q.list->n;
        out->revision = q.list->revision;
        out->at = mem_alloc((out->n ? out->n : 1) * sizeof *out->at);
        for (size_t i = 0; i < out->n; i++)
            out->at[i] = object_ref(q.list->at[i]);
    }
    api_finish(p->api, &q);
    resource_unref(q.resource);
    return failed;
}

/* --- following --- */

/* The follower of everything of a resource, or NULL. */
static struct follower *follower_of(struct in_process *any, const struct resource *r)
{
    struct in_process *p = in_process(any->client.shared);
    _lock_(&p->mutex);
    struct follower *f = p->followers;
    while (f && (f->informer->resource != r || !str_empty(f->informer->ns) ||
                 !str_empty(f->informer->label_selector) || !str_empty(f->informer->field_selector)))
        f = f->next;
    return f;
}

static void follower_wake_locked(struct follower *f)
{
    if (f->woken)
        return;
    f->woken = true;
    f->ready = NULL;
    *f->owner->ready_last = f;
    f->owner->ready_last = &f->ready;
    pthread_cond_signal(&f->owner->cond);
}

static void follower_wake(void *arg)
{
    struct follower *f = arg;
    _lock_(&f->owner->mutex);
    follower_wake_locked(f);
}

static void follower_close(struct follower *f)
{
    if (f->watch)
        api_watch_close(f->watch);
    f->watch = NULL;
    arena_free(&f->arena);
}

/* Lists, and watches from there on. */
static int follower_open(struct follower *f, struct err *err)
{
    struct informer *i = f->informer;
    struct client_list_options which = {i->label_selector, i->field_selector};
    _cleanup_objects_ struct objects list = {0};
    if (in_process_list(i->client, i->resource, i->ns, &which, &list, err) < 0)
        return -1;
    f->request = (struct api_request){
        .arena = &f->arena,
        .user = &f->owner->user,
        .verb = API_WATCH,
        .resource = i->resource,
        .ns = i->ns,
        .label_selector = i->label_selector,
        .field_selector = i->field_selector,
        .resource_version = arena_printf(&f->arena, "%lld", (long long)list.revision),
    };
    f->request.resource = served(f->owner, i->resource);
    if (!f->request.resource)
        return not_served(i->resource, err);
    int failed = api_watch_open(f->owner->api, &f->request, follower_wake, f, &f->watch, err);
    resource_unref(f->request.resource); /* the watch has its own */
    if (failed)
        return -1;
    informer_replace(i, &list);
    return 0;
}

/* Takes what the watch has; false when it is over. */
static bool follower_drain(struct follower *f)
{
    bool goes_on = true;
    for (struct watch_event ev; goes_on && api_watch_next(f->watch, &ev); watch_event_clear(&ev)) {
        if (ev.type == WATCH_GONE)
            goes_on = false;
        else if (ev.type == WATCH_DELETED)
            informer_remove(f->informer, ev.object);
        else if (ev.type != WATCH_BOOKMARK)
            informer_put(f->informer, ev.object);
    }
    if (goes_on && api_watch_over(f->watch))
        return false;
    if (goes_on)
        informer_bookmark(f->informer, api_watch_revision(f->watch));
    return goes_on;
}

/* Brings an informer up to date; false: try again later. */
static bool follower_run(struct follower *f)
{
    if (f->watch && follower_drain(f))
        return true;
    follower_close(f);
    _cleanup_err_ struct err err = {0};
    if (follower_open(f, &err) < 0) {
        if (err.reason == ERR_NOT_FOUND && f->informer->resource->custom) {
            /* Its definition is gone, and all objects with it; or it is established, and served in a moment.
             */
            follower_close(f);
            informer_replace(f->informer, &(struct objects){0});
            f->misses += f->misses < MISSES_MAX;
            return false;
        }
        log_warn("cannot follow " STR_FMT ": " STR_FMT, STR_ARG(f->informer->resource->plural),
                 STR_ARG(err.message));
        follower_close(f);
        return false;
    }
    f->misses = 0;
    return follower_drain(f);
}

/* With the mutex: wakes those whose time to retry has come, and says when the next one's is. */
static int64_t followers_retry(struct in_process *p)
{
    int64_t next = INT64_MAX, now = clock_mono();
    for (struct follower *f = p->followers; f; f = f->next) {
        if (!f->retry)
            continue;
        if (f->retry <= now) {
            f->retry = 0;
            follower_wake_locked(f);
        } else if (f->retry < next) {
            next = f->retry;
        }
    }
    return next;
}

static void follow_main(void *arg)
{
    struct in_process *p = arg;
    pthread_mutex_lock(&p->mutex);
    while (!p->ending) {
        int64_t retry = followers_retry(p);
        struct follower *f = p->ready;
        if (!f) {
            thread_cond_wait(&p->cond, &p->mutex, retry);
            continue;
        }
        p->ready = f->ready;
        if (!p->ready)
            p->ready_last = &p->ready;
        f->woken = false;
        pthread_mutex_unlock(&p->mutex);
        bool up_to_date = follower_run(f);
        pthread_mutex_lock(&p->mutex);
        if (!up_to_date)
            f->retry = clock_mono() + (f->misses ? CLOCK_MS << f->misses : RETRY_NS);
    }
    pthread_mutex_unlock(&p->mutex);
}

static void in_process_follow(struct client *c, struct informer *i)
{
    struct in_process *p = in_process(c);
    struct follower *f = mem_zalloc(sizeof *f);
    f->owner = p;
    f->informer = i;
    i->follower = f;
    _lock_(&p->mutex);
    f->next = p->followers;
    p->followers = f;
    follower_wake_locked(f);
    if (!p->running) {
        p->running = true;
        p->thread = thread_start("informers", follow_main, p);
    }
}

static void in_process_look(struct client *c, struct informer *i)
{
    (void)c;
    follower_wake(i->follower);
}

static void in_process_stop(struct client *c)
{
    struct in_process *p = in_process(c);
    pthread_mutex_lock(&p->mutex);
    p->ending = true;
    pthread_cond_signal(&p->cond);
    bool running = p->running;
    pthread_mutex_unlock(&p->mutex);
    if (running)
        thread_join(p->thread);
    while (p->followers) {
        struct follower *f = p->followers;
        p->followers = f->next;
        follower_close(f);
        free(f);
    }
}

static void in_process_free(struct client *c)
{
    struct in_process *p = in_process(c);
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->cond);
    arena_free(&p->arena);
    free(p);
}

static struct client *in_process_as(struct client *c, struct str ns, struct str name);

static const struct transport in_process_transport = {
    .call = in_process_call,
    .calls = in_process_calls,
    .list = in_process_list,
    .follow = in_process_follow,
    .look = in_process_look,
    .as = in_process_as,
    .stop = in_process_stop,
    .free = in_process_free,
};

static struct str_vec strs_copy(struct arena *a, struct str_vec v)
{
    struct str_vec copy = {arena_new_n(a, struct str, v.n), v.n};
    for (size_t i = 0; i < v.n; i++)
        copy.at[i] = arena_str(a, v.at[i]);
    return copy;
}

struct client *client_in_process(struct api *api, const struct user *user)
{
    struct in_process *p = mem_zalloc(sizeof *p);
    client_init(&p->client, &in_process_transport);
    p->api = api;
    p->user.name = arena_str(&p->arena, user->name);
    p->user.uid = arena_str(&p->arena, user->uid);
    p->user.groups = strs_copy(&p->arena, user->groups);
    p->user.n_extra = user->n_extra;
    p->user.extra = arena_new_n(&p->arena, struct user_extra, user->n_extra);
    for (size_t i = 0; i < user->n_extra; i++)
        p->user.extra[i] = (struct user_extra){arena_str(&p->arena, user->extra[i].key),
                                               strs_copy(&p->arena, user->extra[i].values)};
    p->manager = manager_of(&p->user);
    pthread_mutex_init(&p->mutex, NULL);
    thread_cond_init(&p->cond);
    p->ready_last = &p->ready;
    return &p->client;
}

/* As a token of the account says it (pkg/serviceaccount: MakeUsername, MakeGroupNames). */
static struct client *in_process_as(struct client *c, struct str ns, struct str name)
{
    struct in_process *p = in_process(c);
    _cleanup_arena_ struct arena a = {0};
    struct str groups[] = {STR("system:serviceaccounts"),
                           arena_concat(&a, STR("system:serviceaccounts:"), ns), STR("system:authenticated")};
    struct user user = {
        .name = arena_printf(&a, "system:serviceaccount:" STR_FMT ":" STR_FMT, STR_ARG(ns), STR_ARG(name)),
        .groups = {groups, ARRAY_LEN(groups)}};
    struct client *as = client_in_process(p->api, &user);
    in_process(as)->manager = p->manager; /* the program is the same */
    return as;
}
