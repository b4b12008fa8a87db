/* Pods that use more local storage than they may, and pods that go so that the node lives, as upstream's
 * eviction manager has it. */
#pragma once
#include "node/agent.h"

/* One look. Blocks, as it measures directories. */
void eviction_look(struct node_agent *n);
/* What a directory and everything in it takes on the disk, in bytes; links and what is mounted below are not
 * followed. */
int64_t disk_usage(const char *path);
