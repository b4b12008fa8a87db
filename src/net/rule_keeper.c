#define LOG_PART "rules"
#include "net/rule_keeper.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

enum { RETRY_MOST_S = 30 };
#define SYNC_TURN (200 * CLOCK_MS)

void rule_owner_clear(struct rule_owner *o)
{
    for (size_t f = 0; f < NFT_FAMILIES; f++)
        items_free(&o->applied[f]);
    arena_free(&o->arena);
}

void rule_keeper_init(struct rule_keeper *k)
{
    thread_cond_init(&k->wake);
    k->n_rulesets = nft_families();
    for (size_t f = 0; f < k->n_rulesets; f++)
        k->rulesets[f] = (struct ruleset){.family = nft_family[f], .table = k->table, .base = k->bases[f]};
}

static bool keeper_is_stale(const struct rule_keeper *k)
{
    for (size_t f = 0; f < k->n_rulesets; f++)
        if (k->rulesets[f].stale)
            return true;
    return false;
}

void rule_keeper_mark(struct rule_keeper *k, struct rule_owner *o)
{
    if (o->dirty)
        return;
    o->dirty = true;
    o->next_dirty = k->dirty;
    k->dirty = o;
    k->n_dirty++;
    pthread_cond_signal(&k->wake);
}

/* What one turn works on: the changed owners, with their new items beside the old ones. */
struct turn {
    struct rule_owner **owners;
    struct arena *arenas;
    struct items *fresh[NFT_FAMILIES];
    struct items_change *changes[NFT_FAMILIES];
    size_t n;
};

static void turn_free(struct turn *t)
{
    free(t->owners);
    free(t->arenas);
    for (size_t f = 0; f < NFT_FAMILIES; f++) {
        free(t->fresh[f]);
        free(t->changes[f]);
    }
}

/* Takes what has changed, or everything, and asks each for its rules. Under the lock: quick, as objects are
 * decoded once and rules are text. */
static void turn_take(struct rule_keeper *k, bool all, struct turn *t)
{
    static const struct items none;
    _lock_(k->lock);
    if (all)
        k->all(k);
    t->owners = mem_zalloc(k->n_dirty * sizeof(struct rule_owner *));
    t->arenas = mem_zalloc(k->n_dirty * sizeof *t->arenas);
    for (size_t f = 0; f < k->n_rulesets; f++) {
        t->fresh[f] = mem_zalloc(k->n_dirty * sizeof *t->fresh[f]);
        t->changes[f] = mem_zalloc(k->n_dirty * sizeof *t->changes[f]);
    }
    for (struct rule_owner *o = k->dirty; o; o = o->next_dirty, t->n++) {
        t->owners[t->n] = o;
        for (size_t f = 0; f < k->n_rulesets; f++) {
            struct items *fresh = &t->fresh[f][t->n];
            k->render(k, o, nft_family[f], &t->arenas[t->n], fresh);
            t->changes[f][t->n] = (struct items_change){all ? &none : &o->applied[f], fresh};
        }
        o->dirty = false;
    }
    k->dirty = NULL;
    k->n_dirty = 0;
}

/* Keeps what is now in the kernel; after a failure the next turn looks at all owners again. */
static void turn_done(struct rule_keeper *k, struct turn *t)
{
    _lock_(k->lock);
    for (size_t i = 0; i < t->n; i++) {
        struct rule_owner *o = t->owners[i];
        rule_owner_clear(o);
        for (size_t f = 0; f < k->n_rulesets; f++)
            o->applied[f] = t->fresh[f][i];
        o->arena = t->arenas[i];
        if (!o->dirty && k->built)
            k->settled(k, o);
    }
}

static int turn_run(struct rule_keeper *k, struct err *err)
{
    _cleanup_buf_ struct buf script = {0};
    _cleanup_(turn_free) struct turn t = {0};
    bool all = !k->built || keeper_is_stale(k);
    turn_take(k, all, &t);
    for (size_t f = 0; f < k->n_rulesets; f++) {
        if (all)
            ruleset_begin(&k->rulesets[f], &script);
        ruleset_change(&k->rulesets[f], t.changes[f], t.n, &script);
    }
    int rc = nft_apply(buf_str(&script), err);
    k->built = rc == 0; /* after a failure nobody knows: build it all anew */
    for (size_t f = 0; rc == 0 && k->changed && f < k->n_rulesets; f++)
        k->changed(k, nft_family[f], t.changes[f], t.n);
    turn_done(k, &t);
    return rc;
}

/* Waits for what is to be known, which may take long where the server is away; false when told to stop
 * meanwhile.
 */
static bool keeper_sync(struct rule_keeper *k)
{
    while (!k->synced(k, clock_mono() + SYNC_TURN)) {
        _lock_(k->lock);
        if (k->stopping)
            return false;
    }
    return true;
}

static void keeper_main(void *arg)
{
    struct rule_keeper *k = arg;
    for (int64_t wait_s = 1; keeper_sync(k);) {
        _cleanup_err_ struct err err = {0};
        int64_t until = INT64_MAX;
        if (turn_run(k, &err) < 0) {
            log_warn("%s: not in force: " STR_FMT "; trying again in %llds", k->name, STR_ARG(err.message),
                     (long long)wait_s);
            until = clock_mono() + wait_s * CLOCK_S;
            wait_s = wait_s * 2 > RETRY_MOST_S ? RETRY_MOST_S : wait_s * 2;
        } else {
            wait_s = 1;
        }
        _lock_(k->lock);
        while (!k->stopping && !keeper_is_stale(k) && (!k->built || !k->dirty))
            if (!thread_cond_wait(&k->wake, k->lock, until))
                break;
        if (k->stopping)
            return;
    }
}

void rule_keeper_start(struct rule_keeper *k)
{
    k->thread = thread_start(k->name, keeper_main, k);
}

void rule_keeper_stop(struct rule_keeper *k)
{
    {
        _lock_(k->lock);
        k->stopping = true;
        pthread_cond_signal(&k->wake);
    }
    thread_join(k->thread);
    for (size_t f = 0; f < k->n_rulesets; f++)
        ruleset_free(&k->rulesets[f]);
    pthread_cond_destroy(&k->wake);
}

int rule_keeper_remove(const char *table, struct err *err)
{
    _cleanup_buf_ struct buf script = {0};
    for (size_t f = 0; f < nft_families(); f++)
        nft_remove(nft_ip(nft_family[f]), table, &script);
    return nft_apply(buf_str(&script), err);
}
