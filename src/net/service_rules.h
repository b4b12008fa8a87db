/* What one service asks of the rule set: pure data in, items out. */
#pragma once
#include "net/ruleset.h"

struct service;
struct endpoint_slice;

/* Where this node is: what is local, and which hints are for it. */
struct rules_place {
    struct str node, zone;
};

/* `service` is a v1 Service, `slices` point at its discovery.k8s.io/v1 EndpointSlices. Strings are in `a` (or
 * the service's own); the array is freed by items_free; sorted. A headless or ExternalName service asks for
 * nothing. */
void service_rules(const struct service *service, const struct endpoint_slice *const *slices, size_t n_slices,
                   const struct rules_place *here, struct arena *a, struct items *out);
