/* How a new template replaces the old: step by step (RollingUpdate), or all at once (Recreate). */
#include "controllers/deployment/rollout.h"

#include "controllers/pods.h"

static int32_t min_i32(int32_t x, int32_t y)
{
    return x < y ? x : y;
}

/* --- RollingUpdate --- */

static int grow_new(struct rollout *r, bool *changed)
{
    int32_t wanted = wanted_by(r->d), now = set_size(r->new);
    if (now == wanted)
        return 0;
    return rollout_resize(r, r->new, now > wanted ? wanted : rollout_new_size(r), changed);
}

/* Old replicas that are not available help nobody: they go first, so that an ill rollout cannot get stuck. */
static int drop_unhealthy(struct rollout *r, struct sets *old, int32_t most, bool *changed)
{
    for (size_t i = 0; i < old->n && most > 0; i++) {
        struct replica_set *rs = old->at[i];
        int32_t unhealthy = min_i32(most, set_size(rs) - rs->status.available_replicas);
        if (set_size(rs) == 0 || unhealthy <= 0)
            continue;
        if (rollout_resize(r, rs, set_size(rs) - unhealthy, changed) < 0)
            return -1;
        most -= unhealthy;
    }
    return 0;
}

/* As many available ones as may be missed. */
static int shrink_old(struct rollout *r, struct sets *old, bool *changed)
{
    int32_t spare = sets_available(&r->all) - (wanted_by(r->d) - rollout_max_unavailable(r->d));
    for (size_t i = 0; i < old->n && spare > 0; i++) {
        struct replica_set *rs = old->at[i];
        int32_t down = min_i32(set_size(rs), spare);
        if (down == 0)
            continue;
        if (rollout_resize(r, rs, set_size(rs) - down, changed) < 0)
            return -1;
        spare -= down;
    }
    return 0;
}

static int retire_old(struct rollout *r, bool *changed)
{
    struct sets old = sets_active(r->w->a, &r->old); /* oldest first */
    if (sets_size(&old) == 0)
        return 0;
    int32_t least = wanted_by(r->d) - rollout_max_unavailable(r->d);
    int32_t new_unavailable = set_size(r->new) - r->new->status.available_replicas;
    int32_t most = sets_size(&r->all) - least - new_unavailable;
    if (most <= 0)
        return 0;
    if (drop_unhealthy(r, &old, most, changed) < 0)
        return -1;
    return shrink_old(r, &old, changed);
}

int rollout_rolling(struct rollout *r)
{
    bool changed = false;
    if (rollout_find_sets(r, true) < 0 || grow_new(r, &changed) < 0)
        return -1;
    if (!changed && retire_old(r, &changed) < 0)
        return -1;
    if (!changed && rollout_is_complete(r->d, &r->d->status) && rollout_clean_up(r) < 0)
        return -1;
    return rollout_sync_progress(r);
}

/* --- Recreate --- */

static bool old_pods_run(struct rollout *r)
{
    if (sets_replicas(&r->old) > 0)
        return true;
    for (size_t i = 0; i < r->old.n; i++) {
        _cleanup_objects_ struct objects pods = {0};
        informer_list_owned(informer_of(r->w, pod), r->old.at[i]->metadata.uid, &pods);
        for (size_t p = 0; p < pods.n; p++)
            if (!pod_is_terminal(pod_of(pods.at[p])))
                return true;
    }
    return false;
}

int rollout_recreate(struct rollout *r)
{
    if (rollout_find_sets(r, false) < 0)
        return -1;
    bool changed = false;
    for (size_t i = 0; i < r->old.n; i++)
        if (set_size(r->old.at[i]) > 0 && rollout_resize(r, r->old.at[i], 0, &changed) < 0)
            return -1;
    if (changed || old_pods_run(r))
        return rollout_sync_progress(r);
    if (!r->new &&rollout_find_sets(r, true) < 0)
        return -1;
    if (rollout_resize(r, r->new, wanted_by(r->d), &changed) < 0)
        return -1;
    if (rollout_is_complete(r->d, &r->d->status) && rollout_clean_up(r) < 0)
        return -1;
    return rollout_sync_progress(r);
}
