/* Connections that the kernel tracks, through ctnetlink. UDP has no end that the kernel could see: a client
 * that keeps sending keeps its way, though rules now lead elsewhere. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Addresses in host order. */
struct udp_flow {
    uint32_t to; /* as the client sees it */
    uint16_t to_port;
    uint32_t from; /* who answers in truth */
    uint16_t from_port;
};

/* Forgets the tracked IPv4 UDP flows of this network namespace that `stale` says so of. */
int conntrack_forget_udp(bool (*stale)(void *arg, const struct udp_flow *f), void *arg, struct err *err);
