#include "api/kind/container.h"

#include "base/map.h"

static void valid_mode(struct field_errors *e, const struct path *at, const int32_t *mode)
{
    if (mode && (*mode < 0 || *mode > 0777))
        field_invalid_int(e, at, *mode, "must be a number between 0 and 0777 (octal), both inclusive");
}

/* A file inside a volume: relative, without "..", and not a name that the volume's own bookkeeping uses. */
static void valid_file_path(struct field_errors *e, const struct path *at, struct str v)
{
    valid_relative_path(e, at, v);
    if (str_starts(v, STR("..")) && !str_is(v, "..") && !str_starts(v, STR("../")))
        field_invalid(e, at, v, "must not start with '..'");
}

static void valid_items(struct field_errors *e, const struct path *at, const struct key_to_path_vec *items)
{
    each (*items, i) {
        const struct key_to_path *k = &items->at[i];
        const struct path *item = PATH_AT(at, i);
        valid_required(e, PATH(item, "key"), k->key);
        valid_required(e, PATH(item, "path"), k->path);
        valid_file_path(e, PATH(item, "path"), k->path);
        valid_mode(e, PATH(item, "mode"), k->mode);
    }
}

static void valid_downward_items(struct field_errors *e, const struct path *at,
                                 const struct downward_api_volume_file_vec *items)
{
    each (*items, i) {
        const struct downward_api_volume_file *f = &items->at[i];
        const struct path *item = PATH_AT(at, i);
        valid_required(e, PATH(item, "path"), f->path);
        valid_file_path(e, PATH(item, "path"), f->path);
        if (f->field_ref) {
            valid_field_selector(e, PATH(item, "fieldRef"), f->field_ref, true);
            if (f->resource_field_ref)
                field_invalid(e, item, STR("resource"),
                              "fieldRef and resourceFieldRef can not be specified simultaneously");
        } else if (f->resource_field_ref)
            valid_resource_field(e, PATH(item, "resourceFieldRef"), f->resource_field_ref, true);
        else
            field_required(e, item, "one of fieldRef and resourceFieldRef is required");
        valid_mode(e, PATH(item, "mode"), f->mode);
    }
}

static void valid_service_account_token(struct field_errors *e, const struct path *at,
                                        const struct service_account_token_projection *t)
{
    if (t->expiration_seconds && *t->expiration_seconds < 600)
        field_invalid_int(e, PATH(at, "expirationSeconds"), *t->expiration_seconds,
                          "may not specify a duration less than 10 minutes");
    if (t->expiration_seconds && *t->expiration_seconds > INT64_C(1) << 32)
        field_invalid_int(e, PATH(at, "expirationSeconds"), *t->expiration_seconds,
                          "may not specify a duration larger than 2^32 seconds");
    valid_required(e, PATH(at, "path"), t->path);
    valid_file_path(e, PATH(at, "path"), t->path);
}

static void valid_projection(struct field_errors *e, const struct path *at, const struct volume_projection *p)
{
    int n = 0;
    if (p->secret && ++n) {
        valid_required(e, PATH(PATH(at, "secret"), "name"), p->secret->name);
        valid_items(e, PATH(PATH(at, "secret"), "items"), &p->secret->items);
    }
    if (p->config_map && ++n) {
        valid_required(e, PATH(PATH(at, "configMap"), "name"), p->config_map->name);
        valid_items(e, PATH(PATH(at, "configMap"), "items"), &p->config_map->items);
    }
    if (p->downward_api && ++n)
        valid_downward_items(e, PATH(at, "downwardAPI"), &p->downward_api->items);
    if (p->service_account_token && ++n)
        valid_service_account_token(e, PATH(at, "serviceAccountToken"), p->service_account_token);
    if (p->cluster_trust_bundle && ++n) {
        const struct path *bundle = PATH(at, "clusterTrustBundle");
        if (!p->cluster_trust_bundle->name == !p->cluster_trust_bundle->signer_name)
            field_required(e, bundle, "either name or signerName must be specified");
        valid_required(e, PATH(bundle, "path"), p->cluster_trust_bundle->path);
        valid_file_path(e, PATH(bundle, "path"), p->cluster_trust_bundle->path);
    }
    if (p->pod_certificate && ++n)
        valid_required(e, PATH(PATH(at, "podCertificate"), "signerName"), p->pod_certificate->signer_name);
    if (n > 1)
        field_forbidden(e, at, "may not specify more than 1 volume type per source");
}

