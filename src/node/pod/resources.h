/* Resources of pods: their place in the control groups, limits for the kernel, oom_score_adj (KEP-2254,
 * "Resource QoS" design). */
#pragma once
#include "kinds/core_v1.h"
#include "node/runtime/cgroup.h"

/* "ROOT/podUID", "ROOT/burstable/podUID" or "ROOT/besteffort/podUID". */
struct str pod_cgroup(const char *root, const struct pod *pod, struct arena *a);
struct cgroup_limits pod_limits(const struct pod *pod);
struct cgroup_limits container_limits(const struct container *c);
int64_t container_oom_score_adj(const struct pod *pod, const struct container *c, int64_t node_memory);
/* A resource's amount in a list; empty when it is not there. */
struct str resource_amount(const struct str_map *list, struct str name);
/* What the pod asks of the node: the containers' sum, or the largest init container; plus overhead. CPU in
 * thousandths. */
int64_t pod_request(const struct pod *pod, struct str resource, bool limits);
/* The node's memory in bytes. */
int64_t node_memory_bytes(void);
