/* What Deployments, ReplicaSets, DaemonSets, StatefulSets and ReplicationControllers share, and those of them
 * that have little of their own (pkg/apis/apps/validation). */
#include "api/kind/workload.h"

#include "api/kind/kinds.h"
#include "api/kind/pod.h"

void valid_selected_template(struct field_errors *e, const struct path *spec,
                             const struct label_selector *selector, const struct pod_template_spec *t)
{
    if (!label_selector_takes(selector, &t->metadata.labels))
        field_error(e, FIELD_ERROR_INVALID, PATH(PATH(PATH(spec, "template"), "metadata"), "labels"),
                    valid_bad_map(e, &t->metadata.labels), "`selector` does not match template `labels`");
}

void valid_workload_selector(struct field_errors *e, const struct path *spec,
                             const struct label_selector *selector, const struct pod_template_spec *t,
                             const char *kind)
{
    const struct path *at = PATH(spec, "selector");
    if (!selector)
        field_required(e, at, "%s", "");
    size_t before = e->n;
    valid_selector(e, at, selector);
    if (e->n > before) {
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad(e, &label_selector_type, selector),
                    "invalid label selector");
        return;
    }
    if (selector && label_selector_empty(selector))
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(STR("{}")), "empty selector is invalid for %s", kind);
    valid_selected_template(e, spec, selector, t);
}

void valid_running_on(struct field_errors *e, const struct path *at, const struct pod_template_spec *t,
                      const char *kind)
{
    if (t->spec.restart_policy.n && !str_eq(t->spec.restart_policy, RESTART_POLICY_ALWAYS))
        VALID_ONE_OF(e, PATH(PATH(at, "spec"), "restartPolicy"), t->spec.restart_policy, true, STR("Always"));
    if (t->spec.active_deadline_seconds)
        field_forbidden(e, PATH(PATH(at, "spec"), "activeDeadlineSeconds"),
                        "activeDeadlineSeconds in %s is not Supported", kind);
}

static void valid_long_running_template(struct field_errors *e, const struct path *spec,
                                        const struct pod_template_spec *t)
{
    const struct path *at = PATH(spec, "template");
    valid_pod_template(e, at, t);
    valid_running_on(e, at, t, "ReplicaSet");
}

struct int_or_str *rolling_amount(struct arena *a, struct str percent, int32_t n)
{
    return arena_dup(a, &(struct int_or_str){.is_str = percent.n > 0, .s = percent, .i = n},
                     sizeof(struct int_or_str));
}

bool rolling_amount_is_zero(const struct int_or_str *v)
{
    return v && (v->is_str ? percent_of(v) == 0 : v->i == 0);
}

struct bad_value rolling_amount_bad(const struct int_or_str *v)
{
    return v->is_str ? BAD(v->s) : BAD_INT(v->i);
}

void valid_status_counts(struct field_errors *e, const struct status_count *counts, size_t n)
{
    struct path status = path_child(NULL, STR("status"));
    for (size_t i = 0; i < n; i++) {
        struct path at = path_child(&status, str_from(counts[i].field));
        valid_not_negative(e, &at, counts[i].n);
    }
}

void valid_not_above(struct field_errors *e, const char *field, int32_t n, const char *than, int32_t limit)
{
    struct path status = path_child(NULL, STR("status")), at = path_child(&status, str_from(field));
    if (n > limit)
        field_invalid_int(e, &at, n, "cannot be greater than %s", than);
}

void valid_collisions(struct field_errors *e, const int32_t *now, const int32_t *old)
{
    struct path status = path_child(NULL, STR("status")), at = path_child(&status, STR("collisionCount"));
    if (now)
        valid_not_negative(e, &at, *now);
    if (old && count_or_0(now) < *old)
        field_invalid_int(e, &at, count_or_0(now), "cannot be decremented");
}

/* --- Deployment --- */

static void deployment_defaults(void *o, struct arena *a)
{
    struct deployment *d = o;
    pod_spec_defaults(&d->spec.template.spec, a);
    if (str_is(d->spec.strategy.type, "RollingUpdate") && !d->spec.strategy.rolling_update) {
        struct rolling_update_deployment *r = arena_new(a, struct rolling_update_deployment);
        r->max_unavailable = rolling_amount(a, STR("25%"), 0);
        r->max_surge = rolling_amount(a, STR("25%"), 0);
        d->spec.strategy.rolling_update = r;
    }
}

