/* A webhook that answers reviews (TokenReview, SubjectAccessReview) in place of this server, at the address
 * that a kubeconfig names. Answers are remembered, so that most questions need no call. Any thread; nothing
 * here blocks. */
#pragma once
#include "base/err.h"
#include "server/waiter.h"

struct review_webhook;

struct review_webhook_options {
    const char *kubeconfig; /* a file: its server is the webhook, its user is us */
    int64_t timeout_ns;
    /* How long an answer (JSON, nobody has looked at it yet) is good, in ns. Any is kept for a second, in
     * which those who waited for it come back. */
    int64_t (*good_for)(void *arg, struct str answer);
    void *arg;
};

int review_webhook_new(const struct review_webhook_options *o, struct review_webhook **out, struct err *err);
/* Ends what is under way; waiters are woken. NULL is fine. */
void review_webhook_free(struct review_webhook *h);

/* What it answers to the review `body` (JSON). 0: *answer, in `a`. 1: it is being asked, and `w` is woken
 * afterwards; without `w`: it is not known, and nobody is asked. -1: no usable answer came, a moment ago; err
 * says why. */
int review_webhook_ask(struct review_webhook *h, struct str body, struct arena *a, struct str *answer,
                       struct waiter *w, struct err *err);
