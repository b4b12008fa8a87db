/* DNS messages between bytes and what they say, by ldns. */
#pragma once
#include <ldns/ldns.h>

#include "base/buf.h"
#include "net/dns/zone.h"

enum {
    DNS_UDP_MAX = 1232,     /* what we send and take in one datagram: passes everywhere (DNS flag day 2020) */
    DNS_UDP_PLAIN_MAX = 512 /* to clients without EDNS (RFC 1035) */
};

/* What a client asks. */
struct dns_query {
    ldns_pkt *packet;
    struct dns_name name; /* in lower case */
    struct str type;      /* "A"; "TYPE65" where it has no name */
    bool edns;
    size_t limit; /* bytes of a datagram that the client takes */
};

enum dns_parse { DNS_PARSED, DNS_REFUSED, DNS_DROPPED };

/* Reads a query. Names are in `a`; dns_query_free frees the rest. DNS_REFUSED: `*rcode` is what to answer;
 * the packet may be NULL, or be there for its id. DNS_DROPPED: not even a query, no answer. */
enum dns_parse dns_query_parse(struct str wire, struct arena *a, struct dns_query *out,
                               ldns_pkt_rcode *rcode);
void dns_query_free(struct dns_query *q);

/* An empty answer to the query. The caller frees it. */
ldns_pkt *dns_reply_new(const struct dns_query *q, ldns_pkt_rcode rcode);
/* Adds a record; its owner is the query's name where it says none. */
void dns_reply_add(ldns_pkt *reply, const struct dns_query *q, ldns_pkt_section section,
                   const struct dns_record *record);
/* Writes the reply in the query's name (its id, its question, EDNS if it has that). What does not fit into
 * `limit` bytes is left out, with the mark that says so. */
void dns_reply_write(ldns_pkt *reply, const struct dns_query *q, size_t limit, struct buf *out);
/* The bytes of a reply to what could not be read: `wire` is the query's. */
void dns_reply_to_garbage(struct str wire, ldns_pkt_rcode rcode, struct buf *out);

/* A query for another name, otherwise like `q`. The caller frees it. NULL when the name is none. */
ldns_pkt *dns_query_for(const struct dns_query *q, struct str name);
/* Whether `reply` answers `query`: same id, same question. */
bool dns_is_reply_to(const ldns_pkt *reply, const ldns_pkt *query);
/* How long the reply may be kept, in seconds; 0: not at all. */
uint32_t dns_reply_ttl(const ldns_pkt *reply);
/* Makes all its records older. */
void dns_reply_age(ldns_pkt *reply, uint32_t seconds);
