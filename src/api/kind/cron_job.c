/* Jobs by the clock (pkg/apis/batch/validation, pkg/registry/batch/cronjob). */
#include "api/kind/job.h"
#include "api/kind/kinds.h"
#include "api/kind/pod.h"
#include "schema/schedule.h"

enum { CRON_JOB_NAME_MAX = 52 }; /* the jobs' names are eleven longer, and labels */

/* The jobs get the defaults of jobs when they are made. */
static void cron_job_defaults(void *o, struct arena *a)
{
    pod_spec_defaults(&((struct cron_job *)o)->spec.job_template.spec.template.spec, a);
}

static bool says_zone(struct str schedule)
{
    return str_find(schedule, STR("TZ")) >= 0;
}

static void valid_schedule(struct field_errors *e, const struct path *at, const struct cron_job_spec *now)
{
    struct schedule parsed;
    _cleanup_err_ struct err err = {0};
    if (!now->schedule.n)
        field_required(e, at, "%s", "");
    else if (schedule_parse(now->schedule, &parsed, &err) < 0)
        field_invalid(e, at, now->schedule, STR_FMT, STR_ARG(err.message));
}

/* A schedule with a zone of its own may stay, but not come. */
static void valid_schedule_zone(struct field_errors *e, const struct path *at,
                                const struct cron_job_spec *now, const struct cron_job_spec *old)
{
    if (!says_zone(now->schedule))
        return;
    if (!old || !says_zone(old->schedule))
        field_invalid(e, at, now->schedule,
                      "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
    else if (now->time_zone)
        field_invalid(e, at, now->schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
}

/* Whether it could be the name of a zone (https://data.iana.org/time-zones/theory.html#naming), and not the
 * path of some file. */
static bool zone_name_ok(struct str name)
{
    for (struct str part, rest = name; str_cut(&rest, '/', &part);) {
        if (!part.n || part.n > 14 || part.p[0] == '-' || str_is(part, ".") || str_is(part, ".."))
            return false;
        for (size_t i = 0; i < part.n; i++) {
            char c = part.p[i];
            bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (!ok && !strchr(".-_+", c))
                return false;
        }
    }
    return name.p[name.n - 1] != '/';
}

static void valid_time_zone(struct field_errors *e, const struct path *at, struct str zone)
{
    struct zone *found = NULL;
    _cleanup_err_ struct err err = {0};
    if (!zone.n)
        field_invalid(e, at, zone, "timeZone must be nil or non-empty string");
    else if (!zone_name_ok(zone))
        field_invalid(e, at, zone, "unknown time zone " STR_FMT, STR_ARG(zone));
    else if (str_eq_fold(zone, STR("Local")))
        field_invalid(e, at, zone,
                      "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
    else if (zone_open(zone, &found, &err) < 0)
        field_invalid(e, at, zone, STR_FMT, STR_ARG(err.message));
    zone_free(found);
}

static void valid_limit(struct field_errors *e, const struct path *at, const int32_t *v)
{
    if (v)
        valid_not_negative(e, at, *v);
}

static void cron_job_validate(const void *o, struct field_errors *e)
{
    const struct cron_job_spec *s = &((const struct cron_job *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *job = PATH(PATH(spec, "jobTemplate"), "spec");
    valid_schedule(e, PATH(spec, "schedule"), s);
    if (s->starting_deadline_seconds)
        valid_not_negative(e, PATH(spec, "startingDeadlineSeconds"), *s->starting_deadline_seconds);
    VALID_ONE_OF(e, PATH(spec, "concurrencyPolicy"), s->concurrency_policy, true, STR("Allow"), STR("Forbid"),
                 STR("Replace"));
    const struct job_spec *template = &s->job_template.spec;
    valid_job_spec(e, job, template);
    if (template->selector)
        field_error(e, FIELD_ERROR_INVALID, PATH(job, "selector"),
                    valid_bad(e, &label_selector_type, template->selector),
                    "`selector` will be auto-generated");
    if (template->manual_selector && *template->manual_selector)
        field_error(e, FIELD_ERROR_NOT_SUPPORTED, PATH(job, "manualSelector"), BAD_RAW(STR("true")),
                    "supported values: \"nil\", \"false\"");
    valid_limit(e, PATH(spec, "successfulJobsHistoryLimit"), s->successful_jobs_history_limit);
    valid_limit(e, PATH(spec, "failedJobsHistoryLimit"), s->failed_jobs_history_limit);
}

static void cron_job_validate_create(const void *o, struct field_errors *e)
{
    const struct cron_job *c = o;
    struct path spec = path_child(NULL, STR("spec")), meta = path_child(NULL, STR("metadata"));
    valid_schedule_zone(e, PATH(&spec, "schedule"), &c->spec, NULL);
    if (c->spec.time_zone)
        valid_time_zone(e, PATH(&spec, "timeZone"), *c->spec.time_zone);
    if (c->metadata.name.n > CRON_JOB_NAME_MAX)
        field_invalid(e, PATH(&meta, "name"), c->metadata.name, "must be no more than %d characters",
                      CRON_JOB_NAME_MAX);
}

static void cron_job_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct cron_job_spec *now = &((const struct cron_job *)o)->spec,
                               *old = &((const struct cron_job *)before)->spec;
    struct path spec = path_child(NULL, STR("spec"));
    valid_schedule_zone(e, PATH(&spec, "schedule"), now, old);
    if (now->time_zone && (!old->time_zone || !str_eq(*now->time_zone, *old->time_zone)))
        valid_time_zone(e, PATH(&spec, "timeZone"), *now->time_zone);
}

static void cron_job_warn(const void *o, const void *before, const struct strategy_context *c)
{
    const struct cron_job *now = o, *old = before;
    struct path root = path_child(NULL, STR("spec"));
    if (!old)
        pods_name_warning(&now->metadata, c);
    if (!old || old->metadata.generation != now->metadata.generation)
        job_spec_warnings(PATH(PATH(&root, "jobTemplate"), "spec"), &now->spec.job_template.spec,
                          old ? &old->spec.job_template.spec : NULL, c);
    if (says_zone(now->spec.schedule))
        strategy_warn(
            c, "CRON_TZ or TZ used in spec.schedule is not officially supported, see "
               "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details");
}

const struct strategy cron_job_strategy = {
    .resource = &cron_job_resource,
    .defaults = cron_job_defaults,
    .validate = cron_job_validate,
    .validate_create = cron_job_validate_create,
    .validate_update = cron_job_validate_update,
    .warn = cron_job_warn,
};
