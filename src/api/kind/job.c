/* Jobs (pkg/apis/batch/validation, pkg/registry/batch/job). */
#include "api/kind/job.h"

#include "api/kind/kinds.h"
#include "api/kind/pod.h"

static const struct {
    const char *label;
    bool name; /* has the job's name, else its uid */
} job_labels[] = {
    {"controller-uid", false},
    {"job-name", true},
    {"batch.kubernetes.io/controller-uid", false},
    {"batch.kubernetes.io/job-name", true},
};
#define LABEL_UID STR("batch.kubernetes.io/controller-uid")

static struct str job_label_value(const struct job *j, size_t label)
{
    return job_labels[label].name ? j->metadata.name : j->metadata.uid;
}

static int32_t *int32_of(struct arena *a, int32_t v)
{
    return arena_dup(a, &v, sizeof v);
}

static void job_defaults(void *o, struct arena *a)
{
    struct job *j = o;
    struct job_spec *s = &j->spec;
    pod_spec_defaults(&s->template.spec, a);
    if (!s->completions && !s->parallelism)
        s->completions = int32_of(a, 1);
    if (!s->parallelism)
        s->parallelism = int32_of(a, 1);
    if (!s->completion_mode)
        s->completion_mode = arena_dup(a, &COMPLETION_MODE_NON_INDEXED, sizeof(struct str));
    if (!s->suspend)
        s->suspend = arena_new(a, bool);
    if (!s->backoff_limit)
        s->backoff_limit = int32_of(a, s->backoff_limit_per_index ? INT32_MAX : 6);
    if (!s->pod_replacement_policy)
        s->pod_replacement_policy =
            arena_dup(a,
                      s->pod_failure_policy ? &POD_REPLACEMENT_POLICY_FAILED
                                            : &POD_REPLACEMENT_POLICY_TERMINATING_OR_FAILED,
                      sizeof(struct str));
    if (!s->manual_selector)
        s->manual_selector = arena_new(a, bool);
    if (!j->metadata.labels.n && s->template.metadata.labels.n)
        j->metadata.labels = s->template.metadata.labels;
}

/* A job selects its pods by its own uid, unless someone insists on a selector of theirs. Labels that are
 * there already stay; validation refuses them when they are others. */
static void job_prepare_create(void *o, const struct strategy_context *c)
{
    struct job *j = o;
    if (*j->spec.manual_selector)
        return;
    struct str_map *labels = &j->spec.template.metadata.labels;
    for (size_t i = 0; i < ARRAY_LEN(job_labels); i++)
        if (!str_map_get(labels, str_from(job_labels[i].label)))
            str_map_put(labels, c->arena, str_from(job_labels[i].label), job_label_value(j, i));
    if (!j->spec.selector)
        j->spec.selector = arena_new(c->arena, struct label_selector);
    if (!str_map_get(&j->spec.selector->match_labels, LABEL_UID))
        str_map_put(&j->spec.selector->match_labels, c->arena, LABEL_UID, j->metadata.uid);
}

/* --- validation --- */

static void valid_optional(struct field_errors *e, const struct path *at, const int32_t *v)
{
    if (v)
        valid_not_negative(e, at, *v);
}

