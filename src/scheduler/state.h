/* The scheduler's inside. */
#pragma once
#include "base/thread.h"
#include "client/informer.h"
#include "scheduler/actions.h"
#include "scheduler/jobs.h"
#include "scheduler/queue.h"
#include "scheduler/scheduler.h"

struct scheduler;

/* What the informers, or a bind that failed, have to tell. */
struct news {
    void (*take)(struct scheduler *s, struct object *before, struct object *after, int64_t now);
    struct object *before, *after; /* references; either may be NULL */
};

struct watched {
    struct scheduler *scheduler;
    struct informer *informer;
    void (*take)(struct scheduler *s, struct object *before, struct object *after, int64_t now);
};

struct scheduler {
    struct actions actions;
    struct jobs jobs;
    struct arena strings;
    struct watched nodes, pods, namespaces, budgets, claims, volumes, classes;
    pthread_t thread;

    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct news *inbox; /* guarded by mutex, as is all of this part */
    size_t n_inbox, cap_inbox;
    bool stopping;

    /* The thread's own. */
    struct model model;
    struct queue queue;
    struct arena cycle;
    /* What has happened since waiting pods were last asked whether it helps them. */
    struct sched_node **dirty; /* nodes that have changed for the better, perhaps */
    size_t n_dirty, cap_dirty;
    bool map_changed; /* nodes came, went or have other labels: topologies look different */
};

/* Any thread. Takes references. */
void scheduler_tell(struct scheduler *s, const struct news *news);

/* follow.c: news into model and queue; on the scheduler's thread. */
void follow_node(struct scheduler *s, struct object *before, struct object *after, int64_t now);
void follow_pod(struct scheduler *s, struct object *before, struct object *after, int64_t now);
void follow_namespace(struct scheduler *s, struct object *before, struct object *after, int64_t now);
void follow_budget(struct scheduler *s, struct object *before, struct object *after, int64_t now);
/* Claims, volumes and storage classes. */
void follow_storage(struct scheduler *s, struct object *before, struct object *after, int64_t now);
/* What the pod `after` needs of volumes has been written down. */
void follow_volumes_decided(struct scheduler *s, struct object *before, struct object *after, int64_t now);
/* A bind of the pod `after` failed in a way that may go better later. */
void follow_bind_failure(struct scheduler *s, struct object *before, struct object *after, int64_t now);
/* Wakes the waiting pods that what has happened could help. */
void follow_wake(struct scheduler *s, int64_t now);

/* attempt.c: one pod's turn. */
void attempt_schedule(struct scheduler *s, struct sched_pod *p, int64_t now);
