#include "net/service_rules.h"

#include <stdlib.h>

#include "base/encode.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"
#include "net/nft.h"

/* Where one connection can end up. */
struct backend {
    struct ip ip;
    int32_t port;
    bool local, ready, serving;
    bool hinted, for_here;           /* its slice names nodes to prefer it; this one */
    bool zone_hinted, for_this_zone; /* the same for zones */
};

struct backends {
    struct backend *at;
    size_t n;
};

/* One port of the service, on its way to becoming rules. */
struct service_port_rules {
    struct arena *a;
    struct items *out;
    const struct service *service;
    const struct service_port *port;
    enum ip_family family;
    struct str protocol; /* "tcp" */
    struct str id;       /* "default/web/tcp/http": unique, and what the chains are named after */
    struct backends all, local;
};

/* A chain's or set's name: what it is for, and the port's id. */
static struct str rules_name(const struct service_port_rules *r, const char *what, struct str more)
{
    return item_name(r->a, arena_printf(r->a, "%s/" STR_FMT "%s" STR_FMT, what, STR_ARG(r->id),
                                        more.n ? "/" : "", STR_ARG(more)));
}

static bool rules_true(const bool *condition, bool otherwise)
{
    return condition ? *condition : otherwise;
}

/* The number that a slice gives to the service's port, or 0. */
static int32_t rules_slice_port(const struct endpoint_slice *slice, const struct service_port *port)
{
    for (size_t i = 0; i < slice->ports.n; i++) {
        const struct discovery_endpoint_port *p = &slice->ports.at[i];
        if (p->port && str_eq(p->name ? *p->name : (struct str){0}, port->name) &&
            str_eq(p->protocol ? *p->protocol : STR("TCP"), port->protocol))
            return *p->port;
    }
    return 0;
}

static int rules_backend_order(const void *a, const void *b)
{
    const struct backend *x = a, *y = b;
    return x->ip.n != y->ip.n ? (x->ip.n < y->ip.n ? -1 : 1) : x->port - y->port;
}

static void rules_hints(const struct endpoint *e, const struct rules_place *here, struct backend *b)
{
    const struct endpoint_hints *h = e->hints;
    b->hinted = h && h->for_nodes.n;
    b->zone_hinted = h && h->for_zones.n;
    for (size_t i = 0; b->hinted && i < h->for_nodes.n; i++)
        b->for_here |= str_eq(h->for_nodes.at[i].name, here->node);
    for (size_t i = 0; b->zone_hinted && i < h->for_zones.n; i++)
        b->for_this_zone |= here->zone.n && str_eq(h->for_zones.at[i].name, here->zone);
}

static struct backends rules_backends(const struct endpoint_slice *const *slices, size_t n_slices,
                                      const struct service_port *port, const struct rules_place *here,
                                      enum ip_family family, struct arena *a)
{
    size_t most = 0;
    for (size_t s = 0; s < n_slices; s++)
        most += slices[s]->endpoints.n;
    struct backends out = {arena_new_n(a, struct backend, most), 0};
    for (size_t s = 0; s < n_slices; s++) {
        const struct endpoint_slice *slice = slices[s];
        int32_t number = rules_slice_port(slice, port);
        for (size_t i = 0; number && i < slice->endpoints.n; i++) {
            const struct endpoint *e = &slice->endpoints.at[i];
            struct backend b = {.port = number};
            if (!e->addresses.n || !ip_parse(e->addresses.at[0], &b.ip) || b.ip.family != family)
                continue;
            b.ready = rules_true(e->conditions.ready, true);
            b.serving = rules_true(e->conditions.serving, b.ready);
            b.local = e->node_name && str_eq(*e->node_name, here->node);
            rules_hints(e, here, &b);
            out.at[out.n++] = b;
        }
    }
    if (out.n)
        qsort(out.at, out.n, sizeof *out.at, rules_backend_order);
    size_t n = 0; /* an endpoint may stand in two slices while it moves from one to the other */
    for (size_t i = 0; i < out.n; i++)
        if (n == 0 || rules_backend_order(&out.at[n - 1], &out.at[i]) != 0)
            out.at[n++] = out.at[i];
    out.n = n;
    return out;
}

/* The ready ones (of this node, if so asked); when there are none, those that end but still serve (KEP-1669).
 */
static struct backends rules_usable(const struct backends *all, bool local, struct arena *a)
{
    struct backends out = {arena_new_n(a, struct backend, all->n), 0};
    for (int pass = 0; pass < 2 && out.n == 0; pass++)
        for (size_t i = 0; i < all->n; i++) {
            const struct backend *b = &all->at[i];
            if ((!local || b->local) && (pass == 0 ? b->ready : b->serving))
                out.at[out.n++] = *b;
        }
    return out;
}

