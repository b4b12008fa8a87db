#include "scheduler/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "schema/copy.h"

void model_init(struct model *m)
{
    *m = (struct model){0};
    resource_names_init(&m->resources);
}

/* --- nodes --- */

static struct sched_node *model_node_of(struct model *m, struct str name)
{
    struct sched_node *n = map_get(&m->nodes_by_name, name);
    if (n)
        return n;
    n = mem_zalloc(sizeof *n + name.n);
    memcpy(n->name_bytes, name.p, name.n);
    n->name = str_slice(n->name_bytes, name.n);
    map_put(&m->nodes_by_name, n->name, n);
    return n;
}

static void model_node_free(struct sched_node *n)
{
    object_unref(n->object);
    free(n->room);
    free(n->pods);
    free(n->nominees);
    free(n);
}

/* A node is remembered while it is registered or pods name it. */
static void model_node_let_go(struct model *m, struct sched_node *n)
{
    if (n->node || n->n_pods || n->n_nominees)
        return;
    map_del(&m->nodes_by_name, n->name);
    model_node_free(n);
}

/* Room for every resource that is known. */
static void model_node_widen(const struct model *m, struct sched_node *n)
{
    size_t want = m->resources.n;
    if (n->n_resources >= want)
        return;
    n->room = mem_realloc(n->room, want * sizeof *n->room);
    while (n->n_resources < want)
        n->room[n->n_resources++] = (struct sched_room){0};
}

static void model_unregister(struct model *m, struct sched_node *n)
{
    m->n_tainted -= n->node->spec.taints.n > 0;
    m->n_with_images -= n->node->status.images.n > 0;
    object_unref(n->object);
    n->object = NULL;
    n->node = NULL;
}

struct sched_node *model_set_node(struct model *m, const struct node *node, struct object *object)
{
    struct sched_node *n = model_node_of(m, node->metadata.name);
    if (object)
        object_ref(object);
    if (n->node) {
        model_unregister(m, n);
    } else {
        mem_grow((void **)&m->nodes, &m->cap_nodes, m->n_nodes + 1, sizeof *m->nodes);
        n->index = m->n_nodes;
        m->nodes[m->n_nodes++] = n;
    }
    n->node = node;
    n->object = object;
    m->n_tainted += node->spec.taints.n > 0;
    m->n_with_images += node->status.images.n > 0;
    n->unschedulable = node->spec.unschedulable;
    n->shape = 0;
    const struct str_map *list = &node->status.allocatable;
    for (size_t i = 0; i < list->n; i++)
        resource_number(&m->resources, list->at[i].key);
    model_node_widen(m, n);
    for (size_t i = 0; i < n->n_resources; i++)
        n->room[i].allocatable = 0;
    for (size_t i = 0; i < list->n; i++) {
        size_t resource = resource_number(&m->resources, list->at[i].key);
        n->room[resource].allocatable = amount_of(resource, list->at[i].value);
    }
    return n;
}

void model_remove_node(struct model *m, struct str name)
{
    struct sched_node *n = model_node(m, name);
    if (!n)
        return;
    model_unregister(m, n);
    m->nodes[n->index] = m->nodes[--m->n_nodes];
    m->nodes[n->index]->index = n->index;
    model_node_let_go(m, n);
}

struct sched_node *model_node(const struct model *m, struct str name)
{
    struct sched_node *n = map_get(&m->nodes_by_name, name);
    return n && n->node ? n : NULL;
}

/* --- pods --- */

static struct str model_key(char key[512], struct str ns, struct str name)
{
    int n = snprintf(key, 512, STR_FMT "/" STR_FMT, STR_ARG(ns), STR_ARG(name));
    return str_slice(key, n < 512 ? (size_t)n : 511);
}

struct sched_pod *model_pod(const struct model *m, struct str ns, struct str name)
{
    char key[512];
    return map_get(&m->pods, model_key(key, ns, name));
}

