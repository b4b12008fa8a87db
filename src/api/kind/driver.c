/* Storage drivers, and what they attach and offer (upstream: pkg/apis/storage/validation). */
#include "api/kind/kinds.h"
#include "kinds/storage_v1.h"
#include "schema/copy.h"

enum {
    NODE_ID_MOST = 192,
    MESSAGE_MOST = 1024,
    TOKEN_SECONDS_LEAST = 600,
    PERIOD_SECONDS_LEAST = 10,
    TOKEN_SECONDS_BITS = 32
};

/* --- CSIDriver --- */

static void driver_validate(const void *o, struct field_errors *e)
{
    const struct csi_driver *d = o;
    const struct csi_driver_spec *s = &d->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *modes = PATH(spec, "volumeLifecycleModes"),
                      *tokens = PATH(spec, "tokenRequests");
    valid_driver_name(e, PATH(PATH(NULL, "metadata"), "name"), d->metadata.name);
    if (!s->attach_required)
        field_required(e, PATH(spec, "attachedRequired"), "%s", "");
    if (!s->pod_info_on_mount)
        field_required(e, PATH(spec, "podInfoOnMount"), "%s", "");
    if (!s->storage_capacity)
        field_required(e, PATH(spec, "storageCapacity"), "%s", "");
    if (s->fs_group_policy)
        VALID_ONE_OF(e, PATH(spec, "fsGroupPolicy"), *s->fs_group_policy, false, STR("File"), STR("None"),
                     STR("ReadWriteOnceWithFSType"));
    each (s->volume_lifecycle_modes, i)
        VALID_ONE_OF(e, PATH_AT(modes, i), s->volume_lifecycle_modes.at[i], false, STR("Ephemeral"),
                     STR("Persistent"));
    if (s->node_allocatable_update_period_seconds &&
        *s->node_allocatable_update_period_seconds < PERIOD_SECONDS_LEAST)
        field_invalid_int(e, PATH(spec, "nodeAllocatableUpdatePeriodSeconds"),
                          *s->node_allocatable_update_period_seconds,
                          "must be greater than or equal to %d seconds", PERIOD_SECONDS_LEAST);
    each (s->token_requests, i) {
        const struct storage_token_request *t = &s->token_requests.at[i];
        const struct path *at = PATH_AT(tokens, i), *lives = PATH(at, "expirationSeconds");
        for (size_t k = 0; k < i; k++)
            if (str_eq(s->token_requests.at[k].audience, t->audience))
                field_duplicate(e, PATH(at, "audience"), t->audience);
        if (t->expiration_seconds && *t->expiration_seconds < TOKEN_SECONDS_LEAST)
            field_invalid_int(e, lives, *t->expiration_seconds,
                              "may not specify a duration less than 10 minutes");
        if (t->expiration_seconds && *t->expiration_seconds >> TOKEN_SECONDS_BITS)
            field_invalid_int(e, lives, *t->expiration_seconds,
                              "may not specify a duration larger than 2^32 seconds");
    }
}

static void driver_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct csi_driver_spec *now = &((const struct csi_driver *)o)->spec,
                                 *old = &((const struct csi_driver *)before)->spec;
    struct path spec = path_child(NULL, STR("spec"));
    if (now->attach_required && old->attach_required)
        valid_immutable(e, PATH(&spec, "attachedRequired"), *now->attach_required == *old->attach_required,
                        BAD_RAW(*now->attach_required ? STR("true") : STR("false")));
    bool same_modes = now->volume_lifecycle_modes.n == old->volume_lifecycle_modes.n;
    each (now->volume_lifecycle_modes, i)
        same_modes =
            same_modes && str_vec_has(&old->volume_lifecycle_modes, now->volume_lifecycle_modes.at[i]);
    valid_immutable(e, PATH(&spec, "volumeLifecycleModes"), same_modes, BAD_NONE);
}

const struct strategy csi_driver_strategy = {
    .resource = &csi_driver_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = driver_validate,
    .validate_update = driver_validate_update,
};

/* --- CSINode --- */

static void node_drivers_validate(const void *o, struct field_errors *e)
{
    const struct csi_node_driver_vec *all = &((const struct csi_node *)o)->spec.drivers;
    struct path spec = path_child(NULL, STR("spec")), list = path_child(&spec, STR("drivers"));
    each (*all, i) {
        const struct csi_node_driver *d = &all->at[i];
        const struct path *at = PATH_AT(&list, i), *id = PATH(at, "nodeID"), *keys = PATH(at, "topologyKeys");
        valid_driver_name(e, PATH(at, "name"), d->name);
        for (size_t k = 0; k < i; k++)
            if (str_eq(all->at[k].name, d->name))
                field_duplicate(e, PATH(at, "name"), d->name);
        valid_required(e, id, d->node_id);
        if (d->node_id.n > NODE_ID_MOST)
            field_invalid(e, id, d->node_id, "must be %d characters or less", NODE_ID_MOST);
        each (d->topology_keys, k) {
            valid_qualified(e, PATH_AT(keys, k), d->topology_keys.at[k]);
            for (size_t m = 0; m < k; m++)
                if (str_eq(d->topology_keys.at[m], d->topology_keys.at[k]))
                    field_duplicate(e, PATH_AT(keys, k), d->topology_keys.at[k]);
        }
        if (d->allocatable && d->allocatable->count)
            valid_not_negative(e, PATH(PATH(at, "allocatable"), "count"), *d->allocatable->count);
    }
}

