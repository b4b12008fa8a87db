/* A buffer of bytes that grows at its end. `struct buf b = {0}` is empty; buf_free gives its memory back. */
#pragma once
#include "base/arena.h"

struct buf {
    char *p;
    size_t n, cap;
};

#define _cleanup_buf_ _cleanup_(buf_free)

void buf_free(struct buf *b);
void buf_wipe(struct buf *b);               /* the same of what nobody may find in memory afterwards */
char *buf_grow(struct buf *b, size_t more); /* buf_room where there is none yet */
/* Makes room for `more` bytes behind the end and returns where they start; the caller then adds to b->n. */
static inline char *buf_room(struct buf *b, size_t more)
{
    return more < b->cap - b->n ? b->p + b->n : buf_grow(b, more);
}
void buf_add(struct buf *b, const void *p, size_t n);
void buf_addf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
void buf_add_i64(struct buf *b, int64_t v);

static inline void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

static inline void buf_add_c(struct buf *b, char c)
{
    *buf_room(b, 1) = c;
    b->n++;
}

#define buf_add_lit(b, lit) buf_add((b), (lit), sizeof(lit) - 1)

/* The bytes so far; valid until the buffer grows or is freed. */
static inline struct str buf_str(const struct buf *b)
{
    return str_slice(b->p, b->n);
}
