/* Job: pods until as many as asked for have succeeded, or too many failed (pkg/controller/job). */
#include "controllers/claim.h"
#include "controllers/job/run.h"
#include "controllers/table.h"
#include "schema/copy.h"

#define BACKOFF_FIRST (10 * CLOCK_S)
#define BACKOFF_LAST  (600 * CLOCK_S)
enum { PODS_AT_ONCE = 500 };

/* --- its end --- */

static void say(struct run *r, const char *type, struct str status, const char *reason, const char *message)
{
    if (condition_set(r->w->a, &job_condition_type, &r->job->status.conditions, CONDITION_ANY_CHANGE,
                      str_from(type), status, str_from(reason), str_from(message))) {
        struct job_condition *c =
            condition_find(&job_condition_type, &r->job->status.conditions, str_from(type));
        c->last_probe_time = c->last_transition_time;
    }
}

static bool said(const struct run *r, const char *type)
{
    const struct job_condition *c =
        condition_find(&job_condition_type, &r->job->status.conditions, str_from(type));
    return c && str_eq(c->status, CONDITION_STATUS_TRUE);
}

/* With restartPolicy OnFailure containers are restarted in place: their restarts count as failures. */
static bool restarted_too_often(const struct run *r, int32_t limit)
{
    if (!str_is(r->job->spec.template.spec.restart_policy, "OnFailure"))
        return false;
    int64_t restarts = 0;
    for (size_t i = 0; i < r->n_active; i++) {
        const struct container_status_vec *all = &pod_of(r->active[i])->status.container_statuses;
        for (size_t k = 0; k < all->n; k++)
            restarts += all->at[k].restart_count;
    }
    return limit == 0 ? restarts > 0 : restarts >= limit;
}

/* Why the job has failed; false when it has not. */
static bool has_failed(struct run *r, const char **reason, const char **message)
{
    const struct job_condition *c =
        condition_find(&job_condition_type, &r->job->status.conditions, STR("FailureTarget"));
    if (c && str_eq(c->status, CONDITION_STATUS_TRUE)) {
        *reason = arena_c(r->w->a, c->reason);
        *message = arena_c(r->w->a, c->message);
        return true;
    }
    const struct job_spec *spec = &r->job->spec;
    int32_t limit = spec->backoff_limit             ? *spec->backoff_limit
                    : spec->backoff_limit_per_index ? INT32_MAX
                                                    : 6;
    if (r->fatal.n) {
        *reason = "PodFailurePolicy";
        *message = r->fatal.p;
        return true;
    }
    if (r->failed > limit || restarted_too_often(r, limit)) {
        *reason = "BackoffLimitExceeded";
        *message = "Job has reached the specified backoff limit";
        return true;
    }
    if (r->n_lost && spec->max_failed_indexes && r->n_lost > *spec->max_failed_indexes) {
        *reason = "MaxFailedIndexesExceeded";
        *message = "Job has exceeded the specified maximal number of failed indexes";
        return true;
    }
    if (r->n_lost && r->n_lost + r->succeeded >= r->n) {
        *reason = "FailedIndexes";
        *message = "Job has failed indexes";
        return true;
    }
    if (!spec->active_deadline_seconds || !r->job->status.start_time || (spec->suspend && *spec->suspend))
        return false;
    int64_t rest = *spec->active_deadline_seconds * CLOCK_S - time_since(*r->job->status.start_time);
    if (rest > 0) {
        work_again(r->w, rest);
        return false;
    }
    *reason = "DeadlineExceeded";
    *message = "Job was active longer than specified deadline";
    return true;
}

/* With reason and message; what has been said stays. */
static bool has_succeeded(const struct run *r, const char **reason, const char **message)
{
    const struct job_condition *c =
        condition_find(&job_condition_type, &r->job->status.conditions, STR("SuccessCriteriaMet"));
    *reason = "CompletionsReached";
    *message = "Reached expected number of succeeded pods";
    if (c && str_eq(c->status, CONDITION_STATUS_TRUE)) {
        *reason = arena_c(r->w->a, c->reason);
        *message = arena_c(r->w->a, c->message);
        return true;
    }
    if (success_met(r, message)) {
        *reason = "SuccessPolicy";
        return true;
    }
    if (r->n >= 0)
        return r->succeeded >= r->n;
    return r->succeeded > 0 && r->n_active == 0 && r->terminating == 0;
}

/* What is still uncounted keeps a job from ending: the numbers of a finished one are final. */
static bool is_counted(const struct run *r)
{
    const struct uncounted_terminated_pods *noted = r->job->status.uncounted_terminated_pods;
    return !noted || noted->succeeded.n + noted->failed.n == 0;
}

