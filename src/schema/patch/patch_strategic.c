#include <stdlib.h>

#include "schema/patch/patch.h"

#define DIRECTIVE     STR("$patch")
#define RETAIN_KEYS   STR("$retainKeys")
#define SET_ORDER     STR("$setElementOrder/")
#define DELETE_VALUES STR("$deleteFromPrimitiveList/")

struct strategic {
    struct arena *arena;
    size_t comparisons;
    struct err *err;
};

/* What is known of a JSON object: the struct it is decoded to, or the map field whose values it holds. Both
 * NULL: nothing. */
struct shape_at {
    const struct type *type;
    const struct field *map;
};

static struct shape_at shape_of(const struct field *f)
{
    if (!f)
        return (struct shape_at){0};
    if (f->shape == SHAPE_MAP)
        return (struct shape_at){.map = f};
    return (struct shape_at){.type = f->type};
}

/* The member `key`: the field that says how its lists merge (NULL: not at all), and what is known of its
 * objects. */
static const struct field *shape_member(struct shape_at at, struct str key, struct shape_at *below)
{
    uint32_t base;
    if (at.map) {
        *below = (struct shape_at){.type = at.map->type};
        return NULL;
    }
    const struct field *f = at.type ? type_field(at.type, key, &base) : NULL;
    *below = shape_of(f);
    return f;
}

/* --- errors --- */

static int strategic_no_key(struct strategic *s, const struct value *item, struct str key)
{
    _cleanup_buf_ struct buf b = {0};
    value_print_go(&b, item, false);
    return err_set(s->err, ERR_UNKNOWN, "map: " STR_FMT " does not contain declared merge key: " STR_FMT,
                   STR_ARG(buf_str(&b)), STR_ARG(key));
}

static int strategic_bad_directive(struct strategic *s, const struct value *directive, const struct value *in)
{
    _cleanup_buf_ struct buf b = {0}, d = {0};
    value_print_go(&d, directive, false);
    value_print_go(&b, in, false);
    return err_set(s->err, ERR_UNKNOWN, "unknown patch type: " STR_FMT " in map: " STR_FMT,
                   STR_ARG(buf_str(&d)), STR_ARG(buf_str(&b)));
}

static int strategic_expected(struct strategic *s, const char *expected, const struct value *got)
{
    return err_set(s->err, ERR_UNKNOWN, "expected a %s, but received a %s", expected, value_kind_name(got));
}

/* Comparing each of `n` with each of `m`, a few times over, must stay affordable. */
static int strategic_afford(struct strategic *s, size_t n, size_t m)
{
    s->comparisons += n * m;
    if (s->comparisons <= PATCH_COMPARISONS)
        return 0;
    return err_set(s->err, ERR_TOO_LARGE, "Request entity too large: the patch has too many list items");
}

/* --- lists --- */

static bool directive_is(const struct value *item, const char *what)
{
    const struct value *d = value_get(item, DIRECTIVE);
    return d && d->kind == JSON_STRING && str_is(d->s, what);
}

/* What tells an item from others: itself, or its merge key's value. */
static const struct value *item_key(const struct value *item, struct str key)
{
    return key.n ? value_get(item, key) : item;
}

/* Every item must be of one sort: an object with the merge key, or a scalar where there is none. */
static int list_check(struct strategic *s, const struct value *list, struct str key)
{
    for (size_t i = 0; i < list->list.n; i++) {
        const struct value *item = &list->list.at[i];
        if (item->kind == JSON_ARRAY)
            return err_set(s->err, ERR_INVALID,
                           "the server rejected our request due to an error in our request");
        if (key.n && item->kind != JSON_OBJECT)
            return strategic_expected(s, "map", item);
        if (!key.n && item->kind == JSON_OBJECT)
            return err_set(s->err, ERR_UNKNOWN, "cannot merge lists without merge key for type struct");
        if (key.n && !value_get(item, key) && !directive_is(item, "replace"))
            return strategic_no_key(s, item, key);
    }
    return 0;
}

/* Where the item with this key is; -1: nowhere. */
static ptrdiff_t list_find(const struct value *list, const struct value *wanted, struct str key)
{
    for (size_t i = 0; i < list->list.n; i++) {
        const struct value *have = item_key(&list->list.at[i], key);
        if (have && value_eq(have, wanted))
            return (ptrdiff_t)i;
    }
    return -1;
}

struct ranked {
    ptrdiff_t rank;
    size_t at;
};

