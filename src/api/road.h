/* A request on its way: what the verbs share. Private to src/api.
 *
 * Each verb is a chain of steps. A step returns ROAD_DONE, ROAD_WAIT (after it has handed something out that
 * will wake the request; from then on the road is not its own, so it touches nothing more) or -1 with the
 * request's err set; `next` is what to go on with after waiting. */
#pragma once
#include "api/admission_settings.h"
#include "api/answer.h"
#include "api/strategy.h"
#include "base/map.h"
#include "base/thread.h"
#include "schema/copy.h"

enum { ROAD_DONE = 0, ROAD_WAIT = 1 };

enum { ADMISSIONS_MAX = 16 };

struct api {
    struct api_options options;
    struct api_hooks hooks;
    const struct admission_settings *admission;
    struct api_admission admissions[ADMISSIONS_MAX];
    size_t n_admissions;
    struct store *store;
    struct resources *resources;     /* which are served: resources.h */
    struct services *services;       /* cluster IPs and node ports: service/ */
    struct policy_cache *policies;   /* compiled: policy/ */
    struct expiry *expiry;           /* of events; NULL before api_bootstrap */
    struct definitions *definitions; /* follows them; NULL before api_bootstrap */
    struct arena arena;              /* copies of the options */
    pthread_mutex_t quota_mutex;
    struct quota_claim *quota_claims; /* admission/quota.c; under quota_mutex */
    pthread_mutex_t mutex;            /* of what is below */
    pthread_cond_t settled;           /* a change that an abandoned request waits for is done */
};

struct road;
typedef int (*road_step)(struct road *d);

/* What differs between PUT, PATCH and the subresources that write: how the new object comes about. */
struct write {
    /* Sets d->object from d->old (NULL when absent and `create` allows that). Called anew for each try. */
    int (*make)(struct road *d);
    /* After the commit: the answer, where it is not the object itself. */
    int (*answer)(struct road *d);
    bool create;      /* what is absent is created, where the strategy allows it */
    bool creates_any; /* or does not */
    bool status; /* only the status (or what the subresource owns) changes: its hooks instead of the main ones
                  */
    bool raw;    /* neither: `make` prepares, and `validate` below checks */
    bool quiet;  /* generation does not count it */
    /* `make` says itself who owns what (managedFields), or it is nobody's change. */
    bool untracked;
    void (*validate)(const void *o, const void *old, struct field_errors *e);
    /* Of a subresource with a type of its own, where `make` sets d->shown: takes what admission has made of
     * it over into d->object. NULL: nothing of it. */
    int (*take)(struct road *d);
};

struct road {
    struct api *api;
    struct api_request *r;
    const struct resource *resource; /* as stored: r->resource, or what it is stored as */
    const struct strategy *strategy;
    struct table *table;
    struct strategy_context context;
    struct str ns, name;
    road_step next, inside; /* behind the door, where it asks there */

    /* A write. */
    const struct write *write;
    void *object;                           /* the new one */
    struct object *current;                 /* the present one, referenced; NULL: none */
    const void *old;                        /* its struct */
    struct managed_fields_entry_vec owners; /* the new one's, before admission */
    struct object *fresh;                   /* the new one, encoded */
    /* What admission judges where the subresource has a type of its own, and what it was (NULL: new). */
    const struct resource *shown_resource;
    void *shown;
    const void *shown_old;
    bool deletes; /* the change takes the object away */
    bool creates;
    bool must_match; /* the client gave a resourceVersion: no second try */
    int tries;
    unsigned plugin, hook;   /* where the chain of admissions stands: built-in plugins, hooks, last plugins */
    int64_t admission_began; /* clock_mono: of the half that is under way */
    bool mutated;            /* of a chain whose both halves run together: the first is through */
    void *kept[ADMISSIONS_MAX]; /* by hooks, for the second round */
    struct api_attributes attributes;
    struct change change;
    bool in_flight; /* the store has the change; under api->mutex */
    bool abandoned;
    struct claims *claims;           /* service/services.c */
    struct quota_claim *quota_claim; /* admission/quota.c */
    void *more;                      /* the verb's own */
    struct api_request *child;       /* a request that this one makes of its own */
};

/* --- the parts that verbs are made of --- */

/* Reads the current object; answers NotFound when there is none. Drops what d->current was. */
int road_load(struct road *d);
/* The same, where absence is fine: d->current is NULL then. */
int road_load_maybe(struct road *d);
/* Asks whether the request's user may do `verb` with what the request is about: ROAD_DONE, ROAD_WAIT (come
 * back to it), or -1 with the authorizer's reason (in the request's arena), if it gave one. */
int road_ask_leave(struct road *d, struct str verb, struct str subresource, struct str *reason);
struct cel_authz_check; /* cel/cel.h */
/* The same of anything. */
int road_ask_leave_for(struct road *d, const struct cel_authz_check *what, struct str *reason);
/* The first step of a request that has not been authorized. */
int road_at_the_door(struct road *d);
/* Hands d->change to the store; d->next runs when it is done. Always ROAD_WAIT. */
int road_submit(struct road *d, enum change_op op, struct object *o, int64_t expect, road_step next);
/* What went wrong with the change, where it did: 0 or -1 with the answer. CHANGE_CONFLICT is left to the
 * caller. */
int road_change_result(struct road *d);
/* The struct that the body (or the caller) gave, of `type`, fresh in the request's arena and defaulted. */
int road_decode(struct road *d, const struct resource *type, void **out);
/* d->object is in the request's namespace, or becomes so where it names none. */
int road_check_namespace(struct road *d);
/* A change comes before admission. */
void road_judge(struct road *d, const struct api_attributes *at);
/* The chain of admissions: ROAD_DONE, ROAD_WAIT (come back to it) or -1. */
int road_admit(struct road *d, bool mutate);
/* The request ends: the store has what it created, or nothing came of it. */
void quota_end(struct road *d);
/* Both halves, for what is not stored. */
int road_admit_all(struct road *d);
/* Every rule for d->object (and d->old), as one Invalid Status. */
int road_validate(struct road *d);
/* Encodes d->object as d->fresh, in the form to store. NULL: it could not be converted to that. */
struct object *road_encode(struct road *d);
/* Answers with an object, as the client asked to see it: takes the reference. */
int road_reply(struct road *d, int code, struct object *o);
/* Answers with a Status "Success". */
int road_reply_success(struct road *d, int code, struct str name, struct str uid);
/* Reads another kind's object at the newest revision; referenced, NULL when absent. */
struct object *road_find(struct api *a, const struct resource *r, struct str ns, struct str name);
/* Creates and updates run by the verbs' own steps. */
int road_write(struct road *d, const struct write *w);

/* A request in the name of this one's user, with nothing but these filled in. Set d->next to the step that
 * goes on, then run it: ROAD_DONE, ROAD_WAIT (come back to run it again), or -1 with the child's error moved
 * to d's request. */
struct api_request *road_child(struct road *d, enum api_verb verb, const struct resource *r, struct str ns,
                               struct str name);
int road_child_run(struct road *d);
void road_child_end(struct road *d);

/* --- verbs and subresources: one file each --- */
int verb_get(struct road *d);
int verb_list(struct road *d);
int verb_create(struct road *d);
int verb_update(struct road *d);
int verb_patch(struct road *d);
int verb_delete(struct road *d);
int verb_delete_collection(struct road *d);
int verb_connect(struct road *d);
/* POST of a Binding to the collection "bindings". */
int sub_bindings(struct road *d);
/* A subresource's step for the request's verb; NULL when it has none. */
road_step sub_find(const struct road *d);