static struct str rules_text(struct arena *a, struct buf *b)
{
    struct str text = arena_str(a, buf_str(b));
    b->n = 0;
    return text;
}

/* "dnat to" one of the backends, evenly. */
static void rules_balance(struct service_port_rules *r, const struct backends *to, struct buf *rule)
{
    buf_addf(rule, "meta l4proto " STR_FMT " dnat %s to numgen random mod %zu map { ", STR_ARG(r->protocol),
             nft_ip(r->family), to->n);
    for (size_t i = 0; i < to->n; i++)
        buf_addf(rule, "%s%zu : " STR_FMT " . %d", i ? ", " : "", i, STR_ARG(ip_text(r->a, to->at[i].ip)),
                 to->at[i].port);
    buf_add_lit(rule, " }\n");
}

/* Those whose hints are for this node, else for this zone (trafficDistribution; KEP-2433, KEP-3015); but all,
 * where one has no such hint or none is for here. */
static struct backends rules_close(struct backends all)
{
    bool nodes = all.n, zones = all.n, here = false, in_zone = false;
    for (size_t i = 0; i < all.n; i++) {
        const struct backend *b = &all.at[i];
        nodes &= b->ready && b->hinted;
        zones &= b->ready && b->zone_hinted;
        here |= b->for_here;
        in_zone |= b->for_this_zone;
    }
    nodes &= here;
    zones &= in_zone && !nodes;
    size_t n = 0;
    for (size_t i = 0; i < all.n; i++)
        if (nodes ? all.at[i].for_here : !zones || all.at[i].for_this_zone)
            all.at[n++] = all.at[i];
    all.n = n;
    return all;
}

/* What a backend is called in names, which know no colons. */
static struct str rules_place_name(struct arena *a, const struct backend *b)
{
    char *ip = arena_c(a, ip_text(a, b->ip));
    for (char *c = ip; *c; c++)
        if (*c == ':')
            *c = '-';
    return arena_printf(a, "%s/%d", ip, b->port);
}

/* Session affinity: each backend has a set of the clients it saw within the time, and the chain that puts
 * them there. */
static void rules_stick(struct service_port_rules *r, const struct backends *to, struct buf *rule)
{
    const struct session_affinity_config *config = r->service->spec.session_affinity_config;
    int32_t seconds = config && config->client_ip && config->client_ip->timeout_seconds
                          ? *config->client_ip->timeout_seconds
                          : 10800;
    const char *ip = nft_ip(r->family);
    _cleanup_buf_ struct buf pick = {0}, body = {0};
    for (size_t i = 0; i < to->n; i++) {
        struct str where = rules_place_name(r->a, &to->at[i]);
        struct str chain = rules_name(r, "endpoint", where), clients = rules_name(r, "clients", where);
        buf_addf(&body, "{ type %s; flags dynamic,timeout; timeout %ds; }", nft_addr(r->family), seconds);
        items_add(r->out, ITEM_SET, clients, rules_text(r->a, &body));
        buf_addf(&body,
                 "update @" STR_FMT " { %s saddr }\nmeta l4proto " STR_FMT " dnat %s to " STR_FMT ":%d\n",
                 STR_ARG(clients), ip, STR_ARG(r->protocol), ip,
                 STR_ARG(ip_host(r->a, ip_text(r->a, to->at[i].ip))), to->at[i].port);
        items_add(r->out, ITEM_CHAIN, chain, rules_text(r->a, &body));
        buf_addf(rule, "%s saddr @" STR_FMT " goto " STR_FMT "\n", ip, STR_ARG(clients), STR_ARG(chain));
        buf_addf(&pick, "%s%zu : goto " STR_FMT, i ? ", " : "", i, STR_ARG(chain));
    }
    buf_addf(rule, "numgen random mod %zu vmap { " STR_FMT " }\n", to->n, STR_ARG(buf_str(&pick)));
}

/* The chain that leads to the backends; empty name when there are none. */
static struct str rules_chain(struct service_port_rules *r, const char *what, const struct backends *to)
{
    if (!to->n)
        return (struct str){0};
    _cleanup_buf_ struct buf rules = {0};
    if (str_eq(r->service->spec.session_affinity, SERVICE_AFFINITY_CLIENT_IP))
        rules_stick(r, to, &rules);
    else
        rules_balance(r, to, &rules);
    struct str name = rules_name(r, what, (struct str){0});
    items_add(r->out, ITEM_CHAIN, name, rules_text(r->a, &rules));
    return name;
}

