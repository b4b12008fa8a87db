/* What the cluster's names lead to: Kubernetes DNS-Based Service Discovery, schema version 1.1.0
 * (kubernetes/dns, docs/specification.md). Names come as labels in lower case; records go out in the form
 * that they have in a zone file, and become bytes elsewhere (net/dns/message.h).
 *
 * Beyond the specification it answers as CoreDNS does: SRV without a port's name gives all ports, addresses
 * are given for a port's name too, pods have names made of their addresses wherever their namespace exists,
 * and where an external name is an address it is one. */
#pragma once
#include "base/arena.h"
#include "client/client.h"

struct dns_zone;

struct dns_zone_options {
    struct str domain;         /* "cluster.local" */
    struct str server_address; /* of the Service kube-dns: what ns.dns.DOMAIN is */
};

/* Follows Services, EndpointSlices and Namespaces. The client must outlive it. Strings are copied. */
struct dns_zone *dns_zone_start(struct client *c, const struct dns_zone_options *o);
void dns_zone_stop(struct dns_zone *z);
/* Whether it knows all there is: before that, a name it does not know may exist. */
bool dns_zone_synced(struct dns_zone *z);

struct dns_record {
    struct str owner; /* absolute, without the last dot; empty: the name that was asked for */
    struct str type;  /* "A" */
    struct str data;  /* "10.96.0.1" */
};

struct dns_records {
    struct dns_record *at;
    size_t n, cap;
};

enum dns_finding {
    DNS_FOUND,   /* the name is there; where `answers` is empty, it has nothing of this type */
    DNS_ABSENT,  /* NXDOMAIN */
    DNS_FOREIGN, /* not of this cluster: others may know */
    DNS_ALIAS,   /* `answers` has the CNAME to `alias`, which is to be followed */
};

struct dns_answer {
    struct dns_records answers, extra; /* in the arena */
    struct str alias;                  /* absolute, without the last dot */
};

enum { DNS_LABELS_MAX = 127, DNS_TTL_S = 5 };
struct dns_name {
    struct str labels[DNS_LABELS_MAX]; /* "web", "default", "svc", "cluster", "local" */
    size_t n;
};
/* Splits text at its dots; false when there are too many or it has an empty one. One last dot is allowed. */
bool dns_name_split(struct str text, struct dns_name *out);

/* `type` is "A", "SRV" ... All that comes back is in `a`. Locks; any thread. */
enum dns_finding dns_zone_find(struct dns_zone *z, const struct dns_name *name, struct str type,
                               struct arena *a, struct dns_answer *out);
/* The SOA that says how long an absence holds. */
struct dns_record dns_zone_soa(struct dns_zone *z, struct arena *a);
