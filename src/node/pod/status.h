/* PodStatus: what the pod looks like from here. */
#pragma once
#include "node/pod/pod_state.h"

/* `*out` is complete, all of it in `a` or borrowed from `pod` and `p`. Conditions of others are kept. */
void pod_status_make(struct pod_state *p, const struct pod *pod, struct arena *a, struct pod_status *out);
/* Writes it when it differs from what the API has. A conflict is an error like any other: try again. */
int pod_status_write(struct pod_state *p, struct object *pod, struct arena *a, struct err *err);

/* Whether a container that has ended is to be started again. */
bool container_restarts(const struct pod_state *p, const struct pod *pod, const struct container *c,
                        const struct runtime_container *ended);
