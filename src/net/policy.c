#define LOG_PART "policy"
#include "net/policy.h"

#include <stdlib.h>

#include "base/clock.h"
#include "client/informer.h"
#include "net/policy_rules.h"
#include "net/rule_keeper.h"
#include "schema/copy.h"

#define POLICY_TABLE "sagong-policy"

static const char *const policy_bases[NFT_FAMILIES] = {policy_base, policy_base};

enum { POLICY_OWNER, POD_OWNER };
enum { HOLD_MOST_S = 2 };

struct policy_entry {
    struct rule_owner rules;
    struct str key;        /* "ns/name", owned */
    struct object *policy; /* NULL: gone */
};

struct pod_entry {
    struct rule_owner rules;
    struct str uid;               /* owned */
    struct object *pod;           /* NULL: gone, or none that policies are for */
    struct policy_ips ips, given; /* `given`: what it got here, before its status says so */
    bool in_force;                /* what is wanted of it is in the kernel */
    bool marked;                  /* it may have rules: then the keeper frees it */
};

struct policies {
    pthread_mutex_t mutex;
    pthread_cond_t settled; /* some pod is in force */
    struct rule_keeper keeper;
    struct client *client;
    struct str node_name;  /* owned */
    struct map policies;   /* key -> struct policy_entry */
    struct map pods;       /* uid -> struct pod_entry */
    struct map namespaces; /* name -> struct object */
    struct informer *policy_informer, *pod_informer, *namespace_informer;
};

static const struct pod *pod_of(const struct pod_entry *e)
{
    return object_typed(e->pod);
}

static struct policy_pod seen_pod(struct policies *p, struct object *pod, const struct policy_ips *ips)
{
    struct object *ns = map_get(&p->namespaces, object_namespace(pod));
    return (struct policy_pod){object_typed(pod), ns ? &object_meta(ns)->labels : NULL, ips};
}

static bool is_here(struct policies *p, const struct pod *pod)
{
    return str_eq(pod->spec.node_name, p->node_name);
}

static bool has_rules(struct policies *p, const struct pod_entry *e)
{
    return e->marked || (e->pod && is_here(p, pod_of(e)));
}

static void mark_pod(struct policies *p, struct pod_entry *e)
{
    e->marked = true;
    e->in_force = false;
    rule_keeper_mark(&p->keeper, &e->rules);
}

/* --- rendering --- */

static void policy_render(struct policies *p, struct policy_entry *e, enum ip_family family, struct arena *a,
                          struct items *out)
{
    if (!e->policy)
        return;
    struct policy_pods all = {arena_new_n(a, struct policy_pod, p->pods.n), 0};
    map_each (&p->pods, slot) {
        const struct pod_entry *pod = slot->value;
        if (pod->pod)
            all.at[all.n++] = seen_pod(p, pod->pod, &pod->ips);
    }
    policy_rules(object_typed(e->policy), &all, family, a, out);
}

static int policy_order(const void *a, const void *b)
{
    const struct network_policy *const *x = a, *const *y = b;
    return str_cmp((*x)->metadata.name, (*y)->metadata.name);
}

static void pod_render(struct policies *p, struct pod_entry *e, enum ip_family family, struct arena *a,
                       struct items *out)
{
    if (!e->pod || !is_here(p, pod_of(e)))
        return;
    const struct network_policy **of = arena_new_n(a, const struct network_policy *, p->policies.n);
    size_t n = 0;
    map_each (&p->policies, slot) {
        const struct policy_entry *policy = slot->value;
        if (policy->policy && policy_selects(object_typed(policy->policy), pod_of(e)))
            of[n++] = object_typed(policy->policy);
    }
    if (n)
        qsort(of, n, sizeof *of, policy_order);
    policy_pod_rules(&e->ips, of, n, family, a, out);
}

static void on_render(struct rule_keeper *k, struct rule_owner *o, enum ip_family family, struct arena *a,
                      struct items *out)
{
    struct policies *p = container_of(k, struct policies, keeper);
    if (o->kind == POLICY_OWNER)
        policy_render(p, container_of(o, struct policy_entry, rules), family, a, out);
    else
        pod_render(p, container_of(o, struct pod_entry, rules), family, a, out);
}

static void policy_entry_free(struct policy_entry *e)
{
    rule_owner_clear(&e->rules);
    object_unref(e->policy);
    free((char *)e->key.p);
    free(e);
}

static void pod_entry_free(struct pod_entry *e)
{
    rule_owner_clear(&e->rules);
    object_unref(e->pod);
    free((char *)e->uid.p);
    free(e);
}

