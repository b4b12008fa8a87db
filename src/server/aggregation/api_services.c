#include "server/aggregation/api_services.h"

#include "api/resources.h"
#include "kinds/apiregistration_v1.h"
#include "kinds/meta_v1.h"
#include "schema/timestamp.h"

#define LOG_PART "aggregator"
#include "base/log.h"

#define MANAGED "kube-aggregator.kubernetes.io/automanaged"

/* Upstream's order of groups (pkg/controlplane/apiserver/aggregator.go); 1000 and 100 are those of custom
 * resources. */
static const struct priority {
    const char *group, *version; /* NULL: any */
    int32_t of_group, of_version;
} priorities[] = {
    {"", "v1", 18000, 1},
    {"apps", NULL, 17800, 15},
    {"events.k8s.io", NULL, 17750, 15},
    {"authentication.k8s.io", NULL, 17700, 15},
    {"authorization.k8s.io", NULL, 17600, 15},
    {"autoscaling", "v1", 17500, 15},
    {"autoscaling", "v2", 17500, 30},
    {"batch", NULL, 17400, 15},
    {"certificates.k8s.io", NULL, 17300, 15},
    {"networking.k8s.io", NULL, 17200, 15},
    {"policy", NULL, 17100, 15},
    {"rbac.authorization.k8s.io", NULL, 17000, 15},
    {"storage.k8s.io", NULL, 16800, 15},
    {"apiextensions.k8s.io", NULL, 16700, 15},
    {"admissionregistration.k8s.io", NULL, 16700, 15},
    {"scheduling.k8s.io", NULL, 16600, 15},
    {"coordination.k8s.io", NULL, 16500, 15},
    {"node.k8s.io", NULL, 16300, 15},
    {"discovery.k8s.io", NULL, 16200, 15},
    {"flowcontrol.apiserver.k8s.io", NULL, 16100, 21},
    {"resource.k8s.io", NULL, 15900, 15},
};
static const struct priority priority_custom = {NULL, NULL, 1000, 100};

static const struct priority *priority_of(struct str group, struct str version, bool custom)
{
    for (size_t i = 0; i < ARRAY_LEN(priorities) && !custom; i++)
        if (str_is(group, priorities[i].group) &&
            (!priorities[i].version || str_is(version, priorities[i].version)))
            return &priorities[i];
    return &priority_custom;
}

/* --- one object --- */

static int call(struct api *api, struct api_request *r)
{
    int rc = api_call(api, r);
    if (rc < 0 && r->err.reason != ERR_CONFLICT && r->err.reason != ERR_ALREADY_EXISTS &&
        r->err.reason != ERR_NOT_FOUND)
        log_warn("APIService " STR_FMT ": " STR_FMT, STR_ARG(r->name), STR_ARG(r->err.message));
    api_finish(api, r);
    return rc;
}

void api_service_report(struct api *api, struct object *o, bool available, const char *reason,
                        struct str message)
{
    _cleanup_arena_ struct arena a = {0};
    struct api_service *s = object_copy(o, &a);
    struct api_service_condition fresh = {.type = STR("Available"),
                                          .status = available ? STR("True") : STR("False"),
                                          .last_transition_time = time_now(),
                                          .reason = str_from(reason),
                                          .message = message};
    struct api_service_condition *list =
        arena_new_n(&a, struct api_service_condition, s->status.conditions.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s->status.conditions.n; i++) {
        const struct api_service_condition *c = &s->status.conditions.at[i];
        if (!str_is(c->type, "Available")) {
            list[n++] = *c;
            continue;
        }
        if (str_eq(c->status, fresh.status) && str_eq(c->reason, fresh.reason) &&
            str_eq(c->message, fresh.message))
            return;
        if (str_eq(c->status, fresh.status))
            fresh.last_transition_time = c->last_transition_time;
    }
    list[n++] = fresh;
    s->status.conditions.at = list;
    s->status.conditions.n = n;
    struct api_request r = {.arena = &a,
                            .verb = API_UPDATE,
                            .resource = &api_service_resource,
                            .name = s->metadata.name,
                            .subresource = STR("status"),
                            .typed = s};
    call(api, &r);
}

static void create(struct api *api, struct str name, const struct resource *kind)
{
    _cleanup_arena_ struct arena a = {0};
    bool custom = kind->flags & RESOURCE_CUSTOM;
    const struct priority *p = priority_of(kind->group, kind->version, custom);
    struct str_entry label = {STR(MANAGED), custom ? STR("true") : STR("onstart")};
    struct api_service s = {.metadata = {.name = name, .labels = {&label, 1}},
                            .spec = {.group = kind->group,
                                     .version = kind->version,
                                     .group_priority_minimum = p->of_group,
                                     .version_priority = p->of_version}};
    struct api_request r = {
        .arena = &a, .verb = API_CREATE, .resource = &api_service_resource, .name = {0}, .typed = &s};
    call(api, &r);
}

static void drop(struct api *api, struct object *o)
{
    _cleanup_arena_ struct arena a = {0};
    struct api_request r = {.arena = &a,
                            .verb = API_DELETE,
                            .resource = &api_service_resource,
                            .name = object_name(o),
                            .precondition_uid = object_meta(o)->uid};
    call(api, &r);
}

/* --- all of them --- */

/* Reviews of the aggregator's own group are no APIService: it is asked before anyone else. */
static bool is_own(const struct resource *r)
{
    return str_is(r->group, "apiregistration.k8s.io");
}

static bool is_managed(const struct object_meta *m)
{
    for (size_t i = 0; i < m->labels.n; i++)
        if (str_is(m->labels.at[i].key, MANAGED))
            return true;
    return false;
}

/* What is served, each group and version once; names are in `a`. */
struct served {
    struct str *names;
    const struct resource **kinds;
    size_t n;
};

static bool is_served(const struct served *all, struct str name)
{
    for (size_t i = 0; i < all->n; i++)
        if (str_eq(all->names[i], name))
            return true;
    return false;
}

static void list_served(struct arena *a, const struct resource *const *set, size_t n, struct served *out)
{
    out->names = arena_new_n(a, struct str, n);
    out->kinds = arena_new_n(a, const struct resource *, n);
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct str name =
            arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(set[i]->version), STR_ARG(set[i]->group));
        if (is_own(set[i]) || is_served(out, name))
            continue;
        out->names[out->n] = name;
        out->kinds[out->n++] = set[i];
    }
}

void api_services_register(struct api *api)
{
    _cleanup_arena_ struct arena a = {0};
    struct store *store = api_store(api);
    struct table *t = store_table(store, &api_service_resource);
    struct served all;
    _cleanup_resource_set_ struct resource_set *set = api_resources(api);
    list_served(&a, set->at, set->n, &all);
    for (size_t i = 0; i < all.n; i++) {
        _cleanup_snapshot_ struct snapshot *snap = store_snapshot(store);
        if (!snapshot_get(snap, t, STR(""), all.names[i]))
            create(api, all.names[i], all.kinds[i]);
    }
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(store);
    struct cursor c;
    cursor_open(&c, snap, t, STR(""), STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        const struct api_service *s = object_typed(o);
        if (s->spec.service)
            continue;
        if (is_managed(&s->metadata) && !is_served(&all, s->metadata.name))
            drop(api, o);
        else
            api_service_report(api, o, true, "Local", STR("Local APIServices are always available"));
    }
}
