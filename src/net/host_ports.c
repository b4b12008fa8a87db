#include "net/host_ports.h"

#include <stdlib.h>

#include "kinds/core_v1.h"

struct host_ports_pod {
    struct rule_owner rules;
    struct str uid;     /* owned */
    struct object *pod; /* NULL: it has no ports any more */
};

static bool is_over(const struct pod *p)
{
    return str_eq(p->status.phase, POD_PHASE_SUCCEEDED) || str_eq(p->status.phase, POD_PHASE_FAILED);
}

/* Whether it has ports that packets must be led to: on the host's own network they are there already. */
static bool has_ports(const struct pod *p)
{
    const struct container_vec *lists[] = {&p->spec.containers, &p->spec.init_containers};
    if (p->spec.host_network || is_over(p) || !p->status.pod_ips.n)
        return false;
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        for (size_t c = 0; c < lists[l]->n; c++)
            for (size_t i = 0; i < lists[l]->at[c].ports.n; i++)
                if (lists[l]->at[c].ports.at[i].host_port)
                    return true;
    return false;
}

static struct str lower(struct str protocol)
{
    return str_is(protocol, "UDP") ? STR("udp") : str_is(protocol, "SCTP") ? STR("sctp") : STR("tcp");
}

static void port_items(const struct container_port *port, struct ip pod, struct arena *a, struct items *out)
{
    struct ip at = {0};
    bool anywhere = !port->host_ip.n || (ip_parse(port->host_ip, &at) && at.n == 0);
    if (at.family && at.family != pod.family)
        return;
    struct str ip = ip_text(a, pod), any = pod.family == IP_V6 ? STR("::") : STR("0.0.0.0");
    struct str protocol = lower(port->protocol);
    struct str to = arena_printf(a, STR_FMT " . %d", STR_ARG(ip), port->container_port);
    if (anywhere)
        items_add(out, ITEM_ELEMENT,
                  arena_printf(a, "host-ports { " STR_FMT " . %d", STR_ARG(protocol), port->host_port), to);
    else if (at.family)
        items_add(out, ITEM_ELEMENT,
                  arena_printf(a, "host-ports-at { " STR_FMT " . " STR_FMT " . %d", STR_ARG(port->host_ip),
                               STR_ARG(protocol), port->host_port),
                  to);
    if (str_is(protocol, "udp"))
        items_add(out, ITEM_FLOW,
                  arena_printf(a, STR_FMT " %d " STR_FMT " %d", STR_ARG(anywhere ? any : port->host_ip),
                               port->host_port, STR_ARG(ip), port->container_port),
                  (struct str){0});
}

static void pod_items(const struct pod *p, enum ip_family family, struct arena *a, struct items *out)
{
    const struct container_vec *lists[] = {&p->spec.containers, &p->spec.init_containers};
    struct ip ip;
    for (size_t k = 0; k < p->status.pod_ips.n; k++) {
        if (!ip_parse(p->status.pod_ips.at[k].ip, &ip) || ip.family != family)
            continue;
        struct str text = ip_text(a, ip);
        items_add(out, ITEM_ELEMENT,
                  arena_printf(a, "hairpins { " STR_FMT " . " STR_FMT, STR_ARG(text), STR_ARG(text)),
                  (struct str){0});
        for (size_t l = 0; l < ARRAY_LEN(lists); l++)
            for (size_t c = 0; c < lists[l]->n; c++)
                for (size_t i = 0; i < lists[l]->at[c].ports.n; i++)
                    if (lists[l]->at[c].ports.at[i].host_port)
                        port_items(&lists[l]->at[c].ports.at[i], ip, a, out);
    }
    items_sort(out);
}

static void on_pod(void *arg, struct object *before, struct object *after)
{
    struct host_ports *h = arg;
    struct str uid = object_meta(after ? after : before)->uid;
    bool wants = after && has_ports(object_typed(after));
    _lock_(h->keeper->lock);
    struct host_ports_pod *e = map_get(&h->entries, uid);
    if (!e && !wants)
        return;
    if (!e) {
        e = mem_zalloc(sizeof *e);
        e->rules.kind = HOST_PORTS_OWNER;
        e->uid = str_slice(str_dup_c(uid), uid.n);
        map_put(&h->entries, e->uid, e);
    }
    object_unref(e->pod);
    e->pod = wants ? object_ref(after) : NULL;
    rule_keeper_mark(h->keeper, &e->rules);
}

void host_ports_start(struct host_ports *h, struct client *c, struct str node, struct rule_keeper *k)
{
    _cleanup_buf_ struct buf field = {0};
    buf_addf(&field, "spec.nodeName=" STR_FMT, STR_ARG(node));
    h->keeper = k;
    h->pods =
        client_informer(c, &pod_resource, &(struct informer_options){.field_selector = buf_str(&field)});
    informer_handle(h->pods, on_pod, h);
}

void host_ports_stop(struct host_ports *h)
{
    informer_unhandle(h->pods, on_pod, h);
}

static void entry_free(struct host_ports_pod *e)
{
    rule_owner_clear(&e->rules);
    object_unref(e->pod);
    free((char *)e->uid.p);
    free(e);
}

void host_ports_free(struct host_ports *h)
{
    map_each (&h->entries, slot)
        entry_free(slot->value);
    map_free(&h->entries);
}

static struct host_ports_pod *entry_of(struct rule_owner *o)
{
    return o->kind == HOST_PORTS_OWNER ? container_of(o, struct host_ports_pod, rules) : NULL;
}

void host_ports_mark_all(struct host_ports *h)
{
    map_each (&h->entries, slot)
        rule_keeper_mark(h->keeper, &((struct host_ports_pod *)slot->value)->rules);
}

bool host_ports_render(struct rule_owner *o, enum ip_family family, struct arena *a, struct items *out)
{
    struct host_ports_pod *e = entry_of(o);
    if (e && e->pod)
        pod_items(object_typed(e->pod), family, a, out);
    return e;
}

bool host_ports_settled(struct host_ports *h, struct rule_owner *o)
{
    struct host_ports_pod *e = entry_of(o);
    if (e && !e->pod) {
        map_del(&h->entries, e->uid);
        entry_free(e);
    }
    return e;
}
