#include "server/subresource.h"

#include "base/mem.h"

static const struct subresource table[] = {
    {"status", "get patch update"},
    {"scale", "get patch update", "autoscaling", "v1", "Scale"},
    {"approval", "get patch update"},
    {"binding", "create", "", "v1", "Binding"},
    {"ephemeralcontainers", "get patch update"},
    {"eviction", "create", "policy", "v1", "Eviction"},
    {"finalize", "update"},
    {"log", "get"},
    {"resize", "get patch update"},
    {"token", "create", "authentication.k8s.io", "v1", "TokenRequest"},
    {"attach", "create get", "", "v1", "PodAttachOptions"},
    {"exec", "create get", "", "v1", "PodExecOptions"},
    {"portforward", "create get", "", "v1", "PodPortForwardOptions"},
    {"proxy", "create delete get patch update"},
};

/* A proxy takes options of its own for each resource. */
static const struct {
    const char *resource;
    struct subresource proxy;
} proxies[] = {
    {"pods", {"proxy", "create delete get patch update", "", "v1", "PodProxyOptions"}},
    {"services", {"proxy", "create delete get patch update", "", "v1", "ServiceProxyOptions"}},
    {"nodes", {"proxy", "create delete get patch update", "", "v1", "NodeProxyOptions"}},
};

const struct subresource *subresource_find(const struct resource *r, struct str name)
{
    size_t i = 0;
    while (i < r->n_subresources && !str_eq(r->subresources[i], name))
        i++;
    if (i == r->n_subresources)
        return NULL;
    for (size_t k = 0; str_is(name, "proxy") && k < ARRAY_LEN(proxies); k++)
        if (str_is(r->plural, proxies[k].resource))
            return &proxies[k].proxy;
    for (size_t k = 0; k < ARRAY_LEN(table); k++)
        if (str_is(name, table[k].name))
            return &table[k];
    return NULL;
}

bool subresource_has_verb(const struct resource *r, struct str name, struct str verb)
{
    const struct subresource *s = subresource_find(r, name);
    struct str rest = str_from(s ? s->verbs : NULL), word;
    while (str_cut(&rest, ' ', &word))
        if (str_eq(word, verb))
            return true;
    return false;
}
