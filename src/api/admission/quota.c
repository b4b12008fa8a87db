/* ResourceQuota: what a namespace may use in all. Usage is counted anew for each create, so that a quota
 * holds whether or not its status has caught up (plugin/pkg/admission/resourcequota, with its words): what
 * the store has, and what other creates have been let through with that it does not have yet. */
#include <stdlib.h>

#include "api/admission.h"
#include "api/road.h"
#include "kinds/resourcequota_v1.h"
#include "schema/quantity.h"
#include "schema/quota_usage.h"

/* A create that was let through, until its request ends; under quota_mutex. */
struct quota_claim {
    const struct resource *resource;
    const void *object;
    struct quota_claim *next;
};

static bool claim_is_stored(struct api *a, struct snapshot *snap, const struct quota_claim *c,
                            const struct object_meta *m)
{
    struct object *o = snapshot_get(snap, store_table(a->store, c->resource), m->namespace, m->name);
    return o && str_eq(object_meta(o)->uid, m->uid);
}

static void used_in_namespace(struct api *a, struct snapshot *snap, const struct resource_quota *q,
                              const struct resource *r, struct str ns, struct quota_usage *u)
{
    for (const struct quota_claim *claim = a->quota_claims; claim; claim = claim->next) {
        const struct object_meta *m = resource_meta(claim->resource, (void *)claim->object);
        if (claim->resource == r && str_eq(m->namespace, ns) && quota_takes(q, r, claim->object) &&
            !claim_is_stored(a, snap, claim, m))
            quota_usage_add(u, r, claim->object);
    }
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, r), ns, STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));)
        if (quota_takes(q, r, object_typed(o)))
            quota_usage_add(u, r, object_typed(o));
}

static void text_add(struct buf *b, struct str name, struct str value)
{
    buf_addf(b, "%s" STR_FMT "=" STR_FMT, b->n ? "," : "", STR_ARG(name), STR_ARG(value));
}

/* Where a quota limits cpu or memory, each container of a pod must say how much it wants: "must specify ...".
 */
static struct str missing_amounts(struct arena *arena, const struct resource_quota *q, const struct pod *pod)
{
    static const struct str names[] = {STR_INIT("cpu"),           STR_INIT("limits.cpu"),
                                       STR_INIT("limits.memory"), STR_INIT("memory"),
                                       STR_INIT("requests.cpu"),  STR_INIT("requests.memory")};
    const struct container_vec *lists[] = {&pod->spec.containers, &pod->spec.init_containers};
    _cleanup_buf_ struct buf all = {0};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str_vec lacking = {0};
        if (!str_map_get(&q->spec.hard, names[i]))
            continue;
        for (size_t l = 0; l < ARRAY_LEN(lists); l++)
            each (*lists[l], k) {
                struct quota_usage u = {.arena = arena};
                quota_usage_add_container(&u, &lists[l]->at[k]);
                if (!quota_usage_get(&u, names[i]))
                    str_vec_add(&lacking, arena, lists[l]->at[k].name);
            }
        if (!lacking.n)
            continue;
        qsort(lacking.at, lacking.n, sizeof *lacking.at, str_qsort);
        buf_addf(&all, "%s" STR_FMT " for: ", all.n ? "; " : "", STR_ARG(names[i]));
        each (lacking, k)
            buf_addf(&all, "%s" STR_FMT, k ? "," : "", STR_ARG(lacking.at[k]));
    }
    return arena_str(arena, buf_str(&all));
}

/* What the change adds to what is used of `name`; for an update, what it adds to the old object. */
static bool added(const struct quota_usage *now, const struct quota_usage *old, struct str name,
                  struct quantity *delta)
{
    const struct str *want = quota_usage_get(now, name), *had = quota_usage_get(old, name);
    if (!want)
        return false;
    *delta = quantity_of(*want);
    if (had)
        *delta = quantity_sub(*delta, quantity_of(*had));
    return quantity_cmp(*delta, quantity_from(0, QUANTITY_DECIMAL_SI)) > 0;
}