static void model_read_ports(struct sched_pod *p, const struct container_vec *containers, bool sidecars_only)
{
    for (size_t i = 0; i < containers->n; i++) {
        const struct container *c = &containers->at[i];
        if (sidecars_only &&
            !(c->restart_policy && str_eq(*c->restart_policy, CONTAINER_RESTART_POLICY_ALWAYS)))
            continue;
        for (size_t k = 0; k < c->ports.n; k++) {
            const struct container_port *port = &c->ports.at[k];
            if (port->host_port <= 0)
                continue;
            p->ports = mem_realloc(p->ports, (p->n_ports + 1) * sizeof *p->ports);
            p->ports[p->n_ports++] = (struct sched_port){
                .ip = port->host_ip.n ? port->host_ip : STR("0.0.0.0"),
                .protocol = port->protocol.n ? port->protocol : STR("TCP"),
                .port = port->host_port,
            };
        }
    }
}

static void model_read_term(struct sched_pod *p, const struct pod_affinity_term *from, int64_t weight,
                            struct sched_term *to)
{
    struct err err = {0};
    *to = (struct sched_term){
        .namespaces = from->namespaces, .topology_key = from->topology_key, .weight = weight};
    if (selector_from(&p->arena, from->label_selector, &to->selector, &err) < 0)
        to->selector = (struct selector){.nothing = true}; /* the API lets none such in */
    if (selector_from(&p->arena, from->namespace_selector, &to->ns_selector, &err) < 0)
        to->ns_selector = (struct selector){.nothing = true};
    err_clear(&err);
    if (!from->namespaces.n && !from->namespace_selector) { /* said nothing: the pod's own */
        to->namespaces.at = arena_dup(&p->arena, &p->ns, sizeof p->ns);
        to->namespaces.n = 1;
    }
}

static struct sched_term *model_read_terms(struct sched_pod *p, const struct pod_affinity_term_vec *from,
                                           size_t *n)
{
    struct sched_term *terms = arena_new_n(&p->arena, struct sched_term, from->n);
    for (size_t i = 0; i < from->n; i++)
        model_read_term(p, &from->at[i], 0, &terms[i]);
    *n = from->n;
    return terms;
}

static void model_read_affinity(struct sched_pod *p, const struct affinity *from)
{
    const struct pod_affinity *with = from->pod_affinity;
    const struct pod_anti_affinity *against = from->pod_anti_affinity;
    struct sched_affinity *a = p->affinity = arena_new(&p->arena, struct sched_affinity);
    size_t n_with = with ? with->preferred_during_scheduling_ignored_during_execution.n : 0;
    size_t n_against = against ? against->preferred_during_scheduling_ignored_during_execution.n : 0;
    if (with)
        a->require =
            model_read_terms(p, &with->required_during_scheduling_ignored_during_execution, &a->n_require);
    if (against)
        a->avoid =
            model_read_terms(p, &against->required_during_scheduling_ignored_during_execution, &a->n_avoid);
    a->prefer = arena_new_n(&p->arena, struct sched_term, n_with + n_against);
    for (size_t i = 0; i < n_with + n_against; i++) {
        const struct weighted_pod_affinity_term *w =
            i < n_with ? &with->preferred_during_scheduling_ignored_during_execution.at[i]
                       : &against->preferred_during_scheduling_ignored_during_execution.at[i - n_with];
        model_read_term(p, &w->pod_affinity_term, i < n_with ? w->weight : -w->weight, &a->prefer[i]);
    }
    a->n_prefer = n_with + n_against;
}

static void model_forget_pod(struct sched_pod *p)
{
    object_unref(p->object);
    free(p->requests.amounts.at);
    free(p->ports);
    arena_free(&p->arena);
    p->ports = NULL;
    p->n_ports = 0;
    p->affinity = NULL;
}

/* Reads all that scheduling wants to know of the pod. */
static void model_read_pod(struct model *m, struct sched_pod *p)
{
    const struct pod_spec *spec = &p->pod->spec;
    p->priority = spec->priority ? *spec->priority : 0;
    pod_requests_count(&m->scratch, &m->resources, spec, &p->requests);
    struct amounts *a = &p->requests.amounts; /* kept in no more room than they need: there are many pods */
    a->at = mem_dup(a->at, a->n * sizeof *a->at);
    arena_reset(&m->scratch);
    model_read_ports(p, &spec->containers, false);
    model_read_ports(p, &spec->init_containers, true);
    if (spec->affinity && (spec->affinity->pod_affinity || spec->affinity->pod_anti_affinity))
        model_read_affinity(p, spec->affinity);
}

