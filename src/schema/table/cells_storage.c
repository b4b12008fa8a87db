/* The cells of volumes and what provides them, of config maps and secrets. */
#include "kinds/core_v1.h"
#include "kinds/resource_v1.h"
#include "kinds/storage_v1.h"
#include "schema/table/cells.h"

static struct str map_value(const struct str_map *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (str_is(m->at[i].key, key))
            return m->at[i].value;
    return (struct str){0};
}

/* "RWO,ROX": each mode once, in this order. */
static void access_modes_cell(struct cell *c, const struct str_vec *modes)
{
    static const char *const names[][2] = {{"ReadWriteOnce", "RWO"},
                                           {"ReadOnlyMany", "ROX"},
                                           {"ReadWriteMany", "RWX"},
                                           {"ReadWriteOncePod", "RWOP"}};
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (size_t k = 0; k < modes->n; k++)
            if (str_is(modes->at[k], names[i][0])) {
                buf_addf(&b, "%s%s", b.n ? "," : "", names[i][1]);
                break;
            }
    cell_buf(c, &b);
}

static void phase_cell(struct cell *c, const struct object_meta *m, struct str phase)
{
    cell_str(c, m->deletion_timestamp ? STR("Terminating") : phase);
}

/* The class as the annotation of old named it, else as the field does. */
static void class_cell(struct cell *c, const struct object_meta *m, struct str class)
{
    struct str old = map_value(&m->annotations, "volume.beta.kubernetes.io/storage-class");
    cell_str(c, old.n ? old : class);
}

/* --- persistent volumes --- */

static void volume_cell_capacity(struct cell *c)
{
    const struct persistent_volume *v = c->typed;
    cell_or(c, map_value(&v->spec.capacity, "storage"), "0");
}

static void volume_cell_modes(struct cell *c)
{
    access_modes_cell(c, &((const struct persistent_volume *)c->typed)->spec.access_modes);
}

static void volume_cell_status(struct cell *c)
{
    const struct persistent_volume *v = c->typed;
    phase_cell(c, &v->metadata, v->status.phase);
}

static void volume_cell_claim(struct cell *c)
{
    const struct object_reference *r = ((const struct persistent_volume *)c->typed)->spec.claim_ref;
    if (r)
        cell_strf(c, STR_FMT "/" STR_FMT, STR_ARG(r->namespace), STR_ARG(r->name));
    else
        cell_str(c, STR(""));
}

static void volume_cell_class(struct cell *c)
{
    const struct persistent_volume *v = c->typed;
    class_cell(c, &v->metadata, v->spec.storage_class_name);
}

/* --- claims --- */

static void claim_cell_status(struct cell *c)
{
    const struct persistent_volume_claim *p = c->typed;
    phase_cell(c, &p->metadata, p->status.phase);
}

static void claim_cell_capacity(struct cell *c)
{
    const struct persistent_volume_claim *p = c->typed;
    if (p->spec.volume_name.n)
        cell_or(c, map_value(&p->status.capacity, "storage"), "0");
    else
        cell_str(c, STR(""));
}

static void claim_cell_modes(struct cell *c)
{
    const struct persistent_volume_claim *p = c->typed;
    access_modes_cell(c, p->spec.volume_name.n ? &p->status.access_modes : &(const struct str_vec){0});
}

static void claim_cell_class(struct cell *c)
{
    const struct persistent_volume_claim *p = c->typed;
    class_cell(c, &p->metadata, p->spec.storage_class_name ? *p->spec.storage_class_name : STR(""));
}

/* --- classes and drivers --- */

static void class_cell_name(struct cell *c)
{
    const struct storage_class *s = c->typed;
    cell_class_name(c, s->metadata.name, &s->metadata.annotations,
                    (const char *[]){"storageclass.kubernetes.io/is-default-class",
                                     "storageclass.beta.kubernetes.io/is-default-class"},
                    2);
}

static void class_cell_reclaim(struct cell *c)
{
    cell_str(c, c->at ? *(const struct str *)c->at : STR("Delete"));
}

static void class_cell_binding(struct cell *c)
{
    cell_str(c, c->at ? *(const struct str *)c->at : STR("Immediate"));
}

static void cell_true_if_set(struct cell *c)
{
    cell_bool(c, c->at && *(const bool *)c->at);
}

static void cell_true_unless_set(struct cell *c)
{
    cell_bool(c, !c->at || *(const bool *)c->at);
}

