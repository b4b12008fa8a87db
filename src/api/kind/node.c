/* Nodes (pkg/registry/core/node, ValidateNode). */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "base/map.h"

static void node_validate(const void *o, struct field_errors *e)
{
    const struct node *n = o;
    struct path spec = path_child(NULL, STR("spec"));
    _cleanup_map_ struct map seen = {0};
    each (n->spec.taints, i) {
        const struct taint *t = &n->spec.taints.at[i];
        const struct path *item = PATH_AT(PATH(&spec, "taints"), i);
        valid_qualified(e, PATH(item, "key"), t->key);
        if (t->value.n)
            valid_label_value(e, PATH(item, "value"), t->value);
        VALID_ONE_OF(e, PATH(item, "effect"), t->effect, true, STR("NoSchedule"), STR("PreferNoSchedule"),
                     STR("NoExecute"));
        struct str key = arena_printf(&e->arena, STR_FMT ":" STR_FMT, STR_ARG(t->key), STR_ARG(t->effect));
        if (map_put(&seen, key, (void *)t)) {
            field_error(e, FIELD_ERROR_DUPLICATE, item, BAD(key),
                        "taints must be unique by key and effect pair");
            return;
        }
    }
    const struct str_vec *cidrs = &n->spec.pod_cidrs;
    each (*cidrs, i)
        valid_cidr(e, PATH_AT(PATH(&spec, "podCIDRs"), i), cidrs->at[i]);
    if (cidrs->n > 1 && !valid_dual(cidrs->at, cidrs->n))
        field_error(e, FIELD_ERROR_INVALID, PATH(&spec, "podCIDRs"), valid_bad_list(e, cidrs),
                    "may specify no more than one CIDR for each IP family");
}

/* podCIDR and podCIDRs[0] are one field. */
static void node_defaults(void *o, struct arena *a)
{
    struct node *n = o;
    if (n->spec.pod_cidr.n && !n->spec.pod_cidrs.n)
        str_vec_add(&n->spec.pod_cidrs, a, n->spec.pod_cidr);
    else if (!n->spec.pod_cidr.n && n->spec.pod_cidrs.n)
        n->spec.pod_cidr = n->spec.pod_cidrs.at[0];
    if (!n->status.allocatable.n)
        n->status.allocatable = n->status.capacity;
}

static void node_prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    (void)c;
    ((struct node *)o)->status = ((const struct node *)old)->status;
}

static void node_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct node *now = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    const struct str_vec *was = &old->spec.pod_cidrs, *is = &now->spec.pod_cidrs;
    bool moved = was->n && was->n != is->n;
    for (size_t i = 0; i < was->n && i < is->n; i++)
        moved |= !str_eq(was->at[i], is->at[i]);
    if (moved)
        field_forbidden(e, PATH(&spec, "podCIDRs"),
                        "node updates may not change podCIDR except from \"\" to valid");
    if (old->spec.provider_id.n && !str_eq(now->spec.provider_id, old->spec.provider_id))
        field_forbidden(e, PATH(&spec, "providerID"),
                        "node updates may not change providerID except from \"\" to valid");
}

const struct strategy node_strategy = {
    .resource = &node_resource,
    .flags =
        STRATEGY_KEEPS_STATUS, /* a node may come with its status; updates of it keep the stored one below */
    .defaults = node_defaults,
    .prepare_update = node_prepare_update,
    .validate = node_validate,
    .validate_update = node_validate_update,
};
