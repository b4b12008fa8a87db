/* One pass over a deployment: what it is, the replica sets that belong to it, and the steps, each in a file
 * of its own. The rules are upstream's pkg/controller/deployment. */
#pragma once
#include "controllers/controller.h"
#include "controllers/meta.h"
#include "kinds/apps_v1.h"

#define REVISION_ANNOTATION         STR("deployment.kubernetes.io/revision")
#define REVISION_HISTORY_ANNOTATION STR("deployment.kubernetes.io/revision-history")
#define DESIRED_ANNOTATION          STR("deployment.kubernetes.io/desired-replicas")
#define MAX_ANNOTATION              STR("deployment.kubernetes.io/max-replicas")
#define HASH_LABEL                  STR("pod-template-hash")

/* Replica sets, borrowed from rollout.held; the array lies in the arena. */
struct sets {
    struct replica_set **at;
    size_t n;
};

struct rollout {
    struct work *w;
    struct object *object;  /* the deployment as last read or written */
    struct deployment *d;   /* a copy of it, to be changed and written back */
    struct objects claimed; /* its replica sets, as found */
    struct sets all;        /* the old ones, and behind them the new one */
    struct sets old;
    struct replica_set *new; /* the one of the present template, or NULL */
};

/* --- numbers (numbers.c) --- */

static inline int32_t wanted_by(const struct deployment *d)
{
    return d->spec.replicas ? *d->spec.replicas : 1;
}
static inline int32_t set_size(const struct replica_set *rs)
{
    return rs->spec.replicas ? *rs->spec.replicas : 1;
}
bool rollout_is_rolling(const struct deployment *d);
int32_t rollout_max_surge(const struct deployment *d);
int32_t rollout_max_unavailable(const struct deployment *d);
int32_t sets_size(const struct sets *s);     /* sum of spec.replicas */
int32_t sets_replicas(const struct sets *s); /* sums of the status */
int32_t sets_available(const struct sets *s);
struct sets sets_active(struct arena *a, const struct sets *s); /* those of spec.replicas > 0 */
void sets_sort(struct sets *s, int (*cmp)(const void *, const void *));
/* Orders of sets, for sets_sort. */
int set_by_age(const void *x, const void *y); /* oldest first */
int set_by_revision(const void *x, const void *y);
int set_by_size_older(const void *x, const void *y); /* largest first, then the older */
int set_by_size_newer(const void *x, const void *y);
bool set_annotation_number(const struct replica_set *rs, struct str key, int32_t *out);
int64_t set_revision(const struct replica_set *rs); /* 0 when it has none */
/* How many replicas the new set should have now, as far as surge allows. */
int32_t rollout_new_size(const struct rollout *r);

/* --- the replica sets (sets.c) --- */

/* Finds old and new ones among the claimed, gives the new one its annotations, and (if `create`) makes it
 * when there is none yet. */
int rollout_find_sets(struct rollout *r, bool create);
/* Forgets old sets beyond spec.revisionHistoryLimit. */
int rollout_clean_up(struct rollout *r);

/* --- scaling (scale.c) --- */

/* Sets the size of one replica set, with its annotations and the event; *changed when its size was another.
 */
int rollout_resize(struct rollout *r, struct replica_set *rs, int32_t size, bool *changed);
/* Spreads a changed spec.replicas over the sets in proportion, when it is not the rollout itself that is to
 * do it. */
int rollout_scale(struct rollout *r);
bool rollout_was_scaled(const struct rollout *r);

/* --- strategies (strategy.c) --- */

int rollout_rolling(struct rollout *r);
int rollout_recreate(struct rollout *r);

/* --- status (status.c) --- */

bool rollout_has_deadline(const struct deployment *d);
bool rollout_is_complete(const struct deployment *d, const struct deployment_status *s);
/* Writes back the status (and annotations) of r->d. */
int rollout_write(struct rollout *r);
/* Counts and availability only. */
int rollout_sync_status(struct rollout *r);
/* These, and how the rollout progresses. */
int rollout_sync_progress(struct rollout *r);
/* Sets the condition Progressing. */
void rollout_progressing(struct rollout *r, struct str status, const char *reason, struct str message);