static void on_settled(struct rule_keeper *k, struct rule_owner *o)
{
    struct policies *p = container_of(k, struct policies, keeper);
    struct policy_entry *policy = container_of(o, struct policy_entry, rules);
    struct pod_entry *pod = container_of(o, struct pod_entry, rules);
    if (o->kind == POLICY_OWNER && !policy->policy) {
        map_del(&p->policies, policy->key);
        policy_entry_free(policy);
    } else if (o->kind == POD_OWNER && !pod->pod) {
        map_del(&p->pods, pod->uid);
        pod_entry_free(pod);
    } else if (o->kind == POD_OWNER) {
        pod->in_force = true;
        pthread_cond_broadcast(&p->settled);
    }
}

static void on_all(struct rule_keeper *k)
{
    struct policies *p = container_of(k, struct policies, keeper);
    map_each (&p->policies, slot)
        rule_keeper_mark(k, &((struct policy_entry *)slot->value)->rules);
    map_each (&p->pods, slot)
        if (has_rules(p, slot->value))
            mark_pod(p, slot->value);
}

/* --- following --- */

static void on_policy(void *arg, struct object *before, struct object *after)
{
    struct policies *p = arg;
    struct object *o = after ? after : before;
    _cleanup_arena_ struct arena a = {0};
    struct str key =
        arena_printf(&a, STR_FMT "/" STR_FMT, STR_ARG(object_namespace(o)), STR_ARG(object_name(o)));
    _lock_(&p->mutex);
    struct policy_entry *e = map_get(&p->policies, key);
    if (!e) {
        e = mem_zalloc(sizeof *e);
        e->rules.kind = POLICY_OWNER;
        e->key = str_slice(str_dup_c(key), key.n);
        map_put(&p->policies, e->key, e);
    }
    object_unref(e->policy);
    e->policy = after ? object_ref(after) : NULL;
    rule_keeper_mark(&p->keeper, &e->rules);
    map_each (&p->pods, slot) {
        struct pod_entry *pod = slot->value;
        if (pod->pod && has_rules(p, pod) && str_eq(object_namespace(pod->pod), object_namespace(o)))
            mark_pod(p, pod);
    }
}

/* Marks the policies that have to do with the pod. */
static void mark_policies_of(struct policies *p, struct object *pod, const struct policy_ips *ips)
{
    struct policy_pod seen = seen_pod(p, pod, ips);
    map_each (&p->policies, slot) {
        struct policy_entry *e = slot->value;
        if (e->policy && policy_names(object_typed(e->policy), &seen))
            rule_keeper_mark(&p->keeper, &e->rules);
    }
}

/* Whether policies see no difference. Containers, and so ports, never change but for their images. */
static bool pod_looks_the_same(const struct pod_entry *e, struct object *after, const struct policy_ips *ips)
{
    if (!e->pod || !after)
        return !e->pod == !after;
    return policy_ips_same(&e->ips, ips) &&
           str_eq(pod_of(e)->spec.node_name, ((const struct pod *)object_typed(after))->spec.node_name) &&
           struct_eq(&object_meta_type, &(struct object_meta){.labels = object_meta(e->pod)->labels},
                     &(struct object_meta){.labels = object_meta(after)->labels});
}

/* Under the lock: the pod is now so (NULL: gone, or none that policies are for). */
static struct pod_entry *take_pod(struct policies *p, struct str uid, struct object *after,
                                  const struct policy_ips *ips)
{
    struct pod_entry *e = map_get(&p->pods, uid);
    if (!e && !after)
        return NULL;
    if (!e) {
        e = mem_zalloc(sizeof *e);
        e->rules.kind = POD_OWNER;
        e->uid = str_slice(str_dup_c(uid), uid.n);
        map_put(&p->pods, e->uid, e);
    }
    bool same = pod_looks_the_same(e, after, ips);
    struct object *was = e->pod;
    struct policy_ips was_ips = e->ips;
    e->pod = after ? object_ref(after) : NULL;
    e->ips = *ips;
    if (!same && was)
        mark_policies_of(p, was, &was_ips);
    if (!same && after)
        mark_policies_of(p, after, ips);
    object_unref(was);
    if (!same && has_rules(p, e)) {
        mark_pod(p, e);
    } else if (!e->pod && !e->marked) {
        map_del(&p->pods, e->uid);
        pod_entry_free(e);
        e = NULL;
    }
    return e;
}

