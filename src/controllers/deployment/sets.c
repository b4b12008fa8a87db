/* The replica sets of a deployment: which is the new one, making it, numbering revisions, forgetting old
 * ones. */
#include "controllers/deployment/rollout.h"

#include "schema/copy.h"
#include "schema/json.h"

enum { HISTORY_CHARS_MAX = 2000, NAME_MAX_BYTES = 253 };

/* --- which is the new one --- */

static bool template_equal(struct arena *a, const struct pod_template_spec *x,
                           const struct pod_template_spec *y)
{
    struct pod_template_spec p = *x, q = *y;
    p.metadata.labels.at =
        arena_dup(a, p.metadata.labels.at, p.metadata.labels.n * sizeof *p.metadata.labels.at);
    q.metadata.labels.at =
        arena_dup(a, q.metadata.labels.at, q.metadata.labels.n * sizeof *q.metadata.labels.at);
    labels_unset(&p.metadata.labels, HASH_LABEL);
    labels_unset(&q.metadata.labels, HASH_LABEL);
    return struct_eq(&pod_template_spec_type, &p, &q);
}

/* The oldest of those that have the deployment's template, should there be several; NULL when none has. */
static struct replica_set *sets_find_new(struct rollout *r, const struct sets *sets)
{
    for (size_t i = 0; i < sets->n; i++)
        if (template_equal(r->w->a, &sets->at[i]->spec.template, &r->d->spec.template))
            return sets->at[i];
    return NULL;
}

/* --- annotations --- */

/* Annotations that say something about one object only, and so are not handed on. */
static bool annotation_stays(struct str key)
{
    static const char *const own[] = {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deployment.kubernetes.io/revision",
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
    };
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (str_is(key, own[i]))
            return true;
    return false;
}

/* Appends a revision that a set once had, dropping the first when the list grows too long. */
static void history_add(struct arena *a, struct str_map *annotations, struct str revision)
{
    struct str history = labels_get(annotations, REVISION_HISTORY_ANNOTATION);
    struct str all = str_empty(history)
                         ? revision
                         : arena_printf(a, STR_FMT "," STR_FMT, STR_ARG(history), STR_ARG(revision));
    for (ptrdiff_t comma; all.n > HISTORY_CHARS_MAX && (comma = str_index(all, ',')) >= 0;)
        all = str_from_at(all, (size_t)comma + 1);
    labels_set(a, annotations, REVISION_HISTORY_ANNOTATION, all);
}

static bool annotate_size(struct rollout *r, struct str_map *annotations)
{
    struct arena *a = r->w->a;
    int32_t wanted = wanted_by(r->d);
    bool changed = labels_set(a, annotations, DESIRED_ANNOTATION, arena_printf(a, "%d", wanted));
    changed |=
        labels_set(a, annotations, MAX_ANNOTATION, arena_printf(a, "%d", wanted + rollout_max_surge(r->d)));
    return changed;
}

/* What a new set's annotations should be; true when that changed them. Those of the size are only set on one
 * being made: later, scaling sets them. */
static bool annotate_new(struct rollout *r, struct replica_set *rs, int64_t revision, bool exists)
{
    struct arena *a = r->w->a;
    struct str_map *annotations = &rs->metadata.annotations;
    bool changed = false;
    for (size_t i = 0; i < r->d->metadata.annotations.n; i++) {
        const struct str_entry *e = &r->d->metadata.annotations.at[i];
        if (!annotation_stays(e->key))
            changed |= labels_set(a, annotations, e->key, e->value);
    }
    struct str old = labels_get(annotations, REVISION_ANNOTATION);
    if (set_revision(rs) < revision) {
        labels_set(a, annotations, REVISION_ANNOTATION, arena_printf(a, "%lld", (long long)revision));
        if (!str_empty(old))
            history_add(a, annotations, old);
        changed = true;
    }
    if (!exists)
        changed |= annotate_size(r, annotations);
    return changed;
}

/* The deployment shows the revision of its new set. */
static bool deployment_set_revision(struct rollout *r, const struct replica_set *rs)
{
    return labels_set(r->w->a, &r->d->metadata.annotations, REVISION_ANNOTATION,
                      labels_get(&rs->metadata.annotations, REVISION_ANNOTATION));
}

/* --- keeping and making the new one --- */

