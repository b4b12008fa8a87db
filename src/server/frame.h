/* What stands around messages that are encoded already, where the server puts them together: Protobuf's
 * fields of bytes. */
#pragma once
#include "base/buf.h"

enum { FRAME_HEAD_MAX = 11 };

/* Tag and length of field `number` (at most 15) with `n` bytes; returns their size. */
static inline size_t frame_head(char out[static FRAME_HEAD_MAX], int number, uint64_t n)
{
    size_t at = 0;
    out[at++] = (char)(number << 3 | 2);
    for (; n >= 0x80; n >>= 7)
        out[at++] = (char)(n | 0x80);
    out[at++] = (char)n;
    return at;
}

/* How many bytes a field with `n` bytes takes. */
static inline size_t frame_size(uint64_t n)
{
    char head[FRAME_HEAD_MAX];
    return frame_head(head, 1, n) + n;
}

static inline void frame_add_head(struct buf *out, int number, uint64_t n)
{
    char head[FRAME_HEAD_MAX];
    buf_add(out, head, frame_head(head, number, n));
}

static inline void frame_add(struct buf *out, int number, struct str bytes)
{
    frame_add_head(out, number, bytes.n);
    buf_add_str(out, bytes);
}
