#include "api/kind/container.h"

static const struct str env_fields[] = {
    STR_INIT("metadata.name"),
    STR_INIT("metadata.namespace"),
    STR_INIT("metadata.uid"),
    STR_INIT("spec.nodeName"),
    STR_INIT("spec.serviceAccountName"),
    STR_INIT("status.hostIP"),
    STR_INIT("status.hostIPs"),
    STR_INIT("status.podIP"),
    STR_INIT("status.podIPs"),
};
static const struct str file_fields[] = {
    STR_INIT("metadata.annotations"), STR_INIT("metadata.labels"), STR_INIT("metadata.name"),
    STR_INIT("metadata.namespace"),   STR_INIT("metadata.uid"),
};

static bool one_of(struct str v, const struct str *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(v, values[i]))
            return true;
    return false;
}

/* "metadata.labels['app']": the map's path and the key. */
static bool split_subscript(struct str path, struct str *map, struct str *key)
{
    ptrdiff_t open = str_find(path, STR("['"));
    if (open < 0 || !str_ends(path, STR("']")))
        return false;
    *map = str_slice(path.p, (size_t)open);
    *key = str_slice(path.p + open + 2, path.n - (size_t)open - 4);
    return true;
}

void valid_field_selector(struct field_errors *e, const struct path *at,
                          const struct object_field_selector *s, bool as_file)
{
    const struct path *field = PATH(at, "fieldPath");
    struct str map, key;
    if (!s->api_version.n)
        field_required(e, PATH(at, "apiVersion"), "%s", "");
    else if (!s->field_path.n)
        field_required(e, field, "%s", "");
    else if (split_subscript(s->field_path, &map, &key)) {
        if (str_is(map, "metadata.annotations") || str_is(map, "metadata.labels"))
            valid_qualified(e, field, key);
        else
            field_invalid(e, field, s->field_path, "does not support subscript");
    } else if (!one_of(s->field_path, env_fields, ARRAY_LEN(env_fields)) &&
               !one_of(s->field_path, file_fields, ARRAY_LEN(file_fields)) &&
               !one_of(s->field_path,
                       (const struct str[]){STR("spec.restartPolicy"), STR("spec.schedulerName"),
                                            STR("status.phase"), STR("status.nominatedNodeName"),
                                            STR("spec.hostNetwork")},
                       5))
        field_invalid(e, field, s->field_path,
                      "error converting fieldPath: field label not supported: " STR_FMT,
                      STR_ARG(s->field_path));
    else
        valid_one_of(e, field, s->field_path, as_file ? file_fields : env_fields,
                     as_file ? ARRAY_LEN(file_fields) : ARRAY_LEN(env_fields), true);
}

void valid_resource_field(struct field_errors *e, const struct path *at,
                          const struct resource_field_selector *s, bool as_file)
{
    if (as_file && !s->container_name.n)
        field_required(e, PATH(at, "containerName"), "%s", "");
    if (!s->resource.n)
        field_required(e, PATH(at, "resource"), "%s", "");
    else if (!str_starts(s->resource, STR("limits.hugepages-")) &&
             !str_starts(s->resource, STR("requests.hugepages-")))
        VALID_ONE_OF(e, PATH(at, "resource"), s->resource, true, STR("limits.cpu"),
                     STR("limits.ephemeral-storage"), STR("limits.memory"), STR("requests.cpu"),
                     STR("requests.ephemeral-storage"), STR("requests.memory"));
}

static void valid_key_ref(struct field_errors *e, const struct path *at, struct str name, struct str key)
{
    if (!name.n)
        field_required(e, PATH(at, "name"), "%s", "");
    valid_format(e, PATH(at, "key"), FORMAT_CONFIG_MAP_KEY, key);
}

static void valid_env_source(struct field_errors *e, const struct path *at, const struct env_var *v)
{
    const struct env_var_source *s = v->value_from;
    int n = 0;
    if (s->field_ref && ++n)
        valid_field_selector(e, PATH(at, "fieldRef"), s->field_ref, false);
    if (s->resource_field_ref && ++n)
        valid_resource_field(e, PATH(at, "resourceFieldRef"), s->resource_field_ref, false);
    if (s->config_map_key_ref && ++n)
        valid_key_ref(e, PATH(at, "configMapKeyRef"), s->config_map_key_ref->name,
                      s->config_map_key_ref->key);
    if (s->secret_key_ref && ++n)
        valid_key_ref(e, PATH(at, "secretKeyRef"), s->secret_key_ref->name, s->secret_key_ref->key);
    if (s->file_key_ref && ++n) {
        valid_required(e, PATH(PATH(at, "fileKeyRef"), "volumeName"), s->file_key_ref->volume_name);
        valid_required(e, PATH(PATH(at, "fileKeyRef"), "path"), s->file_key_ref->path);
        valid_required(e, PATH(PATH(at, "fileKeyRef"), "key"), s->file_key_ref->key);
    }
    if (n == 0)
        field_invalid(
            e, at, STR(""),
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
            "`fileKeyRef`");
    if (v->value.n && n)
        field_invalid(e, at, STR(""), "may not be specified when `value` is not empty");
    else if (n > 1)
        field_invalid(e, at, STR(""), "may not have more than one field specified at a time");
}

static void valid_env_from(struct field_errors *e, const struct path *at, const struct env_from_source *s)
{
    int n = 0;
    if (s->prefix.n)
        format_validate(e, PATH(at, "prefix"), FORMAT_ENV_NAME_RELAXED, s->prefix);
    if (s->config_map_ref && ++n)
        valid_required(e, PATH(PATH(at, "configMapRef"), "name"), s->config_map_ref->name);
    if (s->secret_ref && ++n)
        valid_required(e, PATH(PATH(at, "secretRef"), "name"), s->secret_ref->name);
    if (n == 0)
        field_invalid(e, at, STR(""), "must specify one of: `configMapRef` or `secretRef`");
    else if (n > 1)
        field_invalid(e, at, STR(""), "may not have more than one field specified at a time");
}

void valid_container_env(struct field_errors *e, const struct path *at, const struct container *c)
{
    each (c->env, i) {
        const struct env_var *v = &c->env.at[i];
        const struct path *item = PATH_AT(PATH(at, "env"), i);
        valid_format(e, PATH(item, "name"), FORMAT_ENV_NAME_RELAXED, v->name);
        if (v->value_from)
            valid_env_source(e, PATH(item, "valueFrom"), v);
    }
    each (c->env_from, i)
        valid_env_from(e, PATH_AT(PATH(at, "envFrom"), i), &c->env_from.at[i]);
}