static void valid_indexed(struct field_errors *e, const struct path *spec, const struct job_spec *s)
{
    const struct path *parallelism = PATH(spec, "parallelism"), *failed = PATH(spec, "maxFailedIndexes");
    if (!s->completions)
        field_required(e, PATH(spec, "completions"), "when completion mode is Indexed");
    if (s->parallelism && *s->parallelism > JOB_PARALLELISM_INDEXED_MAX)
        field_invalid_int(e, parallelism, *s->parallelism,
                          "must be less than or equal to %d when completion mode is Indexed",
                          JOB_PARALLELISM_INDEXED_MAX);
    if (s->completions && s->max_failed_indexes && *s->max_failed_indexes > *s->completions)
        field_invalid_int(e, failed, *s->max_failed_indexes, "must be less than or equal to completions");
    if (s->max_failed_indexes && *s->max_failed_indexes > JOB_FAILED_INDEXES_MAX)
        field_invalid_int(e, failed, *s->max_failed_indexes, "must be less than or equal to %d",
                          JOB_FAILED_INDEXES_MAX);
    if (!s->completions || *s->completions <= JOB_COMPLETIONS_MANY || !s->backoff_limit_per_index)
        return;
    static const char many[] = "must be less than or equal to %d when completions are above %d and used with "
                               "backoff limit per index";
    if (!s->max_failed_indexes)
        field_required(e, failed, "must be specified when completions is above %d", JOB_COMPLETIONS_MANY);
    if (s->parallelism && *s->parallelism > JOB_PARALLELISM_MANY_MAX)
        field_invalid_int(e, parallelism, *s->parallelism, many, JOB_PARALLELISM_MANY_MAX,
                          JOB_COMPLETIONS_MANY);
    if (s->max_failed_indexes && *s->max_failed_indexes > JOB_FAILED_INDEXES_MANY_MAX)
        field_invalid_int(e, failed, *s->max_failed_indexes, many, JOB_FAILED_INDEXES_MANY_MAX,
                          JOB_COMPLETIONS_MANY);
}

static void valid_not_indexed(struct field_errors *e, const struct path *spec, const struct job_spec *s)
{
    if (s->backoff_limit_per_index)
        field_invalid_int(e, PATH(spec, "backoffLimitPerIndex"), *s->backoff_limit_per_index,
                          "requires indexed completion mode");
    if (s->max_failed_indexes)
        field_invalid_int(e, PATH(spec, "maxFailedIndexes"), *s->max_failed_indexes,
                          "requires indexed completion mode");
}

static void valid_restart_policy(struct field_errors *e, const struct path *at, const struct job_spec *s)
{
    struct str policy = s->template.spec.restart_policy;
    if (!policy.n || str_eq(policy, RESTART_POLICY_ALWAYS))
        field_required(e, at, "valid values: \"OnFailure\", \"Never\"");
    else if (!str_eq(policy, RESTART_POLICY_ON_FAILURE) && !str_eq(policy, RESTART_POLICY_NEVER))
        field_not_supported(e, at, policy,
                            (const struct str[]){RESTART_POLICY_ON_FAILURE, RESTART_POLICY_NEVER}, 2);
    else if (s->pod_failure_policy && !str_eq(policy, RESTART_POLICY_NEVER))
        field_invalid(e, at, policy, "only \"Never\" is supported when podFailurePolicy is specified");
}

void valid_job_spec(struct field_errors *e, const struct path *spec, const struct job_spec *s)
{
    valid_optional(e, PATH(spec, "parallelism"), s->parallelism);
    valid_optional(e, PATH(spec, "completions"), s->completions);
    if (s->active_deadline_seconds)
        valid_not_negative(e, PATH(spec, "activeDeadlineSeconds"), *s->active_deadline_seconds);
    valid_optional(e, PATH(spec, "backoffLimit"), s->backoff_limit);
    valid_optional(e, PATH(spec, "ttlSecondsAfterFinished"), s->ttl_seconds_after_finished);
    valid_optional(e, PATH(spec, "backoffLimitPerIndex"), s->backoff_limit_per_index);
    valid_optional(e, PATH(spec, "maxFailedIndexes"), s->max_failed_indexes);
    if (s->max_failed_indexes && !s->backoff_limit_per_index)
        field_required(e, PATH(spec, "backoffLimitPerIndex"), "when maxFailedIndexes is specified");
    if (s->managed_by) {
        valid_domain_prefixed_path(e, PATH(spec, "managedBy"), *s->managed_by);
        if (s->managed_by->n > 63)
            field_too_long(e, PATH(spec, "managedBy"), 63);
    }
    if (s->completion_mode)
        VALID_ONE_OF(e, PATH(spec, "completionMode"), *s->completion_mode, true, STR("NonIndexed"),
                     STR("Indexed"));
    if (job_is_indexed(s))
        valid_indexed(e, spec, s);
    else if (!s->completion_mode || str_eq(*s->completion_mode, COMPLETION_MODE_NON_INDEXED))
        valid_not_indexed(e, spec, s);
    valid_job_policies(e, spec, s);
    valid_pod_template(e, PATH(spec, "template"), &s->template);
    valid_restart_policy(e, PATH(PATH(PATH(spec, "template"), "spec"), "restartPolicy"), s);
}

