#include "net/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdlib.h>

#include "base/thread.h"

/* Who a route is by (rtm_protocol): a number that nobody else has (iproute2's rt_protos). */
enum { NETLINK_OURS = 83 };

struct netlink {
    struct mnl_socket *socket;
    uint32_t seq;
    /* The request being built, and room for the answer. */
    char out[2048];
    char in[8192];
};

/* A socket belongs to the namespace of the thread that opened it, for ever; so a thread that moves there,
 * opens one and ends is all it takes. */
struct netlink_opening {
    int netns_fd;
    struct mnl_socket *socket;
    int error;
};

static void netlink_open_here(struct netlink_opening *o)
{
    o->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!o->socket || mnl_socket_bind(o->socket, 0, MNL_SOCKET_AUTOPID) < 0)
        o->error = errno;
}

static void netlink_open_there(void *arg)
{
    struct netlink_opening *o = arg;
    if (setns(o->netns_fd, CLONE_NEWNET) < 0)
        o->error = errno;
    else
        netlink_open_here(o);
}

int netlink_open(int netns_fd, struct netlink **out, struct err *err)
{
    struct netlink_opening o = {.netns_fd = netns_fd};
    if (netns_fd < 0)
        netlink_open_here(&o);
    else
        thread_join(thread_start("netns", netlink_open_there, &o));
    if (o.error) {
        if (o.socket)
            mnl_socket_close(o.socket);
        return err_errno(err, o.error, "open a netlink socket");
    }
    struct netlink *nl = mem_zalloc(sizeof *nl);
    nl->socket = o.socket;
    *out = nl;
    return 0;
}

void netlink_close(struct netlink *nl)
{
    if (!nl)
        return;
    mnl_socket_close(nl->socket);
    free(nl);
}

void netlink_closep(struct netlink **nl)
{
    netlink_close(*nl);
}

/* Starts a request in nl->out; the returned room of `extra` bytes is the family's own header. */
static struct nlmsghdr *netlink_begin(struct netlink *nl, uint16_t type, uint16_t flags, void *extra,
                                      size_t size)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(nl->out);
    h->nlmsg_type = type;
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    h->nlmsg_seq = ++nl->seq;
    memcpy(mnl_nlmsg_put_extra_header(h, size), extra, size);
    return h;
}

/* Sends the request and waits for its acknowledgement, or the end of what it asks for, each message of which
 * goes to `seen` (or NULL): 0, or the kernel's errno. */
static int netlink_ask(struct netlink *nl, struct nlmsghdr *h, mnl_cb_t seen, void *arg)
{
    if (mnl_socket_sendto(nl->socket, h, h->nlmsg_len) < 0)
        return errno;
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(nl->socket, nl->in, sizeof nl->in);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        int rc = mnl_cb_run(nl->in, (size_t)n, nl->seq, mnl_socket_get_portid(nl->socket), seen, arg);
        if (rc <= MNL_CB_STOP)
            return rc < 0 ? errno : 0;
    }
}

static int netlink_do(struct netlink *nl, struct nlmsghdr *h, int harmless, struct err *err, const char *what)
{
    int e = netlink_ask(nl, h, NULL, NULL);
    return e == 0 || e == harmless ? 0 : err_errno(err, e, "%s", what);
}

/* Sends a request whose answer is one message, which goes to `seen`; where there is none, nothing does. */
static void netlink_look(struct netlink *nl, struct nlmsghdr *h, mnl_cb_t seen, void *arg)
{
    ssize_t n;
    h->nlmsg_flags = NLM_F_REQUEST; /* the answer is acknowledgement enough */
    if (mnl_socket_sendto(nl->socket, h, h->nlmsg_len) < 0)
        return;
    do
        n = mnl_socket_recvfrom(nl->socket, nl->in, sizeof nl->in);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        mnl_cb_run(nl->in, (size_t)n, nl->seq, mnl_socket_get_portid(nl->socket), seen, arg);
}

/* What is asked about a link. */
struct netlink_link {
    int index, peer;
    bool carries;
};

