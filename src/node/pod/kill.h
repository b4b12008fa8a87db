/* The end of containers: preStop hook, stop signal, grace, SIGKILL. Nothing here waits: each call makes the
 * next move and says when to come back. */
#pragma once
#include "node/pod/pod_state.h"

/* True once the container does not run (any more). `message`: of the event Killing; `*next` is lowered to
 * when (clock_mono) to look again. `pod` may be NULL: its object is gone, there are no hooks. */
bool container_kill(struct pod_state *p, struct object *pod, const struct container *c,
                    struct container_control *k, int64_t grace_ns, const char *message, int64_t *next);
/* Ends all containers, sidecars after the others and in reverse order. True once none runs. */
bool pod_kill(struct pod_state *p, struct object *pod, int64_t grace_ns, int64_t *next);
