/* The cells of services, their endpoints, ingresses and policies. */
#include <stdlib.h>

#include "base/ip.h"
#include "kinds/core_v1.h"
#include "kinds/discovery_v1.h"
#include "kinds/networking_v1.h"
#include "schema/table/cells.h"

/* A list that shows its first few: "a,b,c + 2 more...". */
struct short_list {
    struct buf text;
    size_t n;
};
enum { SHORT_LIST = 3 };

static void short_list_add(struct short_list *l, struct str s)
{
    if (l->n++ >= SHORT_LIST)
        return;
    if (l->text.n)
        buf_add_c(&l->text, ',');
    buf_add_str(&l->text, s);
}

static void short_list_cell(struct cell *c, struct short_list *l, const char *none)
{
    if (l->n > SHORT_LIST)
        buf_addf(&l->text, " + %zu more...", l->n - SHORT_LIST);
    cell_or(c, buf_str(&l->text), none);
    buf_free(&l->text);
}

/* --- services --- */

static void add_comma(struct buf *b, struct str s)
{
    if (b->n)
        buf_add_c(b, ',');
    buf_add_str(b, s);
}

/* Sets are printed in order, each member once. */
static void add_sorted(struct buf *b, struct str *names, size_t n)
{
    qsort(names, n, sizeof *names, str_qsort);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !str_eq(names[i], names[i - 1]))
            add_comma(b, names[i]);
}

static void service_add_balancer(struct buf *b, const struct service *s)
{
    _cleanup_arena_ struct arena a = {0};
    size_t n = s->status.load_balancer.ingress.n, kept = 0;
    struct str *names = arena_new_n(&a, struct str, n);
    for (size_t i = 0; i < n; i++) {
        const struct load_balancer_ingress *at = &s->status.load_balancer.ingress.at[i];
        struct str name = at->ip.n ? at->ip : at->hostname;
        if (name.n)
            names[kept++] = name;
    }
    add_sorted(b, names, kept);
}

static void service_cell_external(struct cell *c)
{
    const struct service *s = c->typed;
    _cleanup_buf_ struct buf b = {0};
    if (str_is(s->spec.type, "ExternalName")) {
        cell_str(c, s->spec.external_name);
        return;
    }
    bool balancer = str_is(s->spec.type, "LoadBalancer");
    if (balancer)
        service_add_balancer(&b, s);
    for (size_t i = 0; i < s->spec.external_ips.n; i++)
        add_comma(&b, s->spec.external_ips.at[i]);
    cell_or(c, buf_str(&b), balancer ? "<pending>" : "<none>");
}

static void service_cell_ports(struct cell *c)
{
    const struct service *s = c->typed;
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < s->spec.ports.n; i++) {
        const struct service_port *p = &s->spec.ports.at[i];
        buf_addf(&b, "%s%d", i ? "," : "", p->port);
        if (p->node_port > 0)
            buf_addf(&b, ":%d", p->node_port);
        buf_addf(&b, "/" STR_FMT, STR_ARG(p->protocol));
    }
    cell_or(c, buf_str(&b), "<none>");
}

static void endpoints_cell(struct cell *c)
{
    const struct endpoints *e = c->typed;
    _cleanup_arena_ struct arena a = {0};
    struct short_list l = {0};
    for (size_t i = 0; i < e->subsets.n; i++) {
        const struct endpoint_subset *s = &e->subsets.at[i];
        for (size_t p = 0; p < s->ports.n || (p == 0 && s->ports.n == 0); p++)
            for (size_t k = 0; k < s->addresses.n; k++) {
                struct str ip = s->addresses.at[k].ip;
                if (s->ports.n)
                    ip = arena_printf(&a, STR_FMT ":%d", STR_ARG(ip_host(&a, ip)), s->ports.at[p].port);
                short_list_add(&l, ip);
            }
    }
    short_list_cell(c, &l, "<none>");
}

static void slice_cell_ports(struct cell *c)
{
    const struct endpoint_slice *s = c->typed;
    _cleanup_arena_ struct arena a = {0};
    struct short_list l = {0};
    for (size_t i = 0; i < s->ports.n; i++) {
        const struct discovery_endpoint_port *p = &s->ports.at[i];
        short_list_add(&l, p->port ? arena_printf(&a, "%d", *p->port) : p->name ? *p->name : STR("*"));
    }
    short_list_cell(c, &l, "<unset>");
}

