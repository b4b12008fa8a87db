/* What a job's status may say: since spec.managedBy lets others write it, its clients are protected from
 * states that a job cannot be in. A rule holds only for what the update changes. */
#include "api/kind/job.h"
#include "schema/timestamp.h"

static bool condition_true(const struct job *j, const char *type)
{
    each (j->status.conditions, i)
        if (str_is(j->status.conditions.at[i].type, type) &&
            str_eq(j->status.conditions.at[i].status, CONDITION_STATUS_TRUE))
            return true;
    return false;
}

/* Both versions of a job, and what an update of its status changes. */
struct job_change {
    const struct job *now, *old;
    bool complete, failed, success, target; /* the conditions, now */
    bool finished;
    bool changed_finished, changed_complete, changed_failed, changed_target;
    bool changed_start, changed_end, changed_completed, changed_lost, changed_active;
};

static bool same_time(const struct time *x, const struct time *y)
{
    return !x == !y && (!x || time_cmp(*x, *y) == 0);
}

static bool same_text(const struct str *x, const struct str *y)
{
    return !x == !y && (!x || str_eq(*x, *y));
}

static struct job_change change_of(const struct job *now, const struct job *old)
{
    struct job_change c = {.now = now,
                           .old = old,
                           .complete = condition_true(now, "Complete"),
                           .failed = condition_true(now, "Failed"),
                           .success = condition_true(now, "SuccessCriteriaMet"),
                           .target = condition_true(now, "FailureTarget")};
    bool was_complete = condition_true(old, "Complete"), was_failed = condition_true(old, "Failed");
    c.finished = c.complete || c.failed;
    c.changed_finished = c.finished != (was_complete || was_failed);
    c.changed_complete = c.complete != was_complete;
    c.changed_failed = c.failed != was_failed;
    c.changed_target = c.target != condition_true(old, "FailureTarget");
    c.changed_start = !same_time(now->status.start_time, old->status.start_time);
    c.changed_end = !same_time(now->status.completion_time, old->status.completion_time);
    c.changed_completed = !str_eq(now->status.completed_indexes, old->status.completed_indexes);
    c.changed_active = now->status.active != old->status.active;
    c.changed_lost = !same_text(now->status.failed_indexes, old->status.failed_indexes);
    return c;
}

static int32_t count_of(const int32_t *n)
{
    return n ? *n : 0;
}

static struct bad_value bad_time(struct field_errors *e, const struct time *t)
{
    return t ? BAD(time_str(&e->arena, *t)) : BAD_RAW(STR("null"));
}

static void valid_uids(struct field_errors *e, const struct path *at, const struct str_vec *uids,
                       const struct str_vec *others)
{
    each (*uids, i) {
        struct str_vec before = {uids->at, i};
        if (!uids->at[i].n)
            field_invalid(e, PATH_AT(at, i), uids->at[i], "must not be empty");
        else if (str_vec_has(&before, uids->at[i]) || (others && str_vec_has(others, uids->at[i])))
            field_duplicate(e, PATH_AT(at, i), uids->at[i]);
    }
}

static void valid_counts(struct field_errors *e, const struct path *at, const struct job_status *s)
{
    valid_not_negative(e, PATH(at, "active"), s->active);
    valid_not_negative(e, PATH(at, "succeeded"), s->succeeded);
    valid_not_negative(e, PATH(at, "failed"), s->failed);
    if (s->ready)
        valid_not_negative(e, PATH(at, "ready"), *s->ready);
    if (s->terminating)
        valid_not_negative(e, PATH(at, "terminating"), *s->terminating);
    if (s->uncounted_terminated_pods) {
        const struct path *uncounted = PATH(at, "uncountedTerminatedPods");
        valid_uids(e, PATH(uncounted, "succeeded"), &s->uncounted_terminated_pods->succeeded, NULL);
        valid_uids(e, PATH(uncounted, "failed"), &s->uncounted_terminated_pods->failed,
                   &s->uncounted_terminated_pods->succeeded);
    }
}

