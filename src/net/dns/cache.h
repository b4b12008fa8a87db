/* What other servers have answered, for as long as they allow, but not for long: pods of one node tend to ask
 * the same at the same time. Not thread-safe. */
#pragma once
#include "net/dns/message.h"

struct dns_cache;

enum { DNS_CACHE_TTL_MAX_S = 30 };

struct dns_cache *dns_cache_new(size_t most);
void dns_cache_free(struct dns_cache *c);
/* A copy of the answer with its records aged, which the caller frees; NULL when there is none. */
ldns_pkt *dns_cache_get(struct dns_cache *c, const ldns_pkt *query);
/* Keeps a copy, if it may be kept. */
void dns_cache_put(struct dns_cache *c, const ldns_pkt *query, const ldns_pkt *reply);
