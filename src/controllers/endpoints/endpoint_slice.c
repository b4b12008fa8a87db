/* EndpointSlices: where a service's pods are reached, in slices of at most 100, changed as little as possible
 * (KEP-752). */
#include "controllers/endpoints/service_pods.h"
#include "controllers/table.h"
#include "kinds/discovery_v1.h"
#include "schema/copy.h"

#define SERVICE_LABEL STR("kubernetes.io/service-name")
#define MANAGER_LABEL STR("endpointslice.kubernetes.io/managed-by")
#define MANAGER       STR("endpointslice-controller.k8s.io")

enum { ENDPOINTS_MAX = 100 };

/* The endpoints that should be, of one address family and one set of ports. (Pods differ in their ports where
 * a service names them.) */
struct group {
    struct str key; /* of the ports */
    struct discovery_endpoint_port_vec ports;
    struct endpoint *at;
    bool *placed; /* lies in a slice */
    size_t n, cap, n_placed;
};

struct slicing {
    struct work *w;
    struct object *object;
    const struct service *service;
    struct str_map labels; /* of all slices */
    struct str address_type;
    struct group *groups;
    size_t n_groups, cap_groups;
};

/* --- what should be --- */

static struct str ports_key(struct arena *a, const struct discovery_endpoint_port_vec *ports)
{
    struct str key = STR("|");
    for (size_t i = 0; i < ports->n; i++) {
        const struct discovery_endpoint_port *p = &ports->at[i];
        struct str none = {0}, name = p->name ? *p->name : none, protocol = p->protocol ? *p->protocol : none;
        struct str app = p->app_protocol ? *p->app_protocol : none;
        key = arena_printf(a, STR_FMT STR_FMT "/" STR_FMT "/%d/" STR_FMT "|", STR_ARG(key), STR_ARG(name),
                           STR_ARG(protocol), p->port ? *p->port : -1, STR_ARG(app));
    }
    return key;
}

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

static struct endpoint endpoint_of_pod(struct slicing *s, const struct pod *p, struct str address)
{
    struct arena *a = s->w->a;
    bool serving = pod_is_ready(p), terminating = p->metadata.deletion_timestamp;
    struct object_reference target = pod_reference(p);
    struct endpoint e = {
        .addresses = {arena_dup(a, &address, sizeof address), 1},
        .conditions = {bool_dup(a, s->service->spec.publish_not_ready_addresses || (serving && !terminating)),
                       bool_dup(a, serving), bool_dup(a, terminating)},
        .target_ref = arena_dup(a, &target, sizeof target),
    };
    struct str hostname = service_hostname_of_pod(s->service, p);
    if (!str_empty(hostname))
        e.hostname = arena_dup(a, &hostname, sizeof hostname);
    if (str_empty(p->spec.node_name))
        return e;
    e.node_name = arena_dup(a, &p->spec.node_name, sizeof p->spec.node_name);
    _cleanup_object_ struct object *node =
        informer_get(informer_of(s->w, node), (struct str){0}, p->spec.node_name);
    struct str zone =
        node ? labels_get(&object_meta(node)->labels, STR("topology.kubernetes.io/zone")) : (struct str){0};
    if (!str_empty(zone)) {
        zone = arena_str(a, zone);
        e.zone = arena_dup(a, &zone, sizeof zone);
    }
    return e;
}

static struct group *group_of(struct slicing *s, struct str key,
                              const struct discovery_endpoint_port_vec *ports)
{
    for (size_t i = 0; i < s->n_groups; i++)
        if (str_eq(s->groups[i].key, key))
            return &s->groups[i];
    if (!ports)
        return NULL;
    if (s->n_groups == s->cap_groups) {
        struct group *more = arena_new_n(s->w->a, struct group, s->cap_groups * 2 + 4);
        if (s->n_groups)
            memcpy(more, s->groups, s->n_groups * sizeof *more);
        s->groups = more;
        s->cap_groups = s->cap_groups * 2 + 4;
    }
    struct group *g = &s->groups[s->n_groups++];
    *g = (struct group){.key = key, .ports = *ports};
    return g;
}