/* Annotations count as a change of what is wanted, too. */
static void deployment_prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    const struct str_map *was = &((const struct deployment *)old)->metadata.annotations;
    struct object_meta *m = &((struct deployment *)o)->metadata;
    (void)c;
    m->generation += !str_map_same(&m->annotations, was);
}

static void deployment_prepare_status(void *o, const void *old, const struct strategy_context *c)
{
    (void)c;
    ((struct deployment *)o)->metadata.labels = ((const struct deployment *)old)->metadata.labels;
}

static void valid_deployment_strategy(struct field_errors *e, const struct path *at,
                                      const struct deployment_strategy *s)
{
    if (str_is(s->type, "Recreate")) {
        if (s->rolling_update)
            field_forbidden(e, PATH(at, "rollingUpdate"),
                            "may not be specified when strategy `type` is 'Recreate'");
        return;
    }
    if (!str_is(s->type, "RollingUpdate")) {
        field_error(e, FIELD_ERROR_NOT_SUPPORTED, at, valid_bad(e, &deployment_strategy_type, s),
                    "supported values: \"Recreate\", \"RollingUpdate\"");
        return;
    }
    const struct path *rolling = PATH(at, "rollingUpdate");
    if (!s->rolling_update) {
        field_required(e, rolling, "this should be defaulted and never be nil");
        return;
    }
    const struct int_or_str *unavailable = s->rolling_update->max_unavailable,
                            *surge = s->rolling_update->max_surge;
    if (unavailable)
        valid_count_or_percent(e, PATH(rolling, "maxUnavailable"), unavailable);
    if (surge)
        valid_count_or_percent(e, PATH(rolling, "maxSurge"), surge);
    if (rolling_amount_is_zero(unavailable) && rolling_amount_is_zero(surge))
        field_error(e, FIELD_ERROR_INVALID, PATH(rolling, "maxUnavailable"), rolling_amount_bad(unavailable),
                    "may not be 0 when `maxSurge` is 0");
    if (unavailable)
        valid_at_most_100_percent(e, PATH(rolling, "maxUnavailable"), unavailable);
}

static void deployment_validate(const void *o, struct field_errors *e)
{
    const struct deployment *d = o;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    valid_not_negative(e, PATH(spec, "replicas"), *d->spec.replicas);
    valid_workload_selector(e, spec, d->spec.selector, &d->spec.template, "deployment");
    valid_long_running_template(e, spec, &d->spec.template);
    valid_deployment_strategy(e, PATH(spec, "strategy"), &d->spec.strategy);
    valid_not_negative(e, PATH(spec, "minReadySeconds"), d->spec.min_ready_seconds);
    if (d->spec.revision_history_limit)
        valid_not_negative(e, PATH(spec, "revisionHistoryLimit"), *d->spec.revision_history_limit);
    if (d->spec.progress_deadline_seconds) {
        valid_not_negative(e, PATH(spec, "progressDeadlineSeconds"), *d->spec.progress_deadline_seconds);
        if (*d->spec.progress_deadline_seconds <= d->spec.min_ready_seconds)
            field_invalid_int(e, PATH(spec, "progressDeadlineSeconds"), *d->spec.progress_deadline_seconds,
                              "must be greater than minReadySeconds");
    }
}

static void deployment_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct deployment_status *s = &((const struct deployment *)o)->status;
    VALID_COUNTS(e, {"observedGeneration", s->observed_generation}, {"replicas", s->replicas},
                 {"updatedReplicas", s->updated_replicas}, {"readyReplicas", s->ready_replicas},
                 {"availableReplicas", s->available_replicas},
                 {"unavailableReplicas", s->unavailable_replicas},
                 {"terminatingReplicas", count_or_0(s->terminating_replicas)});
    valid_not_above(e, "updatedReplicas", s->updated_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "readyReplicas", s->ready_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "readyReplicas", s->ready_replicas);
    valid_collisions(e, s->collision_count, ((const struct deployment *)old)->status.collision_count);
}

NAMED_TEMPLATE_WARN(deployment_warn, deployment)

const struct strategy deployment_strategy = {
    .resource = &deployment_resource,
    .defaults = deployment_defaults,
    .prepare_update = deployment_prepare_update,
    .prepare_status = deployment_prepare_status,
    .validate = deployment_validate,
    .validate_status = deployment_validate_status,
    .warn = deployment_warn,
};

/* --- ReplicaSet --- */

static void replica_set_defaults(void *o, struct arena *a)
{
    pod_spec_defaults(&((struct replica_set *)o)->spec.template.spec, a);
}

