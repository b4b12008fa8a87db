#define LOG_PART "proxy"
#include "net/proxy.h"

#include <stdlib.h>

#include "base/log.h"
#include "kinds/core_v1.h"
#include "net/conntrack.h"
#include "net/health_check.h"
#include "net/host_ports.h"
#include "net/rule_keeper.h"
#include "net/service_rules.h"
#include "net/service_view.h"

#define PROXY_TABLE "sagong"

/* What is always there, for a family: how nft calls it and its addresses, its loopback's, and what it has of
 * its own for that: the host may call a host port through IPv4's (route_localnet), through IPv6's nothing
 * leaves the host. 0x4000 is the mark that upstream's proxies use for "masquerade this". A service's address
 * that no map led on from is one without endpoints or without that port. */
#define PROXY_BASE(IP, ADDR, LOOPBACK, DISPATCH, POSTROUTING)                                                \
    "  map services { type " ADDR " . inet_proto . inet_service : verdict; }\n"                              \
    "  map node-ports { type inet_proto . inet_service : verdict; }\n"                                       \
    "  map host-ports { type inet_proto . inet_service : " ADDR " . inet_service; }\n"                       \
    "  map host-ports-at { type " ADDR " . inet_proto . inet_service : " ADDR " . inet_service; }\n"         \
    "  set cluster-ips { type " ADDR "; }\n"                                                                 \
    "  set refused { type " ADDR " . inet_proto . inet_service; }\n"                                         \
    "  set hairpins { type " ADDR " . " ADDR "; }\n"                                                         \
    "  chain dispatch {\n"                                                                                   \
    "    " IP " daddr . meta l4proto . th dport vmap @services\n"                                            \
    "    " IP " daddr != " LOOPBACK                                                                          \
    " fib daddr type local meta l4proto . th dport vmap @node-ports\n" DISPATCH                              \
    "    fib daddr type != local return\n"                                                                   \
    "    meta l4proto { tcp, udp, sctp } dnat " IP " to " IP                                                 \
    " daddr . meta l4proto . th dport map @host-ports-at\n"                                                  \
    "    meta l4proto { tcp, udp, sctp } dnat " IP " to meta l4proto . th dport map @host-ports\n"           \
    "  }\n"                                                                                                  \
    "  chain prerouting { type nat hook prerouting priority dstnat; jump dispatch; }\n"                      \
    "  chain output { type nat hook output priority -100; jump dispatch; }\n"                                \
    "  chain mark-masquerade { meta mark set mark or 0x4000; }\n"                                            \
    "  chain postrouting {\n"                                                                                \
    "    type nat hook postrouting priority srcnat;\n"                                                       \
    "    mark and 0x4000 != 0 meta mark set mark and 0xffffbfff masquerade fully-random\n"                   \
    "    ct status dnat " IP " saddr . " IP " daddr @hairpins masquerade fully-random\n" POSTROUTING "  }\n" \
    "  chain unserved {\n"                                                                                   \
    "    " IP " daddr @cluster-ips reject\n"                                                                 \
    "    " IP " daddr . meta l4proto . th dport @refused reject\n"                                           \
    "  }\n"                                                                                                  \
    "  chain unserved-forward { type filter hook forward priority -110; ct state new jump unserved; }\n"     \
    "  chain unserved-output { type filter hook output priority -90; ct state new jump unserved; }\n"        \
    "  chain unserved-input { type filter hook input priority -110; ct state new jump unserved; }\n"

static const char *const proxy_bases[NFT_FAMILIES] = {
    PROXY_BASE("ip", "ipv4_addr", "127.0.0.0/8", "",
               "    ct status dnat ip saddr 127.0.0.0/8 oifname \"sg*\" masquerade\n"),
    PROXY_BASE("ip6", "ipv6_addr", "::1", "    ip6 daddr ::1 return\n", ""),
};

/* A service, and what of it is in the kernel. */
struct proxy_service {
    struct service_entry entry;
    struct rule_owner rules;
};

