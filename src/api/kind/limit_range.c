/* Limit ranges (ValidateLimitRange). */
#include "api/kind/kinds.h"
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

static void valid_order(struct field_errors *e, const struct path *at, const struct str_map *low,
                        const char *low_name, const struct str_map *high, const char *high_name)
{
    each (*low, i) {
        const struct str *h = str_map_get(high, low->at[i].key);
        if (h && quantity_cmp_str(low->at[i].value, *h) > 0) {
            struct path field = path_child(at, str_from(low_name));
            field_invalid(e, PATH_OF(&field, low->at[i].key), low->at[i].value,
                          "%s value " STR_FMT " is greater than %s value " STR_FMT, low_name,
                          STR_ARG(low->at[i].value), high_name, STR_ARG(*h));
        }
    }
}

static void limit_range_validate(const void *o, struct field_errors *e)
{
    const struct limit_range *l = o;
    struct path spec = path_child(NULL, STR("spec"));
    each (l->spec.limits, i) {
        const struct limit_range_item *item = &l->spec.limits.at[i];
        const struct path *at = PATH_AT(PATH(&spec, "limits"), i);
        format_validate(e, PATH(at, "type"), FORMAT_LABEL_KEY, item->type);
        for (size_t k = 0; k < i; k++)
            if (str_eq(l->spec.limits.at[k].type, item->type))
                field_duplicate(e, PATH(at, "type"), item->type);
        if (str_is(item->type, "Pod")) {
            if (item->default_.n)
                field_forbidden(e, PATH(at, "default"), "may not be specified when `type` is 'Pod'");
            if (item->default_request.n)
                field_forbidden(e, PATH(at, "defaultRequest"), "may not be specified when `type` is 'Pod'");
        }
        valid_order(e, at, &item->min, "min", &item->max, "max");
        valid_order(e, at, &item->min, "min", &item->default_request, "default request");
        valid_order(e, at, &item->default_request, "defaultRequest", &item->max, "max");
        valid_order(e, at, &item->default_request, "defaultRequest", &item->default_, "default limit");
        valid_order(e, at, &item->default_, "default", &item->max, "max");
    }
}

const struct strategy limit_range_strategy = {
    .resource = &limit_range_resource,
    .flags = STRATEGY_CREATE_ON_UPDATE,
    .defaults = limit_range_defaults,
    .validate = limit_range_validate,
};