static void valid_end(struct field_errors *e, const struct path *at, const struct job_change *c)
{
    const struct job_status *s = &c->now->status;
    const struct path *conditions = PATH(at, "conditions"), *end = PATH(at, "completionTime");
    if (c->complete && c->failed && (c->changed_complete || c->changed_failed))
        field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                    "cannot set Complete=True and Failed=true conditions");
    if (c->complete && c->target && (c->changed_complete || c->changed_target))
        field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                    "cannot set Complete=True and FailureTarget=true conditions");
    if (c->changed_complete || c->changed_end) {
        if (s->completion_time && !c->complete)
            field_error(e, FIELD_ERROR_INVALID, end, bad_time(e, s->completion_time),
                        "cannot set completionTime when there is no Complete=True condition");
        if (!s->completion_time && c->complete)
            field_required(e, end, "completionTime is required for Complete jobs");
    }
    if ((c->changed_start || c->changed_end) && s->start_time && s->completion_time &&
        time_cmp(*s->completion_time, *s->start_time) < 0)
        field_error(e, FIELD_ERROR_INVALID, end, bad_time(e, s->completion_time),
                    "completionTime cannot be set before startTime");
    if (c->changed_failed && c->failed && !c->target)
        field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                    "cannot set Failed=True condition without the FailureTarget=true condition");
    if (c->changed_complete && c->complete && !c->success)
        field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                    "cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
    if (!c->finished)
        return;
    const struct uncounted_terminated_pods *uncounted = s->uncounted_terminated_pods,
                                           *was = c->old->status.uncounted_terminated_pods;
    if (s->active > 0 && (c->changed_finished || c->changed_active))
        field_invalid_int(e, PATH(at, "active"), s->active, "active>0 is invalid for finished job");
    if (!s->start_time && (c->changed_finished || c->changed_start))
        field_required(e, PATH(at, "startTime"), "startTime is required for finished job");
    if (uncounted && uncounted->failed.n + uncounted->succeeded.n &&
        (c->changed_finished || !was || !same(&uncounted_terminated_pods_type, uncounted, was)))
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "uncountedTerminatedPods"),
                    valid_bad(e, &uncounted_terminated_pods_type, uncounted),
                    "uncountedTerminatedPods needs to be empty for finished job");
    int32_t ending = count_of(s->terminating);
    if (ending > 0 && (c->changed_finished || ending != count_of(c->old->status.terminating)))
        field_invalid_int(e, PATH(at, "terminating"), ending, "terminating>0 is invalid for finished job");
}

/* The first index that both name, or -1. Parts that are no interval are passed over: they are complained of
 * elsewhere. */
static int32_t overlap(struct field_errors *e, struct str completed, struct str failed, int32_t completions)
{
    struct str part, other, wrong;
    for (struct str rest = completed; str_cut(&rest, ',', &part);) {
        int32_t first, last, from, to;
        if (job_interval_parse(e, part, completions, &first, &last, &wrong) < 0)
            continue;
        for (struct str others = failed; str_cut(&others, ',', &other);)
            if (job_interval_parse(e, other, completions, &from, &to, &wrong) == 0 && first <= to &&
                from <= last)
                return first > from ? first : from;
    }
    return -1;
}

enum { OVERLAP_TEXT_MAX = 4096 }; /* longer texts are not compared pairwise */

static void valid_ready(struct field_errors *e, const struct path *at, const struct job_change *c)
{
    int32_t ready = count_of(c->now->status.ready);
    if (ready > c->now->status.active && (c->changed_active || ready != count_of(c->old->status.ready)))
        field_invalid_int(e, at, ready, "cannot set more ready pods than active");
}

