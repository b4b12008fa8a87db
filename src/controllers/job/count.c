#include "controllers/job/run.h"

#include "schema/copy.h"

enum { UNCOUNTED_MAX = 500 }; /* noted in the status at once */

/* --- indexes --- */

int32_t run_index_of(const struct run *r, const struct object_meta *meta)
{
    int64_t i;
    return str_to_i64(labels_get(&meta->annotations, INDEX_ANNOTATION), &i) && i >= 0 && i < r->n ? (int32_t)i
                                                                                                  : -1;
}

void run_indexes_read(struct str text, bool *set, int32_t n)
{
    for (struct str item; str_cut(&text, ',', &item);) {
        int64_t first, last;
        struct str from = item, to = item;
        if (str_index(item, '-') >= 0)
            str_cut(&to, '-', &from);
        if (!str_to_i64(from, &first) || !str_to_i64(to, &last))
            continue;
        for (int64_t i = first < 0 ? 0 : first; i <= last && i < n; i++)
            set[i] = true;
    }
}

struct str run_indexes_text(struct arena *a, const bool *set, int32_t n)
{
    struct str text = {0};
    for (int32_t i = 0; i < n; i++) {
        if (!set[i])
            continue;
        int32_t last = i;
        while (last + 1 < n && set[last + 1])
            last++;
        text = arena_printf(a, STR_FMT "%s%d", STR_ARG(text), text.n ? "," : "", i);
        if (last > i)
            text = arena_printf(a, STR_FMT "%c%d", STR_ARG(text), last == i + 1 ? ',' : '-', last);
        i = last;
    }
    return text;
}

/* --- pods --- */

static bool is_tracked(struct object *o)
{
    return strs_has(&object_meta(o)->finalizers, TRACKING);
}

static struct object *pod_of_uid(const struct run *r, struct str uid)
{
    for (size_t i = 0; i < r->pods.n; i++)
        if (str_eq(object_meta(r->pods.at[i])->uid, uid))
            return r->pods.at[i];
    return NULL;
}

bool run_pod_failed(const struct run *r, const struct pod *p)
{
    if (str_eq(p->status.phase, POD_PHASE_FAILED))
        return true;
    bool only_failed =
        r->job->spec.pod_replacement_policy && str_is(*r->job->spec.pod_replacement_policy, "Failed");
    return p->metadata.deletion_timestamp && !only_failed && !str_eq(p->status.phase, POD_PHASE_SUCCEEDED);
}

/* Turns noted uids whose pods have no finalizer any more into numbers. */
static void count_noted(struct run *r, struct str_vec *noted, int32_t *number)
{
    size_t kept = 0;
    for (size_t i = 0; i < noted->n; i++) {
        struct object *o = pod_of_uid(r, noted->at[i]);
        if (o && is_tracked(o))
            noted->at[kept++] = noted->at[i];
        else
            (*number)++;
    }
    noted->n = kept;
}

static void note_failed(struct run *r, const struct pod *p, struct uncounted_terminated_pods *noted)
{
    int32_t i = r->lost ? run_index_of(r, &p->metadata) : -1;
    bool ignored = str_eq(p->status.phase, POD_PHASE_FAILED) && failure_of(r, p, NULL) == FAILURE_IGNORED;
    strs_add(r->w->a, ignored ? &r->ignored : &noted->failed, p->metadata.uid);
    if (i >= 0 && !r->done[i] && index_is_over(r, p))
        r->lost[i] = true;
}

static void note_finished(struct run *r, struct object *o, struct uncounted_terminated_pods *noted)
{
    const struct pod *p = pod_of(o);
    struct str uid = p->metadata.uid;
    if (!is_tracked(o) || strs_has(&noted->succeeded, uid) || strs_has(&noted->failed, uid) ||
        noted->succeeded.n + noted->failed.n >= UNCOUNTED_MAX)
        return;
    if (str_eq(p->status.phase, POD_PHASE_SUCCEEDED)) {
        int32_t i = r->indexed ? run_index_of(r, &p->metadata) : 0;
        if (r->indexed && (i < 0 || r->done[i])) /* the index has succeeded already: it counts for nothing */
            return;
        if (r->indexed)
            r->done[i] = true;
        strs_add(r->w->a, &noted->succeeded, uid);
    } else if (run_pod_failed(r, p)) {
        note_failed(r, p, noted);
    }
}

static void note_fatal(struct run *r, const struct pod *p)
{
    struct str why = {0};
    if (failure_of(r, p, &why) == FAILURE_ENDS_JOB)
        r->fatal = why;
}

