/* Links, addresses, routes and neighbours through rtnetlink: what a pod network is made of. Each call is one
 * request and its answer. What is there already, or gone already, is no error: calls say what should be, not
 * what to do. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"

struct netlink;

/* Opens a socket in this network namespace, or in that of `netns_fd` when it is not negative. */
int netlink_open(int netns_fd, struct netlink **out, struct err *err);
void netlink_close(struct netlink *nl);
void netlink_closep(struct netlink **nl);
#define _cleanup_netlink_ _cleanup_(netlink_closep)

struct mac {
    uint8_t b[6];
};

/* The index of a link, or 0 when there is none of that name. */
int netlink_link_index(struct netlink *nl, const char *name);
/* The index of a veth's other end, in whatever namespace that is; 0 when there is no link of that name. */
int netlink_link_peer(struct netlink *nl, const char *name);
/* A pair of veths: `name` here with `mac`, `peer` in the namespace of `peer_fd` with `peer_mac`. */
int netlink_add_veth(struct netlink *nl, const char *name, struct mac mac, const char *peer,
                     struct mac peer_mac, int peer_fd, uint32_t mtu, struct err *err);
/* Whether the link takes packets: after it is set up, and its other end too, the kernel still needs a moment
 * for that. */
bool netlink_link_carries(struct netlink *nl, const char *name);
int netlink_add_bridge(struct netlink *nl, const char *name, struct err *err);
int netlink_link_up(struct netlink *nl, int index, struct err *err);
int netlink_link_delete(struct netlink *nl, const char *name, struct err *err);
/* Usable at once: nobody else is asked whether he has it (RFC 4862, 5.4). */
int netlink_add_address(struct netlink *nl, int index, struct ip ip, unsigned bits, struct err *err);
/* Whether what is sent to the address is taken in: the kernel comes to that a moment after it has an IPv6
 * address. */
bool netlink_is_local(struct netlink *nl, struct ip ip);

struct route {
    struct ip_prefix to;
    struct ip via;  /* none: on the link itself */
    struct ip from; /* preferred source; none: the kernel's choice */
    int index;      /* link; 0: by `via` */
    bool on_link;   /* `via` is reached through the link although no route says so */
};
/* Adds the route, in place of one to the same destination, and notes in it that it is ours. */
int netlink_set_route(struct netlink *nl, const struct route *r, struct err *err);
int netlink_delete_route(struct netlink *nl, const struct route *r, struct err *err);
/* Calls with every route of a family that is ours and leads through a gateway (`to` and `via`). The call may
 * not use `nl`. */
int netlink_each_route(struct netlink *nl, enum ip_family family,
                       void (*fn)(void *arg, const struct route *r), void *arg, struct err *err);
/* A neighbour that never needs to be asked for. */
int netlink_set_neighbour(struct netlink *nl, int index, struct ip ip, struct mac mac, struct err *err);
