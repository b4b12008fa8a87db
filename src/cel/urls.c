/* URLs, as Go's url.ParseRequestURI takes them: an absolute URI, or an absolute path. */
#include "base/encode.h"
#include "cel/eval.h"
#include "cel/opaque.h"

struct url {
    struct str scheme, host, path; /* the path escaped */
    struct str query;
};

static const struct url *url_at(const struct cel_value *v)
{
    return v->opaque;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}

static bool is_any(char c, const char *set)
{
    return c && strchr(set, c);
}

/* "https:" in front: takes it off. NULL, or what is wrong. */
static const char *take_scheme(struct str *rest, struct str *scheme)
{
    for (size_t i = 0; i < rest->n; i++) {
        char c = rest->p[i];
        if (is_letter(c))
            continue;
        if (c == ':') {
            if (i == 0)
                return "missing protocol scheme";
            *scheme = str_slice(rest->p, i);
            *rest = str_from_at(*rest, i + 1);
            return NULL;
        }
        if (!((c >= '0' && c <= '9') || is_any(c, "+-.")) || i == 0)
            return NULL;
    }
    return NULL;
}

static const char *check_port(struct str port)
{
    for (size_t i = 1; i < port.n; i++)
        if (port.p[i] < '0' || port.p[i] > '9')
            return "invalid port after host";
    return port.n && *port.p != ':' ? "invalid port after host" : NULL;
}

static const char *check_host(struct str host)
{
    if (host.n && *host.p == '[') {
        ptrdiff_t end = str_last_index(host, ']');
        return end < 0 ? "missing ']' in host" : check_port(str_from_at(host, (size_t)end + 1));
    }
    ptrdiff_t colon = str_last_index(host, ':');
    const char *wrong = colon < 0 ? NULL : check_port(str_from_at(host, (size_t)colon));
    for (size_t i = 0; !wrong && i < host.n; i++)
        if (!is_word(host.p[i]) && (unsigned char)host.p[i] < 0x80 &&
            !is_any(host.p[i], "-_.~!$&'()*+,;=:[]<>\"%"))
            wrong = "invalid character in host name";
    return wrong;
}

/* The path as Go's EscapedPath gives it: as it came where that is well encoded, else encoded anew. */
static const char *take_path(struct arena *a, struct str raw, struct str *path)
{
    struct str plain;
    bool well = true;
    for (size_t i = 0; i < raw.n; i++)
        well = well && (is_word(raw.p[i]) || is_any(raw.p[i], "-_.~!$&'()*+,;=:@[]/%"));
    if (decode_percent(a, raw, false, &plain) < 0)
        return "invalid URL escape";
    *path = raw;
    if (well)
        return NULL;
    _cleanup_buf_ struct buf made = {0};
    for (size_t i = 0; i < plain.n; i++)
        if (is_word(plain.p[i]) || is_any(plain.p[i], "-_.~$&+,/:;=@"))
            buf_add_c(&made, plain.p[i]);
        else
            buf_addf(&made, "%%%02X", (unsigned char)plain.p[i]);
    *path = arena_str(a, buf_str(&made));
    return NULL;
}

static const char *url_parse(struct arena *a, struct str s, struct url *u)
{
    struct str rest = s;
    if (!s.n)
        return "empty url";
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return "invalid control character in URL";
    const char *wrong = take_scheme(&rest, &u->scheme);
    if (wrong)
        return wrong;
    char *scheme = arena_c(a, u->scheme);
    for (size_t i = 0; i < u->scheme.n; i++)
        scheme[i] = (char)(scheme[i] >= 'A' && scheme[i] <= 'Z' ? scheme[i] + 32 : scheme[i]);
    u->scheme.p = scheme;
    ptrdiff_t question = str_index(rest, '?');
    if (question >= 0) {
        u->query = str_from_at(rest, (size_t)question + 1);
        rest.n = (size_t)question;
    }
    if (!rest.n || *rest.p != '/')
        return u->scheme.n ? NULL : "invalid URI for request";
    if (u->scheme.n && str_starts(rest, STR("//"))) {
        rest = str_from_at(rest, 2);
        ptrdiff_t slash = str_index(rest, '/');
        u->host = slash < 0 ? rest : str_slice(rest.p, (size_t)slash);
        rest = slash < 0 ? STR("") : str_from_at(rest, (size_t)slash);
        ptrdiff_t at = str_last_index(u->host, '@');
        u->host = str_from_at(u->host, (size_t)(at + 1));
        wrong = check_host(u->host);
    }
    return wrong ? wrong : take_path(a, rest, &u->path);
}

