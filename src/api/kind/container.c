/* The rules of containers, as pods have them (validateContainerCommon and its callers). */
#include "api/kind/container.h"
#include "schema/copy.h"

static void valid_container_ports(struct field_errors *e, const struct path *at,
                                  const struct container_port_vec *ports)
{
    _cleanup_map_ struct map names = {0};
    each (*ports, i) {
        const struct container_port *p = &ports->at[i];
        const struct path *item = PATH_AT(at, i);
        if (p->name.n) {
            size_t before = e->n;
            format_validate(e, PATH(item, "name"), FORMAT_PORT_NAME, p->name);
            if (e->n == before && map_put(&names, p->name, (void *)p))
                field_duplicate(e, PATH(item, "name"), p->name);
        }
        if (p->container_port == 0)
            field_required(e, PATH(item, "containerPort"), "%s", "");
        else
            valid_port(e, PATH(item, "containerPort"), p->container_port);
        if (p->host_port != 0)
            valid_port(e, PATH(item, "hostPort"), p->host_port);
        VALID_ONE_OF(e, PATH(item, "protocol"), p->protocol, true, STR("SCTP"), STR("TCP"), STR("UDP"));
    }
}

static void valid_container(struct field_errors *e, const struct path *at, const struct container *c,
                            const struct container_scope *scope, enum container_role role)
{
    valid_label_name(e, PATH(at, "name"), c->name);
    valid_required(e, PATH(at, "image"), c->image);
    VALID_ONE_OF(e, PATH(at, "terminationMessagePolicy"), c->termination_message_policy, true, STR("File"),
                 STR("FallbackToLogsOnError"));
    valid_container_ports(e, PATH(at, "ports"), &c->ports);
    valid_container_env(e, at, c);
    valid_container_volumes(e, at, c, scope);
    VALID_ONE_OF(e, PATH(at, "imagePullPolicy"), c->image_pull_policy, true, STR("Always"),
                 STR("IfNotPresent"), STR("Never"));
    valid_resource_requirements(e, PATH(at, "resources"), &c->resources, RESOURCES_OF_CONTAINER,
                                &scope->pod->resource_claims);
    valid_container_security(e, PATH(at, "securityContext"), c->security_context, scope->pod);
    valid_container_restart(e, at, c, scope->pod, role);
    if (scope->meta && str_trim(c->image).n != c->image.n)
        field_invalid(e, PATH(at, "image"), c->image, "must not have leading or trailing whitespace");
}

/* Two containers that run side by side cannot have the same port of the host. */
static void valid_host_ports(struct field_errors *e, const struct path *at, const struct container *c,
                             struct map *seen)
{
    each (c->ports, k) {
        const struct container_port *p = &c->ports.at[k];
        if (!p->host_port)
            continue;
        struct str key = arena_printf(&e->arena, STR_FMT "/" STR_FMT "/%d", STR_ARG(p->protocol),
                                      STR_ARG(p->host_ip), p->host_port);
        if (map_put(seen, key, (void *)p))
            field_duplicate(e, PATH(PATH_AT(PATH(at, "ports"), k), "hostPort"), key);
    }
}

static void valid_unique_name(struct field_errors *e, const struct path *at, const struct container *c,
                              struct map *names)
{
    if (c->name.n && map_put(names, c->name, (void *)c))
        field_duplicate(e, PATH(at, "name"), c->name);
}

/* What only containers may have that are the pod's work. */
static void forbid_for_ephemeral(struct field_errors *e, const struct path *at, const struct container *c)
{
    const struct {
        const char *field;
        bool set;
    } fields[] = {
        {"ports", c->ports.at},
        {"resources", !struct_is_zero(&resource_requirements_type, &c->resources)},
        {"resizePolicy", c->resize_policy.at},
        {"restartPolicy", c->restart_policy},
        {"restartPolicyRules", c->restart_policy_rules.at},
        {"livenessProbe", c->liveness_probe},
        {"readinessProbe", c->readiness_probe},
        {"startupProbe", c->startup_probe},
        {"lifecycle", c->lifecycle},
    };
    const char *only = "cannot be set for an Ephemeral Container";
    for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
        struct path field = path_child(at, str_from(fields[k].field));
        if (fields[k].set)
            field_forbidden(e, &field, "%s", only);
    }
    each (c->volume_mounts, i) {
        const struct path *mount = PATH_AT(PATH(at, "volumeMounts"), i);
        if (c->volume_mounts.at[i].sub_path.n)
            field_forbidden(e, PATH(mount, "subPath"), "%s", only);
        if (c->volume_mounts.at[i].sub_path_expr.n)
            field_forbidden(e, PATH(mount, "subPathExpr"), "%s", only);
    }
}

static bool has_container(const struct container_vec *v, struct str name)
{
    each (*v, i)
        if (str_eq(v->at[i].name, name))
            return true;
    return false;
}

static void valid_ephemeral_containers(struct field_errors *e, const struct container_scope *scope,
                                       struct map *names)
{
    const struct pod_spec *pod = scope->pod;
    each (pod->ephemeral_containers, i) {
        const struct ephemeral_container *ec = &pod->ephemeral_containers.at[i];
        const struct container *c = ephemeral_as_container(ec);
        const struct path *at = PATH_AT(PATH(scope->spec, "ephemeralContainers"), i);
        valid_container(e, at, c, scope, CONTAINER_EPHEMERAL);
        valid_unique_name(e, at, c, names);
        if (ec->target_container_name.n && !has_container(&pod->containers, ec->target_container_name) &&
            !has_container(&pod->init_containers, ec->target_container_name))
            field_not_found(e, PATH(at, "targetContainerName"), ec->target_container_name);
        forbid_for_ephemeral(e, at, c);
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
        const struct container *c = &pod->containers.at[i];
        valid_container(e, PATH_AT(list, i), c, scope, CONTAINER_REGULAR);
        valid_unique_name(e, PATH_AT(list, i), c, &names);
        valid_container_probes(e, PATH_AT(list, i), c, pod, CONTAINER_REGULAR);
    }
    each (pod->containers, i)
        valid_host_ports(e, PATH_AT(list, i), &pod->containers.at[i], &host_ports);
    each (pod->init_containers, i) {
        const struct container *c = &pod->init_containers.at[i];
        _cleanup_map_ struct map own = {0}; /* they run one by one */
        valid_container(e, PATH_AT(init, i), c, scope, CONTAINER_INIT);
        valid_unique_name(e, PATH_AT(init, i), c, &names);
        valid_host_ports(e, PATH_AT(init, 0), c, &own);
        valid_container_probes(e, PATH_AT(init, i), c, pod, CONTAINER_INIT);
    }
    valid_ephemeral_containers(e, scope, &names);
}

void containers_visit(const struct pod_spec *pod, const struct path *spec, container_visit visit, void *arg)
{
    each (pod->init_containers, i)
        visit(&pod->init_containers.at[i], PATH_AT(PATH(spec, "initContainers"), i), arg);
    each (pod->containers, i)
        visit(&pod->containers.at[i], PATH_AT(PATH(spec, "containers"), i), arg);
    each (pod->ephemeral_containers, i)
        visit(ephemeral_as_container(&pod->ephemeral_containers.at[i]),
              PATH_AT(PATH(spec, "ephemeralContainers"), i), arg);
}
