/* ResourceQuota status: what a namespace uses of what it may. (That nobody gets more is seen to by admission,
 * which counts for itself.) */
#include "controllers/kinds.h"
#include "controllers/pods.h"
#include "controllers/table.h"
#include "schema/copy.h"
#include "schema/quota_usage.h"

static const struct resource_quota *quota_of(struct object *o)
{
    return object_typed(o);
}

/* Whether the quota says anything about this kind; else its objects need not be looked at. */
static bool limits_kind(struct arena *a, const struct resource_quota *q, const struct resource *r)
{
    const struct str_map *hard = &q->spec.hard;
    if (r == &pod_resource || r == &service_resource || r == &persistent_volume_claim_resource)
        return true;
    return labels_has(hard, arena_printf(a, "count/" STR_FMT, STR_ARG(resource_qualified(r)))) ||
           (str_empty(r->group) && labels_has(hard, r->plural));
}

static void add_kind(struct work *w, struct quota_usage *u, const struct resource_quota *q,
                     const struct resource *r)
{
    if (!limits_kind(w->a, q, r))
        return;
    _cleanup_objects_ struct objects all = {0};
    informer_list(client_informer(w->client, r, NULL), w->ns, &all);
    for (size_t i = 0; i < all.n; i++)
        if (quota_takes(q, r, object_typed(all.at[i])))
            quota_usage_add(u, r, object_typed(all.at[i]));
}

/* --- reconciling --- */

static int resource_quota_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, resource_quota), w->ns, w->name);
    if (!o || object_meta(o)->deletion_timestamp)
        return 0;
    struct resource_quota *q = object_copy(o, w->a);
    struct quota_usage u = {.arena = w->a};
    struct str_map used = {0};
    const struct resource *r;
    for (size_t i = 0; (r = kinds_at(w->controller->kinds, i)); i++)
        if (r->flags & RESOURCE_NAMESPACED)
            add_kind(w, &u, q, r);
    for (size_t i = 0; i < q->spec.hard.n; i++) {
        const struct str *amount = quota_usage_get(&u, q->spec.hard.at[i].key);
        labels_set(w->a, &used, q->spec.hard.at[i].key, amount ? *amount : STR("0"));
    }
    q->status.hard = q->spec.hard;
    q->status.used = used;
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
    .account = "resourcequota-controller",
    .kind = &resource_quota_resource,
    .reconcile = resource_quota_reconcile,
    .watches = {{&resource_quota_resource, controller_on_self}, {&pod_resource, on_pod}},
    .on_any = on_any,
};
