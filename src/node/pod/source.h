/* Config maps and secrets that a pod refers to. */
#pragma once
#include "node/pod/pod_state.h"

/* `*out` is NULL, without an error, when the object is absent and `optional` says that it may be. The message
 * is the kubelet's: configmap "x" not found. */
int pod_source_get(struct pod_state *p, const struct resource *r, struct str name, const bool *optional,
                   struct object **out, struct err *err);
