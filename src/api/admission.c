/* The chain: built-in plugins, then what floors above have added (webhooks, later). */
#include "api/admission.h"

#include "api/road.h"
#include "kinds/meta_v1.h"

/* Upstream's default order of those that are here (pkg/kubeapiserver/options/plugins.go). */
static const struct admission_plugin *const plugins[] = {
    &namespace_lifecycle,   &limit_ranger,          &service_account_admission,
    &taint_nodes,           &priority_admission,    &default_tolerations,
    &default_storage_class, &default_ingress_class, &resource_quota_admission,
};

int admission_forbid(const struct api_attributes *at, struct err *err, const char *fmt, ...)
{
    _cleanup_arena_ struct arena a = {0};
    va_list args;
    va_start(args, fmt);
    struct str why = arena_vprintf(&a, fmt, args);
    va_end(args);
    struct str name = at->request->name;
    if (at->object && at->resource->has_metadata) {
        const struct object_meta *m = resource_meta(at->resource, at->object);
        name = m->name.n ? m->name : m->generate_name;
    }
    return answer_forbidden(err, at->request->resource, name.n ? name : STR("Unknown"), STR_FMT,
                            STR_ARG(why));
}

bool admission_creates(const struct api_attributes *at, const struct resource *r)
{
    return at->operation == API_OP_CREATE && at->resource == r && !at->request->subresource.n;
}

bool admission_updates(const struct api_attributes *at, const struct resource *r)
{
    return at->operation == API_OP_UPDATE && at->resource == r && !at->request->subresource.n;
}

int road_admit(struct road *d, bool mutate)
{
    struct api *a = d->api;
    struct api_attributes *at = &d->attributes;
    struct err *err = &d->r->err;
    if (d->hook == 0)
        for (size_t i = 0; i < ARRAY_LEN(plugins); i++) {
            int (*run)(struct api *, struct api_attributes *, struct err *) =
                mutate ? plugins[i]->mutate : plugins[i]->validate;
            if (run && run(a, at, err) < 0)
                return -1;
        }
    for (; d->hook < a->n_admissions; d->hook++, at->state = NULL) {
        const struct api_admission *h = &a->admissions[d->hook];
        int (*run)(void *, struct api_attributes *, struct err *) = mutate ? h->mutate : h->validate;
        int rc = run ? run(h->arg, at, err) : 0;
        if (rc < 0)
            return -1;
        if (rc > 0)
            return ROAD_WAIT;
    }
    d->hook = 0;
    return ROAD_DONE;
}
