/* pods/eviction: a delete that disruption budgets may refuse (pkg/registry/core/pod/storage/eviction.go). */
#include "api/sub/sub.h"

#include "kinds/policy_v1.h"
#include "schema/selector.h"
#include "schema/timestamp.h"

enum { DISRUPTED_MAX = 2000, RETRY_AFTER_S = 10 };

struct eviction_road {
    struct delete_options options;
    struct object *budget; /* the one that covers the pod; NULL: none */
};

static int evict(struct road *d);
static int evict_delete(struct road *d);

static bool pod_is_ready(const struct pod *pod)
{
    each (pod->status.conditions, i)
        if (str_is(pod->status.conditions.at[i].type, "Ready"))
            return str_is(pod->status.conditions.at[i].status, "True");
    return false;
}

/* Pods that are over, or have not begun, disrupt nothing. */
static bool ignores_budgets(const struct pod *pod)
{
    return str_is(pod->status.phase, "Succeeded") || str_is(pod->status.phase, "Failed") ||
           str_is(pod->status.phase, "Pending") || pod->metadata.deletion_timestamp;
}

static int find_budget(struct road *d, const struct pod *pod, struct object **out)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(d->api->store);
    struct cursor c;
    size_t n = 0;
    *out = NULL;
    cursor_open(&c, snap, store_table(d->api->store, &pod_disruption_budget_resource), d->ns, STR(""),
                STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        const struct pod_disruption_budget *b = object_typed(o);
        if (!b->spec.selector || !label_selector_takes(b->spec.selector, &pod->metadata.labels))
            continue;
        if (n++ == 0)
            *out = object_ref(o);
    }
    if (n < 2)
        return 0;
    object_unref(*out);
    *out = NULL;
    return err_set(
        &d->r->err, ERR_INTERNAL,
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.");
}

static int refuse(struct road *d, const char *cause, const char *fmt, ...) _printf_(3, 4);
static int refuse(struct road *d, const char *cause, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str why = arena_vprintf(d->r->arena, fmt, args);
    va_end(args);
    err_set(&d->r->err, ERR_TOO_MANY_REQUESTS, "%s",
            cause ? "Cannot evict pod as it would violate the pod's disruption budget."
                  : "The disruption budget is still being processed by the server.");
    if (cause)
        err_add_cause(&d->r->err, cause, STR(""), STR_FMT, STR_ARG(why));
    else
        d->r->err.details.retry_after_s = RETRY_AFTER_S;
    return -1;
}

