#include "schema/format.h"

#include "base/ip.h"

/* --- texts: the regular expressions stand in the messages, so they are spelled as upstream does --- */

#define RE_LABEL            "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define RE_LABEL_UNDERSCORE "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
#define RE_SUBDOMAIN        RE_LABEL "(\\." RE_LABEL ")*"
#define RE_KEY              "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define USED(re)            "regex used for validation is '" re "')"
/* Upstream counts bytes everywhere, and says so where the check has moved to api/validate/content. */
#define MAX_BYTES(n) "must be no more than " #n " bytes"
#define MAX_CHARS(n) "must be no more than " #n " characters"

#define SUBDOMAIN_TEXT                                                                                       \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "    \
    "must start and end with an alphanumeric character (e.g. 'example.com', " USED(RE_SUBDOMAIN)
#define KEY_TEXT                                                                                             \
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " \
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', " USED(RE_KEY)
#define CIDR_TEXT "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

struct messages {
    struct str *at;
    size_t n;
};

static void say(struct messages *m, const char *text)
{
    ensure(m->n < FORMAT_MESSAGES);
    m->at[m->n++] = str_from(text);
}

/* --- characters --- */

enum char_class {
    LOWER = 1 << 0,
    UPPER = 1 << 1,
    DIGIT = 1 << 2,
    DASH = 1 << 3,
    UNDER = 1 << 4,
    DOT = 1 << 5,
    LIST = 1 << 6, /* ',' and ':' */
    OTHER = 1 << 7,
    ALPHA = LOWER | UPPER,
    ALNUM = ALPHA | DIGIT,
};

static unsigned char_class(char c)
{
    return c >= 'a' && c <= 'z'   ? LOWER
           : c >= 'A' && c <= 'Z' ? UPPER
           : c >= '0' && c <= '9' ? DIGIT
           : c == '-'             ? DASH
           : c == '_'             ? UNDER
           : c == '.'             ? DOT
           : c == ',' || c == ':' ? LIST
                                  : OTHER;
}

/* Whether `s` is of the form first (inner* last)?, which nearly every format is. */
static bool shaped(struct str s, unsigned first, unsigned inner, unsigned last)
{
    if (s.n == 0 || !(char_class(s.p[0]) & first))
        return false;
    for (size_t i = 1; i + 1 < s.n; i++)
        if (!(char_class(s.p[i]) & inner))
            return false;
    return s.n == 1 || char_class(s.p[s.n - 1]) & last;
}

static bool all_of(struct str s, unsigned classes)
{
    return shaped(s, classes, classes, classes);
}

/* --- names --- */

static bool is_label(struct str s)
{
    return shaped(s, LOWER | DIGIT, LOWER | DIGIT | DASH, LOWER | DIGIT);
}

static bool is_label_underscore(struct str s)
{
    return is_label(s) || shaped(s.n && s.p[0] == '_' ? str_from_at(s, 1) : s, LOWER | DIGIT,
                                 LOWER | DIGIT | DASH | UNDER, LOWER | DIGIT);
}

static bool dotted(struct str s, bool (*is)(struct str))
{
    struct str part;
    if (s.n == 0)
        return false;
    while (str_cut(&s, '.', &part))
        if (!is(part))
            return false;
    return true;
}

static void check_dns1123_label(struct str s, struct messages *m)
{
    if (s.n > 63)
        say(m, MAX_CHARS(63));
    if (is_label(s))
        return;
    if (dotted(s, is_label))
        say(m, "must not contain dots");
    else
        say(m, "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
               "must start "
               "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', " USED(RE_LABEL));
}

static void check_dns1123_subdomain(struct str s, struct messages *m)
{
    if (s.n > 253)
        say(m, MAX_CHARS(253));
    if (!dotted(s, is_label))
        say(m, SUBDOMAIN_TEXT);
}

static void check_dns1123_subdomain_underscore(struct str s, struct messages *m)
{
    if (s.n > 253)
        say(m, MAX_CHARS(253));
    if (!dotted(s, is_label_underscore))
        say(m, "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' "
               "or '.', and "
               "must start and end with an alphanumeric character (e.g. 'example.com', " USED(
                   RE_LABEL_UNDERSCORE "(\\." RE_LABEL_UNDERSCORE ")*"));
}

