#include "controllers/garbage_collector/graph.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/thread.h"
#include "controllers/kinds.h"
#include "controllers/meta.h"

struct link {
    struct vertex *owner;
    bool blocks;
};

struct vertex {
    struct arena arena; /* of id */
    struct identity id;
    bool seen, gone, being_deleted, deleting_dependents, orphaning;
    bool busy; /* in the middle of a change: not to be dropped, even if it owns itself */
    struct link *owners;
    size_t n_owners, cap_owners;
    struct vertex **dependents; /* in no order */
    size_t n_dependents, cap_dependents;
};

struct graph {
    struct kinds *kinds;
    graph_fn attend;
    void *arg;
    pthread_mutex_t mutex;
    struct map nodes; /* by uid */
};

struct graph *graph_new(struct kinds *kinds, graph_fn attend, void *arg)
{
    struct graph *g = mem_zalloc(sizeof *g);
    *g = (struct graph){.kinds = kinds, .attend = attend, .arg = arg};
    pthread_mutex_init(&g->mutex, NULL);
    return g;
}

static void vertex_free(struct vertex *n)
{
    free(n->owners);
    free(n->dependents);
    arena_free(&n->arena);
    free(n);
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    map_each (&g->nodes, slot)
        vertex_free(slot->value);
    map_free(&g->nodes);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}

/* --- nodes and links --- */

static struct vertex *vertex_add(struct graph *g, const struct identity *id)
{
    struct vertex *n = mem_zalloc(sizeof *n);
    n->id = (struct identity){
        .api_version = arena_str(&n->arena, id->api_version),
        .kind = arena_str(&n->arena, id->kind),
        .ns = arena_str(&n->arena, id->ns),
        .name = arena_str(&n->arena, id->name),
        .uid = arena_str(&n->arena, id->uid),
    };
    map_put(&g->nodes, n->id.uid, n);
    return n;
}

/* Drops a node that has nothing left to say. */
static void vertex_release(struct graph *g, struct vertex *n)
{
    if (n->busy || n->n_owners || n->n_dependents ||
        (n->seen && !n->gone && (n->deleting_dependents || n->orphaning)))
        return;
    map_del(&g->nodes, n->id.uid);
    vertex_free(n);
}

static struct link *vertex_link(struct vertex *n, const struct vertex *owner)
{
    for (size_t i = 0; i < n->n_owners; i++)
        if (n->owners[i].owner == owner)
            return &n->owners[i];
    return NULL;
}

static void link_add(struct vertex *n, struct vertex *owner, bool blocks)
{
    mem_grow((void **)&n->owners, &n->cap_owners, n->n_owners + 1, sizeof *n->owners);
    n->owners[n->n_owners++] = (struct link){owner, blocks};
    mem_grow((void **)&owner->dependents, &owner->cap_dependents, owner->n_dependents + 1,
             sizeof *owner->dependents);
    owner->dependents[owner->n_dependents++] = n;
}

static void link_drop(struct graph *g, struct vertex *n, size_t i)
{
    struct vertex *owner = n->owners[i].owner;
    n->owners[i] = n->owners[--n->n_owners];
    for (size_t d = 0; d < owner->n_dependents; d++)
        if (owner->dependents[d] == n) {
            owner->dependents[d] = owner->dependents[--owner->n_dependents];
            break;
        }
    if (owner->deleting_dependents)
        g->attend(g->arg, owner->id.uid); /* it may have waited for this one */
    vertex_release(g, owner);
}

static void attend_dependents(struct graph *g, const struct vertex *n)
{
    for (size_t i = 0; i < n->n_dependents; i++)
        g->attend(g->arg, n->dependents[i]->id.uid);
}

/* --- changes --- */

static bool reference_blocks(const struct owner_reference *ref)
{
    return ref->block_owner_deletion && *ref->block_owner_deletion;
}

static const struct owner_reference *reference_to(const struct object_meta *meta, struct str uid)
{
    for (size_t i = 0; i < meta->owner_references.n; i++)
        if (str_eq(meta->owner_references.at[i].uid, uid))
            return &meta->owner_references.at[i];
    return NULL;
}

/* A namespaced owner can only be in the namespace of what it owns. */
static bool is_stray(const struct vertex *owner, struct object *dependent)
{
    return owner->seen && !str_empty(owner->id.ns) && !str_eq(owner->id.ns, object_namespace(dependent));
}

static void vertex_add_owner(struct graph *g, struct vertex *n, struct object *o,
                             const struct owner_reference *ref)
{
    struct vertex *owner = map_get(&g->nodes, ref->uid);
    if (!owner) {
        const struct resource *r = kinds_find(g->kinds, ref->api_version, ref->kind);
        struct identity id = {ref->api_version, ref->kind, object_namespace(o), ref->name, ref->uid};
        if (r && !(r->flags & RESOURCE_NAMESPACED))
            id.ns = (struct str){0};
        owner = vertex_add(g, &id);
    }
    link_add(n, owner, reference_blocks(ref));
    if (owner->gone || owner->deleting_dependents || is_stray(owner, o))
        g->attend(g->arg, n->id.uid);
    else if (!owner->seen)
        g->attend(g->arg, owner->id.uid);
}

