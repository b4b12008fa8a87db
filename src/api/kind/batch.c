/* Jobs and CronJobs (pkg/apis/batch/validation). */
#include "api/kind/kinds.h"
#include "api/kind/pod.h"
#include "kinds/batch_v1.h"

#define LABEL_UID     "batch.kubernetes.io/controller-uid"
#define LABEL_JOB     "batch.kubernetes.io/job-name"
#define LABEL_OLD_UID "controller-uid"
#define LABEL_OLD_JOB "job-name"

static int32_t *int32_of(struct arena *a, int32_t v)
{
    return arena_dup(a, &v, sizeof v);
}

static void job_spec_defaults(struct job_spec *s, struct arena *a)
{
    pod_spec_defaults(&s->template.spec, a);
    if (!s->completions && !s->parallelism) {
        s->completions = int32_of(a, 1);
        s->parallelism = int32_of(a, 1);
    }
    if (!s->parallelism)
        s->parallelism = int32_of(a, 1);
    if (!s->completion_mode)
        s->completion_mode = arena_dup(a, &STR("NonIndexed"), sizeof(struct str));
    if (!s->suspend)
        s->suspend = arena_new(a, bool);
    if (!s->backoff_limit)
        s->backoff_limit = int32_of(a, s->backoff_limit_per_index ? INT32_MAX : 6);
    if (!s->pod_replacement_policy)
        s->pod_replacement_policy = arena_dup(
            a, s->pod_failure_policy ? &STR("Failed") : &STR("TerminatingOrFailed"), sizeof(struct str));
    if (!s->manual_selector)
        s->manual_selector = arena_new(a, bool);
}

static void job_defaults(void *o, struct arena *a)
{
    struct job *j = o;
    job_spec_defaults(&j->spec, a);
    if (!j->metadata.labels.n && j->spec.template.metadata.labels.n)
        j->metadata.labels = j->spec.template.metadata.labels;
}

/* A job selects its pods by its own uid, unless someone insists on a selector of theirs. */
static void job_prepare_create(void *o, const struct strategy_context *c)
{
    struct job *j = o;
    struct arena *a = c->arena;
    if (*j->spec.manual_selector)
        return;
    struct str_map *labels = &j->spec.template.metadata.labels;
    str_map_put(labels, a, STR(LABEL_OLD_UID), j->metadata.uid);
    str_map_put(labels, a, STR(LABEL_UID), j->metadata.uid);
    if (j->metadata.name.n) {
        str_map_put(labels, a, STR(LABEL_OLD_JOB), j->metadata.name);
        str_map_put(labels, a, STR(LABEL_JOB), j->metadata.name);
    }
    if (!j->spec.selector)
        j->spec.selector = arena_new(a, struct label_selector);
    str_map_put(&j->spec.selector->match_labels, a, STR(LABEL_UID), j->metadata.uid);
}

static void valid_optional(struct field_errors *e, const struct path *at, const int32_t *v)
{
    if (v)
        valid_not_negative(e, at, *v);
}

static void valid_job_spec(struct field_errors *e, const struct path *spec, const struct job_spec *s)
{
    const struct path *template = PATH(spec, "template");
    valid_optional(e, PATH(spec, "parallelism"), s->parallelism);
    valid_optional(e, PATH(spec, "completions"), s->completions);
    valid_optional(e, PATH(spec, "backoffLimit"), s->backoff_limit);
    valid_optional(e, PATH(spec, "ttlSecondsAfterFinished"), s->ttl_seconds_after_finished);
    if (s->active_deadline_seconds)
        valid_not_negative(e, PATH(spec, "activeDeadlineSeconds"), *s->active_deadline_seconds);
    if (s->completion_mode) {
        VALID_ONE_OF(e, PATH(spec, "completionMode"), *s->completion_mode, true, STR("Indexed"),
                     STR("NonIndexed"));
        if (str_is(*s->completion_mode, "Indexed") && !s->completions)
            field_required(e, PATH(spec, "completions"), "when completion mode is Indexed");
        if (str_is(*s->completion_mode, "Indexed") && s->parallelism && *s->parallelism > 100000)
            field_invalid_int(e, PATH(spec, "parallelism"), *s->parallelism,
                              "must be less than or equal to 100000 when completion mode is Indexed");
    }
    valid_pod_template(e, template, &s->template);
    struct str restart = s->template.spec.restart_policy;
    if (!restart.n || str_is(restart, "Always"))
        field_required(e, PATH(PATH(template, "spec"), "restartPolicy"),
                       "valid values: \"OnFailure\", \"Never\"");
    else
        VALID_ONE_OF(e, PATH(PATH(template, "spec"), "restartPolicy"), restart, true, STR("OnFailure"),
                     STR("Never"));
}

