#include "server/service_address.h"

#include "base/ip.h"
#include "base/random.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"

enum { CANDIDATES = 64 };

static struct str address_of(struct arena *a, struct str host, int port)
{
    return arena_printf(a, STR_FMT ":%d", STR_ARG(ip_host(a, host)), port);
}

static const struct service_port *find_port(const struct service *svc, int32_t port)
{
    for (size_t i = 0; i < svc->spec.ports.n; i++)
        if (svc->spec.ports.at[i].port == port)
            return &svc->spec.ports.at[i];
    return NULL;
}

/* The slice's port of that name; 0: it has none. */
static int slice_port(const struct endpoint_slice *slice, struct str name)
{
    for (size_t i = 0; i < slice->ports.n; i++) {
        const struct discovery_endpoint_port *p = &slice->ports.at[i];
        if (str_eq(p->name ? *p->name : STR(""), name) && p->port)
            return *p->port;
    }
    return 0;
}

static bool is_of_service(const struct endpoint_slice *slice, struct str service)
{
    for (size_t i = 0; i < slice->metadata.labels.n; i++)
        if (str_is(slice->metadata.labels.at[i].key, "kubernetes.io/service-name"))
            return str_eq(slice->metadata.labels.at[i].value, service);
    return false;
}

/* The ready endpoints of a service's port; `*speaks`: some slice is the service's. */
static size_t find_endpoints(struct store *s, struct snapshot *snap, struct arena *a,
                             const struct service *svc, struct str port_name,
                             struct service_endpoint out[CANDIDATES], bool *speaks)
{
    struct cursor c;
    size_t n = 0;
    *speaks = false;
    cursor_open(&c, snap, store_table(s, &endpoint_slice_resource), svc->metadata.namespace, STR(""),
                STR(""));
    for (struct object *o; (o = cursor_next(&c));) {
        const struct endpoint_slice *slice = object_typed(o);
        if (!is_of_service(slice, svc->metadata.name))
            continue;
        *speaks = true;
        int port = slice_port(slice, port_name);
        if (!port || str_is(slice->address_type, "FQDN"))
            continue;
        for (size_t i = 0; i < slice->endpoints.n; i++) {
            const struct endpoint *e = &slice->endpoints.at[i];
            bool ready = !e->conditions.ready || *e->conditions.ready;
            if (ready && e->addresses.n && n < CANDIDATES)
                out[n++] = (struct service_endpoint){address_of(a, e->addresses.at[0], port),
                                                     arena_str(a, e->node_name ? *e->node_name : STR(""))};
        }
    }
    return n;
}

int service_address(struct store *s, struct arena *a, struct str ns, struct str name, int32_t port,
                    struct str *address, struct err *err)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o = snapshot_get(snap, store_table(s, &service_resource), ns, name);
    if (!o)
        return err_set(err, ERR_NOT_FOUND, "service \"" STR_FMT "\" not found", STR_ARG(name));
    const struct service *svc = object_typed(o);
    if (str_eq(svc->spec.type, SERVICE_TYPE_EXTERNAL_NAME)) {
        *address = address_of(a, svc->spec.external_name, port);
        return 0;
    }
    const struct service_port *p = find_port(svc, port);
    if (!p)
        return err_set(err, ERR_UNAVAILABLE, "no service port %d found for service \"" STR_FMT "\"", port,
                       STR_ARG(name));
    struct service_endpoint found[CANDIDATES];
    bool speaks;
    size_t n = find_endpoints(s, snap, a, svc, p->name, found, &speaks);
    if (n) {
        *address = found[random_below(n)].address;
        return 0;
    }
    if (speaks || !svc->spec.cluster_ip.n || str_is(svc->spec.cluster_ip, "None"))
        return err_set(err, ERR_UNAVAILABLE, "no endpoints available for service \"" STR_FMT "\"",
                       STR_ARG(name));
    *address = address_of(a, svc->spec.cluster_ip, port);
    return 0;
}

/* A port's name from what a request says: a number is looked up, anything else is a name. */
static int port_name(const struct service *svc, struct str text, struct str *out, struct err *err)
{
    int64_t number;
    *out = text;
    if (!str_to_i64(text, &number))
        return 0;
    const struct service_port *p = number > 0 && number < 65536 ? find_port(svc, (int32_t)number) : NULL;
    if (!p)
        return err_set(err, ERR_UNAVAILABLE, "no service port %lld found for service \"" STR_FMT "\"",
                       (long long)number, STR_ARG(svc->metadata.name));
    *out = p->name;
    return 0;
}

int service_endpoint(struct store *s, struct arena *a, struct str ns, struct str name, struct str port,
                     struct service_endpoint *out, struct err *err)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    struct object *o = snapshot_get(snap, store_table(s, &service_resource), ns, name);
    if (!o) {
        err_set(err, ERR_NOT_FOUND, "services \"" STR_FMT "\" not found", STR_ARG(name));
        return err_about(err, STR(""), STR("services"), name);
    }
    struct service_endpoint found[CANDIDATES];
    bool speaks;
    if (port_name(object_typed(o), port, &port, err) < 0)
        return -1;
    size_t n = find_endpoints(s, snap, a, object_typed(o), port, found, &speaks);
    if (!n)
        return err_set(err, ERR_UNAVAILABLE, "no endpoints available for service \"" STR_FMT "\"",
                       STR_ARG(name));
    *out = found[random_below(n)];
    return 0;
}
