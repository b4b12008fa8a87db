/* NodePorts, NodeResourcesFit, NodeResourcesBalancedAllocation, ImageLocality: what is left on a node, and
 * there. */
#include <math.h>

#include "scheduler/plugins.h"

/* --- NodePorts --- */

bool node_ports_prepare(struct cycle *c)
{
    return c->pod->n_ports > 0;
}

static bool ports_collide(const struct sched_port *a, const struct sched_port *b)
{
    static const struct str any = STR_INIT("0.0.0.0");
    return a->port == b->port && str_eq(a->protocol, b->protocol) &&
           (str_eq(a->ip, b->ip) || str_eq(a->ip, any) || str_eq(b->ip, any));
}

static bool pods_collide(const struct sched_pod *a, const struct sched_pod *b)
{
    for (size_t i = 0; i < a->n_ports; i++)
        for (size_t k = 0; k < b->n_ports; k++)
            if (ports_collide(&a->ports[i], &b->ports[k]))
                return true;
    return false;
}

/* Room is kept for nominated pods that are at least as important. */
static bool nominee_counts(const struct cycle *c, const struct sched_pod *nominee)
{
    return nominee != c->pod && !nominee->node && nominee->priority >= c->pod->priority;
}

enum verdict node_ports_filter(struct cycle *c, const struct sched_node *n)
{
    bool taken = false;
    for (size_t i = 0; n->n_ports && i < n->n_pods && !taken; i++)
        taken = pods_collide(c->pod, n->pods[i]);
    for (size_t i = 0; i < n->n_nominees && !taken; i++)
        taken = nominee_counts(c, n->nominees[i]) && pods_collide(c->pod, n->nominees[i]);
    if (!taken)
        return FITS;
    cycle_because(c, REASON_PORTS);
    return UNSCHEDULABLE;
}

/* --- NodeResourcesFit --- */

static int64_t node_allocatable(const struct sched_node *n, size_t resource)
{
    return resource < n->n_resources ? n->room[resource].allocatable : 0;
}

static int64_t node_requested(const struct sched_node *n, size_t resource)
{
    return resource < n->n_resources ? n->room[resource].requested : 0;
}

static int64_t nominees_request(const struct cycle *c, const struct sched_node *n, size_t resource)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n->n_nominees; i++) {
        const struct amounts *a = &n->nominees[i]->requests.amounts;
        for (size_t k = 0; k < a->n && nominee_counts(c, n->nominees[i]); k++)
            sum += a->at[k].resource == resource ? a->at[k].n : 0;
    }
    return sum;
}

enum verdict node_resources_fit_filter(struct cycle *c, const struct sched_node *n)
{
    enum verdict verdict = FITS;
    int64_t n_pods = (int64_t)n->n_pods + 1, pods_allowed = node_allocatable(n, RESOURCE_PODS);
    for (size_t i = 0; i < n->n_nominees; i++)
        n_pods += nominee_counts(c, n->nominees[i]);
    if (n_pods > pods_allowed) {
        cycle_because(c, REASON_TOO_MANY_PODS);
        verdict = UNSCHEDULABLE;
    }
    const struct amounts *a = &c->pod->requests.amounts;
    for (size_t i = 0; i < a->n; i++) {
        size_t r = a->at[i].resource;
        int64_t all = node_allocatable(n, r), left = all - node_requested(n, r);
        if (n->n_nominees)
            left -= nominees_request(c, n, r);
        if (a->at[i].n <= left)
            continue;
        cycle_because(c, REASON_INSUFFICIENT + r);
        if (a->at[i].n > all)
            verdict = UNRESOLVABLE; /* an empty node would not do either */
        else if (verdict == FITS)
            verdict = UNSCHEDULABLE;
    }
    return verdict;
}

/* --- scores by room: NodeResourcesFit (LeastAllocated) and NodeResourcesBalancedAllocation --- */

/* What would be left, in percent. */
static int64_t least_allocated(int64_t requested, int64_t allocatable)
{
    return requested > allocatable ? 0 : (allocatable - requested) * 100 / allocatable;
}

/* Of CPU and memory alike. */
static int64_t score_least_allocated(const struct cycle *c, const struct sched_node *n)
{
    const struct pod_requests *r = &c->pod->requests;
    int64_t cpu = node_allocatable(n, RESOURCE_CPU), memory = node_allocatable(n, RESOURCE_MEMORY);
    int64_t sum = 0, weights = 0;
    if (cpu) {
        sum += least_allocated(n->scored_cpu + r->scored_cpu, cpu);
        weights++;
    }
    if (memory) {
        sum += least_allocated(n->scored_memory + r->scored_memory, memory);
        weights++;
    }
    return weights ? sum / weights : 0;
}

static int64_t pod_request(const struct cycle *c, size_t resource)
{
    const struct amounts *a = &c->pod->requests.amounts;
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i].resource == resource)
            return a->at[i].n;
    return 0;
}