static void job_validate(const void *o, struct field_errors *e)
{
    const struct job *j = o;
    struct path spec = path_child(NULL, STR("spec"));
    if (!j->spec.selector)
        field_required(e, PATH(&spec, "selector"), "%s", "");
    valid_selector(e, PATH(&spec, "selector"), j->spec.selector);
    if (j->spec.selector && !label_selector_takes(j->spec.selector, &j->spec.template.metadata.labels))
        field_error(e, FIELD_ERROR_INVALID, PATH(PATH(PATH(&spec, "template"), "metadata"), "labels"),
                    BAD_NONE, "`selector` does not match template `labels`");
    valid_job_spec(e, &spec, &j->spec);
}

static void job_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct job *now = o, *old = before;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    bool indexed = now->spec.completion_mode && str_is(*now->spec.completion_mode, "Indexed");
    bool same_completions = !now->spec.completions == !old->spec.completions &&
                            (!now->spec.completions || *now->spec.completions == *old->spec.completions);
    if (!indexed && !same_completions)
        valid_immutable(e, PATH(spec, "completions"), false,
                        now->spec.completions ? BAD_INT(*now->spec.completions) : BAD_RAW(STR("null")));
    if (now->spec.selector && old->spec.selector)
        valid_immutable(e, PATH(spec, "selector"),
                        same(&label_selector_type, now->spec.selector, old->spec.selector), BAD_NONE);
    /* The template of a suspended job that has not begun may still say where its pods go. */
    struct pod_template_spec munged = now->spec.template;
    if (old->spec.suspend && *old->spec.suspend && !old->status.start_time) {
        munged.metadata = old->spec.template.metadata;
        munged.spec.node_selector = old->spec.template.spec.node_selector;
        munged.spec.tolerations = old->spec.template.spec.tolerations;
        munged.spec.affinity = old->spec.template.spec.affinity;
        munged.spec.scheduling_gates = old->spec.template.spec.scheduling_gates;
    }
    valid_immutable(e, PATH(spec, "template"), same(&pod_template_spec_type, &munged, &old->spec.template),
                    BAD_NONE);
    if (now->spec.completion_mode && old->spec.completion_mode)
        valid_immutable_str(e, PATH(spec, "completionMode"), *now->spec.completion_mode,
                            *old->spec.completion_mode);
}

TEMPLATE_WARN(job_warn, job)

const struct strategy job_strategy = {
    .resource = &job_resource,
    .defaults = job_defaults,
    .prepare_create = job_prepare_create,
    .validate = job_validate,
    .validate_update = job_validate_update,
    .warn = job_warn,
};

/* --- CronJob --- */

static void cron_job_defaults(void *o, struct arena *a)
{
    job_spec_defaults(&((struct cron_job *)o)->spec.job_template.spec, a);
}

struct cron_field {
    const char *name;
    int64_t min, max;
    const char *names; /* "jan feb ...", from min on */
};

static const struct cron_field cron_fields[] = {
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of month", 1, 31, ""},
    {"month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"},
    {"day of week", 0, 6, "sun mon tue wed thu fri sat"},
};

