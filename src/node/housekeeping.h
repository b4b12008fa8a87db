/* What has to be looked after every few seconds: logs that grow, disks that fill. One thread. */
#pragma once
#include "node/agent.h"

struct housekeeping;
struct housekeeping *housekeeping_start(struct node_agent *n);
void housekeeping_stop(struct housekeeping *h);
/* When the disk is fuller than the higher threshold: removes images that no container uses, until it is below
 * the lower one (upstream: 85 and 80 percent). */
void housekeeping_collect_images(struct node_agent *n, int high_percent, int low_percent);
