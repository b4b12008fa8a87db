#include "scheduler/cycle.h"

#include "base/random.h"
#include "scheduler/plugins.h"

/* In upstream's order, which decides whose reason a node is counted under. */
const struct plugin plugins[PLUGINS] = {
    [PLUGIN_NODE_UNSCHEDULABLE] = {"NodeUnschedulable", node_unschedulable_prepare,
                                   node_unschedulable_filter},
    [PLUGIN_NODE_NAME] = {"NodeName", node_name_prepare, node_name_filter},
    [PLUGIN_TAINT_TOLERATION] = {"TaintToleration", taint_toleration_prepare, taint_toleration_filter,
                                 taint_toleration_score, 3},
    [PLUGIN_NODE_AFFINITY] = {"NodeAffinity", node_affinity_prepare, node_affinity_filter,
                              node_affinity_score, 2},
    [PLUGIN_NODE_PORTS] = {"NodePorts", node_ports_prepare, node_ports_filter},
    [PLUGIN_NODE_RESOURCES_FIT] = {"NodeResourcesFit", NULL, node_resources_fit_filter,
                                   node_resources_fit_score, 1},
    [PLUGIN_VOLUME_RESTRICTIONS] = {"VolumeRestrictions", volume_restrictions_prepare,
                                    volume_restrictions_filter},
    [PLUGIN_VOLUME_BINDING] = {"VolumeBinding", volume_binding_prepare, volume_binding_filter},
    [PLUGIN_POD_TOPOLOGY_SPREAD] = {"PodTopologySpread", pod_topology_spread_prepare,
                                    pod_topology_spread_filter, pod_topology_spread_score, 2},
    [PLUGIN_INTER_POD_AFFINITY] = {"InterPodAffinity", inter_pod_affinity_prepare, inter_pod_affinity_filter,
                                   inter_pod_affinity_score, 2},
    [PLUGIN_BALANCED_ALLOCATION] = {"NodeResourcesBalancedAllocation", .score = balanced_allocation_score,
                                    .weight = 1},
    [PLUGIN_IMAGE_LOCALITY] = {"ImageLocality", .score = image_locality_score, .weight = 1},
};

static const char *const reasons[REASON_INSUFFICIENT] = {
    [REASON_UNSCHEDULABLE] = "node(s) were unschedulable",
    [REASON_NODE_NAME] = "node(s) didn't match the requested node name",
    [REASON_TAINT] = "node(s) had untolerated taint(s)",
    [REASON_NODE_AFFINITY] = "node(s) didn't match Pod's node affinity/selector",
    [REASON_NOT_PREFILTERED] = "node(s) didn't satisfy plugin(s) [NodeAffinity]",
    [REASON_PORTS] = "node(s) didn't have free ports for the requested pod ports",
    [REASON_TOO_MANY_PODS] = "Too many pods",
    [REASON_VOLUME_IN_USE] =
        "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod "
        "access mode",
    [REASON_VOLUME_GONE] = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
    [REASON_VOLUME_ELSEWHERE] = "node(s) didn't match PersistentVolume's node affinity",
    [REASON_NO_VOLUME] = "node(s) didn't find available persistent volumes to bind",
    [REASON_SPREAD] = "node(s) didn't match pod topology spread constraints",
    [REASON_SPREAD_LABEL] = "node(s) didn't match pod topology spread constraints (missing required label)",
    [REASON_AFFINITY] = "node(s) didn't match pod affinity rules",
    [REASON_ANTI_AFFINITY] = "node(s) didn't match pod anti-affinity rules",
    [REASON_EXISTING_ANTI_AFFINITY] = "node(s) didn't satisfy existing pods anti-affinity rules",
    [REASON_NO_VICTIMS] = "No preemption victims found for incoming pod",
    [REASON_PREEMPTION_USELESS] = "Preemption is not helpful for scheduling",
};

