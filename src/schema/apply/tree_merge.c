/* Merging what an applier wrote into what there is, and taking out what nobody wants any more. */
#include "schema/apply/field_pairs.h"
#include "schema/apply/typed_tree.h"

/* --- merging --- */

/* NULL on one side: absent there. */
static struct value merge(struct arena *a, struct atom atom, const struct value *live,
                          const struct value *config);

static bool is_kind(const struct value *v, enum json_kind kind)
{
    return v && v->kind == kind;
}

static struct value merge_members(struct arena *a, struct atom map, const struct value *live,
                                  const struct value *config)
{
    static const struct value_members none;
    const struct value_members *x = is_kind(live, JSON_OBJECT) ? &live->members : &none,
                               *y = is_kind(config, JSON_OBJECT) ? &config->members : &none;
    struct value out = VALUE_OBJECT;
    out.members.at = arena_new_n(a, struct value_member, x->n + y->n);
    out.members.cap = x->n + y->n;
    for (size_t i = 0, j = 0; i < x->n || j < y->n;) {
        int order = i == x->n ? 1 : j == y->n ? -1 : str_cmp(x->at[i].key, y->at[j].key);
        struct str key = order <= 0 ? x->at[i].key : y->at[j].key;
        const struct value *p = order <= 0 ? &x->at[i++].value : NULL,
                           *q = order >= 0 ? &y->at[j++].value : NULL;
        struct atom member = {.kind = ATOM_ANY};
        bool declared;
        atom_member(map, key, &member, &declared);
        out.members.at[out.members.n++] = (struct value_member){key, merge(a, member, p, q)};
    }
    return out;
}

/* An item of one side. */
struct item {
    struct field_link link;
    const struct value *value;
    struct item *other; /* of the same link on the other side; of several, the first */
    bool several;       /* of that link on this side: the live one's are not merged into */
    bool done;
};
struct items {
    struct item *at;
    size_t n;
    struct linked_vec by_link; /* their places */
};

static struct items items_of(struct arena *a, struct atom list, const struct value *v)
{
    size_t most = is_kind(v, JSON_ARRAY) ? v->list.n : 0;
    struct items out = {arena_new_n(a, struct item, most), 0, {arena_new_n(a, struct linked, most), 0}};
    for (size_t i = 0; i < most; i++) {
        struct item *item = &out.at[out.n];
        if (atom_item_link(a, list, &v->list.at[i], &item->link))
            continue;
        item->value = &v->list.at[i];
        out.by_link.at[out.by_link.n++] = (struct linked){item->link, item, out.n++};
    }
    linked_sort(&out.by_link);
    for (size_t i = 1; i < out.n; i++) {
        struct item *p = &out.at[out.by_link.at[i - 1].place], *q = &out.at[out.by_link.at[i].place];
        if (field_link_cmp(&p->link, &q->link) == 0)
            p->several = q->several = true;
    }
    return out;
}

static void meet(struct items *these, const struct items *those)
{
    for (size_t i = 0; i < these->n; i++) {
        const struct linked *found = linked_find(&those->by_link, &these->at[i].link);
        these->at[i].other = found ? &those->at[found->place] : NULL;
    }
}

static void put(struct arena *a, struct value *out, struct atom list, const struct value *live,
                const struct value *config)
{
    out->list.at[out->list.n++] = merge(a, atom_item(list), live, config);
}

