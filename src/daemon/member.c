#include "daemon/member.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/loop.h"
#include "daemon/join.h"
#include "daemon/ranges.h"
#include "net/dns/server.h"
#include "net/host.h"
#include "net/pod_network.h"
#include "net/policy.h"
#include "net/proxy.h"
#include "net/routes.h"
#include "node/node.h"

enum { MEMBER_YEAR_S = 365 * 24 * 3600 };

struct member {
    struct arena arena;
    struct pki_pair serving;
    struct loop *loop;
    struct node_agent *node;
    struct proxy *proxy;
    struct policies *policies;
    struct routes *routes;
    struct dns_server *dns;
};

/* --node-ip as upstream's kubelet reads it; "::" and "0.0.0.0" ask for the default route's address of that
 * family. */
static int addresses_said(const struct flag_list *said, struct arena *a, struct str_vec *out, struct err *err)
{
    struct ip ips[2] = {0};
    for (size_t i = 0; i < said->n; i++) {
        struct ip ip;
        if (!ip_parse(str_trim(str_from(said->at[i])), &ip))
            return err_set(err, ERR_BAD_REQUEST, "failed to parse --node-ip: could not parse \"%s\"",
                           said->at[i]);
        ips[i ? 1 : 0] = ip;
    }
    if (said->n > 2 || (said->n == 2 && ips[0].family == ips[1].family))
        return err_set(
            err, ERR_BAD_REQUEST,
            "failed to parse --node-ip: must contain either a single IP or a dual-stack pair of IPs");
    if (said->n == 2 && (!ips[0].n || !ips[1].n))
        return err_set(err, ERR_BAD_REQUEST,
                       "failed to parse --node-ip: dual-stack node IP cannot include '0.0.0.0' or '::'");
    for (size_t i = 0; i < said->n; i++)
        out->at[out->n++] = ip_text(a, ips[i]);
    return ips[0].n ? 0 : host_address(a, ips[0].family, &out->at[0], err);
}

/* An address of the cluster's main family, and one of its other where this machine has one. */
static int addresses_found(struct member_options *o, struct arena *a, struct err *err)
{
    struct str_vec *out = &o->node_addresses;
    enum ip_family main = ip_family_of(o->address.n ? o->address : o->cluster_cidrs.at[0]);
    out->at[0] = o->address;
    if (!o->address.n && host_address(a, main, &out->at[0], err) < 0)
        return -1;
    out->n = 1;
    for (size_t i = 0; i < o->cluster_cidrs.n && out->n < 2; i++) {
        enum ip_family family = ip_family_of(o->cluster_cidrs.at[i]);
        if (family != main && host_address(a, family, &out->at[out->n], NULL) == 0)
            out->n++;
    }
    return 0;
}

int member_identity(struct member_options *o, struct arena *a, struct err *err)
{
    if (o->flags->node_name)
        o->node_name = str_from(o->flags->node_name);
    else if (host_name(a, &o->node_name, err) < 0)
        return -1;
    const struct flag_list *said = &o->flags->node_ip;
    o->node_addresses = (struct str_vec){arena_new_n(a, struct str, 2), 0};
    return said->n ? addresses_said(said, a, &o->node_addresses, err) : addresses_found(o, a, err);
}

int member_cluster_dns(const struct member_flags *f, const struct str_vec *service_cidrs, struct arena *a,
                       struct str *ip, struct err *err)
{
    struct str said = str_from(f->cluster_dns);
    struct ip said_ip;
    *ip = (struct str){0};
    if (str_is(said, "none"))
        return 0;
    if (said.n && !ip_parse(said, &said_ip))
        return err_set(err, ERR_BAD_REQUEST, "--cluster-dns must be an IP address or none, not \"%s\"",
                       f->cluster_dns);
    /* As kubeadm chooses it. */
    *ip = said.n ? said : range_address(a, service_cidrs->at[0], 10);
    return 0;
}

/* The certificate by which the API server knows this node: signed here where the authority's key is, else by
 * the cluster. */
