/* Gives every node its own ranges of pod addresses out of the cluster's, one of each family that the cluster
 * has (spec.podCIDRs; KEP-563). What is taken is read off the nodes each time; there is no second book. */
#include <stdlib.h>

#include "base/ip.h"
#include "controllers/meta.h"
#include "controllers/table.h"

enum { NODE_MASK_IPV4 = 24, NODE_MASK_IPV6 = 64, RANGES_MAX = 1 << 16 };

/* The `k`th of the ranges of `mask` bits. */
static struct ip_prefix range_at(struct ip_prefix cluster, unsigned mask, size_t k)
{
    ip_number offset = (ip_number)k << (ip_bits(cluster.base.family) - mask);
    return (struct ip_prefix){ip_prefix_at(cluster, offset), mask};
}

/* Of the first `n` ranges of a mask, those that are some node's. */
struct ranges {
    struct ip_prefix cluster;
    unsigned mask;
    bool *taken;
    size_t n;
};

/* One of another size than ours may cover several, or a part of one. */
static void range_take(struct ranges *r, struct str cidr)
{
    struct ip_prefix p;
    unsigned shift = ip_bits(r->cluster.base.family) - r->mask;
    if (!ip_prefix_parse(cidr, &p) || !ip_prefix_overlaps(p, r->cluster))
        return;
    ip_number base = r->cluster.base.n, last = (ip_prefix_last(p).n - base) >> shift;
    for (ip_number k = p.base.n > base ? (p.base.n - base) >> shift : 0; k < r->n && k <= last; k++)
        r->taken[k] = true;
}

/* What nodes have, and services. */
static void ranges_take(struct work *w, struct ranges *r)
{
    _cleanup_objects_ struct objects nodes = {0};
    informer_list(informer_of(w, node), (struct str){0}, &nodes);
    for (size_t i = 0; i < nodes.n; i++) {
        const struct node *node = object_typed(nodes.at[i]);
        for (size_t c = 0; c < node->spec.pod_cidrs.n; c++)
            range_take(r, node->spec.pod_cidrs.at[c]);
    }
    for (size_t i = 0; i < w->options->service_cidrs.n; i++)
        range_take(r, w->options->service_cidrs.at[i]);
}

/* The first that is free. -1: none, or the flags are wrong. */
static int range_free(struct work *w, struct str cidr, struct str *out)
{
    const struct controllers_options *o = w->options;
    struct ip_prefix cluster;
    if (!ip_prefix_parse(cidr, &cluster))
        return err_set(w->err, ERR_INVALID, "no range of addresses: " STR_FMT, STR_ARG(cidr));
    bool ipv4 = cluster.base.family == IP_V4;
    int said = ipv4 ? o->node_mask_ipv4 : o->node_mask_ipv6;
    unsigned mask = said > 0 ? (unsigned)said : ipv4 ? NODE_MASK_IPV4 : NODE_MASK_IPV6;
    if (mask < cluster.bits || mask > ip_bits(cluster.base.family))
        return err_set(w->err, ERR_INVALID, "no ranges of /%u in cluster CIDR " STR_FMT, mask, STR_ARG(cidr));
    size_t n = mask - cluster.bits < 16 ? (size_t)1 << (mask - cluster.bits) : RANGES_MAX, k = 0;
    struct ranges r = {cluster, mask, arena_new_n(w->a, bool, n), n};
    ranges_take(w, &r);
    while (k < n && r.taken[k])
        k++;
    if (k == n)
        return err_set(
            w->err, ERR_UNAVAILABLE,
            "CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted "
            "range");
    *out = ip_prefix_text(w->a, range_at(cluster, mask, k));
    return 0;
}

static int node_ipam_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, node), (struct str){0}, w->name);
    const struct str_vec *clusters = &w->options->cluster_cidrs;
    if (!o || !clusters->n)
        return 0;
    struct node *node = object_copy(o, w->a);
    if (node->spec.pod_cidrs.n || node->metadata.deletion_timestamp)
        return 0; /* a node keeps what it has, also when the cluster gets a second family */
    struct str_vec ranges = {arena_new_n(w->a, struct str, clusters->n), clusters->n};
    for (size_t i = 0; i < clusters->n; i++)
        if (range_free(w, clusters->at[i], &ranges.at[i]) < 0) {
            recorder_event(w->recorder, o, "Normal", "CIDRNotAvailable", (struct str){0},
                           "Node " STR_FMT " status is now: CIDRNotAvailable", STR_ARG(w->name));
            return -1;
        }
    node->spec.pod_cidr = ranges.at[0];
    node->spec.pod_cidrs = ranges;
    return work_forgive(w, client_update(w->client, &node_resource, (struct str){0}, node, NULL, w->err),
                        ERR_NOT_FOUND);
}

const struct controller_def node_ipam_controller = {
    .name = "node-ipam",
    .component = "cidrAllocator",
    .account = "node-controller",
    .kind = &node_resource,
    .reconcile = node_ipam_reconcile, /* one at a time: two nodes must not get the same */
    .watches = {{&node_resource, controller_on_self}},
};
