/* What the scheduler says, in upstream's words. */
#pragma once
#include "scheduler/cycle.h"

/* "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s)." from reasons counted by
 * number. */
void words_unavailable(const struct model *m, const uint32_t *reasons, size_t n_reasons, struct buf *out);
