/* Addresses and ranges (k8s.io/apimachinery/pkg/util/validation/ip.go). Fields that have long been there take
 * what can be read in one way only, though it be written unusually; an object keeps what it has (KEP-4858).
 * Either is warned of. */
#include "api/valid.h"
#include "base/ip.h"
#include "schema/object.h"
#include "schema/quote.h"

/* Whether the text stood in the object before. */
static bool is_kept(const struct field_errors *e, struct str v)
{
    if (!e->before)
        return false;
    _cleanup_buf_ struct buf quoted = {0};
    quote_go(&quoted, v);
    return str_find(object_json(e->before), buf_str(&quoted)) >= 0;
}

void note_ip(struct field_errors *e, const struct path *at, struct str v)
{
    struct ip ip;
    if (!ip_parse_sloppy(v, &ip))
        return;
    struct str text = ip_text(&e->arena, ip);
    if (!format_ok(FORMAT_IP, v))
        field_note(e, at,
                   "non-standard IP address \"" STR_FMT
                   "\" will be considered invalid in a future Kubernetes "
                   "release: use \"" STR_FMT "\"",
                   STR_ARG(v), STR_ARG(text));
    else if (!str_eq(v, text))
        field_note(e, at,
                   "IPv6 address \"" STR_FMT "\" should be in RFC 5952 canonical format (\"" STR_FMT "\")",
                   STR_ARG(v), STR_ARG(text));
}

void valid_ip(struct field_errors *e, const struct path *at, struct str v)
{
    if (!format_ok(FORMAT_IP, v) && !(is_kept(e, v) && format_ok(FORMAT_IP_SLOPPY, v)))
        format_validate(e, at, FORMAT_IP, v);
    else
        note_ip(e, at, v);
}

/* What is wrong with a kept one, and with an unusual one. */
static void note_cidr(struct field_errors *e, const struct path *at, struct str v)
{
    struct ip_prefix p, same;
    struct ip ip;
    ip_prefix_parse_sloppy(v, &p, &ip);
    struct str text = ip_prefix_text(&e->arena, p);
    bool odd = !ip_prefix_parse(v, &same) || str_find(v, STR("/0")) == (ptrdiff_t)v.n - 3;
    if (!ip_eq(ip, p.base))
        field_note(e, at,
                   "CIDR value \"" STR_FMT "\" is ambiguous in this context (should be \"" STR_FMT
                   "\" or \"" STR_FMT "/%u\"?)",
                   STR_ARG(v), STR_ARG(text), STR_ARG(ip_text(&e->arena, ip)), ip_bits(ip.family));
    if (odd)
        field_note(e, at,
                   "non-standard CIDR value \"" STR_FMT
                   "\" will be considered invalid in a future Kubernetes "
                   "release: use \"" STR_FMT "\"",
                   STR_ARG(v), STR_ARG(text));
    else if (ip_eq(ip, p.base) && p.base.family == IP_V6 && !str_eq(v, text))
        field_note(e, at,
                   "IPv6 CIDR value \"" STR_FMT "\" should be in RFC 5952 canonical format (\"" STR_FMT "\")",
                   STR_ARG(v), STR_ARG(text));
}

void valid_cidr(struct field_errors *e, const struct path *at, struct str v)
{
    if (!format_ok(FORMAT_CIDR, v) && !(is_kept(e, v) && format_ok(FORMAT_CIDR_SLOPPY, v)))
        format_validate(e, at, FORMAT_CIDR, v);
    else
        note_cidr(e, at, v);
}

void valid_canonical_ip(struct field_errors *e, const struct path *at, struct str v)
{
    struct ip ip;
    if (!format_ok(FORMAT_IP, v) || !ip_parse(v, &ip)) {
        format_validate(e, at, FORMAT_IP, v);
        return;
    }
    struct str text = ip_text(&e->arena, ip);
    if (!str_eq(v, text))
        field_invalid(e, at, v, "must be in canonical form (\"" STR_FMT "\")", STR_ARG(text));
}

void valid_canonical_cidr(struct field_errors *e, const struct path *at, struct str v)
{
    struct ip_prefix p;
    if (!format_ok(FORMAT_CIDR, v) || !ip_prefix_parse(v, &p)) {
        format_validate(e, at, FORMAT_CIDR, v);
        return;
    }
    struct str text = ip_prefix_text(&e->arena, p);
    if (!str_eq(v, text))
        field_invalid(e, at, v, "must be in canonical form (\"" STR_FMT "\")", STR_ARG(text));
}

void valid_interface_address(struct field_errors *e, const struct path *at, struct str v)
{
    struct ip_prefix p;
    struct ip ip;
    if (!ip_prefix_parse_sloppy(v, &p, &ip)) {
        field_invalid(e, at, v, "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)");
        return;
    }
    struct str text = arena_printf(&e->arena, STR_FMT "/%u", STR_ARG(ip_text(&e->arena, ip)), p.bits);
    if (!str_eq(v, text))
        field_invalid(e, at, v, "must be in canonical form (\"" STR_FMT "\")", STR_ARG(text));
}

static bool inside(struct ip ip, const char *prefix)
{
    struct ip_prefix p;
    return ip_prefix_parse(str_from(prefix), &p) && ip_prefix_has(p, ip);
}

void valid_endpoint_ip(struct field_errors *e, const struct path *at, struct str v)
{
    static const struct {
        const char *ipv4, *ipv6, *message;
    } special[] = {
        {"127.0.0.0/8", "::1/128", "may not be in the loopback range (127.0.0.0/8, ::1/128)"},
        {"169.254.0.0/16", "fe80::/10", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"},
        {"224.0.0.0/24", "ff02::/16",
         "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"},
    };
    struct ip ip;
    if (!ip_parse_sloppy(v, &ip))
        return;
    if (!ip.n)
        field_invalid(e, at, v, "may not be unspecified (" STR_FMT ")", STR_ARG(v));
    for (size_t i = 0; i < ARRAY_LEN(special); i++)
        if (inside(ip, special[i].ipv4) || inside(ip, special[i].ipv6))
            field_invalid(e, at, v, "%s", special[i].message);
}

bool is_ip(struct str v)
{
    return format_ok(FORMAT_IP_SLOPPY, v);
}

bool valid_dual(const struct str *v, size_t n)
{
    return n == 2 && ip_family_of(v[0]) != ip_family_of(v[1]);
}

void valid_balancer(struct field_errors *e, const struct path *at, struct str ip, struct str hostname)
{
    if (ip.n)
        valid_ip(e, PATH(at, "ip"), ip);
    if (!hostname.n)
        return;
    format_validate(e, PATH(at, "hostname"), FORMAT_DNS1123_SUBDOMAIN, hostname);
    if (is_ip(hostname))
        field_invalid(e, PATH(at, "hostname"), hostname, "must be a DNS name, not an IP address");
}
