/* What every namespace gets: the service account "default", and the config map kube-root-ca.crt, by which
 * pods know the API server. */
#include "controllers/meta.h"
#include "controllers/table.h"

#define ACCOUNT     STR("default")
#define ROOT_CA     STR("kube-root-ca.crt")
#define DESCRIPTION STR("kubernetes.io/description")

/* The namespace of the key, unless it is not there or going. */
static struct object *living_namespace(struct work *w)
{
    struct object *o = informer_get(informer_of(w, namespace), (struct str){0}, w->name);
    if (o &&
        (object_meta(o)->deletion_timestamp ||
         str_eq(((const struct namespace *)object_typed(o))->status.phase, NAMESPACE_PHASE_TERMINATING))) {
        object_unref(o);
        o = NULL;
    }
    return o;
}

/* An object of the name belongs to each namespace; it is gone or changed: the namespace's key. */
static void on_named(struct controller *k, struct object *before, struct object *after, struct str name)
{
    struct object *o = after ? after : before;
    if (before && str_eq(object_name(o), name))
        controller_add(k, (struct str){0}, object_namespace(o));
}

/* A namespace that goes meanwhile refuses it, and one may have made it already. */
static int forgive_create(struct work *w, int failed)
{
    failed = work_forgive(w, failed, ERR_ALREADY_EXISTS);
    if (!failed || (w->err->reason != ERR_FORBIDDEN && w->err->reason != ERR_NOT_FOUND))
        return failed;
    _cleanup_object_ struct object *ns = living_namespace(w);
    if (ns)
        return failed;
    err_clear(w->err);
    return 0;
}

/* --- service accounts --- */

static int service_account_reconcile(struct work *w)
{
    _cleanup_object_ struct object *ns = living_namespace(w);
    _cleanup_object_ struct object *there = informer_get(informer_of(w, service_account), w->name, ACCOUNT);
    if (!ns || there)
        return 0;
    struct service_account account = {.metadata = {.namespace = w->name, .name = ACCOUNT}};
    return forgive_create(
        w, client_create(w->client, &service_account_resource, w->name, &account, NULL, w->err));
}

static void on_service_account(struct controller *k, struct object *before, struct object *after)
{
    on_named(k, before, after, ACCOUNT);
}

const struct controller_def service_account_controller = {
    .name = "serviceaccount",
    .component = "serviceaccount-controller",
    .account = "service-account-controller",
    .kind = &namespace_resource,
    .reconcile = service_account_reconcile,
    .watches = {{&namespace_resource, controller_on_self}, {&service_account_resource, on_service_account}},
};

/* --- the certificate authority --- */

static int root_ca_reconcile(struct work *w)
{
    _cleanup_object_ struct object *ns = living_namespace(w);
    if (!ns || str_empty(w->options->ca_pem))
        return 0;
    struct str_entry certificate = {STR("ca.crt"), w->options->ca_pem};
    struct str_map data = {&certificate, 1};
    _cleanup_object_ struct object *there = informer_get(informer_of(w, config_map), w->name, ROOT_CA);
    struct config_map fresh = {.metadata = {.namespace = w->name, .name = ROOT_CA}};
    struct config_map *map = there ? object_copy(there, w->a) : &fresh;
    struct str description =
        STR("Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
            "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
            "guaranteed across distributions of Kubernetes clusters.");
    bool changed = !labels_eq(&map->data, &data);
    if (str_empty(labels_get(&map->metadata.annotations, DESCRIPTION)))
        changed |= labels_set(w->a, &map->metadata.annotations, DESCRIPTION, description);
    map->data = data;
    if (!changed)
        return 0;
    if (there)
        return client_update(w->client, &config_map_resource, (struct str){0}, map, NULL, w->err);
    return forgive_create(w, client_create(w->client, &config_map_resource, w->name, map, NULL, w->err));
}

static void on_config_map(struct controller *k, struct object *before, struct object *after)
{
    on_named(k, before, after, ROOT_CA);
}

const struct controller_def root_ca_publisher_controller = {
    .name = "root-ca-certificate-publisher",
    .component = "root-ca-cert-publisher",
    .account = "root-ca-cert-publisher",
    .kind = &namespace_resource,
    .reconcile = root_ca_reconcile,
    .watches = {{&namespace_resource, controller_on_self}, {&config_map_resource, on_config_map}},
};
