/* IPAddresses: for each cluster IP of a service an object of that name, which says whose it is (KEP-1880). */
#include "controllers/meta.h"
#include "controllers/table.h"
#include "kinds/networking_v1.h"
#include "schema/copy.h"

#define FAMILY_LABEL  STR("ipaddress.kubernetes.io/ip-family")
#define MANAGER_LABEL STR("ipaddress.kubernetes.io/managed-by")
#define MANAGER       STR("ipallocator.k8s.io")
#define SERVICES      STR("services")

static bool is_ours(struct object *address)
{
    return str_eq(labels_get(&object_meta(address)->labels, MANAGER_LABEL), MANAGER);
}

static bool is_of(struct object *address, struct str ns, struct str name)
{
    const struct parent_reference *ref = ((const struct ip_address *)object_typed(address))->spec.parent_ref;
    return ref && !ref->group.n && str_eq(ref->resource, SERVICES) && str_eq(ref->namespace, ns) &&
           str_eq(ref->name, name);
}

static int drop_address(struct work *w, struct object *address)
{
    struct client_delete_options o = DELETE_OPTIONS_DEFAULT;
    o.uid = object_meta(address)->uid;
    return work_forgive(
        w, client_delete(w->client, &ip_address_resource, (struct str){0}, object_name(address), &o, w->err),
        ERR_NOT_FOUND);
}

/* The object of a cluster IP, with this service in it. Who else has one of that name has lost the address. */
static int keep_address(struct work *w, struct str ip)
{
    _cleanup_object_ struct object *there = informer_get(informer_of(w, ip_address), (struct str){0}, ip);
    if (there && is_of(there, w->ns, w->name))
        return 0;
    if (there && drop_address(w, there) < 0)
        return -1;
    struct parent_reference ref = {.resource = SERVICES, .namespace = w->ns, .name = w->name};
    struct ip_address address = {.metadata = {.name = ip}, .spec = {.parent_ref = &ref}};
    labels_set(w->a, &address.metadata.labels, FAMILY_LABEL,
               str_index(ip, ':') < 0 ? IP_FAMILY_IPV4 : IP_FAMILY_IPV6);
    labels_set(w->a, &address.metadata.labels, MANAGER_LABEL, MANAGER);
    return client_create(w->client, &ip_address_resource, (struct str){0}, &address, NULL, w->err);
}

static int service_ip_address_reconcile(struct work *w)
{
    static const struct str_vec none;
    _cleanup_object_ struct object *o = informer_get(informer_of(w, service), w->ns, w->name);
    _cleanup_objects_ struct objects all = {0};
    const struct str_vec *ips = o ? &((const struct service *)object_typed(o))->spec.cluster_ips : &none;
    for (size_t i = 0; i < ips->n; i++)
        if (!str_is(ips->at[i], "None") && keep_address(w, ips->at[i]) < 0)
            return -1;
    informer_list(informer_of(w, ip_address), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++)
        if (is_ours(all.at[i]) && is_of(all.at[i], w->ns, w->name) &&
            !strs_has(ips, object_name(all.at[i])) && drop_address(w, all.at[i]) < 0)
            return -1;
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

static void on_address(struct controller *k, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    const struct parent_reference *ref = ((const struct ip_address *)object_typed(o))->spec.parent_ref;
    if (is_ours(o) && ref && str_eq(ref->resource, SERVICES))
        controller_add(k, ref->namespace, ref->name);
}

const struct controller_def service_ip_address_controller = {
    .name = "service-ip-address",
    .component = "ipallocator-repair-controller",
    .reconcile = service_ip_address_reconcile,
    .watches = {{&service_resource, on_service}, {&ip_address_resource, on_address}},
};
