#include "server/flow/flow_level.h"

#include <stdlib.h>

#include "base/mem.h"

void flow_level_set_queues(struct flow_level *l, uint32_t n)
{
    if (n == l->n_queues)
        return;
    ensure(!l->waiting);
    free(l->queues);
    l->queues = n ? mem_zalloc(n * sizeof *l->queues) : NULL;
    l->n_queues = n;
    for (uint32_t i = 0; i < n; i++)
        l->queues[i].last = &l->queues[i].first;
}

void flow_level_free(struct flow_level *l)
{
    free(l->queues);
    l->queues = NULL;
    l->n_queues = 0;
}

/* The card that the flow is dealt after the `n` in `hand`: distinct ones, by what is left of its hash. */
static uint32_t deal(uint64_t *hash, uint32_t queues, const uint32_t *hand, uint32_t n)
{
    uint32_t left = queues - n, card = (uint32_t)(*hash % left);
    *hash /= left;
    /* `hand` is sorted: what was dealt before is passed over. */
    for (uint32_t i = 0; i < n && hand[i] <= card; i++)
        card++;
    return card;
}

static struct flow_queue *shortest(struct flow_level *l, uint64_t flow)
{
    uint32_t hand[FLOW_HAND_MOST], n = 0;
    struct flow_queue *best = NULL;
    while (n < l->hand && n < FLOW_HAND_MOST && n < l->n_queues) {
        uint32_t card = deal(&flow, l->n_queues, hand, n), at = n++;
        for (; at > 0 && hand[at - 1] > card; at--)
            hand[at] = hand[at - 1];
        hand[at] = card;
        if (!best || l->queues[card].n < best->n)
            best = &l->queues[card];
    }
    return best;
}

bool flow_level_wait(struct flow_level *l, struct flow_place *p, uint64_t flow, int64_t now)
{
    struct flow_queue *q = shortest(l, flow);
    if (!q || q->n >= l->most_in_queue)
        return false;
    /* Idleness is not saved up. */
    if (!q->n && q->served < l->now)
        q->served = l->now;
    *p = (struct flow_place){.prev = q->last, .queue = q, .since = now};
    *q->last = p;
    q->last = &p->next;
    q->n++;
    l->waiting++;
    return true;
}

static struct flow_place *take_out(struct flow_level *l, struct flow_place *p)
{
    struct flow_queue *q = p->queue;
    *p->prev = p->next;
    if (p->next)
        p->next->prev = p->prev;
    else
        q->last = p->prev;
    q->n--;
    l->waiting--;
    return p;
}

struct flow_place *flow_level_next(struct flow_level *l)
{
    struct flow_queue *best = NULL;
    for (uint32_t i = 0; i < l->n_queues && l->waiting; i++)
        if (l->queues[i].n && (!best || l->queues[i].served < best->served))
            best = &l->queues[i];
    if (!best)
        return NULL;
    l->now = best->served++;
    return take_out(l, best->first);
}

struct flow_place *flow_level_late(struct flow_level *l, int64_t since)
{
    for (uint32_t i = 0; i < l->n_queues && l->waiting; i++)
        if (l->queues[i].n && l->queues[i].first->since < since)
            return take_out(l, l->queues[i].first);
    return NULL;
}
