/* PersistentVolumes, their claims, and storage classes (pkg/apis/core/validation,
 * pkg/apis/storage/validation). */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "kinds/storage_v1.h"
#include "schema/quantity.h"

static void valid_access_modes(struct field_errors *e, const struct path *at, const struct str_vec *modes)
{
    bool alone = false, others = false;
    if (!modes->n)
        field_required(e, at, "at least 1 access mode is required");
    each (*modes, i) {
        bool once_pod = str_is(modes->at[i], "ReadWriteOncePod");
        VALID_ONE_OF(e, at, modes->at[i], true, STR("ReadOnlyMany"), STR("ReadWriteMany"),
                     STR("ReadWriteOnce"), STR("ReadWriteOncePod"));
        alone |= once_pod;
        others |= !once_pod;
    }
    if (alone && others)
        field_forbidden(e, at, "may not use ReadWriteOncePod with other access modes");
}

/* --- PersistentVolumeClaim --- */

static void valid_claim_spec(struct field_errors *e, const struct path *spec,
                             const struct persistent_volume_claim_spec *s)
{
    valid_access_modes(e, PATH(spec, "accessModes"), &s->access_modes);
    valid_selector(e, PATH(spec, "selector"), s->selector);
    const struct path *resources = PATH(spec, "resources");
    const struct str *storage = str_map_get(&s->resources.requests, STR("storage"));
    if (!storage)
        field_required(e, PATH_OF(resources, STR("storage")), "%s", "");
    else if (quantity_sign(quantity_of(*storage)) <= 0)
        field_invalid(e, PATH_OF(resources, STR("storage")), *storage, "must be greater than zero");
    if (s->storage_class_name && s->storage_class_name->n)
        format_validate(e, PATH(spec, "storageClassName"), FORMAT_DNS1123_SUBDOMAIN, *s->storage_class_name);
    if (s->volume_mode)
        VALID_ONE_OF(e, PATH(spec, "volumeMode"), *s->volume_mode, true, STR("Block"), STR("Filesystem"));
}

static void claim_validate(const void *o, struct field_errors *e)
{
    struct path spec = path_child(NULL, STR("spec"));
    valid_claim_spec(e, &spec, &((const struct persistent_volume_claim *)o)->spec);
}

static void claim_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct persistent_volume_claim *now = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    struct persistent_volume_claim_spec munged = now->spec;
    if (!old->spec.volume_name.n) /* the binder's to set, once */
        munged.volume_name = old->spec.volume_name;
    if (!old->spec.storage_class_name) /* KEP-3333: the default class comes later */
        munged.storage_class_name = NULL;
    munged.resources.requests = old->spec.resources.requests;
    munged.volume_attributes_class_name = old->spec.volume_attributes_class_name;
    if (!same(&persistent_volume_claim_spec_type, &munged, &old->spec))
        field_forbidden(
            e, &spec,
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
            "bound claims\n");
    const struct str *was = str_map_get(&old->spec.resources.requests, STR("storage"));
    const struct str *is = str_map_get(&now->spec.resources.requests, STR("storage"));
    if (was && is && quantity_cmp_str(*is, *was) < 0)
        field_forbidden(e, PATH(PATH(PATH(&spec, "resources"), "requests"), "storage"),
                        "field can not be less than status.capacity");
}

const struct strategy persistent_volume_claim_strategy = {
    .resource = &persistent_volume_claim_resource,
    .flags = STRATEGY_RETURNS_DELETED,
    .validate = claim_validate,
    .validate_update = claim_validate_update,
};

/* --- PersistentVolume --- */

static bool has_volume_source(const struct persistent_volume_source *s)
{
    const void *const *p = (const void *const *)(const void *)s; /* a struct of pointers only */
    for (size_t i = 0; i < sizeof *s / sizeof *p; i++)
        if (p[i])
            return true;
    return false;
}

