/* The chain: built-in plugins, then what floors above have added (webhooks), then the quota, which counts
 * only what everyone else lets pass. */
#include "api/admission.h"

#include "api/metrics.h"
#include "api/road.h"
#include "base/clock.h"
#include "kinds/meta_v1.h"

/* By id, which is upstream's order; webhooks are not here, and the quota comes last. */
static const struct admission_plugin *const plugins[] = {
    [PLUGIN_NAMESPACE_LIFECYCLE] = &namespace_lifecycle,
    [PLUGIN_LIMIT_RANGER] = &limit_ranger,
    [PLUGIN_SERVICE_ACCOUNT] = &service_account_admission,
    [PLUGIN_NODE_RESTRICTION] = &node_restriction,
    [PLUGIN_TAINT_NODES] = &taint_nodes,
    [PLUGIN_ALWAYS_PULL_IMAGES] = &always_pull_images,
    [PLUGIN_POD_SECURITY] = &pod_security_admission,
    [PLUGIN_PRIORITY] = &priority_admission,
    [PLUGIN_DEFAULT_TOLERATIONS] = &default_tolerations,
    [PLUGIN_DEFAULT_STORAGE_CLASS] = &default_storage_class,
    [PLUGIN_STORAGE_PROTECTION] = &storage_protection,
    [PLUGIN_CLAIM_RESIZE] = &claim_resize,
    [PLUGIN_RUNTIME_CLASS] = &runtime_class_admission,
    [PLUGIN_DEFAULT_INGRESS_CLASS] = &default_ingress_class,
    [PLUGIN_DENY_EXTERNAL_IPS] = &deny_external_ips,
    [PLUGIN_MUTATING_POLICIES] = &mutating_policies,
    [PLUGIN_VALIDATING_POLICIES] = &validating_policies,
};

static bool is_off(const struct api *a, enum admission_plugin_id id)
{
    return a->admission->off >> id & 1;
}

int admission_forbid(const struct api_attributes *at, struct err *err, const char *fmt, ...)
{
    _cleanup_arena_ struct arena a = {0};
    va_list args;
    va_start(args, fmt);
    struct str why = arena_vprintf(&a, fmt, args);
    va_end(args);
    struct str name = at->request->name;
    if (!name.n && at->object && at->resource->has_metadata) {
        const struct object_meta *m = resource_meta(at->resource, at->object);
        name = m->name.n ? m->name : m->generate_name;
    }
    return answer_forbidden(err, at->request->resource, name.n ? name : STR("Unknown"), STR_FMT,
                            STR_ARG(why));
}

void api_warn(struct api_request *r, struct str text)
{
    str_vec_add(&r->warnings, r->arena, arena_str(r->arena, text));
}

void api_annotate(struct api_request *r, struct str key, struct str value)
{
    if (!str_map_get(&r->audit_annotations, key))
        str_map_put(&r->audit_annotations, r->arena, arena_str(r->arena, key), arena_str(r->arena, value));
}

bool admission_creates(const struct api_attributes *at, const struct resource *r)
{
    return at->operation == API_OP_CREATE && at->resource == r && !at->request->subresource.n;
}

bool admission_updates(const struct api_attributes *at, const struct resource *r)
{
    return at->operation == API_OP_UPDATE && at->resource == r && !at->request->subresource.n;
}

/* One half of one plugin, measured. */
static int run_plugin(struct road *d, const struct admission_plugin *p, bool mutate)
{
    int (*run)(struct api *, struct api_attributes *, struct err *) = mutate ? p->mutate : p->validate;
    if (!run)
        return ROAD_DONE;
    int64_t began = clock_mono();
    int rc = run(d->api, &d->attributes, &d->r->err);
    if (rc > 0)
        return ROAD_WAIT;
    metrics_admission(p->name, d->attributes.operation, mutate, rc < 0, clock_mono() - began);
    return rc;
}

/* One after the other, from where it stopped. */
static int run_plugins(struct road *d, bool mutate)
{
    for (; d->plugin < ARRAY_LEN(plugins); d->plugin++) {
        const struct admission_plugin *p = plugins[d->plugin];
        if (!p || is_off(d->api, (enum admission_plugin_id)d->plugin))
            continue;
        int rc = run_plugin(d, p, mutate);
        if (rc != ROAD_DONE)
            return rc;
    }
    return ROAD_DONE;
}

static int run_hooks(struct road *d, bool mutate)
{
    struct api *a = d->api;
    struct api_attributes *at = &d->attributes;
    for (; d->hook < a->n_admissions; d->hook++, at->state = NULL) {
        const struct api_admission *h = &a->admissions[d->hook];
        bool off = h->webhooks && is_off(a, mutate ? PLUGIN_MUTATING_WEBHOOKS : PLUGIN_VALIDATING_WEBHOOKS);
        int (*run)(void *, struct api_attributes *, struct err *) = off      ? NULL
                                                                    : mutate ? h->mutate
                                                                             : h->validate;
        if (!at->state) /* it begins, and does not come back from waiting */
            at->kept = d->kept[d->hook];
        int rc = run ? run(h->arg, at, &d->r->err) : 0;
        if (rc < 0)
            return -1;
        if (rc > 0)
            return ROAD_WAIT; /* it may be running elsewhere by now */
        d->kept[d->hook] = at->kept;
    }
    d->hook = 0;
    return ROAD_DONE;
}

void road_judge(struct road *d, const struct api_attributes *at)
{
    d->attributes = *at;
    d->hook = d->plugin = 0;
    d->mutated = false;
    memset(d->kept, 0, sizeof d->kept);
}

static int admit(struct road *d, bool mutate)
{
    struct api_attributes *at = &d->attributes;
    for (;; d->plugin = 0) {
        int rc = run_plugins(d, mutate);
        rc = rc ? rc : run_hooks(d, mutate);
        if (rc != ROAD_DONE)
            return rc;
        if (!mutate || !at->reinvoke || at->again)
            break;
        at->again = true; /* once, as upstream */
    }
    d->plugin = 0;
    if (mutate || is_off(d->api, PLUGIN_RESOURCE_QUOTA))
        return ROAD_DONE;
    return run_plugin(d, &resource_quota_admission, false);
}

int road_admit(struct road *d, bool mutate)
{
    if (!d->admission_began)
        d->admission_began = clock_mono();
    int rc = admit(d, mutate);
    if (rc == ROAD_WAIT)
        return rc;
    metrics_admission(NULL, d->attributes.operation, mutate, rc < 0, clock_mono() - d->admission_began);
    d->admission_began = 0;
    return rc;
}

int road_admit_all(struct road *d)
{
    int rc = ROAD_DONE;
    if (!d->mutated && (rc = road_admit(d, true)) != ROAD_DONE)
        return rc;
    d->mutated = true;
    rc = road_admit(d, false);
    if (rc == ROAD_DONE)
        d->mutated = false;
    return rc;
}