static void on_pod(void *arg, struct object *before, struct object *after)
{
    struct policies *p = arg;
    struct str uid = object_meta(after ? after : before)->uid;
    struct policy_ips ips = {0};
    _lock_(&p->mutex);
    const struct pod_entry *e = map_get(&p->pods, uid);
    if (after && e)
        ips = e->given; /* unless its status has addresses */
    if (after && !policy_pod_read(object_typed(after), &ips))
        after = NULL;
    take_pod(p, uid, after, &ips);
}

int policies_hold(struct policies *p, struct object *pod, const struct str_vec *texts, struct err *err)
{
    struct policy_ips ips = {0};
    struct str uid = object_meta(pod)->uid;
    int64_t deadline = clock_mono() + HOLD_MOST_S * CLOCK_S;
    for (size_t i = 0; i < texts->n; i++)
        policy_ips_add(&ips, texts->at[i]);
    _lock_(&p->mutex);
    if (!p->policies.n || !ips.n || !policy_pod_read(object_typed(pod), &ips))
        return 0;
    struct pod_entry *e = take_pod(p, uid, pod, &ips);
    if (e)
        e->given = ips;
    while ((e = map_get(&p->pods, uid)) && e->marked && !e->in_force)
        if (!thread_cond_wait(&p->settled, &p->mutex, deadline))
            return err_set(err, ERR_TIMEOUT, "network policies are not in force yet");
    return 0;
}

static void on_namespace(void *arg, struct object *before, struct object *after)
{
    struct policies *p = arg;
    struct object *o = after ? after : before;
    _lock_(&p->mutex);
    struct object *was = after ? map_put(&p->namespaces, object_name(after), object_ref(after))
                               : map_del(&p->namespaces, object_name(before));
    bool same = was && after &&
                struct_eq(&object_meta_type, &(struct object_meta){.labels = object_meta(was)->labels},
                          &(struct object_meta){.labels = object_meta(o)->labels});
    object_unref(was);
    if (same)
        return;
    map_each (&p->policies, slot) {
        struct policy_entry *e = slot->value;
        if (e->policy && policy_names_namespaces(object_typed(e->policy)))
            rule_keeper_mark(&p->keeper, &e->rules);
    }
}

/* Where there are no policies, nobody needs to know every pod of the cluster. */
static bool on_synced(struct rule_keeper *k, int64_t deadline)
{
    struct policies *p = container_of(k, struct policies, keeper);
    if (!informer_synced(p->policy_informer, deadline))
        return false;
    if (!p->pod_informer) {
        {
            _lock_(&p->mutex);
            if (!p->policies.n)
                return true;
        }
        p->namespace_informer = client_informer(p->client, &namespace_resource, NULL);
        p->pod_informer = client_informer(p->client, &pod_resource, NULL);
        informer_handle(p->namespace_informer, on_namespace, p);
        informer_handle(p->pod_informer, on_pod, p);
    }
    return informer_synced(p->namespace_informer, deadline) && informer_synced(p->pod_informer, deadline);
}

int policies_start(struct client *c, struct str node_name, struct policies **out, struct err *err)
{
    (void)err;
    struct policies *p = mem_zalloc(sizeof *p);
    pthread_mutex_init(&p->mutex, NULL);
    thread_cond_init(&p->settled);
    p->client = c;
    p->node_name = str_slice(str_dup_c(node_name), node_name.n);
    p->keeper = (struct rule_keeper){
        .name = "policies",
        .table = POLICY_TABLE,
        .bases = policy_bases,
        .lock = &p->mutex,
        .all = on_all,
        .render = on_render,
        .settled = on_settled,
        .synced = on_synced,
    };
    rule_keeper_init(&p->keeper);
    p->policy_informer = client_informer(c, &network_policy_resource, NULL);
    informer_handle(p->policy_informer, on_policy, p);
    rule_keeper_start(&p->keeper);
    *out = p;
    return 0;
}

void policies_stop(struct policies *p)
{
    if (!p)
        return;
    informer_unhandle(p->policy_informer, on_policy, p);
    rule_keeper_stop(&p->keeper);
    if (p->pod_informer) {
        informer_unhandle(p->pod_informer, on_pod, p);
        informer_unhandle(p->namespace_informer, on_namespace, p);
    }
    map_each (&p->policies, slot)
        policy_entry_free(slot->value);
    map_each (&p->pods, slot)
        pod_entry_free(slot->value);
    map_each (&p->namespaces, slot)
        object_unref(slot->value);
    map_free(&p->policies);
    map_free(&p->pods);
    map_free(&p->namespaces);
    pthread_cond_destroy(&p->settled);
    pthread_mutex_destroy(&p->mutex);
    free((char *)p->node_name.p);
    free(p);
}

int policies_remove(struct err *err)
{
    return rule_keeper_remove(POLICY_TABLE, err);
}
