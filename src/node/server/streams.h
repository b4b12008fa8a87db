/* /exec, /attach, /portForward and /run of the kubelet's endpoint. */
#pragma once
#include "http/http.h"
#include "node/agent.h"

/* True when the path was one of these; then the request is taken care of. Whoever asks was authorized. */
bool streams_serve(struct node_agent *n, struct http_request *r);
