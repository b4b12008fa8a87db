/* Deployment, ReplicaSet, DaemonSet, StatefulSet and ReplicationController (pkg/apis/apps/validation). */
#include "api/kind/kinds.h"
#include "api/kind/pod.h"

#include "kinds/apps_v1.h"

/* A selector that must be there, not be empty, and take the template's labels. */
static void valid_workload_selector(struct field_errors *e, const struct path *spec,
                                    const struct label_selector *selector, const struct pod_template_spec *t)
{
    const struct path *at = PATH(spec, "selector");
    if (!selector) {
        field_required(e, at, "%s", "");
        return;
    }
    size_t before = e->n;
    valid_selector(e, at, selector);
    if (label_selector_empty(selector))
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(STR("{}")),
                    "empty selector is invalid for deployment");
    if (e->n == before && !label_selector_takes(selector, &t->metadata.labels)) {
        _cleanup_buf_ struct buf b = {0};
        buf_add_c(&b, '{');
        each (t->metadata.labels, i)
            buf_addf(&b, "%s\"" STR_FMT "\":\"" STR_FMT "\"", i ? "," : "",
                     STR_ARG(t->metadata.labels.at[i].key), STR_ARG(t->metadata.labels.at[i].value));
        buf_add_c(&b, '}');
        field_error(e, FIELD_ERROR_INVALID, PATH(PATH(PATH(spec, "template"), "metadata"), "labels"),
                    BAD_RAW(buf_str(&b)), "`selector` does not match template `labels`");
    }
}

