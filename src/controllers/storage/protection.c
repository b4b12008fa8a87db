/* Storage that is in use is not taken away: claims that pods use and volumes that claims use keep a finalizer
 * (pkg/controller/volume/pvcprotection, pvprotection). */
#include "controllers/pods.h"
#include "controllers/storage/storage.h"
#include "controllers/table.h"

#define CLAIM_PROTECTION  STR("kubernetes.io/pvc-protection")
#define VOLUME_PROTECTION STR("kubernetes.io/pv-protection")

static bool pod_uses(struct arena *a, const struct pod *pod, struct str claim)
{
    struct str name;
    for (size_t i = 0; i < pod->spec.volumes.n; i++)
        if (volume_claim_name(pod, &pod->spec.volumes.at[i], a, &name) && str_eq(name, claim))
            return true;
    return false;
}

/* Only pods that are on a node count: no node begins with a claim that is being deleted. */
static bool any_uses(struct work *w, const struct objects *pods)
{
    for (size_t i = 0; i < pods->n; i++)
        if (pod_of(pods->at[i])->spec.node_name.n && pod_uses(w->a, pod_of(pods->at[i]), w->name))
            return true;
    return false;
}

/* Nobody's use is asked for at the API too: a pod may be too young for the cache. */
static int claim_is_used(struct work *w, bool *used)
{
    _cleanup_objects_ struct objects cached = {0}, live = {0};
    informer_list(informer_of(w, pod), w->ns, &cached);
    *used = any_uses(w, &cached);
    if (*used)
        return 0;
    if (client_list(w->client, &pod_resource, w->ns, NULL, &live, w->err) < 0)
        return -1;
    *used = any_uses(w, &live);
    return 0;
}

static int claim_protection_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, persistent_volume_claim), w->ns, w->name);
    if (!o)
        return 0;
    bool ends = object_meta(o)->deletion_timestamp,
         has = strs_has(&object_meta(o)->finalizers, CLAIM_PROTECTION);
    bool used = false;
    if (ends != has)
        return 0;
    if (ends && claim_is_used(w, &used) < 0)
        return -1;
    if (used)
        return 0;
    struct persistent_volume_claim *c = object_copy(o, w->a);
    if (ends)
        strs_drop(&c->metadata.finalizers, CLAIM_PROTECTION);
    else /* made when nobody added it */
        strs_add(w->a, &c->metadata.finalizers, CLAIM_PROTECTION);
    int failed =
        client_update(w->client, &persistent_volume_claim_resource, (struct str){0}, c, NULL, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

static void on_pod(struct controller *k, struct object *before, struct object *after)
{
    _cleanup_arena_ struct arena a = {0};
    struct str name;
    if (after && !pod_is_terminal(pod_of(after)) && before)
        return;
    const struct pod *pod = pod_of(after ? after : before);
    for (size_t i = 0; i < pod->spec.volumes.n; i++)
        if (volume_claim_name(pod, &pod->spec.volumes.at[i], &a, &name))
            controller_add(k, pod->metadata.namespace, name);
}

const struct controller_def claim_protection_controller = {
    .name = "persistentvolumeclaim-protection",
    .component = "pvc-protection-controller",
    .account = "pvc-protection-controller",
    .kind = &persistent_volume_claim_resource,
    .reconcile = claim_protection_reconcile,
    .watches = {{&persistent_volume_claim_resource, controller_on_self}, {&pod_resource, on_pod}},
};

static int volume_protection_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o =
        informer_get(informer_of(w, persistent_volume), (struct str){0}, w->name);
    if (!o)
        return 0;
    bool ends = object_meta(o)->deletion_timestamp,
         has = strs_has(&object_meta(o)->finalizers, VOLUME_PROTECTION);
    if (ends != has || (ends && str_is(volume_of(o)->status.phase, "Bound")))
        return 0;
    struct persistent_volume *v = object_copy(o, w->a);
    if (ends)
        strs_drop(&v->metadata.finalizers, VOLUME_PROTECTION);
    else
        strs_add(w->a, &v->metadata.finalizers, VOLUME_PROTECTION);
    int failed = client_update(w->client, &persistent_volume_resource, (struct str){0}, v, NULL, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

const struct controller_def volume_protection_controller = {
    .name = "persistentvolume-protection",
    .component = "pv-protection-controller",
    .account = "pv-protection-controller",
    .kind = &persistent_volume_resource,
    .reconcile = volume_protection_reconcile,
    .watches = {{&persistent_volume_resource, controller_on_self}},
};
