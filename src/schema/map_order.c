#include "schema/map_order.h"

#include <stdlib.h>

struct place {
    struct str key;
    size_t i; /* where the entry stood */
};

static int by_key(const void *x, const void *y)
{
    const struct place *a = x, *b = y;
    int order = str_cmp(a->key, b->key);
    return order ? order : (a->i > b->i) - (a->i < b->i);
}

void map_order(struct any_vec *map, size_t item, void (*duplicate)(void *arg, struct str key), void *arg)
{
    char *at = map->at;
    bool ordered = true;
    for (size_t i = 1; i < map->n && ordered; i++)
        ordered =
            str_cmp(*(struct str *)(void *)(at + (i - 1) * item), *(struct str *)(void *)(at + i * item)) < 0;
    if (ordered)
        return;
    struct place *places = mem_alloc(map->n * sizeof *places);
    for (size_t i = 0; i < map->n; i++)
        places[i] = (struct place){*(struct str *)(void *)(at + i * item), i};
    qsort(places, map->n, sizeof *places, by_key);
    char *copy = mem_dup(at, map->n * item);
    size_t n = 0;
    for (size_t i = 0; i < map->n; i++) {
        if (i + 1 == map->n || !str_eq(places[i].key, places[i + 1].key))
            memcpy(at + n++ * item, copy + places[i].i * item, item);
        else if (duplicate)
            duplicate(arg, places[i].key);
    }
    map->n = n;
    free(copy);
    free(places);
}