static void valid_indexes(struct field_errors *e, const struct path *at, const struct job_change *c)
{
    const struct job_spec *spec = &c->now->spec;
    struct str completed = c->now->status.completed_indexes, wrong;
    const struct str *failed = c->now->status.failed_indexes;
    const struct path *done = PATH(at, "completedIndexes"), *lost = PATH(at, "failedIndexes");
    if (c->changed_completed && spec->completions &&
        job_indexes_count(e, completed, *spec->completions, &wrong) < 0)
        field_invalid(e, done, completed, "error parsing completedIndexes: " STR_FMT, STR_ARG(wrong));
    if (c->changed_lost && spec->completions && spec->backoff_limit_per_index && failed &&
        job_indexes_count(e, *failed, *spec->completions, &wrong) < 0)
        field_invalid(e, lost, *failed, "error parsing failedIndexes: " STR_FMT, STR_ARG(wrong));
    if (c->changed_completed && completed.n && !job_is_indexed(spec))
        field_invalid(e, done, completed,
                      "cannot set non-empty completedIndexes when non-indexed completion mode");
    if (c->changed_lost && failed && !spec->backoff_limit_per_index)
        field_invalid(e, lost, *failed,
                      "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
    if ((c->changed_lost || c->changed_completed) && spec->completions && failed &&
        failed->n <= OVERLAP_TEXT_MAX && completed.n <= OVERLAP_TEXT_MAX) {
        int32_t index = overlap(e, completed, *failed, *spec->completions);
        if (index >= 0)
            field_invalid(e, lost, *failed, "failedIndexes and completedIndexes overlap at index: %d", index);
    }
}

static void valid_success(struct field_errors *e, const struct path *conditions, const struct job_change *c)
{
    if (c->success && c->failed)
        field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                    "cannot set SuccessCriteriaMet=True and Failed=true conditions");
    if (c->success && c->target)
        field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                    "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
    if (c->now->spec.success_policy && !c->success && c->complete)
        field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                    "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
}

/* What was so stays so. */
static void valid_progress(struct field_errors *e, const struct path *at, const struct job_change *c)
{
    static const char *const terminal[] = {"Failed", "Complete", "FailureTarget"};
    const struct job_status *s = &c->now->status, *was = &c->old->status;
    const struct job_spec *spec = &c->now->spec;
    const struct path *conditions = PATH(at, "conditions");
    for (size_t i = 0; i < ARRAY_LEN(terminal); i++)
        if (condition_true(c->old, terminal[i]) && !condition_true(c->now, terminal[i]))
            field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                        "cannot disable the terminal %s=True condition", terminal[i]);
    if (s->failed < was->failed)
        field_invalid_int(e, PATH(at, "failed"), s->failed, "cannot decrease the failed counter");
    /* An indexed job whose pods all run at once may be made smaller. */
    bool elastic = job_is_indexed(spec) && spec->completions && spec->parallelism &&
                   *spec->completions == *spec->parallelism;
    if (!elastic && s->succeeded < was->succeeded)
        field_invalid_int(e, PATH(at, "succeeded"), s->succeeded, "cannot decrease the succeeded counter");
    if (s->completion_time && was->completion_time && c->changed_end)
        field_error(e, FIELD_ERROR_INVALID, PATH(at, "completionTime"), bad_time(e, s->completion_time),
                    "completionTime cannot be mutated");
    if (was->start_time && c->changed_start && !(spec->suspend && *spec->suspend))
        field_required(e, PATH(at, "startTime"), "startTime cannot be removed for unsuspended job");
    bool was_success = condition_true(c->old, "SuccessCriteriaMet");
    if (was_success && !c->success)
        field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                    "cannot disable the SuccessCriteriaMet=True condition");
    if (condition_true(c->old, "Complete") && !was_success && c->success)
        field_error(e, FIELD_ERROR_INVALID, conditions, BAD_NONE,
                    "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
}

void job_validate_status(const void *o, const void *old, struct field_errors *e)
{
    struct path root = path_child(NULL, STR("status"));
    const struct path *at = &root;
    struct job_change c = change_of(o, old);
    valid_counts(e, at, &c.now->status);
    valid_end(e, at, &c);
    valid_indexes(e, at, &c);
    valid_ready(e, PATH(at, "ready"), &c);
    valid_success(e, PATH(at, "conditions"), &c);
    valid_progress(e, at, &c);
}
