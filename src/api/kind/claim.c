/* Claims of volumes (pkg/registry/core/persistentvolumeclaim, ValidatePersistentVolumeClaim). */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "api/kind/volume_source.h"
#include "api/kind/warn.h"
#include "api/resource_names.h"
#include "schema/copy.h"
#include "schema/quantity.h"

#define BETA_CLASS STR("volume.beta.kubernetes.io/storage-class")

/* --- rules --- */

void valid_access_modes(struct field_errors *e, const struct path *at, const struct str_vec *modes,
                        const char *missing)
{
    static const struct str known[] = {STR_INIT("ReadOnlyMany"), STR_INIT("ReadWriteMany"),
                                       STR_INIT("ReadWriteOnce"), STR_INIT("ReadWriteOncePod")};
    bool alone = false, others = false;
    if (!modes->n)
        field_required(e, at, "%s", missing);
    each (*modes, i) {
        size_t before = e->n;
        valid_supported(e, at, modes->at[i], known, ARRAY_LEN(known));
        if (str_is(modes->at[i], "ReadWriteOncePod"))
            alone = true;
        else if (e->n == before)
            others = true;
    }
    if (alone && others)
        field_forbidden(e, at, "may not use ReadWriteOncePod with other access modes");
}

/* Claims are copied from claims; everything else has a group. */
static void valid_source(struct field_errors *e, const struct path *at, struct str name, struct str kind,
                         const struct str *group)
{
    valid_required(e, PATH(at, "name"), name);
    valid_required(e, PATH(at, "kind"), kind);
    if (group && group->n)
        format_validate(e, PATH(at, "apiGroup"), FORMAT_DNS1123_SUBDOMAIN, *group);
    else if (!str_is(kind, "PersistentVolumeClaim"))
        field_invalid(e, at, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
}

static bool same_group(const struct str *x, const struct str *y)
{
    return x && y ? str_eq(*x, *y) : x == y;
}

static void valid_sources(struct field_errors *e, const struct path *spec,
                          const struct persistent_volume_claim_spec *s)
{
    const struct path *source = PATH(spec, "dataSource"), *ref = PATH(spec, "dataSourceRef");
    const struct typed_local_object_reference *d = s->data_source;
    const struct typed_object_reference *r = s->data_source_ref;
    if (d)
        valid_source(e, source, d->name, d->kind, d->api_group);
    if (r)
        valid_source(e, ref, r->name, r->kind, r->api_group);
    if (d && r &&
        !(str_eq(d->name, r->name) && str_eq(d->kind, r->kind) && same_group(d->api_group, r->api_group)))
        field_error(e, FIELD_ERROR_INVALID, spec, BAD_RAW(STR("{}")), "must match dataSourceRef");
}

static void valid_class(struct field_errors *e, const struct path *at, const struct str *name)
{
    if (name && name->n)
        format_validate(e, at, FORMAT_DNS1123_SUBDOMAIN, *name);
}

static void valid_claim_spec(struct field_errors *e, const struct path *spec,
                             const struct persistent_volume_claim_spec *s)
{
    const struct path *amount = PATH_OF(PATH(spec, "resources"), STR("storage"));
    const struct str *storage = str_map_get(&s->resources.requests, STR("storage"));
    valid_access_modes(e, PATH(spec, "accessModes"), &s->access_modes, "at least 1 access mode is required");
    valid_selector(e, PATH(spec, "selector"), s->selector);
    if (!storage)
        field_required(e, amount, "%s", "");
    else
        valid_positive_quantity(e, amount, *storage);
    valid_class(e, PATH(spec, "storageClassName"), s->storage_class_name);
    if (s->volume_mode)
        valid_supported(e, PATH(spec, "volumeMode"), *s->volume_mode,
                        (const struct str[]){STR("Block"), STR("Filesystem")}, 2);
    valid_sources(e, spec, s);
    valid_class(e, PATH(spec, "volumeAttributesClassName"), s->volume_attributes_class_name);
}

static void claim_validate(const void *o, struct field_errors *e)
{
    struct path spec = path_child(NULL, STR("spec"));
    valid_claim_spec(e, &spec, &((const struct persistent_volume_claim *)o)->spec);
}

/* Of a template's metadata only labels and annotations are used. */
void valid_claim_template(struct field_errors *e, const struct path *at,
                          const struct persistent_volume_claim_template *t)
{
    static const struct str used[] = {STR_INIT("labels"), STR_INIT("annotations")};
    const struct path *meta = PATH(at, "metadata");
    valid_annotations(e, PATH(meta, "annotations"), &t->metadata.annotations);
    valid_labels(e, PATH(meta, "labels"), &t->metadata.labels);
    for (size_t i = 0; i < object_meta_type.n_fields; i++) {
        const struct field *f = &object_meta_type.fields[i];
        struct path field = path_child(meta, f->name);
        if (!str_eq(f->name, used[0]) && !str_eq(f->name, used[1]) &&
            !field_is_zero(f, field_at(f, &t->metadata)))
            field_forbidden(e, &field, "cannot be set");
    }
    valid_claim_spec(e, PATH(at, "spec"), &t->spec);
}

/* --- updates --- */

/* The class of a claim may come later: from the annotation that was before the field, or by default
 * (KEP-3333). */
static bool class_may_come(const struct persistent_volume_claim *now,
                           const struct persistent_volume_claim *old)
{
    const struct str *class = now->spec.storage_class_name,
                     *was = str_map_get(&old->metadata.annotations, BETA_CLASS);
    return class && !old->spec.storage_class_name && (!was || str_eq(*was, *class));
}

static void valid_beta_class(struct field_errors *e, const struct persistent_volume_claim *now,
                             const struct persistent_volume_claim *old)
{
    const struct str *is = str_map_get(&now->metadata.annotations, BETA_CLASS),
                     *was = str_map_get(&old->metadata.annotations, BETA_CLASS);
    const struct path *annotations = PATH(PATH(NULL, "metadata"), "annotations");
    struct path at = path_child(annotations, BETA_CLASS);
    if (was && !is && class_may_come(now, old))
        return; /* taken over by the field */
    if (!str_eq(is ? *is : STR(""), was ? *was : STR("")))
        field_invalid(e, &at, is ? *is : STR(""), "field is immutable");
}

/* A bound claim may ask for more. It may also ask for less than it did, down to what it has: for growing that
 * has failed. */
static void valid_size_update(struct field_errors *e, const struct path *spec,
                              const struct persistent_volume_claim *now,
                              const struct persistent_volume_claim *old)
{
    const struct path *at = PATH(PATH(PATH(spec, "resources"), "requests"), "storage");
    const struct str *is = str_map_get(&now->spec.resources.requests, STR("storage")),
                     *was = str_map_get(&old->spec.resources.requests, STR("storage")),
                     *has = str_map_get(&old->status.capacity, STR("storage"));
    if (is && was && quantity_cmp_str(*is, *was) < 0 && quantity_cmp_str(*is, has ? *has : STR("0")) <= 0)
        field_forbidden(e, at, "field can not be less than status.capacity");
}

static void valid_attributes_update(struct field_errors *e, const struct path *at, const struct str *now,
                                    const struct str *old)
{
    if (old && !now)
        field_forbidden(e, at, "update from non-nil value to nil is forbidden");
    else if (old && !now->n && old->n)
        field_forbidden(e, at, "update from non-nil value to an empty string is forbidden");
}

static void claim_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct persistent_volume_claim *now = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    struct persistent_volume_claim_spec munged = now->spec;
    const struct str *storage = str_map_get(&old->spec.resources.requests, STR("storage"));
    bool bound = str_is(now->status.phase, "Bound");
    valid_beta_class(e, now, old);
    if (!old->spec.volume_name.n) /* the binder's to set, once */
        munged.volume_name = old->spec.volume_name;
    if (class_may_come(now, old))
        munged.storage_class_name = NULL;
    if (bound && storage && munged.resources.requests.at) {
        munged.resources.requests.at = arena_dup(&e->arena, munged.resources.requests.at,
                                                 munged.resources.requests.n * sizeof(struct str_entry));
        str_map_put(&munged.resources.requests, &e->arena, STR("storage"), *storage);
    }
    if (bound && munged.volume_attributes_class_name)
        munged.volume_attributes_class_name = old->spec.volume_attributes_class_name;
    if (!same(&persistent_volume_claim_spec_type, &munged, &old->spec))
        field_forbidden(
            e, &spec,
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
            "bound claims\n");
    valid_size_update(e, &spec, now, old);
    valid_attributes_update(e, PATH(&spec, "volumeAttributesClassName"),
                            now->spec.volume_attributes_class_name, old->spec.volume_attributes_class_name);
}

