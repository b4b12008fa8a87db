/* Endpoints and EndpointSlices (pkg/apis/core/validation, pkg/apis/discovery/validation). */
#include "api/kind/kinds.h"
#include "base/ip.h"
#include "base/map.h"
#include "kinds/discovery_v1.h"

/* --- Endpoints --- */

static void valid_endpoint_addresses(struct field_errors *e, const struct path *at,
                                     const struct endpoint_address_vec *addresses)
{
    each (*addresses, i) {
        const struct endpoint_address *a = &addresses->at[i];
        size_t before = e->n;
        valid_ip(e, PATH(PATH_AT(at, i), "ip"), a->ip);
        if (e->n == before)
            valid_endpoint_ip(e, PATH(PATH_AT(at, i), "ip"), a->ip);
        if (a->hostname.n)
            format_validate(e, PATH(PATH_AT(at, i), "hostname"), FORMAT_DNS1123_LABEL, a->hostname);
        if (a->node_name)
            format_validate(e, PATH(PATH_AT(at, i), "nodeName"), FORMAT_DNS1123_SUBDOMAIN, *a->node_name);
    }
}

static void valid_subsets(struct field_errors *e, const struct endpoint_subset_vec *v)
{
    struct path subsets = path_child(NULL, STR("subsets"));
    each (*v, i) {
        const struct endpoint_subset *s = &v->at[i];
        const struct path *item = PATH_AT(&subsets, i);
        if (!s->addresses.n && !s->not_ready_addresses.n)
            field_required(e, item, "must specify `addresses` or `notReadyAddresses`");
        valid_endpoint_addresses(e, PATH(item, "addresses"), &s->addresses);
        valid_endpoint_addresses(e, PATH(item, "notReadyAddresses"), &s->not_ready_addresses);
        each (s->ports, k) {
            const struct endpoint_port *p = &s->ports.at[k];
            const struct path *port = PATH_AT(PATH(item, "ports"), k);
            if (s->ports.n > 1 && !p->name.n)
                field_required(e, PATH(port, "name"), "%s", "");
            else if (p->name.n)
                format_validate(e, PATH(port, "name"), FORMAT_DNS1123_LABEL, p->name);
            valid_port(e, PATH(port, "port"), p->port);
            VALID_ONE_OF(e, PATH(port, "protocol"), p->protocol, true, STR("SCTP"), STR("TCP"), STR("UDP"));
            if (p->app_protocol)
                valid_qualified(e, PATH(port, "appProtocol"), *p->app_protocol);
        }
    }
}

static void endpoints_validate_create(const void *o, struct field_errors *e)
{
    valid_subsets(e, &((const struct endpoints *)o)->subsets);
}

/* What has once been let in may stay as it is. */
static void endpoints_validate_update(const void *o, const void *before, struct field_errors *e)
{
    struct endpoints kept = *(const struct endpoints *)o;
    const struct endpoints *now = o, *old = before;
    kept.subsets = old->subsets;
    if (!same(&endpoints_type, &kept, now))
        valid_subsets(e, &now->subsets);
}

const struct strategy endpoints_strategy = {
    .resource = &endpoints_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE,
    .validate_create = endpoints_validate_create,
    .validate_update = endpoints_validate_update,
};

/* --- EndpointSlice --- */

enum {
    SLICE_ENDPOINTS_MAX = 1000,
    SLICE_PORTS_MAX = 20000,
    SLICE_ADDRESSES_MAX = 100,
    SLICE_LABELS_MAX = 16,
    SLICE_HINTS_MAX = 8
};

static void valid_slice_ip(struct field_errors *e, const struct path *at, struct str ip, struct str type)
{
    size_t before = e->n;
    struct ip parsed;
    valid_ip(e, at, ip);
    if (e->n > before)
        return;
    if (ip_parse_sloppy(ip, &parsed) && (parsed.family == IP_V6) != str_is(type, "IPv6"))
        field_invalid(e, at, ip, "must be an " STR_FMT " address", STR_ARG(type));
    valid_endpoint_ip(e, at, ip);
}

/* For whom an endpoint is meant: a few names, each once. */
static void valid_hints(struct field_errors *e, const struct path *at, const struct str_vec *names,
                        enum format f)
{
    if (names->n > SLICE_HINTS_MAX) {
        field_too_many(e, at, names->n, SLICE_HINTS_MAX);
        return;
    }
    each (*names, i) {
        struct str_vec before = {names->at, i};
        if (str_vec_has(&before, names->at[i]))
            field_duplicate(e, PATH(PATH_AT(at, i), "name"), names->at[i]);
        format_validate(e, PATH(PATH_AT(at, i), "name"), f, names->at[i]);
    }
}