/* Into the status: the indexes that have succeeded, and those that have failed. */
static void write_indexes(struct run *r)
{
    struct job_status *s = &r->job->status;
    if (r->indexed)
        s->completed_indexes = run_indexes_text(r->w->a, r->done, r->n);
    if (!r->lost)
        return;
    for (int32_t i = 0; i < r->n; i++)
        r->n_lost += r->lost[i];
    struct str text = run_indexes_text(r->w->a, r->lost, r->n);
    s->failed_indexes = arena_dup(r->w->a, &text, sizeof text);
}

void run_count(struct run *r)
{
    struct arena *a = r->w->a;
    struct job_status *s = &r->job->status;
    if (!s->uncounted_terminated_pods)
        s->uncounted_terminated_pods = arena_new(a, struct uncounted_terminated_pods);
    struct uncounted_terminated_pods *noted = s->uncounted_terminated_pods;
    if (r->indexed) {
        r->done = arena_new_n(a, bool, (size_t)r->n + 1);
        run_indexes_read(s->completed_indexes, r->done, r->n);
    }
    if (r->indexed && r->job->spec.backoff_limit_per_index) {
        r->lost = arena_new_n(a, bool, (size_t)r->n + 1);
        if (s->failed_indexes)
            run_indexes_read(*s->failed_indexes, r->lost, r->n);
    }
    count_noted(r, &noted->succeeded, &s->succeeded);
    count_noted(r, &noted->failed, &s->failed);
    r->active = arena_new_n(a, struct object *, r->pods.n);
    for (size_t i = 0; i < r->pods.n; i++) {
        struct object *o = r->pods.at[i];
        const struct pod *p = pod_of(o);
        if (!r->fatal.n && str_eq(p->status.phase, POD_PHASE_FAILED))
            note_fatal(r, p);
        note_finished(r, o, noted);
        if (pod_is_active(p))
            r->active[r->n_active++] = o;
        r->ready += pod_is_active(p) && pod_is_ready(p);
        r->terminating += !pod_is_terminal(p) && p->metadata.deletion_timestamp;
    }
    r->succeeded = s->succeeded + (int32_t)noted->succeeded.n;
    r->failed = s->failed + (int32_t)noted->failed.n;
    write_indexes(r);
}

int run_write(struct run *r)
{
    const struct job *before = object_typed(r->object);
    if (struct_eq(&job_status_type, &before->status, &r->job->status))
        return 0;
    struct object *written = NULL;
    if (client_update(r->w->client, &job_resource, STR("status"), r->job, &written, r->w->err) < 0)
        return -1;
    object_unref(r->object);
    r->object = written;
    r->job = object_copy(written, r->w->a);
    return 0;
}

static int untrack(struct work *w, struct object *o)
{
    struct str patch = arena_printf(w->a,
                                    "{\"metadata\":{\"uid\":\"" STR_FMT
                                    "\",\"$deleteFromPrimitiveList/finalizers\":[\"" STR_FMT "\"]}}",
                                    STR_ARG(object_meta(o)->uid), STR_ARG(TRACKING));
    int failed = client_patch(w->client, &pod_resource, object_namespace(o), object_name(o), (struct str){0},
                              PATCH_STRATEGIC, patch, NULL, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

int run_release_strangers(struct work *w, struct str uid)
{
    _cleanup_objects_ struct objects pods = {0};
    informer_list(informer_of(w, pod), w->ns, &pods);
    for (size_t i = 0; i < pods.n; i++) {
        const struct owner_reference *ref = meta_controller(object_meta(pods.at[i]));
        if (ref && str_eq(ref->kind, job_resource.kind) && str_eq(ref->name, w->name) &&
            !str_eq(ref->uid, uid) && is_tracked(pods.at[i]) && untrack(w, pods.at[i]) < 0)
            return -1;
    }
    return 0;
}

int run_settle(struct run *r)
{
    if (run_write(r) < 0)
        return -1;
    bool finished = run_has_finished(r->job);
    const struct uncounted_terminated_pods *noted = r->job->status.uncounted_terminated_pods;
    for (size_t i = 0; i < r->pods.n; i++) {
        struct object *o = r->pods.at[i];
        struct str uid = object_meta(o)->uid;
        bool is_noted = noted && (strs_has(&noted->succeeded, uid) || strs_has(&noted->failed, uid));
        bool over = !pod_is_active(pod_of(o));
        if (is_tracked(o) && (is_noted || strs_has(&r->ignored, uid) || (finished && over)) &&
            untrack(r->w, o) < 0)
            return -1;
    }
    return 0;
}
