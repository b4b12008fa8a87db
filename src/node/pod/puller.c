#include "node/pod/puller.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "node/image/reference.h"
#include "node/image/registry.h"
#include "node/pod/source.h"
#include "schema/json.h"
#include "schema/timestamp.h"

enum { PULL_BACKOFF_S = 10, PULL_BACKOFF_MAX_S = 300 };

/* A pull under way; pods that want the same image wait for it. */
struct pull {
    struct pull *next;
    struct str name;
    int users;
    bool done, failed;
    struct err err;
    struct arena arena;
};

struct puller {
    struct node_agent *node;
    struct registry *registry;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct pull *pulls; /* guarded by mutex */
};

struct puller *puller_new(struct node_agent *n)
{
    struct puller *q = mem_zalloc(sizeof *q);
    q->node = n;
    q->registry = registry_new(&n->options.insecure_registries);
    pthread_mutex_init(&q->mutex, NULL);
    thread_cond_init(&q->changed);
    return q;
}

void puller_free(struct puller *q)
{
    if (!q)
        return;
    registry_free(q->registry);
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->changed);
    free(q);
}

static int pull_once(struct puller *q, struct str name, const struct docker_auth_map *auths, struct err *err)
{
    pthread_mutex_lock(&q->mutex);
    struct pull *pull = q->pulls;
    while (pull && !(str_eq(pull->name, name) && !pull->done))
        pull = pull->next;
    bool mine = !pull;
    if (mine) {
        pull = mem_zalloc(sizeof *pull);
        pull->name = arena_str(&pull->arena, name);
        pull->next = q->pulls;
        q->pulls = pull;
    }
    pull->users++;
    if (mine) {
        pthread_mutex_unlock(&q->mutex);
        struct err own = {0};
        int r = registry_pull(q->registry, q->node->images, name, auths, &own);
        pthread_mutex_lock(&q->mutex);
        pull->err = own;
        pull->failed = r < 0;
        pull->done = true;
        pthread_cond_broadcast(&q->changed);
    }
    while (!pull->done)
        pthread_cond_wait(&q->changed, &q->mutex);
    bool failed = pull->failed;
    if (failed)
        err_set(err, pull->err.reason, STR_FMT, STR_ARG(pull->err.message));
    if (--pull->users == 0) {
        for (struct pull **at = &q->pulls; *at; at = &(*at)->next)
            if (*at == pull) {
                *at = pull->next;
                break;
            }
        err_clear(&pull->err);
        arena_free(&pull->arena);
        free(pull);
    }
    pthread_mutex_unlock(&q->mutex);
    return failed ? -1 : 0;
}

/* --- for one container --- */

struct pull_job {
    struct pod_state *p;
    struct container_control *k;
    struct object *pod;
    const struct container *container;
};

/* The credentials of spec.imagePullSecrets; those that are missing are passed over, as upstream does. */
static void gather_auths(struct pod_state *p, const struct pod *pod, struct arena *a,
                         struct docker_auth_map *out)
{
    for (size_t i = 0; i < pod->spec.image_pull_secrets.n; i++) {
        _cleanup_object_ struct object *o = NULL;
        struct docker_config config = {0};
        if (pod_source_get(p, &secret_resource, pod->spec.image_pull_secrets.at[i].name, NULL, &o, NULL) < 0)
            continue;
        const struct secret *secret = object_typed(o);
        for (size_t k = 0; k < secret->data.n; k++) {
            struct str key = secret->data.at[k].key, text = arena_str(a, secret->data.at[k].value);
            if (str_is(key, ".dockercfg"))
                text = arena_printf(a, "{\"auths\":" STR_FMT "}", STR_ARG(text));
            else if (!str_is(key, ".dockerconfigjson"))
                continue;
            if (json_decode(a, &docker_config_type, text, 0, &config, NULL, NULL) < 0)
                continue;
            struct docker_auth_entry *more =
                arena_new_n(a, struct docker_auth_entry, out->n + config.auths.n);
            if (out->n)
                memcpy(more, out->at, out->n * sizeof *more);
            if (config.auths.n)
                memcpy(more + out->n, config.auths.at, config.auths.n * sizeof *more);
            *out = (struct docker_auth_map){more, out->n + config.auths.n};
        }
    }
}

static void pull_failed(struct pull_job *j, const struct err *err)
{
    container_event(j->p, j->pod, j->container, "Warning", "Failed",
                    "Failed to pull image \"" STR_FMT "\": " STR_FMT, STR_ARG(j->container->image),
                    STR_ARG(err->message));
    container_event(j->p, j->pod, j->container, "Warning", "Failed", "Error: ErrImagePull");
    _lock_(&j->p->mutex);
    struct container_control *k = j->k;
    k->pull = JOB_FAILED;
    free(k->pull_message);
    k->pull_message = str_dup_c(err->message);
    k->pull_backoff_ns = k->pull_backoff_ns ? k->pull_backoff_ns * 2 : PULL_BACKOFF_S * CLOCK_S;
    if (k->pull_backoff_ns > PULL_BACKOFF_MAX_S * CLOCK_S)
        k->pull_backoff_ns = PULL_BACKOFF_MAX_S * CLOCK_S;
    k->pull_retry_ns = clock_mono() + k->pull_backoff_ns;
}

