/* A small cluster in the model, written as JSON. */
#pragma once
#include "test.h"

#include "scheduler/cycle.h"

struct fixture {
    struct model model;
    struct arena arena; /* what the model's nodes and pods are made of */
};
void fixture_init(struct fixture *f);
void fixture_free(struct fixture *f);
/* JSON with ' for ", printf-style. */
struct sched_node *add_node(struct fixture *f, const char *json, ...);
/* A node with so much CPU and memory and labels (JSON members, may be ""). */
struct sched_node *add_plain_node(struct fixture *f, const char *name, const char *cpu, const char *memory,
                                  const char *labels);
/* A pod; on `node`, or pending when that is NULL. */
struct sched_pod *add_pod(struct fixture *f, const char *node, const char *json, ...);

/* A claim, volume or class (in namespace default). */
void add_stored(struct fixture *f, const struct resource *r, const char *json, ...);

/* What becomes of a pending pod: the node's name, or the message. Static. */
const char *outcome(struct fixture *f, struct sched_pod *p);
/* How often of many tries (ties are broken by chance) a node is chosen: all that were, in order, "a b".
 * Static. */
const char *choices(struct fixture *f, struct sched_pod *p);
