/* Whether the node takes a pod that was bound to it: the scheduler may have been wrong, or somebody may have
 * bound it by hand. */
#pragma once
#include "node/pod/pod_state.h"

/* False: the pod is to fail with this reason ("OutOfcpu", "NodeAffinity") and message; memory is of `a`. */
bool pod_admit(struct pod_state *p, const struct pod *pod, struct arena *a, struct str *reason,
               struct str *message);
