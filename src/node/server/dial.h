/* GET /dial?address=IP:PORT of the node's endpoint, an upgrade to "tcp": a connection to a pod of this node,
 * for an API server that is not part of the pods' network itself. */
#pragma once
#include "http/http.h"
#include "node/agent.h"

/* Whoever asks was authorized. */
void dial_serve(struct node_agent *n, struct http_request *r);