static int url_new(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct url *u = arena_new(r->arena, struct url);
    const char *wrong = url_parse(r->arena, args[0].s, u);
    if (wrong)
        return run_error(r, "URL parse error during conversion from string: parse \"" STR_FMT "\": %s",
                         STR_ARG(args[0].s), wrong);
    *out = (struct cel_value){.kind = CEL_OPAQUE, .opaque = u, .type = &cel_url};
    return 0;
}

static int is_url(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct url u = {0};
    *out = cel_from_bool(!url_parse(r->arena, args[0].s, &u));
    return 0;
}

bool url_equal(const void *x, const void *y)
{
    const struct url *u = x, *v = y;
    return str_eq(u->scheme, v->scheme) && str_eq(u->host, v->host) && str_eq(u->path, v->path) &&
           str_eq(u->query, v->query);
}

#define PART(name, member)                                                                                   \
    static int name(struct run *r, const struct cel_value *args, struct cel_value *out)                      \
    {                                                                                                        \
        (void)r;                                                                                             \
        *out = cel_from_str(url_at(&args[0])->member);                                                       \
        return 0;                                                                                            \
    }
PART(get_scheme, scheme)
PART(get_host, host)
PART(get_path, path)

/* Where the port's colon stands in the host; its length when there is none. */
static size_t port_at(struct str host)
{
    ptrdiff_t colon = str_last_index(host, ':'), bracket = str_last_index(host, ']');
    return colon > bracket ? (size_t)colon : host.n;
}

static int get_hostname(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    struct str host = url_at(&args[0])->host;
    host.n = port_at(host);
    if (host.n > 1 && *host.p == '[')
        host = str_slice(host.p + 1, host.n - 2);
    *out = cel_from_str(host);
    return 0;
}

static int get_port(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    struct str host = url_at(&args[0])->host;
    *out = cel_from_str(str_from_at(host, port_at(host) + 1));
    return 0;
}

static int get_query(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct str rest = url_at(&args[0])->query, part;
    struct cel_pairs query = {0};
    while (str_cut(&rest, '&', &part)) {
        ptrdiff_t equals = str_index(part, '=');
        struct str key = equals < 0 ? part : str_slice(part.p, (size_t)equals),
                   value = equals < 0 ? STR("") : str_from_at(part, (size_t)equals + 1);
        if (!part.n || str_index(part, ';') >= 0 || decode_percent(r->arena, key, true, &key) < 0 ||
            decode_percent(r->arena, value, true, &value) < 0)
            continue;
        struct cel_value k = cel_from_str(key), *have = (struct cel_value *)pairs_get(&query, &k);
        struct values all = {0};
        for (size_t i = 0; have && i < have->list.n; i++)
            values_add(r, &all, have->list.at[i]);
        values_add(r, &all, cel_from_str(value));
        if (have)
            *have = values_list(&all);
        else if (pairs_add(r, &query, k, values_list(&all)) < 0)
            return -1;
        if (run_charge(r, all.n / 10) < 0)
            return -1;
    }
    *out = pairs_map(r, &query);
    return 0;
}

static const struct function table[] = {
    {"url(string) URL", url_new, COST_FIRST_TENTH}, {"isURL(string) bool", is_url, COST_FIRST_TENTH},
    {"URL:getScheme() string", get_scheme},         {"URL:getHost() string", get_host},
    {"URL:getHostname() string", get_hostname},     {"URL:getPort() string", get_port},
    {"URL:getEscapedPath() string", get_path},      {"URL:getQuery() map(string, list(string))", get_query},
};
LIBRARY(cel_urls, table);