/* The labels and the selector that job_prepare_create makes. */
static void valid_generated(struct field_errors *e, const struct path *spec, const struct job *j)
{
    const struct path *labels = PATH(PATH(PATH(spec, "template"), "metadata"), "labels");
    const struct str_map *has = &j->spec.template.metadata.labels;
    _cleanup_arena_ struct arena a = {0};
    struct str_map wanted = {0};
    for (size_t i = 0; i < ARRAY_LEN(job_labels); i++) {
        struct str label = str_from(job_labels[i].label), value = job_label_value(j, i);
        const struct str *there = str_map_get(has, label);
        str_map_put(&wanted, &a, label, value);
        if (!there)
            field_required(e, PATH_OF(labels, label), "must be '" STR_FMT "'", STR_ARG(value));
        else if (!str_eq(*there, value))
            field_error(e, FIELD_ERROR_INVALID, PATH_OF(labels, label), valid_bad_map(e, has),
                        "must be '" STR_FMT "'", STR_ARG(value));
    }
    if (!label_selector_takes(j->spec.selector, &wanted))
        field_error(e, FIELD_ERROR_INVALID, PATH(spec, "selector"),
                    valid_bad(e, &label_selector_type, j->spec.selector), "`selector` not auto-generated");
}

static void job_validate(const void *o, struct field_errors *e)
{
    const struct job *j = o;
    struct path root = path_child(NULL, STR("spec")), meta = path_child(NULL, STR("metadata"));
    const struct path *spec = &root;
    if (j->spec.selector && !(j->spec.manual_selector && *j->spec.manual_selector))
        valid_generated(e, spec, j);
    valid_job_spec(e, spec, &j->spec);
    if (!j->spec.selector)
        field_required(e, PATH(spec, "selector"), "%s", "");
    valid_selector(e, PATH(spec, "selector"), j->spec.selector);
    if (!label_selector_takes(j->spec.selector, &j->spec.template.metadata.labels))
        field_error(e, FIELD_ERROR_INVALID, PATH(PATH(PATH(spec, "template"), "metadata"), "labels"),
                    valid_bad_map(e, &j->spec.template.metadata.labels),
                    "`selector` does not match template `labels`");
    if (!job_is_indexed(&j->spec) || !j->spec.completions || *j->spec.completions <= 0)
        return;
    /* The pods' host names have the index behind the job's name. */
    struct str host =
        arena_printf(&e->arena, STR_FMT "-%d", STR_ARG(j->metadata.name), *j->spec.completions - 1);
    if (!format_ok(FORMAT_DNS1123_LABEL, host))
        field_invalid(e, PATH(&meta, "name"), j->metadata.name,
                      "will not able to create pod with invalid DNS label: " STR_FMT, STR_ARG(host));
}

/* --- updates --- */

/* Suspended, and no pod of it runs. */
static bool job_rests(const struct job *j)
{
    return j->spec.suspend && *j->spec.suspend && (!j->status.start_time || !j->status.active);
}

/* Node affinity may change freely, pod affinity not. */
static void affinity_take(struct pod_spec *now, const struct pod_spec *old, struct arena *a)
{
    static const struct affinity none;
    struct affinity *munged =
        now->affinity ? arena_dup(a, now->affinity, sizeof *munged) : arena_new(a, struct affinity);
    munged->node_affinity = old->affinity ? old->affinity->node_affinity : NULL;
    now->affinity = munged;
    if (!old->affinity && same(&affinity_type, munged, &none))
        now->affinity = NULL;
}

