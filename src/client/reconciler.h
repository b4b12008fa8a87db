/* A reconciler: a function of a key. Its queue gives each key to one worker at a time, merges repeats while a
 * key waits, and retries what failed with growing back-off (5 ms doubling to 1000 s, as client-go's default).
 */
#pragma once
#include "client/informer.h"

struct reconciler;

/* Threads that several reconcilers share; they start when there is work for them and end with the pool. */
struct worker_pool;
struct worker_pool *worker_pool_new(const char *name, int workers);
/* Its reconcilers must be freed. */
void worker_pool_free(struct worker_pool *p);

/* Look at what is and what should be, and make the next change. `a` is freed when it returns. 0: done; -1:
 * try again later, `err` is logged (conflicts quietly). May block. `*again_ns` > 0 asks to be called again
 * after so long. */
typedef int (*reconcile_fn)(void *arg, struct str ns, struct str name, struct arena *a, int64_t *again_ns,
                            struct err *err);

/* With threads of its own. */
struct reconciler *reconciler_new(const char *name, int workers, reconcile_fn fn, void *arg);
/* With those of a pool, at most `workers` of them at a time. */
struct reconciler *reconciler_new_in(struct worker_pool *p, const char *name, int workers, reconcile_fn fn,
                                     void *arg);
/* Workers start here; until then keys gather. */
void reconciler_start(struct reconciler *r);
/* Waits for what is running, drops what waits. */
void reconciler_stop(struct reconciler *r);
void reconciler_free(struct reconciler *r);
/* Any thread. */
void reconciler_add(struct reconciler *r, struct str ns, struct str name);
void reconciler_add_after(struct reconciler *r, struct str ns, struct str name, int64_t ns_delay);
/* An informer_fn whose arg is the reconciler: adds the object's own key. */
void reconciler_on_object(void *reconciler, struct object *before, struct object *after);
