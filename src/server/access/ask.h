/* Authorization in the middle of a request: what it implies beside its own verb (escalation, signers, the
 * checks of policies). Who has to be asked elsewhere is asked without blocking: the request waits, and what
 * had asked starts again. */
#pragma once
#include "server/access/authz.h"

/* As authz_decide. AUTHZ_WAIT: `r` is woken when it can be told; the caller lets go of everything and asks
 * anew then. Answers are kept for as long as the request runs, so that it comes to an end, whatever the
 * authorizers keep; of several questions that must wait only the first is asked. `reason` (may be NULL) is in
 * r->arena. */
enum authz_decision authz_ask(struct authz *z, struct api_request *r, const struct attributes *a,
                              struct str *reason);