static int new_set_keep(struct rollout *r, int64_t revision)
{
    struct work *w = r->w;
    struct replica_set *rs = r->new;
    bool changed = annotate_new(r, rs, revision, true);
    if (changed || rs->spec.min_ready_seconds != r->d->spec.min_ready_seconds) {
        rs->spec.min_ready_seconds = r->d->spec.min_ready_seconds;
        _cleanup_object_ struct object *written = NULL;
        if (client_update(w->client, &replica_set_resource, (struct str){0}, rs, &written, w->err) < 0)
            return -1;
        *rs = *(struct replica_set *)object_copy(written, w->a);
    }
    bool tell = deployment_set_revision(r, rs);
    if (rollout_has_deadline(r->d) &&
        !condition_find(&deployment_condition_type, &r->d->status.conditions, STR("Progressing"))) {
        rollout_progressing(
            r, CONDITION_STATUS_TRUE, "FoundNewReplicaSet",
            arena_printf(w->a, "Found new replica set \"" STR_FMT "\"", STR_ARG(rs->metadata.name)));
        tell = true;
    }
    return tell ? rollout_write(r) : 0;
}

/* Stable as long as the template is encoded the same. */
static struct str template_hash(struct rollout *r)
{
    _cleanup_buf_ struct buf json = {0};
    json_encode(&json, &pod_template_spec_type, &r->d->spec.template);
    uint32_t h = fnv32a(FNV32_START, buf_str(&json));
    if (r->d->status.collision_count)
        h = fnv32a(h, arena_printf(r->w->a, "%d", *r->d->status.collision_count));
    return safe_encode(r->w->a, h);
}

static struct label_selector *selector_with_hash(struct arena *a, const struct label_selector *s,
                                                 struct str hash)
{
    struct label_selector *copy = arena_dup(a, s, sizeof *s);
    labels_set(a, &copy->match_labels, HASH_LABEL, hash);
    return copy;
}

static void new_set_draft(struct rollout *r, struct replica_set *rs, int64_t revision)
{
    struct arena *a = r->w->a;
    struct str hash = template_hash(r), name = r->d->metadata.name;
    size_t longest = NAME_MAX_BYTES - 1 - hash.n;
    if (name.n > longest)
        name.n = longest;
    *rs = (struct replica_set){.metadata = {.namespace = r->d->metadata.namespace}};
    rs->metadata.name = arena_printf(a, STR_FMT "-" STR_FMT, STR_ARG(name), STR_ARG(hash));
    meta_add_owner(a, &rs->metadata, owner_reference_to(a, r->object));
    rs->spec.template = r->d->spec.template;
    labels_set(a, &rs->spec.template.metadata.labels, HASH_LABEL, hash);
    rs->metadata.labels = rs->spec.template.metadata.labels;
    rs->spec.selector = selector_with_hash(a, r->d->spec.selector, hash);
    rs->spec.min_ready_seconds = r->d->spec.min_ready_seconds;
    rs->spec.replicas = arena_new(a, int32_t);
    annotate_new(r, rs, revision, false);
}

/* One of that name is there: is it ours (the cache was behind), or has another template the same hash? */
static int new_set_exists(struct rollout *r, struct replica_set *rs)
{
    struct work *w = r->w;
    _cleanup_object_ struct object *there = NULL;
    if (client_get(w->client, &replica_set_resource, rs->metadata.namespace, rs->metadata.name, &there,
                   w->err) < 0)
        return -1;
    struct replica_set *found = object_copy(there, w->a);
    if (meta_controlled_by(&found->metadata, r->d->metadata.uid) &&
        template_equal(w->a, &found->spec.template, &r->d->spec.template)) {
        *rs = *found;
        return 0;
    }
    int32_t collisions = r->d->status.collision_count ? *r->d->status.collision_count + 1 : 1;
    r->d->status.collision_count = arena_dup(w->a, &collisions, sizeof collisions);
    if (rollout_write(r) < 0)
        return -1;
    return err_set(w->err, ERR_CONFLICT, "replica set " STR_FMT " is another template's: trying another hash",
                   STR_ARG(rs->metadata.name));
}

