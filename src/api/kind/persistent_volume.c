/* Persistent volumes (pkg/registry/core/persistentvolume, ValidatePersistentVolume). */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "schema/quantity.h"

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
