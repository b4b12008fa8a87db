/* Namespaces that are being deleted: empties them, pods first, says in conditions what is left, and lets go
 * of them. */
#include "controllers/kinds.h"
#include "controllers/meta.h"
#include "controllers/table.h"
#include "schema/copy.h"

#define LOOK_AGAIN (5 * CLOCK_S)

/* What a pass over a namespace found. */
struct emptying {
    struct buf left;       /* "pods. has 2 resource instances" ... */
    struct buf finalizers; /* "example.com/x in 1 resource instances" ... */
    struct buf failures;
    size_t n_left;
};

static void emptying_free(struct emptying *e)
{
    buf_free(&e->left);
    buf_free(&e->finalizers);
    buf_free(&e->failures);
}

static void list_add(struct buf *list, struct str s)
{
    if (list->n)
        buf_add_lit(list, ", ");
    buf_add_str(list, s);
}

/* --- deleting --- */

static int delete_kind(struct work *w, const struct resource *r)
{
    struct client_delete_options options = DELETE_OPTIONS_DEFAULT;
    options.propagation = PROPAGATE_BACKGROUND;
    return client_delete_collection(w->client, r, w->ns, NULL, &options, w->err);
}

/* Adds to `counts` how many objects have each finalizer. */
static void count_finalizers(struct arena *a, const struct objects *left, struct str_map *counts)
{
    for (size_t i = 0; i < left->n; i++) {
        const struct str_vec *finalizers = &object_meta(left->at[i])->finalizers;
        for (size_t f = 0; f < finalizers->n; f++) {
            int64_t n = 0;
            str_to_i64(labels_get(counts, finalizers->at[f]), &n);
            labels_set(a, counts, finalizers->at[f], arena_printf(a, "%lld", (long long)n + 1));
        }
    }
}

/* What there is of a kind, asked of the API itself: an informer that is behind would let a namespace go
 * before its content. A kind that is not served any more has nothing. */
static int list_kind(struct work *w, const struct resource *r, struct emptying *e, struct objects *left)
{
    struct client_list_options all = {0};
    objects_clear(left);
    if (client_list(w->client, r, w->ns, &all, left, w->err) == 0 || w->err->reason == ERR_NOT_FOUND) {
        err_clear(w->err);
        return 0;
    }
    list_add(&e->failures, w->err->message);
    err_clear(w->err);
    return -1;
}

/* Deletes what there is of a kind; says what is still there afterwards. */
static void empty_kind(struct work *w, const struct resource *r, struct emptying *e,
                       struct str_map *finalizers)
{
    _cleanup_objects_ struct objects left = {0};
    bool fresh = false;
    if (list_kind(w, r, e, &left) < 0)
        return;
    for (size_t i = 0; i < left.n; i++)
        fresh |= !object_meta(left.at[i])->deletion_timestamp;
    if (fresh) {
        if (delete_kind(w, r) < 0) {
            list_add(&e->failures, w->err->message);
            err_clear(w->err);
        }
        if (list_kind(w, r, e, &left) < 0)
            return;
    }
    if (left.n == 0)
        return;
    e->n_left += left.n;
    list_add(&e->left, arena_printf(w->a, STR_FMT "." STR_FMT " has %zu resource instances",
                                    STR_ARG(r->plural), STR_ARG(r->group), left.n));
    count_finalizers(w->a, &left, finalizers);
}

static void empty(struct work *w, struct emptying *e)
{
    struct str_map finalizers = {0};
    const struct resource *r;
    /* What runs ends before what it may need to end well goes (KEP-5080). */
    empty_kind(w, &pod_resource, e, &finalizers);
    for (size_t i = 0; !e->n_left && (r = kinds_at(w->controller->kinds, i)); i++)
        if (r->flags & RESOURCE_NAMESPACED && r != &pod_resource)
            empty_kind(w, r, e, &finalizers);
    if (!e->n_left && delete_kind(w, &event_resource) < 0) {
        list_add(&e->failures, w->err->message);
        err_clear(w->err);
    }
    for (size_t i = 0; i < finalizers.n; i++)
        list_add(&e->finalizers,
                 arena_printf(w->a, STR_FMT " in " STR_FMT " resource instances",
                              STR_ARG(finalizers.at[i].key), STR_ARG(finalizers.at[i].value)));
}

/* --- saying so --- */

