#include "scheduler/topology.h"

#include "scheduler/match.h"

struct topology *cycle_topology(struct cycle *c, struct str key)
{
    for (struct topology *t = c->topologies; t; t = t->next)
        if (str_eq(t->key, key))
            return t;
    const struct model *m = c->model;
    struct topology *t = arena_new(c->arena, struct topology);
    t->key = key;
    t->domain = arena_new_n(c->arena, uint32_t, m->n_nodes);
    t->next = c->topologies;
    c->topologies = t;
    _cleanup_map_ struct map domains = {0};
    for (size_t i = 0; i < m->n_nodes; i++) {
        const struct str *value = label_get(&m->nodes[i]->node->metadata.labels, key);
        if (!value)
            continue;
        uintptr_t domain = (uintptr_t)map_get(&domains, *value);
        if (!domain) {
            domain = ++t->n;
            map_put(&domains, *value, (void *)domain);
        }
        t->domain[i] = (uint32_t)domain;
    }
    return t;
}

struct tally tally_new(struct cycle *c, struct str key)
{
    struct topology *t = cycle_topology(c, key);
    return (struct tally){t, arena_new_n(c->arena, int64_t, t->n + 1)};
}
