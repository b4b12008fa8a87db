/* Lifecycle hooks, each on a thread of its own. */
#pragma once
#include "node/pod/pod_state.h"

/* k->post_start (pre_stop) is JOB_RUNNING until it has ended; the pod is woken then. */
void hook_post_start(struct pod_state *p, struct object *pod, const struct container *c,
                     struct container_control *k);
void hook_pre_stop(struct pod_state *p, struct object *pod, const struct container *c,
                   struct container_control *k);
