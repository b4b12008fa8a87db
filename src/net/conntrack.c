#include "net/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include "base/clock.h"

/* A pass over all flows: what is to be forgotten is gathered first, as requests, for one socket does one
 * thing at a time. */
struct pass {
    bool (*stale)(void *arg, const struct udp_flow *f);
    void *arg;
    enum ip_family family;
    struct buf requests; /* netlink messages, one behind the other */
    uint32_t seq;
};

/* The attributes of a nest by type. */
struct attributes {
    const struct nlattr *at[CTA_MAX + 1];
};

static int attribute_seen(const struct nlattr *a, void *arg)
{
    struct attributes *all = arg;
    if (mnl_attr_get_type(a) <= CTA_MAX)
        all->at[mnl_attr_get_type(a)] = a;
    return MNL_CB_OK;
}

static struct attributes nested(const struct nlattr *nest)
{
    struct attributes all = {0};
    if (nest)
        mnl_attr_parse_nested(nest, attribute_seen, &all);
    return all;
}

static bool has(const struct attributes *a, int type, enum mnl_attr_data_type as)
{
    return a->at[type] && mnl_attr_validate(a->at[type], as) >= 0;
}

/* One end of a tuple; false when it is not UDP. */
static bool tuple_read(const struct nlattr *tuple, bool source, struct ip *ip, uint16_t *port)
{
    struct attributes both = nested(tuple), ips = nested(both.at[CTA_TUPLE_IP]),
                      proto = nested(both.at[CTA_TUPLE_PROTO]);
    const struct nlattr *v4 = ips.at[source ? CTA_IP_V4_SRC : CTA_IP_V4_DST],
                        *v6 = ips.at[source ? CTA_IP_V6_SRC : CTA_IP_V6_DST], *address = v4 ? v4 : v6;
    enum ip_family family = v4 ? IP_V4 : IP_V6;
    int port_type = source ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT;
    if (!address || mnl_attr_get_payload_len(address) != ip_bits(family) / 8 ||
        !has(&proto, CTA_PROTO_NUM, MNL_TYPE_U8) || !has(&proto, port_type, MNL_TYPE_U16) ||
        mnl_attr_get_u8(proto.at[CTA_PROTO_NUM]) != IPPROTO_UDP)
        return false;
    *ip = ip_from_bytes(family, mnl_attr_get_payload(address));
    *port = ntohs(mnl_attr_get_u16(proto.at[port_type]));
    return true;
}

static struct nlmsghdr *request(const struct pass *p, char *room, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(room);
    h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    h->nlmsg_seq = p->seq;
    struct nfgenmsg family = {.nfgen_family = p->family == IP_V6 ? AF_INET6 : AF_INET,
                              .version = NFNETLINK_V0};
    memcpy(mnl_nlmsg_put_extra_header(h, sizeof family), &family, sizeof family);
    return h;
}

static int flow_seen(const struct nlmsghdr *h, void *arg)
{
    struct pass *p = arg;
    struct attributes all = {0};
    struct udp_flow f;
    char room[1024];
    if (mnl_attr_parse(h, sizeof(struct nfgenmsg), attribute_seen, &all) < 0 ||
        !tuple_read(all.at[CTA_TUPLE_ORIG], false, &f.to, &f.to_port) ||
        !tuple_read(all.at[CTA_TUPLE_REPLY], true, &f.from, &f.from_port) || !p->stale(p->arg, &f))
        return MNL_CB_OK;
    const struct nlattr *tuple = all.at[CTA_TUPLE_ORIG], *zone = all.at[CTA_ZONE];
    if (tuple->nla_len > sizeof room / 2)
        return MNL_CB_OK;
    p->seq++;
    struct nlmsghdr *d = request(p, room, IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
    mnl_attr_put(d, tuple->nla_type, mnl_attr_get_payload_len(tuple), mnl_attr_get_payload(tuple));
    if (zone)
        mnl_attr_put(d, zone->nla_type, mnl_attr_get_payload_len(zone), mnl_attr_get_payload(zone));
    buf_add(&p->requests, room, d->nlmsg_len);
    return MNL_CB_OK;
}

/* Sends a request and reads its answer to the end; 0, or the kernel's errno. */
static int exchange(struct mnl_socket *s, const struct nlmsghdr *h, struct pass *p)
{
    char in[16384];
    if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
        return errno;
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(s, in, sizeof in);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        int rc = mnl_cb_run(in, (size_t)n, h->nlmsg_seq, mnl_socket_get_portid(s), flow_seen, p);
        if (rc <= MNL_CB_STOP)
            return rc < 0 ? errno : 0;
    }
}

static int forget(struct mnl_socket *s, struct pass *p)
{
    char room[256];
    int e = exchange(s, request(p, room, IPCTNL_MSG_CT_GET, NLM_F_DUMP), p);
    for (size_t at = 0; !e && at < p->requests.n;) {
        const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)(p->requests.p + at);
        e = exchange(s, h, p);
        if (e == ENOENT) /* it has ended by itself */
            e = 0;
        at += NLMSG_ALIGN(h->nlmsg_len);
    }
    return e;
}

int conntrack_forget_udp(enum ip_family family, bool (*stale)(void *arg, const struct udp_flow *f), void *arg,
                         struct err *err)
{
    struct pass p = {.stale = stale, .arg = arg, .family = family, .seq = (uint32_t)clock_mono()};
    struct mnl_socket *s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    int e = !s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ? errno : forget(s, &p);
    if (s)
        mnl_socket_close(s);
    buf_free(&p.requests);
    return e ? err_errno(err, e, "look through the tracked connections") : 0;
}
