/* ResourceQuota status: what a namespace uses of what it may. (That nobody gets more is seen to by admission,
 * which counts for itself.) */
#include "controllers/kinds.h"
#include "controllers/pods.h"
#include "controllers/table.h"
#include "schema/copy.h"
#include "schema/quantity.h"

struct usage {
    struct arena *a;
    struct str_map used; /* only what the quota limits */
};

static const struct resource_quota *quota_of(struct object *o)
{
    return object_typed(o);
}

static void usage_add(struct usage *u, struct str what, struct quantity q)
{
    if (labels_has(&u->used, what))
        labels_set(u->a, &u->used, what,
                   quantity_str(u->a, quantity_add(quantity_of(labels_get(&u->used, what)), q)));
}

static struct quantity number(int64_t n)
{
    return quantity_from(n, QUANTITY_DECIMAL_SI);
}

/* --- pods --- */

/* Into `sum`, by name: the larger of what is there and this, or both together. */
static void amounts_take(struct arena *a, struct str_map *sum, const struct str_map *more, bool together)
{
    for (size_t i = 0; i < more->n; i++) {
        struct str key = more->at[i].key;
        struct quantity had = quantity_of(labels_get(sum, key)), q = quantity_of(more->at[i].value);
        if (together)
            q = quantity_add(had, q);
        else if (quantity_cmp(had, q) > 0)
            q = had;
        labels_set(a, sum, key, quantity_str(a, q));
    }
}

/* What its containers ask for together, or an init container alone where that is more. */
static struct str_map pod_amounts(struct arena *a, const struct pod_spec *spec, bool limits)
{
    struct str_map sum = {0};
    for (size_t i = 0; i < spec->containers.n; i++) {
        const struct resource_requirements *r = &spec->containers.at[i].resources;
        amounts_take(a, &sum, limits ? &r->limits : &r->requests, true);
    }
    for (size_t i = 0; i < spec->init_containers.n; i++) {
        const struct resource_requirements *r = &spec->init_containers.at[i].resources;
        amounts_take(a, &sum, limits ? &r->limits : &r->requests, false);
    }
    return sum;
}

static void usage_add_amounts(struct usage *u, const char *prefix, const struct str_map *amounts)
{
    for (size_t i = 0; i < amounts->n; i++)
        usage_add(u, arena_printf(u->a, "%s" STR_FMT, prefix, STR_ARG(amounts->at[i].key)),
                  quantity_of(amounts->at[i].value));
}

static bool scope_takes(struct str scope, const struct pod *p)
{
    bool best_effort = str_is(p->status.qos_class, "BestEffort"), bounded = p->spec.active_deadline_seconds;
    return str_is(scope, "BestEffort")       ? best_effort
           : str_is(scope, "NotBestEffort")  ? !best_effort
           : str_is(scope, "Terminating")    ? bounded
           : str_is(scope, "NotTerminating") ? !bounded
           : str_is(scope, "PriorityClass")  ? !str_empty(p->spec.priority_class_name)
                                             : false;
}

static void usage_add_pod(struct usage *u, const struct resource_quota *q, const struct pod *p)
{
    for (size_t i = 0; i < q->spec.scopes.n; i++)
        if (!scope_takes(((const struct str_vec *)&q->spec.scopes)->at[i], p))
            return;
    usage_add(u, STR("count/pods"), number(1));
    if (pod_is_terminal(p))
        return;
    usage_add(u, STR("pods"), number(1));
    struct str_map requests = pod_amounts(u->a, &p->spec, false), limits = pod_amounts(u->a, &p->spec, true);
    usage_add_amounts(u, "", &requests);
    usage_add_amounts(u, "requests.", &requests);
    usage_add_amounts(u, "limits.", &limits);
}

/* --- other kinds --- */

