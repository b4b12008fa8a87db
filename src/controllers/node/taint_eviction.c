/* Pods on nodes with NoExecute taints: those that do not tolerate them are deleted at once, those that do for
 * a while when the while is over. */
#include <stdlib.h>

#include "base/map.h"
#include "base/thread.h"
#include "controllers/node/taints.h"
#include "controllers/pods.h"
#include "controllers/table.h"

/* Since when pods are waiting: uid to clock_mono(). */
struct waiting {
    pthread_mutex_t mutex;
    struct map since; /* to struct waiter */
};
struct waiter {
    char *uid;
    int64_t since;
};

static int64_t waiting_since(struct work *w, struct str uid)
{
    struct waiting *all = w->controller->state;
    _lock_(&all->mutex);
    struct waiter *it = map_get(&all->since, uid);
    if (!it) {
        it = mem_zalloc(sizeof *it);
        *it = (struct waiter){str_dup_c(uid), clock_mono()};
        map_put(&all->since, str_from(it->uid), it);
    }
    return it->since;
}

/* True when it was waiting. */
static bool waiting_end(struct controller *k, struct str uid)
{
    struct waiting *all = k->state;
    _lock_(&all->mutex);
    struct waiter *it = map_del(&all->since, uid);
    if (!it)
        return false;
    free(it->uid);
    free(it);
    return true;
}

static bool has_no_execute(const struct node *n)
{
    for (size_t i = 0; i < n->spec.taints.n; i++)
        if (str_eq(n->spec.taints.at[i].effect, TAINT_EFFECT_NO_EXECUTE))
            return true;
    return false;
}

/* How long the pod tolerates the node's NoExecute taints: ns, 0 not at all, INT64_MAX for ever. */
static int64_t tolerated_for(const struct pod *p, const struct node *n)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < n->spec.taints.n; i++) {
        const struct taint *taint = &n->spec.taints.at[i];
        if (!str_eq(taint->effect, TAINT_EFFECT_NO_EXECUTE))
            continue;
        const struct toleration *covers = NULL;
        for (size_t t = 0; t < p->spec.tolerations.n && !covers; t++)
            if (toleration_covers(&p->spec.tolerations.at[t], taint))
                covers = &p->spec.tolerations.at[t];
        if (!covers)
            return 0;
        if (!covers->toleration_seconds)
            continue;
        int64_t s = *covers->toleration_seconds;
        int64_t ns = s <= 0 ? 0 : s > INT64_MAX / CLOCK_S ? INT64_MAX : s * CLOCK_S;
        if (ns < least)
            least = ns;
    }
    return least;
}

static int evict(struct work *w, struct object *o)
{
    recorder_event(w->recorder, o, "Normal", "TaintManagerEviction", (struct str){0},
                   "Marking for deletion Pod " STR_FMT "/" STR_FMT, STR_ARG(w->ns), STR_ARG(w->name));
    struct pod *pod = object_copy(o, w->a);
    if (condition_set(w->a, &pod_condition_type, &pod->status.conditions, CONDITION_ANY_CHANGE,
                      STR("DisruptionTarget"), CONDITION_STATUS_TRUE, STR("DeletionByTaintManager"),
                      STR("Taint manager: deleting due to NoExecute taint")) &&
        client_update(w->client, &pod_resource, STR("status"), pod, NULL, w->err) < 0)
        return work_forgive(w, -1, ERR_NOT_FOUND);
    struct client_delete_options options = DELETE_OPTIONS_DEFAULT;
    options.uid = object_meta(o)->uid;
    waiting_end(w->controller, options.uid);
    return work_forgive(w, client_delete(w->client, &pod_resource, w->ns, w->name, &options, w->err),
                        ERR_NOT_FOUND);
}

static int taint_eviction_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, pod), w->ns, w->name);
    if (!o || str_empty(pod_of(o)->spec.node_name) || object_meta(o)->deletion_timestamp ||
        pod_is_terminal(pod_of(o)))
        return 0;
    _cleanup_object_ struct object *node =
        informer_get(informer_of(w, node), (struct str){0}, pod_of(o)->spec.node_name);
    int64_t lasts = node ? tolerated_for(pod_of(o), object_typed(node)) : INT64_MAX;
    if (lasts == INT64_MAX) {
        if (waiting_end(w->controller, object_meta(o)->uid))
            recorder_event(w->recorder, o, "Normal", "TaintManagerEviction", (struct str){0},
                           "Cancelling deletion of Pod " STR_FMT "/" STR_FMT, STR_ARG(w->ns),
                           STR_ARG(w->name));
        return 0;
    }
    int64_t rest = lasts ? waiting_since(w, object_meta(o)->uid) + lasts - clock_mono() : 0;
    if (rest > 0) {
        work_again(w, rest);
        return 0;
    }
    return evict(w, o);
}

static int taint_eviction_start(struct controller *k, struct err *err)
{
    (void)err;
    struct waiting *all = mem_zalloc(sizeof *all);
    pthread_mutex_init(&all->mutex, NULL);
    k->state = all;
    return 0;
}

static void taint_eviction_stop(struct controller *k)
{
    struct waiting *all = k->state;
    map_each (&all->since, slot) {
        struct waiter *it = slot->value;
        free(it->uid);
        free(it);
    }
    map_free(&all->since);
    pthread_mutex_destroy(&all->mutex);
    free(all);
}

static void on_pod(struct controller *k, struct object *before, struct object *after)
{
    if (!after) {
        waiting_end(k, object_meta(before)->uid);
        return;
    }
    struct str name = pod_of(after)->spec.node_name;
    if (str_empty(name))
        return;
    _cleanup_object_ struct object *node = informer_get(informer_of(k, node), (struct str){0}, name);
    if (node && has_no_execute(object_typed(node)))
        controller_on_self(k, before, after);
}

static void on_node(struct controller *k, struct object *before, struct object *after)
{
    bool was = before && has_no_execute(object_typed(before)),
         is = after && has_no_execute(object_typed(after));
    if (!was && !is)
        return;
    _cleanup_objects_ struct objects pods = {0};
    informer_list(informer_of(k, pod), (struct str){0}, &pods);
    for (size_t i = 0; i < pods.n; i++)
        if (str_eq(pod_of(pods.at[i])->spec.node_name, object_name(after ? after : before)))
            controller_on_self(k, NULL, pods.at[i]);
}

const struct controller_def taint_eviction_controller = {
    .name = "taint-eviction-controller",
    .component = "taint-eviction-controller",
    .account = "node-controller",
    .kind = &pod_resource,
    .workers = 2,
    .reconcile = taint_eviction_reconcile,
    .start = taint_eviction_start,
    .stop = taint_eviction_stop,
    .watches = {{&node_resource, on_node}, {&pod_resource, on_pod}},
};