/* --- the status --- */

static void valid_claim_resource(struct field_errors *e, const struct path *at, struct str name)
{
    size_t before = e->n;
    valid_qualified(e, at, name);
    if (e->n == before && resource_uses(name) & RESOURCE_NATIVE && !str_is(name, "storage"))
        field_not_supported(e, at, name, (const struct str[]){STR("storage")}, 1);
}

static void valid_basic_amount(struct field_errors *e, const struct path *at, struct str amount)
{
    if (quantity_sign(quantity_of(amount)) < 0)
        field_invalid_int(e, at, quantity_value_of(amount), "must be a valid resource quantity");
}

static void claim_validate_status(const void *o, const void *before, struct field_errors *e)
{
    static const struct str states[] = {
        STR_INIT("ControllerResizeInProgress"), STR_INIT("ControllerResizeInfeasible"),
        STR_INIT("NodeResizeInProgress"), STR_INIT("NodeResizeInfeasible"), STR_INIT("NodeResizePending")};
    const struct persistent_volume_claim_status *s = &((const struct persistent_volume_claim *)o)->status;
    const struct path *status = PATH(NULL, "status"), *statuses = PATH(status, "allocatedResourceStatus"),
                      *allocated = PATH(status, "allocatedResources");
    (void)before;
    each (s->capacity, i)
        valid_basic_amount(e, PATH_OF(PATH(status, "capacity"), s->capacity.at[i].key),
                           s->capacity.at[i].value);
    each (s->allocated_resource_statuses, i) {
        struct str state = s->allocated_resource_statuses.at[i].value;
        bool known = false;
        valid_claim_resource(e, statuses, s->allocated_resource_statuses.at[i].key);
        for (size_t k = 0; k < ARRAY_LEN(states); k++)
            known |= str_eq(states[k], state);
        if (!known)
            field_not_supported_sorted(e, statuses, s->allocated_resource_statuses.at[i].key, states,
                                       ARRAY_LEN(states));
    }
    each (s->allocated_resources, i) {
        size_t n = e->n;
        valid_claim_resource(e, allocated, s->allocated_resources.at[i].key);
        if (e->n == n)
            valid_basic_amount(e, PATH_OF(allocated, s->allocated_resources.at[i].key),
                               s->allocated_resources.at[i].value);
    }
}

