/* Who administers devices may look at those that others use (KEP-5018): only in namespaces that are labelled
 * for it. What has admin access once keeps it, as specs and allocations do not change. */
#include "api/kind/device_access.h"
#include "kinds/resource_v1.h"
#include "store/store.h"

#define LABEL "resource.kubernetes.io/admin-access"

static void check_namespace(const struct strategy_context *c, struct field_errors *e, const struct path *at)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(api_store(c->api));
    struct object *ns = snapshot_get(snap, store_table(api_store(c->api), &namespace_resource),
                                     (struct str){0}, c->request->ns);
    const struct str *value = ns ? str_map_get(&object_meta(ns)->labels, STR(LABEL)) : NULL;
    if (!value || !str_is(*value, "true"))
        field_forbidden(e, at,
                        "admin access to devices requires the `" LABEL
                        ": true` label on the containing namespace");
}

void valid_admin_requests(const struct strategy_context *c, const struct device_request_vec *requests,
                          struct field_errors *e)
{
    for (size_t i = 0; i < requests->n; i++) {
        const struct exact_device_request *r = requests->at[i].exactly;
        if (!r || !r->admin_access || !*r->admin_access)
            continue;
        const struct path *list = PATH(PATH(PATH(NULL, "spec"), "devices"), "requests");
        check_namespace(c, e, PATH(PATH_AT(list, i), "adminAccess"));
        return;
    }
}

/* The first result with admin access; n: there is none. */
static size_t first_admin(const struct allocation_result *a)
{
    size_t i = 0, n = a ? a->devices.results.n : 0;
    while (i < n && !(a->devices.results.at[i].admin_access && *a->devices.results.at[i].admin_access))
        i++;
    return i;
}

void valid_admin_results(const struct strategy_context *c, const struct allocation_result *now,
                         const struct allocation_result *before, struct field_errors *e)
{
    size_t at = first_admin(now);
    if (!now || at == now->devices.results.n || (before && first_admin(before) < before->devices.results.n))
        return;
    const struct path *list = PATH(PATH(PATH(PATH(NULL, "status"), "allocation"), "devices"), "results");
    check_namespace(c, e, PATH(PATH_AT(list, at), "adminAccess"));
}
