/* One pass over a job: its pods, which of them are counted, and what is to be done. */
#pragma once
#include "controllers/controller.h"
#include "controllers/pods.h"
#include "kinds/batch_v1.h"

#define TRACKING         STR("batch.kubernetes.io/job-tracking")
#define INDEX_ANNOTATION STR("batch.kubernetes.io/job-completion-index")
/* How many pods of its index failed before a pod, and how many more did that do not count. */
#define INDEX_FAILURES STR("batch.kubernetes.io/job-index-failure-count")
#define INDEX_IGNORED  STR("batch.kubernetes.io/job-index-ignored-failure-count")

struct run {
    struct work *w;
    struct object *object; /* the job as last read or written */
    struct job *job;       /* a copy, to be changed and written back */
    struct objects pods;
    struct object **active; /* of pods: neither finished nor ending */
    size_t n_active;
    int32_t terminating, ready;
    int32_t succeeded, failed; /* in all, those among them that are not in the status yet */
    bool indexed;
    bool *done; /* indexed: by index, whether it has succeeded */
    bool *lost; /* indexed, with a limit per index: whether it has failed */
    int32_t n;  /* spec.completions; -1: not said */
    int32_t n_lost;
    struct str_vec ignored; /* uids of failed pods that do not count */
    struct str fatal;       /* why a pod's failure is the job's; empty: none is */
};

/* Sorts the pods, and counts those that finished (count.c). A pod carries a finalizer until the status counts
 * it, so that none is lost or counted twice: first its uid is noted in status.uncountedTerminatedPods, then
 * the finalizer goes, then the uid gives way to the number. */
void run_count(struct run *r);
/* Notes new ones, writes the status when it changed, and takes their finalizers away. */
int run_settle(struct run *r);
/* Lets go of pods that name the job of this key as theirs but are of one that is gone: nobody will count
 * them. `uid` is that of the present job, or empty. */
int run_release_strangers(struct work *w, struct str uid);
/* The status, when it differs from what is there. */
int run_write(struct run *r);
/* "0,2-4": the indexes that are set, of `n`. */
struct str run_indexes_text(struct arena *a, const bool *set, int32_t n);
void run_indexes_read(struct str text, bool *set, int32_t n);
/* -1: the pod has none. */
int32_t run_index_of(const struct run *r, const struct object_meta *meta);
/* Failed, or bound to: unless pods are replaced only once they have failed, one that is ending has failed. */
bool run_pod_failed(const struct run *r, const struct pod *p);
struct time run_finished_at(const struct pod *p);

/* --- policy.c --- */

enum failure_action { FAILURE_COUNTS, FAILURE_IGNORED, FAILURE_ENDS_INDEX, FAILURE_ENDS_JOB };
/* What the job's policy makes of a failed pod; the first rule that matches decides. `why` (may be NULL) says
 * so. */
enum failure_action failure_of(const struct run *r, const struct pod *p, struct str *why);
/* The failed pod was the last of its index. */
bool index_is_over(const struct run *r, const struct pod *p);
/* How many pods of an index have failed, how many more without counting, and when the last one did. */
int32_t index_failures(const struct run *r, int32_t index, int32_t *ignored, struct time *at);
/* A rule of the success policy holds. */
bool success_met(const struct run *r, const char **message);

static inline bool run_has_finished(const struct job *j)
{
    const char *const ends[] = {"Complete", "Failed"};
    for (size_t i = 0; i < 2; i++) {
        const struct job_condition *c =
            condition_find(&job_condition_type, &j->status.conditions, str_from(ends[i]));
        if (c && str_eq(c->status, CONDITION_STATUS_TRUE))
            return true;
    }
    return false;
}