/* Where UDP that is sent there ends up, so that flows which go elsewhere can be forgotten. */
static void rules_flows(struct service_port_rules *r, struct str ip, int32_t port)
{
    for (size_t i = 0; str_is(r->protocol, "udp") && i < r->all.n; i++)
        items_add(r->out, ITEM_FLOW,
                  arena_printf(r->a, STR_FMT " %d " STR_FMT " %d", STR_ARG(ip), port,
                               STR_ARG(ip_text(r->a, r->all.at[i].ip)), r->all.at[i].port),
                  (struct str){0});
}

static bool is_of(struct str address, enum ip_family family)
{
    struct ip ip;
    return ip_parse(address, &ip) && ip.family == family;
}

/* An address of the service leads to the chain; without one it refuses. */
static void rules_address(struct service_port_rules *r, struct str ip, struct str chain)
{
    if (!is_of(ip, r->family))
        return;
    struct str at =
        arena_printf(r->a, STR_FMT " . " STR_FMT " . %d", STR_ARG(ip), STR_ARG(r->protocol), r->port->port);
    if (chain.n)
        items_add(r->out, ITEM_ELEMENT, arena_concat(r->a, STR("services { "), at),
                  arena_concat(r->a, STR("goto "), chain));
    else
        items_add(r->out, ITEM_ELEMENT, arena_concat(r->a, STR("refused { "), at), (struct str){0});
    rules_flows(r, ip, r->port->port);
}

/* What comes from this node and its pods is the cluster's own, and may go to any endpoint; the rest only to
 * those of this node. */
static struct str rules_local_only(struct service_port_rules *r, struct str cluster_chain)
{
    struct str to = rules_chain(r, "local", &r->local),
               rest = to.n ? arena_printf(r->a, "goto " STR_FMT "\n", STR_ARG(to)) : STR("drop\n");
    if (!cluster_chain.n)
        return rest;
    return arena_printf(r->a,
                        "iifname \"sg*\" goto " STR_FMT "\nfib saddr type local jump mark-masquerade\n"
                        "fib saddr type local goto " STR_FMT "\n" STR_FMT,
                        STR_ARG(cluster_chain), STR_ARG(cluster_chain), STR_ARG(rest));
}

/* Who may come through the load balancer (spec.loadBalancerSourceRanges): a chain before the external one.
 * Ranges of the other family say nothing about this one. */
static struct str rules_firewall(struct service_port_rules *r, struct str external)
{
    const struct str_vec *ranges = &r->service->spec.load_balancer_source_ranges;
    _cleanup_buf_ struct buf rules = {0};
    struct ip_prefix range;
    for (size_t i = 0; external.n && i < ranges->n; i++)
        if (ip_prefix_parse(str_trim(ranges->at[i]), &range) && range.base.family == r->family)
            buf_addf(&rules, "%s saddr " STR_FMT " goto " STR_FMT "\n", nft_ip(r->family),
                     STR_ARG(ip_prefix_text(r->a, range)), STR_ARG(external));
    if (!rules.n)
        return external;
    buf_add_lit(&rules, "drop\n");
    struct str name = rules_name(r, "firewall", (struct str){0});
    items_add(r->out, ITEM_CHAIN, name, rules_text(r->a, &rules));
    return name;
}

/* The ways in from outside the cluster: node ports, external addresses, the load balancer's. What comes that
 * way to another node's pod must come back through this node, so it is masqueraded, unless only local pods
 * may serve it. */
static void rules_external(struct service_port_rules *r, struct str cluster_chain)
{
    const struct service_spec *spec = &r->service->spec;
    const struct load_balancer_ingress_vec *balancers = &r->service->status.load_balancer.ingress;
    if (!r->port->node_port && !spec->external_ips.n && !balancers->n)
        return;
    bool local_only = str_eq(spec->external_traffic_policy, SERVICE_EXTERNAL_TRAFFIC_POLICY_LOCAL);
    struct str chain = rules_name(r, "external", (struct str){0});
    if (!r->all.n)
        chain = (struct str){0};
    else if (local_only)
        items_add(r->out, ITEM_CHAIN, chain, rules_local_only(r, cluster_chain));
    else
        items_add(r->out, ITEM_CHAIN, chain,
                  arena_printf(r->a, "jump mark-masquerade\ngoto " STR_FMT "\n", STR_ARG(cluster_chain)));
    if (r->port->node_port && chain.n)
        items_add(
            r->out, ITEM_ELEMENT,
            arena_printf(r->a, "node-ports { " STR_FMT " . %d", STR_ARG(r->protocol), r->port->node_port),
            arena_concat(r->a, STR("goto "), chain));
    if (r->port->node_port)
        rules_flows(r, r->family == IP_V6 ? STR("::") : STR("0.0.0.0"), r->port->node_port);
    for (size_t i = 0; i < spec->external_ips.n; i++)
        rules_address(r, spec->external_ips.at[i], chain);
    struct str firewall = balancers->n ? rules_firewall(r, chain) : chain;
    for (size_t i = 0; i < balancers->n; i++)
        if (!balancers->at[i].ip_mode || !str_is(*balancers->at[i].ip_mode, "Proxy"))
            rules_address(r, balancers->at[i].ip, firewall);
}

