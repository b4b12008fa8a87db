/* What this machine is called and where it is reached. */
#pragma once
#include "base/err.h"
#include "base/ip.h"

/* The host name, in lower case, as node names are. */
int host_name(struct arena *a, struct str *name, struct err *err);
/* The address of a family that others reach this machine by: the one that leads to the default route, else
 * the first that is not the loopback's, a link's or a pod network's. */
int host_address(struct arena *a, enum ip_family family, struct str *ip, struct err *err);
/* Whether the kernel has IPv6 at all. */
bool host_has_ipv6(void);
/* What a server that is for everyone listens on: "[::]", which takes IPv4 too, or "0.0.0.0". */
const char *host_any(void);
