/* A service's addresses and their families: rules that the handing out of addresses asks for too
 * (api/service). */
#pragma once
#include "api/valid.h"

static inline bool service_is_headless(const struct service_spec *s)
{
    return s->cluster_ips.n == 1 && str_is(s->cluster_ips.at[0], "None");
}

/* Balancers that keep to local endpoints ask the nodes which have some, at a port that all have for that. */
static inline bool service_needs_health_port(const struct service_spec *s)
{
    return str_is(s->type, "LoadBalancer") && str_is(s->external_traffic_policy, "Local");
}

/* clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy among themselves. */
void valid_service_ips(struct field_errors *e, const struct service_spec *s);
/* The main address and family stay; second ones come and go by ipFamilyPolicy. */
void valid_service_ips_update(struct field_errors *e, const struct service_spec *s,
                              const struct service_spec *old);
