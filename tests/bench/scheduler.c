/* The scheduler's algorithm alone: 10,000 pods onto 1,000 nodes. */
#include <stdio.h>

#include "base/clock.h"
#include "scheduler/cycle.h"

enum { NODES = 1000, PODS = 10000 };

int main(void)
{
    struct model m;
    _cleanup_arena_ struct arena a = {0}, cycle = {0};
    model_init(&m);
    static struct str_entry allocatable[] = {{STR_INIT("cpu"), STR_INIT("32")},
                                             {STR_INIT("memory"), STR_INIT("128Gi")},
                                             {STR_INIT("pods"), STR_INIT("110")}};
    static struct str_entry requests[] = {{STR_INIT("cpu"), STR_INIT("100m")},
                                          {STR_INIT("memory"), STR_INIT("128Mi")}};
    for (int i = 0; i < NODES; i++) {
        struct node *n = arena_new(&a, struct node);
        struct str_entry *labels = arena_new_n(&a, struct str_entry, 2);
        n->metadata.name = arena_printf(&a, "node-%d", i);
        labels[0] = (struct str_entry){STR("kubernetes.io/hostname"), n->metadata.name};
        labels[1] = (struct str_entry){STR("topology.kubernetes.io/zone"), arena_printf(&a, "z%d", i % 3)};
        n->metadata.labels = (struct str_map){labels, 2};
        n->status.allocatable = (struct str_map){allocatable, 3};
        model_set_node(&m, n, NULL);
    }
    struct container container = {
        .name = STR("c"), .image = STR("example.com/web:1"), .resources.requests = {requests, 2}};
    int64_t start = clock_mono();
    for (int i = 0; i < PODS; i++) {
        struct pod *pod = arena_new(&a, struct pod);
        pod->metadata.name = arena_printf(&a, "pod-%d", i);
        pod->metadata.namespace = STR("default");
        pod->spec.containers = (struct container_vec){&container, 1};
        struct sched_pod *p = model_set_pod(&m, pod, NULL);
        struct cycle c;
        arena_reset(&cycle);
        cycle_begin(&c, &m, p, &cycle);
        cycle_filter(&c);
        struct sched_node *n = cycle_choose(&c);
        ensure(n);
        model_place(&m, p, n);
    }
    double s = (double)(clock_mono() - start) / CLOCK_S;
    printf("%d pods onto %d nodes: %.3f s, %.0f pods/s\n", PODS, NODES, s, PODS / s);
    model_free(&m);
}
