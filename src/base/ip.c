#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>

struct ip ip_from_bytes(enum ip_family family, const unsigned char *bytes)
{
    struct ip ip = {.family = family};
    for (unsigned i = 0; i < ip_bits(family) / 8; i++)
        ip.n = ip.n << 8 | bytes[i];
    return ip;
}

void ip_bytes(struct ip ip, unsigned char *out)
{
    for (unsigned i = ip_bits(ip.family) / 8; i-- > 0; ip.n >>= 8)
        out[i] = (unsigned char)(ip.n & 0xff);
}

/* Four numbers of at most three digits behind their zeros. */
static bool ipv4_parse_sloppy(struct str s, struct ip *out)
{
    struct str part;
    ip_number n = 0;
    int parts = 0;
    for (; str_cut(&s, '.', &part); parts++) {
        uint64_t v;
        if (parts == 4 || !str_to_u64(part, &v) || part.p[0] == '+' || v > 255)
            return false;
        n = n << 8 | v;
    }
    *out = (struct ip){IP_V4, n};
    return parts == 4;
}

/* Any IPv6 address, those that stand for IPv4's too. */
static bool ipv6_parse_any(struct str s, struct ip *out)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    if (s.n >= sizeof text || memchr(s.p, 0, s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    *out = ip_from_bytes(IP_V6, bytes);
    return true;
}

static bool is_mapped(struct ip ip)
{
    return ip.family == IP_V6 && ip.n >> 32 == 0xffff;
}

/* Zeros in front of a number, which some read as octal. */
static bool has_padding(struct str s)
{
    struct str part;
    while (str_cut(&s, '.', &part))
        if (part.n > 1 && part.p[0] == '0')
            return true;
    return false;
}

bool ip_parse(struct str s, struct ip *out)
{
    struct ip ip;
    if (ip_family_of(s) == IP_V4 ? !ipv4_parse_sloppy(s, &ip) || has_padding(s)
                                 : !ipv6_parse_any(s, &ip) || is_mapped(ip))
        return false;
    *out = ip;
    return true;
}

bool ip_parse_sloppy(struct str s, struct ip *out)
{
    if (ip_family_of(s) == IP_V4)
        return ipv4_parse_sloppy(s, out);
    if (!ipv6_parse_any(s, out))
        return false;
    if (is_mapped(*out))
        *out = (struct ip){IP_V4, out->n & UINT32_MAX};
    return true;
}

/* The first of the longest runs of zeros is left out, unless that is but one. */
static struct str ipv6_text(struct arena *a, ip_number n)
{
    unsigned run = 0, from = 0, longest = 1;
    char text[INET6_ADDRSTRLEN];
    int at = 0;
    for (unsigned i = 0; i < 8; i++) {
        run = (n >> (112 - 16 * i) & 0xffff) ? 0 : run + 1;
        if (run > longest) {
            longest = run;
            from = i + 1 - run;
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        if (longest > 1 && i == from) {
            at += snprintf(text + at, sizeof text - (size_t)at, "::");
            i += longest - 1;
            continue;
        }
        at += snprintf(text + at, sizeof text - (size_t)at, "%s%x", at && text[at - 1] != ':' ? ":" : "",
                       (unsigned)(n >> (112 - 16 * i) & 0xffff));
    }
    return arena_str(a, str_slice(text, (size_t)at));
}

struct str ip_text(struct arena *a, struct ip ip)
{
    unsigned n = (unsigned)ip.n;
    return ip.family == IP_V6 ? ipv6_text(a, ip.n)
                              : arena_printf(a, "%u.%u.%u.%u", n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255);
}

struct str ip_host(struct arena *a, struct str host)
{
    return ip_family_of(host) == IP_V6 ? arena_printf(a, "[" STR_FMT "]", STR_ARG(host)) : host;
}

/* The bits behind a prefix. */
static ip_number host_mask(enum ip_family family, unsigned bits)
{
    unsigned hosts = ip_bits(family) - bits;
    return hosts == 128 ? ~(ip_number)0 : ((ip_number)1 << hosts) - 1;
}

struct ip_prefix ip_prefix_of(struct ip ip, unsigned bits)
{
    ip.n &= ~host_mask(ip.family, bits);
    return (struct ip_prefix){ip, bits};
}

bool ip_prefix_parse(struct str s, struct ip_prefix *out)
{
    ptrdiff_t slash = str_index(s, '/');
    struct ip ip;
    uint64_t bits;
    if (slash < 0 || !ip_parse(str_slice(s.p, (size_t)slash), &ip) ||
        !str_to_u64(str_from_at(s, (size_t)slash + 1), &bits) || bits > ip_bits(ip.family))
        return false;
    *out = ip_prefix_of(ip, (unsigned)bits);
    return true;
}

struct str ip_prefix_text(struct arena *a, struct ip_prefix p)
{
    return arena_printf(a, STR_FMT "/%u", STR_ARG(ip_text(a, p.base)), p.bits);
}

bool ip_prefix_parse_sloppy(struct str s, struct ip_prefix *out, struct ip *ip)
{
    ptrdiff_t slash = str_index(s, '/');
    struct str size = slash < 0 ? (struct str){0} : str_from_at(s, (size_t)slash + 1);
    struct ip whole;
    uint64_t bits;
    if (slash < 0 || !str_to_u64(size, &bits) || size.p[0] == '+')
        return false;
    s.n = (size_t)slash;
    if (ip_family_of(s) == IP_V4 ? !ipv4_parse_sloppy(s, &whole) : !ipv6_parse_any(s, &whole))
        return false;
    if (bits > ip_bits(whole.family))
        return false;
    if (is_mapped(whole) && bits >= 96) {
        whole = (struct ip){IP_V4, whole.n & UINT32_MAX};
        bits -= 96;
    }
    if (ip)
        *ip = whole;
    *out = ip_prefix_of(whole, (unsigned)bits);
    return true;
}

bool ip_prefix_has(struct ip_prefix p, struct ip ip)
{
    return ip.family == p.base.family && (ip.n & ~host_mask(ip.family, p.bits)) == p.base.n;
}

bool ip_prefix_overlaps(struct ip_prefix a, struct ip_prefix b)
{
    return a.bits < b.bits ? ip_prefix_has(a, b.base) : ip_prefix_has(b, a.base);
}

struct ip ip_prefix_last(struct ip_prefix p)
{
    return (struct ip){p.base.family, p.base.n | host_mask(p.base.family, p.bits)};
}

struct ip ip_prefix_at(struct ip_prefix p, ip_number offset)
{
    return (struct ip){p.base.family, p.base.n + offset};
}
