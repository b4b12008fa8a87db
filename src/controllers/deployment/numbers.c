#include "controllers/deployment/rollout.h"

#include <stdlib.h>

bool rollout_is_rolling(const struct deployment *d)
{
    return str_is(d->spec.strategy.type, "RollingUpdate");
}

/* Rounded so that one of the two is above zero: else nothing could move. */
static void fenceposts(const struct deployment *d, int32_t *surge, int32_t *unavailable)
{
    const struct rolling_update_deployment *u = d->spec.strategy.rolling_update;
    *surge = u ? int_or_percent(u->max_surge, wanted_by(d), true) : 0;
    *unavailable = u ? int_or_percent(u->max_unavailable, wanted_by(d), false) : 0;
    if (*surge == 0 && *unavailable == 0)
        *unavailable = 1;
}

int32_t rollout_max_surge(const struct deployment *d)
{
    int32_t surge, unavailable;
    fenceposts(d, &surge, &unavailable);
    return rollout_is_rolling(d) ? surge : 0;
}

int32_t rollout_max_unavailable(const struct deployment *d)
{
    int32_t surge, unavailable;
    fenceposts(d, &surge, &unavailable);
    if (!rollout_is_rolling(d))
        return 0;
    return unavailable < wanted_by(d) ? unavailable : wanted_by(d);
}

int32_t sets_size(const struct sets *s)
{
    int32_t sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += set_size(s->at[i]);
    return sum;
}

int32_t sets_replicas(const struct sets *s)
{
    int32_t sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += s->at[i]->status.replicas;
    return sum;
}

int32_t sets_available(const struct sets *s)
{
    int32_t sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += s->at[i]->status.available_replicas;
    return sum;
}

struct sets sets_active(struct arena *a, const struct sets *s)
{
    struct sets active = {arena_new_n(a, struct replica_set *, s->n), 0};
    for (size_t i = 0; i < s->n; i++)
        if (set_size(s->at[i]) > 0)
            active.at[active.n++] = s->at[i];
    return active;
}

void sets_sort(struct sets *s, int (*cmp)(const void *, const void *))
{
    if (s->n)
        qsort(s->at, s->n, sizeof *s->at, cmp);
}

int set_by_age(const void *x, const void *y)
{
    const struct replica_set *const *a = x, *const *b = y;
    int c = time_cmp((*a)->metadata.creation_timestamp, (*b)->metadata.creation_timestamp);
    return c ? c : str_cmp((*a)->metadata.name, (*b)->metadata.name);
}

int set_by_revision(const void *x, const void *y)
{
    const struct replica_set *const *a = x, *const *b = y;
    int64_t p = set_revision(*a), q = set_revision(*b);
    return p != q ? (p < q ? -1 : 1) : set_by_age(x, y);
}

int set_by_size_older(const void *x, const void *y)
{
    const struct replica_set *const *a = x, *const *b = y;
    int32_t p = set_size(*a), q = set_size(*b);
    return p != q ? (p > q ? -1 : 1) : set_by_age(x, y);
}

int set_by_size_newer(const void *x, const void *y)
{
    const struct replica_set *const *a = x, *const *b = y;
    int32_t p = set_size(*a), q = set_size(*b);
    return p != q ? (p > q ? -1 : 1) : set_by_age(y, x);
}

int64_t set_revision(const struct replica_set *rs)
{
    int64_t v;
    return str_to_i64(labels_get(&rs->metadata.annotations, REVISION_ANNOTATION), &v) ? v : 0;
}

bool set_annotation_number(const struct replica_set *rs, struct str key, int32_t *out)
{
    int64_t v;
    if (!str_to_i64(labels_get(&rs->metadata.annotations, key), &v) || v < INT32_MIN || v > INT32_MAX)
        return false;
    *out = (int32_t)v;
    return true;
}

int32_t rollout_new_size(const struct rollout *r)
{
    int32_t wanted = wanted_by(r->d), now = set_size(r->new);
    if (!rollout_is_rolling(r->d))
        return wanted;
    int32_t room = wanted + rollout_max_surge(r->d) - sets_size(&r->all);
    if (room <= 0)
        return now;
    return now + (room < wanted - now ? room : wanted - now);
}
