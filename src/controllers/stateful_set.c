/* StatefulSet: pods with names, an order and claims of their own (pkg/controller/statefulset). */
#include <stdlib.h>

#include "controllers/claim.h"
#include "controllers/history.h"
#include "controllers/pods.h"
#include "controllers/retention.h"
#include "controllers/table.h"
#include "schema/copy.h"

#define REVISION_LABEL STR("controller-revision-hash") /* on pods: the name of the revision */
#define HASH_LABEL     STR("controller.kubernetes.io/hash")
#define NAME_LABEL     STR("statefulset.kubernetes.io/pod-name")
#define INDEX_LABEL    STR("apps.kubernetes.io/pod-index")

/* A pass over a stateful set. */
struct members {
    struct work *w;
    struct object *object;
    const struct stateful_set *set;
    struct stateful_set_status status; /* as it is to be */
    struct history history;
    const struct controller_revision *current; /* what pods below the partition have */
    struct objects pods;
    int32_t start, n;
    struct object **replicas;  /* by ordinal, from `start` on; NULL: missing */
    struct object **condemned; /* of other ordinals, highest first */
    size_t n_condemned;
    bool in_order; /* one after the other */
};

/* --- ordinals --- */

/* -1 when the name is none of the set's. */
static int64_t ordinal_of(const struct members *m, struct str name)
{
    struct str prefix = m->set->metadata.name;
    int64_t n;
    if (name.n <= prefix.n + 1 || !str_starts(name, prefix) || name.p[prefix.n] != '-' ||
        !str_to_i64(str_from_at(name, prefix.n + 1), &n) || n < 0 || n > INT32_MAX)
        return -1;
    return n;
}

static struct str pod_name(struct members *m, int32_t ordinal)
{
    return arena_printf(m->w->a, STR_FMT "-%d", STR_ARG(m->set->metadata.name), ordinal);
}

static int by_ordinal_down(const void *x, const void *y)
{
    struct str a = object_name(*(struct object *const *)x), b = object_name(*(struct object *const *)y);
    return a.n != b.n ? (a.n > b.n ? -1 : 1) : str_cmp(b, a);
}

static void sort_members(struct members *m)
{
    m->replicas = arena_new_n(m->w->a, struct object *, (size_t)m->n);
    m->condemned = arena_new_n(m->w->a, struct object *, m->pods.n);
    for (size_t i = 0; i < m->pods.n; i++) {
        int64_t ordinal = ordinal_of(m, object_name(m->pods.at[i]));
        if (ordinal >= m->start && ordinal < (int64_t)m->start + m->n)
            m->replicas[ordinal - m->start] = m->pods.at[i];
        else if (ordinal >= 0)
            m->condemned[m->n_condemned++] = m->pods.at[i];
    }
    qsort(m->condemned, m->n_condemned, sizeof *m->condemned, by_ordinal_down);
}

/* --- states of a pod --- */

static bool is_ending(struct object *o)
{
    return object_meta(o)->deletion_timestamp;
}

static bool is_running_and_ready(struct object *o)
{
    return str_eq(pod_of(o)->status.phase, POD_PHASE_RUNNING) && pod_is_ready(pod_of(o));
}

static bool is_available(struct members *m, struct object *o)
{
    int64_t soon = pod_available_in(pod_of(o), m->set->spec.min_ready_seconds);
    if (soon > 0)
        work_again(m->w, soon);
    return is_running_and_ready(o) && pod_is_available(pod_of(o), m->set->spec.min_ready_seconds);
}

static struct str revision_of(struct object *o)
{
    return labels_get(&object_meta(o)->labels, REVISION_LABEL);
}

/* --- making pods and claims --- */

static bool takes_current(const struct members *m, int32_t ordinal)
{
    const struct stateful_set_update_strategy *u = &m->set->spec.update_strategy;
    if (!str_is(u->type, "RollingUpdate"))
        return false;
    if (!u->rolling_update || !u->rolling_update->partition)
        return ordinal < m->start + m->set->status.current_replicas;
    return ordinal < m->start + *u->rolling_update->partition;
}

static struct str claim_name(struct members *m, const struct persistent_volume_claim *t, struct str pod)
{
    return arena_printf(m->w->a, STR_FMT "-" STR_FMT, STR_ARG(t->metadata.name), STR_ARG(pod));
}

