/* Leases, priority classes, runtime classes. */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "api/kind/warn.h"
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

static void valid_system_class(struct field_errors *e, const struct path *at, const struct priority_class *p)
{
    static const struct {
        const char *name;
        int32_t value;
    } known[] = {{"system-node-critical", 2000001000}, {"system-cluster-critical", 2000000000}};
    static const char reserved[] =
        "priority class names with 'system-' prefix are reserved for system use only. error: ";
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_is(p->metadata.name, known[i].name)) {
            if (p->value != known[i].value)
                field_forbidden(e, at, "%svalue of %s PriorityClass must be %d", reserved, known[i].name,
                                known[i].value);
            else if (p->global_default)
                field_forbidden(e, at, "%sglobalDefault of %s PriorityClass must be false", reserved,
                                known[i].name);
            return;
        }
    field_forbidden(e, at, "%s" STR_FMT " is not a known system priority class", reserved,
                    STR_ARG(p->metadata.name));
}

static void priority_class_validate(const void *o, struct field_errors *e)
{
    const struct priority_class *p = o;
    struct path meta = path_child(NULL, STR("metadata"));
    if (str_starts(p->metadata.name, STR("system-")))
        valid_system_class(e, PATH(&meta, "name"), p);
    else if (p->value > USER_PRIORITY_MAX)
        field_forbidden(e, PATH(NULL, "value"), "maximum allowed value of a user defined priority is %d",
                        USER_PRIORITY_MAX);
    if (p->preemption_policy)
        VALID_ONE_OF(e, PATH(NULL, "preemptionPolicy"), *p->preemption_policy, true, STR("Never"),
                     STR("PreemptLowerPriority"));
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
    valid_required(e, PATH(NULL, "handler"), c->handler);
    if (c->overhead)
        each (c->overhead->pod_fixed, i)
            valid_quantity(e, PATH_OF(overhead, c->overhead->pod_fixed.at[i].key),
                           c->overhead->pod_fixed.at[i].value);
    if (!c->scheduling)
        return;
    valid_labels(e, PATH(scheduling, "nodeSelector"), &c->scheduling->node_selector);
    valid_tolerations(e, PATH(scheduling, "tolerations"), &c->scheduling->tolerations);
}

static void runtime_class_warn(const void *o, const void *old, const struct strategy_context *c)
{
    const struct runtime_class *r = o;
    const struct path *selector = PATH(PATH(NULL, "scheduling"), "nodeSelector");
    (void)old;
    if (r->scheduling)
        each (r->scheduling->node_selector, i)
            warn_node_label(PATH_OF(selector, r->scheduling->node_selector.at[i].key),
                            r->scheduling->node_selector.at[i].key, true, c);
}

const struct strategy runtime_class_strategy = {
    .resource = &runtime_class_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE | STRATEGY_NEEDS_VERSION,
    .warn = runtime_class_warn,
    .validate = runtime_class_validate,
};
