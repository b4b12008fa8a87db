/* PodTopologySpread: pods of a kind, evenly over zones or nodes (KEP-895). */
#include <math.h>

#include "scheduler/match.h"
#include "scheduler/plugins.h"
#include "scheduler/topology.h"

struct spread {
    const struct topology_spread_constraint *constraint;
    struct selector selector;
    struct str owner; /* of a default constraint: the controller's uid, instead of the selector */
    int32_t max_skew;
    bool suits, tolerates; /* count only nodes that the pod's affinity, its tolerations allow */
    struct tally matching; /* pods, by domain */
    bool *eligible;        /* domains that have a node to count */
    int64_t least;         /* matching pods in the emptiest */
    bool self;             /* the pod matches its own selector */
};
struct spreads {
    struct spread *at;
    size_t n;
    bool need_all; /* nodes without one of the topologies do not count at all */
};

static bool policy_is(const struct str *policy, struct str value, bool unsaid)
{
    return policy ? str_eq(*policy, value) : unsaid;
}

static bool spread_matches(const struct spread *s, const struct sched_pod *p)
{
    const struct object_meta *meta = &p->pod->metadata;
    if (!s->owner.n)
        return selector_matches(&s->selector, &meta->labels);
    for (size_t i = 0; i < meta->owner_references.n; i++)
        if (str_eq(meta->owner_references.at[i].uid, s->owner))
            return true;
    return false;
}

static void spread_read(struct cycle *c, const struct topology_spread_constraint *from, struct spread *s)
{
    struct err err = {0};
    *s = (struct spread){.constraint = from, .max_skew = from->max_skew};
    if (selector_from(c->arena, from->label_selector, &s->selector, &err) < 0)
        s->selector = (struct selector){.nothing = true};
    /* KEP-3243: revisions of a Deployment are spread each by itself. */
    for (size_t i = 0; i < from->match_label_keys.n; i++) {
        const struct str *value = label_get(&c->pod->pod->metadata.labels, from->match_label_keys.at[i]);
        if (value)
            selector_add(c->arena, &s->selector, from->match_label_keys.at[i], SELECTOR_IN, value, 1, &err);
    }
    err_clear(&err);
    s->suits = policy_is(from->node_affinity_policy, NODE_INCLUSION_POLICY_HONOR, true);
    s->tolerates = policy_is(from->node_taints_policy, NODE_INCLUSION_POLICY_HONOR, false);
}

/* The pod's constraints of one kind. */
static struct spreads spreads_read(struct cycle *c, struct str when_unsatisfiable)
{
    const struct topology_spread_constraint_vec *all = &c->spec->topology_spread_constraints;
    struct spreads s = {arena_new_n(c->arena, struct spread, all->n), 0, true};
    for (size_t i = 0; i < all->n; i++)
        if (str_eq(all->at[i].when_unsatisfiable, when_unsatisfiable))
            spread_read(c, &all->at[i], &s.at[s.n++]);
    return s;
}

/* What a pod of a controller gets that says nothing: spread over nodes and zones, as far as that goes.
 * Upstream selects by the controller's selector; that finds the same pods. */
static struct spreads spreads_default(struct cycle *c)
{
    static const struct topology_spread_constraint defaults[] = {
        {.max_skew = 3, .topology_key = STR_INIT("kubernetes.io/hostname")},
        {.max_skew = 5, .topology_key = STR_INIT("topology.kubernetes.io/zone")},
    };
    static const char *const kinds[] = {"ReplicaSet", "StatefulSet", "ReplicationController"};
    const struct owner_reference_vec *owners = &c->pod->pod->metadata.owner_references;
    struct spreads s = {0};
    for (size_t i = 0; i < owners->n; i++) {
        bool kind = false;
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            kind |= str_is(owners->at[i].kind, kinds[k]);
        if (!kind || !owners->at[i].controller || !*owners->at[i].controller)
            continue;
        s.at = arena_new_n(c->arena, struct spread, ARRAY_LEN(defaults));
        for (s.n = 0; s.n < ARRAY_LEN(defaults); s.n++) {
            spread_read(c, &defaults[s.n], &s.at[s.n]);
            s.at[s.n].owner = owners->at[i].uid;
        }
        return s;
    }
    return s;
}

static bool tolerates_all(const struct cycle *c, const struct node *n)
{
    for (size_t i = 0; i < n->spec.taints.n; i++) {
        const struct taint *t = &n->spec.taints.at[i];
        if (!str_eq(t->effect, TAINT_EFFECT_PREFER_NO_SCHEDULE) &&
            !tolerations_match(&c->spec->tolerations, t))
            return false;
    }
    return true;
}

static bool has_all_topologies(const struct spreads *all, const struct sched_node *n)
{
    for (size_t i = 0; i < all->n; i++)
        if (!tally_at(&all->at[i].matching, n))
            return false;
    return true;
}