static bool cron_number(struct str s, const struct cron_field *f, int64_t *out)
{
    if (str_to_i64(s, out))
        return *out >= f->min && *out <= f->max;
    struct str names = str_from(f->names), name;
    for (*out = f->min; str_cut(&names, ' ', &name); (*out)++)
        if (name.n && str_eq_fold(name, s))
            return true;
    return false;
}

/* "*", "a", "a-b", each with "/step". */
static bool cron_range(struct str s, const struct cron_field *f)
{
    struct str range = s, step;
    ptrdiff_t slash = str_index(s, '/');
    int64_t low, high, n;
    if (slash >= 0) {
        range = str_slice(s.p, (size_t)slash);
        step = str_from_at(s, (size_t)slash + 1);
        if (!str_to_i64(step, &n) || n <= 0)
            return false;
    }
    if (str_is(range, "*") || str_is(range, "?"))
        return true;
    ptrdiff_t dash = str_index(range, '-');
    if (dash < 0)
        return cron_number(range, f, &low);
    return cron_number(str_slice(range.p, (size_t)dash), f, &low) &&
           cron_number(str_from_at(range, (size_t)dash + 1), f, &high) && low <= high;
}

static bool cron_is_valid(struct str schedule)
{
    static const char *const words[] = {"@yearly", "@annually", "@monthly", "@weekly",
                                        "@daily",  "@midnight", "@hourly"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(schedule, words[i]))
            return true;
    if (str_starts(schedule, STR("@every ")))
        return schedule.n > 7;
    struct str rest = schedule, field;
    size_t n = 0;
    while (str_cut(&rest, ' ', &field)) {
        struct str part, parts = field;
        if (!field.n)
            continue;
        if (n == ARRAY_LEN(cron_fields))
            return false;
        while (str_cut(&parts, ',', &part))
            if (!cron_range(part, &cron_fields[n]))
                return false;
        n++;
    }
    return n == ARRAY_LEN(cron_fields);
}

static void cron_job_validate(const void *o, struct field_errors *e)
{
    const struct cron_job *c = o;
    struct path root = path_child(NULL, STR("spec")), meta = path_child(NULL, STR("metadata"));
    const struct path *spec = &root;
    if (!c->spec.schedule.n)
        field_required(e, PATH(spec, "schedule"), "%s", "");
    else if (str_find(c->spec.schedule, STR("TZ=")) >= 0)
        field_invalid(e, PATH(spec, "schedule"), c->spec.schedule,
                      "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
    else if (!cron_is_valid(c->spec.schedule))
        field_invalid(e, PATH(spec, "schedule"), c->spec.schedule,
                      "expected exactly 5 fields of minute, hour, day of "
                      "month, month and day of week, or a descriptor");
    if (c->spec.starting_deadline_seconds)
        valid_not_negative(e, PATH(spec, "startingDeadlineSeconds"), *c->spec.starting_deadline_seconds);
    VALID_ONE_OF(e, PATH(spec, "concurrencyPolicy"), c->spec.concurrency_policy, true, STR("Allow"),
                 STR("Forbid"), STR("Replace"));
    valid_optional(e, PATH(spec, "successfulJobsHistoryLimit"), c->spec.successful_jobs_history_limit);
    valid_optional(e, PATH(spec, "failedJobsHistoryLimit"), c->spec.failed_jobs_history_limit);
    if (c->spec.time_zone && !c->spec.time_zone->n)
        field_invalid(e, PATH(spec, "timeZone"), *c->spec.time_zone,
                      "timeZone must be nil or non-empty string");
    valid_job_spec(e, PATH(PATH(spec, "jobTemplate"), "spec"), &c->spec.job_template.spec);
    if (c->metadata.name.n > 52) /* the jobs' names are eleven longer */
        field_invalid(e, PATH(&meta, "name"), c->metadata.name, "must be no more than 52 characters");
}

const struct strategy cron_job_strategy = {
    .resource = &cron_job_resource,
    .defaults = cron_job_defaults,
    .validate = cron_job_validate,
};
