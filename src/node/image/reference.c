#include "node/image/reference.h"

enum { REFERENCE_NAME_MAX = 255, REFERENCE_TAG_MAX = 128 };

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_word(char c)
{
    return is_lower_alnum(c) || is_upper(c) || c == '_';
}

static bool has_upper(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_upper(s.p[i]))
            return true;
    return false;
}

/* One part of a repository's path: alphanumerics, joined by ".", "_", "__" or any number of "-". */
static bool is_path_component(struct str s)
{
    if (!s.n || !is_lower_alnum(s.p[0]) || !is_lower_alnum(s.p[s.n - 1]))
        return false;
    for (size_t i = 0; i < s.n;) {
        char c = s.p[i];
        size_t run = 1;
        while (i + run < s.n && s.p[i + run] == c)
            run++;
        if (!is_lower_alnum(c) && !(c == '-' || (c == '_' && run <= 2) || (c == '.' && run == 1)))
            return false;
        if (!is_lower_alnum(c) && !is_lower_alnum(s.p[i + run]))
            return false; /* different separators in a row */
        i += run;
    }
    return true;
}

static bool is_domain(struct str s)
{
    struct str host = s, port = {0};
    bool bracketed = s.n && s.p[0] == '[';
    ptrdiff_t end = bracketed ? str_index(s, ']') : -1;
    if (bracketed && end < 0)
        return false;
    ptrdiff_t colon = str_index(str_from_at(s, bracketed ? (size_t)end : 0), ':');
    if (colon >= 0) {
        size_t at = (size_t)colon + (bracketed ? (size_t)end : 0);
        host = str_slice(s.p, at);
        port = str_from_at(s, at + 1);
        uint64_t number;
        if (!str_to_u64(port, &number) || number > 65535)
            return false;
    }
    if (bracketed) {
        for (size_t i = 1; i + 1 < host.n; i++)
            if (!(host.p[i] == ':' || (host.p[i] >= '0' && host.p[i] <= '9') ||
                  ((host.p[i] | 32) >= 'a' && (host.p[i] | 32) <= 'f')))
                return false;
        return host.n > 2;
    }
    struct str label;
    while (str_cut(&host, '.', &label)) {
        if (!label.n || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!is_word(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

static bool is_tag(struct str s)
{
    if (!s.n || s.n > REFERENCE_TAG_MAX || !is_word(s.p[0]))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_word(s.p[i]) && s.p[i] != '.' && s.p[i] != '-')
            return false;
    return true;
}

static bool is_identifier(struct str s)
{
    if (s.n != 64)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
            return false;
    return true;
}

int image_reference_parse(struct str text, struct arena *a, struct image_reference *out, struct err *err)
{
    if (is_identifier(text))
        return err_set(err, ERR_INVALID,
                       "invalid repository name (" STR_FMT "), cannot specify 64-byte hexadecimal strings",
                       STR_ARG(text));
    struct image_reference r = {0};
    struct str rest = text;
    ptrdiff_t at = str_index(rest, '@');
    if (at >= 0) {
        r.digest = str_from_at(rest, (size_t)at + 1);
        rest.n = (size_t)at;
        struct digest digest;
        if (!digest_parse(r.digest, &digest))
            return err_set(err, ERR_INVALID, "invalid reference format");
    }
    ptrdiff_t slash = str_last_index(rest, '/');
    ptrdiff_t colon = str_last_index(rest, ':');
    if (colon > slash) {
        r.tag = str_from_at(rest, (size_t)colon + 1);
        rest.n = (size_t)colon;
        if (!is_tag(r.tag))
            return err_set(err, ERR_INVALID, "invalid reference format");
    }
    /* The first part is a registry when it looks like a host: a dot, a port, "localhost" or capitals. */
    slash = str_index(rest, '/');
    struct str first = slash < 0 ? (struct str){0} : str_slice(rest.p, (size_t)slash);
    if (slash >= 0 && (str_index(first, '.') >= 0 || str_index(first, ':') >= 0 ||
                       str_is(first, "localhost") || has_upper(first))) {
        r.registry = str_is(first, "index.docker.io") ? STR("docker.io") : first;
        r.repository = str_from_at(rest, (size_t)slash + 1);
    } else {
        r.registry = STR("docker.io");
        r.repository = rest;
    }
    if (str_is(r.registry, "docker.io") && str_index(r.repository, '/') < 0)
        r.repository = arena_concat(a, STR("library/"), r.repository);
    if (has_upper(r.repository))
        return err_set(err, ERR_INVALID,
                       "invalid reference format: repository name (" STR_FMT ") must be lowercase",
                       STR_ARG(r.repository));
    bool good = is_domain(r.registry);
    struct str path = r.repository, component;
    if (!path.n)
        good = false;
    while (good && str_cut(&path, '/', &component))
        good = is_path_component(component);
    if (!good)
        return err_set(err, ERR_INVALID, "invalid reference format");
    if (r.registry.n + 1 + r.repository.n > REFERENCE_NAME_MAX)
        return err_set(err, ERR_INVALID, "repository name must not be more than %d characters",
                       REFERENCE_NAME_MAX);
    if (!r.tag.n && !r.digest.n)
        r.tag = STR("latest");
    r.registry = arena_str(a, r.registry);
    r.repository = arena_str(a, r.repository);
    r.tag = arena_str(a, r.tag);
    r.digest = arena_str(a, r.digest);
    r.name = arena_printf(a, STR_FMT "/" STR_FMT "%s" STR_FMT "%s" STR_FMT, STR_ARG(r.registry),
                          STR_ARG(r.repository), r.tag.n ? ":" : "", STR_ARG(r.tag), r.digest.n ? "@" : "",
                          STR_ARG(r.digest));
    *out = r;
    return 0;
}

struct str image_reference_host(const struct image_reference *r)
{
    return str_is(r->registry, "docker.io") ? STR("registry-1.docker.io") : r->registry;
}

struct str image_reference_base(const struct image_reference *r, struct arena *a)
{
    return arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(r->registry), STR_ARG(r->repository));
}
