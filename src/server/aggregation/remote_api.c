#include "server/aggregation/remote_api.h"

#include "kinds/apiregistration_v1.h"
#include "kinds/core_v1.h"

const struct resource *remote_api_resource(void)
{
    return &api_service_resource;
}

bool remote_api_is(struct object *o)
{
    return ((const struct api_service *)object_typed(o))->spec.service != NULL;
}

bool remote_api_of(struct arena *a, struct object *o, struct remote_api *out)
{
    const struct api_service *s = object_typed(o);
    const struct apiregistration_service_reference *to = s->spec.service;
    if (!to)
        return false;
    *out = (struct remote_api){
        .name = arena_str(a, s->metadata.name),
        .group = arena_str(a, s->spec.group),
        .version = arena_str(a, s->spec.version),
        .service_namespace = arena_str(a, to->namespace),
        .service_name = arena_str(a, to->name),
        .port = to->port ? *to->port : 443,
        .group_priority = s->spec.group_priority_minimum,
        .version_priority = s->spec.version_priority,
        .server_name = arena_printf(a, STR_FMT "." STR_FMT ".svc", STR_ARG(to->name), STR_ARG(to->namespace)),
        .ca_bundle = arena_str(a, s->spec.ca_bundle),
        .insecure = s->spec.insecure_skip_tls_verify,
    };
    return true;
}

bool remote_api_same(const struct remote_api *x, const struct remote_api *y)
{
    return str_eq(x->name, y->name) && str_eq(x->service_namespace, y->service_namespace) &&
           str_eq(x->service_name, y->service_name) && x->port == y->port &&
           x->group_priority == y->group_priority && x->version_priority == y->version_priority &&
           str_eq(x->ca_bundle, y->ca_bundle) && x->insecure == y->insecure;
}

static const struct service_port *find_port(const struct service *svc, int32_t port)
{
    for (size_t i = 0; i < svc->spec.ports.n; i++)
        if (svc->spec.ports.at[i].port == port)
            return &svc->spec.ports.at[i];
    return NULL;
}

bool remote_api_fault(struct store *s, struct arena *a, const struct remote_api *api, const char **reason,
                      struct str *message)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o =
        snapshot_get(snap, store_table(s, &service_resource), api->service_namespace, api->service_name);
    if (!o) {
        *reason = "ServiceNotFound";
        *message = arena_printf(a, "service/" STR_FMT " in \"" STR_FMT "\" is not present",
                                STR_ARG(api->service_name), STR_ARG(api->service_namespace));
        return true;
    }
    const struct service *svc = object_typed(o);
    if (str_eq(svc->spec.type, SERVICE_TYPE_EXTERNAL_NAME) || find_port(svc, api->port))
        return false;
    *reason = "ServicePortError";
    *message = arena_printf(a, "service/" STR_FMT " in \"" STR_FMT "\" is not listening on port %d",
                            STR_ARG(api->service_name), STR_ARG(api->service_namespace), api->port);
    return true;
}

struct str remote_api_port_name(struct store *s, struct arena *a, const struct remote_api *api)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o =
        snapshot_get(snap, store_table(s, &service_resource), api->service_namespace, api->service_name);
    const struct service_port *p = o ? find_port(object_typed(o), api->port) : NULL;
    return p ? arena_str(a, p->name) : STR("");
}
