/* Ingresses, IngressClasses and NetworkPolicies (pkg/apis/networking/validation). */
#include "api/kind/kinds.h"
#include "base/ip.h"
#include "kinds/networking_v1.h"

static void valid_backend(struct field_errors *e, const struct path *at, const struct ingress_backend *b)
{
    if (b->service && b->resource) {
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(STR("{}")),
                    "cannot set both resource and service backends");
        return;
    }
    if (b->resource) {
        valid_required(e, PATH(PATH(at, "resource"), "kind"), b->resource->kind);
        valid_required(e, PATH(PATH(at, "resource"), "name"), b->resource->name);
        return;
    }
    if (!b->service) {
        field_required(e, at, "%s", "");
        return;
    }
    const struct path *service = PATH(at, "service"), *port = PATH(service, "port");
    if (!b->service->name.n)
        field_required(e, PATH(service, "name"), "%s", "");
    else
        format_validate(e, PATH(service, "name"), FORMAT_DNS1035_LABEL, b->service->name);
    if (b->service->port.name.n && b->service->port.number)
        field_error(e, FIELD_ERROR_INVALID, port, BAD_NONE, "cannot set both port name & port number");
    else if (b->service->port.name.n)
        format_validate(e, PATH(port, "name"), FORMAT_PORT_NAME, b->service->port.name);
    else if (b->service->port.number)
        valid_port(e, PATH(port, "number"), b->service->port.number);
    else
        field_required(e, port, "port name or number is required");
}

static void valid_http_path(struct field_errors *e, const struct path *at, const struct http_ingress_path *p)
{
    static const char *const never[] = {"//", "/./", "/../", "%2f", "%2F"};
    if (!p->path_type) {
        field_required(e, PATH(at, "pathType"), "pathType must be specified");
        return;
    }
    bool own = str_is(*p->path_type, "ImplementationSpecific");
    if (!own && !str_is(*p->path_type, "Exact") && !str_is(*p->path_type, "Prefix")) {
        VALID_ONE_OF(e, PATH(at, "pathType"), *p->path_type, true, STR("Exact"),
                     STR("ImplementationSpecific"), STR("Prefix"));
        return;
    }
    if ((!own || p->path.n) && !str_starts(p->path, STR("/")))
        field_invalid(e, PATH(at, "path"), p->path, "must be an absolute path");
    if (!own)
        for (size_t i = 0; i < ARRAY_LEN(never); i++)
            if (str_find(p->path, str_from(never[i])) >= 0)
                field_invalid(e, PATH(at, "path"), p->path, "must not contain '%s'", never[i]);
    valid_backend(e, PATH(at, "backend"), &p->backend);
}

static void valid_host(struct field_errors *e, const struct path *at, struct str host)
{
    if (is_ip(host))
        field_invalid(e, at, host, "must be a DNS name, not an IP address");
    else
        format_validate(e, at, str_index(host, '*') >= 0 ? FORMAT_DNS1123_WILDCARD : FORMAT_DNS1123_SUBDOMAIN,
                        host);
}