static void vertex_update_owners(struct graph *g, struct vertex *n, struct object *o)
{
    const struct object_meta *meta = object_meta(o);
    for (size_t i = n->n_owners; i-- > 0;)
        if (!reference_to(meta, n->owners[i].owner->id.uid))
            link_drop(g, n, i);
    for (size_t i = 0; i < meta->owner_references.n; i++) {
        const struct owner_reference *ref = &meta->owner_references.at[i];
        struct vertex *owner = map_get(&g->nodes, ref->uid);
        struct link *link = owner ? vertex_link(n, owner) : NULL;
        if (!link) {
            vertex_add_owner(g, n, o, ref);
            continue;
        }
        if (link->blocks && !reference_blocks(ref) && owner->deleting_dependents)
            g->attend(g->arg, owner->id.uid);
        link->blocks = reference_blocks(ref);
    }
}

static void vertex_update(struct graph *g, struct vertex *n, struct object *o)
{
    const struct object_meta *meta = object_meta(o);
    bool deleting = meta->deletion_timestamp;
    bool foreground = deleting && strs_has(&meta->finalizers, STR("foregroundDeletion"));
    bool orphaning = deleting && strs_has(&meta->finalizers, STR("orphan"));
    bool was_foreground = n->deleting_dependents, was_orphaning = n->orphaning;
    n->seen = true;
    n->gone = false;
    n->being_deleted = deleting;
    n->deleting_dependents = foreground;
    n->orphaning = orphaning;
    vertex_update_owners(g, n, o);
    if (foreground && !was_foreground) {
        attend_dependents(g, n);
        g->attend(g->arg, n->id.uid);
    }
    if (orphaning && !was_orphaning)
        g->attend(g->arg, n->id.uid);
}

static void vertex_gone(struct graph *g, struct vertex *n)
{
    n->gone = n->busy = true;
    n->deleting_dependents = n->orphaning = false;
    attend_dependents(g, n);
    for (size_t i = n->n_owners; i-- > 0;)
        link_drop(g, n, i);
    n->busy = false;
    vertex_release(g, n);
}

/* Those that took it for one of their own namespace were wrong. */
static void vertex_place(struct graph *g, struct vertex *n, struct str ns)
{
    if (n->seen || str_eq(n->id.ns, ns))
        return;
    n->id.ns = arena_str(&n->arena, ns);
    attend_dependents(g, n);
}

void graph_change(struct graph *g, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    const struct object_meta *meta = object_meta(o);
    const struct resource *r = object_resource(o);
    _lock_(&g->mutex);
    /* One of the same name can have taken its place unseen. */
    if (before && after && !str_eq(object_meta(before)->uid, meta->uid)) {
        struct vertex *n = map_get(&g->nodes, object_meta(before)->uid);
        if (n)
            vertex_gone(g, n);
    }
    struct vertex *n = map_get(&g->nodes, meta->uid);
    if (!after) {
        if (n)
            vertex_gone(g, n);
        return;
    }
    struct identity id = {r->api_version, r->kind, object_namespace(o), object_name(o), meta->uid};
    bool matters = meta->owner_references.n || (meta->deletion_timestamp && meta->finalizers.n);
    if (!n && matters)
        n = vertex_add(g, &id);
    if (!n)
        return;
    n->busy = true;
    vertex_place(g, n, id.ns);
    vertex_update(g, n, o);
    n->busy = false;
    vertex_release(g, n);
}

/* --- reading --- */

static struct identity identity_copy(struct arena *a, const struct identity *id)
{
    return (struct identity){arena_str(a, id->api_version), arena_str(a, id->kind), arena_str(a, id->ns),
                             arena_str(a, id->name), arena_str(a, id->uid)};
}

bool graph_view(struct graph *g, struct str uid, struct arena *a, struct graph_view *out)
{
    _lock_(&g->mutex);
    const struct vertex *n = map_get(&g->nodes, uid);
    if (!n)
        return false;
    *out = (struct graph_view){
        .id = identity_copy(a, &n->id),
        .seen = n->seen,
        .gone = n->gone,
        .being_deleted = n->being_deleted,
        .deleting_dependents = n->deleting_dependents,
        .orphaning = n->orphaning,
        .dependents = arena_new_n(a, struct dependent, n->n_dependents),
        .n_dependents = n->n_dependents,
    };
    for (size_t i = 0; i < n->n_dependents; i++) {
        struct vertex *d = n->dependents[i];
        out->dependents[i] =
            (struct dependent){identity_copy(a, &d->id), d->deleting_dependents, vertex_link(d, n)->blocks};
    }
    return true;
}

void graph_absent(struct graph *g, struct str uid)
{
    _lock_(&g->mutex);
    struct vertex *n = map_get(&g->nodes, uid);
    if (n && !n->seen)
        vertex_gone(g, n);
}

void graph_exists(struct graph *g, struct str uid, struct str ns)
{
    _lock_(&g->mutex);
    struct vertex *n = map_get(&g->nodes, uid);
    if (!n)
        return;
    vertex_place(g, n, ns);
    n->seen = true;
}

bool graph_knows_gone(struct graph *g, const struct identity *id)
{
    _lock_(&g->mutex);
    const struct vertex *n = map_get(&g->nodes, id->uid);
    return n && n->gone && str_eq(n->id.kind, id->kind) && str_eq(n->id.name, id->name) &&
           str_eq(n->id.ns, id->ns);
}

bool graph_knows_elsewhere(struct graph *g, const struct identity *id)
{
    _lock_(&g->mutex);
    const struct vertex *n = map_get(&g->nodes, id->uid);
    return n && n->seen && !n->gone && !str_empty(n->id.ns) && !str_eq(n->id.ns, id->ns);
}
