/* One pass over a job: its pods, which of them are counted, and what is to be done. */
#pragma once
#include "controllers/controller.h"
#include "controllers/pods.h"
#include "kinds/batch_v1.h"

#define TRACKING         STR("batch.kubernetes.io/job-tracking")
#define INDEX_ANNOTATION STR("batch.kubernetes.io/job-completion-index")

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
    int32_t n;  /* spec.completions; -1: not said */
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
/* "0,2-4": the indexes that have succeeded. */
struct str run_indexes_text(struct run *r);

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
