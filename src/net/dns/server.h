/* The cluster's DNS, in every node's agent: it answers at the first address of each of the node's pod ranges.
 * One of those is an endpoint of the Service kube-system/kube-dns: the one that this node's pods are led to.
 * UDP and TCP. */
#pragma once
#include "client/client.h"

struct dns_server;

struct dns_server_options {
    struct str node_name;       /* whose ranges they are; follows the Node */
    struct str listen;          /* an address, instead of that */
    uint16_t port;              /* 0: 53 */
    struct str domain;          /* "cluster.local" */
    struct str service_address; /* of kube-dns */
    const char *resolv_conf;    /* whom to ask about other names; NULL: /etc/resolv.conf */
    uint16_t forward_port;      /* where those listen; 0: 53 */
};

/* The client must outlive it; strings are copied. */
int dns_server_start(struct client *c, const struct dns_server_options *o, struct dns_server **out,
                     struct err *err);
/* NULL is fine. */
void dns_server_stop(struct dns_server *s);
