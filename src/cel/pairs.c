/* Maps that expressions make: entries in order, found by hash. Numbers of any kind that are equal are one
 * key. */
#include "cel/value.h"

static uint64_t key_hash(const struct cel_value *key)
{
    if (key->kind == CEL_STRING)
        return str_hash(key->s);
    /* Wholes hash by their bits, whatever kind they are of. */
    uint64_t n = key->kind == CEL_DOUBLE ? (uint64_t)(int64_t)key->d
                 : key->kind == CEL_BOOL ? key->b
                                         : key->u;
    return str_hash(str_slice((const char *)&n, sizeof(n)));
}

static bool key_can_be(const struct cel_value *key)
{
    return key->kind == CEL_STRING || key->kind == CEL_BOOL || key->kind == CEL_INT ||
           key->kind == CEL_UINT || (key->kind == CEL_DOUBLE && key->d > -9e18 && key->d < 9e18);
}

/* Where the key is, or would be. */
static size_t slot_of(const struct cel_pairs *p, const struct cel_value *key)
{
    size_t at = key_hash(key) & p->mask;
    while (p->slots[at] && !value_equal(NULL, &p->at[p->slots[at] - 1].key, key))
        at = (at + 1) & p->mask;
    return at;
}

const struct cel_value *pairs_get(const struct cel_pairs *p, const struct cel_value *key)
{
    if (!p->n || !key_can_be(key))
        return NULL;
    uint32_t i = p->slots[slot_of(p, key)];
    return i ? &p->at[i - 1].value : NULL;
}

static void grow(struct arena *a, struct cel_pairs *p)
{
    size_t cap = p->cap ? p->cap * 2 : 4;
    struct cel_pair *at = arena_new_n(a, struct cel_pair, cap);
    if (p->n)
        memcpy(at, p->at, p->n * sizeof(*at));
    p->at = at;
    p->cap = cap;
    p->mask = cap * 2 - 1;
    p->slots = arena_new_n(a, uint32_t, cap * 2);
    for (size_t i = 0; i < p->n; i++)
        p->slots[slot_of(p, &p->at[i].key)] = (uint32_t)i + 1;
}

bool pairs_put(struct arena *a, struct cel_pairs *p, struct cel_value key, struct cel_value value)
{
    if (pairs_get(p, &key))
        return false;
    if (p->n == p->cap)
        grow(a, p);
    p->at[p->n++] = (struct cel_pair){key, value};
    p->slots[slot_of(p, &key)] = (uint32_t)p->n;
    return true;
}
