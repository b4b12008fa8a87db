/* ServiceCIDRs and IPAddresses (pkg/apis/networking/validation; KEP-1880). */
#include "api/kind/kinds.h"
#include "base/ip.h"
#include "kinds/networking_v1.h"

/* --- ServiceCIDR --- */

/* The spec as messages show it. */
static struct bad_value bad_spec(struct field_errors *e, const struct str_vec *cidrs)
{
    struct bad_value list = valid_bad_list(e, cidrs);
    return BAD_RAW(arena_printf(&e->arena, "{\"CIDRs\":" STR_FMT "}", STR_ARG(list.s)));
}

static void service_cidr_validate(const void *o, struct field_errors *e)
{
    const struct str_vec *cidrs = &((const struct service_cidr *)o)->spec.cidrs;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *at = PATH(&root, "cidrs");
    struct ip_prefix p[2];
    if (!cidrs->n)
        field_required(e, at, "at least one CIDR required");
    else if (cidrs->n > 2)
        field_error(e, FIELD_ERROR_INVALID, at, bad_spec(e, cidrs), "may only hold up to 2 values");
    else if (cidrs->n == 2 &&
             (!ip_prefix_parse_sloppy(cidrs->at[0], &p[0], NULL) ||
              !ip_prefix_parse_sloppy(cidrs->at[1], &p[1], NULL) || p[0].base.family == p[1].base.family))
        field_error(
            e, FIELD_ERROR_INVALID, at, bad_spec(e, cidrs),
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64");
    else
        each (*cidrs, i)
            valid_canonical_cidr(e, PATH_AT(at, i), cidrs->at[i]);
}

static void service_cidr_validate_update(const void *o, const void *old, struct field_errors *e)
{
    const struct str_vec *now = &((const struct service_cidr *)o)->spec.cidrs,
                         *was = &((const struct service_cidr *)old)->spec.cidrs;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *at = PATH(&root, "cidrs");
    /* A second family may be added, nothing else change. */
    if (now->n != was->n && (was->n != 1 || now->n != 2))
        valid_immutable(e, at, false, valid_bad_list(e, now));
    else
        each (*was, i)
            valid_immutable_str(e, PATH_AT(at, i), now->at[i], was->at[i]);
}

const struct strategy service_cidr_strategy = {.resource = &service_cidr_resource,
                                               .validate = service_cidr_validate,
                                               .validate_update = service_cidr_validate_update};

/* --- IPAddress --- */

static void ip_address_validate(const void *o, struct field_errors *e)
{
    const struct ip_address *a = o;
    const struct parent_reference *ref = a->spec.parent_ref;
    struct path meta = path_child(NULL, STR("metadata")), spec = path_child(NULL, STR("spec"));
    const struct path *at = PATH(&spec, "parentRef");
    if (format_ok(FORMAT_IP, a->metadata.name)) /* else that has been said */
        valid_canonical_ip(e, PATH(&meta, "name"), a->metadata.name);
    if (!ref) {
        field_required(e, at, "%s", "");
        return;
    }
    if (ref->group.n)
        format_validate(e, PATH(at, "group"), FORMAT_DNS1123_SUBDOMAIN, ref->group);
    valid_format(e, PATH(at, "resource"), FORMAT_PATH_SEGMENT, ref->resource);
    valid_format(e, PATH(at, "name"), FORMAT_PATH_SEGMENT, ref->name);
    if (ref->namespace.n)
        format_validate(e, PATH(at, "namespace"), FORMAT_PATH_SEGMENT, ref->namespace);
}

static void ip_address_validate_update(const void *o, const void *old, struct field_errors *e)
{
    const struct parent_reference *now = ((const struct ip_address *)o)->spec.parent_ref,
                                  *was = ((const struct ip_address *)old)->spec.parent_ref;
    struct path spec = path_child(NULL, STR("spec"));
    if (now && was && !same(&parent_reference_type, now, was))
        valid_immutable(e, PATH(&spec, "parentRef"), false,
                        BAD_RAW(arena_printf(&e->arena,
                                             "{\"Group\":\"" STR_FMT "\",\"Resource\":\"" STR_FMT
                                             "\",\"Namespace\":\"" STR_FMT "\",\"Name\":\"" STR_FMT "\"}",
                                             STR_ARG(now->group), STR_ARG(now->resource),
                                             STR_ARG(now->namespace), STR_ARG(now->name))));
}

const struct strategy ip_address_strategy = {.resource = &ip_address_resource,
                                             .validate = ip_address_validate,
                                             .validate_update = ip_address_validate_update};
