#define LOG_PART "routes"
#include "net/routes.h"

#include <stdlib.h>

#include "base/log.h"
#include "client/informer.h"
#include "kinds/core_v1.h"
#include "net/netlink.h"
#include "net/nft.h"

struct routes {
    struct str node_name;
    struct informer *nodes;
    struct netlink *nl; /* used by the informer's calls alone, which come one at a time */
};

#define PODS_TABLE "sagong-pods"

enum { NODE_RANGES_MAX = 2 };

/* The ways to a node's pods. */
struct ways {
    struct route at[NODE_RANGES_MAX];
    size_t n;
};

/* None while the node has no range, or no address of the range's family. */
static struct ways ways_to_node(struct object *o)
{
    struct ways w = {0};
    const struct node *node = o ? object_typed(o) : NULL;
    for (size_t i = 0; node && i < node->spec.pod_cidrs.n && w.n < NODE_RANGES_MAX; i++) {
        struct route r = {0};
        struct ip via;
        if (!ip_prefix_parse(node->spec.pod_cidrs.at[i], &r.to))
            continue;
        for (size_t k = 0; k < node->status.addresses.n && !r.via.family; k++)
            if (str_eq(node->status.addresses.at[k].type, NODE_ADDRESS_TYPE_INTERNAL_IP) &&
                ip_parse(node->status.addresses.at[k].address, &via) && via.family == r.to.base.family)
                r.via = via;
        if (r.via.family)
            w.at[w.n++] = r;
    }
    return w;
}

static bool has_destination(const struct ways *w, const struct route *r)
{
    for (size_t i = 0; i < w->n; i++)
        if (ip_eq(w->at[i].to.base, r->to.base) && w->at[i].to.bits == r->to.bits)
            return true;
    return false;
}

static bool has_way(const struct ways *w, const struct route *r)
{
    for (size_t i = 0; i < w->n; i++)
        if (has_destination(&(struct ways){{w->at[i]}, 1}, r) && ip_eq(w->at[i].via, r->via))
            return true;
    return false;
}

static void routes_on_node(void *arg, struct object *before, struct object *after)
{
    struct routes *routes = arg;
    struct str name = object_name(after ? after : before);
    if (str_eq(name, routes->node_name))
        return;
    struct ways old = ways_to_node(before), new = ways_to_node(after);
    for (size_t i = 0; i < old.n; i++) {
        _cleanup_err_ struct err err = {0};
        if (!has_destination(&new, &old.at[i]) && netlink_delete_route(routes->nl, &old.at[i], &err) < 0)
            log_warn("route to the pods of node " STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(err.message));
    }
    for (size_t i = 0; i < new.n; i++) {
        _cleanup_err_ struct err err = {0};
        if (!has_way(&old, &new.at[i]) && netlink_set_route(routes->nl, &new.at[i], &err) < 0)
            log_warn("no route to the pods of node " STR_FMT ": " STR_FMT, STR_ARG(name),
                     STR_ARG(err.message));
    }
}

static void remove_tables(struct buf *script)
{
    for (size_t i = 0; i < nft_families(); i++)
        nft_remove(nft_ip(nft_family[i]), PODS_TABLE, script);
}

/* Pods have addresses that only the cluster knows. */
static int routes_masquerade(const struct str_vec *cluster_cidrs, struct err *err)
{
    _cleanup_buf_ struct buf script = {0};
    _cleanup_arena_ struct arena a = {0};
    remove_tables(&script);
    for (size_t i = 0; i < cluster_cidrs->n; i++) {
        struct ip_prefix pods;
        if (!ip_prefix_parse(cluster_cidrs->at[i], &pods))
            return err_set(err, ERR_BAD_REQUEST, "not a range of addresses: \"" STR_FMT "\"",
                           STR_ARG(cluster_cidrs->at[i]));
        const char *ip = nft_ip(pods.base.family);
        struct str range = ip_prefix_text(&a, pods);
        buf_addf(&script,
                 "table %s " PODS_TABLE " {\n"
                 "  chain out { type nat hook postrouting priority srcnat;\n"
                 "    %s saddr " STR_FMT " %s daddr != " STR_FMT " oifname != \"sg*\" masquerade\n  }\n}\n",
                 ip, ip, STR_ARG(range), ip, STR_ARG(range));
    }
    return nft_apply(buf_str(&script), err);
}

int routes_start(struct client *c, const struct routes_options *o, struct routes **out, struct err *err)
{
    if (routes_masquerade(&o->cluster_cidrs, err) < 0)
        return -1;
    struct netlink *nl;
    if (netlink_open(-1, &nl, err) < 0)
        return -1;
    struct routes *r = mem_zalloc(sizeof *r);
    r->nl = nl;
    r->node_name = str_slice(str_dup_c(o->node_name), o->node_name.n);
    r->nodes = client_informer(c, &node_resource, &(struct informer_options){0});
    informer_handle(r->nodes, routes_on_node, r);
    *out = r;
    return 0;
}

void routes_stop(struct routes *r)
{
    if (!r)
        return;
    informer_unhandle(r->nodes, routes_on_node, r);
    netlink_close(r->nl);
    free((char *)r->node_name.p);
    free(r);
}

int routes_remove(struct err *err)
{
    _cleanup_buf_ struct buf script = {0};
    remove_tables(&script);
    return nft_apply(buf_str(&script), err);
}
