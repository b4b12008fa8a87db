/* CronJob: makes a job again and again, by the clock (pkg/controller/cronjob). */
#include <stdlib.h>

#include "controllers/meta.h"
#include "controllers/table.h"
#include "kinds/batch_v1.h"
#include "schema/copy.h"
#include "schema/quote.h"
#include "schema/schedule.h"

#define SCHEDULED_ANNOTATION STR("batch.kubernetes.io/cronjob-scheduled-timestamp")
enum { MISSED_MAX = 100, MISSED_LOOK = 100000 };

/* One pass over a cron job. */
struct tick {
    struct work *w;
    struct object *object;
    struct cron_job *cron; /* a copy, to be changed and written back */
    struct objects jobs;   /* those it controls */
};

static const struct job *job_of(struct object *o)
{
    return object_typed(o);
}

#define tell(t, type, reason, ...)                                                                           \
    recorder_event((t)->w->recorder, (t)->object, type, reason, (struct str){0}, __VA_ARGS__)

/* "Complete" or "Failed"; empty while it runs. */
static struct str how_ended(const struct job *j)
{
    static const struct str ends[] = {STR_INIT("Complete"), STR_INIT("Failed")};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        const struct job_condition *c = condition_find(&job_condition_type, &j->status.conditions, ends[i]);
        if (c && str_eq(c->status, CONDITION_STATUS_TRUE))
            return ends[i];
    }
    return (struct str){0};
}

/* --- what runs, and what is over --- */

static size_t active_place(const struct cron_job_status *s, struct str uid)
{
    size_t i = 0;
    while (i < s->active.n && !str_eq(s->active.at[i].uid, uid))
        i++;
    return i;
}

static void active_drop(struct cron_job_status *s, size_t i)
{
    memmove(s->active.at + i, s->active.at + i + 1, (--s->active.n - i) * sizeof *s->active.at);
}

static void note_job(struct tick *t, struct object *o)
{
    struct cron_job_status *s = &t->cron->status;
    const struct job *j = job_of(o);
    struct str ended = how_ended(j);
    size_t place = active_place(s, j->metadata.uid);
    bool active = place < s->active.n;
    if (!active && str_empty(ended))
        tell(t, "Warning", "UnexpectedJob",
             "Saw a job that the controller did not create or forgot: " STR_FMT, STR_ARG(j->metadata.name));
    if (active && !str_empty(ended)) {
        active_drop(s, place);
        tell(t, "Normal", "SawCompletedJob", "Saw completed job: " STR_FMT ", condition: " STR_FMT,
             STR_ARG(j->metadata.name), STR_ARG(ended));
    }
    if (str_is(ended, "Complete") && j->status.completion_time &&
        (!s->last_successful_time || time_cmp(*s->last_successful_time, *j->status.completion_time) < 0))
        s->last_successful_time =
            arena_dup(t->w->a, j->status.completion_time, sizeof *j->status.completion_time);
}

static void note_jobs(struct tick *t)
{
    struct cron_job_status *s = &t->cron->status;
    for (size_t i = 0; i < t->jobs.n; i++)
        note_job(t, t->jobs.at[i]);
    for (size_t i = s->active.n; i-- > 0;) {
        bool there = false;
        for (size_t k = 0; k < t->jobs.n; k++)
            there |= str_eq(object_meta(t->jobs.at[k])->uid, s->active.at[i].uid);
        if (there)
            continue;
        tell(t, "Normal", "MissingJob", "Active job went missing: " STR_FMT, STR_ARG(s->active.at[i].name));
        active_drop(s, i);
    }
}

static int job_delete(struct tick *t, struct str name)
{
    struct client_delete_options options = DELETE_OPTIONS_DEFAULT;
    options.propagation = PROPAGATE_BACKGROUND;
    int failed = client_delete(t->w->client, &job_resource, t->w->ns, name, &options, t->w->err);
    if (work_forgive(t->w, failed, ERR_NOT_FOUND) < 0) {
        tell(t, "Warning", "FailedDelete", "Deleted job: " STR_FMT, STR_ARG(t->w->err->message));
        return -1;
    }
    tell(t, "Normal", "SuccessfulDelete", "Deleted job " STR_FMT, STR_ARG(name));
    return 0;
}

