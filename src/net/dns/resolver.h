/* From a query to its answer: the cluster's own names, aliases followed, everything else asked of others. All
 * of it happens on one event loop. */
#pragma once
#include "net/dns/cache.h"
#include "net/dns/forward.h"
#include "net/dns/zone.h"

struct dns_resolver {
    struct dns_zone *zone;
    struct dns_forward *forward;
    struct dns_cache *cache;
};

/* One query. Who asks embeds it, zeroed but for `tcp` and `done`, and keeps it until that is called. */
struct dns_request {
    bool tcp; /* the answer may be long */
    /* `out` has the answer; empty: there is none to give. Then dns_request_clear. May be called at once. */
    void (*done)(struct dns_request *r);
    struct buf out;
    /* The resolver's own. */
    struct dns_resolver *resolver;
    struct arena arena;
    struct dns_query query;
    ldns_pkt *reply; /* as far as it has come */
    ldns_pkt *asked; /* what was asked of others */
    struct str alias;
    int aliases;
};

void dns_resolver_ask(struct dns_resolver *d, struct dns_request *r, struct str wire);
void dns_request_clear(struct dns_request *r);