static int member_serving(struct member *m, struct client *c, const struct member_options *o, struct err *err)
{
    char dir[4096];
    struct str names[3] = {o->node_name};
    size_t n_names = 1;
    for (size_t i = 0; i < o->node_addresses.n; i++)
        names[n_names++] = o->node_addresses.at[i];
    snprintf(dir, sizeof dir, "%s/pki", o->data_dir);
    if (o->ca->key_pem.n) {
        struct str group = STR("system:nodes");
        struct pki_request q = {
            .common_name = arena_concat(&m->arena, STR("system:node:"), o->node_name),
            .organizations = &group,
            .n_organizations = 1,
            .names = names,
            .n_names = n_names,
            .server = true,
            .lifetime_s = MEMBER_YEAR_S,
        };
        return pki_ensure(dir, "kubelet", o->ca, &q, &m->serving, err);
    }
    struct join_certificate q = {
        .node_name = o->node_name, .server = true, .names = names, .n_names = n_names};
    return join_certificate(c, &q, &m->serving, err);
}

static struct node_options member_node_options(const char *data_dir, const struct member_flags *f,
                                               struct arena *a)
{
    struct str *registries = arena_new_n(a, struct str, f->insecure_registries.n);
    for (size_t i = 0; i < f->insecure_registries.n; i++)
        registries[i] = str_from(f->insecure_registries.at[i]);
    return (struct node_options){
        .data_dir = arena_printf(a, "%s/node", data_dir).p,
        .run_dir = f->run_dir,
        .log_dir = f->log_dir,
        .cgroup_root = f->cgroup_root,
        .insecure_registries = {registries, f->insecure_registries.n},
        .max_pods = (int)f->max_pods,
        .port = (int)f->kubelet_port,
    };
}

int member_start(struct client *c, const struct member_options *o, struct member **out, struct err *err)
{
    struct member *m = *out = mem_zalloc(sizeof *m);
    struct str dns;
    if (member_serving(m, c, o, err) < 0 ||
        member_cluster_dns(o->flags, &o->service_cidrs, &m->arena, &dns, err) < 0)
        return -1;
    m->loop = loop_new("kubelet");
    loop_start(m->loop);
    struct node_options node = member_node_options(o->data_dir, o->flags, &m->arena);
    node.name = o->node_name;
    node.addresses = o->node_addresses;
    node.service_cidrs = o->service_cidrs;
    node.cluster_dns = (struct str_vec){&dns, dns.n ? 1 : 0};
    node.resolv_conf = o->flags->resolv_conf;
    node.cluster_domain = str_from(o->flags->cluster_domain);
    node.cert_pem = buf_str(&m->serving.cert_pem);
    node.key_pem = buf_str(&m->serving.key_pem);
    node.client_ca_pem = buf_str(&o->ca->cert_pem);
    node.loops = &m->loop;
    node.n_loops = 1;
    if (policies_start(c, o->node_name, &m->policies, err) < 0)
        return -1;
    node.policies = m->policies;
    if (node_start(c, &node, &m->node, err) < 0)
        return -1;
    if (proxy_start(c, &(struct proxy_options){.node_name = o->node_name}, &m->proxy, err) < 0)
        return -1;
    if (dns.n && dns_server_start(c,
                                  &(struct dns_server_options){.node_name = o->node_name,
                                                               .domain = str_from(o->flags->cluster_domain),
                                                               .service_address = dns,
                                                               .resolv_conf = o->flags->resolv_conf},
                                  &m->dns, err) < 0)
        return -1;
    return routes_start(
        c, &(struct routes_options){.node_name = o->node_name, .cluster_cidrs = o->cluster_cidrs}, &m->routes,
        err);
}

int64_t member_renew_at(const struct member *m)
{
    return pki_renew_at(buf_str(&m->serving.cert_pem));
}

void member_stop(struct member *m)
{
    if (!m)
        return;
    dns_server_stop(m->dns);
    routes_stop(m->routes);
    proxy_stop(m->proxy);
    if (m->node)
        node_stop(m->node);
    policies_stop(m->policies);
    if (m->loop) {
        loop_stop(m->loop);
        loop_join(m->loop);
        loop_free(m->loop);
    }
    pki_pair_free(&m->serving);
    arena_free(&m->arena);
    free(m);
}

int member_drain(const char *data_dir, const struct member_flags *flags, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct node_options o = member_node_options(data_dir, flags, &a);
    if (node_drain(&o, err) < 0 || proxy_remove(err) < 0 || policies_remove(err) < 0 ||
        routes_remove(err) < 0)
        return -1;
    return pod_network_remove(err);
}
