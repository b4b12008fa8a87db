/* IPv4 addresses and prefixes, as text and as numbers in host order. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct cidr {
    uint32_t base; /* host order, host bits zero */
    uint8_t bits;  /* prefix length, 0 to 32 */
};

/* "10.0.0.1": four decimal numbers without leading zeros, as Go's netip reads them. */
bool ip4_parse(struct str s, uint32_t *out);
/* "10.0.0.0/16"; host bits are cleared. */
bool cidr_parse(struct str s, struct cidr *out);
bool cidr_has(struct cidr c, uint32_t ip);
struct str ip4_text(struct arena *a, uint32_t ip);