/* A template whose pods are to run on: restartPolicy must be Always. */
static void valid_running_on(struct field_errors *e, const struct path *at, const struct pod_template_spec *t,
                             const char *kind)
{
    if (t->spec.restart_policy.n && !str_is(t->spec.restart_policy, "Always"))
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

static void immutable_selector(struct field_errors *e, const struct label_selector *now,
                               const struct label_selector *old)
{
    struct path spec = path_child(NULL, STR("spec"));
    if (now && old && !same(&label_selector_type, now, old)) {
        _cleanup_buf_ struct buf b = {0};
        buf_add_lit(&b, "{\"matchLabels\":{");
        each (now->match_labels, i)
            buf_addf(&b, "%s\"" STR_FMT "\":\"" STR_FMT "\"", i ? "," : "",
                     STR_ARG(now->match_labels.at[i].key), STR_ARG(now->match_labels.at[i].value));
        buf_add_lit(&b, "}}");
        field_error(e, FIELD_ERROR_INVALID, PATH(&spec, "selector"), BAD_RAW(buf_str(&b)),
                    "field is immutable");
    }
}

/* --- Deployment --- */

static struct int_or_str *int_or_percent(struct arena *a, struct str percent, int32_t n)
{
    return arena_dup(a, &(struct int_or_str){.is_str = percent.n > 0, .s = percent, .i = n},
                     sizeof(struct int_or_str));
}

static void deployment_defaults(void *o, struct arena *a)
{
    struct deployment *d = o;
    pod_spec_defaults(&d->spec.template.spec, a);
    if (str_is(d->spec.strategy.type, "RollingUpdate") && !d->spec.strategy.rolling_update) {
        struct rolling_update_deployment *r = arena_new(a, struct rolling_update_deployment);
        r->max_unavailable = int_or_percent(a, STR("25%"), 0);
        r->max_surge = int_or_percent(a, STR("25%"), 0);
        d->spec.strategy.rolling_update = r;
    }
}

static bool is_zero(const struct int_or_str *v)
{
    return v && (v->is_str ? percent_of(v) == 0 : v->i == 0);
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
    VALID_ONE_OF(e, PATH(at, "type"), s->type, true, STR("Recreate"), STR("RollingUpdate"));
    if (!str_is(s->type, "RollingUpdate"))
        return;
    const struct path *rolling = PATH(at, "rollingUpdate");
    if (!s->rolling_update) {
        field_required(e, rolling, "this should be defaulted and never be nil");
        return;
    }
    const struct int_or_str *unavailable = s->rolling_update->max_unavailable,
                            *surge = s->rolling_update->max_surge;
    if (unavailable) {
        valid_count_or_percent(e, PATH(rolling, "maxUnavailable"), unavailable);
        valid_at_most_100_percent(e, PATH(rolling, "maxUnavailable"), unavailable);
    }
    if (surge)
        valid_count_or_percent(e, PATH(rolling, "maxSurge"), surge);
    if (is_zero(unavailable) && is_zero(surge))
        field_error(e, FIELD_ERROR_INVALID, PATH(rolling, "maxUnavailable"),
                    unavailable->is_str ? BAD(unavailable->s) : BAD_INT(0),
                    "may not be 0 when `maxSurge` is 0");
}

static void deployment_validate(const void *o, struct field_errors *e)
{
    const struct deployment *d = o;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    valid_not_negative(e, PATH(spec, "replicas"), *d->spec.replicas);
    valid_workload_selector(e, spec, d->spec.selector, &d->spec.template);
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

static void deployment_validate_update(const void *o, const void *old, struct field_errors *e)
{
    immutable_selector(e, ((const struct deployment *)o)->spec.selector,
                       ((const struct deployment *)old)->spec.selector);
}

/* Counts of a status: none negative, none above another. */
struct status_count {
    const char *field;
    int32_t n;
};

static void valid_counts(struct field_errors *e, const struct status_count *counts, size_t n)
{
    struct path status = path_child(NULL, STR("status"));
    for (size_t i = 0; i < n; i++) {
        struct path at = path_child(&status, str_from(counts[i].field));
        valid_not_negative(e, &at, counts[i].n);
    }
}
#define VALID_COUNTS(e, ...)                                                                                 \
    valid_counts((e), (const struct status_count[]){__VA_ARGS__},                                            \
                 sizeof((const struct status_count[]){__VA_ARGS__}) / sizeof(struct status_count))

static void valid_not_above(struct field_errors *e, const char *field, int32_t n, const char *than,
                            int32_t limit)
{
    struct path status = path_child(NULL, STR("status")), at = path_child(&status, str_from(field));
    if (n > limit)
        field_invalid_int(e, &at, n, "cannot be greater than %s", than);
}

static void deployment_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct deployment_status *s = &((const struct deployment *)o)->status;
    const int32_t *before = ((const struct deployment *)old)->status.collision_count;
    struct path status = path_child(NULL, STR("status"));
    VALID_COUNTS(e, {"replicas", s->replicas}, {"updatedReplicas", s->updated_replicas},
                 {"readyReplicas", s->ready_replicas}, {"availableReplicas", s->available_replicas},
                 {"unavailableReplicas", s->unavailable_replicas});
    valid_not_above(e, "updatedReplicas", s->updated_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "readyReplicas", s->ready_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "readyReplicas", s->ready_replicas);
    if (before && !s->collision_count)
        field_error(e, FIELD_ERROR_INVALID, PATH(&status, "collisionCount"), BAD_RAW(STR("null")),
                    "cannot be decremented");
    else if (before && *s->collision_count < *before)
        field_invalid_int(e, PATH(&status, "collisionCount"), *s->collision_count, "cannot be decremented");
}

TEMPLATE_WARN(deployment_warn, deployment)

const struct strategy deployment_strategy = {
    .resource = &deployment_resource,
    .defaults = deployment_defaults,
    .validate = deployment_validate,
    .validate_update = deployment_validate_update,
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
    valid_workload_selector(e, &root, r->spec.selector, &r->spec.template);
    valid_long_running_template(e, &root, &r->spec.template);
}

static void replica_set_validate_update(const void *o, const void *old, struct field_errors *e)
{
    immutable_selector(e, ((const struct replica_set *)o)->spec.selector,
                       ((const struct replica_set *)old)->spec.selector);
}

static void replica_set_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct replica_set_status *s = &((const struct replica_set *)o)->status;
    (void)old;
    VALID_COUNTS(e, {"replicas", s->replicas}, {"fullyLabeledReplicas", s->fully_labeled_replicas},
                 {"readyReplicas", s->ready_replicas}, {"availableReplicas", s->available_replicas});
    valid_not_above(e, "fullyLabeledReplicas", s->fully_labeled_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "readyReplicas", s->ready_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "readyReplicas", s->ready_replicas);
}

TEMPLATE_WARN(replica_set_warn, replica_set)

const struct strategy replica_set_strategy = {
    .resource = &replica_set_resource,
    .defaults = replica_set_defaults,
    .validate = replica_set_validate,
    .validate_update = replica_set_validate_update,
    .validate_status = replica_set_validate_status,
    .warn = replica_set_warn,
};

/* --- DaemonSet --- */

static void daemon_set_defaults(void *o, struct arena *a)
{
    struct daemon_set *d = o;
    struct daemon_set_update_strategy *u = &d->spec.update_strategy;
    pod_spec_defaults(&d->spec.template.spec, a);
    if (str_is(u->type, "RollingUpdate") && !u->rolling_update) {
        u->rolling_update = arena_new(a, struct rolling_update_daemon_set);
        u->rolling_update->max_unavailable = int_or_percent(a, STR(""), 1);
        u->rolling_update->max_surge = int_or_percent(a, STR(""), 0);
    }
}

