#include "net/policy_rules.h"

#include "net/nft.h"
#include "net/pod_network.h"
#include "schema/selector.h"

/* Answers pass; what begins is looked up by the pod's link, which nobody can forge as they can an address. */
const char policy_base[] = "  map egress { type ifname : verdict; }\n"
                           "  map ingress { type ifname : verdict; }\n"
                           "  chain from-pods {\n"
                           "    type filter hook forward priority -5;\n"
                           "    ct state established,related accept\n"
                           "    iifname vmap @egress\n"
                           "  }\n"
                           "  chain to-pods {\n"
                           "    type filter hook forward priority 0;\n"
                           "    ct state established,related accept\n"
                           "    oifname vmap @ingress\n"
                           "  }\n";

/* The two directions, and the words that differ. */
struct direction {
    struct str type;   /* in policyTypes */
    const char *chain; /* what its chains' names begin with */
    const char *map;   /* link -> chain */
    const char *peer;  /* the other end's address: the pod's own in what it sends to itself */
    const char *pod;   /* what a pod's chains' names begin with */
};
static const struct direction ingress = {STR_INIT("Ingress"), "in", "ingress", "saddr", "to"};
static const struct direction egress = {STR_INIT("Egress"), "out", "egress", "daddr", "from"};

void policy_ips_add(struct policy_ips *ips, struct str text)
{
    if (ips->n < ARRAY_LEN(ips->at) && ip_parse(text, &ips->at[ips->n]))
        ips->n++;
}

bool policy_ips_same(const struct policy_ips *a, const struct policy_ips *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; i < a->n && same; i++)
        same = ip_eq(a->at[i], b->at[i]);
    return same;
}

/* The pod's address of this family, or none. */
static struct ip ip_of(const struct policy_ips *ips, enum ip_family family)
{
    for (size_t i = 0; i < ips->n; i++)
        if (ips->at[i].family == family)
            return ips->at[i];
    return (struct ip){0};
}

bool policy_pod_read(const struct pod *p, struct policy_ips *ips)
{
    struct policy_ips said = {0};
    if (p->spec.host_network || str_eq(p->status.phase, POD_PHASE_SUCCEEDED) ||
        str_eq(p->status.phase, POD_PHASE_FAILED))
        return false;
    for (size_t i = 0; i < p->status.pod_ips.n; i++)
        policy_ips_add(&said, p->status.pod_ips.at[i].ip);
    if (said.n)
        *ips = said;
    return ips->n;
}

static bool matches(const struct label_selector *s, const struct str_map *labels)
{
    _cleanup_arena_ struct arena a = {0};
    struct selector compiled;
    return selector_from(&a, s, &compiled, NULL) == 0 && selector_matches(&compiled, labels);
}

bool policy_selects(const struct network_policy *np, const struct pod *p)
{
    return str_eq(np->metadata.namespace, p->metadata.namespace) &&
           matches(&np->spec.pod_selector, &p->metadata.labels);
}

static bool peer_is(const struct network_policy *np, const struct network_policy_peer *peer,
                    const struct policy_pod *p)
{
    static const struct str_map none;
    if (peer->ip_block || (!peer->pod_selector && !peer->namespace_selector))
        return false;
    if (peer->pod_selector && !matches(peer->pod_selector, &p->pod->metadata.labels))
        return false;
    return peer->namespace_selector
               ? matches(peer->namespace_selector, p->namespace_labels ? p->namespace_labels : &none)
               : str_eq(np->metadata.namespace, p->pod->metadata.namespace);
}

static bool has_type(const struct network_policy *np, struct str type)
{
    for (size_t i = 0; i < np->spec.policy_types.n; i++)
        if (str_eq(np->spec.policy_types.at[i], type))
            return true;
    return false;
}

/* A rule of either direction. */
struct rule {
    const struct network_policy_port_vec *ports;
    const struct network_policy_peer_vec *peers;
};

static size_t rule_count(const struct network_policy *np, const struct direction *d)
{
    return d == &ingress ? np->spec.ingress.n : np->spec.egress.n;
}

static struct rule rule_at(const struct network_policy *np, const struct direction *d, size_t i)
{
    return d == &ingress ? (struct rule){&np->spec.ingress.at[i].ports, &np->spec.ingress.at[i].from}
                         : (struct rule){&np->spec.egress.at[i].ports, &np->spec.egress.at[i].to};
}

static const struct direction *const directions[] = {&ingress, &egress};

static bool has_named_port(const struct network_policy_port_vec *ports)
{
    for (size_t i = 0; i < ports->n; i++)
        if (ports->at[i].port && ports->at[i].port->is_str)
            return true;
    return false;
}

