/* Leases, priority classes, runtime classes. */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "kinds/coordination_v1.h"
#include "kinds/node_v1.h"
#include "kinds/scheduling_v1.h"

/* --- Lease --- */

static void lease_validate(const void *o, struct field_errors *e)
{
    const struct lease *l = o;
    struct path spec = path_child(NULL, STR("spec"));
    if (l->spec.lease_duration_seconds && *l->spec.lease_duration_seconds <= 0)
        field_invalid_int(e, PATH(&spec, "leaseDurationSeconds"), *l->spec.lease_duration_seconds,
                          "must be greater than 0");
    if (l->spec.lease_transitions && *l->spec.lease_transitions < 0)
        field_invalid_int(e, PATH(&spec, "leaseTransitions"), *l->spec.lease_transitions,
                          "must be greater than or equal to 0");
}

const struct strategy lease_strategy = {
    .resource = &lease_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE | STRATEGY_NEEDS_VERSION,
    .validate = lease_validate,
};

/* --- PriorityClass --- */

enum { USER_PRIORITY_MAX = 1000000000 };

static bool is_system_class(const struct priority_class *p)
{
    return (str_is(p->metadata.name, "system-node-critical") && p->value == 2000001000) ||
           (str_is(p->metadata.name, "system-cluster-critical") && p->value == 2000000000);
}

static void priority_class_validate(const void *o, struct field_errors *e)
{
    const struct priority_class *p = o;
    struct path meta = path_child(NULL, STR("metadata"));
    if (str_starts(p->metadata.name, STR("system-"))) {
        if (!is_system_class(p))
            field_forbidden(e, PATH(&meta, "name"),
                            "priority class names with 'system-' prefix are reserved for system use only");
    } else if (p->value > USER_PRIORITY_MAX)
        field_forbidden(e, PATH(NULL, "value"), "maximum allowed value of a user defined priority is %d",
                        USER_PRIORITY_MAX);
}

static void priority_class_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct priority_class *now = o, *old = before;
    if (now->value != old->value)
        field_forbidden(e, PATH(NULL, "value"), "may not be changed in an update.");
    if (now->preemption_policy && old->preemption_policy &&
        !str_eq(*now->preemption_policy, *old->preemption_policy))
        field_invalid(e, PATH(NULL, "preemptionPolicy"), *now->preemption_policy, "field is immutable");
}

const struct strategy priority_class_strategy = {
    .resource = &priority_class_resource,
    .validate = priority_class_validate,
    .validate_update = priority_class_validate_update,
};

/* --- RuntimeClass --- */

static void runtime_class_validate(const void *o, struct field_errors *e)
{
    const struct runtime_class *c = o;
    const struct path *overhead = PATH(PATH(NULL, "overhead"), "podFixed"),
                      *scheduling = PATH(NULL, "scheduling");
    if (c->overhead)
        each (c->overhead->pod_fixed, i)
            valid_quantity(e, PATH_OF(overhead, c->overhead->pod_fixed.at[i].key),
                           c->overhead->pod_fixed.at[i].value);
    if (!c->scheduling)
        return;
    valid_labels(e, PATH(scheduling, "nodeSelector"), &c->scheduling->node_selector);
    valid_tolerations(e, PATH(scheduling, "tolerations"), &c->scheduling->tolerations);
}

const struct strategy runtime_class_strategy = {
    .resource = &runtime_class_resource,
    .validate = runtime_class_validate,
};
