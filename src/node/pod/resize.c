#include "node/pod/resize.h"

#include <stdio.h>

#include "base/clock.h"
#include "node/pod/admission.h"
#include "node/pod/kill.h"
#include "node/pod/resources.h"
#include "schema/copy.h"

enum { RESIZE_RETRY_S = 10 };

const struct resource_requirements *
container_resources(const struct pod_state *p, const struct container_control *k, const struct container *c)
{
    return p->resize_pending.n && k->applied ? k->applied : &c->resources;
}

static bool is_running(const struct container_control *k)
{
    return k->current && k->current->state == CONTAINER_RUNNING && k->applied;
}

static bool differs(const struct container_control *k, const struct container *c)
{
    return is_running(k) && !struct_eq(&resource_requirements_type, k->applied, &c->resources);
}

/* The pod as it is now: its running containers with what they were given. */
static struct pod *applied_pod(struct pod_state *p, const struct pod *pod, struct arena *a)
{
    struct pod *now = arena_dup(a, pod, sizeof *pod);
    struct container_vec *v = &now->spec.containers;
    v->at = arena_dup(a, v->at, v->n * sizeof *v->at);
    for (size_t i = 0; i < v->n; i++) {
        struct container_control *k = pod_control(p, v->at[i].name);
        if (is_running(k))
            v->at[i].resources = *k->applied;
    }
    return now;
}

/* --- applying --- */

static int64_t larger(int64_t x, int64_t y)
{
    return !x || !y ? 0 : x > y ? x : y; /* 0 is without a limit */
}

/* The pod's own group while its containers change: with room for both. */
static struct cgroup_limits either(const struct pod *before, const struct pod *after)
{
    struct cgroup_limits x = pod_limits(before), y = pod_limits(after);
    return (struct cgroup_limits){.cpu_shares = larger(x.cpu_shares, y.cpu_shares),
                                  .cpu_quota_us = larger(x.cpu_quota_us, y.cpu_quota_us),
                                  .cpu_period_us = y.cpu_period_us,
                                  .memory_bytes = larger(x.memory_bytes, y.memory_bytes)};
}

static bool amount_differs(const struct container_control *k, const struct container *c, struct str resource)
{
    return !str_eq(resource_amount(&k->applied->limits, resource),
                   resource_amount(&c->resources.limits, resource)) ||
           !str_eq(resource_amount(&k->applied->requests, resource),
                   resource_amount(&c->resources.requests, resource));
}

static bool wants_restart(const struct container_control *k, const struct container *c)
{
    for (size_t i = 0; i < c->resize_policy.n; i++)
        if (str_is(c->resize_policy.at[i].restart_policy, "RestartContainer") &&
            amount_differs(k, c, c->resize_policy.at[i].resource_name))
            return true;
    return false;
}

static int resize_container(struct pod_state *p, struct object *pod, const struct container *c,
                            struct container_control *k, struct arena *a, int64_t *next, struct err *err)
{
    if (wants_restart(k, c)) {
        char message[320];
        snprintf(message, sizeof message, "Container " STR_FMT " resize requires restart", STR_ARG(c->name));
        container_kill(p, pod, c, k, CLOCK_S, message, next);
        return 0;
    }
    struct cgroup_limits limits = container_limits(c);
    if (cgroup_make(arena_c(a, k->current->cgroup_path), &limits, err) < 0)
        return -1;
    k->applied = struct_dup(&p->arena, &resource_requirements_type, &c->resources);
    return 0;
}

static int apply(struct pod_state *p, struct object *object, struct arena *a, int64_t *next, struct err *err)
{
    const struct pod *pod = object_typed(object);
    struct cgroup_limits both = either(applied_pod(p, pod, a), pod), after = pod_limits(pod);
    if (cgroup_make(p->cgroup, &both, err) < 0)
        return -1;
    for (size_t i = 0; i < pod->spec.containers.n; i++) {
        const struct container *c = &pod->spec.containers.at[i];
        struct container_control *k = pod_control(p, c->name);
        if (differs(k, c) && resize_container(p, object, c, k, a, next, err) < 0)
            return -1;
    }
    return cgroup_make(p->cgroup, &after, err);
}

/* --- deciding --- */

static void note(struct pod_state *p, struct str *where, struct str what)
{
    if (!str_eq(*where, what))
        *where = arena_str(&p->arena, what);
}

/* What an agent before us gave a container is not known: it is given what the spec says. */
static void adopt(struct pod_state *p, const struct container *c, struct arena *a)
{
    struct container_control *k = pod_control(p, c->name);
    struct cgroup_limits limits = container_limits(c);
    if (k->current && k->current->state == CONTAINER_RUNNING && !k->applied &&
        cgroup_make(arena_c(a, k->current->cgroup_path), &limits, NULL) == 0)
        k->applied = struct_dup(&p->arena, &resource_requirements_type, &c->resources);
}

void pod_resize(struct pod_state *p, struct object *object, struct arena *a, int64_t *next)
{
    const struct pod *pod = object_typed(object);
    bool wanted = false;
    for (size_t i = 0; i < pod->spec.containers.n; i++)
        adopt(p, &pod->spec.containers.at[i], a);
    for (size_t i = 0; i < pod->spec.containers.n; i++)
        wanted |= differs(pod_control(p, pod->spec.containers.at[i].name), &pod->spec.containers.at[i]);
    struct str reason = {0}, message = {0}, problem = {0};
    _cleanup_err_ struct err err = {0};
    if (wanted && !pod_has_room(p, pod, a, &reason, &message))
        ;
    else if (wanted && apply(p, object, a, next, &err) < 0)
        problem = err.message;
    note(p, &p->resize_pending, reason);
    note(p, &p->resize_message, message);
    note(p, &p->resize_problem, problem);
    int64_t later = clock_mono() + RESIZE_RETRY_S * CLOCK_S;
    if ((reason.n || problem.n) && later < *next)
        *next = later;
}
