/* Namespaces (pkg/registry/core/namespace, ValidateNamespace). */
#include "api/kind/kinds.h"

static void namespace_defaults(void *o, struct arena *a)
{
    struct namespace *ns = o;
    /* Everyone may select a namespace by its name. */
    if (ns->metadata.name.n)
        str_map_put(&ns->metadata.labels, a, STR("kubernetes.io/metadata.name"), ns->metadata.name);
}

static void namespace_prepare_create(void *o, const struct strategy_context *c)
{
    struct namespace *ns = o;
    namespace_defaults(o, c->arena); /* a generated name has come since */
    ns->status = (struct namespace_status){.phase = STR("Active")};
    if (!str_vec_has(&ns->spec.finalizers, STR("kubernetes")))
        str_vec_add(&ns->spec.finalizers, c->arena, STR("kubernetes"));
}

static void namespace_prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    (void)c;
    ((struct namespace *)o)->spec.finalizers = ((const struct namespace *)old)->spec.finalizers;
}

static void namespace_validate(const void *o, struct field_errors *e)
{
    const struct namespace *ns = o;
    struct path spec = path_child(NULL, STR("spec"));
    const struct path *at = PATH(&spec, "finalizers");
    each (ns->spec.finalizers, i) {
        format_validate(e, at, FORMAT_LABEL_KEY, ns->spec.finalizers.at[i]);
        valid_standard_finalizer(e, at, ns->spec.finalizers.at[i]);
    }
}

static void namespace_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct namespace *ns = o;
    struct path status = path_child(NULL, STR("status"));
    (void)old;
    bool going = ns->metadata.deletion_timestamp;
    if (going && !str_is(ns->status.phase, "Terminating"))
        field_invalid(e, PATH(&status, "Phase"), ns->status.phase,
                      "may only be 'Terminating' if `deletionTimestamp` is not empty");
    if (!going && !str_is(ns->status.phase, "Active"))
        field_invalid(e, PATH(&status, "Phase"), ns->status.phase,
                      "may only be 'Active' if `deletionTimestamp` is empty");
}

const struct strategy namespace_strategy = {
    .resource = &namespace_resource,
    .defaults = namespace_defaults,
    .prepare_create = namespace_prepare_create,
    .prepare_update = namespace_prepare_update,
    .validate = namespace_validate,
    .validate_status = namespace_validate_status,
};
