/* What the scheduler does to the cluster: binds, conditions, evictions for preemption, and the events about
 * them. Each blocks, and runs on a thread of its own choosing (scheduler/jobs.h). */
#pragma once
#include "client/events.h"

struct actions {
    struct client *client;
    struct recorder *recorder;
    struct str scheduler; /* its name */
};

/* Binds the pod to a node, and says so. -1: it did not work, `err` says why; then nothing was said. */
int action_bind(const struct actions *a, struct object *pod, struct str node, struct err *err);
/* Sets a volume aside for a claim, or (`volume` NULL) asks for one to be made for it on the node. */
int action_decide_volume(const struct actions *a, struct object *claim, struct object *volume,
                         struct str node, struct err *err);
/* The pod stays where it is: condition PodScheduled=False with the reason ("Unschedulable", "SchedulerError")
 * and message, the nomination (NULL: as it is), and an event FailedScheduling. */
void action_refuse(const struct actions *a, struct object *pod, const char *reason, struct str message,
                   const struct str *nominated);
/* Deletes a victim in favour of `preemptor`, with condition DisruptionTarget and an event. */
void action_evict(const struct actions *a, struct object *victim, struct object *preemptor, struct str node);
