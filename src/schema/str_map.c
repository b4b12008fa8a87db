#include "schema/str_map.h"

static size_t place_of(const struct str_map *m, struct str key, bool *there)
{
    size_t low = 0, high = m->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(m->at[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *there = low < m->n && str_eq(m->at[low].key, key);
    return low;
}

const struct str *str_map_get(const struct str_map *m, struct str key)
{
    bool there;
    size_t i = place_of(m, key, &there);
    return there ? &m->at[i].value : NULL;
}

struct str str_map_text(const struct str_map *m, struct str key)
{
    const struct str *value = str_map_get(m, key);
    return value ? *value : (struct str){0};
}

bool str_map_put(struct str_map *m, struct arena *a, struct str key, struct str value)
{
    bool there;
    size_t i = place_of(m, key, &there);
    if (there && str_eq(m->at[i].value, value))
        return false;
    struct str_entry *at = arena_new_n(a, struct str_entry, m->n + 1);
    if (i)
        memcpy(at, m->at, i * sizeof *at);
    at[i] = (struct str_entry){key, value};
    if (m->n > i + there)
        memcpy(at + i + 1, m->at + i + there, (m->n - i - there) * sizeof *at);
    *m = (struct str_map){at, m->n + !there};
    return true;
}
