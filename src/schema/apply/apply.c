#include "schema/apply/apply.h"

/* A tree in one version. */
struct versioned {
    const struct type *type;
    struct str api_version;
    struct value tree;
};

/* False: the version is not served, or the tree cannot be said in it. */
static bool in_version(const struct apply *x, const struct versioned *from, struct str api_version,
                       struct versioned *out)
{
    *out = *from;
    if (str_eq(from->api_version, api_version))
        return true;
    out->api_version = api_version;
    out->type = x->versions->type(x->versions->arg, api_version);
    return out->type && x->versions->convert(x->versions->arg, from->api_version, api_version, &from->tree,
                                             &out->tree) == 0;
}

/* --- taking out what nobody wants any more --- */

static struct field_set fields_of(const struct apply *x, const struct versioned *v)
{
    struct field_set set = typed_tree_fields(x->arena, v->type, &v->tree);
    return typed_tree_with_parents(x->arena, v->type, &set);
}

/* What was taken out of `pruned` but somebody owns in this version is put back. */
static void keep_owned(struct apply *x, struct versioned *merged, struct versioned *pruned,
                       struct str api_version)
{
    struct arena *a = x->arena;
    struct versioned m, p;
    if (!in_version(x, merged, api_version, &m) || !in_version(x, pruned, api_version, &p))
        return;
    struct field_set owned = {0};
    for (size_t i = 0; i < x->managed.n; i++)
        if (str_eq(x->managed.at[i].owner.api_version, api_version))
            owned = field_set_union(a, &owned, managed_unfold(a, &x->managed.at[i]));
    owned = typed_tree_with_parents(a, m.type, &owned);
    struct field_set all = fields_of(x, &m), left = fields_of(x, &p);
    struct field_set keep = field_set_union(a, &left, &owned);
    struct field_set gone = field_set_difference(a, &all, &keep);
    *merged = *pruned = m;
    pruned->tree = typed_tree_remove(a, m.type, &m.tree, &gone);
}

/* Whether an entry before this one is of its version too. */
static bool version_done(const struct managed *m, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(m->at[k].owner.api_version, m->at[i].owner.api_version))
            return true;
    return false;
}

/* Nothing that the owner has applied last is missing now. */
static bool says_all_again(const struct apply *x, const struct managed_entry *last)
{
    const struct managed_entry *mine = managed_find(&x->managed, &x->owner);
    if (!mine || !str_eq(last->owner.api_version, x->owner.api_version))
        return false;
    struct field_set dropped = field_set_difference(x->arena, &last->set, &mine->set);
    return field_set_empty(&dropped);
}

/* Takes out of the result what the owner has applied last, does not apply now, and nobody else owns. */
static int prune(struct apply *x, const struct managed_entry *last, struct err *err)
{
    struct arena *a = x->arena;
    struct versioned now = {x->type, x->owner.api_version, x->result}, before, kept, pruned, back;
    struct str last_version = last->owner.api_version;
    if (field_set_empty(&last->set) || says_all_again(x, last) || !in_version(x, &now, last_version, &before))
        return 0;
    struct field_set applied = typed_tree_with_parents(a, before.type, &last->set);
    kept = pruned = before;
    pruned.tree = typed_tree_remove(a, before.type, &before.tree, &applied);
    keep_owned(x, &kept, &pruned, last_version);
    for (size_t i = 0; i < x->managed.n; i++)
        if (!str_eq(x->managed.at[i].owner.api_version, last_version) && !version_done(&x->managed, i))
            keep_owned(x, &kept, &pruned, x->managed.at[i].owner.api_version);
    /* Only what was the owner's own may go: what is nobody's stays. */
    if (!in_version(x, &pruned, last_version, &back))
        return 0;
    struct field_set all = fields_of(x, &before), left = fields_of(x, &back);
    struct field_set gone = field_set_difference(a, &all, &left);
    gone = field_set_intersection(a, &gone, &applied);
    before.tree = typed_tree_remove(a, before.type, &before.tree, &gone);
    if (!in_version(x, &before, x->owner.api_version, &back))
        return 0;
    x->result = back.tree;
    return typed_tree_check(x->type, &x->result, true, err) < 0 ? err_wrap(err, "failed to compare objects")
                                                                : 0;
}

/* --- who owns what --- */

static void compare(const struct apply *x, const struct type *t, const struct value *before,
                    const struct value *after, struct comparison *out)
{
    typed_tree_compare(x->arena, t, before, after, out);
    if (!x->ignored)
        return;
    out->added = field_set_without(x->arena, &out->added, x->ignored);
    out->modified = field_set_without(x->arena, &out->modified, x->ignored);
    out->removed = field_set_without(x->arena, &out->removed, x->ignored);
}

static int compare_version(void *arg, struct str api_version, struct comparison *out)
{
    struct apply *x = arg;
    struct versioned live = {x->type, x->owner.api_version, x->live}, result = live, before, after;
    result.tree = x->result;
    if (!in_version(x, &live, api_version, &before) || !in_version(x, &result, api_version, &after))
        return 1;
    compare(x, before.type, &before.tree, &after.tree, out);
    return 0;
}

/* Of an object that nobody has applied to so far, all is somebody's. */
static void claim_old(struct apply *x)
{
    struct owner owner = {x->manager_of_old, x->owner.api_version, x->owner.subresource, false};
    struct comparison c;
    if (x->managed.n || !owner.manager.n)
        return;
    compare(x, x->type, &x->empty, &x->live, &c);
    managed_update(x->arena, &x->managed, &owner, &c, &(struct versions){compare_version, x}, x->now);
}

int apply_run(struct apply *x, struct err *err)
{
    struct arena *a = x->arena;
    struct versions versions = {compare_version, x};
    claim_old(x);
    x->result = typed_tree_merge(a, x->type, &x->live, &x->config);
    struct field_set set = typed_tree_fields(a, x->type, &x->config);
    if (x->ignored)
        set = field_set_without(a, &set, x->ignored);
    struct managed_entry *mine = managed_find(&x->managed, &x->owner), last = {0};
    if (mine) {
        managed_unfold(a, mine);
        last = *mine;
    }
    managed_set(a, &x->managed, &x->owner, set);
    x->conflicts = (struct conflicts){0};
    if (prune(x, &last, err) < 0)
        return -1;
    x->changed = !value_eq(&x->live, &x->result);

    struct comparison c;
    compare(x, x->type, &x->live, &x->result, &c);
    x->conflicts = managed_conflicts(a, &x->managed, &x->owner, &c, &versions);
    if (x->conflicts.n && !x->force)
        return -1;
    managed_yield(a, &x->managed, &x->owner, &c, &versions);
    mine = managed_find(&x->managed, &x->owner);
    if (mine && x->changed)
        mine->time = arena_dup(a, &x->now, sizeof x->now);
    return 0;
}