bool policy_names(const struct network_policy *np, const struct policy_pod *p)
{
    if (policy_selects(np, p->pod))
        return true;
    for (size_t d = 0; d < ARRAY_LEN(directions); d++)
        for (size_t i = 0; i < rule_count(np, directions[d]); i++) {
            struct rule r = rule_at(np, directions[d], i);
            if (directions[d] == &egress && has_named_port(r.ports))
                return true;
            for (size_t k = 0; k < r.peers->n; k++)
                if (peer_is(np, &r.peers->at[k], p))
                    return true;
        }
    return false;
}

bool policy_names_namespaces(const struct network_policy *np)
{
    for (size_t d = 0; d < ARRAY_LEN(directions); d++)
        for (size_t i = 0; i < rule_count(np, directions[d]); i++) {
            struct rule r = rule_at(np, directions[d], i);
            for (size_t k = 0; k < r.peers->n; k++)
                if (r.peers->at[k].namespace_selector)
                    return true;
        }
    return false;
}

/* --- a policy's chains --- */

struct policy_render {
    const struct network_policy *np;
    const struct policy_pods *all;
    const struct direction *d;
    enum ip_family family;
    struct arena *a;
    struct items *out;
    size_t rule; /* its index */
};

/* Alternatives, each a piece of a rule's text. */
struct pieces {
    struct str *at;
    size_t n;
};

static struct str policy_chain(struct arena *a, const struct direction *d, const struct network_policy *np)
{
    return item_name(a, arena_printf(a, "%s/" STR_FMT "/" STR_FMT, d->chain, STR_ARG(np->metadata.namespace),
                                     STR_ARG(np->metadata.name)));
}

static struct str policy_set(struct policy_render *r, const char *what, size_t i)
{
    return item_name(r->a,
                     arena_printf(r->a, "%s/%s/%zu/%zu/" STR_FMT "/" STR_FMT, what, r->d->chain, r->rule, i,
                                  STR_ARG(r->np->metadata.namespace), STR_ARG(r->np->metadata.name)));
}

static bool block_text(struct policy_render *r, const struct ip_block *block, struct str *out)
{
    struct ip_prefix c;
    const char *ip = nft_ip(r->family);
    if (!ip_prefix_parse(block->cidr, &c) || c.base.family != r->family)
        return false;
    struct str text =
        c.bits ? arena_printf(r->a, "%s %s " STR_FMT " ", ip, r->d->peer, STR_ARG(ip_prefix_text(r->a, c)))
               : STR("");
    for (size_t i = 0; i < block->except.n; i++)
        if (ip_prefix_parse(block->except.at[i], &c) && c.base.family == r->family)
            text = arena_printf(r->a, STR_FMT "%s %s != " STR_FMT " ", STR_ARG(text), ip, r->d->peer,
                                STR_ARG(ip_prefix_text(r->a, c)));
    *out = text;
    return true;
}

/* Whom the rule is about: all pods that it names are one set, each block is a piece of its own. */
static struct pieces peers_of(struct policy_render *r, const struct network_policy_peer_vec *peers)
{
    struct pieces out = {arena_new_n(r->a, struct str, peers->n + 1), 0};
    struct str set = policy_set(r, "peers", 0);
    bool pods = false;
    for (size_t i = 0; i < peers->n; i++) {
        const struct network_policy_peer *peer = &peers->at[i];
        if (peer->ip_block) {
            out.n += block_text(r, peer->ip_block, &out.at[out.n]);
            continue;
        }
        pods = true;
        for (size_t k = 0; k < r->all->n; k++) {
            struct ip at = ip_of(r->all->at[k].ips, r->family);
            if (at.family && peer_is(r->np, peer, &r->all->at[k]))
                items_add(r->out, ITEM_ELEMENT,
                          arena_printf(r->a, STR_FMT " { " STR_FMT, STR_ARG(set), STR_ARG(ip_text(r->a, at))),
                          (struct str){0});
        }
    }
    if (pods) {
        items_add(r->out, ITEM_SET, set, arena_printf(r->a, "{ type %s; }", nft_addr(r->family)));
        out.at[out.n++] =
            arena_printf(r->a, "%s %s @" STR_FMT " ", nft_ip(r->family), r->d->peer, STR_ARG(set));
    }
    if (!peers->n)
        out.at[out.n++] = STR(""); /* anyone */
    return out;
}

static const char *protocol_name(const struct str *protocol)
{
    return protocol && str_is(*protocol, "UDP")    ? "udp"
           : protocol && str_is(*protocol, "SCTP") ? "sctp"
                                                   : "tcp";
}

