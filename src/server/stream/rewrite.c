#include "server/stream/rewrite.h"

/* --- a URL --- */

struct str rewrite_url(const struct rewrite *w, struct arena *a, struct str url)
{
    struct str path = url, host = {0}, before = {0};
    ptrdiff_t slashes = str_find(url, STR("//"));
    bool schemed = slashes > 0 && url.p[slashes - 1] == ':' && str_index(url, '/') == slashes;
    if (slashes == 0 || schemed) {
        path = str_from_at(url, (size_t)slashes + 2);
        size_t n = 0;
        while (n < path.n && !strchr("/?#", path.p[n]))
            n++;
        host = str_slice(path.p, n);
        before = str_slice(url.p, (size_t)slashes + 2 + n);
        path = str_from_at(path, n);
    }
    if (host.n && !str_eq(host, w->host) && !str_eq(host, w->own_host))
        return url; /* somebody else's */
    if (!path.n || path.p[0] != '/' || str_starts(path, w->prefix))
        return url;
    bool keep_host = host.n && str_eq(host, w->own_host);
    struct str below = arena_concat(a, w->prefix, path);
    return keep_host ? arena_concat(a, before, below) : below;
}

/* --- a page --- */

/* Which attributes are URLs (HTML 4 and 5), by the tags that have them. */
static const struct {
    const char *attribute, *tags;
} links[] = {
    {"action", " form "},
    {"background", " body "},
    {"cite", " blockquote del ins q "},
    {"classid", " object "},
    {"codebase", " applet object "},
    {"data", " object "},
    {"formaction", " button input "},
    {"href", " a area base link "},
    {"icon", " command "},
    {"longdesc", " frame iframe img "},
    {"manifest", " html "},
    {"poster", " video "},
    {"profile", " head "},
    {"src", " audio embed frame iframe img input script source video "},
    {"usemap", " img input object "},
};
/* What stands in these is no markup, up to their end tag. */
static const char *const raw_tags[] = {"script", "style", "textarea", "title", "xmp", "iframe", "noembed"};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_link(struct str tag, struct str attribute)
{
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        struct str rest = str_from(links[i].tags), one;
        while (str_eq_fold(attribute, str_from(links[i].attribute)) && str_cut(&rest, ' ', &one))
            if (one.n && str_eq_fold(one, tag))
                return true;
    }
    return false;
}

static struct str take_while(struct str *rest, bool (*wanted)(char c))
{
    size_t n = 0;
    while (n < rest->n && wanted(rest->p[n]))
        n++;
    struct str taken = str_slice(rest->p, n);
    *rest = str_from_at(*rest, n);
    return taken;
}

static bool in_name(char c)
{
    return !is_space(c) && c != '>' && c != '=' && c != '/';
}

static bool in_bare_value(char c)
{
    return !is_space(c) && c != '>';
}

/* An attribute's value, with its quotes where it has them. */
static void put_value(const struct rewrite *w, struct arena *a, bool link, struct str *rest, struct buf *out)
{
    struct str value;
    char quote = rest->n ? rest->p[0] : 0;
    if (quote == '"' || quote == '\'') {
        *rest = str_from_at(*rest, 1);
        ptrdiff_t end = str_index(*rest, quote);
        value = str_slice(rest->p, end < 0 ? rest->n : (size_t)end);
        *rest = str_from_at(*rest, value.n + 1);
        buf_add_c(out, quote);
    } else {
        quote = 0;
        value = take_while(rest, in_bare_value);
    }
    buf_add_str(out, link ? rewrite_url(w, a, value) : value);
    if (quote)
        buf_add_c(out, quote);
}

/* Behind '<', at a letter: up to the tag's end. */
static struct str put_tag(const struct rewrite *w, struct arena *a, struct str *rest, struct buf *out)
{
    struct str tag = take_while(rest, in_name);
    buf_add_str(out, tag);
    while (rest->n && rest->p[0] != '>') {
        struct str name = take_while(rest, in_name);
        if (!name.n) { /* space, a lone slash or equals sign */
            buf_add_c(out, rest->p[0]);
            *rest = str_from_at(*rest, 1);
            continue;
        }
        buf_add_str(out, name);
        struct str ahead = *rest;
        take_while(&ahead, is_space);
        if (!ahead.n || ahead.p[0] != '=')
            continue;
        ahead = str_from_at(ahead, 1);
        take_while(&ahead, is_space);
        buf_add(out, rest->p, rest->n - ahead.n);
        *rest = ahead;
        put_value(w, a, is_link(tag, name), rest, out);
    }
    return tag;
}

/* Copies up to `end` and with it, or all. */
static void put_through(struct str *rest, struct str end, struct buf *out)
{
    ptrdiff_t at = str_find(*rest, end);
    size_t n = at < 0 ? rest->n : (size_t)at + end.n;
    buf_add(out, rest->p, n);
    *rest = str_from_at(*rest, n);
}

/* Copies up to the end tag of `tag`. */
static void put_raw(struct str tag, struct str *rest, struct buf *out)
{
    size_t n = 0;
    for (; n < rest->n; n++) {
        struct str here = str_from_at(*rest, n);
        if (here.n > tag.n + 1 && here.p[0] == '<' && here.p[1] == '/' &&
            str_eq_fold(str_slice(here.p + 2, tag.n), tag))
            break;
    }
    buf_add(out, rest->p, n);
    *rest = str_from_at(*rest, n);
}

void rewrite_html(const struct rewrite *w, struct str page, struct buf *out)
{
    _cleanup_arena_ struct arena a = {0};
    while (page.n) {
        if (str_starts(page, STR("<!--"))) {
            put_through(&page, STR("-->"), out);
            continue;
        }
        ptrdiff_t open = str_index(page, '<');
        size_t n = open < 0 ? page.n : (size_t)open + (open == 0);
        bool tag = open == 0 && page.n > 1 && (((unsigned char)page.p[1] | 0x20) >= 'a') &&
                   (((unsigned char)page.p[1] | 0x20) <= 'z');
        buf_add(out, page.p, n);
        page = str_from_at(page, n);
        if (!tag)
            continue;
        struct str name = put_tag(w, &a, &page, out);
        for (size_t i = 0; i < ARRAY_LEN(raw_tags); i++)
            if (str_eq_fold(name, str_from(raw_tags[i])))
                put_raw(name, &page, out);
    }
}
