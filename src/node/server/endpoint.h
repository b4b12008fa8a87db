/* The kubelet's endpoint, https on port 10250: /healthz, /pods, /containerLogs, streams (streams.h),
 * statistics (stats.h) and /dial (dial.h). Only the API server (and who may do all) may ask, by client
 * certificate of the cluster's authority. */
#pragma once
#include "node/agent.h"

struct endpoint;
int endpoint_start(struct node_agent *n, struct endpoint **out, struct err *err);
void endpoint_stop(struct endpoint *e);
