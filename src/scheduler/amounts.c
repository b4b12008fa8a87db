#include "scheduler/amounts.h"

#include <stdlib.h>

#include "schema/quantity.h"

/* What a container that says nothing is taken to ask for, in scoring only (schedutil.DefaultMilliCPURequest).
 */
static const int64_t UNSAID_CPU = 100, UNSAID_MEMORY = INT64_C(200) << 20;

void resource_names_init(struct resource_names *names)
{
    *names = (struct resource_names){0};
    resource_number(names, STR("cpu"));
    resource_number(names, STR("memory"));
    resource_number(names, STR("ephemeral-storage"));
    resource_number(names, STR("pods"));
}

void resource_names_free(struct resource_names *names)
{
    map_free(&names->numbers);
    free(names->at);
    arena_free(&names->arena);
}

size_t resource_number(struct resource_names *names, struct str name)
{
    size_t number = (size_t)(uintptr_t)map_get(&names->numbers, name);
    if (number)
        return number - 1;
    mem_grow((void **)&names->at, &names->cap, names->n + 1, sizeof *names->at);
    names->at[names->n++] = arena_str(&names->arena, name);
    map_put(&names->numbers, names->at[names->n - 1], (void *)(uintptr_t)names->n);
    return names->n - 1;
}

int64_t amount_of(size_t resource, struct str quantity)
{
    return resource == RESOURCE_CPU ? quantity_milli_of(quantity) : quantity_value_of(quantity);
}

/* --- a small table of amounts; most pods have two --- */

struct table {
    struct arena *arena;
    struct amount *at;
    size_t n, cap;
};

static int64_t *table_at(struct table *t, size_t resource)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->at[i].resource == resource)
            return &t->at[i].n;
    if (t->n == t->cap) {
        struct amount *more = arena_new_n(t->arena, struct amount, t->cap * 2 + 4);
        if (t->n)
            memcpy(more, t->at, t->n * sizeof *more);
        t->at = more;
        t->cap = t->cap * 2 + 4;
    }
    t->at[t->n++] = (struct amount){.resource = resource};
    return &t->at[t->n - 1].n;
}

static void table_add(struct table *t, const struct table *more)
{
    for (size_t i = 0; i < more->n; i++) {
        int64_t *n = table_at(t, more->at[i].resource);
        if (__builtin_add_overflow(*n, more->at[i].n, n))
            *n = INT64_MAX;
    }
}

static void table_most(struct table *t, const struct table *other)
{
    for (size_t i = 0; i < other->n; i++) {
        int64_t *n = table_at(t, other->at[i].resource);
        if (*n < other->at[i].n)
            *n = other->at[i].n;
    }
}

static void table_read(struct table *t, struct resource_names *names, const struct str_map *list)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t resource = resource_number(names, list->at[i].key);
        *table_at(t, resource) = amount_of(resource, list->at[i].value);
    }
}

static bool table_has(const struct table *t, size_t resource)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->at[i].resource == resource)
            return true;
    return false;
}

/* One container's requests; `scored`: with what it did not say. */
static struct table container_requests(struct arena *a, struct resource_names *names,
                                       const struct container *c, bool scored)
{
    struct table t = {.arena = a};
    table_read(&t, names, &c->resources.requests);
    if (scored && !table_has(&t, RESOURCE_CPU))
        *table_at(&t, RESOURCE_CPU) = UNSAID_CPU;
    if (scored && !table_has(&t, RESOURCE_MEMORY))
        *table_at(&t, RESOURCE_MEMORY) = UNSAID_MEMORY;
    return t;
}

/* Of a pod as a whole, only these may be asked for. */
static bool pod_level_resource(struct str name)
{
    return str_is(name, "cpu") || str_is(name, "memory") || str_starts(name, STR("hugepages-"));
}

static struct table pod_total(struct arena *a, struct resource_names *names, const struct pod_spec *spec,
                              bool scored)
{
    struct table total = {.arena = a}, sidecars = {.arena = a}, init = {.arena = a};
    for (size_t i = 0; i < spec->containers.n; i++) {
        struct table t = container_requests(a, names, &spec->containers.at[i], scored);
        table_add(&total, &t);
    }
    /* Init containers run one after another, beside the sidecars that started before them (KEP-753). */
    for (size_t i = 0; i < spec->init_containers.n; i++) {
        const struct container *c = &spec->init_containers.at[i];
        struct table t = container_requests(a, names, c, scored);
        if (c->restart_policy && str_eq(*c->restart_policy, CONTAINER_RESTART_POLICY_ALWAYS)) {
            table_add(&total, &t);
            table_add(&sidecars, &t);
            table_most(&init, &sidecars);
        } else {
            table_add(&t, &sidecars);
            table_most(&init, &t);
        }
    }
    table_most(&total, &init);
    for (size_t i = 0; spec->resources && i < spec->resources->requests.n; i++) { /* KEP-2837 */
        const struct str_entry *e = &spec->resources->requests.at[i];
        size_t resource = resource_number(names, e->key);
        if (pod_level_resource(e->key))
            *table_at(&total, resource) = amount_of(resource, e->value);
    }
    struct table overhead = {.arena = a};
    table_read(&overhead, names, &spec->overhead);
    table_add(&total, &overhead);
    return total;
}

void pod_requests_count(struct arena *a, struct resource_names *names, const struct pod_spec *spec,
                        struct pod_requests *out)
{
    struct table total = pod_total(a, names, spec, false), scored = pod_total(a, names, spec, true);
    out->amounts = (struct amounts){.at = total.at};
    for (size_t i = 0; i < total.n; i++)
        if (total.at[i].n > 0 && total.at[i].resource != RESOURCE_PODS)
            total.at[out->amounts.n++] = total.at[i];
    out->scored_cpu = *table_at(&scored, RESOURCE_CPU);
    out->scored_memory = *table_at(&scored, RESOURCE_MEMORY);
}