static void replica_set_validate(const void *o, struct field_errors *e)
{
    const struct replica_set *r = o;
    struct path root = path_child(NULL, STR("spec"));
    valid_not_negative(e, PATH(&root, "replicas"), *r->spec.replicas);
    valid_not_negative(e, PATH(&root, "minReadySeconds"), r->spec.min_ready_seconds);
    valid_workload_selector(e, &root, r->spec.selector, &r->spec.template, "deployment");
    valid_long_running_template(e, &root, &r->spec.template);
}

static void replica_set_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct replica_set_status *s = &((const struct replica_set *)o)->status;
    (void)old;
    VALID_COUNTS(e, {"replicas", s->replicas}, {"fullyLabeledReplicas", s->fully_labeled_replicas},
                 {"readyReplicas", s->ready_replicas}, {"availableReplicas", s->available_replicas},
                 {"terminatingReplicas", count_or_0(s->terminating_replicas)},
                 {"observedGeneration", s->observed_generation});
    valid_not_above(e, "fullyLabeledReplicas", s->fully_labeled_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "readyReplicas", s->ready_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "readyReplicas", s->ready_replicas);
}

NAMED_TEMPLATE_WARN(replica_set_warn, replica_set)

const struct strategy replica_set_strategy = {
    .resource = &replica_set_resource,
    .defaults = replica_set_defaults,
    .validate = replica_set_validate,
    .validate_status = replica_set_validate_status,
    .warn = replica_set_warn,
};

/* --- ReplicationController --- */

static void replication_controller_defaults(void *o, struct arena *a)
{
    struct replication_controller *r = o;
    const struct str_map *labels = r->spec.template ? &r->spec.template->metadata.labels : NULL;
    if (r->spec.template)
        pod_spec_defaults(&r->spec.template->spec, a);
    if (labels && labels->n) { /* both default to the template's labels */
        if (!r->spec.selector.n)
            r->spec.selector = *labels;
        if (!r->metadata.labels.n)
            r->metadata.labels = *labels;
    }
}

static void replication_controller_validate(const void *o, struct field_errors *e)
{
    const struct replication_controller *r = o;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *template = PATH(spec, "template");
    const struct label_selector selector = {.match_labels = r->spec.selector};
    valid_not_negative(e, PATH(spec, "minReadySeconds"), r->spec.min_ready_seconds);
    if (!r->spec.selector.n)
        field_required(e, PATH(spec, "selector"), "%s", "");
    valid_not_negative(e, PATH(spec, "replicas"), *r->spec.replicas);
    if (!r->spec.template) {
        field_required(e, template, "%s", "");
        return;
    }
    if (r->spec.selector.n)
        valid_selected_template(e, spec, &selector, r->spec.template);
    valid_pod_template(e, template, r->spec.template);
    valid_running_on(e, template, r->spec.template, "ReplicationController");
}

static void replication_controller_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct replication_controller_status *s = &((const struct replication_controller *)o)->status;
    (void)old;
    VALID_COUNTS(e, {"replicas", s->replicas}, {"fullyLabeledReplicas", s->fully_labeled_replicas},
                 {"readyReplicas", s->ready_replicas}, {"availableReplicas", s->available_replicas},
                 {"observedGeneration", s->observed_generation});
    valid_not_above(e, "fullyLabeledReplicas", s->fully_labeled_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "readyReplicas", s->ready_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "readyReplicas", s->ready_replicas);
}

static void replication_controller_warn(const void *o, const void *old, const struct strategy_context *c)
{
    const struct replication_controller *r = o;
    if (!old)
        pods_name_warning(&r->metadata, c);
    if (r->spec.template)
        template_warnings(r->spec.template,
                          old ? ((const struct replication_controller *)old)->spec.template : NULL, c);
}

const struct strategy replication_controller_strategy = {
    .resource = &replication_controller_resource,
    .flags = STRATEGY_ORPHANS,
    .defaults = replication_controller_defaults,
    .validate = replication_controller_validate,
    .validate_status = replication_controller_validate_status,
    .warn = replication_controller_warn,
};

/* --- ControllerRevision --- */

static void controller_revision_validate(const void *o, struct field_errors *e)
{
    const struct controller_revision *r = o;
    if (!r->data.n)
        field_required(e, PATH(NULL, "data"), "data is mandatory");
    valid_not_negative(e, PATH(NULL, "revision"), r->revision);
}

const struct strategy controller_revision_strategy = {
    .resource = &controller_revision_resource,
    .validate = controller_revision_validate,
};
