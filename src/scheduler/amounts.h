/* Amounts of resources, as int64: CPU in thousandths, everything else in whole units. Resource names are
 * numbered, so that nodes hold plain arrays and pods short lists. */
#pragma once
#include "kinds/core_v1.h"

#include "base/arena.h"
#include "base/map.h"

/* The numbers that every model gives. */
enum { RESOURCE_CPU, RESOURCE_MEMORY, RESOURCE_EPHEMERAL, RESOURCE_PODS, RESOURCES_FIXED };

struct resource_names {
    struct str *at; /* by number */
    size_t n, cap;
    struct map numbers; /* of the name: number + 1 */
    struct arena arena;
};
void resource_names_init(struct resource_names *names);
void resource_names_free(struct resource_names *names);
/* The number of a resource, a new one if it must be. */
size_t resource_number(struct resource_names *names, struct str name);

struct amount {
    size_t resource;
    int64_t n;
};
struct amounts {
    struct amount *at; /* each resource once, none is 0 or RESOURCE_PODS */
    size_t n;
};

/* What a pod asks of a node: its containers (init containers and sidecars as they run side by side), or what
 * the pod as a whole asks for, and its overhead (upstream's resource.PodRequests). */
struct pod_requests {
    struct amounts amounts;
    /* For scoring, a container that asks for no CPU or memory counts as asking for a little. */
    int64_t scored_cpu, scored_memory;
};
void pod_requests_count(struct arena *a, struct resource_names *names, const struct pod_spec *spec,
                        struct pod_requests *out);
/* A quantity in the resource's unit. */
int64_t amount_of(size_t resource, struct str quantity);
