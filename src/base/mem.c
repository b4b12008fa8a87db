#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mem_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
    abort();
}

static void *mem_check(void *p, size_t size)
{
    if (!p && size) {
        fprintf(stderr, "out of memory: %zu bytes asked for\n", size);
        abort();
    }
    return p;
}

void *mem_alloc(size_t size)
{
    return mem_check(malloc(size), size);
}

void *mem_zalloc(size_t size)
{
    return mem_check(calloc(1, size), size);
}

void *mem_realloc(void *p, size_t size)
{
    return mem_check(realloc(p, size), size);
}

void *mem_dup(const void *p, size_t size)
{
    void *copy = mem_alloc(size);
    if (size)
        memcpy(copy, p, size);
    return copy;
}

void mem_grow(void **items, size_t *cap, size_t want, size_t item)
{
    if (want <= *cap)
        return;
    size_t next = *cap ? *cap * 2 : 8, bytes;
    if (next < want)
        next = want;
    ensure(!__builtin_mul_overflow(next, item, &bytes));
    *items = mem_realloc(*items, bytes);
    *cap = next;
}

void mem_freep(void *p)
{
    free(*(void **)p);
}
