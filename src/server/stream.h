/* exec, attach and port-forward of pods: asked of the agent of the pod's node, whose stream the client's
 * becomes. */
#pragma once
#include "server/request.h"

bool stream_is(const struct route *r); /* one of these? */
void stream_handle(struct request *q);
