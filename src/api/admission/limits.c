/* LimitRanger: what a namespace's LimitRanges ask of containers, pods and claims, and give where nothing is
 * said (plugin/pkg/admission/limitranger). */
#include "api/admission.h"
#include "api/road.h"
#include "schema/quantity.h"
#include "schema/quota_usage.h"

struct limits_run {
    struct api_attributes *at;
    struct str_vec wrong; /* messages, in order */
    struct str_vec set;   /* what was defaulted, for the annotation */
};

/* --- defaults --- */

static struct str merge(struct str_map *list, const struct str_map *defaults, struct arena *a)
{
    _cleanup_buf_ struct buf names = {0};
    each (*defaults, i)
        if (!str_map_get(list, defaults->at[i].key)) {
            str_map_put(list, a, defaults->at[i].key, defaults->at[i].value);
            buf_addf(&names, "%s" STR_FMT, names.n ? ", " : "", STR_ARG(defaults->at[i].key));
        }
    return arena_str(a, buf_str(&names));
}

static void default_containers(struct limits_run *run, struct container_vec *v,
                               const struct limit_range_item *item, const char *what)
{
    struct arena *a = run->at->request->arena;
    each (*v, i) {
        struct container *c = &v->at[i];
        struct str requests = merge(&c->resources.requests, &item->default_request, a);
        struct str limits = merge(&c->resources.limits, &item->default_, a);
        if (requests.n)
            str_vec_add(&run->set, a,
                        arena_printf(a, STR_FMT " request for %s " STR_FMT, STR_ARG(requests), what,
                                     STR_ARG(c->name)));
        if (limits.n)
            str_vec_add(
                &run->set, a,
                arena_printf(a, STR_FMT " limit for %s " STR_FMT, STR_ARG(limits), what, STR_ARG(c->name)));
    }
}

static void annotate(struct limits_run *run, struct pod *pod)
{
    if (!run->set.n)
        return;
    _cleanup_buf_ struct buf b = {0};
    buf_add_lit(&b, "LimitRanger plugin set: ");
    each (run->set, i)
        buf_addf(&b, "%s" STR_FMT, i ? "; " : "", STR_ARG(run->set.at[i]));
    struct arena *a = run->at->request->arena;
    str_map_put(&pod->metadata.annotations, a, STR("kubernetes.io/limit-ranger"), arena_str(a, buf_str(&b)));
}

/* --- bounds --- */

static void complain(struct limits_run *run, const char *fmt, ...) _printf_(2, 3);
static void complain(struct limits_run *run, const char *fmt, ...)
{
    struct arena *a = run->at->request->arena;
    va_list args;
    va_start(args, fmt);
    str_vec_add(&run->wrong, a, arena_vprintf(a, fmt, args));
    va_end(args);
}

static void check_min(struct limits_run *run, struct str type, struct str name, struct str bound,
                      const struct resource_requirements *r)
{
    const struct str *request = str_map_get(&r->requests, name), *limit = str_map_get(&r->limits, name);
    if (!request)
        complain(run, "minimum " STR_FMT " usage per " STR_FMT " is " STR_FMT ".  No request is specified",
                 STR_ARG(name), STR_ARG(type), STR_ARG(bound));
    else if (quantity_cmp_str(*request, bound) < 0)
        complain(run, "minimum " STR_FMT " usage per " STR_FMT " is " STR_FMT ", but request is " STR_FMT,
                 STR_ARG(name), STR_ARG(type), STR_ARG(bound), STR_ARG(*request));
    else if (limit && quantity_cmp_str(*limit, bound) < 0)
        complain(run, "minimum " STR_FMT " usage per " STR_FMT " is " STR_FMT ", but limit is " STR_FMT,
                 STR_ARG(name), STR_ARG(type), STR_ARG(bound), STR_ARG(*limit));
}

static void check_max_request(struct limits_run *run, struct str type, struct str name, struct str bound,
                              const struct resource_requirements *r)
{
    const struct str *request = str_map_get(&r->requests, name);
    if (request && quantity_cmp_str(*request, bound) > 0)
        complain(run, "maximum " STR_FMT " usage per " STR_FMT " is " STR_FMT ", but request is " STR_FMT,
                 STR_ARG(name), STR_ARG(type), STR_ARG(bound), STR_ARG(*request));
}

static void check_max(struct limits_run *run, struct str type, struct str name, struct str bound,
                      const struct resource_requirements *r)
{
    const struct str *limit = str_map_get(&r->limits, name);
    if (!limit)
        complain(run, "maximum " STR_FMT " usage per " STR_FMT " is " STR_FMT ".  No limit is specified",
                 STR_ARG(name), STR_ARG(type), STR_ARG(bound));
    else if (quantity_cmp_str(*limit, bound) > 0)
        complain(run, "maximum " STR_FMT " usage per " STR_FMT " is " STR_FMT ", but limit is " STR_FMT,
                 STR_ARG(name), STR_ARG(type), STR_ARG(bound), STR_ARG(*limit));
    else
        check_max_request(run, type, name, bound, r);
}