static int quota_check(struct api *a, struct snapshot *snap, const struct resource_quota *q,
                       struct api_attributes *at, struct err *err)
{
    struct arena *arena = at->request->arena;
    struct quota_usage asked = {.arena = arena}, had = {.arena = arena}, used = {.arena = arena};
    _cleanup_buf_ struct buf over = {0}, before = {0}, limits = {0};
    bool counted = false;
    if (!at->old && at->resource == &pod_resource) {
        struct str missing = missing_amounts(arena, q, at->object);
        if (missing.n)
            return admission_forbid(at, err, "failed quota: " STR_FMT ": must specify " STR_FMT,
                                    STR_ARG(q->metadata.name), STR_ARG(missing));
    }
    quota_usage_add(&asked, at->resource, at->object);
    if (at->old && quota_takes(q, at->resource, at->old))
        quota_usage_add(&had, at->resource, at->old);
    each (q->spec.hard, i) {
        struct str name = q->spec.hard.at[i].key, hard = q->spec.hard.at[i].value;
        struct quantity delta;
        if (!added(&asked, &had, name, &delta))
            continue;
        if (!counted)
            used_in_namespace(a, snap, q, at->resource, at->request->ns, &used);
        counted = true;
        const struct str *now = quota_usage_get(&used, name);
        struct str was = now ? *now : STR("0");
        if (quantity_cmp(quantity_add(quantity_of(was), delta), quantity_of(hard)) <= 0)
            continue;
        text_add(&over, name, quantity_str(arena, delta));
        text_add(&before, name, was);
        text_add(&limits, name, hard);
    }
    if (!over.n)
        return 0;
    return admission_forbid(
        at, err, "exceeded quota: " STR_FMT ", requested: " STR_FMT ", used: " STR_FMT ", limited: " STR_FMT,
        STR_ARG(q->metadata.name), STR_ARG(buf_str(&over)), STR_ARG(buf_str(&before)),
        STR_ARG(buf_str(&limits)));
}

static void claim_drop(struct api *a, struct road *d)
{
    for (struct quota_claim **at = &a->quota_claims; *at; at = &(*at)->next)
        if (*at == d->quota_claim) {
            *at = (*at)->next;
            break;
        }
    d->quota_claim = NULL;
}

void quota_end(struct road *d)
{
    if (!d->quota_claim)
        return;
    _lock_(&d->api->quota_mutex);
    claim_drop(d->api, d);
}

static bool has_quota(struct api *a, struct snapshot *snap, struct str ns)
{
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, &resource_quota_resource), ns, STR(""), STR(""));
    return cursor_next(&c);
}

/* Creates of all kinds, and updates of those that can grow. */
static bool may_use_more(const struct api_attributes *at)
{
    const struct api_request *r = at->request;
    if (!r->ns.n || r->resource->flags & RESOURCE_VIRTUAL)
        return false;
    if (at->operation == API_OP_CREATE)
        return !r->subresource.n;
    return at->operation == API_OP_UPDATE &&
           ((at->resource == &pod_resource && (!r->subresource.n || str_is(r->subresource, "resize"))) ||
            (at->resource == &service_resource && !r->subresource.n) ||
            (at->resource == &persistent_volume_claim_resource && !r->subresource.n));
}

/* --- what may be used only where a quota covers it --- */

static bool scope_is(const struct scoped_resource_selector_requirement *s, const struct api_attributes *at)
{
    struct scope_selector one = {.match_expressions = {(struct scoped_resource_selector_requirement *)s, 1}};
    struct resource_quota q = {.spec.scope_selector = &one};
    return quota_takes(&q, at->resource, at->object);
}

static bool names_scope(const struct resource_quota *q, struct str scope)
{
    const struct scope_selector *s = q->spec.scope_selector;
    for (size_t i = 0; s && i < s->match_expressions.n; i++)
        if (str_eq(s->match_expressions.at[i].scope_name, scope))
            return true;
    return str_vec_has(&q->spec.scopes, scope);
}

