#define LOG_PART "routes"
#include "net/routes.h"

#include <stdlib.h>

#include "base/log.h"
#include "client/informer.h"
#include "kinds/core_v1.h"
#include "net/cidr.h"
#include "net/netlink.h"
#include "net/nft.h"

struct routes {
    struct str node_name;
    struct informer *nodes;
    struct netlink *nl; /* used by the informer's calls alone, which come one at a time */
};

/* The way to a node's pods; false while the node has no range or no address. */
static bool routes_to_node(struct object *o, struct route *r)
{
    const struct node *node = object_typed(o);
    struct cidr pods;
    if (!cidr_parse(node->spec.pod_cidr, &pods))
        return false;
    *r = (struct route){.to = pods.base, .bits = pods.bits};
    for (size_t i = 0; i < node->status.addresses.n && !r->via; i++)
        if (str_eq(node->status.addresses.at[i].type, NODE_ADDRESS_TYPE_INTERNAL_IP))
            ip4_parse(node->status.addresses.at[i].address, &r->via);
    return r->via;
}

static void routes_on_node(void *arg, struct object *before, struct object *after)
{
    struct routes *routes = arg;
    if (str_eq(object_name(after ? after : before), routes->node_name))
        return;
    _cleanup_err_ struct err err = {0};
    struct route old = {0}, new = {0};
    bool had = before && routes_to_node(before, &old), has = after && routes_to_node(after, &new);
    if (had && has && old.to == new.to &&old.bits == new.bits &&old.via == new.via)
        return;
    if (had && (!has || old.to != new.to || old.bits != new.bits) &&
        netlink_delete_route(routes->nl, &old, &err) < 0)
        log_warn("route to the pods of node " STR_FMT ": " STR_FMT, STR_ARG(object_name(before)),
                 STR_ARG(err.message));
    if (has && netlink_set_route(routes->nl, &new, &err) < 0)
        log_warn("no route to the pods of node " STR_FMT ": " STR_FMT, STR_ARG(object_name(after)),
                 STR_ARG(err.message));
}

/* Pods have addresses that only the cluster knows. */
static int routes_masquerade(struct str cluster_cidr, struct err *err)
{
    struct cidr pods;
    if (!cidr_parse(cluster_cidr, &pods))
        return err_set(err, ERR_BAD_REQUEST, "not an IPv4 range: \"" STR_FMT "\"", STR_ARG(cluster_cidr));
    _cleanup_arena_ struct arena a = {0};
    return nft_apply(
        arena_printf(&a,
                     "add table ip sagong-pods\ndelete table ip sagong-pods\ntable ip sagong-pods {\n"
                     "  chain out { type nat hook postrouting priority srcnat;\n"
                     "    ip saddr " STR_FMT " ip daddr != " STR_FMT
                     " oifname != \"sg*\" masquerade\n  }\n}\n",
                     STR_ARG(cluster_cidr), STR_ARG(cluster_cidr)),
        err);
}

int routes_start(struct client *c, const struct routes_options *o, struct routes **out, struct err *err)
{
    if (routes_masquerade(o->cluster_cidr, err) < 0)
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
    return nft_apply(STR("add table ip sagong-pods\ndelete table ip sagong-pods\n"), err);
}
