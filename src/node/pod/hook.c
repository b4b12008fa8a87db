#include "node/pod/hook.h"

#include <stdlib.h>

#include "base/clock.h"
#include "node/pod/action.h"

enum { HOOK_TIMEOUT_S = 3600 }; /* the grace period ends preStop, a failed start postStart */

struct hook {
    struct pod_state *p;
    struct object *pod;
    const struct container *container;
    enum job_state *state; /* guarded by the pod's mutex */
    const char *reason, *what;
    struct action action;
    struct arena arena;
};

static void hook_end(struct hook *h, const struct err *err)
{
    if (err)
        container_event(h->p, h->pod, h->container, "Warning", h->reason, "%s failed: " STR_FMT, h->what,
                        STR_ARG(err->message));
    {
        _lock_(&h->p->mutex);
        *h->state = err ? JOB_FAILED : JOB_OK;
    }
    object_unref(h->pod);
    arena_free(&h->arena);
    free(h);
}

static void hook_run(void *arg)
{
    struct hook *h = arg;
    _cleanup_err_ struct err err = {0};
    hook_end(h, action_run(&h->action, &err) < 0 ? &err : NULL);
}

static void hook_start(struct pod_state *p, struct object *pod, const struct container *c,
                       struct container_control *k, const struct lifecycle_handler *what,
                       enum job_state *state, const char *reason, const char *name)
{
    struct hook *h = mem_zalloc(sizeof *h);
    *h = (struct hook){
        .p = p, .pod = object_ref(pod), .container = c, .state = state, .reason = reason, .what = name};
    _cleanup_err_ struct err err = {0};
    {
        _lock_(&p->mutex);
        *state = JOB_RUNNING;
    }
    if (action_make(p, c, k->current, what->exec, what->http_get, what->tcp_socket, NULL, what->sleep,
                    HOOK_TIMEOUT_S * CLOCK_S, &h->arena, &h->action, &err) < 0)
        hook_end(h, &err);
    else
        pod_job(p, "hook", hook_run, h);
}

void hook_post_start(struct pod_state *p, struct object *pod, const struct container *c,
                     struct container_control *k)
{
    hook_start(p, pod, c, k, c->lifecycle->post_start, &k->post_start, "FailedPostStartHook",
               "PostStartHook");
}

void hook_pre_stop(struct pod_state *p, struct object *pod, const struct container *c,
                   struct container_control *k)
{
    hook_start(p, pod, c, k, c->lifecycle->pre_stop, &k->pre_stop, "FailedPreStopHook", "PreStopHook");
}
