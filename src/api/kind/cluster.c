/* Namespaces, nodes, events, leases, priority classes. */
#include "api/kind/container.h"
#include "api/kind/kinds.h"
#include "base/map.h"
#include "kinds/coordination_v1.h"
#include "kinds/node_v1.h"
#include "kinds/scheduling_v1.h"

/* --- Namespace --- */

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
    each (ns->spec.finalizers, i)
        format_validate(e, PATH(&spec, "finalizers"), FORMAT_LABEL_KEY, ns->spec.finalizers.at[i]);
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

/* --- Node --- */

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
    each (n->spec.pod_cidrs, i)
        valid_cidr(e, PATH_AT(PATH(&spec, "podCIDRs"), i), n->spec.pod_cidrs.at[i]);
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
    if (old->spec.pod_cidr.n && !str_eq(now->spec.pod_cidr, old->spec.pod_cidr))
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

/* --- Event --- */

static void event_validate(const void *o, struct field_errors *e)
{
    const struct event *ev = o;
    struct path at = path_child(NULL, STR("involvedObject"));
    struct str ns = ev->involved_object.namespace;
    /* Events of cluster-scoped objects live in "default". */
    if (!ns.n ? !str_is(ev->metadata.namespace, "default") && !str_is(ev->metadata.namespace, "kube-system")
              : !str_eq(ns, ev->metadata.namespace))
        field_invalid(e, PATH(&at, "namespace"), ns, "does not match event.namespace");
}

const struct strategy event_strategy = {
    .resource = &event_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE,
    .validate = event_validate,
};

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
