/* PodDisruptionBudgets: how many pods may be evicted now (pkg/controller/disruption). */
#include "controllers/meta.h"
#include "controllers/pods.h"
#include "controllers/table.h"
#include "kinds/apps_v1.h"
#include "kinds/policy_v1.h"
#include "schema/copy.h"

#define EVICTION_TIMEOUT (120 * CLOCK_S) /* an eviction that was allowed has to show by then */

static const struct pod_disruption_budget *budget_of(struct object *o)
{
    return object_typed(o);
}

/* The pods that the budget is about. */
static int budget_pods(struct work *w, const struct pod_disruption_budget *b, struct objects *pods)
{
    struct selector s;
    if (selector_from(w->a, b->spec.selector, &s, w->err) < 0)
        return -1;
    informer_list(informer_of(w, pod), w->ns, pods);
    size_t kept = 0;
    for (size_t i = 0; i < pods->n; i++)
        if (selector_matches(&s, &object_meta(pods->at[i])->labels) && !pod_is_terminal(pod_of(pods->at[i])))
            pods->at[kept++] = pods->at[i];
        else
            object_unref(pods->at[i]);
    pods->n = kept;
    return 0;
}

/* --- how many pods there should be --- */

/* The size that a controller is to have; of a replica set that a deployment controls, the deployment's. *uid
 * tells what it is the size of. */
static bool controller_size(struct work *w, const struct object_meta *meta, struct str *uid, int32_t *size)
{
    const struct owner_reference *ref = meta_controller(meta);
    const struct resource *r = ref ? resource_find_kind(ref->api_version, ref->kind) : NULL;
    if (r != &replica_set_resource && r != &replication_controller_resource && r != &stateful_set_resource &&
        r != &deployment_resource)
        return false;
    _cleanup_object_ struct object *o = informer_get(client_informer(w->client, r, NULL), w->ns, ref->name);
    if (!o || !str_eq(object_meta(o)->uid, ref->uid))
        return false;
    if (r == &replica_set_resource && controller_size(w, object_meta(o), uid, size))
        return true;
    uint32_t base = 0;
    const struct field *f = type_field(r->spec->type, STR("replicas"), &base);
    const char *spec = field_at(r->spec, object_typed(o));
    const int32_t *replicas = *(int32_t *const *)field_at(f, spec + base);
    *uid = arena_str(w->a, object_meta(o)->uid);
    *size = replicas ? *replicas : 1;
    return true;
}

/* False when a pod has no controller whose size is known. */
static bool expected_of_controllers(struct work *w, const struct objects *pods, int32_t *expected)
{
    struct str_vec counted = {0};
    *expected = 0;
    for (size_t i = 0; i < pods->n; i++) {
        struct str uid;
        int32_t size;
        if (!controller_size(w, object_meta(pods->at[i]), &uid, &size))
            return false;
        if (strs_has(&counted, uid))
            continue;
        strs_add(w->a, &counted, uid);
        *expected += size;
    }
    return true;
}

static bool expect(struct work *w, const struct pod_disruption_budget *b, const struct objects *pods,
                   int32_t *expected, int32_t *desired)
{
    const struct int_or_str *max = b->spec.max_unavailable, *min = b->spec.min_available;
    *expected = (int32_t)pods->n;
    if (max) {
        if (!expected_of_controllers(w, pods, expected))
            return false;
        int32_t most = int_or_percent(max, *expected, true);
        *desired = *expected > most ? *expected - most : 0;
        return true;
    }
    if (min && min->is_str) {
        if (!expected_of_controllers(w, pods, expected))
            return false;
        *desired = int_or_percent(min, *expected, true);
        return true;
    }
    *desired = min ? min->i : 0;
    return true;
}

/* --- what is --- */

/* Keeps the evictions that were allowed and have not shown yet. */
static void disrupted_keep(struct work *w, struct time_map *disrupted, const struct objects *pods)
{
    size_t kept = 0;
    for (size_t i = 0; i < disrupted->n; i++) {
        int64_t rest = EVICTION_TIMEOUT - time_since(disrupted->at[i].value);
        bool waits = false;
        for (size_t k = 0; k < pods->n; k++)
            waits |= str_eq(object_name(pods->at[k]), disrupted->at[i].key) &&
                     !object_meta(pods->at[k])->deletion_timestamp;
        if (!waits || rest <= 0)
            continue;
        work_again(w, rest);
        disrupted->at[kept++] = disrupted->at[i];
    }
    disrupted->n = kept;
}

