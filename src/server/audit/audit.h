/* What is noted of requests: who asked for what, and what came of it, one Event (audit.k8s.io/v1) for each
 * stage of a request that the policy wants noted, sent to a log, a webhook, or both (upstream: apiserver's
 * endpoints/filters/audit.go and its backends).
 */
#pragma once
#include "server/audit/audit_options.h"
#include "server/audit/audit_policy.h"
#include "server/request.h"

struct audit;

int audit_new(const struct audit_options *o, struct audit **out, struct err *err);
/* The server stops: what waits is delivered at once or never. */
void audit_hurry(struct audit *a);
void audit_free(struct audit *a);
void audit_metrics(const struct audit *a, struct buf *out);

/* All of these do nothing for a request that is not noted; `a` may be NULL. In order: */

/* Once the user is known: decides, and notes that the request came. 1: that has to be delivered first, and
 * q->waiter is woken then. -1: it could not be, and the request is to be refused. Later calls tell the same,
 * and do nothing. */
int audit_begin(struct audit *a, struct request *q);
/* It was not even known who asks. */
void audit_unauthenticated(struct audit *a, struct request *q);
/* What was answered, as JSON; the text is copied. */
void audit_response(struct request *q, struct str json);
bool audit_wants_response(const struct request *q);
void audit_failure(struct request *q, const struct err *err);
/* An answer that stays open has begun. */
void audit_started(struct request *q, int code);
/* Whether some events hold up their requests. */
bool audit_holds(const struct request *q);
/* The end. True: it has to be delivered before the answer goes, and `delivered` is posted to q->loop then. */
bool audit_complete(struct request *q, int code, struct loop_task *delivered);
