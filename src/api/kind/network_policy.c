/* NetworkPolicies (pkg/apis/networking/validation). */
#include "api/kind/kinds.h"
#include "base/ip.h"
#include "kinds/networking_v1.h"

static void network_policy_defaults(void *o, struct arena *a)
{
    struct network_policy_spec *s = &((struct network_policy *)o)->spec;
    if (s->policy_types.n)
        return;
    str_vec_add(&s->policy_types, a, STR("Ingress"));
    if (s->egress.n)
        str_vec_add(&s->policy_types, a, STR("Egress"));
}

static void valid_port_range(struct field_errors *e, const struct path *at,
                             const struct network_policy_port *p)
{
    const struct path *end = PATH(at, "endPort");
    if (!p->port && p->end_port)
        field_required(e, PATH(at, "port"), "must be specified when `endPort` is specified");
    if (!p->port)
        return;
    valid_port_or_name(e, PATH(at, "port"), p->port);
    if (!p->end_port)
        return;
    if (p->port->is_str) {
        field_invalid_int(e, end, *p->end_port, "may not be specified when `port` is non-numeric");
        return;
    }
    if (*p->end_port < p->port->i)
        field_invalid_int(e, end, p->port->i, "must be greater than or equal to `port`");
    valid_port(e, end, *p->end_port);
}

static void valid_ports(struct field_errors *e, const struct path *at,
                        const struct network_policy_port_vec *ports)
{
    each (*ports, i) {
        const struct network_policy_port *p = &ports->at[i];
        if (p->protocol)
            VALID_ONE_OF(e, PATH(PATH_AT(at, i), "protocol"), *p->protocol, true, STR("TCP"), STR("UDP"),
                         STR("SCTP"));
        valid_port_range(e, PATH_AT(at, i), p);
    }
}

static void valid_ip_block(struct field_errors *e, const struct path *at, const struct ip_block *b)
{
    struct ip_prefix all, part;
    const struct path *cidr = PATH(at, "cidr");
    if (!b->cidr.n)
        field_required(e, cidr, "%s", "");
    else
        valid_cidr(e, cidr, b->cidr);
    if (!ip_prefix_parse_sloppy(b->cidr, &all, NULL))
        return;
    each (b->except, i) {
        const struct path *except = PATH_AT(PATH(at, "except"), i);
        valid_cidr(e, except, b->except.at[i]);
        if (ip_prefix_parse_sloppy(b->except.at[i], &part, NULL) &&
            (!ip_prefix_has(all, part.base) || all.bits >= part.bits))
            field_invalid(e, except, b->except.at[i], "must be a strict subset of `cidr`");
    }
}

static void valid_peers(struct field_errors *e, const struct path *at,
                        const struct network_policy_peer_vec *peers)
{
    each (*peers, i) {
        const struct network_policy_peer *p = &peers->at[i];
        const struct path *item = PATH_AT(at, i);
        valid_selector(e, PATH(item, "podSelector"), p->pod_selector);
        valid_selector(e, PATH(item, "namespaceSelector"), p->namespace_selector);
        if (p->ip_block)
            valid_ip_block(e, PATH(item, "ipBlock"), p->ip_block);
        if (!p->pod_selector && !p->namespace_selector && !p->ip_block)
            field_required(e, item, "must specify a peer");
        else if (p->ip_block && (p->pod_selector || p->namespace_selector))
            field_forbidden(e, item, "may not specify both ipBlock and another peer");
    }
}

static void network_policy_validate(const void *o, struct field_errors *e)
{
    const struct network_policy_spec *s = &((const struct network_policy *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *types = PATH(spec, "policyTypes");
    valid_selector(e, PATH(spec, "podSelector"), &s->pod_selector);
    each (s->ingress, i) {
        const struct path *item = PATH_AT(PATH(spec, "ingress"), i);
        valid_ports(e, PATH(item, "ports"), &s->ingress.at[i].ports);
        valid_peers(e, PATH(item, "from"), &s->ingress.at[i].from);
    }
    each (s->egress, i) {
        const struct path *item = PATH_AT(PATH(spec, "egress"), i);
        valid_ports(e, PATH(item, "ports"), &s->egress.at[i].ports);
        valid_peers(e, PATH(item, "to"), &s->egress.at[i].to);
    }
    if (s->policy_types.n > 2)
        field_error(e, FIELD_ERROR_INVALID, types, valid_bad_list(e, &s->policy_types),
                    "may not specify more than two policyTypes");
    else
        each (s->policy_types, i)
            if (!str_is(s->policy_types.at[i], "Ingress") && !str_is(s->policy_types.at[i], "Egress"))
                field_not_supported(e, PATH_AT(types, i), s->policy_types.at[i],
                                    (const struct str[]){STR("Egress"), STR("Ingress")}, 2);
}

const struct strategy network_policy_strategy = {
    .resource = &network_policy_resource,
    .defaults = network_policy_defaults,
    .validate = network_policy_validate,
};