static void check_ratio(struct limits_run *run, struct str type, struct str name, struct str bound,
                        const struct resource_requirements *r)
{
    const struct str *request = str_map_get(&r->requests, name), *limit = str_map_get(&r->limits, name);
    int64_t asked = request ? quantity_milli_of(*request) : 0, most = limit ? quantity_milli_of(*limit) : 0;
    if (!asked || !most) {
        const char *what = asked ? "limit" : "request";
        complain(run,
                 STR_FMT " max limit to request ratio per " STR_FMT " is " STR_FMT
                         ", but no %s is specified or %s is 0",
                 STR_ARG(name), STR_ARG(type), STR_ARG(bound), what, what);
        return;
    }
    double ratio = (double)most / (double)asked;
    if (ratio > (double)quantity_milli_of(bound) / 1000)
        complain(run,
                 STR_FMT " max limit to request ratio per " STR_FMT " is " STR_FMT
                         ", but provided ratio is %f",
                 STR_ARG(name), STR_ARG(type), STR_ARG(bound), ratio);
}

static void check_item(struct limits_run *run, const struct limit_range_item *item,
                       const struct resource_requirements *r)
{
    each (item->min, i)
        check_min(run, item->type, item->min.at[i].key, item->min.at[i].value, r);
    each (item->max, i)
        check_max(run, item->type, item->max.at[i].key, item->max.at[i].value, r);
    each (item->max_limit_request_ratio, i)
        check_ratio(run, item->type, item->max_limit_request_ratio.at[i].key,
                    item->max_limit_request_ratio.at[i].value, r);
}

static void check_pod(struct limits_run *run, const struct limit_range_item *item, const struct pod *pod)
{
    struct arena *a = run->at->request->arena;
    if (str_is(item->type, "Container")) {
        each (pod->spec.containers, i)
            check_item(run, item, &pod->spec.containers.at[i].resources);
        each (pod->spec.init_containers, i)
            check_item(run, item, &pod->spec.init_containers.at[i].resources);
    } else if (str_is(item->type, "Pod")) {
        struct resource_requirements sum = {.requests = pod_amounts(a, &pod->spec, false),
                                            .limits = pod_amounts(a, &pod->spec, true)};
        check_item(run, item, &sum);
    }
}

static void check_claim(struct limits_run *run, const struct limit_range_item *item,
                        const struct persistent_volume_claim *claim)
{
    if (!str_is(item->type, "PersistentVolumeClaim"))
        return;
    /* Its limits are nobody's business. */
    struct resource_requirements r = {.requests = claim->spec.resources.requests};
    each (item->min, i)
        check_min(run, item->type, item->min.at[i].key, item->min.at[i].value, &r);
    each (item->max, i)
        check_max_request(run, item->type, item->max.at[i].key, item->max.at[i].value, &r);
}

/* --- the plugin --- */

static bool is_pod(const struct api_attributes *at)
{
    return admission_creates(at, &pod_resource);
}

static bool is_claim(const struct api_attributes *at)
{
    return admission_creates(at, &persistent_volume_claim_resource) ||
           admission_updates(at, &persistent_volume_claim_resource);
}

static int limits_mutate(struct api *a, struct api_attributes *at, struct err *err)
{
    (void)err;
    if (!is_pod(at))
        return 0;
    struct limits_run run = {.at = at};
    struct pod *pod = at->object;
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, &limit_range_resource), at->request->ns, STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        struct limit_range *range = object_copy(o, at->request->arena); /* the pod will point into it */
        each (range->spec.limits, i)
            if (str_is(range->spec.limits.at[i].type, "Container")) {
                default_containers(&run, &pod->spec.containers, &range->spec.limits.at[i], "container");
                default_containers(&run, &pod->spec.init_containers, &range->spec.limits.at[i],
                                   "init container");
            }
    }
    annotate(&run, pod);
    return 0;
}

static int limits_validate(struct api *a, struct api_attributes *at, struct err *err)
{
    bool resizes = at->operation == API_OP_UPDATE && at->resource == &pod_resource &&
                   str_is(at->request->subresource, "resize");
    if (!is_pod(at) && !resizes && !is_claim(at))
        return 0;
    struct limits_run run = {.at = at};
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct cursor c;
    cursor_open(&c, snap, store_table(a->store, &limit_range_resource), at->request->ns, STR(""), STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        const struct limit_range *range = object_typed(o);
        each (range->spec.limits, i)
            if (at->resource == &pod_resource)
                check_pod(&run, &range->spec.limits.at[i], at->object);
            else
                check_claim(&run, &range->spec.limits.at[i], at->object);
    }
    if (!run.wrong.n)
        return 0;
    _cleanup_buf_ struct buf b = {0};
    each (run.wrong, i)
        buf_addf(&b, "%s" STR_FMT, i ? ", " : run.wrong.n > 1 ? "[" : "", STR_ARG(run.wrong.at[i]));
    if (run.wrong.n > 1)
        buf_add_c(&b, ']');
    return admission_forbid(at, err, STR_FMT, STR_ARG(buf_str(&b)));
}

const struct admission_plugin limit_ranger = {
    .name = "LimitRanger", .mutate = limits_mutate, .validate = limits_validate};