/* Its claims take the place of volumes of their names. */
static void mount_claims(struct members *m, struct pod *pod)
{
    const struct persistent_volume_claim_vec *claims = &m->set->spec.volume_claim_templates;
    struct volume *at = arena_new_n(m->w->a, struct volume, claims->n + pod->spec.volumes.n);
    size_t n = 0;
    for (size_t i = 0; i < claims->n; i++) {
        struct persistent_volume_claim_volume_source *source =
            arena_new(m->w->a, struct persistent_volume_claim_volume_source);
        source->claim_name = claim_name(m, &claims->at[i], pod->metadata.name);
        at[n].name = claims->at[i].metadata.name;
        at[n++].persistent_volume_claim = source;
    }
    for (size_t v = 0; v < pod->spec.volumes.n; v++) {
        bool replaced = false;
        for (size_t i = 0; i < claims->n; i++)
            replaced |= str_eq(claims->at[i].metadata.name, pod->spec.volumes.at[v].name);
        if (!replaced)
            at[n++] = pod->spec.volumes.at[v];
    }
    pod->spec.volumes.at = at;
    pod->spec.volumes.n = n;
}

static struct pod *member_draft(struct members *m, int32_t ordinal)
{
    struct arena *a = m->w->a;
    bool current = takes_current(m, ordinal);
    const struct pod_template_spec *t = current ? history_template(a, m->current) : NULL;
    struct pod *pod = pod_from_template(a, t ? t : &m->set->spec.template, m->object);
    pod->metadata.generate_name = (struct str){0};
    pod->metadata.name = pod_name(m, ordinal);
    labels_set(a, &pod->metadata.labels, NAME_LABEL, pod->metadata.name);
    labels_set(a, &pod->metadata.labels, INDEX_LABEL, arena_printf(a, "%d", ordinal));
    labels_set(a, &pod->metadata.labels, REVISION_LABEL,
               t ? m->current->metadata.name : m->history.current->metadata.name);
    pod->spec.hostname = pod->metadata.name;
    pod->spec.subdomain = m->set->spec.service_name;
    mount_claims(m, pod);
    return pod;
}

static void tell(struct members *m, const char *verb, const char *reason, const char *what, struct str pod,
                 bool failed)
{
    struct work *w = m->w;
    if (failed)
        recorder_event(w->recorder, m->object, "Warning", reason, (struct str){0},
                       "%s %s" STR_FMT " in StatefulSet " STR_FMT " failed error: " STR_FMT, verb, what,
                       STR_ARG(pod), STR_ARG(w->name), STR_ARG(w->err->message));
    else
        recorder_event(w->recorder, m->object, "Normal", reason, (struct str){0},
                       "%s %s" STR_FMT " in StatefulSet " STR_FMT " successful", verb, what, STR_ARG(pod),
                       STR_ARG(w->name));
}

static int create_claims(struct members *m, struct str pod)
{
    struct work *w = m->w;
    for (size_t i = 0; i < m->set->spec.volume_claim_templates.n; i++) {
        struct persistent_volume_claim claim = m->set->spec.volume_claim_templates.at[i];
        claim.metadata.name = claim_name(m, &claim, pod);
        claim.metadata.namespace = w->ns;
        const struct str_map *labels = &m->set->spec.selector->match_labels;
        for (size_t l = 0; l < labels->n; l++)
            labels_set(w->a, &claim.metadata.labels, labels->at[l].key, labels->at[l].value);
        _cleanup_object_ struct object *there =
            informer_get(informer_of(w, persistent_volume_claim), w->ns, claim.metadata.name);
        if (there)
            continue;
        int failed = client_create(w->client, &persistent_volume_claim_resource, w->ns, &claim, NULL, w->err);
        if (work_forgive(w, failed, ERR_ALREADY_EXISTS) < 0) {
            tell(m, "create", "FailedCreate", "Claim ", claim.metadata.name, true);
            return -1;
        }
    }
    return 0;
}

static int create_member(struct members *m, int32_t ordinal)
{
    struct work *w = m->w;
    struct pod *pod = member_draft(m, ordinal);
    if (create_claims(m, pod->metadata.name) < 0)
        return -1;
    int failed = client_create(w->client, &pod_resource, w->ns, pod, NULL, w->err);
    tell(m, "create", failed ? "FailedCreate" : "SuccessfulCreate", "Pod ", pod->metadata.name, failed);
    return failed;
}

static int delete_member(struct members *m, struct object *o)
{
    struct work *w = m->w;
    struct client_delete_options options = DELETE_OPTIONS_DEFAULT;
    options.uid = object_meta(o)->uid;
    int failed = client_delete(w->client, &pod_resource, w->ns, object_name(o), &options, w->err);
    failed = work_forgive(w, failed, ERR_NOT_FOUND);
    tell(m, "delete", failed ? "FailedDelete" : "SuccessfulDelete", "Pod ", object_name(o), failed);
    return failed;
}

