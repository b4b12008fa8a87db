/* IP addresses and prefixes of both families, as text and as numbers (RFC 4291, RFC 4632). */
#pragma once
#include "base/arena.h"

enum ip_family { IP_NEITHER = 0, IP_V4 = 4, IP_V6 = 6 };

/* As a number in host order, so that addresses can be counted and compared. */
typedef unsigned __int128 ip_number;

struct ip {
    enum ip_family family;
    ip_number n;
};

struct ip_prefix {
    struct ip base; /* host bits zero */
    unsigned bits;
};

/* 32 or 128. */
static inline unsigned ip_bits(enum ip_family family)
{
    return family == IP_V4 ? 32 : 128;
}

static inline bool ip_eq(struct ip a, struct ip b)
{
    return a.family == b.family && a.n == b.n;
}

/* What the text is of: by its colon alone. */
static inline enum ip_family ip_family_of(struct str s)
{
    return str_index(s, ':') >= 0 ? IP_V6 : IP_V4;
}

/* As Go's netip.ParseAddr: no leading zeros in IPv4; and neither zones nor IPv4-mapped addresses. False: out
 * is untouched. */
bool ip_parse(struct str s, struct ip *out);
/* As Go's net.ParseIP once did, and Kubernetes' ParseIPSloppy still does: zeros in front of IPv4's numbers
 * are passed over, and IPv4-mapped addresses are IPv4's. */
bool ip_parse_sloppy(struct str s, struct ip *out);
/* As IPv6 addresses are to be written (RFC 5952). */
struct str ip_text(struct arena *a, struct ip ip);

/* A host as it stands in front of a port: an IPv6 address in brackets (RFC 3986, 3.2.2), all else as it is.
 */
struct str ip_host(struct arena *a, struct str host);

/* 16 or 4 bytes in network order, and back. */
void ip_bytes(struct ip ip, unsigned char *out);
struct ip ip_from_bytes(enum ip_family family, const unsigned char *bytes);

/* "10.0.0.0/16", "fd00::/112"; host bits are cleared. */
bool ip_prefix_parse(struct str s, struct ip_prefix *out);
/* The same, sloppily (ParseCIDRSloppy); *ip (may be NULL) is the address with its host bits. */
bool ip_prefix_parse_sloppy(struct str s, struct ip_prefix *out, struct ip *ip);
/* The prefix of so many bits that the address is in. */
struct ip_prefix ip_prefix_of(struct ip ip, unsigned bits);
struct str ip_prefix_text(struct arena *a, struct ip_prefix p);
bool ip_prefix_has(struct ip_prefix p, struct ip ip);
/* Whether they have an address in common. */
bool ip_prefix_overlaps(struct ip_prefix a, struct ip_prefix b);
struct ip ip_prefix_last(struct ip_prefix p);
/* The address so far behind the base, which must be inside. */
struct ip ip_prefix_at(struct ip_prefix p, ip_number offset);
