/* Volumes of pods, and where volumes come from (ValidateVolumes, validateVolumeSource,
 * ValidatePersistentVolumeSpec). */
#include "api/kind/container.h"
#include "api/kind/pod.h"
#include "api/kind/volume_source.h"
#include "schema/copy.h"
#include "schema/layout.h"
#include "schema/quantity.h"

static void valid_host_path(struct field_errors *e, const struct path *at, const void *source,
                            const struct volume_scope *scope)
{
    static const struct str types[] = {STR_INIT(""),
                                       STR_INIT("BlockDevice"),
                                       STR_INIT("CharDevice"),
                                       STR_INIT("Directory"),
                                       STR_INIT("DirectoryOrCreate"),
                                       STR_INIT("File"),
                                       STR_INIT("FileOrCreate"),
                                       STR_INIT("Socket")};
    const struct host_path_volume_source *h = source;
    (void)scope;
    if (!h->path.n)
        return;
    valid_no_backsteps(e, PATH(at, "path"), h->path);
    if (h->type)
        valid_supported(e, PATH(at, "type"), *h->type, types, ARRAY_LEN(types));
}

static void valid_empty_dir(struct field_errors *e, const struct path *at, const void *source,
                            const struct volume_scope *scope)
{
    const struct empty_dir_volume_source *s = source;
    (void)scope;
    if (s->size_limit && quantity_sign(quantity_of(*s->size_limit)) < 0)
        field_forbidden(e, PATH(at, "sizeLimit"), "SizeLimit field must be a valid resource quantity");
}

static void valid_git_repo(struct field_errors *e, const struct path *at, const void *source,
                           const struct volume_scope *scope)
{
    (void)scope;
    valid_relative_path(e, PATH(at, "directory"), ((const struct git_repo_volume_source *)source)->directory);
}

static void valid_gce_disk(struct field_errors *e, const struct path *at, const void *source,
                           const struct volume_scope *scope)
{
    (void)scope;
    valid_disk_partition(e, PATH(at, "partition"),
                         ((const struct gce_persistent_disk_volume_source *)source)->partition);
}

static void valid_aws_disk(struct field_errors *e, const struct path *at, const void *source,
                           const struct volume_scope *scope)
{
    (void)scope;
    valid_disk_partition(e, PATH(at, "partition"),
                         ((const struct aws_elastic_block_store_volume_source *)source)->partition);
}

static void valid_nfs(struct field_errors *e, const struct path *at, const void *source,
                      const struct volume_scope *scope)
{
    const struct nfs_volume_source *s = source;
    (void)scope;
    if (!str_starts(s->path, STR("/")))
        field_invalid(e, PATH(at, "path"), s->path, "must be an absolute path");
}

static void valid_glusterfs(struct field_errors *e, const struct path *at, const void *source,
                            const struct volume_scope *scope)
{
    const struct glusterfs_persistent_volume_source *s = source;
    const struct path *ns = PATH(at, "endpointsNamespace");
    if (!scope->persistent || !s->endpoints_namespace)
        return;
    if (!s->endpoints_namespace->n)
        field_invalid(e, ns, STR(""), "if the endpointnamespace is set, it must be a valid namespace name");
    else
        format_validate(e, ns, FORMAT_DNS1123_LABEL, *s->endpoints_namespace);
}

static void valid_azure_file(struct field_errors *e, const struct path *at, const void *source,
                             const struct volume_scope *scope)
{
    const struct azure_file_persistent_volume_source *s = source;
    if (scope->persistent && s->secret_namespace)
        valid_required(e, PATH(at, "secretNamespace"), *s->secret_namespace);
}

static void valid_local(struct field_errors *e, const struct path *at, const void *source,
                        const struct volume_scope *scope)
{
    (void)scope;
    valid_no_backsteps(e, PATH(at, "path"), ((const struct local_volume_source *)source)->path);
}

static void valid_secret_reference(struct field_errors *e, const struct path *at,
                                   const struct secret_reference *r)
{
    if (!r)
        return;
    valid_subdomain(e, PATH(at, "name"), r->name);
    valid_label_name(e, PATH(at, "namespace"), r->namespace);
}

