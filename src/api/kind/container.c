#include "api/kind/container.h"

#include "base/map.h"

static void valid_container_ports(struct field_errors *e, const struct path *at,
                                  const struct container_port_vec *ports, bool host_network)
{
    _cleanup_map_ struct map names = {0};
    each (*ports, i) {
        const struct container_port *p = &ports->at[i];
        const struct path *item = PATH_AT(at, i);
        if (p->name.n) {
            struct int_or_str name = {.is_str = true, .s = p->name};
            size_t before = e->n;
            valid_port_or_name(e, PATH(item, "name"), &name);
            if (e->n == before && map_put(&names, p->name, (void *)p))
                field_duplicate(e, PATH(item, "name"), p->name);
        }
        if (p->container_port == 0)
            field_required(e, PATH(item, "containerPort"), "%s", "");
        else
            valid_port(e, PATH(item, "containerPort"), p->container_port);
        if (p->host_port != 0)
            valid_port(e, PATH(item, "hostPort"), p->host_port);
        if (host_network && p->host_port != p->container_port)
            field_invalid_int(e, PATH(item, "containerPort"), p->container_port,
                              "must match `hostPort` when `hostNetwork` is true");
        VALID_ONE_OF(e, PATH(item, "protocol"), p->protocol, true, STR("SCTP"), STR("TCP"), STR("UDP"));
        if (p->host_ip.n)
            valid_ip(e, PATH(item, "hostIP"), p->host_ip);
    }
}

static const struct volume *volume_named(const struct pod_spec *pod, struct str name)
{
    each (pod->volumes, i)
        if (str_eq(pod->volumes.at[i].name, name))
            return &pod->volumes.at[i];
    return NULL;
}

static void valid_mounts(struct field_errors *e, const struct path *at, const struct container *c,
                         const struct pod_spec *pod, enum container_role role)
{
    bool privileged =
        c->security_context && c->security_context->privileged && *c->security_context->privileged;
    _cleanup_map_ struct map paths = {0};
    each (c->volume_mounts, i) {
        const struct volume_mount *m = &c->volume_mounts.at[i];
        const struct path *item = PATH_AT(at, i);
        if (!m->name.n)
            field_required(e, PATH(item, "name"), "%s", "");
        else if (!volume_named(pod, m->name))
            field_not_found(e, PATH(item, "name"), m->name);
        if (!m->mount_path.n)
            field_required(e, PATH(item, "mountPath"), "%s", "");
        else if (map_put(&paths, m->mount_path, (void *)m))
            field_invalid(e, PATH(item, "mountPath"), m->mount_path, "must be unique");
        if (m->sub_path.n) {
            if (role == CONTAINER_EPHEMERAL)
                field_forbidden(e, PATH(item, "subPath"), "cannot be set for an Ephemeral Container");
            valid_relative_path(e, PATH(item, "subPath"), m->sub_path);
        }
        if (m->sub_path_expr.n) {
            if (role == CONTAINER_EPHEMERAL)
                field_forbidden(e, PATH(item, "subPathExpr"), "cannot be set for an Ephemeral Container");
            if (m->sub_path.n)
                field_invalid(e, PATH(item, "subPathExpr"), m->sub_path_expr,
                              "subPathExpr and subPath are mutually exclusive");
            valid_relative_path(e, PATH(item, "subPathExpr"), m->sub_path_expr);
        }
        if (m->mount_propagation) {
            VALID_ONE_OF(e, PATH(item, "mountPropagation"), *m->mount_propagation, true, STR("Bidirectional"),
                         STR("HostToContainer"), STR("None"));
            if (str_is(*m->mount_propagation, "Bidirectional") && !privileged)
                field_forbidden(e, PATH(item, "mountPropagation"),
                                "Bidirectional mount propagation is available only to privileged containers");
        }
        if (m->recursive_read_only) {
            struct str mode = *m->recursive_read_only;
            VALID_ONE_OF(e, PATH(item, "recursiveReadOnly"), mode, true, STR("Disabled"), STR("Enabled"),
                         STR("IfPossible"));
            if (!m->read_only && !str_is(mode, "Disabled"))
                field_forbidden(e, PATH(item, "recursiveReadOnly"),
                                "may only be specified when readOnly is true");
            if (str_is(mode, "Enabled") && m->mount_propagation && !str_is(*m->mount_propagation, "None"))
                field_forbidden(e, PATH(item, "recursiveReadOnly"),
                                "may only be specified when mountPropagation is None or not specified");
        }
    }
}

