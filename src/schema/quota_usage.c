#include "schema/quota_usage.h"

#include "base/clock.h"
#include "kinds/core_v1.h"
#include "schema/quantity.h"
#include "schema/str_map.h"

/* --- amounts by name --- */

const struct str *quota_usage_get(const struct quota_usage *u, struct str name)
{
    return str_map_get(&u->at, name);
}

static void use(struct quota_usage *u, struct str name, struct quantity q)
{
    const struct str *before = str_map_get(&u->at, name);
    if (before)
        q = quantity_add(quantity_of(*before), q);
    str_map_put(&u->at, u->arena, name, quantity_str(u->arena, q));
}

static void use_count(struct quota_usage *u, struct str name, int64_t n)
{
    use(u, name, quantity_from(n, QUANTITY_DECIMAL_SI));
}

/* --- pods --- */

/* Into `sum`: both together, or the larger. */
static void take(struct arena *a, struct str_map *sum, const struct str_map *more, bool together)
{
    for (size_t i = 0; i < more->n; i++) {
        struct str key = more->at[i].key;
        const struct str *had = str_map_get(sum, key);
        struct quantity q = quantity_of(more->at[i].value);
        if (had && together)
            q = quantity_add(quantity_of(*had), q);
        else if (had && quantity_cmp(quantity_of(*had), q) > 0)
            q = quantity_of(*had);
        str_map_put(sum, a, key, quantity_str(a, q));
    }
}

static const struct str_map *amounts_of(const struct container *c, bool limits)
{
    return limits ? &c->resources.limits : &c->resources.requests;
}

/* Containers and sidecars together, or an init container beside the sidecars before it where that is more. */
struct str_map pod_container_amounts(struct arena *a, const struct pod_spec *s, bool limits)
{
    struct str_map sum = {0}, sidecars = {0}, most = {0};
    for (size_t i = 0; i < s->containers.n; i++)
        take(a, &sum, amounts_of(&s->containers.at[i], limits), true);
    for (size_t i = 0; i < s->init_containers.n; i++) {
        const struct container *c = &s->init_containers.at[i];
        if (c->restart_policy && str_is(*c->restart_policy, "Always")) {
            take(a, &sum, amounts_of(c, limits), true);
            take(a, &sidecars, amounts_of(c, limits), true);
            take(a, &most, &sidecars, false);
        } else {
            struct str_map beside = {0};
            take(a, &beside, &sidecars, true);
            take(a, &beside, amounts_of(c, limits), true);
            take(a, &most, &beside, false);
        }
    }
    take(a, &sum, &most, false);
    return sum;
}

/* What is said of the whole pod goes before what its containers say; and what running it costs. */
struct str_map pod_amounts(struct arena *a, const struct pod_spec *s, bool limits)
{
    struct str_map sum = pod_container_amounts(a, s, limits);
    if (s->resources) {
        const struct str_map *whole = limits ? &s->resources->limits : &s->resources->requests;
        for (size_t i = 0; i < whole->n; i++)
            str_map_put(&sum, a, whole->at[i].key, whole->at[i].value);
    }
    if (!limits || sum.n)
        take(a, &sum, &s->overhead, true);
    return sum;
}

/* Resources of the cluster's own domain have a name without one. */
static bool is_extended(struct str name)
{
    return str_index(name, '/') >= 0 && !str_starts(name, STR("kubernetes.io/")) &&
           !str_starts(name, STR("requests."));
}

static void use_amounts(struct quota_usage *u, const struct str_map *requests, const struct str_map *limits)
{
    for (size_t i = 0; i < requests->n; i++) {
        struct str name = requests->at[i].key;
        struct quantity q = quantity_of(requests->at[i].value);
        if (!is_extended(name))
            use(u, name, q);
        use(u, arena_printf(u->arena, "requests." STR_FMT, STR_ARG(name)), q);
    }
    for (size_t i = 0; i < limits->n; i++)
        if (!is_extended(limits->at[i].key))
            use(u, arena_printf(u->arena, "limits." STR_FMT, STR_ARG(limits->at[i].key)),
                quantity_of(limits->at[i].value));
}

void quota_usage_add_container(struct quota_usage *u, const struct container *c)
{
    use_amounts(u, &c->resources.requests, &c->resources.limits);
}

/* One that is over, or should have been long since, uses nothing but its name. */
static bool is_over(const struct pod *p)
{
    const struct object_meta *m = &p->metadata;
    if (str_is(p->status.phase, "Succeeded") || str_is(p->status.phase, "Failed"))
        return true;
    return m->deletion_timestamp && m->deletion_grace_period_seconds &&
           clock_wall() / CLOCK_S > m->deletion_timestamp->s + *m->deletion_grace_period_seconds;
}

static void add_pod(struct quota_usage *u, const struct pod *p)
{
    use_count(u, STR("count/pods"), 1);
    if (is_over(p))
        return;
    use_count(u, STR("pods"), 1);
    struct str_map requests = pod_amounts(u->arena, &p->spec, false),
                   limits = pod_amounts(u->arena, &p->spec, true);
    use_amounts(u, &requests, &limits);
}

/* --- other kinds --- */

