/* Endpoints: the older form of the same, one object a service, still read by older clients. */
#include "controllers/endpoints/service_pods.h"

#include <stdlib.h>

#include "controllers/table.h"
#include "schema/copy.h"

#define OVER_CAPACITY STR("endpoints.kubernetes.io/over-capacity")
#define MANAGER_LABEL STR("endpoints.kubernetes.io/managed-by")
#define MANAGER       STR("endpoint-controller")

enum { ADDRESSES_MAX = 1000 };

/* One address with one port (or none): what subsets are packed from. */
struct pair {
    struct endpoint_address address;
    bool ready;
    struct str ports_key;
    struct endpoint_port_vec ports;
};

static struct str port_key(struct arena *a, const struct endpoint_port_vec *ports)
{
    struct str key = {0};
    for (size_t i = 0; i < ports->n; i++)
        key = arena_printf(a, STR_FMT STR_FMT "/%d/" STR_FMT "|", STR_ARG(key), STR_ARG(ports->at[i].name),
                           ports->at[i].port, STR_ARG(ports->at[i].protocol));
    return key;
}

static struct endpoint_port_vec ports_of_pod(struct arena *a, const struct service *s, const struct pod *p)
{
    struct endpoint_port_vec ports = {arena_new_n(a, struct endpoint_port, s->spec.ports.n), 0};
    for (size_t i = 0; i < s->spec.ports.n; i++) {
        const struct service_port *from = &s->spec.ports.at[i];
        int32_t number;
        if (service_port_of_pod(from, p, &number))
            ports.at[ports.n++] =
                (struct endpoint_port){from->name, number, from->protocol, from->app_protocol};
    }
    return ports;
}

static int pair_qsort(const void *x, const void *y)
{
    const struct pair *a = x, *b = y;
    int c = str_cmp(a->ports_key, b->ports_key);
    return c ? c : str_cmp(a->address.ip, b->address.ip);
}

/* One entry a pod, with all the ports that it has. */
static struct pair *pairs_of(struct work *w, const struct service *s, const struct objects *pods, size_t *n)
{
    struct arena *a = w->a;
    struct pair *pairs = arena_new_n(a, struct pair, pods->n);
    *n = 0;
    bool ipv6 = s->spec.ip_families.n && str_eq(s->spec.ip_families.at[0], IP_FAMILY_IPV6);
    for (size_t i = 0; i < pods->n; i++) {
        const struct pod *p = pod_of(pods->at[i]);
        struct str ip = pod_address(p, ipv6);
        bool unready = s->spec.publish_not_ready_addresses;
        if (str_empty(ip) || pod_is_terminal(p) || (p->metadata.deletion_timestamp && !unready))
            continue;
        struct endpoint_port_vec ports = ports_of_pod(a, s, p);
        if (ports.n == 0 && (s->spec.ports.n || !service_is_headless(s)))
            continue;
        struct object_reference target = pod_reference(p);
        struct pair *pair = &pairs[(*n)++];
        *pair = (struct pair){
            .address = {.ip = ip,
                        .hostname = service_hostname_of_pod(s, p),
                        .target_ref = arena_dup(a, &target, sizeof target)},
            .ready = unready || pod_is_ready(p),
            .ports_key = port_key(a, &ports),
            .ports = ports,
        };
        if (!str_empty(p->spec.node_name))
            pair->address.node_name = arena_dup(a, &p->spec.node_name, sizeof p->spec.node_name);
    }
    qsort(pairs, *n, sizeof *pairs, pair_qsort);
    return pairs;
}

static void address_add(struct endpoint_address_vec *v, struct arena *a, size_t most,
                        struct endpoint_address address)
{
    if (!v->at)
        v->at = arena_new_n(a, struct endpoint_address, most);
    v->at[v->n++] = address;
}

