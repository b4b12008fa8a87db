#include "controllers/endpoints/service_pods.h"

bool service_selects(const struct service *s)
{
    return s->spec.selector.n && !str_eq(s->spec.type, SERVICE_TYPE_EXTERNAL_NAME);
}

static bool selects(const struct service *s, const struct str_map *labels)
{
    for (size_t i = 0; i < s->spec.selector.n; i++) {
        const struct str_entry *e = &s->spec.selector.at[i];
        if (!labels_has(labels, e->key) || !str_eq(labels_get(labels, e->key), e->value))
            return false;
    }
    return service_selects(s);
}

void service_pods(struct work *w, const struct service *s, struct objects *out)
{
    informer_list(informer_of(w, pod), s->metadata.namespace, out);
    size_t kept = 0;
    for (size_t i = 0; i < out->n; i++)
        if (selects(s, &object_meta(out->at[i])->labels))
            out->at[kept++] = out->at[i];
        else
            object_unref(out->at[i]);
    out->n = kept;
}

static bool containers_port(const struct container_vec *containers, bool sidecars_only,
                            const struct service_port *port, int32_t *out)
{
    for (size_t c = 0; c < containers->n; c++) {
        const struct container *of = &containers->at[c];
        if (sidecars_only && (!of->restart_policy || !str_is(*of->restart_policy, "Always")))
            continue;
        for (size_t i = 0; i < of->ports.n; i++) {
            const struct container_port *p = &of->ports.at[i];
            if (str_eq(p->name, port->target_port.s) && str_eq(p->protocol, port->protocol)) {
                *out = p->container_port;
                return true;
            }
        }
    }
    return false;
}

bool service_port_of_pod(const struct service_port *port, const struct pod *p, int32_t *out)
{
    *out = port->target_port.i ? port->target_port.i : port->port;
    return !port->target_port.is_str || containers_port(&p->spec.containers, false, port, out) ||
           containers_port(&p->spec.init_containers, true, port, out);
}

struct str service_hostname_of_pod(const struct service *s, const struct pod *p)
{
    return str_eq(p->spec.subdomain, s->metadata.name) ? p->spec.hostname : (struct str){0};
}

struct str pod_address(const struct pod *p, bool ipv6)
{
    for (size_t i = 0; i < p->status.pod_ips.n; i++)
        if ((str_index(p->status.pod_ips.at[i].ip, ':') >= 0) == ipv6)
            return p->status.pod_ips.at[i].ip;
    if (p->status.pod_ips.n == 0 && (str_index(p->status.pod_ip, ':') >= 0) == ipv6)
        return p->status.pod_ip;
    return (struct str){0};
}

struct object_reference pod_reference(const struct pod *p)
{
    return (struct object_reference){
        .kind = pod_resource.kind,
        .namespace = p->metadata.namespace,
        .name = p->metadata.name,
        .uid = p->metadata.uid,
    };
}

struct str_map service_endpoint_labels(struct arena *a, const struct service *s)
{
    struct str_map labels = s->metadata.labels;
    if (service_is_headless(s))
        labels_set(a, &labels, STR("service.kubernetes.io/headless"), STR(""));
    return labels;
}

static bool pod_looks_the_same(const struct pod *x, const struct pod *y)
{
    return str_eq(pod_address(x, true), pod_address(y, true)) &&
           str_eq(pod_address(x, false), pod_address(y, false)) && pod_is_ready(x) == pod_is_ready(y) &&
           pod_is_terminal(x) == pod_is_terminal(y) &&
           !x->metadata.deletion_timestamp == !y->metadata.deletion_timestamp &&
           str_eq(x->spec.node_name, y->spec.node_name) &&
           labels_eq(&x->metadata.labels, &y->metadata.labels);
}

void service_on_pod(struct controller *k, struct object *before, struct object *after)
{
    if (before && after && pod_looks_the_same(pod_of(before), pod_of(after)))
        return;
    _cleanup_objects_ struct objects services = {0};
    informer_list(informer_of(k, service), object_namespace(after ? after : before), &services);
    for (size_t i = 0; i < services.n; i++) {
        const struct service *s = object_typed(services.at[i]);
        if ((after && selects(s, &object_meta(after)->labels)) ||
            (before && selects(s, &object_meta(before)->labels)))
            controller_on_self(k, NULL, services.at[i]);
    }
}
