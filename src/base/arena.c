#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(max_align_t) char data[];
};

enum { ARENA_FIRST = 2048, ARENA_MOST = 256 * 1024, ARENA_ALIGN = _Alignof(max_align_t) };

void arena_free(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    *a = (struct arena){0};
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = a->chunks;
    if (!keep)
        return;
    a->chunks = keep->next;
    arena_free(a);
    keep->next = NULL;
    *a =
        (struct arena){.chunks = keep, .at = keep->data, .end = keep->data + keep->size, .total = keep->size};
}

void arena_reserve(struct arena *a, size_t size)
{
    ensure(size < SIZE_MAX / 2);
    struct arena_chunk *c = mem_alloc(sizeof *c + size);
    c->next = a->chunks;
    c->size = size;
    a->chunks = c;
    a->total += size;
    a->at = c->data;
    a->end = c->data + size;
}

static void *arena_raw(struct arena *a, size_t size)
{
    char *at = (char *)(((uintptr_t)a->at + ARENA_ALIGN - 1) & ~(uintptr_t)(ARENA_ALIGN - 1));
    if (!a->at || at > a->end || (size_t)(a->end - at) < size) {
        /* Each chunk doubles what is there, so small arenas stay small and large ones take few chunks. */
        size_t chunk = a->total < ARENA_FIRST ? ARENA_FIRST : a->total > ARENA_MOST ? ARENA_MOST : a->total;
        arena_reserve(a, chunk < size ? size : chunk);
        at = a->at;
    }
    a->at = at + size;
    return at;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return memset(arena_raw(a, size), 0, size);
}

void *arena_array(struct arena *a, size_t n, size_t item)
{
    size_t size;
    ensure(!__builtin_mul_overflow(n, item, &size));
    return arena_alloc(a, size);
}

void *arena_dup(struct arena *a, const void *p, size_t size)
{
    void *copy = arena_raw(a, size);
    if (size)
        memcpy(copy, p, size);
    return copy;
}

char *arena_c(struct arena *a, struct str s)
{
    char *c = arena_raw(a, s.n + 1);
    if (s.n)
        memcpy(c, s.p, s.n);
    c[s.n] = 0;
    return c;
}

struct str arena_str(struct arena *a, struct str s)
{
    return str_slice(arena_c(a, s), s.n);
}

struct str arena_vprintf(struct arena *a, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    ensure(n >= 0);
    char *p = arena_raw(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return str_slice(p, (size_t)n);
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str s = arena_vprintf(a, fmt, args);
    va_end(args);
    return s;
}

struct str arena_concat(struct arena *a, struct str x, struct str y)
{
    char *c = arena_raw(a, x.n + y.n + 1);
    if (x.n)
        memcpy(c, x.p, x.n);
    if (y.n)
        memcpy(c + x.n, y.p, y.n);
    c[x.n + y.n] = 0;
    return str_slice(c, x.n + y.n);
}
