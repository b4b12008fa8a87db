/* Port-forward as it was before SPDY was tunnelled: over a WebSocket (v4.channel.k8s.io, and base64 of it),
 * for clients that can speak nothing else. The query names the ports; the i-th has channel 2i for its bytes
 * and 2i+1 for what went wrong, and one connection each (upstream: kubelet's portforward/websocket.go). */
#pragma once
#include "http/http.h"

/* As port_forward_serve. */
void port_channels_serve(struct http_request *r, struct str network, struct str pod, struct str uid);
