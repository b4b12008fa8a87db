/* The cluster's DNS as users expect it: a Service kube-system/kube-dns, whose endpoints are the nodes, as
 * each node's agent serves it (net/dns/server.h). Each node has an EndpointSlice of its own, which goes with
 * the Node. Who gives the Service a selector brings a DNS of their own: then the slices go, and nothing else
 * happens. */
#include "base/ip.h"
#include "controllers/meta.h"
#include "controllers/table.h"
#include "kinds/discovery_v1.h"
#include "schema/copy.h"

#define SYSTEM   STR("kube-system")
#define KUBE_DNS STR("kube-dns")
#define MANAGER  STR("cluster-dns-controller.sagong")
#define READY    STR("Ready")

enum { DNS_PORT = 53 };

static const struct service_port dns_ports[] = {
    {.name = STR_INIT("dns"), .protocol = STR_INIT("UDP"), .port = DNS_PORT, .target_port = {.i = DNS_PORT}},
    {.name = STR_INIT("dns-tcp"),
     .protocol = STR_INIT("TCP"),
     .port = DNS_PORT,
     .target_port = {.i = DNS_PORT}},
};

/* Made when it is not there; what users make of it stays. */
static int ensure_service(struct work *w, struct object **out)
{
    *out = informer_get(informer_of(w, service), SYSTEM, KUBE_DNS);
    if (*out)
        return 0;
    struct str closest = STR("PreferSameNode");
    struct str_entry labels[] = {{STR("k8s-app"), KUBE_DNS},
                                 {STR("kubernetes.io/cluster-service"), STR("true")},
                                 {STR("kubernetes.io/name"), STR("SagongDNS")}};
    struct service s = {
        .metadata = {.name = KUBE_DNS, .namespace = SYSTEM, .labels = {labels, ARRAY_LEN(labels)}},
        .spec = {.cluster_ip = w->options->cluster_dns,
                 .ports = {(struct service_port *)dns_ports, ARRAY_LEN(dns_ports)},
                 .traffic_distribution = &closest}};
    return client_create(w->client, &service_resource, SYSTEM, &s, out, w->err);
}

static bool node_is_ready(const struct node *n)
{
    const struct node_condition *c = condition_find(&node_condition_type, &n->status.conditions, READY);
    return c && str_eq(c->status, CONDITION_STATUS_TRUE);
}

/* The first address of the node's pod range of this family: its own (net/pod_network.h). */
static bool node_dns_address(struct arena *a, const struct node *n, enum ip_family family, struct str *out)
{
    for (size_t i = 0; i < n->spec.pod_cidrs.n; i++) {
        struct ip_prefix pods;
        if (ip_prefix_parse(n->spec.pod_cidrs.at[i], &pods) && pods.base.family == family) {
            *out = ip_text(a, ip_prefix_at(pods, 1));
            return true;
        }
    }
    return false;
}

static struct discovery_endpoint_port_vec slice_ports(struct arena *a)
{
    struct discovery_endpoint_port *ports =
        arena_new_n(a, struct discovery_endpoint_port, ARRAY_LEN(dns_ports));
    for (size_t i = 0; i < ARRAY_LEN(dns_ports); i++)
        ports[i] = (struct discovery_endpoint_port){
            .name = arena_dup(a, &dns_ports[i].name, sizeof(struct str)),
            .protocol = arena_dup(a, &dns_ports[i].protocol, sizeof(struct str)),
            .port = arena_dup(a, &dns_ports[i].port, sizeof(int32_t)),
        };
    return (struct discovery_endpoint_port_vec){ports, ARRAY_LEN(dns_ports)};
}

static struct str slice_name(struct arena *a, struct str node)
{
    return arena_concat(a, STR("kube-dns-"), node);
}

static int drop_slice(struct work *w)
{
    struct str name = slice_name(w->a, w->name);
    _cleanup_object_ struct object *there = informer_get(informer_of(w, endpoint_slice), SYSTEM, name);
    return there
               ? work_forgive(w,
                              client_delete(w->client, &endpoint_slice_resource, SYSTEM, name, NULL, w->err),
                              ERR_NOT_FOUND)
               : 0;
}