static void slicing_want(struct slicing *s, const struct objects *pods)
{
    struct arena *a = s->w->a;
    for (size_t i = 0; i < pods->n; i++) {
        const struct pod *p = pod_of(pods->at[i]);
        struct str address = pod_address(p, str_eq(s->address_type, ADDRESS_TYPE_IPV6));
        if (str_empty(address) || pod_is_terminal(p))
            continue;
        struct discovery_endpoint_port_vec ports = ports_of_pod(a, s->service, p);
        struct group *g = group_of(s, ports_key(a, &ports), &ports);
        if (!g->cap) {
            g->cap = pods->n;
            g->at = arena_new_n(a, struct endpoint, g->cap);
            g->placed = arena_new_n(a, bool, g->cap);
        }
        g->at[g->n++] = endpoint_of_pod(s, p, address);
    }
}

/* --- what is --- */

/* A slice there is, and what becomes of it. */
struct present {
    struct object *object;
    struct endpoint_slice *slice; /* a copy, to be changed */
    struct group *group;          /* NULL: it has to go */
    bool changed;
};

static bool is_endpoint_of(const struct endpoint *x, const struct endpoint *y)
{
    return x->target_ref && y->target_ref && str_eq(x->target_ref->uid, y->target_ref->uid) &&
           x->addresses.n && y->addresses.n && str_eq(x->addresses.at[0], y->addresses.at[0]);
}

/* Keeps in the slice what should be there, in its place. */
static void present_keep(struct present *p)
{
    struct endpoint_vec *in = &p->slice->endpoints;
    size_t kept = 0;
    for (size_t i = 0; i < in->n; i++) {
        struct group *g = p->group;
        size_t at = 0;
        while (at < g->n && (g->placed[at] || !is_endpoint_of(&g->at[at], &in->at[i])))
            at++;
        if (at == g->n) {
            p->changed = true;
            continue;
        }
        g->placed[at] = true;
        g->n_placed++;
        p->changed |= !struct_eq(&endpoint_type, &g->at[at], &in->at[i]);
        in->at[kept++] = g->at[at];
    }
    in->n = kept;
}

/* Takes as many that have no place yet as fit. */
static void slice_fill(struct arena *a, struct endpoint_slice *slice, struct group *g)
{
    struct endpoint_vec full = {arena_new_n(a, struct endpoint, ENDPOINTS_MAX), slice->endpoints.n};
    if (full.n)
        memcpy(full.at, slice->endpoints.at, full.n * sizeof *full.at);
    for (size_t i = 0; i < g->n && full.n < ENDPOINTS_MAX; i++)
        if (!g->placed[i]) {
            g->placed[i] = true;
            g->n_placed++;
            full.at[full.n++] = g->at[i];
        }
    slice->endpoints = full;
}

/* What has no place goes into slices that change anyway, then into one that can take all of it, and what is
 * left into new ones: the fewer slices change, the less must be sent to every node. */
static void group_place(struct slicing *s, struct group *g, struct present *all, size_t n)
{
    for (size_t i = 0; i < n && g->n_placed < g->n; i++)
        if (all[i].group == g && all[i].changed && all[i].slice->endpoints.n)
            slice_fill(s->w->a, all[i].slice, g);
    size_t rest = (g->n - g->n_placed) % ENDPOINTS_MAX;
    struct present *best = NULL;
    for (size_t i = 0; i < n && rest; i++) {
        size_t have = all[i].slice->endpoints.n;
        if (all[i].group == g && have + rest <= ENDPOINTS_MAX && (!best || have > best->slice->endpoints.n))
            best = &all[i];
    }
    if (best) {
        best->changed = true;
        slice_fill(s->w->a, best->slice, g);
    }
}

/* --- writing --- */

static int slice_create(struct slicing *s, struct group *g)
{
    struct work *w = s->w;
    struct endpoint_slice slice = {
        .metadata = {.namespace = w->ns,
                     .generate_name = arena_concat(w->a, w->name, STR("-")),
                     .labels = s->labels},
        .address_type = s->address_type,
    };
    meta_add_owner(w->a, &slice.metadata, owner_reference_to(w->a, s->object));
    if (g) {
        slice.ports = g->ports;
        slice_fill(w->a, &slice, g);
    }
    return client_create(w->client, &endpoint_slice_resource, w->ns, &slice, NULL, w->err);
}

