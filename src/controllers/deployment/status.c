/* A deployment's status: counts, whether it is available, and how its rollout progresses. */
#include "controllers/deployment/rollout.h"

#include "schema/copy.h"

bool rollout_has_deadline(const struct deployment *d)
{
    return d->spec.progress_deadline_seconds && *d->spec.progress_deadline_seconds != INT32_MAX;
}

bool rollout_is_complete(const struct deployment *d, const struct deployment_status *s)
{
    int32_t wanted = wanted_by(d);
    return s->updated_replicas == wanted && s->replicas == wanted && s->available_replicas == wanted &&
           s->observed_generation >= d->metadata.generation;
}

int rollout_write(struct rollout *r)
{
    struct work *w = r->w;
    struct object *written = NULL;
    if (client_update(w->client, &deployment_resource, STR("status"), r->d, &written, w->err) < 0)
        return -1;
    object_unref(r->object);
    r->object = written;
    r->d = object_copy(written, w->a);
    return 0;
}

static struct deployment_condition *progressing(struct deployment_status *s)
{
    return condition_find(&deployment_condition_type, &s->conditions, STR("Progressing"));
}

void rollout_progressing(struct rollout *r, struct str status, const char *reason, struct str message)
{
    condition_set(r->w->a, &deployment_condition_type, &r->d->status.conditions, CONDITION_UNLESS_SAME_REASON,
                  STR("Progressing"), status, str_from(reason), message);
}

/* --- counts --- */

static void status_count(struct rollout *r, struct deployment_status *s)
{
    struct arena *a = r->w->a;
    s->observed_generation = r->d->metadata.generation;
    s->replicas = sets_replicas(&r->all);
    s->updated_replicas = r->new ? r->new->status.replicas : 0;
    s->available_replicas = sets_available(&r->all);
    s->ready_replicas = 0;
    int32_t terminating = 0;
    for (size_t i = 0; i < r->all.n; i++) {
        s->ready_replicas += r->all.at[i]->status.ready_replicas;
        if (r->all.at[i]->status.terminating_replicas)
            terminating += *r->all.at[i]->status.terminating_replicas;
    }
    s->terminating_replicas = arena_dup(a, &terminating, sizeof terminating);
    int32_t unavailable = sets_size(&r->all) - s->available_replicas;
    s->unavailable_replicas = unavailable > 0 ? unavailable : 0;

    bool enough = s->available_replicas >= wanted_by(r->d) - rollout_max_unavailable(r->d);
    condition_set(a, &deployment_condition_type, &s->conditions, CONDITION_UNLESS_SAME_REASON,
                  STR("Available"), enough ? CONDITION_STATUS_TRUE : CONDITION_STATUS_FALSE,
                  enough ? STR("MinimumReplicasAvailable") : STR("MinimumReplicasUnavailable"),
                  enough ? STR("Deployment has minimum availability.")
                         : STR("Deployment does not have minimum availability."));
}

static bool status_changed(struct rollout *r)
{
    const struct deployment *before = object_typed(r->object);
    return !struct_eq(&deployment_status_type, &r->d->status, &before->status);
}

int rollout_sync_status(struct rollout *r)
{
    status_count(r, &r->d->status);
    return status_changed(r) ? rollout_write(r) : 0;
}

/* --- progress --- */

static bool has_progressed(const struct deployment_status *before, const struct deployment_status *now)
{
    return now->updated_replicas > before->updated_replicas ||
           now->replicas - now->updated_replicas < before->replicas - before->updated_replicas ||
           now->ready_replicas > before->ready_replicas ||
           now->available_replicas > before->available_replicas;
}

static bool has_timed_out(struct deployment *d)
{
    const struct deployment_condition *c = progressing(&d->status);
    if (!c || str_is(c->reason, "NewReplicaSetAvailable"))
        return false;
    return str_is(c->reason, "ProgressDeadlineExceeded") ||
           time_since(c->last_update_time) > *d->spec.progress_deadline_seconds * CLOCK_S;
}

/* "ReplicaSet "web-1" is progressing." */
static struct str about_set(struct rollout *r, const char *what)
{
    return arena_printf(r->w->a, "%s \"" STR_FMT "\" %s.", r->new ? "ReplicaSet" : "Deployment",
                        STR_ARG(r->new ? r->new->metadata.name : r->d->metadata.name), what);
}

static void judge_progress(struct rollout *r, const struct deployment_status *before)
{
    struct deployment_status *s = &r->d->status;
    if (rollout_is_complete(r->d, s)) {
        rollout_progressing(r, CONDITION_STATUS_TRUE, "NewReplicaSetAvailable",
                            about_set(r, "has successfully progressed"));
    } else if (has_progressed(before, s)) {
        /* Written anew even where nothing but the time of the update changes: it is what the deadline counts
         * from. */
        const struct deployment_condition *old = progressing(s);
        struct time since =
            old && str_eq(old->status, CONDITION_STATUS_TRUE) ? old->last_transition_time : time_now();
        condition_drop(&deployment_condition_type, &s->conditions, STR("Progressing"));
        rollout_progressing(r, CONDITION_STATUS_TRUE, "ReplicaSetUpdated", about_set(r, "is progressing"));
        progressing(s)->last_transition_time = since;
    } else if (has_timed_out(r->d)) {
        rollout_progressing(r, CONDITION_STATUS_FALSE, "ProgressDeadlineExceeded",
                            about_set(r, "has timed out progressing"));
    }
}

/* That a replica set cannot make its pods is shown here too; the new one's failure goes first. */
static void copy_failure(struct rollout *r)
{
    struct str type = STR("ReplicaFailure");
    const struct replica_set_condition *c =
        r->new ? condition_find(&replica_set_condition_type, &r->new->status.conditions, type) : NULL;
    for (size_t i = 0; i < r->all.n && !c; i++)
        c = condition_find(&replica_set_condition_type, &r->all.at[i]->status.conditions, type);
    if (c)
        condition_set(r->w->a, &deployment_condition_type, &r->d->status.conditions,
                      CONDITION_UNLESS_SAME_REASON, type, c->status, c->reason, c->message);
    else
        condition_drop(&deployment_condition_type, &r->d->status.conditions, type);
}

/* Nothing may happen until the deadline, and so nobody would call. */
static void wait_for_deadline(struct rollout *r)
{
    const struct deployment_condition *c = progressing(&r->d->status);
    if (!rollout_has_deadline(r->d) || !c || rollout_is_complete(r->d, &r->d->status) ||
        str_is(c->reason, "ProgressDeadlineExceeded") || str_is(c->reason, "NewReplicaSetAvailable"))
        return;
    work_again(r->w, (*r->d->spec.progress_deadline_seconds + 1) * CLOCK_S - time_since(c->last_update_time));
}

int rollout_sync_progress(struct rollout *r)
{
    struct deployment_status before = r->d->status;
    status_count(r, &r->d->status);
    if (!rollout_has_deadline(r->d))
        condition_drop(&deployment_condition_type, &r->d->status.conditions, STR("Progressing"));
    const struct deployment_condition *c = progressing(&r->d->status);
    bool was_complete = r->d->status.replicas == r->d->status.updated_replicas && c &&
                        str_is(c->reason, "NewReplicaSetAvailable");
    if (rollout_has_deadline(r->d) && !was_complete)
        judge_progress(r, &before);
    copy_failure(r);
    if (status_changed(r) && rollout_write(r) < 0)
        return -1;
    wait_for_deadline(r);
    return 0;
}
