/* One pod's turn: which nodes can take it, which suits it best, and if none can, why not. The plugins, their
 * order and their weights are upstream's defaults. Reads the model, and changes nothing in it but what it
 * remembers of scores. */
#pragma once
#include "scheduler/model.h"

enum plugin_id {
    PLUGIN_NODE_UNSCHEDULABLE,
    PLUGIN_NODE_NAME,
    PLUGIN_TAINT_TOLERATION,
    PLUGIN_NODE_AFFINITY,
    PLUGIN_NODE_PORTS,
    PLUGIN_NODE_RESOURCES_FIT,
    PLUGIN_VOLUME_RESTRICTIONS,
    PLUGIN_VOLUME_BINDING,
    PLUGIN_POD_TOPOLOGY_SPREAD,
    PLUGIN_INTER_POD_AFFINITY,
    PLUGIN_BALANCED_ALLOCATION,
    PLUGIN_IMAGE_LOCALITY,
    PLUGINS
};

enum verdict {
    FITS,
    UNSCHEDULABLE, /* not now; with other pods gone, perhaps */
    UNRESOLVABLE,  /* no matter which pods are there */
};

/* Why a node cannot take the pod; in words: cycle_reason. */
enum reason {
    REASON_UNSCHEDULABLE,
    REASON_NODE_NAME,
    REASON_TAINT,
    REASON_NODE_AFFINITY,
    REASON_NOT_PREFILTERED,
    REASON_PORTS,
    REASON_TOO_MANY_PODS,
    REASON_VOLUME_IN_USE,
    REASON_VOLUME_GONE,
    REASON_VOLUME_ELSEWHERE,
    REASON_NO_VOLUME,
    REASON_SPREAD,
    REASON_SPREAD_LABEL,
    REASON_AFFINITY,
    REASON_ANTI_AFFINITY,
    REASON_EXISTING_ANTI_AFFINITY,
    REASON_NO_VICTIMS,
    REASON_PREEMPTION_USELESS,
    REASON_INSUFFICIENT, /* and the resource's number */
};

struct cycle {
    struct model *model;
    struct sched_pod *pod;
    const struct pod_spec *spec;
    struct arena *arena;
    bool active[PLUGINS];   /* plugins that have something to say about this pod's nodes */
    void *state[PLUGINS];   /* what they prepared */
    const struct str *only; /* the only nodes that may do, by name (nodeAffinity.matchFields); NULL: any */
    size_t n_only;
    struct str refusal;          /* what is wrong on every node, in words; then no reasons are counted */
    bool counting;               /* count reasons */
    struct topology *topologies; /* those looked at so far */

    /* The outcome of cycle_filter. */
    uint32_t *reasons; /* nodes by reason */
    size_t n_reasons;
    uint8_t *verdicts; /* by node index */
    struct sched_node **fits;
    size_t n_fits;
    uint32_t failed; /* plugins that turned nodes away, as bits */
};

struct plugin {
    const char *name;
    /* Looks at the pod; may leave state. False: the filter need not be asked. NULL: always asked. */
    bool (*prepare)(struct cycle *c);
    enum verdict (*filter)(struct cycle *c, const struct sched_node *n);
    /* Scores 0 to 100 for every node of c->fits; false: the same for all. */
    bool (*score)(struct cycle *c, int64_t *scores);
    int64_t weight;
};
extern const struct plugin plugins[PLUGINS];

/* What has to happen to a pod's claims before it can go to a node. */
struct volume_decision {
    const struct persistent_volume_claim *claim;
    const struct persistent_volume *volume; /* to be bound to it; NULL: one is to be made */
    bool decided;                           /* that has been written down already */
};
struct volume_plan {
    struct volume_decision *at; /* in the cycle's arena */
    size_t n;
};
/* False: nothing, all its claims are bound. */
bool volume_plan_for(struct cycle *c, const struct sched_node *n, struct volume_plan *plan);

/* Prepares the plugins. `arena` holds all that the cycle needs. */
void cycle_begin(struct cycle *c, struct model *m, struct sched_pod *p, struct arena *arena);
/* Asks every node. */
void cycle_filter(struct cycle *c);
/* One node, with the pods that are there and those nominated to come; with reasons where c->counting. */
enum verdict cycle_filter_node(struct cycle *c, const struct sched_node *n);
/* The best of c->fits; where several are, one of them by chance. NULL when there is none. */
struct sched_node *cycle_choose(struct cycle *c);

/* Called by filters: counts a reason. */
static inline void cycle_because(struct cycle *c, size_t reason)
{
    if (c->counting)
        c->reasons[reason]++;
}
/* "Insufficient cpu" and the like, adding to `out`. */
void cycle_reason(const struct model *m, size_t reason, struct buf *out);

/* Scales scores so that the greatest is 100 (`reverse`: so that it is 0, and 0 is 100). */
void cycle_normalize(int64_t *scores, size_t n, bool reverse);
