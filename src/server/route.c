#include "server/route.h"

#include "base/encode.h"
#include "server/query.h"

enum { MAX_PARTS = 64 };

static const struct {
    struct str method, verb;
} method_verbs[] = {
    {STR_INIT("GET"), STR_INIT("get")},     {STR_INIT("HEAD"), STR_INIT("get")},
    {STR_INIT("POST"), STR_INIT("create")}, {STR_INIT("PUT"), STR_INIT("update")},
    {STR_INIT("PATCH"), STR_INIT("patch")}, {STR_INIT("DELETE"), STR_INIT("delete")},
};

static struct str verb_of_method(struct str method)
{
    for (size_t i = 0; i < ARRAY_LEN(method_verbs); i++)
        if (str_eq(method_verbs[i].method, method))
            return method_verbs[i].verb;
    return (struct str){0};
}

static struct str lower(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
    return str_slice(p, s.n);
}

/* Splits at '/', without the slashes at both ends. */
static size_t split_path(struct str path, struct str parts[MAX_PARTS])
{
    while (path.n && path.p[0] == '/')
        path = str_from_at(path, 1);
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    size_t n = 0;
    struct str head;
    while (path.n && n < MAX_PARTS && str_cut(&path, '/', &head))
        parts[n++] = head;
    return n;
}

/* fieldSelector=metadata.name=X, alone or among others, names the object of a list or watch. */
static struct str name_of_selector(struct str selector)
{
    struct str term, name = {0};
    while (str_cut(&selector, ',', &term)) {
        if (!str_starts(term, STR("metadata.name=")))
            continue;
        name = str_from_at(term, sizeof "metadata.name=" - 1);
        if (str_starts(name, STR("=")))
            name = str_from_at(name, 1);
    }
    return name;
}

/* What stands behind /api or /apis, once the version is taken off. */
static int parse_resource(struct arena *a, struct str *parts, size_t n, const struct query *q,
                          struct route *r)
{
    bool special = str_is(parts[0], "watch") || str_is(parts[0], "proxy");
    if (special) {
        if (n < 2)
            return -1;
        r->legacy_watch = str_is(parts[0], "watch");
        r->verb = parts[0];
        parts++, n--;
    }
    if (str_is(parts[0], "namespaces") && n > 1) {
        r->ns = parts[1];
        if (n > 2 && !str_is(parts[2], "status") && !str_is(parts[2], "finalize"))
            parts += 2, n -= 2;
    }
    r->resource = parts[0];
    if (n > 1)
        r->name = parts[1];
    if (n > 2 && !special)
        r->subresource = parts[2];
    if (n > 3)
        r->rest = str_slice(parts[3].p - 1, (size_t)(r->path.p + r->path.n - parts[3].p) + 1);

    struct str *decoded[] = {&r->ns, &r->name, &r->resource, &r->subresource};
    for (size_t i = 0; i < ARRAY_LEN(decoded); i++)
        if (str_index(*decoded[i], '%') >= 0 && decode_percent(a, *decoded[i], false, decoded[i]) < 0)
            return -1;

    if (str_empty(r->name) && str_is(r->verb, "get"))
        r->verb = query_bool(q, "watch") ? STR("watch") : STR("list");
    else if (str_empty(r->name) && str_is(r->verb, "delete"))
        r->verb = STR("deletecollection");
    if (str_empty(r->name) &&
        (str_is(r->verb, "list") || str_is(r->verb, "watch") || str_is(r->verb, "deletecollection")))
        r->name = name_of_selector(query_get(q, "fieldSelector"));
    return 0;
}

int route_parse(struct arena *a, struct str method, struct str path, const struct query *q, struct route *out)
{
    *out = (struct route){.path = path};
    struct str all[MAX_PARTS], *parts = all;
    size_t n = split_path(path, all);
    bool core = n > 0 && str_is(parts[0], "api");
    if ((core && n >= 3) || (n >= 4 && str_is(parts[0], "apis"))) {
        if (!core)
            out->group = *++parts, n--;
        out->version = parts[1];
        out->is_resource = true;
        out->verb = verb_of_method(method);
        return parse_resource(a, parts + 2, n - 2, q, out);
    }
    out->verb = lower(a, method);
    return 0;
}

bool route_read_only(const struct route *r)
{
    return str_is(r->verb, "get") || str_is(r->verb, "list") || str_is(r->verb, "watch") ||
           (!r->is_resource && (str_is(r->verb, "head") || str_is(r->verb, "options")));
}

bool route_connects(const struct route *r)
{
    static const struct str subresources[] = {STR_INIT("exec"), STR_INIT("attach"), STR_INIT("portforward"),
                                              STR_INIT("proxy")};
    for (size_t i = 0; r->is_resource && i < ARRAY_LEN(subresources); i++)
        if (str_eq(r->subresource, subresources[i]))
            return true;
    return false;
}

bool route_long_running(const struct route *r)
{
    return str_is(r->verb, "watch") || str_is(r->verb, "proxy") || route_connects(r) ||
           (r->is_resource && str_is(r->subresource, "log"));
}