/* The applier's order counts for what it names; what only the live list has stays beside its neighbours. */
static struct value merge_items(struct arena *a, struct atom list, const struct value *live,
                                const struct value *config)
{
    struct items these = items_of(a, list, live), those = items_of(a, list, config);
    meet(&these, &those);
    meet(&those, &these);
    struct item *x = these.at, *y = those.at;
    size_t n = these.n, m = those.n;
    struct value out = VALUE_ARRAY;
    out.list.at = arena_new_n(a, struct value, n + m);
    out.list.cap = n + m;
    size_t shared = 0; /* the next of y that both have */
    while (shared < m && !y[shared].other)
        shared++;
    for (size_t i = 0, j = 0; i < n || j < m;) {
        if (i < n && j < m && x[i].other != &y[j] && x[i].other && shared < m && x[i].other != &y[shared]) {
            i++; /* shared, but its turn is another one */
            continue;
        }
        if (i < n && !x[i].other) {
            put(a, &out, list, x[i++].value, NULL);
            continue;
        }
        bool met = i < n && j < m && x[i].other == &y[j];
        if (i < n && (met || x[i].other->done))
            i++;
        if (j == m)
            continue;
        const struct item *before = y[j].other;
        put(a, &out, list, before && !before->several ? before->value : NULL, y[j].value);
        y[j].done = true;
        if (j == shared || met)
            for (shared = j + 1; shared < m && !y[shared].other;)
                shared++;
        j++;
    }
    return out;
}

static bool holds_nothing(const struct value *v)
{
    return !v || v->kind == JSON_NULL || (v->kind == JSON_ARRAY && !v->list.n) ||
           (v->kind == JSON_OBJECT && !v->members.n);
}

static struct value merge(struct arena *a, struct atom atom, const struct value *live,
                          const struct value *config)
{
    struct atom x = atom_deduce(atom, live), y = atom_deduce(atom, config);
    struct atom as = y.kind == ATOM_ANY ? x : y;
    bool leaf = as.kind == ATOM_SCALAR || as.kind == ATOM_ANY || as.atomic ||
                (holds_nothing(live) && holds_nothing(config));
    if (leaf || (live && config && config->kind != JSON_NULL && live->kind != config->kind))
        return config ? *config : *live;
    return as.kind == ATOM_LIST ? merge_items(a, as, live, config) : merge_members(a, as, live, config);
}

struct value typed_tree_merge(struct arena *a, const struct type *t, const struct value *live,
                              const struct value *config)
{
    return merge(a, atom_of_type(t), live, config);
}

/* --- removing --- */

static struct value remove_members(struct arena *a, struct atom atom, const struct value *v,
                                   const struct field_set *set);

static struct value remove_items(struct arena *a, struct atom list, const struct value *v,
                                 const struct field_set *set)
{
    struct value out = VALUE_ARRAY;
    for (size_t i = 0; i < v->list.n; i++) {
        struct field_link link;
        const struct field_node *n =
            atom_item_link(a, list, &v->list.at[i], &link) ? NULL : field_set_find(set, link);
        if (!n || !n->member)
            value_append(a, &out,
                         n ? remove_members(a, atom_item(list), &v->list.at[i], &n->below) : v->list.at[i]);
    }
    return out.list.n ? out : VALUE_NULL;
}

/* What is left of a place; null when that is nothing. */
static struct value remove_members(struct arena *a, struct atom atom, const struct value *v,
                                   const struct field_set *set)
{
    atom = atom_deduce(atom, v);
    if (atom.kind == ATOM_SCALAR || atom.kind == ATOM_ANY)
        return *v;
    if (atom.atomic)
        return VALUE_NULL;
    if (atom.kind == ATOM_LIST)
        return v->kind == JSON_ARRAY ? remove_items(a, atom, v, set) : VALUE_NULL;
    if (v->kind != JSON_OBJECT)
        return VALUE_NULL;
    struct value out = VALUE_OBJECT;
    for (size_t i = 0; i < v->members.n; i++) {
        const struct value_member *m = &v->members.at[i];
        const struct field_node *n = field_set_find(set, field_link_name(m->key));
        struct atom member = {.kind = ATOM_ANY};
        bool declared;
        if (n && n->member)
            continue;
        atom_member(atom, m->key, &member, &declared);
        value_set(a, &out, m->key, n ? remove_members(a, member, &m->value, &n->below) : m->value);
    }
    return out.members.n ? out : VALUE_NULL;
}

struct value typed_tree_remove(struct arena *a, const struct type *t, const struct value *v,
                               const struct field_set *set)
{
    return remove_members(a, atom_of_type(t), v, set);
}
