/* Images for pods: pull policies, back-off, and one pull of an image at a time for however many pods want it.
 */
#pragma once
#include "node/pod/pod_state.h"

struct puller *puller_new(struct node_agent *n);
void puller_free(struct puller *q);

/* 1: `image` is here and may be used. 0: not yet; control's waiting reason says why, and a pull may be under
 * way that wakes the pod; `*next` is lowered to when to try again. */
int image_ensure(struct pod_state *p, struct object *pod, const struct container *c,
                 struct container_control *k, struct arena *a, struct image *image, int64_t *next);
