#include "net/pod_network.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "net/ipam.h"
#include "net/netlink.h"
#include "net/nft.h"

#define POD_NETWORK_LINK "sagong0"
/* Keeps pods from the node's loopback, although their links let its addresses out (for host ports). */
#define GUARD_TABLE "ip sagong-guard"

#define CARRIER_MOST (500 * CLOCK_MS)

enum { POD_RANGES_MAX = 2 };

/* One of the node's ranges. */
struct pod_range {
    struct ipam *ipam;
    struct ip gateway;
};

struct pod_network {
    pthread_mutex_t mutex; /* one netlink request at a time */
    struct netlink *nl;    /* guarded by mutex */
    struct pod_range ranges[POD_RANGES_MAX];
    size_t n_ranges;
    uint32_t mtu;
};

/* What a pod has of each range. */
struct pod_addresses {
    struct ip at[POD_RANGES_MAX];
    size_t n;
};

/* The node's end of every veth: the same everywhere, as each is a link of its own. */
static const struct mac gateway_mac = {{0xee, 0xee, 0xee, 0xee, 0xee, 0xee}};

/* A pod's end: a locally administered address that follows from the pod's first IP. */
static struct mac pod_mac(const struct pod_addresses *ips)
{
    uint32_t id = POD_LINK_ID(ips->at[0]);
    return (struct mac){
        {0x0a, 0x58, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id}};
}

static void pod_veth_name(const struct pod_addresses *ips, char name[16])
{
    snprintf(name, 16, POD_LINK_FMT, POD_LINK_ID(ips->at[0]));
}

/* --- the node's own --- */

/* A host that forwards no longer listens to router advertisements unless told to: links that did go on, or
 * the node would lose its own way out (Linux, Documentation/networking/ip-sysctl: accept_ra). Not what future
 * links begin with, nor those to pods: nobody there is a router. */
static void keep_advertisements(void)
{
    static const char conf[] = "/proc/sys/net/ipv6/conf";
    DIR *dir = opendir(conf);
    if (!dir)
        return;
    for (struct dirent *d; (d = readdir(dir));) {
        char path[512];
        _cleanup_buf_ struct buf text = {0};
        struct str name = str_from(d->d_name);
        snprintf(path, sizeof path, "%s/%s/accept_ra", conf, d->d_name);
        if (!str_is(name, "all") && !str_is(name, "default") && !str_is(name, POD_NETWORK_LINK) &&
            !str_starts(name, STR("sg")) && file_read(path, 16, &text, NULL) == 0 &&
            str_is(str_trim(buf_str(&text)), "1"))
            file_put(path, STR("2"), NULL);
    }
    closedir(dir);
}

static int forward(enum ip_family family, struct err *err)
{
    static const char v6[] = "/proc/sys/net/ipv6/conf/all/forwarding";
    if (family == IP_V4)
        return file_put("/proc/sys/net/ipv4/ip_forward", STR("1"), err);
    _cleanup_buf_ struct buf now = {0};
    if (file_read(v6, 16, &now, NULL) == 0 && str_is(str_trim(buf_str(&now)), "1"))
        return 0;
    keep_advertisements();
    return file_put(v6, STR("1"), err);
}

/* The gateway's address on the bridge, and the service range of its family behind it: so that there is a
 * route (and a source address) for packets to a service before they are translated. */
static int prepare_range(struct pod_network *n, const struct pod_range *r, int index,
                         const struct str_vec *services, struct err *err)
{
    enum ip_family family = r->gateway.family;
    if (netlink_add_address(n->nl, index, r->gateway, ip_bits(family), err) < 0)
        return -1;
    for (size_t i = 0; i < services->n; i++) {
        struct route route = {.from = r->gateway, .index = index};
        if (!ip_prefix_parse(services->at[i], &route.to))
            return err_set(err, ERR_BAD_REQUEST, "not a range of addresses: \"" STR_FMT "\"",
                           STR_ARG(services->at[i]));
        if (route.to.base.family == family && netlink_set_route(n->nl, &route, err) < 0)
            return -1;
    }
    return forward(family, err);
}

