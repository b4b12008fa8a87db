/* Persistent volumes (pkg/registry/core/persistentvolume, ValidatePersistentVolume). */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "api/kind/volume_source.h"
#include "api/kind/warn.h"
#include "schema/quantity.h"
#include "schema/timestamp.h"

/* --- rules --- */

static void valid_capacity(struct field_errors *e, const struct path *at, const struct str_map *capacity)
{
    if (!capacity->n)
        field_required(e, at, "%s", "");
    if (capacity->n != 1 || !str_is(capacity->at[0].key, "storage")) {
        struct persistent_volume_spec shown = {.capacity = *capacity};
        field_error(e, FIELD_ERROR_NOT_SUPPORTED, at,
                    valid_bad_member(e, &persistent_volume_spec_type, "capacity", &shown),
                    "supported values: \"storage\"");
    }
    each (*capacity, i) {
        const struct path *item = PATH_OF(at, capacity->at[i].key);
        if (quantity_sign(quantity_of(capacity->at[i].value)) < 0)
            field_invalid_int(e, item, quantity_value_of(capacity->at[i].value),
                              "must be a valid resource quantity");
        valid_positive_quantity(e, item, capacity->at[i].value);
    }
}

static bool is_root(struct str path)
{
    struct str rest = path, part;
    if (!str_starts(path, STR("/")))
        return false;
    while (str_cut(&rest, '/', &part))
        if (part.n && !str_is(part, ".") && !str_is(part, ".."))
            return false;
    return true;
}

static void valid_place(struct field_errors *e, const struct path *spec,
                        const struct persistent_volume_spec *s)
{
    const struct path *at = PATH(spec, "nodeAffinity");
    if (s->local && !s->node_affinity)
        field_required(e, at, "Local volume requires node affinity");
    if (s->node_affinity && !s->node_affinity->required)
        field_required(e, PATH(at, "required"), "must specify required node constraints");
    else if (s->node_affinity)
        valid_node_selector(e, PATH(at, "required"), s->node_affinity->required);
}

static void valid_attributes_class(struct field_errors *e, const struct path *spec,
                                   const struct persistent_volume_spec *s)
{
    const struct path *at = PATH(spec, "volumeAttributesClassName");
    if (!s->volume_attributes_class_name)
        return;
    if (!s->volume_attributes_class_name->n)
        field_required(e, at, "an empty string is disallowed");
    else
        format_validate(e, at, FORMAT_DNS1123_SUBDOMAIN, *s->volume_attributes_class_name);
    if (!s->csi)
        field_required(e, PATH(spec, "csi"), "has to be specified when using volumeAttributesClassName");
}

static void volume_validate(const void *o, struct field_errors *e)
{
    const struct persistent_volume *v = o;
    const struct persistent_volume_spec *s = &v->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *reclaim = PATH(spec, "persistentVolumeReclaimPolicy");
    valid_access_modes(e, PATH(spec, "accessModes"), &s->access_modes, "");
    valid_capacity(e, PATH(spec, "capacity"), &s->capacity);
    VALID_ONE_OF(e, reclaim, s->persistent_volume_reclaim_policy, false, STR("Delete"), STR("Recycle"),
                 STR("Retain"));
    valid_place(e, spec, s);
    valid_volume_source(e, spec, &persistent_volume_spec_type, s,
                        &(struct volume_scope){.name = v->metadata.name, .persistent = true});
    if (s->host_path && is_root(s->host_path->path) && str_is(s->persistent_volume_reclaim_policy, "Recycle"))
        field_forbidden(e, reclaim, "may not be 'recycle' for a hostPath mount of '/'");
    if (s->storage_class_name.n)
        format_validate(e, PATH(spec, "storageClassName"), FORMAT_DNS1123_SUBDOMAIN, s->storage_class_name);
    if (s->volume_mode)
        valid_supported(e, PATH(spec, "volumeMode"), *s->volume_mode,
                        (const struct str[]){STR("Block"), STR("Filesystem")}, 2);
    valid_attributes_class(e, spec, s);
}

/* --- updates --- */

static bool same_mode(const struct str *x, const struct str *y)
{
    return x && y ? str_eq(*x, *y) : x == y;
}

