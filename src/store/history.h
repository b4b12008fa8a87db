/* The events of a table that watches may still resume behind: a ring, bounded in number, age and memory. */
#pragma once
#include <stdatomic.h>

#include "store/store.h"

/* An event as the history and every watch share it. */
struct event_record {
    atomic_int refs;
    enum watch_event_type type;
    struct object *object, *before; /* references; before may be NULL */
    int64_t revision;
    int64_t at;    /* clock_mono of its publication */
    size_t weight; /* bytes that only the past still needs: what it replaced */
};

/* Takes references to both objects. References: 1. */
struct event_record *event_record_new(enum watch_event_type type, struct object *object,
                                      struct object *before, int64_t revision);
static inline struct event_record *event_record_ref(struct event_record *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}
void event_record_unref(struct event_record *e);

struct history_limits {
    size_t events; /* a power of two */
    size_t bytes;
    int64_t age_ns;
};

struct history {
    struct event_record **at; /* a ring; cap is a power of two */
    size_t first, n, cap;
    size_t bytes;
    int64_t floor; /* every event after this revision is here */
};

void history_free(struct history *h);
/* Adds the newest, taking a reference. */
void history_add(struct history *h, struct event_record *e, const struct history_limits *limits);
/* Drops what is too old. Returns when the oldest left will be, INT64_MAX when none is. */
int64_t history_expire(struct history *h, const struct history_limits *limits, int64_t now);
static inline struct event_record *history_at(const struct history *h, size_t i)
{
    return h->at[(h->first + i) & (h->cap - 1)];
}
/* The index of the first event after `revision`; h->n when there is none. */
size_t history_after(const struct history *h, int64_t revision);