static int stop_pods(struct run *r)
{
    size_t failed = r->n_active ? pods_delete(r->w, r->object, r->active, r->n_active, r->w->err) : 0;
    r->n_active = 0;
    return failed ? -1 : 0;
}

static int end_failed(struct run *r, const char *reason, const char *message)
{
    bool over = r->n_active == 0 && r->terminating == 0;
    say(r, "FailureTarget", CONDITION_STATUS_TRUE, reason, message);
    if (stop_pods(r) < 0)
        return -1;
    if (!over || !is_counted(r))
        return 0;
    say(r, "Failed", CONDITION_STATUS_TRUE, reason, message);
    r->job->status.uncounted_terminated_pods = NULL;
    recorder_event(r->w->recorder, r->object, "Warning", reason, (struct str){0}, "%s", message);
    return 0;
}

static int end_succeeded(struct run *r, const char *reason, const char *message)
{
    bool over = r->n_active == 0 && r->terminating == 0;
    say(r, "SuccessCriteriaMet", CONDITION_STATUS_TRUE, reason, message);
    if (stop_pods(r) < 0)
        return -1;
    if (!over || !is_counted(r))
        return 0;
    say(r, "Complete", CONDITION_STATUS_TRUE, reason, message);
    struct time now = time_now();
    r->job->status.completion_time = arena_dup(r->w->a, &now, sizeof now);
    r->job->status.uncounted_terminated_pods = NULL;
    recorder_event(r->w->recorder, r->object, "Normal", "Completed", (struct str){0}, "Job completed");
    return 0;
}

/* --- its pods --- */

static void add_index(struct run *r, struct pod *pod, int32_t index)
{
    struct arena *a = r->w->a;
    struct str text = arena_printf(a, "%d", index);
    labels_set(a, &pod->metadata.annotations, INDEX_ANNOTATION, text);
    labels_set(a, &pod->metadata.labels, INDEX_ANNOTATION, text);
    if (r->lost) {
        int32_t ignored, failed = index_failures(r, index, &ignored, &(struct time){0});
        labels_set(a, &pod->metadata.annotations, INDEX_FAILURES, arena_printf(a, "%d", failed));
        if (ignored)
            labels_set(a, &pod->metadata.annotations, INDEX_IGNORED, arena_printf(a, "%d", ignored));
    }
    pod->metadata.generate_name = arena_printf(a, STR_FMT "-%d-", STR_ARG(r->w->name), index);
    pod->spec.hostname = arena_printf(a, STR_FMT "-%d", STR_ARG(r->w->name), index);
    struct object_field_selector *where = arena_new(a, struct object_field_selector);
    where->field_path = STR("metadata.labels['batch.kubernetes.io/job-completion-index']");
    struct env_var_source *source = arena_new(a, struct env_var_source);
    source->field_ref = where;
    struct container_vec *const lists[] = {&pod->spec.init_containers, &pod->spec.containers};
    for (size_t l = 0; l < 2; l++) {
        lists[l]->at = arena_dup(a, lists[l]->at, lists[l]->n * sizeof *lists[l]->at);
        for (size_t c = 0; c < lists[l]->n; c++) {
            struct env_var_vec *env = &lists[l]->at[c].env;
            struct env_var *at = arena_new_n(a, struct env_var, env->n + 1);
            if (env->n)
                memcpy(at, env->at, env->n * sizeof *at);
            at[env->n++] = (struct env_var){.name = STR("JOB_COMPLETION_INDEX"), .value_from = source};
            env->at = at;
        }
    }
}

static struct pod *pod_draft(struct run *r, int32_t index)
{
    struct pod *pod = pod_from_template(r->w->a, &r->job->spec.template, r->object);
    strs_add(r->w->a, (struct str_vec *)&pod->metadata.finalizers, TRACKING);
    if (r->indexed)
        add_index(r, pod, index);
    return pod;
}

/* Ten seconds after the first failure, doubling. */
static int64_t pause_after(int32_t failures)
{
    int64_t pause = failures > 6 ? BACKOFF_LAST : BACKOFF_FIRST << (failures - 1);
    return pause < BACKOFF_LAST ? pause : BACKOFF_LAST;
}

/* Each index with a limit of its own waits by itself. */
static bool index_waits(struct run *r, int32_t index)
{
    int32_t ignored;
    struct time at;
    int32_t failures = index_failures(r, index, &ignored, &at);
    int64_t rest = failures && !r->done[index] ? pause_after(failures) - time_since(at) : 0;
    if (rest > 0)
        work_again(r->w, rest);
    return rest > 0;
}

