/* Memory that never fails to come: running out of it ends the process loudly, since no caller could go on.
 * Sizes are bytes. `_cleanup_(f)` calls f(&variable) when the variable leaves scope. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(mem_freep)
#define _printf_(f, a) __attribute__((format(printf, f, a)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* The structure that embeds `member` at `ptr`. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *p, size_t size);
void *mem_dup(const void *p, size_t size);
/* Grows `*items` (of `item` bytes each) so that it holds at least `want`; doubles, so appending is amortised.
 */
void mem_grow(void **items, size_t *cap, size_t want, size_t item);
/* For _cleanup_free_: takes the address of the pointer to free. */
void mem_freep(void *p);

/* A broken invariant: says where, and aborts. Never for bad input. */
_Noreturn void mem_panic(const char *file, int line, const char *what);
#define ensure(cond) ((cond) ? (void)0 : mem_panic(__FILE__, __LINE__, #cond))
