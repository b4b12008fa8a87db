/* What every cluster has from its first moment, made through the road like everything else. */
#define LOG_PART "api"
#include "api/definitions.h"
#include "api/expiry.h"
#include "api/road.h"
#include "api/service/families.h"
#include "api/service/services.h"
#include "base/ip.h"
#include "base/log.h"
#include "kinds/discovery_v1.h"
#include "kinds/networking_v1.h"
#include "kinds/scheduling_v1.h"

static const char *const namespaces[] = {"default", "kube-system", "kube-public", "kube-node-lease"};

static const struct {
    const char *name, *description;
    int32_t value;
} priority_classes[] = {
    {"system-cluster-critical",
     "Used for system critical pods that must run in the cluster, but can be moved to another node if "
     "necessary.",
     2000000000},
    {"system-node-critical", "Used for system critical pods that must not be moved from their current node.",
     2000001000},
};

/* A request of the API's own; what failed for a `harmless` reason has not. `typed` may be NULL. */
static int call(struct api *a, enum api_verb verb, const struct resource *r, struct str ns, struct str name,
                const void *typed, enum err_reason harmless, struct err *err)
{
    _cleanup_arena_ struct arena arena = {0};
    struct api_request req = {
        .arena = &arena, .verb = verb, .resource = r, .ns = ns, .name = name, .typed = typed};
    int rc = api_call(a, &req);
    if (rc < 0 && req.err.reason == harmless)
        rc = 0;
    if (rc < 0)
        err_move(err, &req.err);
    api_finish(a, &req);
    return rc;
}

/* Creates what is not there yet. */
static int make(struct api *a, const struct resource *r, struct str ns, const void *typed, struct err *err)
{
    _cleanup_object_ struct object *there = road_find(a, r, ns, resource_meta(r, typed)->name);
    return there ? 0 : call(a, API_CREATE, r, ns, STR(""), typed, ERR_ALREADY_EXISTS, err);
}

/* The same, but what is there is made to be as it should. */
static int keep(struct api *a, const struct resource *r, struct str ns, const void *typed, struct err *err)
{
    if (make(a, r, ns, typed, err) < 0)
        return -1;
    return call(a, API_UPDATE, r, ns, resource_meta(r, typed)->name, typed, ERR_NONE, err);
}

/* A slice is of one family for good: where the server's address is of another now, it makes way. */
static int keep_slice(struct api *a, const struct endpoint_slice *slice, struct err *err)
{
    const struct object_meta *m = &slice->metadata;
    _cleanup_object_ struct object *o = road_find(a, &endpoint_slice_resource, m->namespace, m->name);
    const struct endpoint_slice *there = o ? object_typed(o) : NULL;
    if (there && !str_eq(there->address_type, slice->address_type) &&
        call(a, API_DELETE, &endpoint_slice_resource, m->namespace, m->name, NULL, ERR_NOT_FOUND, err) < 0)
        return -1;
    return keep(a, &endpoint_slice_resource, m->namespace, slice, err);
}

static int make_service(struct api *a, struct err *err)
{
    struct str address = a->options.advertise_address;
    int32_t port = a->options.advertise_port;
    struct str https = STR("https"), tcp = STR("TCP");
    struct str_entry labels[] = {{STR("component"), STR("apiserver")}, {STR("provider"), STR("kubernetes")}};
    struct service_port ports[] = {{.name = https, .protocol = tcp, .port = 443, .target_port = {.i = port}}};
    struct service service = {
        .metadata = {.name = STR("kubernetes"), .namespace = STR("default"), .labels = {labels, 2}},
        .spec = {.ports = {ports, 1}, .cluster_ip = services_first_address(a->services)}};
    if (make(a, &service_resource, STR("default"), &service, err) < 0)
        return -1;

    struct str_entry skip[] = {{STR("endpointslice.kubernetes.io/skip-mirror"), STR("true")}};
    struct endpoint_address addresses[] = {{.ip = address}};
    struct endpoint_port endpoint_ports[] = {{.name = https, .port = port, .protocol = tcp}};
    struct endpoint_subset subsets[] = {{.addresses = {addresses, 1}, .ports = {endpoint_ports, 1}}};
    struct endpoints endpoints = {
        .metadata = {.name = STR("kubernetes"), .namespace = STR("default"), .labels = {skip, 1}},
        .subsets = {subsets, 1}};
    if (keep(a, &endpoints_resource, STR("default"), &endpoints, err) < 0)
        return -1;

    struct str_entry named[] = {{STR("kubernetes.io/service-name"), STR("kubernetes")}};
    bool ready = true;
    struct endpoint slice_endpoints[] = {{.addresses = {&address, 1}, .conditions = {.ready = &ready}}};
    struct discovery_endpoint_port slice_ports[] = {{.name = &https, .port = &port, .protocol = &tcp}};
    struct endpoint_slice slice = {
        .metadata = {.name = STR("kubernetes"), .namespace = STR("default"), .labels = {named, 1}},
        .address_type = ip_family_of(address) == IP_V6 ? STR("IPv6") : STR("IPv4"),
        .endpoints = {slice_endpoints, 1},
        .ports = {slice_ports, 1}};
    return keep_slice(a, &slice, err);
}

/* The ranges that the server was started with, for all to see. A second may join the first later; other ones
 * are the administrator's to take care of. */
static int make_service_cidr(struct api *a, struct err *err)
{
    const struct str_vec *cidrs = &a->options.service_cidrs;
    struct service_cidr cidr = {.metadata = {.name = STR("kubernetes")}, .spec = {.cidrs = *cidrs}};
    _cleanup_object_ struct object *o = road_find(a, &service_cidr_resource, STR(""), cidr.metadata.name);
    const struct service_cidr *there = o ? object_typed(o) : NULL;
    if (!there || there->spec.cidrs.n != 1 || cidrs->n != 2 || !str_eq(there->spec.cidrs.at[0], cidrs->at[0]))
        return make(a, &service_cidr_resource, STR(""), &cidr, err);
    struct service_cidr longer = *there;
    longer.spec = cidr.spec;
    return keep(a, &service_cidr_resource, STR(""), &longer, err);
}

/* Services from before there were families get what such a service must have meant: to write them anew is to
 * fill that in. One that cannot be stays as it is. */
static void complete_services(struct api *a)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, &service_resource), STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        const struct service *s = object_typed(o);
        _cleanup_err_ struct err err = {0};
        if (!service_is_complete(&s->spec) && keep(a, &service_resource, s->metadata.namespace, s, &err) < 0)
            log_warn("service " STR_FMT "/" STR_FMT " has no families: " STR_FMT,
                     STR_ARG(s->metadata.namespace), STR_ARG(s->metadata.name), STR_ARG(err.message));
    }
}

int api_bootstrap(struct api *a, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
        struct namespace ns = {.metadata = {.name = str_from(namespaces[i])}};
        if (make(a, &namespace_resource, STR(""), &ns, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(priority_classes); i++) {
        struct priority_class p = {.metadata = {.name = str_from(priority_classes[i].name)},
                                   .value = priority_classes[i].value,
                                   .description = str_from(priority_classes[i].description)};
        if (make(a, &priority_class_resource, STR(""), &p, err) < 0)
            return -1;
    }
    complete_services(a);
    if (make_service_cidr(a, err) < 0 || (a->options.advertise_address.n && make_service(a, err) < 0))
        return -1;
    if (!a->expiry)
        a->expiry = expiry_start(a);
    return a->definitions ? 0 : definitions_start(a, &a->definitions, err);
}