/* Takes one disruption off the budget: the new budget to write, or a refusal. */
static int take_disruption(struct road *d, struct pod_disruption_budget *b)
{
    struct str name = b->metadata.name;
    if (b->status.observed_generation < b->metadata.generation)
        return refuse(d, NULL, "%s", "");
    if (b->status.disruptions_allowed < 0) {
        answer_forbidden(&d->r->err, &pod_disruption_budget_resource, name,
                         "pdb disruptions allowed is negative");
        return -1;
    }
    if (b->status.disrupted_pods.n > DISRUPTED_MAX) {
        answer_forbidden(&d->r->err, &pod_disruption_budget_resource, name,
                         "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
        return -1;
    }
    if (b->status.disruptions_allowed == 0)
        return refuse(d, "DisruptionBudget",
                      "The disruption budget " STR_FMT " needs %d healthy pods and has %d currently",
                      STR_ARG(name), b->status.desired_healthy, b->status.current_healthy);
    b->status.disruptions_allowed--;
    size_t n = b->status.disrupted_pods.n;
    struct time_entry *more = arena_new_n(d->r->arena, struct time_entry, n + 1);
    size_t at = 0;
    while (at < n && str_cmp(b->status.disrupted_pods.at[at].key, d->name) < 0)
        at++;
    if (at)
        memcpy(more, b->status.disrupted_pods.at, at * sizeof *more);
    more[at] = (struct time_entry){d->name, time_now()};
    if (n > at)
        memcpy(more + at + 1, b->status.disrupted_pods.at + at, (n - at) * sizeof *more);
    b->status.disrupted_pods.at = more;
    b->status.disrupted_pods.n = n + 1;
    return 0;
}

/* Whether a pod that is not ready may go without asking the budget (spec.unhealthyPodEvictionPolicy). */
static bool unready_may_go(const struct pod_disruption_budget *b, const struct pod *pod)
{
    if (pod_is_ready(pod))
        return false;
    if (b->spec.unhealthy_pod_eviction_policy &&
        str_is(*b->spec.unhealthy_pod_eviction_policy, "AlwaysAllow"))
        return true;
    return b->status.current_healthy >= b->status.desired_healthy && b->status.desired_healthy > 0;
}

static int evict_budget_done(struct road *d)
{
    int rc = road_child_run(d);
    if (rc == ROAD_WAIT)
        return rc;
    road_child_end(d);
    if (rc < 0 && d->r->err.reason == ERR_CONFLICT) { /* the budget has moved on: look again */
        err_clear(&d->r->err);
        return ++d->tries > 10 ? refuse(d, NULL, "%s", "") : evict(d);
    }
    return rc < 0 ? -1 : evict_delete(d);
}

static int evict_done(struct road *d)
{
    int rc = road_child_run(d);
    if (rc == ROAD_WAIT)
        return rc;
    road_child_end(d);
    return rc < 0 ? -1 : road_reply_success(d, 201, STR(""), STR(""));
}

static int evict_delete(struct road *d)
{
    struct eviction_road *v = d->more;
    struct api_request *child = road_child(d, API_DELETE, &pod_resource, d->ns, d->name);
    child->typed = &v->options;
    child->dry_run = d->r->dry_run;
    d->next = evict_done;
    return evict_done(d);
}

/* What admission has let pass. */
static int evict(struct road *d)
{
    struct eviction_road *v = d->more;
    if (road_load(d) < 0)
        return -1;
    const struct pod *pod = d->old;
    _cleanup_object_ struct object *found = NULL;
    if (ignores_budgets(pod))
        return evict_delete(d);
    if (find_budget(d, pod, &found) < 0)
        return -1;
    if (!found || unready_may_go(object_typed(found), pod))
        return evict_delete(d);
    struct pod_disruption_budget *b = object_copy(found, d->r->arena);
    if (take_disruption(d, b) < 0)
        return -1;
    struct api_request *child =
        road_child(d, API_UPDATE, &pod_disruption_budget_resource, d->ns, b->metadata.name);
    child->subresource = STR("status");
    child->typed = b;
    child->dry_run = d->r->dry_run || v->options.dry_run.n;
    d->next = evict_budget_done;
    return evict_budget_done(d);
}

static int evict_judged(struct road *d)
{
    struct eviction_road *v = d->more;
    int rc = road_admit_all(d);
    if (rc != ROAD_DONE)
        return rc;
    const struct eviction *e = d->attributes.object;
    if (e->delete_options)
        v->options = *e->delete_options;
    return evict(d);
}

int sub_eviction(struct road *d)
{
    struct eviction *e;
    struct err *err = &d->r->err;
    if (road_decode(d, &eviction_resource, (void **)&e) < 0)
        return -1;
    if (e->metadata.name.n && !str_eq(e->metadata.name, d->name))
        return err_set(err, ERR_BAD_REQUEST,
                       "name in URL does not match name in Eviction object: name in URL: " STR_FMT
                       ", name in Eviction: " STR_FMT,
                       STR_ARG(d->name), STR_ARG(e->metadata.name));
    if (road_load(d) < 0)
        return -1;
    d->more = arena_new(d->r->arena, struct eviction_road);
    d->r->dry_run |= e->delete_options && e->delete_options->dry_run.n;
    road_judge(d, &(struct api_attributes){.request = d->r,
                                           .operation = API_OP_CREATE,
                                           .resource = &eviction_resource,
                                           .object = e,
                                           .dry_run = d->r->dry_run});
    d->next = evict_judged;
    return evict_judged(d);
}
