/* /healthz, /livez, /readyz: each a list of checks, each check with a path of its own. */
#pragma once
#include "server/request.h"

void health_handle(struct request *q);
