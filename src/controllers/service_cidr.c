/* ServiceCIDRs: ready from the start, and kept while services have addresses that no other range holds
 * (KEP-1880). */
#include "base/ip.h"
#include "controllers/meta.h"
#include "controllers/table.h"
#include "kinds/networking_v1.h"

#define FINALIZER STR("networking.k8s.io/service-cidr-finalizer")
#define READY     STR("Ready")
#define DEFAULT   STR("kubernetes")

static bool service_cidr_holds(const struct service_cidr *c, struct ip ip)
{
    for (size_t i = 0; i < c->spec.cidrs.n; i++) {
        struct ip_prefix p;
        if (ip_prefix_parse(c->spec.cidrs.at[i], &p) && ip_prefix_has(p, ip))
            return true;
    }
    return false;
}

/* Whether an address would be without a range if this one went. */
static bool is_needed(struct work *w, const struct service_cidr *this)
{
    _cleanup_objects_ struct objects addresses = {0}, all = {0};
    informer_list(informer_of(w, ip_address), (struct str){0}, &addresses);
    informer_list(informer_of(w, service_cidr), (struct str){0}, &all);
    for (size_t i = 0; i < addresses.n; i++) {
        struct ip ip;
        bool elsewhere = !ip_parse(object_name(addresses.at[i]), &ip) || !service_cidr_holds(this, ip);
        for (size_t k = 0; k < all.n && !elsewhere; k++) {
            const struct service_cidr *other = object_typed(all.at[k]);
            elsewhere = !str_eq(other->metadata.uid, this->metadata.uid) &&
                        !other->metadata.deletion_timestamp && service_cidr_holds(other, ip);
        }
        if (!elsewhere)
            return true;
    }
    return false;
}

static int set_ready(struct work *w, struct service_cidr *c, struct str status, const char *reason,
                     const char *message)
{
    if (!condition_set(w->a, &condition_type, &c->status.conditions, CONDITION_ANY_CHANGE, READY, status,
                       str_from(reason), str_from(message)))
        return 0;
    return work_forgive(w, client_update(w->client, &service_cidr_resource, STR("status"), c, NULL, w->err),
                        ERR_NOT_FOUND);
}

static int service_cidr_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, service_cidr), (struct str){0}, w->name);
    if (!o)
        return 0;
    struct service_cidr *c = object_copy(o, w->a);
    bool held = strs_has(&c->metadata.finalizers, FINALIZER), ends = c->metadata.deletion_timestamp;
    if (ends && held && is_needed(w, c))
        return set_ready(
            w, c, CONDITION_STATUS_FALSE, "Terminating",
            "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new "
            "ServiceCIDR");
    if (ends && held) {
        strs_drop(&c->metadata.finalizers, FINALIZER);
        return work_forgive(
            w, client_update(w->client, &service_cidr_resource, (struct str){0}, c, NULL, w->err),
            ERR_NOT_FOUND);
    }
    if (ends)
        return 0;
    if (!held) {
        strs_add(w->a, &c->metadata.finalizers, FINALIZER);
        return client_update(w->client, &service_cidr_resource, (struct str){0}, c, NULL, w->err);
    }
    return set_ready(w, c, CONDITION_STATUS_TRUE, "",
                     str_eq(w->name, DEFAULT) ? "Kubernetes default Service CIDR is ready"
                                              : "Kubernetes Service CIDR is ready");
}

/* An address that goes, or another range, may be what one waits for. */
static void on_other(struct controller *k, struct object *before, struct object *after)
{
    _cleanup_objects_ struct objects all = {0};
    if (before && after && object_resource(after) == &ip_address_resource)
        return;
    informer_list(informer_of(k, service_cidr), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++)
        if (object_meta(all.at[i])->deletion_timestamp)
            controller_on_self(k, NULL, all.at[i]);
}

static void on_cidr(struct controller *k, struct object *before, struct object *after)
{
    controller_on_self(k, before, after);
    on_other(k, before, after);
}

const struct controller_def service_cidr_controller = {
    .name = "service-cidr-controller",
    .component = "service-cidrs-controller",
    .account = "service-cidrs-controller",
    .kind = &service_cidr_resource,
    .reconcile = service_cidr_reconcile,
    .watches = {{&service_cidr_resource, on_cidr}, {&ip_address_resource, on_other}},
};
