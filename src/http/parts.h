/* A queue of http_parts: bytes that wait to be sent, and what keeps them alive. */
#pragma once
#include "http/http.h"

enum {
    PARTS_HIGH = 256 * 1024, /* more than this waiting: the writer should stop */
    PARTS_LOW = 64 * 1024,   /* less than this: it may go on */
};

struct parts {
    struct http_part *at;
    size_t head, n, cap; /* at[head] is the first of n */
    size_t bytes;        /* that wait */
    size_t done;         /* bytes of the first part that are sent */
};

/* Adds them; those without a release are copied. */
void parts_push(struct parts *q, const struct http_part *parts, size_t n);
/* The bytes that stand first, in one stretch; empty when nothing waits. */
static inline struct str parts_first(const struct parts *q)
{
    return q->n ? str_from_at(q->at[q->head].bytes, q->done) : (struct str){0};
}
/* `n` bytes, no more than parts_first has, are sent. */
void parts_advance(struct parts *q, size_t n);
/* Releases everything; keeps the queue's own memory for the next use. */
void parts_clear(struct parts *q);
void parts_free(struct parts *q);
/* Releases parts that were never queued. */
void parts_drop(const struct http_part *parts, size_t n);