static void say(struct work *w, struct namespace *ns, const char *type, bool bad, const char *good_reason,
                const char *bad_reason, const char *good, struct str what)
{
    condition_set(w->a, &namespace_condition_type, &ns->status.conditions, CONDITION_ANY_CHANGE,
                  str_from(type), bad ? CONDITION_STATUS_TRUE : CONDITION_STATUS_FALSE,
                  str_from(bad ? bad_reason : good_reason), bad ? what : str_from(good));
}

static int write_status(struct work *w, struct object *o, const struct emptying *e)
{
    struct namespace *ns = object_copy(o, w->a);
    ns->status.phase = NAMESPACE_PHASE_TERMINATING;
    say(w, ns, "NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "DiscoveryFailed",
        "All resources successfully discovered", (struct str){0});
    say(w, ns, "NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions",
        "GroupVersionParsingFailed", "All legacy kube types successfully parsed", (struct str){0});
    say(w, ns, "NamespaceDeletionContentFailure", e->failures.n, "ContentDeleted", "ContentDeletionFailed",
        "All content successfully deleted, may be waiting on finalization",
        arena_printf(w->a, "Failed to delete all resource types, " STR_FMT, STR_ARG(buf_str(&e->failures))));
    say(w, ns, "NamespaceContentRemaining", e->left.n, "ContentRemoved", "SomeResourcesRemain",
        "All content successfully removed",
        arena_printf(w->a, "Some resources are remaining: " STR_FMT, STR_ARG(buf_str(&e->left))));
    say(w, ns, "NamespaceFinalizersRemaining", e->finalizers.n, "ContentHasNoFinalizers",
        "SomeFinalizersRemain", "All content-preserving finalizers finished",
        arena_printf(w->a, "Some content in the namespace has finalizers remaining: " STR_FMT,
                     STR_ARG(buf_str(&e->finalizers))));
    const struct namespace *before = object_typed(o);
    if (struct_eq(&namespace_status_type, &ns->status, &before->status))
        return 0;
    return client_update(w->client, &namespace_resource, STR("status"), ns, NULL, w->err);
}

/* --- letting go --- */

static int finalize(struct work *w)
{
    _cleanup_object_ struct object *o = NULL;
    if (client_get(w->client, &namespace_resource, (struct str){0}, w->ns, &o, w->err) < 0)
        return work_forgive(w, -1, ERR_NOT_FOUND);
    struct namespace *ns = object_copy(o, w->a);
    struct str_vec *finalizers = (struct str_vec *)&ns->spec.finalizers;
    if (!strs_drop(finalizers, STR("kubernetes")))
        return 0;
    int failed = client_update(w->client, &namespace_resource, STR("finalize"), ns, NULL, w->err);
    return work_forgive(w, failed, ERR_NOT_FOUND);
}

static int namespace_reconcile(struct work *w)
{
    w->ns = w->name;
    _cleanup_object_ struct object *o = informer_get(informer_of(w, namespace), (struct str){0}, w->name);
    if (!o || !object_meta(o)->deletion_timestamp)
        return 0;
    const struct namespace *ns = object_typed(o);
    if (ns->spec.finalizers.n == 0)
        return 0; /* it waits for finalizers of its metadata */
    _cleanup_(emptying_free) struct emptying e = {0};
    empty(w, &e);
    if (write_status(w, o, &e) < 0)
        return -1;
    if (e.failures.n)
        return err_set(w->err, ERR_INTERNAL, STR_FMT, STR_ARG(buf_str(&e.failures)));
    if (!e.n_left)
        return finalize(w);
    work_again(w, LOOK_AGAIN); /* what is left wakes us by its end, unless it ended unseen */
    return 0;
}

/* Whatever ends in a namespace that is ending, or begins there in spite of that, brings it on. */
static void on_content(struct controller *k, struct object *before, struct object *after)
{
    struct str name = object_namespace(after ? after : before);
    if (str_empty(name) || (before && after))
        return;
    _cleanup_object_ struct object *ns = informer_get(informer_of(k, namespace), (struct str){0}, name);
    if (ns && object_meta(ns)->deletion_timestamp)
        controller_add(k, (struct str){0}, name);
}

const struct controller_def namespace_controller = {
    .name = "namespace",
    .component = "namespace-controller",
    .account = "namespace-controller",
    .kind = &namespace_resource,
    .workers = 2,
    .reconcile = namespace_reconcile,
    .watches = {{&namespace_resource, controller_on_self}},
    .on_any = on_content,
};
