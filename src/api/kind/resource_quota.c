/* Quotas of resources (ValidateResourceQuota). */
#include "api/kind/kinds.h"
#include "schema/quantity.h"

static void quota_validate(const void *o, struct field_errors *e)
{
    const struct resource_quota *q = o;
    struct path spec = path_child(NULL, STR("spec"));
    each (q->spec.hard, i) {
        const struct path *at = PATH_OF(PATH(&spec, "hard"), q->spec.hard.at[i].key);
        format_validate(e, at, FORMAT_LABEL_KEY, q->spec.hard.at[i].key);
        valid_quantity(e, at, q->spec.hard.at[i].value);
    }
}

static void quota_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct resource_quota *now = o, *old = before;
    struct path spec = path_child(NULL, STR("spec"));
    bool same_scopes = now->spec.scopes.n == old->spec.scopes.n;
    each (now->spec.scopes, i)
        same_scopes &= str_vec_has(&old->spec.scopes, now->spec.scopes.at[i]);
    valid_immutable(e, PATH(&spec, "scopes"), same_scopes, BAD_NONE);
}

const struct strategy resource_quota_strategy = {
    .resource = &resource_quota_resource,
    .flags = STRATEGY_RETURNS_DELETED,
    .validate = quota_validate,
    .validate_update = quota_validate_update,
};
