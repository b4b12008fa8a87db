/* Comparing structs: what every update runs, so it looks at nothing twice and makes nothing for what is the
 * same. */
#include "schema/apply/field_compare.h"

#include "schema/apply/field_pairs.h"
#include "schema/apply/tree_compare.h"
#include "schema/copy.h"
#include "schema/json.h"
#include "schema/layout.h"

struct walker {
    struct arena *arena;
    struct buf text;          /* scratch */
    const struct field *list; /* of the items that are being paired */
};

/* One side of a place. */
struct side {
    bool there;     /* JSON shows it, be it as null */
    const void *at; /* the value itself; NULL when absent or null */
};

static void compare_value(struct walker *w, const struct field *f, bool atomic, struct side x, struct side y,
                          const struct field_set *ignored, struct found *out);

static unsigned came_or_went(struct side x, struct side y)
{
    return !x.there ? FOUND_ADDED : !y.there ? FOUND_REMOVED : 0;
}

/* --- structs --- */

/* What a struct says of a field. */
static struct side side_of(const struct field *f, const void *base, uint32_t offset)
{
    if (!base)
        return (struct side){0};
    const char *at = (const char *)base + offset + f->offset;
    if (json_leaves_out(f, at))
        return (struct side){0};
    struct side side = {true, at};
    if (f->shape == SHAPE_OPTIONAL)
        side.at = *(void *const *)(const void *)at;
    else if (f->shape != SHAPE_ONE)
        side.at = ((const struct any_vec *)(const void *)at)->n ? at : NULL;
    else if (f->kind == VALUE_JSON)
        side.at = ((const struct str *)(const void *)at)->n ? at : NULL;
    return side;
}

static void compare_field(struct walker *w, const struct field *f, struct side x, struct side y,
                          const struct field_set *ignored, struct found *out);

/* The value of one side as a tree. */
static struct value tree_of(struct walker *w, const struct field *f, struct side side)
{
    struct value v = VALUE_NULL;
    if (!side.at)
        return v;
    w->text.n = 0;
    json_encode_item(&w->text, f, side.at);
    return value_parse(w->arena, arena_str(w->arena, buf_str(&w->text)), &v, NULL) < 0 ? VALUE_NULL : v;
}

static void compare_map(struct walker *w, const struct field *f, struct side x, struct side y,
                        struct comparison *out);

/* What a struct keeps beside its fields: members among its own. */
static void compare_rest(struct walker *w, const struct field *f, struct side x, struct side y,
                         struct comparison *out)
{
    if (x.at && y.at ? field_eq(f, x.at, y.at) : !x.at && !y.at)
        return;
    struct comparison rest = {0};
    compare_map(w, f, x, y, &rest);
    out->added = field_set_union(w->arena, &out->added, &rest.added);
    out->modified = field_set_union(w->arena, &out->modified, &rest.modified);
    out->removed = field_set_union(w->arena, &out->removed, &rest.removed);
}

/* Empty on both sides, or shared. */
static bool same_bytes(const struct field *f, uint32_t base, const void *x, const void *y)
{
    size_t at = base + f->offset;
    return memcmp((const char *)x + at, (const char *)y + at, layout_extent(f)) == 0;
}

static void compare_members(struct walker *w, const struct type *t, const void *x, const void *y,
                            const struct field_set *ignored, struct comparison *out)
{
    const struct type_index *index = t->index;
    const struct field *rest = t->flags & TYPE_UNKNOWN ? &t->fields[t->n_fields - 1] : NULL;
    for (unsigned i = 0; index && i < index->n; i++) {
        uint32_t base;
        const struct field *f = type_field_at(t, index->by_name[i], &base);
        if (f == rest || (x && y && same_bytes(f, base, x, y)))
            continue;
        struct side p = side_of(f, x, base), q = side_of(f, y, base);
        if (!p.there && !q.there)
            continue;
        struct field_link link = field_link_name(f->name);
        const struct field_node *skip = ignored ? field_set_find(ignored, link) : NULL;
        if (skip && skip->member)
            continue;
        struct found found = {0};
        compare_field(w, f, p, q, skip ? &skip->below : NULL, &found);
        found_join(w->arena, out, link, &found);
    }
    if (rest)
        compare_rest(w, rest, side_of(rest, x, 0), side_of(rest, y, 0), out);
}

/* --- lists and maps --- */

enum { KEYS_MAX = 16 };

/* {"name":"x","port":80}: the keys sorted, absent ones as their default. False: an item without its key. */
static bool key_of(struct walker *w, const struct field *list, const void *item, struct field_link *link)
{
    struct str names[KEYS_MAX];
    size_t n = 0;
    if (list->kind != VALUE_STRUCT) { /* objects of which nothing is declared */
        struct value v = tree_of(w, list, (struct side){true, item});
        return !atom_item_link(w->arena, atom_of_field(list), &v, link);
    }
    for (; n < list->n_list_keys && n < KEYS_MAX; n++) {
        size_t at = n;
        for (; at && str_cmp(names[at - 1], list->list_keys[n]) > 0; at--)
            names[at] = names[at - 1];
        names[at] = list->list_keys[n];
    }
    w->text.n = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t base;
        const struct field *f = type_field(list->type, names[i], &base);
        struct side side = f ? side_of(f, item, base) : (struct side){0};
        if (!f || (!side.at && !(f->rules && f->rules->default_json.n)))
            return false;
        buf_add_c(&w->text, i ? ',' : '{');
        buf_add_c(&w->text, '"');
        buf_add_str(&w->text, names[i]);
        buf_add_lit(&w->text, "\":");
        if (side.at)
            json_encode_item(&w->text, f, side.at);
        else
            buf_add_str(&w->text, f->rules->default_json);
    }
    buf_add_c(&w->text, '}');
    *link = (struct field_link){FIELD_LINK_KEY, arena_str(w->arena, buf_str(&w->text))};
    return true;
}

