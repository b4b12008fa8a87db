#include "http/parts.h"

#include <stdlib.h>

void parts_drop(const struct http_part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (parts[i].release)
            parts[i].release(parts[i].owner);
}

void parts_push(struct parts *q, const struct http_part *parts, size_t n)
{
    if (q->head && q->head + q->n + n > q->cap) {
        memmove(q->at, q->at + q->head, q->n * sizeof *q->at);
        q->head = 0;
    }
    if (q->head + q->n + n > q->cap)
        mem_grow((void **)&q->at, &q->cap, q->head + q->n + n, sizeof *q->at);
    for (size_t i = 0; i < n; i++) {
        struct http_part part = parts[i];
        if (!part.bytes.n) {
            parts_drop(&part, 1);
            continue;
        }
        if (!part.release) {
            part.owner = mem_dup(part.bytes.p, part.bytes.n);
            part.bytes.p = part.owner;
            part.release = free;
        }
        q->at[q->head + q->n++] = part;
        q->bytes += part.bytes.n;
    }
}

void parts_advance(struct parts *q, size_t n)
{
    q->done += n;
    q->bytes -= n;
    struct http_part *first = &q->at[q->head];
    if (q->done < first->bytes.n)
        return;
    struct http_part sent = *first;
    q->done = 0;
    q->head = --q->n ? q->head + 1 : 0;
    parts_drop(&sent, 1);
}

void parts_clear(struct parts *q)
{
    struct http_part *at = q->n ? q->at + q->head : NULL;
    size_t n = q->n;
    q->head = q->n = q->bytes = q->done = 0;
    parts_drop(at, n);
}

void parts_free(struct parts *q)
{
    parts_clear(q);
    free(q->at);
    *q = (struct parts){0};
}
