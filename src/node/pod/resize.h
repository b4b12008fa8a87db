/* Resources of running containers change in place (KEP-1287): in the control groups, or by a restart where
 * the container's resizePolicy asks for one. A resize that does not fit waits, or never will. */
#pragma once
#include "node/pod/pod_state.h"

/* Makes running containers have what the spec says, as far as the node has room. *next: when to look again.
 */
void pod_resize(struct pod_state *p, struct object *pod, struct arena *a, int64_t *next);
/* What a container is to be started with: what the spec says, or, while that does not fit, what it had. */
const struct resource_requirements *
container_resources(const struct pod_state *p, const struct container_control *k, const struct container *c);
