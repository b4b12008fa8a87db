/* Whether the node takes a pod that was bound to it: the scheduler may have been wrong, or somebody may have
 * bound it by hand. */
#pragma once
#include "node/pod/pod_state.h"

/* Once a pod was taken (p->admitted), it stays so. False: the pod is to fail with this reason ("OutOfcpu",
 * "NodeAffinity") and message; memory is of `a`. */
bool pod_admit(struct pod_state *p, const struct pod *pod, struct arena *a, struct str *reason,
               struct str *message);
/* Whether a pod that is here can have what its spec now asks for. False: "Deferred", or "Infeasible" when the
 * node could not give it were it empty; and the message. */
bool pod_has_room(struct pod_state *p, const struct pod *pod, struct arena *a, struct str *reason,
                  struct str *message);