static void valid_csi(struct field_errors *e, const struct path *at, const void *source,
                      const struct volume_scope *scope)
{
    if (!scope->persistent) {
        const struct csi_volume_source *s = source;
        valid_csi_driver_name(e, PATH(at, "driver"), s->driver);
        if (!s->node_publish_secret_ref)
            return;
        struct str name = s->node_publish_secret_ref->name;
        if (!name.n)
            field_required(e, PATH(PATH(at, "nodePublishSecretRef"), "name"), "%s", "");
        else
            format_validate(e, PATH(at, "name"), FORMAT_DNS1123_SUBDOMAIN, name);
        return;
    }
    const struct csi_persistent_volume_source *s = source;
    valid_csi_driver_name(e, PATH(at, "driver"), s->driver);
    valid_required(e, PATH(at, "volumeHandle"), s->volume_handle);
    valid_secret_reference(e, PATH(at, "controllerPublishSecretRef"), s->controller_publish_secret_ref);
    valid_secret_reference(e, PATH(at, "controllerExpandSecretRef"), s->controller_expand_secret_ref);
    valid_secret_reference(e, PATH(at, "nodePublishSecretRef"), s->node_publish_secret_ref);
    valid_secret_reference(e, PATH(at, "nodeExpandSecretRef"), s->node_expand_secret_ref);
}

/* The claim that is made for a pod is called after pod and volume. */
static void valid_ephemeral(struct field_errors *e, const struct path *at, const void *source,
                            const struct volume_scope *scope)
{
    const struct ephemeral_volume_source *s = source;
    struct str messages[FORMAT_MESSAGES];
    if (!s->volume_claim_template) {
        field_required(e, PATH(at, "volumeClaimTemplate"), "%s", "");
        return;
    }
    valid_claim_template(e, PATH(at, "volumeClaimTemplate"), s->volume_claim_template);
    if (!scope->meta || !scope->meta->name.n || !scope->name.n)
        return;
    struct str claim =
        arena_printf(&e->arena, STR_FMT "-" STR_FMT, STR_ARG(scope->meta->name), STR_ARG(scope->name));
    size_t n = format_check(FORMAT_DNS1123_SUBDOMAIN, claim, messages);
    for (size_t i = 0; i < n; i++)
        field_invalid(e, PATH(at->parent, "name"), scope->name, "PVC name \"" STR_FMT "\": " STR_FMT,
                      STR_ARG(claim), STR_ARG(messages[i]));
}

static void valid_image(struct field_errors *e, const struct path *at, const void *source,
                        const struct volume_scope *scope)
{
    const struct image_volume_source *s = source;
    if (scope->meta) /* in a template it may be filled in later */
        valid_required(e, PATH(at, "reference"), s->reference);
    VALID_ONE_OF(e, PATH(at, "pullPolicy"), s->pull_policy, true, STR("Always"), STR("IfNotPresent"),
                 STR("Never"));
}

/* The sources: which of their fields they need, in order, and what else holds for them. Where upstream calls
 * a source otherwise in a complaint, `inside` (of its fields) or `second` (of being one too many) says how.
 */
static const struct {
    const char *name;
    const char *needs[3];
    void (*valid)(struct field_errors *e, const struct path *at, const void *source,
                  const struct volume_scope *scope);
    const char *inside, *second;
} sources[] = {
    {"emptyDir", {0}, valid_empty_dir, NULL, NULL},
    {"hostPath", {"path"}, valid_host_path, NULL, NULL},
    {"gitRepo", {"repository"}, valid_git_repo, NULL, NULL},
    {"gcePersistentDisk", {"pdName"}, valid_gce_disk, "persistentDisk", NULL},
    {"awsElasticBlockStore", {"volumeID"}, valid_aws_disk, NULL, NULL},
    {"secret", {0}, valid_secret_source, NULL, NULL},
    {"nfs", {"server", "path"}, valid_nfs, NULL, NULL},
    {"iscsi", {"targetPortal"}, valid_iscsi_source, NULL, NULL},
    {"glusterfs", {"endpoints", "path"}, valid_glusterfs, NULL, NULL},
    {"flocker", {0}, valid_flocker_source, NULL, NULL},
    {"persistentVolumeClaim", {"claimName"}, NULL, NULL, NULL},
    {"rbd", {"monitors", "image"}, NULL, NULL, NULL},
    {"cinder", {"volumeID", "secretRef"}, NULL, NULL, NULL},
    {"cephfs", {"monitors"}, NULL, NULL, "cephFS"},
    {"quobyte", {0}, valid_quobyte_source, NULL, NULL},
    {"downwardAPI", {0}, valid_downward_source, NULL, "downwarAPI"},
    {"fc", {0}, valid_fc_source, NULL, NULL},
    {"flexVolume", {"driver"}, valid_flex_source, NULL, NULL},
    {"configMap", {0}, valid_config_map_source, NULL, NULL},
    {"azureFile", {"secretName", "shareName"}, valid_azure_file, NULL, NULL},
    {"vsphereVolume", {"volumePath"}, NULL, NULL, NULL},
    {"photonPersistentDisk", {"pdID"}, NULL, NULL, NULL},
    {"portworxVolume", {"volumeID"}, NULL, NULL, NULL},
    {"azureDisk", {"diskName", "diskURI"}, valid_azure_disk_source, NULL, NULL},
    {"storageos", {"secretRef"}, valid_storageos_source, NULL, NULL},
    {"projected", {0}, valid_projected_source, NULL, NULL},
    {"scaleIO", {"gateway", "system", "volumeName"}, NULL, NULL, NULL},
    {"local", {"path"}, valid_local, NULL, NULL},
    {"csi", {0}, valid_csi, NULL, NULL},
    {"ephemeral", {0}, valid_ephemeral, NULL, NULL},
    {"image", {0}, valid_image, NULL, NULL},
};

