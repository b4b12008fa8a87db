/* The service proxy: makes the addresses of Services lead to their endpoints, on this node, through nftables
 * maps of verdicts (as upstream's nftables mode, KEP-3866). Level-triggered: it watches Services and
 * EndpointSlices, gathers what changed while the last transaction ran, and writes the difference in one. What
 * it finds from an earlier run it replaces at its first transaction. */
#pragma once
#include "client/client.h"

struct proxy;

struct proxy_options {
    struct str node_name;
};

int proxy_start(struct client *c, const struct proxy_options *o, struct proxy **out, struct err *err);
/* Leaves the rules as they are, so that services work while the agent is away. Before the client is freed. */
void proxy_stop(struct proxy *p);
/* Takes the rules out of the kernel. */
int proxy_remove(struct err *err);
