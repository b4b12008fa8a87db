/* InterPodAffinity: pods that want to be near others, or far from them. */
#include "scheduler/plugins.h"
#include "scheduler/topology.h"

struct affinity_state {
    /* By the pod's own terms: pods that match, by domain. */
    struct tally *require, *avoid;
    bool any_required; /* some pod matches all required terms */
    bool matches_itself;
    /* Pods whose own terms want to be far from this one, by the terms' topologies. */
    struct tally *existing;
    size_t n_existing;
};

static bool terms_match_all(const struct cycle *c, const struct sched_term *terms, size_t n,
                            const struct sched_pod *p)
{
    for (size_t i = 0; i < n; i++)
        if (!model_term_matches(c->model, &terms[i], p))
            return false;
    return true;
}

/* The tally of a topology among those of a list that grows. */
static struct tally *tally_of(struct cycle *c, struct tally **list, size_t *n, struct str key)
{
    for (size_t i = 0; i < *n; i++)
        if (str_eq((*list)[i].topology->key, key))
            return &(*list)[i];
    struct tally *more = arena_new_n(c->arena, struct tally, *n + 1);
    if (*n)
        memcpy(more, *list, *n * sizeof *more);
    *list = more;
    more[*n] = tally_new(c, key);
    return &more[(*n)++];
}

static void tally_add(const struct tally *t, const struct sched_node *n, int64_t count)
{
    int64_t *at = tally_at(t, n);
    if (at)
        *at += count;
}

static void count_existing(struct cycle *c, struct affinity_state *s)
{
    const struct model *m = c->model;
    for (size_t i = 0; i < m->n_affine; i++) {
        const struct sched_pod *p = m->affine[i];
        for (size_t k = 0; k < p->affinity->n_avoid; k++) {
            const struct sched_term *t = &p->affinity->avoid[k];
            if (model_term_matches(m, t, c->pod))
                tally_add(tally_of(c, &s->existing, &s->n_existing, t->topology_key), p->node, 1);
        }
    }
}

static void count_own(struct cycle *c, struct affinity_state *s, const struct sched_affinity *a)
{
    const struct model *m = c->model;
    s->require = arena_new_n(c->arena, struct tally, a->n_require);
    s->avoid = arena_new_n(c->arena, struct tally, a->n_avoid);
    for (size_t i = 0; i < a->n_require; i++)
        s->require[i] = tally_new(c, a->require[i].topology_key);
    for (size_t i = 0; i < a->n_avoid; i++)
        s->avoid[i] = tally_new(c, a->avoid[i].topology_key);
    s->matches_itself = terms_match_all(c, a->require, a->n_require, c->pod);
    for (size_t i = 0; i < m->n_nodes; i++) {
        const struct sched_node *n = m->nodes[i];
        for (size_t k = 0; k < n->n_pods; k++) {
            const struct sched_pod *p = n->pods[k];
            if (a->n_require && terms_match_all(c, a->require, a->n_require, p)) {
                for (size_t t = 0; t < a->n_require; t++)
                    if (tally_at(&s->require[t], n)) {
                        tally_add(&s->require[t], n, 1);
                        s->any_required = true;
                    }
            }
            for (size_t t = 0; t < a->n_avoid; t++)
                if (model_term_matches(m, &a->avoid[t], p))
                    tally_add(&s->avoid[t], n, 1);
        }
    }
}

bool inter_pod_affinity_prepare(struct cycle *c)
{
    const struct sched_affinity *a = c->pod->affinity;
    bool own = a && (a->n_require || a->n_avoid);
    if (!own && !c->model->n_affine)
        return false;
    struct affinity_state *s = arena_new(c->arena, struct affinity_state);
    count_existing(c, s);
    if (own)
        count_own(c, s, a);
    c->state[PLUGIN_INTER_POD_AFFINITY] = s;
    return own || s->n_existing;
}

static bool affinity_satisfied(const struct cycle *c, const struct affinity_state *s,
                               const struct sched_node *n)
{
    const struct sched_affinity *a = c->pod->affinity;
    bool all_there = true;
    for (size_t i = 0; i < a->n_require; i++) {
        const int64_t *count = tally_at(&s->require[i], n);
        if (!count)
            return false; /* a node outside of the topology is near nobody */
        all_there &= *count > 0;
    }
    /* The first of a group that wants to be together may begin anywhere. */
    return all_there || (!s->any_required && s->matches_itself);
}

enum verdict inter_pod_affinity_filter(struct cycle *c, const struct sched_node *n)
{
    const struct affinity_state *s = c->state[PLUGIN_INTER_POD_AFFINITY];
    const struct sched_affinity *a = c->pod->affinity;
    if (s->require && !affinity_satisfied(c, s, n)) {
        cycle_because(c, REASON_AFFINITY);
        return UNRESOLVABLE;
    }
    for (size_t i = 0; s->avoid && i < a->n_avoid; i++) {
        const int64_t *count = tally_at(&s->avoid[i], n);
        if (count && *count > 0) {
            cycle_because(c, REASON_ANTI_AFFINITY);
            return UNSCHEDULABLE;
        }
    }
    for (size_t i = 0; i < s->n_existing; i++) {
        const int64_t *count = tally_at(&s->existing[i], n);
        if (count && *count > 0) {
            cycle_because(c, REASON_EXISTING_ANTI_AFFINITY);
            return UNSCHEDULABLE;
        }
    }
    return FITS;
}

/* --- scoring --- */

struct affinity_scores {
    struct tally *at;
    size_t n;
};

static void score_terms(struct cycle *c, struct affinity_scores *s, const struct sched_term *terms, size_t n,
                        int64_t weight, const struct sched_pod *about, const struct sched_node *where)
{
    for (size_t i = 0; i < n; i++)
        if (model_term_matches(c->model, &terms[i], about))
            tally_add(tally_of(c, &s->at, &s->n, terms[i].topology_key), where,
                      weight ? weight : terms[i].weight);
}

bool inter_pod_affinity_score(struct cycle *c, int64_t *scores)
{
    enum { HARD_WEIGHT = 1 }; /* what another pod's required affinity to this one counts */
    const struct model *m = c->model;
    const struct sched_affinity *a = c->pod->affinity;
    struct affinity_scores s = {0};
    for (size_t i = 0; a && a->n_prefer && i < m->n_nodes; i++)
        for (size_t k = 0; k < m->nodes[i]->n_pods; k++)
            score_terms(c, &s, a->prefer, a->n_prefer, 0, m->nodes[i]->pods[k], m->nodes[i]);
    for (size_t i = 0; i < m->n_affine; i++) {
        const struct sched_pod *p = m->affine[i];
        score_terms(c, &s, p->affinity->require, p->affinity->n_require, HARD_WEIGHT, c->pod, p->node);
        score_terms(c, &s, p->affinity->prefer, p->affinity->n_prefer, 0, c->pod, p->node);
    }
    if (!s.n)
        return false;
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (size_t k = 0; k < c->n_fits; k++) {
        scores[k] = 0;
        for (size_t i = 0; i < s.n; i++) {
            const int64_t *at = tally_at(&s.at[i], c->fits[k]);
            scores[k] += at ? *at : 0;
        }
        least = scores[k] < least ? scores[k] : least;
        most = scores[k] > most ? scores[k] : most;
    }
    for (size_t k = 0; k < c->n_fits; k++)
        scores[k] = most > least ? (scores[k] - least) * 100 / (most - least) : 0;
    return true;
}