static bool is_disrupted(const struct time_map *disrupted, struct str name)
{
    for (size_t i = 0; i < disrupted->n; i++)
        if (str_eq(disrupted->at[i].key, name))
            return true;
    return false;
}

static void say(struct work *w, struct pod_disruption_budget *b, bool allowed, const char *reason,
                const char *message)
{
    condition_set(w->a, &condition_type, &b->status.conditions, CONDITION_ANY_CHANGE,
                  STR("DisruptionAllowed"), allowed ? CONDITION_STATUS_TRUE : CONDITION_STATUS_FALSE,
                  str_from(reason), str_from(message));
    struct condition *c = condition_find(&condition_type, &b->status.conditions, STR("DisruptionAllowed"));
    c->observed_generation = b->metadata.generation;
}

static void judge(struct work *w, struct object *o, struct pod_disruption_budget *b,
                  const struct objects *pods)
{
    struct pod_disruption_budget_status *s = &b->status;
    disrupted_keep(w, &s->disrupted_pods, pods);
    s->observed_generation = b->metadata.generation;
    s->current_healthy = 0;
    for (size_t i = 0; i < pods->n; i++) {
        const struct pod *p = pod_of(pods->at[i]);
        s->current_healthy += pod_is_ready(p) && !p->metadata.deletion_timestamp &&
                              !is_disrupted(&s->disrupted_pods, p->metadata.name);
    }
    if (!expect(w, b, pods, &s->expected_pods, &s->desired_healthy)) {
        s->disruptions_allowed = 0;
        say(w, b, false, "SyncFailed", "found no controller ref for a pod of the budget");
        recorder_event(w->recorder, o, "Warning", "CalculateExpectedPodCountFailed", (struct str){0},
                       "Failed to calculate the number of expected pods: found no controller ref for a pod");
        return;
    }
    int32_t spare = s->current_healthy - s->desired_healthy;
    s->disruptions_allowed = s->expected_pods > 0 && spare > 0 ? spare : 0;
    if (s->disruptions_allowed)
        say(w, b, true, "SufficientPods", "");
    else
        say(w, b, false, "InsufficientPods", "");
    if (pods->n == 0)
        recorder_event(w->recorder, o, "Normal", "NoPods", (struct str){0}, "No matching pods found");
}

static int disruption_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, pod_disruption_budget), w->ns, w->name);
    if (!o)
        return 0;
    struct pod_disruption_budget *b = object_copy(o, w->a);
    _cleanup_objects_ struct objects pods = {0};
    if (budget_pods(w, b, &pods) < 0)
        return -1;
    judge(w, o, b, &pods);
    if (struct_eq(&pod_disruption_budget_status_type, &b->status, &budget_of(o)->status))
        return 0;
    return client_update(w->client, &pod_disruption_budget_resource, STR("status"), b, NULL, w->err);
}

/* --- from changes to budgets --- */

static void add_budgets_of(struct controller *k, struct object *pod)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(k, pod_disruption_budget), object_namespace(pod), &all);
    for (size_t i = 0; i < all.n; i++) {
        struct selector s;
        if (selector_from(&a, budget_of(all.at[i])->spec.selector, &s, NULL) == 0 &&
            selector_matches(&s, &object_meta(pod)->labels))
            controller_on_self(k, NULL, all.at[i]);
    }
}

static void on_pod(struct controller *k, struct object *before, struct object *after)
{
    if (after)
        add_budgets_of(k, after);
    if (before && (!after || !labels_eq(&object_meta(before)->labels, &object_meta(after)->labels)))
        add_budgets_of(k, before);
}

/* Its size may have changed: its pods' template says whose budget that is. */
static void on_scaled(struct controller *k, struct object *before, struct object *after)
{
    if (!before || !after || object_meta(before)->generation == object_meta(after)->generation)
        return;
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(k, pod_disruption_budget), object_namespace(after), &all);
    for (size_t i = 0; i < all.n; i++)
        controller_on_self(k, NULL, all.at[i]);
}

const struct controller_def disruption_controller = {
    .name = "disruption",
    .component = "controllermanager",
    .account = "disruption-controller",
    .kind = &pod_disruption_budget_resource,
    .reconcile = disruption_reconcile,
    .watches = {{&pod_disruption_budget_resource, controller_on_self},
                {&pod_resource, on_pod},
                {&deployment_resource, on_scaled},
                {&replica_set_resource, on_scaled},
                {&replication_controller_resource, on_scaled},
                {&stateful_set_resource, on_scaled}},
};