/* Marks the indexes that need no new pod now. */
static bool *indexes_taken(struct run *r)
{
    bool *taken = arena_dup(r->w->a, r->done, (size_t)r->n + 1);
    for (size_t i = 0; i < r->pods.n; i++) {
        int64_t at;
        const struct pod *p = pod_of(r->pods.at[i]);
        if (!pod_is_terminal(p) && str_to_i64(labels_get(&p->metadata.annotations, INDEX_ANNOTATION), &at) &&
            at >= 0 && at < r->n)
            taken[at] = true;
    }
    for (int32_t i = 0; r->lost && i < r->n; i++)
        taken[i] = taken[i] || r->lost[i] || index_waits(r, i);
    return taken;
}

struct time run_finished_at(const struct pod *p)
{
    struct time latest = {0};
    for (size_t i = 0; i < p->status.container_statuses.n; i++) {
        const struct container_state_terminated *t = p->status.container_statuses.at[i].state.terminated;
        if (t && time_cmp(t->finished_at, latest) > 0)
            latest = t->finished_at;
    }
    const struct pod_condition *ready = pod_condition_get(p, STR("Ready"));
    if (time_is_zero(latest) && ready)
        latest = ready->last_transition_time;
    return time_is_zero(latest) ? p->metadata.creation_timestamp : latest;
}

static bool failure_counts(const struct run *r, const struct pod *p)
{
    return str_eq(p->status.phase, POD_PHASE_FAILED) && failure_of(r, p, NULL) != FAILURE_IGNORED;
}

/* How long to wait after failures; a success ends the row. */
static int64_t backoff_rest(const struct run *r)
{
    struct time last_success = {0}, last_failure = {0};
    for (size_t i = 0; i < r->pods.n; i++) {
        const struct pod *p = pod_of(r->pods.at[i]);
        struct time t = run_finished_at(p);
        if (str_eq(p->status.phase, POD_PHASE_SUCCEEDED) && time_cmp(t, last_success) > 0)
            last_success = t;
        if (failure_counts(r, p) && time_cmp(t, last_failure) > 0)
            last_failure = t;
    }
    if (time_cmp(last_failure, last_success) <= 0)
        return 0;
    int32_t row = 0;
    for (size_t i = 0; i < r->pods.n; i++) {
        const struct pod *p = pod_of(r->pods.at[i]);
        row += failure_counts(r, p) && time_cmp(run_finished_at(p), last_success) > 0;
    }
    int64_t rest = pause_after(row) - time_since(last_failure);
    return rest > 0 ? rest : 0;
}

static int grow(struct run *r, int32_t missing)
{
    int64_t rest = r->lost ? 0 : backoff_rest(r);
    if (rest) {
        work_again(r->w, rest);
        return 0;
    }
    if (missing > PODS_AT_ONCE)
        missing = PODS_AT_ONCE;
    struct pod **pods = arena_new_n(r->w->a, struct pod *, (size_t)missing);
    bool *taken = r->indexed ? indexes_taken(r) : NULL;
    size_t n = 0;
    for (int32_t i = 0; n < (size_t)missing && (!r->indexed || i < r->n); i++)
        if (!r->indexed || !taken[i])
            pods[n++] = pod_draft(r, i);
    for (size_t made = 0, batch = 1; made < n; batch *= 2) {
        size_t k = batch < n - made ? batch : n - made;
        if (pods_create(r->w, r->object, pods + made, k, r->w->err))
            return -1;
        made += k;
        r->job->status.active += (int32_t)k;
    }
    return 0;
}

static int manage(struct run *r)
{
    int32_t parallel = r->job->spec.parallelism ? *r->job->spec.parallelism : 1,
            active = (int32_t)r->n_active;
    bool only_failed =
        r->job->spec.pod_replacement_policy && str_is(*r->job->spec.pod_replacement_policy, "Failed");
    int32_t want = parallel;
    if (r->n < 0)
        want = r->succeeded > 0 ? (active < parallel ? active : parallel) : parallel;
    else if (r->n - r->succeeded - r->n_lost < parallel)
        want = r->n - r->succeeded - r->n_lost;
    if (active > want) {
        struct objects surplus = {r->active, r->n_active, 0};
        pods_sort_for_deletion(&surplus, &surplus);
        return pods_delete(r->w, r->object, r->active, (size_t)(active - want), r->w->err) ? -1 : 0;
    }
    int32_t there = active + (only_failed ? r->terminating : 0);
    return there < want ? grow(r, want - there) : 0;
}

/* --- suspending --- */

static int suspend(struct run *r)
{
    if (!said(r, "Suspended")) {
        say(r, "Suspended", CONDITION_STATUS_TRUE, "JobSuspended", "Job suspended");
        recorder_event(r->w->recorder, r->object, "Normal", "Suspended", (struct str){0}, "Job suspended");
    }
    r->job->status.start_time = NULL;
    return stop_pods(r);
}