static void check_dns1123_wildcard(struct str s, struct messages *m)
{
    if (s.n > 253)
        say(m, MAX_CHARS(253));
    if (!str_starts(s, STR("*.")) || !dotted(str_from_at(s, 2), is_label))
        say(m, "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
               "must "
               "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric "
               "character "
               "(e.g. '*.example.com', " USED("\\*\\." RE_SUBDOMAIN));
}

static void check_dns1035_label(struct str s, struct messages *m)
{
    if (s.n > 63)
        say(m, MAX_CHARS(63));
    if (!shaped(s, LOWER, LOWER | DIGIT | DASH, LOWER | DIGIT))
        say(m, "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
               "alphabetic "
               "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', " USED(
                   "[a-z]([-a-z0-9]*[a-z0-9])?"));
}

static bool is_key_name(struct str s)
{
    return shaped(s, ALNUM, ALNUM | DASH | UNDER | DOT, ALNUM);
}

static void check_key(struct str s, struct messages *m, bool any_case)
{
    ptrdiff_t slash = str_index(s, '/');
    struct str name = s;
    if (slash >= 0) {
        struct str prefix = str_slice(s.p, (size_t)slash);
        char lower[253];
        name = str_from_at(s, (size_t)slash + 1);
        if (str_index(name, '/') >= 0) {
            say(m, "a valid label key " KEY_TEXT " with an optional DNS subdomain prefix and '/' (e.g. "
                   "'example.com/MyName')");
            return;
        }
        if (any_case && prefix.n <= sizeof lower) {
            for (size_t i = 0; i < prefix.n; i++)
                lower[i] = char_class(prefix.p[i]) == UPPER ? (char)(prefix.p[i] | 0x20) : prefix.p[i];
            prefix.p = lower;
        }
        if (prefix.n == 0)
            say(m, "prefix part must be non-empty");
        else if (prefix.n > 253)
            say(m, "prefix part " MAX_BYTES(253));
        if (prefix.n && !dotted(prefix, is_label))
            say(m, "prefix part " SUBDOMAIN_TEXT);
    }
    if (name.n == 0)
        say(m, "name part must be non-empty");
    else if (name.n > 63)
        say(m, "name part " MAX_BYTES(63));
    if (!is_key_name(name))
        say(m, "name part " KEY_TEXT);
}

static void check_label_key(struct str s, struct messages *m)
{
    check_key(s, m, false);
}

static void check_annotation_key(struct str s, struct messages *m)
{
    check_key(s, m, true);
}

static void check_prefixed_label_key(struct str s, struct messages *m)
{
    check_key(s, m, false);
    if (m->n == 0 && str_index(s, '/') < 0)
        say(m, "must include a prefix (e.g. 'example.com/key')");
}

static void check_label_value(struct str s, struct messages *m)
{
    if (s.n > 63)
        say(m, MAX_BYTES(63));
    if (s.n && !is_key_name(s))
        say(m, "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
               "'.', and must "
               "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
               "'12345', " USED("(" RE_KEY ")?"));
}

static void check_c_identifier(struct str s, struct messages *m)
{
    if (!shaped(s, ALPHA | UNDER, ALNUM | UNDER, ALNUM | UNDER))
        say(m, "a valid C identifier must start with alphabetic character or '_', followed by a string of "
               "alphanumeric "
               "characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', " USED(
                   "[A-Za-z_][A-Za-z0-9_]*"));
}

static void check_parent_directory(struct str s, struct messages *m)
{
    if (str_is(s, "."))
        say(m, "must not be '.'");
    else if (str_is(s, ".."))
        say(m, "must not be '..'");
    else if (str_starts(s, STR("..")))
        say(m, "must not start with '..'");
}

static void check_env_name(struct str s, struct messages *m)
{
    unsigned rest = ALNUM | DASH | DOT | UNDER;
    if (!shaped(s, rest & ~(unsigned)DIGIT, rest, rest))
        say(m, "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', "
               "or '.', and "
               "must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', " USED(
                   "[-._a-zA-Z][-._a-zA-Z0-9]*"));
    check_parent_directory(s, m);
}

static void check_env_name_relaxed(struct str s, struct messages *m)
{
    if (s.n == 0)
        say(m, "environment variable name must be non-empty");
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == '=') {
            say(m, "a valid environment variable name must consist only of printable ASCII characters other "
                   "than "
                   "'='");
            return;
        }
}