static void daemon_set_validate(const void *o, struct field_errors *e)
{
    const struct daemon_set *d = o;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *update = PATH(spec, "updateStrategy");
    const struct rolling_update_daemon_set *r = d->spec.update_strategy.rolling_update;
    valid_workload_selector(e, spec, d->spec.selector, &d->spec.template);
    valid_long_running_template(e, spec, &d->spec.template);
    valid_not_negative(e, PATH(spec, "minReadySeconds"), d->spec.min_ready_seconds);
    VALID_ONE_OF(e, PATH(update, "type"), d->spec.update_strategy.type, true, STR("OnDelete"),
                 STR("RollingUpdate"));
    if (str_is(d->spec.update_strategy.type, "RollingUpdate")) {
        if (!r)
            field_required(e, PATH(update, "rollingUpdate"), "%s", "");
        else {
            const struct path *rolling = PATH(update, "rollingUpdate");
            valid_count_or_percent(e, PATH(rolling, "maxUnavailable"), r->max_unavailable);
            valid_at_most_100_percent(e, PATH(rolling, "maxUnavailable"), r->max_unavailable);
            valid_count_or_percent(e, PATH(rolling, "maxSurge"), r->max_surge);
            valid_at_most_100_percent(e, PATH(rolling, "maxSurge"), r->max_surge);
            if (!is_zero(r->max_unavailable) && !is_zero(r->max_surge))
                field_error(e, FIELD_ERROR_INVALID, PATH(rolling, "maxSurge"),
                            r->max_surge->is_str ? BAD(r->max_surge->s) : BAD_INT(r->max_surge->i),
                            "may not be set when maxUnavailable is non-zero");
            if (is_zero(r->max_unavailable) && is_zero(r->max_surge))
                field_required(e, PATH(rolling, "maxUnavailable"), "cannot be 0 when maxSurge is 0");
        }
    }
    if (d->spec.revision_history_limit)
        valid_not_negative(e, PATH(spec, "revisionHistoryLimit"), *d->spec.revision_history_limit);
}

static void daemon_set_validate_update(const void *o, const void *old, struct field_errors *e)
{
    immutable_selector(e, ((const struct daemon_set *)o)->spec.selector,
                       ((const struct daemon_set *)old)->spec.selector);
}

static void daemon_set_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct daemon_set_status *s = &((const struct daemon_set *)o)->status;
    (void)old;
    VALID_COUNTS(e, {"currentNumberScheduled", s->current_number_scheduled},
                 {"numberMisscheduled", s->number_misscheduled},
                 {"desiredNumberScheduled", s->desired_number_scheduled}, {"numberReady", s->number_ready},
                 {"updatedNumberScheduled", s->updated_number_scheduled},
                 {"numberAvailable", s->number_available}, {"numberUnavailable", s->number_unavailable});
}

TEMPLATE_WARN(daemon_set_warn, daemon_set)

const struct strategy daemon_set_strategy = {
    .resource = &daemon_set_resource,
    .defaults = daemon_set_defaults,
    .validate = daemon_set_validate,
    .validate_update = daemon_set_validate_update,
    .validate_status = daemon_set_validate_status,
    .warn = daemon_set_warn,
};

/* --- StatefulSet --- */

static void stateful_set_defaults(void *o, struct arena *a)
{
    struct stateful_set *s = o;
    struct stateful_set_update_strategy *u = &s->spec.update_strategy;
    pod_spec_defaults(&s->spec.template.spec, a);
    if (str_is(u->type, "RollingUpdate") && !u->rolling_update) {
        u->rolling_update = arena_new(a, struct rolling_update_stateful_set_strategy);
        u->rolling_update->partition = arena_new(a, int32_t);
    }
}