static void rules_port(struct service_port_rules *r)
{
    const struct service_spec *spec = &r->service->spec;
    bool local_only = spec->internal_traffic_policy &&
                      str_eq(*spec->internal_traffic_policy, SERVICE_INTERNAL_TRAFFIC_POLICY_LOCAL);
    struct str everywhere = rules_chain(r, "service", &r->all);
    struct str internal = local_only ? rules_chain(r, "internal", &r->local) : everywhere;
    if (local_only && !r->local.n && r->all.n) { /* others could serve, but may not */
        internal = rules_name(r, "internal", (struct str){0});
        items_add(r->out, ITEM_CHAIN, internal, STR("drop\n"));
    }
    for (size_t i = 0; internal.n && i < spec->cluster_ips.n; i++)
        rules_address(r, spec->cluster_ips.at[i], internal); /* without endpoints the whole address refuses */
    rules_external(r, everywhere);
}

static struct str rules_lower(struct str protocol)
{
    return str_is(protocol, "UDP") ? STR("udp") : str_is(protocol, "SCTP") ? STR("sctp") : STR("tcp");
}

/* A pod that reaches itself through the service must seem to come from elsewhere. */
static void rules_hairpins(const struct backends *local, struct arena *a, struct items *out)
{
    for (size_t i = 0; i < local->n; i++) {
        struct str ip = ip_text(a, local->at[i].ip);
        if (i == 0 || !ip_eq(local->at[i].ip, local->at[i - 1].ip))
            items_add(out, ITEM_ELEMENT,
                      arena_printf(a, "hairpins { " STR_FMT " . " STR_FMT, STR_ARG(ip), STR_ARG(ip)),
                      (struct str){0});
    }
}

/* Another proxy serves it, or none, as its labels say (KEP-2447). */
static bool rules_are_others(const struct service *service)
{
    const struct str_map *labels = &service->metadata.labels;
    for (size_t i = 0; i < labels->n; i++)
        if (str_is(labels->at[i].key, "service.kubernetes.io/service-proxy-name") ||
            str_is(labels->at[i].key, "service.kubernetes.io/headless"))
            return true;
    return false;
}

void service_rules(const struct service *service, const struct endpoint_slice *const *slices, size_t n_slices,
                   const struct rules_place *here, enum ip_family family, struct arena *a, struct items *out)
{
    const struct service_spec *spec = &service->spec;
    size_t addresses = 0;
    if (str_eq(spec->type, SERVICE_TYPE_EXTERNAL_NAME) || str_is(spec->cluster_ip, "None") ||
        !spec->cluster_ip.n || rules_are_others(service))
        return;
    for (size_t i = 0; i < spec->cluster_ips.n; i++)
        if (is_of(spec->cluster_ips.at[i], family)) {
            items_add(out, ITEM_ELEMENT, arena_concat(a, STR("cluster-ips { "), spec->cluster_ips.at[i]),
                      (struct str){0});
            addresses++;
        }
    for (size_t i = 0; addresses && i < spec->ports.n; i++) {
        const struct service_port *port = &spec->ports.at[i];
        struct backends every = rules_backends(slices, n_slices, port, here, family, a);
        struct service_port_rules r = {
            .a = a,
            .out = out,
            .service = service,
            .port = port,
            .family = family,
            .protocol = rules_lower(port->protocol),
            .all = rules_close(rules_usable(&every, false, a)),
            .local = rules_usable(&every, true, a),
        };
        r.id = arena_printf(a, STR_FMT "/" STR_FMT "/" STR_FMT "/%d", STR_ARG(service->metadata.namespace),
                            STR_ARG(service->metadata.name), STR_ARG(r.protocol), port->port);
        rules_port(&r);
        rules_hairpins(&r.local, a, out);
    }
    items_sort(out);
}