static void check_config_map_key(struct str s, struct messages *m)
{
    if (s.n > 253)
        say(m, MAX_CHARS(253));
    if (!all_of(s, ALNUM | DASH | DOT | UNDER))
        say(m, "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
               "'key.name',  or "
               "'KEY_NAME',  or 'key-name', " USED("[-._a-zA-Z0-9]+"));
    check_parent_directory(s, m);
}

static void check_port_name(struct str s, struct messages *m)
{
    bool letter = false;
    for (size_t i = 0; i < s.n; i++)
        letter |= char_class(s.p[i]) == LOWER;
    if (s.n > 15)
        say(m, MAX_CHARS(15));
    if (!all_of(s, LOWER | DIGIT | DASH))
        say(m, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    if (!letter)
        say(m, "must contain at least one letter (a-z)");
    if (str_find(s, STR("--")) >= 0)
        say(m, "must not contain consecutive hyphens");
    if (s.n && (s.p[0] == '-' || s.p[s.n - 1] == '-'))
        say(m, "must not begin or end with a hyphen");
}

static void check_percent(struct str s, struct messages *m)
{
    if (!str_ends(s, STR("%")) || !all_of(str_slice(s.p, s.n - 1), DIGIT))
        say(m, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
               "'93%', " USED("[0-9]+%"));
}

static void check_http_header(struct str s, struct messages *m)
{
    if (!all_of(s, ALNUM | DASH))
        say(m,
            "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', " USED(
                "[-A-Za-z0-9]+"));
}

static void check_condition_reason(struct str s, struct messages *m)
{
    if (!shaped(s, ALPHA, ALNUM | UNDER | LIST, ALNUM | UNDER))
        say(m, "a condition reason must start with alphabetic character, optionally followed by a string of "
               "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. "
               "'my_name', "
               " or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', " USED(
                   "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"));
}

static void check_uuid(struct str s, struct messages *m)
{
    bool ok = s.n == 36;
    for (size_t i = 0; ok && i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        ok = dash ? s.p[i] == '-' : char_class(s.p[i]) == DIGIT || (s.p[i] >= 'a' && s.p[i] <= 'f');
    }
    if (!ok)
        say(m, "must be a lowercase UUID in 8-4-4-4-12 format");
}

static void check_path_segment(struct str s, struct messages *m)
{
    if (str_is(s, "."))
        say(m, "may not be '.'");
    else if (str_is(s, ".."))
        say(m, "may not be '..'");
    if (str_index(s, '/') >= 0)
        say(m, "may not contain '/'");
    if (str_index(s, '%') >= 0)
        say(m, "may not contain '%'");
}

/* --- addresses --- */

static void check_ip_sloppy(struct str s, struct messages *m)
{
    struct ip ip;
    if (!ip_parse_sloppy(s, &ip))
        say(m, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
}

static void check_ip(struct str s, struct messages *m)
{
    struct ip ip;
    check_ip_sloppy(s, m);
    if (m->n == 0 && !ip_parse(s, &ip))
        say(m, ip_family_of(s) == IP_V4 ? "must not have leading 0s"
                                        : "must not be an IPv4-mapped IPv6 address");
}

static void check_ipv4(struct str s, struct messages *m)
{
    struct ip ip;
    if (!ip_parse_sloppy(s, &ip) || ip.family != IP_V4)
        say(m, "must be a valid IPv4 address");
}

static void check_ipv6(struct str s, struct messages *m)
{
    struct ip ip;
    if (!ip_parse_sloppy(s, &ip) || ip.family != IP_V6)
        say(m, "must be a valid IPv6 address");
}

static void check_cidr_sloppy(struct str s, struct messages *m)
{
    struct ip_prefix p;
    if (!ip_prefix_parse_sloppy(s, &p, NULL))
        say(m, CIDR_TEXT);
}

static void check_cidr(struct str s, struct messages *m)
{
    struct ip_prefix p;
    struct ip ip;
    check_cidr_sloppy(s, m);
    if (m->n)
        return;
    ptrdiff_t slash = str_index(s, '/');
    bool strict = ip_parse(str_slice(s.p, (size_t)slash), &ip);
    struct str size = str_from_at(s, (size_t)slash + 1);
    if ((!strict && ip_family_of(s) == IP_V4) || (size.n > 1 && size.p[0] == '0'))
        say(m, "must not have leading 0s in IP or prefix length");
    else if (!strict)
        say(m, "must not have an IPv4-mapped IPv6 address");
    else if (ip_prefix_parse(s, &p) && !ip_eq(ip, p.base))
        say(m, "must not have bits set beyond the prefix length");
}

/* --- the table --- */

static const struct {
    void (*check)(struct str s, struct messages *m);
    const char *name, *alias; /* in declarations; upstream's +k8s:format */
} formats[FORMATS] = {
    [FORMAT_DNS1123_LABEL] = {check_dns1123_label, "dns1123-label", "k8s-short-name"},
    [FORMAT_DNS1123_SUBDOMAIN] = {check_dns1123_subdomain, "dns1123-subdomain", "k8s-long-name"},
    [FORMAT_DNS1123_SUBDOMAIN_UNDERSCORE] = {check_dns1123_subdomain_underscore,
                                             "dns1123-subdomain-underscore", ""},
    [FORMAT_DNS1123_WILDCARD] = {check_dns1123_wildcard, "dns1123-wildcard", ""},
    [FORMAT_DNS1035_LABEL] = {check_dns1035_label, "dns1035-label", ""},
    [FORMAT_LABEL_KEY] = {check_label_key, "qualified-name", "k8s-label-key"},
    [FORMAT_ANNOTATION_KEY] = {check_annotation_key, "annotation-key", ""},
    [FORMAT_PREFIXED_LABEL_KEY] = {check_prefixed_label_key, "prefixed-label-key", "k8s-prefixed-label-key"},
    [FORMAT_LABEL_VALUE] = {check_label_value, "label-value", "k8s-label-value"},
    [FORMAT_C_IDENTIFIER] = {check_c_identifier, "c-identifier", ""},
    [FORMAT_ENV_NAME] = {check_env_name, "env-name", ""},
    [FORMAT_ENV_NAME_RELAXED] = {check_env_name_relaxed, "env-name-relaxed", ""},
    [FORMAT_CONFIG_MAP_KEY] = {check_config_map_key, "config-map-key", ""},
    [FORMAT_PORT_NAME] = {check_port_name, "port-name", ""},
    [FORMAT_PERCENT] = {check_percent, "percent", ""},
    [FORMAT_HTTP_HEADER] = {check_http_header, "http-header", ""},
    [FORMAT_IP] = {check_ip, "ip", "k8s-ip"},
    [FORMAT_IP_SLOPPY] = {check_ip_sloppy, "ip-sloppy", ""},
    [FORMAT_IPV4] = {check_ipv4, "ipv4", ""},
    [FORMAT_IPV6] = {check_ipv6, "ipv6", ""},
    [FORMAT_CIDR] = {check_cidr, "cidr", "k8s-cidr"},
    [FORMAT_CIDR_SLOPPY] = {check_cidr_sloppy, "cidr-sloppy", ""},
    [FORMAT_UUID] = {check_uuid, "uuid", "k8s-uuid"},
    [FORMAT_CONDITION_REASON] = {check_condition_reason, "condition-reason", ""},
    [FORMAT_PATH_SEGMENT] = {check_path_segment, "path-segment", "k8s-path-segment-name"},
};

size_t format_check(enum format f, struct str value, struct str messages[FORMAT_MESSAGES])
{
    struct messages m = {messages, 0};
    if (f != FORMAT_NONE)
        formats[f].check(value, &m);
    return m.n;
}

bool format_ok(enum format f, struct str value)
{
    struct str messages[FORMAT_MESSAGES];
    return format_check(f, value, messages) == 0;
}

void format_validate(struct field_errors *e, const struct path *at, enum format f, struct str value)
{
    struct str messages[FORMAT_MESSAGES];
    size_t n = format_check(f, value, messages);
    for (size_t i = 0; i < n; i++)
        field_invalid(e, at, value, STR_FMT, STR_ARG(messages[i]));
}

void format_validate_range(struct field_errors *e, const struct path *at, int64_t value, int64_t min,
                           int64_t max)
{
    if (value < min || value > max)
        field_invalid_int(e, at, value, "must be between %lld and %lld, inclusive", (long long)min,
                          (long long)max);
}

void format_validate_port(struct field_errors *e, const struct path *at, int64_t port)
{
    format_validate_range(e, at, port, 1, 65535);
}

enum format format_from(struct str name)
{
    for (int f = FORMAT_NONE + 1; name.n && f < FORMATS; f++)
        if (str_is(name, formats[f].name) || str_is(name, formats[f].alias))
            return (enum format)f;
    return FORMAT_NONE;
}
