/* A hash map from strings to pointers. It borrows its keys: they must live as long as the entry does.
 * `struct map m = {0}` is empty. Not thread-safe. */
#pragma once
#include "base/mem.h"
#include "base/str.h"

struct map_slot {
    struct str key;
    uint64_t hash;
    void *value; /* NULL: the slot is empty */
};

struct map {
    struct map_slot *slots;
    size_t n, cap; /* cap is a power of two */
};

#define _cleanup_map_ _cleanup_(map_free)

void map_free(struct map *m);
void *map_get(const struct map *m, struct str key);
/* Puts a value (not NULL) and returns the one it replaces, or NULL. The key kept is the new one. */
void *map_put(struct map *m, struct str key, void *value);
/* Takes an entry out and returns its value, or NULL. */
void *map_del(struct map *m, struct str key);

/* Walks all entries in no order: `map_each(m, slot) use(slot->key, slot->value);`. The map must not change
 * meanwhile. */
#define map_each(m, slot)                                                                                    \
    for (struct map_slot *slot = (m)->slots; slot && slot < (m)->slots + (m)->cap; slot++)                   \
        if (slot->value)
