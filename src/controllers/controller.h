/* What a controller is made of: a definition (a row of the table in controllers.c), and the work that its
 * reconcile function gets to see. Only src/controllers includes this. */
#pragma once
#include "base/clock.h"
#include "client/events.h"
#include "client/reconciler.h"
#include "controllers/controllers.h"
#include "controllers/kinds.h"

struct controller;

/* One key to reconcile, and everything at hand for it. */
struct work {
    struct controller *controller;
    struct client *client;
    struct recorder *recorder;
    const struct controllers_options *options;
    struct str ns, name;
    struct arena *a;  /* freed afterwards */
    int64_t again_ns; /* set it to be called again after so long */
    struct err *err;
};

struct controller_def {
    const char *name;            /* "deployment" */
    const char *component;       /* of its events: "deployment-controller" */
    const char *account;         /* in kube-system, whose rights it has; NULL: the manager's own */
    const struct resource *kind; /* whose keys it reconciles */
    int workers;                 /* at once; 0: 1 */
    int (*reconcile)(struct work *w);
    /* Makes and frees what the controller keeps (controller->state); may be NULL. */
    int (*start)(struct controller *k, struct err *err);
    void (*stop)(struct controller *k);
    /* Which changes it wants to hear of, and how one becomes keys (`before` NULL: added, `after` NULL: gone).
     */
    struct controller_watch {
        const struct resource *resource;
        void (*on)(struct controller *k, struct object *before, struct object *after);
    } watches[8];
    /* The same for every stored kind (controllers/kinds.h); NULL: not asked for. */
    void (*on_any)(struct controller *k, struct object *before, struct object *after);
};

struct controller {
    const struct controller_def *def;
    struct client *client;
    const struct controllers_options *options;
    struct kinds *kinds;
    struct worker_pool *pool;
    struct recorder *recorder;
    struct reconciler *reconciler;
    void *state;
    bool synced; /* all that it watches has been seen once */
};

/* The informer of a kind: informer_of(w, pod). */
#define informer_of(w_or_k, kind) client_informer((w_or_k)->client, &kind##_resource, NULL)

/* The usual ways from an object to keys: its own, and that of its controller where that is of def->kind. */
void controller_on_self(struct controller *k, struct object *before, struct object *after);
void controller_on_owned(struct controller *k, struct object *before, struct object *after);

/* For an object without controller: the keys of all in its namespace whose spec.selector matches its labels.
 */
void controller_on_orphan(struct controller *k, struct object *orphan);

static inline void controller_add(struct controller *k, struct str ns, struct str name)
{
    reconciler_add(k->reconciler, ns, name);
}

/* Asks to be called again after `ns`, or sooner where something asked so before. */
static inline void work_again(struct work *w, int64_t ns)
{
    if (ns < 1)
        ns = 1;
    if (!w->again_ns || ns < w->again_ns)
        w->again_ns = ns;
}

/* Failures that the next attempt, or no attempt at all, mends: 0 for those, else what the call returned. */
int work_forgive(struct work *w, int failed, enum err_reason harmless);
