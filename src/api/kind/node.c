/* Nodes (pkg/registry/core/node, ValidateNode). */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "base/map.h"

/* Upstream says "metadata.taints", though they are in the spec. */
static void valid_taints(struct field_errors *e, const struct taint_vec *taints)
{
    struct path list = path_child(PATH(NULL, "metadata"), STR("taints"));
    _cleanup_map_ struct map seen = {0};
    each (*taints, i) {
        const struct taint *t = &taints->at[i];
        const struct path *item = PATH_AT(&list, i);
        valid_qualified(e, PATH(item, "key"), t->key);
        if (t->value.n)
            valid_label_value(e, PATH(item, "value"), t->value);
        VALID_ONE_OF(e, PATH(item, "effect"), t->effect, true, STR("NoSchedule"), STR("PreferNoSchedule"),
                     STR("NoExecute"));
        struct str key = arena_printf(&e->arena, STR_FMT ":" STR_FMT, STR_ARG(t->key), STR_ARG(t->effect));
        if (map_put(&seen, key, (void *)t))
            field_error(e, FIELD_ERROR_DUPLICATE, item, valid_bad(e, &taint_type, t),
                        "taints must be unique by key and effect pair");
    }
}

static void valid_amounts(struct field_errors *e, const char *field, const struct str_map *amounts)
{
    struct path status = path_child(NULL, STR("status")), at = path_child(&status, str_from(field));
    each (*amounts, i) {
        struct path item = path_child(&at, amounts->at[i].key);
        valid_resource_amount(e, &item, amounts->at[i].key, amounts->at[i].value);
    }
}

/* "GracefulShutdown", "Swap/limited": words with slashes between them, the first in UpperCamelCase. */
static bool is_feature(struct str v)
{
    struct str rest = v, part;
    if (!v.n || v.p[0] < 'A' || v.p[0] > 'Z' || str_ends(v, STR("/")))
        return false;
    while (str_cut(&rest, '/', &part)) {
        for (size_t i = 0; i < part.n; i++)
            if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", part.p[i]))
                return false;
        if (!part.n)
            return false;
    }
    return true;
}

enum { FEATURE_MAX = 253 };

static void valid_features(struct field_errors *e, const struct path *list, const struct str_vec *features)
{
    each (*features, i) {
        struct str v = features->at[i];
        const struct path *at = PATH_AT(list, i);
        if (v.n > FEATURE_MAX)
            field_invalid(e, at, v,
                          "invalid feature name \"" STR_FMT "\": must be no more than %d characters",
                          STR_ARG(v), FEATURE_MAX);
        else if (!is_feature(v))
            field_invalid(e, at, v,
                          "invalid feature name \"" STR_FMT
                          "\": must start with an UpperCamelCase segment, with subsequent segments separated "
                          "by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric "
                          "characters and slashes",
                          STR_ARG(v));
        int order = i ? str_cmp(features->at[i - 1], v) : -1;
        if (!order)
            field_duplicate(e, at, v);
        else if (order > 0)
            field_invalid(e, at, v, "list must be sorted alphabetically");
    }
}

static void valid_status(struct field_errors *e, const struct node_status *s)
{
    struct path status = path_child(NULL, STR("status"));
    valid_amounts(e, "capacity", &s->capacity);
    valid_amounts(e, "allocatable", &s->allocatable);
    valid_features(e, PATH(&status, "declaredFeatures"), &s->declared_features);
}

static void node_validate(const void *o, struct field_errors *e)
{
    const struct node *n = o;
    struct path spec = path_child(NULL, STR("spec"));
    valid_taints(e, &n->spec.taints);
    valid_status(e, &n->status);
    const struct str_vec *cidrs = &n->spec.pod_cidrs;
    each (*cidrs, i)
        valid_cidr(e, PATH_AT(PATH(&spec, "podCIDRs"), i), cidrs->at[i]);
    if (cidrs->n > 1 && !valid_dual(cidrs->at, cidrs->n))
        field_error(e, FIELD_ERROR_INVALID, PATH(&spec, "podCIDRs"), valid_bad_list(e, cidrs),
                    "may specify no more than one CIDR for each IP family");
}

static void valid_addresses(struct field_errors *e, const struct node_address_vec *v)
{
    struct path list = path_child(PATH(NULL, "status"), STR("addresses"));
    _cleanup_map_ struct map seen = {0};
    each (*v, i) {
        const struct node_address *a = &v->at[i];
        struct str key = arena_printf(&e->arena, STR_FMT " " STR_FMT, STR_ARG(a->type), STR_ARG(a->address));
        if (map_put(&seen, key, (void *)a))
            field_error(e, FIELD_ERROR_DUPLICATE, PATH_AT(&list, i), valid_bad(e, &node_address_type, a),
                        "%s", "");
    }
}

static void valid_fixed_spec(struct field_errors *e, const struct node_spec *now, const struct node_spec *old)
{
    struct path spec = path_child(NULL, STR("spec"));
    const struct str_vec *was = &old->pod_cidrs, *is = &now->pod_cidrs;
    bool moved = was->n && was->n != is->n;
    for (size_t i = 0; i < was->n && i < is->n; i++)
        moved |= !str_eq(was->at[i], is->at[i]);
    if (moved)
        field_forbidden(e, PATH(&spec, "podCIDRs"),
                        "node updates may not change podCIDR except from \"\" to valid");
    if (old->provider_id.n && !str_eq(now->provider_id, old->provider_id))
        field_forbidden(e, PATH(&spec, "providerID"),
                        "node updates may not change providerID except from \"\" to valid");
    if (!str_eq(now->external_id, old->external_id))
        field_forbidden(e, PATH(&spec, "externalID"), "may not be updated");
}

static void node_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct node *now = o, *old = before;
    valid_addresses(e, &now->status.addresses);
    valid_fixed_spec(e, &now->spec, &old->spec);
}

static void node_validate_status(const void *o, const void *before, struct field_errors *e)
{
    const struct node *now = o;
    (void)before;
    valid_status(e, &now->status);
    valid_addresses(e, &now->status.addresses);
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

/* Nodes no longer take their configuration from a ConfigMap: only what has such a source keeps it. */
static void node_prepare_create(void *o, const struct strategy_context *c)
{
    (void)c;
    ((struct node *)o)->spec.config_source = NULL;
}

static void node_prepare_update(void *o, const void *before, const struct strategy_context *c)
{
    struct node *n = o;
    const struct node *old = before;
    (void)c;
    n->status = old->status;
    if (!old->spec.config_source)
        n->spec.config_source = NULL;
}

static void node_prepare_status(void *o, const void *before, const struct strategy_context *c)
{
    (void)c;
    if (!((const struct node *)before)->status.config)
        ((struct node *)o)->status.config = NULL;
}

static void node_warn(const void *o, const void *old, const struct strategy_context *c)
{
    const struct node_spec *s = &((const struct node *)o)->spec;
    (void)old;
    if (s->config_source)
        strategy_warn(c, "spec.configSource: the feature is no longer supported");
    if (s->external_id.n)
        strategy_warn(c, "spec.externalID: this field is deprecated, and is unused by Kubernetes");
}

const struct strategy node_strategy = {
    .resource = &node_resource,
    .flags =
        STRATEGY_KEEPS_STATUS, /* a node may come with its status; updates of it keep the stored one below */
    .defaults = node_defaults,
    .prepare_create = node_prepare_create,
    .prepare_update = node_prepare_update,
    .prepare_status = node_prepare_status,
    .validate = node_validate,
    .validate_update = node_validate_update,
    .validate_status = node_validate_status,
    .warn = node_warn,
};