static void add_service(struct quota_usage *u, const struct service *s)
{
    bool balanced = str_eq(s->spec.type, SERVICE_TYPE_LOAD_BALANCER);
    int64_t ports = (int64_t)s->spec.ports.n;
    const bool *allocates = s->spec.allocate_load_balancer_node_ports;
    use_count(u, STR("services"), 1);
    use_count(u, STR("services.loadbalancers"), balanced);
    if (balanced && allocates && !*allocates) {
        ports = 0;
        for (size_t i = 0; i < s->spec.ports.n; i++)
            ports += s->spec.ports.at[i].node_port != 0;
    }
    use_count(u, STR("services.nodeports"),
              balanced || str_eq(s->spec.type, SERVICE_TYPE_NODE_PORT) ? ports : 0);
}

static void add_claim(struct quota_usage *u, const struct persistent_volume_claim *c)
{
    const struct str *size = str_map_get(&c->spec.resources.requests, STR("storage"));
    const struct str *class = c->spec.storage_class_name;
    const char *of_class = ".storageclass.storage.k8s.io/";
    use_count(u, STR("persistentvolumeclaims"), 1);
    if (size)
        use(u, STR("requests.storage"), quantity_of(*size));
    if (!class || !class->n)
        return;
    use_count(u, arena_printf(u->arena, STR_FMT "%spersistentvolumeclaims", STR_ARG(*class), of_class), 1);
    if (size)
        use(u, arena_printf(u->arena, STR_FMT "%srequests.storage", STR_ARG(*class), of_class),
            quantity_of(*size));
}

void quota_usage_add(struct quota_usage *u, const struct resource *r, const void *typed)
{
    if (r == &pod_resource) {
        add_pod(u, typed);
        return;
    }
    use_count(u, arena_printf(u->arena, "count/" STR_FMT, STR_ARG(resource_qualified(r))), 1);
    if (r == &service_resource)
        add_service(u, typed);
    else if (r == &persistent_volume_claim_resource)
        add_claim(u, typed);
    else if (!r->group.n)
        use_count(u, r->plural, 1);
}

/* --- scopes --- */

/* cpu and memory alone make the difference. */
static bool is_best_effort(const struct pod_spec *s)
{
    static const char *const names[] = {"cpu", "memory"};
    const struct container_vec *lists[] = {&s->containers, &s->init_containers};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            for (size_t k = 0; k < 2 * ARRAY_LEN(names); k++) {
                const struct str *q =
                    str_map_get(amounts_of(&lists[l]->at[i], k % 2), str_from(names[k / 2]));
                if (q && quantity_cmp_str(*q, STR("0")) > 0)
                    return false;
            }
    return true;
}

static bool term_crosses(const struct pod_affinity_term *t)
{
    return t->namespaces.n || t->namespace_selector;
}

static bool affinity_crosses(const struct pod_affinity_term_vec *required,
                             const struct weighted_pod_affinity_term_vec *preferred)
{
    for (size_t i = 0; i < required->n; i++)
        if (term_crosses(&required->at[i]))
            return true;
    for (size_t i = 0; i < preferred->n; i++)
        if (term_crosses(&preferred->at[i].pod_affinity_term))
            return true;
    return false;
}

static bool uses_other_namespaces(const struct pod_spec *s)
{
    const struct affinity *a = s->affinity;
    return a &&
           ((a->pod_affinity &&
             affinity_crosses(&a->pod_affinity->required_during_scheduling_ignored_during_execution,
                              &a->pod_affinity->preferred_during_scheduling_ignored_during_execution)) ||
            (a->pod_anti_affinity &&
             affinity_crosses(&a->pod_anti_affinity->required_during_scheduling_ignored_during_execution,
                              &a->pod_anti_affinity->preferred_during_scheduling_ignored_during_execution)));
}

static bool has_value(const struct str_vec *v, struct str s)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_eq(v->at[i], s))
            return true;
    return false;
}

static bool priority_takes(struct str class, struct str op, const struct str_vec *values)
{
    if (str_is(op, "In"))
        return class.n && has_value(values, class);
    if (str_is(op, "NotIn"))
        return !class.n || !has_value(values, class);
    return str_is(op, "DoesNotExist") ? !class.n : class.n > 0;
}

static bool scope_takes(struct str scope, struct str op, const struct str_vec *values, const struct pod *p)
{
    const int64_t *deadline = p->spec.active_deadline_seconds;
    bool bounded = deadline && *deadline >= 0;
    return str_is(scope, "BestEffort")                  ? is_best_effort(&p->spec)
           : str_is(scope, "NotBestEffort")             ? !is_best_effort(&p->spec)
           : str_is(scope, "Terminating")               ? bounded
           : str_is(scope, "NotTerminating")            ? !bounded
           : str_is(scope, "CrossNamespacePodAffinity") ? uses_other_namespaces(&p->spec)
           : str_is(scope, "PriorityClass") ? priority_takes(p->spec.priority_class_name, op, values)
                                            : false;
}

bool quota_takes(const struct resource_quota *q, const struct resource *r, const void *typed)
{
    static const struct str_vec none;
    const struct scope_selector *s = q->spec.scope_selector;
    if (r != &pod_resource)
        return !q->spec.scopes.n && !(s && s->match_expressions.n);
    for (size_t i = 0; i < q->spec.scopes.n; i++)
        if (!scope_takes(q->spec.scopes.at[i], STR("Exists"), &none, typed))
            return false;
    for (size_t i = 0; s && i < s->match_expressions.n; i++) {
        const struct scoped_resource_selector_requirement *m = &s->match_expressions.at[i];
        if (!scope_takes(m->scope_name, m->operator, & m->values, typed))
            return false;
    }
    return true;
}
