#include "api/service/ranges.h"

#include <stdlib.h>

#include "base/random.h"

void range_init(struct range *r, uint32_t first, uint32_t n, uint32_t reserved)
{
    *r = (struct range){.first = first, .n = n, .reserved = reserved};
    r->bits = mem_zalloc(((size_t)n + 63) / 64 * sizeof *r->bits);
}

void range_free(struct range *r)
{
    free(r->bits);
    *r = (struct range){0};
}

bool range_has(const struct range *r, uint32_t number)
{
    return number >= r->first && number - r->first < r->n;
}

bool range_is_taken(const struct range *r, uint32_t number)
{
    uint32_t i = number - r->first;
    return range_has(r, number) && (r->bits[i / 64] >> (i % 64) & 1);
}

bool range_take(struct range *r, uint32_t number)
{
    if (!range_has(r, number) || range_is_taken(r, number))
        return false;
    uint32_t i = number - r->first;
    r->bits[i / 64] |= UINT64_C(1) << (i % 64);
    r->taken++;
    return true;
}

void range_give(struct range *r, uint32_t number)
{
    if (!range_is_taken(r, number))
        return;
    uint32_t i = number - r->first;
    r->bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
    r->taken--;
}

/* From a random place on, around. */
static bool range_search(struct range *r, uint32_t from, uint32_t n, uint32_t *number)
{
    if (!n)
        return false;
    uint32_t start = (uint32_t)random_below(n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t candidate = r->first + from + (start + i) % n;
        if (range_take(r, candidate)) {
            *number = candidate;
            return true;
        }
    }
    return false;
}

bool range_next(struct range *r, uint32_t *number)
{
    if (r->taken >= r->n)
        return false;
    return range_search(r, r->reserved, r->n - r->reserved, number) ||
           range_search(r, 0, r->reserved, number);
}
