/* Resources of a pod as a whole (KEP-2837), and the device claims that it has (validatePodResources,
 * validatePodResourceClaims). */
#include "api/kind/container.h"
#include "api/kind/pod.h"
#include "api/resource_names.h"
#include "schema/quantity.h"
#include "schema/quota_usage.h"

/* --- defaults --- */

/* Huge pages that containers may have the pod must be able to have. */
static void default_huge_pages(struct resource_requirements *r, const struct pod_spec *s, struct arena *a)
{
    struct str_map limits = pod_container_amounts(a, s, true);
    each (limits, i) {
        struct str name = limits.at[i].key;
        if (resource_uses(name) & RESOURCE_HUGE_PAGES && !str_map_get(&r->requests, name) &&
            !str_map_get(&r->limits, name))
            str_map_put(&r->limits, a, name, limits.at[i].value);
    }
}

static bool is_of_pods(struct str name)
{
    return str_is(name, "cpu") || str_is(name, "memory") || resource_uses(name) & RESOURCE_HUGE_PAGES;
}

void pod_resources_defaults(struct pod_spec *s, struct arena *a)
{
    struct resource_requirements *r = s->resources;
    if (!r)
        return;
    default_huge_pages(r, s, a);
    if (!r->limits.n)
        return;
    struct str_map requests = pod_container_amounts(a, s, false);
    each (requests, i) {
        struct str name = requests.at[i].key;
        if (is_of_pods(name) && resource_uses(name) & RESOURCE_OVERCOMMITS &&
            !str_map_get(&r->requests, name))
            str_map_put(&r->requests, a, name, requests.at[i].value);
    }
    each (r->limits, i)
        if (is_of_pods(r->limits.at[i].key) && !str_map_get(&r->requests, r->limits.at[i].key))
            str_map_put(&r->requests, a, r->limits.at[i].key, r->limits.at[i].value);
}

/* --- rules --- */

/* What containers ask for together must fit; `name` says what of. */
static void valid_sum(struct field_errors *e, const struct path *at, const struct pod_spec *s, bool limits)
{
    struct str_map sum = pod_container_amounts(&e->arena, s, limits);
    const struct str_map *whole = limits ? &s->resources->limits : &s->resources->requests;
    each (sum, i) {
        struct str name = sum.at[i].key;
        const struct str *has = str_map_get(whole, name);
        if (limits && !(resource_uses(name) & RESOURCE_HUGE_PAGES))
            continue;
        if (has && quantity_cmp_str(sum.at[i].value, *has) > 0)
            field_invalid(e, PATH_OF(at, name), *has,
                          "must be greater than or equal to aggregate container %s of " STR_FMT,
                          limits ? "limits" : "requests", STR_ARG(sum.at[i].value));
    }
}

static void valid_container_limits(struct field_errors *e, const struct path *at, const struct pod_spec *s)
{
    each (s->containers, i) {
        const struct str_map *limits = &s->containers.at[i].resources.limits;
        each (*limits, k) {
            const struct str *has = str_map_get(&s->resources->limits, limits->at[k].key);
            if (has && quantity_cmp_str(limits->at[k].value, *has) > 0)
                field_invalid(e,
                              PATH(PATH_OF(PATH_AT(PATH(at, "containers"), i), limits->at[k].key), "limits"),
                              limits->at[k].value, "must be less than or equal to pod limits of " STR_FMT,
                              STR_ARG(*has));
        }
    }
}

void valid_pod_resources(struct field_errors *e, const struct path *spec, const struct pod_spec *s)
{
    const struct path *at = PATH(spec, "resources");
    if (!s->resources)
        return;
    if (s->os && str_is(s->os->name, "windows")) {
        field_forbidden(e, at, "may not be set for a windows pod");
        return;
    }
    if (s->resources->claims.at)
        field_forbidden(e, PATH(at, "claims"), "claims may not be set for Resources at pod-level");
    valid_resource_requirements(e, at, s->resources, RESOURCES_OF_POD, &s->resource_claims);
    valid_sum(e, PATH(at, "requests"), s, false);
    valid_sum(e, PATH(at, "limits"), s, true);
    valid_container_limits(e, at, s);
}

/* --- claims --- */

static void valid_claim(struct field_errors *e, const struct path *at, const struct pod_resource_claim *c,
                        struct map *names)
{
    if (!c->name.n)
        field_required(e, PATH(at, "name"), "%s", "");
    else if (map_get(names, c->name))
        field_duplicate(e, PATH(at, "name"), c->name);
    else {
        format_validate(e, PATH(at, "name"), FORMAT_DNS1123_LABEL, c->name);
        map_put(names, c->name, (void *)c);
    }
    if (!c->resource_claim_name == !c->resource_claim_template_name)
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad(e, &pod_resource_claim_type, c), "%s",
                    c->resource_claim_name
                        ? "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
                        : "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    if (c->resource_claim_name)
        format_validate(e, PATH(at, "resourceClaimName"), FORMAT_DNS1123_SUBDOMAIN, *c->resource_claim_name);
    if (c->resource_claim_template_name)
        format_validate(e, PATH(at, "resourceClaimTemplateName"), FORMAT_DNS1123_SUBDOMAIN,
                        *c->resource_claim_template_name);
}

void valid_pod_claims(struct field_errors *e, const struct path *at, const struct pod_spec *s,
                      const struct object_meta *meta)
{
    _cleanup_map_ struct map names = {0};
    each (s->resource_claims, i)
        if (meta && pod_is_mirror(meta))
            field_forbidden(e, PATH(NULL, ""), "static pods do not support resource claims");
        else
            valid_claim(e, PATH_AT(at, i), &s->resource_claims.at[i], &names);
}