static void usage_add_service(struct usage *u, const struct service *s)
{
    bool balanced = str_eq(s->spec.type, SERVICE_TYPE_LOAD_BALANCER);
    usage_add(u, STR("services.loadbalancers"), number(balanced));
    if (balanced || str_eq(s->spec.type, SERVICE_TYPE_NODE_PORT))
        usage_add(u, STR("services.nodeports"), number((int64_t)s->spec.ports.n));
}

/* Whether the quota says anything about this kind; else its objects need not be looked at. */
static bool limits_kind(const struct usage *u, const struct resource *r)
{
    if (r == &pod_resource || r == &service_resource || r == &persistent_volume_claim_resource)
        return true;
    return labels_has(&u->used, arena_printf(u->a, "count/" STR_FMT, STR_ARG(resource_qualified(r)))) ||
           (str_empty(r->group) && labels_has(&u->used, r->plural));
}

static void usage_add_kind(struct work *w, struct usage *u, const struct resource_quota *q,
                           const struct resource *r)
{
    if (!limits_kind(u, r) || (q->spec.scopes.n && r != &pod_resource))
        return;
    _cleanup_objects_ struct objects all = {0};
    informer_list(client_informer(w->client, r, NULL), w->ns, &all);
    for (size_t i = 0; i < all.n && r == &pod_resource; i++)
        usage_add_pod(u, q, pod_of(all.at[i]));
    if (r == &pod_resource)
        return;
    struct quantity n = number((int64_t)all.n);
    usage_add(u, arena_printf(u->a, "count/" STR_FMT, STR_ARG(resource_qualified(r))), n);
    if (str_empty(r->group))
        usage_add(u, r->plural, n);
    for (size_t i = 0; i < all.n && r == &service_resource; i++)
        usage_add_service(u, object_typed(all.at[i]));
    for (size_t i = 0; i < all.n && r == &persistent_volume_claim_resource; i++) {
        const struct persistent_volume_claim *claim = object_typed(all.at[i]);
        usage_add_amounts(u, "requests.", &claim->spec.resources.requests);
    }
}

/* --- reconciling --- */

static int resource_quota_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, resource_quota), w->ns, w->name);
    if (!o || object_meta(o)->deletion_timestamp)
        return 0;
    struct resource_quota *q = object_copy(o, w->a);
    struct usage u = {.a = w->a};
    for (size_t i = 0; i < q->spec.hard.n; i++)
        labels_set(w->a, &u.used, q->spec.hard.at[i].key, STR("0"));
    const struct resource *r;
    for (size_t i = 0; (r = kinds_at(w->controller->kinds, i)); i++)
        if (r->flags & RESOURCE_NAMESPACED)
            usage_add_kind(w, &u, q, r);
    q->status.hard = q->spec.hard;
    q->status.used = u.used;
    if (struct_eq(&resource_quota_type, q, quota_of(o)))
        return 0;
    return client_update(w->client, &resource_quota_resource, STR("status"), q, NULL, w->err);
}

static void on_any(struct controller *k, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    const struct resource *r = object_resource(o);
    if (str_empty(object_namespace(o)) || (before && after && r != &service_resource))
        return; /* changes, unlike additions and removals, rarely matter */
    _cleanup_objects_ struct objects quotas = {0};
    informer_list(informer_of(k, resource_quota), object_namespace(o), &quotas);
    for (size_t i = 0; i < quotas.n; i++)
        controller_on_self(k, NULL, quotas.at[i]);
}

/* A pod's change matters when it is its last. */
static void on_pod(struct controller *k, struct object *before, struct object *after)
{
    if (!before || !after || pod_is_terminal(pod_of(before)) != pod_is_terminal(pod_of(after)))
        on_any(k, NULL, after ? after : before);
}

const struct controller_def resource_quota_controller = {
    .name = "resourcequota",
    .component = "resourcequota-controller",
    .kind = &resource_quota_resource,
    .reconcile = resource_quota_reconcile,
    .watches = {{&resource_quota_resource, controller_on_self}, {&pod_resource, on_pod}},
    .on_any = on_any,
};