/* Resources may change, of the containers that there are. */
static void resources_take(struct container_vec *now, const struct container_vec *old, struct arena *a)
{
    if (now->n != old->n || !now->n)
        return;
    now->at = arena_dup(a, now->at, now->n * sizeof *now->at);
    each (*now, i)
        now->at[i].resources = old->at[i].resources;
}

static void valid_template_update(struct field_errors *e, const struct path *at, const struct job *now,
                                  const struct job *old)
{
    struct pod_template_spec munged = now->spec.template;
    const struct pod_template_spec *before = &old->spec.template;
    if (job_rests(old)) {
        munged.metadata.labels = before->metadata.labels;
        munged.metadata.annotations = before->metadata.annotations;
        munged.spec.node_selector = before->spec.node_selector;
        munged.spec.tolerations = before->spec.tolerations;
        munged.spec.scheduling_gates = before->spec.scheduling_gates;
        affinity_take(&munged.spec, &before->spec, &e->arena);
        resources_take(&munged.spec.containers, &before->spec.containers, &e->arena);
        resources_take(&munged.spec.init_containers, &before->spec.init_containers, &e->arena);
    }
    if (!same(&pod_template_spec_type, &munged, before))
        valid_immutable(e, at, false, valid_bad(e, &pod_template_spec_type, &now->spec.template));
}

static bool same_int32(const int32_t *x, const int32_t *y)
{
    return !x == !y && (!x || *x == *y);
}

/* Indexed jobs may grow and shrink, if they are to run all at once. */
static void valid_completions_update(struct field_errors *e, const struct path *at,
                                     const struct job_spec *now, const struct job_spec *old)
{
    if (same_int32(now->completions, old->completions))
        return;
    struct bad_value bad = now->completions ? BAD_INT(*now->completions) : BAD_RAW(STR("null"));
    if (!job_is_indexed(now))
        valid_immutable(e, at, false, bad);
    else if (now->completions && now->parallelism && *now->completions != *now->parallelism)
        field_error(e, FIELD_ERROR_INVALID, at, bad, "can only be modified in tandem with spec.parallelism");
}

static void job_validate_update(const void *o, const void *before, struct field_errors *e)
{
    static const char *const fixed[] = {"selector",         "completionMode",
                                        "podFailurePolicy", "backoffLimitPerIndex",
                                        "managedBy",        "successPolicy"};
    const struct job *now = o, *old = before;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    valid_completions_update(e, PATH(spec, "completions"), &now->spec, &old->spec);
    valid_template_update(e, PATH(spec, "template"), now, old);
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        valid_fixed(e, spec, &job_spec_type, str_from(fixed[i]), &now->spec, &old->spec);
}

void job_spec_warnings(const struct path *at, const struct job_spec *s, const struct job_spec *old,
                       const struct strategy_context *c)
{
    if (job_is_indexed(s) && s->completions && s->parallelism && *s->completions > JOB_COMPLETIONS_MANY &&
        *s->parallelism > JOB_PARALLELISM_MANY_MAX)
        strategy_warn(c,
                      "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism "
                      "higher than 10^4, Kubernetes might not be able to track completedIndexes when a big "
                      "number of indexes fail");
    if (!old || !same(&pod_template_spec_type, &s->template, &old->template))
        pod_warnings(&s->template.spec, &s->template.metadata, PATH(at, "template"), c);
}

static void job_warn(const void *o, const void *before, const struct strategy_context *c)
{
    const struct job *j = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    if (!old)
        pods_name_warning(&j->metadata, c);
    if (!old || old->metadata.generation != j->metadata.generation)
        job_spec_warnings(&spec, &j->spec, old ? &old->spec : NULL, c);
}

const struct strategy job_strategy = {
    .resource = &job_resource,
    .flags = STRATEGY_ORPHANS,
    .warn_orphans = "child pods are preserved by default when jobs are deleted; set "
                    "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress "
                    "this warning",
    .defaults = job_defaults,
    .prepare_create = job_prepare_create,
    .validate = job_validate,
    .validate_update = job_validate_update,
    .validate_status = job_validate_status,
    .warn = job_warn,
};
