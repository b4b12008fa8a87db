/* Quantities and resource lists (validateResourceName, ValidateResourceRequirements). */
#include "api/valid.h"
#include "schema/copy.h"
#include "schema/quantity.h"

bool same(const struct type *t, const void *a, const void *b)
{
    return struct_eq(t, a, b);
}

void valid_quantity(struct field_errors *e, const struct path *at, struct str q)
{
    if (quantity_sign(quantity_of(q)) < 0)
        field_invalid(e, at, q, "must be greater than or equal to 0");
}

/* Names of resources without a domain are Kubernetes' own. */
static void valid_resource_name(struct field_errors *e, const struct path *at, struct str name)
{
    static const char *const standard[] = {"cpu", "memory", "ephemeral-storage", "storage"};
    size_t before = e->n;
    valid_qualified(e, at, name);
    if (e->n != before || str_index(name, '/') >= 0 || str_starts(name, STR("hugepages-")))
        return;
    for (size_t i = 0; i < ARRAY_LEN(standard) - 1; i++)
        if (str_is(name, standard[i]))
            return;
    field_invalid(e, at, name, "must be a standard resource for containers");
}

/* Neither overcommitted nor in fractions: devices and huge pages. */
static bool is_extended(struct str name)
{
    return str_index(name, '/') >= 0 && str_find(name, STR("kubernetes.io/")) < 0;
}

static void valid_list(struct field_errors *e, const struct path *at, const struct str_map *list)
{
    each (*list, i) {
        struct path field = path_key(at, list->at[i].key);
        valid_resource_name(e, &field, list->at[i].key);
        valid_quantity(e, &field, list->at[i].value);
        if (is_extended(list->at[i].key) && quantity_milli_of(list->at[i].value) % 1000)
            field_invalid(e, &field, list->at[i].value, "must be an integer");
    }
}

void valid_resource_requirements(struct field_errors *e, const struct path *at,
                                 const struct resource_requirements *r)
{
    const struct path *requests = PATH(at, "requests"), *limits = PATH(at, "limits");
    valid_list(e, limits, &r->limits);
    valid_list(e, requests, &r->requests);
    each (r->requests, i) {
        struct str name = r->requests.at[i].key, request = r->requests.at[i].value;
        const struct str *limit = str_map_get(&r->limits, name);
        bool fixed = is_extended(name) || str_starts(name, STR("hugepages-"));
        if (limit && fixed && quantity_cmp_str(request, *limit) != 0)
            field_invalid(e, requests, request, "must be equal to " STR_FMT " limit of " STR_FMT,
                          STR_ARG(name), STR_ARG(*limit));
        else if (limit && quantity_cmp_str(request, *limit) > 0)
            field_invalid(e, requests, request, "must be less than or equal to " STR_FMT " limit of " STR_FMT,
                          STR_ARG(name), STR_ARG(*limit));
        else if (!limit && fixed)
            field_required(e, limits, "Limit must be set for non overcommitable resources");
    }
}
