/* An address or a block of addresses. Private to src/cel. */
#pragma once
#include "base/ip.h"

struct network {
    struct ip ip;    /* of a block too, host bits and all */
    unsigned prefix; /* in bits; all of them for an address */
};
/* As netip.ParseAddr, without zones and without IPv4-mapped addresses. */
bool network_parse_ip(struct str s, struct network *out);
bool network_equal(const void *x, const void *y);