static int netlink_link_attribute(const struct nlattr *a, void *arg)
{
    struct netlink_link *link = arg;
    if (mnl_attr_get_type(a) == IFLA_LINK && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
        link->peer = (int)mnl_attr_get_u32(a);
    if (mnl_attr_get_type(a) == IFLA_OPERSTATE && mnl_attr_validate(a, MNL_TYPE_U8) >= 0)
        link->carries = mnl_attr_get_u8(a) == IF_OPER_UP;
    return MNL_CB_OK;
}

static int netlink_link_seen(const struct nlmsghdr *h, void *arg)
{
    struct netlink_link *link = arg;
    if (h->nlmsg_type != RTM_NEWLINK)
        return MNL_CB_STOP;
    link->index = ((const struct ifinfomsg *)mnl_nlmsg_get_payload(h))->ifi_index;
    mnl_attr_parse(h, sizeof(struct ifinfomsg), netlink_link_attribute, link);
    return MNL_CB_STOP;
}

static struct netlink_link netlink_link_find(struct netlink *nl, const char *name)
{
    struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
    struct nlmsghdr *h = netlink_begin(nl, RTM_GETLINK, 0, &any, sizeof any);
    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    struct netlink_link link = {0};
    netlink_look(nl, h, netlink_link_seen, &link);
    return link;
}

int netlink_link_index(struct netlink *nl, const char *name)
{
    return netlink_link_find(nl, name).index;
}

int netlink_link_peer(struct netlink *nl, const char *name)
{
    return netlink_link_find(nl, name).peer;
}

bool netlink_link_carries(struct netlink *nl, const char *name)
{
    return netlink_link_find(nl, name).carries;
}

int netlink_add_veth(struct netlink *nl, const char *name, struct mac mac, const char *peer,
                     struct mac peer_mac, int peer_fd, uint32_t mtu, struct err *err)
{
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    struct nlmsghdr *h = netlink_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    mnl_attr_put(h, IFLA_ADDRESS, sizeof mac.b, mac.b);
    if (mtu)
        mnl_attr_put_u32(h, IFLA_MTU, mtu);
    struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
    mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
    struct nlattr *other = mnl_attr_nest_start(h, VETH_INFO_PEER);
    memcpy(mnl_nlmsg_put_extra_header(h, sizeof link), &link, sizeof link);
    mnl_attr_put_strz(h, IFLA_IFNAME, peer);
    mnl_attr_put(h, IFLA_ADDRESS, sizeof peer_mac.b, peer_mac.b);
    mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)peer_fd);
    if (mtu)
        mnl_attr_put_u32(h, IFLA_MTU, mtu);
    mnl_attr_nest_end(h, other);
    mnl_attr_nest_end(h, data);
    mnl_attr_nest_end(h, info);
    return netlink_do(nl, h, 0, err, "add a veth pair");
}

