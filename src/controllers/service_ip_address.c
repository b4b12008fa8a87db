/* IPAddresses: for each cluster IP of a service an object of that name, which says whose it is (KEP-1880),
 * and the repair of both where they do not agree. */
#include "base/ip.h"
#include "controllers/meta.h"
#include "controllers/table.h"
#include "kinds/networking_v1.h"
#include "schema/copy.h"

#define FAMILY_LABEL  STR("ipaddress.kubernetes.io/ip-family")
#define MANAGER_LABEL STR("ipaddress.kubernetes.io/managed-by")
#define MANAGER       STR("ipallocator.k8s.io")
#define SERVICES      STR("services")

static const struct parent_reference *parent_of(struct object *address)
{
    return ((const struct ip_address *)object_typed(address))->spec.parent_ref;
}

static bool is_ours(struct object *address)
{
    return str_eq(labels_get(&object_meta(address)->labels, MANAGER_LABEL), MANAGER);
}

static bool is_of(struct object *address, struct str ns, struct str name)
{
    const struct parent_reference *ref = parent_of(address);
    return ref && !ref->group.n && str_eq(ref->resource, SERVICES) && str_eq(ref->namespace, ns) &&
           str_eq(ref->name, name);
}

static struct str family_of(struct str ip)
{
    return ip_family_of(ip) == IP_V6 ? IP_FAMILY_IPV6 : IP_FAMILY_IPV4;
}

static bool is_labelled(struct object *address)
{
    return is_ours(address) &&
           str_eq(labels_get(&object_meta(address)->labels, FAMILY_LABEL), family_of(object_name(address)));
}

/* Whether the service has this address, however it writes it. */
static bool service_has(const struct service *s, struct ip ip)
{
    for (size_t i = 0; s && i < s->spec.cluster_ips.n; i++) {
        struct ip has;
        if (ip_parse_sloppy(s->spec.cluster_ips.at[i], &has) && ip_eq(has, ip))
            return true;
    }
    return false;
}

/* Whether it says that it is of another service, which has it indeed. */
static bool is_anothers(struct work *w, struct object *address, struct ip ip)
{
    const struct parent_reference *ref = parent_of(address);
    if (!ref || ref->group.n || !str_eq(ref->resource, SERVICES) || is_of(address, w->ns, w->name))
        return false;
    _cleanup_object_ struct object *o = informer_get(informer_of(w, service), ref->namespace, ref->name);
    return o && service_has(object_typed(o), ip);
}

static bool is_in_range(struct work *w, struct ip ip)
{
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(w, service_cidr), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct service_cidr *c = object_typed(all.at[i]);
        for (size_t k = 0; k < c->spec.cidrs.n; k++) {
            struct ip_prefix p;
            if (ip_prefix_parse(c->spec.cidrs.at[k], &p) && ip_prefix_has(p, ip))
                return true;
        }
    }
    return false;
}

static int drop_address(struct work *w, struct object *address)
{
    struct client_delete_options o = DELETE_OPTIONS_DEFAULT;
    o.uid = object_meta(address)->uid;
    return work_forgive(
        w, client_delete(w->client, &ip_address_resource, (struct str){0}, object_name(address), &o, w->err),
        ERR_NOT_FOUND);
}

static int make_address(struct work *w, struct str name)
{
    struct parent_reference ref = {.resource = SERVICES, .namespace = w->ns, .name = w->name};
    struct ip_address address = {.metadata = {.name = name}, .spec = {.parent_ref = &ref}};
    labels_set(w->a, &address.metadata.labels, FAMILY_LABEL, family_of(name));
    labels_set(w->a, &address.metadata.labels, MANAGER_LABEL, MANAGER);
    return client_create(w->client, &ip_address_resource, (struct str){0}, &address, NULL, w->err);
}

/* The object of a cluster IP, with this service in it. Who else has one of that name has lost the address,
 * but for a service that has the same: then it is too late. */