struct proxy {
    struct service_view view; /* of struct proxy_service; its lock guards all that changes */
    struct rule_keeper keeper;
    struct host_ports host_ports;
    struct health_checks *health_checks;
    struct str node_name, zone; /* owned */
    struct informer *node;
};

static void proxy_on_change(struct service_view *v, struct service_entry *e)
{
    struct proxy *p = container_of(v, struct proxy, view);
    rule_keeper_mark(&p->keeper, &container_of(e, struct proxy_service, entry)->rules);
    health_checks_look(p->health_checks, e);
}

static void proxy_mark_services(struct proxy *p)
{
    map_each (&p->view.entries, slot)
        rule_keeper_mark(&p->keeper, &((struct proxy_service *)slot->value)->rules);
}

static void proxy_all(struct rule_keeper *k)
{
    struct proxy *p = container_of(k, struct proxy, keeper);
    proxy_mark_services(p);
    host_ports_mark_all(&p->host_ports);
}

/* Another zone makes other endpoints close. */
static void proxy_on_node(void *arg, struct object *before, struct object *after)
{
    (void)before;
    struct proxy *p = arg;
    struct str zone = {0};
    for (size_t i = 0; after && i < object_meta(after)->labels.n; i++)
        if (str_is(object_meta(after)->labels.at[i].key, "topology.kubernetes.io/zone"))
            zone = object_meta(after)->labels.at[i].value;
    _lock_(&p->view.mutex);
    if (!after || str_eq(zone, p->zone))
        return;
    free((char *)p->zone.p);
    p->zone = str_slice(str_dup_c(zone), zone.n);
    proxy_mark_services(p);
}

static void proxy_service_rules(struct proxy *p, const struct service_entry *e, enum ip_family family,
                                struct arena *a, struct items *out)
{
    if (!e->service)
        return;
    const struct rules_place here = {p->node_name, p->zone};
    const struct endpoint_slice **slices = arena_new_n(a, const struct endpoint_slice *, e->slices.n);
    for (size_t i = 0; i < e->slices.n; i++)
        slices[i] = object_typed(e->slices.at[i]);
    service_rules(object_typed(e->service), slices, e->slices.n, &here, family, a, out);
}

static void proxy_render(struct rule_keeper *k, struct rule_owner *o, enum ip_family family, struct arena *a,
                         struct items *out)
{
    struct proxy *p = container_of(k, struct proxy, keeper);
    if (!host_ports_render(o, family, a, out))
        proxy_service_rules(p, &container_of(o, struct proxy_service, rules)->entry, family, a, out);
}

static void proxy_settled(struct rule_keeper *k, struct rule_owner *o)
{
    struct proxy *p = container_of(k, struct proxy, keeper);
    if (host_ports_settled(&p->host_ports, o))
        return;
    struct proxy_service *s = container_of(o, struct proxy_service, rules);
    if (service_entry_is_empty(&s->entry)) {
        rule_owner_clear(o);
        service_view_drop(&p->view, &s->entry);
    }
}

static bool proxy_synced(struct rule_keeper *k, int64_t deadline)
{
    struct proxy *p = container_of(k, struct proxy, keeper);
    return service_view_synced(&p->view, deadline) && informer_synced(p->host_ports.pods, deadline);
}

/* --- UDP flows that have lost their way --- */

/* The changed services' flows, "ADDRESS PORT ADDRESS PORT" as service_rules names them. */
struct proxy_flows {
    struct map entries; /* "ADDRESS PORT": the service's side, before or now */
    struct map ways;    /* the whole, now */
};

