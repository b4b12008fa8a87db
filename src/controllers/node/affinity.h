/* Which nodes a pod may be on, by its own wish: nodeSelector and required node affinity. */
#pragma once
#include "controllers/meta.h"

bool affinity_suits(struct arena *a, const struct pod_spec *p, const struct node *n);
/* Narrows the affinity to this one node, by its name. */
void affinity_pin(struct arena *a, struct pod_spec *p, struct str node);
/* The node that a pod without one is pinned to; empty when it is to none. */
struct str affinity_pinned(const struct pod_spec *p);
