#include "store/history.h"

#include <stdlib.h>

#include "base/clock.h"

struct event_record *event_record_new(enum watch_event_type type, struct object *object,
                                      struct object *before, int64_t revision)
{
    struct event_record *e = mem_alloc(sizeof *e);
    *e = (struct event_record){
        .type = type,
        .object = object_ref(object),
        .before = before ? object_ref(before) : NULL,
        .revision = revision,
        .at = clock_mono(),
        .weight = before ? object_size(before) : 0,
    };
    atomic_init(&e->refs, 1);
    return e;
}

void event_record_unref(struct event_record *e)
{
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) > 1)
        return;
    object_unref(e->object);
    object_unref(e->before);
    free(e);
}

static void history_drop_first(struct history *h)
{
    struct event_record *e = history_at(h, 0);
    h->floor = e->revision;
    h->bytes -= e->weight;
    h->first++;
    h->n--;
    event_record_unref(e);
}

void history_free(struct history *h)
{
    while (h->n)
        history_drop_first(h);
    free(h->at);
    *h = (struct history){0};
}

static void history_resize(struct history *h, size_t cap)
{
    struct event_record **at = mem_alloc(cap * sizeof(struct event_record *));
    for (size_t i = 0; i < h->n; i++)
        at[i] = history_at(h, i);
    free(h->at);
    h->at = at;
    h->cap = cap;
    h->first = 0;
}

void history_add(struct history *h, struct event_record *e, const struct history_limits *limits)
{
    while (h->n >= limits->events || (h->n && h->bytes + e->weight > limits->bytes))
        history_drop_first(h);
    if (h->n == h->cap)
        history_resize(h, h->cap ? h->cap * 2 : 16);
    h->at[(h->first + h->n++) & (h->cap - 1)] = event_record_ref(e);
    h->bytes += e->weight;
}

int64_t history_expire(struct history *h, const struct history_limits *limits, int64_t now)
{
    while (h->n && history_at(h, 0)->at + limits->age_ns <= now)
        history_drop_first(h);
    if (h->cap > 64 && h->n < h->cap / 4)
        history_resize(h, h->cap / 2);
    return h->n ? history_at(h, 0)->at + limits->age_ns : INT64_MAX;
}

size_t history_after(const struct history *h, int64_t revision)
{
    size_t low = 0, high = h->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (history_at(h, mid)->revision <= revision)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}
