/* Starts one container of a pod. */
#pragma once
#include "node/pod/pod_state.h"

/* Image, configuration, creation, start, as far as it goes now; control says what it waits for. `*next` is
 * lowered to when (clock_mono) to try again. */
void container_try_start(struct pod_state *p, struct object *pod, const struct container *c,
                         struct container_control *k, struct arena *a, int64_t *next);
