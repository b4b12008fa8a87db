/* The proxy subresource of pods, services and nodes: any request, passed on to where they listen. */
#pragma once
#include "server/request.h"

bool proxy_is(const struct route *r);
void proxy_handle(struct request *q);
