#include "controllers/endpoints/slices.h"

#include "schema/copy.h"

/* The endpoints that should be, of one set of ports. */
struct slice_group {
    struct str key; /* of the ports */
    struct discovery_endpoint_port_vec ports;
    struct endpoint *at;
    bool *placed; /* lies in a slice */
    size_t n, cap, n_placed;
};

/* --- what should be --- */

static struct str ports_key(struct arena *a, const struct discovery_endpoint_port_vec *ports)
{
    struct str key = STR("|");
    for (size_t i = 0; i < ports->n; i++) {
        const struct discovery_endpoint_port *p = &ports->at[i];
        struct str none = {0}, name = p->name ? *p->name : none, protocol = p->protocol ? *p->protocol : none;
        struct str app = p->app_protocol ? *p->app_protocol : none;
        key = arena_printf(a, STR_FMT STR_FMT "/" STR_FMT "/%d/" STR_FMT "|", STR_ARG(key), STR_ARG(name),
                           STR_ARG(protocol), p->port ? *p->port : -1, STR_ARG(app));
    }
    return key;
}

static struct slice_group *group_of(struct slicing *s, struct str key,
                                    const struct discovery_endpoint_port_vec *ports)
{
    for (size_t i = 0; i < s->n_groups; i++)
        if (str_eq(s->groups[i].key, key))
            return &s->groups[i];
    if (!ports)
        return NULL;
    if (s->n_groups == s->cap_groups) {
        struct slice_group *more = arena_new_n(s->w->a, struct slice_group, s->cap_groups * 2 + 4);
        if (s->n_groups)
            memcpy(more, s->groups, s->n_groups * sizeof *more);
        s->groups = more;
        s->cap_groups = s->cap_groups * 2 + 4;
    }
    struct slice_group *g = &s->groups[s->n_groups++];
    *g = (struct slice_group){.key = key, .ports = *ports};
    return g;
}

void slicing_want(struct slicing *s, const struct discovery_endpoint_port_vec *ports,
                  const struct endpoint *e, size_t most)
{
    struct arena *a = s->w->a;
    struct slice_group *g = group_of(s, ports_key(a, ports), ports);
    if (g->n == g->cap) {
        size_t cap = g->n + most;
        struct endpoint *at = arena_new_n(a, struct endpoint, cap);
        if (g->n)
            memcpy(at, g->at, g->n * sizeof *at);
        g->at = at;
        g->placed = arena_new_n(a, bool, cap); /* nothing is placed yet */
        g->cap = cap;
    }
    g->at[g->n++] = *e;
}

/* --- what is --- */

/* A slice there is, and what becomes of it. */
struct present {
    struct object *object;
    struct endpoint_slice *slice; /* a copy, to be changed */
    struct slice_group *group;    /* NULL: it has to go */
    bool changed;
};

static bool is_endpoint_of(const struct endpoint *x, const struct endpoint *y)
{
    return !x->target_ref == !y->target_ref &&
           (!x->target_ref || str_eq(x->target_ref->uid, y->target_ref->uid)) && x->addresses.n &&
           y->addresses.n && str_eq(x->addresses.at[0], y->addresses.at[0]);
}

/* Keeps in the slice what should be there, in its place. */
static void present_keep(struct present *p)
{
    struct endpoint_vec *in = &p->slice->endpoints;
    size_t kept = 0;
    for (size_t i = 0; i < in->n; i++) {
        struct slice_group *g = p->group;
        size_t at = 0;
        while (at < g->n && (g->placed[at] || !is_endpoint_of(&g->at[at], &in->at[i])))
            at++;
        if (at == g->n) {
            p->changed = true;
            continue;
        }
        g->placed[at] = true;
        g->n_placed++;
        p->changed |= !struct_eq(&endpoint_type, &g->at[at], &in->at[i]);
        in->at[kept++] = g->at[at];
    }
    in->n = kept;
}

/* Takes as many that have no place yet as fit. */
static void slice_fill(struct slicing *s, struct endpoint_slice *slice, struct slice_group *g)
{
    struct endpoint_vec full = {arena_new_n(s->w->a, struct endpoint, s->most + slice->endpoints.n),
                                slice->endpoints.n};
    if (full.n)
        memcpy(full.at, slice->endpoints.at, full.n * sizeof *full.at);
    for (size_t i = 0; i < g->n && full.n < s->most; i++)
        if (!g->placed[i]) {
            g->placed[i] = true;
            g->n_placed++;
            full.at[full.n++] = g->at[i];
        }
    slice->endpoints = full;
}

