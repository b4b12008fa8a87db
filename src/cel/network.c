/* IP addresses and CIDR blocks (k8s.io/apiserver, cel/library/ip.go and cidr.go). */
#include "cel/network.h"
#include "cel/eval.h"
#include "cel/opaque.h"
#include "cel/text.h"

static const struct network *at(const struct cel_value *v)
{
    return v->opaque;
}

static bool parse_ip(struct str s, struct network *out)
{
    struct ip ip;
    if (!ip_parse(s, &ip))
        return false;
    *out = (struct network){ip, ip_bits(ip.family)};
    return true;
}

/* As netip.ParsePrefix: host bits stay. */
static bool parse_cidr(struct str s, struct network *out)
{
    ptrdiff_t slash = str_index(s, '/');
    struct ip_prefix p;
    if (slash < 0 || !parse_ip(str_slice(s.p, (size_t)slash), out))
        return false;
    struct str bits = str_from_at(s, (size_t)slash + 1);
    if (!bits.n || *bits.p == '+' || (bits.n > 1 && *bits.p == '0') || !ip_prefix_parse(s, &p))
        return false;
    out->prefix = p.bits;
    return true;
}

static struct ip_prefix block_of(const struct network *n)
{
    return ip_prefix_of(n->ip, n->prefix);
}

static struct cel_value network_value(struct run *r, struct network n, const struct cel_type *type)
{
    return (struct cel_value){.kind = CEL_OPAQUE, .opaque = arena_dup(r->arena, &n, sizeof(n)), .type = type};
}

bool network_equal(const void *x, const void *y)
{
    const struct network *n = x, *m = y;
    return ip_eq(n->ip, m->ip) && n->prefix == m->prefix;
}

void text_write_ip(struct buf *out, const struct cel_value *v)
{
    if (v->type != &cel_ip && v->type != &cel_cidr)
        return;
    _cleanup_arena_ struct arena a = {0};
    buf_add_str(out, ip_text(&a, at(v)->ip));
    if (v->type == &cel_cidr)
        buf_addf(out, "/%u", at(v)->prefix);
}

/* --- addresses --- */

static int ip_new(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_buf_ struct buf why = {0};
    struct network n;
    if (!parse_ip(args[0].s, &n)) {
        network_why_no_ip(args[0].s, &why);
        return run_error(r, STR_FMT, STR_ARG(buf_str(&why)));
    }
    *out = network_value(r, n, &cel_ip);
    return 0;
}

static int is_ip(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    struct network n;
    *out = cel_from_bool(parse_ip(args[0].s, &n));
    return 0;
}

static int is_canonical(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_buf_ struct buf text = {0};
    struct cel_value ip;
    if (ip_new(r, args, &ip) < 0)
        return -1;
    text_write_ip(&text, &ip);
    *out = cel_from_bool(str_eq(buf_str(&text), args[0].s));
    return 0;
}

static int family(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int(at(&args[0])->ip.family);
    return 0;
}

/* One of the blocks that are set aside, of either family. */
static bool inside(const struct network *n, const char *ipv4, const char *ipv6)
{
    struct ip_prefix p;
    return ip_prefix_parse(str_from(n->ip.family == IP_V4 ? ipv4 : ipv6), &p) && ip_prefix_has(p, n->ip);
}

static bool unspecified(const struct network *n)
{
    return !n->ip.n;
}

static bool loopback(const struct network *n)
{
    return inside(n, "127.0.0.0/8", "::1/128");
}

static bool multicast(const struct network *n)
{
    return inside(n, "224.0.0.0/4", "ff00::/8");
}

/* Of IPv6, whatever the flags beside the scope (RFC 4291, 2.7). */
static bool link_local_multicast(const struct network *n)
{
    return n->ip.family == IP_V4 ? inside(n, "224.0.0.0/24", "") : (n->ip.n >> 112 & 0xff0f) == 0xff02;
}

static bool link_local_unicast(const struct network *n)
{
    return inside(n, "169.254.0.0/16", "fe80::/10");
}