/* No two of a projected volume's sources may write the same file. */
static void projection_claim(struct field_errors *e, const struct path *at, struct map *paths,
                             struct str path)
{
    if (path.n && map_put(paths, path, paths))
        field_invalid(e, at, path, "conflicting duplicate paths");
}

static void valid_projected(struct field_errors *e, const struct path *at,
                            const struct projected_volume_source *p)
{
    _cleanup_map_ struct map paths = {0};
    valid_mode(e, PATH(at, "defaultMode"), p->default_mode);
    each (p->sources, i) {
        const struct volume_projection *s = &p->sources.at[i];
        const struct path *item = PATH_AT(PATH(at, "sources"), i);
        valid_projection(e, item, s);
        if (s->secret)
            each (s->secret->items, k)
                projection_claim(e, item, &paths, s->secret->items.at[k].path);
        if (s->config_map)
            each (s->config_map->items, k)
                projection_claim(e, item, &paths, s->config_map->items.at[k].path);
        if (s->downward_api)
            each (s->downward_api->items, k)
                projection_claim(e, item, &paths, s->downward_api->items.at[k].path);
        if (s->service_account_token)
            projection_claim(e, item, &paths, s->service_account_token->path);
    }
}

static void valid_host_path(struct field_errors *e, const struct path *at,
                            const struct host_path_volume_source *h)
{
    valid_required(e, PATH(at, "path"), h->path);
    valid_no_backsteps(e, PATH(at, "path"), h->path);
    if (h->type && h->type->n)
        VALID_ONE_OF(e, PATH(at, "type"), *h->type, false, STR(""), STR("BlockDevice"), STR("CharDevice"),
                     STR("Directory"), STR("DirectoryOrCreate"), STR("File"), STR("FileOrCreate"),
                     STR("Socket"));
}

static void valid_absolute(struct field_errors *e, const struct path *at, struct str v)
{
    valid_required(e, at, v);
    if (v.n && v.p[0] != '/')
        field_invalid(e, at, v, "must be an absolute path");
}

static bool volume_is_second(struct field_errors *e, const struct path *at, int *n)
{
    if ((*n)++ == 0)
        return false;
    field_forbidden(e, at, "may not specify more than 1 volume type");
    return true;
}

/* The common sources have rules of their own; those of old in-tree drivers only need their first field. */
static int valid_common_sources(struct field_errors *e, const struct path *at, const struct volume *v)
{
    int n = 0;
    if (v->empty_dir && !volume_is_second(e, PATH(at, "emptyDir"), &n) && v->empty_dir->size_limit &&
        str_starts(*v->empty_dir->size_limit, STR("-")))
        field_forbidden(e, PATH(PATH(at, "emptyDir"), "sizeLimit"),
                        "SizeLimit field must be a valid resource quantity");
    if (v->host_path && !volume_is_second(e, PATH(at, "hostPath"), &n))
        valid_host_path(e, PATH(at, "hostPath"), v->host_path);
    if (v->secret && !volume_is_second(e, PATH(at, "secret"), &n)) {
        valid_required(e, PATH(PATH(at, "secret"), "secretName"), v->secret->secret_name);
        valid_mode(e, PATH(PATH(at, "secret"), "defaultMode"), v->secret->default_mode);
        valid_items(e, PATH(PATH(at, "secret"), "items"), &v->secret->items);
    }
    if (v->config_map && !volume_is_second(e, PATH(at, "configMap"), &n)) {
        valid_required(e, PATH(PATH(at, "configMap"), "name"), v->config_map->name);
        valid_mode(e, PATH(PATH(at, "configMap"), "defaultMode"), v->config_map->default_mode);
        valid_items(e, PATH(PATH(at, "configMap"), "items"), &v->config_map->items);
    }
    if (v->downward_api && !volume_is_second(e, PATH(at, "downwarAPI"), &n)) { /* upstream's own spelling */
        valid_mode(e, PATH(PATH(at, "downwardAPI"), "defaultMode"), v->downward_api->default_mode);
        valid_downward_items(e, PATH(at, "downwardAPI"), &v->downward_api->items);
    }
    if (v->persistent_volume_claim && !volume_is_second(e, PATH(at, "persistentVolumeClaim"), &n))
        valid_required(e, PATH(PATH(at, "persistentVolumeClaim"), "claimName"),
                       v->persistent_volume_claim->claim_name);
    if (v->projected && !volume_is_second(e, PATH(at, "projected"), &n))
        valid_projected(e, PATH(at, "projected"), v->projected);
    if (v->csi && !volume_is_second(e, PATH(at, "csi"), &n))
        valid_required(e, PATH(PATH(at, "csi"), "driver"), v->csi->driver);
    if (v->ephemeral && !volume_is_second(e, PATH(at, "ephemeral"), &n) &&
        !v->ephemeral->volume_claim_template)
        field_required(e, PATH(PATH(at, "ephemeral"), "volumeClaimTemplate"), "%s", "");
    if (v->nfs && !volume_is_second(e, PATH(at, "nfs"), &n)) {
        valid_required(e, PATH(PATH(at, "nfs"), "server"), v->nfs->server);
        valid_absolute(e, PATH(PATH(at, "nfs"), "path"), v->nfs->path);
    }
    if (v->image && !volume_is_second(e, PATH(at, "image"), &n)) {
        valid_required(e, PATH(PATH(at, "image"), "reference"), v->image->reference);
        VALID_ONE_OF(e, PATH(PATH(at, "image"), "pullPolicy"), v->image->pull_policy, false, STR("Always"),
                     STR("IfNotPresent"), STR("Never"));
    }
    return n;
}

