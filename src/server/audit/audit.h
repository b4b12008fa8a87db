/* The audit log: who asked for what, and what came of it, one JSON line (audit.k8s.io/v1 Event) for each
 * stage of a request that the policy wants noted (upstream: apiserver's endpoints/filters/audit.go and its
 * log backend).
 */
#pragma once
#include "server/audit/audit_log.h"
#include "server/audit/audit_policy.h"
#include "server/request.h"

struct audit;

int audit_new(struct str policy, const struct audit_log_options *log, struct audit **out, struct err *err);
void audit_free(struct audit *a);

/* All of these do nothing for a request that is not noted; `a` may be NULL. In order: */

/* Once the user is known: decides, and notes that the request came. Later calls of it do nothing. */
void audit_begin(struct audit *a, struct request *q);
/* It was not even known who asks. */
void audit_unauthenticated(struct audit *a, struct request *q);
/* What was answered, as JSON; the text is copied. */
void audit_response(struct request *q, struct str json);
bool audit_wants_response(const struct request *q);
void audit_failure(struct request *q, const struct err *err);
/* An answer that stays open has begun. */
void audit_started(struct request *q, int code);
/* The end. */
void audit_complete(struct request *q, int code);