/* Who owns the claims of the members, as the retention policy has it. */
static int retain_claims(struct members *m)
{
    const struct persistent_volume_claim_vec *claims = &m->set->spec.volume_claim_templates;
    for (size_t i = 0; i < claims->n; i++) {
        for (int32_t k = 0; k < m->n; k++)
            if (claim_retain(m->w, m->object, m->replicas[k], false,
                             claim_name(m, &claims->at[i], pod_name(m, m->start + k))) < 0)
                return -1;
        for (size_t k = 0; k < m->n_condemned; k++)
            if (claim_retain(m->w, m->object, m->condemned[k], true,
                             claim_name(m, &claims->at[i], object_name(m->condemned[k]))) < 0)
                return -1;
    }
    return 0;
}

/* --- the three passes: make, shrink, update; each says in *wait that what follows has to wait --- */

static int make_members(struct members *m, bool *wait)
{
    for (int32_t i = 0; i < m->n && !*wait; i++) {
        struct object *o = m->replicas[i];
        if (!o) {
            if (create_member(m, m->start + i) < 0)
                return -1;
            *wait = m->in_order;
        } else if (pod_is_terminal(pod_of(o)) && !is_ending(o)) {
            bool failed = str_eq(pod_of(o)->status.phase, POD_PHASE_FAILED);
            recorder_event(m->w->recorder, m->object, failed ? "Warning" : "Normal",
                           failed ? "RecreatingFailedPod" : "RecreatingTerminatedPod", (struct str){0},
                           "StatefulSet " STR_FMT "/" STR_FMT " is recreating %s Pod " STR_FMT,
                           STR_ARG(m->w->ns), STR_ARG(m->w->name), failed ? "failed" : "terminated",
                           STR_ARG(object_name(o)));
            if (delete_member(m, o) < 0)
                return -1;
            *wait = m->in_order;
        } else if (m->in_order && (is_ending(o) || !is_available(m, o))) {
            *wait = true;
        }
    }
    return 0;
}

static bool is_healthy(struct object *o)
{
    return o && is_running_and_ready(o) && !is_ending(o);
}

/* The unhealthy member of the lowest ordinal, those that are to go behind those that stay; NULL: none. */
static struct object *first_unhealthy(const struct members *m)
{
    for (int32_t i = 0; i < m->n; i++)
        if (!is_healthy(m->replicas[i]))
            return m->replicas[i];
    for (size_t i = m->n_condemned; i > 0; i--) /* from the highest ordinal down */
        if (!is_healthy(m->condemned[i - 1]))
            return m->condemned[i - 1];
    return NULL;
}

static int shrink_members(struct members *m, bool *wait)
{
    struct object *unhealthy = first_unhealthy(m);
    for (size_t i = 0; i < m->n_condemned && !*wait; i++) {
        struct object *o = m->condemned[i];
        /* In order, one that is unhealthy only goes when none before it is. */
        if (m->in_order && !is_ending(o) && o != unhealthy && !is_available(m, o)) {
            *wait = true;
            return 0;
        }
        if (!is_ending(o) && delete_member(m, o) < 0)
            return -1;
        *wait = m->in_order; /* until it is gone */
    }
    return 0;
}

static bool is_outdated(struct members *m, struct object *o)
{
    return !str_eq(revision_of(o), m->history.current->metadata.name) && !is_ending(o);
}

/* Several at once (KEP-961): no more than `most` are to be unavailable at a time. */
static int update_together(struct members *m, int32_t partition, int32_t most)
{
    for (int32_t i = 0; i < m->n; i++)
        most -= !m->replicas[i] || is_ending(m->replicas[i]) || !is_available(m, m->replicas[i]);
    for (int32_t i = m->n - 1; i >= 0 && i >= partition && most > 0; i--)
        if (m->replicas[i] && is_outdated(m, m->replicas[i])) {
            if (delete_member(m, m->replicas[i]) < 0)
                return -1;
            most--;
        }
    return 0;
}

static int update_members(struct members *m)
{
    const struct stateful_set_update_strategy *u = &m->set->spec.update_strategy;
    if (!str_is(u->type, "RollingUpdate"))
        return 0;
    int32_t partition = u->rolling_update && u->rolling_update->partition ? *u->rolling_update->partition : 0;
    int32_t most = u->rolling_update && u->rolling_update->max_unavailable
                       ? int_or_percent(u->rolling_update->max_unavailable, m->n, false)
                       : 1;
    if (most > 1)
        return update_together(m, partition, most);
    for (int32_t i = m->n - 1; i >= 0 && i >= partition; i--) {
        struct object *o = m->replicas[i];
        if (!o)
            return 0;
        if (is_outdated(m, o))
            return delete_member(m, o);
        if (is_ending(o) || !is_available(m, o))
            return 0;
    }
    return 0;
}

