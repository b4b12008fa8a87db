/* Pods that nobody else ends: of nodes that are gone, deleted before they had a node, and finished ones
 * beyond a threshold. There is one key; every pass looks at all pods. */
#include <stdlib.h>

#include "controllers/pods.h"
#include "controllers/table.h"

enum { TERMINATED_MAX = 12500 };
#define QUARANTINE (40 * CLOCK_S) /* a node that is gone may come back */
#define ALL        STR("pods")

/* Deletes at once, no matter what the node would say. */
static int remove_pod(struct work *w, struct object *o)
{
    struct client_delete_options options = DELETE_OPTIONS_DEFAULT;
    options.grace_s = 0;
    options.uid = object_meta(o)->uid;
    int failed =
        client_delete(w->client, &pod_resource, object_namespace(o), object_name(o), &options, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

static int fail_and_remove(struct work *w, struct object *o)
{
    if (!pod_is_terminal(pod_of(o))) {
        struct pod *pod = object_copy(o, w->a);
        pod->status.phase = POD_PHASE_FAILED;
        condition_set(w->a, &pod_condition_type, &pod->status.conditions, CONDITION_ANY_CHANGE,
                      STR("DisruptionTarget"), CONDITION_STATUS_TRUE, STR("DeletionByPodGC"),
                      STR("PodGC: node no longer exists"));
        if (client_update(w->client, &pod_resource, STR("status"), pod, NULL, w->err) < 0)
            return work_forgive(w, -1, ERR_NOT_FOUND);
    }
    return remove_pod(w, o);
}

static int by_eviction_and_age(const void *x, const void *y)
{
    const struct pod *a = pod_of(*(struct object *const *)x), *b = pod_of(*(struct object *const *)y);
    bool p = str_is(a->status.reason, "Evicted"), q = str_is(b->status.reason, "Evicted");
    if (p != q)
        return p ? -1 : 1;
    int c = time_cmp(a->metadata.creation_timestamp, b->metadata.creation_timestamp);
    return c ? c : str_cmp(a->metadata.name, b->metadata.name);
}

static int collect_terminated(struct work *w, const struct objects *pods)
{
    size_t n = 0, most = (size_t)(w->options->terminated_pods_max ? w->options->terminated_pods_max
                                                                  : TERMINATED_MAX);
    struct object **finished = arena_new_n(w->a, struct object *, pods->n);
    for (size_t i = 0; i < pods->n; i++)
        if (pod_is_terminal(pod_of(pods->at[i])) && !object_meta(pods->at[i])->deletion_timestamp)
            finished[n++] = pods->at[i];
    if (n <= most)
        return 0;
    qsort(finished, n, sizeof *finished, by_eviction_and_age);
    for (size_t i = 0; i < n - most; i++)
        if (remove_pod(w, finished[i]) < 0)
            return -1;
    return 0;
}

/* When a node was first missed, clock_mono(); the caller's memory lives in the controller's state. */
struct missed {
    struct arena arena;
    struct str *names;
    int64_t *since;
    size_t n;
};

static int64_t missed_since(struct missed *m, struct str node)
{
    for (size_t i = 0; i < m->n; i++)
        if (str_eq(m->names[i], node))
            return m->since[i];
    return 0;
}

/* Whether the node is gone for good. */
static int node_is_gone(struct work *w, struct str name, bool *gone)
{
    *gone = false;
    _cleanup_object_ struct object *live = NULL;
    if (client_get(w->client, &node_resource, (struct str){0}, name, &live, w->err) < 0) {
        *gone = w->err->reason == ERR_NOT_FOUND;
        return work_forgive(w, -1, ERR_NOT_FOUND);
    }
    return 0;
}

static void missed_add(struct missed *m, struct str name, int64_t since)
{
    m->names[m->n] = arena_str(&m->arena, name);
    m->since[m->n++] = since;
}

static int collect_orphaned(struct work *w, const struct objects *pods)
{
    struct missed *old = w->controller->state;
    struct missed now = {0};
    now.names = arena_new_n(&now.arena, struct str, pods->n);
    now.since = arena_new_n(&now.arena, int64_t, pods->n);
    int failed = 0;
    for (size_t i = 0; i < pods->n && !failed; i++) {
        struct str name = pod_of(pods->at[i])->spec.node_name;
        if (str_empty(name))
            continue;
        _cleanup_object_ struct object *node = informer_get(informer_of(w, node), (struct str){0}, name);
        if (node)
            continue;
        int64_t since = missed_since(old, name);
        if (!since)
            since = clock_mono();
        if (!missed_since(&now, name))
            missed_add(&now, name, since);
        int64_t rest = since + QUARANTINE - clock_mono();
        bool gone = false;
        if (rest > 0)
            work_again(w, rest);
        else if ((failed = node_is_gone(w, name, &gone)) == 0 && gone)
            failed = fail_and_remove(w, pods->at[i]);
    }
    arena_free(&old->arena);
    *old = now;
    return failed;
}

static int collect_unscheduled(struct work *w, const struct objects *pods)
{
    for (size_t i = 0; i < pods->n; i++)
        if (object_meta(pods->at[i])->deletion_timestamp && str_empty(pod_of(pods->at[i])->spec.node_name) &&
            remove_pod(w, pods->at[i]) < 0)
            return -1;
    return 0;
}

static int pod_garbage_collector_reconcile(struct work *w)
{
    _cleanup_objects_ struct objects pods = {0};
    informer_list(informer_of(w, pod), (struct str){0}, &pods);
    int failed = collect_terminated(w, &pods);
    if (!failed)
        failed = collect_orphaned(w, &pods);
    return failed ? failed : collect_unscheduled(w, &pods);
}

/* Only what may be garbage wakes us. */
static void on_pod(struct controller *k, struct object *before, struct object *after)
{
    if (!after)
        return;
    const struct pod *p = pod_of(after);
    bool finished = pod_is_terminal(p) && !(before && pod_is_terminal(pod_of(before)));
    bool ended_unscheduled = p->metadata.deletion_timestamp && str_empty(p->spec.node_name);
    bool lost = false;
    if (!str_empty(p->spec.node_name)) {
        _cleanup_object_ struct object *node =
            informer_get(informer_of(k, node), (struct str){0}, p->spec.node_name);
        lost = !node;
    }
    if (finished || ended_unscheduled || lost)
        controller_add(k, (struct str){0}, ALL);
}

static void on_node(struct controller *k, struct object *before, struct object *after)
{
    (void)before;
    if (!after)
        controller_add(k, (struct str){0}, ALL);
}

static int pod_garbage_collector_start(struct controller *k, struct err *err)
{
    (void)err;
    k->state = mem_zalloc(sizeof(struct missed));
    return 0;
}

static void pod_garbage_collector_stop(struct controller *k)
{
    arena_free(&((struct missed *)k->state)->arena);
    free(k->state);
}

const struct controller_def pod_garbage_collector_controller = {
    .name = "pod-garbage-collector",
    .component = "pod-garbage-collector-controller",
    .account = "pod-garbage-collector",
    .kind = &pod_resource,
    .reconcile = pod_garbage_collector_reconcile,
    .start = pod_garbage_collector_start,
    .stop = pod_garbage_collector_stop,
    .watches = {{&node_resource, on_node}, {&pod_resource, on_pod}},
};
