/* Generic ephemeral volumes: a pod's volume with a claim template gets a claim of its own, which goes with
 * the pod (pkg/controller/volume/ephemeral). */
#include "controllers/pods.h"
#include "controllers/storage/storage.h"
#include "controllers/table.h"

static int make_claim(struct work *w, struct object *o, const struct volume *v)
{
    const struct pod *pod = pod_of(o);
    struct str name;
    volume_claim_name(pod, v, w->a, &name);
    _cleanup_object_ struct object *there =
        informer_get(informer_of(w, persistent_volume_claim), w->ns, name);
    if (there && claim_is_of_pod(claim_of(there), pod))
        return 0;
    if (there) {
        recorder_event(w->recorder, o, "Warning", "ClaimMisbound", (struct str){0},
                       "PVC \"" STR_FMT "\" was not created for pod \"" STR_FMT "\" (pod is not owner)",
                       STR_ARG(name), STR_ARG(w->name));
        return 0;
    }
    const struct persistent_volume_claim_template *t = v->ephemeral->volume_claim_template;
    struct persistent_volume_claim claim = {.metadata = {.name = name,
                                                         .namespace = w->ns,
                                                         .labels = t->metadata.labels,
                                                         .annotations = t->metadata.annotations},
                                            .spec = t->spec};
    meta_add_owner(w->a, &claim.metadata, owner_reference_to(w->a, o));
    int failed = client_create(w->client, &persistent_volume_claim_resource, w->ns, &claim, NULL, w->err);
    return work_forgive(w, failed, ERR_ALREADY_EXISTS);
}

static int ephemeral_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, pod), w->ns, w->name);
    if (!o || object_meta(o)->deletion_timestamp)
        return 0;
    const struct volume_vec *volumes = &pod_of(o)->spec.volumes;
    for (size_t i = 0; i < volumes->n; i++)
        if (volumes->at[i].ephemeral && make_claim(w, o, &volumes->at[i]) < 0)
            return -1;
    return 0;
}

static void on_new_pod(struct controller *k, struct object *before, struct object *after)
{
    const struct volume_vec *volumes = after && !before ? &pod_of(after)->spec.volumes : NULL;
    for (size_t i = 0; volumes && i < volumes->n; i++)
        if (volumes->at[i].ephemeral)
            return controller_on_self(k, NULL, after);
}

static void on_claim_gone(struct controller *k, struct object *before, struct object *after)
{
    const struct owner_reference *pod = before && !after ? meta_controller(object_meta(before)) : NULL;
    if (pod && str_is(pod->kind, "Pod"))
        controller_add(k, object_namespace(before), pod->name);
}

const struct controller_def ephemeral_volume_controller = {
    .name = "ephemeral-volume",
    .component = "ephemeral_volume",
    .account = "ephemeral-volume-controller",
    .kind = &pod_resource,
    .reconcile = ephemeral_reconcile,
    .watches = {{&pod_resource, on_new_pod}, {&persistent_volume_claim_resource, on_claim_gone}},
};
