/* What the scheduler says, in upstream's words. */
#pragma once
#include "scheduler/cycle.h"

/* "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s)." from reasons counted by
 * number, or what is wrong on every node. */
void words_unavailable(const struct cycle *c, const uint32_t *reasons, struct buf *out);
