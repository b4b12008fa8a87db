#include "base/ip.h"
#include "kinds/core_v1.h"
#include "server/service_address.h"
#include "server/stream/pod_location.h"

/* A name as a proxy request says it. */
struct named {
    struct str scheme, name, port;
};

/* False: neither NAME, nor NAME:PORT, nor SCHEME:NAME:PORT. */
static bool split(struct str text, struct named *out)
{
    struct str part[3], rest = text;
    size_t n = 0;
    while (n < 3 && str_cut(&rest, ':', &part[n]))
        n++;
    *out = (struct named){.name = n == 3 ? part[1] : part[0]};
    if (n == 2)
        out->port = part[1];
    if (n == 3) {
        out->scheme = part[0];
        out->port = part[2];
    }
    bool scheme_is_good =
        str_empty(out->scheme) || str_is(out->scheme, "http") || str_is(out->scheme, "https");
    return n > 0 && !rest.p && out->name.n && scheme_is_good;
}

static struct str join(struct arena *a, struct str host, struct str port)
{
    return arena_printf(a, STR_FMT ":" STR_FMT, STR_ARG(ip_host(a, host)), STR_ARG(port));
}

/* Upstream's IsProxyableIP: what is local to this server is not for its clients. */
static bool is_local(struct str ip)
{
    return str_empty(ip) || str_starts(ip, STR("127.")) || str_starts(ip, STR("169.254.")) ||
           str_is(ip, "0.0.0.0") || str_is(ip, "::") || str_is(ip, "::1") || str_starts(ip, STR("fe80:")) ||
           str_starts(ip, STR("224.")) || str_starts(ip, STR("ff"));
}

static int to_pod(struct store *s, struct snapshot *snap, struct arena *a, struct str ns,
                  const struct named *n, struct proxy_location *out, struct err *err)
{
    struct object *o = snapshot_get(snap, store_table(s, &pod_resource), ns, n->name);
    if (!o) {
        err_set(err, ERR_NOT_FOUND, "pods \"" STR_FMT "\" not found", STR_ARG(n->name));
        return err_about(err, STR(""), STR("pods"), n->name);
    }
    const struct pod *pod = object_typed(o);
    struct str port = n->port, ip = pod->status.pod_ips.n ? pod->status.pod_ips.at[0].ip : pod->status.pod_ip;
    for (size_t i = 0; str_empty(port) && i < pod->spec.containers.n; i++)
        if (pod->spec.containers.at[i].ports.n)
            port = arena_printf(a, "%d", pod->spec.containers.at[i].ports.at[0].container_port);
    if (is_local(ip))
        return err_set(err, ERR_BAD_REQUEST, "address not allowed");
    out->address = join(a, ip, str_empty(port) ? STR("80") : port);
    struct node_location node;
    if (node_location(snap, s, a, pod->spec.node_name, &node, err) < 0)
        return -1;
    out->node_url = node_location_url(&node, a);
    return 0;
}

static int to_service(struct store *s, struct snapshot *snap, struct arena *a, struct str ns,
                      const struct named *n, struct proxy_location *out, struct err *err)
{
    struct service_endpoint e;
    struct node_location node;
    if (service_endpoint(s, a, ns, n->name, n->port, &e, err) < 0)
        return -1;
    out->address = e.address;
    if (e.node.n && node_location(snap, s, a, e.node, &node, NULL) == 0)
        out->node_url = node_location_url(&node, a);
    return 0;
}

static int to_node(struct store *s, struct snapshot *snap, struct arena *a, const struct named *n,
                   struct proxy_location *out, struct err *err)
{
    if (!snapshot_get(snap, store_table(s, &node_resource), (struct str){0}, n->name)) {
        err_set(err, ERR_NOT_FOUND, "nodes \"" STR_FMT "\" not found", STR_ARG(n->name));
        return err_about(err, STR(""), STR("nodes"), n->name);
    }
    struct node_location node;
    if (node_location(snap, s, a, n->name, &node, err) < 0)
        return -1;
    struct str agent_port = arena_printf(a, "%d", node.port);
    out->agent = str_empty(n->port) || str_eq(n->port, agent_port);
    if (out->agent)
        out->scheme = STR("https");
    out->address = join(a, node.host, out->agent ? agent_port : n->port);
    return 0;
}

int proxy_location(struct store *s, struct arena *a, struct str resource, struct str ns, struct str name,
                   struct proxy_location *out, struct err *err)
{
    struct named n;
    struct str one = str_slice(resource.p, resource.n ? resource.n - 1 : 0); /* "pod" */
    if (!split(name, &n))
        return err_set(err, ERR_BAD_REQUEST, "invalid " STR_FMT " request \"" STR_FMT "\"", STR_ARG(one),
                       STR_ARG(name));
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    *out = (struct proxy_location){.scheme = arena_str(a, str_empty(n.scheme) ? STR("http") : n.scheme)};
    if (str_is(resource, "pods"))
        return to_pod(s, snap, a, ns, &n, out, err);
    return str_is(resource, "services") ? to_service(s, snap, a, ns, &n, out, err)
                                        : to_node(s, snap, a, &n, out, err);
}
