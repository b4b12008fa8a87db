/* What kinds that keep pods running share: selectors and templates that fit, and statuses that count. */
#pragma once
#include "api/strategy.h"
#include "kinds/apps_v1.h"

/* A selector that must be there, not be empty (what that is "invalid for" is `kind`), and take the template's
 * labels. */
void valid_workload_selector(struct field_errors *e, const struct path *spec,
                             const struct label_selector *selector, const struct pod_template_spec *t,
                             const char *kind);
/* The template's labels are what the selector takes; an absent one takes nothing. */
void valid_selected_template(struct field_errors *e, const struct path *spec,
                             const struct label_selector *selector, const struct pod_template_spec *t);
/* A template whose pods are to run on: restartPolicy must be Always; `kind` is for the message. */
void valid_running_on(struct field_errors *e, const struct path *at, const struct pod_template_spec *t,
                      const char *kind);

/* What a rolling update may miss or add. */
struct int_or_str *rolling_amount(struct arena *a, struct str percent, int32_t n);
bool rolling_amount_is_zero(const struct int_or_str *v);
struct bad_value rolling_amount_bad(const struct int_or_str *v);

/* Counts of a status: none negative. */
struct status_count {
    const char *field;
    int64_t n;
};
void valid_status_counts(struct field_errors *e, const struct status_count *counts, size_t n);
#define VALID_COUNTS(e, ...)                                                                                 \
    valid_status_counts((e), (const struct status_count[]){__VA_ARGS__},                                     \
                        sizeof((const struct status_count[]){__VA_ARGS__}) / sizeof(struct status_count))
/* The count that may be absent. */
static inline int32_t count_or_0(const int32_t *n)
{
    return n ? *n : 0;
}
void valid_not_above(struct field_errors *e, const char *field, int32_t n, const char *than, int32_t limit);
/* status.collisionCount only grows. */
void valid_collisions(struct field_errors *e, const int32_t *now, const int32_t *old);
