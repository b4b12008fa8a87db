/* Claims of volumes (pkg/registry/core/persistentvolumeclaim, ValidatePersistentVolumeClaim). */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "schema/quantity.h"

void valid_access_modes(struct field_errors *e, const struct path *at, const struct str_vec *modes)
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