static int keep_address(struct work *w, struct object *service, struct str text)
{
    struct ip ip;
    if (!ip_parse_sloppy(text, &ip)) {
        recorder_event(w->recorder, service, "Warning", "ClusterIPNotValid", (struct str){0},
                       "Cluster IP " STR_FMT " is not a valid IP; please recreate Service", STR_ARG(text));
        return 0;
    }
    struct str name = ip_text(w->a, ip), family = family_of(name);
    if (!is_in_range(w, ip)) {
        recorder_event(w->recorder, service, "Warning", "ClusterIPOutOfRange", (struct str){0},
                       "Cluster IP [" STR_FMT "]: " STR_FMT
                       " is not within any configured Service CIDR; please recreate service",
                       STR_ARG(family), STR_ARG(name));
        return 0;
    }
    _cleanup_object_ struct object *there = informer_get(informer_of(w, ip_address), (struct str){0}, name);
    if (there && is_of(there, w->ns, w->name) && is_labelled(there))
        return 0;
    if (there && is_anothers(w, there, ip)) {
        recorder_event(w->recorder, service, "Warning", "ClusterIPAlreadyAllocated", (struct str){0},
                       "Cluster IP [" STR_FMT "]:" STR_FMT
                       " was assigned to multiple services; please recreate service",
                       STR_ARG(family), STR_ARG(name));
        return 0;
    }
    if (there && !is_of(there, w->ns, w->name))
        recorder_event(w->recorder, service, "Warning", "ClusterIPNotAllocated", (struct str){0},
                       "the ClusterIP [" STR_FMT "]: " STR_FMT " for Service " STR_FMT "/" STR_FMT
                       " has a wrong reference; repairing",
                       STR_ARG(family), STR_ARG(name), STR_ARG(w->ns), STR_ARG(w->name));
    if (there && drop_address(w, there) < 0)
        return -1;
    return make_address(w, name);
}

static int service_ip_address_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, service), w->ns, w->name);
    _cleanup_objects_ struct objects all = {0};
    const struct service *s = o ? object_typed(o) : NULL;
    for (size_t i = 0; s && i < s->spec.cluster_ips.n; i++)
        if (!str_is(s->spec.cluster_ips.at[i], "None") && keep_address(w, o, s->spec.cluster_ips.at[i]) < 0)
            return -1;
    informer_list(informer_of(w, ip_address), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++) {
        struct ip ip;
        if (is_ours(all.at[i]) && is_of(all.at[i], w->ns, w->name) &&
            !(ip_parse(object_name(all.at[i]), &ip) && service_has(s, ip)) && drop_address(w, all.at[i]) < 0)
            return -1;
    }
    return 0;
}

/* Only what has to do with addresses. */
static void on_service(struct controller *k, struct object *before, struct object *after)
{
    if (!before || !after ||
        !struct_eq(&service_spec_type,
                   &(struct service_spec){
                       .cluster_ips = ((const struct service *)object_typed(before))->spec.cluster_ips},
                   &(struct service_spec){
                       .cluster_ips = ((const struct service *)object_typed(after))->spec.cluster_ips}))
        controller_on_self(k, before, after);
}

/* Whom it names, and who has an address of that name. */
static void on_address(struct controller *k, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    const struct parent_reference *ref = parent_of(o);
    struct ip ip;
    if (is_ours(o) && ref && str_eq(ref->resource, SERVICES))
        controller_add(k, ref->namespace, ref->name);
    if (after || !ip_parse(object_name(o), &ip))
        return;
    _cleanup_objects_ struct objects services = {0};
    informer_list(informer_of(k, service), (struct str){0}, &services);
    for (size_t i = 0; i < services.n; i++)
        if (service_has(object_typed(services.at[i]), ip))
            controller_on_self(k, NULL, services.at[i]);
}

static bool same_cidrs(struct object *x, struct object *y)
{
    return struct_eq(&service_cidr_spec_type, &((const struct service_cidr *)object_typed(x))->spec,
                     &((const struct service_cidr *)object_typed(y))->spec);
}

/* A range that comes may hold addresses that were outside of all. */
static void on_cidr(struct controller *k, struct object *before, struct object *after)
{
    _cleanup_objects_ struct objects services = {0};
    if (before && after && same_cidrs(before, after))
        return;
    informer_list(informer_of(k, service), (struct str){0}, &services);
    for (size_t i = 0; after && i < services.n; i++)
        controller_on_self(k, NULL, services.at[i]);
}

const struct controller_def service_ip_address_controller = {
    .name = "service-ip-address",
    .component = "ipallocator-repair-controller",
    .reconcile = service_ip_address_reconcile,
    .watches = {{&service_resource, on_service},
                {&ip_address_resource, on_address},
                {&service_cidr_resource, on_cidr}},
};
