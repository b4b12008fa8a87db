#include "server/access/guard.h"

#include "kinds/admissionregistration_v1.h"
#include "kinds/certificates_v1.h"

static const struct {
    const struct resource *resource;
    int (*guard)(const struct guard *g, struct object *before, const void *typed, struct err *err);
    bool masters_pass; /* whoever is in system:masters is not asked */
} guards[] = {
    {&cluster_role_resource, guard_cluster_role, true},
    {&role_resource, guard_role, true},
    {&cluster_role_binding_resource, guard_cluster_role_binding, true},
    {&role_binding_resource, guard_role_binding, true},
    {&certificate_signing_request_resource, guard_signing_request, false},
    {&validating_admission_policy_resource, guard_validating_policy, true},
    {&mutating_admission_policy_resource, guard_mutating_policy, true},
    {&validating_admission_policy_binding_resource, guard_validating_binding, true},
    {&mutating_admission_policy_binding_resource, guard_mutating_binding, true},
};

int guard_write(struct authz *z, struct api *api, struct api_request *r, struct object *before,
                const void *typed, struct err *err)
{
    const struct guard g = {z, api, r};
    bool master = user_in_group(r->user, STR("system:masters"));
    for (size_t i = 0; i < ARRAY_LEN(guards); i++)
        if (r->resource == guards[i].resource && !(master && guards[i].masters_pass))
            return guards[i].guard(&g, before, typed, err);
    return 0;
}
