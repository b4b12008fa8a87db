/* Where the log of a pod's container is fetched from. (A file of its own, as the API's HTTPHeader and HTTP's
 * own headers share a name.) */
#pragma once
#include "server/query.h"
#include "store/store.h"

/* The URL at the agent of the pod's node, options included, in `a`; empty when the pod has no node yet, so
 * that there is nothing. Errors as upstream's. */
int pod_log_url(struct store *s, struct arena *a, const struct query *q, struct str ns, struct str name,
                struct str *url, struct err *err);