static void slice_cell_endpoints(struct cell *c)
{
    const struct endpoint_slice *s = c->typed;
    struct short_list l = {0};
    for (size_t i = 0; i < s->endpoints.n; i++)
        for (size_t k = 0; k < s->endpoints.at[i].addresses.n; k++)
            short_list_add(&l, s->endpoints.at[i].addresses.at[k]);
    short_list_cell(c, &l, "<unset>");
}

/* --- ingresses --- */

static void ingress_cell_hosts(struct cell *c)
{
    const struct ingress *g = c->typed;
    size_t shown = 0, n = g->spec.rules.n;
    bool more = false;
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < n; i++) {
        more |= shown == SHORT_LIST;
        if (more || !g->spec.rules.at[i].host.n)
            continue;
        add_comma(&b, g->spec.rules.at[i].host);
        shown++;
    }
    if (more)
        buf_addf(&b, " + %zu more...", n - SHORT_LIST);
    cell_or(c, buf_str(&b), "*");
}

static void ingress_cell_address(struct cell *c)
{
    const struct ingress *g = c->typed;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    size_t n = g->status.load_balancer.ingress.n, kept = 0;
    struct str *names = arena_new_n(&a, struct str, n);
    for (size_t i = 0; i < n; i++) {
        const struct ingress_load_balancer_ingress *at = &g->status.load_balancer.ingress.at[i];
        struct str name = at->ip.n ? at->ip : at->hostname;
        if (name.n)
            names[kept++] = name;
    }
    add_sorted(&b, names, kept);
    cell_buf(c, &b);
}

static void ingress_cell_ports(struct cell *c)
{
    const struct ingress *g = c->typed;
    cell_str(c, g->spec.tls.n ? STR("80, 443") : STR("80"));
}

static void ingress_class_cell_name(struct cell *c)
{
    const struct ingress_class *i = c->typed;
    cell_class_name(c, i->metadata.name, &i->metadata.annotations,
                    (const char *[]){"ingressclass.kubernetes.io/is-default-class"}, 1);
}

static void ingress_class_cell_parameters(struct cell *c)
{
    const struct ingress_class *i = c->typed;
    const struct ingress_class_parameters_reference *p = i->spec.parameters;
    if (!p)
        cell_str(c, STR("<none>"));
    else
        cell_strf(c, STR_FMT "%s" STR_FMT "/" STR_FMT, STR_ARG(p->kind), p->api_group ? "." : "",
                  STR_ARG(p->api_group ? *p->api_group : STR("")), STR_ARG(p->name));
}

static void ip_address_cell_parent(struct cell *c)
{
    const struct ip_address *i = c->typed;
    const struct parent_reference *p = i->spec.parent_ref;
    if (!p)
        cell_str(c, STR("<none>"));
    else
        cell_strf(c, STR_FMT "%s" STR_FMT "/" STR_FMT "%s" STR_FMT, STR_ARG(p->resource),
                  p->group.n ? "." : "", STR_ARG(p->group), STR_ARG(p->namespace), p->namespace.n ? "/" : "",
                  STR_ARG(p->name));
}

static const struct cell_maker makers[] = {
    {&service_type, "Cluster-IP", cell_or_none, "spec.clusterIP"},
    {&service_type, "External-IP", service_cell_external, NULL},
    {&service_type, "Port(s)", service_cell_ports, NULL},
    {&service_type, "Selector", cell_labels, "spec.selector"},
    {&endpoints_type, "Endpoints", endpoints_cell, NULL},
    {&endpoint_slice_type, "Ports", slice_cell_ports, NULL},
    {&endpoint_slice_type, "Endpoints", slice_cell_endpoints, NULL},
    {&ingress_type, "Class", cell_or_none, "spec.ingressClassName"},
    {&ingress_type, "Hosts", ingress_cell_hosts, NULL},
    {&ingress_type, "Address", ingress_cell_address, NULL},
    {&ingress_type, "Ports", ingress_cell_ports, NULL},
    {&ingress_class_type, "Name", ingress_class_cell_name, NULL},
    {&ingress_class_type, "Parameters", ingress_class_cell_parameters, NULL},
    {&network_policy_type, "Pod-Selector", cell_selector, "spec.podSelector"},
    {&ip_address_type, "ParentRef", ip_address_cell_parent, NULL},
    {&service_cidr_type, "CIDRs", cell_joined, "spec.cidrs"},
};
const struct cell_makers cells_network = {makers, ARRAY_LEN(makers)};