static void resume(struct run *r)
{
    struct time now = time_now();
    if (said(r, "Suspended")) {
        say(r, "Suspended", CONDITION_STATUS_FALSE, "JobResumed", "Job resumed");
        recorder_event(r->w->recorder, r->object, "Normal", "Resumed", (struct str){0}, "Job resumed");
    }
    if (!r->job->status.start_time)
        r->job->status.start_time = arena_dup(r->w->a, &now, sizeof now);
}

/* --- reconciling --- */

/* A finished job is deleted when its time to live is over. */
static int expire(struct run *r)
{
    const struct job *j = r->job;
    if (!j->spec.ttl_seconds_after_finished || j->metadata.deletion_timestamp)
        return 0;
    const struct job_condition *end =
        condition_find(&job_condition_type, &j->status.conditions, STR("Complete"));
    if (!end)
        end = condition_find(&job_condition_type, &j->status.conditions, STR("Failed"));
    int64_t rest = *j->spec.ttl_seconds_after_finished * CLOCK_S - time_since(end->last_transition_time);
    if (rest > 0) {
        work_again(r->w, rest);
        return 0;
    }
    struct client_delete_options options = DELETE_OPTIONS_DEFAULT;
    options.uid = j->metadata.uid;
    options.propagation = PROPAGATE_FOREGROUND;
    return work_forgive(r->w,
                        client_delete(r->w->client, &job_resource, r->w->ns, r->w->name, &options, r->w->err),
                        ERR_NOT_FOUND);
}

static int act(struct run *r)
{
    const char *reason, *message;
    bool suspended = r->job->spec.suspend && *r->job->spec.suspend;
    if (!suspended)
        resume(r);
    r->job->status.active = (int32_t)r->n_active;
    int failed;
    if (said(r, "SuccessCriteriaMet") && has_succeeded(r, &reason, &message))
        failed = end_succeeded(r, reason, message);
    else if (has_failed(r, &reason, &message))
        failed = end_failed(r, reason, message);
    else if (has_succeeded(r, &reason, &message))
        failed = end_succeeded(r, reason, message);
    else if (suspended)
        failed = suspend(r);
    else
        return manage(r);
    r->job->status.active = (int32_t)r->n_active;
    return failed;
}

static int run_job(struct run *r, const struct selector *selector)
{
    struct work *w = r->w;
    if (claim_dependents(w, r->object, selector, informer_of(w, pod), &r->pods) < 0)
        return -1;
    if (run_has_finished(r->job))
        return run_settle(r) < 0 ? -1 : expire(r);
    run_count(r);
    struct job_status *s = &r->job->status;
    s->ready = arena_dup(w->a, &r->ready, sizeof r->ready);
    s->terminating = arena_dup(w->a, &r->terminating, sizeof r->terminating);
    int failed = r->job->metadata.deletion_timestamp ? 0 : act(r);
    _cleanup_err_ struct err why = {0};
    if (failed)
        err_move(&why, w->err);
    if (run_settle(r) < 0)
        return -1;
    if (failed)
        err_move(w->err, &why);
    return failed;
}

static int job_reconcile(struct work *w)
{
    struct object *o = informer_get(informer_of(w, job), w->ns, w->name);
    if (run_release_strangers(w, o ? object_meta(o)->uid : (struct str){0}) < 0) {
        object_unref(o);
        return -1;
    }
    if (!o)
        return 0;
    struct run r = {.w = w, .object = o, .job = object_copy(o, w->a)};
    r.n = r.job->spec.completions ? *r.job->spec.completions : -1;
    r.indexed = r.n >= 0 && r.job->spec.completion_mode && str_is(*r.job->spec.completion_mode, "Indexed");
    struct selector selector;
    int failed = 0;
    if (!r.job->spec.managed_by || str_is(*r.job->spec.managed_by, "kubernetes.io/job-controller"))
        failed =
            selector_from(w->a, r.job->spec.selector, &selector, w->err) < 0 ? -1 : run_job(&r, &selector);
    objects_clear(&r.pods);
    object_unref(r.object);
    return failed;
}

static void on_pod(struct controller *k, struct object *before, struct object *after)
{
    controller_on_owned(k, before, after);
    if (after && !meta_controller(object_meta(after)) && !object_meta(after)->deletion_timestamp)
        controller_on_orphan(k, after);
}

const struct controller_def job_controller = {
    .name = "job",
    .component = "job-controller",
    .account = "job-controller",
    .kind = &job_resource,
    .workers = 2,
    .reconcile = job_reconcile,
    .watches = {{&job_resource, controller_on_self}, {&pod_resource, on_pod}},
};
