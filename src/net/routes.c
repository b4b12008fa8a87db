#define LOG_PART "routes"
#include "net/routes.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/reconciler.h"
#include "kinds/core_v1.h"
#include "net/netlink.h"
#include "net/nft.h"

#define PODS_TABLE "sagong-pods"
#define SYNC_TURN  (200 * CLOCK_MS)
#define RETRY      (5 * CLOCK_S)
#define LOOK_AGAIN (60 * CLOCK_S) /* a link that is set down takes its routes with it */

struct routes {
    struct str node_name;
    struct informer *nodes;
    struct reconciler *reconciler; /* of one key: all routes */
    struct netlink *nl;            /* the reconciler's alone, as is the next */
    bool failed;                   /* some route did not work at the last try */
};

/* The ways to nodes' pods. */
struct ways {
    struct route *at;
    size_t n, cap;
};

static void ways_add(void *ways, const struct route *r)
{
    struct ways *w = ways;
    mem_grow((void **)&w->at, &w->cap, w->n + 1, sizeof *w->at);
    w->at[w->n++] = *r;
}

static void ways_free(struct ways *w)
{
    free(w->at);
}
#define _cleanup_ways_ _cleanup_(ways_free)

/* Adds those to a node: none while it has no range, or no address of the range's family. */
static void ways_to_node(struct object *o, struct ways *w)
{
    const struct node *node = object_typed(o);
    for (size_t i = 0; i < node->spec.pod_cidrs.n; i++) {
        struct route r = {0};
        struct ip via;
        if (!ip_prefix_parse(node->spec.pod_cidrs.at[i], &r.to))
            continue;
        for (size_t k = 0; k < node->status.addresses.n && !r.via.family; k++)
            if (str_eq(node->status.addresses.at[k].type, NODE_ADDRESS_TYPE_INTERNAL_IP) &&
                ip_parse(node->status.addresses.at[k].address, &via) && via.family == r.to.base.family)
                r.via = via;
        if (r.via.family)
            ways_add(w, &r);
    }
}

static bool same_destination(const struct route *a, const struct route *b)
{
    return ip_eq(a->to.base, b->to.base) && a->to.bits == b->to.bits;
}

static bool has_destination(const struct ways *w, const struct route *r)
{
    for (size_t i = 0; i < w->n; i++)
        if (same_destination(&w->at[i], r))
            return true;
    return false;
}

static bool has_way(const struct ways *w, const struct route *r)
{
    for (size_t i = 0; i < w->n; i++)
        if (same_destination(&w->at[i], r) && ip_eq(w->at[i].via, r->via))
            return true;
    return false;
}

static int ways_in_kernel(struct netlink *nl, struct ways *w, struct err *err)
{
    for (size_t f = 0; f < nft_families(); f++)
        if (netlink_each_route(nl, nft_family[f], ways_add, w, err) < 0)
            return -1;
    return 0;
}

/* Makes the kernel's routes those that are wanted. One that does not work keeps no other from being set; it
 * is tried again, and told of once. */
static int routes_reconcile(void *arg, struct str ns, struct str name, struct arena *a, int64_t *again_ns,
                            struct err *err)
{
    (void)ns, (void)name;
    struct routes *r = arg;
    bool failed = false;
    _cleanup_objects_ struct objects nodes = {0};
    _cleanup_ways_ struct ways wanted = {0}, there = {0};
    if (!informer_synced(r->nodes, 0)) {
        *again_ns = SYNC_TURN;
        return 0;
    }
    informer_list(r->nodes, (struct str){0}, &nodes);
    for (size_t i = 0; i < nodes.n; i++)
        if (!str_eq(object_name(nodes.at[i]), r->node_name))
            ways_to_node(nodes.at[i], &wanted);
    if (ways_in_kernel(r->nl, &there, err) < 0)
        return -1;
    for (size_t i = 0; i < there.n; i++)
        if (!has_destination(&wanted, &there.at[i]) && netlink_delete_route(r->nl, &there.at[i], err) < 0)
            return -1;
    for (size_t i = 0; i < wanted.n; i++) {
        _cleanup_err_ struct err own = {0};
        if (has_way(&there, &wanted.at[i]) || netlink_set_route(r->nl, &wanted.at[i], &own) == 0)
            continue;
        if (!r->failed && !failed)
            log_warn("no way to pods by " STR_FMT ": " STR_FMT, STR_ARG(ip_text(a, wanted.at[i].via)),
                     STR_ARG(own.message));
        failed = true;
    }
    r->failed = failed;
    *again_ns = failed ? RETRY : wanted.n ? LOOK_AGAIN : 0;
    return 0;
}

static void routes_on_node(void *arg, struct object *before, struct object *after)
{
    struct routes *r = arg;
    _cleanup_ways_ struct ways old = {0}, new = {0};
    if (before)
        ways_to_node(before, &old);
    if (after)
        ways_to_node(after, &new);
    bool same = before && after && old.n == new.n;
    for (size_t i = 0; i < new.n &&same; i++)
        same = has_way(&old, &new.at[i]);
    if (!same)
        reconciler_add(r->reconciler, (struct str){0}, STR("all"));
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
    r->reconciler = reconciler_new("routes", 1, routes_reconcile, r);
    informer_handle(r->nodes, routes_on_node, r);
    reconciler_add(r->reconciler, (struct str){0}, STR("all")); /* also where there is no node yet */
    reconciler_start(r->reconciler);
    *out = r;
    return 0;
}

void routes_stop(struct routes *r)
{
    if (!r)
        return;
    informer_unhandle(r->nodes, routes_on_node, r);
    reconciler_stop(r->reconciler);
    reconciler_free(r->reconciler);
    netlink_close(r->nl);
    free((char *)r->node_name.p);
    free(r);
}

int routes_remove(struct err *err)
{
    _cleanup_buf_ struct buf script = {0};
    _cleanup_ways_ struct ways there = {0};
    _cleanup_netlink_ struct netlink *nl = NULL;
    if (netlink_open(-1, &nl, err) < 0 || ways_in_kernel(nl, &there, err) < 0)
        return -1;
    for (size_t i = 0; i < there.n; i++)
        if (netlink_delete_route(nl, &there.at[i], err) < 0)
            return -1;
    remove_tables(&script);
    return nft_apply(buf_str(&script), err);
}
