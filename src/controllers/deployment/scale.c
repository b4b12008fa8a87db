/* Sizes of replica sets: one at a time, and all in proportion when the deployment itself was scaled. */
#include "controllers/deployment/rollout.h"

#include <math.h>

int rollout_resize(struct rollout *r, struct replica_set *rs, int32_t size, bool *changed)
{
    struct work *w = r->w;
    int32_t before = set_size(rs), wanted = wanted_by(r->d);
    bool annotated =
        labels_set(w->a, &rs->metadata.annotations, DESIRED_ANNOTATION, arena_printf(w->a, "%d", wanted));
    annotated |= labels_set(w->a, &rs->metadata.annotations, MAX_ANNOTATION,
                            arena_printf(w->a, "%d", wanted + rollout_max_surge(r->d)));
    if (before == size && !annotated)
        return 0;
    rs->spec.replicas = arena_dup(w->a, &size, sizeof size);
    _cleanup_object_ struct object *written = NULL;
    if (client_update(w->client, &replica_set_resource, (struct str){0}, rs, &written, w->err) < 0)
        return -1;
    *rs = *(struct replica_set *)object_copy(written, w->a);
    if (before == size)
        return 0;
    *changed = true;
    recorder_event(w->recorder, r->object, "Normal", "ScalingReplicaSet", (struct str){0},
                   "Scaled %s replica set " STR_FMT " from %d to %d", before < size ? "up" : "down",
                   STR_ARG(rs->metadata.name), before, size);
    return 0;
}

bool rollout_was_scaled(const struct rollout *r)
{
    for (size_t i = 0; i < r->all.n; i++) {
        int32_t desired;
        if (set_size(r->all.at[i]) > 0 && set_annotation_number(r->all.at[i], DESIRED_ANNOTATION, &desired) &&
            desired != wanted_by(r->d))
            return true;
    }
    return false;
}

/* The only set that has replicas; when none has any, the new one or else the youngest old one. NULL when
 * several have. */
static struct replica_set *active_or_latest(struct rollout *r)
{
    struct sets active = sets_active(r->w->a, &r->all);
    if (active.n == 1)
        return active.at[0];
    if (active.n > 1)
        return NULL;
    return r->new ? r->new : r->old.n ? r->old.at[r->old.n - 1] : NULL;
}

/* The new set has all the replicas that it should, and all are available. */
static bool is_saturated(const struct rollout *r)
{
    int32_t desired, wanted = wanted_by(r->d);
    return r->new &&set_annotation_number(r->new, DESIRED_ANNOTATION, &desired) &&
           set_size(r->new) == wanted &&desired == wanted && r->new->status.available_replicas == wanted;
}

/* By how much a set's size changes when it keeps its part of the whole. */
static int32_t set_fraction(const struct rollout *r, const struct replica_set *rs)
{
    if (wanted_by(r->d) == 0)
        return -set_size(rs);
    int32_t most = wanted_by(r->d) + rollout_max_surge(r->d), most_before;
    if (!set_annotation_number(rs, MAX_ANNOTATION, &most_before) || most_before == 0)
        most_before = r->d->status.replicas;
    if (most_before == 0)
        return 0;
    return (int32_t)round((double)set_size(rs) * most / most_before) - set_size(rs);
}

static int scale_in_proportion(struct rollout *r)
{
    struct sets active = sets_active(r->w->a, &r->all);
    int32_t allowed = wanted_by(r->d) > 0 ? wanted_by(r->d) + rollout_max_surge(r->d) : 0;
    int32_t to_add = allowed - sets_size(&active), added = 0;
    sets_sort(&active, to_add < 0 ? set_by_size_older : set_by_size_newer);

    int32_t *sizes = arena_new_n(r->w->a, int32_t, active.n);
    for (size_t i = 0; i < active.n; i++) {
        int32_t part = 0, rest = to_add - added;
        if (rest) {
            part = set_fraction(r, active.at[i]);
            if (to_add > 0 ? part > rest : part < rest)
                part = rest;
        }
        sizes[i] = set_size(active.at[i]) + part;
        added += part;
    }
    for (size_t i = 0; i < active.n; i++) {
        if (i == 0 && to_add) /* what rounding left over goes to the largest */
            sizes[i] += to_add - added;
        bool changed = false;
        if (rollout_resize(r, active.at[i], sizes[i] > 0 ? sizes[i] : 0, &changed) < 0)
            return -1;
    }
    return 0;
}

int rollout_scale(struct rollout *r)
{
    bool changed = false;
    struct replica_set *only = active_or_latest(r);
    if (only)
        return set_size(only) == wanted_by(r->d) ? 0 : rollout_resize(r, only, wanted_by(r->d), &changed);
    if (is_saturated(r)) {
        for (size_t i = 0; i < r->old.n; i++)
            if (set_size(r->old.at[i]) > 0 && rollout_resize(r, r->old.at[i], 0, &changed) < 0)
                return -1;
        return 0;
    }
    return rollout_is_rolling(r->d) ? scale_in_proportion(r) : 0;
}
