/* Topologies ("kubernetes.io/hostname", zones): which domain each node is in, by a node label; made at most
 * once a cycle. */
#pragma once
#include "scheduler/cycle.h"

struct topology {
    struct str key;
    uint32_t *domain; /* by node index: 1 to n; 0 where the node has no such label */
    size_t n;
    struct topology *next;
};
struct topology *cycle_topology(struct cycle *c, struct str key);

/* A number for each domain. */
struct tally {
    struct topology *topology;
    int64_t *n; /* by domain */
};
struct tally tally_new(struct cycle *c, struct str key);
/* The count of the node's domain; NULL where the node has none. */
static inline int64_t *tally_at(const struct tally *t, const struct sched_node *n)
{
    uint32_t domain = n->node ? t->topology->domain[n->index] : 0;
    return domain ? &t->n[domain] : NULL;
}