static void pull_run(void *arg)
{
    struct pull_job *j = arg;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct docker_auth_map auths = {0};
    struct image image;
    int64_t began = clock_mono();
    gather_auths(j->p, object_typed(j->pod), &a, &auths);
    container_event(j->p, j->pod, j->container, "Normal", "Pulling", "Pulling image \"" STR_FMT "\"",
                    STR_ARG(j->container->image));
    if (pull_once(j->p->node->puller, j->container->image, &auths, &err) < 0 ||
        image_store_find(j->p->node->images, j->container->image, &a, &image, &err) < 0) {
        pull_failed(j, &err);
    } else {
        _cleanup_buf_ struct buf took = {0};
        duration_write(&took, (clock_mono() - began) / CLOCK_MS * CLOCK_MS);
        container_event(j->p, j->pod, j->container, "Normal", "Pulled",
                        "Successfully pulled image \"" STR_FMT "\" in " STR_FMT " (" STR_FMT
                        " including waiting). Image size: %llu bytes.",
                        STR_ARG(j->container->image), STR_ARG(buf_str(&took)), STR_ARG(buf_str(&took)),
                        (unsigned long long)image.size);
        _lock_(&j->p->mutex);
        j->k->pull = JOB_OK;
        j->k->pull_backoff_ns = 0;
    }
    object_unref(j->pod);
    free(j);
}

static void pull_begin(struct pod_state *p, struct object *pod, const struct container *c,
                       struct container_control *k)
{
    struct pull_job *j = mem_zalloc(sizeof *j);
    *j = (struct pull_job){p, k, object_ref(pod), c};
    {
        _lock_(&p->mutex);
        k->pull = JOB_RUNNING;
    }
    pod_job(p, "pull", pull_run, j);
}

static void wait_for(struct pod_state *p, struct container_control *k, const char *reason, struct str message)
{
    k->waiting_reason = str_from(reason);
    if (!str_eq(k->waiting_message, message))
        k->waiting_message = arena_str(&p->arena, message);
}

/* After a failed pull: waits, then says that it does, then tries again. */
static int pull_failed_state(struct pod_state *p, struct object *pod, const struct container *c,
                             struct container_control *k, struct arena *a, int64_t *next)
{
    int64_t retry;
    struct str message;
    {
        _lock_(&p->mutex);
        retry = k->pull_retry_ns;
        message = arena_str(a, str_from(k->pull_message));
    }
    if (clock_mono() >= retry) {
        k->pull_told = false;
        pull_begin(p, pod, c, k);
        return 0;
    }
    if (!str_is(k->waiting_reason, "ErrImagePull") && !str_is(k->waiting_reason, "ImagePullBackOff")) {
        wait_for(p, k, "ErrImagePull", message); /* seen once, then it is a back-off */
        *next = clock_mono() + CLOCK_S < *next ? clock_mono() + CLOCK_S : *next;
        return 0;
    }
    struct str text = arena_printf(a, "Back-off pulling image \"" STR_FMT "\": ErrImagePull: " STR_FMT,
                                   STR_ARG(c->image), STR_ARG(message));
    if (!k->pull_told) {
        container_event(p, pod, c, "Normal", "BackOff", "Back-off pulling image \"" STR_FMT "\"",
                        STR_ARG(c->image));
        container_event(p, pod, c, "Warning", "Failed", "Error: ImagePullBackOff");
        k->pull_told = true;
    }
    wait_for(p, k, "ImagePullBackOff", text);
    *next = retry < *next ? retry : *next;
    return 0;
}

int image_ensure(struct pod_state *p, struct object *pod, const struct container *c,
                 struct container_control *k, struct arena *a, struct image *image, int64_t *next)
{
    _cleanup_err_ struct err err = {0};
    struct image_reference reference;
    enum job_state pull;
    if (image_reference_parse(c->image, a, &reference, &err) < 0) {
        struct str text = arena_printf(a,
                                       "Failed to apply default image tag \"" STR_FMT
                                       "\": couldn't parse image name \"" STR_FMT "\": " STR_FMT,
                                       STR_ARG(c->image), STR_ARG(c->image), STR_ARG(err.message));
        if (!str_is(k->waiting_reason, "InvalidImageName")) {
            container_event(p, pod, c, "Warning", "InspectFailed", STR_FMT, STR_ARG(text));
            container_event(p, pod, c, "Warning", "Failed", "Error: InvalidImageName");
        }
        wait_for(p, k, "InvalidImageName", text);
        return 0;
    }
    {
        _lock_(&p->mutex);
        pull = k->pull;
    }
    if (pull == JOB_RUNNING)
        return 0;
    bool here = image_store_find(p->node->images, c->image, a, image, NULL) == 0;
    if (pull == JOB_OK && here) { /* just pulled: for this start only */
        k->pull = JOB_NONE;
        return 1;
    }
    bool always = str_is(c->image_pull_policy, "Always"), never = str_is(c->image_pull_policy, "Never");
    if (here && !always) {
        container_event(p, pod, c, "Normal", "Pulled",
                        "Container image \"" STR_FMT
                        "\" already present on machine and can be accessed by the pod",
                        STR_ARG(c->image));
        return 1;
    }
    if (never) {
        struct str text = arena_printf(
            a, "Container image \"" STR_FMT "\" is not present with pull policy of Never", STR_ARG(c->image));
        if (!str_is(k->waiting_reason, "ErrImageNeverPull")) {
            container_event(p, pod, c, "Warning", "ErrImageNeverPull", STR_FMT, STR_ARG(text));
            container_event(p, pod, c, "Warning", "Failed", "Error: ErrImageNeverPull");
        }
        wait_for(p, k, "ErrImageNeverPull", text);
        int64_t later = clock_mono() + 10 * CLOCK_S; /* someone may load it */
        *next = later < *next ? later : *next;
        return 0;
    }
    if (pull == JOB_FAILED)
        return pull_failed_state(p, pod, c, k, a, next);
    pull_begin(p, pod, c, k);
    return 0;
}
