/* /stats/summary (upstream's Summary API) and /metrics/resource of the kubelet's endpoint. */
#pragma once
#include "http/http.h"
#include "node/agent.h"

/* True when the path was one of these; then the request is taken care of. */
bool stats_serve(struct node_agent *n, struct http_request *r);
