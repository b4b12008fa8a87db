/* Deployment: replica sets, one for each template that it had, the newest with the replicas. */
#include "controllers/claim.h"
#include "controllers/deployment/rollout.h"
#include "controllers/table.h"

/* Pausing stops the clock of the progress deadline; resuming starts it again. */
static int note_pause(struct rollout *r)
{
    if (!rollout_has_deadline(r->d))
        return 0;
    const struct deployment_condition *c =
        condition_find(&deployment_condition_type, &r->d->status.conditions, STR("Progressing"));
    if (c && str_is(c->reason, "ProgressDeadlineExceeded"))
        return 0;
    bool noted = c && str_is(c->reason, "DeploymentPaused");
    if (r->d->spec.paused == noted)
        return 0;
    rollout_progressing(r, CONDITION_STATUS_UNKNOWN, noted ? "DeploymentResumed" : "DeploymentPaused",
                        noted ? STR("Deployment is resumed") : STR("Deployment is paused"));
    return rollout_write(r);
}

/* Sizes only; no new template is rolled out. */
static int sync_sizes(struct rollout *r)
{
    if (rollout_find_sets(r, false) < 0 || rollout_scale(r) < 0)
        return -1;
    if (r->d->spec.paused && rollout_clean_up(r) < 0)
        return -1;
    return rollout_sync_status(r);
}

static int rollout_run(struct rollout *r)
{
    if (r->d->metadata.deletion_timestamp)
        return rollout_find_sets(r, false) < 0 ? -1 : rollout_sync_status(r);
    if (note_pause(r) < 0)
        return -1;
    if (r->d->spec.paused)
        return sync_sizes(r);
    if (rollout_find_sets(r, false) < 0)
        return -1;
    if (rollout_was_scaled(r))
        return sync_sizes(r);
    return rollout_is_rolling(r->d) ? rollout_rolling(r) : rollout_recreate(r);
}

static int select_all(struct rollout *r)
{
    recorder_event(r->w->recorder, r->object, "Warning", "SelectingAll", (struct str){0},
                   "This deployment is selecting all pods. A non-empty selector is required.");
    if (r->d->status.observed_generation >= r->d->metadata.generation)
        return 0;
    r->d->status.observed_generation = r->d->metadata.generation;
    return rollout_write(r);
}

static int deployment_reconcile(struct work *w)
{
    struct object *o = informer_get(informer_of(w, deployment), w->ns, w->name);
    if (!o)
        return 0;
    struct rollout r = {.w = w, .object = o, .d = object_copy(o, w->a)};
    struct selector selector;
    int failed = selector_from(w->a, r.d->spec.selector, &selector, w->err);
    if (!failed && selector_empty(&selector))
        failed = select_all(&r);
    else if (!failed)
        failed = claim_dependents(w, o, &selector, informer_of(w, replica_set), &r.claimed) < 0
                     ? -1
                     : rollout_run(&r);
    objects_clear(&r.claimed);
    object_unref(r.object);
    return failed;
}

static void on_replica_set(struct controller *k, struct object *before, struct object *after)
{
    controller_on_owned(k, before, after);
    if (after && !meta_controller(object_meta(after)) && !object_meta(after)->deletion_timestamp)
        controller_on_orphan(k, after);
}

/* The last old pod is gone: a Recreate deployment waits for that. */
static void on_pod(struct controller *k, struct object *before, struct object *after)
{
    const struct owner_reference *ref = after ? NULL : meta_controller(object_meta(before));
    if (!ref || !str_eq(ref->kind, replica_set_resource.kind))
        return;
    _cleanup_object_ struct object *rs =
        informer_get(informer_of(k, replica_set), object_namespace(before), ref->name);
    if (rs && str_eq(object_meta(rs)->uid, ref->uid))
        controller_on_owned(k, NULL, rs);
}

const struct controller_def deployment_controller = {
    .name = "deployment",
    .component = "deployment-controller",
    .account = "deployment-controller",
    .kind = &deployment_resource,
    .workers = 4,
    .reconcile = deployment_reconcile,
    .watches = {{&deployment_resource, controller_on_self},
                {&replica_set_resource, on_replica_set},
                {&pod_resource, on_pod}},
};
