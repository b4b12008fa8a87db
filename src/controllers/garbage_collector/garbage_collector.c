/* The garbage collector: deletes what no owner holds any more (background), makes an owner wait until those
 * that block its deletion are gone (foreground), or cuts them loose (orphan). Its keys are uids. */
#include "controllers/garbage_collector/graph.h"
#include "controllers/meta.h"
#include "controllers/table.h"

static struct graph *graph_of(const struct work *w)
{
    return w->controller->state;
}

static int live_get(struct work *w, const struct identity *id, struct object **out)
{
    const struct resource *r = kinds_find(w->controller->kinds, id->api_version, id->kind);
    *out = NULL;
    if (!r)
        return err_set(w->err, ERR_BAD_REQUEST,
                       "no matches for kind \"" STR_FMT "\" in version \"" STR_FMT "\"", STR_ARG(id->kind),
                       STR_ARG(id->api_version));
    if (client_get(w->client, r, id->ns, id->name, out, w->err) < 0)
        return work_forgive(w, -1, ERR_NOT_FOUND);
    if (!str_eq(object_meta(*out)->uid, id->uid)) { /* another one of that name */
        object_unref(*out);
        *out = NULL;
    }
    return 0;
}

static bool in_foreground(const struct object_meta *meta)
{
    return meta->deletion_timestamp && strs_has(&meta->finalizers, STR("foregroundDeletion"));
}

