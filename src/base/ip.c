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

bool ip_parse(struct str s, struct ip *out)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    enum ip_family family = ip_family_of(s);
    if (!s.n || s.n >= sizeof text || memchr(s.p, 0, s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    if (inet_pton(family == IP_V4 ? AF_INET : AF_INET6, text, bytes) != 1 ||
        (family == IP_V6 && memcmp(bytes, mapped, sizeof mapped) == 0))
        return false;
    *out = ip_from_bytes(family, bytes);
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

/* The bits behind a prefix. */
static ip_number host_mask(enum ip_family family, unsigned bits)
{
    unsigned hosts = ip_bits(family) - bits;
    return hosts == 128 ? ~(ip_number)0 : ((ip_number)1 << hosts) - 1;
}

bool ip_prefix_parse(struct str s, struct ip_prefix *out)
{
    ptrdiff_t slash = str_index(s, '/');
    struct ip ip;
    uint64_t bits;
    if (slash < 0 || !ip_parse(str_slice(s.p, (size_t)slash), &ip) ||
        !str_to_u64(str_from_at(s, (size_t)slash + 1), &bits) || bits > ip_bits(ip.family))
        return false;
    ip.n &= ~host_mask(ip.family, (unsigned)bits);
    *out = (struct ip_prefix){ip, (unsigned)bits};
    return true;
}

struct str ip_prefix_text(struct arena *a, struct ip_prefix p)
{
    return arena_printf(a, STR_FMT "/%u", STR_ARG(ip_text(a, p.base)), p.bits);
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
