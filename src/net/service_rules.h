/* What one service asks of the rule set of a family of addresses: pure data in, items out. */
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
 * nothing, and so does one without a cluster address of this family. */
void service_rules(const struct service *service, const struct endpoint_slice *const *slices, size_t n_slices,
                   const struct rules_place *here, enum ip_family family, struct arena *a, struct items *out);