static int write_back(struct work *w, struct object *o, void *typed)
{
    int failed = client_update(w->client, object_resource(o), (struct str){0}, typed, NULL, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

static int drop_finalizer(struct work *w, const struct identity *id, struct str finalizer)
{
    _cleanup_object_ struct object *o = NULL;
    if (live_get(w, id, &o) < 0)
        return -1;
    if (!o)
        return 0;
    void *typed = object_copy(o, w->a);
    struct object_meta *meta = resource_meta(object_resource(o), typed);
    return strs_drop(&meta->finalizers, finalizer) ? write_back(w, o, typed) : 0;
}

/* --- owners that wait for their dependents --- */

static int foreground(struct work *w, const struct graph_view *v)
{
    bool blocked = false;
    for (size_t i = 0; i < v->n_dependents; i++) {
        if (!v->dependents[i].blocks)
            continue;
        blocked = true;
        if (!v->dependents[i].deleting_dependents)
            controller_add(w->controller, (struct str){0}, v->dependents[i].id.uid);
    }
    return blocked ? 0 : drop_finalizer(w, &v->id, STR("foregroundDeletion"));
}

static int orphan(struct work *w, const struct graph_view *v)
{
    for (size_t i = 0; i < v->n_dependents; i++) {
        _cleanup_object_ struct object *o = NULL;
        if (live_get(w, &v->dependents[i].id, &o) < 0)
            return -1;
        if (!o)
            continue;
        void *typed = object_copy(o, w->a);
        if (meta_drop_owner(resource_meta(object_resource(o), typed), v->id.uid) &&
            write_back(w, o, typed) < 0)
            return -1;
    }
    return drop_finalizer(w, &v->id, STR("orphan"));
}

/* --- objects that their owners may have left --- */

enum hold { HOLD_SOLID, HOLD_DANGLING, HOLD_WAITING };

static void tell_stray(struct work *w, struct object *o, const struct identity *owner)
{
    recorder_event(w->recorder, o, "Warning", "OwnerRefInvalidNamespace", (struct str){0},
                   "ownerRef [" STR_FMT "/" STR_FMT ", namespace: " STR_FMT ", name: " STR_FMT
                   ", uid: " STR_FMT "] does not exist in namespace \"" STR_FMT "\"",
                   STR_ARG(owner->api_version), STR_ARG(owner->kind), STR_ARG(owner->ns),
                   STR_ARG(owner->name), STR_ARG(owner->uid), STR_ARG(owner->ns));
}

/* Does the owner exist, and does it wait for this dependent to go? */
static int owner_holds(struct work *w, struct object *o, const struct owner_reference *ref, enum hold *hold)
{
    const struct resource *r = kinds_find(w->controller->kinds, ref->api_version, ref->kind);
    *hold = HOLD_SOLID;
    if (!r)
        return 0; /* a kind not served: nobody can tell, so it stays */
    struct identity id = {ref->api_version, ref->kind, object_namespace(o), ref->name, ref->uid};
    if (!(r->flags & RESOURCE_NAMESPACED))
        id.ns = (struct str){0};
    *hold = HOLD_DANGLING;
    if ((r->flags & RESOURCE_NAMESPACED) && str_empty(id.ns))
        return 0; /* a cluster-scoped object cannot be owned by a namespaced one */
    if (graph_knows_gone(graph_of(w), &id))
        return 0;
    _cleanup_object_ struct object *owner = NULL;
    if (live_get(w, &id, &owner) < 0)
        return -1;
    if (owner)
        *hold = in_foreground(object_meta(owner)) ? HOLD_WAITING : HOLD_SOLID;
    else if (graph_knows_elsewhere(graph_of(w), &id))
        tell_stray(w, o, &id);
    return 0;
}

static int collect(struct work *w, struct object *o, enum propagation how)
{
    const struct object_meta *meta = object_meta(o);
    struct client_delete_options options = DELETE_OPTIONS_DEFAULT;
    options.uid = meta->uid;
    options.resource_version = meta->resource_version; /* it may just have been given an owner */
    options.propagation = how;
    int failed =
        client_delete(w->client, object_resource(o), object_namespace(o), object_name(o), &options, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

/* Takes away the references that hold nothing. */
static int drop_references(struct work *w, struct object *o, const enum hold *holds)
{
    const struct object_meta *meta = object_meta(o);
    void *typed = object_copy(o, w->a);
    for (size_t i = 0; i < meta->owner_references.n; i++)
        if (holds[i] != HOLD_SOLID)
            meta_drop_owner(resource_meta(object_resource(o), typed), meta->owner_references.at[i].uid);
    return write_back(w, o, typed);
}

/* In a circle of owners that all wait for each other, one has to give way. */
static int unblock_owners(struct work *w, struct object *o)
{
    void *typed = object_copy(o, w->a);
    struct object_meta *meta = resource_meta(object_resource(o), typed);
    static bool no = false;
    for (size_t i = 0; i < meta->owner_references.n; i++)
        if (meta->owner_references.at[i].block_owner_deletion)
            meta->owner_references.at[i].block_owner_deletion = &no;
    return write_back(w, o, typed);
}

static int judge(struct work *w, const struct graph_view *v, struct object *o)
{
    const struct object_meta *meta = object_meta(o);
    size_t n = meta->owner_references.n, count[3] = {0};
    if (n == 0)
        return 0;
    enum hold *holds = arena_new_n(w->a, enum hold, n);
    for (size_t i = 0; i < n; i++) {
        if (owner_holds(w, o, &meta->owner_references.at[i], &holds[i]) < 0)
            return -1;
        count[holds[i]]++;
    }
    if (count[HOLD_SOLID])
        return count[HOLD_SOLID] == n ? 0 : drop_references(w, o, holds);
    if (count[HOLD_WAITING] && v->n_dependents) {
        for (size_t i = 0; i < v->n_dependents; i++)
            if (v->dependents[i].deleting_dependents)
                return unblock_owners(w, o) < 0 ? -1 : collect(w, o, PROPAGATE_FOREGROUND);
        return collect(w, o, PROPAGATE_FOREGROUND);
    }
    bool orphans = strs_has(&meta->finalizers, STR("orphan"));
    bool waits = strs_has(&meta->finalizers, STR("foregroundDeletion"));
    return collect(w, o, orphans ? PROPAGATE_ORPHAN : waits ? PROPAGATE_FOREGROUND : PROPAGATE_BACKGROUND);
}

/* Someone refers to an owner that was never seen: is it there? */
static int verify(struct work *w, const struct graph_view *v)
{
    const struct resource *r = kinds_find(w->controller->kinds, v->id.api_version, v->id.kind);
    if (!r)
        return 0;
    _cleanup_object_ struct object *o = NULL;
    if (live_get(w, &v->id, &o) < 0)
        return -1;
    _cleanup_objects_ struct objects all = {0};
    if (!o) /* perhaps in another namespace */
        informer_list(client_informer(w->client, r, NULL), (struct str){0}, &all);
    for (size_t i = 0; i < all.n && !o; i++)
        if (str_eq(object_meta(all.at[i])->uid, v->id.uid))
            o = object_ref(all.at[i]);
    if (o)
        graph_exists(graph_of(w), v->id.uid, object_namespace(o));
    else
        graph_absent(graph_of(w), v->id.uid);
    return 0;
}

static int garbage_collector_reconcile(struct work *w)
{
    struct graph_view v;
    if (!graph_view(graph_of(w), w->name, w->a, &v) || v.gone)
        return 0;
    if (v.orphaning)
        return orphan(w, &v);
    if (v.deleting_dependents)
        return foreground(w, &v);
    if (v.being_deleted)
        return 0;
    if (!v.seen)
        return verify(w, &v);
    _cleanup_object_ struct object *o = NULL;
    if (live_get(w, &v.id, &o) < 0)
        return -1;
    return o && !object_meta(o)->deletion_timestamp ? judge(w, &v, o) : 0;
}

static void attend(void *arg, struct str uid)
{
    controller_add(arg, (struct str){0}, uid);
}

static int garbage_collector_start(struct controller *k, struct err *err)
{
    (void)err;
    k->state = graph_new(k->kinds, attend, k);
    return 0;
}

static void garbage_collector_stop(struct controller *k)
{
    graph_free(k->state);
}

/* Most objects neither have owners nor are ending; their text tells, so that thousands of config maps need
 * not be decoded and kept so for our sake. (That an owner is there is found out when something refers to it.)
 */
static bool may_matter(struct object *o)
{
    struct str json = object_json(o);
    return str_find(json, STR("\"ownerReferences\"")) >= 0 ||
           str_find(json, STR("\"deletionTimestamp\"")) >= 0;
}

static void on_any(struct controller *k, struct object *before, struct object *after)
{
    if (!after || may_matter(after) || (before && may_matter(before)))
        graph_change(k->state, before, after);
}

const struct controller_def garbage_collector_controller = {
    .name = "garbage-collector",
    .component = "garbage-collector-controller",
    .account = "generic-garbage-collector",
    .workers = 4,
    .reconcile = garbage_collector_reconcile,
    .start = garbage_collector_start,
    .stop = garbage_collector_stop,
    .on_any = on_any,
};
