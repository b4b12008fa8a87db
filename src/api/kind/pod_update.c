/* What an update of a pod may change (upstream's ValidatePodUpdate and its relatives). */
#include "api/kind/container.h"
#include "api/kind/pod.h"

/* Copies of the lists whose items get munged, so that neither object is touched. */
static void own_containers(struct container_vec *v, struct arena *a)
{
    if (v->n)
        v->at = arena_dup(a, v->at, v->n * sizeof *v->at);
}

static void take_images(struct field_errors *e, const struct path *at, struct container_vec *munged,
                        const struct container_vec *now, const struct container_vec *old)
{
    own_containers(munged, &e->arena);
    each (*munged, i) {
        if (!now->at[i].image.n)
            field_required(e, PATH(PATH_AT(at, i), "image"), "%s", "");
        munged->at[i].image = old->at[i].image;
    }
}

static void valid_deadline_update(struct field_errors *e, const struct path *at, const int64_t *now,
                                  const int64_t *old)
{
    if (now && (*now < 0 || *now > INT32_MAX))
        field_invalid_int(e, at, *now, "must be between 0 and 2147483647, inclusive");
    else if (now && old && *old < *now)
        field_invalid_int(e, at, *now, "must be less than or equal to previous value");
    else if (!now && old)
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(STR("null")),
                    "must not update from a positive integer to nil value");
}

/* Existing tolerations stay, but for their seconds; new ones may come. */
static void valid_tolerations_update(struct field_errors *e, const struct path *at,
                                     const struct toleration_vec *now, const struct toleration_vec *old)
{
    each (*old, i) {
        bool found = false;
        each (*now, k) {
            struct toleration t = now->at[k];
            t.toleration_seconds = old->at[i].toleration_seconds;
            found |= same(&toleration_type, &t, &old->at[i]);
        }
        if (!found) {
            field_forbidden(e, at, "existing toleration can not be modified except its tolerationSeconds");
            return;
        }
    }
    valid_tolerations(e, at, now);
}

static void valid_gates_update(struct field_errors *e, const struct path *at, const struct pod_spec *now,
                               const struct pod_spec *old)
{
    each (now->scheduling_gates, i) {
        bool found = false;
        each (old->scheduling_gates, k)
            found |= str_eq(now->scheduling_gates.at[i].name, old->scheduling_gates.at[k].name);
        if (!found)
            field_forbidden(e, PATH_AT(at, i),
                            "only deletion is allowed, but found new scheduling gate '" STR_FMT "'",
                            STR_ARG(now->scheduling_gates.at[i].name));
    }
}

/* A gated pod may still narrow where it goes: its node selector may grow. */
static bool selector_grew(const struct str_map *now, const struct str_map *old)
{
    each (*old, i) {
        const struct str *v = str_map_get(now, old->at[i].key);
        if (!v || !str_eq(*v, old->at[i].value))
            return false;
    }
    return true;
}

void valid_pod_update(const void *o, const void *before, struct field_errors *e)
{
    const struct pod *pod = o, *old = before;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    if (pod->spec.containers.n != old->spec.containers.n) {
        field_forbidden(e, PATH(spec, "containers"), "pod updates may not add or remove containers");
        return;
    }
    if (pod->spec.init_containers.n != old->spec.init_containers.n) {
        field_forbidden(e, PATH(spec, "initContainers"), "pod updates may not add or remove containers");
        return;
    }
    struct pod_spec munged = pod->spec;
    take_images(e, PATH(spec, "containers"), &munged.containers, &pod->spec.containers,
                &old->spec.containers);
    take_images(e, PATH(spec, "initContainers"), &munged.init_containers, &pod->spec.init_containers,
                &old->spec.init_containers);
    valid_deadline_update(e, PATH(spec, "activeDeadlineSeconds"), pod->spec.active_deadline_seconds,
                          old->spec.active_deadline_seconds);
    munged.active_deadline_seconds = old->spec.active_deadline_seconds;
    valid_tolerations_update(e, PATH(spec, "tolerations"), &pod->spec.tolerations, &old->spec.tolerations);
    munged.tolerations = old->spec.tolerations;
    valid_gates_update(e, PATH(spec, "schedulingGates"), &pod->spec, &old->spec);
    munged.scheduling_gates = old->spec.scheduling_gates;
    if (old->spec.scheduling_gates.n && selector_grew(&munged.node_selector, &old->spec.node_selector))
        munged.node_selector = old->spec.node_selector;
    if (old->spec.termination_grace_period_seconds && *old->spec.termination_grace_period_seconds < 0 &&
        munged.termination_grace_period_seconds && *munged.termination_grace_period_seconds == 1)
        munged.termination_grace_period_seconds = old->spec.termination_grace_period_seconds;
    if (!same(&pod_spec_type, &munged, &old->spec))
        field_forbidden(
            e, spec,
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions "
            "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it "
            "was previously negative)\n");
}