static int by_start(const void *x, const void *y)
{
    const struct job *a = job_of(*(struct object *const *)x), *b = job_of(*(struct object *const *)y);
    struct time none = {0};
    int c = time_cmp(a->status.start_time ? *a->status.start_time : none,
                     b->status.start_time ? *b->status.start_time : none);
    return c ? c : str_cmp(a->metadata.name, b->metadata.name);
}

/* Keeps the `limit` youngest of those that ended so. */
static int forget_old(struct tick *t, const char *how, const int32_t *limit)
{
    size_t n = 0;
    struct object **ended = arena_new_n(t->w->a, struct object *, t->jobs.n);
    for (size_t i = 0; i < t->jobs.n; i++)
        if (str_is(how_ended(job_of(t->jobs.at[i])), how))
            ended[n++] = t->jobs.at[i];
    if (!limit || (int64_t)n <= *limit)
        return 0;
    qsort(ended, n, sizeof *ended, by_start);
    for (size_t i = 0; i < n - (size_t)*limit; i++)
        if (job_delete(t, object_name(ended[i])) < 0)
            return -1;
    return 0;
}

/* --- when --- */

/* The newest time that is due and was not used; 0: none. Asks to be called at the next one. */
static int64_t due(struct tick *t, const struct schedule *schedule, const struct zone *zone)
{
    const struct cron_job *c = t->cron;
    int64_t now = time_now().s;
    int64_t from =
        c->status.last_schedule_time ? c->status.last_schedule_time->s : c->metadata.creation_timestamp.s;
    if (c->spec.starting_deadline_seconds && now - *c->spec.starting_deadline_seconds > from)
        from = now - *c->spec.starting_deadline_seconds;
    int64_t last = 0, next = from;
    int missed = 0;
    while ((next = schedule_next_in(schedule, zone, next)) && next <= now && missed < MISSED_LOOK) {
        last = next;
        missed++;
    }
    if (missed > MISSED_MAX)
        tell(
            t, "Warning", "TooManyMissedTimes",
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew");
    if (next)
        work_again(t->w, next * CLOCK_S - clock_wall() + CLOCK_MS);
    return last;
}

/* --- the next job --- */

static int job_create(struct tick *t, int64_t at)
{
    struct work *w = t->w;
    const struct job_template_spec *template = &t->cron->spec.job_template;
    struct job job = {
        .metadata = {.namespace = w->ns,
                     .name = arena_printf(w->a, STR_FMT "-%lld", STR_ARG(w->name), (long long)at / 60),
                     .labels = template->metadata.labels,
                     .annotations = template->metadata.annotations},
        .spec = template->spec,
    };
    labels_set(w->a, &job.metadata.annotations, SCHEDULED_ANNOTATION, time_str(w->a, (struct time){at, 0}));
    meta_add_owner(w->a, &job.metadata, owner_reference_to(w->a, t->object));
    _cleanup_object_ struct object *made = NULL;
    if (client_create(w->client, &job_resource, w->ns, &job, &made, w->err) < 0) {
        if (w->err->reason == ERR_ALREADY_EXISTS) { /* made before, but not noted */
            err_clear(w->err);
            return client_get(w->client, &job_resource, w->ns, job.metadata.name, &made, w->err);
        }
        tell(t, "Warning", "FailedCreate", "Error creating job: " STR_FMT, STR_ARG(w->err->message));
        return -1;
    }
    tell(t, "Normal", "SuccessfulCreate", "Created job " STR_FMT, STR_ARG(object_name(made)));
    struct cron_job_status *s = &t->cron->status;
    struct object_reference *active = arena_new_n(w->a, struct object_reference, s->active.n + 1);
    if (s->active.n)
        memcpy(active, s->active.at, s->active.n * sizeof *active);
    active[s->active.n++] = (struct object_reference){
        .api_version = job_resource.api_version,
        .kind = job_resource.kind,
        .namespace = w->ns,
        .name = job.metadata.name,
        .uid = arena_str(w->a, object_meta(made)->uid),
        .resource_version = arena_str(w->a, object_meta(made)->resource_version),
    };
    s->active.at = active;
    return 0;
}

static int start_job(struct tick *t, int64_t at)
{
    struct cron_job_status *s = &t->cron->status;
    const int64_t *deadline = t->cron->spec.starting_deadline_seconds;
    if (deadline && at + *deadline < time_now().s) {
        tell(t, "Warning", "MissSchedule", "Missed scheduled time to start a job: " STR_FMT,
             STR_ARG(time_str(t->w->a, (struct time){at, 0})));
        return 0;
    }
    if (str_is(t->cron->spec.concurrency_policy, "Forbid") && s->active.n) {
        tell(t, "Normal", "JobAlreadyActive",
             "Not starting job because prior execution is running and concurrency policy is Forbid");
        return 0;
    }
    if (str_is(t->cron->spec.concurrency_policy, "Replace"))
        while (s->active.n) {
            if (job_delete(t, s->active.at[0].name) < 0)
                return -1;
            active_drop(s, 0);
        }
    if (job_create(t, at) < 0)
        return -1;
    struct time when = {at, 0};
    s->last_schedule_time = arena_dup(t->w->a, &when, sizeof when);
    return 0;
}

static void zone_freep(struct zone **z)
{
    zone_free(*z);
}

static int schedule_jobs(struct tick *t)
{
    const struct cron_job_spec *spec = &t->cron->spec;
    if (t->cron->metadata.deletion_timestamp || (spec->suspend && *spec->suspend))
        return 0;
    struct schedule schedule;
    _cleanup_err_ struct err err = {0};
    _cleanup_(zone_freep) struct zone *zone = NULL;
    if (spec->time_zone && zone_open(*spec->time_zone, &zone, &err) < 0) {
        tell(t, "Warning", "UnknownTimeZone", "invalid timeZone: " STR_FMT ": " STR_FMT,
             STR_ARG(quote_go_str(t->w->a, *spec->time_zone)), STR_ARG(err.message));
        return 0;
    }
    if (schedule_parse(spec->schedule, &schedule, &err) < 0) {
        tell(t, "Warning", "UnparseableSchedule", "unparseable schedule: " STR_FMT " : " STR_FMT,
             STR_ARG(quote_go_str(t->w->a, spec->schedule)), STR_ARG(err.message));
        return 0;
    }
    int64_t at = due(t, &schedule, zone);
    return at ? start_job(t, at) : 0;
}

static int tick_run(struct tick *t)
{
    note_jobs(t);
    int failed = forget_old(t, "Complete", t->cron->spec.successful_jobs_history_limit);
    if (!failed)
        failed = forget_old(t, "Failed", t->cron->spec.failed_jobs_history_limit);
    if (!failed)
        failed = schedule_jobs(t);
    _cleanup_err_ struct err why = {0};
    if (failed)
        err_move(&why, t->w->err);
    const struct cron_job *before = object_typed(t->object);
    if (!struct_eq(&cron_job_status_type, &before->status, &t->cron->status) &&
        client_update(t->w->client, &cron_job_resource, STR("status"), t->cron, NULL, t->w->err) < 0)
        return -1;
    if (failed)
        err_move(t->w->err, &why);
    return failed;
}

static int cron_job_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, cron_job), w->ns, w->name);
    if (!o)
        return 0;
    struct tick t = {.w = w, .object = o, .cron = object_copy(o, w->a)};
    informer_list_owned(informer_of(w, job), object_meta(o)->uid, &t.jobs);
    int failed = tick_run(&t);
    objects_clear(&t.jobs);
    return failed;
}

const struct controller_def cron_job_controller = {
    .name = "cronjob",
    .component = "cronjob-controller",
    .account = "cronjob-controller",
    .kind = &cron_job_resource,
    .workers = 2,
    .reconcile = cron_job_reconcile,
    .watches = {{&cron_job_resource, controller_on_self}, {&job_resource, controller_on_owned}},
};