/* --- status --- */

static void count_members(struct members *m)
{
    struct stateful_set_status *s = &m->status;
    *s = m->set->status;
    s->observed_generation = m->set->metadata.generation;
    s->replicas = s->ready_replicas = s->available_replicas = s->current_replicas = s->updated_replicas = 0;
    s->current_revision = m->current->metadata.name;
    s->update_revision = m->history.current->metadata.name;
    for (size_t i = 0; i < m->pods.n; i++) {
        struct object *o = m->pods.at[i];
        if (ordinal_of(m, object_name(o)) < 0)
            continue;
        s->replicas++;
        s->ready_replicas += is_running_and_ready(o);
        s->available_replicas += is_available(m, o);
        if (!is_ending(o)) {
            s->current_replicas += str_eq(revision_of(o), s->current_revision);
            s->updated_replicas += str_eq(revision_of(o), s->update_revision);
        }
    }
    /* Once all have the new revision and are ready, it is the current one. */
    if (str_is(m->set->spec.update_strategy.type, "RollingUpdate") && s->updated_replicas == s->replicas &&
        s->ready_replicas == s->replicas) {
        s->current_replicas = s->updated_replicas;
        s->current_revision = s->update_revision;
    }
}

static int write_status(struct members *m)
{
    struct stateful_set *set = object_copy(m->object, m->w->a);
    if (struct_eq(&stateful_set_status_type, &set->status, &m->status))
        return 0;
    set->status = m->status;
    return client_update(m->w->client, &stateful_set_resource, STR("status"), set, NULL, m->w->err);
}

/* --- reconciling --- */

static const struct controller_revision *revision_named(const struct history *h, struct str name)
{
    for (size_t i = 0; i < h->n; i++)
        if (str_eq(h->all[i]->metadata.name, name))
            return h->all[i];
    return h->current;
}

static int members_manage(struct members *m)
{
    bool wait = false;
    if (m->set->metadata.deletion_timestamp)
        return 0;
    if (retain_claims(m) < 0 || make_members(m, &wait) < 0)
        return -1;
    if (!wait && shrink_members(m, &wait) < 0)
        return -1;
    return wait ? 0 : update_members(m);
}

static int members_run(struct members *m, const struct selector *selector)
{
    struct work *w = m->w;
    if (claim_dependents(w, m->object, selector, informer_of(w, pod), &m->pods) < 0 ||
        history_sync(w, m->object, selector, &m->set->spec.template, HASH_LABEL, &m->history) < 0)
        return -1;
    m->current = revision_named(&m->history, m->set->status.current_revision);
    sort_members(m);
    count_members(m);
    int failed = members_manage(m);
    _cleanup_err_ struct err why = {0};
    if (failed)
        err_move(&why, w->err);
    if (write_status(m) < 0)
        return -1;
    if (failed) {
        err_move(w->err, &why);
        return -1;
    }
    struct str_vec live = {arena_new_n(w->a, struct str, m->pods.n + 1), 1};
    live.at[0] = m->status.current_revision;
    for (size_t i = 0; i < m->pods.n; i++)
        live.at[live.n++] = revision_of(m->pods.at[i]);
    return m->set->spec.revision_history_limit
               ? history_clean_up(w, &m->history, *m->set->spec.revision_history_limit, &live)
               : 0;
}

static int stateful_set_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, stateful_set), w->ns, w->name);
    if (!o)
        return 0;
    struct members m = {.w = w, .object = o, .set = object_typed(o)};
    m.n = m.set->spec.replicas ? *m.set->spec.replicas : 1;
    m.start = m.set->spec.ordinals ? m.set->spec.ordinals->start : 0;
    m.in_order = !str_is(m.set->spec.pod_management_policy, "Parallel");
    struct selector selector;
    if (selector_from(w->a, m.set->spec.selector, &selector, w->err) < 0)
        return -1;
    int failed = members_run(&m, &selector);
    history_clear(&m.history);
    objects_clear(&m.pods);
    return failed;
}

static void on_pod(struct controller *k, struct object *before, struct object *after)
{
    controller_on_owned(k, before, after);
    if (after && !meta_controller(object_meta(after)) && !object_meta(after)->deletion_timestamp)
        controller_on_orphan(k, after);
}

const struct controller_def stateful_set_controller = {
    .name = "statefulset",
    .component = "statefulset-controller",
    .account = "statefulset-controller",
    .kind = &stateful_set_resource,
    .workers = 2,
    .reconcile = stateful_set_reconcile,
    .watches = {{&stateful_set_resource, controller_on_self},
                {&pod_resource, on_pod},
                {&controller_revision_resource, controller_on_owned},
                {&persistent_volume_claim_resource, NULL}},
};
