#include "base/map.h"

#include <stdlib.h>

void map_free(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

/* Linear probing: the slot that holds the key, or the empty one where it would go. */
static struct map_slot *map_slot(const struct map *m, struct str key, uint64_t hash)
{
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];
        if (!s->value || (s->hash == hash && str_eq(s->key, key)))
            return s;
    }
}

static void map_grow(struct map *m)
{
    struct map old = *m;
    m->cap = old.cap ? old.cap * 2 : 16;
    m->slots = mem_zalloc(m->cap * sizeof *m->slots);
    map_each (&old, s)
        *map_slot(m, s->key, s->hash) = *s;
    free(old.slots);
}

void *map_get(const struct map *m, struct str key)
{
    return m->n ? map_slot(m, key, str_hash(key))->value : NULL;
}

void *map_put(struct map *m, struct str key, void *value)
{
    ensure(value);
    if ((m->n + 1) * 4 > m->cap * 3)
        map_grow(m);
    uint64_t hash = str_hash(key);
    struct map_slot *s = map_slot(m, key, hash);
    void *old = s->value;
    m->n += !old;
    *s = (struct map_slot){key, hash, value};
    return old;
}

void *map_del(struct map *m, struct str key)
{
    if (!m->n)
        return NULL;
    struct map_slot *s = map_slot(m, key, str_hash(key));
    void *value = s->value;
    if (!value)
        return NULL;
    m->n--;
    /* Close the gap: move back whatever the probe from its home slot would no longer reach. */
    size_t mask = m->cap - 1, gap = (size_t)(s - m->slots);
    for (size_t i = (gap + 1) & mask; m->slots[i].value; i = (i + 1) & mask)
        if (((i - m->slots[i].hash) & mask) >= ((i - gap) & mask)) {
            m->slots[gap] = m->slots[i];
            gap = i;
        }
    m->slots[gap] = (struct map_slot){0};
    return value;
}
