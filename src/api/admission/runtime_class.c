/* RuntimeClass: a pod that names a class takes over what running it costs, and where it can run
 * (plugin/pkg/admission/runtimeclass). */
#include "api/admission.h"
#include "api/road.h"
#include "kinds/node_v1.h"
#include "schema/quantity.h"

/* The class of a pod that is being created: a reference, NULL where it names none. */
static int find_class(struct api *a, struct api_attributes *at, struct object **out, struct err *err)
{
    const struct pod *pod = at->object;
    *out = NULL;
    if (!pod->spec.runtime_class_name)
        return 0;
    *out = road_find(a, &runtime_class_resource, STR(""), *pod->spec.runtime_class_name);
    return *out ? 0
                : admission_forbid(at, err, "pod rejected: RuntimeClass \"" STR_FMT "\" not found",
                                   STR_ARG(*pod->spec.runtime_class_name));
}

static bool same_amounts(const struct str_map *a, const struct str_map *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++) {
        const struct str *other = str_map_get(b, a->at[i].key);
        same = other && quantity_cmp_str(a->at[i].value, *other) == 0;
    }
    return same;
}

static int overhead_differs(struct api_attributes *at, struct err *err)
{
    return admission_forbid(at, err,
                            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
}

static int take_overhead(struct api_attributes *at, const struct runtime_class *class, struct err *err)
{
    struct pod *pod = at->object;
    if (!class->overhead)
        return 0;
    if (pod->spec.overhead.at && !same_amounts(&pod->spec.overhead, &class->overhead->pod_fixed))
        return overhead_differs(at, err);
    pod->spec.overhead = class->overhead->pod_fixed;
    return 0;
}

/* --- scheduling --- */

static bool is_equal(const struct toleration *t)
{
    return !t->operator.n || str_is(t->operator, "Equal");
}

/* Everything that `t` tolerates, `wide` does too. */
static bool covers(const struct toleration *wide, const struct toleration *t)
{
    bool exists = str_is(wide->operator, "Exists");
    if (!str_eq(t->key, wide->key) && (wide->key.n || !exists))
        return false;
    if (!str_eq(t->effect, wide->effect) && wide->effect.n)
        return false;
    if (str_is(wide->effect, "NoExecute") && wide->toleration_seconds &&
        (!t->toleration_seconds || *t->toleration_seconds > *wide->toleration_seconds))
        return false;
    return exists || (is_equal(wide) && is_equal(t) && str_eq(t->value, wide->value));
}

static bool same_toleration(const struct toleration *a, const struct toleration *b)
{
    return covers(a, b) && covers(b, a);
}

/* Both lists as one, without what others in it cover. */
static void merge_tolerations(struct arena *a, struct toleration_vec *to, const struct toleration_vec *more)
{
    struct toleration *all = arena_new_n(a, struct toleration, to->n + more->n),
                      *kept = arena_new_n(a, struct toleration, to->n + more->n);
    size_t n = 0, n_kept = 0;
    each (*to, i)
        all[n++] = to->at[i];
    each (*more, i)
        all[n++] = more->at[i];
    for (size_t i = 0; i < n; i++) {
        bool covered = false;
        for (size_t k = 0; k < n_kept && !covered; k++)
            covered = covers(&kept[k], &all[i]);
        for (size_t k = i + 1; k < n && !covered; k++)
            covered = covers(&all[k], &all[i]) && !same_toleration(&all[k], &all[i]);
        if (!covered)
            kept[n_kept++] = all[i];
    }
    to->at = kept;
    to->n = n_kept;
}

static int take_scheduling(struct api_attributes *at, const struct runtime_class *class, struct err *err)
{
    struct pod *pod = at->object;
    struct arena *a = at->request->arena;
    if (!class->scheduling)
        return 0;
    const struct str_map *selector = &class->scheduling->node_selector;
    each (*selector, i) {
        struct str key = selector->at[i].key, value = selector->at[i].value;
        const struct str *own = str_map_get(&pod->spec.node_selector, key);
        if (own && !str_eq(*own, value))
            return admission_forbid(at, err,
                                    "conflict: runtimeClass.scheduling.nodeSelector[" STR_FMT "] = " STR_FMT
                                    "; pod.spec.nodeSelector[" STR_FMT "] = " STR_FMT,
                                    STR_ARG(key), STR_ARG(value), STR_ARG(key), STR_ARG(*own));
        str_map_put(&pod->spec.node_selector, a, key, value);
    }
    merge_tolerations(a, &pod->spec.tolerations, &class->scheduling->tolerations);
    return 0;
}

static int runtime_class_mutate(struct api *a, struct api_attributes *at, struct err *err)
{
    _cleanup_object_ struct object *o = NULL;
    if (!admission_creates(at, &pod_resource))
        return 0;
    if (find_class(a, at, &o, err) < 0)
        return -1;
    if (!o)
        return 0;
    const struct runtime_class *class = object_copy(o, at->request->arena); /* the pod points into it */
    return take_overhead(at, class, err) < 0 ? -1 : take_scheduling(at, class, err);
}

static int runtime_class_validate(struct api *a, struct api_attributes *at, struct err *err)
{
    _cleanup_object_ struct object *o = NULL;
    if (!admission_creates(at, &pod_resource))
        return 0;
    if (find_class(a, at, &o, err) < 0)
        return -1;
    const struct pod *pod = at->object;
    const struct runtime_class *class = o ? object_typed(o) : NULL;
    if (class && class->overhead)
        return same_amounts(&pod->spec.overhead, &class->overhead->pod_fixed) ? 0 : overhead_differs(at, err);
    return pod->spec.overhead.at
               ? admission_forbid(at, err,
                                  "pod rejected: Pod Overhead set without corresponding RuntimeClass defined "
                                  "Overhead")
               : 0;
}

const struct admission_plugin runtime_class_admission = {
    .name = "RuntimeClass", .mutate = runtime_class_mutate, .validate = runtime_class_validate};
