/* The environment of containers, and the fields that it and files may show (ValidateEnv). */
#include "api/kind/container.h"
#include "schema/quantity.h"

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

static bool names_huge_pages(struct str resource)
{
    return str_starts(resource, STR("limits.hugepages-")) || str_starts(resource, STR("requests.hugepages-"));
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
        if (str_is(map, "metadata.annotations"))
            format_validate(e, at, FORMAT_ANNOTATION_KEY, key);
        else if (str_is(map, "metadata.labels"))
            valid_qualified(e, at, key);
        else
            field_invalid(e, at, map, "does not support subscript");
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

/* In which units a resource may be counted. */
static void valid_divisor(struct field_errors *e, const struct path *at,
                          const struct resource_field_selector *s)
{
    static const struct {
        const char *suffix, *what;
    } bytes[] = {{".memory", "memory"}, {".ephemeral-storage", "local ephemeral storage"}};
    static const struct str units[] = {STR_INIT("1"),   STR_INIT("1k"),  STR_INIT("1M"),  STR_INIT("1G"),
                                       STR_INIT("1T"),  STR_INIT("1P"),  STR_INIT("1E"),  STR_INIT("1Ki"),
                                       STR_INIT("1Mi"), STR_INIT("1Gi"), STR_INIT("1Ti"), STR_INIT("1Pi"),
                                       STR_INIT("1Ei")};
    const char *what = names_huge_pages(s->resource) ? "hugepages" : NULL;
    if (quantity_sign(quantity_of(s->divisor)) == 0)
        return;
    if (str_ends(s->resource, STR(".cpu")) && !str_is(s->divisor, "1") && !str_is(s->divisor, "1m"))
        field_invalid(e, PATH(at, "divisor"), s->resource,
                      "only divisor's values 1m and 1 are supported with the cpu resource");
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
        if (str_ends(s->resource, str_from(bytes[i].suffix)))
            what = bytes[i].what;
    if (what && !one_of(s->divisor, units, ARRAY_LEN(units)))
        field_invalid(e, PATH(at, "divisor"), s->resource,
                      "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are "
                      "supported with the %s resource",
                      what);
}

void valid_resource_field(struct field_errors *e, const struct path *at,
                          const struct resource_field_selector *s, bool as_file)
{
    if (as_file && !s->container_name.n)
        field_required(e, PATH(at, "containerName"), "%s", "");
    else if (!s->resource.n)
        field_required(e, PATH(at, "resource"), "%s", "");
    else if (!names_huge_pages(s->resource))
        VALID_ONE_OF(e, PATH(at, "resource"), s->resource, true, STR("limits.cpu"),
                     STR("limits.ephemeral-storage"), STR("limits.memory"), STR("requests.cpu"),
                     STR("requests.ephemeral-storage"), STR("requests.memory"));
    valid_divisor(e, at, s);
}

static void valid_key_ref(struct field_errors *e, const struct path *at, struct str name, struct str key)
{
    format_validate(e, PATH(at, "name"), FORMAT_DNS1123_SUBDOMAIN, name);
    valid_format(e, PATH(at, "key"), FORMAT_CONFIG_MAP_KEY, key);
}

static void valid_file_ref(struct field_errors *e, const struct path *at, const struct file_key_selector *s)
{
    valid_format(e, PATH(at, "key"), FORMAT_ENV_NAME_RELAXED, s->key);
    valid_label_name(e, PATH(at, "volumeName"), s->volume_name);
    valid_required(e, PATH(at, "path"), s->path);
    valid_no_backsteps(e, PATH(at, "path"), s->path);
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
    if (s->file_key_ref && ++n)
        valid_file_ref(e, PATH(at, "fileKeyRef"), s->file_key_ref);
    if (n == 0)
        field_invalid(e, at, STR(""),
                      "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
                      "`secretKeyRef` or `fileKeyRef`");
    else if (v->value.n)
        field_invalid(e, at, STR(""), "may not be specified when `value` is not empty");
    else if (n > 1)
        field_invalid(e, at, STR(""), "may not have more than one field specified at a time");
}

static void valid_env_from(struct field_errors *e, const struct path *list, size_t i,
                           const struct env_from_source *s)
{
    const struct path *at = PATH_AT(list, i);
    int n = 0;
    if (s->prefix.n)
        format_validate(e, PATH(at, "prefix"), FORMAT_ENV_NAME_RELAXED, s->prefix);
    if (s->config_map_ref && ++n)
        valid_subdomain(e, PATH(PATH(at, "configMapRef"), "name"), s->config_map_ref->name);
    if (s->secret_ref && ++n)
        valid_subdomain(e, PATH(PATH(at, "secretRef"), "name"), s->secret_ref->name);
    if (n == 0)
        field_invalid(e, list, STR(""), "must specify one of: `configMapRef` or `secretRef`");
    else if (n > 1)
        field_invalid(e, list, STR(""), "may not have more than one field specified at a time");
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
        valid_env_from(e, PATH(at, "envFrom"), i, &c->env_from.at[i]);
}

/* --- files of variables: in volumes that the pod itself writes --- */

struct env_files {
    struct field_errors *e;
    const struct pod_spec *pod;
};

static void visit_env_files(const struct container *c, const struct path *at, void *arg)
{
    const struct env_files *f = arg;
    each (c->env, i) {
        if (!c->env.at[i].value_from || !c->env.at[i].value_from->file_key_ref)
            continue;
        struct str name = c->env.at[i].value_from->file_key_ref->volume_name;
        const struct path *source = PATH(PATH_AT(PATH(at, "env"), i), "valueFrom"),
                          *field = PATH(PATH(source, "fileKeyRef"), "volumeName");
        const struct volume *found = NULL;
        each (f->pod->volumes, k)
            if (str_eq(f->pod->volumes.at[k].name, name))
                found = &f->pod->volumes.at[k];
        if (!found)
            field_not_found(f->e, field, name);
        else if (!found->empty_dir)
            field_invalid(f->e, field, name, "referenced volume must be of type emptyDir");
    }
}

void valid_env_files(struct field_errors *e, const struct path *spec, const struct pod_spec *pod)
{
    containers_visit(pod, spec, visit_env_files, &(struct env_files){e, pod});
}