/* Counts the matching pods of every domain. */
static void spreads_count(struct cycle *c, struct spreads *all)
{
    const struct model *m = c->model;
    for (size_t i = 0; i < all->n; i++) {
        struct spread *s = &all->at[i];
        s->matching = tally_new(c, s->constraint->topology_key);
        s->eligible = arena_new_n(c->arena, bool, s->matching.topology->n + 1);
        s->self = spread_matches(s, c->pod);
    }
    for (size_t k = 0; k < m->n_nodes; k++) {
        const struct sched_node *n = m->nodes[k];
        if (all->need_all && !has_all_topologies(all, n))
            continue;
        bool suits = node_suits(c->spec, n->node), tolerates = tolerates_all(c, n->node);
        for (size_t i = 0; i < all->n; i++) {
            struct spread *s = &all->at[i];
            int64_t *count = tally_at(&s->matching, n);
            if (!count || (s->suits && !suits) || (s->tolerates && !tolerates))
                continue;
            s->eligible[s->matching.topology->domain[n->index]] = true;
            for (size_t p = 0; p < n->n_pods; p++) {
                const struct sched_pod *pod = n->pods[p];
                *count += pod != c->pod && str_eq(pod->ns, c->pod->ns) &&
                          !pod->pod->metadata.deletion_timestamp && spread_matches(s, pod);
            }
        }
    }
    for (size_t i = 0; i < all->n; i++) {
        struct spread *s = &all->at[i];
        size_t domains = 0;
        s->least = INT64_MAX;
        for (size_t d = 1; d <= s->matching.topology->n; d++) {
            if (!s->eligible[d])
                continue;
            domains++;
            s->least = s->matching.n[d] < s->least ? s->matching.n[d] : s->least;
        }
        /* KEP-3022: with fewer domains than asked for, the missing ones count as empty. */
        const int32_t *wanted = s->constraint->min_domains;
        if (!domains || domains < (wanted ? (size_t)*wanted : 1))
            s->least = 0;
    }
}

bool pod_topology_spread_prepare(struct cycle *c)
{
    if (!c->spec->topology_spread_constraints.n)
        return false;
    struct spreads *hard = arena_new(c->arena, struct spreads);
    *hard = spreads_read(c, UNSATISFIABLE_CONSTRAINT_ACTION_DO_NOT_SCHEDULE);
    if (!hard->n)
        return false;
    spreads_count(c, hard);
    c->state[PLUGIN_POD_TOPOLOGY_SPREAD] = hard;
    return true;
}

enum verdict pod_topology_spread_filter(struct cycle *c, const struct sched_node *n)
{
    const struct spreads *hard = c->state[PLUGIN_POD_TOPOLOGY_SPREAD];
    for (size_t i = 0; i < hard->n; i++) {
        const struct spread *s = &hard->at[i];
        const int64_t *count = tally_at(&s->matching, n);
        if (!count) {
            cycle_because(c, REASON_SPREAD_LABEL);
            return UNRESOLVABLE;
        }
        if (*count + s->self - s->least > s->max_skew) {
            cycle_because(c, REASON_SPREAD);
            return UNSCHEDULABLE;
        }
    }
    return FITS;
}

bool pod_topology_spread_score(struct cycle *c, int64_t *scores)
{
    struct spreads soft = c->spec->topology_spread_constraints.n
                              ? spreads_read(c, UNSATISFIABLE_CONSTRAINT_ACTION_SCHEDULE_ANYWAY)
                              : spreads_default(c);
    if (!soft.n)
        return false;
    spreads_count(c, &soft);
    /* In how many domains the candidates are: a step in one of few weighs less than in one of many. */
    double *weights = arena_new_n(c->arena, double, soft.n);
    for (size_t i = 0; i < soft.n; i++) {
        const struct topology *t = soft.at[i].matching.topology;
        bool *seen = arena_new_n(c->arena, bool, t->n + 1);
        size_t domains = 0;
        for (size_t k = 0; k < c->n_fits; k++) {
            uint32_t d = t->domain[c->fits[k]->index];
            domains += d && !seen[d];
            seen[d] = true;
        }
        weights[i] = log((double)domains + 2);
    }
    int64_t least = INT64_MAX, most = 0;
    for (size_t k = 0; k < c->n_fits; k++) {
        const struct sched_node *n = c->fits[k];
        double sum = 0;
        for (size_t i = 0; i < soft.n; i++) {
            const int64_t *count = tally_at(&soft.at[i].matching, n);
            if (count)
                sum += (double)*count * weights[i] + (double)(soft.at[i].max_skew - 1);
        }
        scores[k] = soft.need_all && !has_all_topologies(&soft, n) ? -1 : (int64_t)round(sum);
        if (scores[k] < 0)
            continue;
        least = scores[k] < least ? scores[k] : least;
        most = scores[k] > most ? scores[k] : most;
    }
    for (size_t k = 0; k < c->n_fits; k++)
        scores[k] = scores[k] < 0 ? 0 : most == 0 ? 100 : 100 * (most + least - scores[k]) / most;
    return true;
}
