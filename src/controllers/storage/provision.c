/* The built-in provisioner: a persistent volume is a directory of the node that its claim's first pod was
 * given to. The node makes it when it mounts it, and removes it when the volume has gone. */
#include "controllers/storage/storage.h"

#define HOSTNAME_LABEL STR("kubernetes.io/hostname")
#define DEFAULT_PATH   STR("/var/lib/sagong/volumes")

static int fail(struct work *w, struct object *claim, const char *why)
{
    recorder_event(w->recorder, claim, "Warning", "ProvisioningFailed", (struct str){0},
                   "failed to provision volume with StorageClass \"" STR_FMT "\": %s",
                   STR_ARG(claim_class(claim_of(claim))), why);
    return 0; /* until the claim or its class is changed */
}

static const char *what_is_wrong(const struct persistent_volume_claim *c)
{
    if (c->spec.selector)
        return "claim.Spec.Selector is not supported";
    if (c->spec.volume_mode && str_is(*c->spec.volume_mode, "Block"))
        return "only filesystem volumes are supported";
    if (c->spec.data_source || c->spec.data_source_ref)
        return "volumes cannot be filled from a data source";
    for (size_t i = 0; i < c->spec.access_modes.n; i++)
        if (!str_starts(c->spec.access_modes.at[i], STR("ReadWriteOnce")))
            return "only the access modes ReadWriteOnce and ReadWriteOncePod are supported";
    return NULL;
}

/* The node that the scheduler has chosen, or of an Immediate class the first there is. */
static struct object *node_for(struct work *w, const struct persistent_volume_claim *c)
{
    struct str chosen = labels_get(&c->metadata.annotations, CLAIM_SELECTED_NODE);
    if (chosen.n)
        return informer_get(informer_of(w, node), (struct str){0}, chosen);
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(w, node), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++)
        if (!((const struct node *)object_typed(all.at[i]))->spec.unschedulable)
            return object_ref(all.at[i]);
    return NULL;
}

/* "Where the label says this node's host name." */
static struct volume_node_affinity *only_on(struct arena *a, struct object *node)
{
    struct str host = labels_get(&object_meta(node)->labels, HOSTNAME_LABEL);
    host = arena_str(a, host.n ? host : object_name(node));
    struct node_selector_requirement here = {
        .key = HOSTNAME_LABEL, .operator= STR("In"), .values = {arena_dup(a, &host, sizeof host), 1}};
    struct node_selector_term term = {.match_expressions = {arena_dup(a, &here, sizeof here), 1}};
    struct node_selector *selector = arena_new(a, struct node_selector);
    selector->node_selector_terms = (struct node_selector_term_vec){arena_dup(a, &term, sizeof term), 1};
    struct volume_node_affinity *affinity = arena_new(a, struct volume_node_affinity);
    affinity->required = selector;
    return affinity;
}

int provision_local(struct work *w, struct object *claim, const struct storage_class *class)
{
    const struct persistent_volume_claim *c = claim_of(claim);
    const char *wrong = what_is_wrong(c);
    if (wrong)
        return fail(w, claim, wrong);
    _cleanup_object_ struct object *node = node_for(w, c);
    if (!node) {
        work_again(w, 5 * CLOCK_S);
        return fail(w, claim, "there is no such node");
    }
    struct str base = labels_get(&class->parameters, STR("path")),
               name = arena_printf(w->a, "pvc-" STR_FMT, STR_ARG(c->metadata.uid));
    struct local_volume_source source = {
        .path =
            arena_printf(w->a, STR_FMT "/" STR_FMT, STR_ARG(base.n ? base : DEFAULT_PATH), STR_ARG(name))};
    struct object_reference owner = {.kind = persistent_volume_claim_resource.kind,
                                     .api_version = STR("v1"),
                                     .namespace = c->metadata.namespace,
                                     .name = c->metadata.name,
                                     .uid = c->metadata.uid,
                                     .resource_version = c->metadata.resource_version};
    struct str mode = STR("Filesystem");
    struct str_entry size = {STR("storage"), labels_get(&c->spec.resources.requests, STR("storage"))};
    struct persistent_volume v = {
        .metadata = {.name = name},
        .spec = {.capacity = {&size, 1},
                 .access_modes = c->spec.access_modes,
                 .claim_ref = &owner,
                 .persistent_volume_reclaim_policy =
                     class->reclaim_policy ? *class->reclaim_policy : STR("Delete"),
                 .storage_class_name = class->metadata.name,
                 .volume_mode = &mode,
                 .node_affinity = only_on(w->a, node)},
    };
    v.spec.local = &source;
    labels_set(w->a, &v.metadata.annotations, VOLUME_PROVISIONED_BY, LOCAL_PROVISIONER);
    int failed = client_create(w->client, &persistent_volume_resource, (struct str){0}, &v, NULL, w->err);
    if (work_forgive(w, failed, ERR_ALREADY_EXISTS) < 0)
        return -1;
    if (!failed)
        recorder_event(w->recorder, claim, "Normal", "ProvisioningSucceeded", (struct str){0},
                       "Successfully provisioned volume " STR_FMT " using " STR_FMT, STR_ARG(name),
                       STR_ARG(LOCAL_PROVISIONER));
    return 0; /* the volume brings the claim back, to be bound */
}