/* A named port is each receiving pod's own: with its address, a set. */
static struct str named_port(struct policy_render *r, const struct network_policy_port *port, size_t index)
{
    struct str set = policy_set(r, "ports", index), wanted = port->protocol ? *port->protocol : STR("TCP");
    for (size_t k = 0; k < r->all->n; k++) {
        const struct policy_pod *p = &r->all->at[k];
        struct ip at = ip_of(p->ips, r->family);
        if (!at.family || (r->d == &ingress && !policy_selects(r->np, p->pod)))
            continue;
        const struct container_vec *lists[] = {&p->pod->spec.containers, &p->pod->spec.init_containers};
        for (size_t l = 0; l < ARRAY_LEN(lists); l++)
            for (size_t c = 0; c < lists[l]->n; c++)
                for (size_t i = 0; i < lists[l]->at[c].ports.n; i++) {
                    const struct container_port *cp = &lists[l]->at[c].ports.at[i];
                    if (str_eq(cp->name, port->port->s) && str_eq(cp->protocol, wanted))
                        items_add(r->out, ITEM_ELEMENT,
                                  arena_printf(r->a, STR_FMT " { " STR_FMT " . %s . %d", STR_ARG(set),
                                               STR_ARG(ip_text(r->a, at)), protocol_name(port->protocol),
                                               cp->container_port),
                                  (struct str){0});
                }
    }
    items_add(r->out, ITEM_SET, set,
              arena_printf(r->a, "{ type %s . inet_proto . inet_service; }", nft_addr(r->family)));
    return arena_printf(r->a, "%s daddr . meta l4proto . th dport @" STR_FMT " ", nft_ip(r->family),
                        STR_ARG(set));
}

static struct pieces ports_of(struct policy_render *r, const struct network_policy_port_vec *ports)
{
    struct pieces out = {arena_new_n(r->a, struct str, ports->n + 1), 0};
    for (size_t i = 0; i < ports->n; i++) {
        const struct network_policy_port *p = &ports->at[i];
        const char *protocol = protocol_name(p->protocol);
        if (!p->port)
            out.at[out.n++] = arena_printf(r->a, "meta l4proto %s ", protocol);
        else if (p->port->is_str)
            out.at[out.n++] = named_port(r, p, i);
        else if (p->end_port)
            out.at[out.n++] = arena_printf(r->a, "%s dport %d-%d ", protocol, p->port->i, *p->end_port);
        else
            out.at[out.n++] = arena_printf(r->a, "%s dport %d ", protocol, p->port->i);
    }
    if (!ports->n)
        out.at[out.n++] = STR("");
    return out;
}

static void policy_direction(struct policy_render *r)
{
    _cleanup_buf_ struct buf text = {0};
    for (r->rule = 0; r->rule < rule_count(r->np, r->d); r->rule++) {
        struct rule rule = rule_at(r->np, r->d, r->rule);
        struct pieces peers = peers_of(r, rule.peers), ports = ports_of(r, rule.ports);
        for (size_t i = 0; i < peers.n; i++)
            for (size_t k = 0; k < ports.n; k++)
                buf_addf(&text, STR_FMT STR_FMT "accept\n", STR_ARG(peers.at[i]), STR_ARG(ports.at[k]));
    }
    items_add(r->out, ITEM_CHAIN, policy_chain(r->a, r->d, r->np), arena_str(r->a, buf_str(&text)));
}

void policy_rules(const struct network_policy *np, const struct policy_pods *all, enum ip_family family,
                  struct arena *a, struct items *out)
{
    for (size_t d = 0; d < ARRAY_LEN(directions); d++)
        if (has_type(np, directions[d]->type)) {
            struct policy_render r = {
                .np = np, .all = all, .d = directions[d], .family = family, .a = a, .out = out};
            policy_direction(&r);
        }
    items_sort(out);
}

/* --- a pod's chains --- */

void policy_pod_rules(const struct policy_ips *ips, const struct network_policy *const *policies, size_t n,
                      enum ip_family family, struct arena *a, struct items *out)
{
    struct ip ip = ip_of(ips, family);
    if (!ip.family)
        return;
    struct str link = arena_printf(a, POD_LINK_FMT, POD_LINK_ID(ips->at[0]));
    for (size_t d = 0; d < ARRAY_LEN(directions); d++) {
        const struct direction *way = directions[d];
        _cleanup_buf_ struct buf text = {0};
        bool any = false;
        struct str chain = arena_printf(a, "%s/" STR_FMT, way->pod, STR_ARG(link));
        buf_addf(&text, "%s %s " STR_FMT " return\n", nft_ip(family), way->peer,
                 STR_ARG(ip_text(a, ip))); /* a pod reaches itself */
        for (size_t i = 0; i < n; i++)
            if (has_type(policies[i], way->type)) {
                any = true;
                buf_addf(&text, "jump " STR_FMT "\n", STR_ARG(policy_chain(a, way, policies[i])));
            }
        if (!any)
            continue;
        buf_add_lit(&text, "drop\n");
        items_add(out, ITEM_CHAIN, chain, arena_str(a, buf_str(&text)));
        items_add(out, ITEM_ELEMENT, arena_printf(a, "%s { \"" STR_FMT "\"", way->map, STR_ARG(link)),
                  arena_concat(a, STR("jump "), chain));
    }
    items_sort(out);
}
