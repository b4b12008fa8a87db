#define LOG_PART "node"
#include "node/pod/kill.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "node/pod/hook.h"

enum { KILL_AFTER_HOOK_S = 2 };

static bool is_over(const struct container_control *k)
{
    return !k->current || k->current->state == CONTAINER_EXITED;
}

static void signal_to(struct pod_state *p, struct container_control *k, int number)
{
    _cleanup_err_ struct err err = {0};
    if (container_signal(p->node->runtime, k->current, number, &err) < 0)
        log_warn(STR_FMT, STR_ARG(err.message));
}

static enum job_state hook_state(struct pod_state *p, struct container_control *k)
{
    _lock_(&p->mutex);
    return k->pre_stop;
}

static void kill_begin(struct pod_state *p, struct object *pod, const struct container *c,
                       struct container_control *k, int64_t grace_ns, const char *message)
{
    k->kill_deadline_ns = clock_mono() + grace_ns;
    if (!pod || !c)
        return;
    container_event(p, pod, c, "Normal", "Killing", "%s", message);
    if (c->lifecycle && c->lifecycle->pre_stop && grace_ns > 0 && k->current->state == CONTAINER_RUNNING)
        hook_pre_stop(p, pod, c, k);
}

bool container_kill(struct pod_state *p, struct object *pod, const struct container *c,
                    struct container_control *k, int64_t grace_ns, const char *message, int64_t *next)
{
    if (is_over(k))
        return true;
    if (!k->kill_deadline_ns)
        kill_begin(p, pod, c, k, grace_ns, message);
    int64_t now = clock_mono();
    if (now + grace_ns < k->kill_deadline_ns)
        k->kill_deadline_ns = now + grace_ns; /* the grace was shortened meanwhile */
    enum job_state hook = hook_state(p, k);
    if (!k->term_sent && (hook != JOB_RUNNING || now >= k->kill_deadline_ns)) {
        int number = signal_from(k->current->stop_signal);
        signal_to(p, k, number ? number : SIGTERM);
        k->term_sent = true;
        if (hook != JOB_NONE && k->kill_deadline_ns < now + KILL_AFTER_HOOK_S * CLOCK_S)
            k->kill_deadline_ns = now + KILL_AFTER_HOOK_S * CLOCK_S;
    }
    if (k->term_sent && now >= k->kill_deadline_ns) {
        signal_to(p, k, SIGKILL);
        k->kill_deadline_ns = now + CLOCK_S; /* again, should it have forked meanwhile */
    }
    if (k->kill_deadline_ns < *next)
        *next = k->kill_deadline_ns;
    return false;
}

static const struct container *find(const struct container_vec *v, struct str name)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_eq(v->at[i].name, name))
            return &v->at[i];
    return NULL;
}

bool pod_kill(struct pod_state *p, struct object *object, int64_t grace_ns, int64_t *next)
{
    const struct pod *pod = object ? object_typed(object) : NULL;
    bool over = true;
    for (struct container_control *k = p->containers; k; k = k->next) {
        const struct container *c = pod ? find(&pod->spec.containers, k->name) : NULL;
        for (size_t i = 0; pod && !c && i < pod->spec.ephemeral_containers.n; i++)
            if (str_eq(pod_ephemeral(pod, i)->name, k->name))
                c = pod_ephemeral(pod, i);
        const struct container *init = pod && !c ? find(&pod->spec.init_containers, k->name) : NULL;
        if (init && container_is_sidecar(init))
            continue;
        char message[320];
        snprintf(message, sizeof message, "Stopping container " STR_FMT, STR_ARG(k->name));
        over &= container_kill(p, object, c ? c : init, k, grace_ns, message, next);
    }
    for (size_t i = pod ? pod->spec.init_containers.n : 0; over && i-- > 0;) {
        const struct container *c = &pod->spec.init_containers.at[i];
        char message[320];
        snprintf(message, sizeof message, "Stopping container " STR_FMT, STR_ARG(c->name));
        if (container_is_sidecar(c))
            over = container_kill(p, object, c, pod_control(p, c->name), grace_ns, message, next);
    }
    return over;
}
