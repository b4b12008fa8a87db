/* All pods of this node: a worker per pod's key, which is woken by the API, by containers that end, by probes
 * and hooks. */
#pragma once
#include "node/pod/pod_state.h"

/* Adopts what runs; afterwards pods_start begins to work. */
int pods_new(struct node_agent *n, struct pods **out, struct err *err);
void pods_start(struct pods *all);
/* Waits for what is under way. Containers go on. False when a hook or probe would not end: then pods_free
 * must not be called. */
bool pods_stop(struct pods *all);
void pods_free(struct pods *all);
/* A container of this node has ended (runtime_options.exited). */
void pods_container_ended(void *pods, struct str container_id);
/* So that pods_container_ended finds its pod; before the container starts. */
void pods_add_container(struct pods *all, struct pod_state *p, struct runtime_container *c);
void pods_forget_container(struct pods *all, struct runtime_container *c);
/* Calls for every container that runs, with its pod (log rotation, statistics). */
void pods_each_running(struct pods *all, void (*fn)(void *arg, struct runtime_container *c), void *arg);
/* Whether this node has taken the pod. */
bool pods_is_admitted(struct pods *all, struct str uid);
/* The pod is to end at once and fail, Evicted; `pressure`: for the node's sake. Unless it ends already. */
void pods_evict(struct pods *all, struct str uid, struct str message, bool pressure);
/* A container of a pod: its id and log, copied into `a`. False when there is none. */
bool pods_find_container(struct pods *all, struct str uid, struct str name, bool previous, struct arena *a,
                         struct str *id, struct str *log_path);
/* The one that runs: its id and directory, copied into `a`. False when none does. */
bool pods_find_running(struct pods *all, struct str uid, struct str name, struct arena *a, struct str *id,
                       struct str *dir);
/* The file of the pod's network namespace, in `a`; empty when it uses the node's. False when the pod is not
 * there, or not set up yet. */
bool pods_find_network(struct pods *all, struct str uid, bool host_network, struct arena *a,
                       struct str *path);