static int keep_slice(struct work *w, struct object *o, struct str address)
{
    struct arena *a = w->a;
    const struct node *node = object_typed(o);
    struct str name = slice_name(a, w->name);
    _cleanup_object_ struct object *there = informer_get(informer_of(w, endpoint_slice), SYSTEM, name);
    struct endpoint_slice fresh = {.metadata = {.name = name, .namespace = SYSTEM},
                                   .address_type = ip_family_of(address) == IP_V6 ? ADDRESS_TYPE_IPV6
                                                                                  : ADDRESS_TYPE_IPV4};
    struct endpoint_slice *slice = there ? object_copy(there, a) : &fresh;
    bool ready = node_is_ready(node), ends = false;
    struct for_node here = {w->name};
    struct endpoint_hints hints = {.for_nodes = {&here, 1}};
    struct endpoint endpoint = {.addresses = {&address, 1},
                                .conditions = {&ready, &ready, &ends},
                                .node_name = &w->name,
                                .hints = &hints};
    slice->metadata.labels = (struct str_map){0};
    labels_set(a, &slice->metadata.labels, STR("endpointslice.kubernetes.io/managed-by"), MANAGER);
    labels_set(a, &slice->metadata.labels, STR("k8s-app"), KUBE_DNS);
    labels_set(a, &slice->metadata.labels, STR("kubernetes.io/service-name"), KUBE_DNS);
    slice->metadata.owner_references.n = 0; /* of a Node of that name before */
    meta_add_owner(a, &slice->metadata, owner_reference_to(a, o));
    slice->endpoints = (struct endpoint_vec){&endpoint, 1};
    slice->ports = slice_ports(a);
    if (there && struct_eq(&endpoint_slice_type, slice, object_typed(there)))
        return 0;
    return there ? client_update(w->client, &endpoint_slice_resource, (struct str){0}, slice, NULL, w->err)
                 : client_create(w->client, &endpoint_slice_resource, SYSTEM, slice, NULL, w->err);
}

static int cluster_dns_reconcile(struct work *w)
{
    _cleanup_object_ struct object *service = NULL,
                                   *node = informer_get(informer_of(w, node), (struct str){0}, w->name);
    struct str address;
    if (str_empty(w->options->cluster_dns) || !node)
        return 0; /* the slice goes with its node: that owns it */
    if (work_forgive(w, ensure_service(w, &service), ERR_ALREADY_EXISTS) < 0)
        return -1;
    if (!service) { /* there, but not to be seen yet */
        work_again(w, CLOCK_S);
        return 0;
    }
    if (((const struct service *)object_typed(service))->spec.selector.n ||
        !node_dns_address(w->a, object_typed(node), ip_family_of(w->options->cluster_dns), &address))
        return drop_slice(w);
    return keep_slice(w, node, address);
}

static void all_nodes(struct controller *k)
{
    _cleanup_objects_ struct objects nodes = {0};
    informer_list(informer_of(k, node), (struct str){0}, &nodes);
    for (size_t i = 0; i < nodes.n; i++)
        controller_on_self(k, NULL, nodes.at[i]);
}

static bool looks_the_same(const struct node *x, const struct node *y)
{
    return str_eq(x->spec.pod_cidr, y->spec.pod_cidr) && node_is_ready(x) == node_is_ready(y);
}

static void on_node(struct controller *k, struct object *before, struct object *after)
{
    if (after && !(before && looks_the_same(object_typed(before), object_typed(after))))
        controller_on_self(k, before, after);
}

static void on_service(struct controller *k, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    if (str_eq(object_name(o), KUBE_DNS) && str_eq(object_namespace(o), SYSTEM))
        all_nodes(k);
}

static void on_slice(struct controller *k, struct object *before, struct object *after)
{
    struct str prefix = STR("kube-dns-"), name = object_name(after ? after : before);
    if (before && str_eq(object_namespace(before), SYSTEM) && str_starts(name, prefix))
        controller_add(k, (struct str){0}, str_from_at(name, prefix.n));
}

const struct controller_def cluster_dns_controller = {
    .name = "cluster-dns",
    .component = "cluster-dns-controller",
    .kind = &node_resource,
    .reconcile = cluster_dns_reconcile,
    .watches = {{&node_resource, on_node},
                {&service_resource, on_service},
                {&endpoint_slice_resource, on_slice}},
};