static int ranked_cmp(const void *x, const void *y)
{
    const struct ranked *a = x, *b = y;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Sorts by where each stands in `order`. */
static void list_sort(struct strategic *s, struct value *list, const struct value *order, struct str key)
{
    size_t n = list->list.n;
    struct ranked *r = arena_new_n(s->arena, struct ranked, n);
    struct value *sorted = arena_new_n(s->arena, struct value, n);
    for (size_t i = 0; i < n; i++)
        r[i] = (struct ranked){list_find(order, item_key(&list->list.at[i], key), key), i};
    qsort(r, n, sizeof *r, ranked_cmp);
    for (size_t i = 0; i < n; i++)
        sorted[i] = list->list.at[r[i].at];
    if (n)
        memcpy(list->list.at, sorted, n * sizeof *sorted);
}

/* Puts the items in order: those that `order` names (the patch's) as it says, the others as in `live`; where
 * the two meet, live's order decides, and what live does not have comes first. */
static void list_order(struct strategic *s, struct value *list, const struct value *order,
                       const struct value *live, struct str key)
{
    struct value ours = VALUE_ARRAY, theirs = VALUE_ARRAY, all = VALUE_ARRAY;
    for (size_t i = 0; i < list->list.n; i++) {
        struct value *item = &list->list.at[i];
        bool named = list_find(order, item_key(item, key), key) >= 0;
        value_append(s->arena, named ? &ours : &theirs, *item);
    }
    list_sort(s, &ours, order, key);
    list_sort(s, &theirs, live, key);
    for (size_t i = 0, j = 0; i < theirs.list.n || j < ours.list.n;) {
        bool their_turn = j == ours.list.n;
        if (!their_turn && i < theirs.list.n) {
            ptrdiff_t x = list_find(live, item_key(&theirs.list.at[i], key), key);
            ptrdiff_t y = list_find(live, item_key(&ours.list.at[j], key), key);
            their_turn = x >= 0 && y >= 0 && x < y;
        }
        value_append(s->arena, &all, their_turn ? theirs.list.at[i++] : ours.list.at[j++]);
    }
    *list = all;
}

static int merge_map(struct strategic *s, struct value *original, struct value *patch, struct shape_at at);

/* Takes directives and nulls out of a patch that becomes content as it is. */
static void drop_directives(struct value *v)
{
    if (v->kind == JSON_ARRAY) {
        for (size_t i = 0; i < v->list.n;)
            if (directive_is(&v->list.at[i], "delete") || directive_is(&v->list.at[i], "replace"))
                value_remove(v, i);
            else
                drop_directives(&v->list.at[i++]);
    }
    for (size_t i = 0; v->kind == JSON_OBJECT && i < v->members.n;) {
        struct value_member *m = &v->members.at[i];
        if (m->value.kind == JSON_NULL || str_eq(m->key, DIRECTIVE) || str_eq(m->key, RETAIN_KEYS) ||
            str_starts(m->key, SET_ORDER) || str_starts(m->key, DELETE_VALUES)) {
            value_del(v, m->key);
            continue;
        }
        drop_directives(&m->value);
        i++;
    }
}

/* Carries out the items that are directives ({"$patch": "delete", "name": "x"}) and takes them out of the
 * patch. */
static int list_directives(struct strategic *s, struct value *original, struct value *patch, struct str key)
{
    bool replace = false;
    for (size_t i = 0; i < patch->list.n;) {
        struct value *item = &patch->list.at[i];
        const struct value *directive = value_get(item, DIRECTIVE);
        if (!directive) {
            i++;
            continue;
        }
        if (directive_is(item, "replace"))
            replace = true;
        else if (directive_is(item, "merge"))
            return err_set(s->err, ERR_UNKNOWN, "merging lists cannot yet be specified in the patch");
        else if (!directive_is(item, "delete"))
            return strategic_bad_directive(s, directive, item);
        else
            for (ptrdiff_t at; (at = list_find(original, item_key(item, key), key)) >= 0;)
                value_remove(original, (size_t)at);
        value_remove(patch, i);
    }
    if (replace) {
        drop_directives(patch);
        *original = *patch;
        *patch = VALUE_ARRAY;
    }
    return 0;
}

static int merge_list(struct strategic *s, struct value *original, struct value *patch, struct str key,
                      struct shape_at items)
{
    size_t most = original->list.n + patch->list.n;
    if (strategic_afford(s, most, most) < 0 || list_check(s, original, key) < 0 ||
        list_check(s, patch, key) < 0 || (key.n && list_directives(s, original, patch, key) < 0))
        return -1;
    struct value live = VALUE_ARRAY; /* its order, while `original` grows */
    for (size_t i = 0; i < original->list.n; i++)
        value_append(s->arena, &live, original->list.at[i]);
    for (size_t i = 0; i < patch->list.n; i++) {
        struct value *item = &patch->list.at[i];
        ptrdiff_t at = list_find(original, item_key(item, key), key);
        if (at < 0) {
            drop_directives(item);
            value_append(s->arena, original, *item);
        } else if (key.n) {
            struct value change = value_copy(s->arena, item); /* the patch still serves to order the list */
            if (merge_map(s, &original->list.at[at], &change, items) < 0)
                return -1;
        }
    }
    list_order(s, original, patch, &live, key);
    return 0;
}

/* A list of the patch where the document has one too. */
static int merge_list_field(struct strategic *s, struct value *original, struct value *patch,
                            const struct field *f, struct shape_at items)
{
    if (f && f->flags & FIELD_PATCH_MERGE)
        return merge_list(s, original, patch, f->patch_key, items);
    *original = *patch;
    return 0;
}

/* --- directives of objects --- */

/* "$retainKeys": ["type"]: what is not named goes, and the patch may set nothing else. */
static int merge_retain_keys(struct strategic *s, struct value *original, struct value *patch)
{
    struct value *keys = value_get(patch, RETAIN_KEYS);
    if (!keys)
        return 0;
    struct value kept = *keys;
    value_del(patch, RETAIN_KEYS);
    if (kept.kind != JSON_ARRAY)
        return err_set(s->err, ERR_BAD_REQUEST, "invalid patch format of retainKeys");
    if (strategic_afford(s, kept.list.n, patch->members.n + original->members.n) < 0)
        return -1;
    for (size_t i = 0; i < patch->members.n; i++) {
        struct value_member *m = &patch->members.at[i];
        bool directive = str_starts(m->key, SET_ORDER) || str_starts(m->key, DELETE_VALUES);
        if (m->value.kind != JSON_NULL && !directive && list_find(&kept, &VALUE_STR(m->key), STR("")) < 0)
            return err_set(s->err, ERR_BAD_REQUEST, "invalid patch format of retainKeys");
    }
    for (size_t i = 0; i < original->members.n;)
        if (list_find(&kept, &VALUE_STR(original->members.at[i].key), STR("")) < 0)
            value_del(original, original->members.at[i].key);
        else
            i++;
    return 0;
}

/* The items of the patch must stand in the order that the patch itself asks for. */
static int order_check(struct strategic *s, const struct value *patch, const struct value *order,
                       struct str key)
{
    size_t i = 0, j = 0;
    while (i < patch->list.n && j < order->list.n) {
        const struct value *item = &patch->list.at[i];
        if (value_get(item, DIRECTIVE)) {
            i++;
            continue;
        }
        const struct value *x = item_key(item, key), *y = item_key(&order->list.at[j++], key);
        if (!x || !y)
            return strategic_no_key(s, x ? &order->list.at[j - 1] : item, key);
        i += value_eq(x, y);
    }
    while (i < patch->list.n && value_get(&patch->list.at[i], DIRECTIVE))
        i++;
    if (i == patch->list.n || order->list.n == 0)
        return 0;
    _cleanup_buf_ struct buf b = {0};
    buf_add_lit(&b, "The order in patch list:\n");
    value_print_go(&b, patch, false);
    buf_add_lit(&b, "\n doesn't match $setElementOrder list:\n");
    value_print_go(&b, order, false);
    return err_set(s->err, ERR_UNKNOWN, STR_FMT "\n", STR_ARG(buf_str(&b)));
}

/* "$setElementOrder/ports": [{"containerPort": 80}, ...]: merges that list now, and orders it. */
static int merge_order(struct strategic *s, struct value *original, struct value *patch, struct shape_at at,
                       struct value order, struct str name)
{
    struct shape_at items;
    const struct field *f = shape_member(at, name, &items);
    struct value *live = value_get(original, name), *list = value_get(patch, name), before = VALUE_ARRAY;
    struct str key = f ? f->patch_key : (struct str){0};
    if (order.kind != JSON_ARRAY)
        return err_set(s->err, ERR_BAD_REQUEST, "invalid patch format of setElementOrder list");
    if (list && list->kind == JSON_NULL)
        return 0; /* the whole list goes, in its turn */
    if ((live && live->kind != JSON_ARRAY) || (list && list->kind != JSON_ARRAY))
        return strategic_expected(s, "list", live && live->kind != JSON_ARRAY ? live : list);
    if (list_check(s, &order, key) < 0 || (list && order_check(s, list, &order, key) < 0))
        return -1;
    for (size_t i = 0; live && i < live->list.n; i++)
        value_append(s->arena, &before, live->list.at[i]);
    if (live && list && merge_list_field(s, live, list, f, items) < 0)
        return -1;
    if (!live && list) {
        drop_directives(list);
        live = value_set(s->arena, original, name, *list);
    }
    value_del(patch, name);
    if (!live || live->kind != JSON_ARRAY)
        return 0;
    size_t most = live->list.n + order.list.n;
    if (strategic_afford(s, most, most) < 0 || list_check(s, live, key) < 0)
        return -1;
    list_order(s, live, &order, &before, key);
    return 0;
}

static int merge_orders(struct strategic *s, struct value *original, struct value *patch, struct shape_at at)
{
    for (size_t i = 0; i < patch->members.n;) {
        struct value_member m = patch->members.at[i];
        if (!str_starts(m.key, SET_ORDER)) {
            i++;
            continue;
        }
        value_del(patch, m.key);
        if (merge_order(s, original, patch, at, m.value, str_from_at(m.key, SET_ORDER.n)) < 0)
            return -1;
        i = 0; /* members moved */
    }
    return 0;
}

/* "$deleteFromPrimitiveList/finalizers": ["x"]. */
static int merge_delete_values(struct strategic *s, struct value *original, const struct value *patch,
                               struct str name)
{
    struct value *list = value_get(original, name);
    if (patch->kind != JSON_ARRAY)
        return err_set(s->err, ERR_BAD_REQUEST, "invalid patch format of primitive list");
    if (list && list->kind == JSON_ARRAY && strategic_afford(s, list->list.n, patch->list.n) < 0)
        return -1;
    for (size_t i = 0; list && list->kind == JSON_ARRAY && i < list->list.n;)
        if (list_find(patch, &list->list.at[i], STR("")) >= 0)
            value_remove(list, i);
        else
            i++;
    return 0;
}

static int merge_member(struct strategic *s, struct value *original, struct value_member *m,
                        struct shape_at at)
{
    struct shape_at below;
    const struct field *f = shape_member(at, m->key, &below);
    struct value *there = value_get(original, m->key);
    if (m->value.kind == JSON_NULL) {
        value_del(original, m->key);
        return 0;
    }
    if (there && there->kind == JSON_OBJECT && m->value.kind == JSON_OBJECT)
        return merge_map(s, there, &m->value, below);
    if (there && there->kind == JSON_ARRAY && m->value.kind == JSON_ARRAY)
        return merge_list_field(s, there, &m->value, f, below);
    drop_directives(&m->value);
    value_set(s->arena, original, m->key, m->value);
    return 0;
}

static int merge_map(struct strategic *s, struct value *original, struct value *patch, struct shape_at at)
{
    const struct value *directive = value_get(patch, DIRECTIVE);
    if (directive) {
        bool replace = directive_is(patch, "replace");
        if (!replace && !directive_is(patch, "delete"))
            return strategic_bad_directive(s, directive, patch);
        value_del(patch, DIRECTIVE);
        *original = replace ? *patch : VALUE_OBJECT;
        return 0;
    }
    if (merge_retain_keys(s, original, patch) < 0 || merge_orders(s, original, patch, at) < 0)
        return -1;
    for (size_t i = 0; i < patch->members.n; i++) {
        struct value_member *m = &patch->members.at[i];
        int r = str_starts(m->key, DELETE_VALUES)
                    ? merge_delete_values(s, original, &m->value, str_from_at(m->key, DELETE_VALUES.n))
                    : merge_member(s, original, m, at);
        if (r < 0)
            return -1;
    }
    return 0;
}

int patch_strategic(struct arena *a, const struct type *t, struct value *doc, struct value *patch,
                    struct err *err)
{
    struct strategic s = {.arena = a, .err = err};
    if (patch->kind != JSON_OBJECT || doc->kind != JSON_OBJECT)
        return err_set(err, ERR_BAD_REQUEST, "invalid JSON document");
    return merge_map(&s, doc, patch, (struct shape_at){.type = t});
}
