/* Keeps a table of the kernel's, one of each family, as its owners ask (net/ruleset.h): gathers what has
 * changed while the last transaction ran, writes the difference in one, and builds all anew after a failure.
 * What it finds from an earlier run it replaces at its first transaction. */
#pragma once
#include "base/thread.h"
#include "net/nft.h"
#include "net/ruleset.h"

/* Something that asks for rules: a service, a pod, a policy. Embedded, zeroed. */
struct rule_owner {
    int kind; /* what it is embedded in, where a keeper has several kinds */
    bool dirty;
    struct rule_owner *next_dirty;
    struct items applied[NFT_FAMILIES]; /* in the kernel, or on its way there */
    struct arena arena;                 /* of them */
};
void rule_owner_clear(struct rule_owner *o);

struct rule_keeper {
    /* Set before the start. */
    const char *name; /* of the thread, and in the log */
    const char *table;
    const char *const *bases; /* what is always there, by family as nft_family: ruleset.base */
    pthread_mutex_t *lock;    /* guards the owners; held while the first three are called */
    /* Calls rule_keeper_mark for every owner. */
    void (*all)(struct rule_keeper *k);
    /* What the owner asks for in this family, in `a`; sorted. */
    void (*render)(struct rule_keeper *k, struct rule_owner *o, enum ip_family family, struct arena *a,
                   struct items *out);
    /* It is in the kernel; an owner that nobody needs any more may be freed, if it is not dirty. */
    void (*settled)(struct rule_keeper *k, struct rule_owner *o);
    /* Before each turn: whether all that there is has been seen once; waits for that until `deadline`.
     * Without the lock. */
    bool (*synced)(struct rule_keeper *k, int64_t deadline);
    /* After each transaction that worked, with what it has changed in each family; may be NULL. Without the
     * lock. */
    void (*changed)(struct rule_keeper *k, enum ip_family family, const struct items_change *changes,
                    size_t n);

    /* Its own. */
    struct ruleset rulesets[NFT_FAMILIES];
    size_t n_rulesets; /* as many as the kernel has families */
    struct rule_owner *dirty;
    size_t n_dirty;
    bool stopping, built; /* built: the table in the kernel is ours */
    pthread_cond_t wake;
    pthread_t thread;
};

void rule_keeper_start(struct rule_keeper *k);
/* Leaves the rules as they are. The owners are the caller's to clear. */
void rule_keeper_stop(struct rule_keeper *k);
/* The owner has changed. Under the lock; may be called before the start, once `wake` is made: see
 * rule_keeper_init. */
void rule_keeper_mark(struct rule_keeper *k, struct rule_owner *o);
void rule_keeper_init(struct rule_keeper *k);
/* Without a keeper running: takes its tables out of the kernel. */
int rule_keeper_remove(const char *table, struct err *err);
