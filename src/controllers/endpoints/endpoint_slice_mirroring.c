/* Mirrors Endpoints that people write by hand, for services without a selector, into EndpointSlices, which is
 * what proxies and DNS read. */
#include "controllers/endpoints/slices.h"
#include "controllers/table.h"

#define MANAGER      STR("endpointslicemirroring-controller.k8s.io")
#define SKIP_LABEL   STR("endpointslice.kubernetes.io/skip-mirror")
#define LEADER       STR("control-plane.alpha.kubernetes.io/leader")
#define LAST_APPLIED STR("kubectl.kubernetes.io/last-applied-configuration")
#define LAST_CHANGE  STR("endpoints.kubernetes.io/last-change-trigger-time")

enum { ENDPOINTS_MAX = 1000 };

/* Whether there is anything to mirror: not the locks that leaders once kept, and no service with a selector.
 */
static bool is_to_be_mirrored(const struct object_meta *endpoints, const struct service *service)
{
    return !str_is(labels_get(&endpoints->labels, SKIP_LABEL), "true") &&
           !labels_has(&endpoints->annotations, LEADER) && service && !service->metadata.deletion_timestamp &&
           service->spec.selector.n == 0 && !str_eq(service->spec.type, SERVICE_TYPE_EXTERNAL_NAME);
}

static struct discovery_endpoint_port_vec ports_of(struct arena *a, const struct endpoint_port_vec *from)
{
    struct discovery_endpoint_port_vec ports = {arena_new_n(a, struct discovery_endpoint_port, from->n),
                                                from->n};
    for (size_t i = 0; i < from->n; i++)
        ports.at[i] = (struct discovery_endpoint_port){
            .name = &from->at[i].name,
            .protocol = &from->at[i].protocol,
            .port = &from->at[i].port,
            .app_protocol = from->at[i].app_protocol,
        };
    return ports;
}

/* The addresses of one family, up to a limit for each subset. */
static void want_addresses(struct slicing *s, const struct discovery_endpoint_port_vec *ports,
                           const struct endpoint_address_vec *addresses, bool ready, size_t *left)
{
    struct arena *a = s->w->a;
    bool ipv6 = str_eq(s->address_type, ADDRESS_TYPE_IPV6);
    for (size_t i = 0; i < addresses->n && *left; i++) {
        struct endpoint_address *from = &addresses->at[i];
        if ((str_index(from->ip, ':') >= 0) != ipv6)
            continue;
        (*left)--;
        struct endpoint e = {
            .addresses = {&from->ip, 1},
            .conditions = {.ready = arena_dup(a, &ready, sizeof ready)},
            .target_ref = from->target_ref,
            .node_name = from->node_name,
            .hostname = from->hostname.n ? &from->hostname : NULL,
        };
        slicing_want(s, ports, &e, addresses->n - i);
    }
}

static int mirror_family(struct work *w, struct object *o, struct str family, const struct objects *slices)
{
    const struct endpoints *from = object_typed(o);
    struct slicing s = {.w = w,
                        .owner = o,
                        .labels = from->metadata.labels,
                        .annotations = from->metadata.annotations,
                        .address_type = family,
                        .most = ENDPOINTS_MAX};
    s.annotations.at = arena_dup(w->a, s.annotations.at, s.annotations.n * sizeof *s.annotations.at);
    labels_unset(&s.annotations, LAST_APPLIED);
    labels_unset(&s.annotations, LAST_CHANGE);
    labels_set(w->a, &s.labels, SLICE_SERVICE_LABEL, w->name);
    labels_set(w->a, &s.labels, SLICE_MANAGER_LABEL, MANAGER);
    for (size_t i = 0; i < from->subsets.n; i++) {
        const struct endpoint_subset *subset = &from->subsets.at[i];
        struct discovery_endpoint_port_vec ports = ports_of(w->a, &subset->ports);
        size_t left = ENDPOINTS_MAX;
        want_addresses(&s, &ports, &subset->addresses, true, &left);
        want_addresses(&s, &ports, &subset->not_ready_addresses, false, &left);
    }
    return slicing_run(&s, slices);
}

static int mirroring_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, endpoints), w->ns, w->name),
                                   *service = informer_get(informer_of(w, service), w->ns, w->name);
    if (!o || object_meta(o)->deletion_timestamp)
        return 0; /* the slices go with the Endpoints: those own them */
    _cleanup_objects_ struct objects slices = {0};
    slices_of_owner(w, object_meta(o)->uid, MANAGER, &slices);
    if (is_to_be_mirrored(object_meta(o), service ? object_typed(service) : NULL))
        return mirror_family(w, o, ADDRESS_TYPE_IPV4, &slices) < 0
                   ? -1
                   : mirror_family(w, o, ADDRESS_TYPE_IPV6, &slices);
    int failed = 0;
    for (size_t i = 0; i < slices.n && !failed; i++)
        failed = slice_delete(w, slices.at[i]);
    return failed;
}

static void on_slice(struct controller *k, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    if (before && str_eq(labels_get(&object_meta(before)->labels, SLICE_MANAGER_LABEL), MANAGER))
        controller_add(k, object_namespace(o), labels_get(&object_meta(before)->labels, SLICE_SERVICE_LABEL));
}

const struct controller_def endpoint_slice_mirroring_controller = {
    .name = "endpointslicemirroring",
    .component = "endpoint-slice-mirroring-controller",
    .account = "endpointslicemirroring-controller",
    .reconcile = mirroring_reconcile,
    .watches = {{&endpoints_resource, controller_on_self},
                {&service_resource, controller_on_self},
                {&endpoint_slice_resource, on_slice}},
};