/* The secret for growing a volume may come later. */
static struct persistent_volume_spec without_new_secret(const struct persistent_volume_spec *now,
                                                        const struct persistent_volume_spec *old,
                                                        struct arena *a)
{
    struct persistent_volume_spec s = *now;
    if (old->csi && s.csi && !old->csi->controller_expand_secret_ref && s.csi->controller_expand_secret_ref) {
        s.csi = arena_dup(a, s.csi, sizeof *s.csi);
        s.csi->controller_expand_secret_ref = NULL;
    }
    return s;
}

static void volume_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct persistent_volume_spec *now = &((const struct persistent_volume *)o)->spec,
                                        *old = &((const struct persistent_volume *)before)->spec;
    struct path spec = path_child(NULL, STR("spec"));
    struct persistent_volume_spec munged = without_new_secret(now, old, &e->arena);
    if (!same(&persistent_volume_source_type, &munged.gce_persistent_disk, &old->gce_persistent_disk))
        field_forbidden(e, PATH(&spec, "persistentvolumesource"),
                        "spec.persistentvolumesource is immutable after creation\n");
    if (!same_mode(now->volume_mode, old->volume_mode))
        field_error(e, FIELD_ERROR_INVALID, PATH(NULL, "volumeMode"),
                    now->volume_mode ? BAD(*now->volume_mode) : BAD_RAW(STR("null")), "field is immutable");
    if (old->node_affinity &&
        (!now->node_affinity || !same(&volume_node_affinity_type, now->node_affinity, old->node_affinity)))
        field_error(e, FIELD_ERROR_INVALID, PATH(NULL, "nodeAffinity"),
                    valid_bad(e, &volume_node_affinity_type, now->node_affinity), "field is immutable");
    if (old->volume_attributes_class_name && !now->volume_attributes_class_name)
        field_forbidden(e, PATH(&spec, "volumeAttributesClassName"),
                        "update from non-nil value to nil is forbidden");
}

/* --- preparing --- */

static void volume_prepare_create(void *o, const struct strategy_context *c)
{
    struct time now = time_now();
    ((struct persistent_volume *)o)->status = (struct persistent_volume_status){
        .phase = STR("Pending"), .last_phase_transition_time = arena_dup(c->arena, &now, sizeof now)};
}

/* Since when it is in its phase, unless the writer says so. */
static void volume_prepare_status(void *o, const void *before, const struct strategy_context *c)
{
    struct persistent_volume_status *now = &((struct persistent_volume *)o)->status;
    const struct persistent_volume_status *old = &((const struct persistent_volume *)before)->status;
    struct time t = time_now();
    bool said = now->last_phase_transition_time &&
                !(old->last_phase_transition_time &&
                  now->last_phase_transition_time->s == old->last_phase_transition_time->s);
    if (!str_eq(now->phase, old->phase) && !said)
        now->last_phase_transition_time = arena_dup(c->arena, &t, sizeof t);
    else if (!now->last_phase_transition_time)
        now->last_phase_transition_time = old->last_phase_transition_time;
}

/* --- warnings --- */

static void volume_warn(const void *o, const void *old, const struct strategy_context *c)
{
    const struct persistent_volume *v = o;
    const struct path *spec = PATH(NULL, "spec");
    struct str options = STR("volume.beta.kubernetes.io/mount-options");
    (void)old;
    warn_beta_class(&v->metadata, c);
    if (str_map_get(&v->metadata.annotations, options))
        WARN(PATH_OF(PATH(PATH(NULL, "metadata"), "annotations"), options),
             "deprecated since v1.31; use \"mountOptions\" attribute instead");
    if (str_is(v->spec.persistent_volume_reclaim_policy, "Recycle"))
        WARN(PATH(spec, "persistentVolumeReclaimPolicy"),
             "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic "
             "provisioning.");
    if (v->spec.node_affinity && v->spec.node_affinity->required)
        warn_node_terms(PATH(PATH(spec, "nodeAffinity"), "required"), v->spec.node_affinity->required, c);
    warn_volume_source(spec, &persistent_volume_spec_type, &v->spec, c);
    warn_fraction(PATH(spec, "capacity"), &v->spec.capacity, STR("storage"), c);
}

const struct strategy persistent_volume_strategy = {
    .resource = &persistent_volume_resource,
    .flags = STRATEGY_RETURNS_DELETED,
    .prepare_create = volume_prepare_create,
    .prepare_status = volume_prepare_status,
    .validate = volume_validate,
    .validate_update = volume_validate_update,
    .warn = volume_warn,
};
