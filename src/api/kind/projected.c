/* Volumes whose files the API provides: secrets, config maps, fields of the pod, tokens
 * (validateProjectionSources and what it calls). */
#include "api/kind/container.h"
#include "api/kind/volume_source.h"

void valid_mode(struct field_errors *e, const struct path *at, const int32_t *mode)
{
    if (mode && (*mode < 0 || *mode > 0777))
        field_invalid_int(e, at, *mode, "must be a number between 0 and 0777 (octal), both inclusive");
}

/* A file inside a volume: relative, without "..", and not a name that the volume's own bookkeeping uses. */
static void valid_file_path(struct field_errors *e, const struct path *at, struct str v)
{
    valid_relative_path(e, at, v);
    if (str_starts(v, STR("..")) && !str_starts(v, STR("../")))
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

/* Upstream names the source, not the item. */
static void valid_downward_file(struct field_errors *e, const struct path *at,
                                const struct downward_api_volume_file *f)
{
    valid_required(e, PATH(at, "path"), f->path);
    valid_file_path(e, PATH(at, "path"), f->path);
    if (f->field_ref) {
        valid_field_selector(e, PATH(at, "fieldRef"), f->field_ref, true);
        if (f->resource_field_ref)
            field_invalid(e, at, STR("resource"),
                          "fieldRef and resourceFieldRef can not be specified simultaneously");
    } else if (f->resource_field_ref)
        valid_resource_field(e, PATH(at, "resourceFieldRef"), f->resource_field_ref, true);
    else
        field_required(e, at, "one of fieldRef and resourceFieldRef is required");
    valid_mode(e, PATH(at, "mode"), f->mode);
}

void valid_secret_source(struct field_errors *e, const struct path *at, const void *source,
                         const struct volume_scope *scope)
{
    const struct secret_volume_source *s = source;
    (void)scope;
    valid_required(e, PATH(at, "secretName"), s->secret_name);
    valid_mode(e, PATH(at, "defaultMode"), s->default_mode);
    valid_items(e, PATH(at, "items"), &s->items);
}

void valid_config_map_source(struct field_errors *e, const struct path *at, const void *source,
                             const struct volume_scope *scope)
{
    const struct config_map_volume_source *s = source;
    (void)scope;
    valid_required(e, PATH(at, "name"), s->name);
    valid_mode(e, PATH(at, "defaultMode"), s->default_mode);
    valid_items(e, PATH(at, "items"), &s->items);
}

void valid_downward_source(struct field_errors *e, const struct path *at, const void *source,
                           const struct volume_scope *scope)
{
    const struct downward_api_volume_source *s = source;
    (void)scope;
    valid_mode(e, PATH(at, "defaultMode"), s->default_mode);
    each (s->items, i)
        valid_downward_file(e, at, &s->items.at[i]);
}

/* --- projections --- */

/* No two sources may write the same file; `shown` is what upstream complains of. */
static void claim_path(struct field_errors *e, const struct path *at, struct map *paths, struct str path,
                       struct str shown)
{
    if (path.n && map_put(paths, path, paths))
        field_invalid(e, at, shown, "conflicting duplicate paths");
}

static void valid_projected_items(struct field_errors *e, const struct path *at, const struct path *source,
                                  struct str name, const struct key_to_path_vec *items, struct map *paths)
{
    valid_required(e, PATH(source, "name"), name);
    valid_items(e, PATH(source, "items"), items);
    each (*items, i)
        claim_path(e, at, paths, items->at[i].path, name);
}

static void valid_token(struct field_errors *e, const struct path *at, const struct path *source,
                        const struct service_account_token_projection *t)
{
    const struct path *seconds = PATH(source, "expirationSeconds");
    if (t->expiration_seconds && *t->expiration_seconds < 600)
        field_invalid_int(e, seconds, *t->expiration_seconds,
                          "may not specify a duration less than 10 minutes");
    if (t->expiration_seconds && *t->expiration_seconds > INT64_C(1) << 32)
        field_invalid_int(e, seconds, *t->expiration_seconds,
                          "may not specify a duration larger than 2^32 seconds");
    valid_required(e, PATH(at, "path"), t->path);
    valid_file_path(e, PATH(at, "path"), t->path);
}

static void valid_projection(struct field_errors *e, const struct path *at, const struct path *source,
                             const struct volume_projection *p, struct map *paths)
{
    int n = 0;
    if (p->secret && ++n)
        valid_projected_items(e, at, PATH(source, "secret"), p->secret->name, &p->secret->items, paths);
    if (p->config_map && ++n)
        valid_projected_items(e, at, PATH(source, "configMap"), p->config_map->name, &p->config_map->items,
                              paths);
    if (p->downward_api && ++n)
        each (p->downward_api->items, i) {
            struct str path = p->downward_api->items.at[i].path;
            valid_downward_file(e, PATH(source, "downwardAPI"), &p->downward_api->items.at[i]);
            claim_path(e, at, paths, path, path);
        }
    if (p->service_account_token && ++n)
        valid_token(e, at, PATH(source, "serviceAccountToken"), p->service_account_token);
    if (n > 1)
        field_forbidden(e, source, "may not specify more than 1 volume type per source");
}

void valid_projected_source(struct field_errors *e, const struct path *at, const void *source,
                            const struct volume_scope *scope)
{
    const struct projected_volume_source *p = source;
    _cleanup_map_ struct map paths = {0};
    (void)scope;
    valid_mode(e, PATH(at, "defaultMode"), p->default_mode);
    each (p->sources, i)
        valid_projection(e, at, PATH_AT(PATH(at, "sources"), i), &p->sources.at[i], &paths);
}
