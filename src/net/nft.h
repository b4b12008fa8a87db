/* Rule sets: scripts in nft's own language, applied as one transaction by the nft program. Each family of
 * addresses has tables of its own, which are called alike. */
#pragma once
#include "base/err.h"
#include "base/ip.h"

enum { NFT_FAMILIES = 2 };
extern const enum ip_family nft_family[NFT_FAMILIES];
/* How many of them this kernel has: the first, or both. */
size_t nft_families(void);

/* How nft calls a family ("ip", "ip6": in front of a table's name, of saddr, of a dnat) and its addresses. */
const char *nft_ip(enum ip_family family);
const char *nft_addr(enum ip_family family);

/* Adds the removal of a table that may be there. */
void nft_remove(const char *ip, const char *table, struct buf *script);

/* All of it takes effect, or nothing does. Empty scripts are not run. */
int nft_apply(struct str script, struct err *err);