static bool global_unicast(const struct network *n)
{
    return !inside(n, "255.255.255.255/32", "::/128") && !unspecified(n) && !loopback(n) && !multicast(n) &&
           !link_local_unicast(n);
}

#define IS(name)                                                                                             \
    static int is_##name(struct run *r, const struct cel_value *args, struct cel_value *out)                 \
    {                                                                                                        \
        (void)r;                                                                                             \
        *out = cel_from_bool(name(at(&args[0])));                                                            \
        return 0;                                                                                            \
    }
IS(unspecified)
IS(loopback)
IS(link_local_multicast)
IS(link_local_unicast)
IS(global_unicast)

static const struct function ip_table[] = {
    {"ip(string) IP", ip_new, COST_FIRST_TENTH},
    {"isIP(string) bool", is_ip, COST_FIRST_TENTH},
    {"ip.isCanonical(string) bool", is_canonical, COST_FIRST_FIFTH},
    {"IP:family() int", family},
    {"IP:isUnspecified() bool", is_unspecified},
    {"IP:isLoopback() bool", is_loopback},
    {"IP:isLinkLocalMulticast() bool", is_link_local_multicast},
    {"IP:isLinkLocalUnicast() bool", is_link_local_unicast},
    {"IP:isGlobalUnicast() bool", is_global_unicast},
};
LIBRARY(cel_ips, ip_table);

/* --- blocks --- */

static int cidr_new(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_buf_ struct buf why = {0};
    struct network n;
    if (!parse_cidr(args[0].s, &n)) {
        network_why_no_cidr(args[0].s, &why);
        return run_error(r, "network address parse error during conversion from string: " STR_FMT,
                         STR_ARG(buf_str(&why)));
    }
    *out = network_value(r, n, &cel_cidr);
    return 0;
}

static int is_cidr(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    struct network n;
    *out = cel_from_bool(parse_cidr(args[0].s, &n));
    return 0;
}

static bool contains(const struct network *block, const struct network *of)
{
    return block->prefix <= of->prefix && ip_prefix_has(block_of(block), of->ip);
}

static int contains_ip(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct cel_value ip = args[1];
    struct network n;
    if (ip.kind == CEL_STRING && !parse_ip(ip.s, &n))
        return run_no_overload(r); /* as upstream: it forgets why */
    if (ip.kind == CEL_STRING)
        ip = network_value(r, n, &cel_ip);
    *out = cel_from_bool(contains(at(&args[0]), at(&ip)));
    return 0;
}

static int contains_cidr(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct cel_value cidr = args[1];
    if (cidr.kind == CEL_STRING && cidr_new(r, &args[1], &cidr) < 0)
        return -1;
    *out = cel_from_bool(contains(at(&args[0]), at(&cidr)));
    return 0;
}

static int ip_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct network n = *at(&args[0]);
    n.prefix = ip_bits(n.ip.family);
    *out = network_value(r, n, &cel_ip);
    return 0;
}

static int masked(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct network n = *at(&args[0]);
    n.ip = block_of(&n).base;
    *out = network_value(r, n, &cel_cidr);
    return 0;
}

static int prefix_length(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int(at(&args[0])->prefix);
    return 0;
}

static const struct function cidr_table[] = {
    {"cidr(string) CIDR", cidr_new, COST_FIRST_TENTH},
    {"isCIDR(string) bool", is_cidr, COST_FIRST_TENTH},
    {"CIDR:containsIP(IP) bool", contains_ip, COST_CONTAINS_IP},
    {"CIDR:containsIP(string) bool", contains_ip, COST_CONTAINS_IP_STRING},
    {"CIDR:containsCIDR(CIDR) bool", contains_cidr, COST_CONTAINS_CIDR},
    {"CIDR:containsCIDR(string) bool", contains_cidr, COST_CONTAINS_CIDR_STRING},
    {"CIDR:ip() IP", ip_of},
    {"CIDR:masked() CIDR", masked},
    {"CIDR:prefixLength() int", prefix_length},
};
LIBRARY(cel_cidrs, cidr_table);
