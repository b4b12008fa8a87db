/* The status of pods: what its writers may leave out, and what they may not say (podStatusStrategy,
 * ValidatePodStatusUpdate). */
#include "api/kind/container.h"
#include "api/kind/pod.h"

/* --- preparing --- */

/* podIP and podIPs[0] are one field: who writes only the first means it. */
static void sync_addresses(struct pod_status *s, struct arena *a)
{
    if (s->pod_ip.n && (!s->pod_ips.n || !str_eq(s->pod_ips.at[0].ip, s->pod_ip))) {
        s->pod_ips.at = arena_new(a, struct pod_ip);
        s->pod_ips.at[0].ip = s->pod_ip;
        s->pod_ips.n = 1;
    } else if (s->pod_ips.n)
        s->pod_ip = s->pod_ips.at[0].ip;
}

/* Writers that do not count generations leave them as they were. */
static void keep_generations(struct pod_status *now, const struct pod_status *old)
{
    if (!now->observed_generation)
        now->observed_generation = old->observed_generation;
    each (now->conditions, i)
        each (old->conditions, k)
            if (!now->conditions.at[i].observed_generation &&
                str_eq(now->conditions.at[i].type, old->conditions.at[k].type))
                now->conditions.at[i].observed_generation = old->conditions.at[k].observed_generation;
}

void pod_prepare_status(void *o, const void *before, const struct strategy_context *c)
{
    struct pod *pod = o;
    const struct pod *old = before;
    pod->metadata.owner_references = old->metadata.owner_references;
    if (!pod->status.qos_class.n)
        pod->status.qos_class = old->status.qos_class.n ? old->status.qos_class : pod_spec_qos(&old->spec);
    keep_generations(&pod->status, &old->status);
    sync_addresses(&pod->status, c->arena);
}

/* --- containers that have ended --- */

static const struct container *container_named(const struct pod_spec *s, struct str name)
{
    each (s->containers, i)
        if (str_eq(s->containers.at[i].name, name))
            return &s->containers.at[i];
    each (s->init_containers, i)
        if (str_eq(s->init_containers.at[i].name, name))
            return &s->init_containers.at[i];
    return NULL;
}

static bool restarts_all(const struct pod_spec *s)
{
    each (s->containers, i)
        each (s->containers.at[i].restart_policy_rules, k)
            if (str_is(s->containers.at[i].restart_policy_rules.at[k].action, "RestartAllContainers"))
                return true;
    each (s->init_containers, i)
        each (s->init_containers.at[i].restart_policy_rules, k)
            if (str_is(s->init_containers.at[i].restart_policy_rules.at[k].action, "RestartAllContainers"))
                return true;
    return false;
}

/* Whether the container may be started again after it has ended so. */
static bool may_restart(const struct pod_spec *s, const struct container_status *ended)
{
    const struct container *c = container_named(s, ended->name);
    struct str policy = c && c->restart_policy ? *c->restart_policy : s->restart_policy;
    if ((c && c->restart_policy_rules.n) || restarts_all(s))
        return true;
    return str_is(policy, "Always") ||
           (str_is(policy, "OnFailure") && ended->state.terminated->exit_code != 0);
}

/* One that has ended for good stays so; ephemeral ones (`s` is NULL) always. */
static void valid_ended(struct field_errors *e, const struct path *at, const struct container_status_vec *now,
                        const struct container_status_vec *old, const struct pod_spec *s)
{
    each (*old, i) {
        const struct container_status *was = &old->at[i];
        if (!was->state.terminated || (s && may_restart(s, was)))
            continue;
        each (*now, k)
            if (str_eq(now->at[k].name, was->name) && !now->at[k].state.terminated)
                field_forbidden(e, PATH(PATH_AT(at, i), "state"),
                                "may not be transitioned to non-terminated state");
    }
}

/* --- addresses --- */