void cycle_reason(const struct model *m, size_t reason, struct buf *out)
{
    if (reason < REASON_INSUFFICIENT) {
        buf_add_str(out, str_from(reasons[reason]));
        return;
    }
    buf_add_lit(out, "Insufficient ");
    buf_add_str(out, m->resources.at[reason - REASON_INSUFFICIENT]);
}

void cycle_begin(struct cycle *c, struct model *m, struct sched_pod *p, struct arena *arena)
{
    *c = (struct cycle){.model = m, .pod = p, .spec = &p->pod->spec, .arena = arena};
    c->n_reasons = REASON_INSUFFICIENT + m->resources.n;
    c->reasons = arena_new_n(arena, uint32_t, c->n_reasons);
    for (int i = 0; i < PLUGINS; i++)
        c->active[i] = plugins[i].filter && (!plugins[i].prepare || plugins[i].prepare(c));
}

static bool cycle_only_others(const struct cycle *c, const struct sched_node *n)
{
    if (!c->only)
        return false;
    for (size_t i = 0; i < c->n_only; i++)
        if (str_eq(c->only[i], n->name))
            return false;
    return true;
}

enum verdict cycle_filter_node(struct cycle *c, const struct sched_node *n)
{
    if (cycle_only_others(c, n)) {
        cycle_because(c, REASON_NOT_PREFILTERED);
        c->failed |= 1u << PLUGIN_NODE_AFFINITY;
        return UNRESOLVABLE;
    }
    for (int i = 0; i < PLUGINS; i++) {
        enum verdict v = c->active[i] ? plugins[i].filter(c, n) : FITS;
        if (v != FITS) {
            c->failed |= 1u << i;
            return v;
        }
    }
    return FITS;
}

void cycle_filter(struct cycle *c)
{
    const struct model *m = c->model;
    c->verdicts = arena_new_n(c->arena, uint8_t, m->n_nodes);
    c->fits = arena_new_n(c->arena, struct sched_node *, m->n_nodes);
    c->counting = true;
    for (size_t i = 0; i < m->n_nodes && c->refusal.n; i++) {
        c->verdicts[i] = UNRESOLVABLE;
        c->failed |= 1u << PLUGIN_VOLUME_BINDING;
    }
    for (size_t i = 0; i < m->n_nodes && !c->refusal.n; i++) {
        c->verdicts[i] = (uint8_t)cycle_filter_node(c, m->nodes[i]);
        if (c->verdicts[i] == FITS)
            c->fits[c->n_fits++] = m->nodes[i];
    }
    c->counting = false;
}

void cycle_normalize(int64_t *scores, size_t n, bool reverse)
{
    int64_t most = 0;
    for (size_t i = 0; i < n; i++)
        most = scores[i] > most ? scores[i] : most;
    for (size_t i = 0; i < n; i++) {
        int64_t s = most ? scores[i] * 100 / most : 0;
        scores[i] = reverse ? 100 - s : s;
    }
}

struct sched_node *cycle_choose(struct cycle *c)
{
    if (c->n_fits <= 1)
        return c->n_fits ? c->fits[0] : NULL;
    int64_t *total = arena_new_n(c->arena, int64_t, c->n_fits),
            *scores = arena_new_n(c->arena, int64_t, c->n_fits);
    for (int i = 0; i < PLUGINS; i++) {
        if (!plugins[i].score || !plugins[i].score(c, scores))
            continue;
        for (size_t k = 0; k < c->n_fits; k++)
            total[k] += plugins[i].weight * scores[k];
    }
    int64_t best = INT64_MIN;
    size_t ties = 0, chosen = 0;
    for (size_t k = 0; k < c->n_fits; k++) {
        if (total[k] > best) {
            best = total[k];
            ties = 0;
        }
        ties += total[k] == best;
    }
    size_t pick = ties > 1 ? random_below(ties) : 0;
    for (size_t k = 0; k < c->n_fits; k++)
        if (total[k] == best && pick-- == 0)
            chosen = k;
    return c->fits[chosen];
}
