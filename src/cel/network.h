/* An address or a block of addresses. Private to src/cel. */
#pragma once
#include <stdbool.h>

#include "base/str.h"

struct network {
    uint8_t address[16]; /* in network order */
    uint8_t bytes;       /* 4 or 16 */
    uint8_t prefix;      /* in bits; all of them for an address */
};
/* As netip.ParseAddr, without zones and without IPv4-mapped addresses. */
bool network_parse_ip(struct str s, struct network *out);
bool network_equal(const void *x, const void *y);
