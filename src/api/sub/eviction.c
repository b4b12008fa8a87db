/* pods/eviction: a delete that disruption budgets may refuse (pkg/registry/core/pod/storage/eviction.go). */
#include "api/sub/sub.h"

#include "kinds/policy_v1.h"
#include "schema/selector.h"
#include "schema/timestamp.h"

enum { DISRUPTED_MAX = 2000, RETRY_AFTER_S = 10, TRIES = 10 };

struct eviction_road {
    struct delete_options given, options; /* what the client gave, and what this try deletes with */
    struct str budget;                    /* the one that covers the pod; empty: none */
    bool as_it_was_seen; /* the pod goes without its budget's leave, so only while it is as it was then */
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

/* Not now: with seconds until asking again makes sense; 0: nobody knows. */
static int refuse(struct road *d, int32_t retry_after_s, const char *fmt, ...) _printf_(3, 4);
static int refuse(struct road *d, int32_t retry_after_s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str why = arena_vprintf(d->r->arena, fmt, args);
    va_end(args);
    err_set(&d->r->err, ERR_TOO_MANY_REQUESTS,
            "Cannot evict pod as it would violate the pod's disruption budget.");
    err_add_cause(&d->r->err, "DisruptionBudget", STR(""), STR_FMT, STR_ARG(why));
    d->r->err.details.retry_after_s = retry_after_s;
    return -1;
}

static int refuse_for_now(struct road *d, struct str budget)
{
    return refuse(d, RETRY_AFTER_S,
                  "The disruption budget " STR_FMT " is still being processed by the server.",
                  STR_ARG(budget));
}

static int forbid(struct road *d, struct str budget, const char *why)
{
    struct resource named = pod_disruption_budget_resource; /* upstream names it in the singular */
    named.qualified = STR("poddisruptionbudget.policy");
    named.plural = STR("poddisruptionbudget");
    answer_forbidden(&d->r->err, &named, budget, "%s", why);
    err_add_cause(&d->r->err, "DisruptionBudget", STR(""),
                  "The disruption budget " STR_FMT " does not allow evicting pods currently: %s",
                  STR_ARG(budget), why);
    return -1;
}

/* A budget that allows nothing says why: its figures, unless they could not be had. */
static int refuse_by_figures(struct road *d, const struct pod_disruption_budget *b)
{
    each (b->status.conditions, i) {
        const struct condition *c = &b->status.conditions.at[i];
        if (str_is(c->type, "DisruptionAllowed") && str_is(c->status, "False") &&
            str_is(c->reason, "SyncFailed") && c->message.n)
            return refuse(d, 0,
                          "The disruption budget " STR_FMT
                          " does not allow evicting pods currently because it failed sync: " STR_FMT,
                          STR_ARG(b->metadata.name), STR_ARG(c->message));
    }
    return refuse(d, 0, "The disruption budget " STR_FMT " needs %d healthy pods and has %d currently",
                  STR_ARG(b->metadata.name), b->status.desired_healthy, b->status.current_healthy);
}

/* Takes one disruption off the budget: the new budget to write, or a refusal. */
static int take_disruption(struct road *d, struct pod_disruption_budget *b)
{
    if (b->status.observed_generation < b->metadata.generation)
        return refuse_for_now(d, b->metadata.name);
    if (b->status.disruptions_allowed < 0)
        return forbid(d, b->metadata.name, "pdb disruptions allowed is negative");
    if (b->status.disrupted_pods.n > DISRUPTED_MAX)
        return forbid(d, b->metadata.name,
                      "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
    if (b->status.disruptions_allowed == 0)
        return refuse_by_figures(d, b);
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
    const struct eviction_road *v = d->more;
    int rc = road_child_run(d);
    if (rc == ROAD_WAIT)
        return rc;
    road_child_end(d);
    if (rc < 0 && d->r->err.reason == ERR_CONFLICT) { /* the budget has moved on: look again */
        err_clear(&d->r->err);
        return ++d->tries > TRIES ? refuse_for_now(d, v->budget) : evict(d);
    }
    return rc < 0 ? -1 : evict_delete(d);
}

static int evict_done(struct road *d)
{
    int rc = road_child_run(d);
    if (rc == ROAD_WAIT)
        return rc;
    road_child_end(d);
    const struct eviction_road *v = d->more;
    if (rc < 0 && v->as_it_was_seen && d->r->err.reason == ERR_CONFLICT) {
        err_clear(&d->r->err);
        return v->budget.n || ++d->tries > TRIES ? refuse_for_now(d, v->budget) : evict(d);
    }
    return rc < 0 ? -1 : road_reply_success(d, 201, STR(""), STR(""));
}

/* Pods that their budget did not ask for leave must not have become ready meanwhile. */
static void hold_to_what_was_seen(struct road *d)
{
    struct eviction_road *v = d->more;
    const struct preconditions *own = v->options.preconditions;
    if (own && own->resource_version)
        return; /* the client holds to what it has seen */
    struct preconditions *p = arena_new(d->r->arena, struct preconditions);
    *p = own ? *own : (struct preconditions){0};
    p->resource_version = arena_new(d->r->arena, struct str);
    *p->resource_version = arena_printf(d->r->arena, "%lld", (long long)object_revision(d->current));
    v->options.preconditions = p;
    v->as_it_was_seen = true;
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
    v->options = v->given;
    v->budget = (struct str){0};
    v->as_it_was_seen = false;
    if (road_load(d) < 0)
        return -1;
    const struct pod *pod = d->old;
    _cleanup_object_ struct object *found = NULL;
    if (ignores_budgets(pod)) {
        if (str_is(pod->status.phase, "Pending"))
            hold_to_what_was_seen(d);
        return evict_delete(d);
    }
    if (find_budget(d, pod, &found) < 0)
        return -1;
    if (!found)
        return evict_delete(d);
    struct pod_disruption_budget *b = object_copy(found, d->r->arena);
    v->budget = b->metadata.name;
    if (unready_may_go(b, pod)) {
        hold_to_what_was_seen(d);
        return evict_delete(d);
    }
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
        v->given = *e->delete_options;
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
