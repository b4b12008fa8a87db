/* The proxy subresource of pods, services and nodes: any request, passed on to where they listen. */
#pragma once
#include "server/request.h"

bool proxy_is(const struct route *r);
/* The path below the proxied server's root: what stands behind ".../proxy", with the slash at its end. */
struct str proxy_path(const struct request *q);
void proxy_handle(struct request *q);