static int valid_driver_sources(struct field_errors *e, const struct path *at, const struct volume *v, int n)
{
#define SOURCE(field, json, need, need_json)                                                                 \
    if (v->field && !volume_is_second(e, PATH(at, json), &n))                                                \
    valid_required(e, PATH(PATH(at, json), need_json), v->field->need)
    SOURCE(git_repo, "gitRepo", repository, "repository");
    SOURCE(iscsi, "iscsi", target_portal, "targetPortal");
    SOURCE(gce_persistent_disk, "gcePersistentDisk", pd_name, "pdName");
    SOURCE(aws_elastic_block_store, "awsElasticBlockStore", volume_id, "volumeID");
    SOURCE(glusterfs, "glusterfs", endpoints, "endpoints");
    SOURCE(rbd, "rbd", image, "image");
    SOURCE(flex_volume, "flexVolume", driver, "driver");
    SOURCE(cinder, "cinder", volume_id, "volumeID");
    SOURCE(azure_file, "azureFile", secret_name, "secretName");
    SOURCE(vsphere_volume, "vsphereVolume", volume_path, "volumePath");
    SOURCE(quobyte, "quobyte", registry, "registry");
    SOURCE(azure_disk, "azureDisk", disk_name, "diskName");
    SOURCE(photon_persistent_disk, "photonPersistentDisk", pd_id, "pdID");
    SOURCE(portworx_volume, "portworxVolume", volume_id, "volumeID");
    SOURCE(scale_io, "scaleIO", gateway, "gateway");
#undef SOURCE
    const struct {
        const char *name;
        const void *set;
    } rest[] = {{"cephfs", v->cephfs}, {"flocker", v->flocker}, {"fc", v->fc}, {"storageos", v->storageos}};
    for (size_t i = 0; i < ARRAY_LEN(rest); i++) {
        struct path field = path_child(at, str_from(rest[i].name));
        if (rest[i].set)
            volume_is_second(e, &field, &n);
    }
    return n;
}

void valid_volumes(struct field_errors *e, const struct path *at, const struct volume_vec *volumes)
{
    _cleanup_map_ struct map names = {0};
    each (*volumes, i) {
        const struct volume *v = &volumes->at[i];
        const struct path *item = PATH_AT(at, i);
        int n = valid_common_sources(e, item, v);
        if (valid_driver_sources(e, item, v, n) == 0)
            field_required(e, item, "must specify a volume type");
        valid_label_name(e, PATH(item, "name"), v->name);
        if (v->name.n && map_put(&names, v->name, (void *)v))
            field_duplicate(e, PATH(item, "name"), v->name);
    }
}
