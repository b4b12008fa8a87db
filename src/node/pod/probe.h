/* Probes: startup, liveness, readiness. Each runs on a thread of its own while it runs; results are kept in
 * the container's control and the pod is woken when they change something. */
#pragma once
#include "node/pod/pod_state.h"

/* Starts what is due for a running container and says when the next one is (clock_mono; INT64_MAX: none). */
int64_t probes_run(struct pod_state *p, struct object *pod, const struct container *c,
                   struct container_control *k);
/* A container has started anew. `was_ready`: adopted, and ready by what the API says. */
void probes_reset(struct container_control *k, bool was_ready);
/* The startup probe (or postStart hook) has let it pass. */
bool probe_started(struct pod_state *p, const struct container *c, struct container_control *k);
bool probe_ready(struct pod_state *p, const struct container *c, struct container_control *k);
/* Liveness or startup has failed too often: "Container x failed liveness probe, will be restarted". NULL
 * otherwise. */
const char *probe_failure(struct pod_state *p, const struct container *c, struct container_control *k);