static void volume_validate(const void *o, struct field_errors *e)
{
    const struct persistent_volume_spec *s = &((const struct persistent_volume *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    valid_access_modes(e, PATH(spec, "accessModes"), &s->access_modes);
    const struct str *storage = str_map_get(&s->capacity, STR("storage"));
    if (!s->capacity.n)
        field_required(e, PATH(spec, "capacity"), "%s", "");
    else if (!storage || s->capacity.n > 1)
        field_not_supported(e, PATH(spec, "capacity"), s->capacity.at[0].key,
                            (const struct str[]){STR("storage")}, 1);
    else if (quantity_sign(quantity_of(*storage)) <= 0)
        field_invalid(e, PATH_OF(PATH(spec, "capacity"), STR("storage")), *storage,
                      "must be greater than zero");
    VALID_ONE_OF(e, PATH(spec, "persistentVolumeReclaimPolicy"), s->persistent_volume_reclaim_policy, true,
                 STR("Delete"), STR("Recycle"), STR("Retain"));
    if (!has_volume_source((const struct persistent_volume_source *)(const void *)&s->gce_persistent_disk))
        field_required(e, spec, "must specify a volume type");
    if (s->host_path)
        valid_required(e, PATH(PATH(spec, "hostPath"), "path"), s->host_path->path);
    if (s->local && (!s->node_affinity || !s->node_affinity->required))
        field_required(e, PATH(spec, "nodeAffinity"), "Local volume requires node affinity");
    if (s->csi) {
        valid_required(e, PATH(PATH(spec, "csi"), "driver"), s->csi->driver);
        valid_required(e, PATH(PATH(spec, "csi"), "volumeHandle"), s->csi->volume_handle);
    }
    if (s->node_affinity && s->node_affinity->required)
        valid_node_selector(e, PATH(PATH(spec, "nodeAffinity"), "required"), s->node_affinity->required);
    if (s->storage_class_name.n)
        format_validate(e, PATH(spec, "storageClassName"), FORMAT_DNS1123_SUBDOMAIN, s->storage_class_name);
}

static void volume_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct persistent_volume *now = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    if (!same(&persistent_volume_source_type, &now->spec.gce_persistent_disk, &old->spec.gce_persistent_disk))
        field_forbidden(e, PATH(&spec, "persistentvolumesource"),
                        "spec.persistentvolumesource is immutable after creation\n");
    if (old->spec.volume_mode && now->spec.volume_mode)
        valid_immutable_str(e, PATH(&spec, "volumeMode"), *now->spec.volume_mode, *old->spec.volume_mode);
}

const struct strategy persistent_volume_strategy = {
    .resource = &persistent_volume_resource,
    .flags = STRATEGY_RETURNS_DELETED,
    .validate = volume_validate,
    .validate_update = volume_validate_update,
};

/* --- StorageClass --- */

static void storage_class_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct storage_class *now = o, *old = before;
    bool same_parameters = now->parameters.n == old->parameters.n;
    each (now->parameters, i) {
        const struct str *v = str_map_get(&old->parameters, now->parameters.at[i].key);
        same_parameters &= v && str_eq(*v, now->parameters.at[i].value);
    }
    if (!same_parameters)
        field_forbidden(e, PATH(NULL, "parameters"), "updates to parameters are forbidden.");
    if (!str_eq(now->provisioner, old->provisioner))
        field_forbidden(e, PATH(NULL, "provisioner"), "updates to provisioner are forbidden.");
    if (now->reclaim_policy && old->reclaim_policy && !str_eq(*now->reclaim_policy, *old->reclaim_policy))
        field_forbidden(e, PATH(NULL, "reclaimPolicy"), "updates to reclaimPolicy are forbidden.");
}

static void storage_class_validate(const void *o, struct field_errors *e)
{
    const struct storage_class *s = o;
    valid_required(e, PATH(NULL, "provisioner"), s->provisioner);
    if (s->provisioner.n)
        format_validate(e, PATH(NULL, "provisioner"), FORMAT_ANNOTATION_KEY, s->provisioner);
}

const struct strategy storage_class_strategy = {
    .resource = &storage_class_resource,
    .validate = storage_class_validate,
    .validate_update = storage_class_validate_update,
};