static void driver_cell_tokens(struct cell *c)
{
    const struct csi_driver *d = c->typed;
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < d->spec.token_requests.n; i++)
        buf_addf(&b, "%s" STR_FMT, i ? "," : "", STR_ARG(d->spec.token_requests.at[i].audience));
    if (d->spec.token_requests.n)
        cell_buf(c, &b);
    else
        cell_str(c, STR("<unset>"));
}

static void driver_cell_modes(struct cell *c)
{
    if (c->at && ((const struct str_vec *)c->at)->n)
        cell_joined(c);
    else
        cell_str(c, STR("<unset>"));
}

/* --- the rest --- */

static void config_map_cell_data(struct cell *c)
{
    const struct config_map *m = c->typed;
    cell_int(c, (int64_t)(m->data.n + m->binary_data.n));
}

static void claim_cell_state(struct cell *c)
{
    const struct resource_resource_claim *r = c->typed;
    bool going = r->metadata.deletion_timestamp;
    _cleanup_buf_ struct buf b = {0};
    if (going)
        buf_add_lit(&b, "deleted");
    if (r->status.allocation)
        buf_addf(&b, "%sallocated%s", going ? "," : "", r->status.reserved_for.n ? ",reserved" : "");
    else if (!going)
        buf_add_lit(&b, "pending");
    cell_buf(c, &b);
}

static const struct cell_maker makers[] = {
    {&config_map_type, "Data", config_map_cell_data, NULL},
    {&secret_type, "Data", cell_count, "data"},
    {&service_account_type, "Secrets", cell_count, "secrets"},
    {&persistent_volume_type, "Capacity", volume_cell_capacity, NULL},
    {&persistent_volume_type, "Access Modes", volume_cell_modes, NULL},
    {&persistent_volume_type, "Status", volume_cell_status, NULL},
    {&persistent_volume_type, "Claim", volume_cell_claim, NULL},
    {&persistent_volume_type, "StorageClass", volume_cell_class, NULL},
    {&persistent_volume_type, "VolumeAttributesClass", cell_or_unset, "spec.volumeAttributesClassName"},
    {&persistent_volume_type, "VolumeMode", cell_or_unset, "spec.volumeMode"},
    {&persistent_volume_claim_type, "Status", claim_cell_status, NULL},
    {&persistent_volume_claim_type, "Capacity", claim_cell_capacity, NULL},
    {&persistent_volume_claim_type, "Access Modes", claim_cell_modes, NULL},
    {&persistent_volume_claim_type, "StorageClass", claim_cell_class, NULL},
    {&persistent_volume_claim_type, "VolumeAttributesClass", cell_or_unset, "spec.volumeAttributesClassName"},
    {&persistent_volume_claim_type, "VolumeMode", cell_or_unset, "spec.volumeMode"},
    {&storage_class_type, "Name", class_cell_name, NULL},
    {&storage_class_type, "ReclaimPolicy", class_cell_reclaim, "reclaimPolicy"},
    {&storage_class_type, "VolumeBindingMode", class_cell_binding, "volumeBindingMode"},
    {&storage_class_type, "AllowVolumeExpansion", cell_true_if_set, "allowVolumeExpansion"},
    {&volume_attachment_type, "PV", cell_or_empty, "spec.source.persistentVolumeName"},
    {&csi_driver_type, "AttachRequired", cell_true_unless_set, "spec.attachRequired"},
    {&csi_driver_type, "PodInfoOnMount", cell_true_if_set, "spec.podInfoOnMount"},
    {&csi_driver_type, "StorageCapacity", cell_true_if_set, "spec.storageCapacity"},
    {&csi_driver_type, "TokenRequests", driver_cell_tokens, NULL},
    {&csi_driver_type, "RequiresRepublish", cell_true_if_set, "spec.requiresRepublish"},
    {&csi_driver_type, "Modes", driver_cell_modes, "spec.volumeLifecycleModes"},
    {&csi_node_type, "Drivers", cell_count, "spec.drivers"},
    {&csi_storage_capacity_type, "Capacity", cell_or_unset, "capacity"},
    {&resource_slice_type, "Node", cell_or_empty, "spec.nodeName"},
    {&resource_resource_claim_type, "State", claim_cell_state, NULL},
};
const struct cell_makers cells_storage = {makers, ARRAY_LEN(makers)};
