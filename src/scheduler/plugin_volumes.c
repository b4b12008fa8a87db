/* VolumeRestrictions and VolumeBinding: whether a pod's claims can be had on a node. */
#include "scheduler/match.h"
#include "scheduler/plugins.h"

/* One claim of the pod. */
struct volume_need {
    const struct persistent_volume_claim *claim;
    const struct persistent_volume *volume; /* what it is bound to; NULL: gone */
    const struct storage_class *class;      /* of a claim that is not bound */
};

struct volume_needs {
    struct volume_need *at;
    size_t n, n_unbound;
};

static bool is_bound(const struct persistent_volume_claim *c)
{
    return c->spec.volume_name.n && label_get(&c->metadata.annotations, VOLUME_BIND_COMPLETED);
}

/* --- VolumeRestrictions: a claim of one pod alone (ReadWriteOncePod) --- */

static bool is_for_one_pod(const struct persistent_volume_claim *c)
{
    for (size_t i = 0; i < c->spec.access_modes.n; i++)
        if (str_is(c->spec.access_modes.at[i], "ReadWriteOncePod"))
            return true;
    return false;
}

bool volume_restrictions_prepare(struct cycle *c)
{
    struct str_vec names = {arena_new_n(c->arena, struct str, c->spec->volumes.n), 0};
    for (size_t i = 0; i < c->spec->volumes.n; i++) {
        struct str name;
        if (!volume_claim_name(c->pod->pod, &c->spec->volumes.at[i], c->arena, &name))
            continue;
        const struct persistent_volume_claim *claim = storage_claim(&c->model->storage, c->pod->ns, name);
        if (claim && is_for_one_pod(claim))
            names.at[names.n++] = name;
    }
    c->state[PLUGIN_VOLUME_RESTRICTIONS] = arena_dup(c->arena, &names, sizeof names);
    return names.n > 0;
}

static bool pod_uses(const struct cycle *c, const struct sched_pod *p, const struct str_vec *names)
{
    for (size_t i = 0; str_eq(p->ns, c->pod->ns) && i < p->pod->spec.volumes.n; i++) {
        struct str name;
        if (!volume_claim_name(p->pod, &p->pod->spec.volumes.at[i], c->arena, &name))
            continue;
        for (size_t k = 0; k < names->n; k++)
            if (str_eq(names->at[k], name))
                return true;
    }
    return false;
}

enum verdict volume_restrictions_filter(struct cycle *c, const struct sched_node *n)
{
    for (size_t i = 0; i < n->n_pods; i++)
        if (n->pods[i] != c->pod && pod_uses(c, n->pods[i], c->state[PLUGIN_VOLUME_RESTRICTIONS])) {
            cycle_because(c, REASON_VOLUME_IN_USE);
            return UNSCHEDULABLE;
        }
    return FITS;
}

/* --- VolumeBinding --- */

#define REFUSE(c, ...) ((c)->refusal = arena_printf((c)->arena, __VA_ARGS__), false)

/* What is wrong with a claim is so on every node. */
static bool claim_is_usable(struct cycle *c, const struct volume *v, struct str name,
                            const struct persistent_volume_claim *claim)
{
    if (!claim && v->ephemeral)
        return REFUSE(
            c, "waiting for ephemeral volume controller to create the persistentvolumeclaim \"" STR_FMT "\"",
            STR_ARG(name));
    if (!claim)
        return REFUSE(c, "persistentvolumeclaim \"" STR_FMT "\" not found", STR_ARG(name));
    if (claim->metadata.deletion_timestamp)
        return REFUSE(c, "persistentvolumeclaim \"" STR_FMT "\" is being deleted", STR_ARG(name));
    if (v->ephemeral && !claim_is_of_pod(claim, c->pod->pod))
        return REFUSE(c, "PVC \"" STR_FMT "\" was not created for pod \"" STR_FMT "\" (pod is not owner)",
                      STR_ARG(name), STR_ARG(c->pod->name));
    if (str_is(claim->status.phase, "Lost"))
        return REFUSE(
            c, "persistentvolumeclaim \"" STR_FMT "\" bound to non-existent persistentvolume \"" STR_FMT "\"",
            STR_ARG(name), STR_ARG(claim->spec.volume_name));
    return true;
}

static bool add_need(struct cycle *c, struct volume_needs *needs, const struct volume *v)
{
    const struct model_storage *storage = &c->model->storage;
    struct str name;
    if (!volume_claim_name(c->pod->pod, v, c->arena, &name))
        return true;
    const struct persistent_volume_claim *claim = storage_claim(storage, c->pod->ns, name);
    if (!claim_is_usable(c, v, name, claim))
        return false;
    struct volume_need *need = &needs->at[needs->n++];
    need->claim = claim;
    if (is_bound(claim)) {
        need->volume = storage_volume(storage, claim->spec.volume_name);
        return true;
    }
    need->class = storage_class_named(storage, claim_class(claim));
    if (claim->spec.volume_name.n || !need->class || !class_waits(need->class))
        return REFUSE(c, "pod has unbound immediate PersistentVolumeClaims");
    needs->n_unbound++;
    return true;
}

