/* Numbers handed out from a range, each to one holder: cluster IPs and node ports. Thread-safe is their
 * owner. */
#pragma once
#include "base/mem.h"
#include "base/str.h"

struct range {
    uint64_t *bits; /* set: taken */
    uint32_t first, n, taken;
    uint32_t reserved; /* how many at the start are handed out only by name, or when the rest is full */
};

void range_init(struct range *r, uint32_t first, uint32_t n, uint32_t reserved);
void range_free(struct range *r);
bool range_has(const struct range *r, uint32_t number);
bool range_is_taken(const struct range *r, uint32_t number);
/* False when it is taken already, or outside. */
bool range_take(struct range *r, uint32_t number);
/* A random free one; false when the range is full. */
bool range_next(struct range *r, uint32_t *number);
void range_give(struct range *r, uint32_t number);
