#include "node/pod/admission.h"

#include "node/pod/resources.h"
#include "schema/quantity.h"

static bool is_terminal(const struct pod *pod)
{
    return str_is(pod->status.phase, "Succeeded") || str_is(pod->status.phase, "Failed");
}

/* CPU in thousandths, all else in units. */
static int64_t in_units(struct str resource, struct str amount)
{
    return str_is(resource, "cpu") ? quantity_milli_of(amount) : quantity_value_of(amount);
}

bool pod_admit(struct pod_state *p, const struct pod *pod, struct arena *a, struct str *reason,
               struct str *message)
{
    _cleanup_object_ struct object *node_object =
        informer_get(p->node->node_informer, STR(""), p->node->name);
    _cleanup_objects_ struct objects all = {0};
    if (!node_object)
        return true;
    const struct node *node = object_typed(node_object);
    for (size_t i = 0; i < pod->spec.node_selector.n; i++) {
        const struct str_entry *want = &pod->spec.node_selector.at[i];
        struct str have = resource_amount(&node->metadata.labels, want->key);
        if (!str_eq(have, want->value)) {
            *reason = STR("NodeAffinity");
            *message = STR("Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node "
                           "affinity/selector");
            return false;
        }
    }
    informer_list(p->node->pod_informer, STR(""), &all);
    static const struct str resources[] = {STR_INIT("pods"), STR_INIT("cpu"), STR_INIT("memory"),
                                           STR_INIT("ephemeral-storage")};
    for (size_t r = 0; r < ARRAY_LEN(resources); r++) {
        struct str name = resources[r], allocatable = resource_amount(&node->status.allocatable, name);
        bool pods = str_is(name, "pods");
        int64_t asked = pods ? 1 : pod_request(pod, name, false), used = 0;
        if (!asked || !allocatable.n)
            continue;
        for (size_t i = 0; i < all.n; i++) {
            const struct pod *other = object_typed(all.at[i]);
            /* Those that came earlier go first. */
            if (str_eq(other->metadata.uid, p->uid) || is_terminal(other) || !other->status.start_time)
                continue;
            used += pods ? 1 : pod_request(other, name, false);
        }
        int64_t capacity = in_units(name, allocatable);
        if (used + asked <= capacity)
            continue;
        *reason = arena_concat(a, STR("OutOf"), name);
        *message = arena_printf(a,
                                "Pod was rejected: Node didn't have enough resource: " STR_FMT
                                ", requested: %lld, used: %lld, capacity: %lld",
                                STR_ARG(name), (long long)asked, (long long)used, (long long)capacity);
        return false;
    }
    return true;
}
