/* Asks the node's own resolvers (its resolv.conf) what the cluster does not know. All of it happens on one
 * event loop. */
#pragma once
#include "base/loop.h"
#include "net/dns/message.h"

struct dns_forward;

struct dns_forward_options {
    const char *resolv_conf; /* read again when it changes */
    struct str self;         /* never asked: ourselves */
    uint16_t port;           /* of the resolvers; 0: 53 */
};

struct dns_forward *dns_forward_new(struct loop *l, const struct dns_forward_options *o);
/* When the loop has ended. Who still waits is not told. */
void dns_forward_free(struct dns_forward *f);

/* The answer (the receiver's now), or NULL when there was none within a few seconds. */
typedef void (*dns_forward_fn)(void *arg, ldns_pkt *reply);
/* Asks one resolver after the other. `whole`: by TCP where a datagram is too small. May call back before it
 * returns. `query` is used during the call only. */
void dns_forward_ask(struct dns_forward *f, const ldns_pkt *query, bool whole, dns_forward_fn fn, void *arg);
