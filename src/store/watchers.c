#include "store/watchers.h"

#include <stdlib.h>

#include "store/table.h"

/* Keys of slots: "" all, "n/NS", "o/NS/NAME" (an empty NS: of any namespace), "f/INDEX/VALUE". */
static void watchers_key(struct buf *key, const struct watch_selector *sel, int field)
{
    key->n = 0;
    if (sel->name.n) {
        buf_add_lit(key, "o/");
        buf_add_str(key, sel->ns);
        buf_add_c(key, '/');
        buf_add_str(key, sel->name);
    } else if (field >= 0) {
        buf_add_lit(key, "f/");
        buf_add_i64(key, field);
        buf_add_c(key, '/');
        buf_add_str(key, sel->value);
    } else if (sel->ns.n) {
        buf_add_lit(key, "n/");
        buf_add_str(key, sel->ns);
    }
}

void watchers_free(struct watchers *w)
{
    map_each (&w->slots, s) {
        free(((struct watchers_slot *)s->value)->at);
        free(s->value);
    }
    map_free(&w->slots);
    free(w->fields);
}

void watchers_add(struct table *t, const struct watch_selector *sel, int field, struct watch *watch)
{
    _cleanup_buf_ struct buf key = {0};
    watchers_key(&key, sel, field);
    struct watchers_slot *slot = map_get(&t->watchers.slots, buf_str(&key));
    if (!slot) {
        slot = mem_zalloc(sizeof *slot + key.n);
        if (key.n)
            memcpy(slot->key, key.p, key.n);
        map_put(&t->watchers.slots, str_slice(slot->key, key.n), slot);
    }
    mem_grow((void **)&slot->at, &slot->cap, slot->n + 1, sizeof *slot->at);
    slot->at[slot->n++] = watch;
    if (field >= 0) {
        if (!t->watchers.fields)
            t->watchers.fields = mem_zalloc((size_t)t->n_fields * sizeof *t->watchers.fields);
        t->watchers.fields[field]++;
    }
}

void watchers_remove(struct table *t, const struct watch_selector *sel, int field, struct watch *watch)
{
    _cleanup_buf_ struct buf key = {0};
    watchers_key(&key, sel, field);
    struct watchers_slot *slot = map_get(&t->watchers.slots, buf_str(&key));
    size_t i = 0;
    while (slot->at[i] != watch)
        i++;
    slot->at[i] = slot->at[--slot->n];
    if (field >= 0)
        t->watchers.fields[field]--;
    if (slot->n == 0) {
        map_del(&t->watchers.slots, buf_str(&key));
        free(slot->at);
        free(slot);
    }
}

bool watchers_match(const struct table *t, const struct watch_selector *sel, int field, struct object *o)
{
    char scratch[24];
    return o && (!sel->ns.n || str_eq(sel->ns, object_namespace(o))) &&
           (!sel->name.n || str_eq(sel->name, object_name(o))) &&
           (field < 0 || str_eq(sel->value, field_path_read(&t->fields[field], object_typed(o), scratch)));
}

struct watchers_find {
    struct table *table;
    struct buf key;
    void (*fn)(void *arg, struct watchers_slot *slot);
    void *arg;
};

static void watchers_visit(struct watchers_find *f, struct watch_selector sel, int field)
{
    watchers_key(&f->key, &sel, field);
    struct watchers_slot *slot = map_get(&f->table->watchers.slots, buf_str(&f->key));
    if (slot)
        f->fn(f->arg, slot);
}

void watchers_find(struct table *t, struct object *object, struct object *before,
                   void (*fn)(void *arg, struct watchers_slot *slot), void *arg)
{
    if (!t->watchers.slots.n)
        return;
    struct watchers_find f = {t, {0}, fn, arg};
    struct str ns = object_namespace(object), name = object_name(object);
    watchers_visit(&f, (struct watch_selector){0}, -1);
    watchers_visit(&f, (struct watch_selector){.name = name}, -1);
    if (ns.n) {
        watchers_visit(&f, (struct watch_selector){.ns = ns}, -1);
        watchers_visit(&f, (struct watch_selector){.ns = ns, .name = name}, -1);
    }
    for (int i = 0; t->watchers.fields && i < t->n_fields; i++) {
        if (!t->watchers.fields[i])
            continue;
        char scratch[2][24];
        struct str now = field_path_read(&t->fields[i], object_typed(object), scratch[0]);
        watchers_visit(&f, (struct watch_selector){.value = now}, i);
        if (!before)
            continue;
        struct str then = field_path_read(&t->fields[i], object_typed(before), scratch[1]);
        if (!str_eq(now, then))
            watchers_visit(&f, (struct watch_selector){.value = then}, i);
    }
    buf_free(&f.key);
}
