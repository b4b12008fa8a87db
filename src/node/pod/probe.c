#include "node/pod/probe.h"

#include <stdlib.h>

#include "base/clock.h"
#include "node/pod/action.h"

static const struct {
    const char *name; /* as messages begin with it */
} probe_names[PROBE_KINDS] = {{"Startup"}, {"Liveness"}, {"Readiness"}};

static const struct probe *probe_of(const struct container *c, enum probe_kind kind)
{
    return kind == PROBE_STARTUP    ? c->startup_probe
           : kind == PROBE_LIVENESS ? c->liveness_probe
                                    : c->readiness_probe;
}

bool probe_started(struct pod_state *p, const struct container *c, struct container_control *k)
{
    _lock_(&p->mutex);
    return k->post_start != JOB_RUNNING && (!c->startup_probe || k->probes[PROBE_STARTUP].passed);
}

bool probe_ready(struct pod_state *p, const struct container *c, struct container_control *k)
{
    _lock_(&p->mutex);
    return !c->readiness_probe || k->probes[PROBE_READINESS].passed;
}

const char *probe_failure(struct pod_state *p, const struct container *c, struct container_control *k)
{
    _lock_(&p->mutex);
    if (c->startup_probe && k->probes[PROBE_STARTUP].failed)
        return "startup";
    return c->liveness_probe && k->probes[PROBE_LIVENESS].failed ? "liveness" : NULL;
}

void probes_reset(struct container_control *k, bool was_ready)
{
    for (int i = 0; i < PROBE_KINDS; i++) {
        bool running =
            k->probes[i].running; /* its result will be of the container before: dropped by generation */
        k->probes[i] = (struct probe_state){.running = running};
    }
    k->probes[PROBE_STARTUP].passed = k->probes[PROBE_READINESS].passed = was_ready;
}

/* One run of a probe, on its own thread. */
struct probe_run {
    struct pod_state *p;
    struct container_control *k;
    enum probe_kind kind;
    struct str container_id; /* the result counts only for this run of the container */
    int32_t success_threshold, failure_threshold;
    struct action action;
    struct object *pod;
    struct container *container;
    struct arena arena;
};

/* Takes one result in; true when something followed from it. */
static bool probe_count(struct probe_run *r, bool good)
{
    _lock_(&r->p->mutex);
    struct probe_state *s = &r->k->probes[r->kind];
    s->running = false;
    if (!r->k->current || !str_eq(r->k->current->id, r->container_id))
        return false;
    s->row = good ? (s->row > 0 ? s->row + 1 : 1) : (s->row < 0 ? s->row - 1 : -1);
    bool before = s->passed, failed_before = s->failed;
    if (s->row >= r->success_threshold)
        s->passed = true;
    if (s->row <= -r->failure_threshold) {
        if (r->kind == PROBE_READINESS)
            s->passed = false;
        else
            s->failed = true;
    }
    return before != s->passed || failed_before != s->failed;
}

static void probe_run(void *arg)
{
    struct probe_run *r = arg;
    _cleanup_err_ struct err err = {0};
    bool good = action_run(&r->action, &err) == 0;
    if (!good)
        container_event(r->p, r->pod, r->container, "Warning", "Unhealthy", "%s probe failed: " STR_FMT,
                        probe_names[r->kind].name, STR_ARG(err.message));
    probe_count(r, good);
    object_unref(r->pod);
    arena_free(&r->arena);
    free(r);
}

static void probe_start(struct pod_state *p, struct object *pod, const struct container *c,
                        struct container_control *k, enum probe_kind kind, const struct probe *probe)
{
    struct probe_run *r = mem_zalloc(sizeof *r);
    *r = (struct probe_run){.p = p,
                            .k = k,
                            .kind = kind,
                            .success_threshold = probe->success_threshold > 0 ? probe->success_threshold : 1,
                            .failure_threshold = probe->failure_threshold > 0 ? probe->failure_threshold : 3,
                            .pod = object_ref(pod),
                            .container = (struct container *)c}; /* of the object, which is held */
    r->container_id = arena_str(&r->arena, k->current->id);
    int64_t timeout = (probe->timeout_seconds > 0 ? probe->timeout_seconds : 1) * CLOCK_S;
    _cleanup_err_ struct err err = {0};
    if (action_make(p, c, k->current, probe->exec, probe->http_get, probe->tcp_socket, probe->grpc, NULL,
                    timeout, &r->arena, &r->action, &err) < 0) {
        container_event(p, pod, c, "Warning", "Unhealthy", "%s probe errored: " STR_FMT,
                        probe_names[kind].name, STR_ARG(err.message));
        probe_count(r, false);
        object_unref(r->pod);
        arena_free(&r->arena);
        free(r);
        return;
    }
    pod_job(p, "probe", probe_run, r);
}

int64_t probes_run(struct pod_state *p, struct object *pod, const struct container *c,
                   struct container_control *k)
{
    int64_t next = INT64_MAX, now = clock_mono();
    int64_t age = clock_wall() - k->current->started_ns;
    for (int kind = 0; kind < PROBE_KINDS; kind++) {
        const struct probe *probe = probe_of(c, (enum probe_kind)kind);
        struct probe_state *s = &k->probes[kind];
        if (!probe)
            continue;
        bool due = false;
        {
            _lock_(&p->mutex);
            bool started = !c->startup_probe || k->probes[PROBE_STARTUP].passed;
            if (s->running || s->failed || (kind == PROBE_STARTUP ? s->passed : !started))
                continue;
            if (!s->next_ns) {
                int64_t delay = probe->initial_delay_seconds * CLOCK_S - age;
                s->next_ns = now + (delay > 0 ? delay : 0);
            }
            due = s->next_ns <= now;
            if (due) {
                s->running = true;
                s->next_ns = now + (probe->period_seconds > 0 ? probe->period_seconds : 10) * CLOCK_S;
            }
            if (s->next_ns < next)
                next = s->next_ns;
        }
        if (due)
            probe_start(p, pod, c, k, (enum probe_kind)kind, probe);
    }
    return next;
}