/* --- preparing --- */

static bool is_claim_or_snapshot(const struct typed_local_object_reference *d)
{
    struct str group = d->api_group ? *d->api_group : STR("");
    return (!group.n && str_is(d->kind, "PersistentVolumeClaim")) ||
           (str_is(group, "snapshot.storage.k8s.io") && str_is(d->kind, "VolumeSnapshot"));
}

/* Two names of one source; the older takes claims and snapshots only, and drops what else it is given. */
static void join_sources(struct persistent_volume_claim_spec *s,
                         const struct persistent_volume_claim_spec *old, struct arena *a)
{
    bool in_use = old && (old->data_source || old->data_source_ref);
    if (!in_use && s->data_source && !is_claim_or_snapshot(s->data_source))
        s->data_source = NULL;
    if (s->data_source && !s->data_source_ref) {
        s->data_source_ref = arena_new(a, struct typed_object_reference);
        s->data_source_ref->api_group = s->data_source->api_group;
        s->data_source_ref->kind = s->data_source->kind;
        s->data_source_ref->name = s->data_source->name;
    } else if (s->data_source_ref && !s->data_source) {
        s->data_source = arena_new(a, struct typed_local_object_reference);
        s->data_source->api_group = s->data_source_ref->api_group;
        s->data_source->kind = s->data_source_ref->kind;
        s->data_source->name = s->data_source_ref->name;
    }
}

static void claim_prepare_create(void *o, const struct strategy_context *c)
{
    struct persistent_volume_claim *claim = o;
    claim->status = (struct persistent_volume_claim_status){.phase = STR("Pending")};
    join_sources(&claim->spec, NULL, c->arena);
}

static void claim_prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    join_sources(&((struct persistent_volume_claim *)o)->spec,
                 &((const struct persistent_volume_claim *)old)->spec, c->arena);
}

/* --- warnings --- */

void claim_spec_warnings(const struct path *spec, const struct persistent_volume_claim_spec *s,
                         const struct strategy_context *c)
{
    warn_fraction(PATH(PATH(spec, "resources"), "requests"), &s->resources.requests, STR("storage"), c);
    warn_fraction(PATH(PATH(spec, "resources"), "limits"), &s->resources.limits, STR("storage"), c);
}

static void claim_warn(const void *o, const void *old, const struct strategy_context *c)
{
    const struct persistent_volume_claim *claim = o;
    (void)old;
    warn_beta_class(&claim->metadata, c);
    claim_spec_warnings(PATH(NULL, "spec"), &claim->spec, c);
}

const struct strategy persistent_volume_claim_strategy = {
    .resource = &persistent_volume_claim_resource,
    .flags = STRATEGY_RETURNS_DELETED,
    .prepare_create = claim_prepare_create,
    .prepare_update = claim_prepare_update,
    .validate = claim_validate,
    .validate_update = claim_validate_update,
    .validate_status = claim_validate_status,
    .warn = claim_warn,
};
