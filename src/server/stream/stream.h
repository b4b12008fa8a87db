/* exec, attach and port-forward of pods: asked of the agent of the pod's node, whose stream the client's
 * becomes. */
#pragma once
#include "server/request.h"

bool stream_is(const struct route *r); /* one of these? */
/* Clients that begin by GET, as WebSocket must, need no less than those that POST (upstream's
 * AuthorizePodWebsocketUpgradeCreatePermission): 0, -1 or 1 as authz_check; 0 for what is no stream. */
int stream_authorize(struct request *q, struct err *err);
void stream_handle(struct request *q);
