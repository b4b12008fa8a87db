/* What a service's linked fields mean: clusterIP and clusterIPs, ipFamilies and ipFamilyPolicy, node ports
 * (upstream: pkg/registry/core/service/storage; KEP-563). These say what a client must have meant that knows
 * only some of them; what it may not mean, validation says. Memory is taken from `a`. */
#pragma once
#include "api/valid.h"

/* Sets what services from before these fields lack. `cluster`: the families that the cluster hands out
 * addresses of, "IPv4" or "IPv6" or both, the main one first. */
void service_complete(struct service_spec *s, const struct str_vec *cluster, struct arena *a);
/* Whether they are set. */
bool service_is_complete(const struct service_spec *s);

/* `old` (complete) is NULL for a new service. What was handed out stays though a client leaves it out, and
 * clusterIP and clusterIPs agree; what the new type has no use for goes, unless it is set anew. */
void service_link(struct service_spec *s, const struct service_spec *old, struct arena *a);
/* Sets policy and families by what is given, and adds what is wrong with that. */
void service_families(struct service_spec *s, const struct service_spec *old, const struct str_vec *cluster,
                      struct arena *a, struct field_errors *e);
/* A service that prefers two families keeps the one it has, though the cluster got a second. */
bool service_keeps_families(const struct service_spec *s, const struct service_spec *old);

bool service_needs_address(const struct service_spec *s); /* None is one, too */
bool service_needs_node_ports(const struct service_spec *s);
