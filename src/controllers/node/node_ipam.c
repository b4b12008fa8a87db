/* Gives every node its own range of pod addresses out of the cluster's (spec.podCIDR). What is taken is read
 * off the nodes each time; there is no second book. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "controllers/meta.h"
#include "controllers/table.h"

enum { NODE_MASK = 24, RANGES_MAX = 1 << 16 };

/* An IPv4 prefix. */
struct range {
    uint32_t base;
    int bits;
};

static bool range_parse(struct arena *a, struct str text, struct range *out)
{
    struct str rest = text, address = {0};
    int64_t bits;
    struct in_addr in;
    str_cut(&rest, '/', &address);
    if (!str_to_i64(rest, &bits) || bits < 0 || bits > 32 ||
        inet_pton(AF_INET, arena_c(a, address), &in) != 1)
        return false;
    *out = (struct range){ntohl(in.s_addr), (int)bits};
    return true;
}

static struct str range_text(struct arena *a, uint32_t base, int bits)
{
    return arena_printf(a, "%u.%u.%u.%u/%d", base >> 24, base >> 16 & 255, base >> 8 & 255, base & 255, bits);
}

/* Which of the `n` ranges of `mask` bits within `cluster` are some node's. */
static bool *ranges_taken(struct work *w, const struct range *cluster, int mask, size_t n)
{
    bool *taken = arena_new_n(w->a, bool, n);
    _cleanup_objects_ struct objects nodes = {0};
    informer_list(informer_of(w, node), (struct str){0}, &nodes);
    for (size_t i = 0; i < nodes.n; i++) {
        const struct node *node = object_typed(nodes.at[i]);
        struct range r;
        if (!range_parse(w->a, node->spec.pod_cidr, &r))
            continue;
        /* One of another size than ours may cover several, or a part of one. */
        uint64_t first = r.base, last = (uint64_t)r.base + (UINT64_C(1) << (32 - r.bits)) - 1;
        for (size_t k = 0; k < n; k++) {
            uint64_t low = cluster->base + ((uint64_t)k << (32 - mask)),
                     high = low + (UINT64_C(1) << (32 - mask)) - 1;
            taken[k] |= first <= high && low <= last;
        }
    }
    return taken;
}

static int node_ipam_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, node), (struct str){0}, w->name);
    if (!o || str_empty(w->options->cluster_cidr))
        return 0;
    struct node *node = object_copy(o, w->a);
    if (!str_empty(node->spec.pod_cidr) || node->metadata.deletion_timestamp)
        return 0;
    struct range cluster;
    int mask = w->options->node_mask ? w->options->node_mask : NODE_MASK;
    if (!range_parse(w->a, w->options->cluster_cidr, &cluster) || mask < cluster.bits || mask > 32)
        return err_set(w->err, ERR_INVALID, "no ranges of /%d in cluster CIDR " STR_FMT, mask,
                       STR_ARG(w->options->cluster_cidr));
    size_t n = mask - cluster.bits < 16 ? (size_t)1 << (mask - cluster.bits) : RANGES_MAX, k = 0;
    bool *taken = ranges_taken(w, &cluster, mask, n);
    while (k < n && taken[k])
        k++;
    if (k == n) {
        recorder_event(w->recorder, o, "Normal", "CIDRNotAvailable", (struct str){0},
                       "Node " STR_FMT " status is now: CIDRNotAvailable", STR_ARG(w->name));
        return err_set(w->err, ERR_INTERNAL,
                       "CIDR allocation failed; there are no remaining CIDRs left to allocate");
    }
    node->spec.pod_cidr = range_text(w->a, (uint32_t)(cluster.base + ((uint64_t)k << (32 - mask))), mask);
    node->spec.pod_cidrs.at = &node->spec.pod_cidr;
    node->spec.pod_cidrs.n = 1;
    return work_forgive(w, client_update(w->client, &node_resource, (struct str){0}, node, NULL, w->err),
                        ERR_NOT_FOUND);
}

const struct controller_def node_ipam_controller = {
    .name = "node-ipam",
    .component = "cidrAllocator",
    .kind = &node_resource,
    .reconcile = node_ipam_reconcile, /* one at a time: two nodes must not get the same */
    .watches = {{&node_resource, controller_on_self}},
};