static void valid_endpoint(struct field_errors *e, const struct path *at, const struct endpoint *ep,
                           struct str type)
{
    const struct path *list = PATH(at, "addresses");
    if (!ep->addresses.n)
        field_required(e, list, "must contain at least 1 address");
    if (ep->addresses.n > SLICE_ADDRESSES_MAX)
        field_too_many(e, list, ep->addresses.n, SLICE_ADDRESSES_MAX);
    each (ep->addresses, i) {
        struct str a = ep->addresses.at[i];
        if (str_is(type, "FQDN"))
            format_validate(e, PATH_AT(list, i), FORMAT_DNS1123_SUBDOMAIN, a);
        else if (str_is(type, "IPv4") || str_is(type, "IPv6"))
            valid_slice_ip(e, PATH_AT(list, i), a, type);
    }
    if (ep->node_name)
        format_validate(e, PATH(at, "nodeName"), FORMAT_DNS1123_SUBDOMAIN, *ep->node_name);
    if (ep->hostname)
        format_validate(e, PATH(at, "hostname"), FORMAT_DNS1123_LABEL, *ep->hostname);
    if (ep->deprecated_topology.n > SLICE_LABELS_MAX)
        field_too_many(e, PATH(at, "deprecatedTopology"), ep->deprecated_topology.n, SLICE_LABELS_MAX);
    valid_labels(e, PATH(at, "deprecatedTopology"), &ep->deprecated_topology);
    if (!ep->hints)
        return;
    struct str_vec zones = {0}, nodes = {0};
    each (ep->hints->for_zones, i)
        str_vec_add(&zones, &e->arena, ep->hints->for_zones.at[i].name);
    each (ep->hints->for_nodes, i)
        str_vec_add(&nodes, &e->arena, ep->hints->for_nodes.at[i].name);
    valid_hints(e, PATH(PATH(at, "hints"), "forZones"), &zones, FORMAT_LABEL_VALUE);
    valid_hints(e, PATH(PATH(at, "hints"), "forNodes"), &nodes, FORMAT_DNS1123_SUBDOMAIN);
}

static void endpoint_slice_validate(const void *o, struct field_errors *e)
{
    const struct endpoint_slice *s = o;
    _cleanup_map_ struct map names = {0};
    struct path endpoints = path_child(NULL, STR("endpoints")), ports = path_child(NULL, STR("ports"));
    if (!s->address_type.n)
        field_required(e, PATH(NULL, "addressType"), "%s", "");
    else
        VALID_ONE_OF(e, PATH(NULL, "addressType"), s->address_type, true, STR("FQDN"), STR("IPv4"),
                     STR("IPv6"));
    if (s->endpoints.n > SLICE_ENDPOINTS_MAX)
        field_too_many(e, &endpoints, s->endpoints.n, SLICE_ENDPOINTS_MAX);
    each (s->endpoints, i)
        valid_endpoint(e, PATH_AT(&endpoints, i), &s->endpoints.at[i], s->address_type);
    if (s->ports.n > SLICE_PORTS_MAX)
        field_too_many(e, &ports, s->ports.n, SLICE_PORTS_MAX);
    each (s->ports, i) {
        const struct discovery_endpoint_port *p = &s->ports.at[i];
        const struct path *item = PATH_AT(&ports, i);
        struct str name = p->name ? *p->name : STR("");
        if (name.n)
            format_validate(e, PATH(item, "name"), FORMAT_DNS1123_LABEL, name);
        if (map_put(&names, name, (void *)p))
            field_duplicate(e, PATH(item, "name"), name);
        if (p->protocol)
            VALID_ONE_OF(e, PATH(item, "protocol"), *p->protocol, true, STR("SCTP"), STR("TCP"), STR("UDP"));
        if (p->app_protocol && p->app_protocol->n)
            valid_qualified(e, PATH(item, "appProtocol"), *p->app_protocol);
    }
}

/* Labels count as a change of what is wanted, too. */
static void endpoint_slice_prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    struct object_meta *m = &((struct endpoint_slice *)o)->metadata;
    (void)c;
    m->generation += !str_map_same(&m->labels, &((const struct endpoint_slice *)old)->metadata.labels);
}

static void endpoint_slice_validate_update(const void *o, const void *old, struct field_errors *e)
{
    valid_immutable_str(e, PATH(NULL, "addressType"), ((const struct endpoint_slice *)o)->address_type,
                        ((const struct endpoint_slice *)old)->address_type);
}

const struct strategy endpoint_slice_strategy = {
    .resource = &endpoint_slice_resource,
    .prepare_update = endpoint_slice_prepare_update,
    .validate = endpoint_slice_validate,
    .validate_update = endpoint_slice_validate_update,
};