struct sched_pod *model_set_pod(struct model *m, const struct pod *pod, struct object *object)
{
    char key[512];
    struct str k = model_key(key, pod->metadata.namespace, pod->metadata.name);
    struct sched_pod *p = map_get(&m->pods, k);
    struct sched_node *where = p ? p->node : NULL;
    if (!p) {
        p = mem_zalloc(sizeof *p + k.n);
        memcpy(p->key, k.p, k.n);
        p->ns = str_slice(p->key, pod->metadata.namespace.n);
        p->name = str_slice(p->key + p->ns.n + 1, pod->metadata.name.n);
        map_put(&m->pods, str_slice(p->key, k.n), p);
    }
    if (where)
        model_unplace(m, p);
    if (object)
        object_ref(object);
    model_forget_pod(p);
    p->object = object;
    p->pod = pod;
    model_read_pod(m, p);
    if (where)
        model_place(m, p, where);
    return p;
}

void model_remove_pod(struct model *m, struct sched_pod *p)
{
    model_unplace(m, p);
    model_nominate(m, p, NULL);
    map_del(&m->pods, str_slice(p->key, p->ns.n + 1 + p->name.n));
    model_forget_pod(p);
    free(p);
}

static void model_account(const struct model *m, struct sched_node *n, const struct sched_pod *p, int sign)
{
    model_node_widen(m, n);
    for (size_t i = 0; i < p->requests.amounts.n; i++)
        n->room[p->requests.amounts.at[i].resource].requested += sign * p->requests.amounts.at[i].n;
    n->scored_cpu += sign * p->requests.scored_cpu;
    n->scored_memory += sign * p->requests.scored_memory;
    n->n_ports += (size_t)sign * p->n_ports;
    n->shape = 0;
}

void model_place(struct model *m, struct sched_pod *p, struct sched_node *n)
{
    if (p->node == n)
        return;
    model_unplace(m, p);
    mem_grow((void **)&n->pods, &n->cap_pods, n->n_pods + 1, sizeof *n->pods);
    p->node = n;
    p->index = n->n_pods;
    n->pods[n->n_pods++] = p;
    model_account(m, n, p, 1);
    if (p->affinity) {
        mem_grow((void **)&m->affine, &m->cap_affine, m->n_affine + 1, sizeof *m->affine);
        p->affine_index = m->n_affine;
        m->affine[m->n_affine++] = p;
    }
}

void model_place_by_name(struct model *m, struct sched_pod *p, struct str node)
{
    model_place(m, p, model_node_of(m, node));
}

void model_unplace(struct model *m, struct sched_pod *p)
{
    struct sched_node *n = p->node;
    if (!n)
        return;
    model_account(m, n, p, -1);
    n->pods[p->index] = n->pods[--n->n_pods];
    n->pods[p->index]->index = p->index;
    p->node = NULL;
    if (p->affinity) {
        m->affine[p->affine_index] = m->affine[--m->n_affine];
        m->affine[p->affine_index]->affine_index = p->affine_index;
    }
    model_node_let_go(m, n);
}

void model_nominate(struct model *m, struct sched_pod *p, struct sched_node *n)
{
    struct sched_node *was = p->nominated;
    if (was == n)
        return;
    for (size_t i = 0; was && i < was->n_nominees; i++)
        if (was->nominees[i] == p)
            was->nominees[i--] = was->nominees[--was->n_nominees];
    p->nominated = n;
    if (was)
        model_node_let_go(m, was);
    if (!n)
        return;
    mem_grow((void **)&n->nominees, &n->cap_nominees, n->n_nominees + 1, sizeof *n->nominees);
    n->nominees[n->n_nominees++] = p;
}

/* --- namespaces --- */

static void model_namespace_free(struct model_namespace *n)
{
    if (n)
        arena_free(&n->arena);
    free(n);
}

