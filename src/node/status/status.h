/* NodeStatus: what this machine is and how it is. */
#pragma once
#include "kinds/core_v1.h"
#include "node/agent.h"

/* `before` is what the API has (for the times of conditions; may be NULL). All memory is of `a`. */
void node_status_make(struct node_agent *n, const struct node *before, struct arena *a,
                      struct node_status *out);
/* Differs in more than the times of heartbeats. */
bool node_status_differs(const struct node_status *x, const struct node_status *y, struct arena *a);
/* The labels that every node has. */
struct str_map node_labels(struct node_agent *n, struct arena *a);
