/* DefaultStorageClass and DefaultIngressClass: claims and ingresses that name no class get the one marked as
 * default; of several, the newest. */
#include "api/admission.h"
#include "api/road.h"
#include "kinds/networking_v1.h"
#include "kinds/storage_v1.h"
#include "schema/quantity.h"

/* The newest object of a kind whose annotation says "true"; a reference, or NULL. */
static struct object *marked(struct api *a, const struct resource *r, struct str annotation)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct cursor c;
    struct object *found = NULL;
    cursor_open(&c, snap, store_table(a->store, r), STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        const struct str *v = str_map_get(&object_meta(o)->annotations, annotation);
        if (v && str_is(*v, "true") &&
            (!found || object_meta(o)->creation_timestamp.s > object_meta(found)->creation_timestamp.s))
            found = o;
    }
    return found ? object_ref(found) : NULL;
}

static void take_name(struct str **field, struct object *o, struct arena *a)
{
    if (!o)
        return;
    struct str name = arena_str(a, object_name(o));
    *field = arena_dup(a, &name, sizeof name);
}

static int storage_mutate(struct api *a, struct api_attributes *at, struct err *err)
{
    (void)err;
    if (!admission_creates(at, &persistent_volume_claim_resource))
        return 0;
    struct persistent_volume_claim *claim = at->object;
    if (claim->spec.storage_class_name ||
        str_map_get(&claim->metadata.annotations, STR("volume.beta.kubernetes.io/storage-class")))
        return 0;
    _cleanup_object_ struct object *o =
        marked(a, &storage_class_resource, STR("storageclass.kubernetes.io/is-default-class"));
    take_name(&claim->spec.storage_class_name, o, at->request->arena);
    return 0;
}

static int ingress_mutate(struct api *a, struct api_attributes *at, struct err *err)
{
    (void)err;
    if (!admission_creates(at, &ingress_resource))
        return 0;
    struct ingress *ingress = at->object;
    if (ingress->spec.ingress_class_name ||
        str_map_get(&ingress->metadata.annotations, STR("kubernetes.io/ingress.class")))
        return 0;
    _cleanup_object_ struct object *o =
        marked(a, &ingress_class_resource, STR("ingressclass.kubernetes.io/is-default-class"));
    take_name(&ingress->spec.ingress_class_name, o, at->request->arena);
    return 0;
}

/* PersistentVolumeClaimResize: a claim grows only where its class can make it grow. */
static int resize_validate(struct api *a, struct api_attributes *at, struct err *err)
{
    if (!admission_updates(at, &persistent_volume_claim_resource))
        return 0;
    const struct persistent_volume_claim *claim = at->object, *old = at->old;
    const struct str *size = str_map_get(&claim->spec.resources.requests, STR("storage")),
                     *before = str_map_get(&old->spec.resources.requests, STR("storage"));
    if (!size || !before || quantity_cmp_str(*size, *before) <= 0)
        return 0;
    if (!str_is(old->status.phase, "Bound"))
        return admission_forbid(at, err, "Only bound persistent volume claims can be expanded");
    struct str name = old->spec.storage_class_name ? *old->spec.storage_class_name : STR("");
    const struct str *beta =
        str_map_get(&old->metadata.annotations, STR("volume.beta.kubernetes.io/storage-class"));
    _cleanup_object_ struct object *o = road_find(a, &storage_class_resource, STR(""), beta ? *beta : name);
    const struct storage_class *class = o ? object_typed(o) : NULL;
    if (class && class->allow_volume_expansion && *class->allow_volume_expansion)
        return 0;
    return admission_forbid(at, err,
                            "only dynamically provisioned pvc can be resized and the storageclass that "
                            "provisions the pvc must support resize");
}

const struct admission_plugin claim_resize = {.name = "PersistentVolumeClaimResize",
                                              .validate = resize_validate};

const struct admission_plugin default_storage_class = {.name = "DefaultStorageClass",
                                                       .mutate = storage_mutate};
const struct admission_plugin default_ingress_class = {.name = "DefaultIngressClass",
                                                       .mutate = ingress_mutate};