int netlink_add_bridge(struct netlink *nl, const char *name, struct err *err)
{
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    struct nlmsghdr *h = netlink_begin(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
    mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(h, info);
    return netlink_do(nl, h, EEXIST, err, "add a bridge");
}

int netlink_link_up(struct netlink *nl, int index, struct err *err)
{
    struct ifinfomsg link = {
        .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    return netlink_do(nl, netlink_begin(nl, RTM_NEWLINK, 0, &link, sizeof link), 0, err, "set a link up");
}

int netlink_link_delete(struct netlink *nl, const char *name, struct err *err)
{
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    struct nlmsghdr *h = netlink_begin(nl, RTM_DELLINK, 0, &link, sizeof link);
    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    return netlink_do(nl, h, ENODEV, err, "delete a link");
}

static unsigned char netlink_family(struct ip ip)
{
    return ip.family == IP_V6 ? AF_INET6 : AF_INET;
}

static void netlink_put_ip(struct nlmsghdr *h, uint16_t type, struct ip ip)
{
    unsigned char bytes[16];
    ip_bytes(ip, bytes);
    mnl_attr_put(h, type, ip_bits(ip.family) / 8, bytes);
}

int netlink_add_address(struct netlink *nl, int index, struct ip ip, unsigned bits, struct err *err)
{
    struct ifaddrmsg address = {.ifa_family = netlink_family(ip),
                                .ifa_prefixlen = (uint8_t)bits,
                                .ifa_flags = ip.family == IP_V6 ? IFA_F_NODAD : 0,
                                .ifa_index = (uint32_t)index};
    struct nlmsghdr *h = netlink_begin(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &address, sizeof address);
    netlink_put_ip(h, IFA_LOCAL, ip);
    netlink_put_ip(h, IFA_ADDRESS, ip);
    return netlink_do(nl, h, EEXIST, err, "add an address");
}

static int netlink_route_seen(const struct nlmsghdr *h, void *local)
{
    if (h->nlmsg_type == RTM_NEWROUTE)
        *(bool *)local = ((const struct rtmsg *)mnl_nlmsg_get_payload(h))->rtm_type == RTN_LOCAL;
    return MNL_CB_STOP;
}

bool netlink_is_local(struct netlink *nl, struct ip ip)
{
    struct rtmsg m = {.rtm_family = netlink_family(ip), .rtm_dst_len = (uint8_t)ip_bits(ip.family)};
    struct nlmsghdr *h = netlink_begin(nl, RTM_GETROUTE, 0, &m, sizeof m);
    bool local = false;
    netlink_put_ip(h, RTA_DST, ip);
    netlink_look(nl, h, netlink_route_seen, &local);
    return local;
}

static struct nlmsghdr *netlink_route(struct netlink *nl, uint16_t type, uint16_t flags,
                                      const struct route *r)
{
    struct rtmsg m = {
        .rtm_family = netlink_family(r->to.base),
        .rtm_dst_len = (uint8_t)r->to.bits,
        .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = NETLINK_OURS,
        .rtm_scope = r->via.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
        .rtm_type = RTN_UNICAST,
        .rtm_flags = r->on_link ? RTNH_F_ONLINK : 0,
    };
    struct nlmsghdr *h = netlink_begin(nl, type, flags, &m, sizeof m);
    if (r->to.bits)
        netlink_put_ip(h, RTA_DST, r->to.base);
    if (r->via.family)
        netlink_put_ip(h, RTA_GATEWAY, r->via);
    if (r->from.family)
        netlink_put_ip(h, RTA_PREFSRC, r->from);
    if (r->index)
        mnl_attr_put_u32(h, RTA_OIF, (uint32_t)r->index);
    return h;
}

int netlink_set_route(struct netlink *nl, const struct route *r, struct err *err)
{
    return netlink_do(nl, netlink_route(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, r), 0, err,
                      "set a route");
}

int netlink_delete_route(struct netlink *nl, const struct route *r, struct err *err)
{
    return netlink_do(nl, netlink_route(nl, RTM_DELROUTE, 0, r), ESRCH, err, "delete a route");
}

/* A walk over routes. */
struct netlink_walk {
    enum ip_family family;
    void (*fn)(void *arg, const struct route *r);
    void *arg;
    struct route now; /* the one being read */
};

static int netlink_walk_attribute(const struct nlattr *a, void *arg)
{
    struct netlink_walk *w = arg;
    int type = mnl_attr_get_type(a);
    if ((type == RTA_DST || type == RTA_GATEWAY) && mnl_attr_get_payload_len(a) == ip_bits(w->family) / 8)
        *(type == RTA_DST ? &w->now.to.base : &w->now.via) =
            ip_from_bytes(w->family, mnl_attr_get_payload(a));
    return MNL_CB_OK;
}

static int netlink_walk_seen(const struct nlmsghdr *h, void *arg)
{
    struct netlink_walk *w = arg;
    const struct rtmsg *m = mnl_nlmsg_get_payload(h);
    if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_protocol != NETLINK_OURS || m->rtm_table != RT_TABLE_MAIN)
        return MNL_CB_OK;
    w->now = (struct route){.to = {{w->family, 0}, m->rtm_dst_len}};
    mnl_attr_parse(h, sizeof *m, netlink_walk_attribute, w);
    if (w->now.via.family)
        w->fn(w->arg, &w->now);
    return MNL_CB_OK;
}

int netlink_each_route(struct netlink *nl, enum ip_family family,
                       void (*fn)(void *arg, const struct route *r), void *arg, struct err *err)
{
    struct rtmsg m = {.rtm_family = family == IP_V6 ? AF_INET6 : AF_INET};
    struct nlmsghdr *h = netlink_begin(nl, RTM_GETROUTE, 0, &m, sizeof m);
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    int e =
        netlink_ask(nl, h, netlink_walk_seen, &(struct netlink_walk){.family = family, .fn = fn, .arg = arg});
    return e ? err_errno(err, e, "list the routes") : 0;
}

int netlink_set_neighbour(struct netlink *nl, int index, struct ip ip, struct mac mac, struct err *err)
{
    struct ndmsg n = {.ndm_family = netlink_family(ip), .ndm_ifindex = index, .ndm_state = NUD_PERMANENT};
    struct nlmsghdr *h = netlink_begin(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &n, sizeof n);
    netlink_put_ip(h, NDA_DST, ip);
    mnl_attr_put(h, NDA_LLADDR, sizeof mac.b, mac.b);
    return netlink_do(nl, h, 0, err, "set a neighbour");
}