static int present_write(struct work *w, struct present *p)
{
    if (p->group && p->slice->endpoints.n == 0 && p->changed)
        p->group = NULL;
    int failed = 0;
    if (!p->group)
        failed =
            client_delete(w->client, &endpoint_slice_resource, w->ns, object_name(p->object), NULL, w->err);
    else if (p->changed)
        failed = client_update(w->client, &endpoint_slice_resource, (struct str){0}, p->slice, NULL, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

/* Brings the slices of one address family to what should be. */
static int slicing_run(struct slicing *s, const struct objects *pods, const struct objects *slices)
{
    struct work *w = s->w;
    slicing_want(s, pods);
    struct discovery_endpoint_port_vec none = {0};
    if (s->n_groups == 0) /* an empty slice says that there is none; a missing one would say nothing */
        group_of(s, ports_key(w->a, &none), &none);

    struct present *all = arena_new_n(w->a, struct present, slices->n);
    size_t n = 0;
    bool placeholder = false;
    for (size_t i = 0; i < slices->n; i++) {
        const struct endpoint_slice *slice = object_typed(slices->at[i]);
        if (!str_eq(slice->address_type, s->address_type))
            continue;
        struct present *p = &all[n++];
        *p = (struct present){slices->at[i], object_copy(slices->at[i], w->a), NULL, false};
        p->group = group_of(s, ports_key(w->a, &slice->ports), NULL);
        if (!p->group)
            continue;
        present_keep(p);
        placeholder |= p->group->n == 0 && !p->changed;
        if (!labels_eq(&p->slice->metadata.labels, &s->labels)) {
            p->slice->metadata.labels = s->labels;
            p->changed = true;
        }
    }
    for (size_t i = 0; i < s->n_groups; i++)
        group_place(s, &s->groups[i], all, n);
    for (size_t i = 0; i < s->n_groups; i++) {
        struct group *g = &s->groups[i];
        while (g->n_placed < g->n)
            if (slice_create(s, g) < 0)
                return -1;
        if (g->n == 0 && !placeholder && slice_create(s, NULL) < 0)
            return -1;
    }
    for (size_t i = 0; i < n; i++)
        if (present_write(w, &all[i]) < 0)
            return -1;
    return 0;
}

/* --- reconciling --- */

static bool is_mine(struct object *slice)
{
    return str_eq(labels_get(&object_meta(slice)->labels, MANAGER_LABEL), MANAGER);
}

static void slices_of(struct work *w, const struct service *s, struct objects *out)
{
    informer_list_owned(informer_of(w, endpoint_slice), s->metadata.uid, out);
    size_t kept = 0;
    for (size_t i = 0; i < out->n; i++)
        if (is_mine(out->at[i]) && !object_meta(out->at[i])->deletion_timestamp)
            out->at[kept++] = out->at[i];
        else
            object_unref(out->at[i]);
    out->n = kept;
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
    slices_of(w, service, &slices);

    struct str_map labels = service_endpoint_labels(w->a, service);
    labels_set(w->a, &labels, SERVICE_LABEL, w->name);
    labels_set(w->a, &labels, MANAGER_LABEL, MANAGER);
    struct str ipv4 = IP_FAMILY_IPV4;
    const struct str_vec only_ipv4 = {&ipv4, 1};
    const struct str_vec *families = service->spec.ip_families.n ? &service->spec.ip_families : &only_ipv4;
    int failed = 0;
    for (size_t i = 0; i < families->n && !failed; i++) {
        struct slicing s = {
            .w = w, .object = o, .service = service, .labels = labels, .address_type = families->at[i]};
        failed = slicing_run(&s, &pods, &slices);
    }
    for (size_t i = 0; i < slices.n && !failed; i++) {
        const struct endpoint_slice *slice = object_typed(slices.at[i]);
        if (!strs_has(families, slice->address_type)) /* of a family that the service no longer has */
            failed = work_forgive(w,
                                  client_delete(w->client, &endpoint_slice_resource, w->ns,
                                                object_name(slices.at[i]), NULL, w->err),
                                  ERR_NOT_FOUND);
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
    if (before && is_mine(before))
        controller_add(k, object_namespace(o), labels_get(&object_meta(before)->labels, SERVICE_LABEL));
}

const struct controller_def endpoint_slice_controller = {
    .name = "endpointslice",
    .component = "endpoint-slice-controller",
    .kind = &service_resource,
    .workers = 2,
    .reconcile = endpoint_slice_reconcile,
    .watches = {{&service_resource, controller_on_self},
                {&pod_resource, service_on_pod},
                {&endpoint_slice_resource, on_slice},
                {&node_resource, NULL}},
};