static int pod_network_prepare(struct pod_network *n, const struct str_vec *services, struct err *err)
{
    if (netlink_add_bridge(n->nl, POD_NETWORK_LINK, err) < 0)
        return -1;
    int index = netlink_link_index(n->nl, POD_NETWORK_LINK);
    if (netlink_link_up(n->nl, index, err) < 0)
        return -1;
    for (size_t i = 0; i < n->n_ranges; i++)
        if (prepare_range(n, &n->ranges[i], index, services, err) < 0)
            return -1;
    return nft_apply(STR("add table " GUARD_TABLE "\ndelete table " GUARD_TABLE "\ntable " GUARD_TABLE " {\n"
                         "  chain in { type filter hook prerouting priority raw; iifname \"sg*\" ip daddr "
                         "127.0.0.0/8 drop; }\n"
                         "}\n"),
                     err);
}

static int open_ranges(struct pod_network *n, const struct pod_network_options *o, struct err *err)
{
    if (!o->pod_cidrs.n || o->pod_cidrs.n > POD_RANGES_MAX)
        return err_set(err, ERR_BAD_REQUEST, "a node has one range of pod addresses, or one of each family");
    for (size_t i = 0; i < o->pod_cidrs.n; i++) {
        struct ip_prefix range;
        if (!ip_prefix_parse(o->pod_cidrs.at[i], &range))
            return err_set(err, ERR_BAD_REQUEST, "not a range of addresses: \"" STR_FMT "\"",
                           STR_ARG(o->pod_cidrs.at[i]));
        if (i && range.base.family == n->ranges[0].gateway.family)
            return err_set(err, ERR_BAD_REQUEST,
                           "both of a node's ranges of pod addresses are of one family");
        if (ipam_open(o->state_dir, range, &n->ranges[i].ipam, err) < 0)
            return -1;
        n->ranges[i].gateway = ip_prefix_at(range, 1);
        n->n_ranges++;
    }
    return 0;
}

