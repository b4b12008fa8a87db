/* What is wrong with the text of an IP address, or of a block of them, in the words of Go's net/netip. The
 * text is read by base/ip; here it is only looked at for what ended that. */
#include "cel/network.h"
#include "schema/quote.h"

/* A look at an address; each part of it is fine, or told. */
struct parse {
    struct str all;
    struct buf *why;
};

/* " (at ...)" when `at` is not empty. */
static bool wrong(struct parse *p, const char *what, struct str at)
{
    buf_add_lit(p->why, "ParseAddr(");
    quote_go(p->why, p->all);
    buf_addf(p->why, "): %s", what);
    if (at.n) {
        buf_add_lit(p->why, " (at ");
        quote_go(p->why, at);
        buf_add_lit(p->why, ")");
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool fine_4(struct parse *p, struct str s)
{
    unsigned field = 0, digits = 0, value = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (is_digit(c)) {
            if (digits == 1 && value == 0)
                return wrong(p, "IPv4 field has octet with leading zero", STR(""));
            value = value * 10 + (unsigned)(c - '0');
            digits++;
            if (value > 255)
                return wrong(p, "IPv4 field has value >255", STR(""));
            continue;
        }
        if (c != '.')
            return wrong(p, "unexpected character", str_from_at(s, i));
        if (i == 0 || i == s.n - 1 || s.p[i - 1] == '.')
            return wrong(p, "IPv4 field must have at least one digit", str_from_at(s, i));
        if (field == 3)
            return wrong(p, "IPv4 address too long", STR(""));
        field++;
        value = digits = 0;
    }
    return field == 3 || wrong(p, "IPv4 address too short", STR(""));
}

static bool is_hex(char c)
{
    char lower = (char)(c | 0x20);
    return is_digit(c) || (lower >= 'a' && lower <= 'f');
}

/* One group of hexadecimal digits, which *n are. */
static bool fine_group(struct parse *p, struct str s, size_t *n)
{
    for (*n = 0; *n < s.n && is_hex(s.p[*n]); ++*n)
        if (*n > 3)
            return wrong(p, "each group must have 4 or less digits", s);
    return *n || wrong(p, "each colon-separated field must have at least one digit", s);
}

static bool fine_embedded(struct parse *p, struct str s, bool gap, unsigned groups)
{
    if (!gap && groups != 6)
        return wrong(p, "embedded IPv4 address must replace the final 2 fields of the address", s);
    if (groups > 6)
        return wrong(p, "too many hex fields to fit an embedded IPv4 at the end of the address", s);
    return fine_4(p, s);
}

/* Whether so many groups are enough, and not too many for a gap. */
static bool fine_length(struct parse *p, bool gap, unsigned groups)
{
    if (groups == 8)
        return !gap || wrong(p, "the :: must expand to at least one field of zeros", STR(""));
    return gap || wrong(p, "address string too short", STR(""));
}

static bool fine_16(struct parse *p, struct str s)
{
    bool gap = str_starts(s, STR("::"));
    unsigned groups = 0;
    if (gap)
        s = str_from_at(s, 2);
    while (groups < 8 && (s.n || (groups == 0 && !gap))) {
        size_t n;
        if (!fine_group(p, s, &n))
            return false;
        if (n < s.n && s.p[n] == '.')
            return fine_embedded(p, s, gap, groups) && fine_length(p, gap, groups + 2);
        groups++;
        s = str_from_at(s, n);
        if (!s.n)
            break;
        if (*s.p != ':')
            return wrong(p, "unexpected character, want colon", s);
        if (s.n == 1)
            return wrong(p, "colon must be followed by more characters", s);
        s = str_from_at(s, 1);
        if (*s.p != ':')
            continue;
        if (gap)
            return wrong(p, "multiple :: in address", s);
        gap = true;
        s = str_from_at(s, 1);
    }
    return s.n ? wrong(p, "trailing garbage after address", s) : fine_length(p, gap, groups);
}

/* *zone is what stands behind a "%". */
static bool fine_address(struct str s, struct str *zone, struct buf *why)
{
    struct parse p = {s, why};
    size_t first = 0;
    while (first < s.n && s.p[first] != '.' && s.p[first] != ':' && s.p[first] != '%')
        first++;
    *zone = STR("");
    if (first == s.n)
        return wrong(&p, "unable to parse IP", STR(""));
    if (s.p[first] == '%')
        return wrong(&p, "missing IPv6 address", STR(""));
    if (s.p[first] == '.')
        return fine_4(&p, s);
    ptrdiff_t percent = str_index(s, '%');
    if (percent >= 0) {
        *zone = str_from_at(s, (size_t)percent + 1);
        s.n = (size_t)percent;
        if (!zone->n)
            return wrong(&p, "zone must be a non-empty string", STR(""));
    }
    return fine_16(&p, s);
}

static void quoted(struct buf *why, const char *before, struct str s, const char *after)
{
    buf_add_str(why, str_from(before));
    quote_go(why, s);
    buf_add_str(why, str_from(after));
}

void network_why_no_ip(struct str s, struct buf *why)
{
    _cleanup_buf_ struct buf text = {0};
    struct str zone;
    if (!fine_address(s, &zone, &text)) {
        quoted(why, "IP Address ", s, " parse error during conversion from string: ");
        buf_add_str(why, buf_str(&text));
    } else if (zone.n) {
        quoted(why, "IP address ", s, " with zone value is not allowed");
    } else {
        quoted(why, "IPv4-mapped IPv6 address ", s, " is not allowed");
    }
}

/* "24": plain digits, and no zero in front. */
static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return s.n && (s.n == 1 || *s.p != '0');
}

/* An IPv4-mapped block is read, and refused in other words. */
static bool fine_block(struct str s, struct buf *why)
{
    ptrdiff_t slash = str_last_index(s, '/');
    int64_t bits;
    struct str zone;
    if (slash < 0) {
        buf_add_lit(why, "no '/'");
        return false;
    }
    struct str address = str_slice(s.p, (size_t)slash), rest = str_from_at(s, (size_t)slash + 1);
    if (!fine_address(address, &zone, why))
        return false;
    if (zone.n)
        buf_add_lit(why, "IPv6 zones cannot be present in a prefix");
    else if (!is_plain(rest) || !str_to_i64(rest, &bits))
        quoted(why, "bad bits after slash: ", rest, "");
    else if (bits > ip_bits(ip_family_of(address)))
        buf_add_lit(why, "prefix length out of range");
    return !why->n;
}

void network_why_no_cidr(struct str s, struct buf *why)
{
    _cleanup_buf_ struct buf text = {0};
    if (fine_block(s, &text)) {
        quoted(why, "IPv4-mapped IPv6 address ", s, " is not allowed");
        return;
    }
    quoted(why, "network address parse error during conversion from string: netip.ParsePrefix(", s, "): ");
    buf_add_str(why, buf_str(&text));
}
