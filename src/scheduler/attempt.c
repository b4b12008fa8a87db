#define LOG_PART "scheduler"
#include <stdlib.h>

#include "base/log.h"
#include "scheduler/preempt.h"
#include "scheduler/state.h"
#include "scheduler/words.h"

/* What is left to do for a pod that has had its turn, off the scheduler's thread. */
struct deed {
    struct job job;
    struct scheduler *scheduler;
    struct object *pod, *preemptor; /* references */
    const char *reason;             /* static */
    struct str node, message;       /* in the arena, as is nominated */
    const struct str *nominated;
    struct decision {
        struct object *claim, *volume; /* references; volume NULL: one is to be made */
    } * decisions;
    size_t n_decisions;
    struct arena arena;
};

static struct deed *deed_new(struct scheduler *s, void (*run)(struct job *job), struct sched_pod *p)
{
    struct deed *d = mem_zalloc(sizeof *d);
    d->job.run = run;
    d->scheduler = s;
    d->pod = object_ref(p->object);
    return d;
}

static void deed_free(struct deed *d)
{
    object_unref(d->pod);
    object_unref(d->preemptor);
    for (size_t i = 0; i < d->n_decisions; i++) {
        object_unref(d->decisions[i].claim);
        object_unref(d->decisions[i].volume);
    }
    arena_free(&d->arena);
    free(d);
}

static void deed_bind(struct job *job)
{
    struct deed *d = container_of(job, struct deed, job);
    _cleanup_err_ struct err err = {0};
    if (action_bind(&d->scheduler->actions, d->pod, d->node, &err) < 0 && err.reason != ERR_NOT_FOUND) {
        log_warn("binding pod " STR_FMT "/" STR_FMT ": " STR_FMT, STR_ARG(object_namespace(d->pod)),
                 STR_ARG(object_name(d->pod)), STR_ARG(err.message));
        if (err.reason != ERR_CONFLICT)
            action_refuse(&d->scheduler->actions, d->pod, "SchedulerError", err.message, NULL);
        scheduler_tell(d->scheduler, &(struct news){follow_bind_failure, NULL, d->pod});
    }
    deed_free(d);
}

/* Writes down which volumes the pod's claims are to have. */
static void deed_decide(struct job *job)
{
    struct deed *d = container_of(job, struct deed, job);
    bool failed = false;
    for (size_t i = 0; i < d->n_decisions && !failed; i++) {
        _cleanup_err_ struct err err = {0};
        failed = action_decide_volume(&d->scheduler->actions, d->decisions[i].claim, d->decisions[i].volume,
                                      d->node, &err) < 0;
        if (failed && err.reason != ERR_CONFLICT && err.reason != ERR_NOT_FOUND)
            log_warn("volumes of pod " STR_FMT "/" STR_FMT ": " STR_FMT, STR_ARG(object_namespace(d->pod)),
                     STR_ARG(object_name(d->pod)), STR_ARG(err.message));
    }
    scheduler_tell(d->scheduler,
                   &(struct news){failed ? follow_bind_failure : follow_volumes_decided, NULL, d->pod});
    deed_free(d);
}

static void deed_refuse(struct job *job)
{
    struct deed *d = container_of(job, struct deed, job);
    action_refuse(&d->scheduler->actions, d->pod, d->reason, d->message, d->nominated);
    deed_free(d);
}

static void deed_evict(struct job *job)
{
    struct deed *d = container_of(job, struct deed, job);
    action_evict(&d->scheduler->actions, d->pod, d->preemptor, d->node);
    deed_free(d);
}

static void attempt_bind(struct scheduler *s, struct sched_pod *p, struct sched_node *n)
{
    struct deed *d = deed_new(s, deed_bind, p);
    d->node = arena_str(&d->arena, n->name);
    model_nominate(&s->model, p, NULL);
    model_place(&s->model, p, n); /* taken to be bound from now on */
    jobs_add(&s->jobs, &d->job);
}

/* Claims that wait for their first pod come first: the pod has its turn again once that has been written
 * down, and then waits for the volumes. False: there are none. */
static bool attempt_volumes(struct scheduler *s, struct cycle *c, struct sched_pod *p, struct sched_node *n,
                            int64_t now)
{
    struct volume_plan plan;
    if (!volume_plan_for(c, n, &plan))
        return false;
    struct deed *d = deed_new(s, deed_decide, p);
    d->node = arena_str(&d->arena, n->name);
    d->decisions = arena_new_n(&d->arena, struct decision, plan.n);
    for (size_t i = 0; i < plan.n; i++)
        if (!plan.at[i].decided)
            d->decisions[d->n_decisions++] = (struct decision){
                storage_claim_object(&s->model.storage, p->ns, plan.at[i].claim->metadata.name),
                plan.at[i].volume ? storage_volume_object(&s->model.storage, plan.at[i].volume->metadata.name)
                                  : NULL};
    if (d->n_decisions) {
        jobs_add(&s->jobs, &d->job);
    } else {
        deed_free(d);
        queue_wait(&s->queue, p, 1u << PLUGIN_VOLUME_BINDING, now);
    }
    return true;
}

static void attempt_preempt(struct scheduler *s, struct sched_pod *p, const struct preemption *what)
{
    for (size_t i = 0; i < what->n_victims; i++) {
        if (what->victims[i]->pod->metadata.deletion_timestamp)
            continue; /* on its way already */
        struct deed *d = deed_new(s, deed_evict, what->victims[i]);
        d->preemptor = object_ref(p->object);
        d->node = arena_str(&d->arena, what->node->name);
        jobs_add(&s->jobs, &d->job);
    }
    /* Room is kept for it; less important pods that were to come here look elsewhere again when they are
     * tried. */
    model_nominate(&s->model, p, what->node);
}

/* Says why no node would do; `nominated`: where room is being made, or NULL. */
static void attempt_refuse(struct scheduler *s, struct sched_pod *p, struct str message,
                           const struct str *nominated)
{
    struct deed *d = deed_new(s, deed_refuse, p);
    d->reason = "Unschedulable";
    d->message = arena_str(&d->arena, message);
    if (nominated || p->pod->status.nominated_node_name.n) {
        struct str name = arena_str(&d->arena, nominated ? *nominated : (struct str){0});
        d->nominated = arena_dup(&d->arena, &name, sizeof name);
    }
    jobs_add(&s->jobs, &d->job);
}

void attempt_schedule(struct scheduler *s, struct sched_pod *p, int64_t now)
{
    struct cycle c;
    arena_reset(&s->cycle);
    cycle_begin(&c, &s->model, p, &s->cycle);
    cycle_filter(&c);
    struct sched_node *n = cycle_choose(&c);
    if (n) {
        if (!attempt_volumes(s, &c, p, n, now))
            attempt_bind(s, p, n);
        return;
    }
    _cleanup_buf_ struct buf message = {0}, after = {0};
    struct preemption preemption = {0};
    if (!s->model.n_nodes) {
        buf_add_lit(&message, "no nodes available to schedule pods");
    } else {
        words_unavailable(&c, c.reasons, &message);
        if (preempt_find(&c, &preemption, &after))
            attempt_preempt(s, p, &preemption);
        else
            model_nominate(&s->model, p, NULL);
        /* Of the two plugins that are asked then, the one for devices speaks first. */
        if (after.n)
            buf_addf(&message, " no new claims to deallocate, preemption: " STR_FMT,
                     STR_ARG(buf_str(&after)));
    }
    attempt_refuse(s, p, buf_str(&message), preemption.node ? &preemption.node->name : NULL);
    queue_wait(&s->queue, p, c.failed, now);
}
