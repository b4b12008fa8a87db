/* Limit ranges (ValidateLimitRange). */
#include "api/kind/kinds.h"
#include "api/resource_names.h"
#include "schema/quantity.h"

/* What has a maximum and no default gets it as a default; then requests default to limits. */
static void limit_range_defaults(void *o, struct arena *a)
{
    struct limit_range *l = o;
    each (l->spec.limits, i) {
        struct limit_range_item *item = &l->spec.limits.at[i];
        if (!str_is(item->type, "Container"))
            continue;
        each (item->max, k)
            if (!str_map_get(&item->default_, item->max.at[k].key))
                str_map_put(&item->default_, a, item->max.at[k].key, item->max.at[k].value);
        each (item->default_, k)
            if (!str_map_get(&item->default_request, item->default_.at[k].key))
                str_map_put(&item->default_request, a, item->default_.at[k].key, item->default_.at[k].value);
        each (item->min, k)
            if (!str_map_get(&item->default_request, item->min.at[k].key))
                str_map_put(&item->default_request, a, item->min.at[k].key, item->min.at[k].value);
    }
}

/* The amounts that a limit says of resources: which must not be above which. Upstream complains now of the
 * lower one, now of the higher. */
enum amounts { MIN, MAX, DEFAULT, REQUEST, RATIO, N_AMOUNTS };

static const char *const fields[N_AMOUNTS] = {"min", "max", "default", "defaultRequest",
                                              "maxLimitRequestRatio"};

static const struct order {
    enum amounts low, high, at, shown;
    const char *low_name, *high_name;
} orders[] = {
    {MIN, MAX, MIN, MIN, "min", "max"},
    {MIN, REQUEST, REQUEST, REQUEST, "min", "default request"},
    {REQUEST, MAX, REQUEST, REQUEST, "default request", "max"},
    {REQUEST, DEFAULT, REQUEST, REQUEST, "default request", "default limit"},
    {MIN, DEFAULT, DEFAULT, MIN, "min", "default"},
    {DEFAULT, MAX, DEFAULT, MAX, "default", "max"},
};

static const struct path *path_of_amount(struct field_errors *e, const struct path *at, enum amounts which,
                                         struct str name)
{
    struct path *list = arena_new(&e->arena, struct path), *key = arena_new(&e->arena, struct path);
    *list = path_child(at, str_from(fields[which]));
    *key = path_key(list, name);
    return key;
}

/* A ratio is one of limit to request, so it is between 1 and what min and max leave. */
static void valid_ratio(struct field_errors *e, const struct path *at, struct str ratio,
                        const struct str *min, const struct str *max)
{
    if (quantity_cmp_str(ratio, STR("1")) < 0)
        field_invalid(e, at, ratio, "ratio " STR_FMT " is less than 1", STR_ARG(ratio));
    if (!min || !max)
        return;
    double most = (double)quantity_milli_of(*max) / (double)quantity_milli_of(*min);
    if ((double)quantity_milli_of(ratio) / 1000 > most)
        field_invalid(e, at, ratio, "ratio " STR_FMT " is greater than max/min = %f", STR_ARG(ratio), most);
}

static void valid_amounts(struct field_errors *e, const struct path *at, struct str name,
                          const struct str_map *const maps[N_AMOUNTS])
{
    const struct str *v[N_AMOUNTS];
    for (size_t i = 0; i < N_AMOUNTS; i++)
        v[i] = maps[i] ? str_map_get(maps[i], name) : NULL;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        const struct order *o = &orders[i];
        const struct str *low = v[o->low], *high = v[o->high];
        if (low && high && quantity_cmp_str(*low, *high) > 0)
            field_invalid(e, path_of_amount(e, at, o->at, name), *v[o->shown],
                          "%s value " STR_FMT " is greater than %s value " STR_FMT, o->low_name,
                          STR_ARG(*low), o->high_name, STR_ARG(*high));
    }
    if (v[RATIO])
        valid_ratio(e, path_of_amount(e, at, RATIO, name), *v[RATIO], v[MIN], v[MAX]);
    if (!(resource_uses(name) & RESOURCE_OVERCOMMITS) && v[DEFAULT] && v[REQUEST] &&
        quantity_cmp_str(*v[DEFAULT], *v[REQUEST]))
        field_invalid(e, path_of_amount(e, at, REQUEST, name), *v[REQUEST],
                      "default value " STR_FMT " must equal to defaultRequest value " STR_FMT " in " STR_FMT,
                      STR_ARG(*v[DEFAULT]), STR_ARG(*v[REQUEST]), STR_ARG(name));
}

static void valid_type(struct field_errors *e, const struct path *at, struct str type)
{
    size_t before = e->n;
    valid_qualified(e, at, type);
    if (e->n == before && str_index(type, '/') < 0 && !str_is(type, "Pod") && !str_is(type, "Container") &&
        !str_is(type, "PersistentVolumeClaim"))
        field_invalid(e, at, type, "must be a standard limit type or fully qualified");
}

static void valid_item(struct field_errors *e, const struct path *at, const struct limit_range_item *item)
{
    bool pod = str_is(item->type, "Pod");
    const struct str_map *const maps[N_AMOUNTS] = {
        [MIN] = &item->min,
        [MAX] = &item->max,
        [DEFAULT] = pod ? NULL : &item->default_,
        [REQUEST] = pod ? NULL : &item->default_request,
        [RATIO] = &item->max_limit_request_ratio,
    };
    enum resource_place place =
        pod || str_is(item->type, "Container") ? RESOURCES_OF_CONTAINER : RESOURCES_ANYWHERE;
    struct str_vec names = {0};
    valid_type(e, PATH(at, "type"), item->type);
    for (size_t i = 0; i < N_AMOUNTS; i++)
        for (size_t k = 0; maps[i] && k < maps[i]->n; k++) {
            struct str name = maps[i]->at[k].key;
            valid_resource_name(e, path_of_amount(e, at, (enum amounts)i, name), name, place);
            if (!str_vec_has(&names, name))
                str_vec_add(&names, &e->arena, name);
        }
    if (pod && item->default_.n)
        field_forbidden(e, PATH(at, "default"), "may not be specified when `type` is 'Pod'");
    if (pod && item->default_request.n)
        field_forbidden(e, PATH(at, "defaultRequest"), "may not be specified when `type` is 'Pod'");
    if (str_is(item->type, "PersistentVolumeClaim") && !str_map_get(&item->min, STR("storage")) &&
        !str_map_get(&item->max, STR("storage")))
        field_required(e, PATH(at, "limits"),
                       "either minimum or maximum storage value is required, but neither was provided");
    each (names, i)
        valid_amounts(e, at, names.at[i], maps);
}

static void limit_range_validate(const void *o, struct field_errors *e)
{
    const struct limit_range *l = o;
    struct path spec = path_child(NULL, STR("spec"));
    each (l->spec.limits, i) {
        const struct limit_range_item *item = &l->spec.limits.at[i];
        const struct path *at = PATH_AT(PATH(&spec, "limits"), i);
        valid_item(e, at, item);
        for (size_t k = 0; k < i; k++)
            if (str_eq(l->spec.limits.at[k].type, item->type)) {
                field_duplicate(e, PATH(at, "type"), item->type);
                break;
            }
    }
}

const struct strategy limit_range_strategy = {
    .resource = &limit_range_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE,
    .defaults = limit_range_defaults,
    .validate = limit_range_validate,
};
