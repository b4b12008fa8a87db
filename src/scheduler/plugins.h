/* The plugins' functions, for the table in cycle.c; each does what upstream's of its name does. */
#pragma once
#include "scheduler/cycle.h"

bool node_unschedulable_prepare(struct cycle *c);
enum verdict node_unschedulable_filter(struct cycle *c, const struct sched_node *n);
bool node_name_prepare(struct cycle *c);
enum verdict node_name_filter(struct cycle *c, const struct sched_node *n);
bool taint_toleration_prepare(struct cycle *c);
enum verdict taint_toleration_filter(struct cycle *c, const struct sched_node *n);
bool taint_toleration_score(struct cycle *c, int64_t *scores);
bool node_affinity_prepare(struct cycle *c);
enum verdict node_affinity_filter(struct cycle *c, const struct sched_node *n);
bool node_affinity_score(struct cycle *c, int64_t *scores);
bool node_ports_prepare(struct cycle *c);
enum verdict node_ports_filter(struct cycle *c, const struct sched_node *n);
enum verdict node_resources_fit_filter(struct cycle *c, const struct sched_node *n);
bool node_resources_fit_score(struct cycle *c, int64_t *scores);
bool balanced_allocation_score(struct cycle *c, int64_t *scores);
bool volume_restrictions_prepare(struct cycle *c);
enum verdict volume_restrictions_filter(struct cycle *c, const struct sched_node *n);
bool volume_binding_prepare(struct cycle *c);
enum verdict volume_binding_filter(struct cycle *c, const struct sched_node *n);
bool pod_topology_spread_prepare(struct cycle *c);
enum verdict pod_topology_spread_filter(struct cycle *c, const struct sched_node *n);
bool pod_topology_spread_score(struct cycle *c, int64_t *scores);
bool inter_pod_affinity_prepare(struct cycle *c);
enum verdict inter_pod_affinity_filter(struct cycle *c, const struct sched_node *n);
bool inter_pod_affinity_score(struct cycle *c, int64_t *scores);
bool image_locality_score(struct cycle *c, int64_t *scores);
