/* NamespaceLifecycle: nothing new in a namespace that is absent or on its way out; some namespaces stay for
 * ever. */
#include "api/admission.h"
#include "api/road.h"
#include "kinds/authorization_v1.h"

static const struct str immortal[] = {STR_INIT("default"), STR_INIT("kube-system"), STR_INIT("kube-public")};

static int lifecycle(struct api *a, struct api_attributes *at, struct err *err)
{
    const struct api_request *r = at->request;
    if (at->operation == API_OP_DELETE && at->resource == &namespace_resource)
        for (size_t i = 0; i < ARRAY_LEN(immortal); i++)
            if (str_eq(r->name, immortal[i]))
                return answer_forbidden(err, at->resource, r->name, "this namespace may not be deleted");
    if (at->operation != API_OP_CREATE || !r->ns.n || at->resource == &namespace_resource ||
        at->resource == &local_subject_access_review_resource) /* one may always ask */
        return 0;
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(a->store);
    struct object *o = snapshot_get(snap, store_table(a->store, &namespace_resource), STR(""), r->ns);
    if (!o)
        return answer_not_found(err, &namespace_resource, r->ns);
    const struct namespace *ns = object_typed(o);
    if (!ns->metadata.deletion_timestamp && !str_is(ns->status.phase, "Terminating"))
        return 0;
    admission_forbid(at, err,
                     "unable to create new content in namespace " STR_FMT " because it is being terminated",
                     STR_ARG(r->ns));
    err_add_cause(err, "NamespaceTerminating", STR("metadata.namespace"),
                  "namespace " STR_FMT " is being terminated", STR_ARG(r->ns));
    return -1;
}

const struct admission_plugin namespace_lifecycle = {.name = "NamespaceLifecycle", .mutate = lifecycle};