/* The elements of two lists alike: structs of nothing but an address. */
static void valid_ip_list(struct field_errors *e, const struct path *at, const struct str *ips, size_t n)
{
    struct str shown = STR("[");
    for (size_t i = 0; i < n; i++) {
        valid_ip(e, PATH_AT(at, i), ips[i]);
        shown = arena_printf(&e->arena, STR_FMT "%s{\"IP\":\"" STR_FMT "\"}", STR_ARG(shown), i ? "," : "",
                             STR_ARG(ips[i]));
    }
    if (n > 1 && !valid_dual(ips, n))
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(arena_concat(&e->arena, shown, STR("]"))),
                    "may specify no more than one IP for each IP family");
}

static void valid_pod_ips(struct field_errors *e, const struct path *status, const struct pod_status *s)
{
    _Static_assert(sizeof(struct pod_ip) == sizeof(struct str) &&
                       sizeof(struct host_ip) == sizeof(struct str),
                   "an address and nothing else");
    valid_ip_list(e, PATH(status, "podIPs"), (const void *)s->pod_ips.at, s->pod_ips.n);
    const struct path *hosts = PATH(status, "hostIPs");
    if (s->host_ips.n && !str_eq(s->host_ip, s->host_ips.at[0].ip))
        field_invalid(e, PATH(PATH_AT(hosts, 0), "ip"), s->host_ips.at[0].ip, "must be equal to `hostIP`");
    valid_ip_list(e, hosts, (const void *)s->host_ips.at, s->host_ips.n);
}

void valid_pod_status(const void *o, const void *before, struct field_errors *e)
{
    const struct pod *pod = o, *old = before;
    struct path root = path_child(NULL, STR("status"));
    if (old->spec.node_name.n && !str_eq(pod->spec.node_name, old->spec.node_name))
        field_forbidden(e, PATH(&root, "nodeName"), "may not be changed directly");
    if (pod->status.nominated_node_name.n)
        format_validate(e, PATH(&root, "nominatedNodeName"), FORMAT_DNS1123_SUBDOMAIN,
                        pod->status.nominated_node_name);
    valid_pod_ips(e, &root, &pod->status);
    each (pod->status.conditions, i)
        valid_one_of(e, PATH(PATH_AT(PATH(&root, "conditions"), i), "status"),
                     pod->status.conditions.at[i].status,
                     (const struct str[]){STR("False"), STR("True"), STR("Unknown")}, 3, true);
    /* A container that ended for good stays so. */
    if (!str_is(old->spec.restart_policy, "Always"))
        each (old->status.container_statuses, i) {
            const struct container_status *was = &old->status.container_statuses.at[i];
            bool ended = was->state.terminated &&
                         (str_is(old->spec.restart_policy, "Never") || was->state.terminated->exit_code == 0);
            each (pod->status.container_statuses, k) {
                const struct container_status *now = &pod->status.container_statuses.at[k];
                if (ended && str_eq(now->name, was->name) && !now->state.terminated)
                    field_forbidden(e, PATH(PATH_AT(PATH(&root, "containerStatuses"), k), "state"),
                                    "may not be transitioned to non-terminated state");
            }
        }
}

void valid_pod_ephemeral_update(const struct pod *pod, const struct pod *old, struct field_errors *e)
{
    struct path spec = path_child(NULL, STR("spec"));
    const struct path *at = PATH(&spec, "ephemeralContainers");
    valid_containers(e, &(struct container_scope){&pod->spec, &spec});
    each (old->spec.ephemeral_containers, i) {
        const struct ephemeral_container *was = &old->spec.ephemeral_containers.at[i], *now = NULL;
        each (pod->spec.ephemeral_containers, k)
            if (str_eq(ephemeral_as_container(&pod->spec.ephemeral_containers.at[k])->name,
                       ephemeral_as_container(was)->name))
                now = &pod->spec.ephemeral_containers.at[k];
        if (!now)
            field_forbidden(e, at, "existing ephemeral containers \"" STR_FMT "\" may not be removed\n",
                            STR_ARG(ephemeral_as_container(was)->name));
        else if (!same(&ephemeral_container_type, now, was))
            field_forbidden(e, at, "existing ephemeral containers \"" STR_FMT "\" may not be changed\n",
                            STR_ARG(ephemeral_as_container(was)->name));
    }
}

void valid_pod_resize(const struct pod *pod, const struct pod *old, struct field_errors *e)
{
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *list = PATH(spec, "containers");
    if (pod->spec.containers.n != old->spec.containers.n) {
        field_forbidden(e, list, "containers may not be added or removed on resize");
        return;
    }
    struct pod_spec munged = pod->spec;
    own_containers(&munged.containers, &e->arena);
    each (munged.containers, i) {
        struct container *c = &munged.containers.at[i];
        valid_resource_requirements(e, PATH(PATH_AT(list, i), "resources"), &c->resources);
        c->resources = old->spec.containers.at[i].resources;
        c->resize_policy = old->spec.containers.at[i].resize_policy;
    }
    if (!same(&pod_spec_type, &munged, &old->spec))
        field_forbidden(e, spec, "only cpu and memory resources are mutable\n");
    if (!str_eq(pod_spec_qos(&pod->spec), pod_spec_qos(&old->spec)))
        field_invalid(e, spec, pod_spec_qos(&pod->spec),
                      "Pod QOS Class may not change as a result of resizing");
}
