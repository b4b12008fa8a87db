/* An address or a block of addresses. Private to src/cel. */
#pragma once
#include "base/buf.h"
#include "base/ip.h"

struct network {
    struct ip ip;    /* of a block too, host bits and all */
    unsigned prefix; /* in bits; all of them for an address */
};

/* What upstream says of an address, or a block, that is refused (addresses.c): as Go's net/netip, without
 * zones and without IPv4-mapped addresses. */
void network_why_no_ip(struct str s, struct buf *why);
void network_why_no_cidr(struct str s, struct buf *why);