/* A field that must be there. A secret may be left out, but is then not to be half named. */
static void valid_need(struct field_errors *e, const struct path *at, const struct type *t,
                       const void *source, struct str need)
{
    struct path field = path_child(at, need);
    const struct field *f = type_field(t, need, &(uint32_t){0});
    if (f->kind != VALUE_STRUCT) {
        if (field_is_zero(f, field_at(f, source)))
            field_required(e, &field, "%s", "");
        return;
    }
    const void *secret = layout_optional(f, source);
    for (size_t i = 0; secret && i < f->type->n_fields; i++) {
        struct path part = path_child(&field, f->type->fields[i].name);
        if (field_is_zero(&f->type->fields[i], field_at(&f->type->fields[i], secret)))
            field_required(e, &part, "%s", "");
    }
}

static void valid_source(struct field_errors *e, const struct path *at, const struct type *t,
                         const void *source, size_t i, const struct volume_scope *scope)
{
    struct path inside = path_child(at, str_from(sources[i].inside ? sources[i].inside : sources[i].name));
    for (size_t k = 0; k < ARRAY_LEN(sources[i].needs) && sources[i].needs[k]; k++)
        valid_need(e, &inside, t, source, str_from(sources[i].needs[k]));
    if (sources[i].valid)
        sources[i].valid(e, &inside, source, scope);
}

/* An optional field that is there. */
struct set_field {
    const struct field *field;
    const void *value;
};
enum { SOURCES_MOST = 64 };

static size_t set_fields(const struct type *t, const void *holder, struct set_field out[SOURCES_MOST])
{
    size_t n = 0;
    uint32_t base;
    const struct field *f;
    for (unsigned i = 0; n < SOURCES_MOST && (f = type_field_at(t, i, &base)); i++)
        if (f->shape == SHAPE_OPTIONAL && layout_optional(f, (const char *)holder + base))
            out[n++] = (struct set_field){f, layout_optional(f, (const char *)holder + base)};
    return n;
}

static const struct set_field *find_set(const struct set_field *set, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(set[i].field->name, name))
            return &set[i];
    return NULL;
}

void valid_volume_source(struct field_errors *e, const struct path *at, const struct type *t,
                         const void *holder, const struct volume_scope *scope)
{
    /* Of the many there are, mostly one is set: the others' names need not be looked for. */
    struct set_field set[SOURCES_MOST];
    size_t n = set_fields(t, holder, set);
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        const struct set_field *source = find_set(set, n, str_from(sources[i].name));
        if (!source)
            continue;
        struct path second =
            path_child(at, str_from(sources[i].second ? sources[i].second : sources[i].name));
        if (any)
            field_forbidden(e, &second, "may not specify more than 1 volume type");
        else
            valid_source(e, at, source->field->type, source->value, i, scope);
        any = true;
    }
    if (!any)
        field_required(e, at, "must specify a volume type");
}

/* Whether a volume of this pod gets a claim of that name made for it. */
static bool makes_claim(const struct volume_vec *volumes, const struct object_meta *meta, struct str claim)
{
    each (*volumes, i) {
        struct str name = volumes->at[i].name;
        if (volumes->at[i].ephemeral && claim.n == meta->name.n + 1 + name.n &&
            str_starts(claim, meta->name) && claim.p[meta->name.n] == '-' && str_ends(claim, name))
            return true;
    }
    return false;
}

void valid_volumes(struct field_errors *e, const struct path *at, const struct volume_vec *volumes,
                   const struct object_meta *meta, struct map *sound)
{
    each (*volumes, i) {
        const struct volume *v = &volumes->at[i];
        const struct path *item = PATH_AT(at, i);
        size_t before = e->n;
        valid_volume_source(e, item, &volume_type, v, &(struct volume_scope){v->name, meta, false});
        valid_label_name(e, PATH(item, "name"), v->name);
        if (map_get(sound, v->name))
            field_duplicate(e, PATH(item, "name"), v->name);
        if (e->n == before)
            map_put(sound, v->name, (void *)v);
        if (v->persistent_volume_claim && meta && meta->name.n &&
            makes_claim(volumes, meta, v->persistent_volume_claim->claim_name))
            field_invalid(e, PATH(PATH(item, "persistentVolumeClaim"), "claimName"),
                          v->persistent_volume_claim->claim_name,
                          "must not reference a PVC that gets created for an ephemeral volume");
    }
}
