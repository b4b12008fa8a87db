/* The network of this node's pods. Each pod has an address out of each of the node's ranges (one of either
 * family) and a veth, whose other end is in the node's namespace, with routes to those addresses. Packets
 * between pods are routed, not bridged: so a service's address is translated on the way there and back, with
 * no help from bridge filters, and a pod hears only what is meant for it. A range's first address is the
 * node's own, on `sagong0`, a bridge that no veth joins (a link to hold an address, on every kernel): the
 * pods' gateway, and what the node calls from when it calls a pod.
 *
 * All state is the kernel's, and the address files of net/ipam.h: whoever opens the network anew goes on with
 * it. */
#pragma once
#include "schema/desc.h"

#include "base/err.h"
#include "base/ip.h"

struct pod_network;

/* The name of the node's end of a pod's veth, from POD_LINK_ID of the first of its addresses. */
#define POD_LINK_FMT    "sg%08x"
#define POD_LINK_ID(ip) ((uint32_t)(ip).n)

struct pod_network_options {
    const char *state_dir;        /* for the address files */
    struct str_vec pod_cidrs;     /* this node's: Node.spec.podCIDRs */
    struct str_vec service_cidrs; /* the cluster's */
    uint32_t mtu;                 /* 0: the kernel's */
};

int pod_network_open(const struct pod_network_options *o, struct pod_network **out, struct err *err);
void pod_network_close(struct pod_network *n); /* changes nothing on the node */
/* Gives the namespace at this path (a pinned file, or /proc/PID/ns/net) its loopback, its eth0 and its
 * addresses, which it fills in in `ips` (text, in `a`). Called again for the same pod it finds it all there;
 * what others have left in its place it replaces. Any thread. */
int pod_network_attach(struct pod_network *n, const char *netns_path, struct str pod_uid, struct str_vec *ips,
                       struct arena *a, struct err *err);
/* Takes it all back; nothing to take is no error. */
int pod_network_detach(struct pod_network *n, struct str pod_uid, struct err *err);
/* Removes what is the node's own: the bridge with its routes. */
int pod_network_remove(struct err *err);
