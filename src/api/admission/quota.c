/* ResourceQuota: what a namespace may use in all. Usage is counted anew for each create, so that a quota
 * holds whether or not its status has caught up (plugin/pkg/admission/resourcequota, with its words): what
 * the store has, and what other creates have been let through with that it does not have yet. */
#include "api/admission.h"
#include "api/kind/pod.h"
#include "api/road.h"
#include "schema/quantity.h"

struct usage {
    struct str_map at; /* resource to quantity */
    struct arena *arena;
};

static void usage_add(struct usage *u, struct str name, struct quantity q)
{
    const struct str *before = str_map_get(&u->at, name);
    if (before)
        q = quantity_add(quantity_of(*before), q);
    str_map_put(&u->at, u->arena, name, quantity_str(u->arena, q));
}

static void usage_add_list(struct usage *u, const char *prefix, const struct str_map *list)
{
    each (*list, i)
        usage_add(u, arena_printf(u->arena, "%s" STR_FMT, prefix, STR_ARG(list->at[i].key)),
                  quantity_of(list->at[i].value));
}

static struct quantity one(void)
{
    return quantity_from(1, QUANTITY_DECIMAL_SI);
}

/* Pods that are over use nothing but their name. */
static void usage_add_pod(struct usage *u, const struct pod *pod)
{
    usage_add(u, STR("count/pods"), one());
    if (str_is(pod->status.phase, "Succeeded") || str_is(pod->status.phase, "Failed"))
        return;
    usage_add(u, STR("pods"), one());
    each (pod->spec.containers, i) {
        const struct resource_requirements *r = &pod->spec.containers.at[i].resources;
        usage_add_list(u, "", &r->requests);
        usage_add_list(u, "requests.", &r->requests);
        usage_add_list(u, "limits.", &r->limits);
    }
}

static void usage_add_service(struct usage *u, const struct service *s)
{
    usage_add(u, STR("services"), one());
    if (str_is(s->spec.type, "LoadBalancer"))
        usage_add(u, STR("services.loadbalancers"), one());
    if (!str_is(s->spec.type, "NodePort") && !str_is(s->spec.type, "LoadBalancer"))
        return;
    usage_add(u, STR("services.nodeports"), quantity_from((int64_t)s->spec.ports.n, QUANTITY_DECIMAL_SI));
}

/* What one object of a kind uses. */
static void usage_add_object(struct usage *u, const struct resource *r, const void *typed)
{
    if (r == &pod_resource)
        usage_add_pod(u, typed);
    else {
        usage_add(u, arena_printf(u->arena, "count/" STR_FMT, STR_ARG(r->qualified)), one());
        if (r == &service_resource)
            usage_add_service(u, typed);
        else if (r == &persistent_volume_claim_resource) {
            usage_add(u, STR("persistentvolumeclaims"), one());
            usage_add_list(u, "requests.",
                           &((const struct persistent_volume_claim *)typed)->spec.resources.requests);
        } else if (!r->group.n)
            usage_add(u, r->plural, one());
    }
}

static bool scope_takes(struct str scope, const struct pod *pod)
{
    bool best_effort = str_is(pod_spec_qos(&pod->spec), "BestEffort"),
         bounded = pod->spec.active_deadline_seconds;
    return str_is(scope, "BestEffort")       ? best_effort
           : str_is(scope, "NotBestEffort")  ? !best_effort
           : str_is(scope, "Terminating")    ? bounded
           : str_is(scope, "NotTerminating") ? !bounded
           : str_is(scope, "PriorityClass")  ? pod->spec.priority_class_name.n > 0
                                             : false;
}

static bool quota_takes(const struct resource_quota *q, const struct resource *r, const void *typed)
{
    if (q->spec.scopes.n && r != &pod_resource)
        return false;
    each (q->spec.scopes, i)
        if (!scope_takes(q->spec.scopes.at[i], typed))
            return false;
    return true;
}

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
                              const struct resource *r, struct str ns, struct usage *u)
{
    for (const struct quota_claim *claim = a->quota_claims; claim; claim = claim->next) {
        const struct object_meta *m = resource_meta(claim->resource, (void *)claim->object);
        if (claim->resource == r && str_eq(m->namespace, ns) && quota_takes(q, r, claim->object) &&
            !claim_is_stored(a, snap, claim, m))
            usage_add_object(u, r, claim->object);
    }
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, r), ns, STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));)
        if (quota_takes(q, r, object_typed(o)))
            usage_add_object(u, r, object_typed(o));
}

static void text_add(struct buf *b, struct str name, struct str value)
{
    buf_addf(b, "%s" STR_FMT "=" STR_FMT, b->n ? "," : "", STR_ARG(name), STR_ARG(value));
}

static int quota_check(struct api *a, struct snapshot *snap, const struct resource_quota *q,
                       struct api_attributes *at, struct err *err)
{
    struct arena *arena = at->request->arena;
    struct usage asked = {.arena = arena}, used = {.arena = arena};
    _cleanup_buf_ struct buf over = {0}, before = {0}, limits = {0}, missing = {0};
    bool counted = false;
    usage_add_object(&asked, at->resource, at->object);
    each (q->spec.hard, i) {
        struct str name = q->spec.hard.at[i].key, hard = q->spec.hard.at[i].value;
        const struct str *delta = str_map_get(&asked.at, name);
        bool compute = str_starts(name, STR("requests.")) || str_starts(name, STR("limits.")) ||
                       str_is(name, "cpu") || str_is(name, "memory");
        if (!delta) {
            if (compute && at->resource == &pod_resource && !str_is(name, "requests.storage"))
                buf_addf(&missing, "%s" STR_FMT, missing.n ? "," : "", STR_ARG(name));
            continue;
        }
        if (!counted)
            used_in_namespace(a, snap, q, at->resource, at->request->ns, &used);
        counted = true;
        const struct str *now = str_map_get(&used.at, name);
        struct str was = now ? *now : STR("0");
        if (quantity_cmp(quantity_add(quantity_of(was), quantity_of(*delta)), quantity_of(hard)) <= 0)
            continue;
        text_add(&over, name, *delta);
        text_add(&before, name, was);
        text_add(&limits, name, hard);
    }
    if (missing.n)
        return admission_forbid(at, err, "failed quota: " STR_FMT ": must specify " STR_FMT,
                                STR_ARG(q->metadata.name), STR_ARG(buf_str(&missing)));
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

static int quota_validate(struct api *a, struct api_attributes *at, struct err *err)
{
    if (at->operation != API_OP_CREATE || at->request->subresource.n || !at->request->ns.n)
        return 0;
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
    if (at->dry_run)
        return 0;
    d->quota_claim = arena_new(at->request->arena, struct quota_claim);
    *d->quota_claim = (struct quota_claim){at->resource, at->object, a->quota_claims};
    a->quota_claims = d->quota_claim;
    return 0;
}

const struct admission_plugin resource_quota_admission = {.name = "ResourceQuota",
                                                          .validate = quota_validate};