bool volume_binding_prepare(struct cycle *c)
{
    struct volume_needs *needs = arena_new(c->arena, struct volume_needs);
    needs->at = arena_new_n(c->arena, struct volume_need, c->spec->volumes.n);
    c->state[PLUGIN_VOLUME_BINDING] = needs;
    for (size_t i = 0; i < c->spec->volumes.n; i++)
        if (!add_need(c, needs, &c->spec->volumes.at[i]))
            return true;
    return needs->n > 0;
}

static bool volume_reaches(const struct persistent_volume *v, const struct node *n)
{
    const struct node_selector *s = v->spec.node_affinity ? v->spec.node_affinity->required : NULL;
    if (!s)
        return true;
    for (size_t i = 0; i < s->node_selector_terms.n; i++)
        if (node_term_matches(&s->node_selector_terms.at[i], n))
            return true;
    return false;
}

static bool topology_allows(const struct storage_class *class, const struct node *n)
{
    const struct topology_selector_term_vec *terms = &class->allowed_topologies;
    for (size_t t = 0; t < terms->n; t++) {
        const struct topology_selector_label_requirement_vec *all = &terms->at[t].match_label_expressions;
        bool match = true;
        for (size_t i = 0; i < all->n && match; i++) {
            const struct str *label = label_get(&n->metadata.labels, all->at[i].key);
            bool in = false;
            for (size_t k = 0; label && k < all->at[i].values.n; k++)
                in |= str_eq(all->at[i].values.at[k], *label);
            match = in;
        }
        if (match)
            return true;
    }
    return terms->n == 0;
}

static bool is_chosen(const struct volume_plan *plan, const struct persistent_volume *v)
{
    for (size_t i = 0; i < plan->n; i++)
        if (plan->at[i].volume == v)
            return true;
    return false;
}

/* The volume for a claim on a node: the one that is set aside for it, or the smallest free one. */
static const struct persistent_volume *choose_volume(const struct cycle *c, const struct volume_need *need,
                                                     const struct node *n, const struct volume_plan *plan)
{
    const struct persistent_volume *best = NULL;
    map_each (&c->model->storage.volumes, slot) {
        const struct persistent_volume *v = object_typed(((const struct stored *)slot->value)->object);
        if (volume_is_for(v, need->claim) && volume_can_hold(v, need->claim))
            return volume_reaches(v, n) ? v : NULL;
        if (volume_is_free_for(v, need->claim) && !is_chosen(plan, v) && volume_reaches(v, n) &&
            (!best || volume_is_smaller(v, best)))
            best = v;
    }
    return best;
}

/* What is to be done for the unbound claims if the pod goes to the node. False: nothing helps. */
static bool make_plan(const struct cycle *c, const struct sched_node *n, struct volume_plan *plan)
{
    const struct volume_needs *needs = c->state[PLUGIN_VOLUME_BINDING];
    *plan = (struct volume_plan){arena_new_n(c->arena, struct volume_decision, needs->n), 0};
    for (size_t i = 0; i < needs->n; i++) {
        const struct volume_need *need = &needs->at[i];
        if (is_bound(need->claim))
            continue;
        const struct str *selected = label_get(&need->claim->metadata.annotations, CLAIM_SELECTED_NODE);
        if (selected && !str_eq(*selected, n->name))
            return false; /* its volume is being made elsewhere */
        const struct persistent_volume *v = selected ? NULL : choose_volume(c, need, n->node, plan);
        bool made =
            need->class->provisioner.n && !str_is(need->class->provisioner, "kubernetes.io/no-provisioner");
        if (!v && (!made || !topology_allows(need->class, n->node)))
            return false;
        bool decided = v ? v->spec.claim_ref && v->spec.claim_ref->uid.n : selected != NULL;
        plan->at[plan->n++] = (struct volume_decision){need->claim, v, decided};
    }
    return true;
}

enum verdict volume_binding_filter(struct cycle *c, const struct sched_node *n)
{
    const struct volume_needs *needs = c->state[PLUGIN_VOLUME_BINDING];
    struct volume_plan plan;
    size_t problem = REASON_INSUFFICIENT;
    if (c->refusal.n)
        return UNRESOLVABLE;
    for (size_t i = 0; i < needs->n && problem == REASON_INSUFFICIENT; i++)
        if (is_bound(needs->at[i].claim) && !needs->at[i].volume)
            problem = REASON_VOLUME_GONE;
        else if (is_bound(needs->at[i].claim) && !volume_reaches(needs->at[i].volume, n->node))
            problem = REASON_VOLUME_ELSEWHERE;
    if (problem == REASON_INSUFFICIENT && needs->n_unbound && !make_plan(c, n, &plan))
        problem = REASON_NO_VOLUME;
    if (problem == REASON_INSUFFICIENT)
        return FITS;
    cycle_because(c, problem);
    return UNRESOLVABLE;
}

bool volume_plan_for(struct cycle *c, const struct sched_node *n, struct volume_plan *plan)
{
    const struct volume_needs *needs = c->state[PLUGIN_VOLUME_BINDING];
    *plan = (struct volume_plan){0};
    return c->active[PLUGIN_VOLUME_BINDING] && needs->n_unbound && make_plan(c, n, plan);
}