static double fraction(int64_t part, int64_t all)
{
    return part >= all ? 1 : (double)part / (double)all;
}

/* How evenly CPU and memory are used: 100 less half their distance in percent. */
static int64_t balance(const struct sched_node *n, int64_t cpu, int64_t memory)
{
    int64_t all_cpu = node_allocatable(n, RESOURCE_CPU), all_memory = node_allocatable(n, RESOURCE_MEMORY);
    if (!all_cpu || !all_memory)
        return 100;
    return (int64_t)((1 - fabs(fraction(cpu, all_cpu) - fraction(memory, all_memory)) / 2) * 100);
}

/* Whether the pod makes the balance better or worse. */
static int64_t score_balanced(const struct sched_node *n, int64_t cpu, int64_t memory)
{
    int64_t used_cpu = node_requested(n, RESOURCE_CPU), used_memory = node_requested(n, RESOURCE_MEMORY);
    int64_t with = balance(n, used_cpu + cpu, used_memory + memory),
            without = balance(n, used_cpu, used_memory);
    return 50 + (50 + with - without) / 2;
}

/* Pods mostly come in rows that ask for the same, and a pod changes one node: scores are kept until either
 * changes. */
static void score_room(struct cycle *c)
{
    struct model *m = c->model;
    int64_t cpu = pod_request(c, RESOURCE_CPU), memory = pod_request(c, RESOURCE_MEMORY);
    int64_t shape[4] = {cpu, memory, c->pod->requests.scored_cpu, c->pod->requests.scored_memory};
    if (!m->shape || memcmp(shape, m->shape_of, sizeof shape) != 0) {
        memcpy(m->shape_of, shape, sizeof shape);
        m->shape++;
    }
    for (size_t k = 0; k < c->n_fits; k++) {
        struct sched_node *n = c->fits[k];
        if (n->shape == m->shape)
            continue;
        n->least_allocated = (uint8_t)score_least_allocated(c, n);
        n->balanced = (uint8_t)score_balanced(n, cpu, memory);
        n->shape = m->shape;
    }
}

bool node_resources_fit_score(struct cycle *c, int64_t *scores)
{
    score_room(c);
    for (size_t k = 0; k < c->n_fits; k++)
        scores[k] = c->fits[k]->least_allocated;
    return true;
}

/* Pods that ask for neither CPU nor memory are not asked. */
bool balanced_allocation_score(struct cycle *c, int64_t *scores)
{
    if (!pod_request(c, RESOURCE_CPU) && !pod_request(c, RESOURCE_MEMORY))
        return false;
    score_room(c);
    for (size_t k = 0; k < c->n_fits; k++)
        scores[k] = c->fits[k]->balanced;
    return true;
}

/* --- ImageLocality --- */

/* Below 23 MB an image is not worth thinking of; above 1,000 MB per container all are alike. */
static const int64_t IMAGE_LEAST = INT64_C(23) << 20, IMAGE_MOST = INT64_C(1000) << 20;

/* As nodes call images: with a tag. */
static struct str image_name(struct arena *a, struct str image)
{
    return str_last_index(image, ':') <= str_last_index(image, '/') ? arena_concat(a, image, STR(":latest"))
                                                                    : image;
}

static int64_t node_image(const struct sched_node *n, struct str name)
{
    const struct container_image_vec *images = &n->node->status.images;
    for (size_t i = 0; i < images->n; i++)
        for (size_t k = 0; k < images->at[i].names.n; k++)
            if (str_eq(images->at[i].names.at[k], name))
                return images->at[i].size_bytes;
    return 0;
}

bool image_locality_score(struct cycle *c, int64_t *scores)
{
    const struct container_vec *all[] = {&c->spec->init_containers, &c->spec->containers};
    size_t n_containers = all[0]->n + all[1]->n;
    if (!c->model->n_with_images || !n_containers)
        return false;
    memset(scores, 0, c->n_fits * sizeof *scores);
    int64_t *sizes = arena_new_n(c->arena, int64_t, c->n_fits);
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < all[v]->n; i++) {
            struct str name = image_name(c->arena, all[v]->at[i].image);
            int64_t have = 0;
            for (size_t k = 0; k < c->n_fits; k++)
                have += (sizes[k] = node_image(c->fits[k], name)) > 0;
            /* An image that few nodes have does not draw all pods to them. */
            for (size_t k = 0; k < c->n_fits; k++)
                scores[k] += (int64_t)((double)sizes[k] * (double)have / (double)c->model->n_nodes);
        }
    int64_t most = IMAGE_MOST * (int64_t)n_containers;
    for (size_t k = 0; k < c->n_fits; k++) {
        int64_t s = scores[k] < IMAGE_LEAST ? IMAGE_LEAST : scores[k] > most ? most : scores[k];
        scores[k] = 100 * (s - IMAGE_LEAST) / (most - IMAGE_LEAST);
    }
    return true;
}
