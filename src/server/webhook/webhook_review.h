/* AdmissionReview: the question that an admission webhook is asked, and what its answer means (upstream:
 * admission/plugin/webhook/request and its errors). */
#pragma once
#include "server/webhook/webhook_match.h"

/* The question as JSON, in `a`: the change as `as` shows it. *uid: what the answer must repeat. -1: the
 * object cannot be converted to that. */
int review_question(struct arena *a, const struct api_attributes *at, const struct admission_webhook *w,
                    const struct resource *as, struct str *uid, struct str *out, struct err *err);

/* What a webhook answered. Strings are in the arena that it was read into. */
struct review_answer {
    bool allowed;
    struct str patch; /* a JSON patch, or empty */
    struct str_map annotations;
    struct str_vec warnings;
    const struct status *status; /* NULL: none */
};
/* -1: no answer to this question; err says what is wrong with it. */
int review_read(struct arena *a, struct str json, const struct admission_webhook *w, struct str uid,
                struct review_answer *out, struct err *err);

/* Refuses by what the webhook said. Returns -1. */
int review_refuse(const struct admission_webhook *w, const struct review_answer *answer, struct err *err);
/* Alters at->object as the webhook wants, who saw it as `as`. *changed: it makes a difference. */
int review_patch(const struct api_attributes *at, const struct admission_webhook *w,
                 const struct resource *as, struct str patch, bool *changed, struct err *err);
