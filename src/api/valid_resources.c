/* Quantities and resource lists (validateResourceName, validateResourceRequirements). */
#include "api/resource_names.h"
#include "api/valid.h"
#include "base/map.h"
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

void valid_positive_quantity(struct field_errors *e, const struct path *at, struct str q)
{
    if (quantity_sign(quantity_of(q)) <= 0)
        field_invalid(e, at, q, "must be greater than zero");
}

void valid_resource_amount(struct field_errors *e, const struct path *at, struct str name, struct str q)
{
    valid_quantity(e, at, q);
    if (resource_uses(name) & RESOURCE_COUNTED && quantity_milli_of(q) % 1000)
        field_invalid(e, at, q, "must be an integer");
}

void valid_resource_name(struct field_errors *e, const struct path *at, struct str name,
                         enum resource_place place)
{
    unsigned uses = resource_uses(name);
    size_t before = e->n;
    valid_qualified(e, at, name);
    if (e->n != before)
        return;
    bool domain = str_index(name, '/') >= 0;
    if (!domain && !(uses & RESOURCE_STANDARD))
        field_invalid(e, at, name, "must be a standard resource type or fully qualified");
    switch (place) {
    case RESOURCES_ANYWHERE:
        break;
    case RESOURCES_OF_CONTAINER:
        if (!domain && !(uses & RESOURCE_OF_CONTAINER))
            field_invalid(e, at, name, "must be a standard resource for containers");
        else if (domain && !(uses & (RESOURCE_NATIVE | RESOURCE_EXTENDED)))
            field_invalid(e, at, name, "doesn't follow extended resource name standard");
        break;
    case RESOURCES_OF_POD:
        if (e->n == before && !str_is(name, "cpu") && !str_is(name, "memory") &&
            !(uses & RESOURCE_HUGE_PAGES))
            field_not_supported(e, at, name,
                                (const struct str[]){STR("cpu"), STR("hugepages-"), STR("memory")}, 3);
        break;
    case RESOURCES_OF_QUOTA:
        if (!domain && !(uses & RESOURCE_OF_QUOTA))
            field_invalid(e, at, name, "must be a standard resource for quota");
        break;
    }
}

/* What a list of amounts asks for, of what is looked at together. */
struct asked {
    bool compute, huge_pages;
};

static void valid_entry(struct field_errors *e, const struct path *at, struct str name, struct str amount,
                        enum resource_place place, struct asked *asked)
{
    valid_resource_name(e, at, name, place);
    valid_resource_amount(e, at, name, amount);
    asked->compute |= str_is(name, "cpu") || str_is(name, "memory");
    if (!(resource_uses(name) & RESOURCE_HUGE_PAGES))
        return;
    asked->huge_pages = true;
    if (!huge_pages_divide(name, amount))
        field_invalid(e, at, amount, STR_FMT " is not positive integer multiple of " STR_FMT, STR_ARG(amount),
                      STR_ARG(name));
}

static void valid_request(struct field_errors *e, const struct path *at,
                          const struct resource_requirements *r, struct str name, struct str request)
{
    const struct str *limit = str_map_get(&r->limits, name);
    bool fixed = !(resource_uses(name) & RESOURCE_OVERCOMMITS);
    if (!limit) {
        if (fixed)
            field_required(e, PATH(at, "limits"), "Limit must be set for non overcommitable resources");
        return;
    }
    int order = quantity_cmp_str(request, *limit);
    if (fixed ? order != 0 : order > 0)
        field_invalid(e, PATH(at, "requests"), request, "must be %s " STR_FMT " limit of " STR_FMT,
                      fixed ? "equal to" : "less than or equal to", STR_ARG(name), STR_ARG(*limit));
}

static void claim_not_found(struct field_errors *e, const struct path *at, struct str name,
                            const struct pod_resource_claim_vec *claims)
{
    _cleanup_buf_ struct buf b = {0};
    buf_addf(&b, "must be one of the names in pod.spec.resourceClaims");
    if (!claims || !claims->n)
        buf_addf(&b, " which is empty");
    else
        each (*claims, i)
            buf_addf(&b, "%s" STR_FMT, i ? ", " : ": ", STR_ARG(claims->at[i].name));
    field_error(e, FIELD_ERROR_NOT_FOUND, at, BAD(name), STR_FMT, STR_ARG(buf_str(&b)));
}

/* A claim is named once: as a whole, or by its requests. */
static void valid_claim_names(struct field_errors *e, const struct path *at,
                              const struct resource_claim_vec *v, const struct pod_resource_claim_vec *claims)
{
    each (*v, i) {
        const struct resource_claim *c = &v->at[i];
        const struct path *item = PATH_AT(at, i);
        bool whole = false, same_request = false, part = false, found = false;
        if (!c->name.n) {
            field_required(e, item, "%s", "");
            continue;
        }
        for (size_t k = 0; k < i; k++)
            if (str_eq(v->at[k].name, c->name)) {
                whole |= !v->at[k].request.n;
                same_request |= str_eq(v->at[k].request, c->request);
                part |= v->at[k].request.n > 0;
            }
        if (!whole && c->request.n)
            format_validate(e, PATH(item, "request"), FORMAT_DNS1123_LABEL, c->request);
        if (whole || (part && !c->request.n))
            field_duplicate(e, item, c->name);
        else if (same_request)
            field_duplicate(
                e, item, arena_printf(&e->arena, STR_FMT "/" STR_FMT, STR_ARG(c->name), STR_ARG(c->request)));
        for (size_t k = 0; claims && k < claims->n; k++)
            found |= str_eq(claims->at[k].name, c->name);
        if (!found)
            claim_not_found(e, item, c->name, claims);
    }
}

void valid_resource_requirements(struct field_errors *e, const struct path *at,
                                 const struct resource_requirements *r, enum resource_place place,
                                 const struct pod_resource_claim_vec *claims)
{
    const struct path *requests = PATH(at, "requests"), *limits = PATH(at, "limits");
    struct asked asked = {0};
    each (r->limits, i)
        valid_entry(e, PATH_OF(limits, r->limits.at[i].key), r->limits.at[i].key, r->limits.at[i].value,
                    place, &asked);
    each (r->requests, i) {
        struct str name = r->requests.at[i].key, request = r->requests.at[i].value;
        valid_entry(e, PATH_OF(requests, name), name, request, place, &asked);
        valid_request(e, at, r, name, request);
    }
    if (asked.huge_pages && !asked.compute)
        field_forbidden(e, at, "HugePages require cpu or memory");
    valid_claim_names(e, PATH(at, "claims"), &r->claims, claims);
}
