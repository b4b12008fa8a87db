/* Makes the node look like one pod says. */
#pragma once
#include "node/pod/pod_state.h"

/* The next moves for a pod that the API has. True in `*gone` when the pod has ended, its object is deleted
 * and nothing of it is left but the state. */
int pod_sync(struct pod_state *p, struct object *pod, struct arena *a, int64_t *again_ns, bool *gone,
             struct err *err);
/* The same for one that the API does not have any more. */
int pod_end(struct pod_state *p, int64_t *again_ns, bool *gone, struct err *err);
