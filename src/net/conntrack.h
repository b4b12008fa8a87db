/* Connections that the kernel tracks, through ctnetlink. UDP has no end that the kernel could see: a client
 * that keeps sending keeps its way, though rules now lead elsewhere. */
#pragma once
#include "base/err.h"
#include "base/ip.h"

struct udp_flow {
    struct ip to; /* as the client sees it */
    uint16_t to_port;
    struct ip from; /* who answers in truth */
    uint16_t from_port;
};

/* Forgets the tracked UDP flows of this family, in this network namespace, that `stale` says so of. */
int conntrack_forget_udp(enum ip_family family, bool (*stale)(void *arg, const struct udp_flow *f), void *arg,
                         struct err *err);
