/* Priority: a pod's class as a number (plugin/pkg/admission/priority). */
#include "api/admission.h"
#include "api/road.h"
#include "kinds/scheduling_v1.h"

/* The class that pods without one get: of several defaults, the lowest. A reference, or NULL. */
static struct object *default_class(struct api *a)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct cursor c;
    struct object *found = NULL;
    cursor_open(&c, snap, store_table(a->store, &priority_class_resource), STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        const struct priority_class *p = object_typed(o);
        if (p->global_default &&
            (!found || p->value < ((const struct priority_class *)object_typed(found))->value))
            found = o;
    }
    return found ? object_ref(found) : NULL;
}

static int pod_priority(struct api *a, struct api_attributes *at, struct err *err)
{
    struct pod *pod = at->object;
    struct arena *arena = at->request->arena;
    _cleanup_object_ struct object *o =
        pod->spec.priority_class_name.n
            ? road_find(a, &priority_class_resource, STR(""), pod->spec.priority_class_name)
            : default_class(a);
    if (!o && pod->spec.priority_class_name.n)
        return admission_forbid(at, err, "no PriorityClass with name " STR_FMT " was found",
                                STR_ARG(pod->spec.priority_class_name));
    const struct priority_class *class = o ? object_typed(o) : NULL;
    int32_t value = class ? class->value : 0;
    struct str policy =
        class && class->preemption_policy ? *class->preemption_policy : STR("PreemptLowerPriority");
    if (class)
        pod->spec.priority_class_name = arena_str(arena, class->metadata.name);
    if (pod->spec.priority && *pod->spec.priority != value)
        return admission_forbid(
            at, err,
            "the integer value of priority (%d) must not be provided in pod spec; priority admission "
            "controller computed %d from the given PriorityClass name",
            *pod->spec.priority, value);
    if (pod->spec.preemption_policy && !str_eq(*pod->spec.preemption_policy, policy))
        return admission_forbid(
            at, err,
            "the string value of PreemptionPolicy (" STR_FMT
            ") must not be provided in pod spec; priority admission controller computed " STR_FMT
            " from the given PriorityClass name",
            STR_ARG(*pod->spec.preemption_policy), STR_ARG(policy));
    policy = arena_str(arena, policy);
    pod->spec.priority = arena_dup(arena, &value, sizeof value);
    pod->spec.preemption_policy = arena_dup(arena, &policy, sizeof policy);
    return 0;
}

static int priority_mutate(struct api *a, struct api_attributes *at, struct err *err)
{
    if (admission_creates(at, &pod_resource))
        return pod_priority(a, at, err);
    if (admission_updates(at, &pod_resource)) { /* clients that do not know the fields do not lose them */
        struct pod *pod = at->object;
        const struct pod *old = at->old;
        if (!pod->spec.priority)
            pod->spec.priority = old->spec.priority;
        if (!pod->spec.preemption_policy)
            pod->spec.preemption_policy = old->spec.preemption_policy;
    }
    return 0;
}

static int priority_validate(struct api *a, struct api_attributes *at, struct err *err)
{
    if (!admission_creates(at, &priority_class_resource) && !admission_updates(at, &priority_class_resource))
        return 0;
    const struct priority_class *p = at->object;
    if (!p->global_default)
        return 0;
    _cleanup_object_ struct object *o = default_class(a);
    if (o && !str_eq(object_name(o), p->metadata.name))
        return admission_forbid(
            at, err, "PriorityClass " STR_FMT " is already marked as default. Only one default can exist",
            STR_ARG(object_name(o)));
    return 0;
}

const struct admission_plugin priority_admission = {
    .name = "Priority", .mutate = priority_mutate, .validate = priority_validate};
