/* The scheduler's picture of the cluster: nodes in an array, pods where they are, what is taken and what is
 * left as plain numbers. Updated from events, never read again. Not thread-safe; knows nothing of clients, so
 * that the algorithm can be tried without one. */
#pragma once
#include "kinds/policy_v1.h"
#include "scheduler/amounts.h"
#include "scheduler/storage.h"
#include "schema/object.h"
#include "schema/selector.h"

struct sched_node;

struct sched_port {
    struct str ip, protocol; /* ip "0.0.0.0": any */
    int32_t port;
};

/* A pod's affinity to other pods, made ready to be asked often. */
struct sched_term {
    struct selector selector;
    struct str_vec namespaces;   /* and those that ns_selector selects */
    struct selector ns_selector; /* nothing: none */
    struct str topology_key;
    int64_t weight; /* of a preferred term; against: negative */
};
struct sched_affinity {
    struct sched_term *require, *avoid, *prefer; /* prefer: for and against */
    size_t n_require, n_avoid, n_prefer;
};

struct sched_pod {
    struct str ns, name;   /* its key; lives as long as the pod is in the model */
    struct object *object; /* holds `pod`; NULL in tests */
    const struct pod *pod;
    int32_t priority;
    struct pod_requests requests;
    struct sched_port *ports; /* host ports; their strings are the pod's */
    size_t n_ports;
    struct sched_affinity *affinity; /* NULL: none */
    struct sched_node *node;         /* where it is, or is about to be; NULL: pending */
    size_t index;                    /* among node->pods */
    size_t affine_index;             /* among model->affine */
    struct sched_node *nominated;    /* where preemption makes room for it */
    void *queue;                     /* the queue's entry */
    struct arena arena;              /* of the affinity */
    char key[];
};

/* What a node has of a resource, and what its pods ask for. */
struct sched_room {
    int64_t allocatable, requested;
};

struct sched_node {
    /* What every pod's turn reads of every node stands together. */
    struct sched_room *room; /* by resource number */
    size_t n_resources;
    int64_t scored_cpu, scored_memory;  /* sums of the pods' scored requests */
    size_t n_pods, n_nominees, n_ports; /* n_ports: host ports in use, of all pods */
    bool unschedulable;
    /* The scores by room of the last pod, for the next that asks for the same; model->shape numbers what is
     * asked for. */
    uint8_t least_allocated, balanced;
    uint64_t shape; /* 0: none, or the room has changed */

    const struct node *node; /* NULL: pods name it, but it is not (or no more) registered */
    struct object *object;
    struct str name;
    size_t index; /* in model->nodes */
    struct sched_pod **pods;
    size_t cap_pods;
    struct sched_pod **nominees; /* pods that are nominated to run here */
    size_t cap_nominees;
    char name_bytes[];
};

struct model {
    struct resource_names resources;
    struct sched_node **nodes; /* the registered ones */
    size_t n_nodes, cap_nodes;
    struct map nodes_by_name;  /* all */
    struct map pods;           /* by "ns/name" */
    struct sched_pod **affine; /* placed pods with an affinity to others */
    size_t n_affine, cap_affine;
    size_t n_tainted, n_with_images; /* registered nodes with taints, with images */
    struct map namespaces;           /* by name: struct model_namespace */
    struct model_budget **budgets;
    size_t n_budgets, cap_budgets;
    struct model_storage storage;
    /* What the last pod asked for, numbered. */
    uint64_t shape;
    int64_t shape_of[4];
    struct arena scratch;
};

/* A PodDisruptionBudget. */
struct model_budget {
    struct str ns;
    struct selector selector;
    int64_t allowed; /* disruptions */
    struct arena arena;
    char key[];
};

/* A namespace, for namespaceSelector. */
struct model_namespace {
    struct str_map labels;
    struct arena arena;
    char name[];
};

void model_init(struct model *m);
void model_free(struct model *m);

/* Adds or changes a node. `object` (may be NULL) is what `node` belongs to; the model takes a reference; else
 * `node` must outlive the model. */
struct sched_node *model_set_node(struct model *m, const struct node *node, struct object *object);
void model_remove_node(struct model *m, struct str name);
struct sched_node *model_node(const struct model *m, struct str name); /* NULL when not registered */

/* Adds or changes a pod, not where it is. Same ownership. */
struct sched_pod *model_set_pod(struct model *m, const struct pod *pod, struct object *object);
/* Takes it from its node and forgets it. */
void model_remove_pod(struct model *m, struct sched_pod *p);
struct sched_pod *model_pod(const struct model *m, struct str ns, struct str name);
/* Puts a pod onto a node (by name: one that is not registered too) or takes it off. */
void model_place(struct model *m, struct sched_pod *p, struct sched_node *n);
void model_place_by_name(struct model *m, struct sched_pod *p, struct str node);
void model_unplace(struct model *m, struct sched_pod *p);
/* Nominates, or with NULL takes the nomination back. */
void model_nominate(struct model *m, struct sched_pod *p, struct sched_node *n);

void model_set_namespace(struct model *m, struct str name, const struct str_map *labels);
void model_remove_namespace(struct model *m, struct str name);
/* Adds or changes a budget; copies what it keeps. */
void model_set_budget(struct model *m, const struct pod_disruption_budget *b);
void model_remove_budget(struct model *m, struct str ns, struct str name);
bool model_budget_covers(const struct model_budget *b, const struct sched_pod *p);
/* Whether a term speaks of a pod: its namespace and its labels. */
bool model_term_matches(const struct model *m, const struct sched_term *t, const struct sched_pod *p);