void model_set_namespace(struct model *m, struct str name, const struct str_map *labels)
{
    model_remove_namespace(m, name);
    struct model_namespace *n = mem_zalloc(sizeof *n + name.n);
    memcpy(n->name, name.p, name.n);
    n->labels.at = arena_new_n(&n->arena, struct str_entry, labels->n);
    n->labels.n = labels->n;
    for (size_t i = 0; i < labels->n; i++)
        n->labels.at[i] = (struct str_entry){arena_str(&n->arena, labels->at[i].key),
                                             arena_str(&n->arena, labels->at[i].value)};
    map_put(&m->namespaces, str_slice(n->name, name.n), n);
}

void model_remove_namespace(struct model *m, struct str name)
{
    model_namespace_free(map_del(&m->namespaces, name));
}

/* --- budgets --- */

static size_t model_find_budget(const struct model *m, struct str ns, struct str name)
{
    char key[512];
    struct str k = model_key(key, ns, name);
    size_t i = 0;
    while (i < m->n_budgets && !str_is(k, m->budgets[i]->key))
        i++;
    return i;
}

void model_set_budget(struct model *m, const struct pod_disruption_budget *from)
{
    char key[512];
    struct str k = model_key(key, from->metadata.namespace, from->metadata.name);
    struct model_budget *b = mem_zalloc(sizeof *b + k.n + 1);
    memcpy(b->key, k.p, k.n);
    b->ns = str_slice(b->key, from->metadata.namespace.n);
    b->allowed = from->status.disruptions_allowed;
    struct err err = {0};
    const struct label_selector *kept =
        from->spec.selector ? struct_dup(&b->arena, &label_selector_type, from->spec.selector) : NULL;
    if (selector_from(&b->arena, kept, &b->selector, &err) < 0)
        b->selector = (struct selector){.nothing = true};
    err_clear(&err);
    model_remove_budget(m, from->metadata.namespace, from->metadata.name);
    mem_grow((void **)&m->budgets, &m->cap_budgets, m->n_budgets + 1, sizeof *m->budgets);
    m->budgets[m->n_budgets++] = b;
}

static void model_budget_free(struct model_budget *b)
{
    arena_free(&b->arena);
    free(b);
}

void model_remove_budget(struct model *m, struct str ns, struct str name)
{
    size_t i = model_find_budget(m, ns, name);
    if (i == m->n_budgets)
        return;
    model_budget_free(m->budgets[i]);
    m->budgets[i] = m->budgets[--m->n_budgets];
}

bool model_budget_covers(const struct model_budget *b, const struct sched_pod *p)
{
    /* An empty selector covers nothing here, as in upstream's preemption. */
    return str_eq(b->ns, p->ns) && !selector_empty(&b->selector) &&
           selector_matches(&b->selector, &p->pod->metadata.labels);
}

bool model_term_matches(const struct model *m, const struct sched_term *t, const struct sched_pod *p)
{
    bool there = false;
    for (size_t i = 0; i < t->namespaces.n && !there; i++)
        there = str_eq(t->namespaces.at[i], p->ns);
    if (!there && !t->ns_selector.nothing) {
        const struct model_namespace *n = map_get(&m->namespaces, p->ns);
        there = selector_matches(&t->ns_selector, n ? &n->labels : &(struct str_map){0});
    }
    return there && selector_matches(&t->selector, &p->pod->metadata.labels);
}

void model_free(struct model *m)
{
    map_each (&m->pods, s) {
        model_forget_pod(s->value);
        free(s->value);
    }
    map_each (&m->nodes_by_name, s)
        model_node_free(s->value);
    map_each (&m->namespaces, s)
        model_namespace_free(s->value);
    while (m->n_budgets)
        model_budget_free(m->budgets[--m->n_budgets]);
    free(m->budgets);
    storage_free(&m->storage);
    map_free(&m->pods);
    map_free(&m->nodes_by_name);
    map_free(&m->namespaces);
    free(m->nodes);
    free(m->affine);
    arena_free(&m->scratch);
    resource_names_free(&m->resources);
}
