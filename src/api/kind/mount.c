/* Volumes in containers: mounts and devices (ValidateVolumeMounts, ValidateVolumeDevices). */
#include "api/kind/container.h"

static void valid_propagation(struct field_errors *e, const struct path *at, struct str mode,
                              const struct container *c)
{
    bool privileged =
        c->security_context && c->security_context->privileged && *c->security_context->privileged;
    valid_supported(e, at, mode,
                    (const struct str[]){STR("Bidirectional"), STR("HostToContainer"), STR("None")}, 3);
    if (str_is(mode, "Bidirectional") && !privileged)
        field_forbidden(e, at, "Bidirectional mount propagation is available only to privileged containers");
}

static void valid_recursive(struct field_errors *e, const struct path *at, const struct volume_mount *m)
{
    struct str mode = *m->recursive_read_only;
    if (str_is(mode, "Disabled"))
        return;
    if (!str_is(mode, "Enabled") && !str_is(mode, "IfPossible")) {
        field_not_supported(e, at, mode,
                            (const struct str[]){STR("Disabled"), STR("Enabled"), STR("IfPossible")}, 3);
        return;
    }
    if (!m->read_only)
        field_forbidden(e, at, "may only be specified when readOnly is true");
    if (m->mount_propagation && !str_is(*m->mount_propagation, "None"))
        field_forbidden(e, at, "may only be specified when mountPropagation is None or not specified");
}

/* Of what a mount says more, upstream names the field of the list, not of its item. */
static void valid_mount_options(struct field_errors *e, const struct path *at, const struct path *item,
                                const struct volume_mount *m, const struct container *c)
{
    valid_relative_path(e, PATH(at, "subPath"), m->sub_path);
    if (m->sub_path_expr.n && m->sub_path.n)
        field_invalid(e, PATH(item, "subPathExpr"), m->sub_path_expr,
                      "subPathExpr and subPath are mutually exclusive");
    valid_relative_path(e, PATH(at, "subPathExpr"), m->sub_path_expr);
    if (m->mount_propagation)
        valid_propagation(e, PATH(at, "mountPropagation"), *m->mount_propagation, c);
    if (m->recursive_read_only)
        valid_recursive(e, PATH(at, "recursiveReadOnly"), m);
}

static void valid_mounts(struct field_errors *e, const struct path *at, const struct container *c,
                         const struct container_scope *scope)
{
    _cleanup_map_ struct map paths = {0}, devices = {0}, device_paths = {0};
    each (c->volume_devices, i) {
        map_put(&devices, c->volume_devices.at[i].name, (void *)c);
        map_put(&device_paths, c->volume_devices.at[i].device_path, (void *)c);
    }
    each (c->volume_mounts, i) {
        const struct volume_mount *m = &c->volume_mounts.at[i];
        const struct path *item = PATH_AT(at, i);
        valid_required(e, PATH(item, "name"), m->name);
        if (!map_get(scope->volumes, m->name))
            field_not_found(e, PATH(item, "name"), m->name);
        valid_required(e, PATH(item, "mountPath"), m->mount_path);
        if (map_put(&paths, m->mount_path, (void *)m))
            field_invalid(e, PATH(item, "mountPath"), m->mount_path, "must be unique");
        if (map_get(&devices, m->name))
            field_invalid(e, PATH(item, "name"), m->name, "must not already exist in volumeDevices");
        if (map_get(&device_paths, m->mount_path))
            field_invalid(e, PATH(item, "mountPath"), m->mount_path,
                          "must not already exist as a path in volumeDevices");
        valid_mount_options(e, at, item, m, c);
    }
}

static bool has_backsteps(struct str path)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    valid_no_backsteps(&e, NULL, path);
    return e.n;
}

static void valid_devices(struct field_errors *e, const struct path *at, const struct container *c,
                          const struct container_scope *scope)
{
    _cleanup_map_ struct map paths = {0}, names = {0}, mounts = {0}, mount_paths = {0};
    each (c->volume_mounts, i) {
        map_put(&mounts, c->volume_mounts.at[i].name, (void *)c);
        map_put(&mount_paths, c->volume_mounts.at[i].mount_path, (void *)c);
    }
    each (c->volume_devices, i) {
        const struct volume_device *d = &c->volume_devices.at[i];
        const struct path *name = PATH(PATH_AT(at, i), "name"), *path = PATH(PATH_AT(at, i), "devicePath");
        const struct volume *v = map_get(scope->volumes, d->name);
        valid_required(e, name, d->name);
        if (d->name.n && map_put(&names, d->name, (void *)d))
            field_invalid(e, name, d->name, "must be unique");
        if (v && !v->persistent_volume_claim && !v->ephemeral)
            field_invalid(
                e, name, d->name,
                "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
        if (!v)
            field_not_found(e, name, d->name);
        valid_required(e, path, d->device_path);
        if (map_get(&paths, d->device_path))
            field_invalid(e, path, d->device_path, "must be unique");
        if (has_backsteps(d->device_path))
            field_invalid(e, path, d->device_path, "can not contain backsteps ('..')");
        else
            map_put(&paths, d->device_path, (void *)d);
        if (map_get(&mounts, d->name))
            field_invalid(e, name, d->name, "must not already exist in volumeMounts");
        if (map_get(&mount_paths, d->device_path))
            field_invalid(e, path, d->device_path, "must not already exist as a path in volumeMounts");
    }
}

void valid_container_volumes(struct field_errors *e, const struct path *at, const struct container *c,
                             const struct container_scope *scope)
{
    valid_mounts(e, PATH(at, "volumeMounts"), c, scope);
    valid_devices(e, PATH(at, "volumeDevices"), c, scope);
}