/* What has no place goes into slices that change anyway, then into one that can take all of it, and what is
 * left into new ones: the fewer slices change, the less must be sent to every node. */
static void group_place(struct slicing *s, struct slice_group *g, struct present *all, size_t n)
{
    for (size_t i = 0; i < n && g->n_placed < g->n; i++)
        if (all[i].group == g && all[i].changed && all[i].slice->endpoints.n)
            slice_fill(s, all[i].slice, g);
    size_t rest = (g->n - g->n_placed) % s->most;
    struct present *best = NULL;
    for (size_t i = 0; i < n && rest; i++) {
        size_t have = all[i].slice->endpoints.n;
        if (all[i].group == g && have + rest <= s->most && (!best || have > best->slice->endpoints.n))
            best = &all[i];
    }
    if (best) {
        best->changed = true;
        slice_fill(s, best->slice, g);
    }
}

/* --- writing --- */

static int slice_create(struct slicing *s, struct slice_group *g)
{
    struct work *w = s->w;
    struct endpoint_slice slice = {
        .metadata = {.namespace = w->ns,
                     .generate_name = arena_concat(w->a, w->name, STR("-")),
                     .labels = s->labels,
                     .annotations = s->annotations},
        .address_type = s->address_type,
    };
    meta_add_owner(w->a, &slice.metadata, owner_reference_to(w->a, s->owner));
    if (g) {
        slice.ports = g->ports;
        slice_fill(s, &slice, g);
    }
    return client_create(w->client, &endpoint_slice_resource, w->ns, &slice, NULL, w->err);
}

int slice_delete(struct work *w, struct object *slice)
{
    return work_forgive(
        w, client_delete(w->client, &endpoint_slice_resource, w->ns, object_name(slice), NULL, w->err),
        ERR_NOT_FOUND);
}

static int present_write(struct work *w, struct present *p)
{
    if (p->group && p->slice->endpoints.n == 0 && p->changed)
        p->group = NULL;
    if (!p->group)
        return slice_delete(w, p->object);
    if (!p->changed)
        return 0;
    return work_forgive(
        w, client_update(w->client, &endpoint_slice_resource, (struct str){0}, p->slice, NULL, w->err),
        ERR_NOT_FOUND);
}

int slicing_run(struct slicing *s, const struct objects *slices)
{
    struct work *w = s->w;
    struct discovery_endpoint_port_vec none = {0};
    if (s->n_groups == 0 &&
        s->placeholder) /* an empty slice says that there is none; a missing one would say nothing */
        group_of(s, ports_key(w->a, &none), &none);

    struct present *all = arena_new_n(w->a, struct present, slices->n);
    size_t n = 0;
    bool placeholder = false;
    for (size_t i = 0; i < slices->n; i++) {
        const struct endpoint_slice *slice = object_typed(slices->at[i]);
        if (!str_eq(slice->address_type, s->address_type))
            continue;
        struct present *p = &all[n++];
        *p = (struct present){slices->at[i], object_copy(slices->at[i], w->a), NULL, false};
        p->group = group_of(s, ports_key(w->a, &slice->ports), NULL);
        if (!p->group)
            continue;
        present_keep(p);
        placeholder |= p->group->n == 0 && !p->changed;
        if (!labels_eq(&p->slice->metadata.labels, &s->labels) ||
            !labels_eq(&p->slice->metadata.annotations, &s->annotations)) {
            p->slice->metadata.labels = s->labels;
            p->slice->metadata.annotations = s->annotations;
            p->changed = true;
        }
    }
    for (size_t i = 0; i < s->n_groups; i++)
        group_place(s, &s->groups[i], all, n);
    for (size_t i = 0; i < s->n_groups; i++) {
        struct slice_group *g = &s->groups[i];
        while (g->n_placed < g->n)
            if (slice_create(s, g) < 0)
                return -1;
        if (g->n == 0 && !placeholder && slice_create(s, NULL) < 0)
            return -1;
    }
    for (size_t i = 0; i < n; i++)
        if (present_write(w, &all[i]) < 0)
            return -1;
    return 0;
}

void slices_of_owner(struct work *w, struct str owner_uid, struct str manager, struct objects *out)
{
    informer_list_owned(informer_of(w, endpoint_slice), owner_uid, out);
    size_t kept = 0;
    for (size_t i = 0; i < out->n; i++)
        if (str_eq(labels_get(&object_meta(out->at[i])->labels, SLICE_MANAGER_LABEL), manager) &&
            !object_meta(out->at[i])->deletion_timestamp)
            out->at[kept++] = out->at[i];
        else
            object_unref(out->at[i]);
    out->n = kept;
}