static void valid_devices(struct field_errors *e, const struct path *at, const struct container *c,
                          const struct pod_spec *pod)
{
    _cleanup_map_ struct map paths = {0}, names = {0};
    each (c->volume_devices, i) {
        const struct volume_device *d = &c->volume_devices.at[i];
        const struct path *item = PATH_AT(at, i);
        const struct volume *v = volume_named(pod, d->name);
        if (!d->name.n)
            field_required(e, PATH(item, "name"), "%s", "");
        else if (map_put(&names, d->name, (void *)d))
            field_invalid(e, PATH(item, "name"), d->name, "must be unique");
        if (v && !v->persistent_volume_claim && !v->ephemeral)
            field_invalid(
                e, PATH(item, "name"), d->name,
                "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
        else if (d->name.n && !v)
            field_not_found(e, PATH(item, "name"), d->name);
        if (!d->device_path.n)
            field_required(e, PATH(item, "devicePath"), "%s", "");
        else if (map_put(&paths, d->device_path, (void *)d))
            field_invalid(e, PATH(item, "devicePath"), d->device_path, "must be unique");
        valid_no_backsteps(e, PATH(item, "devicePath"), d->device_path);
    }
}

static void valid_resize_policies(struct field_errors *e, const struct path *at, const struct container *c)
{
    each (c->resize_policy, i) {
        const struct container_resize_policy *p = &c->resize_policy.at[i];
        const struct path *item = PATH_AT(at, i);
        VALID_ONE_OF(e, PATH(item, "resourceName"), p->resource_name, true, STR("cpu"), STR("memory"));
        VALID_ONE_OF(e, PATH(item, "restartPolicy"), p->restart_policy, true, STR("NotRequired"),
                     STR("RestartContainer"));
        for (size_t k = 0; k < i; k++)
            if (str_eq(c->resize_policy.at[k].resource_name, p->resource_name))
                field_duplicate(e, item, p->resource_name);
    }
}

static void valid_container(struct field_errors *e, const struct path *at, const struct container *c,
                            const struct container_scope *scope, enum container_role role)
{
    valid_label_name(e, PATH(at, "name"), c->name);
    if (!c->image.n)
        field_required(e, PATH(at, "image"), "%s", "");
    else if (str_trim(c->image).n != c->image.n)
        field_invalid(e, PATH(at, "image"), c->image, "must not have leading or trailing whitespace");
    if (!str_is(c->termination_message_policy, "File") &&
        !str_is(c->termination_message_policy, "FallbackToLogsOnError"))
        field_invalid(e, PATH(at, "terminationMessagePolicy"), c->termination_message_policy,
                      "must be 'File' or 'FallbackToLogsOnError'");
    valid_container_ports(e, PATH(at, "ports"), &c->ports, scope->pod->host_network);
    valid_container_env(e, at, c);
    valid_mounts(e, PATH(at, "volumeMounts"), c, scope->pod, role);
    valid_devices(e, PATH(at, "volumeDevices"), c, scope->pod);
    VALID_ONE_OF(e, PATH(at, "imagePullPolicy"), c->image_pull_policy, true, STR("Always"),
                 STR("IfNotPresent"), STR("Never"));
    valid_resource_requirements(e, PATH(at, "resources"), &c->resources);
    valid_resize_policies(e, PATH(at, "resizePolicy"), c);
    valid_container_probes(e, at, c, role);
    if (c->restart_policy)
        VALID_ONE_OF(e, PATH(at, "restartPolicy"), *c->restart_policy, true, STR("Always"), STR("Never"),
                     STR("OnFailure"));
    valid_container_security(e, PATH(at, "securityContext"), c->security_context, scope->pod);
}

/* Two containers of one pod cannot have the same port of the host. */
static void valid_host_ports(struct field_errors *e, const struct path *at, const struct container_vec *list,
                             struct map *seen)
{
    each (*list, i)
        each (list->at[i].ports, k) {
            const struct container_port *p = &list->at[i].ports.at[k];
            if (!p->host_port)
                continue;
            struct str key = arena_printf(&e->arena, STR_FMT "/" STR_FMT "/%d", STR_ARG(p->protocol),
                                          STR_ARG(p->host_ip), p->host_port);
            if (map_put(seen, key, (void *)p))
                field_duplicate(e, PATH(PATH_AT(PATH(PATH_AT(at, i), "ports"), k), "hostPort"), key);
        }
}

static void valid_unique_name(struct field_errors *e, const struct path *at, const struct container *c,
                              struct map *names)
{
    if (c->name.n && map_put(names, c->name, (void *)c))
        field_duplicate(e, PATH(at, "name"), c->name);
}

static void valid_ephemeral_containers(struct field_errors *e, const struct container_scope *scope,
                                       struct map *names)
{
    const struct pod_spec *pod = scope->pod;
    const struct path *list = PATH(scope->spec, "ephemeralContainers");
    each (pod->ephemeral_containers, i) {
        const struct ephemeral_container *ec = &pod->ephemeral_containers.at[i];
        const struct container *c = ephemeral_as_container(ec);
        const struct path *at = PATH_AT(list, i);
        valid_container(e, at, c, scope, CONTAINER_EPHEMERAL);
        valid_unique_name(e, at, c, names);
        const struct {
            const char *field;
            bool set;
        } forbidden[] = {
            {"ports", c->ports.n},
            {"livenessProbe", c->liveness_probe},
            {"readinessProbe", c->readiness_probe},
            {"startupProbe", c->startup_probe},
            {"lifecycle", c->lifecycle},
            {"resources", c->resources.limits.n || c->resources.requests.n},
            {"restartPolicy", c->restart_policy},
            {"resizePolicy", c->resize_policy.n},
        };
        for (size_t k = 0; k < ARRAY_LEN(forbidden); k++)
            if (forbidden[k].set) {
                struct path field = path_child(at, str_from(forbidden[k].field));
                field_forbidden(e, &field, "cannot be set for an Ephemeral Container");
            }
        if (ec->target_container_name.n) {
            bool found = false;
            each (pod->containers, k)
                found |= str_eq(pod->containers.at[k].name, ec->target_container_name);
            each (pod->init_containers, k)
                found |= str_eq(pod->init_containers.at[k].name, ec->target_container_name);
            if (!found)
                field_not_found(e, PATH(at, "targetContainerName"), ec->target_container_name);
        }
    }
}

void valid_containers(struct field_errors *e, const struct container_scope *scope)
{
    const struct pod_spec *pod = scope->pod;
    const struct path *list = PATH(scope->spec, "containers"), *init = PATH(scope->spec, "initContainers");
    _cleanup_map_ struct map names = {0}, host_ports = {0};
    if (pod->containers.n == 0)
        field_required(e, list, "%s", "");
    each (pod->containers, i) {
        valid_container(e, PATH_AT(list, i), &pod->containers.at[i], scope, CONTAINER_REGULAR);
        valid_unique_name(e, PATH_AT(list, i), &pod->containers.at[i], &names);
    }
    valid_host_ports(e, list, &pod->containers, &host_ports);
    each (pod->init_containers, i) {
        valid_container(e, PATH_AT(init, i), &pod->init_containers.at[i], scope, CONTAINER_INIT);
        valid_unique_name(e, PATH_AT(init, i), &pod->init_containers.at[i], &names);
    }
    valid_ephemeral_containers(e, scope, &names);
}
