/* The resize subresource of pods: what it takes, and what it may change (KEP-1287, ValidatePodResize). */
#include "api/kind/container.h"
#include "api/kind/pod.h"

/* --- what it takes --- */

static bool same_names(const struct container_vec *x, const struct container_vec *y)
{
    if (x->n != y->n)
        return false;
    each (*x, i)
        if (!str_eq(x->at[i].name, y->at[i].name))
            return false;
    return true;
}

/* Resources and their policies; other containers than there are, as they come, to be refused. */
static void take_resources(struct container_vec *to, const struct container_vec *from, struct arena *a)
{
    if (!same_names(to, from)) {
        *to = *from;
        return;
    }
    if (to->n)
        to->at = arena_dup(a, to->at, to->n * sizeof *to->at);
    each (*to, i) {
        to->at[i].resources = from->at[i].resources;
        to->at[i].resize_policy = from->at[i].resize_policy;
    }
}

void pod_take_resize(struct pod *to, const struct pod *from, struct arena *a)
{
    take_resources(&to->spec.containers, &from->spec.containers, a);
    take_resources(&to->spec.init_containers, &from->spec.init_containers, a);
    to->spec.resources = from->spec.resources;
}

/* --- what it may change --- */

static void valid_order(struct field_errors *e, const struct path *spec, const char *list,
                        const struct container_vec *now, const struct container_vec *old)
{
    struct path at = path_child(spec, str_from(list));
    if (now->n != old->n) {
        field_forbidden(e, &at, "%s may not be added or removed on resize", list);
        return;
    }
    each (*now, i)
        if (!str_eq(now->at[i].name, old->at[i].name))
            field_forbidden(e, PATH(PATH_AT(&at, i), "name"), "%s may not be renamed or reordered on resize",
                            list);
}

static bool has_removed(const struct str_map *now, const struct str_map *old)
{
    each (*old, i)
        if (!str_map_get(now, old->at[i].key))
            return true;
    return false;
}

static void valid_removed(struct field_errors *e, const struct path *at,
                          const struct resource_requirements *now, const struct resource_requirements *old,
                          const char *whose)
{
    if (has_removed(&now->requests, &old->requests))
        field_forbidden(e, PATH(at, "requests"), "%sresource requests cannot be removed", whose);
    if (has_removed(&now->limits, &old->limits))
        field_forbidden(e, PATH(at, "limits"), "%sresource limits cannot be removed", whose);
}

/* With cpu and memory as they were. */
static struct str_map put_back(const struct str_map *now, const struct str_map *old, struct arena *a)
{
    static const struct str mutable_names[] = {STR_INIT("cpu"), STR_INIT("memory")};
    struct str_map m = {0};
    each (*now, i)
        if (!str_is(now->at[i].key, "cpu") && !str_is(now->at[i].key, "memory"))
            str_map_put(&m, a, now->at[i].key, now->at[i].value);
    for (size_t i = 0; i < ARRAY_LEN(mutable_names); i++) {
        const struct str *v = str_map_get(old, mutable_names[i]);
        if (v)
            str_map_put(&m, a, mutable_names[i], *v);
    }
    return m;
}

static struct container with_old_amounts(const struct container *now, const struct container *old,
                                         struct arena *a)
{
    struct container c = *now;
    c.resources = (struct resource_requirements){
        .limits = put_back(&now->resources.limits, &old->resources.limits, a),
        .requests = put_back(&now->resources.requests, &old->resources.requests, a),
    };
    return c;
}

static bool needs_restart(const struct container *c)
{
    each (c->resize_policy, i)
        if (str_is(c->resize_policy.at[i].restart_policy, "RestartContainer"))
            return true;
    return false;
}

static void valid_init_resize(struct field_errors *e, const struct path *at, const struct container *now,
                              const struct container *old)
{
    struct container munged = with_old_amounts(now, old, &e->arena);
    if (!same(&container_type, &munged, old))
        field_forbidden(e, at, "only cpu and memory resources for init or sidecar containers are mutable");
    if (!container_is_sidecar(now) && needs_restart(now) && !same(&container_type, now, old))
        field_forbidden(
            e, at, "non-sidecar init containers with a resize policy of RestartContainer cannot be resized");
}

static void valid_pod_level(struct field_errors *e, const struct path *spec, const struct pod_spec *now,
                            const struct pod_spec *old)
{
    const struct path *at = PATH(spec, "resources");
    static const struct resource_requirements none;
    const struct resource_requirements *was = old->resources ? old->resources : &none;
    if (old->resources && !now->resources) {
        field_forbidden(e, at, "pod-level resources cannot be removed");
        return;
    }
    if (!now->resources)
        return;
    valid_removed(e, at, now->resources, was, "pod-level ");
    struct resource_requirements munged = {
        .limits = put_back(&now->resources->limits, &was->limits, &e->arena),
        .requests = put_back(&now->resources->requests, &was->requests, &e->arena),
        .claims = now->resources->claims,
    };
    if (!same(&resource_requirements_type, &munged, was))
        field_forbidden(e, spec, "only cpu and memory resources are mutable at pod-level");
}

/* A node that resizes says which resources its containers have. */
static bool node_resizes(const struct pod *pod)
{
    each (pod->status.container_statuses, i)
        if (pod->status.container_statuses.at[i].state.running)
            return pod->status.container_statuses.at[i].resources;
    return true;
}

void valid_pod_resize(const struct pod *pod, const struct pod *old, struct field_errors *e)
{
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *list = PATH(spec, "containers"), *init = PATH(spec, "initContainers");
    const struct pod_spec *now = &pod->spec, *was = &old->spec;
    valid_pod(e, pod);
    if (pod_is_mirror(&old->metadata)) {
        field_forbidden(e, PATH(NULL, ""), "static pods cannot be resized");
        return;
    }
    if (was->os && str_is(was->os->name, "windows")) {
        field_forbidden(e, PATH(NULL, ""), "windows pods cannot be resized");
        return;
    }
    if (!str_eq(pod_spec_qos(now), pod_spec_qos(was)))
        field_invalid(e, spec, pod->status.qos_class, "Pod QOS Class may not change as a result of resizing");
    if (!node_resizes(old))
        field_forbidden(e, spec, "Pod running on node without support for resize");
    valid_pod_level(e, spec, now, was);
    size_t before = e->n;
    valid_order(e, spec, "containers", &now->containers, &was->containers);
    valid_order(e, spec, "initContainers", &now->init_containers, &was->init_containers);
    if (e->n != before)
        return;
    each (now->init_containers, i) {
        valid_removed(e, PATH(PATH_AT(init, i), "resources"), &now->init_containers.at[i].resources,
                      &was->init_containers.at[i].resources, "");
        valid_init_resize(e, PATH_AT(init, i), &now->init_containers.at[i], &was->init_containers.at[i]);
    }
    each (now->containers, i) {
        const struct container *c = &now->containers.at[i], *w = &was->containers.at[i];
        struct container munged = with_old_amounts(c, w, &e->arena);
        valid_removed(e, PATH(PATH_AT(list, i), "resources"), &c->resources, &w->resources, "");
        if (!same(&container_type, &munged, w))
            field_forbidden(e, spec, "only cpu and memory resources are mutable");
    }
}
