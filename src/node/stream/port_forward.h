/* `kubectl port-forward` at the node: connections to ports of a pod's loopback, each a pair of streams of one
 * SPDY/3.1 session, which runs over the upgraded connection or within a WebSocket (KEP-4006). */
#pragma once
#include "http/http.h"

/* Takes the request over; strings are copied. `network`: the pod's pinned network namespace; empty: the
 * host's. */
void port_forward_serve(struct http_request *r, struct str network, struct str pod, struct str uid);
