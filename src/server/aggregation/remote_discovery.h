/* What an aggregated API server says that it serves, as aggregated discovery shows it. */
#pragma once
#include "kinds/apidiscovery_v2.h"
#include "server/aggregation/aggregator.h"

/* Makes resources with their subresources of the server's APIResourceList, in `a`. What cannot be read is
 * left out. */
void remote_discovery_fill(struct arena *a, const struct remote_version *v,
                           struct api_resource_discovery_vec *out);
