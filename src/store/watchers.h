/* Who watches a table, indexed by what they select, so that an event finds them without asking the others. A
 * watch stands in the slot of the narrowest thing it asks for: one object, a field's value, a namespace, or
 * all. */
#pragma once
#include "base/map.h"
#include "store/store.h"

struct table;

struct watchers {
    struct map slots; /* by key, see watchers.c */
    size_t *fields;   /* how many watches select by each of the resource's selectables; NULL: none ever did */
};

struct watchers_slot {
    struct watch **at;
    size_t n, cap;
    char key[];
};

void watchers_free(struct watchers *w);
/* `sel->field` is the selectable of index `field` (-1: none). */
void watchers_add(struct table *t, const struct watch_selector *sel, int field, struct watch *watch);
void watchers_remove(struct table *t, const struct watch_selector *sel, int field, struct watch *watch);
/* Calls `fn` with every slot in which watches may want an event with these objects (`before` may be NULL).
 * `fn` may remove watches from the slot. */
void watchers_find(struct table *t, struct object *object, struct object *before,
                   void (*fn)(void *arg, struct watchers_slot *slot), void *arg);
/* Whether the selector wants an event about the object. */
bool watchers_match(const struct table *t, const struct watch_selector *sel, int field, struct object *o);
