#include "controllers/job/run.h"

#include "schema/copy.h"

enum { UNCOUNTED_MAX = 500 }; /* noted in the status at once */

/* --- indexes --- */

static int32_t index_of(const struct run *r, const struct object_meta *meta)
{
    int64_t i;
    return str_to_i64(labels_get(&meta->annotations, INDEX_ANNOTATION), &i) && i >= 0 && i < r->n ? (int32_t)i
                                                                                                  : -1;
}

static void indexes_read(struct run *r, struct str text)
{
    for (struct str item; str_cut(&text, ',', &item);) {
        int64_t first, last;
        struct str from = item, to = item;
        if (str_index(item, '-') >= 0) {
            str_cut(&to, '-', &from);
        }
        if (!str_to_i64(from, &first) || !str_to_i64(to, &last))
            continue;
        for (int64_t i = first < 0 ? 0 : first; i <= last && i < r->n; i++)
            r->done[i] = true;
    }
}

struct str run_indexes_text(struct run *r)
{
    struct str text = {0};
    for (int32_t i = 0; i < r->n; i++) {
        if (!r->done[i])
            continue;
        int32_t last = i;
        while (last + 1 < r->n && r->done[last + 1])
            last++;
        text = arena_printf(r->w->a, STR_FMT "%s%d", STR_ARG(text), text.n ? "," : "", i);
        if (last > i)
            text = arena_printf(r->w->a, STR_FMT "%c%d", STR_ARG(text), last == i + 1 ? ',' : '-', last);
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

/* Unless pods are replaced only once they have failed, one that is ending has failed already. */
static bool has_failed(const struct run *r, const struct pod *p)
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

static void note_finished(struct run *r, struct object *o, struct uncounted_terminated_pods *noted)
{
    const struct pod *p = pod_of(o);
    struct str uid = p->metadata.uid;
    if (!is_tracked(o) || strs_has(&noted->succeeded, uid) || strs_has(&noted->failed, uid) ||
        noted->succeeded.n + noted->failed.n >= UNCOUNTED_MAX)
        return;
    if (str_eq(p->status.phase, POD_PHASE_SUCCEEDED)) {
        int32_t i = r->indexed ? index_of(r, &p->metadata) : 0;
        if (r->indexed && (i < 0 || r->done[i])) /* the index has succeeded already: it counts for nothing */
            return;
        if (r->indexed)
            r->done[i] = true;
        strs_add(r->w->a, &noted->succeeded, uid);
    } else if (has_failed(r, p)) {
        strs_add(r->w->a, &noted->failed, uid);
    }
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
        indexes_read(r, s->completed_indexes);
    }
    count_noted(r, &noted->succeeded, &s->succeeded);
    count_noted(r, &noted->failed, &s->failed);
    r->active = arena_new_n(a, struct object *, r->pods.n);
    for (size_t i = 0; i < r->pods.n; i++) {
        struct object *o = r->pods.at[i];
        const struct pod *p = pod_of(o);
        note_finished(r, o, noted);
        if (pod_is_active(p))
            r->active[r->n_active++] = o;
        r->ready += pod_is_active(p) && pod_is_ready(p);
        r->terminating += !pod_is_terminal(p) && p->metadata.deletion_timestamp;
    }
    r->succeeded = s->succeeded + (int32_t)noted->succeeded.n;
    r->failed = s->failed + (int32_t)noted->failed.n;
    if (r->indexed)
        s->completed_indexes = run_indexes_text(r);
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
    struct pod *p = object_copy(o, w->a);
    strs_drop((struct str_vec *)&p->metadata.finalizers, TRACKING);
    int failed = client_update(w->client, &pod_resource, (struct str){0}, p, NULL, w->err);
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
        if (is_tracked(o) && (is_noted || (finished && over)) && untrack(r->w, o) < 0)
            return -1;
    }
    return 0;
}
