/* The linked fields of a service's addresses (upstream: pkg/apis/core/validation, KEP-563). */
#include "api/kind/service.h"
#include "base/ip.h"

#define SPEC PATH(NULL, "spec")

static struct bad_value bad_policy(const struct service_spec *s)
{
    return s->ip_family_policy ? BAD(*s->ip_family_policy) : BAD_RAW(STR("null"));
}

static bool is_external_name(const struct service_spec *s)
{
    return str_is(s->type, "ExternalName");
}

/* Whoever gives several gives clusterIP too: the first of them. */
static void valid_singular(struct field_errors *e, const struct path *list, const struct service_spec *s)
{
    if (s->cluster_ip.n && !s->cluster_ips.n)
        field_required(e, list, "%s", "");
    else if (s->cluster_ip.n && !str_eq(s->cluster_ip, s->cluster_ips.at[0]))
        field_error(e, FIELD_ERROR_INVALID, list, valid_bad_list(e, &s->cluster_ips),
                    "first value must match `clusterIP`");
    else if (!s->cluster_ip.n && s->cluster_ips.n)
        field_error(e, FIELD_ERROR_INVALID, list, valid_bad_list(e, &s->cluster_ips),
                    "must be empty when `clusterIP` is not specified");
}

static void valid_families(struct field_errors *e, const struct service_spec *s)
{
    const struct str_vec *f = &s->ip_families;
    each (*f, i) {
        const struct path *item = PATH_AT(PATH(SPEC, "ipFamilies"), i);
        VALID_ONE_OF(e, item, f->at[i], false, STR("IPv4"), STR("IPv6"));
        for (size_t k = 0; k < i; k++)
            if (str_eq(f->at[i], f->at[k])) {
                field_duplicate(e, item, f->at[i]);
                break;
            }
    }
    if (s->ip_family_policy)
        VALID_ONE_OF(e, PATH(SPEC, "ipFamilyPolicy"), *s->ip_family_policy, false, STR("PreferDualStack"),
                     STR("RequireDualStack"), STR("SingleStack"));
}

/* Whether each is an address, or the only one None. */
static bool valid_each_ip(struct field_errors *e, const struct path *list, const struct str_vec *ips)
{
    bool good = true;
    each (*ips, i) {
        if (i == 0 && str_is(ips->at[i], "None")) {
            if (ips->n > 1)
                field_error(e, FIELD_ERROR_INVALID, list, valid_bad_list(e, ips),
                            "'None' must be the first and only value");
            good &= ips->n == 1;
            continue;
        }
        size_t before = e->n;
        valid_ip(e, PATH_AT(list, i), ips->at[i]);
        good &= e->n == before;
    }
    if (ips->n > 2)
        field_error(e, FIELD_ERROR_INVALID, list, valid_bad_list(e, ips), "may only hold up to 2 values");
    return good;
}

void valid_service_ips(struct field_errors *e, const struct service_spec *s)
{
    const struct path *list = PATH(SPEC, "clusterIPs");
    const struct str_vec *ips = &s->cluster_ips;
    if (is_external_name(s))
        return;
    valid_singular(e, list, s);
    valid_families(e, s);
    if (!valid_each_ip(e, list, ips))
        return;
    if (ips->n > 1 && (ips->n > 2 || ip_family_of(ips->at[0]) == ip_family_of(ips->at[1])))
        field_error(e, FIELD_ERROR_INVALID, list, valid_bad_list(e, ips),
                    "may specify no more than one IP for each IP family");
    for (size_t i = 0; !service_is_headless(s) && i < ips->n && i < s->ip_families.n; i++) {
        struct str family = s->ip_families.at[i];
        enum ip_family said = str_is(family, "IPv4") ? IP_V4 : str_is(family, "IPv6") ? IP_V6 : IP_NEITHER;
        if (said && said != ip_family_of(ips->at[i]))
            field_invalid(e, PATH_AT(list, i), ips->at[i],
                          "expected an IPv%d value as indicated by `ipFamilies[%zu]`", (int)said, i);
    }
}

/* One of the two lists, before and after. */
struct linked {
    const struct path *at;
    const struct str_vec *old, *now;
    bool at_first;                /* whichever changed, the first is named */
    const char *unset, *released; /* messages */
};

static void valid_linked(struct field_errors *e, const struct linked *l, const struct service_spec *s)
{
    const struct str_vec *old = l->old, *now = l->now;
    bool same_length = old->n == now->n;
    const struct str_vec *shown = same_length ? now : &s->cluster_ips;
    if (old->n && !now->n)
        field_error(e, FIELD_ERROR_INVALID, PATH_AT(l->at, 0), valid_bad_list(e, now), "%s", l->unset);
    for (size_t i = 0; i < old->n && i < now->n && (i == 0 || same_length); i++)
        if (!str_eq(old->at[i], now->at[i]))
            field_error(e, FIELD_ERROR_INVALID, PATH_AT(l->at, l->at_first ? 0 : i), valid_bad_list(e, shown),
                        "may not change once set");
    if (old->n > 1 && now->n == 1 && (!s->ip_family_policy || !str_is(*s->ip_family_policy, "SingleStack")))
        field_error(e, FIELD_ERROR_INVALID, PATH(SPEC, "ipFamilyPolicy"), bad_policy(s),
                    "must be set to 'SingleStack' when releasing the secondary %s", l->released);
}

void valid_service_ips_update(struct field_errors *e, const struct service_spec *s,
                              const struct service_spec *old)
{
    if (is_external_name(s) || is_external_name(old))
        return; /* either side has no address: it may come and go */
    bool was = service_is_headless(old), is = service_is_headless(s);
    if (!was || !is)
        valid_linked(e,
                     &(struct linked){PATH(SPEC, "clusterIPs"), &old->cluster_ips, &s->cluster_ips, false,
                                      "primary clusterIP can not be unset", "clusterIP"},
                     s);
    if (!was && !is)
        valid_linked(e,
                     &(struct linked){PATH(SPEC, "ipFamilies"), &old->ip_families, &s->ip_families, true,
                                      "primary ipFamily can not be unset", "ipFamily"},
                     s);
}