static bool proxy_flow_stale(void *arg, const struct udp_flow *f)
{
    const struct proxy_flows *flows = arg;
    _cleanup_arena_ struct arena a = {0};
    struct str at = arena_printf(&a, STR_FMT " %u", STR_ARG(ip_text(&a, f->to)), f->to_port),
               on_node = arena_printf(&a, "%s %u", f->to.family == IP_V6 ? "::" : "0.0.0.0", f->to_port),
               way = arena_printf(&a, STR_FMT " %u", STR_ARG(ip_text(&a, f->from)), f->from_port);
    const struct str *entry = map_get(&flows->entries, at)        ? &at
                              : map_get(&flows->entries, on_node) ? &on_node
                                                                  : NULL;
    return entry &&
           !map_get(&flows->ways, arena_printf(&a, STR_FMT " " STR_FMT, STR_ARG(*entry), STR_ARG(way)));
}

static void proxy_flows_take(struct proxy_flows *flows, const struct items *items, bool now)
{
    for (size_t i = 0; i < items->n && items->at[i].kind <= ITEM_FLOW; i++) {
        struct str name = items->at[i].name, rest = name, ip, port;
        str_cut(&rest, ' ', &ip);
        str_cut(&rest, ' ', &port);
        map_put(&flows->entries, str_slice(name.p, (size_t)(port.p + port.n - name.p)), flows);
        if (now)
            map_put(&flows->ways, name, flows);
    }
}

static void proxy_changed(struct rule_keeper *k, enum ip_family family, const struct items_change *changes,
                          size_t n)
{
    (void)k;
    struct proxy_flows flows = {0};
    _cleanup_err_ struct err err = {0};
    for (size_t i = 0; i < n; i++) {
        proxy_flows_take(&flows, changes[i].before, false);
        proxy_flows_take(&flows, changes[i].after, true);
    }
    if (flows.entries.n && conntrack_forget_udp(family, proxy_flow_stale, &flows, &err) < 0)
        log_warn("UDP clients may keep their old ways: " STR_FMT, STR_ARG(err.message));
    map_free(&flows.entries);
    map_free(&flows.ways);
}

/* --- start and stop --- */

int proxy_start(struct client *c, const struct proxy_options *o, struct proxy **out, struct err *err)
{
    (void)err;
    struct proxy *p = mem_zalloc(sizeof *p);
    p->keeper = (struct rule_keeper){
        .name = "proxy",
        .table = PROXY_TABLE,
        .bases = proxy_bases,
        .lock = &p->view.mutex,
        .all = proxy_all,
        .render = proxy_render,
        .settled = proxy_settled,
        .synced = proxy_synced,
        .changed = proxy_changed,
    };
    rule_keeper_init(&p->keeper);
    p->node_name = str_slice(str_dup_c(o->node_name), o->node_name.n);
    p->view.entry_size = sizeof(struct proxy_service);
    p->view.changed = proxy_on_change;
    p->health_checks = health_checks_new(&p->view, p->node_name);
    service_view_start(&p->view, c);
    host_ports_start(&p->host_ports, c, o->node_name, &p->keeper);
    _cleanup_buf_ struct buf self = {0};
    buf_addf(&self, "metadata.name=" STR_FMT, STR_ARG(o->node_name));
    p->node =
        client_informer(c, &node_resource, &(struct informer_options){.field_selector = buf_str(&self)});
    informer_handle(p->node, proxy_on_node, p);
    rule_keeper_start(&p->keeper);
    *out = p;
    return 0;
}

void proxy_stop(struct proxy *p)
{
    if (!p)
        return;
    informer_unhandle(p->node, proxy_on_node, p);
    host_ports_stop(&p->host_ports);
    service_view_stop(&p->view);
    health_checks_free(p->health_checks);
    rule_keeper_stop(&p->keeper);
    host_ports_free(&p->host_ports);
    map_each (&p->view.entries, slot)
        rule_owner_clear(&((struct proxy_service *)slot->value)->rules);
    service_view_free(&p->view);
    free((char *)p->node_name.p);
    free((char *)p->zone.p);
    free(p);
}

int proxy_remove(struct err *err)
{
    return rule_keeper_remove(PROXY_TABLE, err);
}
