/* IP addresses and CIDR blocks (k8s.io/apiserver, cel/library/ip.go and cidr.go). */
#include <arpa/inet.h>

#include "cel/eval.h"
#include "cel/network.h"
#include "cel/text.h"

static const struct network *at(const struct cel_value *v)
{
    return v->opaque;
}

bool network_parse_ip(struct str s, struct network *out)
{
    char text[INET6_ADDRSTRLEN];
    if (s.n >= sizeof(text) || !s.n || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *out = (struct network){.bytes = strchr(text, ':') ? 16 : 4};
    out->prefix = (uint8_t)(out->bytes * 8);
    if (inet_pton(out->bytes == 4 ? AF_INET : AF_INET6, text, out->address) != 1)
        return false;
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return out->bytes == 4 || memcmp(out->address, mapped, sizeof(mapped)) != 0;
}

static bool parse_cidr(struct str s, struct network *out)
{
    ptrdiff_t slash = str_index(s, '/');
    int64_t bits;
    if (slash < 0 || !network_parse_ip(str_slice(s.p, (size_t)slash), out))
        return false;
    struct str prefix = str_from_at(s, (size_t)slash + 1);
    if (!prefix.n || *prefix.p == '+' || *prefix.p == '-' || (prefix.n > 1 && *prefix.p == '0') ||
        !str_to_i64(prefix, &bits) || bits > out->bytes * 8)
        return false;
    out->prefix = (uint8_t)bits;
    return true;
}

static struct network masked_of(const struct network *n)
{
    struct network m = *n;
    for (unsigned i = 0; i < m.bytes; i++) {
        unsigned keep = m.prefix > i * 8 ? m.prefix - i * 8 : 0;
        m.address[i] &= keep >= 8 ? 0xff : (uint8_t)(0xff00 >> keep);
    }
    return m;
}

static struct cel_value network_value(struct run *r, struct network n, const struct cel_type *type)
{
    return (struct cel_value){.kind = CEL_OPAQUE, .opaque = arena_dup(r->arena, &n, sizeof(n)), .type = type};
}

bool network_equal(const void *x, const void *y)
{
    const struct network *n = x, *m = y;
    return n->bytes == m->bytes && n->prefix == m->prefix && memcmp(n->address, m->address, n->bytes) == 0;
}

void text_write_ip(struct buf *out, const struct cel_value *v)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (v->type != &cel_ip && v->type != &cel_cidr)
        return;
    inet_ntop(at(v)->bytes == 4 ? AF_INET : AF_INET6, at(v)->address, text, sizeof(text));
    buf_add_str(out, str_from(text));
    if (v->type == &cel_cidr)
        buf_addf(out, "/%u", at(v)->prefix);
}

/* --- addresses --- */

static int ip_new(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct network n;
    if (!network_parse_ip(args[0].s, &n))
        return run_error(r,
                         "IP Address \"" STR_FMT
                         "\" parse error during conversion from string: ParseAddr(\"" STR_FMT
                         "\"): unable to parse IP",
                         STR_ARG(args[0].s), STR_ARG(args[0].s));
    *out = network_value(r, n, &cel_ip);
    return 0;
}

static int is_ip(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    struct network n;
    *out = cel_from_bool(network_parse_ip(args[0].s, &n));
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
    *out = cel_from_int(at(&args[0])->bytes == 4 ? 4 : 6);
    return 0;
}

static bool is_zero(const struct network *n, unsigned upto)
{
    for (unsigned i = 0; i < upto; i++)
        if (n->address[i])
            return false;
    return true;
}

static bool unspecified(const struct network *n)
{
    return is_zero(n, n->bytes);
}

static bool loopback(const struct network *n)
{
    return n->bytes == 4 ? n->address[0] == 127 : is_zero(n, 15) && n->address[15] == 1;
}

static bool multicast(const struct network *n)
{
    return n->bytes == 4 ? n->address[0] >> 4 == 14 : n->address[0] == 0xff;
}

static bool link_local_multicast(const struct network *n)
{
    const uint8_t *a = n->address;
    return n->bytes == 4 ? a[0] == 224 && a[1] == 0 && a[2] == 0 : a[0] == 0xff && (a[1] & 15) == 2;
}

static bool link_local_unicast(const struct network *n)
{
    const uint8_t *a = n->address;
    return n->bytes == 4 ? a[0] == 169 && a[1] == 254 : a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

static bool global_unicast(const struct network *n)
{
    static const uint8_t broadcast[4] = {255, 255, 255, 255};
    return !(n->bytes == 4 && memcmp(n->address, broadcast, 4) == 0) && !unspecified(n) && !loopback(n) &&
           !multicast(n) && !link_local_unicast(n);
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

static int bad_cidr(struct run *r, struct str s)
{
    return run_error(r,
                     "network address parse error during conversion from string: netip.ParsePrefix(\"" STR_FMT
                     "\"): unable to parse IP",
                     STR_ARG(s));
}

static int cidr_new(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct network n;
    if (!parse_cidr(args[0].s, &n))
        return bad_cidr(r, args[0].s);
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
    struct network inner = *of, x;
    if (block->bytes != of->bytes || block->prefix > of->prefix)
        return false;
    inner.prefix = block->prefix;
    inner = masked_of(&inner);
    x = masked_of(block);
    return memcmp(x.address, inner.address, x.bytes) == 0;
}

static int contains_ip(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct cel_value ip = args[1];
    if (ip.kind == CEL_STRING && ip_new(r, &args[1], &ip) < 0)
        return -1;
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
    n.prefix = (uint8_t)(n.bytes * 8);
    *out = network_value(r, n, &cel_ip);
    return 0;
}

static int masked(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = network_value(r, masked_of(at(&args[0])), &cel_cidr);
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