static int new_set_refused(struct rollout *r, const struct replica_set *rs)
{
    struct work *w = r->w;
    if (namespace_is_ending(w->err))
        return -1;
    struct str message = arena_printf(w->a, "Failed to create new replica set \"" STR_FMT "\": " STR_FMT,
                                      STR_ARG(rs->metadata.name), STR_ARG(w->err->message));
    recorder_event(w->recorder, r->object, "Warning", "ReplicaSetCreateError", (struct str){0}, STR_FMT,
                   STR_ARG(message));
    if (rollout_has_deadline(r->d)) {
        rollout_progressing(r, CONDITION_STATUS_FALSE, "ReplicaSetCreateError", message);
        _cleanup_err_ struct err refused = {0};
        err_move(&refused, w->err);
        rollout_write(r); /* whether or not this works, the refusal is what is wrong */
        err_move(w->err, &refused);
    }
    return -1;
}

static int new_set_create(struct rollout *r, int64_t revision)
{
    struct work *w = r->w;
    struct replica_set *rs = arena_new(w->a, struct replica_set);
    new_set_draft(r, rs, revision);
    r->new = rs;
    r->all.at[r->all.n++] = rs;
    *rs->spec.replicas = rollout_new_size(r);
    int32_t size = *rs->spec.replicas;

    _cleanup_object_ struct object *made = NULL;
    bool existed = false;
    if (client_create(w->client, &replica_set_resource, rs->metadata.namespace, rs, &made, w->err) < 0) {
        if (w->err->reason != ERR_ALREADY_EXISTS)
            return new_set_refused(r, rs);
        err_clear(w->err);
        existed = true;
        if (new_set_exists(r, rs) < 0)
            return -1;
    } else {
        *rs = *(struct replica_set *)object_copy(made, w->a);
        if (size > 0)
            recorder_event(w->recorder, r->object, "Normal", "ScalingReplicaSet", (struct str){0},
                           "Scaled up replica set " STR_FMT " from 0 to %d", STR_ARG(rs->metadata.name),
                           size);
    }
    bool tell = deployment_set_revision(r, rs);
    if (!existed && rollout_has_deadline(r->d)) {
        rollout_progressing(
            r, CONDITION_STATUS_TRUE, "NewReplicaSetCreated",
            arena_printf(w->a, "Created new replica set \"" STR_FMT "\"", STR_ARG(rs->metadata.name)));
        tell = true;
    }
    return tell ? rollout_write(r) : 0;
}

int rollout_find_sets(struct rollout *r, bool create)
{
    struct arena *a = r->w->a;
    size_t n = r->claimed.n;
    struct sets found = {arena_new_n(a, struct replica_set *, n + 1), n};
    for (size_t i = 0; i < n; i++)
        found.at[i] = object_copy(r->claimed.at[i], a);
    sets_sort(&found, set_by_age);

    r->new = sets_find_new(r, &found);
    r->old = (struct sets){arena_new_n(a, struct replica_set *, n + 1), 0};
    r->all = (struct sets){arena_new_n(a, struct replica_set *, n + 1), 0};
    int64_t newest = 0;
    for (size_t i = 0; i < n; i++) {
        if (found.at[i] == r->new)
            continue;
        r->old.at[r->old.n++] = r->all.at[r->all.n++] = found.at[i];
        if (set_revision(found.at[i]) > newest)
            newest = set_revision(found.at[i]);
    }
    if (r->new) {
        r->all.at[r->all.n++] = r->new;
        return new_set_keep(r, newest + 1);
    }
    return create ? new_set_create(r, newest + 1) : 0;
}

int rollout_clean_up(struct rollout *r)
{
    struct work *w = r->w;
    const int32_t *limit = r->d->spec.revision_history_limit;
    if (!limit || *limit == INT32_MAX)
        return 0;
    struct sets kept = {arena_new_n(w->a, struct replica_set *, r->old.n), 0};
    for (size_t i = 0; i < r->old.n; i++)
        if (!r->old.at[i]->metadata.deletion_timestamp)
            kept.at[kept.n++] = r->old.at[i];
    sets_sort(&kept, set_by_revision);
    for (int64_t i = 0; i < (int64_t)kept.n - *limit; i++) {
        const struct replica_set *rs = kept.at[i];
        if (rs->status.replicas || set_size(rs) || rs->metadata.generation > rs->status.observed_generation)
            continue;
        int failed = client_delete(w->client, &replica_set_resource, rs->metadata.namespace,
                                   rs->metadata.name, NULL, w->err);
        if (work_forgive(w, failed, ERR_NOT_FOUND) < 0)
            return -1;
    }
    return 0;
}
