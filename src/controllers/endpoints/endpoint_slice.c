/* EndpointSlices of services with a selector: where their pods are reached, in slices of at most 100
 * (KEP-752), with hints for whom they are close to where the service asks for that (KEP-3015). */
#include "controllers/endpoints/slices.h"
#include "controllers/table.h"

#define MANAGER STR("endpointslice-controller.k8s.io")

enum { ENDPOINTS_MAX = 100 };

static struct discovery_endpoint_port_vec ports_of_pod(struct arena *a, const struct service *s,
                                                       const struct pod *p)
{
    struct discovery_endpoint_port_vec ports = {
        arena_new_n(a, struct discovery_endpoint_port, s->spec.ports.n), 0};
    for (size_t i = 0; i < s->spec.ports.n; i++) {
        const struct service_port *from = &s->spec.ports.at[i];
        int32_t number;
        if (!service_port_of_pod(from, p, &number))
            continue;
        ports.at[ports.n++] = (struct discovery_endpoint_port){
            .name = arena_dup(a, &from->name, sizeof from->name),
            .protocol = arena_dup(a, &from->protocol, sizeof from->protocol),
            .port = arena_dup(a, &number, sizeof number),
            .app_protocol = from->app_protocol,
        };
    }
    return ports;
}

static bool *bool_dup(struct arena *a, bool b)
{
    return arena_dup(a, &b, sizeof b);
}

/* Whom a ready endpoint is for, by the service's trafficDistribution; NULL: everyone alike. */
static struct endpoint_hints *endpoint_hints(struct arena *a, const struct service *s,
                                             const struct endpoint *e)
{
    const struct str *wish = s->spec.traffic_distribution;
    bool node = wish && str_is(*wish, "PreferSameNode");
    if (!wish || !*e->conditions.ready || (!node && !e->zone))
        return NULL;
    struct endpoint_hints *h = arena_new(a, struct endpoint_hints);
    if (node)
        h->for_nodes = (struct for_node_vec){
            arena_dup(a, &(struct for_node){*e->node_name}, sizeof(struct for_node)), 1};
    if (e->zone)
        h->for_zones =
            (struct for_zone_vec){arena_dup(a, &(struct for_zone){*e->zone}, sizeof(struct for_zone)), 1};
    return h;
}

static struct endpoint endpoint_of_pod(struct work *w, const struct service *s, const struct pod *p,
                                       struct str address)
{
    struct arena *a = w->a;
    bool serving = pod_is_ready(p), terminating = p->metadata.deletion_timestamp;
    struct object_reference target = pod_reference(p);
    struct endpoint e = {
        .addresses = {arena_dup(a, &address, sizeof address), 1},
        .conditions = {bool_dup(a, s->spec.publish_not_ready_addresses || (serving && !terminating)),
                       bool_dup(a, serving), bool_dup(a, terminating)},
        .target_ref = arena_dup(a, &target, sizeof target),
    };
    struct str hostname = service_hostname_of_pod(s, p);
    if (!str_empty(hostname))
        e.hostname = arena_dup(a, &hostname, sizeof hostname);
    if (str_empty(p->spec.node_name))
        return e;
    e.node_name = arena_dup(a, &p->spec.node_name, sizeof p->spec.node_name);
    _cleanup_object_ struct object *node =
        informer_get(informer_of(w, node), (struct str){0}, p->spec.node_name);
    struct str zone =
        node ? labels_get(&object_meta(node)->labels, STR("topology.kubernetes.io/zone")) : (struct str){0};
    if (!str_empty(zone)) {
        zone = arena_str(a, zone);
        e.zone = arena_dup(a, &zone, sizeof zone);
    }
    e.hints = endpoint_hints(a, s, &e);
    return e;
}

/* All of one address family. */
static int reconcile_family(struct work *w, struct object *o, struct str family, const struct objects *pods,
                            const struct objects *slices)
{
    const struct service *service = object_typed(o);
    struct slicing s = {.w = w,
                        .owner = o,
                        .labels = service_endpoint_labels(w->a, service),
                        .address_type = family,
                        .most = ENDPOINTS_MAX,
                        .placeholder = true};
    labels_set(w->a, &s.labels, SLICE_SERVICE_LABEL, w->name);
    labels_set(w->a, &s.labels, SLICE_MANAGER_LABEL, MANAGER);
    for (size_t i = 0; i < pods->n; i++) {
        const struct pod *p = pod_of(pods->at[i]);
        struct str address = pod_address(p, str_eq(family, ADDRESS_TYPE_IPV6));
        if (str_empty(address) || pod_is_terminal(p))
            continue;
        struct discovery_endpoint_port_vec ports = ports_of_pod(w->a, service, p);
        struct endpoint e = endpoint_of_pod(w, service, p, address);
        slicing_want(&s, &ports, &e, pods->n - i);
    }
    return slicing_run(&s, slices);
}

static int endpoint_slice_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, service), w->ns, w->name);
    if (!o || object_meta(o)->deletion_timestamp)
        return 0; /* its slices go with it: it owns them */
    const struct service *service = object_typed(o);
    if (!service_selects(service))
        return 0;
    _cleanup_objects_ struct objects pods = {0}, slices = {0};
    service_pods(w, service, &pods);
    slices_of_owner(w, service->metadata.uid, MANAGER, &slices);
    struct str ipv4 = IP_FAMILY_IPV4;
    const struct str_vec only_ipv4 = {&ipv4, 1};
    const struct str_vec *families = service->spec.ip_families.n ? &service->spec.ip_families : &only_ipv4;
    int failed = 0;
    for (size_t i = 0; i < families->n && !failed; i++)
        failed = reconcile_family(w, o, families->at[i], &pods, &slices);
    for (size_t i = 0; i < slices.n && !failed; i++) {
        const struct endpoint_slice *slice = object_typed(slices.at[i]);
        if (!strs_has(families, slice->address_type)) /* of a family that the service no longer has */
            failed = slice_delete(w, slices.at[i]);
    }
    if (failed && w->err->reason != ERR_CONFLICT)
        recorder_event(w->recorder, o, "Warning", "FailedToUpdateEndpointSlices", (struct str){0},
                       "Error updating Endpoint Slices for Service " STR_FMT "/" STR_FMT ": " STR_FMT,
                       STR_ARG(w->ns), STR_ARG(w->name), STR_ARG(w->err->message));
    return failed;
}

/* A slice that someone else changed or deleted. */
static void on_slice(struct controller *k, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    if (before && str_eq(labels_get(&object_meta(before)->labels, SLICE_MANAGER_LABEL), MANAGER))
        controller_add(k, object_namespace(o), labels_get(&object_meta(before)->labels, SLICE_SERVICE_LABEL));
}

const struct controller_def endpoint_slice_controller = {
    .name = "endpointslice",
    .component = "endpoint-slice-controller",
    .account = "endpointslice-controller",
    .kind = &service_resource,
    .workers = 2,
    .reconcile = endpoint_slice_reconcile,
    .watches = {{&service_resource, controller_on_self},
                {&pod_resource, service_on_pod},
                {&endpoint_slice_resource, on_slice},
                {&node_resource, NULL}},
};