static struct linked_vec links_of(struct walker *w, const struct field *f, const struct any_vec *v)
{
    struct linked_vec out = {0};
    if (!v)
        return out;
    out.at = arena_new_n(w->arena, struct linked, v->n);
    for (size_t i = 0; i < v->n; i++) {
        const void *item = layout_item(f, v, i);
        struct field_link link;
        if (f->flags & FIELD_LIST_SET) {
            w->text.n = 0;
            json_encode_item(&w->text, f, item);
            link = (struct field_link){FIELD_LINK_VALUE, arena_str(w->arena, buf_str(&w->text))};
        } else if (!key_of(w, f, item, &link)) {
            continue;
        }
        out.at[out.n++] = (struct linked){link, item, i};
    }
    linked_sort(&out);
    return out;
}

static void compare_item(void *walker, const void *before, const void *after, struct found *out)
{
    struct walker *w = walker;
    const struct field *list = w->list;
    compare_value(w, list, false, (struct side){before, before}, (struct side){after, after}, NULL, out);
    w->list = list; /* lists within may have changed it */
}

static bool items_equal(void *walker, const void *x, const void *y)
{
    return item_eq(((struct walker *)walker)->list, x, y);
}

static void compare_list(struct walker *w, const struct field *f, struct side x, struct side y,
                         struct comparison *out)
{
    struct linked_vec before = links_of(w, f, x.at), after = links_of(w, f, y.at);
    const struct field *outer = w->list;
    w->list = f;
    struct pairing pairing = {w->arena, w, compare_item, items_equal};
    linked_compare(&pairing, &before, &after, out);
    w->list = outer;
}

static void compare_map(struct walker *w, const struct field *f, struct side x, struct side y,
                        struct comparison *out)
{
    static const struct any_vec none = {0};
    const struct any_vec *v = x.at ? x.at : &none, *u = y.at ? y.at : &none;
    for (size_t i = 0, j = 0; i < v->n || j < u->n;) {
        int order = i == v->n ? 1 : j == u->n ? -1 : str_cmp(*layout_key(f, v, i), *layout_key(f, u, j));
        struct side p = {0}, q = {0};
        struct str key = order <= 0 ? *layout_key(f, v, i) : *layout_key(f, u, j);
        if (order <= 0)
            p = (struct side){true, layout_item(f, v, i++)};
        if (order >= 0)
            q = (struct side){true, layout_item(f, u, j++)};
        struct found found = {0};
        compare_value(w, f, false, p, q, NULL, &found);
        found_join(w->arena, out, field_link_name(key), &found);
    }
}

/* --- one place --- */

/* What has no declared fields: its JSON. */
static void compare_json(struct walker *w, const struct field *f, struct side x, struct side y,
                         struct found *out)
{
    struct value before = tree_of(w, f, x), after = tree_of(w, f, y);
    struct atom any = {.kind = ATOM_ANY};
    tree_compare(w->arena, any, x.there ? &before : NULL, y.there ? &after : NULL, out);
}

static void compare_leaf(bool same, struct side x, struct side y, struct found *out)
{
    out->self = came_or_went(x, y);
    if (!out->self && !same)
        out->self = FOUND_MODIFIED;
}

/* An item of a list, a map's value, or a field that is neither list nor map. */
static void compare_value(struct walker *w, const struct field *f, bool atomic, struct side x, struct side y,
                          const struct field_set *ignored, struct found *out)
{
    const struct type *t = f->kind == VALUE_STRUCT ? f->type : NULL;
    if (t && (t->flags & TYPE_BARE)) {
        const struct field *inner = t->fields;
        struct side p = side_of(inner, x.at, 0), q = side_of(inner, y.at, 0);
        p.there = x.there, q.there = y.there;
        compare_field(w, inner, p, q, NULL, out);
        return;
    }
    bool json = (t && (t->flags & TYPE_EITHER)) || (f->kind == VALUE_JSON && f->type != &raw_extension_type);
    if (!t || atomic || (t->flags & TYPE_ATOMIC) || json) {
        bool same = x.at && y.at ? item_eq(f, x.at, y.at) : !x.at && !y.at;
        if (json && !same)
            compare_json(w, f, x, y, out);
        else
            compare_leaf(same, x, y, out);
        return;
    }
    if (x.at || y.at)
        compare_members(w, t, x.at, y.at, ignored, &out->below);
    out->self = came_or_went(x, y);
}

static void compare_field(struct walker *w, const struct field *f, struct side x, struct side y,
                          const struct field_set *ignored, struct found *out)
{
    bool list = f->shape == SHAPE_LIST;
    if (!list && f->shape != SHAPE_MAP) {
        compare_value(w, f, f->flags & FIELD_ATOMIC, x, y, ignored, out);
        return;
    }
    bool same = x.at && y.at ? field_eq(f, x.at, y.at) : !x.at && !y.at;
    bool atomic = list ? !(f->flags & (FIELD_LIST_SET | FIELD_LIST_MAP)) : f->flags & FIELD_ATOMIC;
    if (same || atomic) {
        compare_leaf(same, x, y, out);
        return;
    }
    if (list)
        compare_list(w, f, x, y, &out->below);
    else
        compare_map(w, f, x, y, &out->below);
    out->self = came_or_went(x, y);
}

void field_compare(struct arena *a, const struct type *t, const void *before, const void *after,
                   const struct field_set *ignored, struct comparison *out)
{
    struct walker w = {.arena = a};
    *out = (struct comparison){0};
    compare_members(&w, t, before, after, ignored, out);
    buf_free(&w.text);
}
