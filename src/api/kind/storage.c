/* Storage classes (pkg/apis/storage/validation). */
#include "api/kind/kinds.h"
#include "kinds/storage_v1.h"

static void storage_class_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct storage_class *now = o, *old = before;
    bool same_parameters = now->parameters.n == old->parameters.n;
    each (now->parameters, i) {
        const struct str *v = str_map_get(&old->parameters, now->parameters.at[i].key);
        same_parameters &= v && str_eq(*v, now->parameters.at[i].value);
    }
    if (!same_parameters)
        field_forbidden(e, PATH(NULL, "parameters"), "updates to parameters are forbidden.");
    if (!str_eq(now->provisioner, old->provisioner))
        field_forbidden(e, PATH(NULL, "provisioner"), "updates to provisioner are forbidden.");
    if (now->reclaim_policy && old->reclaim_policy && !str_eq(*now->reclaim_policy, *old->reclaim_policy))
        field_forbidden(e, PATH(NULL, "reclaimPolicy"), "updates to reclaimPolicy are forbidden.");
}

static void storage_class_validate(const void *o, struct field_errors *e)
{
    const struct storage_class *s = o;
    valid_required(e, PATH(NULL, "provisioner"), s->provisioner);
    if (s->provisioner.n)
        format_validate(e, PATH(NULL, "provisioner"), FORMAT_ANNOTATION_KEY, s->provisioner);
}

const struct strategy storage_class_strategy = {
    .resource = &storage_class_resource,
    .validate = storage_class_validate,
    .validate_update = storage_class_validate_update,
};