static void stateful_set_validate(const void *o, struct field_errors *e)
{
    const struct stateful_set *s = o;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *update = PATH(spec, "updateStrategy");
    const struct stateful_set_update_strategy *u = &s->spec.update_strategy;
    if (!s->spec.pod_management_policy.n)
        field_required(e, PATH(spec, "podManagementPolicy"), "%s", "");
    else if (!str_is(s->spec.pod_management_policy, "OrderedReady") &&
             !str_is(s->spec.pod_management_policy, "Parallel"))
        field_invalid(e, PATH(spec, "podManagementPolicy"), s->spec.pod_management_policy,
                      "must be 'OrderedReady' or 'Parallel'");
    if (!u->type.n)
        field_required(e, update, "%s", "");
    else if (str_is(u->type, "OnDelete")) {
        if (u->rolling_update)
            field_error(e, FIELD_ERROR_INVALID, PATH(update, "rollingUpdate"), BAD_NONE,
                        "only allowed for updateStrategy 'RollingUpdate'");
    } else if (str_is(u->type, "RollingUpdate")) {
        if (u->rolling_update && u->rolling_update->partition)
            valid_not_negative(e, PATH(PATH(update, "rollingUpdate"), "partition"),
                               *u->rolling_update->partition);
    } else
        field_invalid(e, update, u->type, "must be 'RollingUpdate' or 'OnDelete'");
    valid_not_negative(e, PATH(spec, "replicas"), *s->spec.replicas);
    valid_not_negative(e, PATH(spec, "minReadySeconds"), s->spec.min_ready_seconds);
    if (s->spec.ordinals)
        valid_not_negative(e, PATH(PATH(spec, "ordinals"), "start"), s->spec.ordinals->start);
    valid_workload_selector(e, spec, s->spec.selector, &s->spec.template);
    /* As upstream: the rest of the template shows with its pods, which have the claims' volumes too. */
    const struct path *template = PATH(spec, "template");
    valid_labels(e, PATH(template, "labels"), &s->spec.template.metadata.labels);
    valid_annotations(e, PATH(template, "annotations"), &s->spec.template.metadata.annotations);
    valid_running_on(e, template, &s->spec.template, "StatefulSet");
    const struct path *retention = PATH(spec, "persistentVolumeClaimRetentionPolicy");
    if (s->spec.persistent_volume_claim_retention_policy) {
        VALID_ONE_OF(e, PATH(retention, "whenDeleted"),
                     s->spec.persistent_volume_claim_retention_policy->when_deleted, true, STR("Delete"),
                     STR("Retain"));
        VALID_ONE_OF(e, PATH(retention, "whenScaled"),
                     s->spec.persistent_volume_claim_retention_policy->when_scaled, true, STR("Delete"),
                     STR("Retain"));
    }
}

static void stateful_set_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct stateful_set *now = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    struct stateful_set_spec munged = now->spec;
    munged.replicas = old->spec.replicas;
    munged.ordinals = old->spec.ordinals;
    munged.template = old->spec.template;
    munged.update_strategy = old->spec.update_strategy;
    munged.min_ready_seconds = old->spec.min_ready_seconds;
    munged.revision_history_limit = old->spec.revision_history_limit;
    munged.persistent_volume_claim_retention_policy = old->spec.persistent_volume_claim_retention_policy;
    if (!same(&stateful_set_spec_type, &munged, &old->spec))
        field_forbidden(
            e, &spec,
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
            "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
            "'minReadySeconds' are forbidden");
}

static void stateful_set_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct stateful_set_status *s = &((const struct stateful_set *)o)->status;
    (void)old;
    VALID_COUNTS(e, {"replicas", s->replicas}, {"readyReplicas", s->ready_replicas},
                 {"currentReplicas", s->current_replicas}, {"updatedReplicas", s->updated_replicas},
                 {"availableReplicas", s->available_replicas});
    valid_not_above(e, "readyReplicas", s->ready_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "currentReplicas", s->current_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "updatedReplicas", s->updated_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "status.replicas", s->replicas);
    valid_not_above(e, "availableReplicas", s->available_replicas, "status.readyReplicas", s->ready_replicas);
}

TEMPLATE_WARN(stateful_set_warn, stateful_set)

const struct strategy stateful_set_strategy = {
    .resource = &stateful_set_resource,
    .defaults = stateful_set_defaults,
    .validate = stateful_set_validate,
    .validate_update = stateful_set_validate_update,
    .validate_status = stateful_set_validate_status,
    .warn = stateful_set_warn,
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
    const struct path *spec = &root;
    valid_not_negative(e, PATH(spec, "minReadySeconds"), r->spec.min_ready_seconds);
    if (!r->spec.selector.n)
        field_required(e, PATH(spec, "selector"), "%s", "");
    valid_labels(e, PATH(spec, "selector"), &r->spec.selector);
    valid_not_negative(e, PATH(spec, "replicas"), *r->spec.replicas);
    if (!r->spec.template) {
        field_required(e, PATH(spec, "template"), "%s", "");
        return;
    }
    struct label_selector selector = {.match_labels = r->spec.selector};
    if (r->spec.selector.n)
        valid_workload_selector(e, spec, &selector, r->spec.template);
    valid_long_running_template(e, spec, r->spec.template);
}

const struct strategy replication_controller_strategy = {
    .resource = &replication_controller_resource,
    .defaults = replication_controller_defaults,
    .validate = replication_controller_validate,
};

/* --- ControllerRevision --- */

static void controller_revision_validate(const void *o, struct field_errors *e)
{
    const struct controller_revision *r = o;
    valid_required(e, PATH(NULL, "data"), r->data);
    valid_not_negative(e, PATH(NULL, "revision"), r->revision);
}

const struct strategy controller_revision_strategy = {
    .resource = &controller_revision_resource,
    .validate = controller_revision_validate,
};
