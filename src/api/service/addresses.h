/* Cluster IPs of both families: which are whose. They come out of the ranges that ServiceCIDR objects give;
 * the first of these has those that the server was started with. Taken is what services of this API have or
 * are getting, and what IPAddress objects say is (KEP-1880); of those that were made for services here, only
 * where the service still has it. */
#pragma once
#include "api/road.h"
#include "base/ip.h"

struct addresses;

int addresses_new(struct api *a, const struct str_vec *cidrs, struct addresses **out, struct err *err);
void addresses_free(struct addresses *s);
/* Callers hold a lock of theirs for what follows. */

enum address_claim { ADDRESS_CLAIMED, ADDRESS_BUSY, ADDRESS_OUTSIDE };
enum address_claim addresses_claim(struct addresses *s, struct ip ip);
/* A random free one, first out of those that are not kept for who names an address (KEP-3070); false when
 * there is none. */
bool addresses_next(struct addresses *s, enum ip_family family, struct ip *ip);
void addresses_give(struct addresses *s, struct ip ip);
/* Takes it, whoever has it: what was stored by an earlier run. */
void addresses_know(struct addresses *s, struct ip ip);
/* The first address of the first range that the server was started with. */
struct ip addresses_first(const struct addresses *s);