int pod_network_open(const struct pod_network_options *o, struct pod_network **out, struct err *err)
{
    struct pod_network *n = mem_zalloc(sizeof *n);
    pthread_mutex_init(&n->mutex, NULL);
    n->mtu = o->mtu;
    if (open_ranges(n, o, err) < 0 || netlink_open(-1, &n->nl, err) < 0 ||
        pod_network_prepare(n, &o->service_cidrs, err) < 0) {
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
    for (size_t i = 0; i < n->n_ranges; i++)
        ipam_close(n->ranges[i].ipam);
    pthread_mutex_destroy(&n->mutex);
    free(n);
}

/* --- pods --- */

/* The pod's side: lo, eth0, and default routes to gateways whose addresses it need not ask for. */
static int pod_network_inside(struct pod_network *n, struct netlink *in, const struct pod_addresses *ips,
                              struct err *err)
{
    int eth0 = netlink_link_index(in, "eth0");
    if (!eth0)
        return err_set(err, ERR_INTERNAL, "the pod's namespace has lost its eth0");
    if (netlink_link_up(in, netlink_link_index(in, "lo"), err) < 0 || netlink_link_up(in, eth0, err) < 0)
        return -1;
    for (size_t i = 0; i < ips->n; i++) {
        struct ip gateway = n->ranges[i].gateway;
        struct route out = {.to.base.family = gateway.family, .via = gateway, .index = eth0, .on_link = true};
        if (netlink_add_address(in, eth0, ips->at[i], ip_bits(gateway.family), err) < 0 ||
            netlink_set_neighbour(in, eth0, gateway, gateway_mac, err) < 0 ||
            netlink_set_route(in, &out, err) < 0)
            return -1;
    }
    return 0;
}

/* The veth from the node to the pod's eth0, if it is not there yet. A link of this name that leads elsewhere,
 * or an eth0 that does, is what an earlier pod or an earlier agent has left. */
static int pod_network_connect(struct pod_network *n, struct netlink *in, int netns_fd,
                               const struct pod_addresses *ips, int *index, struct err *err)
{
    char name[16];
    pod_veth_name(ips, name);
    *index = netlink_link_index(n->nl, name);
    if (*index && netlink_link_peer(in, "eth0") == *index)
        return 0;
    if (netlink_link_delete(n->nl, name, err) < 0 || netlink_link_delete(in, "eth0", err) < 0 ||
        netlink_add_veth(n->nl, name, gateway_mac, "eth0", pod_mac(ips), netns_fd, n->mtu, err) < 0)
        return -1;
    *index = netlink_link_index(n->nl, name);
    return 0;
}

/* What the kernel thinks of the node's end before it is up: it may let addresses of the loopback out, for
 * host ports, and believes no pod that poses as a router (CVE-2020-10749). */
static int pod_network_settings(const char *link, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/route_localnet", link);
    if (file_put(path, STR("1"), err) < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/accept_ra", link);
    return file_exists(path) ? file_put(path, STR("0"), err) : 0; /* or there is no IPv6 at all */
}

/* The node's side: the veth, and the routes to the pod through it. */
static int pod_network_outside(struct pod_network *n, struct netlink *in, int netns_fd,
                               const struct pod_addresses *ips, struct err *err)
{
    int index;
    char name[16];
    pod_veth_name(ips, name);
    if (pod_network_connect(n, in, netns_fd, ips, &index, err) < 0 || pod_network_settings(name, err) < 0 ||
        netlink_link_up(n->nl, index, err) < 0)
        return -1;
    for (size_t i = 0; i < ips->n; i++) {
        struct route to = {
            .to = {ips->at[i], ip_bits(ips->at[i].family)}, .from = n->ranges[i].gateway, .index = index};
        if (netlink_set_neighbour(n->nl, index, ips->at[i], pod_mac(ips), err) < 0 ||
            netlink_set_route(n->nl, &to, err) < 0)
            return -1;
    }
    return 0;
}

/* Until both ends carry packets and the pod takes in its own: what is sent before is lost. It takes
 * milliseconds; an end that never does (somebody has set it down meanwhile) is not waited for. */
static void pod_network_await(struct pod_network *n, struct netlink *in, const struct pod_addresses *ips)
{
    char name[16];
    int64_t deadline = clock_mono() + CARRIER_MOST;
    bool ready = false;
    pod_veth_name(ips, name);
    while (!ready && clock_mono() < deadline) {
        {
            _lock_(&n->mutex);
            ready = netlink_link_carries(n->nl, name);
        }
        ready = ready && netlink_link_carries(in, "eth0");
        for (size_t i = 0; i < ips->n && ready; i++)
            ready = netlink_is_local(in, ips->at[i]);
        if (!ready)
            clock_sleep(CLOCK_MS);
    }
}

int pod_network_attach(struct pod_network *n, const char *netns_path, struct str pod_uid, struct str_vec *ips,
                       struct arena *a, struct err *err)
{
    _cleanup_netlink_ struct netlink *in = NULL;
    _cleanup_fd_ int netns = open(netns_path, O_RDONLY | O_CLOEXEC);
    struct pod_addresses own = {0};
    if (netns < 0)
        return err_errno(err, errno, "open %s", netns_path);
    for (; own.n < n->n_ranges; own.n++)
        if (ipam_allocate(n->ranges[own.n].ipam, pod_uid, &own.at[own.n], err) < 0)
            return -1;
    if (netlink_open(netns, &in, err) < 0)
        return -1;
    {
        _lock_(&n->mutex);
        if (pod_network_outside(n, in, netns, &own, err) < 0)
            return -1;
    }
    if (pod_network_inside(n, in, &own, err) < 0)
        return -1;
    pod_network_await(n, in, &own);
    *ips = (struct str_vec){arena_new_n(a, struct str, own.n), own.n};
    for (size_t i = 0; i < own.n; i++)
        ips->at[i] = ip_text(a, own.at[i]);
    return 0;
}

int pod_network_detach(struct pod_network *n, struct str pod_uid, struct err *err)
{
    struct pod_addresses own = {.n = 1};
    if (ipam_find(n->ranges[0].ipam, pod_uid, &own.at[0])) {
        char name[16];
        pod_veth_name(&own, name);
        _lock_(&n->mutex);
        if (netlink_link_delete(n->nl, name, err) < 0)
            return -1;
    }
    for (size_t i = n->n_ranges; i-- > 0;) /* the first, which the link is named after, last */
        if (ipam_release(n->ranges[i].ipam, pod_uid, err) < 0)
            return -1;
    return 0;
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
