/* An arena: memory that is freed all at once, with what it was made for (a request, an object, a reconcile).
 * Not thread-safe; one owner at a time. */
#pragma once
#include <stdarg.h>

#include "base/mem.h"
#include "base/str.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *at, *end;             /* what is left of the newest */
    size_t total;               /* bytes taken from malloc */
};

#define _cleanup_arena_ _cleanup_(arena_free)

/* Starts empty (`struct arena a = {0}` is enough); the first allocation takes the first chunk. */
void arena_free(struct arena *a);
/* Makes room for `size` bytes in one piece, for those who know how much they will need. */
void arena_reserve(struct arena *a, size_t size);
/* Forgets what was allocated but keeps one chunk, for a loop's next turn. */
void arena_reset(struct arena *a);
/* Zeroed, aligned for any type of that size. */
void *arena_alloc(struct arena *a, size_t size);
/* Zeroed room for `n` items; aborts if the product overflows. */
void *arena_array(struct arena *a, size_t n, size_t item);
void *arena_dup(struct arena *a, const void *p, size_t size);
/* A copy that is also NUL-terminated behind its last byte. */
struct str arena_str(struct arena *a, struct str s);
char *arena_c(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3);
struct str arena_vprintf(struct arena *a, const char *fmt, va_list args);
/* Both joined, as arena_str. */
struct str arena_concat(struct arena *a, struct str x, struct str y);

#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_new_n(a, type, n) ((type *)arena_array((a), (n), sizeof(type)))