/* A driver may come or go, and not turn into another. */
static void node_drivers_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct csi_node_driver_vec *now = &((const struct csi_node *)o)->spec.drivers,
                                     *old = &((const struct csi_node *)before)->spec.drivers;
    struct path spec = path_child(NULL, STR("spec")), list = path_child(&spec, STR("drivers"));
    static const struct str room = STR_INIT("allocatable"); /* it may change (KEP-4876) */
    each (*now, i)
        each (*old, k)
            if (str_eq(now->at[i].name, old->at[k].name))
                valid_immutable(e, PATH_AT(&list, i),
                                struct_eq_but(&csi_node_driver_type, &now->at[i], &old->at[k], &room, 1),
                                BAD_NONE);
}

const struct strategy csi_node_strategy = {
    .resource = &csi_node_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = node_drivers_validate,
    .validate_update = node_drivers_validate_update,
};

/* --- VolumeAttachment --- */

static void attachment_validate(const void *o, struct field_errors *e)
{
    const struct volume_attachment_spec *s = &((const struct volume_attachment *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *source = PATH(spec, "source");
    const struct str *volume = s->source.persistent_volume_name;
    valid_driver_name(e, PATH(spec, "attacher"), s->attacher);
    format_validate(e, PATH(spec, "nodeName"), FORMAT_DNS1123_SUBDOMAIN, s->node_name);
    if (!volume && !s->source.inline_volume_spec)
        field_required(e, source, "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
    else if (volume && s->source.inline_volume_spec)
        field_forbidden(e, source, "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
    else if (volume && !volume->n)
        field_required(e, PATH(source, "persistentVolumeName"),
                       "must specify non empty persistentVolumeName");
    else if (volume)
        format_validate(e, PATH(source, "persistentVolumeName"), FORMAT_DNS1123_SUBDOMAIN, *volume);
}

static void valid_volume_error(struct field_errors *e, const struct path *at, const struct volume_error *v)
{
    if (v && v->message.n > MESSAGE_MOST)
        field_too_long(e, PATH(at, "message"), MESSAGE_MOST);
    if (v && v->error_code && *v->error_code <= 0)
        field_invalid_int(e, PATH(at, "errorCode"), *v->error_code,
                          "must be between 1 and 2147483647, inclusive");
}

static void attachment_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct volume_attachment_status *s = &((const struct volume_attachment *)o)->status;
    struct path status = path_child(NULL, STR("status"));
    size_t bytes = 0;
    (void)old;
    each (s->attachment_metadata, i)
        bytes += s->attachment_metadata.at[i].key.n + s->attachment_metadata.at[i].value.n;
    if (bytes > VALID_ANNOTATIONS_MAX)
        field_too_long(e, PATH(&status, "attachmentMetadata"), VALID_ANNOTATIONS_MAX);
    valid_volume_error(e, PATH(&status, "attachError"), s->attach_error);
    valid_volume_error(e, PATH(&status, "detachError"), s->detach_error);
}

const struct strategy volume_attachment_strategy = {
    .resource = &volume_attachment_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = attachment_validate,
    .validate_status = attachment_validate_status,
};

/* --- CSIStorageCapacity --- */

static void capacity_validate(const void *o, struct field_errors *e)
{
    const struct csi_storage_capacity *c = o;
    const struct {
        const char *name;
        const struct str *quantity;
    } amounts[] = {{"capacity", c->capacity}, {"maximumVolumeSize", c->maximum_volume_size}};
    if (c->node_topology)
        valid_selector(e, PATH(NULL, "nodeTopology"), c->node_topology);
    valid_subdomain(e, PATH(NULL, "storageClassName"), c->storage_class_name);
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        struct path at = path_child(NULL, str_from(amounts[i].name));
        if (amounts[i].quantity)
            valid_quantity(e, &at, *amounts[i].quantity);
    }
}

const struct strategy csi_storage_capacity_strategy = {
    .resource = &csi_storage_capacity_resource,
    .flags = STRATEGY_NEEDS_VERSION,
    .validate = capacity_validate,
};

/* --- VolumeAttributesClass --- */

static void attributes_class_validate(const void *o, struct field_errors *e)
{
    const struct volume_attributes_class *c = o;
    const struct path *parameters = PATH(NULL, "parameters");
    size_t bytes = 0;
    valid_driver_name(e, PATH(NULL, "driverName"), c->driver_name);
    if (!c->parameters.n)
        field_required(e, parameters, "must contain at least one key/value pair");
    if (c->parameters.n > 512)
        field_too_many(e, parameters, c->parameters.n, 512);
    each (c->parameters, i) {
        if (!c->parameters.at[i].key.n)
            field_invalid(e, parameters, (struct str){0}, "field must not be empty.");
        bytes += c->parameters.at[i].key.n + c->parameters.at[i].value.n;
    }
    if (bytes > VALID_ANNOTATIONS_MAX)
        field_too_long(e, parameters, VALID_ANNOTATIONS_MAX);
}

const struct strategy volume_attributes_class_strategy = {
    .resource = &volume_attributes_class_resource,
    .validate = attributes_class_validate,
};