/* Pods with the same ports share a subset. Beyond a thousand addresses, ready ones go first. */
static struct endpoint_subset_vec subsets_of(struct arena *a, struct pair *pairs, size_t n, bool *truncated)
{
    struct endpoint_subset_vec subsets = {arena_new_n(a, struct endpoint_subset, n), 0};
    size_t ready = 0, unready = 0, ready_max = ADDRESSES_MAX, unready_max;
    for (size_t i = 0; i < n; i++)
        ready += pairs[i].ready;
    unready_max = ready < ADDRESSES_MAX ? ADDRESSES_MAX - ready : 0;
    *truncated = n > ADDRESSES_MAX;
    ready = 0;
    for (size_t i = 0; i < n; i++) {
        const struct pair *p = &pairs[i];
        if (p->ready ? ready++ >= ready_max : unready++ >= unready_max)
            continue;
        struct endpoint_subset *last = subsets.n ? &subsets.at[subsets.n - 1] : NULL;
        if (!last || i == 0 || !str_eq(pairs[i - 1].ports_key, p->ports_key)) {
            last = &subsets.at[subsets.n++];
            last->ports = p->ports;
        }
        address_add(p->ready ? &last->addresses : &last->not_ready_addresses, a, n, p->address);
    }
    return subsets;
}

static int endpoints_write(struct work *w, struct object *o, const struct service *s,
                           struct endpoint_subset_vec subsets, bool truncated)
{
    _cleanup_object_ struct object *there = informer_get(informer_of(w, endpoints), w->ns, w->name);
    struct endpoints fresh = {.metadata = {.namespace = w->ns, .name = w->name}};
    struct endpoints *e = there ? object_copy(there, w->a) : &fresh;
    e->subsets = subsets;
    e->metadata.labels = service_endpoint_labels(w->a, s);
    labels_set(w->a, &e->metadata.labels, MANAGER_LABEL, MANAGER);
    if (truncated)
        labels_set(w->a, &e->metadata.annotations, OVER_CAPACITY, STR("truncated"));
    else
        labels_unset(&e->metadata.annotations, OVER_CAPACITY);
    if (there && struct_eq(&endpoints_type, e, object_typed(there)))
        return 0;
    int failed = there ? client_update(w->client, &endpoints_resource, (struct str){0}, e, NULL, w->err)
                       : client_create(w->client, &endpoints_resource, w->ns, e, NULL, w->err);
    if (failed && w->err->reason != ERR_CONFLICT)
        recorder_event(w->recorder, o, "Warning", there ? "FailedToUpdateEndpoint" : "FailedToCreateEndpoint",
                       (struct str){0}, "Failed to %s endpoint " STR_FMT "/" STR_FMT ": " STR_FMT,
                       there ? "update" : "create", STR_ARG(w->ns), STR_ARG(w->name),
                       STR_ARG(w->err->message));
    return failed;
}

static int endpoints_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, service), w->ns, w->name);
    if (!o)
        return work_forgive(w, client_delete(w->client, &endpoints_resource, w->ns, w->name, NULL, w->err),
                            ERR_NOT_FOUND);
    const struct service *s = object_typed(o);
    if (!service_selects(s) || s->metadata.deletion_timestamp)
        return 0;
    _cleanup_objects_ struct objects pods = {0};
    service_pods(w, s, &pods);
    size_t n;
    bool truncated;
    struct pair *pairs = pairs_of(w, s, &pods, &n);
    struct endpoint_subset_vec subsets = subsets_of(w->a, pairs, n, &truncated);
    return endpoints_write(w, o, s, subsets, truncated);
}

static void on_endpoints(struct controller *k, struct object *before, struct object *after)
{
    if (!after)
        controller_on_self(k, before, after);
}

const struct controller_def endpoints_controller = {
    .name = "endpoint",
    .component = "endpoint-controller",
    .account = "endpoint-controller",
    .kind = &service_resource,
    .workers = 2,
    .reconcile = endpoints_reconcile,
    .watches = {{&service_resource, controller_on_self},
                {&pod_resource, service_on_pod},
                {&endpoints_resource, on_endpoints}},
};