static void ingress_validate(const void *o, struct field_errors *e)
{
    const struct ingress_spec *s = &((const struct ingress *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    if (!s->rules.n && !s->default_backend)
        field_error(e, FIELD_ERROR_INVALID, spec, BAD_NONE,
                    "either `defaultBackend` or `rules` must be specified");
    if (s->default_backend)
        valid_backend(e, PATH(spec, "defaultBackend"), s->default_backend);
    if (s->ingress_class_name)
        format_validate(e, PATH(spec, "ingressClassName"), FORMAT_DNS1123_SUBDOMAIN, *s->ingress_class_name);
    each (s->tls, i)
        each (s->tls.at[i].hosts, k)
            valid_host(e, PATH_AT(PATH(PATH_AT(PATH(spec, "tls"), i), "hosts"), k), s->tls.at[i].hosts.at[k]);
    each (s->rules, i) {
        const struct ingress_rule *r = &s->rules.at[i];
        const struct path *rule = PATH_AT(PATH(spec, "rules"), i);
        if (r->host.n)
            valid_host(e, PATH(rule, "host"), r->host);
        if (!r->http)
            continue;
        const struct path *paths = PATH(PATH(rule, "http"), "paths");
        if (!r->http->paths.n)
            field_required(e, paths, "%s", "");
        each (r->http->paths, k)
            valid_http_path(e, PATH_AT(paths, k), &r->http->paths.at[k]);
    }
}

static void ingress_validate_status(const void *o, const void *old, struct field_errors *e)
{
    (void)old;
    const struct ingress_load_balancer_status *s = &((const struct ingress *)o)->status.load_balancer;
    struct path status = path_child(NULL, STR("status"));
    each (s->ingress, i)
        valid_balancer(e, PATH_AT(PATH(PATH(&status, "loadBalancer"), "ingress"), i), s->ingress.at[i].ip,
                       s->ingress.at[i].hostname);
}

const struct strategy ingress_strategy = {
    .resource = &ingress_resource, .validate = ingress_validate, .validate_status = ingress_validate_status};

static void ingress_class_validate_update(const void *o, const void *old, struct field_errors *e)
{
    struct path spec = path_child(NULL, STR("spec"));
    valid_immutable_str(e, PATH(&spec, "controller"), ((const struct ingress_class *)o)->spec.controller,
                        ((const struct ingress_class *)old)->spec.controller);
}

const struct strategy ingress_class_strategy = {.resource = &ingress_class_resource,
                                                .validate_update = ingress_class_validate_update};

/* --- NetworkPolicy --- */

static void network_policy_defaults(void *o, struct arena *a)
{
    struct network_policy_spec *s = &((struct network_policy *)o)->spec;
    if (s->policy_types.n)
        return;
    str_vec_add(&s->policy_types, a, STR("Ingress"));
    if (s->egress.n)
        str_vec_add(&s->policy_types, a, STR("Egress"));
}

static void valid_policy_ports(struct field_errors *e, const struct path *at,
                               const struct network_policy_port_vec *ports)
{
    each (*ports, i) {
        const struct network_policy_port *p = &ports->at[i];
        const struct path *item = PATH_AT(at, i);
        if (p->protocol)
            VALID_ONE_OF(e, PATH(item, "protocol"), *p->protocol, true, STR("SCTP"), STR("TCP"), STR("UDP"));
        if (p->port)
            valid_port_or_name(e, PATH(item, "port"), p->port);
        if (!p->end_port)
            continue;
        if (!p->port)
            field_required(e, PATH(item, "port"), "must be specified when `endPort` is specified");
        else if (p->port->is_str)
            field_invalid_int(e, PATH(item, "endPort"), *p->end_port,
                              "may not be specified when `port` is non-numeric");
        else if (*p->end_port < p->port->i)
            field_invalid_int(e, PATH(item, "endPort"), *p->end_port,
                              "must be greater than or equal to `port`");
        else
            valid_port(e, PATH(item, "endPort"), *p->end_port);
    }
}

static void valid_ip_block(struct field_errors *e, const struct path *at, const struct ip_block *b)
{
    struct ip_prefix cidr, except;
    if (!b->cidr.n) {
        field_required(e, PATH(at, "cidr"), "%s", "");
        return;
    }
    valid_cidr(e, PATH(at, "cidr"), b->cidr);
    if (!ip_prefix_parse_sloppy(b->cidr, &cidr, NULL))
        return;
    each (b->except, i) {
        const struct path *item = PATH_AT(PATH(at, "except"), i);
        valid_cidr(e, item, b->except.at[i]);
        if (ip_prefix_parse_sloppy(b->except.at[i], &except, NULL) &&
            (!ip_prefix_has(cidr, except.base) || cidr.bits >= except.bits))
            field_invalid(e, item, b->except.at[i], "must be a strict subset of `cidr`");
    }
}

static void valid_policy_peers(struct field_errors *e, const struct path *at,
                               const struct network_policy_peer_vec *peers)
{
    each (*peers, i) {
        const struct network_policy_peer *p = &peers->at[i];
        const struct path *item = PATH_AT(at, i);
        if (!p->pod_selector && !p->namespace_selector && !p->ip_block)
            field_required(e, item, "must specify a peer");
        valid_selector(e, PATH(item, "podSelector"), p->pod_selector);
        valid_selector(e, PATH(item, "namespaceSelector"), p->namespace_selector);
        if (!p->ip_block)
            continue;
        if (p->pod_selector || p->namespace_selector)
            field_forbidden(e, item, "may not specify both ipBlock and another peer");
        valid_ip_block(e, PATH(item, "ipBlock"), p->ip_block);
    }
}

static void network_policy_validate(const void *o, struct field_errors *e)
{
    const struct network_policy_spec *s = &((const struct network_policy *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    valid_selector(e, PATH(spec, "podSelector"), &s->pod_selector);
    each (s->ingress, i) {
        const struct path *item = PATH_AT(PATH(spec, "ingress"), i);
        valid_policy_ports(e, PATH(item, "ports"), &s->ingress.at[i].ports);
        valid_policy_peers(e, PATH(item, "from"), &s->ingress.at[i].from);
    }
    each (s->egress, i) {
        const struct path *item = PATH_AT(PATH(spec, "egress"), i);
        valid_policy_ports(e, PATH(item, "ports"), &s->egress.at[i].ports);
        valid_policy_peers(e, PATH(item, "to"), &s->egress.at[i].to);
    }
    if (s->policy_types.n > 2)
        field_error(e, FIELD_ERROR_INVALID, PATH(spec, "policyTypes"), BAD_NONE,
                    "may not specify more than two policyTypes");
    else
        each (s->policy_types, i)
            VALID_ONE_OF(e, PATH_AT(PATH(spec, "policyTypes"), i), s->policy_types.at[i], true, STR("Egress"),
                         STR("Ingress"));
}

const struct strategy network_policy_strategy = {.resource = &network_policy_resource,
                                                 .defaults = network_policy_defaults,
                                                 .validate = network_policy_validate};
