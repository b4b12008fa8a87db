/* Jobs: what a Job and the template of a CronJob have in common, and the parts of their rules. */
#pragma once
#include "api/strategy.h"
#include "kinds/batch_v1.h"

enum {
    JOB_PARALLELISM_INDEXED_MAX = 100000, /* so that the text of the indexes stays short */
    JOB_FAILED_INDEXES_MAX = 100000,
    JOB_COMPLETIONS_MANY = 100000, /* above it: */
    JOB_PARALLELISM_MANY_MAX = 10000,
    JOB_FAILED_INDEXES_MANY_MAX = 10000,
};

void valid_job_spec(struct field_errors *e, const struct path *spec, const struct job_spec *s);
/* podFailurePolicy, successPolicy, podReplacementPolicy (job_policy.c). */
void valid_job_policies(struct field_errors *e, const struct path *spec, const struct job_spec *s);
void job_validate_status(const void *o, const void *old, struct field_errors *e); /* job_status.c */
/* "0,2-4": whether these are indexes below `completions` in ascending order, and how many; else -1, and
 * what is wrong as text in the list's arena. */
int64_t job_indexes_count(struct field_errors *e, struct str text, int32_t completions, struct str *wrong);
/* The indexes from `*first` to `*last` of one part of such a text. */
int job_interval_parse(struct field_errors *e, struct str text, int32_t completions, int32_t *first,
                       int32_t *last, struct str *wrong);

/* Names that pods and their host names are made of had better be labels. */
void job_spec_warnings(const struct path *at, const struct job_spec *s, const struct job_spec *old,
                       const struct strategy_context *c);

static inline bool job_is_indexed(const struct job_spec *s)
{
    return s->completion_mode && str_eq(*s->completion_mode, COMPLETION_MODE_INDEXED);
}
