/* The gRPC health checking protocol, from the asking side: grpc.health.v1.Health/Check over plain HTTP/2, as
 * probes ask it. Blocks. */
#pragma once
#include "base/err.h"

/* 0: the service is SERVING. -1: why not, in the kubelet's words. */
int grpc_health_check(struct str host, int port, struct str service, int64_t timeout_ns, struct err *err);
