#include "net/pod_network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/thread.h"
#include "net/ipam.h"
#include "net/netlink.h"
#include "net/nft.h"

#define POD_NETWORK_LINK "sagong0"
/* Keeps pods from the node's loopback, although their links let its addresses out (for host ports). */
#define GUARD_TABLE "ip sagong-guard"

struct pod_network {
    pthread_mutex_t mutex; /* one netlink request at a time */
    struct netlink *nl;    /* guarded by mutex */
    struct ipam *ipam;
    uint32_t gateway;
    uint32_t mtu;
};

/* The node's end of every veth: the same everywhere, as each is a link of its own. */
static const struct mac gateway_mac = {{0xee, 0xee, 0xee, 0xee, 0xee, 0xee}};

/* A pod's end: a locally administered address that follows from the pod's IP. */
static struct mac pod_mac(uint32_t ip)
{
    return (struct mac){
        {0x0a, 0x58, (uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8), (uint8_t)ip}};
}

static void pod_veth_name(uint32_t ip, char name[16])
{
    snprintf(name, 16, POD_LINK_FMT, ip);
}

/* The bridge, with the gateway's address, and the service range behind it: so that there is a route (and
 * a source address) for packets to a service before they are translated. */
static int pod_network_prepare(struct pod_network *n, struct cidr services, struct err *err)
{
    if (netlink_add_bridge(n->nl, POD_NETWORK_LINK, err) < 0)
        return -1;
    int index = netlink_link_index(n->nl, POD_NETWORK_LINK);
    if (netlink_add_address(n->nl, index, n->gateway, 32, err) < 0 || netlink_link_up(n->nl, index, err) < 0)
        return -1;
    struct route r = {.to = services.base, .bits = services.bits, .from = n->gateway, .index = index};
    if (netlink_set_route(n->nl, &r, err) < 0)
        return -1;
    if (nft_apply(STR("add table " GUARD_TABLE "\ndelete table " GUARD_TABLE "\ntable " GUARD_TABLE " {\n"
                      "  chain in { type filter hook prerouting priority raw; iifname \"sg*\" ip daddr "
                      "127.0.0.0/8 drop; }\n"
                      "}\n"),
                  err) < 0)
        return -1;
    return file_put("/proc/sys/net/ipv4/ip_forward", STR("1"), err);
}

int pod_network_open(const struct pod_network_options *o, struct pod_network **out, struct err *err)
{
    struct cidr pods, services;
    if (!cidr_parse(o->pod_cidr, &pods) || !cidr_parse(o->service_cidr, &services))
        return err_set(err, ERR_BAD_REQUEST, "not an IPv4 range: \"" STR_FMT "\" or \"" STR_FMT "\"",
                       STR_ARG(o->pod_cidr), STR_ARG(o->service_cidr));
    struct pod_network *n = mem_zalloc(sizeof *n);
    pthread_mutex_init(&n->mutex, NULL);
    n->gateway = pods.base + 1;
    n->mtu = o->mtu;
    if (ipam_open(o->state_dir, pods, &n->ipam, err) < 0 || netlink_open(-1, &n->nl, err) < 0 ||
        pod_network_prepare(n, services, err) < 0) {
        pod_network_close(n);
        return -1;
    }
    *out = n;
    return 0;
}

void pod_network_close(struct pod_network *n)
{
    if (!n)
        return;
    netlink_close(n->nl);
    ipam_close(n->ipam);
    pthread_mutex_destroy(&n->mutex);
    free(n);
}

/* The pod's side: lo, eth0, and a default route to a gateway whose address it need not ask for. */
static int pod_network_inside(struct pod_network *n, int netns_fd, uint32_t ip, struct err *err)
{
    _cleanup_netlink_ struct netlink *in = NULL;
    if (netlink_open(netns_fd, &in, err) < 0)
        return -1;
    int eth0 = netlink_link_index(in, "eth0");
    if (!eth0)
        return err_set(err, ERR_INTERNAL, "the pod's namespace has lost its eth0");
    struct route out = {.via = n->gateway, .index = eth0, .on_link = true};
    if (netlink_link_up(in, netlink_link_index(in, "lo"), err) < 0 ||
        netlink_add_address(in, eth0, ip, 32, err) < 0 || netlink_link_up(in, eth0, err) < 0 ||
        netlink_set_neighbour(in, eth0, n->gateway, gateway_mac, err) < 0)
        return -1;
    return netlink_set_route(in, &out, err);
}

/* The node's side: the veth, and the route to the pod through it. */
static int pod_network_outside(struct pod_network *n, int netns_fd, uint32_t ip, struct err *err)
{
    char name[16];
    pod_veth_name(ip, name);
    int index = netlink_link_index(n->nl, name);
    if (!index) {
        if (netlink_add_veth(n->nl, name, gateway_mac, "eth0", pod_mac(ip), netns_fd, n->mtu, err) < 0)
            return -1;
        index = netlink_link_index(n->nl, name);
    }
    char localnet[64];
    snprintf(localnet, sizeof localnet, "/proc/sys/net/ipv4/conf/%s/route_localnet", name);
    if (file_put(localnet, STR("1"), err) < 0)
        return -1;
    struct route to = {.to = ip, .bits = 32, .from = n->gateway, .index = index};
    if (netlink_link_up(n->nl, index, err) < 0 ||
        netlink_set_neighbour(n->nl, index, ip, pod_mac(ip), err) < 0)
        return -1;
    return netlink_set_route(n->nl, &to, err);
}

int pod_network_attach(struct pod_network *n, const char *netns_path, struct str pod_uid, struct str_vec *ips,
                       struct arena *a, struct err *err)
{
    _cleanup_fd_ int netns = open(netns_path, O_RDONLY | O_CLOEXEC);
    if (netns < 0)
        return err_errno(err, errno, "open %s", netns_path);
    uint32_t ip;
    if (ipam_allocate(n->ipam, pod_uid, &ip, err) < 0)
        return -1;
    {
        _lock_(&n->mutex);
        if (pod_network_outside(n, netns, ip, err) < 0)
            return -1;
    }
    if (pod_network_inside(n, netns, ip, err) < 0)
        return -1;
    struct str *text = arena_new(a, struct str);
    *text = ip4_text(a, ip);
    *ips = (struct str_vec){text, 1};
    return 0;
}

int pod_network_detach(struct pod_network *n, struct str pod_uid, struct err *err)
{
    uint32_t ip;
    if (!ipam_find(n->ipam, pod_uid, &ip))
        return 0;
    char name[16];
    pod_veth_name(ip, name);
    {
        _lock_(&n->mutex);
        if (netlink_link_delete(n->nl, name, err) < 0)
            return -1;
    }
    return ipam_release(n->ipam, pod_uid, err);
}

int pod_network_remove(struct err *err)
{
    _cleanup_netlink_ struct netlink *nl = NULL;
    if (netlink_open(-1, &nl, err) < 0)
        return -1;
    if (nft_apply(STR("add table " GUARD_TABLE "\ndelete table " GUARD_TABLE "\n"), err) < 0)
        return -1;
    return netlink_link_delete(nl, POD_NETWORK_LINK, err);
}
