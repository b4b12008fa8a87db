#include "client/correlator.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"

#define SPAM_BURST   25
#define SPAM_REFILL  (300 * CLOCK_S) /* one more event */
#define SIMILAR_MAX  10
#define SIMILAR_SPAN (600 * CLOCK_S)
enum { MEMORY_MAX = 4096 }; /* of each sort; when there are more all are forgotten, and events start anew */

/* Any of the three memories, by its key. */
struct memory {
    struct str key;
    int64_t time;                    /* of the bucket's level, or of the last similar one */
    double tokens;                   /* spam */
    struct str similar[SIMILAR_MAX]; /* different messages; malloc'd */
    size_t n_similar;
    int64_t first; /* counting */
    int32_t count;
    char *ns, *name;
};

struct correlator {
    struct map buckets, similar, counted;
    struct buf key;
};

static void memory_free(struct memory *m)
{
    for (size_t i = 0; i < m->n_similar; i++)
        free((char *)m->similar[i].p);
    free(m->ns);
    free(m->name);
    free((char *)m->key.p);
    free(m);
}

static void memories_forget(struct map *all)
{
    map_each (all, slot)
        memory_free(slot->value);
    map_free(all);
}

/* The memory of the parts joined, made when absent. */
static struct memory *memory_of(struct correlator *c, struct map *all, struct str a, struct str b,
                                struct str d)
{
    c->key.n = 0;
    buf_add_str(&c->key, a);
    buf_add_c(&c->key, 0);
    buf_add_str(&c->key, b);
    buf_add_c(&c->key, 0);
    buf_add_str(&c->key, d);
    struct memory *m = map_get(all, buf_str(&c->key));
    if (m)
        return m;
    if (all->n >= MEMORY_MAX)
        memories_forget(all);
    m = mem_zalloc(sizeof *m);
    m->key = str_slice(mem_dup(c->key.p, c->key.n), c->key.n);
    map_put(all, m->key, m);
    return m;
}

struct correlator *correlator_new(void)
{
    return mem_zalloc(sizeof(struct correlator));
}

void correlator_free(struct correlator *c)
{
    if (!c)
        return;
    memories_forget(&c->buckets);
    memories_forget(&c->similar);
    memories_forget(&c->counted);
    buf_free(&c->key);
    free(c);
}

static bool correlator_affords(struct correlator *c, struct str source, int64_t now)
{
    struct memory *m = memory_of(c, &c->buckets, source, (struct str){0}, (struct str){0});
    m->tokens = m->time ? m->tokens + (double)(now - m->time) / (double)SPAM_REFILL : SPAM_BURST;
    if (m->tokens > SPAM_BURST)
        m->tokens = SPAM_BURST;
    m->time = now;
    if (m->tokens < 1)
        return false;
    m->tokens -= 1;
    return true;
}

/* Whether it is one of too many alike. */
static bool correlator_combines(struct correlator *c, struct str source, struct str kind, struct str message,
                                int64_t now)
{
    struct memory *m = memory_of(c, &c->similar, source, kind, (struct str){0});
    if (now - m->time > SIMILAR_SPAN) {
        for (size_t i = 0; i < m->n_similar; i++)
            free((char *)m->similar[i].p);
        m->n_similar = 0;
    }
    m->time = now;
    for (size_t i = 0; i < m->n_similar; i++)
        if (str_eq(m->similar[i], message))
            return false;
    if (m->n_similar == SIMILAR_MAX - 1)
        return true;
    m->similar[m->n_similar++] = str_slice(str_dup_c(message), message.n);
    return false;
}

bool correlator_see(struct correlator *c, struct str source, struct str kind, struct str message, int64_t now,
                    struct correlated *out)
{
    bool combined = correlator_combines(c, source, kind, message, now);
    struct memory *m = memory_of(c, &c->counted, source, kind, combined ? (struct str){0} : message);
    if (!m->count++)
        m->first = now;
    *out = (struct correlated){
        .ns = str_from(m->ns),
        .name = str_from(m->name),
        .first = m->first,
        .count = m->count,
        .combined = combined,
        .memory = m,
    };
    return correlator_affords(c, source, now);
}

void correlator_written(struct correlator *c, const struct correlated *seen, struct str ns, struct str name)
{
    (void)c;
    struct memory *m = seen->memory;
    free(m->ns);
    free(m->name);
    m->ns = str_dup_c(ns);
    m->name = str_dup_c(name);
}
