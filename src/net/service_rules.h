/* What one service asks of the rule set: pure data in, items out. */
#pragma once
#include "net/ruleset.h"
#include "schema/object.h"

/* `service` is a v1 Service, `slices` its discovery.k8s.io/v1 EndpointSlices; `node` is this node's name, for
 * what is local. Items and their strings are in `a`'s memory but for the array, which items_free frees;
 * sorted. A headless or ExternalName service asks for nothing. */
void service_rules(struct object *service, struct object *const *slices, size_t n_slices, struct str node,
                   struct arena *a, struct items *out);