/* Whether a quota takes the object and bounds this amount (`what`), or names this scope. */
static bool is_covered(struct api *a, struct snapshot *snap, struct api_attributes *at, struct str what,
                       bool scope)
{
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, &resource_quota_resource), at->request->ns, STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        const struct resource_quota *q = object_typed(o);
        if (quota_takes(q, at->resource, at->object) &&
            (scope ? names_scope(q, what) : str_map_get(&q->spec.hard, what) != NULL))
            return true;
    }
    return false;
}

/* As Go prints the requirement. */
static void add_scope(struct buf *b, const struct scoped_resource_selector_requirement *s)
{
    buf_addf(b, "%s{" STR_FMT " " STR_FMT " [", b->n ? " " : "", STR_ARG(s->scope_name),
             STR_ARG(s->operator));
    for (size_t i = 0; i < s->values.n; i++)
        buf_addf(b, "%s" STR_FMT, i ? " " : "", STR_ARG(s->values.at[i]));
    buf_add_lit(b, "]}");
}

static bool contains_any(struct str name, const struct str_vec *parts)
{
    for (size_t i = 0; i < parts->n; i++)
        if (str_find(name, parts->at[i]) >= 0)
            return true;
    return false;
}

static int check_limited(struct api *a, struct api_attributes *at, struct err *err)
{
    const struct resource_quota_configuration *c = a->admission->quota;
    struct arena *arena = at->request->arena;
    struct quota_usage asked = {.arena = arena}, had = {.arena = arena};
    _cleanup_buf_ struct buf amounts = {0}, scopes = {0};
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    quota_usage_add(&asked, at->resource, at->object);
    if (at->old)
        quota_usage_add(&had, at->resource, at->old);
    for (size_t i = 0; i < c->limited_resources.n; i++) {
        const struct limited_resource *l = &c->limited_resources.at[i];
        struct quantity delta;
        if (!str_eq(l->api_group, at->resource->group) || !str_eq(l->resource, at->resource->plural))
            continue;
        for (size_t k = 0; k < l->match_scopes.n && !at->old; k++)
            if (scope_is(&l->match_scopes.at[k], at) &&
                !is_covered(a, snap, at, l->match_scopes.at[k].scope_name, true))
                add_scope(&scopes, &l->match_scopes.at[k]);
        for (size_t k = 0; k < asked.at.n; k++) {
            struct str name = asked.at.at[k].key;
            if (contains_any(name, &l->match_contains) && added(&asked, &had, name, &delta) &&
                !is_covered(a, snap, at, name, false))
                buf_addf(&amounts, "%s" STR_FMT, amounts.n ? "," : "", STR_ARG(name));
        }
    }
    if (scopes.n)
        return admission_forbid(at, err, "insufficient quota to match these scopes: [" STR_FMT "]",
                                STR_ARG(buf_str(&scopes)));
    return amounts.n ? admission_forbid(at, err, "insufficient quota to consume: " STR_FMT,
                                        STR_ARG(buf_str(&amounts)))
                     : 0;
}

static int quota_validate(struct api *a, struct api_attributes *at, struct err *err)
{
    if (!may_use_more(at))
        return 0;
    if (a->admission->quota && check_limited(a, at, err) < 0)
        return -1;
    struct road *d = at->request->state;
    _cleanup_snapshot_ struct snapshot *glance = store_snapshot(a->store);
    if (!has_quota(a, glance, at->request->ns))
        return 0;
    _lock_(&a->quota_mutex);
    claim_drop(a, d); /* of an earlier try */
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, &resource_quota_resource), at->request->ns, STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        const struct resource_quota *q = object_typed(o);
        if (quota_takes(q, at->resource, at->object) && quota_check(a, snap, q, at, err) < 0)
            return -1;
    }
    if (at->dry_run || at->old)
        return 0;
    d->quota_claim = arena_new(at->request->arena, struct quota_claim);
    *d->quota_claim = (struct quota_claim){at->resource, at->object, a->quota_claims};
    a->quota_claims = d->quota_claim;
    return 0;
}

const struct admission_plugin resource_quota_admission = {.name = "ResourceQuota",
                                                          .validate = quota_validate};