/* Of each family one at most. The lists are of structs of nothing but an address. */
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

static void valid_addresses(struct field_errors *e, const struct path *status, const struct pod_status *s)
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

/* --- the rest --- */

static void valid_claim_statuses(struct field_errors *e, const struct path *at, const struct pod *pod)
{
    _cleanup_map_ struct map names = {0};
    each (pod->status.resource_claim_statuses, i) {
        const struct pod_resource_claim_status *s = &pod->status.resource_claim_statuses.at[i];
        const struct path *name = PATH(PATH_AT(at, i), "name");
        bool known = false;
        each (pod->spec.resource_claims, k)
            known |= str_eq(pod->spec.resource_claims.at[k].name, s->name);
        if (!known)
            field_invalid(e, name, s->name, "must match the name of an entry in `spec.resourceClaims`");
        if (map_put(&names, s->name, (void *)s))
            field_duplicate(e, name, s->name);
        if (s->resource_claim_name)
            format_validate(e, name, FORMAT_DNS1123_SUBDOMAIN, *s->resource_claim_name);
    }
}

static void valid_users(struct field_errors *e, const struct path *at, const struct container_status_vec *v,
                        const struct pod_os *os)
{
    each (*v, i) {
        const struct linux_container_user *u = v->at[i].user ? v->at[i].user->linux_ : NULL;
        const struct path *user = PATH(PATH_AT(at, i), "linux");
        if (!u)
            continue;
        if (os && str_is(os->name, "windows")) {
            field_forbidden(e, user, "cannot be set for a windows pod");
            continue;
        }
        valid_id(e, PATH(user, "uid"), &u->uid);
        valid_id(e, PATH(user, "gid"), &u->gid);
        each (u->supplemental_groups, k)
            valid_id(e, PATH_AT(PATH(user, "supplementalGroups"), k), &u->supplemental_groups.at[k]);
    }
}

void valid_pod_status(const void *o, const void *before, struct field_errors *e)
{
    const struct pod *pod = o, *old = before;
    struct path root = path_child(NULL, STR("status"));
    const struct path *at = &root, *meta = PATH(NULL, "metadata"), *list = PATH(at, "containerStatuses"),
                      *init = PATH(at, "initContainerStatuses"),
                      *ephemeral = PATH(at, "ephemeralContainerStatuses");
    const struct pod_status *now = &pod->status, *was = &old->status;
    valid_annotations_update(e, PATH(meta, "annotations"), &pod->metadata.annotations,
                             &old->metadata.annotations);
    valid_pod_annotations(e, PATH(meta, "annotations"), &pod->metadata.annotations, &pod->spec);
    each (now->conditions, i)
        format_validate(e, PATH(PATH_AT(PATH(meta, "conditions"), i), "Type"), FORMAT_LABEL_KEY,
                        now->conditions.at[i].type);
    if (now->nominated_node_name.n && !str_eq(now->nominated_node_name, was->nominated_node_name))
        format_validate(e, PATH(at, "nominatedNodeName"), FORMAT_DNS1123_SUBDOMAIN, now->nominated_node_name);
    if (was->qos_class.n)
        valid_immutable_str(e, PATH(at, "qosClass"), now->qos_class, was->qos_class);
    valid_ended(e, list, &now->container_statuses, &was->container_statuses, &old->spec);
    valid_ended(e, init, &now->init_container_statuses, &was->init_container_statuses, &old->spec);
    valid_ended(e, ephemeral, &now->ephemeral_container_statuses, &was->ephemeral_container_statuses, NULL);
    valid_claim_statuses(e, PATH(at, "resourceClaimStatuses"), pod);
    valid_addresses(e, at, now);
    valid_users(e, list, &now->container_statuses, pod->spec.os);
    valid_users(e, init, &now->init_container_statuses, pod->spec.os);
    valid_users(e, ephemeral, &now->ephemeral_container_statuses, pod->spec.os);
}
