#include "schema/apply/tree_compare.h"

struct walker {
    struct arena *arena;
    struct atom list; /* of the items that are being paired */
};

static bool is_empty(const struct value *v)
{
    return !v || v->kind == JSON_NULL || (v->kind == JSON_ARRAY && !v->list.n) ||
           (v->kind == JSON_OBJECT && !v->members.n);
}

static const struct value_members *members_of(const struct value *v)
{
    static const struct value_members none;
    return v && v->kind == JSON_OBJECT ? &v->members : &none;
}

static void compare_members(struct arena *a, struct atom atom, const struct value *before,
                            const struct value *after, struct comparison *out)
{
    const struct value_members *x = members_of(before), *y = members_of(after);
    for (size_t i = 0, j = 0; i < x->n || j < y->n;) {
        int order = i == x->n ? 1 : j == y->n ? -1 : str_cmp(x->at[i].key, y->at[j].key);
        struct str key = order <= 0 ? x->at[i].key : y->at[j].key;
        const struct value *p = order <= 0 ? &x->at[i++].value : NULL,
                           *q = order >= 0 ? &y->at[j++].value : NULL;
        struct atom member;
        bool declared;
        if (!atom_member(atom, key, &member, &declared))
            continue;
        struct found found = {0};
        tree_compare(a, member, p, q, &found);
        found_join(a, out, field_link_name(key), &found);
    }
}

static struct linked_vec links_of(struct arena *a, struct atom list, const struct value *v)
{
    struct linked_vec out = {0};
    if (!v || v->kind != JSON_ARRAY)
        return out;
    out.at = arena_new_n(a, struct linked, v->list.n);
    for (size_t i = 0; i < v->list.n; i++) {
        struct field_link link;
        if (!atom_item_link(a, list, &v->list.at[i], &link))
            out.at[out.n++] = (struct linked){link, &v->list.at[i], i};
    }
    linked_sort(&out);
    return out;
}

static void compare_item(void *walker, const void *before, const void *after, struct found *out)
{
    struct walker *w = walker;
    tree_compare(w->arena, atom_item(w->list), before, after, out);
}

static bool items_equal(void *walker, const void *x, const void *y)
{
    (void)walker;
    return value_eq(x, y);
}

static void compare_list(struct arena *a, struct atom list, const struct value *before,
                         const struct value *after, struct comparison *out)
{
    struct linked_vec x = links_of(a, list, before), y = links_of(a, list, after);
    struct walker w = {a, list};
    struct pairing pairing = {a, &w, compare_item, items_equal};
    linked_compare(&pairing, &x, &y, out);
}

/* As what kind of thing the two are compared; of anything, each side says what it is. */
static void compare_as(struct arena *a, struct atom atom, const struct value *before,
                       const struct value *after, struct found *out)
{
    bool leaf = atom.kind == ATOM_SCALAR || atom.kind == ATOM_ANY || atom.atomic ||
                (is_empty(before) && is_empty(after));
    if (!leaf && atom.kind == ATOM_LIST)
        compare_list(a, atom, before, after, &out->below);
    else if (!leaf)
        compare_members(a, atom, before, after, &out->below);
    if (!before)
        out->self |= FOUND_ADDED;
    else if (!after)
        out->self |= FOUND_REMOVED;
    else if (leaf && !value_eq(before, after))
        out->self |= FOUND_MODIFIED;
}

void tree_compare(struct arena *a, struct atom atom, const struct value *before, const struct value *after,
                  struct found *out)
{
    struct atom x = atom_deduce(atom, before), y = atom_deduce(atom, after);
    if (y.kind == ATOM_ANY) /* absent or null takes the other's form */
        y = x;
    if (x.kind == ATOM_ANY)
        x = y;
    if (x.kind != y.kind) { /* anything that has become something else */
        struct found left = {0}, right = {0};
        compare_as(a, x, before, after, &left);
        compare_as(a, y, before, after, &right);
        out->self = left.self | right.self;
        out->below.added = field_set_union(a, &left.below.added, &right.below.added);
        out->below.modified = field_set_union(a, &left.below.modified, &right.below.modified);
        out->below.removed = field_set_union(a, &left.below.removed, &right.below.removed);
        return;
    }
    compare_as(a, y, before, after, out);
}

void typed_tree_compare(struct arena *a, const struct type *t, const struct value *before,
                        const struct value *after, struct comparison *out)
{
    struct found found = {0};
    tree_compare(a, atom_of_type(t), before, after, &found);
    *out = found.below;
}
